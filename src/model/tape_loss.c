/* Losses of a forward pass, and their gradients. */
#include <math.h>
#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "core/logarithm.h"
#include "core/options.h"
#include "model/loss.h"
#include "model/tape.h"

/* Whether position `at` of the output counts: a step within its row's length. */
static bool position_counts(const elman_tape *tape, size_t at) {
    if (!tape->pass.lengths) return true;
    return at / tape->pass.batch < tape->pass.lengths[at % tape->pass.batch];
}

static elman_status check_pass(const elman_tape *tape, elman_error *error) {
    return tape->ran ? ELMAN_OK
                     : fail(error, ELMAN_ERR_ARGUMENT,
                            "a loss needs a forward pass that has not been taken back yet");
}

/* Gradients are held within this, so that what backpropagation adds up of them stays finite. */
static const double GRADIENT_MAX = 1e30;

static float gradient_within(double gradient) {
    if (gradient > GRADIENT_MAX) return (float)GRADIENT_MAX;
    if (gradient < -GRADIENT_MAX) return (float)-GRADIENT_MAX;
    return (float)gradient;
}

typedef struct LossJob {
    elman_tape *tape;
    const elman_targets *targets;
    size_t width;  /* of the output */
    size_t count;  /* positions, or numbers, that count */
    double weight; /* of all that counts; the count without class weights */
    double scale;  /* 1 / weight, as a float */
} LossJob;

/* The gradient's row of a position; NULL: the tape has none. */
static float *gradient_row(const elman_tape *tape, size_t at) {
    return !tape->goes_back ? NULL : tape->output_gradient.data + at * tape->output_gradient.row;
}

static float *clear_gradient(const elman_tape *tape, size_t at) {
    float *const gradient = gradient_row(tape, at);
    if (gradient) memset(gradient, 0, tape->output_gradient.row * sizeof(float));
    return gradient;
}

/* -ln softmax(logits)[target]. */
static double row_loss(const SoftmaxRow *row, const float *logits, size_t width, size_t target) {
    if (!isinf(row->logit) || !isfinite(logits[target]))
        return natural_logarithm(row->sum) - row->logit;
    /* Logits so far apart that a float does not hold their difference. */
    float highest = logits[0];
    for (size_t i = 1; i < width; i++) highest = logits[i] > highest ? logits[i] : highest;
    return natural_logarithm(row->sum) - ((double)logits[target] - (double)highest);
}

static void cross_entropy(const LossJob *job, size_t at) {
    elman_tape *const tape = job->tape;
    const size_t width = job->width;
    const float *const logits = tape->output.data + at * tape->output.row;
    if (job->targets->classes[at] < 0) {
        clear_gradient(tape, at);
        return;
    }
    const size_t target = (size_t)job->targets->classes[at];
    const double weight =
        job->targets->class_weights ? (double)job->targets->class_weights[target] : 1.0;
    const SoftmaxRow row = tape->network->kernels->cross_entropy(
        width, logits, target, (float)(weight / job->weight), gradient_row(tape, at));
    tape->losses[at] = weight * row_loss(&row, logits, width, target);
}

/* MSE, MAE and HUBER. */
static void numbers(const LossJob *job, size_t at) {
    elman_tape *const tape = job->tape;
    const size_t width = job->width;
    const float *const output = tape->output.data + at * tape->output.row;
    const float *const target = job->targets->numbers + at * width;
    float *const gradient = clear_gradient(tape, at);
    for (size_t i = 0; i < width; i++) {
        if (isnan(target[i])) continue;
        double by_output, difference = (double)(output[i] - target[i]);
        if (isinf(difference)) difference = (double)output[i] - (double)target[i];
        tape->losses[at] += loss_of_difference(job->targets, difference, &by_output);
        if (gradient) gradient[i] = gradient_within(job->scale * by_output);
    }
}

/* The losses with one target a position. */
static void position(const LossJob *job, size_t at) {
    elman_tape *const tape = job->tape;
    const size_t width = job->width;
    const float *const output = tape->output.data + at * tape->output.row;
    const double y = (double)job->targets->numbers[at];
    const double row_scale =
        job->targets->scales ? (double)job->targets->scales[at % tape->pass.batch] : 1.0;
    double a[ELMAN_LOSS_QUANTILES_MAX], by_output[ELMAN_LOSS_QUANTILES_MAX];
    float *const gradient = clear_gradient(tape, at);
    if (isnan(y)) return;
    for (size_t i = 0; i < width; i++) a[i] = (double)output[i];
    tape->losses[at] = loss_of_position(job->targets, a, y, row_scale, by_output);
    for (size_t i = 0; gradient && i < width; i++)
        gradient[i] = gradient_within(job->scale * by_output[i]);
}

