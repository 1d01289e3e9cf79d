/* Weight gradients in blocks that the caches hold.
 *
 * The rows of the matrices come in strips of up to 4 vectors of 16 units. The columns are the
 * inputs of all parts side by side, each part's followed by one that is always 1: its bias. A block
 * of sums, some strips by some columns, stays in the second level of the cache while the steps pass
 * over it, GRADIENT_STEPS at a time: their inputs are packed once for all strips (read where they
 * stand where that is cheaper), and then each strip's rows of b stay in the first level while all
 * columns pass over them. Meanwhile the rows of the next strip and the next inputs are brought
 * nearer, line by line: from the third level a product would wait for them longer than it
 * computes. */
#include "cells/gradient.h"

#include <string.h>

enum {
    VECTORS_MAX = GRADIENT_STRIP / PANEL,
    STRIPS_MAX = 8,    /* of a block */
    GRAIN = 12,        /* columns: where the work of a strip may be cut */
    TOKENS_COLUMNS = 8 /* the work of one-hot rows is about that of so many columns */
};

typedef struct Strip {
    size_t panel, panels;
} Strip;

/* Columns of one part in a block. */
typedef struct Piece {
    const GradientPart *part;
    size_t first, columns; /* of the part's */
    size_t at;             /* among the block's */
    float *a;              /* packed: [columns/GRADIENT_WIDTH][steps][GRADIENT_WIDTH] */
} Piece;

/* The outputs that are computed at a time. */
typedef struct Block {
    const Kernels *kernels;
    const WeightGradient *g;
    size_t strip, strips;
    size_t columns;
    Piece pieces[GRADIENT_PARTS_MAX];
    size_t count;
    float *a, *b;
    float *sums; /* [strips][columns][GRADIENT_STRIP] */
} Block;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t strip_count(const WeightGradient *g) {
    return g->slots > 1 ? g->panels : (g->panels + VECTORS_MAX - 1) / VECTORS_MAX;
}

/* Panels side by side are shared out evenly. */
static Strip strip_at(const WeightGradient *g, size_t strip) {
    const size_t strips = strip_count(g), panel = strip * g->panels / strips;
    return (Strip){panel, (strip + 1) * g->panels / strips - panel};
}

static size_t strip_vectors(const WeightGradient *g, size_t strip, const GradientPart *part) {
    return g->slots > 1 ? part->gates : strip_at(g, strip).panels;
}

/* The rows of the matrix that vector v of a strip stands for. */
typedef struct MatrixRows {
    size_t first, count;
} MatrixRows;

static MatrixRows vector_rows(const WeightGradient *g, size_t strip, const GradientPart *part,
                              size_t v) {
    const size_t panel = strip_at(g, strip).panel;
    const size_t unit = (g->slots > 1 ? panel : panel + v) * PANEL;
    const size_t block = part->order[g->slots > 1 ? v : 0];
    return (MatrixRows){block * g->hidden + unit, smaller(g->hidden - unit, PANEL)};
}

static size_t part_columns(const GradientPart *part) {
    return part->inputs + (part->bias ? 1 : 0);
}

static size_t all_columns(const WeightGradient *g) {
    size_t columns = 0;
    for (size_t i = 0; i < g->parts; i++) columns += part_columns(&g->part[i]);
    return columns;
}

/* How many of a piece's columns are inputs; one more is the bias. */
static size_t piece_inputs(const Piece *piece) {
    return smaller(piece->columns, piece->part->inputs - piece->first);
}

/* Rows of b that are longer than a strip are packed, too: at strides of powers of two they would
 * drive each other out of the cache. */
static bool packs_b(const WeightGradient *g) {
    return g->slots == 1 && g->panels > VECTORS_MAX;
}

/* The inputs of a piece are packed unless one strip alone reads them and their rows lie so close
 * together that those of a tile stay in the first level. */
static bool packs_a(const WeightGradient *g, const GradientPart *part) {
    return !part->tokens && (strip_count(g) > 1 || part->a_row > GRADIENT_STRIP);
}

