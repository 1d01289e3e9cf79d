/* Losses of a whole pass: what counts, weights and scales, gradients through a network, refusals.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/random.h"
#include "core/special.h"
#include "model/loss.h"
#include "test_train_support.h"

enum { STEPS = 4, ROWS = 3, POSITIONS = STEPS * ROWS, WIDTH_MAX = 5, LOSSES = 8 };

static const double levels[WIDTH_MAX] = {0.05, 0.25, 0.5, 0.75, 0.95};
static const size_t widths[LOSSES] = {4, 3, 2, 3, 5, 2, 3, 2};
static const float class_weights[4] = {1.0f, 0.25f, 3.0f, 8.0f};
static const float scales[ROWS] = {1.0f, 20.0f, 0.5f};

/* A small network over made-up input, and targets of every kind, some of which do not count. */
typedef struct Pass {
    elman_context *context;
    elman_model *model;
    elman_network *network;
    elman_tape *tape;
    size_t width;
    size_t lengths[ROWS];
    float input[POSITIONS * 2], output[POSITIONS * WIDTH_MAX];
    float numbers[POSITIONS * WIDTH_MAX];
    int32_t classes[POSITIONS];
    elman_sequence sequence;
    elman_targets targets;
} Pass;

static float made_up(uint64_t at, double low, double high) {
    return (float)(low + (high - low) * random_uniform(5, RANDOM_TASK, 1, at));
}

static void compile(Pass *p) {
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = STEPS, .batch = ROWS};
    assert_int_equal(elman_network_compile(p->model, &p->network, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_create(p->network, &options, &p->tape, NULL), ELMAN_OK);
}

static void forward(Pass *p) {
    assert_int_equal(elman_tape_forward(p->tape, &p->sequence, NULL), ELMAN_OK);
    elman_tape_output(p->tape, p->output);
}

static void pass_begin(Pass *p, elman_loss_kind kind, size_t threads) {
    memset(p, 0, sizeof(*p));
    p->width = widths[kind];
    p->context = make_context(threads, NULL);
    assert_int_equal(elman_model_create(p->context, 2, &p->model, NULL), ELMAN_OK);
    elman_model_add_cell(p->model, ELMAN_CELL_GRU, 5);
    elman_model_add_linear(p->model, p->width, 0);
    const elman_init_options init = {.struct_size = sizeof(init), .seed = 4};
    assert_int_equal(elman_model_build(p->model, &init, NULL), ELMAN_OK);
    compile(p);
    for (size_t i = 0; i < POSITIONS * 2; i++) p->input[i] = made_up(i, -2.0, 2.0);
    for (size_t i = 0; i < POSITIONS * WIDTH_MAX; i++) {
        p->numbers[i] = made_up(1000 + i, -3.0, 3.0);
        if (kind == ELMAN_LOSS_NEGATIVE_BINOMIAL) p->numbers[i] = floorf(fabsf(p->numbers[i]) * 4);
    }
    for (size_t i = 0; i < POSITIONS; i++) p->classes[i] = (int32_t)(i % 4);
    p->classes[5] = -1;
    p->numbers[4] = p->numbers[7] = NAN;
    p->lengths[0] = STEPS - 2;
    p->lengths[1] = STEPS - 1;
    p->lengths[2] = STEPS;
    p->sequence = (elman_sequence){.struct_size = sizeof(p->sequence),
                                   .steps = STEPS,
                                   .batch = ROWS,
                                   .dense = p->input,
                                   .lengths = p->lengths};
    p->targets = (elman_targets){.struct_size = sizeof(p->targets),
                                 .loss = kind,
                                 .classes = p->classes,
                                 .class_weights = class_weights,
                                 .numbers = p->numbers,
                                 .scales = scales,
                                 .huber_delta = 0.75,
                                 .quantiles = levels,
                                 .quantile_count = kind == ELMAN_LOSS_QUANTILE ? WIDTH_MAX : 0};
    forward(p);
}

