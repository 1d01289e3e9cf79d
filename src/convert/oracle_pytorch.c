/* What PyTorch's modules compute, in double, straight from the file's tensors.
 *
 * Written from the documentation of torch.nn.RNN, LSTM, GRU, Embedding and Linear (2.x):
 *
 *     RNN   h' = tanh or relu of (W_ih x + b_ih + W_hh h + b_hh)
 *     LSTM  i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the blocks of W_ih x + b_ih + W_hh h +
 *           b_hh, in this order;  c' = f c + i g,  h' = o tanh(c'), with proj_size W_hr of that
 *     GRU   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z likewise,
 *           n = tanh(W_in x + b_in + r (W_hn h + b_hn)), blocks in the order r, z, n;
 *           h' = (1 - z) n + z h
 *
 * The backward direction reads each row from its own last step to its first, as it does with packed
 * sequences. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "convert/pytorch.h"
#include "core/fail.h"
#include "core/size.h"

enum { TOGETHER = 8 };

/* The tensors of one direction of one layer; NULL where the file has none. */
typedef struct Direction {
    double *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_hr, *h0, *c0;
    size_t inputs, hidden, rows; /* rows: gates x hidden */
    size_t handed;               /* numbers of h: `hidden`, or the proj_size */
} Direction;

/* A pass on its way. */
typedef struct Pass {
    const PytorchOracle *oracle;
    const ProbeRows *probe;
    Memory *memory;
    OracleAnswer *answer;
    double *input;   /* [steps][rows][width], of the layer at hand */
    double *outcome; /* [steps][rows][directions x handed] */
    double *last;    /* [rows][directions x handed]: h after each row's last step */
    size_t width;
    elman_error *error;
} Pass;

/* ---- Numbers ---- */

static uint64_t bits_at(const SafetensorsTensor *tensor, size_t index, size_t size) {
    const unsigned char *const bytes = (const unsigned char *)tensor->data + index * size;
    uint64_t bits = 0;
    for (size_t i = size; i > 0; i--) bits = bits << 8 | bytes[i - 1];
    return bits;
}

/* A binary number of IEEE's form with so many bits of exponent and fraction. */
static double decode(uint64_t bits, int exponent_bits, int fraction_bits) {
    const uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
    const int most = (1 << exponent_bits) - 1, bias = most >> 1;
    const int exponent = (int)(bits >> fraction_bits) & most;
    const double sign = bits >> (exponent_bits + fraction_bits) & 1 ? -1.0 : 1.0;
    if (exponent == most) return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp((double)fraction, 1 - bias - fraction_bits);
    return sign * ldexp((double)(fraction | UINT64_C(1) << fraction_bits),
                        exponent - bias - fraction_bits);
}

double pytorch_number(const SafetensorsTensor *tensor, size_t index) {
    float single;
    double number;
    switch (tensor->type) {
    case SAFETENSORS_F16:
        return decode(bits_at(tensor, index, 2), 5, 10);
    case SAFETENSORS_BF16:
        return decode(bits_at(tensor, index, 2), 8, 7);
    case SAFETENSORS_F32:
        memcpy(&single, (const unsigned char *)tensor->data + index * sizeof single, sizeof single);
        return (double)single;
    case SAFETENSORS_F64:
        memcpy(&number, (const unsigned char *)tensor->data + index * sizeof number, sizeof number);
        return number;
    default:
        return (double)NAN;
    }
}

/* All numbers of a tensor; NULL when there is none, or no memory: *ok is false then. */
static double *read_tensor(Memory *memory, const SafetensorsTensor *tensor, bool *ok) {
    if (!tensor) return NULL;
    const size_t count = tensor->bytes / safetensors_type_size(tensor->type);
    double *const numbers = memory_allocate_array(memory, count, sizeof *numbers);
    for (size_t i = 0; numbers && i < count; i++) numbers[i] = pytorch_number(tensor, i);
    if (!numbers) *ok = false;
    return numbers;
}

static const SafetensorsTensor *find(const PytorchOracle *oracle, const char *kind, size_t layer,
                                     bool reverse) {
    return pytorch_find(oracle->source, oracle->roles, kind, layer, reverse);
}

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* y[p] += W x[p] for `count` vectors; W [rows][columns]. Several sums at a time, so that the
 * processor waits for none. */
