/* Draws a network with Unicode boxes for a terminal of 80 columns. */
#include <stdio.h>
#include <string.h>

#include "explain/diagram_cells.h"
#include "explain/diagram_forms.h"
#include "explain/diagram_words.h"

enum { WIDE = 36, NOTES_MAX = 8 };

typedef struct TextDrawing {
    DiagramOut *out;
    const Structure *structure;
    const elman_diagram_options *options;
} TextDrawing;

static size_t length_of(const char *text) {
    size_t length = 0;
    for (; *text; text++) length += ((unsigned char)*text & 0xC0) != 0x80;
    return length;
}

/* Text in the middle of `width` columns. */
static void centre(DiagramOut *out, const char *text, size_t width) {
    const size_t length = length_of(text);
    const size_t room = length < width ? width - length : 0;
    diagram_out_repeat(out, " ", room / 2);
    diagram_out_bytes(out, text, strlen(text));
    diagram_out_repeat(out, " ", room - room / 2);
}

static void edge(DiagramOut *out, const char *left, const char *right, size_t width) {
    diagram_out_bytes(out, left, strlen(left));
    diagram_out_repeat(out, "─", width - 2);
    diagram_out_bytes(out, right, strlen(right));
}

static void note(DiagramOut *out, const char *text) {
    diagram_out_print(out, "%s%s\n", *text ? "  " : "", text);
}

/* ---- Folded: one box a stage, its words beside it ---- */

static void folded_box(DiagramOut *out, const char *name, const char *words) {
    edge(out, "┌", "┐", WIDE);
    note(out, "");
    diagram_out_print(out, "│");
    centre(out, name, WIDE - 2);
    diagram_out_print(out, "│");
    note(out, words);
    edge(out, "└", "┘", WIDE);
    note(out, "");
}

static void folded_arrow(DiagramOut *out, size_t width, bool both, const char *words) {
    char count[WORDS_COUNT_MAX], text[WORDS_MAX];
    (void)snprintf(text, sizeof(text), "▲ %s", words_count(width, count));
    if (both) {
        diagram_out_repeat(out, " ", 7);
        diagram_out_bytes(out, text, strlen(text));
        diagram_out_repeat(out, " ", 18 - length_of(text));
    } else {
        diagram_out_repeat(out, " ", WIDE / 2 - 1);
    }
    diagram_out_bytes(out, text, strlen(text));
    diagram_out_repeat(out, " ", (both ? 11 : WIDE / 2 + 1) - length_of(text));
    note(out, words);
}

static size_t cell_notes(const TextDrawing *drawing, size_t layer,
                         char notes[NOTES_MAX][WORDS_MAX]) {
    const elman_cell_options *const cell = &drawing->structure->layers[layer];
    char count[WORDS_COUNT_MAX];
    size_t used = 0;
    (void)snprintf(notes[used++], WORDS_MAX, "layer %zu, %s unit%s%s%s", layer,
                   words_count(cell->hidden, count), cell->hidden == 1 ? "" : "s",
                   cell->bidirectional ? " each" : "", words_cell_variant(cell));
    (void)words_weight_hh(drawing->structure, layer, notes[used++]);
    if (cell->projection) (void)words_weight_hr(drawing->structure, layer, notes[used++]);
    if (!cell->no_bias) (void)words_biases(drawing->structure, layer, notes[used++]);
    (void)words_start(drawing->structure, layer, notes[used++]);
    if (drawing->options->window > 0) {
        (void)snprintf(notes[used++], WORDS_MAX, "gradient: %s step%s back, then",
                       words_count(drawing->options->window, count),
                       drawing->options->window == 1 ? "" : "s");
        (void)snprintf(notes[used++], WORDS_MAX, "%s",
                       drawing->options->independent ? "each window starts anew"
                                                     : "the state is carried on");
    }
    return used;
}

/* One line of a cell's boxes: its frame or a name, and the loop at its right. */
static void cell_line(DiagramOut *out, const char *const sides[2], const char *const names[2],
                      size_t boxes, const char *loop) {
    const size_t width = boxes == 2 ? (WIDE - 6) / 2 : WIDE - 3;
    for (size_t i = 0; i < boxes; i++) {
        if (names[i]) {
            diagram_out_print(out, "│");
            centre(out, names[i], width - 2);
            diagram_out_print(out, *loop ? "├" : "│");
        } else {
            edge(out, sides[0], sides[1], width);
        }
        diagram_out_print(out, "%s", *loop ? loop : "   ");
    }
}

