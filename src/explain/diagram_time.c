/* What flows through time in a network's picture: loops, arrows from step to step, windows. */
#include <stdio.h>

#include "explain/diagram_layout.h"

/* The loop of a folded cell; that of the forward one of two directions is on the left. */
static void place_loop(Layout *layout, size_t index) {
    const Stage *const stage = &layout->stages[index];
    const bool left = layout_is_lane(layout, stage) && !stage->reverse;
    const int away = left ? -1 : 1;
    const int x = layout_stage_x(layout, stage, 0) + (left ? 0 : layout_stage_width(layout, stage));
    const int middle = stage->y + stage->height / 2;
    const int places[] = {x,           middle - 16, x + away * LOOP, middle - 16, x + away * LOOP,
                          middle + 16, x,           middle + 16};
    char lines[LAYOUT_LOOP_LINES][WORDS_MAX];
    const size_t count = layout_loop_words(layout, stage, lines);
    const size_t box = layout_box_at(layout, 0, index);
    PictureArrow *const arrow = picture_arrow(layout->picture, ARROW_TIME, box, box, 4, places);
    picture_arrow_words(arrow, lines[0], lines[1]);
    for (size_t i = 0; i < count; i++) {
        picture_label(layout->picture, i < 3 ? TEXT_SMALL : TEXT_CUT,
                      left ? ANCHOR_END : ANCHOR_START, x + away * (LOOP + 10),
                      middle - (int)count * LINE / 2 + (int)i * LINE + 11, "%s", lines[i]);
    }
}

/* Whether a window ends between this step and the next. */
static bool window_ends(const Layout *layout, size_t column) {
    const size_t window = layout->options->window;
    return window > 0 && (column + 1) % window == 0;
}

/* An arrow from step to step; that from the start names the weights in forms that place labels. */
static void place_time_arrow(Layout *layout, const Stage *stage, size_t from, size_t to, int x0,
                             int x1, bool start) {
    const int y = stage->y + stage->height / 2;
    const int places[] = {x0, y, x1, y};
    const char *const state = words_state(layout->structure->layers[stage->layer].cell);
    char weights[WORDS_MAX];
    PictureArrow *const arrow = picture_arrow(layout->picture, ARROW_TIME, from, to, 2, places);
    picture_arrow_words(arrow, state,
                        start ? words_weight_hh(layout->structure, stage->layer, weights) : "");
    picture_label(layout->picture, TEXT_SMALL, ANCHOR_START, (x0 < x1 ? x0 : x1) + 12, y - 6, "%s",
                  state);
}

/* Where the state comes from at the first step that a direction reads. */
static void place_start(Layout *layout, size_t index) {
    const Stage *const stage = &layout->stages[index];
    const elman_cell_options *const cell = &layout->structure->layers[stage->layer];
    const elman_diagram_options *const options = layout->options;
    const bool carried = options->window > 0 && !options->independent;
    const int edge = layout_column_x(layout, layout->columns - 1) + layout->column_width;
    const int x = stage->reverse ? edge + COLUMN_GAP : layout->first_x - COLUMN_GAP - STATE_WIDTH;
    char text[WORDS_MAX];
    (void)snprintf(text, sizeof(text), "%s\n%s%s", cell->cell == ELMAN_CELL_LSTM ? "h₀, c₀" : "h₀",
                   cell->learned_state ? "learned" : "0", carried ? ", then\ncarried" : "");
    const size_t box = picture_box(layout->picture, BOX_STATE, x, stage->y + 4, STATE_WIDTH,
                                   stage->height - 8, text);
    const size_t column = stage->reverse ? layout->columns - 1 : 0;
    const int own = layout_stage_x(layout, stage, column);
    if (stage->reverse) {
        place_time_arrow(layout, stage, box, layout_box_at(layout, column, index), x,
                         own + layout_stage_width(layout, stage), true);
    } else {
        place_time_arrow(layout, stage, box, layout_box_at(layout, column, index), x + STATE_WIDTH,
                         own, true);
    }
}