static void add_products(const double *weight, size_t rows, size_t columns, const double *x,
                         size_t count, double *y) {
    size_t r = 0;
    for (; r + TOGETHER <= rows; r += TOGETHER)
        for (size_t p = 0; p < count; p++) {
            double sum[TOGETHER] = {0};
            const double *const w = weight + r * columns, *const v = x + p * columns;
            for (size_t k = 0; k < columns; k++)
                for (size_t i = 0; i < TOGETHER; i++) sum[i] += w[i * columns + k] * v[k];
            for (size_t i = 0; i < TOGETHER; i++) y[p * rows + r + i] += sum[i];
        }
    for (; r < rows; r++)
        for (size_t p = 0; p < count; p++) {
            double sum = 0.0;
            for (size_t k = 0; k < columns; k++)
                sum += weight[r * columns + k] * x[p * columns + k];
            y[p * rows + r] += sum;
        }
}

/* Each of `count` vectors starts as the bias, or as 0. */
static void put_bias(const double *bias, size_t rows, size_t count, double *y) {
    for (size_t i = 0; i < count * rows; i++) y[i] = bias ? bias[i % rows] : 0.0;
}

/* ---- One direction of one layer ---- */

/* The new h (and c) of one row, from a = W_ih x + b_ih and b = W_hh h + b_hh. With a projection h
 * is what is to be projected. */
static void step(const Direction *d, bool relu, const double *a, const double *b, double *h,
                 double *c) {
    const size_t n = d->hidden, gates = d->rows / n;
    for (size_t u = 0; u < n; u++) {
        if (gates == 4) {
            const double i = logistic(a[u] + b[u]), f = logistic(a[n + u] + b[n + u]);
            const double g = tanh(a[2 * n + u] + b[2 * n + u]);
            const double o = logistic(a[3 * n + u] + b[3 * n + u]);
            c[u] = f * c[u] + i * g;
            h[u] = o * tanh(c[u]);
        } else if (gates == 3) {
            const double r = logistic(a[u] + b[u]), z = logistic(a[n + u] + b[n + u]);
            const double new = tanh(a[2 * n + u] + r * b[2 * n + u]);
            h[u] = (1.0 - z) * new + z *h[u];
        } else {
            const double sum = a[u] + b[u];
            h[u] = relu ? (sum < 0.0 ? 0.0 : sum) : tanh(sum);
        }
    }
}

/* The arrays of one direction's walk. */
typedef struct Walk {
    double *a;     /* [steps][rows][gates x hidden] */
    double *b;     /* [rows][gates x hidden] */
    double *h, *c; /* [rows][handed], [rows][hidden] */
    double *m;     /* [hidden]: what is projected */
} Walk;

static void walk(const Pass *pass, const Direction *d, bool reverse, const Walk *w,
                 OracleTrack *hidden, OracleTrack *cell) {
    const ProbeRows *const probe = pass->probe;
    const size_t n = d->hidden, p = d->handed, rows = probe->rows;
    for (size_t i = 0; i < rows * p; i++) w->h[i] = d->h0 ? d->h0[i % p] : 0.0;
    for (size_t i = 0; i < rows * n; i++) w->c[i] = d->c0 ? d->c0[i % n] : 0.0;
    put_bias(d->bias_ih, d->rows, probe->steps * rows, w->a);
    add_products(d->weight_ih, d->rows, d->inputs, pass->input, probe->steps * rows, w->a);
    for (size_t s = 0; s < probe->steps; s++) {
        put_bias(d->bias_hh, d->rows, rows, w->b);
        add_products(d->weight_hh, d->rows, p, w->h, rows, w->b);
        for (size_t row = 0; row < rows; row++) {
            if (s >= probe->lengths[row]) continue;
            const size_t at = (reverse ? probe->lengths[row] - 1 - s : s) * rows + row;
            double *const h = w->h + row * p;
            step(d, pass->oracle->roles->relu, w->a + at * d->rows, w->b + row * d->rows,
                 d->weight_hr ? w->m : h, w->c + row * n);
            if (d->weight_hr) {
                put_bias(NULL, p, 1, h);
                add_products(d->weight_hr, p, n, w->m, 1, h);
            }
            memcpy(hidden->values + at * p, h, p * sizeof *h);
            if (cell) memcpy(cell->values + at * n, w->c + row * n, n * sizeof *w->c);
        }
    }
}

static elman_status no_memory(const Pass *pass) {
    return fail(pass->error, ELMAN_ERR_MEMORY, "%s: no memory to evaluate it",
                pass->oracle->roles->name);
}

static OracleTrack *add_track(const Pass *pass, size_t layer, bool reverse, bool cell,
                              size_t width) {
    OracleTrack *const track = &pass->answer->tracks[pass->answer->track_count++];
    *track = (OracleTrack){.layer = layer, .reverse = reverse, .cell = cell, .width = width};
    track->values = memory_allocate_array(pass->memory, pass->probe->steps * pass->probe->rows,
                                          width * sizeof *track->values);
    return track->values ? track : NULL;
}

