/* Puts the weights of ONNX's recurrent operators into PyTorch's order, which is ours, as the
 * specification words them. The mapping has its own way to do so. */
#include "convert/onnx_weights.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum { INPUT_W = 1, INPUT_R = 2, INPUT_B = 3, INPUT_P = 7 };

typedef struct Expecting {
    const OracleOnnx *oracle;
    const OnnxMap *map;
    OracleAnswer *answer;
} Expecting;

/* Adds an expected tensor of `count` numbers; NULL when there is no memory. */
static double *add(const Expecting *e, const char *name, size_t count) {
    OracleWeight *const weight = &e->answer->weights[e->answer->weight_count++];
    snprintf(weight->name, sizeof weight->name, "%s", name);
    weight->count = count;
    weight->values = memory_allocate_array(e->answer->memory, count, sizeof *weight->values);
    return weight->values;
}

/* Copies gates of `size` numbers each from a node's order to ours. */
static void copy_gates(const char *operator, const double * from, size_t size, double *to) {
    /* The specification: W[iofc], W[zrh]. Ours: i f g o and r z n, where ONNX's c is our g. */
    static const char *const theirs[] = {"iofc", "zrh"}, *const ours[] = {"ifco", "rzh"};
    const size_t kind = strcmp(operator, "LSTM") == 0 ? 0 : 1;
    if (strcmp(operator, "RNN") == 0) {
        memcpy(to, from, size * sizeof *to);
        return;
    }
    for (const char *gate = ours[kind]; *gate; gate++, to += size)
        memcpy(to, from + (size_t)(strchr(theirs[kind], *gate) - theirs[kind]) * size,
               size * sizeof *to);
}

typedef struct Name {
    char text[64];
} Name;

static Name name_of(const MapLayer *layer, size_t index, size_t direction, const char *kind) {
    Name name;
    snprintf(name.text, sizeof name.text, "rnn.%s_l%zu%s", kind, index,
             direction == 1 || layer->is_reverse ? "_reverse" : "");
    return name;
}

/* One tensor of one direction of a layer: rows of `columns` numbers from `offset` numbers behind
 * the direction's first, of which there are `stride`. */
static bool expect(const Expecting *e, size_t layer, size_t direction, size_t input, size_t stride,
                   size_t offset, size_t columns, const char *kind) {
    const MapLayer *const l = &e->map->layers[layer];
    const OnnxNode *const node = l->node;
    if (input >= node->input_count || node->inputs[input] == ONNX_NONE) return true;
    const double *const from = oracle_onnx_value(e->oracle, node->inputs[input])->numbers;
    double *const to =
        add(e, name_of(l, layer, direction, kind).text, l->gates * l->hidden * columns);
    if (to) copy_gates(node->op_type, from + direction * stride + offset, l->hidden * columns, to);
    return to != NULL;
}

/* The input weights: a column for each feature of the base that the layer reads some of. */
static bool expect_input(const Expecting *e, size_t layer, size_t direction) {
    const MapLayer *const l = &e->map->layers[layer];
    const size_t rows = l->gates * l->hidden, width = e->map->bases[l->x].width;
    if (!expect(e, layer, direction, INPUT_W, rows * l->inputs, 0, l->inputs, "weight_ih"))
        return false;
    OracleWeight *const weight = &e->answer->weights[e->answer->weight_count - 1];
    double *const narrow = weight->values;
    double *const wide = memory_allocate_array(e->answer->memory, rows * width, sizeof *wide);
    if (!wide) return false;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < l->inputs; k++)
            wide[row * width + l->picks[k]] += narrow[row * l->inputs + k];
    memory_release(e->answer->memory, narrow);
    weight->values = wide;
    weight->count = rows * width;
    return true;
}

static bool expect_peepholes(const Expecting *e, size_t layer, size_t direction) {
    const MapLayer *const l = &e->map->layers[layer];
    const double *const from = oracle_onnx_value(e->oracle, l->node->inputs[INPUT_P])->numbers;
    double *const to = add(e, name_of(l, layer, direction, "weight_peephole").text, 3 * l->hidden);
    if (to) memcpy(to, from + direction * 3 * l->hidden, 3 * l->hidden * sizeof *to);
    return to != NULL;
}

static bool expect_direction(const Expecting *e, size_t layer, size_t direction) {
    const MapLayer *const l = &e->map->layers[layer];
    const MapBaseKind read = e->map->bases[l->x].kind;
    const size_t rows = l->gates * l->hidden;
    const bool is_folded =
        read != MAP_INPUT && read != MAP_LOOK_UP && read != MAP_ONE_HOT && read != MAP_Y;
    return (!l->p.numbers || expect_peepholes(e, layer, direction)) &&
           expect(e, layer, direction, INPUT_R, rows * l->hidden, 0, l->hidden, "weight_hh") &&
           expect(e, layer, direction, INPUT_B, 2 * rows, rows, 1, "bias_hh") &&
           (is_folded || (expect_input(e, layer, direction) &&
                          expect(e, layer, direction, INPUT_B, 2 * rows, 0, 1, "bias_ih")));
}

static bool expect_table(const Expecting *e) {
    for (size_t i = 0; i < e->map->base_count; i++) {
        if (e->map->bases[i].kind != MAP_LOOK_UP) continue;
        const OracleArray *const value = oracle_onnx_value(e->oracle, e->map->bases[i].table);
        double *const to = add(e, "embedding.weight", value->count);
        if (to) memcpy(to, value->numbers, value->count * sizeof *to);
        return to != NULL;
    }
    return true;
}

elman_status onnx_expect_weights(const OracleOnnx *oracle, const OnnxMap *map, OracleAnswer *answer,
                                 elman_error *error) {
    const Expecting e = {.oracle = oracle, .map = map, .answer = answer};
    answer->weights =
        memory_allocate_array(answer->memory, 10 * map->layer_count + 1, sizeof *answer->weights);
    bool ok = answer->weights && expect_table(&e);
    for (size_t l = 0; l < map->layer_count; l++)
        for (size_t d = 0; d < map->layers[l].directions && ok; d++)
            ok = expect_direction(&e, l, d);
    return ok ? ELMAN_OK
              : fail(error, ELMAN_ERR_MEMORY, "%s: no memory to compare its weights",
                     map->model->path);
}
