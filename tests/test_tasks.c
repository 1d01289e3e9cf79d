/* Synthetic tasks: each target recomputed from its input, each floor from the targets. */
#include <math.h>

#include "test_tasks_support.h"

enum { ROWS = 500 };

/* The mean of independent samples, with its standard error. */
typedef struct Mean {
    double sum, squares, count;
} Mean;

static void mean_add(Mean *mean, double sample) {
    mean->sum += sample;
    mean->squares += sample * sample;
    mean->count += 1.0;
}

/* Within five standard errors: by chance once in a million and a half. */
static void check_mean(const Mean *mean, double expected, const char *what) {
    const double value = mean->sum / mean->count;
    const double variance = mean->squares / mean->count - value * value;
    const double bound = 5.0 * sqrt(fmax(variance, 0.0) / mean->count) + 1e-12;
    if (!(fabs(value - expected) <= bound))
        fail_msg("%s: %.6g, expected %.6g +- %.2g", what, value, expected, bound);
}

static void adding(void **state) {
    Mean loss = {0}, where = {0};
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "adding", .length = 37, .seed = 3}, ROWS);
    for (uint64_t first = 0; first < 4 * ROWS; first += ROWS) {
        draw(&d, ELMAN_TASK_TEST, first);
        for (size_t row = 0; row < ROWS; row++) {
            double sum = 0.0, marks = 0.0;
            for (size_t step = 0; step < 37; step++) {
                const double value = dense_at(&d, step, row, 0), mark = dense_at(&d, step, row, 1);
                assert_true(value >= 0.0 && value <= 1.0);
                assert_true(mark == 0.0 || mark == 1.0);
                sum += value * mark;
                marks += mark;
                if (mark == 1.0) mean_add(&where, (double)step);
            }
            assert_true(marks == 2.0);
            assert_true(fabs(sum - d.batch.numbers[row]) <= 2.0 * 0x1p-24);
            mean_add(&loss, pow(d.batch.numbers[row] - 1.0, 2.0));
        }
    }
    check_mean(&loss, d.info.floors[0].loss, "adding, always 1");
    check_mean(&where, 18.0, "where the marks are");
    drawn_close(&d);
}

static void copy(void **state) {
    double seen[9] = {0};
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "copy", .length = 6, .seed = 4}, ROWS);
    assert_int_equal(d.info.steps, 26);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t step = 0; step < 26; step++) {
            const int32_t token = token_at(&d, step, row), class = class_at(&d, step, row);
            if (step < 10) {
                assert_in_range(token, 1, 8);
                assert_int_equal(token, class_at(&d, 16 + step, row));
                seen[token] += 1.0;
            } else {
                assert_int_equal(token, step == 15 ? 9 : 0);
            }
            if (step < 16) assert_int_equal(class, 0);
        }
    }
    /* 5000 symbols, 625 of each expected, with a standard deviation of 23.4. */
    for (int symbol = 1; symbol <= 8; symbol++) assert_true(fabs(seen[symbol] - 625.0) < 5 * 23.4);
    /* Ten of 26 targets cost ln 8. */
    assert_true(fabs(d.info.floors[0].loss - 10.0 * log(8.0) / 26.0) < 1e-15);
    drawn_close(&d);
}

static void check_parity(bool final_only) {
    Mean odd = {0};
    Drawn d;
    drawn_open(&d, (elman_task_options){.name = "parity", .length = 23, .final_only = final_only},
               ROWS);
    assert_int_equal(d.info.output, final_only ? ELMAN_OUTPUT_LAST_STEP : ELMAN_OUTPUT_EVERY_STEP);
    draw(&d, ELMAN_TASK_VALID, 7);
    for (size_t row = 0; row < ROWS; row++) {
        int ones = 0;
        for (size_t step = 0; step < 23; step++) {
            ones += token_at(&d, step, row);
            assert_in_range(token_at(&d, step, row), 0, 1);
            if (!final_only) assert_int_equal(class_at(&d, step, row), ones % 2);
        }
        if (final_only) assert_int_equal(d.batch.classes[row], ones % 2);
        mean_add(&odd, ones % 2);
    }
    check_mean(&odd, 0.5, "parity");
    assert_true(fabs(d.info.floors[0].loss - log(2.0)) < 1e-15);
    drawn_close(&d);
}

