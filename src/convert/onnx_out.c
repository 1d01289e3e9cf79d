/* To ONNX: the file's bytes, the proof of what was written, the file.
 *
 * The proof knows nothing of how the graph was made: it parses the bytes again, compares each
 * number of the model with that at its place, and lets the oracle evaluate the graph. */
#include <assert.h>
#include <string.h>

#include "convert/conversion.h"
#include "convert/onnx_graph.h"
#include "convert/oracle_onnx.h"
#include "core/fail.h"
#include "core/files.h"

/* ---- Making it ---- */

static elman_status check_layers(const elman_conversion *conversion, elman_error *error) {
    const Structure *const structure = &conversion->model->structure;
    for (size_t i = 0; i < structure->layer_count; i++)
        if (structure->layers[i].projection)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s: layer %zu has a projection, which ONNX's LSTM lacks", conversion->name,
                        i);
    return ELMAN_OK;
}

/* What the most used runtime does otherwise than the specification, as conformance/ found. */
static elman_status note_runtime(elman_conversion *conversion, elman_error *error) {
    const Structure *const structure = &conversion->model->structure;
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < structure->layer_count && !status; i++)
        if (structure->layers[i].cell == ELMAN_CELL_LSTM && structure->layers[i].clip > 0.0f)
            status = conversion_note(conversion, error,
                                     "beware: layer %zu is an LSTM with a clip: ONNX Runtime, "
                                     "unlike the specification, does not clip what its h reads",
                                     i);
    return status;
}

static elman_status list_tensors(elman_conversion *conversion, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    TensorList own = {0};
    conversion->onnx_names = memory_allocate_array(memory, conversion->model->weights.count,
                                                   sizeof *conversion->onnx_names);
    if (!conversion->onnx_names)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", conversion->name);
    elman_status status = tensor_list_open_model(&own, conversion->model, error);
    for (size_t i = 0; i < own.count && !status; i++) {
        conversion->onnx_names[i] = onnx_graph_place(conversion->model, i);
        status =
            conversion_placed(conversion, &own.tensors[i], conversion->onnx_names[i].text, error);
    }
    tensor_list_close(&own);
    return status ? status : conversion_note_left_out(conversion, error);
}

elman_status onnx_convert(elman_conversion *conversion, elman_error *error) {
    if (!onnx_is_read())
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: an ONNX model of it could not be proven: this build reads none",
                    conversion->name);
    elman_status status = check_layers(conversion, error);
    if (!status)
        status = onnx_graph_make(&conversion->context->memory, conversion->model, conversion->name,
                                 &conversion->onnx, &conversion->onnx_size, error);
    if (!status && conversion->options.from == ELMAN_CONVERT_ELMAN)
        status = list_tensors(conversion, error);
    return status ? status : note_runtime(conversion, error);
}

/* ---- The graph, read again ---- */

/* A graph that was read again, and what it computes. */
typedef struct Written {
    elman_conversion *conversion;
    const ProbeRows *probe;
    Memory *memory;
    OnnxModel *graph;
    OracleOnnx *oracle;
    OracleAnswer answer;
    elman_error *error;
} Written;

static elman_status refuse(const Written *written, const char *what, const char *name) {
    return fail(written->error, ELMAN_ERR_MISMATCH,
                "%s: the ONNX model made of it has no %s \"%s\"", written->conversion->name, what,
                name);
}

/* The value of that name, or ONNX_NONE. */
static uint32_t find_value(const OnnxModel *graph, const char *name) {
    for (size_t i = 0; i < graph->value_count; i++)
        if (strcmp(graph->values[i].name, name) == 0) return (uint32_t)i;
    return ONNX_NONE;
}

/* ---- Its numbers ---- */

/* Where ONNX has the gate that is ours at `block`: c of its LSTM is our g, h of its GRU our n. */
static size_t onnx_block(size_t gates, size_t block) {
    static const char *const ours[] = {NULL, "h", NULL, "rzn", "ifgo"};
    static const char *const theirs[] = {NULL, "h", NULL, "zrn", "iofg"};
    return (size_t)(strchr(theirs[gates], ours[gates][block]) - theirs[gates]);
}