static bool open_direction(const Pass *pass, size_t layer, bool reverse, Direction *d) {
    const PytorchOracle *const oracle = pass->oracle;
    const SafetensorsTensor *const recurrent = find(oracle, "weight_hh", layer, reverse);
    const SafetensorsTensor *const projection = find(oracle, "weight_hr", layer, reverse);
    bool ok = true;
    d->rows = recurrent->shape[0];
    d->handed = recurrent->shape[1];
    d->hidden = projection ? projection->shape[1] : d->handed;
    d->inputs = find(oracle, "weight_ih", layer, reverse)->shape[1];
    d->weight_hh = read_tensor(pass->memory, recurrent, &ok);
    d->weight_ih = read_tensor(pass->memory, find(oracle, "weight_ih", layer, reverse), &ok);
    d->bias_ih = read_tensor(pass->memory, find(oracle, "bias_ih", layer, reverse), &ok);
    d->bias_hh = read_tensor(pass->memory, find(oracle, "bias_hh", layer, reverse), &ok);
    d->weight_hr = read_tensor(pass->memory, projection, &ok);
    d->h0 = read_tensor(pass->memory, find(oracle, "h0", layer, reverse), &ok);
    d->c0 = read_tensor(pass->memory, find(oracle, "c0", layer, reverse), &ok);
    return ok;
}

static void close_direction(Memory *memory, Direction *d) {
    memory_release(memory, d->c0);
    memory_release(memory, d->h0);
    memory_release(memory, d->weight_hr);
    memory_release(memory, d->bias_hh);
    memory_release(memory, d->bias_ih);
    memory_release(memory, d->weight_ih);
    memory_release(memory, d->weight_hh);
}

/* Puts h of one direction into its place in `outcome` and `last`. */
static void hand_on(const Pass *pass, const OracleTrack *track, const Walk *w, size_t directions) {
    const size_t n = track->width, rows = pass->probe->rows, offset = track->reverse ? n : 0;
    for (size_t p = 0; p < pass->probe->steps * rows; p++)
        memcpy(pass->outcome + p * directions * n + offset, track->values + p * n,
               n * sizeof(double));
    for (size_t row = 0; row < rows; row++)
        memcpy(pass->last + row * directions * n + offset, w->h + row * n, n * sizeof(double));
}

static elman_status run_direction(const Pass *pass, size_t layer, bool reverse, size_t directions) {
    Memory *const memory = pass->memory;
    const size_t rows = pass->probe->rows, positions = pass->probe->steps * rows;
    Direction d = {0};
    Walk w = {0};
    OracleTrack *hidden = NULL, *cell = NULL;
    bool ok = open_direction(pass, layer, reverse, &d);
    if (ok) {
        w.a = memory_allocate_array(memory, positions, d.rows * sizeof *w.a);
        w.b = memory_allocate_array(memory, rows, d.rows * sizeof *w.b);
        w.h = memory_allocate_array(memory, rows, d.handed * sizeof *w.h);
        w.c = memory_allocate_array(memory, rows, d.hidden * sizeof *w.c);
        w.m = memory_allocate_array(memory, d.hidden, sizeof *w.m);
        hidden = add_track(pass, layer, reverse, false, d.handed);
        if (d.rows == 4 * d.hidden) cell = add_track(pass, layer, reverse, true, d.hidden);
        ok = w.a && w.b && w.h && w.c && w.m && hidden && (cell || d.rows != 4 * d.hidden);
    }
    if (ok) {
        walk(pass, &d, reverse, &w, hidden, cell);
        hand_on(pass, hidden, &w, directions);
    }
    memory_release(memory, w.m);
    memory_release(memory, w.c);
    memory_release(memory, w.h);
    memory_release(memory, w.b);
    memory_release(memory, w.a);
    close_direction(memory, &d);
    return ok ? ELMAN_OK : no_memory(pass);
}

/* ---- What stands around ---- */

/* The network's input as the first layer reads it. */
static elman_status open_input(Pass *pass) {
    const ProbeRows *const probe = pass->probe;
    const SafetensorsTensor *const table = pass->oracle->roles->embedding;
    const size_t positions = probe->steps * probe->rows;
    pass->width = table ? table->shape[1] : probe->features;
    pass->input = memory_allocate_array(pass->memory, positions, pass->width * sizeof *pass->input);
    if (!pass->input) return no_memory(pass);
    for (size_t p = 0; p < positions; p++)
        for (size_t i = 0; i < pass->width; i++) {
            double *const number = &pass->input[p * pass->width + i];
            if (table)
                *number = pytorch_number(table, (size_t)probe->tokens[p] * pass->width + i);
            else if (probe->tokens)
                *number = (size_t)probe->tokens[p] == i ? 1.0 : 0.0;
            else
                *number = (double)probe->dense[p * pass->width + i];
        }
    return ELMAN_OK;
}

