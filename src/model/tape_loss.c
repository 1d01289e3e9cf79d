/* Losses of a forward pass, and their gradients. */
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "core/options.h"
#include "model/loss.h"
#include "model/tape.h"

/* Whether position `at` of the output counts: a step within its row's length. */
static bool position_counts(const elman_tape *tape, size_t at) {
    const size_t t = at / tape->pass.batch, b = at % tape->pass.batch;
    return !tape->pass.lengths || t < tape->pass.lengths[b];
}

static elman_status check_pass(const elman_tape *tape, elman_error *error) {
    return tape->ran ? ELMAN_OK
                     : fail(error, ELMAN_ERR_ARGUMENT,
                            "a loss needs a forward pass that has not been taken back yet");
}

/* The sum of the positions' losses, in order, whoever computed them. */
static void reduce(const elman_tape *tape, size_t count, elman_loss *loss) {
    double sum = 0.0;
    for (size_t at = 0; at < tape->positions; at++) sum += tape->losses[at];
    loss->count = count;
    loss->mean = count ? sum / (double)count : 0.0;
}

typedef struct LossJob {
    elman_tape *tape;
    const int32_t *targets;
    const float *numbers;
    float scale;
} LossJob;

static void cross_entropy(void *argument, size_t worker, size_t workers) {
    const LossJob *const job = argument;
    elman_tape *const tape = job->tape;
    const size_t width = structure_outputs(&tape->network->structure);
    size_t begin, end;
    pool_split(tape->positions, 1, worker, workers, &begin, &end);
    for (size_t at = begin; at < end; at++) {
        float *const gradient = tape->options.forward_only
                                    ? NULL
                                    : tape->output_gradient.data + at * tape->output_gradient.row;
        tape->losses[at] = 0.0;
        if (job->targets[at] < 0 || !position_counts(tape, at)) {
            if (gradient) memset(gradient, 0, tape->output_gradient.row * sizeof(float));
            continue;
        }
        const SoftmaxRow row =
            tape->network->kernels->cross_entropy(width, tape->output.data + at * tape->output.row,
                                                  (size_t)job->targets[at], job->scale, gradient);
        tape->losses[at] = natural_logarithm(row.sum) - row.logit;
    }
}

/* How many positions count; every class must be one of the outputs. */
static elman_status count_classes(const elman_tape *tape, const int32_t *classes, size_t *count,
                                  elman_error *error) {
    const size_t width = structure_outputs(&tape->network->structure);
    *count = 0;
    for (size_t at = 0; at < tape->positions; at++) {
        if (classes[at] >= 0 && (size_t)classes[at] >= width)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "target %d at position %zu is outside the %zu outputs", (int)classes[at],
                        at, width);
        *count += classes[at] >= 0 && position_counts(tape, at);
    }
    return ELMAN_OK;
}

static void squared_error(void *argument, size_t worker, size_t workers) {
    const LossJob *const job = argument;
    elman_tape *const tape = job->tape;
    const size_t width = structure_outputs(&tape->network->structure);
    size_t begin, end;
    pool_split(tape->positions, 1, worker, workers, &begin, &end);
    for (size_t at = begin; at < end; at++) {
        const float *const output = tape->output.data + at * tape->output.row;
        const float *const target = job->numbers + at * width;
        float *const gradient = tape->options.forward_only
                                    ? NULL
                                    : tape->output_gradient.data + at * tape->output_gradient.row;
        if (gradient) memset(gradient, 0, tape->output_gradient.row * sizeof(float));
        tape->losses[at] = 0.0;
        if (!position_counts(tape, at)) continue;
        for (size_t i = 0; i < width; i++) {
            const float difference = output[i] - target[i];
            tape->losses[at] += (double)difference * (double)difference;
            if (gradient) gradient[i] = job->scale * difference;
        }
    }
}

static size_t count_numbers(const elman_tape *tape) {
    size_t count = 0;
    for (size_t at = 0; at < tape->positions; at++) count += position_counts(tape, at);
    return count * structure_outputs(&tape->network->structure);
}

elman_status elman_tape_loss(elman_tape *tape, const elman_targets *given, elman_loss *loss,
                             elman_error *error) {
    elman_targets targets;
    size_t count;
    elman_status status = check_pass(tape, error);
    if (!status) status = options_read(&targets, sizeof targets, given, "elman_targets", error);
    if (!status) status = loss_check(&targets, structure_outputs(&tape->network->structure), error);
    if (status) return status;
    const bool classes = targets.loss == ELMAN_LOSS_CROSS_ENTROPY;
    if (classes)
        status = count_classes(tape, targets.classes, &count, error);
    else
        count = count_numbers(tape);
    if (status) return status;
    LossJob job = {tape, targets.classes, targets.numbers, 0.0f};
    if (count) job.scale = (float)((classes ? 1.0 : 2.0) / (double)count);
    pool_run(tape->network->context->pool, classes ? cross_entropy : squared_error, &job);
    reduce(tape, count, loss);
    tape->has_gradient = !tape->options.forward_only;
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
