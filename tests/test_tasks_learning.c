/* Learning a task: it beats the floor, any number of threads gives the same bits, what is refused
 * and what happens without memory. */
#include <math.h>

#include "test_tasks_support.h"

#include "core/digest.h"
#include "support/allocator.h"

static elman_model *task_model(elman_context *context, const elman_task_info *info, elman_cell cell,
                               size_t hidden) {
    elman_model *model = NULL;
    const elman_init_options init = {.struct_size = sizeof(init), .seed = 1};
    const elman_status status =
        info->input == ELMAN_INPUT_DENSE
            ? elman_model_create(context, info->input_size, &model, NULL)
            : elman_model_create_tokens(context, info->input_size, 0, &model, NULL);
    if (status) return NULL;
    elman_model_add_cell(model, cell, hidden);
    elman_model_add_linear(model, info->outputs, 0);
    elman_model_set_output(model, info->output);
    if (elman_model_build(model, &init, NULL) == ELMAN_OK) return model;
    elman_model_destroy(model);
    return NULL;
}

static void train(Drawn *d, elman_model *model, double rate, uint64_t steps) {
    const elman_train_options options = {.struct_size = sizeof(options),
                                         .optimizer = ELMAN_OPTIMIZER_ADAM,
                                         .learning_rate = rate,
                                         .clip_norm = 1.0};
    elman_trainer *trainer = NULL;
    elman_error error = {0};
    assert_int_equal(elman_trainer_create(model, &options, &trainer, NULL), ELMAN_OK);
    for (uint64_t i = 0; i < steps; i++) {
        draw(d, ELMAN_TASK_TRAIN, i * d->batch.batch);
        const elman_sequence sequence = {.struct_size = sizeof(sequence),
                                         .steps = d->batch.steps,
                                         .batch = d->batch.batch,
                                         .dense = d->batch.dense,
                                         .tokens = d->batch.tokens,
                                         .lengths = d->batch.lengths};
        const elman_targets targets = {.struct_size = sizeof(targets),
                                       .loss = d->batch.classes ? ELMAN_LOSS_CROSS_ENTROPY
                                                                : ELMAN_LOSS_MSE,
                                       .classes = d->batch.classes,
                                       .numbers = d->batch.numbers};
        if (elman_trainer_step(trainer, &sequence, &targets, NULL, NULL, &error))
            fail_msg("%s", error.message);
    }
    elman_trainer_destroy(trainer);
}

static elman_task_score evaluate(const elman_task *task, const elman_model *model,
                                 size_t sequences) {
    elman_network *network = NULL;
    elman_task_score score;
    elman_error error = {0};
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    if (elman_task_evaluate(task, network, ELMAN_TASK_TEST, sequences, &score, &error))
        fail_msg("%s", error.message);
    elman_network_destroy(network);
    return score;
}

/* Trains on up to `length` and checks that the loss is below `share` of the lowest floor. */
static void check_learns(elman_task_options options, elman_cell cell, size_t hidden, double rate,
                         uint64_t steps, double share) {
    Drawn d;
    drawn_open(&d, options, 16);
    elman_model *model = task_model(d.context, &d.info, cell, hidden);
    const elman_task_score before = evaluate(d.task, model, 200);
    train(&d, model, rate, steps);
    const elman_task_score after = evaluate(d.task, model, 200);
    const double floor = d.info.floors[d.info.floor_count - 1].loss;
    if (!(before.loss > 0.5 * floor && after.loss < share * floor))
        fail_msg("%s: from %g to %g, the floor is %g", d.info.name, before.loss, after.loss, floor);
    if (d.info.classes) assert_true(after.targets_right > before.targets_right);
    if (!d.info.classes) assert_true(isnan(after.targets_right) && isnan(after.sequences_right));
    elman_model_destroy(model);
    drawn_close(&d);
}

static void learning_beats_the_floor(void **state) {
    (void)state;
    check_learns((elman_task_options){.name = "adding", .length = 8, .shortest = 2}, ELMAN_CELL_GRU,
                 16, 0.02, 300, 0.2);
    check_learns((elman_task_options){.name = "copy", .length = 1}, ELMAN_CELL_GRU, 32, 0.02, 400,
                 0.95);
    check_learns((elman_task_options){.name = "parity", .length = 6, .shortest = 1},
                 ELMAN_CELL_LSTM, 16, 0.03, 300, 0.5);
    check_learns((elman_task_options){.name = "temporal-order", .length = 10}, ELMAN_CELL_LSTM, 16,
                 0.03, 200, 0.5);
    check_learns((elman_task_options){.name = "dyck", .length = 8}, ELMAN_CELL_LSTM, 16, 0.03, 200,
                 0.95);
    check_learns((elman_task_options){.name = "mackey-glass", .length = 30}, ELMAN_CELL_GRU, 16,
                 0.02, 200, 0.5);
    check_learns((elman_task_options){.name = "sine", .length = 30}, ELMAN_CELL_GRU, 16, 0.02, 200,
                 0.8);
}

/* A network whose head gives the same everywhere, on sequences of several lengths: what it is to
 * score is counted from the targets. */