static const float *strip_rows(const WeightGradient *g, size_t strip, size_t k) {
    return g->b + k * g->b_row + strip_at(g, strip).panel * g->b_panel;
}

static void pack_piece(const Block *block, const Piece *piece, size_t k, size_t steps) {
    const size_t inputs = piece_inputs(piece);
    const ColumnBlocks columns = {
        .rows = steps,
        .columns = inputs,
        .in = piece->part->a + k * piece->part->a_row + piece->first,
        .in_row = piece->part->a_row,
        .width = GRADIENT_WIDTH,
        .out = piece->a,
    };
    block->kernels->column_blocks(&columns);
    if (inputs == piece->columns) return;
    float *const ones =
        piece->a + inputs / GRADIENT_WIDTH * steps * GRADIENT_WIDTH + inputs % GRADIENT_WIDTH;
    for (size_t i = 0; i < steps; i++) ones[i * GRADIENT_WIDTH] = 1.0f;
}

static void pack_strip(const Block *block, size_t strip, size_t k, size_t steps) {
    const ColumnBlocks rows = {
        .rows = steps,
        .columns = strip_at(block->g, strip).panels * PANEL,
        .in = strip_rows(block->g, strip, k),
        .in_row = block->g->b_row,
        .width = GRADIENT_STRIP,
        .out = block->b,
    };
    block->kernels->column_blocks(&rows);
}

/* What will be needed after strip s of the block, in this order: the next strip's rows of b, then
 * this strip's share of the next inputs or, behind the last step, the rows of its gradients. */
typedef struct Plan {
    Ahead moves[1 + GRADIENT_PARTS_MAX * VECTORS_MAX];
    size_t count, move;
} Plan;

static void plan_rows(Plan *plan, const float *first, size_t row, size_t rows, size_t columns) {
    const size_t width = (columns + PANEL - 1) / PANEL * PANEL;
    if (rows == 0 || width == 0) return;
    plan->moves[plan->count++] = (Ahead){
        .at = first,
        .end = first + width,
        .row = row,
        .skip = row - width,
        .last = first + (rows - 1) * row + width,
    };
}

static void plan_inputs(Plan *plan, const Block *block, size_t s, size_t k, size_t steps) {
    const size_t first = steps * s / block->strips, end = steps * (s + 1) / block->strips;
    for (size_t i = 0; i < block->count; i++) {
        const Piece *const piece = &block->pieces[i];
        const GradientPart *const part = piece->part;
        if (!part->tokens)
            plan_rows(plan, part->a + (k + first) * part->a_row + piece->first, part->a_row,
                      end - first, piece_inputs(piece));
    }
}

static void plan_gradients(Plan *plan, const Block *block, size_t s) {
    for (size_t i = 0; i < block->count; i++) {
        const Piece *const piece = &block->pieces[i];
        const size_t vectors = strip_vectors(block->g, block->strip + s, piece->part);
        for (size_t v = 0; v < vectors; v++) {
            const MatrixRows rows = vector_rows(block->g, block->strip + s, piece->part, v);
            plan_rows(plan, piece->part->out + rows.first * piece->part->inputs + piece->first,
                      piece->part->inputs, rows.count, piece_inputs(piece));
        }
    }
}

static Plan plan_ahead(const Block *block, size_t s, size_t k, size_t steps) {
    const WeightGradient *const g = block->g;
    const size_t width = smaller(g->slots > 1 ? g->slots * PANEL : GRADIENT_STRIP, g->b_row);
    const size_t next = k + steps, left = smaller(g->steps - next, GRADIENT_STEPS);
    Plan plan = {.moves = {{.end = g->b}}}; /* none, until there is one */
    if (s + 1 < block->strips)
        plan_rows(&plan, strip_rows(g, block->strip + s + 1, k), g->b_row, steps, width);
    else
        plan_rows(&plan, strip_rows(g, block->strip, next), g->b_row, left, width);
    if (left > 0)
        plan_inputs(&plan, block, s, next, left);
    else
        plan_gradients(&plan, block, s);
    return plan;
}

