/* Traces: every number against the reference in double precision and against the equations, and the
 * shares of the steps against the gradients, bit for bit.
 *
 * Tolerances, with u = 2^-24. A forward number of these small networks (at most 60 summands below
 * 4, two layers) may be off by 64u times the largest number of its array, or of 1. A gradient is
 * compared in the Frobenius norm: 256u of the norm of the whole. An equation whose right side is
 * computed in double from the trace's own floats holds to 64u of the sum of its terms' sizes: no
 * sum here has more than 60 terms, each rounded once, and activations are right to 8u. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "context/context.h"
#include "reference/reference.h"
#include "support/passes.h"
#include <elman/trace.h>

static const double unit = 0x1p-24;
enum { STEPS = 5 };

static size_t numbers_compared;

typedef struct Case {
    NetworkSpec spec;
    elman_context *context;
    elman_model *model;
    Sample sample;
    elman_trace_loss loss;
    elman_trace *trace;
    RefNetwork network;
    double *parameters, *dense, *state, *values;
    RefBatch batch;
    RefTarget target;
    RefPass *pass;
} Case;

static elman_trace_array find(const elman_trace *trace, const char *name) {
    elman_trace_array array;
    elman_error error;
    if (elman_trace_find(trace, name, &array, &error)) fail_msg("%s", error.message);
    return array;
}

/* An array of floats of layer l and direction d. */
static const float *get(const Case *c, size_t l, size_t d, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "l%zu%s.%s", l, d ? "_reverse" : "", name);
    const elman_trace_array array = find(c->trace, full);
    assert_int_equal(array.type, ELMAN_TRACE_FLOAT);
    return array.data;
}

static const float *tensor(const Case *c, const char *prefix, size_t l, size_t d) {
    char name[64];
    elman_tensor found;
    snprintf(name, sizeof name, "rnn.%s_l%zu%s", prefix, l, d ? "_reverse" : "");
    return elman_model_find_tensor(c->model, name, &found, NULL) ? NULL : found.data;
}

static double *widen(const float *values, size_t count) {
    if (!values) return NULL;
    double *const wide = zeroed(count, sizeof *wide);
    for (size_t i = 0; i < count; i++) wide[i] = (double)values[i];
    return wide;
}

static RefCell reference_cell(elman_cell cell) {
    static const RefCell cells[] = {[ELMAN_CELL_RNN] = REF_RNN_TANH,
                                    [ELMAN_CELL_RNN_RELU] = REF_RNN_RELU,
                                    [ELMAN_CELL_LSTM] = REF_LSTM,
                                    [ELMAN_CELL_GRU] = REF_GRU_RESET_AFTER,
                                    [ELMAN_CELL_GRU_RESET_BEFORE] = REF_GRU_RESET_BEFORE};
    return cells[cell];
}

/* The model, the trace and the reference's pass. The half squares have the gradient of a sum of
 * squares with their targets; the reference has the mean, so its values are rescaled below. */
