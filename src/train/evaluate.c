/* The loss of a model on a text, read as one stream. */
#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "core/size.h"
#include "model/network.h"
#include <elman/tape.h>
#include <elman/train.h>

static elman_status check(const elman_network *network, const int32_t *tokens, size_t count,
                          elman_error *error) {
    const Structure *structure = &network->structure;
    const size_t vocabulary = structure->input_size;
    if (structure->input == ELMAN_INPUT_DENSE || structure->output != ELMAN_OUTPUT_EVERY_STEP ||
        structure_outputs(structure) != vocabulary)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_evaluate_tokens: expected a model that reads tokens and has one output "
                    "for each of them at every step");
    if (count < 2)
        return fail(error, ELMAN_ERR_DATA,
                    "there are %zu characters to evaluate, expected at least 2", count);
    for (size_t l = 0; l < structure->layer_count; l++)
        if (structure->layers[l].bidirectional)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "elman_evaluate_tokens: layer %zu is bidirectional: it would have read "
                        "what it is to predict",
                        l);
    for (size_t i = 0; i < count; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= vocabulary)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_evaluate_tokens: token %zu is %" PRId32 ", expected 0 to %zu", i,
                        tokens[i], vocabulary - 1);
    return ELMAN_OK;
}

/* The steps of one pass. */
enum { EVALUATED_STEPS = 256 };

/* What reading a text holds. */
typedef struct Reading {
    elman_tape *tape;
    float *state;
    float *outputs; /* [steps][vocabulary] */
    float *logits;  /* one of its rows, padded */
} Reading;

static elman_status allocate(Reading *reading, const elman_network *network, elman_error *error) {
    Memory *memory = &network->context->memory;
    const size_t vocabulary = network->structure.input_size;
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = EVALUATED_STEPS, .batch = 1, .forward_only = 1};
    size_t outputs;
    reading->state =
        memory_allocate_array(memory, elman_network_state_size(network, 1), sizeof(float));
    if (size_mul(vocabulary, EVALUATED_STEPS, &outputs))
        reading->outputs = memory_allocate_array(memory, outputs, sizeof(float));
    reading->logits = memory_allocate_array(memory, network_padded(vocabulary), sizeof(float));
    if (!reading->state || !reading->outputs || !reading->logits)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu outputs", vocabulary);
    return elman_tape_create(network, &options, &reading->tape, error);
}

static void release(Reading *reading, Memory *memory) {
    elman_tape_destroy(reading->tape);
    memory_release(memory, reading->logits);
    memory_release(memory, reading->outputs);
    memory_release(memory, reading->state);
}

/* Adds the losses of `steps` tokens, each with the one behind it as its target. */
static void add_losses(const Reading *reading, const elman_network *network, const int32_t *tokens,
                       size_t steps, double *sum) {
    const size_t vocabulary = network->structure.input_size;
    elman_tape_output(reading->tape, reading->outputs);
    for (size_t i = 0; i < steps; i++) {
        memcpy(reading->logits, reading->outputs + i * vocabulary, vocabulary * sizeof(float));
        const SoftmaxRow row = network->kernels->cross_entropy(vocabulary, reading->logits,
                                                               (size_t)tokens[i + 1], 0.0f, NULL);
        *sum += natural_logarithm(row.sum) - row.logit;
    }
}

elman_status elman_evaluate_tokens(const elman_network *network, const int32_t *tokens,
                                   size_t count, elman_loss *loss, elman_error *error) {
    Reading reading = {NULL, NULL, NULL, NULL};
    elman_status status = check(network, tokens, count, error);
    if (status == ELMAN_OK) status = allocate(&reading, network, error);
    double sum = 0.0;
    for (size_t at = 0, steps; status == ELMAN_OK && at + 1 < count; at += steps) {
        steps = count - 1 - at < EVALUATED_STEPS ? count - 1 - at : EVALUATED_STEPS;
        const elman_sequence sequence = {
            .struct_size = sizeof(sequence),
            .steps = steps,
            .batch = 1,
            .tokens = tokens + at,
            .state = at ? reading.state : NULL,
        };
        status = elman_tape_forward(reading.tape, &sequence, error);
        if (status != ELMAN_OK) break;
        add_losses(&reading, network, tokens + at, steps, &sum);
        elman_tape_state(reading.tape, reading.state);
    }
    if (status == ELMAN_OK)
        *loss = (elman_loss){.mean = sum / (double)(count - 1), .count = count - 1};
    release(&reading, &network->context->memory);
    return status;
}
