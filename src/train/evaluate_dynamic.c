/* The loss of a model that goes on learning from the text while it is scored. */
#include <math.h>

#include "core/fail.h"
#include "core/options.h"
#include "model/network.h"
#include "train/evaluate.h"
#include "train/trainer.h"

enum { WINDOW = 32 };

static elman_status read_options(elman_dynamic_options *options, const elman_dynamic_options *given,
                                 elman_error *error) {
    const elman_status status =
        options_read(options, sizeof *options, given, "elman_dynamic_options", error);
    if (status) return status;
    if (!(options->learning_rate > 0.0 && isfinite(options->learning_rate)))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_dynamic_options: learning_rate is %g, expected a number above 0",
                    options->learning_rate);
    if (options->window == 0) options->window = WINDOW;
    return ELMAN_OK;
}

/* Scores each window before the weights learn from it. */
static elman_status read_tokens(elman_trainer *trainer, float *states[2], const int32_t *tokens,
                                size_t count, size_t window, elman_loss *loss, elman_error *error) {
    double sum = 0.0;
    size_t turn = 0;
    for (size_t at = 0, steps; at + 1 < count; at += steps, turn ^= 1) {
        steps = count - 1 - at < window ? count - 1 - at : window;
        const elman_sequence sequence = {
            .struct_size = sizeof(sequence),
            .steps = steps,
            .batch = 1,
            .tokens = tokens + at,
            .state = at ? states[turn] : NULL,
        };
        const elman_targets targets = {.struct_size = sizeof(targets),
                                       .loss = ELMAN_LOSS_CROSS_ENTROPY,
                                       .classes = tokens + at + 1};
        elman_step_report report;
        const elman_status status =
            trainer_take_step(trainer, &sequence, &targets, states[turn ^ 1], 0, &report, error);
        if (status != ELMAN_OK) return status;
        sum += report.loss * (double)steps;
    }
    *loss = (elman_loss){.mean = sum / (double)(count - 1), .count = count - 1};
    return ELMAN_OK;
}

static elman_status evaluate(elman_trainer *trainer, const int32_t *tokens, size_t count,
                             size_t window, elman_loss *loss, elman_error *error) {
    Memory *const memory = &trainer->context->memory;
    const size_t size = elman_network_state_size(trainer->network, 1);
    float *const weights = optimizer_allocate_block(&trainer->optimizer);
    float *const states = memory_allocate_array(memory, 2 * size, sizeof(float));
    elman_status status = weights && states
                              ? ELMAN_OK
                              : fail(error, ELMAN_ERR_MEMORY, "no memory for a model's weights");
    if (status == ELMAN_OK) {
        optimizer_save_weights(&trainer->optimizer, weights);
        status = read_tokens(trainer, (float *[]){states, states + size}, tokens, count, window,
                             loss, error);
        optimizer_load_weights(&trainer->optimizer, weights);
    }
    memory_release(memory, states);
    memory_release(memory, weights);
    return status;
}

elman_status elman_evaluate_tokens_dynamic(elman_model *model, const int32_t *tokens, size_t count,
                                           const elman_dynamic_options *given, elman_loss *loss,
                                           elman_error *error) {
    elman_dynamic_options options;
    elman_trainer *trainer = NULL;
    elman_status status = read_options(&options, given, error);
    if (status != ELMAN_OK) return status;
    const elman_train_options train = {
        .struct_size = sizeof(train),
        .optimizer = ELMAN_OPTIMIZER_ADAM,
        .learning_rate = options.learning_rate,
        .clip_norm = 1.0,
    };
    status = elman_trainer_create(model, &train, &trainer, error);
    if (status != ELMAN_OK) return status;
    trainer->without_dropout = true;
    status = evaluate_check(trainer->network, tokens, count, __func__, error);
    if (status == ELMAN_OK) status = evaluate(trainer, tokens, count, options.window, loss, error);
    elman_trainer_destroy(trainer);
    return status;
}
