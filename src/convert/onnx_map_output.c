/* Which of the graph's outputs is the model's, and which are final states. */
#include <string.h>

#include "convert/onnx_map_output.h"
#include "core/fail.h"

static const char *name_of(const OnnxMap *map, size_t output) {
    return map->model->values[map->model->outputs[output].value].name;
}

static elman_status refuse(const OnnxMap *map, size_t output, const char *why) {
    return fail(map->error, ELMAN_ERR_UNSUPPORTED, "%s: output \"%.100s\" %s", map->model->path,
                name_of(map, output), why);
}

/* Whether all elements are final states, as the layers leave them. */
static bool is_state(const OnnxMap *map, const MapOutput *output) {
    for (size_t i = 0; i < output->count; i++) {
        const MapBaseKind kind = map->bases[output->references[i].base].kind;
        if (kind != MAP_Y_H && kind != MAP_Y_C) return false;
    }
    return true;
}

/* Whether a final state has every row and unit of the last layer's h. */
static bool is_last_hidden(const OnnxMap *map, const MapOutput *output) {
    const MapLayer *const layer = &map->layers[map->layer_count - 1];
    if (output->count != map->rows * layer->directions * layer->hidden) return false;
    for (size_t i = 0; i < output->count; i++)
        if (output->references[i].base != layer->y + 1) return false;
    return true;
}

static elman_status read_outputs(OnnxMap *map) {
    const OnnxModel *const model = map->model;
    map->outputs = memory_allocate_array(map->memory, model->output_count, sizeof *map->outputs);
    if (!map->outputs) return map_no_memory(map);
    for (size_t i = 0; i < model->output_count; i++) {
        const MapValue *const value = &map->values[model->outputs[i].value];
        if (value->content != MAP_REFERENCES || value->count == 0)
            return refuse(map, i, "does not depend on the input, which cannot be kept");
        map->outputs[i] = (MapOutput){.references = value->elements, .count = value->count};
        map->outputs[i].is_state = is_state(map, &map->outputs[i]);
    }
    return ELMAN_OK;
}

/* The one output that is no state; without one, the first that is the last layer's final h. */
static elman_status choose_output(OnnxMap *map) {
    const size_t count = map->model->output_count;
    size_t chosen = count;
    for (size_t i = 0; i < count; i++) {
        if (map->outputs[i].is_state) continue;
        if (chosen < count)
            return fail(map->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: output \"%.100s\" cannot be kept beside \"%.100s\": a model has one "
                        "output, and final states",
                        map->model->path, name_of(map, i), name_of(map, chosen));
        chosen = i;
    }
    for (size_t i = 0; i < count && chosen == count; i++)
        if (is_last_hidden(map, &map->outputs[i])) chosen = i;
    if (chosen == count)
        return fail(map->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: none of its outputs is made of what the last recurrent layer computes",
                    map->model->path);
    map->output = chosen;
    map->outputs[chosen].is_state = false;
    return ELMAN_OK;
}

/* Turns the steps that are the last of their direction into the final h, where all are. */
static elman_status find_final(OnnxMap *map) {
    MapOutput *const output = &map->outputs[map->output];
    void *block;
    for (size_t i = 0; i < output->count; i++)
        if (map_as_final(map, output->references[i]).base == MAP_NO_BASE) return ELMAN_OK;
    const elman_status status = map_block(map, output->count, sizeof(MapReference), &block);
    if (status) return status;
    for (size_t i = 0; i < output->count; i++)
        ((MapReference *)block)[i] = map_as_final(map, output->references[i]);
    output->references = block;
    return ELMAN_OK;
}

/* At which steps the output is, from the positions of its elements. */
static elman_status find_steps(OnnxMap *map, const MapBase *root, size_t *steps) {
    const MapOutput *const output = &map->outputs[map->output];
    const MapLayer *const layer = &map->layers[root->layer];
    bool is_last = root->kind == MAP_Y;
    for (size_t i = 0; i < output->count && is_last; i++)
        is_last = output->references[i].first == map->steps - 1;
    if (root->kind == MAP_MEAN || root->kind == MAP_GREATEST) {
        *steps = 1;
        map->when = root->kind == MAP_MEAN ? ELMAN_OUTPUT_MEAN : ELMAN_OUTPUT_MAX;
        return ELMAN_OK;
    }
    *steps = root->kind == MAP_Y && (!is_last || map->steps == 1) ? map->steps : 1;
    map->when = root->kind == MAP_Y_H || (is_last && map->steps > 1) ? ELMAN_OUTPUT_LAST_STEP
                                                                     : ELMAN_OUTPUT_EVERY_STEP;
    if (root->kind == MAP_Y_H || *steps == map->steps) return ELMAN_OK;
    if (layer->directions == 2 || layer->is_reverse)
        return refuse(map, map->output,
                      "is made of the last step of a layer that runs backwards, which has read one "
                      "step there: this cannot be kept (its final state Y_h can)");
    if (layer->lengths != MAP_NO_BASE)
        return refuse(map, map->output,
                      "is made of the last step of all, which is 0 in rows that are shorter: this "
                      "cannot be kept (the final state Y_h can)");
    return ELMAN_OK;
}