/* Makes one vector of each row's outputs: their mean, or the greatest of each number. */
static void pool(const Pass *pass, double *pooled) {
    const ProbeRows *const probe = pass->probe;
    const size_t width = pass->width;
    const bool mean = pass->oracle->roles->output == ELMAN_OUTPUT_MEAN;
    for (size_t row = 0; row < probe->rows; row++)
        for (size_t i = 0; i < width; i++) {
            double result = mean ? 0.0 : -(double)INFINITY;
            for (size_t t = 0; t < probe->lengths[row]; t++) {
                const double number = pass->input[(t * probe->rows + row) * width + i];
                result = mean ? result + number : number > result ? number : result;
            }
            pooled[row * width + i] = mean ? result / (double)probe->lengths[row] : result;
        }
}

static elman_status put_output(Pass *pass) {
    const PytorchRoles *const roles = pass->oracle->roles;
    OracleAnswer *const answer = pass->answer;
    const SafetensorsTensor *const linear = roles->linear_weight;
    const size_t rows = pass->probe->rows;
    bool ok = true;
    answer->one_output = roles->output != ELMAN_OUTPUT_EVERY_STEP;
    answer->outputs = linear ? linear->shape[0] : pass->width;
    const size_t count = answer->one_output ? rows : pass->probe->steps * rows;
    if (roles->output == ELMAN_OUTPUT_MEAN || roles->output == ELMAN_OUTPUT_MAX)
        pool(pass, pass->last);
    const double *const h = answer->one_output ? pass->last : pass->input;
    double *const weight = read_tensor(pass->memory, linear, &ok);
    double *const bias = read_tensor(pass->memory, roles->linear_bias, &ok);
    answer->output =
        memory_allocate_array(pass->memory, count, answer->outputs * sizeof *answer->output);
    ok = ok && answer->output;
    if (ok && linear) {
        put_bias(bias, answer->outputs, count, answer->output);
        add_products(weight, answer->outputs, pass->width, h, count, answer->output);
    } else if (ok) {
        memcpy(answer->output, h, count * pass->width * sizeof *h);
    }
    memory_release(pass->memory, bias);
    memory_release(pass->memory, weight);
    return ok ? ELMAN_OK : no_memory(pass);
}

static elman_status run_layer(Pass *pass, size_t layer) {
    const size_t directions = find(pass->oracle, "weight_hh", layer, true) ? 2 : 1;
    const size_t rows = pass->probe->rows;
    const size_t width = directions * find(pass->oracle, "weight_hh", layer, false)->shape[1];
    pass->outcome = memory_allocate_array(pass->memory, pass->probe->steps * rows,
                                          width * sizeof *pass->outcome);
    memory_release(pass->memory, pass->last);
    pass->last = memory_allocate_array(pass->memory, rows, width * sizeof *pass->last);
    elman_status status = pass->outcome && pass->last ? ELMAN_OK : no_memory(pass);
    for (size_t k = 0; k < directions && !status; k++)
        status = run_direction(pass, layer, k == 1, directions);
    memory_release(pass->memory, pass->input);
    pass->input = pass->outcome;
    pass->outcome = NULL;
    pass->width = width;
    return status;
}

static elman_status run(const Oracle *base, const ProbeRows *probe, OracleAnswer *answer,
                        elman_error *error) {
    const PytorchOracle *const oracle = (const PytorchOracle *)base;
    Memory *const memory = oracle->source->memory;
    Pass pass = {
        .oracle = oracle, .probe = probe, .memory = memory, .answer = answer, .error = error};
    size_t layers = 0;
    *answer = (OracleAnswer){.memory = memory};
    while (find(oracle, "weight_hh", layers, false)) layers++;
    answer->tracks = memory_allocate_array(memory, 4 * layers, sizeof *answer->tracks);
    elman_status status = answer->tracks ? open_input(&pass) : no_memory(&pass);
    for (size_t layer = 0; layer < layers && !status; layer++) status = run_layer(&pass, layer);
    if (!status) status = put_output(&pass);
    memory_release(memory, pass.last);
    memory_release(memory, pass.input);
    return status;
}

PytorchOracle pytorch_oracle(const TensorList *source, const PytorchRoles *roles) {
    return (PytorchOracle){.base = {run}, .source = source, .roles = roles};
}
