/* The library, in float, against the reference, in double: every cell with every option.
 *
 * How far the two may differ. u = 2^-24 is half a unit in the last place of a float near 1.
 *
 * Hidden states, cell states and outputs: in a chain of K + 1 fused multiply-adds (K = inputs +
 * hidden; a projection's chain is one more) each rounds by at most u of its partial sum; taken as
 * independent, the relative error of a whole array in the Frobenius norm is at most u sqrt(K). For
 * K below about 30 the activations, which are right to 4 units in the last place, are no longer
 * small beside it: ACTIVATIONS more summands stand for them. A layer adds its error to that of the
 * layer below, which a contractive one does not enlarge, so that K is summed over the layers. No
 * single hidden state may be off by more than 8u in the first layer and 8u more in each layer
 * above, times the largest state where that is above 1 (ReLU).
 *
 * Gradients: a weight's gradient is a sum of T * B terms, each of which came through a chain of
 * G * H multiply-adds for each step that it travelled back; they shrink as they travel, so that the
 * last few steps count. Hence T * B + G * H summands for each layer join those of the forward pass.
 *
 * An array may be small against what it is the sum of, all the more when it holds a few numbers.
 * Then the question is how much its data determine it: the reference runs again with all data moved
 * up or down by 4u (half of what an activation may err), MOVES times, and the library may differ by
 * sqrt(K) of the largest effect. Plain cells may have activations that enlarge: a hidden state of
 * theirs may be off by twice that more. Below the range of normal numbers a float is right to
 * 2^-150. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/tape.h"
#include "support/references.h"

static const double unit = 0x1p-24;
enum { ACTIVATIONS = 8, CASES = 48 * 7 };

/* What was compared, for the report at the end. */
static size_t arrays_run, arrays_moved;
static double worst_forward, worst_hidden, worst_gradient; /* shares of what is allowed */

/* The factors [rows of the mask][features] that dropout puts on a layer's output. */
static double *reference_mask(const NetworkSpec *spec, size_t layer, size_t rows, float rate) {
    const size_t width = spec_width(spec) * spec_directions(spec);
    float *const mask = zeroed(width, sizeof *mask);
    double *const wide = zeroed(rows * width, sizeof *wide);
    for (size_t at = 0; at < rows; at++) {
        dropout_mask(kernels_select(NULL), 5, 3, layer, at, rate, width, mask);
        for (size_t i = 0; i < width; i++) wide[at * width + i] = (double)mask[i];
    }
    free(mask);
    return wide;
}

/* What the reference wants of one array. */
typedef struct Wanted {
    char name[64];
    size_t count;
    double *values;
    bool is_hidden, is_gradient;
} Wanted;

typedef struct Expectation {
    size_t count;
    Wanted arrays[ARRAYS_MAX];
    double loss;
} Expectation;

enum { MOVES = 4 };

/* One case, on both sides. */
typedef struct Case {
    NetworkSpec spec;
    LossKind loss;
    Sample sample;
    RefNetwork network;
    RefBatch batch;
    double *parameters, *dense, *state, *values;
    size_t dense_count, state_count;
    double *masks[REF_LAYERS_MAX];
    Pass *pass; /* the library's */
    Expectation *expected;
    Expectation *moved[MOVES]; /* with other data; made when they are asked for */
    char title[256];
} Case;

static void title_case(Case *c) {
    const NetworkSpec *const s = &c->spec;
    static const char *const inputs[] = {"dense", "one-hot", "embedding"};
    static const char *const places[] = {"", " at the last step", " of the mean",
                                         " of the maximum"};
    static const char *const losses[] = {"cross-entropy", "squared error", "given gradient"};
    snprintf(c->title, sizeof c->title,
             "%s %zux%zu->%zu%s, %s %zu, %zu outputs%s, %zu steps, %zu rows%s%s%s%s%s, %s",
             cell_name(s->cell), s->layers, s->hidden, spec_width(s),
             s->bidirectional ? " both ways" : "", inputs[s->input], s->inputs, s->outputs,
             places[s->output], c->sample.steps, c->sample.rows,
             c->sample.lengths ? ", lengths" : "", s->dropout > 0.0f ? ", dropout" : "",
             s->no_bias ? ", no bias" : "", s->learned_state ? ", learned state" : "",
             c->sample.state ? ", given state" : "", losses[c->loss]);
}