static void open_case(Case *c, elman_context *context, uint64_t seed) {
    const NetworkSpec *const spec = &c->spec;
    static const RefInput inputs[] = {REF_DENSE, REF_ONE_HOT, REF_EMBEDDING};
    static const RefOutput outputs[] = {REF_EVERY_STEP, REF_LAST_STEP, REF_MEAN, REF_MAX};
    elman_error error;
    c->context = context;
    c->model = random_model(context, spec, seed);
    c->sample = random_sample(spec, STEPS, 1, false, seed % 2, seed + 100);
    const elman_sequence sequence = sample_sequence(&c->sample, false);
    const elman_trace_options options = {.struct_size = sizeof options,
                                         .loss = c->loss,
                                         .classes = c->sample.classes,
                                         .values = c->sample.values,
                                         .backward = 1};
    c->sample.classes[0] = 1;
    if (elman_trace_create(c->model, &sequence, &options, &c->trace, &error))
        fail_msg("%s", error.message);
    c->network = (RefNetwork){.input = inputs[spec->input],
                              .inputs = spec->inputs,
                              .embedding = spec->embedding,
                              .layer_count = spec->layers,
                              .outputs = spec->outputs,
                              .head_bias = true,
                              .output = outputs[spec->output]};
    for (size_t l = 0; l < spec->layers; l++)
        c->network.layers[l] = (RefLayer){.cell = reference_cell(spec->cell),
                                          .hidden = spec->hidden,
                                          .bidirectional = spec->bidirectional,
                                          .bias = !spec->no_bias,
                                          .learned_initial = spec->learned_state,
                                          .projection = spec->projection};
    ref_network_layout(&c->network);
    c->parameters = zeroed(c->network.parameter_count, sizeof *c->parameters);
    for (size_t i = 0; i < c->network.tensor_count; i++) {
        elman_tensor found;
        elman_model_tensor(c->model, i, &found);
        for (size_t k = 0; k < found.count; k++)
            c->parameters[c->network.tensors[i].offset + k] = (double)found.data[k];
    }
    c->dense = widen(c->sample.dense, STEPS * spec->inputs);
    c->state = widen(c->sample.state, ref_state_count(&c->network, 1));
    c->values = widen(c->sample.values, sample_positions(spec, &c->sample) * spec_outputs(spec));
    c->batch = (RefBatch){.steps = STEPS, .rows = 1, .tokens = c->sample.tokens};
    c->target = (RefTarget){c->loss == ELMAN_TRACE_CROSS_ENTROPY ? REF_CROSS_ENTROPY
                                                                 : REF_MEAN_SQUARED_ERROR,
                            c->values, c->sample.classes};
    const RefValues values = {c->parameters, c->dense, c->state};
    c->pass = ref_forward(&c->network, &c->batch, &values);
}

static void close_case(Case *c) {
    ref_pass_free(c->pass);
    elman_trace_destroy(c->trace);
    elman_model_destroy(c->model);
    sample_free(&c->sample);
    free(c->parameters);
    free(c->dense);
    free(c->state);
    free(c->values);
}

/* ---- forward, against the reference ---- */

static void check_close(const char *name, const float *got, const double *want, size_t count) {
    double most = 1.0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= 64.0 * unit * most))
            fail_msg("%s[%zu] is %.9g, expected %.9g", name, i, (double)got[i], want[i]);
    numbers_compared += count;
}

/* The sum that gate `g` is the function of, less the part through R of the candidate of a GRU. */
static double argument(const Case *c, size_t l, size_t d, size_t g, size_t u, const double *x,
                       const double *h) {
    const size_t hidden = c->spec.hidden, inputs = ref_layer_inputs(&c->network, l);
    const size_t width = spec_width(&c->spec);
    const size_t row = g * hidden + u, *const offsets = c->network.offsets[l][d];
    const double *const p = c->parameters;
    double sum = 0.0;
    if (x) {
        if (offsets[REF_BIAS_IH] != REF_ABSENT) sum += p[offsets[REF_BIAS_IH] + row];
        for (size_t k = 0; k < inputs; k++)
            sum += p[offsets[REF_WEIGHT_IH] + row * inputs + k] * x[k];
    }
    if (h) {
        if (offsets[REF_BIAS_HH] != REF_ABSENT) sum += p[offsets[REF_BIAS_HH] + row];
        for (size_t k = 0; k < width; k++)
            sum += p[offsets[REF_WEIGHT_HH] + row * width + k] * h[k];
    }
    return sum;
}