static void the_score_is_the_loss(void **state) {
    Drawn d;
    elman_network *network = NULL;
    elman_tensor weight, bias;
    elman_task_score score;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "parity", .length = 9, .shortest = 4}, 1);
    elman_model *model = task_model(d.context, &d.info, ELMAN_CELL_RNN, 4);
    assert_int_equal(elman_model_find_tensor(model, "head.weight", &weight, NULL), ELMAN_OK);
    assert_int_equal(elman_model_find_tensor(model, "head.bias", &bias, NULL), ELMAN_OK);
    memset(weight.data, 0, weight.count * sizeof(float));
    bias.data[0] = 1.0F;
    bias.data[1] = 0.0F;
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_task_evaluate(d.task, network, ELMAN_TASK_TRAIN, 130, &score, NULL),
                     ELMAN_OK);
    size_t odd = 0, whole = 0, all = 0;
    for (uint64_t i = 0; i < 130; i++) {
        size_t wrong = 0;
        draw(&d, ELMAN_TASK_TRAIN, i);
        for (size_t step = 0; step < d.batch.steps; step++) wrong += (size_t)class_at(&d, step, 0);
        all += d.batch.steps;
        odd += wrong;
        whole += wrong == 0;
    }
    const double share = (double)odd / (double)all, likely = log(1.0 + exp(-1.0));
    assert_int_equal(score.targets, all);
    assert_true(whole > 0 && all < 130 * 9);
    assert_true(fabs(score.targets_right - (1.0 - share)) < 1e-12);
    assert_true(fabs(score.sequences_right - (double)whole / 130.0) < 1e-12);
    assert_true(fabs(score.loss - (likely + share)) < 1e-6);
    elman_network_destroy(network);
    elman_model_destroy(model);
    drawn_close(&d);
}

/* Weights and figures after a few steps with so many threads. */
static elman_task_score run_with_threads(size_t threads, char digest_text[DIGEST_TEXT_SIZE]) {
    const elman_context_options options = {.struct_size = sizeof(options), .threads = threads};
    elman_context *context = NULL;
    Digest digest;
    Drawn d;
    drawn_open(&d, (elman_task_options){.name = "dyck", .length = 12, .shortest = 2}, 10);
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_model *model = task_model(context, &d.info, ELMAN_CELL_GRU, 20);
    train(&d, model, 0.01, 6);
    digest_begin(&digest);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        digest_update(&digest, tensor.data, tensor.count * sizeof(float));
    }
    digest_end(&digest, digest_text);
    const elman_task_score score = evaluate(d.task, model, 70);
    elman_model_destroy(model);
    elman_context_destroy(context);
    drawn_close(&d);
    return score;
}

static void threads_change_nothing(void **state) {
    char one[DIGEST_TEXT_SIZE], three[DIGEST_TEXT_SIZE];
    (void)state;
    const elman_task_score a = run_with_threads(1, one), b = run_with_threads(3, three);
    assert_string_equal(one, three);
    assert_true(a.loss == b.loss && a.targets_right == b.targets_right);
}

static void other_networks_are_refused(void **state) {
    elman_network *network = NULL;
    elman_task_score score;
    elman_error error = {0};
    Drawn adding, copy, parity;
    (void)state;
    drawn_open(&adding, (elman_task_options){.name = "adding", .length = 3}, 1);
    drawn_open(&copy, (elman_task_options){.name = "copy", .length = 3}, 1);
    drawn_open(&parity, (elman_task_options){.name = "parity", .length = 3, .final_only = 1}, 1);
    elman_model *model = task_model(copy.context, &copy.info, ELMAN_CELL_RNN, 2);
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_task_evaluate(adding.task, network, ELMAN_TASK_TEST, 5, &score, &error),
                     ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "adding needs a model that reads 2 numbers, not 10"));
    assert_int_equal(elman_task_evaluate(copy.task, network, ELMAN_TASK_TEST, 0, &score, &error),
                     ELMAN_ERR_ARGUMENT);
    elman_network_destroy(network);
    elman_model_destroy(model);
    parity.info.output = ELMAN_OUTPUT_EVERY_STEP;
    model = task_model(parity.context, &parity.info, ELMAN_CELL_RNN, 2);
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_task_evaluate(parity.task, network, ELMAN_TASK_TEST, 5, &score, &error),
                     ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "2 outputs at the last step, not 2 at every"));
    elman_network_destroy(network);
    elman_model_destroy(model);
    drawn_close(&parity);
    drawn_close(&copy);
    drawn_close(&adding);
}

/* Creates a task and measures on it with an allocator that fails at some time. */
static elman_status try_all(CountingAllocator *counting, const char *name) {
    const elman_context_options options = {.struct_size = sizeof(options),
                                           .allocator = counting_allocator(counting)};
    const elman_task_options wanted = {.struct_size = sizeof(wanted), .name = name, .length = 10};
    elman_context *context = NULL;
    elman_task *task = NULL;
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_task_info info;
    elman_task_score score;
    elman_status status = elman_context_create(&options, &context, NULL);
    if (!status) status = elman_task_create(context, &wanted, &task, NULL);
    if (!status) {
        elman_task_describe(task, &info);
        model = task_model(context, &info, ELMAN_CELL_GRU, 2);
        status = model ? elman_network_compile(model, &network, NULL) : ELMAN_ERR_MEMORY;
    }
    if (!status) status = elman_task_evaluate(task, network, ELMAN_TASK_TEST, 3, &score, NULL);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_task_destroy(task);
    elman_context_destroy(context);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int dense = 0; dense < 2; dense++) {
        const char *name = dense ? "adding" : "copy";
        elman_status status = ELMAN_ERR_MEMORY;
        for (long allow = 0; status != ELMAN_OK; allow++) {
            CountingAllocator counting = {.allow = allow};
            status = try_all(&counting, name);
            assert_int_equal(counting.live, 0);
            assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
            assert_true(allow < 200);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_beats_the_floor),  cmocka_unit_test(the_score_is_the_loss),
        cmocka_unit_test(threads_change_nothing),    cmocka_unit_test(other_networks_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