static void parity(void **state) {
    (void)state;
    check_parity(false);
    check_parity(true);
}

/* The class from what X and Y there are; where they may stand as the paper has it for T = 100. */
static void check_order(const char *name, size_t relevant, const size_t (*ranges)[2]) {
    double seen[8] = {0};
    Drawn d;
    drawn_open(&d, (elman_task_options){.name = name, .length = 100, .seed = 9}, ROWS);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    for (size_t row = 0; row < ROWS; row++) {
        size_t found = 0;
        int32_t class = 0;
        assert_int_equal(token_at(&d, 0, row), 4);
        assert_int_equal(token_at(&d, 99, row), 5);
        for (size_t step = 1; step < 99; step++) {
            const int32_t token = token_at(&d, step, row);
            if (token < 4) continue;
            assert_in_range(token, 6, 7);
            assert_true(found < relevant);
            assert_in_range(step, ranges[found][0], ranges[found][1] - 1);
            class = 2 * class + (token == 7);
            found++;
        }
        assert_int_equal(found, relevant);
        assert_int_equal(d.batch.classes[row], class);
        seen[class] += 1.0;
    }
    const double classes = (double)d.info.outputs, share = 1.0 / classes;
    const double deviation = sqrt(ROWS * share * (1.0 - share));
    for (size_t i = 0; i < d.info.outputs; i++)
        assert_true(fabs(seen[i] - ROWS * share) < 5.0 * deviation);
    assert_true(fabs(d.info.floors[0].loss - log(classes)) < 1e-15);
    drawn_close(&d);
}

static void temporal_order(void **state) {
    static const size_t two[][2] = {{10, 20}, {50, 60}},
                        three[][2] = {{10, 20}, {33, 43}, {66, 76}};
    (void)state;
    check_order("temporal-order", 2, two);
    check_order("temporal-order-3", 3, three);
}

/* How many ways `left` brackets of one kind bring a depth to 0, by counting, as a logarithm. */
static double ways[41][42];

static void count_ways(void) {
    memset(ways, 0, sizeof(ways));
    ways[0][0] = 1.0;
    for (size_t left = 1; left <= 40; left++) {
        for (size_t depth = 0; depth <= 40; depth++) {
            ways[left][depth] = ways[left - 1][depth + 1];
            if (depth > 0) ways[left][depth] += ways[left - 1][depth - 1];
        }
    }
}

/* Words nest, and a predictor with a stack, which knows the chances by counting, pays what the best
 * does; one without pays the lower floor. */
static void dyck(void **state) {
    Mean with_stack = {0}, without = {0}, opening = {0};
    Drawn d;
    (void)state;
    count_ways();
    drawn_open(&d, (elman_task_options){.name = "dyck", .length = 40, .seed = 2}, ROWS);
    draw(&d, ELMAN_TASK_TEST, 0);
    for (size_t row = 0; row < ROWS; row++) {
        int32_t stack[40], before = 4;
        size_t depth = 0;
        double cost = 0.0, closing = 0.0;
        for (size_t step = 0; step < 40; step++) {
            const int32_t bracket = class_at(&d, step, row);
            assert_int_equal(token_at(&d, step, row), before);
            before = bracket;
            const double open = ways[39 - step][depth + 1] / ways[40 - step][depth];
            if (bracket < 2) {
                cost -= log(open / 2.0);
                stack[depth++] = bracket;
            } else {
                assert_true(depth > 0);
                assert_int_equal(stack[--depth], bracket - 2);
                cost -= log(1.0 - open);
                closing += log(2.0);
            }
            mean_add(&opening, bracket < 2);
        }
        assert_int_equal(depth, 0);
        mean_add(&with_stack, cost / 40.0);
        mean_add(&without, (cost + closing) / 40.0);
    }
    check_mean(&with_stack, d.info.best, "dyck, a stack");
    check_mean(&without, d.info.floors[1].loss, "dyck, the depth");
    check_mean(&opening, 0.5, "dyck, opening brackets");
    assert_true(fabs(d.info.floors[0].loss - log(4.0)) < 1e-15);
    drawn_close(&d);
}

