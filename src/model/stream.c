/* Streams: a network run one step at a time. */
#include <string.h>

#include "core/fail.h"
#include "model/stages.h"
#include <elman/stream.h>

typedef struct StreamLayer {
    StepKernel kernel;
    CellStep steps[2]; /* from one state to the other and back */
} StreamLayer;

struct elman_stream {
    const elman_network *network;
    bool dense;  /* the input is a row of numbers */
    size_t turn; /* of each layer's two steps the next one */
    size_t layer_count;
    StreamLayer *layers;
    Product head;
    float *logits;    /* [panels*16] of the head */
    float *staged[2]; /* one row of stages behind it */
    float *block;
    size_t floats;
};

/* The current states of a layer. */
static float *hidden_of(const elman_stream *stream, size_t l) {
    return stream->layers[l].steps[1 - stream->turn].h_next;
}

static float *cell_of(const elman_stream *stream, size_t l) {
    return stream->layers[l].steps[0].c;
}

/* The next `count` floats of the block, or NULL while it is being measured. */
static float *take(elman_stream *stream, size_t count) {
    float *const part = stream->block ? stream->block + stream->floats : NULL;
    stream->floats += count;
    return part;
}

static void place_layer(elman_stream *stream, size_t l) {
    const NetworkCell *const cell = &stream->network->layers[l][0];
    const CellShape *const shape = &cell->shape;
    StreamLayer *const layer = &stream->layers[l];
    const size_t width = cell_unit_row(shape), h_width = cell_h_row(shape);
    const size_t scratch_rows = shape->cell->needs_scratch ? 3 : shape->cell->projected ? 1 : 0;
    float *const h[2] = {take(stream, h_width), take(stream, h_width)};
    float *const c = shape->cell->cell_state ? take(stream, width) : NULL;
    float *const scratch = scratch_rows ? take(stream, scratch_rows * width) : NULL;
    layer->kernel = shape->cell->step_kernel(stream->network->kernels);
    for (size_t turn = 0; turn < 2; turn++)
        layer->steps[turn] = (CellStep){
            .start = cell->weights.start,
            .x = l ? stream->layers[l - 1].steps[turn].h_next : NULL,
            .inputs = shape->tokens ? 0 : shape->inputs,
            .w_ih = cell->weights.w_ih,
            .h = h[turn],
            .hidden = shape->hidden,
            .w_hh = cell->weights.w_hh,
            .h_next = h[1 - turn],
            .c = c,
            .scratch = scratch,
            .columns = shape->width,
            .w_hr = cell->weights.w_hr,
            .descending = turn == 1,
            .plain = shape->plain,
            .peephole = cell->weights.peephole,
        };
}

/* Points the parts of a stream into its block, or measures them when there is none. */
static void place_parts(elman_stream *stream) {
    const NetworkHead *const head = &stream->network->head;
    stream->floats = 0;
    for (size_t l = 0; l < stream->layer_count; l++) place_layer(stream, l);
    stream->logits = take(stream, head->panels * PANEL);
    for (size_t i = 0; i < 2; i++) stream->staged[i] = take(stream, stream->network->stage_row);
    stream->head = (Product){
        .steps = 1,
        .rows = 1,
        .panels = head->panels,
        .panel_end = head->panels,
        .blocks = 1,
        .inner = head->inputs,
        .w = head->w,
        .bias = head->bias,
        .out = stream->logits,
    };
}

static elman_status allocate(const elman_network *network, elman_stream **out, elman_error *error) {
    Memory *const memory = &network->context->memory;
    elman_stream *const stream = memory_allocate(memory, sizeof *stream);
    *out = NULL;
    if (!stream) return fail(error, ELMAN_ERR_MEMORY, "no memory for a stream");
    stream->network = network;
    stream->dense = network->structure.input == ELMAN_INPUT_DENSE;
    stream->layer_count = network->structure.layer_count;
    stream->layers = memory_allocate_array(memory, stream->layer_count, sizeof *stream->layers);
    if (stream->layers) {
        place_parts(stream);
        stream->block = memory_allocate_array(memory, stream->floats, sizeof(float));
    }
    if (!stream->layers || !stream->block) {
        elman_stream_destroy(stream);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a stream's state");
    }
    place_parts(stream);
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
    for (size_t l = 0; l < stream->layer_count; l++) {
        const NetworkCell *const cell = &stream->network->layers[l][0];
        const size_t h_bytes = cell_h_row(&cell->shape) * sizeof(float);
        const size_t c_bytes = cell_unit_row(&cell->shape) * sizeof(float);
        memcpy(hidden_of(stream, l), cell->weights.h0, h_bytes);
        if (cell_of(stream, l)) memcpy(cell_of(stream, l), cell->weights.c0, c_bytes);
    }
}

