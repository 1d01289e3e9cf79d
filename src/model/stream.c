/* Streams: a network run one step at a time. */
#include <string.h>

#include "core/fail.h"
#include "model/network.h"
#include <elman/stream.h>

typedef struct StreamLayer {
    float *h[2], *c[2]; /* before and after a step, exchanged by it */
    float *gates;       /* for the cell that needs scratch */
    float *extra;
} StreamLayer;

struct elman_stream {
    const elman_network *network;
    StreamLayer *layers;
    float *logits; /* [panels*16] of the head */
    float *block;
    size_t floats;
};

/* Points the parts of a stream into its block, or measures them when there is none. */
static void place_layers(elman_stream *stream) {
    stream->floats = 0;
    for (size_t l = 0; l < stream->network->structure.layer_count; l++) {
        StreamLayer *const layer = &stream->layers[l];
        const CellShape *const shape = &stream->network->layers[l][0].shape;
        const size_t width = shape->panels * PANEL;
        const size_t gates = shape->cell->needs_scratch ? shape->cell->slots * width : 0;
        const size_t extra = shape->cell->needs_scratch ? width : 0;
        const size_t c = shape->cell->cell_state ? width : 0;
        float **const parts[] = {&layer->h[0], &layer->h[1],  &layer->c[0],
                                 &layer->c[1], &layer->gates, &layer->extra};
        const size_t sizes[] = {width, width, c, c, gates, extra};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            if (stream->block && sizes[i]) *parts[i] = stream->block + stream->floats;
            stream->floats += sizes[i];
        }
    }
    if (stream->block) stream->logits = stream->block + stream->floats;
    stream->floats += stream->network->head.panels * PANEL;
}

static elman_status allocate(const elman_network *network, elman_stream **out, elman_error *error) {
    Memory *const memory = &network->context->memory;
    elman_stream *const stream = memory_allocate(memory, sizeof *stream);
    *out = NULL;
    if (!stream) return fail(error, ELMAN_ERR_MEMORY, "no memory for a stream");
    stream->network = network;
    stream->layers =
        memory_allocate_array(memory, network->structure.layer_count, sizeof *stream->layers);
    if (stream->layers) {
        place_layers(stream);
        stream->block = memory_allocate_array(memory, stream->floats, sizeof(float));
    }
    if (!stream->layers || !stream->block) {
        elman_stream_destroy(stream);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a stream's state");
    }
    place_layers(stream);
    *out = stream;
    return ELMAN_OK;
}

elman_status elman_stream_create(const elman_network *network, elman_stream **stream,
                                 elman_error *error) {
    *stream = NULL;
    for (size_t l = 0; l < network->structure.layer_count; l++)
        if (network->structure.layers[l].bidirectional)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "layer %zu is bidirectional: its backward direction starts at the end of "
                        "the sequence, which a stream does not have",
                        l);
    if (structure_pooled(&network->structure))
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "the model's output is the %s over all steps of a sequence, which a stream "
                    "does not have",
                    network->structure.output == ELMAN_OUTPUT_MEAN ? "mean" : "maximum");
    const elman_status status = allocate(network, stream, error);
    if (status == ELMAN_OK) elman_stream_reset(*stream);
    return status;
}

void elman_stream_destroy(elman_stream *stream) {
    if (!stream) return;
    Memory *const memory = &stream->network->context->memory;
    memory_release(memory, stream->block);
    memory_release(memory, stream->layers);
    memory_release(memory, stream);
}

void elman_stream_reset(elman_stream *stream) {
    for (size_t l = 0; l < stream->network->structure.layer_count; l++) {
        const NetworkCell *const cell = &stream->network->layers[l][0];
        const size_t bytes = cell->shape.panels * PANEL * sizeof(float);
        memcpy(stream->layers[l].h[0], cell->weights.h0, bytes);
        if (stream->layers[l].c[0]) memcpy(stream->layers[l].c[0], cell->weights.c0, bytes);
    }
}

/* Copies between the stream's padded state and `state`, whose layout is the public one. */
static void copy_state(const elman_stream *stream, float *out, const float *in) {
    for (size_t l = 0; l < stream->network->structure.layer_count; l++) {
        const StreamLayer *const layer = &stream->layers[l];
        const size_t hidden = stream->network->layers[l][0].shape.hidden;
        float *const arrays[] = {layer->h[0], layer->c[0]};
        for (size_t a = 0; a < 2 && arrays[a]; a++) {
            if (out) {
                memcpy(out, arrays[a], hidden * sizeof(float));
                out += hidden;
            } else {
                memcpy(arrays[a], in, hidden * sizeof(float));
                in += hidden;
            }
        }
    }
}