/* One step of one layer and direction. */
static void check_step(const Case *c, size_t l, size_t d, size_t t) {
    const size_t n = c->spec.hidden, gates = spec_gates(&c->spec), width = spec_width(&c->spec);
    const size_t visit = d ? STEPS - 1 - t : t;
    const RefTrack *const track = &c->pass->tracks[l][d];
    const double *const x = c->pass->inputs[l] + t * ref_layer_inputs(&c->network, l);
    const double *const h = track->hidden + visit * width;
    static const char *const names[] = {"i", "f", "g", "o", "r", "z", "n"};
    const elman_cell cell = c->spec.cell;
    double *const wanted = zeroed(n, sizeof *wanted);
    check_close("h", get(c, l, d, "h") + t * width, track->hidden + (visit + 1) * width, width);
    if (track->unprojected)
        check_close("m", get(c, l, d, "m") + t * n, track->unprojected + visit * n, n);
    if (track->cell) {
        check_close("c", get(c, l, d, "c") + t * n, track->cell + (visit + 1) * n, n);
        for (size_t u = 0; u < n; u++) wanted[u] = tanh(track->cell[(visit + 1) * n + u]);
        check_close("tanh_c", get(c, l, d, "tanh_c") + t * n, wanted, n);
    }
    for (size_t g = 0; g < gates; g++) {
        const char *const letter = gates == 1 ? "" : names[gates == 4 ? g : 4 + g];
        char name[16];
        snprintf(name, sizeof name, "a%s%s", *letter ? "_" : "", letter);
        const bool before = cell == ELMAN_CELL_GRU_RESET_BEFORE && g == 2;
        for (size_t u = 0; u < n; u++) {
            wanted[u] = argument(c, l, d, g, u, x, before ? track->reset_hidden + visit * n : h);
            if (cell == ELMAN_CELL_GRU && g == 2)
                wanted[u] = argument(c, l, d, g, u, x, NULL) +
                            track->gates[visit * gates * n + u] * argument(c, l, d, g, u, NULL, h);
        }
        check_close(name, get(c, l, d, name) + t * n, wanted, n);
        if (*letter)
            check_close(letter, get(c, l, d, letter) + t * n,
                        track->gates + (visit * gates + g) * n, n);
    }
    if (cell == ELMAN_CELL_GRU) {
        for (size_t u = 0; u < n; u++) wanted[u] = argument(c, l, d, 2, u, x, NULL);
        check_close("nx", get(c, l, d, "nx") + t * n, wanted, n);
        for (size_t u = 0; u < n; u++) wanted[u] = argument(c, l, d, 2, u, NULL, h);
        check_close("nh", get(c, l, d, "nh") + t * n, wanted, n);
    }
    if (cell == ELMAN_CELL_GRU_RESET_BEFORE)
        check_close("rh", get(c, l, d, "rh") + t * n, track->reset_hidden + visit * n, n);
    free(wanted);
}

/* The arguments are the ones that the activations got: the same bits come out. */
static void check_activations(const Case *c, size_t l, size_t d) {
    static const char *const names[] = {"i", "f", "g", "o", "r", "z", "n"};
    const Kernels *const kernels = c->context->kernels;
    const size_t count = STEPS * c->spec.hidden, padded = (count + 15) / 16 * 16;
    const size_t gates = spec_gates(&c->spec);
    float *const x = aligned_alloc(64, padded * sizeof *x);
    assert_non_null(x);
    for (size_t g = 0; g < gates && c->spec.cell != ELMAN_CELL_RNN_RELU; g++) {
        const char *const letter = gates == 1 ? "h" : names[gates == 4 ? g : 4 + g];
        char name[16];
        snprintf(name, sizeof name, gates == 1 ? "a" : "a_%s", letter);
        memset(x, 0, padded * sizeof *x);
        memcpy(x, get(c, l, d, name), count * sizeof *x);
        const bool is_tanh = strchr("ghn", *letter) != NULL;
        (is_tanh ? kernels->tanh : kernels->sigmoid)(padded, x, x);
        assert_memory_equal(x, get(c, l, d, letter), count * sizeof *x);
    }
    free(x);
}

