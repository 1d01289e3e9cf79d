/* Fuzz target: the reader of ONNX models and the oracle behind it. No input may crash either, leak,
 * or make the reader allocate more than it states; what is read must be a graph in order. Built
 * without protobuf-c, it sees the one refusal. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "convert/oracle_onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
    ELEMENTS_MAX = 4096,      /* that the oracle may have, 8 bytes each */
    ORACLE_ALWAYS = 64 << 20, /* blocks of many values without elements */
};

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_node(const OnnxModel *model, const OnnxNode *node, uint8_t *made) {
    for (size_t i = 0; i < node->input_count; i++)
        check(node->inputs[i] == ONNX_NONE || made[node->inputs[i]], "what is read was made");
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == ONNX_NONE) continue;
        check(node->outputs[i] < model->value_count && !made[node->outputs[i]], "it is made once");
        made[node->outputs[i]] = 1;
    }
}

static void check_model(const OnnxModel *model) {
    uint8_t *const made = calloc(model->value_count + 1, 1);
    if (!made) abort();
    for (size_t i = 0; i < model->value_count; i++) made[i] = model->values[i].initialiser != NULL;
    for (size_t i = 0; i < model->input_count; i++) made[model->inputs[i].value] = 1;
    for (size_t i = 0; i < model->node_count; i++) check_node(model, &model->nodes[i], made);
    for (size_t i = 0; i < model->output_count; i++)
        check(made[model->outputs[i].value], "an output is made");
    free(made);
}

/* One step of ones for inputs that leave their sizes open. */
static elman_status feed(OracleOnnx *oracle, const OnnxModel *model, size_t index,
                         elman_error *error) {
    double numbers[64];
    int64_t integers[64];
    const OnnxPort *const port = &model->inputs[index];
    OracleArray array = {.type = port->has_type ? port->type : ONNX_FLOAT, .count = 1};
    array.rank = port->has_shape ? port->rank : 3;
    for (size_t i = 0; i < array.rank; i++) {
        array.shape[i] = port->shape[i] > 0 && port->shape[i] <= 64 ? (size_t)port->shape[i] : 1;
        if (array.shape[i] * array.count > 64) array.shape[i] = 1;
        array.count *= array.shape[i];
    }
    for (size_t i = 0; i < 64; i++) numbers[i] = 1.0, integers[i] = 1;
    if (array.type == ONNX_FLOAT || array.type == ONNX_DOUBLE)
        array.numbers = numbers;
    else
        array.integers = integers;
    return oracle_onnx_feed(oracle, index, &array, error);
}

static void evaluate(Memory *memory, const OnnxModel *model) {
    OracleOnnx *oracle;
    elman_error error = {ELMAN_OK, ""};
    elman_status status = oracle_onnx_create(memory, model, ELEMENTS_MAX, &oracle, &error);
    for (size_t i = 0; !status && i < model->input_count; i++)
        status = feed(oracle, model, i, &error);
    if (!status) status = oracle_onnx_run(oracle, &error);
    check(!status || strncmp(error.message, "x: ", 3) == 0, "a refusal names the file");
    oracle_onnx_destroy(oracle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {size * ONNX_MEMORY_RATIO + ONNX_MEMORY_ALWAYS, 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    OnnxModel *model;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, &allocator);
    if (onnx_parse(&memory, "x", bytes, size, &model, &error)) {
        check(model == NULL && strncmp(error.message, "x: ", 3) == 0, "a refusal names the file");
    } else {
        check_model(model);
        budget.most += ORACLE_ALWAYS;
        evaluate(&memory, model);
    }
    onnx_close(model);
    budget_check(&budget);
    return 0;
}
