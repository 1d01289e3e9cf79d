/* Used horizon and drift: on networks made by hand whose figures are known, against passes over
 * single rows, at any thread count, with any allocation that fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/diagnosing.h"
#include "support/passes.h"
#include <elman/diagnose.h>

enum { BATCHES = 3 };

/* A source of a few batches. */
typedef struct Batches {
    size_t count;
    elman_batch batch[BATCHES];
} Batches;

static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    (void)epoch, (void)error;
    *batch = ((const Batches *)user)->batch[position];
    return ELMAN_OK;
}

static elman_status diagnose_batches(const elman_model *model, Batches *batches,
                                     const elman_diagnose_options *options,
                                     elman_diagnosis **diagnosis, elman_error *error) {
    const elman_source source = {.struct_size = sizeof source,
                                 .user = batches,
                                 .batches = batches->count,
                                 .batch = get_batch};
    return elman_diagnose_source(model, &source, options, diagnosis, error);
}

static elman_diagnosis *diagnose(const elman_model *model, Batches *batches, size_t window,
                                 size_t lags, elman_diagnosis_summary *summary) {
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = window, .lags = lags, .rows = 64};
    elman_diagnosis *diagnosis = NULL;
    elman_error error = {0};
    if (diagnose_batches(model, batches, &options, &diagnosis, &error))
        fail_msg("%s", error.message);
    elman_diagnosis_summarize(diagnosis, summary);
    return diagnosis;
}

static void fill_tensor(elman_model *model, const char *name, const float *values) {
    elman_tensor tensor;
    assert_int_equal(elman_model_find_tensor(model, name, &tensor, NULL), ELMAN_OK);
    memcpy(tensor.data, values, tensor.count * sizeof *values);
}

/* ---- A shift register ---- */

enum { LAG = 3, STEPS = 40, ROWS = 8 };

/* Its output is the input of LAG steps before, 0 or 1; h is the last inputs. */
static elman_model *shift_register(elman_context *context) {
    const NetworkSpec spec = {.inputs = 1,
                              .cell = ELMAN_CELL_RNN_RELU,
                              .layers = 1,
                              .hidden = LAG + 1,
                              .no_bias = true,
                              .outputs = 1,
                              .head_no_bias = true};
    static const float input[LAG + 1] = {1}, head[LAG + 1] = {[LAG] = 1};
    float shift[(LAG + 1) * (LAG + 1)] = {0};
    elman_model *const model = random_model(context, &spec, 1);
    for (size_t i = 1; i <= LAG; i++) shift[i * (LAG + 1) + i - 1] = 1.0f;
    fill_tensor(model, "rnn.weight_ih_l0", input);
    fill_tensor(model, "rnn.weight_hh_l0", shift);
    fill_tensor(model, "head.weight", head);
    return model;
}

/* A batch of zeros and ones, of which the targets are those of LAG steps before. */
static Batches shifted_bits(float *x, float *y) {
    random_floats(x, STEPS * ROWS, 1.0f, 7);
    for (size_t i = 0; i < STEPS * ROWS; i++) x[i] = x[i] > 0.0f ? 1.0f : 0.0f;
    for (size_t i = 0; i < STEPS * ROWS; i++) y[i] = i < LAG * ROWS ? 0.0f : x[i - LAG * ROWS];
    return (Batches){.count = 1,
                     .batch = {{.struct_size = sizeof(elman_batch),
                                .sequence = {.struct_size = sizeof(elman_sequence),
                                             .steps = STEPS,
                                             .batch = ROWS,
                                             .dense = x},
                                .targets = {.struct_size = sizeof(elman_targets),
                                            .loss = ELMAN_LOSS_MSE,
                                            .numbers = y}}}};
}

