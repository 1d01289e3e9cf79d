/* No box, label or arrow of a diagram lies over another, whatever the structure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "explain/diagram_network.h"
#include "support/passes.h"

enum { LAYERS_MAX = 5, UNROLL_MAX = ELMAN_DIAGRAM_UNROLL_MAX };

typedef struct Rect {
    int left, top, right, bottom;
    size_t index;
    const char *text;
} Rect;

static char what[256]; /* the case at hand */

static bool overlap(const Rect *a, const Rect *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static bool inside(const Rect *inner, const Rect *outer) {
    return inner->left >= outer->left && inner->right <= outer->right && inner->top >= outer->top &&
           inner->bottom <= outer->bottom;
}

static Rect box_rect(const PictureBox *box, size_t index) {
    return (Rect){box->x, box->y, box->x + box->width, box->y + box->height, index, box->text[0]};
}

/* A line of text takes 3/4 of its size above the baseline and 1/5 below. */
static Rect text_rect(int left, int width, int baseline, TextStyle style, const char *text) {
    const int size = picture_text_size(style);
    return (Rect){left, baseline - size * 3 / 4, left + width, baseline + size / 5, 0, text};
}

static Rect label_rect(const PictureLabel *label) {
    int width;
    const int left = picture_label_left(label, &width);
    return text_rect(left, width, label->y, label->style, label->text);
}

static void check_text_in_boxes(const Picture *picture) {
    for (size_t i = 0; i < picture->box_count; i++) {
        const PictureBox *const box = &picture->boxes[i];
        const Rect outer = box_rect(box, i);
        for (size_t line = 0; line < box->lines; line++) {
            const TextStyle style = picture_line_style(box, line);
            const int width = picture_text_width(box->text[line], style);
            const Rect inner =
                text_rect(box->x + box->width / 2 - width / 2, width,
                          box->y + picture_line_baseline(box, line), style, box->text[line]);
            if (!inside(&inner, &outer)) fail_msg("%s: \"%s\" leaves its box", what, inner.text);
        }
    }
}

static int by_top(const void *a, const void *b) {
    const Rect *const one = a, *const other = b;
    return (one->top > other->top) - (one->top < other->top);
}

/* Boxes and labels, none over another, all within the picture, in or out of each frame. */
static void check_rects(const Picture *picture, Rect *rects, size_t count) {
    const Rect whole = {0, 0, picture->width, picture->height, 0, ""};
    qsort(rects, count, sizeof(*rects), by_top);
    for (size_t i = 0; i < count; i++) {
        if (!inside(&rects[i], &whole)) fail_msg("%s: \"%s\" is outside", what, rects[i].text);
        for (size_t k = i + 1; k < count && rects[k].top < rects[i].bottom; k++) {
            if (overlap(&rects[i], &rects[k])) {
                fail_msg("%s: \"%s\" and \"%s\" overlap", what, rects[i].text, rects[k].text);
            }
        }
        for (size_t k = 0; k < picture->frame_count; k++) {
            const PictureFrame *const frame = &picture->frames[k];
            const Rect place = {
                frame->x, frame->y,   frame->x + frame->width, frame->y + frame->height,
                0,        frame->text};
            if (frame->drawn && overlap(&rects[i], &place) && !inside(&rects[i], &place)) {
                fail_msg("%s: \"%s\" crosses a frame", what, rects[i].text);
            }
        }
    }
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Arrows run level or upright, around boxes and labels, and end at the rims of their boxes. */
static void check_arrow(const Picture *picture, const PictureArrow *arrow, const Rect *rects,
                        size_t count) {
    for (size_t k = 1; k < arrow->points; k++) {
        const int x0 = arrow->x[k - 1], y0 = arrow->y[k - 1], x1 = arrow->x[k], y1 = arrow->y[k];
        if (x0 != x1 && y0 != y1) fail_msg("%s: an arrow is askew", what);
        /* A pixel off each rim, so that an arrow may touch. */
        const Rect line = {least(x0, x1) + (x0 != x1),
                           least(y0, y1) + (y0 != y1),
                           x0 + x1 - least(x0, x1) + (x0 == x1) - (x0 != x1),
                           y0 + y1 - least(y0, y1) + (y0 == y1) - (y0 != y1),
                           0,
                           ""};
        for (size_t i = 0; i < count && rects[i].top < line.bottom; i++) {
            if (overlap(&line, &rects[i])) {
                fail_msg("%s: an arrow (%d,%d)-(%d,%d) runs through \"%s\"", what, x0, y0, x1, y1,
                         rects[i].text);
            }
        }
    }
    for (int end = 0; end < 2; end++) {
        const size_t index = end ? arrow->to : arrow->from;
        if (index == PICTURE_NONE) continue;
        const size_t point = end ? arrow->points - 1 : 0;
        const Rect box = box_rect(&picture->boxes[index], index);
        const int x = arrow->x[point], y = arrow->y[point];
        const bool on_side = (x == box.left || x == box.right) && y >= box.top && y <= box.bottom;
        const bool on_top = (y == box.top || y == box.bottom) && x >= box.left && x <= box.right;
        if (!on_side && !on_top) {
            fail_msg("%s: an arrow ends at (%d,%d), off its box \"%s\"", what, x, y, box.text);
        }
    }
}

static void check_picture(const Picture *picture) {
    const size_t count = picture->box_count + picture->label_count;
    Rect *const rects = zeroed(count, sizeof(*rects));
    for (size_t i = 0; i < picture->box_count; i++) rects[i] = box_rect(&picture->boxes[i], i);
    for (size_t i = 0; i < picture->label_count; i++) {
        rects[picture->box_count + i] = label_rect(&picture->labels[i]);
    }
    check_text_in_boxes(picture);
    check_rects(picture, rects, count);
    for (size_t i = 0; i < picture->arrow_count; i++) {
        check_arrow(picture, &picture->arrows[i], rects, count);
    }
    free(rects);
}

static void check_structure(const Structure *structure, const elman_diagram_options *options) {
    Memory memory;
    Picture picture;
    memory_init(&memory, NULL);
    picture_init(&picture, &memory);
    diagram_network_lay(&picture, structure, options);
    assert_false(picture.failed);
    assert_true(picture.box_count > structure->layer_count);
    check_picture(&picture);
    picture_release(&picture);
}

/* Every unrolling of a structure, with and without a window. */
static void check_all_forms(const Structure *structure, const char *name) {
    static const size_t windows[] = {0, 1, 3, 100};
    for (size_t unroll = 0; unroll <= UNROLL_MAX; unroll++) {
        for (size_t i = 0; i < 4; i++) {
            const elman_diagram_options options = {.unroll = unroll,
                                                   .window = windows[i],
                                                   .independent = (unroll + i) % 2 == 1,
                                                   .no_cells = i == 1};
            (void)snprintf(what, sizeof(what), "%s, unrolled %zu, window %zu", name, unroll,
                           windows[i]);
            check_structure(structure, &options);
        }
    }
}

/* Layers alike, from plain to all that a layer can have. */
static void every_cell_depth_and_direction(void **state) {
    static const elman_output outputs[] = {ELMAN_OUTPUT_EVERY_STEP, ELMAN_OUTPUT_LAST_STEP,
                                           ELMAN_OUTPUT_LAST_STEP,  ELMAN_OUTPUT_EVERY_STEP,
                                           ELMAN_OUTPUT_MEAN,       ELMAN_OUTPUT_MAX,
                                           ELMAN_OUTPUT_MAX,        ELMAN_OUTPUT_MEAN};
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        for (size_t layers = 1; layers <= LAYERS_MAX; layers++) {
            for (int rich = 0; rich < 4; rich++) {
                elman_cell_options cells[LAYERS_MAX];
                char name[64];
                for (size_t i = 0; i < layers; i++) {
                    cells[i] = (elman_cell_options){.cell = all_cells[c],
                                                    .hidden = rich > 1 ? 123456 : 8,
                                                    .bidirectional = rich % 2,
                                                    .learned_state = rich > 1,
                                                    .no_bias = rich == 1,
                                                    .dropout = rich > 0 ? 0.125F : 0.0F};
                }
                const Structure structure = {
                    .input = rich == 2   ? ELMAN_INPUT_EMBEDDING
                             : rich == 3 ? ELMAN_INPUT_ONE_HOT
                                         : ELMAN_INPUT_DENSE,
                    .input_size = rich > 1 ? 1000000 : 1,
                    .embedding = rich == 2 ? 65536 : 0,
                    .layers = cells,
                    .layer_count = layers,
                    .has_head = rich != 1,
                    .head_outputs = rich > 1 ? 1000000 : 1,
                    .output = outputs[(size_t)rich + (c % 2 ? 4 : 0)],
                };
                (void)snprintf(name, sizeof(name), "%zu %s, kind %d", layers,
                               cell_name(all_cells[c]), rich);
                check_all_forms(&structure, name);
            }
        }
    }
}

/* Each layer another cell, width and direction. */
static void mixed_layers(void **state) {
    (void)state;
    for (size_t shift = 0; shift < CELLS; shift++) {
        elman_cell_options cells[LAYERS_MAX];
        char name[64];
        for (size_t i = 0; i < LAYERS_MAX; i++) {
            cells[i] = (elman_cell_options){.cell = all_cells[(i + shift) % CELLS],
                                            .hidden = (size_t)1 << 4 * ((i + shift) % CELLS),
                                            .bidirectional = (i + shift) % 3 == 0,
                                            .no_bias = (i + shift) % 4 == 0,
                                            .learned_state = (i + shift) % 2 == 0,
                                            .dropout = i % 2 ? 0.5F : 0.0F};
        }
        const Structure structure = {
            .input = ELMAN_INPUT_EMBEDDING,
            .input_size = 96,
            .embedding = 16,
            .layers = cells,
            .layer_count = LAYERS_MAX,
            .has_head = shift % 2 == 0,
            .head_no_bias = shift == 2,
            .head_outputs = 96,
            .output = (elman_output)(shift % 4),
        };
        (void)snprintf(name, sizeof(name), "mixed layers %zu", shift);
        check_all_forms(&structure, name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_depth_and_direction),
        cmocka_unit_test(mixed_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