static void folded_cell(const TextDrawing *drawing, size_t layer) {
    const elman_cell_options *const cell = &drawing->structure->layers[layer];
    const size_t boxes = structure_directions(drawing->structure, layer);
    static const char *const top[] = {"┌", "┐"}, *const bottom[] = {"└", "┘"};
    const char *const nothing[] = {NULL, NULL}, *const blank[] = {"", ""};
    const char *const names[] = {words_cell_name(cell->cell), words_cell_name(cell->cell)};
    const char *const ways[] = {boxes == 2 ? "forward" : words_state(cell->cell), "backward"};
    char notes[NOTES_MAX][WORDS_MAX];
    const size_t count = cell_notes(drawing, layer, notes);
    const size_t lines = count > 4 ? count : 4;
    for (size_t i = 0; i < lines; i++) {
        if (i == 0) {
            cell_line(drawing->out, top, nothing, boxes, "");
        } else if (i + 1 == lines) {
            cell_line(drawing->out, bottom, nothing, boxes, "");
        } else if (i == 1) {
            cell_line(drawing->out, NULL, names, boxes, "◀┐ ");
        } else if (i == 2) {
            cell_line(drawing->out, NULL, ways, boxes, "─┘ ");
        } else {
            cell_line(drawing->out, NULL, blank, boxes, "");
        }
        note(drawing->out, i < count ? notes[i] : "");
    }
}

static void folded_layer(const TextDrawing *drawing, size_t layer) {
    const Structure *const structure = drawing->structure;
    const elman_cell_options *const cell = &structure->layers[layer];
    const bool both = cell->bidirectional;
    const bool pooled = layer + 1 == structure->layer_count && structure_pooled(structure);
    const size_t width = structure_inputs(structure, layer + 1);
    char words[WORDS_MAX], number[WORDS_COUNT_MAX];
    if (cell->dropout > 0.0F) {
        (void)snprintf(words, sizeof(words), "dropout %s", words_share(cell->dropout, number));
        folded_box(drawing->out, words, "in training only");
        folded_arrow(drawing->out, width, false, "");
    }
    if (pooled) {
        folded_box(drawing->out, words_pool(structure), "");
        folded_arrow(drawing->out, width, false, "");
    }
    if (both) {
        folded_box(drawing->out, "both directions side by side", "");
        folded_arrow(drawing->out, structure_width(structure, layer), both, "");
    }
    folded_cell(drawing, layer);
    folded_arrow(drawing->out, structure_inputs(structure, layer), both,
                 words_weight_ih(structure, layer, words));
}

static void draw_folded(const TextDrawing *drawing) {
    const Structure *const structure = drawing->structure;
    const size_t inputs = structure_inputs(structure, structure->layer_count);
    DiagramOut *const out = drawing->out;
    char words[WORDS_MAX], count[WORDS_COUNT_MAX];
    const bool every = structure->output == ELMAN_OUTPUT_EVERY_STEP;
    folded_box(out, every ? "output yₜ" : "output y", words_output(structure, words));
    folded_arrow(out, structure_outputs(structure), false, "");
    if (structure->has_head) {
        (void)snprintf(words, sizeof(words), "%s%s", structure->head_no_bias ? "no bias" : "bias ",
                       structure->head_no_bias ? "" : words_count(structure->head_outputs, count));
        folded_box(out, "linear head", words);
        folded_arrow(out, inputs, false, words_matrix("W", structure->head_outputs, inputs, words));
    }
    for (size_t i = structure->layer_count; i-- > 0;) folded_layer(drawing, i);
    if (structure->input == ELMAN_INPUT_EMBEDDING) {
        folded_box(out, "embedding",
                   words_matrix("E", structure->input_size, structure->embedding, words));
        folded_arrow(out, structure->input_size, false, "");
    }
    folded_box(out, "input xₜ", words_input(structure, words));
}

/* ---- Unrolled: a column of boxes a step ---- */

static bool window_ends(const TextDrawing *drawing, size_t column) {
    const size_t window = drawing->options->window;
    return window > 0 && (column + 1) % window == 0;
}

/* A line of boxes, or of what is above, below and between them: `first` on, as they are there. */
static void step_line(const TextDrawing *drawing, size_t first, const char *left,
                      const char *middle, const char *right) {
    const size_t steps = drawing->options->unroll;
    diagram_out_print(drawing->out, "   ");
    for (size_t i = 0; i < steps; i++) {
        if (i < first) {
            diagram_out_print(drawing->out, "      ");
        } else {
            diagram_out_print(drawing->out, "%s", left);
            diagram_out_repeat(drawing->out, middle, 4);
            diagram_out_print(drawing->out, "%s", right);
        }
        diagram_out_print(drawing->out, window_ends(drawing, i) ? " ╎ " : "   ");
    }
    diagram_out_print(drawing->out, "\n");
}