static void used_horizon(void **state) {
    /* Up to the lags, the window among them. */
    static const size_t steps[] = {1, 2, 3, 4, 6, 8, 12, 13, 16, 20};
    float x[STEPS * ROWS], y[STEPS * ROWS];
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = shift_register(context);
    Batches batches = shifted_bits(x, y);
    elman_diagnosis_summary summary;
    (void)state;
    elman_diagnosis *const diagnosis = diagnose(model, &batches, 13, 20, &summary);
    assert_true(summary.used_horizon == LAG + 1.0);
    assert_int_equal(summary.context_count, sizeof steps / sizeof *steps);
    for (size_t i = 0; i < summary.context_count; i++) {
        const elman_context_loss *const got = &summary.contexts[i];
        assert_int_equal(got->steps, steps[i]);
        if (got->steps > LAG) {
            assert_true(got->loss == 0.0 && got->excess == 0.0 && got->error == 0.0);
            continue;
        }
        /* Each position loses its bit: 0 or 1, with n - 1 in the variance. All steps from 19 on
         * are looked at: 21 of 8 rows. */
        const double p = got->loss, n = (STEPS - 19) * ROWS;
        assert_true(p > 0.3 && p < 0.7 && got->excess == p);
        assert_true(fabs(got->error - sqrt(p * (1.0 - p) / (n - 1.0))) < 1e-15);
    }
    elman_diagnosis_destroy(diagnosis);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* More context may help than there is. */
static void beyond_the_most(void **state) {
    float x[STEPS * ROWS], y[STEPS * ROWS];
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = shift_register(context);
    Batches batches = shifted_bits(x, y);
    elman_diagnosis_summary summary;
    (void)state;
    elman_diagnosis_destroy(diagnose(model, &batches, 0, LAG + 1, &summary));
    assert_int_equal(summary.context_count, LAG + 1);
    assert_true(summary.used_horizon == INFINITY);
    elman_diagnosis_destroy(diagnose(model, &batches, 0, LAG, &summary));
    /* All of them do without it. */
    assert_true(summary.used_horizon == 1.0);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- All losses, rows of all lengths ---- */

enum { WIDEST = 3, LONGEST = 9 };

static const double levels[] = {0.1, 0.5, 0.9};
static const float class_weights[] = {0.5f, 2.0f, 1.25f};
static const float scales[] = {0.5f, 2.0f, 1.0f, 3.0f};

static size_t outputs_of(elman_loss_kind loss) {
    const size_t outputs = elman_loss_outputs(loss, 3);
    return loss == ELMAN_LOSS_CROSS_ENTROPY ? WIDEST : outputs == 1 ? 2 : outputs;
}

/* Batches of other steps and rows each, the second with lengths, one of which is 0. */
static void open_batches(Batches *batches, Sample samples[BATCHES], const NetworkSpec *spec,
                         elman_loss_kind loss) {
    static const size_t steps[BATCHES] = {5, LONGEST, 2}, rows[BATCHES] = {3, 4, 2};
    batches->count = BATCHES;
    for (size_t i = 0; i < BATCHES; i++) {
        samples[i] = random_sample(spec, steps[i], rows[i], i == 1, false, 20 + i);
        const size_t numbers = sample_positions(spec, &samples[i]) * spec->outputs;
        float *const values = samples[i].values;
        for (size_t k = 0; k < numbers; k++) {
            if (loss == ELMAN_LOSS_NEGATIVE_BINOMIAL) values[k] = floorf(4.0f + 4.0f * values[k]);
            if (k % 7 == 3) values[k] = NAN;
        }
        batches->batch[i] = (elman_batch){
            .struct_size = sizeof(elman_batch),
            .sequence = sample_sequence(&samples[i], false),
            .targets = {.struct_size = sizeof(elman_targets),
                        .loss = loss,
                        .classes = samples[i].classes,
                        .class_weights = class_weights,
                        .numbers = values,
                        .scales = scales,
                        .huber_delta = 0.3,
                        .quantiles = levels,
                        .quantile_count = 3},
        };
    }
}

/* Sums over positions: of losses, and of what they weigh. */
typedef struct Sums {
    double loss, weight;
} Sums;

static double weight_at(const elman_targets *targets, size_t at, size_t outputs) {
    if (targets->loss == ELMAN_LOSS_CROSS_ENTROPY)
        return targets->classes[at] < 0 ? 0.0 : (double)class_weights[targets->classes[at]];
    const size_t width = elman_loss_outputs(targets->loss, 0) == 1 ? outputs : 1;
    double count = 0.0;
    for (size_t i = 0; i < width; i++)
        if (!isnan(targets->numbers[at * width + i])) count++;
    return count;
}

/* Adds what a batch loses, at all its positions. */
static void add_batch(const elman_network *network, const elman_batch *batch, size_t outputs,
                      bool one_output, Sums *sums) {
    const size_t steps = batch->sequence.steps, rows = batch->sequence.batch;
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = steps, .batch = rows, .forward_only = 1};
    double losses[LONGEST * 4];
    elman_tape *tape = NULL;
    elman_loss loss;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &batch->sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_loss(tape, &batch->targets, &loss, NULL), ELMAN_OK);
    elman_tape_losses(tape, losses);
    for (size_t at = 0; at < (one_output ? 1 : steps) * rows; at++) {
        const size_t length = batch->sequence.lengths ? batch->sequence.lengths[at % rows] : steps;
        if (one_output ? length == 0 : at / rows >= length) continue;
        sums->loss += losses[at];
        sums->weight += weight_at(&batch->targets, at, outputs);
    }
    elman_tape_destroy(tape);
}

