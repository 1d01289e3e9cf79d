/* Runs an ONNX graph over a probe, in the oracle, and finds the layers' values in it. */
#include <string.h>

#include "convert/conversion.h"
#include "convert/onnx_model.h"
#include "convert/onnx_weights.h"
#include "convert/oracle_onnx.h"
#include "core/fail.h"
#include "core/random.h"

enum {
    PROBE_ROWS = 3,
    PROBE_STEPS = 32,
    PROBE_STEPS_LEAST = 6,
    PROBE_STATES = 2, /* the stream of random numbers */
    /* Products in the oracle that take a fraction of a second. */
    PRODUCTS_MAX = 300000000,
    /* What the oracle may hold beside the file's own tensors, and in multiples of them. */
    ELEMENTS_ALWAYS = 1 << 26,
    ELEMENTS_RATIO = 8
};

/* ---- The probe ---- */

/* Fewer steps for a large model: each of them takes a product per weight. */
static size_t usual_steps(const elman_conversion *conversion) {
    const Structure *const structure = &conversion->model->structure;
    const size_t looked_up = structure->input == ELMAN_INPUT_EMBEDDING
                                 ? structure->input_size * structure->embedding
                                 : 0;
    size_t weights = 0;
    (void)structure_parameters(structure, &weights);
    const size_t steps = PRODUCTS_MAX / (PROBE_ROWS * (weights - looked_up + 1));
    return steps > PROBE_STEPS         ? PROBE_STEPS
           : steps < PROBE_STEPS_LEAST ? PROBE_STEPS_LEAST
                                       : steps;
}

/* Random initial states where the graph has them as inputs, as elman/network.h lays them out. */
static elman_status add_states(const elman_conversion *conversion, ProbeRows *probe,
                               elman_error *error) {
    const OnnxMap *const map = conversion->map;
    const Structure *const structure = &conversion->model->structure;
    const size_t size = structure_state_size(structure, probe->rows);
    bool is_given = false;
    for (size_t l = 0; l < map->layer_count; l++)
        is_given = is_given || map->layers[l].h.references || map->layers[l].c.references;
    if (!is_given) return ELMAN_OK;
    probe->state = memory_allocate_array(probe->memory, size, sizeof *probe->state);
    if (!probe->state)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for states", conversion->name);
    size_t at = 0;
    for (size_t l = 0; l < map->layer_count; l++) {
        const MapLayer *const layer = &map->layers[l];
        const size_t count = probe->rows * layer->hidden;
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            for (size_t k = 0; k < (layer->gates == 4 ? 2 : 1); k++, at += count) {
                const MapState *const state = k ? &layer->c : &layer->h;
                if (!state->references || (layer->is_reverse && d == 0)) continue;
                for (size_t i = at; i < at + count; i++)
                    probe->state[i] =
                        0.5f * (float)random_normal(0, RANDOM_CONVERT, PROBE_STATES, i);
            }
    }
    return ELMAN_OK;
}

elman_status onnx_open_probe(const elman_conversion *conversion, ProbeRows *probe,
                             elman_error *error) {
    const OnnxMap *const map = conversion->map;
    const elman_array *const given = conversion->options.probe;
    const size_t steps = map->fixed_steps ? map->steps : usual_steps(conversion);
    const size_t rows = map->fixed_rows ? map->rows : PROBE_ROWS;
    const bool has_lengths = map->layers[0].lengths != MAP_NO_BASE;
    elman_status status =
        given ? probe_rows_open_array(probe, conversion->model, given, error)
              : probe_rows_open_random(probe, conversion->model, steps, rows, has_lengths, error);
    if (status) return status;
    if ((map->fixed_steps && probe->steps != map->steps) ||
        (map->fixed_rows && probe->rows != map->rows))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the probe has %zu steps and %zu rows, the graph is for %zu and %zu only",
                    probe->steps, probe->rows, map->fixed_steps ? map->steps : probe->steps,
                    map->fixed_rows ? map->rows : probe->rows);
    return add_states(conversion, probe, error);
}

/* ---- What the graph reads ---- */

/* One run of the oracle. */
typedef struct Evaluation {
    const elman_conversion *conversion;
    const ProbeRows *probe;
    OnnxMap *map; /* of the probe's sizes */
    OracleOnnx *oracle;
    OracleAnswer *answer;
    Memory *memory;
    elman_error *error;
} Evaluation;

static elman_status no_memory(const Evaluation *e) {
    return fail(e->error, ELMAN_ERR_MEMORY, "%s: no memory to evaluate it", e->conversion->name);
}

static void set(OracleArray *array, size_t index, double number) {
    if (array->numbers)
        array->numbers[index] = number;
    else
        array->integers[index] = (int64_t)number;
}