static bool loss_of_numbers(elman_loss_kind kind) {
    return kind == ELMAN_LOSS_MSE || kind == ELMAN_LOSS_MAE || kind == ELMAN_LOSS_HUBER;
}

static void compute(void *argument, size_t worker, size_t workers) {
    const LossJob *const job = argument;
    elman_tape *const tape = job->tape;
    size_t begin, end;
    pool_split(tape->positions, 1, worker, workers, &begin, &end);
    for (size_t at = begin; at < end; at++) {
        tape->losses[at] = 0.0;
        if (!position_counts(tape, at))
            (void)clear_gradient(tape, at);
        else if (job->targets->loss == ELMAN_LOSS_CROSS_ENTROPY)
            cross_entropy(job, at);
        else if (loss_of_numbers(job->targets->loss))
            numbers(job, at);
        else
            position(job, at);
    }
    profile_mark(tape->network->context, worker, ELMAN_PHASE_LOSS);
}

/* Counts the classes; each must be one of the outputs. */
static elman_status count_classes(LossJob *job, elman_error *error) {
    const elman_tape *const tape = job->tape;
    for (size_t at = 0; at < tape->positions; at++) {
        const int32_t class = job->targets->classes[at];
        if (class >= 0 && (size_t) class >= job->width)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "target %d at position %zu is outside the %zu outputs", (int)class, at,
                        job->width);
        if (class < 0 || !position_counts(tape, at)) continue;
        job->count++;
        job->weight +=
            job->targets->class_weights ? (double)job->targets->class_weights[class] : 1.0;
    }
    return ELMAN_OK;
}

/* Counts the numbers; those that count must be finite and, where counts are expected, not negative.
 */
static elman_status count_numbers(LossJob *job, elman_error *error) {
    const elman_tape *const tape = job->tape;
    const elman_targets *const targets = job->targets;
    const size_t width = loss_of_numbers(targets->loss) ? job->width : 1;
    for (size_t at = 0; at < tape->positions; at++)
        for (size_t i = 0; position_counts(tape, at) && i < width; i++) {
            const float y = targets->numbers[at * width + i];
            if (isinf(y))
                return fail(error, ELMAN_ERR_ARGUMENT, "the target at position %zu is infinite",
                            at);
            if (targets->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL && y < 0.0f)
                return fail(error, ELMAN_ERR_ARGUMENT,
                            "the target at position %zu is negative, expected a count", at);
            if (!isnan(y)) job->count++;
        }
    job->weight = (double)job->count;
    if (!targets->scales || targets->loss != ELMAN_LOSS_NEGATIVE_BINOMIAL) return ELMAN_OK;
    for (size_t b = 0; b < tape->pass.batch; b++)
        if (!(targets->scales[b] > 0.0f && isfinite(targets->scales[b])))
            return fail(error, ELMAN_ERR_ARGUMENT, "the scale of row %zu is not a number above 0",
                        b);
    return ELMAN_OK;
}

elman_status elman_tape_loss(elman_tape *tape, const elman_targets *given, elman_loss *loss,
                             elman_error *error) {
    elman_targets targets;
    LossJob job = {
        .tape = tape,
        .targets = &targets,
        .width = structure_outputs(&tape->network->structure),
    };
    elman_status status = check_pass(tape, error);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_OTHER);
    if (!status) status = options_read(&targets, sizeof targets, given, "elman_targets", error);
    if (!status) status = loss_check(&targets, job.width, error);
    if (!status)
        status = targets.loss == ELMAN_LOSS_CROSS_ENTROPY ? count_classes(&job, error)
                                                          : count_numbers(&job, error);
    if (status) return status;
    job.scale = (double)(float)(1.0 / job.weight);
    pool_run(tape->network->context->pool, compute, &job);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_WAIT);
    /* In order, whoever computed them. */
    double sum = 0.0;
    for (size_t at = 0; at < tape->positions; at++) sum += tape->losses[at];
    *loss = (elman_loss){.mean = job.count ? sum / job.weight : 0.0, .count = job.count};
    tape->has_gradient = tape->goes_back;
    profile_mark(tape->network->context, 0, ELMAN_PHASE_LOSS);
    return ELMAN_OK;
}

elman_status elman_tape_cross_entropy(elman_tape *tape, const int32_t *classes, elman_loss *loss,
                                      elman_error *error) {
    const elman_targets targets = {
        .struct_size = sizeof targets, .loss = ELMAN_LOSS_CROSS_ENTROPY, .classes = classes};
    return elman_tape_loss(tape, &targets, loss, error);
}

elman_status elman_tape_mean_squared_error(elman_tape *tape, const float *numbers, elman_loss *loss,
                                           elman_error *error) {
    const elman_targets targets = {
        .struct_size = sizeof targets, .loss = ELMAN_LOSS_MSE, .numbers = numbers};
    return elman_tape_loss(tape, &targets, loss, error);
}