/* The same of the last `most` steps of each of its rows, which have one output. */
static void add_cut_rows(const elman_network *network, const elman_batch *batch, size_t inputs,
                         size_t outputs, size_t most, Sums *sums) {
    const size_t rows = batch->sequence.batch;
    const size_t width = elman_loss_outputs(batch->targets.loss, 0) == 1 ? outputs : 1;
    for (size_t b = 0; b < rows; b++) {
        const size_t length =
            batch->sequence.lengths ? batch->sequence.lengths[b] : batch->sequence.steps;
        const size_t steps = length < most ? length : most;
        float x[LONGEST * 4];
        elman_batch row = *batch;
        if (length == 0) continue;
        for (size_t t = 0; t < steps; t++)
            memcpy(x + t * inputs,
                   batch->sequence.dense + ((length - steps + t) * rows + b) * inputs,
                   inputs * sizeof *x);
        row.sequence.steps = steps;
        row.sequence.batch = 1;
        row.sequence.dense = x;
        row.sequence.lengths = NULL;
        row.targets.classes += b;
        row.targets.numbers += b * width;
        row.targets.scales += b;
        add_batch(network, &row, outputs, true, sums);
    }
}

static void check_near(double got, Sums want, const char *what, elman_loss_kind loss) {
    const double mean = want.loss / want.weight;
    /* Sums of less than 64 numbers in another order. */
    if (fabs(got - mean) > 64 * 0x1p-52 * fmax(1.0, fabs(mean)))
        fail_msg("%s, %s: %.17g, expected %.17g", elman_loss_name(loss), what, got, mean);
}

static void check_loss(elman_loss_kind loss, elman_output output) {
    const NetworkSpec spec = {.inputs = 3,
                              .cell = ELMAN_CELL_GRU,
                              .layers = 1,
                              .hidden = 6,
                              .outputs = outputs_of(loss),
                              .output = output};
    const bool one_output = spec_one_output(&spec);
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 3);
    elman_network *network = NULL;
    Sample samples[BATCHES];
    Batches batches;
    elman_diagnosis_summary summary;
    Sums all = {0.0, 0.0};
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    open_batches(&batches, samples, &spec, loss);
    elman_diagnosis *const diagnosis = diagnose(model, &batches, 0, LONGEST, &summary);
    for (size_t i = 0; i < BATCHES; i++)
        add_batch(network, &batches.batch[i], spec.outputs, one_output, &all);
    check_near(summary.loss, all, "all", loss);
    for (size_t k = 0; one_output && k < summary.context_count; k++) {
        Sums cut = {0.0, 0.0};
        for (size_t i = 0; i < BATCHES; i++)
            add_cut_rows(network, &batches.batch[i], spec.inputs, spec.outputs,
                         summary.contexts[k].steps, &cut);
        check_near(summary.contexts[k].loss, cut, "cut", loss);
    }
    assert_int_equal(summary.context_count, 7); /* 1 2 3 4 6 8 9 */
    elman_diagnosis_destroy(diagnosis);
    for (size_t i = 0; i < BATCHES; i++) sample_free(&samples[i]);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void all_losses(void **state) {
    (void)state;
    for (int loss = ELMAN_LOSS_CROSS_ENTROPY; loss <= ELMAN_LOSS_NEGATIVE_BINOMIAL; loss++) {
        check_loss((elman_loss_kind)loss, ELMAN_OUTPUT_EVERY_STEP);
        check_loss((elman_loss_kind)loss, ELMAN_OUTPUT_LAST_STEP);
    }
}

/* ---- Not measured ---- */

static void check_unmeasured(const NetworkSpec *spec, bool drift) {
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, spec, 3);
    Sample samples[BATCHES];
    Batches batches;
    elman_diagnosis_summary summary;
    open_batches(&batches, samples, spec, ELMAN_LOSS_MSE);
    elman_diagnosis *const diagnosis = diagnose(model, &batches, 0, LONGEST, &summary);
    assert_true(isnan(summary.used_horizon));
    assert_int_equal(summary.context_count, 0);
    assert_int_equal(summary.drift_count > 0, drift);
    assert_int_equal(summary.free_count, 0);
    elman_diagnosis_destroy(diagnosis);
    for (size_t i = 0; i < BATCHES; i++) sample_free(&samples[i]);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void unmeasured(void **state) {
    NetworkSpec spec = {.inputs = 2,
                        .cell = ELMAN_CELL_RNN,
                        .layers = 1,
                        .hidden = 4,
                        .outputs = 2,
                        .output = ELMAN_OUTPUT_MEAN};
    (void)state;
    check_unmeasured(&spec, true);
    spec.output = ELMAN_OUTPUT_EVERY_STEP;
    spec.bidirectional = true;
    check_unmeasured(&spec, false);
}

