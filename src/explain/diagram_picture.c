/* Places boxes, arrows and labels, and knows how wide a text is. */
#include "explain/diagram_picture.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/size.h"
#include "core/utf8.h"

enum { MARGIN = 20, LINE = 16 };

/* Thousandths of an em of the characters U+0020 to U+007E: the wider of DejaVu Sans 2.37 and
 * Liberation Sans 2 (which is as wide as Arial and Helvetica), read from the fonts' hmtx tables. */
static const uint16_t glyph_widths[] = {
    318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361,  318, 337, 637, 637, 637,
    637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 557, 1016, 685, 687, 723, 771, 667,
    611, 778, 752, 295, 500, 667, 558, 863, 749, 788, 667, 788, 723, 667,  611, 732, 685, 989, 686,
    667, 686, 391, 337, 391, 838, 557, 500, 613, 635, 550, 635, 616, 353,  635, 634, 278, 278, 580,
    278, 975, 634, 612, 635, 635, 412, 521, 393, 634, 592, 818, 592, 592,  525, 637, 337, 637, 838};

static int glyph_width(uint32_t character) {
    if (character >= 0x20 && character <= 0x7E) return glyph_widths[character - 0x20];
    if (character >= 0x2080 && character <= 0x209C) return 402; /* subscripts */
    if (character == 0xB7 || character == 0x2032) return 318;   /* middle dot, prime */
    return 1000;
}

uint32_t picture_next_character(const char **text) {
    const size_t length = utf8_length(*text, strlen(*text));
    const unsigned char *const bytes = (const unsigned char *)*text;
    uint32_t character = bytes[0];
    *text += length > 0 ? length : 1;
    if (length < 2) return character;
    character &= 0xFFU >> (length + 1);
    for (size_t i = 1; i < length; i++) character = character << 6 | (bytes[i] & 0x3FU);
    return character;
}

int picture_text_size(TextStyle style) {
    static const int sizes[] = {16, 13, 12, 11, 11};
    return sizes[style];
}

int picture_text_width(const char *text, TextStyle style) {
    const bool bold = style == TEXT_TITLE || style == TEXT_NAME;
    int width = 0;
    while (*text) width += glyph_width(picture_next_character(&text));
    if (bold) width += width / 5;
    return (width * picture_text_size(style) + 999) / 1000;
}

int picture_label_left(const PictureLabel *label, int *width) {
    *width = picture_text_width(label->text, label->style);
    if (label->anchor == ANCHOR_START) return label->x;
    return label->anchor == ANCHOR_END ? label->x - *width : label->x - *width / 2;
}

void picture_init(Picture *picture, Memory *memory) {
    *picture = (Picture){.memory = memory};
}

void picture_release(Picture *picture) {
    memory_release(picture->memory, picture->boxes);
    memory_release(picture->memory, picture->arrows);
    memory_release(picture->memory, picture->labels);
    memory_release(picture->memory, picture->frames);
    *picture = (Picture){.memory = picture->memory};
}

/* Room for one more element in an array; the array as it is now, or NULL. */
static void *grown(Picture *picture, void *array, size_t count, size_t *room, size_t size) {
    size_t wanted;
    if (picture->failed || count < *room) return picture->failed ? NULL : array;
    void *const larger = size_mul(*room, 2, &wanted)
                             ? memory_allocate_array(picture->memory, wanted ? wanted : 16, size)
                             : NULL;
    picture->failed = !larger;
    if (!larger) return NULL;
    if (count > 0) memcpy(larger, array, count * size);
    memory_release(picture->memory, array);
    *room = wanted ? wanted : 16;
    return larger;
}

static void copy_line(char line[PICTURE_TEXT_MAX], const char *text, size_t length) {
    (void)snprintf(line, PICTURE_TEXT_MAX, "%.*s", (int)length, text);
}

size_t picture_box(Picture *picture, BoxStyle style, int x, int y, int width, int height,
                   const char *text) {
    PictureBox *const boxes =
        grown(picture, picture->boxes, picture->box_count, &picture->box_room, sizeof(*boxes));
    if (!boxes) return PICTURE_NONE;
    picture->boxes = boxes;
    PictureBox *const box = &boxes[picture->box_count];
    *box = (PictureBox){
        .x = x, .y = y, .width = width, .height = height, .style = style, .frame = PICTURE_NONE};
    while (*text && box->lines < PICTURE_LINES_MAX) {
        const size_t length = strcspn(text, "\n");
        copy_line(box->text[box->lines++], text, length);
        text += length + (text[length] == '\n');
    }
    return picture->box_count++;
}

