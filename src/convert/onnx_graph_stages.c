/* The head and the stages behind it in an ONNX graph. */
#include <stdio.h>

#include "convert/onnx_graph_parts.h"

/* The names of a stage's parts, as the model has them. */
typedef struct StageNames {
    OnnxGraphName weight, bias, product, output;
} StageNames;

static OnnxGraphName join(const char *stage, const char *part) {
    OnnxGraphName name;
    snprintf(name.text, sizeof name.text, "%.40s%s", stage, part);
    return name;
}

static StageNames names_of(const OnnxGraph *graph, size_t number) {
    char stage[ONNX_GRAPH_NAME_MAX] = "head";
    if (number > 0 || !graph->structure->has_head)
        snprintf(stage, sizeof stage, "stage%zu", number);
    return (StageNames){join(stage, ".weight"), join(stage, ".bias"), join(stage, ".product"),
                        join(stage, "")};
}

const char *onnx_graph_stage_input(const OnnxGraph *graph, size_t number, const char *usual) {
    return number < structure_stage_number(graph->structure, graph->structure->stage_count)
               ? usual
               : "output";
}

/* A vector of a stage: a bias or a gain. */
static void write_vector(OnnxGraph *graph, const char *name, size_t size, const float *numbers) {
    onnx_graph_tensor(graph, name, ONNX_FLOAT, 1, &size, numbers);
}

/* y = x W' + b, the weight turned over once and for all; `bias` NULL: none. */
static void write_linear(OnnxGraph *graph, const StageNames *names, const float *weight,
                         const float *bias, size_t inputs, size_t outputs, const char *input,
                         const char *output) {
    const size_t shape[] = {inputs, outputs};
    float *const turned = memory_allocate_array(graph->memory, inputs * outputs, sizeof *turned);
    if (!turned) {
        graph->writer.no_memory = true;
        return;
    }
    for (size_t i = 0; i < inputs; i++)
        for (size_t j = 0; j < outputs; j++) turned[i * outputs + j] = weight[j * inputs + i];
    onnx_graph_tensor(graph, names->weight.text, ONNX_FLOAT, 2, shape, turned);
    memory_release(graph->memory, turned);
    onnx_graph_binary(graph, "MatMul", input, names->weight.text,
                      bias ? names->product.text : output);
    if (!bias) return;
    write_vector(graph, names->bias.text, outputs, bias);
    onnx_graph_binary(graph, "Add", names->product.text, names->bias.text, output);
}

static void write_layer_norm(OnnxGraph *graph, const StageNames *names, const elman_stage *stage,
                             const float *gain, const float *bias, const char *input,
                             const char *output) {
    static const int64_t last = -1;
    const char *const inputs[] = {input, names->weight.text, names->bias.text};
    const OnnxAttribute attributes[] = {
        onnx_graph_integer("axis", &last),
        {.name = "epsilon", .type = ONNX_ATTRIBUTE_FLOATS, .count = 1, .floats = &stage->epsilon}};
    write_vector(graph, names->weight.text, stage->outputs, gain);
    if (bias) write_vector(graph, names->bias.text, stage->outputs, bias);
    onnx_graph_node(graph, "LayerNormalization", inputs, bias ? 3 : 2, output, attributes, 2);
}

static void write_activation(OnnxGraph *graph, elman_stage_kind kind, const char *input,
                             const char *output) {
    static const char *const operators[] = {
        [ELMAN_STAGE_RELU] = "Relu",
        [ELMAN_STAGE_TANH] = "Tanh",
        [ELMAN_STAGE_SIGMOID] = "Sigmoid",
        [ELMAN_STAGE_SOFTMAX] = "Softmax",
        [ELMAN_STAGE_LOG_SOFTMAX] = "LogSoftmax",
    };
    static const int64_t last = -1;
    const OnnxAttribute axis = onnx_graph_integer("axis", &last);
    const bool has_axis = kind == ELMAN_STAGE_SOFTMAX || kind == ELMAN_STAGE_LOG_SOFTMAX;
    onnx_graph_node(graph, operators[kind], &input, 1, output, &axis, has_axis);
}

static void write_stage(OnnxGraph *graph, size_t index, const StageNames *names, const char *input,
                        const char *output) {
    const TensorSet *const weights = &graph->model->weights;
    const elman_stage *const stage = &graph->structure->stages[index];
    const float *const weight = tensor_set_data(weights, TENSOR_STAGE_WEIGHT, index, false);
    const float *const bias = tensor_set_data(weights, TENSOR_STAGE_BIAS, index, false);
    if (stage->kind == ELMAN_STAGE_LINEAR)
        write_linear(graph, names, weight, bias, structure_stage_inputs(graph->structure, index),
                     stage->outputs, input, output);
    else if (stage->kind == ELMAN_STAGE_LAYER_NORM)
        write_layer_norm(graph, names, stage, weight, bias, input, output);
    else
        write_activation(graph, stage->kind, input, output);
}

void onnx_graph_stages(OnnxGraph *graph, const char *input) {
    const Structure *const structure = graph->structure;
    const TensorSet *const weights = &graph->model->weights;
    StageNames names[2]; /* a stage's, and the one's before, whose output it reads */
    size_t number = 0;
    if (structure->has_head) {
        names[0] = names_of(graph, 0);
        const char *const output = onnx_graph_stage_input(graph, 1, names[0].output.text);
        write_linear(graph, &names[0], tensor_set_data(weights, TENSOR_HEAD_WEIGHT, 0, false),
                     tensor_set_data(weights, TENSOR_HEAD_BIAS, 0, false),
                     structure_inputs(structure, structure->layer_count), structure->head_outputs,
                     input, output);
        input = output;
        number = 1;
    }
    for (size_t i = 0; i < structure->stage_count; i++, number++) {
        StageNames *const own = &names[number % 2];
        *own = names_of(graph, number);
        const char *const output = onnx_graph_stage_input(graph, number + 1, own->output.text);
        write_stage(graph, i, own, input, output);
        input = output;
    }
}
