/* The recurrent Jacobian of each cell, from what a tape kept; see jacobian.h.
 *
 * With p_x = R_x v the product of a gate's block of weight_hh with the part of v that is of h,
 * x' the derivative of a gate's squashing function, i' = i (1 - i), g' = 1 - g^2, and letters as in
 * elman/tape.h (h, c before the step, h', c' after it):
 *
 *     RNN    dh' = f' p,  f' = 1 - h'^2 of tanh, 1 where h' > 0 and else 0 of ReLU
 *     LSTM   dc' = f v_c + g i' p_i + c f' p_f + i g' p_g
 *            dh' = o (1 - tanh^2 c') dc' + tanh(c') o' p_o
 *     GRU    dh' = z v + (h - n) z' p_z + (1 - z) n' dn
 *            reset after:   dn = r p_n + nh r' p_r
 *            reset before:  dn = R_n (r v + h r' p_r)
 *
 * and J^T v by the same factors from the last to the first. They are what backpropagation through
 * time multiplies at each step (Pascanu, Mikolov and Bengio, "On the difficulty of training
 * recurrent neural networks", ICML 2013, equations 5 and 6), the derivatives being those of
 * src/cells. */
#include "diagnose/jacobian.h"

#include "core/fail.h"
#include "model/model.h"

/* How the factors of the LSTM and the GRU are numbered, each gate's first, in the order of
 * weight_hh. */
enum { LSTM_I, LSTM_F, LSTM_G, LSTM_O, LSTM_CELL, LSTM_OUT };
enum { GRU_R, GRU_Z, GRU_N, GRU_KEEP, GRU_RESET };

enum { LSTM_ARRAYS = 6, GRU_ARRAYS = 5, GRU_BEFORE_ARRAYS = 4 };
static const elman_kept rnn_arrays[] = {ELMAN_KEPT_H};
static const elman_kept lstm_arrays[] = {ELMAN_KEPT_I, ELMAN_KEPT_F,        ELMAN_KEPT_G,
                                         ELMAN_KEPT_O, ELMAN_KEPT_C_BEFORE, ELMAN_KEPT_TANH_C};
static const elman_kept gru_arrays[] = {ELMAN_KEPT_R, ELMAN_KEPT_Z, ELMAN_KEPT_N,
                                        ELMAN_KEPT_H_BEFORE, ELMAN_KEPT_NH};

static size_t arrays_of(elman_cell cell, const elman_kept **arrays) {
    switch (cell) {
    case ELMAN_CELL_LSTM:
        *arrays = lstm_arrays;
        return LSTM_ARRAYS;
    case ELMAN_CELL_GRU:
        *arrays = gru_arrays;
        return GRU_ARRAYS;
    case ELMAN_CELL_GRU_RESET_BEFORE:
        *arrays = gru_arrays;
        return GRU_BEFORE_ARRAYS;
    default:
        *arrays = rnn_arrays;
        return 1;
    }
}

size_t jacobian_work_size(const Jacobian *jacobian) {
    return (JACOBIAN_FACTORS + jacobian->gates + 1) * jacobian->hidden * LANES;
}

JacobianWork jacobian_work(const Jacobian *jacobian, double *block) {
    const size_t width = jacobian->hidden * LANES;
    double *const gates = block + JACOBIAN_FACTORS * width;
    return (JacobianWork){block, gates, gates + jacobian->gates * width};
}

static elman_status read_weights(Jacobian *jacobian, Memory *memory, const float *weight_hh) {
    const size_t n = jacobian->hidden, rows = jacobian->gates * n;
    jacobian->weights = memory_allocate_array(memory, rows * n, sizeof(double));
    jacobian->transposed = memory_allocate_array(memory, rows * n, sizeof(double));
    if (!jacobian->weights || !jacobian->transposed) return ELMAN_ERR_MEMORY;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            jacobian->weights[i * n + j] = jacobian->transposed[j * rows + i] =
                (double)weight_hh[i * n + j];
    return ELMAN_OK;
}

static elman_status read_kept(Jacobian *jacobian, Memory *memory, const elman_tape *tape,
                              const elman_sequence *sequence, size_t layer, elman_error *error) {
    const elman_kept *arrays;
    const size_t count = arrays_of(jacobian->cell, &arrays);
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < count && !status; i++) {
        jacobian->kept[i] = memory_allocate_array(
            memory, sequence->steps * sequence->batch * jacobian->hidden, sizeof(float));
        if (!jacobian->kept[i]) return ELMAN_ERR_MEMORY;
        status =
            elman_tape_kept(tape, layer, jacobian->reverse, arrays[i], jacobian->kept[i], error);
    }
    return status;
}

