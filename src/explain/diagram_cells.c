/* The wiring inside each kind of cell: what a step computes from x, h and c. */
#include "explain/diagram_cells.h"

enum { NODES_MAX = 20, WIRES_MAX = 24, EQUATIONS_MAX = 5, EQUATION_HEIGHT = 17 };

/* A box around its centre, places relative to the frame. */
typedef struct Node {
    BoxStyle style;
    int x, y, width, height;
    const char *text;
} Node;

/* From node to node through x, y, x, y, ... */
typedef struct Wire {
    size_t from, to, points;
    int places[2 * PICTURE_POINTS_MAX];
} Wire;

typedef struct Drawing {
    int first_equation; /* baseline */
    size_t node_count, wire_count;
    Node nodes[NODES_MAX];
    Wire wires[WIRES_MAX];
    const char *equations[EQUATIONS_MAX + 1];
} Drawing;

/* Operations are circles; names stand at the rim of the cell. */
#define GATE(x, y, text)                                                                           \
    { BOX_CELL, x, y, 76, 44, text }
#define LINEAR(x, y, width, text)                                                                  \
    { BOX_JOIN, x, y, width, 30, text }
#define TIMES(x, y)                                                                                \
    { BOX_OPERATION, x, y, 24, 24, "×" }
#define PLUS(x, y)                                                                                 \
    { BOX_OPERATION, x, y, 24, 24, "+" }
#define NAME(x, y, text)                                                                           \
    { BOX_BARE, x, y, 44, 20, text }
#define BOTH "W xₜ + b + R hₜ₋₁ + b′"

/* clang-format off */
static const Drawing rnn_tanh = {
    .first_equation = 252, .node_count = 5, .wire_count = 4,
    .nodes = {LINEAR(250, 165, 320, BOTH), GATE(250, 98, "tanh"), NAME(210, 222, "xₜ"),
              NAME(290, 222, "hₜ₋₁"), NAME(500, 60, "hₜ")},
    .wires = {{2, 0, 2, {210, 212, 210, 180}}, {3, 0, 2, {290, 212, 290, 180}},
              {0, 1, 2, {250, 150, 250, 120}}, {1, 4, 3, {250, 76, 250, 60, 478, 60}}},
    .equations = {"hₜ = tanh(" BOTH ")"},
};

static const Drawing rnn_relu = {
    .first_equation = 252, .node_count = 5, .wire_count = 4,
    .nodes = {LINEAR(250, 165, 320, BOTH), GATE(250, 98, "ReLU"), NAME(210, 222, "xₜ"),
              NAME(290, 222, "hₜ₋₁"), NAME(500, 60, "hₜ")},
    .wires = {{2, 0, 2, {210, 212, 210, 180}}, {3, 0, 2, {290, 212, 290, 180}},
              {0, 1, 2, {250, 150, 250, 120}}, {1, 4, 3, {250, 76, 250, 60, 478, 60}}},
    .equations = {"hₜ = max(0, " BOTH ")"},
};

#define LSTM_UNIT                                                                                  \
    NAME(46, 70, "cₜ₋₁"), TIMES(130, 70), PLUS(290, 70), NAME(520, 70, "cₜ"), TIMES(290, 130),     \
        GATE(130, 210, "f: σ\nforget"), GATE(235, 210, "i: σ\ninput"),                             \
        GATE(345, 210, "g: tanh\nnew"), GATE(455, 210, "o: σ\noutput"),                            \
        {BOX_CELL, 400, 112, 56, 28, "tanh"}, TIMES(455, 155)
#define LSTM_READS                                                                                 \
    LINEAR(292, 286, 402, BOTH), NAME(250, 340, "xₜ"), NAME(334, 340, "hₜ₋₁")
#define LSTM_UNIT_WIRES                                                                            \
    {0, 1, 2, {68, 70, 118, 70}}, {1, 2, 2, {142, 70, 278, 70}}, {2, 3, 2, {302, 70, 498, 70}},    \
        {5, 1, 2, {130, 188, 130, 82}}, {6, 4, 3, {235, 188, 235, 130, 278, 130}},                 \
        {7, 4, 3, {345, 188, 345, 130, 302, 130}}, {4, 2, 2, {290, 118, 290, 82}},                 \
        {2, 9, 3, {302, 70, 400, 70, 400, 98}}, {9, 10, 3, {400, 126, 400, 155, 443, 155}},        \
        {8, 10, 2, {455, 188, 455, 167}}
