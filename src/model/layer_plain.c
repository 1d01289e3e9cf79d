/* Layers that ask for what the fast cells lack. */
#include "model/layer_plain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool layer_has_activations(const elman_cell_options *layer) {
    for (size_t i = 0; i < 2 * PLAIN_ACTIVATIONS; i++)
        if (layer->activations[i / PLAIN_ACTIVATIONS][i % PLAIN_ACTIVATIONS].kind) return true;
    return false;
}

bool layer_plain(const elman_cell_options *layer) {
    return layer->clip > 0.0f || layer->input_forget || layer->peepholes ||
           layer_has_activations(layer);
}

const Cell *layer_cell(const elman_cell_options *layer) {
    if (layer->projection) return &cell_lstm_projected;
    if (!layer_plain(layer)) return cell_of_kind(layer->cell);
    switch (layer->cell) {
    case ELMAN_CELL_RNN:
    case ELMAN_CELL_RNN_RELU:
        return &cell_plain_rnn;
    case ELMAN_CELL_LSTM:
        return &cell_plain_lstm;
    case ELMAN_CELL_GRU:
        return &cell_plain_gru;
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return &cell_plain_gru_reset_before;
    }
    return NULL;
}

size_t cell_activations(elman_cell kind) {
    switch (kind) {
    case ELMAN_CELL_RNN:
    case ELMAN_CELL_RNN_RELU:
        return 1;
    case ELMAN_CELL_LSTM:
        return 3;
    case ELMAN_CELL_GRU:
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return 2;
    }
    return 0;
}

/* The one that a kind of cell has unless told. */
static elman_activation_kind usual(elman_cell kind, size_t which) {
    if (kind == ELMAN_CELL_RNN_RELU) return ELMAN_ACTIVATION_RELU;
    if (kind == ELMAN_CELL_RNN || which > 0) return ELMAN_ACTIVATION_TANH;
    return ELMAN_ACTIVATION_SIGMOID;
}

PlainCell layer_plain_cell(const elman_cell_options *layer, size_t direction) {
    PlainCell plain = {.clip = (double)layer->clip, .input_forget = layer->input_forget != 0};
    for (size_t i = 0; i < PLAIN_ACTIVATIONS; i++) {
        plain.activations[i] = layer->activations[direction][i];
        if (!plain.activations[i].kind) plain.activations[i].kind = usual(layer->cell, i);
    }
    return plain;
}

/* As layer_plain_check, for one activation. */
static const char *check_activation(const elman_cell_options *layer, size_t direction, size_t which,
                                    elman_activation *activation) {
    const elman_activation_kind kind = activation->kind;
    if (!activation_name(kind)) return "unknown kind of activation";
    if (!isfinite(activation->alpha) || !isfinite(activation->beta))
        return "an activation's alpha or beta is not a finite number";
    if ((activation->alpha != 0.0f && !activation_has_alpha(kind)) ||
        (activation->beta != 0.0f && !activation_has_beta(kind)))
        return "an activation has an alpha or a beta that it does not take";
    if (!kind) return NULL;
    if (which >= cell_activations(layer->cell))
        return "an RNN has the activation f alone, a GRU f and g: expected no others";
    if (direction == 1 && !layer->bidirectional)
        return "activations of the backward direction in a layer that has none";
    if (kind == usual(layer->cell, which)) activation->kind = ELMAN_ACTIVATION_USUAL;
    return NULL;
}

const char *layer_plain_check(elman_cell_options *layer) {
    if (!(layer->clip >= 0.0f && isfinite(layer->clip)))
        return "a clip must be a finite number above 0, or 0 for none";
    if ((layer->input_forget || layer->peepholes) && layer->cell != ELMAN_CELL_LSTM)
        return "input_forget and peepholes are for LSTM layers";
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < PLAIN_ACTIVATIONS; i++) {
            const char *const sentence = check_activation(layer, d, i, &layer->activations[d][i]);
            if (sentence) return sentence;
        }
    return NULL;
}

bool layer_plain_alike(const elman_cell_options *a, const elman_cell_options *b) {
    bool alike = a->clip == b->clip && !a->input_forget == !b->input_forget;
    for (size_t i = 0; i < 2 * PLAIN_ACTIVATIONS; i++) {
        const elman_activation *const x =
            &a->activations[i / PLAIN_ACTIVATIONS][i % PLAIN_ACTIVATIONS];
        const elman_activation *const y =
            &b->activations[i / PLAIN_ACTIVATIONS][i % PLAIN_ACTIVATIONS];
        alike = alike && x->kind == y->kind && x->alpha == y->alpha && x->beta == y->beta;
    }
    return alike;
}

const char *layer_plain_words(const elman_cell_options *layer, char text[LAYER_PLAIN_WORDS]) {
    const char *const parts[] = {layer_has_activations(layer) ? ", activations of its own" : "",
                                 layer->clip > 0.0f ? ", a clip" : "",
                                 layer->input_forget ? ", a coupled forget gate" : "",
                                 layer->peepholes ? ", peepholes" : ""};
    snprintf(text, LAYER_PLAIN_WORDS, "%s%s%s%s", parts[0], parts[1], parts[2], parts[3]);
    memmove(text, text + 2, strlen(text) - 1); /* without the first comma */
    return text;
}
