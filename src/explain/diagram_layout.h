/* The plan of a network's picture: its rows of boxes, their words and their places. */
#ifndef EXPLAIN_DIAGRAM_LAYOUT_H
#define EXPLAIN_DIAGRAM_LAYOUT_H

#include "explain/diagram_picture.h"
#include "explain/diagram_words.h"
#include <elman/diagram.h>

enum {
    LAYOUT_TEXT_MAX = 2 * WORDS_MAX,
    LAYOUT_LOOP_LINES = 6,
    LAYOUT_ROW_LINES = 6,
    LEFT = 20,
    TITLE_HEIGHT = 64,
    LINE = 15,
    LANE_GAP = 20,
    COLUMN_GAP = 64, /* between two steps */
    CUT = 48,        /* where in that gap a window ends */
    LOOP = 26,
    STATE_WIDTH = 84,
    FRAME_GAP = 40
};

typedef enum StageKind {
    STAGE_INPUT,
    STAGE_EMBEDDING,
    STAGE_CELL,
    STAGE_JOIN,
    STAGE_POOL,
    STAGE_DROPOUT,
    STAGE_HEAD,
    STAGE_OUTPUT
} StageKind;

/* A row of boxes, one a step. */
typedef struct Stage {
    StageKind kind;
    size_t layer;
    bool reverse;
    bool last_only;    /* only the last step has one */
    size_t below;      /* the stage that its arrows come from */
    size_t below_also; /* a second one, of a join; else PICTURE_NONE */
    int y, height;
} Stage;

typedef struct Layout {
    Picture *picture;
    const Structure *structure;
    const elman_diagram_options *options;
    bool unrolled, lanes;
    size_t columns, stage_count;
    Stage *stages; /* from below */
    size_t *boxes; /* [columns][stage_count] */
    int first_x, lane_width, column_width;
    int top, bottom; /* of the stages */
} Layout;

/* Input, embedding, pool, head and output, and up to four stages a layer; false without memory. */
bool layout_make_stages(Layout *layout);

/* What stands in a box, and its style. */
void layout_box_text(const Layout *layout, const Stage *stage, size_t column,
                     char text[LAYOUT_TEXT_MAX]);
BoxStyle layout_box_style(StageKind kind);

/* What an arrow into a stage carries: the number of numbers, the same in words, and the weights
 * that it passes ("": none). */
size_t layout_arrow_width(const Layout *layout, const Stage *stage);
void layout_arrow_words(const Layout *layout, const Stage *stage, char shape[WORDS_MAX],
                        char weights[WORDS_MAX]);

/* The lines beside a loop: what is handed on, the weights, the start, and how training cuts it. */
size_t layout_loop_words(const Layout *layout, const Stage *stage,
                         char lines[LAYOUT_LOOP_LINES][WORDS_MAX]);

/* The lines to the left of an unrolled row: what it is, and its weights. */
size_t layout_row_words(const Layout *layout, const Stage *stage,
                        char lines[LAYOUT_ROW_LINES][WORDS_MAX]);

/* Whether a stage is one of two directions, which stand side by side. */
bool layout_is_lane(const Layout *layout, const Stage *stage);

int layout_column_x(const Layout *layout, size_t column);
int layout_stage_x(const Layout *layout, const Stage *stage, size_t column);
int layout_stage_width(const Layout *layout, const Stage *stage);
size_t layout_box_at(const Layout *layout, size_t column, size_t stage);

/* The width of what stands beside the loops on the left. */
int layout_loop_room(const Layout *layout);

/* Adds what flows through time: loops, or arrows from step to step with start and end. */
void layout_place_time(Layout *layout);

/* Adds brackets under the steps of each window, and a line where it ends. */
void layout_place_windows(Layout *layout);

#endif
