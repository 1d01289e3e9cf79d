/* Lays out a network, folded or unrolled over time. */
#include "explain/diagram_network.h"

#include <stdio.h>

#include "explain/diagram_cells.h"
#include "explain/diagram_layout.h"

static void widen(int *width, int wanted) {
    if (wanted > *width) *width = wanted;
}

static void measure_widths(Layout *layout) {
    char text[LAYOUT_TEXT_MAX], shape[WORDS_MAX], weights[WORDS_MAX];
    layout->lane_width = layout->unrolled ? 72 : 200;
    for (size_t i = 0; i < layout->stage_count; i++) {
        const Stage *const stage = &layout->stages[i];
        layout_box_text(layout, stage, 0, text);
        const int own = picture_box_width(layout_box_style(stage->kind), text);
        layout_arrow_words(layout, stage, shape, weights);
        int label = picture_text_width(shape, TEXT_SMALL);
        if (!layout->unrolled) widen(&label, picture_text_width(weights, TEXT_SMALL));
        widen(&layout->lane_width, 2 * (label + 10));
        if (stage->kind == STAGE_CELL || !layout->lanes) widen(&layout->lane_width, own);
    }
    layout->lane_width += layout->lane_width % 2;
    layout->column_width = layout->lanes ? 2 * layout->lane_width + LANE_GAP : layout->lane_width;
}

/* Gives each stage its height and place, the output on top. */
static void measure_heights(Layout *layout) {
    const int gap = layout->unrolled ? 38 : 46;
    int y = layout->top;
    for (size_t i = layout->stage_count; i-- > 0;) {
        Stage *const stage = &layout->stages[i];
        const bool cell = stage->kind == STAGE_CELL;
        stage->height = cell ? (layout->unrolled ? 64 : 5 * LINE + 13) : 44;
        stage->y = y;
        const bool beside = cell && stage->reverse && !layout->unrolled;
        if (!beside) y += stage->height + gap;
    }
    layout->bottom = y - gap;
}

int layout_column_x(const Layout *layout, size_t column) {
    return layout->first_x + (int)column * (layout->column_width + COLUMN_GAP);
}

bool layout_is_lane(const Layout *layout, const Stage *stage) {
    return stage->kind == STAGE_CELL && layout->structure->layers[stage->layer].bidirectional;
}

int layout_stage_x(const Layout *layout, const Stage *stage, size_t column) {
    const int x = layout_column_x(layout, column);
    return layout_is_lane(layout, stage) && stage->reverse ? x + layout->lane_width + LANE_GAP : x;
}

int layout_stage_width(const Layout *layout, const Stage *stage) {
    return layout_is_lane(layout, stage) ? layout->lane_width : layout->column_width;
}

static bool is_there(const Layout *layout, const Stage *stage, size_t column) {
    return !stage->last_only || column + 1 == layout->columns;
}

static void place_boxes(Layout *layout) {
    char text[LAYOUT_TEXT_MAX];
    for (size_t column = 0; column < layout->columns; column++) {
        const size_t first = layout->picture->box_count;
        for (size_t i = 0; i < layout->stage_count; i++) {
            const Stage *const stage = &layout->stages[i];
            size_t *const box = &layout->boxes[column * layout->stage_count + i];
            *box = PICTURE_NONE;
            if (!is_there(layout, stage, column)) continue;
            layout_box_text(layout, stage, column, text);
            *box = picture_box(layout->picture, layout_box_style(stage->kind),
                               layout_stage_x(layout, stage, column), stage->y,
                               layout_stage_width(layout, stage), stage->height, text);
        }
        if (layout->unrolled) {
            (void)snprintf(text, sizeof(text), "step %zu", column + 1);
            picture_frame(layout->picture, false, 0, 0, 0, 0, first, text);
        }
    }
}

size_t layout_box_at(const Layout *layout, size_t column, size_t stage) {
    return layout->boxes[column * layout->stage_count + stage];
}

/* The arrow from one stage up to another within a step. */
static void place_upward(Layout *layout, size_t column, size_t from, size_t to) {
    const Stage *const low = &layout->stages[from], *const high = &layout->stages[to];
    const Stage *const narrow = layout_is_lane(layout, low) ? low : high;
    const int x = layout_stage_x(layout, narrow, column) + layout_stage_width(layout, narrow) / 2;
    const int places[] = {x, low->y, x, high->y + high->height};
    char shape[WORDS_MAX], weights[WORDS_MAX];
    PictureArrow *const arrow =
        picture_arrow(layout->picture, ARROW_UP, layout_box_at(layout, column, from),
                      layout_box_at(layout, column, to), 2, places);
    layout_arrow_words(layout, high, shape, weights);
    picture_arrow_words(arrow, shape, column == 0 ? weights : "");
    /* Near the end that has this lane alone, so that no row of arrows through time is met. */
    const int y = narrow == low ? low->y - 15 : high->y + high->height + 23;
    if (layout->unrolled) {
        picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, x + 6, y, "%s", shape);
        return;
    }
    picture_label(layout->picture, TEXT_SMALL, ANCHOR_END, x - 7, y, "%s", shape);
    if (*weights) {
        picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, x + 7, y, "%s", weights);
    }
}