elman_status jacobian_read(Jacobian *jacobian, Memory *memory, const elman_model *model,
                           const elman_tape *tape, const elman_sequence *sequence, size_t layer,
                           bool reverse, elman_error *error) {
    const elman_cell_options *const options = &model->structure.layers[layer];
    *jacobian = (Jacobian){
        .kernels = model->context->kernels,
        .cell = options->cell,
        .hidden = options->hidden,
        .gates = cell_of_kind(options->cell)->gates,
        .state = options->hidden * (options->cell == ELMAN_CELL_LSTM ? 2 : 1),
        .reverse = reverse,
        .steps = sequence->steps,
        .batch = sequence->batch,
        .lengths = sequence->lengths,
    };
    elman_status status = read_weights(
        jacobian, memory, tensor_set_data(&model->weights, TENSOR_WEIGHT_HH, layer, reverse));
    if (!status) status = read_kept(jacobian, memory, tape, sequence, layer, error);
    if (status == ELMAN_ERR_MEMORY) return fail(error, status, "no memory for a layer's Jacobian");
    return status;
}

void jacobian_release(Jacobian *jacobian, Memory *memory) {
    for (size_t i = 0; i < JACOBIAN_ARRAYS; i++) memory_release(memory, jacobian->kept[i]);
    memory_release(memory, jacobian->transposed);
    memory_release(memory, jacobian->weights);
    *jacobian = (Jacobian){0};
}

size_t jacobian_visits(const Jacobian *jacobian, size_t row) {
    return jacobian->lengths ? jacobian->lengths[row] : jacobian->steps;
}

size_t jacobian_place(const Jacobian *jacobian, size_t row, size_t visit) {
    const size_t t = jacobian->reverse ? jacobian_visits(jacobian, row) - 1 - visit : visit;
    return t * jacobian->batch + row;
}

/* ---- The factors of one place, into lane k: factor f of unit u at out[(f * n + u) * LANES] ----
 */

static void rnn_factors(const Jacobian *jacobian, size_t place, double *out) {
    const size_t n = jacobian->hidden;
    const float *const h = jacobian->kept[0] + place * n;
    const bool relu = jacobian->cell == ELMAN_CELL_RNN_RELU;
    for (size_t u = 0; u < n; u++) {
        const double x = (double)h[u];
        out[u * LANES] = relu ? (double)(x > 0.0) : 1.0 - x * x;
    }
}

static void lstm_factors(const Jacobian *jacobian, size_t place, double *out) {
    const size_t n = jacobian->hidden, at = place * n, next = n * LANES;
    for (size_t u = 0; u < n; u++) {
        const double i = (double)jacobian->kept[0][at + u], f = (double)jacobian->kept[1][at + u];
        const double g = (double)jacobian->kept[2][at + u], o = (double)jacobian->kept[3][at + u];
        const double c = (double)jacobian->kept[4][at + u];
        const double tanh_c = (double)jacobian->kept[5][at + u];
        double *const unit = out + u * LANES;
        unit[LSTM_I * next] = g * i * (1.0 - i);
        unit[LSTM_F * next] = c * f * (1.0 - f);
        unit[LSTM_G * next] = i * (1.0 - g * g);
        unit[LSTM_O * next] = tanh_c * o * (1.0 - o);
        unit[LSTM_CELL * next] = f;
        unit[LSTM_OUT * next] = o * (1.0 - tanh_c * tanh_c);
    }
}

static void gru_factors(const Jacobian *jacobian, size_t place, double *out) {
    const size_t n = jacobian->hidden, at = place * n, next = n * LANES;
    const bool after = jacobian->cell == ELMAN_CELL_GRU;
    for (size_t u = 0; u < n; u++) {
        const double r = (double)jacobian->kept[0][at + u], z = (double)jacobian->kept[1][at + u];
        const double candidate = (double)jacobian->kept[2][at + u];
        const double h = (double)jacobian->kept[3][at + u];
        const double through = (1.0 - z) * (1.0 - candidate * candidate);
        double *const unit = out + u * LANES;
        unit[GRU_R * next] =
            r * (1.0 - r) * (after ? through * (double)jacobian->kept[4][at + u] : h);
        unit[GRU_Z * next] = (h - candidate) * z * (1.0 - z);
        unit[GRU_N * next] = after ? through * r : through;
        unit[GRU_KEEP * next] = z;
        unit[GRU_RESET * next] = r;
    }
}

void jacobian_at(const Jacobian *jacobian, const size_t *places, size_t count,
                 const JacobianWork *work) {
    for (size_t i = 0; i < JACOBIAN_FACTORS * jacobian->hidden * LANES && count < LANES; i++)
        work->factors[i] = 0.0;
    for (size_t k = 0; k < count; k++) {
        if (jacobian->cell == ELMAN_CELL_LSTM)
            lstm_factors(jacobian, places[k], work->factors + k);
        else if (jacobian->gates == 1)
            rnn_factors(jacobian, places[k], work->factors + k);
        else
            gru_factors(jacobian, places[k], work->factors + k);
    }
}

/* ---- J v ---- */

/* The products of v with the gates [first, end). */
static void gates_of(const Jacobian *jacobian, const JacobianWork *work, size_t first, size_t end,
                     const double *v) {
    const size_t n = jacobian->hidden;
    const LanesProduct product = {
        .matrix = jacobian->weights + first * n * n,
        .stride = n,
        .rows = (end - first) * n,
        .columns = n,
        .vectors = v,
        .out = work->gates + first * n * LANES,
    };
    jacobian->kernels->lanes_product(&product);
}