static Ahead *next_move(Plan *plan) {
    while (plan->move + 1 < plan->count &&
           plan->moves[plan->move].end > plan->moves[plan->move].last)
        plan->move++;
    return &plan->moves[plan->move];
}

/* The column that is always 1, behind the `inputs` ones. */
static void add_bias(const Block *block, const OuterProduct *strip, size_t inputs) {
    static const float one = 1.0f;
    OuterProduct bias = *strip;
    bias.inputs = 1;
    bias.a = &one;
    bias.a_row = 0;
    bias.c += inputs * GRADIENT_STRIP;
    block->kernels->outer_product(&bias);
}

/* One-hot rows: each step's row of b is added to its token's sums. */
static void add_tokens(const Block *block, const Piece *piece, const OuterProduct *strip,
                       size_t k) {
    const RowSums sums = {
        .rows = strip->steps,
        .columns = strip->vectors * PANEL,
        .index = piece->part->tokens + k,
        .first = piece->first,
        .count = piece_inputs(piece),
        .in = strip->b,
        .in_row = strip->b_row,
        .out = strip->c,
        .out_row = strip->c_row,
    };
    block->kernels->sum_rows(&sums);
    if (sums.count < piece->columns) add_bias(block, strip, sums.count);
}

/* Inputs that are not packed. */
static void add_rows(const Block *block, const Piece *piece, const OuterProduct *strip, size_t k) {
    OuterProduct product = *strip;
    product.inputs = piece_inputs(piece);
    product.a = piece->part->a + k * piece->part->a_row + piece->first;
    product.a_row = piece->part->a_row;
    block->kernels->outer_product(&product);
    if (product.inputs < piece->columns) add_bias(block, strip, product.inputs);
}

static void add_products(const Block *block, const Piece *piece, OuterProduct product, Plan *plan) {
    float *const sums = product.c;
    product.a_row = GRADIENT_WIDTH;
    for (size_t i = 0; i < piece->columns; i += GRADIENT_WIDTH) {
        product.a = piece->a + i * product.steps;
        product.inputs = smaller(piece->columns - i, GRADIENT_WIDTH);
        product.c = sums + i * GRADIENT_STRIP;
        product.ahead = next_move(plan);
        block->kernels->outer_product(&product);
    }
}

static float *strip_sums(const Block *block, size_t s) {
    return block->sums + s * block->columns * GRADIENT_STRIP;
}

static void add_strip(const Block *block, size_t s, size_t k, size_t steps) {
    const WeightGradient *const g = block->g;
    const size_t strip = block->strip + s;
    const bool packed = packs_b(g);
    Plan plan = plan_ahead(block, s, k, steps);
    if (packed) pack_strip(block, strip, k, steps);
    for (size_t i = 0; i < block->count; i++) {
        const Piece *const piece = &block->pieces[i];
        const OuterProduct product = {
            .steps = steps,
            .vectors = strip_vectors(g, strip, piece->part),
            .b = (packed ? block->b : strip_rows(g, strip, k)) + piece->part->slot * PANEL,
            .b_row = packed ? GRADIENT_STRIP : g->b_row,
            .c = strip_sums(block, s) + piece->at * GRADIENT_STRIP,
            .c_row = GRADIENT_STRIP,
            .ahead = next_move(&plan),
        };
        if (piece->part->tokens)
            add_tokens(block, piece, &product, k);
        else if (!packs_a(g, piece->part))
            add_rows(block, piece, &product, k);
        else
            add_products(block, piece, product, &plan);
    }
}