static void check_output(const Case *c) {
    const size_t positions = sample_positions(&c->spec, &c->sample), n = spec_outputs(&c->spec);
    const elman_trace_array y = find(c->trace, "y");
    assert_true(y.rank == 2 && y.shape[0] == positions && y.shape[1] == n && y.steps);
    check_close("y", y.data, c->pass->output, positions * n);
    const double loss = *(const double *)find(c->trace, "loss").data;
    double want = ref_loss(&c->network, &c->batch, &c->target, c->pass->output);
    if (c->loss == ELMAN_TRACE_HALF_SQUARES) want *= 0.5 * (double)(positions * n);
    if (!(fabs(loss - want) <= 256.0 * unit * (1.0 + want)))
        fail_msg("loss is %.9g, expected %.9g", loss, want);
    if (c->loss != ELMAN_TRACE_CROSS_ENTROPY) return;
    const float *const p = find(c->trace, "p").data;
    for (size_t at = 0; at < positions; at++) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++) sum += exp(c->pass->output[at * n + i]);
        for (size_t i = 0; i < n; i++)
            assert_true(fabs((double)p[at * n + i] - exp(c->pass->output[at * n + i]) / sum) <=
                        64.0 * unit);
    }
}

/* ---- backward: the equations, from the trace's own numbers ---- */

/* A sum in double, with the sizes of its terms. */
typedef struct Sum {
    double value, size;
} Sum;

static void add(Sum *sum, double term) {
    sum->value += term;
    sum->size += fabs(term);
}

static void check_sum(const char *name, size_t t, size_t u, float got, Sum want) {
    if (!(fabs((double)got - want.value) <= 64.0 * unit * want.size + 0x1p-120))
        fail_msg("%s of step %zu, unit %zu is %.9g, expected %.9g", name, t, u, (double)got,
                 want.value);
    numbers_compared++;
}

/* The gradient that block g of weight_ih (or weight_hh) got. */
static const float *argument_gradient(const Case *c, size_t l, size_t d, size_t g, bool recurrent) {
    static const char *const names[] = {"da_i", "da_f", "da_g", "da_o", "da_r", "da_z", "da_n"};
    const size_t gates = spec_gates(&c->spec);
    if (recurrent && g == 2 && c->spec.cell == ELMAN_CELL_GRU) return get(c, l, d, "da_nh");
    return get(c, l, d, gates == 1 ? "da" : names[gates == 4 ? g : 4 + g]);
}

/* How much of what a pooled output takes from the last layer's unit comes from step t. */
static double pool_share(const Case *c, size_t l, size_t d, size_t t, size_t u) {
    const float *const h = get(c, l, d, "h");
    size_t greatest = 0;
    if (c->spec.output == ELMAN_OUTPUT_MEAN) return 1.0 / STEPS;
    if (c->spec.output != ELMAN_OUTPUT_MAX) return 1.0;
    for (size_t k = 1; k < STEPS; k++)
        if (h[k * spec_width(&c->spec) + u] > h[greatest * spec_width(&c->spec) + u]) greatest = k;
    return t == greatest ? 1.0 : 0.0;
}

static void add_from_above(const Case *c, size_t l, size_t d, size_t t, size_t u, Sum *sum) {
    const size_t n = c->spec.hidden, directions = spec_directions(&c->spec);
    const size_t column = d * spec_width(&c->spec) + u, width = spec_width(&c->spec) * directions;
    const float *const dy = find(c->trace, "dy").data;
    if (l + 1 < c->spec.layers) {
        for (size_t e = 0; e < directions; e++)
            for (size_t g = 0; g < spec_gates(&c->spec); g++)
                for (size_t k = 0; k < n; k++)
                    add(sum,
                        (double)tensor(c, "weight_ih", l + 1, e)[(g * n + k) * width + column] *
                            (double)argument_gradient(c, l + 1, e, g, false)[t * n + k]);
        return;
    }
    if (c->spec.output == ELMAN_OUTPUT_LAST_STEP && t != (d ? 0 : STEPS - 1)) return;
    const size_t at = spec_one_output(&c->spec) ? 0 : t, outputs = spec_outputs(&c->spec);
    const double share = pool_share(c, l, d, t, u);
    elman_tensor head;
    if (elman_model_find_tensor(c->model, "head.weight", &head, NULL)) {
        add(sum, share * (double)dy[at * outputs + column]);
        return;
    }
    for (size_t o = 0; o < outputs; o++)
        add(sum, share * (double)head.data[o * width + column] * (double)dy[at * outputs + o]);
}