/* What find_picks has seen at a position. */
typedef struct MapSeen {
    size_t features, first; /* how many, and the place of the first in the output */
} MapSeen;

/* Whether steps and rows come one after the other, whichever of the two is the outer axis. */
static bool in_order(const MapSeen *seen, size_t steps, size_t rows) {
    for (size_t t = 0; t < steps; t++)
        for (size_t b = 0; b < rows; b++) {
            const MapSeen *const at = seen + t * rows + b;
            if ((t > 0 && at->first < (at - rows)->first) || (b > 0 && at->first < at[-1].first))
                return false;
        }
    return true;
}

/* Each position must have the features in the order of the first. */
static elman_status check_order(const OnnxMap *map, MapSeen *seen, size_t steps) {
    const MapOutput *const output = &map->outputs[map->output];
    for (size_t p = 0; p < steps * map->rows; p++) seen[p].features = 0;
    for (size_t i = 0; i < output->count; i++) {
        const MapReference *const at = &output->references[i];
        const size_t step = steps == 1 ? 0 : at->first;
        if (at->feature != map->picks[seen[step * map->rows + at->second].features++])
            return refuse(map, map->output,
                          "has other features at other steps or rows, which cannot be kept");
    }
    return ELMAN_OK;
}

/* Finds the features in their order: the same at each position, none of them twice. */
static elman_status find_picks(OnnxMap *map, size_t steps) {
    const MapOutput *const output = &map->outputs[map->output];
    const size_t width = map->bases[map->top].width, positions = steps * map->rows;
    void *seen, *picks, *is_picked;
    elman_status status;
    if ((status = map_block(map, positions, sizeof(MapSeen), &seen)) ||
        (status = map_block(map, width, sizeof(bool), &is_picked)) ||
        (status = map_block(map, width, sizeof(uint32_t), &picks)))
        return status;
    map->picks = picks;
    const MapReference *const start = output->references;
    for (size_t i = 0; i < output->count; i++) {
        const MapReference *const at = &output->references[i];
        const size_t step = steps == 1 ? 0 : at->first;
        MapSeen *const here = (MapSeen *)seen + step * map->rows + at->second;
        if (at->base != map->top)
            return refuse(map, map->output, "is made of several layers, which cannot be kept");
        if (at->second == start->second && (steps == 1 || at->first == start->first)) {
            if (((bool *)is_picked)[at->feature])
                return refuse(map, map->output, "has a feature twice, which cannot be kept");
            ((bool *)is_picked)[at->feature] = true;
            map->picks[map->pick_count++] = at->feature;
        }
        if (here->features++ == 0) here->first = i;
    }
    for (size_t p = 0; p < positions; p++)
        if (((MapSeen *)seen)[p].features != map->pick_count)
            return refuse(map, map->output,
                          "leaves out steps or rows of what it is made of, which cannot be kept");
    if (!in_order(seen, steps, map->rows))
        return refuse(map, map->output,
                      "has the steps or rows in another order, which cannot be kept");
    return check_order(map, seen, steps);
}

elman_status onnx_map_read_outputs(OnnxMap *map) {
    size_t steps;
    elman_status status;
    if (map->layer_count == 0)
        return fail(map->error, ELMAN_ERR_UNSUPPORTED, "%s: holds no RNN, GRU or LSTM",
                    map->model->path);
    if ((status = read_outputs(map)) || (status = choose_output(map)) ||
        (map->steps > 1 && (status = find_final(map))))
        return status;
    map->top = map->outputs[map->output].references[0].base;
    const MapBase *const root = &map->bases[map->bases[map->top].root];
    if (root->kind == MAP_INPUT || root->kind == MAP_Y_C || root->kind == MAP_SUM ||
        root->layer + 1 != map->layer_count)
        return refuse(
            map, map->output,
            "is not made of what the last recurrent layer puts out, which cannot be kept");
    status = find_steps(map, root, &steps);
    return status ? status : find_picks(map, steps);
}
