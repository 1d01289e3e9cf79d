/* The loss of a model on a text, read as one stream. */
#include <inttypes.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "model/network.h"
#include <elman/stream.h>
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
    for (size_t i = 0; i < count; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= vocabulary)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_evaluate_tokens: token %zu is %" PRId32 ", expected 0 to %zu", i,
                        tokens[i], vocabulary - 1);
    return ELMAN_OK;
}

elman_status elman_evaluate_tokens(const elman_network *network, const int32_t *tokens,
                                   size_t count, elman_loss *loss, elman_error *error) {
    Memory *memory = &network->context->memory;
    elman_stream *stream = NULL;
    float *logits = NULL;
    elman_status status = check(network, tokens, count, error);
    if (status == ELMAN_OK) status = elman_stream_create(network, &stream, error);
    if (status != ELMAN_OK) goto done;
    const size_t vocabulary = network->structure.input_size;
    logits = memory_allocate_array(memory, network_padded(vocabulary), sizeof(float));
    if (logits == NULL) {
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for %zu outputs", vocabulary);
        goto done;
    }

    double sum = 0.0;
    for (size_t i = 0; i + 1 < count; i++) {
        (void)elman_stream_step_token(stream, tokens[i], logits);
        const SoftmaxRow row =
            network->kernels->cross_entropy(vocabulary, logits, (size_t)tokens[i + 1], 0.0f, NULL);
        sum += natural_logarithm(row.sum) - row.logit;
    }
    *loss = (elman_loss){.mean = sum / (double)(count - 1), .count = count - 1};
done:
    memory_release(memory, logits);
    elman_stream_destroy(stream);
    return status;
}
