/* What the losses are called and what they need. */
#include "model/loss.h"

#include <math.h>
#include <stdbool.h>

#include "core/fail.h"

const char *elman_loss_name(elman_loss_kind kind) {
    switch (kind) {
    case ELMAN_LOSS_CROSS_ENTROPY:
        return "cross-entropy";
    case ELMAN_LOSS_MSE:
        return "mse";
    case ELMAN_LOSS_MAE:
        return "mae";
    case ELMAN_LOSS_HUBER:
        return "huber";
    case ELMAN_LOSS_QUANTILE:
        return "quantile";
    case ELMAN_LOSS_GAUSSIAN:
        return "gaussian";
    case ELMAN_LOSS_STUDENT_T:
        return "student-t";
    case ELMAN_LOSS_NEGATIVE_BINOMIAL:
        return "negative-binomial";
    }
    return NULL;
}

size_t elman_loss_outputs(elman_loss_kind kind, size_t quantile_count) {
    switch (kind) {
    case ELMAN_LOSS_CROSS_ENTROPY:
        return 0;
    case ELMAN_LOSS_MSE:
    case ELMAN_LOSS_MAE:
    case ELMAN_LOSS_HUBER:
        return 1;
    case ELMAN_LOSS_QUANTILE:
        return quantile_count;
    case ELMAN_LOSS_GAUSSIAN:
    case ELMAN_LOSS_NEGATIVE_BINOMIAL:
        return 2;
    case ELMAN_LOSS_STUDENT_T:
        return 3;
    }
    return 0;
}

static elman_status check_quantiles(const elman_targets *targets, elman_error *error) {
    if (!targets->quantiles || targets->quantile_count < 1 ||
        targets->quantile_count > ELMAN_LOSS_QUANTILES_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the loss quantile has %zu levels, expected 1 to %d and an array of them",
                    targets->quantile_count, ELMAN_LOSS_QUANTILES_MAX);
    double before = 0.0;
    for (size_t i = 0; i < targets->quantile_count; i++) {
        if (!(targets->quantiles[i] > before && targets->quantiles[i] < 1.0))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "level %zu of the loss quantile is not between %s and 1: levels are in "
                        "(0, 1), in ascending order",
                        i, i ? "the one before it" : "0");
        before = targets->quantiles[i];
    }
    return ELMAN_OK;
}

static elman_status check_class_weights(const float *weights, size_t classes, elman_error *error) {
    for (size_t i = 0; weights && i < classes; i++)
        if (!(weights[i] > 0.0f && isfinite(weights[i])))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "the weight of class %zu is not a number above 0", i);
    return ELMAN_OK;
}

elman_status loss_check(const elman_targets *targets, size_t width, elman_error *error) {
    const elman_loss_kind kind = targets->loss;
    const char *const name = elman_loss_name(kind);
    const bool classes = kind == ELMAN_LOSS_CROSS_ENTROPY;
    if (!name) return fail(error, ELMAN_ERR_ARGUMENT, "there is no loss %d", (int)kind);
    if (classes ? !targets->classes : !targets->numbers)
        return fail(error, ELMAN_ERR_ARGUMENT, "the loss %s needs %s as targets", name,
                    classes ? "classes" : "numbers");
    if (classes) return check_class_weights(targets->class_weights, width, error);
    if (kind == ELMAN_LOSS_HUBER &&
        !(targets->huber_delta >= 0.0 && isfinite(targets->huber_delta)))
        return fail(error, ELMAN_ERR_ARGUMENT, "huber_delta is not a number above 0 (or 0, for 1)");
    if (kind == ELMAN_LOSS_QUANTILE) {
        const elman_status status = check_quantiles(targets, error);
        if (status) return status;
    }
    const bool any = elman_loss_outputs(kind, 1) == 1 && kind != ELMAN_LOSS_QUANTILE;
    const size_t needed = elman_loss_outputs(kind, targets->quantile_count);
    if (!any && width != needed)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the loss %s needs a model with %zu outputs, this one has %zu", name, needed,
                    width);
    return ELMAN_OK;
}