#define LSTM_READS_WIRES                                                                           \
    {12, 5, 2, {130, 271, 130, 232}}, {12, 6, 2, {235, 271, 235, 232}},                            \
        {12, 7, 2, {345, 271, 345, 232}}, {12, 8, 2, {455, 271, 455, 232}},                        \
        {13, 12, 2, {250, 330, 250, 301}}, {14, 12, 2, {334, 330, 334, 301}}
#define LSTM_EQUATIONS                                                                             \
    "i, f, o = σ(" BOTH "), each with its own rows of W and R", "g = tanh(" BOTH ")",              \
        "cₜ = f · cₜ₋₁ + i · g"

static const Drawing lstm = {
    .first_equation = 376, .node_count = 15, .wire_count = 17,
    .nodes = {LSTM_UNIT, NAME(520, 155, "hₜ"), LSTM_READS},
    .wires = {LSTM_UNIT_WIRES, {10, 11, 2, {467, 155, 498, 155}}, LSTM_READS_WIRES},
    .equations = {LSTM_EQUATIONS, "hₜ = o · tanh cₜ"},
};

static const Drawing lstm_projected = {
    .first_equation = 376, .node_count = 16, .wire_count = 18,
    .nodes = {LSTM_UNIT, NAME(520, 112, "hₜ"), LSTM_READS, LINEAR(458, 112, 40, "P")},
    .wires = {LSTM_UNIT_WIRES, LSTM_READS_WIRES, {10, 15, 2, {455, 143, 455, 127}},
              {15, 11, 2, {478, 112, 498, 112}}},
    .equations = {LSTM_EQUATIONS, "mₜ = o · tanh cₜ", "hₜ = P mₜ"},
};

#define GRU_TOP                                                                                    \
    NAME(46, 70, "hₜ₋₁"), TIMES(130, 70), PLUS(420, 70), NAME(520, 70, "hₜ"), TIMES(420, 130),     \
        {BOX_OPERATION, 320, 130, 44, 24, "1 −"}, GATE(130, 210, "z: σ\nupdate"),                  \
        GATE(270, 210, "r: σ\nreset"), GATE(420, 210, "n: tanh\nnew"), LINEAR(200, 286, 220, BOTH), \
        NAME(160, 340, "xₜ"), NAME(240, 340, "hₜ₋₁")
#define GRU_TOP_WIRES                                                                              \
    {0, 1, 2, {68, 70, 118, 70}}, {1, 2, 2, {142, 70, 408, 70}}, {2, 3, 2, {432, 70, 498, 70}},    \
        {6, 1, 2, {130, 188, 130, 82}}, {6, 5, 3, {130, 188, 130, 130, 298, 130}},                 \
        {5, 4, 2, {342, 130, 408, 130}}, {8, 4, 2, {420, 188, 420, 142}},                          \
        {4, 2, 2, {420, 118, 420, 82}}, {9, 6, 2, {130, 271, 130, 232}},                           \
        {9, 7, 2, {270, 271, 270, 232}}, {10, 9, 2, {160, 330, 160, 301}},                         \
        {11, 9, 2, {240, 330, 240, 301}}
#define GRU_GATES "r, z = σ(" BOTH "), each with its own rows of W and R"
#define GRU_STATE "hₜ = (1 − z) · n + z · hₜ₋₁"

static const Drawing gru = {
    .first_equation = 376, .node_count = 17, .wire_count = 18,
    .nodes = {GRU_TOP, LINEAR(395, 296, 96, "R hₜ₋₁ + b′"), LINEAR(500, 296, 84, "W xₜ + b"),
              TIMES(395, 256), NAME(395, 340, "hₜ₋₁"), NAME(500, 340, "xₜ")},
    .wires = {GRU_TOP_WIRES, {7, 14, 4, {308, 210, 335, 210, 335, 256, 383, 256}},
              {12, 14, 2, {395, 281, 395, 268}}, {14, 8, 2, {395, 244, 395, 232}},
              {13, 8, 4, {500, 281, 500, 256, 445, 256, 445, 232}},
              {15, 12, 2, {395, 330, 395, 311}}, {16, 13, 2, {500, 330, 500, 311}}},
    .equations = {GRU_GATES, "n = tanh(W xₜ + b + r · (R hₜ₋₁ + b′))", GRU_STATE},
};

