/* RNN, GRU and LSTM: each node becomes a layer. */
#include <inttypes.h>
#include <string.h>

#include "convert/onnx_affine.h"
#include "convert/onnx_map_cell.h"
#include "core/grow.h"

/* What a node's call is about, beside the layer that it makes. */
typedef struct Recurrent {
    MapCall *call;
    MapLayer layer;
    size_t steps, rows;
} Recurrent;

static elman_status refuse(const Recurrent *n, const char *why) {
    return map_refuse(n->call, ELMAN_ERR_UNSUPPORTED, "%s", why);
}

/* Output features: those of two directions where one of them runs backwards. */
static size_t width_of(const MapLayer *layer) {
    return (layer->directions == 2 || layer->is_reverse ? 2 : 1) * layer->hidden;
}

/* ---- Attributes ---- */

static elman_status read_direction(Recurrent *n) {
    const OnnxAttribute *const direction = onnx_attribute(n->call->node, "direction");
    n->layer.directions = 1;
    if (!direction) return ELMAN_OK;
    if (direction->type != ONNX_ATTRIBUTE_STRINGS || direction->is_list)
        return map_refuse(n->call, ELMAN_ERR_FORMAT, "has a direction that is no text");
    const char *const word = direction->strings[0];
    n->layer.is_reverse = strcmp(word, "reverse") == 0;
    if (strcmp(word, "bidirectional") == 0)
        n->layer.directions = 2;
    else if (!n->layer.is_reverse && strcmp(word, "forward") != 0)
        return map_refuse(n->call, ELMAN_ERR_FORMAT, "has the direction %.40s", word);
    return ELMAN_OK;
}

/* ---- Weights ---- */

static elman_status read_weights(const Recurrent *n, size_t index, const char *name, size_t rank,
                                 const size_t *shape, MapWeights *weights) {
    const MapValue *const value = map_input(n->call, index);
    if (!value) return ELMAN_OK;
    bool right = value->rank == rank;
    for (size_t i = 0; i < rank && right; i++) right = value->shape[i] == shape[i];
    if (value->content != MAP_NUMBERS)
        return map_refuse(n->call, ELMAN_ERR_UNSUPPORTED,
                          "takes %s from \"%.100s\", which is no constant: weights have to be in "
                          "the file",
                          name, n->call->map->model->values[n->call->node->inputs[index]].name);
    if (!right)
        return map_refuse(n->call, ELMAN_ERR_FORMAT,
                          "has a %s that does not fit %zu inputs, %zu units and %zu directions",
                          name, n->layer.inputs, n->layer.hidden, n->layer.directions);
    *weights =
        (MapWeights){value->elements,
                     value->source ? value->source
                                   : n->call->map->model->values[n->call->node->inputs[index]].name,
                     value->type};
    return ELMAN_OK;
}

static elman_status read_all_weights(Recurrent *n) {
    MapLayer *const layer = &n->layer;
    const MapValue *const x = map_input(n->call, 0), *const r = map_input(n->call, 2);
    MapWeights peepholes = {0};
    int64_t layout, hidden;
    elman_status status;
    if (x->rank != 3 || x->count == 0 || r->rank != 3 || r->count == 0)
        return map_refuse(n->call, ELMAN_ERR_FORMAT, "has an X or R without three dimensions");
    layer->hidden = r->shape[2];
    layer->inputs = x->shape[2];
    if ((status = map_int(n->call, "hidden_size", (int64_t)layer->hidden, &hidden)) ||
        (status = map_int(n->call, "layout", 0, &layout)))
        return status;
    if (hidden != (int64_t)layer->hidden || layout < 0 || layout > 1)
        return map_refuse(n->call, ELMAN_ERR_FORMAT,
                          "has a hidden_size that is not R's or a layout that is not 0 or 1");
    n->layer.batch_layout = layout == 1;
    n->steps = x->shape[n->layer.batch_layout ? 1 : 0];
    n->rows = x->shape[n->layer.batch_layout ? 0 : 1];
    const size_t units = layer->gates * layer->hidden, d = layer->directions;
    if ((status =
             read_weights(n, 1, "W", 3, (const size_t[]){d, units, layer->inputs}, &layer->w)) ||
        (status =
             read_weights(n, 2, "R", 3, (const size_t[]){d, units, layer->hidden}, &layer->r)) ||
        (status = read_weights(n, 3, "B", 2, (const size_t[]){d, 2 * units}, &layer->b)) ||
        (status = read_weights(n, 7, "P", 2, (const size_t[]){d, 3 * layer->hidden}, &peepholes)))
        return status;
    for (size_t i = 0; i < d * 3 * layer->hidden && peepholes.numbers; i++)
        if (peepholes.numbers[i] != 0.0f) layer->p = peepholes;
    return ELMAN_OK;
}

