/* RNN, GRU and LSTM of ONNX, one step after the other.
 *
 * The equations stand at the cells; f, g, h are the node's activations. What the specification
 * leaves open is as in its own tests and in ONNX Runtime: behind a row's length Y is 0, the reverse
 * direction starts at a row's last step, and the final state of a row of no steps is its initial
 * one. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "convert/oracle_onnx_activation.h"

enum { TOGETHER = 8 };

typedef struct Recurrent Recurrent;

/* One row at one step of one direction. */
typedef struct Row {
    const Recurrent *recurrent;
    size_t direction;
    const double *from_input, *from_state; /* [gates][hidden]: W x + Wb and R h */
    double *h, *c;                         /* [hidden] */
    double *next, *sum;                    /* [hidden], [gates][hidden]: scratch */
} Row;

/* The arrays of one direction, whose weights are read once for all rows. */
typedef struct Walk {
    double *from_input; /* [steps][rows][gates][hidden] */
    double *from_state; /* [rows][gates][hidden] */
    double *h, *c;      /* [rows][hidden] */
    double *next, *sum; /* of a Row */
} Walk;

struct Recurrent {
    OracleCall *call;
    size_t gates, biases, states; /* of the operator: 1 3 4, twice that, 1 or 2 */
    void (*step)(Row *row);
    size_t steps, rows, inputs, hidden, directions;
    bool is_reverse, batch_first, linear_before_reset, input_forget;
    double clip; /* infinity: none */
    size_t activation_count;
    OracleActivation activations[ORACLE_ACTIVATIONS_MAX];
    const OracleArray *x, *w, *r, *b, *lengths, *h, *c, *p;
    OracleArray *y, *y_h, *y_c;
};

/* Activation `index` (f, g, h) of a direction, whose input is clipped. */
static double activate(const Row *row, size_t index, double x) {
    const Recurrent *const n = row->recurrent;
    const OracleActivation *const a = &n->activations[row->direction * n->activation_count + index];
    if (x > n->clip) x = n->clip;
    if (x < -n->clip) x = -n->clip;
    return a->function(x, a->alpha, a->beta);
}

/* Several sums at a time, so that the processor waits for none. */
static double dot(const double *a, const double *b, size_t count) {
    double sums[TOGETHER] = {0.0}, sum = 0.0;
    size_t i = 0;
    for (; i + TOGETHER <= count; i += TOGETHER)
        for (size_t k = 0; k < TOGETHER; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < count; i++) sum += a[i] * b[i];
    for (size_t k = 0; k < TOGETHER; k++) sum += sums[k];
    return sum;
}

/* R h of a gate's unit, of any vector in place of h. */
static double from_state(const Row *row, size_t gate, size_t unit, const double *h) {
    const Recurrent *const n = row->recurrent;
    const size_t at = (row->direction * n->gates + gate) * n->hidden + unit;
    return dot(n->r->numbers + at * n->hidden, h, n->hidden);
}

/* Rb. */
static double state_bias(const Row *row, size_t gate, size_t unit) {
    const Recurrent *const n = row->recurrent;
    const size_t bias = (row->direction * n->biases + n->gates + gate) * n->hidden + unit;
    return n->b ? n->b->numbers[bias] : 0.0;
}

/* W x + R h + Wb + Rb. */
static double whole_sum(const Row *row, size_t gate, size_t unit) {
    const size_t at = gate * row->recurrent->hidden + unit;
    return row->from_input[at] + row->from_state[at] + state_bias(row, gate, unit);
}

/* Ht = f(Xt W' + Ht-1 R' + Wb + Rb). */
static void step_rnn(Row *row) {
    const size_t hidden = row->recurrent->hidden;
    for (size_t j = 0; j < hidden; j++) row->next[j] = activate(row, 0, whole_sum(row, 0, j));
    memcpy(row->h, row->next, hidden * sizeof *row->h);
}

/* zt = f(Xt Wz' + Ht-1 Rz' + Wbz + Rbz), rt alike,
 * ht = g(Xt Wh' + (rt . Ht-1) Rh' + Rbh + Wbh), or, when linear_before_reset is not 0,
 * ht = g(Xt Wh' + (rt . (Ht-1 Rh' + Rbh)) + Wbh),
 * Ht = (1 - zt) . ht + zt . Ht-1. */