/* The eight words of four brackets are equally likely. */
static void dyck_is_even(void **state) {
    double seen[256] = {0};
    size_t words = 0;
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "dyck", .length = 4}, 4000);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    for (size_t row = 0; row < 4000; row++) {
        int32_t word = 0;
        for (size_t step = 0; step < 4; step++) word = 4 * word + class_at(&d, step, row);
        seen[word] += 1.0;
    }
    for (size_t i = 0; i < 256; i++) {
        if (seen[i] == 0.0) continue;
        words++;
        assert_true(fabs(seen[i] - 500.0) < 5.0 * sqrt(4000.0 * 7.0 / 64.0));
    }
    assert_int_equal(words, 8);
    drawn_close(&d);
}

/* What the two series share: each target is the next input; the floors by measuring. */
static void check_series(Drawn *d, size_t length, double centre, Mean *last, Mean *constant) {
    for (size_t row = 0; row < d->batch.batch; row++) {
        double last_loss = 0.0, constant_loss = 0.0;
        for (size_t step = 0; step < length; step++) {
            const double x = dense_at(d, step, row, 0), next = number_at(d, step, row);
            if (step + 1 < length) assert_true(next == (double)dense_at(d, step + 1, row, 0));
            last_loss += (next - x) * (next - x);
            constant_loss += (next - centre) * (next - centre);
        }
        mean_add(last, last_loss / (double)length);
        mean_add(constant, constant_loss / (double)length);
    }
}

static double glass(double x, double delayed) {
    return 0.2 * delayed / (1.0 + pow(delayed, 10.0)) - 0.1 * x;
}

/* The series fulfils its equation: over two units of time x changes by the integral of the right
 * side, by Simpson's rule over the sequence's own values. */
static void mackey_glass(void **state) {
    Mean last = {0}, constant = {0}, value = {0};
    double worst = 0.0, change = 0.0;
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "mackey-glass", .length = 120, .seed = 5}, 400);
    draw(&d, ELMAN_TASK_TEST, 0);
    for (size_t row = 0; row < 400; row++) {
        double slope[120];
        for (size_t step = 17; step < 120; step++)
            slope[step] = glass(dense_at(&d, step, row, 0), dense_at(&d, step - 17, row, 0));
        for (size_t step = 17; step + 2 < 120; step++) {
            const double moved = dense_at(&d, step + 2, row, 0) - dense_at(&d, step, row, 0);
            const double integral = (slope[step] + 4.0 * slope[step + 1] + slope[step + 2]) / 3.0;
            worst = fmax(worst, fabs(moved - integral));
            change = fmax(change, fabs(moved));
        }
        for (size_t step = 0; step < 120; step++) mean_add(&value, dense_at(&d, step, row, 0));
    }
    assert_true(change > 0.1);
    if (!(worst < 0.02 * change)) fail_msg("off by %g where x changes by up to %g", worst, change);
    check_series(&d, 120, value.sum / value.count, &last, &constant);
    check_mean(&constant, d.info.floors[0].loss, "mackey-glass, the mean");
    check_mean(&last, d.info.floors[1].loss, "mackey-glass, the last value");
    drawn_close(&d);
}

/* How far x is from every x(t + 2) = 2 c x(t + 1) - x(t): the variance of the noise, for the c that
 * explains most. */
static double least_noise(const Drawn *d, size_t row, size_t length) {
    double least = INFINITY;
    for (double c = 0.8; c < 1.0; c += 0.0005) {
        double squares = 0.0;
        for (size_t step = 0; step + 2 < length; step++) {
            const double rest = dense_at(d, step + 2, row, 0) + dense_at(d, step, row, 0) -
                                2.0 * c * dense_at(d, step + 1, row, 0);
            squares += rest * rest;
        }
        least = fmin(least, squares / (double)(length - 2) / (2.0 + 4.0 * c * c));
    }
    return least;
}