/* What reaches h before step t through that step. */
static void add_from_behind(const Case *c, size_t l, size_t d, size_t t, size_t u, Sum *sum) {
    const size_t n = c->spec.hidden, width = spec_width(&c->spec);
    const float *const r = tensor(c, "weight_hh", l, d);
    for (size_t g = 0; g < spec_gates(&c->spec); g++) {
        const float *const da = argument_gradient(c, l, d, g, true) + t * n;
        const double factor = c->spec.cell == ELMAN_CELL_GRU_RESET_BEFORE && g == 2
                                  ? (double)get(c, l, d, "r")[t * n + u]
                                  : 1.0;
        for (size_t k = 0; k < n; k++)
            add(sum, (double)r[(g * n + k) * width + u] * (double)da[k] * factor);
    }
    if (spec_gates(&c->spec) == 3)
        add(sum, (double)get(c, l, d, "dh")[t * n + u] * (double)get(c, l, d, "z")[t * n + u]);
}

static double at(const Case *c, size_t l, size_t d, const char *name, size_t t, size_t u) {
    const bool of_h = strcmp(name, "h") == 0 || strcmp(name, "dh") == 0;
    const size_t width = of_h ? spec_width(&c->spec) : c->spec.hidden;
    return (double)get(c, l, d, name)[t * width + u];
}

static double before(const Case *c, size_t l, size_t d, const char *name, size_t t, size_t u) {
    char initial[8];
    if (t != (d ? STEPS - 1 : 0)) return at(c, l, d, name, d ? t + 1 : t - 1, u);
    snprintf(initial, sizeof initial, "%s0", name);
    return (double)get(c, l, d, initial)[u];
}

static void check_product(const Case *c, size_t l, size_t d, const char *name, size_t t, size_t u,
                          double value) {
    check_sum(name, t, u, (float)at(c, l, d, name, t, u), (Sum){value, fabs(value)});
}

#define AT(name) at(c, l, d, name, t, u)
static void check_gates_backward(const Case *c, size_t l, size_t d, size_t t, size_t u) {
    const double dh = c->spec.projection > 0 ? AT("dm") : AT("dh");
    if (c->spec.cell == ELMAN_CELL_RNN)
        check_product(c, l, d, "da", t, u, dh * (1 - AT("h") * AT("h")));
    if (c->spec.cell == ELMAN_CELL_RNN_RELU)
        check_product(c, l, d, "da", t, u, AT("h") > 0 ? dh : 0.0);
    if (c->spec.cell == ELMAN_CELL_LSTM) {
        const double i = AT("i"), f = AT("f"), g = AT("g"), o = AT("o"), dc = AT("dc");
        check_product(c, l, d, "da_i", t, u, dc * g * i * (1 - i));
        check_product(c, l, d, "da_f", t, u, dc * before(c, l, d, "c", t, u) * f * (1 - f));
        check_product(c, l, d, "da_g", t, u, dc * i * (1 - g * g));
        check_product(c, l, d, "da_o", t, u, dh * AT("tanh_c") * o * (1 - o));
    }
    if (spec_gates(&c->spec) == 3) {
        const double r = AT("r"), z = AT("z"), n = AT("n"), da_n = AT("da_n");
        const double h_before = before(c, l, d, "h", t, u);
        check_product(c, l, d, "da_n", t, u, dh * (1 - z) * (1 - n * n));
        check_sum("da_z", t, u, (float)AT("da_z"),
                  (Sum){dh * (h_before - n) * z * (1 - z),
                        fabs(dh) * (fabs(h_before) + fabs(n)) * z * (1 - z)});
        if (c->spec.cell == ELMAN_CELL_GRU) {
            check_product(c, l, d, "da_r", t, u, da_n * AT("nh") * r * (1 - r));
            check_product(c, l, d, "da_nh", t, u, da_n * r);
            return;
        }
        Sum through = {0};
        const size_t hidden = c->spec.hidden;
        for (size_t k = 0; k < hidden; k++)
            add(&through, (double)tensor(c, "weight_hh", l, d)[(2 * hidden + k) * hidden + u] *
                              at(c, l, d, "da_n", t, k) * h_before * r * (1 - r));
        check_sum("da_r", t, u, (float)AT("da_r"), through);
    }
}