/* An arrow into the middle of each box from `first` on. */
static void step_arrows(const TextDrawing *drawing, size_t first) {
    diagram_out_print(drawing->out, "   ");
    for (size_t i = 0; i < drawing->options->unroll; i++) {
        diagram_out_print(drawing->out, i < first ? "      " : "  ▲   ");
        diagram_out_print(drawing->out, window_ends(drawing, i) ? " ╎ " : "   ");
    }
    diagram_out_print(drawing->out, "\n");
}

/* Lines from all steps into the box that stands above the last. */
static void step_bus(const TextDrawing *drawing) {
    const size_t last = drawing->options->unroll - 1;
    step_arrows(drawing, last);
    if (last == 0) return;
    diagram_out_print(drawing->out, "   ");
    for (size_t i = 0; i <= last; i++) {
        diagram_out_print(drawing->out, i == 0 ? "  ┌───" : i < last ? "──┬───" : "──┤   ");
        diagram_out_print(drawing->out, i == last                 ? "   "
                                        : window_ends(drawing, i) ? "─╎─"
                                                                  : "───");
    }
    diagram_out_print(drawing->out, "\n");
}

/* Boxes that time does not join; `numbered` puts the step behind the name. */
static void step_boxes(const TextDrawing *drawing, size_t first, const char *name, bool numbered) {
    static const char *const subscripts[] = {"₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈"};
    char text[16];
    step_line(drawing, first, "┌", "─", "┐");
    diagram_out_print(drawing->out, "   ");
    for (size_t i = 0; i < drawing->options->unroll; i++) {
        if (i < first) {
            diagram_out_print(drawing->out, "      ");
        } else {
            (void)snprintf(text, sizeof(text), "%s%s", name, numbered ? subscripts[i] : "");
            diagram_out_print(drawing->out, "│");
            centre(drawing->out, text, 4);
            diagram_out_print(drawing->out, "│");
        }
        diagram_out_print(drawing->out, window_ends(drawing, i) ? " ╎ " : "   ");
    }
    diagram_out_print(drawing->out, "\n");
    step_line(drawing, first, "└", "─", "┘");
}

static const char *short_name(elman_cell cell) {
    if (cell == ELMAN_CELL_RNN) return "tanh";
    return cell == ELMAN_CELL_RNN_RELU ? "ReLU" : words_cell_name(cell);
}

/* One direction through all steps; the backward one flows to the left. */
static void step_direction(const TextDrawing *drawing, const char *name, bool reverse) {
    DiagramOut *const out = drawing->out;
    const size_t steps = drawing->options->unroll;
    const bool severed = drawing->options->independent || reverse;
    const bool ends = drawing->options->window == 0 && structure_one_output(drawing->structure);
    diagram_out_print(out, reverse ? "   " : "h₀▶");
    for (size_t i = 0; i < steps; i++) {
        const bool cut = window_ends(drawing, i);
        const bool last = i + 1 == steps;
        diagram_out_print(out, "│");
        centre(out, name, 4);
        diagram_out_print(out, "│");
        if (last && reverse) {
            diagram_out_print(out, "◀h₀");
        } else if (last && ends) {
            diagram_out_print(out, "   ");
        } else if (cut && severed) {
            diagram_out_print(out, " ╎ ");
        } else if (reverse) {
            diagram_out_print(out, "◀──");
        } else {
            diagram_out_print(out, cut ? "─╎▶" : "──▶");
        }
    }
    const bool onward = !reverse && !ends && !(severed && window_ends(drawing, steps - 1));
    diagram_out_print(out, "%s\n", onward ? "…" : "");
}

static void step_layer(const TextDrawing *drawing, size_t layer, size_t first) {
    const elman_cell_options *const cell = &drawing->structure->layers[layer];
    if (cell->dropout > 0.0F) {
        step_boxes(drawing, first, "drop", false);
        step_arrows(drawing, first);
    }
    if (layer + 1 == drawing->structure->layer_count && structure_pooled(drawing->structure)) {
        step_boxes(drawing, first, drawing->structure->output == ELMAN_OUTPUT_MEAN ? "mean" : "max",
                   false);
        step_bus(drawing);
    }
    step_line(drawing, 0, "┌", "─", "┐");
    step_direction(drawing, short_name(cell->cell), false);
    if (cell->bidirectional) step_direction(drawing, short_name(cell->cell), true);
    step_line(drawing, 0, "└", "─", "┘");
    step_arrows(drawing, 0);
}

static void line_of(const TextDrawing *drawing, const char *name, const char *words) {
    if (*words) diagram_out_print(drawing->out, "%-10s%s\n", name, words);
}

