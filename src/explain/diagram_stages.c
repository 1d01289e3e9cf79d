/* The rows of a network's picture and the words in and beside them. */
#include <stdio.h>

#include "explain/diagram_layout.h"

static const char *const subscripts[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈"};

static void add_stage(Layout *layout, StageKind kind, size_t layer, size_t below) {
    const size_t index = layout->stage_count++;
    layout->stages[index] =
        (Stage){.kind = kind, .layer = layer, .below = below, .below_also = PICTURE_NONE};
}

static void add_layer_stages(Layout *layout, size_t layer) {
    const elman_cell_options *const cell = &layout->structure->layers[layer];
    const size_t below = layout->stage_count - 1;
    add_stage(layout, STAGE_CELL, layer, below);
    if (cell->bidirectional) {
        add_stage(layout, STAGE_CELL, layer, below);
        layout->stages[below + 2].reverse = true;
        add_stage(layout, STAGE_JOIN, layer, below + 1);
        layout->stages[below + 3].below_also = below + 2;
    }
    if (layer + 1 == layout->structure->layer_count && structure_pooled(layout->structure)) {
        add_stage(layout, STAGE_POOL, layer, layout->stage_count - 1);
    }
    if (cell->dropout > 0.0F) {
        add_stage(layout, STAGE_DROPOUT, layer, layout->stage_count - 1);
    }
}

bool layout_make_stages(Layout *layout) {
    const Structure *const structure = layout->structure;
    Memory *const memory = layout->picture->memory;
    const size_t most = 4 * structure->layer_count + 5;
    layout->stages = memory_allocate_array(memory, most, sizeof(*layout->stages));
    layout->boxes = memory_allocate_array(memory, most * layout->columns, sizeof(*layout->boxes));
    if (!layout->stages || !layout->boxes) return false;
    add_stage(layout, STAGE_INPUT, 0, PICTURE_NONE);
    if (structure->input == ELMAN_INPUT_EMBEDDING) add_stage(layout, STAGE_EMBEDDING, 0, 0);
    for (size_t i = 0; i < structure->layer_count; i++) add_layer_stages(layout, i);
    if (structure->has_head) add_stage(layout, STAGE_HEAD, 0, layout->stage_count - 1);
    add_stage(layout, STAGE_OUTPUT, 0, layout->stage_count - 1);
    for (size_t i = layout->stage_count; i-- > 0 && layout->stages[i].kind != STAGE_CELL;) {
        layout->stages[i].last_only = structure_one_output(structure);
        if (layout->stages[i].kind == STAGE_POOL) break;
    }
    return true;
}

static void folded_text(const Layout *layout, const Stage *stage, char text[LAYOUT_TEXT_MAX]) {
    const Structure *const structure = layout->structure;
    const elman_cell_options *const cell = &structure->layers[stage->layer];
    char words[WORDS_MAX], number[WORDS_COUNT_MAX];
    const size_t size = LAYOUT_TEXT_MAX;
    switch (stage->kind) {
    case STAGE_INPUT:
        (void)snprintf(text, size, "input xₜ\n%s", words_input(structure, words));
        break;
    case STAGE_EMBEDDING:
        (void)snprintf(text, size, "embedding\n%s",
                       words_matrix("E", structure->input_size, structure->embedding, words));
        break;
    case STAGE_CELL:
        (void)snprintf(text, size, "%s%s\nlayer %zu%s, %s unit%s\n%s", words_cell_name(cell->cell),
                       words_cell_variant(cell), stage->layer,
                       !cell->bidirectional ? ""
                       : stage->reverse     ? ", backward"
                                            : ", forward",
                       words_count(cell->hidden, number), cell->hidden == 1 ? "" : "s",
                       words_biases(structure, stage->layer, words));
        break;
    case STAGE_JOIN:
        (void)snprintf(text, size, "both directions side by side");
        break;
    case STAGE_POOL:
        (void)snprintf(text, size, "%s", words_pool(structure));
        break;
    case STAGE_DROPOUT:
        (void)snprintf(text, size, "dropout %s\nin training only",
                       words_share(cell->dropout, number));
        break;
    case STAGE_HEAD:
        (void)snprintf(text, size, "linear head\n%s%s",
                       structure->head_no_bias ? "no bias" : "bias ",
                       structure->head_no_bias ? "" : words_count(structure->head_outputs, number));
        break;
    case STAGE_OUTPUT:
        (void)snprintf(text, size, "output y%s\n%s", stage->last_only ? "" : "ₜ",
                       words_output(structure, words));
        break;
    }
}

static void step_text(const Layout *layout, const Stage *stage, size_t column,
                      char text[LAYOUT_TEXT_MAX]) {
    const elman_cell_options *const cell = &layout->structure->layers[stage->layer];
    const char *const at = subscripts[column + 1];
    const size_t size = LAYOUT_TEXT_MAX;
    switch (stage->kind) {
    case STAGE_INPUT:
        (void)snprintf(text, size, "x%s", at);
        break;
    case STAGE_EMBEDDING:
        (void)snprintf(text, size, "embed");
        break;
    case STAGE_CELL:
        (void)snprintf(text, size, "%s%s\nh%s%s%s", words_cell_name(cell->cell),
                       !cell->bidirectional ? ""
                       : stage->reverse     ? " ←"
                                            : " →",
                       at, cell->cell == ELMAN_CELL_LSTM ? ", c" : "",
                       cell->cell == ELMAN_CELL_LSTM ? at : "");
        break;
    case STAGE_JOIN:
        (void)snprintf(text, size, "join");
        break;
    case STAGE_POOL:
        (void)snprintf(text, size, "%s",
                       layout->structure->output == ELMAN_OUTPUT_MEAN ? "mean" : "max");
        break;
    case STAGE_DROPOUT:
        (void)snprintf(text, size, "dropout");
        break;
    case STAGE_HEAD:
        (void)snprintf(text, size, "head");
        break;
    case STAGE_OUTPUT:
        (void)snprintf(text, size, "y%s", stage->last_only ? "" : at);
        break;
    }
}

void layout_box_text(const Layout *layout, const Stage *stage, size_t column,
                     char text[LAYOUT_TEXT_MAX]) {
    if (layout->unrolled) {
        step_text(layout, stage, column, text);
    } else {
        folded_text(layout, stage, text);
    }
}

BoxStyle layout_box_style(StageKind kind) {
    static const BoxStyle styles[] = {BOX_INPUT, BOX_TABLE,   BOX_CELL,  BOX_JOIN,
                                      BOX_JOIN,  BOX_DROPOUT, BOX_TABLE, BOX_OUTPUT};
    return styles[kind];
}

size_t layout_arrow_width(const Layout *layout, const Stage *stage) {
    const Structure *const structure = layout->structure;
    switch (stage->kind) {
    case STAGE_CELL:
        return structure_inputs(structure, stage->layer);
    case STAGE_JOIN:
        return structure_width(structure, stage->layer);
    case STAGE_DROPOUT:
        return structure_inputs(structure, stage->layer + 1);
    case STAGE_POOL:
    case STAGE_HEAD:
        return structure_inputs(structure, structure->layer_count);
    case STAGE_OUTPUT:
        return structure_outputs(structure);
    case STAGE_INPUT:
    case STAGE_EMBEDDING:
        break;
    }
    return structure->input_size;
}

void layout_arrow_words(const Layout *layout, const Stage *stage, char shape[WORDS_MAX],
                        char weights[WORDS_MAX]) {
    const Structure *const structure = layout->structure;
    char count[WORDS_COUNT_MAX];
    (void)snprintf(shape, WORDS_MAX, "%s",
                   stage->kind == STAGE_EMBEDDING
                       ? "token"
                       : words_count(layout_arrow_width(layout, stage), count));
    weights[0] = '\0';
    if (stage->kind == STAGE_CELL) {
        (void)words_weight_ih(structure, stage->layer, weights);
    } else if (stage->kind == STAGE_HEAD) {
        (void)words_matrix("W", structure->head_outputs, layout_arrow_width(layout, stage),
                           weights);
    }
}

size_t layout_loop_words(const Layout *layout, const Stage *stage,
                         char lines[LAYOUT_LOOP_LINES][WORDS_MAX]) {
    const elman_cell_options *const cell = &layout->structure->layers[stage->layer];
    const elman_diagram_options *const options = layout->options;
    char count[WORDS_COUNT_MAX];
    size_t used = 0;
    (void)words_handed_on(layout->structure, stage->layer, lines[used++]);
    (void)words_weight_hh(layout->structure, stage->layer, lines[used++]);
    if (cell->projection) (void)words_weight_hr(layout->structure, stage->layer, lines[used++]);
    (void)words_start(layout->structure, stage->layer, lines[used++]);
    if (options->window > 0) {
        (void)snprintf(lines[used++], WORDS_MAX, "gradient: %s step%s back",
                       words_count(options->window, count), options->window == 1 ? "" : "s");
        (void)snprintf(lines[used++], WORDS_MAX, "%s",
                       options->independent ? "each window starts anew"
                                            : "then the state is carried on");
    }
    return used;
}

size_t layout_row_words(const Layout *layout, const Stage *stage,
                        char lines[LAYOUT_ROW_LINES][WORDS_MAX]) {
    const Structure *const structure = layout->structure;
    const elman_cell_options *const cell = &structure->layers[stage->layer];
    char number[WORDS_COUNT_MAX], words[WORDS_MAX];
    size_t used = 0;
    switch (stage->kind) {
    case STAGE_INPUT:
        (void)words_input(structure, lines[used++]);
        break;
    case STAGE_EMBEDDING:
        (void)words_matrix("E", structure->input_size, structure->embedding, lines[used++]);
        break;
    case STAGE_CELL:
        (void)snprintf(lines[used++], WORDS_MAX, "layer %zu: %s unit%s%s", stage->layer,
                       words_count(cell->hidden, number), cell->hidden == 1 ? "" : "s",
                       words_cell_variant(cell));
        (void)words_weight_ih(structure, stage->layer, lines[used++]);
        (void)words_weight_hh(structure, stage->layer, lines[used++]);
        if (cell->projection) (void)words_weight_hr(structure, stage->layer, lines[used++]);
        if (!cell->no_bias) (void)words_biases(structure, stage->layer, lines[used++]);
        if (cell->learned_state) (void)words_start(structure, stage->layer, lines[used++]);
        break;
    case STAGE_POOL:
        (void)snprintf(lines[used++], WORDS_MAX, "%s", words_pool(structure));
        break;
    case STAGE_DROPOUT:
        (void)snprintf(lines[used++], WORDS_MAX, "dropout %s, in training only",
                       words_share(cell->dropout, number));
        break;
    case STAGE_HEAD:
        layout_arrow_words(layout, stage, words, lines[used++]);
        if (structure->head_no_bias) break;
        (void)snprintf(lines[used++], WORDS_MAX, "bias %s",
                       words_count(structure->head_outputs, number));
        break;
    case STAGE_OUTPUT:
        (void)words_output(structure, lines[used++]);
        break;
    case STAGE_JOIN:
        break;
    }
    return used;
}