/* One number of h. */
static void check_state_backward(const Case *c, size_t l, size_t d, size_t t, size_t u) {
    const bool newest = t == (d ? 0 : STEPS - 1), oldest = t == (d ? STEPS - 1 : 0);
    const size_t behind = d ? t - 1 : t + 1;
    Sum dh = {0};
    add_from_above(c, l, d, t, u, &dh);
    if (!newest) add_from_behind(c, l, d, behind, u, &dh);
    check_sum("dh", t, u, (float)AT("dh"), dh);
    if (oldest) {
        Sum first = {0};
        add_from_behind(c, l, d, t, u, &first);
        check_sum("dh0", t, u, get(c, l, d, "dh0")[u], first);
    }
}

static void check_unit_backward(const Case *c, size_t l, size_t d, size_t t, size_t u) {
    const bool newest = t == (d ? 0 : STEPS - 1), oldest = t == (d ? STEPS - 1 : 0);
    const size_t behind = d ? t - 1 : t + 1, width = spec_width(&c->spec);
    const bool projected = c->spec.projection > 0;
    Sum dm = {0}, dc = {0};
    if (u < width) check_state_backward(c, l, d, t, u);
    for (size_t k = 0; k < width && projected; k++)
        add(&dm,
            (double)tensor(c, "weight_hr", l, d)[k * c->spec.hidden + u] * at(c, l, d, "dh", t, k));
    if (projected) check_sum("dm", t, u, (float)AT("dm"), dm);
    check_gates_backward(c, l, d, t, u);
    if (c->spec.cell != ELMAN_CELL_LSTM) return;
    add(&dc, (projected ? AT("dm") : AT("dh")) * AT("o") * (1 - AT("tanh_c") * AT("tanh_c")));
    if (!newest) add(&dc, at(c, l, d, "dc", behind, u) * at(c, l, d, "f", behind, u));
    check_sum("dc", t, u, (float)AT("dc"), dc);
    if (oldest) {
        const double dc0 = AT("dc") * AT("f");
        check_sum("dc0", t, u, get(c, l, d, "dc0")[u], (Sum){dc0, fabs(dc0)});
    }
}
#undef AT

/* ---- gradients: the reference, and the sums of the shares ---- */

static void check_gradients(const Case *c) {
    double *const want = zeroed(c->network.parameter_count, sizeof *want);
    const RefValues values = {c->parameters, c->dense, c->state};
    const RefGradients gradients = {.parameters = want};
    const size_t numbers = sample_positions(&c->spec, &c->sample) * spec_outputs(&c->spec);
    const double scale = c->loss == ELMAN_TRACE_HALF_SQUARES ? 0.5 * (double)numbers : 1.0;
    ref_backward(&c->network, &c->batch, &values, c->pass, &c->target, &gradients);
    double total = 0.0;
    for (size_t k = 0; k < c->network.parameter_count; k++) total += want[k] * want[k];
    for (size_t i = 0; i < c->network.tensor_count; i++) {
        const RefTensor *const reference = &c->network.tensors[i];
        char name[96];
        double error = 0.0;
        snprintf(name, sizeof name, "grad.%s", reference->name);
        const elman_trace_array got = find(c->trace, name);
        assert_true(got.count == reference->count && got.rank == reference->rank && !got.steps);
        for (size_t k = 0; k < got.count; k++)
            error +=
                pow((double)((const float *)got.data)[k] - want[reference->offset + k] * scale, 2);
        if (!(sqrt(error) <= 256.0 * unit * scale * sqrt(total)))
            fail_msg("%s is off by %g of %g", name, sqrt(error), scale * sqrt(total));
        numbers_compared += got.count;
    }
    free(want);
}