/* Makes the data and runs the library. */
static void open_case(Case *c, elman_context *context, size_t steps, size_t rows, bool lengths,
                      bool given_state, uint64_t seed) {
    const NetworkSpec *const spec = &c->spec;
    elman_error error = {0};
    elman_network *network = NULL;
    elman_model *const model = random_model(context, spec, seed);
    c->sample = random_sample(spec, steps, rows, lengths, given_state, seed + 100);
    c->network = reference_network(spec);
    c->parameters = reference_parameters(&c->network, model);
    c->dense_count = c->sample.dense ? steps * rows * spec->inputs : 0;
    c->state_count = ref_state_count(&c->network, rows);
    c->dense = widen(c->sample.dense, c->dense_count);
    c->state = widen(c->sample.state, c->state_count);
    c->values = widen(c->sample.values, sample_positions(spec, &c->sample) * spec_outputs(spec));
    c->batch = (RefBatch){
        .steps = steps, .rows = rows, .lengths = c->sample.lengths, .tokens = c->sample.tokens};
    for (size_t l = 0; l + 1 < spec->layers && spec->dropout > 0.0f; l++)
        c->batch.masks[l] = c->masks[l] = reference_mask(spec, l, steps * rows, spec->dropout);
    if (elman_network_compile(model, &network, &error)) fail_msg("%s", error.message);
    c->pass = run_pass(network, spec, &c->sample, c->loss);
    elman_network_destroy(network);
    elman_model_destroy(model);
    title_case(c);
}

static void expectation_free(Expectation *expected) {
    for (size_t i = 0; expected && i < expected->count; i++) free(expected->arrays[i].values);
    free(expected);
}

static void close_case(Case *c) {
    for (size_t l = 0; l < REF_LAYERS_MAX; l++) free(c->masks[l]);
    for (size_t i = 0; i < MOVES; i++) expectation_free(c->moved[i]);
    expectation_free(c->expected);
    free(c->parameters);
    free(c->dense);
    free(c->state);
    free(c->values);
    pass_free(c->pass);
    sample_free(&c->sample);
}

/* A copy of `count` of the values under a name. */
static Wanted *want(Expectation *expected, const double *values, size_t count, const char *name,
                    const char *suffix) {
    assert_true(expected->count < ARRAYS_MAX);
    Wanted *const array = &expected->arrays[expected->count++];
    snprintf(array->name, sizeof array->name, "%s%s", name, suffix);
    array->count = count;
    array->values = zeroed(count, sizeof *array->values);
    array->is_gradient = name[0] == 'd' && name[1] == ' ';
    memcpy(array->values, values, count * sizeof *values);
    return array;
}

/* The states of one layer and direction by step, zeros past a row's length, from those by visit. */
static void want_states(const Case *c, Expectation *expected, const double *visits, size_t width,
                        size_t direction, const char *name, const char *suffix) {
    const size_t steps = c->sample.steps, rows = c->sample.rows;
    Wanted *const array = want(expected, visits, steps * rows * width, name, suffix);
    memset(array->values, 0, array->count * sizeof *array->values);
    for (size_t t = 0; t < steps; t++)
        for (size_t b = 0; b < rows; b++) {
            const size_t visit = direction == 0 ? t : steps - 1 - t;
            if (ref_step_counts(&c->batch, t, b))
                memcpy(array->values + (t * rows + b) * width,
                       visits + ((visit + 1) * rows + b) * width, width * sizeof *visits);
        }
    array->is_hidden = strcmp(name, "hidden") == 0;
}

static void want_layer(const Case *c, Expectation *expected, const RefPass *pass,
                       const double *d_state, size_t l, size_t d) {
    const RefTrack *const track = &pass->tracks[l][d];
    const size_t rows = c->sample.rows, width = spec_width(&c->spec), units = c->spec.hidden;
    const size_t hidden = ref_state_hidden(&c->network, rows, l, d);
    char suffix[32];
    snprintf(suffix, sizeof suffix, " l%zu%s", l, d ? " reverse" : "");
    want_states(c, expected, track->hidden, width, d, "hidden", suffix);
    want(expected, pass->final_state + hidden, rows * width, "final h", suffix)->is_hidden = true;
    if (d_state) want(expected, d_state + hidden, rows * width, "d initial h", suffix);
    if (!track->cell) return;
    const size_t cell = ref_state_cell(&c->network, rows, l, d);
    want_states(c, expected, track->cell, units, d, "cell", suffix);
    want(expected, pass->final_state + cell, rows * units, "final c", suffix);
    if (d_state) want(expected, d_state + cell, rows * units, "d initial c", suffix);
}

