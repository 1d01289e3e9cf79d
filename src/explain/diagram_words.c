/* Words and numbers that the forms of a diagram share. */
#include "explain/diagram_words.h"

#include <stdio.h>
#include <string.h>

const char *words_cell_name(elman_cell cell) {
    switch (cell) {
    case ELMAN_CELL_RNN:
        return "RNN tanh";
    case ELMAN_CELL_RNN_RELU:
        return "RNN ReLU";
    case ELMAN_CELL_LSTM:
        return "LSTM";
    case ELMAN_CELL_GRU:
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return "GRU";
    }
    return "?";
}

const char *words_cell_variant(const elman_cell_options *layer) {
    if (layer->projection) return ", projected";
    if (layer->cell == ELMAN_CELL_GRU) return ", reset after R";
    return layer->cell == ELMAN_CELL_GRU_RESET_BEFORE ? ", reset before R" : "";
}

const char *words_state(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? "h, c" : "h";
}

const char *words_count(size_t count, char text[WORDS_COUNT_MAX]) {
    char digits[WORDS_COUNT_MAX];
    const int length = snprintf(digits, sizeof(digits), "%zu", count);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *words_share(float share, char text[WORDS_COUNT_MAX]) {
    const int thousandths = (int)(share * 1000.0F + 0.5F);
    (void)snprintf(text, WORDS_COUNT_MAX, "%d.%03d", thousandths / 1000, thousandths % 1000);
    for (size_t end = strlen(text); text[end - 1] == '0' && text[end - 2] != '.'; end--) {
        text[end - 1] = '\0';
    }
    return text;
}

const char *words_matrix(const char *name, size_t rows, size_t columns, char text[WORDS_MAX]) {
    char of_rows[WORDS_COUNT_MAX], of_columns[WORDS_COUNT_MAX], product[WORDS_COUNT_MAX];
    (void)snprintf(text, WORDS_MAX, "%s %s × %s = %s", name, words_count(rows, of_rows),
                   words_count(columns, of_columns), words_count(rows * columns, product));
    return text;
}

static size_t gate_rows(const Structure *structure, size_t layer) {
    const elman_cell_options *const options = &structure->layers[layer];
    return cell_of_kind(options->cell)->gates * options->hidden;
}

const char *words_weight_ih(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    return words_matrix("W", gate_rows(structure, layer), structure_inputs(structure, layer), text);
}

const char *words_weight_hh(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    return words_matrix("R", gate_rows(structure, layer), structure_width(structure, layer), text);
}

const char *words_weight_hr(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    const elman_cell_options *const options = &structure->layers[layer];
    text[0] = '\0';
    return options->projection ? words_matrix("P", options->projection, options->hidden, text)
                               : text;
}

const char *words_biases(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    char rows[WORDS_COUNT_MAX], both[WORDS_COUNT_MAX];
    const size_t count = gate_rows(structure, layer);
    text[0] = '\0';
    if (structure->layers[layer].no_bias) return text;
    (void)snprintf(text, WORDS_MAX, "biases 2 × %s = %s", words_count(count, rows),
                   words_count(2 * count, both));
    return text;
}

const char *words_start(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    const elman_cell_options *const options = &structure->layers[layer];
    const bool both = options->cell == ELMAN_CELL_LSTM;
    const char *const names = both ? "h₀, c₀" : "h₀";
    char count[WORDS_COUNT_MAX];
    if (options->learned_state) {
        (void)snprintf(
            text, WORDS_MAX, "%s learned: %s", names,
            words_count(structure_width(structure, layer) + (both ? options->hidden : 0), count));
    } else {
        (void)snprintf(text, WORDS_MAX, "%s = 0", names);
    }
    return text;
}

const char *words_handed_on(const Structure *structure, size_t layer, char text[WORDS_MAX]) {
    const elman_cell_options *const options = &structure->layers[layer];
    char width[WORDS_COUNT_MAX], hidden[WORDS_COUNT_MAX];
    (void)words_count(structure_width(structure, layer), width);
    if (options->projection) {
        (void)snprintf(text, WORDS_MAX, "h: %s, c: %s", width,
                       words_count(options->hidden, hidden));
    } else {
        (void)snprintf(text, WORDS_MAX, "%s: %s%s", words_state(options->cell), width,
                       options->cell == ELMAN_CELL_LSTM ? " each" : "");
    }
    return text;
}

const char *words_input(const Structure *structure, char text[WORDS_MAX]) {
    char count[WORDS_COUNT_MAX];
    const char *const one = structure->input_size == 1 ? "" : "s";
    (void)words_count(structure->input_size, count);
    if (structure->input == ELMAN_INPUT_DENSE) {
        (void)snprintf(text, WORDS_MAX, "%s number%s", count, one);
    } else {
        (void)snprintf(text, WORDS_MAX, "one of %s token%s%s", count, one,
                       structure->input == ELMAN_INPUT_ONE_HOT ? ", one-hot" : "");
    }
    return text;
}

const char *words_pool(const Structure *structure) {
    return structure->output == ELMAN_OUTPUT_MEAN ? "mean over steps" : "max over steps";
}

const char *words_output(const Structure *structure, char text[WORDS_MAX]) {
    char count[WORDS_COUNT_MAX];
    const size_t outputs = structure_outputs(structure);
    const char *const when = structure->output == ELMAN_OUTPUT_EVERY_STEP ? "at every step"
                             : structure_pooled(structure)                ? "after all steps"
                                                                          : "after the last step";
    (void)snprintf(text, WORDS_MAX, "%s number%s %s", words_count(outputs, count),
                   outputs == 1 ? "" : "s", when);
    return text;
}

const char *words_title(const Structure *structure, char text[WORDS_MAX]) {
    char layers[WORDS_COUNT_MAX], parameters[WORDS_COUNT_MAX];
    size_t count = 0;
    bool alike = true;
    (void)structure_parameters(structure, &count);
    for (size_t i = 1; i < structure->layer_count; i++) {
        alike = alike && structure->layers[i].cell == structure->layers[0].cell;
    }
    (void)snprintf(text, WORDS_MAX, "%s layer%s%s%s: %s parameters",
                   words_count(structure->layer_count, layers),
                   structure->layer_count == 1 ? "" : "s", alike ? " of " : "",
                   alike ? words_cell_name(structure->layers[0].cell) : "",
                   words_count(count, parameters));
    return text;
}
