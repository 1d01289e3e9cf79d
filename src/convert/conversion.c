/* The way of a conversion: read, map, prove, write. */
#include "convert/conversion.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "convert/onnx_model.h"
#include "core/fail.h"
#include "core/grow.h"
#include "core/options.h"
#include "model/model_file.h"

static const double usual_tolerance = 1e-5;

/* Of a random probe. */
enum { PROBE_ROWS = 3, PROBE_STEPS = 32 };

static elman_status no_memory(const elman_conversion *conversion, elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", conversion->name);
}

/* ---- What is told ---- */

elman_status conversion_note(elman_conversion *conversion, elman_error *error, const char *format,
                             ...) {
    Memory *const memory = &conversion->context->memory;
    char sentence[ELMAN_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    char **const grown = memory_grow(memory, conversion->notes, conversion->note_count, 1,
                                     &conversion->note_capacity, sizeof *grown);
    if (!grown) return no_memory(conversion, error);
    conversion->notes = grown;
    grown[conversion->note_count] = memory_copy_string(memory, sentence);
    if (!grown[conversion->note_count]) return no_memory(conversion, error);
    conversion->note_count++;
    return ELMAN_OK;
}

elman_status conversion_placed(elman_conversion *conversion, const SafetensorsTensor *source,
                               const char *target, elman_error *error) {
    elman_converted_tensor *const grown =
        memory_grow(&conversion->context->memory, conversion->tensors, conversion->tensor_count, 1,
                    &conversion->tensor_capacity, sizeof *grown);
    if (!grown) return no_memory(conversion, error);
    conversion->tensors = grown;
    grown[conversion->tensor_count++] = (elman_converted_tensor){
        .source = source->name,
        .target = target,
        .type = safetensors_type_name(source->type),
        .rank = source->rank,
        .shape = {source->shape[0], source->rank > 1 ? source->shape[1] : 1},
        .rounded = source->type == SAFETENSORS_F64,
    };
    return ELMAN_OK;
}

elman_status conversion_note_left_out(elman_conversion *conversion, elman_error *error) {
    const elman_model *const model = conversion->model;
    elman_status status = ELMAN_OK;
    if (model->vocabulary || model->encoder)
        status = conversion_note(conversion, error,
                                 "left out: what turns data into the model's input (its encoder); "
                                 "what is written reads %s",
                                 model->structure.input == ELMAN_INPUT_DENSE ? "numbers as the "
                                                                               "network does"
                                                                             : "tokens");
    if (!status && model->training)
        status = conversion_note(conversion, error, "left out: how the model was trained");
    return status;
}

/* ---- Reading ---- */

static elman_status choose_formats(elman_conversion *conversion, bool is_model,
                                   elman_error *error) {
    elman_convert_options *const options = &conversion->options;
    if (options->from == ELMAN_CONVERT_AUTO)
        options->from = is_model ? ELMAN_CONVERT_ELMAN : ELMAN_CONVERT_PYTORCH;
    const bool from_model = options->from == ELMAN_CONVERT_ELMAN;
    if (options->to == ELMAN_CONVERT_AUTO)
        options->to = from_model ? ELMAN_CONVERT_PYTORCH : ELMAN_CONVERT_ELMAN;
    if (from_model && options->to == ELMAN_CONVERT_ELMAN)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: is a model of Elman already", conversion->name);
    if (options->from != ELMAN_CONVERT_PYTORCH && options->nonlinearity)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: is %s, which tells its nonlinearity",
                    conversion->name, from_model ? "a model of Elman" : "an ONNX model");
    if (options->from != ELMAN_CONVERT_PYTORCH &&
        (options->module || options->embedding || options->linear))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: is %s: module, embedding and linear choose from PyTorch's tensors",
                    conversion->name, from_model ? "a model of Elman" : "an ONNX model");
    return ELMAN_OK;
}

static elman_status read_model(elman_conversion *conversion, const SafetensorsFile *file,
                               elman_error *error) {
    conversion->kind = "a model of Elman";
    return model_from_file(conversion->context, file, conversion->name, &conversion->model, error);
}

static elman_status read_safetensors(elman_conversion *conversion, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    SafetensorsFile *file = NULL;
    elman_status status = safetensors_open(memory, conversion->name, &file, error);
    if (!status)
        status = choose_formats(conversion, safetensors_metadata(file, "elman") != NULL, error);
    if (!status && conversion->options.from == ELMAN_CONVERT_PYTORCH)
        return tensor_list_open_file(&conversion->source, memory, file, error);
    if (!status) status = read_model(conversion, file, error);
    safetensors_close(file);
    return status;
}

static elman_status read_torch(elman_conversion *conversion, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    TorchFile *file = NULL;
    if (conversion->options.from == ELMAN_CONVERT_ELMAN)
        return fail(error, ELMAN_ERR_FORMAT, "%s: is a zip archive, expected a model of Elman",
                    conversion->name);
    elman_status status = choose_formats(conversion, false, error);
    if (!status) status = torch_open(memory, conversion->name, &file, error);
    return status
               ? status
               : tensor_list_open_torch(&conversion->source, memory, file, conversion->name, error);
}