static const Drawing gru_reset_before = {
    .first_equation = 376, .node_count = 17, .wire_count = 18,
    .nodes = {GRU_TOP, LINEAR(395, 276, 96, "R · + b′"), LINEAR(510, 286, 84, "W xₜ + b"),
              TIMES(395, 340), NAME(455, 340, "hₜ₋₁"), NAME(520, 340, "xₜ")},
    .wires = {GRU_TOP_WIRES, {7, 14, 4, {308, 210, 335, 210, 335, 340, 383, 340}},
              {14, 12, 2, {395, 328, 395, 291}}, {12, 8, 2, {395, 261, 395, 232}},
              {13, 8, 4, {510, 271, 510, 250, 445, 250, 445, 232}},
              {15, 14, 2, {433, 340, 407, 340}}, {16, 13, 2, {520, 330, 520, 301}}},
    .equations = {GRU_GATES, "n = tanh(W xₜ + b + R (r · hₜ₋₁) + b′)", GRU_STATE},
};
/* clang-format on */

/* In the order in which they are drawn. */
static const struct Kind {
    elman_cell cell;
    bool projected;
    const Drawing *drawing;
} kinds[DIAGRAM_CELLS] = {
    {ELMAN_CELL_RNN, false, &rnn_tanh}, {ELMAN_CELL_RNN_RELU, false, &rnn_relu},
    {ELMAN_CELL_LSTM, false, &lstm},    {ELMAN_CELL_LSTM, true, &lstm_projected},
    {ELMAN_CELL_GRU, false, &gru},      {ELMAN_CELL_GRU_RESET_BEFORE, false, &gru_reset_before},
};

static bool is_of_kind(const elman_cell_options *cell, const struct Kind *kind) {
    return cell->cell == kind->cell && (cell->projection > 0) == kind->projected;
}

const elman_cell_options *diagram_cell_of(const Structure *structure, size_t kind) {
    for (size_t i = 0; i < structure->layer_count; i++) {
        if (is_of_kind(&structure->layers[i], &kinds[kind])) return &structure->layers[i];
    }
    return NULL;
}

static const Drawing *drawing_of(const elman_cell_options *cell) {
    size_t kind = 0;
    while (!is_of_kind(cell, &kinds[kind])) kind++;
    return kinds[kind].drawing;
}

const char *const *diagram_cell_equations(const elman_cell_options *cell) {
    return drawing_of(cell)->equations;
}

int diagram_cell_lay(Picture *picture, const elman_cell_options *cell, int x, int y,
                     const char *title) {
    const Drawing *const drawing = drawing_of(cell);
    const size_t first = picture->box_count;
    int baseline = y + drawing->first_equation;
    for (size_t i = 0; i < drawing->node_count; i++) {
        const Node *const node = &drawing->nodes[i];
        (void)picture_box(picture, node->style, x + node->x - node->width / 2,
                          y + node->y - node->height / 2, node->width, node->height, node->text);
    }
    for (size_t i = 0; i < drawing->wire_count; i++) {
        const Wire *const wire = &drawing->wires[i];
        int places[2 * PICTURE_POINTS_MAX];
        for (size_t k = 0; k < 2 * wire->points; k++) {
            places[k] = wire->places[k] + (k % 2 == 0 ? x : y);
        }
        (void)picture_arrow(picture, ARROW_INSIDE, first + wire->from, first + wire->to,
                            wire->points, places);
    }
    for (size_t i = 0; drawing->equations[i]; i++) {
        picture_label(picture, TEXT_PLAIN, ANCHOR_START, x + 24, baseline, "%s",
                      drawing->equations[i]);
        baseline += EQUATION_HEIGHT;
    }
    const int height = baseline - y;
    picture_label(picture, TEXT_NAME, ANCHOR_START, x + 16, y + 26, "%s", title);
    picture_frame(picture, true, x, y, CELL_PANEL_WIDTH, height, first, title);
    return height;
}
