/* The loss of a model on a text, read as one stream. */
#include <inttypes.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "model/tape.h"
#include "train/evaluate.h"

elman_status evaluate_check(const elman_network *network, const int32_t *tokens, size_t count,
                            const char *function, elman_error *error) {
    const Structure *structure = &network->structure;
    const size_t vocabulary = structure->input_size;
    if (structure->input == ELMAN_INPUT_DENSE || structure->output != ELMAN_OUTPUT_EVERY_STEP ||
        structure_outputs(structure) != vocabulary)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: expected a model that reads tokens and has one output for each of them at "
                    "every step",
                    function);
    const size_t stages = structure->stage_count;
    if (stages > 0 && structure->stages[stages - 1].kind == ELMAN_STAGE_SOFTMAX)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: the model's outputs are probabilities (its last stage is softmax), "
                    "expected logits",
                    function);
    if (count < 2)
        return fail(error, ELMAN_ERR_DATA,
                    "there are %zu characters to evaluate, expected at least 2", count);
    for (size_t l = 0; l < structure->layer_count; l++)
        if (structure->layers[l].bidirectional)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s: layer %zu is bidirectional: it would have read what it is to predict",
                        function, l);
    for (size_t i = 0; i < count; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= vocabulary)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "%s: token %zu is %" PRId32 ", expected 0 to %zu", function, i, tokens[i],
                        vocabulary - 1);
    return ELMAN_OK;
}

/* The steps of one pass. */
enum { EVALUATED_STEPS = 256 };

/* Adds the losses of `steps` tokens, each with the one behind it as its target. */
static void add_losses(const elman_tape *tape, const int32_t *tokens, size_t steps, double *sum) {
    const elman_network *const network = tape->network;
    for (size_t i = 0; i < steps; i++) {
        const SoftmaxRow row = network->kernels->cross_entropy(
            network->structure.input_size, tape->output.data + i * tape->output.row,
            (size_t)tokens[i + 1], 0.0f, NULL);
        *sum += natural_logarithm(row.sum) - row.logit;
    }
}

static elman_status read_tokens(elman_tape *tape, float *state, const int32_t *tokens, size_t count,
                                elman_loss *loss, elman_error *error) {
    double sum = 0.0;
    for (size_t at = 0, steps; at + 1 < count; at += steps) {
        steps = count - 1 - at < tape->options.steps ? count - 1 - at : tape->options.steps;
        const elman_sequence sequence = {
            .struct_size = sizeof(sequence),
            .steps = steps,
            .batch = 1,
            .tokens = tokens + at,
            .state = at ? state : NULL,
        };
        const elman_status status = elman_tape_forward(tape, &sequence, error);
        if (status != ELMAN_OK) return status;
        add_losses(tape, tokens + at, steps, &sum);
        elman_tape_state(tape, state);
    }
    *loss = (elman_loss){.mean = sum / (double)(count - 1), .count = count - 1};
    return ELMAN_OK;
}

elman_status elman_evaluate_tokens(const elman_network *network, const int32_t *tokens,
                                   size_t count, elman_loss *loss, elman_error *error) {
    Memory *memory = &network->context->memory;
    elman_tape *tape = NULL;
    elman_status status = evaluate_check(network, tokens, count, __func__, error);
    if (status != ELMAN_OK) return status;
    const elman_tape_options options = {
        .struct_size = sizeof(options),
        .steps = count - 1 < EVALUATED_STEPS ? count - 1 : EVALUATED_STEPS,
        .batch = 1,
        .forward_only = 1,
    };
    if ((status = elman_tape_create(network, &options, &tape, error))) return status;
    float *const state =
        memory_allocate_array(memory, elman_network_state_size(network, 1), sizeof(float));
    status = state ? read_tokens(tape, state, tokens, count, loss, error)
                   : fail(error, ELMAN_ERR_MEMORY, "no memory for a network's state");
    memory_release(memory, state);
    elman_tape_destroy(tape);
    return status;
}