/* The rows of one vector, from a piece's sums [columns][GRADIENT_STRIP]. */
static void unpack_vector(const Kernels *kernels, const Piece *piece, const float *sums,
                          MatrixRows rows) {
    const GradientPart *const part = piece->part;
    const size_t inputs = piece_inputs(piece);
    float *const out = part->out + rows.first * part->inputs + piece->first;
    size_t i = 0;
    for (; i + PANEL <= inputs; i += PANEL) {
        const Transpose square = {
            .rows = PANEL,
            .columns = rows.count,
            .in = sums + i * GRADIENT_STRIP,
            .in_row = GRADIENT_STRIP,
            .out = out + i,
            .out_row = part->inputs,
        };
        kernels->transpose(&square);
    }
    for (size_t l = 0; l < rows.count; l++)
        for (size_t c = i; c < inputs; c++)
            out[l * part->inputs + c] = sums[c * GRADIENT_STRIP + l];
    if (inputs < piece->columns)
        memcpy(part->bias + rows.first, sums + inputs * GRADIENT_STRIP, rows.count * sizeof(float));
}

static void unpack_strip(const Block *block, size_t s) {
    for (size_t i = 0; i < block->count; i++) {
        const Piece *const piece = &block->pieces[i];
        const size_t vectors = strip_vectors(block->g, block->strip + s, piece->part);
        const float *const sums = strip_sums(block, s) + piece->at * GRADIENT_STRIP;
        for (size_t v = 0; v < vectors; v++)
            unpack_vector(block->kernels, piece, sums + v * PANEL,
                          vector_rows(block->g, block->strip + s, piece->part, v));
    }
}

static void compute_block(const Block *block) {
    const WeightGradient *const g = block->g;
    memset(block->sums, 0, block->strips * block->columns * GRADIENT_STRIP * sizeof(float));
    for (size_t k = 0; k < g->steps; k += GRADIENT_STEPS) {
        const size_t steps = smaller(g->steps - k, GRADIENT_STEPS);
        for (size_t i = 0; i < block->count; i++)
            if (packs_a(g, block->pieces[i].part)) pack_piece(block, &block->pieces[i], k, steps);
        for (size_t s = 0; s < block->strips; s++) {
            add_strip(block, s, k, steps);
            if (k + steps == g->steps) unpack_strip(block, s);
        }
    }
}

/* Cuts columns [first, first + columns) of all into pieces of parts. */
static void set_columns(Block *block, size_t first, size_t columns) {
    const WeightGradient *const g = block->g;
    float *a = block->a;
    block->columns = columns;
    block->count = 0;
    for (size_t i = 0, at = 0; at < columns; i++) {
        const size_t count = part_columns(&g->part[i]);
        if (first >= count) {
            first -= count;
            continue;
        }
        const Piece piece = {&g->part[i], first, smaller(count - first, columns - at), at, a};
        block->pieces[block->count++] = piece;
        a +=
            (piece.columns + GRADIENT_WIDTH - 1) / GRADIENT_WIDTH * GRADIENT_WIDTH * GRADIENT_STEPS;
        at += piece.columns;
        first = 0;
    }
}

/* How many columns to take next: nearly equal parts, whole packed blocks. */
static size_t next_columns(size_t left) {
    const size_t parts = (left + GRADIENT_COLUMNS - 1) / GRADIENT_COLUMNS,
                 part = (left + parts - 1) / parts;
    return smaller(left, (part + GRADIENT_WIDTH - 1) / GRADIENT_WIDTH * GRADIENT_WIDTH);
}

static void rectangle(Block block, size_t strips, size_t first, size_t columns) {
    const size_t strip = block.strip;
    for (size_t c = 0; c < columns; c += block.columns) {
        set_columns(&block, first + c, next_columns(columns - c));
        for (size_t s = 0; s < strips; s += block.strips) {
            block.strip = strip + s;
            block.strips = smaller(strips - s, smaller(GRADIENT_SUMS / block.columns, STRIPS_MAX));
            compute_block(&block);
        }
    }
}

/* The work of a strip's columns of one part. */
static size_t part_work(const WeightGradient *g, const GradientPart *part) {
    const size_t strips = strip_count(g);
    const size_t vectors = g->slots > 1 ? part->gates : (g->panels + strips - 1) / strips;
    return (part->tokens ? TOKENS_COLUMNS : part_columns(part)) * vectors * g->steps;
}

static size_t strip_work(const WeightGradient *g) {
    size_t work = 0;
    for (size_t i = 0; i < g->parts; i++) work += part_work(g, &g->part[i]);
    return work;
}