/* sum + share, rounded to float once. The sum in double is first rounded to odd, so that the second
 * rounding sees on which side of a tie the exact sum lies. */
static float add_share(float sum, double share) {
    const double a = (double)sum, s = a + share;
    const double b = s - a, rest = (a - (s - b)) + (share - b);
    uint64_t bits;
    memcpy(&bits, &s, sizeof bits);
    if (rest == 0.0 || bits % 2 == 1) return (float)s;
    return (float)nextafter(s, rest > 0.0 ? INFINITY : -INFINITY);
}

static void check_shares(const Case *c) {
    size_t shares = 0;
    for (size_t i = 0; i < elman_trace_count(c->trace); i++) {
        elman_trace_array share;
        char name[96];
        assert_int_equal(elman_trace_at(c->trace, i, &share), ELMAN_OK);
        if (strncmp(share.name, "share.", 6) != 0) continue;
        snprintf(name, sizeof name, "grad.%s", share.name + 6);
        const elman_trace_array whole = find(c->trace, name);
        const double *const terms = share.data;
        assert_true(share.type == ELMAN_TRACE_DOUBLE && share.steps);
        assert_true(share.count == whole.count * share.shape[0] && share.rank == whole.rank + 1);
        for (size_t k = 0; k < whole.count; k++) {
            float sum = 0.0f;
            for (size_t t = 0; t < share.shape[0]; t++)
                sum = add_share(sum, terms[t * whole.count + k]);
            if (memcmp(&sum, (const float *)whole.data + k, sizeof sum) != 0)
                fail_msg("the shares of %s[%zu] add up to %a, expected %a", name, k, (double)sum,
                         (double)((const float *)whole.data)[k]);
        }
        shares++;
    }
    /* All but the initial states are sums over time. */
    size_t states = 0;
    for (size_t i = 0; i < c->network.tensor_count; i++)
        states += strstr(c->network.tensors[i].name, "0_l") != NULL;
    assert_int_equal(shares + states, c->network.tensor_count);
}

static void check_case(Case *c) {
    for (size_t l = 0; l < c->spec.layers; l++)
        for (size_t d = 0; d < spec_directions(&c->spec); d++) {
            for (size_t t = 0; t < STEPS; t++) {
                check_step(c, l, d, t);
                for (size_t u = 0; u < c->spec.hidden; u++) check_unit_backward(c, l, d, t, u);
            }
            check_activations(c, l, d);
        }
    check_output(c);
    check_gradients(c);
    check_shares(c);
}

static void every_number(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    static const elman_output outputs[] = {ELMAN_OUTPUT_EVERY_STEP, ELMAN_OUTPUT_MEAN,
                                           ELMAN_OUTPUT_LAST_STEP,  ELMAN_OUTPUT_MAX,
                                           ELMAN_OUTPUT_MAX,        ELMAN_OUTPUT_MEAN,
                                           ELMAN_OUTPUT_EVERY_STEP, ELMAN_OUTPUT_LAST_STEP};
    for (size_t i = 0; i < CELL_KINDS * 8; i++) {
        const size_t kind = i % 8;
        Case c = {.spec = {.input = (elman_input)(kind % 3),
                           .inputs = 5,
                           .embedding = kind % 3 == ELMAN_INPUT_EMBEDDING ? 4 : 0,
                           .layers = 1 + kind / 2 % 2,
                           .hidden = kind % 2 ? 18 : 3,
                           .bidirectional = kind / 4 % 2,
                           .no_bias = kind == 5,
                           .learned_state = kind == 6,
                           .outputs = kind == 3 ? 0 : 4,
                           .output = outputs[kind]},
                  .loss = (elman_trace_loss)(1 + (kind + i / 8) % 3)};
        spec_set_kind(&c.spec, i / 8, i);
        open_case(&c, context, i);
        check_case(&c);
        close_case(&c);
    }
    elman_context_destroy(context);
    print_message("%zu numbers compared\n", numbers_compared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