static void pass_end(Pass *p) {
    elman_tape_destroy(p->tape);
    elman_network_destroy(p->network);
    elman_model_destroy(p->model);
    elman_context_destroy(p->context);
}

static elman_loss take_loss(Pass *p) {
    elman_loss loss;
    elman_error error = {0};
    if (elman_tape_loss(p->tape, &p->targets, &loss, &error)) fail_msg("%s", error.message);
    return loss;
}

static bool of_numbers(elman_loss_kind kind) {
    return kind == ELMAN_LOSS_MSE || kind == ELMAN_LOSS_MAE || kind == ELMAN_LOSS_HUBER;
}

/* What a position adds to sum, weight and count, in plain double; its gradient before division. */
static double position_loss(const Pass *p, size_t at, double *weight, size_t *count,
                            double *gradient) {
    double a[WIDTH_MAX], sum = 0.0;
    const size_t width = p->width;
    for (size_t i = 0; i < WIDTH_MAX; i++) gradient[i] = 0.0;
    if (at / ROWS >= p->lengths[at % ROWS]) return 0.0;
    for (size_t i = 0; i < width; i++) a[i] = (double)p->output[at * width + i];
    if (p->targets.loss == ELMAN_LOSS_CROSS_ENTROPY) {
        if (p->classes[at] < 0) return 0.0;
        const double w = p->targets.class_weights ? (double)class_weights[p->classes[at]] : 1.0;
        for (size_t i = 0; i < width; i++) sum += exp(a[i]);
        for (size_t i = 0; i < width; i++) gradient[i] = w * exp(a[i]) / sum;
        gradient[p->classes[at]] -= w;
        *weight += w;
        (*count)++;
        return w * (log(sum) - a[p->classes[at]]);
    }
    for (size_t i = 0; of_numbers(p->targets.loss) && i < width; i++) {
        const double y = (double)p->numbers[at * width + i];
        if (isnan(y)) continue;
        sum += loss_of_difference(&p->targets, a[i] - y, &gradient[i]);
        *weight += 1.0;
        (*count)++;
    }
    if (of_numbers(p->targets.loss) || isnan(p->numbers[at])) return sum;
    *weight += 1.0;
    (*count)++;
    return loss_of_position(&p->targets, a, (double)p->numbers[at], (double)scales[at % ROWS],
                            gradient);
}

/* Mean, count, each position's loss and the gradient of the output. The tape's differences and
 * exponentials are floats: 4 units of theirs, and the size of logits and targets, below 16. */
static void means_and_output_gradients(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass p;
        pass_begin(&p, (elman_loss_kind)kind, 1);
        const elman_loss loss = take_loss(&p);
        double losses[POSITIONS], want[POSITIONS], gradients[POSITIONS][WIDTH_MAX];
        float gradient[POSITIONS * WIDTH_MAX];
        double weight = 0.0, sum = 0.0;
        size_t count = 0;
        elman_tape_losses(p.tape, losses);
        elman_tape_output_gradient(p.tape, gradient);
        for (size_t at = 0; at < POSITIONS; at++)
            sum += want[at] = position_loss(&p, at, &weight, &count, gradients[at]);
        assert_int_equal(loss.count, count);
        assert_true(count > 0 &&
                    fabs(loss.mean - sum / weight) <= 64 * 0x1p-24 * (1.0 + sum / weight));
        for (size_t at = 0; at < POSITIONS; at++) {
            assert_true(fabs(losses[at] - want[at]) <= 64 * 0x1p-24 * (1.0 + want[at]));
            for (size_t i = 0; i < p.width; i++) {
                const double expected = gradients[at][i] / weight;
                const double off = fabs((double)gradient[at * p.width + i] - expected);
                if (!(off <= 16 * 0x1p-24 * (fabs(expected) + 16.0 / weight)))
                    fail_msg("%s: gradient %zu of position %zu is %.9g, want %.9g",
                             elman_loss_name((elman_loss_kind)kind), i, at,
                             (double)gradient[at * p.width + i], expected);
            }
        }
        pass_end(&p);
    }
}