/* Where a reference to an input is in it. */
static size_t offset_of(const OnnxMap *map, MapReference at) {
    const size_t *const strides = map->bases[at.base].strides;
    return at.first * strides[0] + at.second * strides[1] + at.feature * strides[2];
}

static void fill_sequence(const Evaluation *e, OracleArray *array) {
    const ProbeRows *const probe = e->probe;
    const size_t features = probe->dense ? probe->features : 1;
    for (size_t t = 0; t < probe->steps; t++)
        for (size_t b = 0; b < probe->rows; b++)
            for (size_t f = 0; f < features; f++) {
                const size_t from = (t * probe->rows + b) * features + f;
                const size_t to = e->map->batch_first ? b * probe->steps + t : t * probe->rows + b;
                set(array, to * features + f,
                    probe->dense ? (double)probe->dense[from] : (double)probe->tokens[from]);
            }
}

/* Puts the probe's states of every layer into `array`, the graph's input `input`. */
static void fill_states(const Evaluation *e, uint32_t input, OracleArray *array) {
    const Structure *const structure = &e->conversion->model->structure;
    const float *from = e->probe->state;
    for (size_t l = 0; l < e->map->layer_count && from; l++) {
        const MapLayer *const layer = &e->map->layers[l];
        const size_t count = e->probe->rows * layer->hidden;
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            for (size_t k = 0; k < (layer->gates == 4 ? 2 : 1); k++, from += count) {
                const MapReference *const to = k ? layer->c.references : layer->h.references;
                if (!to || (layer->is_reverse && d == 0)) continue;
                const MapReference *const of = to + (layer->is_reverse ? 0 : d) * count;
                for (size_t i = 0; i < count; i++)
                    if (e->map->bases[of[i].base].input == input)
                        set(array, offset_of(e->map, of[i]), (double)from[i]);
            }
    }
}

static elman_status feed_input(const Evaluation *e, uint32_t input) {
    const uint32_t lengths = e->map->layers[0].lengths;
    const MapValue *const value = &e->map->values[e->conversion->graph->inputs[input].value];
    const bool is_real = value->type == ONNX_FLOAT || value->type == ONNX_DOUBLE;
    OracleArray array = {.type = value->type, .rank = value->rank, .count = value->count};
    void *const elements = memory_allocate_array(e->memory, value->count, sizeof(double));
    if (!elements) return no_memory(e);
    memcpy(array.shape, value->shape, sizeof array.shape);
    if (is_real)
        array.numbers = elements;
    else
        array.integers = elements;
    if (input == e->map->primary)
        fill_sequence(e, &array);
    else if (lengths != MAP_NO_BASE && e->map->bases[lengths].input == input)
        for (size_t b = 0; b < e->probe->rows; b++) set(&array, b, (double)e->probe->lengths[b]);
    else
        fill_states(e, input, &array);
    const elman_status status = oracle_onnx_feed(e->oracle, input, &array, e->error);
    memory_release(e->memory, elements);
    return status;
}

/* ---- What it computes ---- */

static OracleTrack *add_track(const Evaluation *e, size_t layer, bool reverse, bool cell,
                              bool is_final) {
    const size_t width = e->map->layers[layer].hidden;
    const size_t positions = (is_final ? 1 : e->probe->steps) * e->probe->rows;
    OracleTrack *const track = &e->answer->tracks[e->answer->track_count++];
    *track = (OracleTrack){
        .layer = layer, .reverse = reverse, .cell = cell, .is_final = is_final, .width = width};
    track->values = memory_allocate_array(e->memory, positions, width * sizeof *track->values);
    return track->values ? track : NULL;
}

/* Takes one direction of output `index` of a layer's node (Y, Y_h, Y_c), if it has that output. */
static elman_status take_track(const Evaluation *e, size_t index, size_t layer, size_t direction) {
    const MapLayer *const l = &e->map->layers[layer];
    const size_t rows = e->probe->rows, steps = index == 0 ? e->probe->steps : 1;
    if (index >= l->node->output_count || l->node->outputs[index] == ONNX_NONE) return ELMAN_OK;
    const double *const from = oracle_onnx_value(e->oracle, l->node->outputs[index])->numbers;
    OracleTrack *const track =
        add_track(e, layer, direction == 1 || l->is_reverse, index == 2, index > 0);
    if (!track) return no_memory(e);
    for (size_t t = 0; t < steps; t++)
        for (size_t b = 0; b < rows; b++) {
            const size_t at = l->batch_layout ? (b * steps + t) * l->directions + direction
                                              : (t * l->directions + direction) * rows + b;
            memcpy(track->values + (t * rows + b) * l->hidden, from + at * l->hidden,
                   l->hidden * sizeof *from);
        }
    return ELMAN_OK;
}

