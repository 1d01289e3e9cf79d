/* A picture before it is drawn: boxes, arrows and labels with their places, in pixels, y downward.
 *
 * Every coordinate is a whole number, so that a picture is the same everywhere. Boxes and arrows
 * are a graph too: DOT and Mermaid need only who is joined to whom. */
#ifndef EXPLAIN_DIAGRAM_PICTURE_H
#define EXPLAIN_DIAGRAM_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/export.h>

enum { PICTURE_TEXT_MAX = 160, PICTURE_POINTS_MAX = 6, PICTURE_LINES_MAX = 4 };
#define PICTURE_NONE ((size_t)-1)

typedef enum BoxStyle {
    BOX_INPUT,
    BOX_TABLE, /* an embedding or a head: weights without time */
    BOX_CELL,
    BOX_JOIN,
    BOX_DROPOUT,
    BOX_OUTPUT,
    BOX_STATE,
    BOX_OPERATION, /* a circle inside a cell */
    BOX_BARE,      /* a name without a frame */
    BOX_STYLES
} BoxStyle;

typedef enum TextStyle { TEXT_TITLE, TEXT_NAME, TEXT_PLAIN, TEXT_SMALL, TEXT_CUT } TextStyle;
typedef enum TextAnchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END } TextAnchor;

typedef enum ArrowStyle {
    ARROW_UP,     /* from layer to layer */
    ARROW_TIME,   /* from step to step */
    ARROW_INSIDE, /* within a cell */
    ARROW_CUT     /* no arrow but a line: here a gradient ends */
} ArrowStyle;

typedef struct PictureBox {
    int x, y, width, height;
    BoxStyle style;
    size_t frame; /* the one it stands in, or PICTURE_NONE */
    size_t lines;
    char text[PICTURE_LINES_MAX][PICTURE_TEXT_MAX]; /* the first line is the name */
} PictureBox;

typedef struct PictureArrow {
    ArrowStyle style;
    size_t from, to; /* boxes, or PICTURE_NONE */
    size_t points;
    int x[PICTURE_POINTS_MAX], y[PICTURE_POINTS_MAX];
    char text[PICTURE_TEXT_MAX]; /* for forms that place labels themselves */
} PictureArrow;

typedef struct PictureLabel {
    int x, y; /* of the anchor, on the baseline */
    TextStyle style;
    TextAnchor anchor;
    char text[PICTURE_TEXT_MAX];
} PictureLabel;

/* A titled region around boxes; `drawn` false: only a group. */
typedef struct PictureFrame {
    int x, y, width, height;
    bool drawn;
    char text[PICTURE_TEXT_MAX];
} PictureFrame;

typedef struct Picture {
    Memory *memory;
    bool failed; /* memory ran out; what followed was dropped */
    PictureBox *boxes;
    PictureArrow *arrows;
    PictureLabel *labels;
    PictureFrame *frames;
    size_t box_count, arrow_count, label_count, frame_count;
    size_t box_room, arrow_room, label_room, frame_room;
    int width, height;
} Picture;

void picture_init(Picture *picture, Memory *memory);
void picture_release(Picture *picture);

/* Takes the character at the start of a text that is not empty; a byte that is not UTF-8 counts as
 * one. */
uint32_t picture_next_character(const char **text);

/* The width and the height of a line of text, generous for the common sans-serif fonts. */
int picture_text_width(const char *text, TextStyle style);
int picture_text_size(TextStyle style);

/* Where a label starts on the x axis, and its width. */
int picture_label_left(const PictureLabel *label, int *width);

/* Adds a box and returns its index. `text` holds up to four lines with line feeds between. */
size_t picture_box(Picture *picture, BoxStyle style, int x, int y, int width, int height,
                   const char *text);

/* The style of a box's line and its baseline below the box's upper edge. */
TextStyle picture_line_style(const PictureBox *box, size_t line);
int picture_line_baseline(const PictureBox *box, size_t line);

/* The smallest width that holds the text inside a box of that style. */
int picture_box_width(BoxStyle style, const char *text);

/* Adds an arrow through points x0, y0, x1, y1, ... and returns it, or NULL. */
PictureArrow *picture_arrow(Picture *picture, ArrowStyle style, size_t from, size_t to,
                            size_t points, const int *places);

/* The words of an arrow (NULL is legal): what it carries, and in parentheses the weights, if any.
 */
void picture_arrow_words(PictureArrow *arrow, const char *carries, const char *weights);

void picture_label(Picture *picture, TextStyle style, TextAnchor anchor, int x, int y,
                   const char *format, ...) ELMAN_PRINTF(6, 7);

/* Adds a frame; boxes from `first_box` on stand in it. */
void picture_frame(Picture *picture, bool drawn, int x, int y, int width, int height,
                   size_t first_box, const char *text);

/* Sets width and height so that everything fits with a margin. */
void picture_fit(Picture *picture);

#endif