static void sine(void **state) {
    Mean last = {0}, constant = {0}, left = {0};
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "sine", .length = 60, .seed = 6}, 4000);
    draw(&d, ELMAN_TASK_VALID, 0);
    check_series(&d, 60, 0.0, &last, &constant);
    check_mean(&constant, d.info.floors[0].loss, "sine, always 0");
    check_mean(&last, d.info.floors[1].loss, "sine, the last value");
    drawn_close(&d);
    drawn_open(&d, (elman_task_options){.name = "sine", .length = 400, .seed = 6}, 20);
    draw(&d, ELMAN_TASK_TEST, 0);
    for (size_t row = 0; row < 20; row++) mean_add(&left, least_noise(&d, row, 400));
    assert_true(fabs(left.sum / left.count / d.info.best - 1.0) < 0.05);
    drawn_close(&d);
}

/* Each sequence is the same wherever it stands; parts, seeds and tasks differ. */
static void sequences_are_numbered(void **state) {
    (void)state;
    for (size_t i = 0; i < elman_task_count(); i++) {
        Drawn all, one, other;
        const elman_task_options options = {
            .name = elman_task_name(i), .length = 30, .shortest = 12, .seed = 1};
        elman_task_options reseeded = options;
        reseeded.seed = UINT64_C(1) << 40;
        drawn_open(&all, options, 9);
        drawn_open(&one, options, 1);
        drawn_open(&other, reseeded, 9);
        draw(&all, ELMAN_TASK_TRAIN, 100);
        const size_t inputs = all.info.input == ELMAN_INPUT_DENSE ? all.info.input_size : 1;
        const void *const all_input =
            all.batch.dense ? (const void *)all.batch.dense : (const void *)all.batch.tokens;
        const void *const one_input =
            one.batch.dense ? (const void *)one.batch.dense : (const void *)one.batch.tokens;
        for (size_t row = 0; row < 9; row++) {
            draw(&one, ELMAN_TASK_TRAIN, 100 + row);
            assert_int_equal(one.batch.lengths[0], all.batch.lengths[row]);
            assert_int_equal(one.batch.steps, one.batch.lengths[0]);
            for (size_t step = 0; step < one.batch.steps; step++)
                assert_memory_equal((const char *)one_input + 4 * step * inputs,
                                    (const char *)all_input + 4 * (step * 9 + row) * inputs,
                                    4 * inputs);
            for (size_t step = one.batch.steps; step < all.batch.steps && all.info.classes &&
                                                all.info.output == ELMAN_OUTPUT_EVERY_STEP;
                 step++)
                assert_int_equal(class_at(&all, step, row), -1);
        }
        const size_t bytes = 4 * all.batch.steps * 9 * inputs;
        void *kept = calloc(bytes, 1);
        memcpy(kept, all_input, bytes);
        draw(&other, ELMAN_TASK_TRAIN, 100);
        assert_int_not_equal(
            memcmp(kept, other.batch.dense ? (void *)other.batch.dense : (void *)other.batch.tokens,
                   4 * 12 * 9 * inputs),
            0);
        draw(&all, ELMAN_TASK_TEST, 100);
        assert_int_equal(all.batch.steps, all.info.steps);
        assert_int_not_equal(memcmp(kept, all_input, 4 * 12 * 9 * inputs), 0);
        free(kept);
        drawn_close(&other);
        drawn_close(&one);
        drawn_close(&all);
    }
}

/* Every length from the shortest on comes up, even ones alone where they must be even. */
static void lengths_vary(void **state) {
    (void)state;
    for (int even = 0; even < 2; even++) {
        double seen[41] = {0};
        Drawn d;
        drawn_open(
            &d,
            (elman_task_options){.name = even ? "dyck" : "parity", .length = 40, .shortest = 20},
            4200);
        draw(&d, ELMAN_TASK_TRAIN, 0);
        for (size_t row = 0; row < 4200; row++) seen[d.batch.lengths[row]] += 1.0;
        const double choices = even ? 11.0 : 21.0, expected = 4200.0 / choices;
        for (size_t length = 0; length <= 40; length++) {
            const bool may = length >= 20 && !(even && length % 2);
            assert_true(fabs(seen[length] - (may ? expected : 0.0)) <=
                        (may ? 5.0 * sqrt(expected) : 0.0));
        }
        drawn_close(&d);
    }
}