/* The arrow from a stage of an earlier step to one that only the last step has. */
static void place_to_last(Layout *layout, size_t column, size_t from, size_t to) {
    const Stage *const low = &layout->stages[from], *const high = &layout->stages[to];
    const int x = layout_stage_x(layout, low, column) + layout_stage_width(layout, low) / 2;
    const int y = high->y + high->height / 2;
    const int places[] = {x, low->y, x, y, layout_column_x(layout, layout->columns - 1), y};
    char count[WORDS_COUNT_MAX];
    PictureArrow *const arrow =
        picture_arrow(layout->picture, ARROW_UP, layout_box_at(layout, column, from),
                      layout_box_at(layout, layout->columns - 1, to), 3, places);
    (void)words_count(layout_arrow_width(layout, high), count);
    picture_arrow_words(arrow, count, "");
    picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, x + 6, low->y - 15, "%s", count);
}

static void place_upwards(Layout *layout) {
    for (size_t column = 0; column < layout->columns; column++) {
        for (size_t i = 1; i < layout->stage_count; i++) {
            const Stage *const stage = &layout->stages[i];
            if (!is_there(layout, stage, column)) {
                if (stage->kind == STAGE_POOL) place_to_last(layout, column, stage->below, i);
                continue;
            }
            place_upward(layout, column, stage->below, i);
            if (stage->below_also == PICTURE_NONE) continue;
            if (stage->last_only && column > 0) {
                /* The backward direction has read everything at the first step. */
                place_to_last(layout, 0, stage->below_also, i);
            } else {
                place_upward(layout, column, stage->below_also, i);
            }
        }
    }
}

/* The width that the row labels take, or, with `draw`, the labels. */
static int place_rows(Layout *layout, bool draw) {
    char lines[LAYOUT_ROW_LINES][WORDS_MAX];
    int widest = 0;
    for (size_t i = 0; i < layout->stage_count; i++) {
        const Stage *const stage = &layout->stages[i];
        const size_t count = layout_row_words(layout, stage, lines);
        const int middle = stage->y + stage->height / 2;
        for (size_t k = 0; k < count; k++) {
            widen(&widest, picture_text_width(lines[k], TEXT_SMALL));
            if (!draw) continue;
            picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, LEFT,
                          middle - (int)count * LINE / 2 + (int)k * LINE + 11, "%s", lines[k]);
        }
    }
    return widest;
}

/* A panel for each kind of cell: beside a folded network, below an unrolled one. */
static void place_cells(Layout *layout) {
    Picture *const picture = layout->picture;
    picture_fit(picture);
    int x = layout->unrolled ? LEFT : picture->width + FRAME_GAP - LEFT;
    int y = layout->unrolled ? layout->bottom + FRAME_GAP : layout->top;
    for (size_t kind = 0; kind < DIAGRAM_CELLS; kind++) {
        const elman_cell_options *const cell = diagram_cell_of(layout->structure, kind);
        char title[WORDS_MAX];
        if (!cell) continue;
        (void)snprintf(title, sizeof(title), "inside %s%s", words_cell_name(cell->cell),
                       words_cell_variant(cell));
        const int height = diagram_cell_lay(picture, cell, x, y, title);
        if (layout->unrolled) {
            x += CELL_PANEL_WIDTH + LEFT;
        } else {
            y += height + LEFT;
        }
    }
}

static void place_title(Layout *layout) {
    char text[WORDS_MAX];
    picture_label(layout->picture, TEXT_TITLE, ANCHOR_START, LEFT, 32, "%s",
                  words_title(layout->structure, text));
    if (layout->unrolled) {
        picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, LEFT, 50,
                      "unrolled over %zu step%s, with the same weights at each", layout->columns,
                      layout->columns == 1 ? "" : "s");
    } else {
        picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, LEFT, 50,
                      "folded: a loop hands the state from each step to the next");
    }
}

void diagram_network_lay(Picture *picture, const Structure *structure,
                         const elman_diagram_options *options) {
    Layout layout = {.picture = picture,
                     .structure = structure,
                     .options = options,
                     .unrolled = options->unroll > 0,
                     .columns = options->unroll > 0 ? options->unroll : 1,
                     .top = TITLE_HEIGHT};
    for (size_t i = 0; i < structure->layer_count; i++) {
        layout.lanes = layout.lanes || structure->layers[i].bidirectional;
    }
    if (layout_make_stages(&layout)) {
        measure_widths(&layout);
        measure_heights(&layout);
        layout.first_x =
            LEFT + (layout.unrolled ? place_rows(&layout, false) + LEFT + STATE_WIDTH + COLUMN_GAP
                                    : layout_loop_room(&layout));
        place_title(&layout);
        if (layout.unrolled) (void)place_rows(&layout, true);
        place_boxes(&layout);
        place_upwards(&layout);
        layout_place_time(&layout);
        if (layout.unrolled) layout_place_windows(&layout);
        if (!options->no_cells) place_cells(&layout);
        picture_fit(picture);
    } else {
        picture->failed = true;
    }
    memory_release(picture->memory, layout.stages);
    memory_release(picture->memory, layout.boxes);
}