/* What follows the last step that is drawn, in the forward direction. */
static void place_end(Layout *layout, size_t index) {
    const Stage *const stage = &layout->stages[index];
    const size_t last = layout->columns - 1;
    const bool ends = window_ends(layout, last);
    if (ends ? layout->options->independent
             : layout->options->window == 0 && structure_one_output(layout->structure)) {
        return;
    }
    const int right = layout_column_x(layout, last) + layout->column_width;
    const int own = layout_stage_x(layout, stage, last) + layout_stage_width(layout, stage);
    const size_t box = picture_box(layout->picture, BOX_STATE, right + COLUMN_GAP, stage->y + 4,
                                   STATE_WIDTH, stage->height - 8, ends ? "…\nnext window" : "…");
    place_time_arrow(layout, stage, layout_box_at(layout, last, index), box, own,
                     right + COLUMN_GAP, false);
}

static void place_steps(Layout *layout, size_t index) {
    const Stage *const stage = &layout->stages[index];
    const bool severed = layout->options->independent || stage->reverse;
    const int width = layout_stage_width(layout, stage);
    for (size_t column = 0; column + 1 < layout->columns; column++) {
        if (severed && window_ends(layout, column)) continue;
        const size_t here = layout_box_at(layout, column, index),
                     there = layout_box_at(layout, column + 1, index);
        const int right = layout_stage_x(layout, stage, column) + width;
        const int next = layout_stage_x(layout, stage, column + 1);
        if (stage->reverse) {
            place_time_arrow(layout, stage, there, here, next, right, false);
        } else {
            place_time_arrow(layout, stage, here, there, right, next, false);
        }
    }
    place_start(layout, index);
    if (!stage->reverse) place_end(layout, index);
}

void layout_place_time(Layout *layout) {
    for (size_t i = 0; i < layout->stage_count; i++) {
        if (layout->stages[i].kind != STAGE_CELL) continue;
        if (layout->unrolled) {
            place_steps(layout, i);
        } else {
            place_loop(layout, i);
        }
    }
}

int layout_loop_room(const Layout *layout) {
    char lines[LAYOUT_LOOP_LINES][WORDS_MAX];
    int widest = 0;
    for (size_t i = 0; i < layout->stage_count; i++) {
        const Stage *const stage = &layout->stages[i];
        if (stage->kind != STAGE_CELL || !layout_is_lane(layout, stage)) continue;
        const size_t count = layout_loop_words(layout, stage, lines);
        for (size_t k = 0; k < count; k++) {
            const int width = picture_text_width(lines[k], TEXT_SMALL) + LOOP + 10;
            if (width > widest) widest = width;
        }
    }
    return widest;
}

static void describe_window(const Layout *layout, char text[WORDS_MAX]) {
    const elman_diagram_options *const options = layout->options;
    char count[WORDS_COUNT_MAX];
    const char *const after = options->independent ? "each window starts anew"
                                                   : "the state is carried on, its gradient is not";
    (void)snprintf(text, WORDS_MAX, "windows of %s step%s: gradients stay inside; %s",
                   words_count(options->window, count), options->window == 1 ? "" : "s", after);
}

void layout_place_windows(Layout *layout) {
    const size_t window = layout->options->window;
    const int y = layout->bottom + 24;
    char text[WORDS_MAX];
    if (window == 0) return;
    for (size_t first = 0; first < layout->columns; first += window) {
        const bool whole = window <= layout->columns - first;
        const size_t last = whole ? first + window - 1 : layout->columns - 1;
        const int left = layout_column_x(layout, first);
        const int right = layout_column_x(layout, last) + layout->column_width + (whole ? 0 : CUT);
        const int bracket[] = {left, y - 8, left, y, right, y, right, y - 8};
        (void)picture_arrow(layout->picture, ARROW_CUT, PICTURE_NONE, PICTURE_NONE, whole ? 4 : 3,
                            bracket);
        const int cut[] = {right + CUT, layout->top - 8, right + CUT, y + 8};
        if (whole) {
            (void)picture_arrow(layout->picture, ARROW_CUT, PICTURE_NONE, PICTURE_NONE, 2, cut);
        }
        if (!whole) break;
    }
    describe_window(layout, text);
    picture_label(layout->picture, TEXT_CUT, ANCHOR_START, layout->first_x, y + 24, "%s", text);
    layout->bottom = y + 28;
}