/* The loss with every weight moved by `step` times its gradient. */
static double moved_loss(Pass *p, const float *const *gradients, double step) {
    elman_tape_destroy(p->tape);
    elman_network_destroy(p->network);
    for (size_t i = 0; i < elman_model_tensor_count(p->model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(p->model, i, &tensor), ELMAN_OK);
        for (size_t k = 0; k < tensor.count; k++)
            tensor.data[k] += (float)(step * (double)gradients[i][k]);
    }
    compile(p);
    forward(p);
    return take_loss(p).mean;
}

/* Along the gradient g of all weights the loss rises by |g|^2. The step is such that it rises by
 * 2^-6 of itself; the loss is smooth to 2^-20 of itself there (its outputs are floats), so that the
 * quotient is good to 2^-13 and the curvature of the two steps' difference, checked by halving it.
 */
static void gradients_through_the_network(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass p;
        pass_begin(&p, (elman_loss_kind)kind, 1);
        /* No kink within reach: all far from their targets. */
        if (kind == ELMAN_LOSS_MAE || kind == ELMAN_LOSS_QUANTILE)
            for (size_t i = 0; i < POSITIONS * WIDTH_MAX; i++)
                p.numbers[i] += i % 2 ? 20.0f : -20.0f;
        const double loss = take_loss(&p).mean;
        assert_int_equal(elman_tape_backward(p.tape, NULL, NULL), ELMAN_OK);
        float *gradients[16] = {NULL};
        double square = 0.0;
        const size_t tensors = elman_model_tensor_count(p.model);
        assert_true(tensors <= 16);
        for (size_t i = 0; i < tensors; i++) {
            elman_tensor tensor;
            assert_int_equal(elman_tape_gradient(p.tape, i, &tensor), ELMAN_OK);
            gradients[i] = malloc(tensor.count * sizeof(float));
            memcpy(gradients[i], tensor.data, tensor.count * sizeof(float));
            for (size_t k = 0; k < tensor.count; k++)
                square += (double)gradients[i][k] * (double)gradients[i][k];
        }
        const double step = ldexp(fabs(loss) + 0.1, -6) / square;
        const float *const *const along = (const float *const *)gradients;
        const double up = moved_loss(&p, along, step), middle_up = moved_loss(&p, along, -step / 2);
        const double middle_down = moved_loss(&p, along, -step),
                     down = moved_loss(&p, along, -step / 2);
        const double rough = (up - down) / (2 * step), fine = (middle_up - middle_down) / step;
        const double bound = fabs(rough - fine) + ldexp(square, -10);
        if (!(fabs((4.0 * fine - rough) / 3.0 - square) <= bound &&
              fabs(rough - fine) < 0.05 * square))
            fail_msg("%s: slope %.6g, then %.6g, gradient squared %.6g",
                     elman_loss_name((elman_loss_kind)kind), rough, fine, square);
        for (size_t i = 0; i < tensors; i++) free(gradients[i]);
        pass_end(&p);
    }
}

/* The same bits from one thread and from three; a tape without backward gives the same mean. */
static void threads_and_forward_only(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass one, three;
        float first[POSITIONS * WIDTH_MAX], second[POSITIONS * WIDTH_MAX];
        pass_begin(&one, (elman_loss_kind)kind, 1);
        pass_begin(&three, (elman_loss_kind)kind, 3);
        const elman_loss a = take_loss(&one), b = take_loss(&three);
        elman_tape_output_gradient(one.tape, first);
        elman_tape_output_gradient(three.tape, second);
        assert_true(a.mean == b.mean && a.count == b.count);
        assert_memory_equal(first, second, POSITIONS * one.width * sizeof(float));
        const elman_tape_options options = {
            .struct_size = sizeof(options), .steps = STEPS, .batch = ROWS, .forward_only = 1};
        elman_tape_destroy(one.tape);
        assert_int_equal(elman_tape_create(one.network, &options, &one.tape, NULL), ELMAN_OK);
        forward(&one);
        assert_true(take_loss(&one).mean == a.mean);
        pass_end(&one);
        pass_end(&three);
    }
}

