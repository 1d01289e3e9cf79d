/* One training step: what it reports, what it changes, and what it refuses. */
#include <float.h>
#include <math.h>

#include "test_train_support.h"

#include "support/allocator.h"

enum { STEPS = 5, BATCH = 3 };

/* A model that maps two numbers to one, and a batch for it. */
typedef struct Regression {
    elman_context *context;
    elman_model *model;
    float input[STEPS * BATCH * 2], target[STEPS * BATCH];
    elman_sequence sequence;
} Regression;

static void regression_begin(Regression *r, elman_cell cell, float size) {
    r->context = make_context(1, NULL);
    r->model = NULL;
    assert_int_equal(elman_model_create(r->context, 2, &r->model, NULL), ELMAN_OK);
    elman_model_add_cell(r->model, cell, 4);
    elman_model_add_cell(r->model, cell, 3);
    elman_model_add_linear(r->model, 1, 0);
    assert_int_equal(elman_model_build(r->model, NULL, NULL), ELMAN_OK);
    for (int i = 0; i < STEPS * BATCH * 2; i++) r->input[i] = size * (float)sin(i * 0.7);
    for (int i = 0; i < STEPS * BATCH; i++) r->target[i] = size * (float)cos(i * 0.3);
    r->sequence = (elman_sequence){
        .struct_size = sizeof(elman_sequence), .steps = STEPS, .batch = BATCH, .dense = r->input};
}

static void regression_end(Regression *r) {
    elman_model_destroy(r->model);
    elman_context_destroy(r->context);
}

static elman_trainer *make_trainer(elman_model *model, elman_train_options options) {
    elman_trainer *trainer = NULL;
    elman_error error = {0};
    options.struct_size = sizeof(options);
    if (elman_trainer_create(model, &options, &trainer, &error) != ELMAN_OK)
        fail_msg("%s", error.message);
    return trainer;
}

static elman_status step(elman_trainer *trainer, const Regression *r, elman_step_report *report,
                         elman_error *error) {
    const elman_targets targets = {
        .struct_size = sizeof(targets), .loss = ELMAN_LOSS_MSE, .numbers = r->target};
    return elman_trainer_step(trainer, &r->sequence, &targets, NULL, report, error);
}

/* All weights one behind the other. */
static size_t copy_weights(const elman_model *model, float *weights) {
    size_t count = 0;
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        memcpy(weights + count, tensor.data, tensor.count * sizeof(float));
        count += tensor.count;
    }
    return count;
}