static void step_gru(Row *row) {
    enum { Z, R, H };
    const size_t hidden = row->recurrent->hidden;
    double *const z = row->sum, *const r = row->sum + hidden, *const reset = r + hidden;
    for (size_t j = 0; j < hidden; j++) {
        z[j] = activate(row, 0, whole_sum(row, Z, j));
        r[j] = activate(row, 0, whole_sum(row, R, j));
        reset[j] = r[j] * row->h[j];
    }
    for (size_t j = 0; j < hidden; j++) {
        const double state = row->recurrent->linear_before_reset
                                 ? r[j] * (row->from_state[H * hidden + j] + state_bias(row, H, j))
                                 : from_state(row, H, j, reset) + state_bias(row, H, j);
        const double h = activate(row, 1, row->from_input[H * hidden + j] + state);
        row->next[j] = (1.0 - z[j]) * h + z[j] * row->h[j];
    }
    memcpy(row->h, row->next, hidden * sizeof *row->h);
}

/* P of a gate's unit, in the order i o f. */
static double peephole(const Row *row, size_t gate, size_t unit) {
    const Recurrent *const n = row->recurrent;
    return n->p ? n->p->numbers[(row->direction * 3 + gate) * n->hidden + unit] : 0.0;
}

/* it = f(Xt Wi' + Ht-1 Ri' + Pi . Ct-1 + Wbi + Rbi), ft alike, or 1 - it with input_forget,
 * ct = g(Xt Wc' + Ht-1 Rc' + Wbc + Rbc), Ct = ft . Ct-1 + it . ct,
 * ot = f(Xt Wo' + Ht-1 Ro' + Po . Ct + Wbo + Rbo), Ht = ot . h(Ct). */
static void step_lstm(Row *row) {
    enum { I, O, F, C };
    const size_t hidden = row->recurrent->hidden;
    for (size_t j = 0; j < hidden; j++) {
        const double c = row->c[j];
        const double i = activate(row, 0, whole_sum(row, I, j) + peephole(row, I, j) * c);
        const double f = row->recurrent->input_forget
                             ? 1.0 - i
                             : activate(row, 0, whole_sum(row, F, j) + peephole(row, F, j) * c);
        const double next = f * c + i * activate(row, 1, whole_sum(row, C, j));
        const double o = activate(row, 0, whole_sum(row, O, j) + peephole(row, O, j) * next);
        row->c[j] = next;
        row->next[j] = o * activate(row, 2, next);
    }
    memcpy(row->h, row->next, hidden * sizeof *row->h);
}

/* Checks an input's shape; NULL is legal. */
static elman_status check_shape(const Recurrent *n, const OracleArray *array, const char *name,
                                size_t rank, const size_t *shape) {
    if (!array) return ELMAN_OK;
    bool right = array->rank == rank;
    for (size_t i = 0; right && i < rank; i++) right = array->shape[i] == shape[i];
    if (right) return ELMAN_OK;
    return oracle_refuse(n->call, ELMAN_ERR_FORMAT,
                         "the shape of %s does not fit X (%zu steps, %zu rows, %zu features), %zu "
                         "units and %zu directions",
                         name, n->steps, n->rows, n->inputs, n->hidden, n->directions);
}

static elman_status check_inputs(Recurrent *n) {
    const size_t units = n->gates * n->hidden;
    const size_t w[] = {n->directions, units, n->inputs}, r[] = {n->directions, units, n->hidden};
    const size_t b[] = {n->directions, n->biases * n->hidden}, p[] = {n->directions, 3 * n->hidden};
    const size_t state[] = {n->batch_first ? n->rows : n->directions,
                            n->batch_first ? n->directions : n->rows, n->hidden};
    const OracleArray *const real[] = {n->x, n->w, n->r, n->b, n->h, n->c, n->p};
    elman_status status;
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (real[i] && (status = oracle_want_real(n->call, real[i]))) return status;
    if ((status = check_shape(n, n->w, "W", 3, w)) || (status = check_shape(n, n->r, "R", 3, r)) ||
        (status = check_shape(n, n->b, "B", 2, b)) || (status = check_shape(n, n->p, "P", 2, p)) ||
        (status = check_shape(n, n->h, "initial_h", 3, state)) ||
        (status = check_shape(n, n->c, "initial_c", 3, state)) ||
        (status = check_shape(n, n->lengths, "sequence_lens", 1, &n->rows)))
        return status;
    if (!n->lengths) return ELMAN_OK;
    if ((status = oracle_want_integers(n->call, n->lengths))) return status;
    for (size_t i = 0; i < n->rows; i++)
        if (n->lengths->integers[i] < 0 || (uint64_t)n->lengths->integers[i] > n->steps)
            return oracle_refuse(n->call, ELMAN_ERR_DATA,
                                 "a row's length is %" PRId64 ", X has %zu steps",
                                 n->lengths->integers[i], n->steps);
    return ELMAN_OK;
}