/* Number `index` of tensor `which`, as an initialiser of that many numbers has it. */
static double number_of(const elman_model *model, size_t which, size_t index,
                        const OnnxTensor *initialiser) {
    const struct TensorPlace *const place = &model->weights.places[which];
    const elman_tensor *const tensor = &model->weights.tensors[which];
    size_t row = index / tensor->shape[1];
    const size_t column = index % tensor->shape[1];
    if (place->role == TENSOR_HEAD_WEIGHT || place->role == TENSOR_STAGE_WEIGHT)
        return onnx_number(initialiser, column * tensor->shape[0] + row);
    if (place->role == TENSOR_EMBEDDING || place->role == TENSOR_HEAD_BIAS ||
        place->role == TENSOR_STAGE_BIAS)
        return onnx_number(initialiser, index);
    const size_t half = place->reverse ? initialiser->count / initialiser->shape[0] : 0;
    if (place->role == TENSOR_H0 || place->role == TENSOR_C0 ||
        place->role == TENSOR_WEIGHT_PEEPHOLE)
        return onnx_number(initialiser, half + index);
    const size_t hidden = model->structure.layers[place->layer].hidden;
    row = onnx_block(tensor->shape[0] / hidden, row / hidden) * hidden + row % hidden;
    if (place->role == TENSOR_BIAS_HH) row += tensor->shape[0];
    return onnx_number(initialiser, half + row * tensor->shape[1] + column);
}

static elman_status prove_numbers(const Written *written) {
    const elman_model *const model = written->conversion->model;
    Comparison comparison = {0};
    for (size_t i = 0; i < model->weights.count; i++) {
        const elman_tensor *const tensor = &model->weights.tensors[i];
        const OnnxGraphName name = onnx_graph_place(model, i);
        const uint32_t value = find_value(written->graph, name.text);
        if (value == ONNX_NONE || !written->graph->values[value].initialiser)
            return refuse(written, "initialiser", name.text);
        for (size_t k = 0; k < tensor->count; k++)
            comparison_add(&comparison, (double)tensor->data[k],
                           number_of(model, i, k, written->graph->values[value].initialiser));
    }
    return prove_place(written->conversion, "weights", &comparison, written->error);
}

/* ---- Its arithmetic ---- */

/* Gives the graph the probe. */
static elman_status feed(const Written *written) {
    const ProbeRows *const probe = written->probe;
    const size_t positions = probe->steps * probe->rows;
    OracleArray input = {.type = probe->dense ? ONNX_FLOAT : ONNX_INT64,
                         .rank = probe->dense ? 3 : 2,
                         .shape = {probe->steps, probe->rows, probe->features},
                         .count = positions * (probe->dense ? probe->features : 1)};
    OracleArray lengths = {
        .type = ONNX_INT32, .rank = 1, .shape = {probe->rows}, .count = probe->rows};
    elman_status status = ELMAN_OK;
    if (probe->dense)
        input.numbers = memory_allocate_array(written->memory, input.count, sizeof *input.numbers);
    else
        input.integers =
            memory_allocate_array(written->memory, input.count, sizeof *input.integers);
    lengths.integers =
        memory_allocate_array(written->memory, lengths.count, sizeof *lengths.integers);
    if (!lengths.integers || (!input.numbers && !input.integers))
        status = fail(written->error, ELMAN_ERR_MEMORY, "%s: no memory for a proof",
                      written->conversion->name);
    for (size_t i = 0; i < input.count && !status; i++)
        if (probe->dense)
            input.numbers[i] = (double)probe->dense[i];
        else
            input.integers[i] = probe->tokens[i];
    for (size_t i = 0; i < probe->rows && !status; i++)
        lengths.integers[i] = (int64_t)probe->lengths[i];
    if (!status) status = oracle_onnx_feed(written->oracle, 0, &input, written->error);
    if (!status) status = oracle_onnx_feed_optional(written->oracle, 0, &lengths, written->error);
    memory_release(written->memory, lengths.integers);
    memory_release(written->memory, input.integers);
    memory_release(written->memory, input.numbers);
    return status;
}

/* Adds a track of what the graph has as `value`, for one direction: Y
 * [steps][directions][batch][hidden], or a final state without the steps. */