size_t weight_gradient_work(const WeightGradient *g) {
    return strip_count(g) * strip_work(g);
}

/* The column, of those of all strips one after the other, at which a part of the work ends. Tokens
 * stay together. */
static size_t column_at(const WeightGradient *g, size_t work) {
    const size_t strip = work / strip_work(g);
    size_t left = work % strip_work(g), column = strip * all_columns(g);
    for (size_t i = 0; i < g->parts && left > 0; i++) {
        const GradientPart *const part = &g->part[i];
        const size_t whole = part_work(g, part), columns = part_columns(part);
        if (left >= whole)
            column += columns;
        else if (!part->tokens)
            column += smaller((left * columns / whole + GRAIN / 2) / GRAIN * GRAIN, columns);
        left -= smaller(left, whole);
    }
    return column;
}

void weight_gradient(const Kernels *kernels, const WeightGradient *g, size_t begin, size_t end,
                     float *scratch) {
    const size_t columns = all_columns(g),
                 packed = GRADIENT_COLUMNS + GRADIENT_PARTS_MAX * GRADIENT_WIDTH;
    Block block = {
        .kernels = kernels,
        .g = g,
        .a = scratch,
        .b = scratch + GRADIENT_STEPS * packed,
        .sums = scratch + GRADIENT_STEPS * (packed + GRADIENT_STRIP),
    };
    for (size_t at = column_at(g, begin), last = column_at(g, end); at < last;) {
        const size_t first = at % columns;
        const bool whole = first == 0 && last - at >= columns;
        const size_t strips = whole ? (last - at) / columns : 1;
        const size_t count = whole ? columns : smaller(columns - first, last - at);
        block.strip = at / columns;
        rectangle(block, strips, first, count);
        at += strips * count;
    }
}

WeightGradient cell_weight_gradient(const CellRun *run, const CellGradients *gradients) {
    const Cell *const cell = run->shape->cell;
    const size_t lead = cell->leading_gates;
    const GradientPart input = {
        .a = run->x,
        .a_row = run->x_row,
        .tokens = run->shape->tokens ? run->tokens : NULL,
        .inputs = run->shape->inputs,
        .slot = cell->input_slot,
        .gates = cell->gates,
        .order = cell->input_order,
        .out = gradients->weight_ih,
        .bias = gradients->bias_ih,
    };
    const GradientPart hidden = {
        .a = cell_h(run, cell_slot_before(run, 0)),
        .a_row = cell_h_row(run->shape),
        .inputs = run->shape->width,
        .slot = cell->hidden_slot,
        .gates = lead,
        .order = cell->hidden_order,
        .out = gradients->weight_hh,
        .bias = gradients->bias_hh,
    };
    /* The other gates read another row: the GRU that resets before, the state times r. */
    GradientPart rest = hidden;
    rest.a = run->extra;
    rest.slot += lead;
    rest.gates = cell->gates - lead;
    rest.order += lead;
    return (WeightGradient){
        .steps = run->steps * run->batch,
        .b = run->gates,
        .b_row = cell_gates_row(run),
        .b_panel = cell_gates_panel(run),
        .panels = run->shape->panels,
        .hidden = run->shape->hidden,
        .slots = cell->slots,
        .parts = rest.gates > 0 ? 3 : 2,
        .part = {input, hidden, rest},
    };
}

WeightGradient cell_projection_gradient(const CellRun *run, float *out) {
    static const unsigned char order[] = {0};
    const CellShape *const shape = run->shape;
    return (WeightGradient){
        .steps = run->steps * run->batch,
        .b = run->kept_dh,
        .b_row = cell_h_row(shape),
        .b_panel = PANEL,
        .panels = shape->width_panels,
        .hidden = shape->width,
        .slots = 1,
        .parts = 1,
        .part = {{
            .a = run->m,
            .a_row = cell_unit_row(shape),
            .inputs = shape->hidden,
            .gates = 1,
            .order = order,
            .out = out,
        }},
    };
}