/* The sum of the transposed products of the gates [first, end) of work->gates. */
static void gates_back(const Jacobian *jacobian, const JacobianWork *work, size_t first, size_t end,
                       double *out) {
    const size_t n = jacobian->hidden;
    const LanesProduct product = {
        .matrix = jacobian->transposed + first * n,
        .stride = jacobian->gates * n,
        .rows = n,
        .columns = (end - first) * n,
        .vectors = work->gates + first * n * LANES,
        .out = out,
    };
    jacobian->kernels->lanes_product(&product);
}

static void rnn_apply(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    gates_of(jacobian, work, 0, 1, v);
    for (size_t i = 0; i < jacobian->hidden * LANES; i++) v[i] = work->factors[i] * work->gates[i];
}

static void lstm_apply(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    const size_t width = jacobian->hidden * LANES;
    const double *const f = work->factors, *const p = work->gates;
    gates_of(jacobian, work, 0, jacobian->gates, v);
    for (size_t i = 0; i < width; i++) {
        double cell = f[LSTM_CELL * width + i] * v[width + i];
        for (size_t gate = LSTM_I; gate <= LSTM_G; gate++)
            cell += f[gate * width + i] * p[gate * width + i];
        v[width + i] = cell;
        v[i] = f[LSTM_OUT * width + i] * cell + f[LSTM_O * width + i] * p[LSTM_O * width + i];
    }
}

static void gru_apply(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    const size_t width = jacobian->hidden * LANES;
    const double *const f = work->factors, *const p = work->gates;
    const bool after = jacobian->cell == ELMAN_CELL_GRU;
    gates_of(jacobian, work, 0, after ? 3 : 2, v);
    if (!after) {
        for (size_t i = 0; i < width; i++)
            work->hidden[i] = f[GRU_RESET * width + i] * v[i] + f[GRU_R * width + i] * p[i];
        gates_of(jacobian, work, GRU_N, GRU_N + 1, work->hidden);
    }
    for (size_t i = 0; i < width; i++) {
        const double reset = after ? f[GRU_R * width + i] * p[GRU_R * width + i] : 0.0;
        v[i] = f[GRU_KEEP * width + i] * v[i] + f[GRU_Z * width + i] * p[GRU_Z * width + i] +
               f[GRU_N * width + i] * p[GRU_N * width + i] + reset;
    }
}

void jacobian_apply(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    if (jacobian->cell == ELMAN_CELL_LSTM)
        lstm_apply(jacobian, work, v);
    else if (jacobian->gates == 1)
        rnn_apply(jacobian, work, v);
    else
        gru_apply(jacobian, work, v);
}

/* ---- J^T v ---- */

static void rnn_back(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    for (size_t i = 0; i < jacobian->hidden * LANES; i++) work->gates[i] = work->factors[i] * v[i];
    gates_back(jacobian, work, 0, 1, v);
}

static void lstm_back(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    const size_t width = jacobian->hidden * LANES;
    const double *const f = work->factors;
    for (size_t i = 0; i < width; i++) {
        const double cell = v[width + i] + f[LSTM_OUT * width + i] * v[i];
        for (size_t gate = LSTM_I; gate <= LSTM_G; gate++)
            work->gates[gate * width + i] = f[gate * width + i] * cell;
        work->gates[LSTM_O * width + i] = f[LSTM_O * width + i] * v[i];
        v[width + i] = f[LSTM_CELL * width + i] * cell;
    }
    gates_back(jacobian, work, 0, jacobian->gates, v);
}

static void gru_back(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    const size_t width = jacobian->hidden * LANES;
    const double *const f = work->factors;
    const bool after = jacobian->cell == ELMAN_CELL_GRU;
    for (size_t i = 0; i < width; i++) {
        for (size_t gate = GRU_R; gate <= GRU_N; gate++)
            work->gates[gate * width + i] = f[gate * width + i] * v[i];
        v[i] *= f[GRU_KEEP * width + i];
    }
    if (!after) {
        gates_back(jacobian, work, GRU_N, GRU_N + 1, work->hidden);
        for (size_t i = 0; i < width; i++) {
            v[i] += f[GRU_RESET * width + i] * work->hidden[i];
            work->gates[i] = f[GRU_R * width + i] * work->hidden[i];
        }
    }
    gates_back(jacobian, work, 0, after ? 3 : 2, work->hidden);
    for (size_t i = 0; i < width; i++) v[i] += work->hidden[i];
}

void jacobian_apply_transposed(const Jacobian *jacobian, const JacobianWork *work, double *v) {
    if (jacobian->cell == ELMAN_CELL_LSTM)
        lstm_back(jacobian, work, v);
    else if (jacobian->gates == 1)
        rnn_back(jacobian, work, v);
    else
        gru_back(jacobian, work, v);
}