static elman_status read_graph(elman_conversion *conversion, elman_error *error) {
    conversion->options.from = ELMAN_CONVERT_ONNX;
    const elman_status status = choose_formats(conversion, false, error);
    return status ? status : onnx_read_model(conversion, error);
}

static elman_status read_file(elman_conversion *conversion, elman_error *error) {
    const elman_convert_format from = conversion->options.from;
    bool is_torch = false, is_graph = from == ELMAN_CONVERT_ONNX;
    elman_status status = ELMAN_OK;
    if (from == ELMAN_CONVERT_AUTO) status = onnx_recognise(conversion->name, &is_graph, error);
    if (!status && is_graph) return read_graph(conversion, error);
    if (!status) status = torch_recognise(conversion->name, &is_torch, error);
    if (!status)
        status = is_torch ? read_torch(conversion, error) : read_safetensors(conversion, error);
    if (status || conversion->model) return status;
    status = pytorch_read_roles(conversion, error);
    return status ? status : pytorch_make_model(conversion, error);
}

static elman_status check_options(const elman_convert_options *options, elman_error *error) {
    if (options->from > ELMAN_CONVERT_ONNX || options->to > ELMAN_CONVERT_PYTORCH_FOLDER)
        return fail(error, ELMAN_ERR_ARGUMENT, "an unknown format to convert from or to");
    if (options->nonlinearity > ELMAN_NONLINEARITY_RELU)
        return fail(error, ELMAN_ERR_ARGUMENT, "an unknown nonlinearity");
    if (!(options->tolerance >= 0.0))
        return fail(error, ELMAN_ERR_ARGUMENT, "the tolerance is %g, expected at least 0",
                    options->tolerance);
    if (options->expect && !options->probe)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "an expected output needs the probe that it was computed for");
    return ELMAN_OK;
}

elman_status conversion_read(elman_context *context, const char *path,
                             const elman_convert_options *given, elman_conversion **out,
                             elman_error *error) {
    elman_convert_options options;
    *out = NULL;
    elman_status status =
        options_read(&options, sizeof options, given, "elman_convert_options", error);
    if (!status) status = check_options(&options, error);
    if (status) return status;
    if (options.tolerance == 0.0) options.tolerance = usual_tolerance;
    elman_conversion *const conversion = memory_allocate(&context->memory, sizeof *conversion);
    if (!conversion) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", path);
    conversion->context = context;
    conversion->options = options;
    conversion->name = memory_copy_string(&context->memory, path);
    *out = conversion;
    if (!conversion->name)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", path);
    status = read_file(conversion, error);
    if (status || conversion->options.to == ELMAN_CONVERT_ELMAN) return status;
    return conversion->options.to == ELMAN_CONVERT_ONNX ? onnx_convert(conversion, error)
                                                        : pytorch_make_tensors(conversion, error);
}

elman_status elman_conversion_open(elman_context *context, const char *path,
                                   const elman_convert_options *options,
                                   elman_conversion **conversion, elman_error *error) {
    elman_status status = conversion_read(context, path, options, conversion, error);
    if (!status) status = conversion_prove(*conversion, error);
    if (!status) return ELMAN_OK;
    elman_conversion_destroy(*conversion);
    *conversion = NULL;
    return status;
}

void elman_conversion_destroy(elman_conversion *conversion) {
    if (!conversion) return;
    Memory *const memory = &conversion->context->memory;
    for (size_t i = 0; i < conversion->difference_count; i++)
        memory_release(memory, (char *)conversion->differences[i].place);
    for (size_t i = 0; i < conversion->note_count; i++)
        memory_release(memory, conversion->notes[i]);
    memory_release(memory, conversion->differences);
    memory_release(memory, conversion->notes);
    memory_release(memory, conversion->tensors);
    memory_release(memory, conversion->onnx_names);
    memory_release(memory, conversion->onnx);
    tensor_list_close(&conversion->written);
    tensor_list_close(&conversion->source);
    onnx_map_destroy(conversion->map);
    onnx_close(conversion->graph);
    elman_model_destroy(conversion->model);
    memory_release(memory, conversion->name);
    memory_release(memory, conversion);
}

/* ---- The proof ---- */

/* Lets an oracle answer, and compares. */
static elman_status prove_by(elman_conversion *conversion, const Oracle *oracle,
                             const ProbeRows *probe, elman_error *error) {
    OracleAnswer answer = {0};
    elman_status status = oracle->run(oracle, probe, &answer, error);
    if (!status) status = prove(conversion, probe, &answer, error);
    oracle_answer_release(&answer);
    return status;
}