static elman_status read_direction(Recurrent *n) {
    const OnnxAttribute *const direction = onnx_attribute(n->call->node, "direction");
    n->directions = 1;
    if (!direction) return ELMAN_OK;
    if (direction->type != ONNX_ATTRIBUTE_STRINGS || direction->is_list)
        return oracle_refuse(n->call, ELMAN_ERR_FORMAT, "its direction is no text");
    const char *const word = direction->strings[0];
    n->is_reverse = strcmp(word, "reverse") == 0;
    if (strcmp(word, "bidirectional") == 0)
        n->directions = 2;
    else if (!n->is_reverse && strcmp(word, "forward") != 0)
        return oracle_refuse(n->call, ELMAN_ERR_FORMAT,
                             "its direction is %s, expected forward, reverse or bidirectional",
                             word);
    return ELMAN_OK;
}

static elman_status read_attributes(Recurrent *n, const char *const *activations) {
    int64_t layout, hidden, linear, coupled;
    elman_status status;
    if (n->x->rank != 3 || n->x->count == 0 || n->r->rank != 3 || n->r->count == 0)
        return oracle_refuse(n->call, ELMAN_ERR_FORMAT,
                             "X or R has no three dimensions of 1 or more");
    n->hidden = n->r->shape[2];
    if ((status = read_direction(n)) || (status = oracle_int(n->call, "layout", 0, &layout)) ||
        (status = oracle_int(n->call, "hidden_size", (int64_t)n->hidden, &hidden)) ||
        (status = oracle_int(n->call, "linear_before_reset", 0, &linear)) ||
        (status = oracle_int(n->call, "input_forget", 0, &coupled)) ||
        (status = oracle_float(n->call, "clip", (double)INFINITY, &n->clip)) ||
        (status = oracle_activations(n->call, activations, n->activation_count, n->directions,
                                     n->activations)))
        return status;
    if (layout < 0 || layout > 1 || hidden != (int64_t)n->hidden || !(n->clip > 0.0))
        return oracle_refuse(
            n->call, ELMAN_ERR_FORMAT,
            "layout is not 0 or 1, hidden_size is not R's, or clip is not above 0");
    n->batch_first = layout == 1;
    n->linear_before_reset = linear != 0;
    n->input_forget = coupled != 0;
    n->steps = n->x->shape[n->batch_first ? 1 : 0];
    n->rows = n->x->shape[n->batch_first ? 0 : 1];
    n->inputs = n->x->shape[2];
    return ELMAN_OK;
}

static elman_status make_outputs(Recurrent *n) {
    const size_t first[] = {n->steps, n->directions, n->rows, n->hidden};
    const size_t batch[] = {n->rows, n->steps, n->directions, n->hidden};
    const size_t state[] = {n->batch_first ? n->rows : n->directions,
                            n->batch_first ? n->directions : n->rows, n->hidden};
    const OnnxType type = n->x->type;
    elman_status status = oracle_output(n->call, 0, type, 4, n->batch_first ? batch : first, &n->y);
    if (!status) status = oracle_output(n->call, 1, type, 3, state, &n->y_h);
    if (!status && n->states == 2) status = oracle_output(n->call, 2, type, 3, state, &n->y_c);
    return status;
}

static size_t length_of(const Recurrent *n, size_t row) {
    return n->lengths ? (size_t)n->lengths->integers[row] : n->steps;
}

/* Where a row's state lies in initial_h, Y_h and the like. */
static size_t state_at(const Recurrent *n, size_t direction, size_t row) {
    return (n->batch_first ? row * n->directions + direction : direction * n->rows + row) *
           n->hidden;
}

/* W x + Wb at all steps that a row has. */
static void multiply_inputs(const Recurrent *n, size_t direction, const Walk *walk) {
    const size_t units = n->gates * n->hidden;
    for (size_t unit = 0; unit < units; unit++) {
        const double *const w = n->w->numbers + (direction * units + unit) * n->inputs;
        const double bias = n->b ? n->b->numbers[direction * n->biases * n->hidden + unit] : 0.0;
        for (size_t row = 0; row < n->rows; row++)
            for (size_t t = 0; t < length_of(n, row); t++) {
                const size_t from = n->batch_first ? row * n->steps + t : t * n->rows + row;
                walk->from_input[(t * n->rows + row) * units + unit] =
                    dot(w, n->x->numbers + from * n->inputs, n->inputs) + bias;
            }
    }
}

/* R h of the rows that are longer than `step` steps. */
static void multiply_states(const Recurrent *n, size_t direction, size_t step, const Walk *walk) {
    const size_t units = n->gates * n->hidden;
    for (size_t unit = 0; unit < units; unit++) {
        const double *const r = n->r->numbers + (direction * units + unit) * n->hidden;
        for (size_t row = 0; row < n->rows; row++)
            if (step < length_of(n, row))
                walk->from_state[row * units + unit] = dot(r, walk->h + row * n->hidden, n->hidden);
    }
}