void elman_stream_save(const elman_stream *stream, float *state) {
    copy_state(stream, state, NULL);
}

void elman_stream_load(elman_stream *stream, const float *state) {
    copy_state(stream, NULL, state);
}

elman_status elman_stream_clone(const elman_stream *stream, elman_stream **clone,
                                elman_error *error) {
    const elman_status status = allocate(stream->network, clone, error);
    if (status) return status;
    for (size_t l = 0; l < stream->network->structure.layer_count; l++) {
        const StreamLayer *const from = &stream->layers[l], *const to = &(*clone)->layers[l];
        const size_t bytes = stream->network->layers[l][0].shape.panels * PANEL * sizeof(float);
        memcpy(to->h[0], from->h[0], bytes);
        if (to->c[0]) memcpy(to->c[0], from->c[0], bytes);
    }
    return ELMAN_OK;
}

static void exchange(float *pair[2]) {
    float *const first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
}

/* One step of one layer, from `x` or from the row of a table that `start` points to. */
static void step_layer(elman_stream *stream, size_t l, const float *x, const float *start) {
    const NetworkCell *const cell = &stream->network->layers[l][0];
    StreamLayer *const layer = &stream->layers[l];
    const CellShare alone = {.workers = 1};
    const CellForward step = {
        .rows = 1,
        .panels = cell->shape.panels,
        .panel_end = cell->shape.panels,
        .start = &start,
        .start_panel = cell->shape.cell->slots * PANEL,
        .x = x,
        .inputs = cell->shape.tokens ? 0 : cell->shape.inputs,
        .w_ih = cell->weights.w_ih,
        .h = layer->h[0],
        .hidden = cell->shape.hidden,
        .w_hh = cell->weights.w_hh,
        .h_next = layer->h[1],
        .c = layer->c[0],
        .c_next = layer->c[1],
        .gates = layer->gates,
        .gates_panel = cell->shape.cell->slots * PANEL,
        .extra = layer->extra,
    };
    cell->shape.cell->forward(stream->network->kernels, &step, &alone);
    exchange(layer->h);
    exchange(layer->c);
}

static void step_network(elman_stream *stream, const float *x, int32_t token, float *output) {
    const elman_network *const network = stream->network;
    const size_t layers = network->structure.layer_count;
    for (size_t l = 0; l < layers; l++) {
        const NetworkCell *const cell = &network->layers[l][0];
        const size_t row = cell->shape.panels * cell->shape.cell->slots * PANEL;
        const float *const start =
            cell->shape.tokens ? cell->weights.table + (size_t)token * row : cell->weights.start;
        step_layer(stream, l, l ? stream->layers[l - 1].h[0] : x, start);
    }
    const float *const top = stream->layers[layers - 1].h[0];
    const NetworkHead *const head = &network->head;
    if (!output) return;
    if (head->outputs == 0) {
        memcpy(output, top, network->layers[layers - 1][0].shape.hidden * sizeof(float));
        return;
    }
    const Product product = {
        .steps = 1,
        .rows = 1,
        .panels = head->panels,
        .blocks = 1,
        .inner = head->inputs,
        .a = top,
        .w = head->w,
        .w_panel = head->inputs * PANEL,
        .bias = head->bias,
        .out = stream->logits,
    };
    network->kernels->product(&product);
    memcpy(output, stream->logits, head->outputs * sizeof(float));
}

elman_status elman_stream_step(elman_stream *stream, const float *input, float *output) {
    if (stream->network->structure.input != ELMAN_INPUT_DENSE) return ELMAN_ERR_ARGUMENT;
    step_network(stream, input, 0, output);
    return ELMAN_OK;
}

elman_status elman_stream_step_token(elman_stream *stream, int32_t token, float *output) {
    const Structure *const structure = &stream->network->structure;
    if (structure->input == ELMAN_INPUT_DENSE || token < 0 ||
        (size_t)token >= structure->input_size)
        return ELMAN_ERR_ARGUMENT;
    const float *const row = structure->input == ELMAN_INPUT_EMBEDDING
                                 ? stream->network->embedding + (size_t)token * structure->embedding
                                 : NULL;
    step_network(stream, row, token, output);
    return ELMAN_OK;
}