/* ---- What it reads ---- */

/* Which steps and rows X has, as its references say. */
typedef struct Order {
    bool step_first, row_first;
} Order;

/* Reads the vectors of X; *place is the first one's. */
static elman_status read_x(Recurrent *n, MapReference *place, Order *order) {
    OnnxMap *const map = n->call->map;
    const MapReference *const x = map_input(n->call, 0)->elements;
    const size_t inputs = n->layer.inputs;
    void *picks, *others;
    elman_status status;
    if ((status = map_block(map, inputs, sizeof(uint32_t), &picks)) ||
        (status = map_block(map, inputs, sizeof(uint32_t), &others)))
        return status;
    *order = (Order){true, true};
    for (size_t t = 0; t < n->steps; t++)
        for (size_t b = 0; b < n->rows; b++) {
            const size_t at = n->layer.batch_layout ? b * n->steps + t : t * n->rows + b;
            const bool is_start = t + b == 0;
            MapReference there;
            status = map_read_vector(n->call, x + at * inputs, inputs, &there,
                                     is_start ? picks : others);
            if (status) return status;
            if (is_start) *place = there;
            if (there.base != place->base ||
                (!is_start && memcmp(picks, others, inputs * sizeof(uint32_t)) != 0))
                return refuse(n,
                              "reads other features at other steps or rows, which cannot be kept");
            order->step_first = order->step_first && there.first == t && there.second == b;
            order->row_first = order->row_first && there.first == b && there.second == t;
        }
    n->layer.x = place->base;
    n->layer.picks = picks;
    return ELMAN_OK;
}

/* The first layer's X tells which axis of the graph's input is the time. */
static elman_status orient(Recurrent *n, uint32_t input, Order order) {
    OnnxMap *const map = n->call->map;
    const bool same_input = map->primary == input;
    if (!order.step_first && !order.row_first)
        return refuse(n, "does not read the steps of the graph's input one after the other");
    const bool fits = map->batch_first ? order.row_first : order.step_first;
    if (same_input && fits) return ELMAN_OK;
    map->primary = input;
    map->batch_first = fits ? map->batch_first : order.row_first;
    map->was_wrong = true;
    return refuse(n, "has another order of axes than was taken for granted");
}

static elman_status read_sequence(Recurrent *n) {
    OnnxMap *const map = n->call->map;
    MapReference place = {0};
    Order order;
    const MapValue *const x = map_input(n->call, 0);
    if (x->content != MAP_REFERENCES || (x->type != ONNX_FLOAT && x->type != ONNX_DOUBLE))
        return refuse(n, "reads an X that does not follow from the graph's inputs as numbers");
    elman_status status = read_x(n, &place, &order);
    if (status) return status;
    const MapBase *const root = &map->bases[map->bases[place.base].root];
    const MapBase *const bottom = &map->bases[onnx_affine_bottom(map, place.base)];
    if (bottom->kind != MAP_LOOK_UP && bottom->kind != MAP_ONE_HOT && bottom != root)
        return map_refuse(n->call, ELMAN_ERR_UNSUPPORTED,
                          "reads what node \"%.100s\" (%.40s) makes, which can be kept behind the "
                          "last recurrent layer only",
                          bottom->node->name, bottom->node->op_type);
    if (map->layer_count == 0)
        return root->kind == MAP_INPUT
                   ? orient(n, root->input, order)
                   : refuse(n, "reads an X that does not follow from the graph's inputs");
    if (root->kind != MAP_Y || root->layer + 1 != map->layer_count)
        return refuse(n, "does not read the outputs of the recurrent layer before it: layers are "
                         "kept one behind the other only");
    return order.step_first && n->steps == map->steps && n->rows == map->rows
               ? ELMAN_OK
               : refuse(n, "does not read the steps of the layer before it one after the other");
}

