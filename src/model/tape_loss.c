/* Losses of a forward pass, and their gradients. */
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
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

elman_status elman_tape_cross_entropy(elman_tape *tape, const int32_t *targets, elman_loss *loss,
                                      elman_error *error) {
    const elman_status status = check_pass(tape, error);
    const size_t width = structure_outputs(&tape->network->structure);
    size_t count = 0;
    if (status) return status;
    for (size_t at = 0; at < tape->positions; at++) {
        if (targets[at] >= 0 && (size_t)targets[at] >= width)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "target %d at position %zu is outside the %zu outputs", (int)targets[at],
                        at, width);
        count += targets[at] >= 0 && position_counts(tape, at);
    }
    LossJob job = {tape, targets, NULL, count ? (float)(1.0 / (double)count) : 0.0f};
    pool_run(tape->network->context->pool, cross_entropy, &job);
    reduce(tape, count, loss);
    tape->has_gradient = !tape->options.forward_only;
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

elman_status elman_tape_mean_squared_error(elman_tape *tape, const float *targets, elman_loss *loss,
                                           elman_error *error) {
    const elman_status status = check_pass(tape, error);
    size_t count = 0;
    if (status) return status;
    for (size_t at = 0; at < tape->positions; at++) count += position_counts(tape, at);
    count *= structure_outputs(&tape->network->structure);
    LossJob job = {tape, NULL, targets, count ? (float)(2.0 / (double)count) : 0.0f};
    pool_run(tape->network->context->pool, squared_error, &job);
    reduce(tape, count, loss);
    tape->has_gradient = !tape->options.forward_only;
    return ELMAN_OK;
}
