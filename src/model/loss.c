/* What the losses are called and what they need. */
#include "model/loss.h"

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

elman_status loss_check(const elman_targets *targets, size_t width, elman_error *error) {
    const char *const name = elman_loss_name(targets->loss);
    (void)width;
    if (targets->loss > ELMAN_LOSS_MSE)
        return fail(error, ELMAN_ERR_ARGUMENT, "there is no loss %d", (int)targets->loss);
    if (targets->loss == ELMAN_LOSS_CROSS_ENTROPY ? !targets->classes : !targets->numbers)
        return fail(error, ELMAN_ERR_ARGUMENT, "the loss %s needs %s as targets", name,
                    targets->loss == ELMAN_LOSS_CROSS_ENTROPY ? "classes" : "numbers");
    return ELMAN_OK;
}