TextStyle picture_line_style(const PictureBox *box, size_t line) {
    if (box->style == BOX_JOIN) return TEXT_PLAIN;
    return line == 0 ? TEXT_NAME : TEXT_SMALL;
}

int picture_line_baseline(const PictureBox *box, size_t line) {
    const int above = (box->height - LINE * (int)box->lines) / 2;
    return above + LINE * (int)line + 12;
}

int picture_box_width(BoxStyle style, const char *text) {
    const PictureBox box = {.style = style};
    int width = 0;
    for (size_t line = 0; *text; line++) {
        char copy[PICTURE_TEXT_MAX];
        const size_t length = strcspn(text, "\n");
        copy_line(copy, text, length);
        const int own = picture_text_width(copy, picture_line_style(&box, line));
        if (own > width) width = own;
        text += length + (text[length] == '\n');
    }
    return width + 16;
}

PictureArrow *picture_arrow(Picture *picture, ArrowStyle style, size_t from, size_t to,
                            size_t points, const int *places) {
    PictureArrow *const arrows = grown(picture, picture->arrows, picture->arrow_count,
                                       &picture->arrow_room, sizeof(*arrows));
    if (!arrows) return NULL;
    picture->arrows = arrows;
    PictureArrow *const arrow = &arrows[picture->arrow_count++];
    *arrow = (PictureArrow){.style = style, .from = from, .to = to, .points = points};
    for (size_t i = 0; i < points; i++) {
        arrow->x[i] = places[2 * i];
        arrow->y[i] = places[2 * i + 1];
    }
    return arrow;
}

void picture_arrow_words(PictureArrow *arrow, const char *carries, const char *weights) {
    if (!arrow) return;
    (void)snprintf(arrow->text, sizeof(arrow->text), *weights ? "%.40s (%.100s)" : "%.40s%s",
                   carries, weights);
}

void picture_label(Picture *picture, TextStyle style, TextAnchor anchor, int x, int y,
                   const char *format, ...) {
    PictureLabel *const labels = grown(picture, picture->labels, picture->label_count,
                                       &picture->label_room, sizeof(*labels));
    va_list arguments;
    if (!labels) return;
    picture->labels = labels;
    PictureLabel *const label = &labels[picture->label_count++];
    *label = (PictureLabel){.x = x, .y = y, .style = style, .anchor = anchor};
    va_start(arguments, format);
    (void)vsnprintf(label->text, sizeof(label->text), format, arguments);
    va_end(arguments);
}

void picture_frame(Picture *picture, bool drawn, int x, int y, int width, int height,
                   size_t first_box, const char *text) {
    PictureFrame *const frames = grown(picture, picture->frames, picture->frame_count,
                                       &picture->frame_room, sizeof(*frames));
    if (!frames) return;
    picture->frames = frames;
    for (size_t i = first_box; i < picture->box_count; i++) {
        picture->boxes[i].frame = picture->frame_count;
    }
    PictureFrame *const frame = &frames[picture->frame_count++];
    *frame = (PictureFrame){.x = x, .y = y, .width = width, .height = height, .drawn = drawn};
    copy_line(frame->text, text, strlen(text));
}

static void reach(Picture *picture, int right, int bottom) {
    if (right + MARGIN > picture->width) picture->width = right + MARGIN;
    if (bottom + MARGIN > picture->height) picture->height = bottom + MARGIN;
}

void picture_fit(Picture *picture) {
    picture->width = picture->height = 0;
    for (size_t i = 0; i < picture->box_count; i++) {
        const PictureBox *const box = &picture->boxes[i];
        reach(picture, box->x + box->width, box->y + box->height);
    }
    for (size_t i = 0; i < picture->frame_count; i++) {
        const PictureFrame *const frame = &picture->frames[i];
        if (frame->drawn) reach(picture, frame->x + frame->width, frame->y + frame->height);
    }
    for (size_t i = 0; i < picture->label_count; i++) {
        int width;
        const int left = picture_label_left(&picture->labels[i], &width);
        reach(picture, left + width, picture->labels[i].y + 4);
    }
    for (size_t i = 0; i < picture->arrow_count; i++) {
        const PictureArrow *const arrow = &picture->arrows[i];
        for (size_t k = 0; k < arrow->points; k++) reach(picture, arrow->x[k], arrow->y[k]);
    }
}