/* Runs the reference, forward and, where the library goes back, back. */
static Expectation *expect(const Case *c, const double *parameters, const double *dense,
                           const double *state) {
    static const RefLossKind losses[] = {
        [CROSS_ENTROPY] = REF_CROSS_ENTROPY,
        [SQUARED_ERROR] = REF_MEAN_SQUARED_ERROR,
        [GIVEN_GRADIENT] = REF_WEIGHTED_SUM,
    };
    Expectation *const expected = zeroed(1, sizeof *expected);
    const RefTarget target = {losses[c->loss], c->values, c->sample.classes};
    const RefValues values = {parameters, dense, state};
    const RefGradients d = {zeroed(c->network.parameter_count, sizeof(double)),
                            dense ? zeroed(c->dense_count, sizeof(double)) : NULL,
                            zeroed(c->state_count, sizeof(double))};
    RefPass *const pass = ref_forward(&c->network, &c->batch, &values);
    const size_t outputs = sample_positions(&c->spec, &c->sample) * spec_outputs(&c->spec);
    const bool back = !spec_plain(&c->spec);
    if (back) ref_backward(&c->network, &c->batch, &values, pass, &target, &d);
    expected->loss = ref_loss(&c->network, &c->batch, &target, pass->output);
    want(expected, pass->output, outputs, "output", "");
    for (size_t l = 0; l < c->spec.layers; l++)
        for (size_t way = 0; way < spec_directions(&c->spec); way++)
            want_layer(c, expected, pass, back ? d.initial : NULL, l, way);
    for (size_t i = 0; i < c->network.tensor_count && back; i++) {
        const RefTensor *const tensor = &c->network.tensors[i];
        want(expected, d.parameters + tensor->offset, tensor->count, "d ", tensor->name);
    }
    if (dense && back) want(expected, d.dense, c->dense_count, "d dense", "");
    ref_pass_free(pass);
    free(d.parameters);
    free(d.dense);
    free(d.initial);
    return expected;
}

/* A copy whose numbers are moved by 4u, up or down. */
static double *move(const double *values, size_t count, uint64_t seed) {
    if (!values) return NULL;
    double *const moved = zeroed(count, sizeof *moved);
    ref_fill(moved, count, -1.0, 1.0, seed);
    for (size_t i = 0; i < count; i++)
        moved[i] = values[i] * (1.0 + (moved[i] < 0.0 ? -4.0 * unit : 4.0 * unit));
    return moved;
}

static void expect_moved(Case *c) {
    for (size_t i = 0; i < MOVES && !c->moved[i]; i++) {
        double *const parameters = move(c->parameters, c->network.parameter_count, 3 * i);
        double *const dense = move(c->dense, c->dense_count, 3 * i + 1);
        double *const state = move(c->state, c->state_count, 3 * i + 2);
        c->moved[i] = expect(c, parameters, dense, state);
        free(parameters);
        free(dense);
        free(state);
    }
}