/* What stands beside the boxes in other forms, as a list. */
static void list_words(const TextDrawing *drawing) {
    const Structure *const structure = drawing->structure;
    char words[WORDS_MAX], number[WORDS_COUNT_MAX], name[WORDS_COUNT_MAX];
    line_of(drawing, "output", words_output(structure, words));
    if (structure_pooled(structure)) line_of(drawing, "pooling", words_pool(structure));
    if (structure->has_head) {
        line_of(drawing, "head",
                words_matrix("W", structure->head_outputs,
                             structure_inputs(structure, structure->layer_count), words));
        (void)snprintf(words, sizeof(words), "bias %s",
                       words_count(structure->head_outputs, number));
        line_of(drawing, "", structure->head_no_bias ? "" : words);
    }
    for (size_t i = structure->layer_count; i-- > 0;) {
        const elman_cell_options *const cell = &structure->layers[i];
        (void)snprintf(name, sizeof(name), "layer %zu", i);
        (void)snprintf(words, sizeof(words), "%s%s, %s unit%s%s", words_cell_name(cell->cell),
                       words_cell_variant(cell), words_count(cell->hidden, number),
                       cell->hidden == 1 ? "" : "s",
                       cell->bidirectional ? " in each direction, side by side" : "");
        line_of(drawing, name, words);
        line_of(drawing, "", words_weight_ih(structure, i, words));
        line_of(drawing, "", words_weight_hh(structure, i, words));
        line_of(drawing, "", words_weight_hr(structure, i, words));
        line_of(drawing, "", words_biases(structure, i, words));
        line_of(drawing, "", words_start(structure, i, words));
        (void)snprintf(words, sizeof(words), "dropout %s, in training only",
                       words_share(cell->dropout, number));
        line_of(drawing, "", cell->dropout > 0.0F ? words : "");
    }
    if (structure->input == ELMAN_INPUT_EMBEDDING) {
        line_of(drawing, "embedding",
                words_matrix("E", structure->input_size, structure->embedding, words));
    }
    line_of(drawing, "input", words_input(structure, words));
}

static void draw_unrolled(const TextDrawing *drawing) {
    const Structure *const structure = drawing->structure;
    const elman_diagram_options *const options = drawing->options;
    const bool last = structure_one_output(structure);
    const size_t first = last ? options->unroll - 1 : 0;
    const size_t top = structure->layer_count - 1;
    char count[WORDS_COUNT_MAX];
    step_boxes(drawing, first, "y", !last);
    step_arrows(drawing, first);
    if (structure->has_head) {
        step_boxes(drawing, first, "head", false);
        step_arrows(drawing, first);
    }
    for (size_t i = structure->layer_count; i-- > 0;) {
        step_layer(drawing, i, i == top ? first : 0);
    }
    if (structure->input == ELMAN_INPUT_EMBEDDING) {
        step_boxes(drawing, 0, "emb", false);
        step_arrows(drawing, 0);
    }
    step_boxes(drawing, 0, "x", true);
    diagram_out_print(drawing->out, "\n");
    if (options->window > 0) {
        diagram_out_print(drawing->out, "windows of %s step%s: gradients stay inside; %s\n\n",
                          words_count(options->window, count), options->window == 1 ? "" : "s",
                          options->independent ? "each starts anew" : "the state is carried on");
    }
    if (last && !structure_pooled(structure) && structure->layers[top].bidirectional &&
        options->unroll > 1) {
        diagram_out_print(drawing->out,
                          "The output also sees the backward state of layer %zu at step 1.\n\n",
                          top);
    }
    list_words(drawing);
}

static void draw_cells(const TextDrawing *drawing) {
    for (size_t kind = 0; kind < DIAGRAM_CELLS; kind++) {
        const elman_cell_options *const cell = diagram_cell_of(drawing->structure, kind);
        if (!cell) continue;
        diagram_out_print(drawing->out, "\ninside %s%s\n", words_cell_name(cell->cell),
                          words_cell_variant(cell));
        const char *const *equation = diagram_cell_equations(cell);
        for (; *equation; equation++) diagram_out_print(drawing->out, "  %s\n", *equation);
    }
}

void diagram_text(DiagramOut *out, const Structure *structure,
                  const elman_diagram_options *options) {
    const TextDrawing drawing = {out, structure, options};
    char title[WORDS_MAX];
    diagram_out_print(out, "%s\n", words_title(structure, title));
    if (options->unroll > 0) {
        diagram_out_print(out, "unrolled over %zu step%s, with the same weights at each\n\n",
                          options->unroll, options->unroll == 1 ? "" : "s");
        draw_unrolled(&drawing);
    } else {
        diagram_out_print(out, "folded: a loop hands the state from each step to the next\n\n");
        draw_folded(&drawing);
    }
    if (!options->no_cells) draw_cells(&drawing);
}