static elman_status prove_tensors(elman_conversion *conversion, const TensorList *source,
                                  const PytorchRoles *roles, const ProbeRows *probe,
                                  elman_error *error) {
    const PytorchOracle oracle = pytorch_oracle(source, roles);
    return prove_by(conversion, &oracle.base, probe, error);
}

static elman_status prove_graph(elman_conversion *conversion, const ProbeRows *probe,
                                elman_error *error) {
    const OnnxOracle oracle = onnx_oracle(conversion);
    return prove_by(conversion, &oracle.base, probe, error);
}

/* Proves what will be written, read as its system reads it, from the model's own initial state. */
static elman_status prove_written(elman_conversion *conversion, const ProbeRows *given,
                                  elman_error *error) {
    ProbeRows stateless = *given;
    const ProbeRows *const probe = &stateless;
    stateless.state = NULL;
    if (conversion->options.to == ELMAN_CONVERT_ONNX) return onnx_prove(conversion, probe, error);
    const elman_status status = prove_weights(conversion, true, error);
    return status ? status
                  : prove_tensors(conversion, &conversion->written, &conversion->written_roles,
                                  probe, error);
}

/* The other side is what was read, or what will be written: both where neither is of ours. */
static elman_status prove_sides(elman_conversion *conversion, const ProbeRows *probe,
                                elman_error *error) {
    elman_status status = ELMAN_OK;
    if (conversion->options.from == ELMAN_CONVERT_ONNX)
        status = prove_graph(conversion, probe, error);
    if (conversion->options.from == ELMAN_CONVERT_PYTORCH) {
        status = prove_weights(conversion, false, error);
        if (!status)
            status =
                prove_tensors(conversion, &conversion->source, &conversion->roles, probe, error);
    }
    if (status || conversion->options.to == ELMAN_CONVERT_ELMAN) return status;
    conversion->is_second_proof = conversion->options.from != ELMAN_CONVERT_ELMAN;
    status = prove_written(conversion, probe, error);
    conversion->is_second_proof = false;
    return status;
}

static elman_status open_probe(const elman_conversion *conversion, ProbeRows *probe,
                               elman_error *error) {
    const elman_array *const given = conversion->options.probe;
    if (conversion->options.from == ELMAN_CONVERT_ONNX)
        return onnx_open_probe(conversion, probe, error);
    if (given) return probe_rows_open_array(probe, conversion->model, given, error);
    return probe_rows_open_random(probe, conversion->model, PROBE_STEPS, PROBE_ROWS, true, error);
}

elman_status conversion_prove(elman_conversion *conversion, elman_error *error) {
    const elman_convert_options *const options = &conversion->options;
    ProbeRows probe = {0};
    elman_status status = open_probe(conversion, &probe, error);
    if (!status) status = prove_sides(conversion, &probe, error);
    if (!status && options->expect)
        status = prove_expected(conversion, &probe, options->expect, error);
    conversion->probe_steps = probe.steps;
    conversion->probe_rows = probe.rows;
    probe_rows_close(&probe);
    return status;
}

/* ---- Looking at it ---- */

void elman_conversion_describe(const elman_conversion *conversion,
                               elman_conversion_summary *summary) {
    *summary = (elman_conversion_summary){
        .from = conversion->options.from,
        .to = conversion->options.to,
        .source = conversion->kind,
        .tensors = conversion->tensor_count,
        .notes = conversion->note_count,
        .differences = conversion->difference_count,
        .steps = conversion->probe_steps,
        .rows = conversion->probe_rows,
        .tolerance = conversion->options.tolerance,
    };
    for (size_t i = 0; i < conversion->difference_count; i++)
        if (conversion->differences[i].largest > summary->largest)
            summary->largest = conversion->differences[i].largest;
    summary->proven = summary->differences > 0 && summary->largest <= summary->tolerance;
}

const elman_converted_tensor *elman_conversion_tensor(const elman_conversion *conversion,
                                                      size_t index) {
    return &conversion->tensors[index];
}

const char *elman_conversion_note(const elman_conversion *conversion, size_t index) {
    return conversion->notes[index];
}

const elman_difference *elman_conversion_difference(const elman_conversion *conversion,
                                                    size_t index) {
    return &conversion->differences[index];
}

const elman_model *elman_conversion_model(const elman_conversion *conversion) {
    return conversion->model;
}

elman_status elman_conversion_save(const elman_conversion *conversion, const char *path,
                                   elman_error *error) {
    elman_conversion_summary summary;
    elman_conversion_describe(conversion, &summary);
    if (!summary.proven)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "%s: the two sides differ by %.3g, expected at most %.3g: nothing is written",
                    conversion->name, summary.largest, summary.tolerance);
    if (summary.to == ELMAN_CONVERT_ELMAN) return elman_model_save(conversion->model, path, error);
    if (summary.to == ELMAN_CONVERT_ONNX) return onnx_save(conversion, path, error);
    return pytorch_save(conversion, path, error);
}