/* The rows' lengths: all steps, or an input of the graph. */
static elman_status read_lengths(Recurrent *n) {
    OnnxMap *const map = n->call->map;
    const MapValue *const lengths = map_input(n->call, 4);
    n->layer.lengths = MAP_NO_BASE;
    if (lengths && lengths->content == MAP_REFERENCES && lengths->count == n->rows) {
        const MapReference *const references = lengths->elements;
        const MapBase *const base = &map->bases[references[0].base];
        for (size_t b = 0; b < n->rows; b++)
            if (references[b].base != references[0].base || references[b].first != b ||
                references[b].second != 0 || base->kind != MAP_INPUT || !base->is_whole)
                return refuse(n, "has a sequence_lens that is not an input of the graph, in order");
        n->layer.lengths = references[0].base;
    } else if (lengths) {
        bool all = lengths->content == MAP_INTEGERS && lengths->count == n->rows;
        for (size_t b = 0; b < n->rows && all; b++)
            all = ((const int64_t *)lengths->elements)[b] == (int64_t)n->steps;
        if (!all)
            return refuse(n, "has a sequence_lens that is neither an input of the graph nor the "
                             "number of all steps");
    }
    if (map->layer_count > 0 && map->layers[0].lengths != n->layer.lengths)
        return refuse(n, "has another sequence_lens than the first recurrent layer");
    return ELMAN_OK;
}

/* ---- Initial states ---- */

/* Where [direction][row] is in an array of either layout, in units of `hidden`. */
static size_t state_at(const Recurrent *n, size_t direction, size_t row) {
    return n->layer.batch_layout ? row * n->layer.directions + direction
                                 : direction * n->rows + row;
}

static elman_status constant_state(Recurrent *n, const MapValue *value, const char *name,
                                   MapState *state) {
    const size_t hidden = n->layer.hidden;
    const float *const numbers = value->elements;
    bool is_zero = true;
    void *block;
    const elman_status status =
        map_block(n->call->map, n->layer.directions * hidden, sizeof(float), &block);
    if (status) return status;
    for (size_t d = 0; d < n->layer.directions; d++)
        for (size_t u = 0; u < hidden; u++) {
            const float number = numbers[state_at(n, d, 0) * hidden + u];
            for (size_t b = 1; b < n->rows; b++)
                if (numbers[state_at(n, d, b) * hidden + u] != number)
                    return map_refuse(n->call, ELMAN_ERR_UNSUPPORTED,
                                      "has another constant %s for each row, which cannot be kept",
                                      name);
            ((float *)block)[d * hidden + u] = number;
            is_zero = is_zero && number == 0.0f;
        }
    if (!is_zero) *state = (MapState){block, NULL, value->source, value->type};
    return ELMAN_OK;
}

static elman_status refuse_state(const Recurrent *n, const char *name) {
    return map_refuse(n->call, ELMAN_ERR_UNSUPPORTED,
                      "has an %s that is neither constant numbers nor an input of the graph, which "
                      "cannot be kept",
                      name);
}

static elman_status given_state(Recurrent *n, const MapValue *value, const char *name,
                                MapState *state) {
    OnnxMap *const map = n->call->map;
    const size_t hidden = n->layer.hidden;
    const MapReference *const references = value->elements;
    void *block;
    if (value->content != MAP_REFERENCES) return refuse_state(n, name);
    const elman_status status = map_block(map, value->count, sizeof(MapReference), &block);
    if (status) return status;
    for (size_t d = 0; d < n->layer.directions; d++)
        for (size_t b = 0; b < n->rows; b++)
            memcpy((MapReference *)block + (d * n->rows + b) * hidden,
                   references + state_at(n, d, b) * hidden, hidden * sizeof *references);
    for (size_t i = 0; i < value->count; i++)
        if (map->bases[references[i].base].kind != MAP_INPUT ||
            map->bases[references[i].base].is_whole)
            return refuse_state(n, name);
    state->references = block;
    return ELMAN_OK;
}