static double norm_of_difference(const double *a, const double *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

/* The largest effect that moving the data has on array `index`. */
static double sensitivity(Case *c, size_t index) {
    const Wanted *const array = &c->expected->arrays[index];
    double largest = 0.0;
    expect_moved(c);
    for (size_t i = 0; i < MOVES; i++)
        largest = fmax(largest, norm_of_difference(c->moved[i]->arrays[index].values, array->values,
                                                   array->count));
    return largest;
}

/* The summands behind one number of a forward pass or of a gradient. */
static double summands(const Case *c, bool is_gradient) {
    const NetworkSpec *const s = &c->spec;
    const size_t first = ref_layer_inputs(&c->network, 0);
    const size_t forward = first + (s->layers - 1) * s->hidden * spec_directions(s) +
                           s->layers * (s->hidden + ACTIVATIONS) +
                           (s->projection > 0 ? s->layers * s->hidden : 0);
    const size_t back =
        s->layers * (c->sample.steps * c->sample.rows + spec_gates(s) * s->hidden) + s->outputs;
    return (double)(is_gradient ? forward + back : forward);
}

/* Compares one array. A number that is not finite fails. */
static void check_array(Case *c, size_t index) {
    const Wanted *const wanted = &c->expected->arrays[index];
    const Array *const array = pass_array(c->pass, wanted->name);
    const size_t count = array->outer * (array->rows > 0 ? array->rows : 1) * array->inner;
    const double root = sqrt(summands(c, wanted->is_gradient));
    double *const got = widen(array->data, count), *const zeros = zeroed(count, sizeof *zeros);
    assert_int_equal(count, wanted->count);
    const double error = norm_of_difference(got, wanted->values, count);
    const double size = norm_of_difference(wanted->values, zeros, count);
    double bound = root * unit * size + root * root * sqrt((double)count) * 0x1p-150;
    if (!(error <= bound)) {
        bound = fmax(bound, root * sensitivity(c, index));
        arrays_moved++;
    }
    if (!(error <= bound))
        fail_msg("%s: %s differs by %.3g of %.3g, at most %.3g is allowed", c->title, array->name,
                 error, size, bound);
    double *const worst = wanted->is_gradient ? &worst_gradient : &worst_forward;
    if (bound > 0.0) *worst = fmax(*worst, error / bound);
    double largest = 1.0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(wanted->values[i]));
    double most = 8.0 * unit * (double)c->spec.layers * largest;
    if (spec_plain(&c->spec) && wanted->is_hidden) most += 2.0 * sensitivity(c, index);
    for (size_t i = 0; i < count && wanted->is_hidden; i++) {
        const double difference = fabs(got[i] - wanted->values[i]);
        if (!(difference <= most))
            fail_msg("%s: %s[%zu] is %.9g, expected %.9g", c->title, array->name, i, got[i],
                     wanted->values[i]);
        worst_hidden = fmax(worst_hidden, difference / most);
    }
    arrays_run++;
    free(got);
    free(zeros);
}

/* The loss, first from the library's own output: an exponential is right to 4 units in the last
 * place, the difference of two logits rounds once; so does output - target, and its square doubles
 * that. Then from the reference's: no loss here changes faster than twice (cross-entropy) or, with
 * outputs and targets below 4, 16 times (squared error) as fast as the output. */
static void check_loss(const Case *c) {
    const Array *const output = pass_array(c->pass, "output");
    const size_t count = output->outer * output->rows * output->inner;
    const bool entropy = c->loss == CROSS_ENTROPY;
    const RefTarget target = {entropy ? REF_CROSS_ENTROPY : REF_MEAN_SQUARED_ERROR, c->values,
                              c->sample.classes};
    double *const wide = widen(output->data, count);
    const double own = ref_loss(&c->network, &c->batch, &target, wide);
    double largest = 0.0, farthest = 0.0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(wide[i]));
        farthest = fmax(farthest, fabs(wide[i] - c->expected->arrays[0].values[i]));
    }
    const double bound = entropy ? unit * (8.0 + 2.0 * largest) : 2.0 * unit * own;
    const double further = (entropy ? 2.0 : 16.0) * farthest;
    if (!(fabs(c->pass->loss.mean - own) <= bound) ||
        !(fabs(c->pass->loss.mean - c->expected->loss) <= bound + further))
        fail_msg("%s: loss %.9g, expected %.9g", c->title, c->pass->loss.mean, c->expected->loss);
    free(wide);
}

static void check_case(Case *c) {
    c->expected = expect(c, c->parameters, c->dense, c->state);
    assert_int_equal(c->expected->count, c->pass->count);
    for (size_t i = 0; i < c->expected->count; i++) check_array(c, i);
    if (c->loss != GIVEN_GRADIENT) check_loss(c);
}

/* Steps, cut down so that the reference stays within some million multiplications. */
static size_t affordable_steps(const NetworkSpec *spec, size_t steps, size_t rows) {
    const size_t width = spec->hidden * spec_directions(spec) + spec->inputs;
    const size_t step =
        spec->layers * spec_directions(spec) * spec_gates(spec) * spec->hidden * width * rows;
    while (steps > 1 && steps * step > 1000000) steps--;
    return steps;
}

/* Case number `index` of a kind of cell: the structure counts through all combinations; sizes and
 * the other options take turns, with periods that have no common divisor with it. */