/* Nothing counts: the loss is 0 over 0 and moves no weight. */
static void nothing_counts(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass p;
        pass_begin(&p, (elman_loss_kind)kind, 1);
        for (size_t i = 0; i < POSITIONS * WIDTH_MAX; i++) p.numbers[i] = NAN;
        for (size_t i = 0; i < POSITIONS; i++) p.classes[i] = -1;
        const elman_loss loss = take_loss(&p);
        assert_true(loss.mean == 0.0 && loss.count == 0);
        assert_int_equal(elman_tape_backward(p.tape, NULL, NULL), ELMAN_OK);
        for (size_t i = 0; i < elman_model_tensor_count(p.model); i++) {
            elman_tensor tensor;
            assert_int_equal(elman_tape_gradient(p.tape, i, &tensor), ELMAN_OK);
            for (size_t k = 0; k < tensor.count; k++) assert_true(tensor.data[k] == 0.0f);
        }
        pass_end(&p);
    }
}

/* Outputs of +-3e38 from the head's bias, targets as far away: finite, and gradients within 1e30.
 */
static void extremes_stay_finite(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++)
        for (int sign = -1; sign <= 1; sign += 2) {
            Pass p;
            elman_tensor bias;
            float gradient[POSITIONS * WIDTH_MAX];
            pass_begin(&p, (elman_loss_kind)kind, 1);
            const bool counts = kind == ELMAN_LOSS_NEGATIVE_BINOMIAL;
            for (size_t i = 0; i < POSITIONS * WIDTH_MAX; i++)
                p.numbers[i] = i % 2 && !counts ? -3.4e38f : 3.4e38f;
            assert_int_equal(
                elman_model_tensor(p.model, elman_model_tensor_count(p.model) - 1, &bias),
                ELMAN_OK);
            for (size_t i = 0; i < bias.count; i++)
                bias.data[i] = (float)sign * (i % 2 ? 3e38f : -3e38f);
            elman_tape_destroy(p.tape);
            elman_network_destroy(p.network);
            compile(&p);
            forward(&p);
            assert_true(isfinite(take_loss(&p).mean));
            elman_tape_output_gradient(p.tape, gradient);
            for (size_t i = 0; i < POSITIONS * p.width; i++)
                assert_true(fabsf(gradient[i]) <= 1.0001e30f);
            assert_int_equal(elman_tape_backward(p.tape, NULL, NULL), ELMAN_OK);
            for (size_t i = 0; i < elman_model_tensor_count(p.model); i++) {
                elman_tensor tensor;
                assert_int_equal(elman_tape_gradient(p.tape, i, &tensor), ELMAN_OK);
                for (size_t k = 0; k < tensor.count; k++) assert_true(isfinite(tensor.data[k]));
            }
            pass_end(&p);
        }
}

