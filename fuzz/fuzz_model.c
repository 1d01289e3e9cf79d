/* Fuzz target: model files. No input may crash the reader, leak, or make it allocate more than
 * twice the input, a mebibyte and the pages of a vocabulary; what it accepts is a model that runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "context/context.h"
#include "header_mutator.h"
#include "model/encoder.h"
#include "model/metadata.h"
#include "model/model_file.h"
#include <elman/stream.h>
#include <elman/tape.h>

enum { VOCABULARY_PAGES = 5 << 20, RUN_MAX = 20000, STEPS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

/* A description that was read can be written, and says the same when it is read again. */
static void check_description(const elman_model *model) {
    Memory *const memory = &model->context->memory;
    elman_model *again = NULL;
    bool has_vocabulary;
    char *const first = metadata_write(model);
    check(first && strlen(first) <= MODEL_METADATA_MAX, "the description fits into a file");
    check(metadata_read(model->context, first, "x", &again, &has_vocabulary, NULL) == ELMAN_OK,
          "a description that was written can be read");
    check(has_vocabulary == (elman_model_vocabulary(model) != NULL), "the vocabulary is kept");
    if (has_vocabulary)
        check(elman_model_set_vocabulary(again, elman_model_vocabulary(model), NULL) == ELMAN_OK,
              "the vocabulary fits the model");
    char *const second = metadata_write(again);
    check(second && strcmp(first, second) == 0, "the description stays the same");
    check(strcmp(encoder_kind(model), encoder_kind(again)) == 0, "the encoder is kept");
    memory_release(memory, first);
    memory_release(memory, second);
    elman_model_destroy(again);
}

/* Some steps forward and back, whatever the weights are. */
static void run(const elman_network *network, const elman_model_info *info, const uint8_t *bytes) {
    int32_t tokens[STEPS], targets[STEPS] = {0, -1};
    float *const dense = calloc(STEPS * info->input_size, sizeof *dense);
    check(dense != NULL, "memory for the input");
    for (size_t t = 0; t < STEPS; t++) tokens[t] = (int32_t)(bytes[t] % info->input_size);
    const bool is_dense = info->input == ELMAN_INPUT_DENSE;
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = STEPS, .batch = 1, .input_gradient = is_dense};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence,
        .steps = STEPS,
        .batch = 1,
        .dense = is_dense ? dense : NULL,
        .tokens = is_dense ? NULL : tokens,
        .training = 1,
    };
    elman_tape *tape = NULL;
    elman_stream *stream = NULL;
    elman_loss loss;
    check(!elman_tape_create(network, &options, &tape, NULL), "a tape for a model");
    check(!elman_tape_forward(tape, &sequence, NULL), "a forward pass");
    check(!elman_tape_cross_entropy(tape, targets, &loss, NULL), "a loss");
    const elman_status back = elman_tape_backward(tape, NULL, NULL);
    check(back == ELMAN_OK || back == ELMAN_ERR_UNSUPPORTED, "a backward pass where there is one");
    elman_tape_destroy(tape);
    if (elman_stream_create(network, &stream, NULL) == ELMAN_OK) {
        const elman_status status = is_dense ? elman_stream_step(stream, dense, NULL)
                                             : elman_stream_step_token(stream, tokens[0], NULL);
        check(status == ELMAN_OK, "a step");
        elman_stream_destroy(stream);
    }
    free(dense);
}

/* The encoder's tensors can be found, read, and given to a model again. */
static void check_encoder(elman_model *model) {
    SafetensorsTensor tensors[ENCODER_TENSORS_MAX];
    const size_t count = encoder_tensor_count(model);
    if (!model->encoder) return;
    for (size_t i = 0; i < count; i++) {
        encoder_tensor_at(model, i, &tensors[i]);
        check(encoder_tensor(model, tensors[i].name, &tensors[i]), "a tensor has a name");
        check((uintptr_t)tensors[i].data % safetensors_type_size(tensors[i].type) == 0,
              "a tensor is aligned for its type");
    }
    check(
        !encoder_set(model, encoder_kind(model), elman_model_encoder(model), tensors, count, NULL),
        "an encoder that was read can be set");
}

static void check_model(elman_model *model, const uint8_t *bytes) {
    elman_model_info info;
    elman_network *network = NULL;
    size_t parameters = 0;
    elman_model_describe(model, &info);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        check(!elman_model_tensor(model, i, &tensor), "a tensor of the model");
        parameters += tensor.count;
    }
    check(parameters == info.parameters, "the tensors hold the model's parameters");
    check_encoder(model);
    check_description(model);
    if (parameters > RUN_MAX || info.layers > 4) return;
    check(!elman_network_compile(model, &network, NULL), "a model that can be compiled");
    run(network, &info, bytes);
    elman_network_destroy(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {SIZE_MAX, 0};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = budget_allocator(&budget)};
    elman_context *context = NULL;
    SafetensorsFile *file = NULL;
    elman_model *model = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_context_create(&options, &context, NULL), "a context");
    budget.most = budget.bytes + 2 * size + (1 << 20) + VOCABULARY_PAGES;
    elman_status status = safetensors_parse(&context->memory, "x", bytes, size, &file, &error);
    if (!status) status = model_from_file(context, file, "x", &model, &error);
    safetensors_close(file);
    budget.most = SIZE_MAX;
    if (status == ELMAN_OK) {
        check_model(model, bytes);
    } else {
        check((status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_UNSUPPORTED) && !model,
              "a refusal is about the file");
        check(strncmp(error.message, "x: ", 3) == 0, "a refusal starts with the file's name");
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
    budget_check(&budget);
    return 0;
}

/* Mostly the header. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return seed % 8 == 0 ? LLVMFuzzerMutate(bytes, size, most) : mutate_header(bytes, size, most);
}