static elman_status add_track(Written *written, OracleTrack track, const char *name) {
    const uint32_t index = find_value(written->graph, name);
    if (index == ONNX_NONE) return refuse(written, "value", name);
    const OracleArray *const value = oracle_onnx_value(written->oracle, index);
    assert(value->rank == (track.is_final ? 3 : 4) && value->shape[value->rank - 1] == track.width);
    const size_t steps = track.is_final ? 1 : value->shape[0];
    const size_t directions = value->shape[value->rank - 3];
    const size_t block = value->shape[value->rank - 2] * track.width;
    track.values = memory_allocate_array(written->memory, steps * block, sizeof *track.values);
    if (!track.values)
        return fail(written->error, ELMAN_ERR_MEMORY, "%s: no memory for a proof",
                    written->conversion->name);
    for (size_t t = 0; t < steps; t++)
        memcpy(track.values + t * block, value->numbers + (t * directions + track.reverse) * block,
               block * sizeof *track.values);
    written->answer.tracks[written->answer.track_count++] = track;
    return ELMAN_OK;
}

static elman_status add_layer(Written *written, size_t layer) {
    const Structure *const structure = &written->conversion->model->structure;
    elman_status status = ELMAN_OK;
    for (size_t k = 0; k < structure_directions(structure, layer) && !status; k++) {
        OracleTrack track = {
            .layer = layer, .reverse = k == 1, .width = structure->layers[layer].hidden};
        status = add_track(written, track, onnx_graph_name("rnn.Y", layer).text);
        track.is_final = true;
        if (!status) status = add_track(written, track, onnx_graph_name("final_h", layer).text);
        track.cell = true;
        if (!status && structure->layers[layer].cell == ELMAN_CELL_LSTM)
            status = add_track(written, track, onnx_graph_name("final_c", layer).text);
    }
    return status;
}

/* What the graph computed as an answer. */
static elman_status read_answer(Written *written) {
    enum { LAYER_TRACKS = 6 };
    const Structure *const structure = &written->conversion->model->structure;
    const OracleArray *const output =
        oracle_onnx_value(written->oracle, written->graph->outputs[0].value);
    OracleAnswer *const answer = &written->answer;
    elman_status status = ELMAN_OK;
    answer->memory = written->memory;
    answer->tracks = memory_allocate_array(written->memory, LAYER_TRACKS * structure->layer_count,
                                           sizeof *answer->tracks);
    answer->one_output = output->rank == 2;
    answer->outputs = output->shape[output->rank - 1];
    answer->output = memory_allocate_array(written->memory, output->count, sizeof *answer->output);
    if (!answer->tracks || !answer->output)
        return fail(written->error, ELMAN_ERR_MEMORY, "%s: no memory for a proof",
                    written->conversion->name);
    memcpy(answer->output, output->numbers, output->count * sizeof *answer->output);
    for (size_t layer = 0; layer < structure->layer_count && !status; layer++)
        status = add_layer(written, layer);
    return status;
}

static elman_status prove_graph(Written *written) {
    elman_status status = oracle_onnx_create(written->memory, written->graph, SIZE_MAX,
                                             &written->oracle, written->error);
    if (!status) status = feed(written);
    if (!status) status = oracle_onnx_run(written->oracle, written->error);
    if (!status) status = read_answer(written);
    return status ? status
                  : prove(written->conversion, written->probe, &written->answer, written->error);
}

elman_status onnx_prove(elman_conversion *conversion, const ProbeRows *probe, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    Written written = {.conversion = conversion, .probe = probe, .memory = memory, .error = error};
    elman_status status = onnx_parse(memory, conversion->name, conversion->onnx,
                                     conversion->onnx_size, &written.graph, error);
    if (!status) status = prove_numbers(&written);
    if (!status) status = prove_graph(&written);
    oracle_answer_release(&written.answer);
    oracle_onnx_destroy(written.oracle);
    onnx_close(written.graph);
    return status;
}

/* ---- The file ---- */

elman_status onnx_save(const elman_conversion *conversion, const char *path, elman_error *error) {
    FileWriter *writer = NULL;
    elman_status status = file_writer_open(&conversion->context->memory, path, &writer, error);
    if (!status) status = file_writer_write(writer, conversion->onnx, conversion->onnx_size, error);
    if (!status) return file_writer_commit(writer, error);
    file_writer_abort(writer);
    return status;
}