static void refuse(Pass *p, const elman_targets *targets, const char *sentence) {
    elman_loss loss;
    elman_error error = {0};
    assert_int_equal(elman_tape_loss(p->tape, targets, &loss, &error), ELMAN_ERR_ARGUMENT);
    if (!strstr(error.message, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
}

static void refusals(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass p;
        pass_begin(&p, (elman_loss_kind)kind, 1);
        elman_targets wrong = p.targets;
        wrong.classes = NULL;
        wrong.numbers = NULL;
        refuse(&p, &wrong, kind == 0 ? "needs classes" : "needs numbers");
        for (int other = ELMAN_LOSS_QUANTILE; other < LOSSES; other++) {
            wrong = p.targets;
            wrong.loss = (elman_loss_kind)other;
            wrong.quantile_count = WIDTH_MAX;
            if (widths[other] != p.width) refuse(&p, &wrong, "needs a model with");
        }
        if (kind != ELMAN_LOSS_CROSS_ENTROPY) {
            p.numbers[0] = -INFINITY;
            refuse(&p, &p.targets, "position 0 is infinite");
        }
        pass_end(&p);
    }
}

static void refusals_of_one_loss(void **state) {
    (void)state;
    static const double equal[2] = {0.5, 0.5}, zero[1] = {0.0}, one[1] = {1.0},
                        nan_level[1] = {NAN};
    static const float bad_weights[4] = {1.0f, 2.0f, 0.0f, 1.0f};
    Pass p;
    pass_begin(&p, ELMAN_LOSS_CROSS_ENTROPY, 1);
    refuse(&p, &(elman_targets){.struct_size = sizeof(elman_targets), .loss = (elman_loss_kind)8},
           "no loss 8");
    elman_targets wrong = p.targets;
    wrong.class_weights = bad_weights;
    refuse(&p, &wrong, "weight of class 2");
    pass_end(&p);

    pass_begin(&p, ELMAN_LOSS_HUBER, 1);
    p.targets.huber_delta = -1.0;
    refuse(&p, &p.targets, "huber_delta");
    p.targets.huber_delta = NAN;
    refuse(&p, &p.targets, "huber_delta");
    pass_end(&p);

    pass_begin(&p, ELMAN_LOSS_QUANTILE, 1);
    wrong = p.targets;
    wrong.quantile_count = 0;
    refuse(&p, &wrong, "0 levels");
    wrong.quantile_count = ELMAN_LOSS_QUANTILES_MAX + 1;
    refuse(&p, &wrong, "100 levels, expected 1 to 99");
    wrong = p.targets;
    wrong.quantiles = NULL;
    refuse(&p, &wrong, "levels");
    wrong.quantiles = equal;
    wrong.quantile_count = 2;
    refuse(&p, &wrong, "level 1 of the loss quantile is not between the one before it and 1");
    wrong.quantile_count = 1;
    wrong.quantiles = zero;
    refuse(&p, &wrong, "level 0");
    wrong.quantiles = one;
    refuse(&p, &wrong, "level 0");
    wrong.quantiles = nan_level;
    refuse(&p, &wrong, "level 0");
    pass_end(&p);

    pass_begin(&p, ELMAN_LOSS_NEGATIVE_BINOMIAL, 1);
    static const float bad_scales[ROWS] = {1.0f, -2.0f, 1.0f};
    wrong = p.targets;
    wrong.scales = bad_scales;
    refuse(&p, &wrong, "scale of row 1");
    p.numbers[1] = -1.0f;
    refuse(&p, &p.targets, "position 1 is negative, expected a count");
    pass_end(&p);
}

/* A trainer's steps lower each of them. */
static void training_lowers_them(void **state) {
    (void)state;
    for (int kind = 0; kind < LOSSES; kind++) {
        Pass p;
        const elman_train_options options = {.struct_size = sizeof(options), .learning_rate = 1e-2};
        elman_trainer *trainer = NULL;
        elman_step_report first, last;
        pass_begin(&p, (elman_loss_kind)kind, 1);
        assert_int_equal(elman_trainer_create(p.model, &options, &trainer, NULL), ELMAN_OK);
        for (int i = 0; i < 60; i++)
            assert_int_equal(elman_trainer_step(trainer, &p.sequence, &p.targets, NULL,
                                                i == 0 ? &first : &last, NULL),
                             ELMAN_OK);
        assert_true(last.loss < first.loss - 0.1);
        elman_trainer_destroy(trainer);
        pass_end(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_output_gradients),
        cmocka_unit_test(gradients_through_the_network),
        cmocka_unit_test(threads_and_forward_only),
        cmocka_unit_test(nothing_counts),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(refusals),
        cmocka_unit_test(refusals_of_one_loss),
        cmocka_unit_test(training_lowers_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