/* What a small case must give, to the bit, on every machine: computed in Python from the definition
 * of the generator and of the task. */
static void bytes_stay(void **state) {
    static const int32_t brackets[] = {1, 3, 0, 2, 1, 3, 1, 3};
    Drawn d;
    (void)state;
    drawn_open(&d, (elman_task_options){.name = "dyck", .length = 8, .seed = 1}, 1);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    for (size_t i = 0; i < 8; i++)
        if (d.batch.classes[i] != brackets[i])
            fail_msg("bracket %zu is %d", i, (int)d.batch.classes[i]);
    drawn_close(&d);
    drawn_open(&d, (elman_task_options){.name = "mackey-glass", .length = 3, .seed = 1}, 1);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    if (d.batch.numbers[2] != 0x1.3fe218p-1f)
        fail_msg("mackey-glass: %a", (double)d.batch.numbers[2]);
    drawn_close(&d);
    drawn_open(&d, (elman_task_options){.name = "sine", .length = 3, .seed = 1}, 1);
    draw(&d, ELMAN_TASK_TRAIN, 0);
    if (d.batch.numbers[2] != -0x1.36cce8p-5f) fail_msg("sine: %a", (double)d.batch.numbers[2]);
    drawn_close(&d);
}

static void check_refused(elman_task_options options, const char *expected) {
    elman_context *context;
    elman_task *task;
    elman_error error = {0};
    options.struct_size = sizeof(options);
    assert_int_equal(elman_context_create(NULL, &context, NULL), ELMAN_OK);
    assert_int_equal(elman_task_create(context, &options, &task, &error), ELMAN_ERR_ARGUMENT);
    assert_null(task);
    if (!strstr(error.message, expected)) fail_msg("%s", error.message);
    elman_context_destroy(context);
}

static void nonsense_is_refused(void **state) {
    elman_error error = {0};
    Drawn d;
    (void)state;
    check_refused((elman_task_options){.name = NULL}, "no task without a name");
    check_refused((elman_task_options){.name = "addin"}, "no task addin, expected adding, copy");
    check_refused((elman_task_options){.name = "adding", .length = 1}, "is 1, expected 2 to");
    check_refused((elman_task_options){.name = "copy", .length = ELMAN_TASK_LENGTH_MAX + 1},
                  "is 1000001, expected 1 to 1000000");
    check_refused((elman_task_options){.name = "temporal-order", .length = 9}, "expected 10 to");
    check_refused((elman_task_options){.name = "dyck", .length = 7}, "expected an even number");
    check_refused((elman_task_options){.name = "dyck", .length = 8, .shortest = 3},
                  "shortest length is 3, expected an even number");
    check_refused((elman_task_options){.name = "parity", .length = 8, .shortest = 9},
                  "shortest length is 9, expected 1 to 8");
    check_refused((elman_task_options){.name = "copy", .final_only = 1}, "for parity alone");
    assert_null(elman_task_name(elman_task_count()));

    drawn_open(&d, (elman_task_options){.name = "adding"}, 1);
    assert_int_equal(
        elman_task_generate(d.task, ELMAN_TASK_TRAIN, UINT64_C(1) << 40, &d.batch, &error),
        ELMAN_ERR_ARGUMENT);
    elman_task_batch batch = d.batch;
    batch.numbers = NULL;
    assert_int_equal(elman_task_generate(d.task, ELMAN_TASK_TRAIN, 0, &batch, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "adding needs dense, lengths and numbers"));
    batch = d.batch;
    batch.struct_size = 1;
    assert_int_equal(elman_task_generate(d.task, ELMAN_TASK_TRAIN, 0, &batch, &error),
                     ELMAN_ERR_ARGUMENT);
    drawn_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding),
        cmocka_unit_test(copy),
        cmocka_unit_test(parity),
        cmocka_unit_test(temporal_order),
        cmocka_unit_test(dyck),
        cmocka_unit_test(dyck_is_even),
        cmocka_unit_test(mackey_glass),
        cmocka_unit_test(sine),
        cmocka_unit_test(sequences_are_numbered),
        cmocka_unit_test(lengths_vary),
        cmocka_unit_test(bytes_stay),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