static void run_direction(const Recurrent *n, size_t direction, const Walk *walk) {
    const bool is_reverse = n->is_reverse || direction == 1;
    const size_t hidden = n->hidden, units = n->gates * hidden, bytes = hidden * sizeof(double);
    memset(walk->h, 0, n->rows * bytes);
    memset(walk->c, 0, n->rows * bytes);
    for (size_t row = 0; row < n->rows; row++) {
        const size_t state = state_at(n, direction, row);
        if (n->h) memcpy(walk->h + row * hidden, n->h->numbers + state, bytes);
        if (n->c) memcpy(walk->c + row * hidden, n->c->numbers + state, bytes);
    }
    multiply_inputs(n, direction, walk);
    for (size_t step = 0; step < n->steps; step++) {
        multiply_states(n, direction, step, walk);
        for (size_t index = 0; index < n->rows; index++) {
            if (step >= length_of(n, index)) continue;
            const size_t t = is_reverse ? length_of(n, index) - 1 - step : step;
            const size_t to = n->batch_first ? (index * n->steps + t) * n->directions + direction
                                             : (t * n->directions + direction) * n->rows + index;
            Row row = {.recurrent = n,
                       .direction = direction,
                       .from_input = walk->from_input + (t * n->rows + index) * units,
                       .from_state = walk->from_state + index * units,
                       .h = walk->h + index * hidden,
                       .c = walk->c + index * hidden,
                       .next = walk->next,
                       .sum = walk->sum};
            n->step(&row);
            memcpy(n->y->numbers + to * hidden, row.h, bytes);
        }
    }
    for (size_t row = 0; row < n->rows; row++) {
        const size_t state = state_at(n, direction, row);
        memcpy(n->y_h->numbers + state, walk->h + row * hidden, bytes);
        if (n->y_c) memcpy(n->y_c->numbers + state, walk->c + row * hidden, bytes);
    }
}

static elman_status run_directions(const Recurrent *n) {
    Memory *const memory = n->call->oracle->memory;
    const size_t units = n->gates * n->hidden;
    const Walk walk = {
        .from_input = memory_allocate_array(memory, n->steps * n->rows, units * sizeof(double)),
        .from_state = memory_allocate_array(memory, n->rows, units * sizeof(double)),
        .h = memory_allocate_array(memory, n->rows, n->hidden * sizeof(double)),
        .c = memory_allocate_array(memory, n->rows, n->hidden * sizeof(double)),
        .next = memory_allocate_array(memory, n->hidden, sizeof(double)),
        .sum = memory_allocate_array(memory, units, sizeof(double)),
    };
    const bool ok = walk.from_input && walk.from_state && walk.h && walk.c && walk.next && walk.sum;
    for (size_t direction = 0; direction < n->directions && ok; direction++)
        run_direction(n, direction, &walk);
    memory_release(memory, walk.sum);
    memory_release(memory, walk.next);
    memory_release(memory, walk.c);
    memory_release(memory, walk.h);
    memory_release(memory, walk.from_state);
    memory_release(memory, walk.from_input);
    if (ok) return ELMAN_OK;
    return oracle_refuse(n->call, ELMAN_ERR_MEMORY, "no memory for its products");
}

static elman_status run(Recurrent *n, const char *const *activations) {
    OracleCall *const call = n->call;
    elman_status status;
    n->x = oracle_input(call, 0);
    n->w = oracle_input(call, 1);
    n->r = oracle_input(call, 2);
    n->b = oracle_input(call, 3);
    n->lengths = oracle_input(call, 4);
    n->h = oracle_input(call, 5);
    n->c = oracle_input(call, 6);
    n->p = oracle_input(call, 7);
    n->biases = 2 * n->gates;
    if ((status = read_attributes(n, activations)) || (status = check_inputs(n)) ||
        (status = make_outputs(n)))
        return status;
    return run_directions(n);
}

elman_status oracle_rnn(OracleCall *call) {
    Recurrent n = {.call = call, .gates = 1, .states = 1, .step = step_rnn, .activation_count = 1};
    return run(&n, (const char *const[]){"Tanh"});
}

elman_status oracle_gru(OracleCall *call) {
    Recurrent n = {.call = call, .gates = 3, .states = 1, .step = step_gru, .activation_count = 2};
    return run(&n, (const char *const[]){"Sigmoid", "Tanh"});
}

elman_status oracle_lstm(OracleCall *call) {
    Recurrent n = {.call = call, .gates = 4, .states = 2, .step = step_lstm, .activation_count = 3};
    return run(&n, (const char *const[]){"Sigmoid", "Tanh", "Tanh"});
}