/* ---- Drift ---- */

/* The mean loss and the root mean square of h from step `first` on. */
static void check_stretch(const float *x, size_t first, size_t end, double loss, double norm) {
    double losses = 0.0, squares = 0.0, n = (double)((end - first) * ROWS);
    for (size_t t = first; t < end; t++)
        for (size_t b = 0; b < ROWS; b++)
            for (size_t k = 0; k <= LAG && k <= t; k++) {
                squares += (double)x[(t - k) * ROWS + b];
                /* The targets are 0. */
                if (k == LAG) losses += (double)x[(t - k) * ROWS + b];
            }
    assert_true(fabs(loss - losses / n) < 1e-15);
    assert_true(fabs(norm - sqrt(squares / (n * (LAG + 1)))) < 1e-15);
}

static void drift(void **state) {
    /* Of window / 4 steps; of a sixteenth of all; what is left over in the last. */
    static const struct {
        size_t window, count, steps;
    } cases[] = {{20, 8, 5}, {28, 6, 7}, {36, 4, 9}, {0, 20, 2}, {3, 20, 2}};
    float x[STEPS * ROWS], y[STEPS * ROWS];
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = shift_register(context);
    Batches batches = shifted_bits(x, y);
    (void)state;
    memset(y, 0, sizeof y);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elman_diagnosis_summary summary;
        elman_diagnosis *const diagnosis = diagnose(model, &batches, cases[i].window, 10, &summary);
        const elman_layer_diagnosis *const layer = elman_diagnosis_layer(diagnosis, 0);
        assert_int_equal(summary.drift_count, cases[i].count);
        for (size_t k = 0; k < summary.drift_count; k++) {
            const size_t first = k * cases[i].steps;
            const bool last = k + 1 == summary.drift_count;
            assert_int_equal(summary.drift_position[k], first);
            check_stretch(x, first, last ? STEPS : first + cases[i].steps, summary.drift_loss[k],
                          layer->state_norm[k]);
        }
        assert_null(layer->free_norm);
        elman_diagnosis_destroy(diagnosis);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void refused_projection(void **state) {
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 4,
                              .cell = ELMAN_CELL_LSTM,
                              .layers = 1,
                              .hidden = 6,
                              .projection = 2,
                              .outputs = 4};
    const int32_t text[40] = {0};
    const elman_diagnose_options options = {.struct_size = sizeof options, .window = 8};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 1);
    elman_diagnosis *diagnosis = NULL;
    elman_error error = {0};
    (void)state;
    assert_int_equal(elman_diagnose_tokens(model, text, 40, &options, &diagnosis, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "layer 0 has a projection"));
    assert_null(diagnosis);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Counts: the token after i is i + 1. The state's one unit says which it was. */
static void free_running(void **state) {
    enum { TOKENS = 7, TEXT = 60, WINDOW = 8 };
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = TOKENS,
                              .cell = ELMAN_CELL_RNN_RELU,
                              .layers = 1,
                              .hidden = TOKENS,
                              .no_bias = true,
                              .outputs = TOKENS,
                              .head_no_bias = true};
    float input[TOKENS * TOKENS] = {0}, recurrent[TOKENS * TOKENS] = {0},
                         head[TOKENS * TOKENS] = {0};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 1);
    for (size_t i = 0; i < TOKENS; i++) {
        input[i * TOKENS + i] = (float)(i + 1);
        head[(i + 1) % TOKENS * TOKENS + i] = 1000.0f;
    }
    fill_tensor(model, "rnn.weight_ih_l0", input);
    fill_tensor(model, "rnn.weight_hh_l0", recurrent);
    fill_tensor(model, "head.weight", head);
    const int32_t text[TEXT] = {0};
    const elman_diagnose_options options = {.struct_size = sizeof options, .window = WINDOW};
    elman_diagnosis *diagnosis = NULL;
    elman_diagnosis_summary summary;
    (void)state;
    assert_int_equal(elman_diagnose_tokens(model, text, TEXT, &options, &diagnosis, NULL),
                     ELMAN_OK);
    elman_diagnosis_summarize(diagnosis, &summary);
    assert_int_equal(summary.free_count, 4 * WINDOW / (WINDOW / 4));
    for (size_t k = 0; k < summary.free_count; k++) {
        /* Two steps each. */
        const double a = (double)(2 * k % TOKENS + 1), b = (double)((2 * k + 1) % TOKENS + 1);
        const double want = sqrt((a * a + b * b) / (2 * TOKENS));
        assert_int_equal(summary.free_position[k], 2 * k);
        assert_true(fabs(elman_diagnosis_layer(diagnosis, 0)->free_norm[k] - want) < 1e-14);
    }
    elman_diagnosis_destroy(diagnosis);

    /* One that runs away: 1e20 times as much at each step, which is not finite in the third. */
    for (size_t i = 0; i < TOKENS; i++) recurrent[i * TOKENS + i] = 1e20f;
    memset(head, 0, sizeof head);
    head[0] = 1.0f;
    fill_tensor(model, "rnn.weight_hh_l0", recurrent);
    fill_tensor(model, "head.weight", head);
    const int32_t short_text[3] = {0};
    assert_int_equal(elman_diagnose_tokens(model, short_text, 3, &options, &diagnosis, NULL),
                     ELMAN_OK);
    const double *const norms = elman_diagnosis_layer(diagnosis, 0)->free_norm;
    assert_true(isfinite(norms[0]) && norms[0] > 1e18);
    assert_true(isinf(norms[1]) && isinf(norms[15]));
    elman_diagnosis_destroy(diagnosis);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- Threads and memory ---- */