/* Their gradients by a tape of our own. */
static void copy_gradients(const Regression *r, float *gradients, elman_loss *loss) {
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = STEPS, .batch = BATCH};
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    assert_int_equal(elman_network_compile(r->model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &r->sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_mean_squared_error(tape, r->target, loss, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_backward(tape, NULL, NULL), ELMAN_OK);
    size_t count = 0;
    for (size_t i = 0; i < elman_model_tensor_count(r->model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_tape_gradient(tape, i, &tensor), ELMAN_OK);
        memcpy(gradients + count, tensor.data, tensor.count * sizeof(float));
        count += tensor.count;
    }
    elman_tape_destroy(tape);
    elman_network_destroy(network);
}

enum { WEIGHTS_MAX = 1024 };

static double norm_of(const float *x, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Plain gradient descent with clipping, against the gradients of a tape of our own: one product and
 * one fused multiply-add away, and one more product when clipped. */
static void check_descent(double clip_norm) {
    static float before[WEIGHTS_MAX], after[WEIGHTS_MAX], gradients[WEIGHTS_MAX];
    Regression r;
    regression_begin(&r, ELMAN_CELL_LSTM, 1.0f);
    elman_trainer *trainer =
        make_trainer(r.model, (elman_train_options){.optimizer = ELMAN_OPTIMIZER_SGD,
                                                    .learning_rate = 0.25,
                                                    .clip_norm = clip_norm});
    for (uint64_t number = 1; number <= 3; number++) {
        elman_step_report report;
        elman_loss loss;
        const size_t count = copy_weights(r.model, before);
        copy_gradients(&r, gradients, &loss);
        assert_int_equal(step(trainer, &r, &report, NULL), ELMAN_OK);
        copy_weights(r.model, after);
        const double norm = norm_of(gradients, count);
        double factor = 1.0;
        if (clip_norm > 0 && norm > clip_norm) factor = clip_norm / (norm + 1e-6);
        for (size_t i = 0; i < count; i++) {
            const double change = 0.25 * factor * gradients[i];
            const double bound = 0x1p-24 * (fabs((double)after[i]) + 3 * fabs(change));
            if (!(fabs(after[i] - (before[i] - change)) <= bound))
                fail_msg("weight %zu: %.9g, expected %.9g", i, after[i], before[i] - change);
        }
        assert_int_equal(report.step, number);
        assert_int_equal(report.epoch, 0);
        assert_int_equal(report.total_steps, 0);
        assert_true(report.loss == loss.mean);
        assert_true(report.learning_rate == 0.25);
        assert_int_equal(report.predicted, STEPS * BATCH);
        assert_true(fabs(report.gradient_norm - norm) <= 1e-14 * norm);
        assert_int_equal(report.clipped, factor != 1.0);
        assert_false(report.validated);
    }
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void a_step_descends_along_the_gradient(void **state) {
    (void)state;
    check_descent(0.0);
    check_descent(0.01);
    check_descent(100.0);
}

static void update_ratio_is_per_layer(void **state) {
    (void)state;
    Regression r;
    regression_begin(&r, ELMAN_CELL_GRU, 1.0f);
    elman_trainer *trainer = make_trainer(r.model, (elman_train_options){.learning_rate = 1e-2});
    elman_step_report report;
    double change[3] = {0}, weight[3] = {0};
    static float before[WEIGHTS_MAX];
    copy_weights(r.model, before);
    assert_int_equal(step(trainer, &r, &report, NULL), ELMAN_OK);
    size_t at = 0;
    for (size_t i = 0; i < elman_model_tensor_count(r.model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(r.model, i, &tensor), ELMAN_OK);
        const size_t group = strncmp(tensor.name, "rnn.", 4) != 0 ? 2
                             : strstr(tensor.name, "_l1") != NULL ? 1
                                                                  : 0;
        for (size_t j = 0; j < tensor.count; j++, at++) {
            const double delta = (double)tensor.data[j] - (double)before[at];
            change[group] += delta * delta;
            weight[group] += (double)tensor.data[j] * (double)tensor.data[j];
        }
    }
    assert_int_equal(report.update_ratio_count, 3);
    for (size_t group = 0; group < 3; group++) {
        const double expected = sqrt(change[group] / weight[group]);
        assert_true(expected > 1e-4);
        assert_true(fabs(report.update_ratio[group] - expected) <= 1e-6 * expected);
    }
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void clipping_by_value_comes_first(void **state) {
    (void)state;
    static float before[WEIGHTS_MAX], after[WEIGHTS_MAX], gradients[WEIGHTS_MAX];
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN, 4.0f);
    elman_trainer *trainer = make_trainer(
        r.model, (elman_train_options){
                     .optimizer = ELMAN_OPTIMIZER_SGD, .learning_rate = 1.0, .clip_value = 0.125});
    elman_loss loss;
    elman_step_report report;
    const size_t count = copy_weights(r.model, before);
    copy_gradients(&r, gradients, &loss);
    assert_int_equal(step(trainer, &r, &report, NULL), ELMAN_OK);
    copy_weights(r.model, after);
    size_t clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const double limited = fmin(0.125, fmax(-0.125, (double)gradients[i]));
        clipped += limited != (double)gradients[i];
        assert_true(fabs(after[i] - (before[i] - limited)) <= 0x1p-24 * fabs((double)after[i]));
    }
    assert_true(clipped > 0 && clipped < count);
    assert_true(report.clipped);
    assert_true(fabs(report.gradient_norm - norm_of(gradients, count)) <
                1e-14 * report.gradient_norm);
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void decay_and_momentum_reach_the_kernel(void **state) {
    (void)state;
    static float before[WEIGHTS_MAX], after[WEIGHTS_MAX], gradients[WEIGHTS_MAX];
    static double velocity[WEIGHTS_MAX];
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN, 1.0f);
    elman_trainer *trainer =
        make_trainer(r.model, (elman_train_options){.optimizer = ELMAN_OPTIMIZER_SGD,
                                                    .learning_rate = 0.125,
                                                    .momentum = 0.5,
                                                    .weight_decay = 0.25});
    memset(velocity, 0, sizeof(velocity));
    for (int number = 0; number < 4; number++) {
        elman_loss loss;
        const size_t count = copy_weights(r.model, before);
        copy_gradients(&r, gradients, &loss);
        assert_int_equal(step(trainer, &r, NULL, NULL), ELMAN_OK);
        copy_weights(r.model, after);
        for (size_t i = 0; i < count; i++) {
            velocity[i] = 0.5 * velocity[i] + gradients[i] + 0.25 * before[i];
            /* At most four roundings of numbers below 4 in all. */
            assert_true(fabs(after[i] - (before[i] - 0.125 * velocity[i])) <= 4 * 4 * 0x1p-24);
        }
    }
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

/* The loss of a step is that of a pass whose mask is named by seed and step. */
static void each_step_has_a_dropout_mask_of_its_own(void **state) {
    (void)state;
    static const int32_t tokens[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const ModelShape shape = {.cell = ELMAN_CELL_GRU, .hidden = 20, .layers = 2, .dropout = 0.5f};
    elman_context *context = make_context(1, NULL);
    elman_model *model = make_model(context, &shape, 1);
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    const elman_tape_options options = {.struct_size = sizeof(options), .steps = 4, .batch = 1};
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = 4, .batch = 1, .tokens = tokens};
    /* A rate too small to change a weight. */
    elman_trainer *trainer = make_trainer(
        model, (elman_train_options){
                   .optimizer = ELMAN_OPTIMIZER_SGD, .learning_rate = 1e-30, .seed = 77});
    double losses[3];
    for (uint64_t number = 1; number <= 3; number++) {
        elman_step_report report;
        elman_loss loss;
        const elman_targets targets = {.struct_size = sizeof(targets), .classes = tokens + 4};
        assert_int_equal(elman_trainer_step(trainer, &sequence, &targets, NULL, &report, NULL),
                         ELMAN_OK);
        elman_sequence masked = sequence;
        masked.training = 1;
        masked.dropout_seed = 77;
        masked.dropout_pass = number;
        assert_int_equal(elman_tape_forward(tape, &masked, NULL), ELMAN_OK);
        assert_int_equal(elman_tape_cross_entropy(tape, tokens + 4, &loss, NULL), ELMAN_OK);
        assert_true(report.loss == loss.mean);
        losses[number - 1] = loss.mean;
    }
    assert_true(losses[0] != losses[1] && losses[1] != losses[2]);
    elman_trainer_destroy(trainer);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void expect_not_finite(elman_trainer *trainer, const Regression *r, const char *number,
                              const char *tensor) {
    static float before[WEIGHTS_MAX], after[WEIGHTS_MAX];
    elman_error error = {0};
    elman_step_report report;
    const size_t count = copy_weights(r->model, before);
    assert_int_equal(step(trainer, r, &report, &error), ELMAN_ERR_NOT_FINITE);
    assert_int_equal(error.status, ELMAN_ERR_NOT_FINITE);
    if (strstr(error.message, number) == NULL || strstr(error.message, tensor) == NULL ||
        strstr(error.message, "kept") == NULL)
        fail_msg("\"%s\" does not name %s and %s", error.message, number, tensor);
    copy_weights(r->model, after);
    assert_memory_equal(before, after, count * sizeof(float));
}

/* Block 3 of an LSTM's rows is the output gate, block 1 the forget gate. */
static void the_gate_of_a_planted_nan_is_named(void **state) {
    (void)state;
    static const struct {
        const char *tensor;
        elman_cell cell;
        size_t block;
        const char *words, *letter;
        int layer;
    } cases[] = {
        {"rnn.weight_hh_l1", ELMAN_CELL_LSTM, 1, "rnn.weight_hh_l1 (forget gate)", "f", 1},
        {"rnn.weight_ih_l0", ELMAN_CELL_LSTM, 3, "rnn.weight_ih_l0 (output gate)", "o", 0},
        {"rnn.bias_hh_l1", ELMAN_CELL_GRU, 2, "rnn.bias_hh_l1 (new content)", "n", 1},
        {"rnn.weight_hh_l0", ELMAN_CELL_GRU, 1, "rnn.weight_hh_l0 (update gate)", "z", 0},
        {"rnn.weight_hh_l0", ELMAN_CELL_RNN, 0, "rnn.weight_hh_l0 holds", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        static const size_t blocks[] = {
            [ELMAN_CELL_RNN] = 1, [ELMAN_CELL_LSTM] = 4, [ELMAN_CELL_GRU] = 3};
        Regression r;
        elman_tensor tensor;
        elman_not_finite where;
        regression_begin(&r, cases[i].cell, 1.0f);
        elman_trainer *trainer =
            make_trainer(r.model, (elman_train_options){.learning_rate = 1e-2});
        assert_int_equal(elman_trainer_not_finite(trainer, &where), 0);
        assert_int_equal(elman_model_find_tensor(r.model, cases[i].tensor, &tensor, NULL),
                         ELMAN_OK);
        tensor.data[cases[i].block * tensor.count / blocks[cases[i].cell]] = NAN;
        expect_not_finite(trainer, &r, "step 1:", cases[i].words);
        assert_int_equal(elman_trainer_not_finite(trainer, &where), 1);
        assert_int_equal(where.step, 1);
        assert_int_equal(where.layer, cases[i].layer);
        assert_string_equal(where.tensor, cases[i].tensor);
        if (cases[i].letter)
            assert_string_equal(where.gate, cases[i].letter);
        else
            assert_null(where.gate);
        elman_trainer_destroy(trainer);
        regression_end(&r);
    }
}

static void a_planted_nan_is_named(void **state) {
    (void)state;
    Regression r;
    regression_begin(&r, ELMAN_CELL_LSTM, 1.0f);
    elman_trainer *trainer = make_trainer(r.model, (elman_train_options){.learning_rate = 1e-2});
    for (int i = 0; i < 2; i++) assert_int_equal(step(trainer, &r, NULL, NULL), ELMAN_OK);
    elman_tensor tensor;
    assert_int_equal(elman_model_find_tensor(r.model, "rnn.weight_hh_l1", &tensor, NULL), ELMAN_OK);
    const float kept = tensor.data[5];
    tensor.data[5] = NAN;
    expect_not_finite(trainer, &r, "step 3:", "rnn.weight_hh_l1");
    /* And training goes on from where it was. */
    elman_step_report report;
    tensor.data[5] = kept;
    assert_int_equal(step(trainer, &r, &report, NULL), ELMAN_OK);
    assert_int_equal(report.step, 3);
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void an_input_that_is_infinite_is_noticed(void **state) {
    (void)state;
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN_RELU, 1.0f);
    elman_trainer *trainer = make_trainer(
        r.model, (elman_train_options){.learning_rate = 1e-2, .clip_value = 1, .clip_norm = 1});
    r.input[7] = INFINITY;
    expect_not_finite(trainer, &r, "step 1:", "the loss");
    /* The loss, in double, stays finite; the product of gradient and input does not. */
    r.input[7] = 1e38f;
    expect_not_finite(trainer, &r, "step 1:", "gradient of rnn.weight_ih_l0");
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void a_rate_that_is_too_high_ends_with_finite_weights(void **state) {
    (void)state;
    static float weights[WEIGHTS_MAX];
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN_RELU, 1.0f);
    elman_trainer *trainer = make_trainer(
        r.model, (elman_train_options){.optimizer = ELMAN_OPTIMIZER_SGD, .learning_rate = 1e6});
    elman_status status = ELMAN_OK;
    elman_error error = {0};
    for (int i = 0; i < 100 && status == ELMAN_OK; i++) status = step(trainer, &r, NULL, &error);
    assert_int_equal(status, ELMAN_ERR_NOT_FINITE);
    const size_t count = copy_weights(r.model, weights);
    for (size_t i = 0; i < count; i++) assert_true(isfinite(weights[i]));
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void weights_that_would_overflow_are_put_back(void **state) {
    (void)state;
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN, 100.0f);
    elman_trainer *trainer = make_trainer(
        r.model, (elman_train_options){.optimizer = ELMAN_OPTIMIZER_SGD, .learning_rate = 3e38});
    expect_not_finite(trainer, &r, "step 1:", "would hold");
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void gradients_too_large_to_be_squared_are_refused(void **state) {
    (void)state;
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN, 1.0f);
    for (int i = 0; i < STEPS * BATCH; i++) r.target[i] = 1e30f;
    elman_trainer *trainer = make_trainer(r.model, (elman_train_options){.learning_rate = 1e-3});
    expect_not_finite(trainer, &r, "step 1:", "too large");
    elman_trainer_destroy(trainer);
    /* Clipped, they are fine. */
    trainer = make_trainer(r.model, (elman_train_options){.learning_rate = 1e-3, .clip_norm = 1});
    assert_int_equal(step(trainer, &r, NULL, NULL), ELMAN_OK);
    elman_trainer_destroy(trainer);
    regression_end(&r);
}

static void refuses_what_makes_no_sense(void **state) {
    (void)state;
    elman_error error = {0};
    Regression r;
    regression_begin(&r, ELMAN_CELL_RNN, 1.0f);
    elman_trainer *trainer = make_trainer(
        r.model, (elman_train_options){.learning_rate = 1e-3, .schedule = ELMAN_SCHEDULE_COSINE});
    assert_int_equal(step(trainer, &r, NULL, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "schedule_steps"));
    elman_trainer_destroy(trainer);

    trainer = make_trainer(r.model, (elman_train_options){.learning_rate = 1e-3});
    const int32_t tokens[STEPS * BATCH] = {0};
    elman_targets targets = {
        .struct_size = sizeof(targets), .loss = ELMAN_LOSS_MSE, .classes = tokens};
    assert_int_equal(elman_trainer_step(trainer, &r.sequence, &targets, NULL, NULL, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "mse"));
    targets = (elman_targets){.struct_size = sizeof(targets), .numbers = r.target};
    assert_int_equal(elman_trainer_step(trainer, &r.sequence, &targets, NULL, NULL, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "cross-entropy"));
    assert_int_equal(elman_trainer_step(trainer, &r.sequence, NULL, NULL, NULL, &error),
                     ELMAN_ERR_ARGUMENT);
    r.sequence.steps = 0;
    assert_int_equal(step(trainer, &r, NULL, &error), ELMAN_ERR_ARGUMENT);
    elman_trainer_destroy(trainer);

    const elman_train_options none = {.struct_size = sizeof(none)};
    assert_int_equal(elman_trainer_create(r.model, &none, &trainer, &error), ELMAN_ERR_ARGUMENT);
    assert_null(trainer);
    regression_end(&r);
}

/* Builds a model and takes steps of two shapes with an allocator that fails. */
static elman_status train_with(CountingAllocator *counting) {
    const elman_context_options options = {.struct_size = sizeof(options),
                                           .allocator = counting_allocator(counting)};
    static const int32_t tokens[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 3, .layers = 2, .dropout = 0.25f};
    const elman_train_options train = {.struct_size = sizeof(train),
                                       .learning_rate = 1e-2,
                                       .checkpoint_path = "x",
                                       .description = "{}"};
    const elman_targets targets = {.struct_size = sizeof(targets), .classes = tokens + 4};
    elman_sequence sequence = {.struct_size = sizeof(sequence), .steps = 2, .tokens = tokens};
    elman_context *context = NULL;
    elman_trainer *trainer = NULL;
    elman_error error = {0};
    elman_status status = elman_context_create(&options, &context, &error);
    if (status != ELMAN_OK) return status;
    elman_model *model = make_model(context, &shape, 1);
    if (model == NULL)
        status = ELMAN_ERR_MEMORY;
    else
        status = elman_trainer_create(model, &train, &trainer, &error);
    for (sequence.batch = 1; status == ELMAN_OK && sequence.batch <= 2; sequence.batch++)
        status = elman_trainer_step(trainer, &sequence, &targets, NULL, NULL, &error);
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return status;
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = k};
        status = train_with(&counting);
        if ((status != ELMAN_OK && status != ELMAN_ERR_MEMORY) || counting.live != 0)
            fail_msg("k=%ld: status %d, %ld blocks leaked", k, (int)status, counting.live);
        assert_true(k < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_descends_along_the_gradient),
        cmocka_unit_test(update_ratio_is_per_layer),
        cmocka_unit_test(clipping_by_value_comes_first),
        cmocka_unit_test(decay_and_momentum_reach_the_kernel),
        cmocka_unit_test(each_step_has_a_dropout_mask_of_its_own),
        cmocka_unit_test(the_gate_of_a_planted_nan_is_named),
        cmocka_unit_test(a_planted_nan_is_named),
        cmocka_unit_test(an_input_that_is_infinite_is_noticed),
        cmocka_unit_test(a_rate_that_is_too_high_ends_with_finite_weights),
        cmocka_unit_test(weights_that_would_overflow_are_put_back),
        cmocka_unit_test(gradients_too_large_to_be_squared_are_refused),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(each_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