static void run_case(elman_context *context, size_t kind, size_t index, bool plain) {
    static const size_t hiddens[] = {1, 7, 16, 17, 24, 33, 100};
    static const size_t batches[] = {1, 2, 5, 7, 13};
    const size_t turn = index * 7919 + index / 48;
    const size_t rows = batches[turn / 3 % 5];
    Case c = {
        .spec =
            {
                .layers = 1 + index % 3,
                .bidirectional = index / 3 % 2,
                .output = (elman_output)(index / 6 % 2 + (index % 5 == 4 ? 2 : 0)),
                .dropout = index / 12 % 2 ? 0.4f : 0.0f,
                .hidden = hiddens[turn % 7],
                .input = (elman_input)(turn / 5 % 3),
                .no_bias = turn / 11 % 3 == 0,
                .learned_state = turn / 13 % 2,
                .outputs = turn / 17 % 4 ? 2 + turn / 19 % 40 : 0,
                .head_no_bias = turn / 23 % 4 == 0,
            },
        .loss = plain ? GIVEN_GRADIENT : (LossKind)(turn / 29 % 3), /* none but of the gradient */
    };
    spec_set_kind(&c.spec, kind, turn / 47);
    /* Many inputs would saturate a single unit: 1 - h^2 then says little about its argument. */
    const size_t most = c.spec.hidden == 1 ? 4 : 37;
    c.spec.inputs = 1 + turn / 31 % (c.spec.input == ELMAN_INPUT_DENSE ? most : 37);
    c.spec.embedding = c.spec.input == ELMAN_INPUT_EMBEDDING ? 1 + turn / 37 % most : 0;
    if (plain) spec_make_plain(&c.spec, turn);
    const size_t steps = affordable_steps(&c.spec, 1 + turn / 41 % 20, rows);
    open_case(&c, context, steps, rows, index / 24 % 2, turn / 43 % 3 == 0, index);
    check_case(&c);
    close_case(&c);
}

static void run_kind(size_t kind, size_t cases, bool plain) {
    elman_context *const context = open_context(NULL, 1);
    worst_forward = worst_hidden = worst_gradient = 0.0;
    arrays_run = arrays_moved = 0;
    for (size_t index = 0; index < cases; index++) run_case(context, kind, index, plain);
    print_message(
        "%s%s: %zu arrays, %zu of them small against their data; of what is allowed, used: "
        "forward %.2f, largest %.2f, gradients %.2f\n",
        plain ? "plain " : "", kind < CELLS ? cell_name(all_cells[kind]) : "lstm with a projection",
        arrays_run, arrays_moved, worst_forward, worst_hidden, worst_gradient);
    elman_context_destroy(context);
}

static void plain(void **state) {
    (void)state;
    for (size_t i = 0; i < CELLS; i++) run_kind(i, CASES, true);
}

static void rnn(void **state) {
    (void)state;
    run_kind(0, CASES, false);
}

static void rnn_relu(void **state) {
    (void)state;
    run_kind(1, CASES, false);
}

static void lstm(void **state) {
    (void)state;
    run_kind(2, CASES, false);
}

static void lstm_projected(void **state) {
    (void)state;
    run_kind(CELLS, CASES, false);
}

static void gru(void **state) {
    (void)state;
    run_kind(3, CASES, false);
}

static void gru_reset_before(void **state) {
    (void)state;
    run_kind(4, CASES, false);
}

/* The outputs and the head's gradients when dropout stands before the head, from the features
 * [P][F] that the reference gives without a head. */
static void check_masked_head(const Case *c, const RefNetwork *network, const double *features,
                              const double *mask, const double *d_output) {
    const size_t outputs = network->outputs, positions = ref_positions(network, &c->batch);
    const size_t width = spec_width(&c->spec) * spec_directions(&c->spec);
    const double *const weight = c->parameters + network->head_weight;
    const float *const output = pass_array(c->pass, "output")->data;
    const float *const d_weight = pass_array(c->pass, "d head.weight")->data;
    const float *const d_bias = pass_array(c->pass, "d head.bias")->data;
    const double bound =
        64.0 * unit; /* some 40 summands of a size below 1, each off by 8u at most */
    for (size_t o = 0; o < outputs; o++) {
        double bias = 0.0;
        for (size_t p = 0; p < positions; p++) {
            double y = c->parameters[network->head_bias_offset + o];
            if (!ref_position_counts(network, &c->batch, p)) continue;
            bias += d_output[p * outputs + o];
            for (size_t i = 0; i < width; i++)
                y += weight[o * width + i] * mask[p * width + i] * features[p * width + i];
            assert_true(fabs((double)output[p * outputs + o] - y) <= bound);
        }
        assert_true(fabs((double)d_bias[o] - bias) <= bound);
        for (size_t i = 0; i < width; i++) {
            double sum = 0.0;
            for (size_t p = 0; p < positions; p++)
                if (ref_position_counts(network, &c->batch, p))
                    sum +=
                        d_output[p * outputs + o] * mask[p * width + i] * features[p * width + i];
            assert_true(fabs((double)d_weight[o * width + i] - sum) <= bound);
        }
    }
}