static elman_status read_state(Recurrent *n, size_t index, const char *name, MapState *state) {
    const MapValue *const value = map_input(n->call, index);
    if (!value) return ELMAN_OK;
    if (value->rank != 3 || value->shape[2] != n->layer.hidden ||
        value->shape[n->layer.batch_layout ? 1 : 0] != n->layer.directions ||
        value->shape[n->layer.batch_layout ? 0 : 1] != n->rows)
        return map_refuse(n->call, ELMAN_ERR_FORMAT,
                          "has an %s that does not fit %zu directions, %zu rows and %zu units",
                          name, n->layer.directions, n->rows, n->layer.hidden);
    return value->content == MAP_NUMBERS ? constant_state(n, value, name, state)
                                         : given_state(n, value, name, state);
}

/* ---- What it makes ---- */

/* Output `index` of the node, of the bases beside layer.y; `steps` 0: a final state. */
static elman_status put_output(Recurrent *n, size_t index, size_t steps) {
    const MapLayer *const layer = &n->layer;
    const MapValue like = {.content = MAP_REFERENCES, .type = map_input(n->call, 0)->type};
    const size_t d = layer->directions, rows = n->rows, h = layer->hidden;
    const size_t first[] = {steps, d, rows, h}, batch[] = {rows, steps, d, h};
    const size_t final[] = {n->layer.batch_layout ? rows : d, n->layer.batch_layout ? d : rows, h};
    MapValue y;
    void *elements;
    const elman_status status =
        steps > 0
            ? map_make(n->call, &like, 4, n->layer.batch_layout ? batch : first, &y, &elements)
            : map_make(n->call, &like, 3, final, &y, &elements);
    if (status) return status;
    for (size_t t = 0; t < (steps > 0 ? steps : 1); t++)
        for (size_t k = 0; k < d; k++)
            for (size_t b = 0; b < rows; b++) {
                const size_t at = steps == 0              ? state_at(n, k, b)
                                  : n->layer.batch_layout ? (b * steps + t) * d + k
                                                          : (t * d + k) * rows + b;
                for (size_t u = 0; u < h; u++)
                    ((MapReference *)elements)[at * h + u] =
                        (MapReference){layer->y + (uint32_t)index, (uint32_t)t, (uint32_t)b,
                                       (uint32_t)((layer->is_reverse ? 1 : k) * h + u)};
            }
    *map_output(n->call, index) = y;
    return ELMAN_OK;
}

static elman_status add_layer(Recurrent *n) {
    static const MapBaseKind kinds[] = {MAP_Y, MAP_Y_H, MAP_Y_C};
    OnnxMap *const map = n->call->map;
    /* Nodes may share weights, layers do not. */
    elman_status status = map_charge(map, width_of(&n->layer) * n->layer.gates,
                                     (n->layer.inputs + n->layer.hidden) * sizeof(float));
    for (size_t i = 0; i < 3 && !status; i++) {
        const MapBase base = {.kind = kinds[i],
                              .node = n->call->node,
                              .width = width_of(&n->layer),
                              .layer = (uint32_t)map->layer_count};
        uint32_t index;
        if ((status = map_add_base(map, &base, &index))) return status;
        if (i == 0) n->layer.y = index;
    }
    if (status) return status;
    MapLayer *const grown = memory_grow(map->memory, map->layers, map->layer_count, 1,
                                        &map->layer_capacity, sizeof *grown);
    if (!grown) return map_no_memory(map);
    map->layers = grown;
    grown[map->layer_count++] = n->layer;
    map->steps = n->steps;
    map->rows = n->rows;
    if ((status = put_output(n, 0, n->steps)) || (status = put_output(n, 1, 0))) return status;
    return n->layer.gates == 4 ? put_output(n, 2, 0) : ELMAN_OK;
}

static elman_status map_recurrent(MapCall *call, size_t gates) {
    Recurrent n = {.call = call, .layer = {.node = call->node, .gates = gates}};
    elman_status status;
    if ((status = read_direction(&n)) || (status = map_read_cell(call, &n.layer)) ||
        (status = read_all_weights(&n)) || (status = read_sequence(&n)) ||
        (status = read_lengths(&n)) || (status = read_state(&n, 5, "initial_h", &n.layer.h)) ||
        (status = read_state(&n, 6, "initial_c", &n.layer.c)))
        return status;
    return add_layer(&n);
}

elman_status map_rnn(MapCall *call) {
    return map_recurrent(call, 1);
}

elman_status map_gru(MapCall *call) {
    return map_recurrent(call, 3);
}

elman_status map_lstm(MapCall *call) {
    return map_recurrent(call, 4);
}
