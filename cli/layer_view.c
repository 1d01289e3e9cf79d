/* Words for a recurrent layer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "model_view.h"

static const struct {
    const char *name;
    bool has_alpha, has_beta;
} activations[] = {
    [ELMAN_ACTIVATION_USUAL] = {"usual", false, false},
    [ELMAN_ACTIVATION_RELU] = {"relu", false, false},
    [ELMAN_ACTIVATION_TANH] = {"tanh", false, false},
    [ELMAN_ACTIVATION_SIGMOID] = {"sigmoid", false, false},
    [ELMAN_ACTIVATION_AFFINE] = {"affine", true, true},
    [ELMAN_ACTIVATION_LEAKY_RELU] = {"leaky-relu", true, false},
    [ELMAN_ACTIVATION_THRESHOLDED_RELU] = {"thresholded-relu", true, false},
    [ELMAN_ACTIVATION_SCALED_TANH] = {"scaled-tanh", true, true},
    [ELMAN_ACTIVATION_HARD_SIGMOID] = {"hard-sigmoid", true, true},
    [ELMAN_ACTIVATION_ELU] = {"elu", true, false},
    [ELMAN_ACTIVATION_SOFTSIGN] = {"softsign", false, false},
    [ELMAN_ACTIVATION_SOFTPLUS] = {"softplus", false, false},
};

/* How many of f, g and h a cell has. */
static size_t roles_of(elman_cell cell) {
    if (cell == ELMAN_CELL_LSTM) return 3;
    return cell == ELMAN_CELL_RNN || cell == ELMAN_CELL_RNN_RELU ? 1 : 2;
}

static bool has_activations(const elman_cell_options *cell) {
    for (size_t i = 0; i < 6; i++) {
        if (cell->activations[i / 3][i % 3].kind != ELMAN_ACTIVATION_USUAL) return true;
    }
    return false;
}

/* Adds to a text, which is cut where it is full. */
static void add(char text[VIEW_TEXT_MAX], const char *format, ...) ELMAN_PRINTF(2, 3);

static void add(char text[VIEW_TEXT_MAX], const char *format, ...) {
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, VIEW_TEXT_MAX - used, format, arguments);
    va_end(arguments);
}

/* ", activations f elu(0.5), g usual" and the same of the backward direction. */
static void add_activations(const elman_cell_options *cell, char text[VIEW_TEXT_MAX]) {
    for (size_t d = 0; d < (cell->bidirectional ? 2 : 1); d++) {
        add(text, d ? ", backward" : ", activations");
        for (size_t i = 0; i < roles_of(cell->cell); i++) {
            const elman_activation *activation = &cell->activations[d][i];
            add(text, "%s %c %s", i ? "," : "", "fgh"[i], activations[activation->kind].name);
            if (activations[activation->kind].has_alpha) {
                add(text, "(%g", (double)activation->alpha);
                if (activations[activation->kind].has_beta) {
                    add(text, ", %g", (double)activation->beta);
                }
                add(text, ")");
            }
        }
    }
}

const char *view_layer(const ModelView *view, size_t index, char text[VIEW_TEXT_MAX]) {
    elman_cell_options cell;
    elman_model_layer(view->model, index, &cell);
    (void)snprintf(text, VIEW_TEXT_MAX, "%s, %zu units", view_cell_name(cell.cell), cell.hidden);
    if (cell.projection > 0) add(text, " projected to %zu", cell.projection);
    add(text, "%s%s%s", cell.bidirectional ? " in each direction" : "",
        cell.no_bias ? ", no bias" : "", cell.learned_state ? ", learned initial state" : "");
    if (cell.dropout > 0.0F) add(text, ", dropout %g", (double)cell.dropout);
    if (cell.peepholes) add(text, ", peepholes");
    if (cell.input_forget) add(text, ", forget gate 1 - i");
    if (cell.clip > 0.0F) add(text, ", clip %g", (double)cell.clip);
    if (has_activations(&cell)) add_activations(&cell, text);
    return text;
}

static json_t *activations_json(const elman_cell_options *cell) {
    json_t *directions = json_array();
    for (size_t d = 0; d < (cell->bidirectional ? 2 : 1); d++) {
        json_t *list = json_array();
        for (size_t i = 0; i < roles_of(cell->cell); i++) {
            const elman_activation *activation = &cell->activations[d][i];
            json_t *object = json_object();
            json_put(object, "kind", json_text(activations[activation->kind].name));
            if (activations[activation->kind].has_alpha) {
                json_put(object, "alpha", json_finite((double)activation->alpha));
            }
            if (activations[activation->kind].has_beta) {
                json_put(object, "beta", json_finite((double)activation->beta));
            }
            json_append(list, object);
        }
        json_append(directions, list);
    }
    return directions;
}

json_t *view_layer_json(const ModelView *view, size_t index) {
    elman_cell_options cell;
    json_t *layer = json_object();
    elman_model_layer(view->model, index, &cell);
    json_put(layer, "cell", json_text(view_cell_name(cell.cell)));
    json_put(layer, "hidden", json_count(cell.hidden));
    if (cell.projection > 0) json_put(layer, "projection", json_count(cell.projection));
    json_put(layer, "bidirectional", json_boolean(cell.bidirectional));
    json_put(layer, "bias", json_boolean(!cell.no_bias));
    json_put(layer, "learned_state", json_boolean(cell.learned_state));
    json_put(layer, "dropout", json_finite((double)cell.dropout));
    if (cell.peepholes) json_put(layer, "peepholes", json_true());
    if (cell.input_forget) json_put(layer, "input_forget", json_true());
    if (cell.clip > 0.0F) json_put(layer, "clip", json_finite((double)cell.clip));
    if (has_activations(&cell)) json_put(layer, "activations", activations_json(&cell));
    return layer;
}