static elman_status take_tracks(const Evaluation *e) {
    elman_status status = ELMAN_OK;
    e->answer->is_partial = true;
    e->answer->tracks =
        memory_allocate_array(e->memory, e->map->layer_count, 6 * sizeof *e->answer->tracks);
    if (!e->answer->tracks) return no_memory(e);
    for (size_t l = 0; l < e->map->layer_count; l++)
        for (size_t d = 0; d < e->map->layers[l].directions; d++)
            for (size_t i = 0; i < 3 && !status; i++) status = take_track(e, i, l, d);
    return status;
}

static elman_status take_output(const Evaluation *e) {
    const OnnxMap *const map = e->map;
    const MapOutput *const output = &map->outputs[map->output];
    const OracleArray *const value =
        oracle_onnx_value(e->oracle, map->model->outputs[map->output].value);
    OracleAnswer *const answer = e->answer;
    void *const places =
        memory_allocate_array(e->memory, map->bases[map->top].width, sizeof(size_t));
    answer->outputs = map->pick_count;
    answer->one_output = map->when != ELMAN_OUTPUT_EVERY_STEP;
    const size_t count = (answer->one_output ? 1 : e->probe->steps) * e->probe->rows;
    answer->output =
        memory_allocate_array(e->memory, count, answer->outputs * sizeof *answer->output);
    const bool ok = places && answer->output;
    for (size_t i = 0; i < map->pick_count && ok; i++) ((size_t *)places)[map->picks[i]] = i;
    for (size_t i = 0; i < output->count && ok; i++) {
        const MapReference *const at = &output->references[i];
        const size_t step = answer->one_output ? 0 : at->first;
        answer->output[(step * e->probe->rows + at->second) * answer->outputs +
                       ((size_t *)places)[at->feature]] = value->numbers[i];
    }
    memory_release(e->memory, places);
    return ok ? ELMAN_OK : no_memory(e);
}

/* ---- The run ---- */

static bool same_layers(const OnnxMap *a, const OnnxMap *b) {
    bool same = a->layer_count == b->layer_count;
    for (size_t l = 0; l < a->layer_count && same; l++) {
        const MapLayer *const x = &a->layers[l], *const y = &b->layers[l];
        same = x->node == y->node && x->inputs == y->inputs && x->hidden == y->hidden;
    }
    return same;
}

/* The graph must mean the same at the probe's sizes as at those of the conversion. */
static elman_status map_again(Evaluation *e) {
    const OnnxMap *const first = e->conversion->map;
    const elman_status status =
        onnx_map_create(e->memory, e->conversion->graph, e->probe->steps, e->probe->rows,
                        onnx_map_bytes(e->conversion->graph), &e->map, e->error);
    if (status) return status;
    const OnnxMap *const map = e->map;
    if (map->steps == e->probe->steps && map->rows == e->probe->rows && same_layers(map, first) &&
        map->primary == first->primary && map->batch_first == first->batch_first &&
        map->when == first->when && map->output == first->output &&
        map->pick_count == first->pick_count &&
        memcmp(map->picks, first->picks, map->pick_count * sizeof *map->picks) == 0)
        return ELMAN_OK;
    return fail(e->error, ELMAN_ERR_UNSUPPORTED,
                "%s: means another network for %zu steps of %zu rows than for %zu of %zu, which "
                "cannot be kept",
                e->conversion->name, e->probe->steps, e->probe->rows, first->steps, first->rows);
}

static elman_status evaluate(Evaluation *e) {
    const OnnxModel *const graph = e->conversion->graph;
    size_t elements = 0;
    for (size_t i = 0; i < graph->value_count; i++)
        if (graph->values[i].initialiser) elements += graph->values[i].initialiser->count;
    elman_status status = map_again(e);
    if (!status)
        status = oracle_onnx_create(e->memory, graph, ELEMENTS_ALWAYS + ELEMENTS_RATIO * elements,
                                    &e->oracle, e->error);
    for (uint32_t i = 0; i < graph->input_count && !status; i++) status = feed_input(e, i);
    if (!status) status = oracle_onnx_run(e->oracle, e->error);
    if (!status) status = take_tracks(e);
    if (!status) status = onnx_expect_weights(e->oracle, e->map, e->answer, e->error);
    return status ? status : take_output(e);
}

static elman_status run(const Oracle *base, const ProbeRows *probe, OracleAnswer *answer,
                        elman_error *error) {
    const elman_conversion *const conversion = ((const OnnxOracle *)base)->conversion;
    Evaluation e = {.conversion = conversion,
                    .probe = probe,
                    .answer = answer,
                    .memory = &conversion->context->memory,
                    .error = error};
    *answer = (OracleAnswer){.memory = e.memory};
    const elman_status status = evaluate(&e);
    oracle_onnx_destroy(e.oracle);
    onnx_map_destroy(e.map);
    return status;
}

OnnxOracle onnx_oracle(const elman_conversion *conversion) {
    return (OnnxOracle){.base = {run}, .conversion = conversion};
}