/* The reference has no dropout behind the last layer: there a gradient is given of what the layer
 * hands on, which is the head's, times the mask. */
static void check_top_dropout(elman_context *context, const NetworkSpec *spec) {
    Case c = {.spec = *spec, .loss = GIVEN_GRADIENT};
    open_case(&c, context, 6, 5, true, false, 77);
    const RefNetwork network = c.network;
    const size_t positions = ref_positions(&network, &c.batch), outputs = network.outputs;
    const size_t width = spec_width(spec) * spec_directions(spec);
    double *const mask = reference_mask(spec, spec->layers - 1, positions, spec->top_dropout);
    double *const d_output = c.values;
    c.spec.outputs = 0;
    c.network = reference_network(&c.spec); /* the same parameters, without the head's at the end */
    c.values = zeroed(positions * width, sizeof *c.values);
    for (size_t k = 0; k < positions * width; k++)
        for (size_t o = 0; o < outputs; o++)
            c.values[k] += d_output[k / width * outputs + o] * mask[k] *
                           c.parameters[network.head_weight + o * width + k % width];
    c.expected = expect(&c, c.parameters, c.dense, c.state);
    for (size_t i = 1; i < c.expected->count; i++) check_array(&c, i);
    check_masked_head(&c, &network, c.expected->arrays[0].values, mask, d_output);
    free(mask);
    free(d_output);
    close_case(&c);
}

static void dropout_behind_the_last_layer(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * 8; i++) {
        NetworkSpec spec = {
            .input = ELMAN_INPUT_DENSE,
            .inputs = 5,
            .layers = 1 + i / 2 % 2,
            .hidden = 18,
            .bidirectional = i / 4 % 2,
            .dropout = i / 2 % 2 ? 0.3f : 0.0f,
            .top_dropout = 0.4f,
            .outputs = 4,
            .output = (elman_output)(i % 4),
        };
        spec_set_kind(&spec, i / 8, i);
        check_top_dropout(context, &spec);
    }
    elman_context_destroy(context);
}

static void check_zeros(const Pass *pass, const char *name) {
    const Array *const array = pass_array(pass, name);
    for (size_t i = 0; i < array->outer * (array->rows ? array->rows : 1) * array->inner; i++)
        if (array->data[i] != 0.0f)
            fail_msg("%s[%zu] is %g, expected 0", name, i, (double)array->data[i]);
}

/* Every row has length 0, or every target is ignored: a loss of 0, gradients of 0. */
static void nothing_counts(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * 4; i++) {
        NetworkSpec spec = {
            .input = ELMAN_INPUT_DENSE,
            .inputs = 3,
            .layers = 2,
            .hidden = 5,
            .bidirectional = true,
            .learned_state = true,
            .outputs = 4,
            .output = (elman_output)(i % 4),
        };
        const bool ignored = i / 2 % 2;
        spec_set_kind(&spec, i / 4, i);
        elman_network *const network = random_network(context, &spec, 1);
        Sample sample = random_sample(&spec, 4, 3, !ignored, true, 2);
        for (size_t p = 0; p < sample_positions(&spec, &sample) && ignored; p++)
            sample.classes[p] = -1;
        for (size_t b = 0; b < 3 && !ignored; b++) sample.lengths[b] = 0;
        Pass *const pass = run_pass(network, &spec, &sample, CROSS_ENTROPY);
        assert_true(pass->loss.count == 0 && pass->loss.mean == 0.0);
        for (size_t k = 0; k < pass->count; k++)
            if (strncmp(pass->arrays[k].name, "d ", 2) == 0)
                check_zeros(pass, pass->arrays[k].name);
        if (!ignored) {
            check_zeros(pass, "output");
            const Array *const last = pass_array(pass, "final h l0");
            assert_memory_equal(last->data, sample.state, 3 * last->inner * sizeof(float));
        }
        pass_free(pass);
        sample_free(&sample);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rnn),
        cmocka_unit_test(rnn_relu),
        cmocka_unit_test(lstm),
        cmocka_unit_test(lstm_projected),
        cmocka_unit_test(gru),
        cmocka_unit_test(gru_reset_before),
        cmocka_unit_test(plain),
        cmocka_unit_test(dropout_behind_the_last_layer),
        cmocka_unit_test(nothing_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
