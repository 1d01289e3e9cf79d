/* Tasks of prediction: the Mackey-Glass equation and a noisy sine. */
#include <math.h>

#include "data/tasks.h"

/* Draws behind that of the length. */
enum { FIRST_DRAW = 1 };

/* Mackey-Glass: dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t), by Runge and Kutta's method
 * of fourth order with ten steps to a unit of time; the delayed value in the middle of a step is
 * the mean of those at its ends. */
enum { DELAY = 17, PER_UNIT = 10, HISTORY = DELAY * PER_UNIT, WARM_UP = 200 };

typedef struct Glass {
    double x;
    double past[HISTORY]; /* a ring: past[at] is x one delay ago */
    size_t at;
} Glass;

static double grow(double delayed) {
    const double square = delayed * delayed, fourth = square * square;
    return 0.2 * delayed / (1.0 + fourth * fourth * square);
}

static void glass_step(Glass *glass) {
    const double h = 1.0 / PER_UNIT, x = glass->x;
    const size_t next = (glass->at + 1) % HISTORY;
    const double begin = grow(glass->past[glass->at]), end = grow(glass->past[next]);
    const double middle = grow(0.5 * (glass->past[glass->at] + glass->past[next]));
    const double k1 = begin - 0.1 * x;
    const double k2 = middle - 0.1 * (x + 0.5 * h * k1);
    const double k3 = middle - 0.1 * (x + 0.5 * h * k2);
    const double k4 = end - 0.1 * (x + h * k3);
    glass->past[glass->at] = x;
    glass->at = next;
    glass->x = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
}

/* x one unit of time later. */
static double glass_next(Glass *glass) {
    for (int i = 0; i < PER_UNIT; i++) glass_step(glass);
    return glass->x;
}

/* From a constant past, drawn for each sequence, to where that past is forgotten. */
static void glass_start(Glass *glass, const TaskRow *row) {
    const double value = 0.5 + task_uniform(row, FIRST_DRAW);
    *glass = (Glass){.x = value};
    for (size_t i = 0; i < HISTORY; i++) glass->past[i] = value;
    for (int i = 0; i < WARM_UP; i++) (void)glass_next(glass);
}

static void fill_glass(const TaskRow *row) {
    Glass glass;
    glass_start(&glass, row);
    for (size_t step = 0; step < row->length; step++) {
        task_put_dense(row, step, 0, (float)glass.x);
        task_put_number(row, step, (float)glass_next(&glass));
    }
}

/* There is no formula for the floors: they are those of 100 sequences of a part of their own. */
static void measure_glass(const elman_task *task, elman_task_info *info) {
    enum { SEQUENCES = 100, STEPS_MAX = 1000 };
    const size_t steps = task->length < STEPS_MAX ? task->length : STEPS_MAX;
    double sum = 0.0, squares = 0.0, changes = 0.0;
    for (size_t i = 0; i < SEQUENCES; i++) {
        const TaskRow row = {.task = task, .part = TASK_PART_FLOOR, .sequence = i};
        Glass glass;
        glass_start(&glass, &row);
        for (size_t step = 0; step < steps; step++) {
            const double x = glass.x, next = glass_next(&glass);
            sum += next;
            squares += next * next;
            changes += (next - x) * (next - x);
        }
    }
    const double count = (double)(SEQUENCES * steps), mean = sum / count;
    info->floor_count = 2;
    info->floors[0] = (elman_task_floor){
        .predictor = "the mean", .loss = squares / count - mean * mean, .measured = 1};
    info->floors[1] =
        (elman_task_floor){.predictor = "the last value", .loss = changes / count, .measured = 1};
}

const TaskKind task_mackey_glass = {
    .name = "mackey-glass",
    .summary = "a chaotic series with a delay of 17: the next value",
    .paper = "Mackey and Glass, Oscillation and chaos in physiological control systems, Science "
             "197, 1977; as a task of prediction Lapedes and Farber, 1987",
    .usual_length = 200,
    .least_length = 1,
    .features = 1,
    .outputs = 1,
    .fill = fill_glass,
    .measure = measure_glass,
};

/* Sine: sin(a + w t) and noise. w = 2 atan(u) with u drawn evenly, so that sine and cosine of w are
 * quotients: periods from about 10 to 50 steps. */
static const double noise = 0.1, slowest = 1.0 / 16.0, fastest = 1.0 / 3.0;

static void fill_sine(const TaskRow *row) {
    const double u = slowest + (fastest - slowest) * task_uniform(row, FIRST_DRAW);
    const double cosine = (1.0 - u * u) / (1.0 + u * u), sine = 2.0 * u / (1.0 + u * u);
    double x = task_normal(row, FIRST_DRAW + 1), y = task_normal(row, FIRST_DRAW + 2);
    const double radius = sqrt(x * x + y * y);
    x /= radius;
    y /= radius;
    for (size_t step = 0; step <= row->length; step++) {
        const float value = (float)(x + noise * task_normal(row, FIRST_DRAW + 3 + step));
        if (step < row->length) task_put_dense(row, step, 0, value);
        if (step > 0) task_put_number(row, step - 1, value);
        const double turned = cosine * x - sine * y;
        y = sine * x + cosine * y;
        x = turned;
    }
}

/* E (x' - x)^2 = 1 - E cos w and twice the noise's variance; the mean of cos w = (1 - u^2) / (1 +
 * u^2) over u is 2 (atan fastest - atan slowest) / (fastest - slowest) - 1. */
static void measure_sine(const elman_task *task, elman_task_info *info) {
    (void)task;
    const double angle = atan(fastest) - atan(slowest);
    const double cosine = 2.0 * angle / (fastest - slowest) - 1.0, variance = noise * noise;
    info->floor_count = 2;
    info->floors[0] = (elman_task_floor){.predictor = "always 0", .loss = 0.5 + variance};
    info->floors[1] =
        (elman_task_floor){.predictor = "the last value", .loss = 1.0 - cosine + 2.0 * variance};
    info->best_predictor = "knowing the sine: the noise is left";
    info->best = variance;
}

const TaskKind task_sine = {
    .name = "sine",
    .summary = "a noisy sine of unknown frequency: the next value",
    .paper = "a textbook's example, of no one paper",
    .usual_length = 100,
    .least_length = 1,
    .features = 1,
    .outputs = 1,
    .fill = fill_sine,
    .measure = measure_sine,
};