/* Copies between the stream's padded state and `state`, whose layout is the public one. */
static void copy_state(const elman_stream *stream, float *out, const float *in) {
    for (size_t l = 0; l < stream->layer_count; l++) {
        const CellShape *const shape = &stream->network->layers[l][0].shape;
        const size_t widths[] = {shape->width, shape->hidden};
        float *const arrays[] = {hidden_of(stream, l), cell_of(stream, l)};
        for (size_t a = 0; a < 2 && arrays[a]; a++) {
            if (out) {
                memcpy(out, arrays[a], widths[a] * sizeof(float));
                out += widths[a];
            } else {
                memcpy(arrays[a], in, widths[a] * sizeof(float));
                in += widths[a];
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
    for (size_t l = 0; l < stream->layer_count; l++) {
        const CellShape *const shape = &stream->network->layers[l][0].shape;
        memcpy(hidden_of(*clone, l), hidden_of(stream, l), cell_h_row(shape) * sizeof(float));
        if (cell_of(stream, l))
            memcpy(cell_of(*clone, l), cell_of(stream, l), cell_unit_row(shape) * sizeof(float));
    }
    return ELMAN_OK;
}

/* The step that layer 0 is to take, whose input the caller sets. */
static CellStep *first_step(elman_stream *stream) {
    return &stream->layers[0].steps[stream->turn];
}

/* In pieces that are each a part of one vector which a kernel has stored: a load that spans two
 * waits until both have left the store buffer, which was 40 % of a step of 16 units. */
static void copy_floats(float *to, const float *from, size_t count) {
    size_t i = 0;
    for (; count - i >= 4; i += 4) memcpy(to + i, from + i, 4 * sizeof *to);
    for (; i < count; i++) to[i] = from[i];
}

/* The output of a model with stages behind the head. */
static void write_staged(elman_stream *stream, float *output) {
    const elman_network *const network = stream->network;
    const float *in = hidden_of(stream, stream->layer_count - 1);
    if (network->head.outputs > 0) {
        stream->head.a = in;
        network->kernels->product(&stream->head);
        in = stream->logits;
    }
    stages_run(network, in, 0, 1, stream->staged);
    copy_floats(output, stream->staged[stages_output(network)],
                structure_outputs(&network->structure));
}

static void write_output(elman_stream *stream, float *output) {
    const elman_network *const network = stream->network;
    const size_t top = stream->layer_count - 1;
    if (network->stages) {
        write_staged(stream, output);
        return;
    }
    if (network->head.outputs == 0) {
        copy_floats(output, hidden_of(stream, top), network->layers[top][0].shape.width);
        return;
    }
    stream->head.a = hidden_of(stream, top);
    network->kernels->product(&stream->head);
    copy_floats(output, stream->logits, network->head.outputs);
}

static void step_layers(elman_stream *stream, float *output) {
    for (size_t l = 0; l < stream->layer_count; l++) {
        const StreamLayer *const layer = &stream->layers[l];
        layer->kernel(&layer->steps[stream->turn]);
    }
    stream->turn = 1 - stream->turn;
    if (output) write_output(stream, output);
}

elman_status elman_stream_step(elman_stream *stream, const float *input, float *output) {
    if (!stream->dense) return ELMAN_ERR_ARGUMENT;
    first_step(stream)->x = input;
    step_layers(stream, output);
    return ELMAN_OK;
}

elman_status elman_stream_step_token(elman_stream *stream, int32_t token, float *output) {
    const Structure *const structure = &stream->network->structure;
    if (stream->dense || token < 0 || (size_t)token >= structure->input_size)
        return ELMAN_ERR_ARGUMENT;
    if (structure->input == ELMAN_INPUT_EMBEDDING) {
        first_step(stream)->x = stream->network->embedding + (size_t)token * structure->embedding;
    } else {
        const NetworkCell *const cell = &stream->network->layers[0][0];
        const size_t row = cell->shape.panels * cell->shape.cell->slots * PANEL;
        first_step(stream)->start = cell->weights.table + (size_t)token * row;
    }
    step_layers(stream, output);
    return ELMAN_OK;
}