enum { VOCABULARY = 11, TOKENS = 700 };

static const NetworkSpec text_spec = {.input = ELMAN_INPUT_EMBEDDING,
                                      .inputs = VOCABULARY,
                                      .embedding = 6,
                                      .cell = ELMAN_CELL_LSTM,
                                      .layers = 2,
                                      .hidden = 20,
                                      .outputs = VOCABULARY};

static elman_status diagnose_text(const elman_model *model, size_t window,
                                  elman_diagnosis **diagnosis, elman_error *error) {
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = window, .lags = 3 * window / 2, .rows = 12};
    int32_t tokens[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) tokens[i] = (int32_t)((i * i / 3 + i / 7) % VOCABULARY);
    return elman_diagnose_tokens(model, tokens, TOKENS, &options, diagnosis, error);
}

static void same_at_any_thread_count(void **state) {
    elman_diagnosis *first = NULL;
    elman_error error = {0};
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        elman_context *const context = open_context(NULL, threads);
        elman_model *const model = random_model(context, &text_spec, 6);
        elman_diagnosis *diagnosis = NULL;
        elman_diagnosis_summary a, b;
        if (diagnose_text(model, 20, &diagnosis, &error)) fail_msg("%s", error.message);
        if (!first) first = diagnosis;
        elman_diagnosis_summarize(first, &a);
        elman_diagnosis_summarize(diagnosis, &b);
        assert_int_equal(b.context_count, a.context_count);
        assert_memory_equal(a.contexts, b.contexts, a.context_count * sizeof *a.contexts);
        assert_memory_equal(&a.used_horizon, &b.used_horizon, sizeof a.used_horizon);
        assert_int_equal(a.drift_count, b.drift_count);
        assert_memory_equal(a.drift_loss, b.drift_loss, a.drift_count * sizeof *a.drift_loss);
        assert_int_equal(a.free_count, 16);
        for (size_t l = 0; l < 2; l++) {
            const elman_layer_diagnosis *const x = elman_diagnosis_layer(first, l),
                                               *const y = elman_diagnosis_layer(diagnosis, l);
            assert_memory_equal(x->state_norm, y->state_norm, a.drift_count * sizeof(double));
            assert_memory_equal(x->free_norm, y->free_norm, a.free_count * sizeof(double));
        }
        if (diagnosis != first) elman_diagnosis_destroy(diagnosis);
        elman_model_destroy(model);
        elman_context_destroy(context);
    }
    elman_diagnosis_destroy(first);
}

static elman_status diagnose_small(const elman_model *model, elman_diagnosis **diagnosis) {
    return diagnose_text(model, 4, diagnosis, NULL);
}

static void each_allocation_fails(void **state) {
    NetworkSpec spec = text_spec;
    spec.hidden = 3;
    (void)state;
    fail_each_allocation_of_diagnosis(diagnose_small, &spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_horizon),
        cmocka_unit_test(beyond_the_most),
        cmocka_unit_test(all_losses),
        cmocka_unit_test(unmeasured),
        cmocka_unit_test(drift),
        cmocka_unit_test(refused_projection),
        cmocka_unit_test(free_running),
        cmocka_unit_test(same_at_any_thread_count),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
