/* Charts of forecasts against their pictures in tests/charts, and what every chart must keep.
 *
 * With ELMAN_WRITE_PICTURES set, the pictures are written instead: look at each before a commit. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chart_pictures.h"
#include "diagram_sheet.h"
#include "explain/chart_layout.h"
#include "support/allocator.h"

static int create_context(void **state) {
    elman_context *context = NULL;
    if (elman_context_create(NULL, &context, NULL)) return -1;
    *state = context;
    return 0;
}

static int destroy_context(void **state) {
    elman_context_destroy(*state);
    return 0;
}

static Sheet draw(elman_context *context, const elman_chart *charts, size_t count,
                  elman_chart_options options) {
    Sheet sheet = {NULL, 0};
    elman_error error = {ELMAN_OK, ""};
    options.struct_size = sizeof(options);
    if (elman_chart_draw(context, charts, count, &options, sheet_write, &sheet, &error)) {
        fail_msg("%s", error.message);
    }
    return sheet;
}

static Sheet draw_kept(elman_context *context, const Kept *wanted) {
    MadeSet *const set = made_set(wanted);
    Sheet sheet = draw(context, set->charts, set->count, set->options);
    free(set);
    return sheet;
}

static void write_picture(const char *path, const Sheet *sheet) {
    FILE *const file = fopen(path, "wb");
    if (!file) fail_msg("%s: cannot be written", path);
    assert_int_equal(fwrite(sheet->text, 1, sheet->size, file), sheet->size);
    assert_int_equal(fclose(file), 0);
}

static void compare_picture(const char *path, const Sheet *sheet) {
    FILE *const file = fopen(path, "rb");
    if (!file) fail_msg("%s: is missing", path);
    char *const known = malloc(sheet->size + 1);
    assert_non_null(known);
    const size_t size = fread(known, 1, sheet->size + 1, file);
    (void)fclose(file);
    size_t at = 0;
    while (at < size && at < sheet->size && known[at] == sheet->text[at]) at++;
    if (at < size || at < sheet->size) {
        fail_msg("%s: differs from byte %zu on: \"%.40s\"", path, at, sheet->text + at);
    }
    free(known);
}

static void charts_look_as_they_did(void **state) {
    char path[512];
    for (size_t i = 0; i < KEPT; i++) {
        Sheet sheet = draw_kept(*state, &kept[i]);
        (void)snprintf(path, sizeof(path), "%s/tests/charts/%s", ELMAN_SOURCE_DIR, kept[i].name);
        if (getenv("ELMAN_WRITE_PICTURES")) {
            write_picture(path, &sheet);
        } else {
            compare_picture(path, &sheet);
        }
        free(sheet.text);
    }
}

static void a_locale_changes_nothing(void **state) {
    Sheet plain = draw_kept(*state, &kept[0]);
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE.utf8")) {
        free(plain.text);
        print_message("no German locale: not checked\n");
        skip();
    }
    Sheet german = draw_kept(*state, &kept[0]);
    (void)setlocale(LC_ALL, "C");
    assert_string_equal(plain.text, german.text);
    free(plain.text);
    free(german.text);
}

static void svg_stands_alone(void **state) {
    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i].format != ELMAN_CHART_SVG) continue;
        Sheet sheet = draw_kept(*state, &kept[i]);
        check_xml(kept[i].name, sheet.text);
        assert_non_null(strstr(sheet.text, "@media screen and (prefers-color-scheme:dark)"));
        assert_non_null(strstr(sheet.text, "role=\"img\""));
        assert_non_null(strstr(sheet.text, "<desc>"));
        assert_null(strstr(sheet.text, "<script"));
        assert_null(strstr(sheet.text, "url("));
        assert_null(strstr(sheet.text, "href"));
        free(sheet.text);
    }
}

static void numbers_are_said(void **state) {
    Sheet sheet = draw_kept(*state, &kept[1]);
    assert_non_null(strstr(sheet.text,
                           "<desc>Airline passengers, 24 months ahead: history 1949-01 to 1958-12, "
                           "from 112 to 337; forecast 1959-01 to 1960-12, from 370.6 to 397.66. "
                           "The 80 % interval ends at 348.077 to 447.243. The 95 % interval ends "
                           "at 318.91 to 476.41. What came true is drawn too, from 360 to 432."
                           "</desc>"));
    free(sheet.text);
    sheet = draw_kept(*state, &kept[2]);
    assert_non_null(strstr(sheet.text, "the first 12 of 370 series"));
    assert_null(strstr(sheet.text, "Station 13"));
    free(sheet.text);
}

/* Numbers that need care, and how sentences write them. */
static void numbers_as_text(void **state) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {1.0, "1"},
        {-0.25, "−0.25"},
        {1234.5, "1,234.5"},
        {999999.6, "1,000,000"},
        {1e9, "1e9"},
        {-1.5e30, "−1.5e30"},
        {0.0001, "0.0001"},
        {0.00001234, "1.234e-5"},
        {123456789, "123,457,000"},
        {9.99999999, "10"},
        {1e300, "1e300"},
        {1e-290, "1e-290"},
    };
    char text[CHART_NUMBER_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_string_equal(chart_number(cases[i].value, false, text), cases[i].text);
    }
    assert_string_equal(chart_number(-2.5, true, text), "-2.5");
    assert_true(isnan(chart_value((double)INFINITY)) && isnan(chart_value((double)NAN)));
    assert_true(chart_value(DBL_MAX) == 1e300 && chart_value(-DBL_MAX) == -1e300);
    assert_true(chart_value(-1e-300) == 0.0);
}

static void check_ticks(double low, double high, size_t most, const char *const *ticks,
                        size_t count) {
    char text[CHART_NUMBER_MAX];
    const ChartAxis axis = chart_axis_logarithmic(low, high, most, true);
    assert_int_equal(axis.ticks, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(chart_axis_text(&axis, i, text), ticks[i]);
    assert_true(chart_axis_tick(&axis, 0) <= low && chart_axis_holds(&axis, low));
    assert_true(chart_axis_holds(&axis, high) && !chart_axis_holds(&axis, high * 100.0));
    assert_false(chart_axis_holds(&axis, 0.0) || chart_axis_holds(&axis, (double)NAN));
}

static void logarithmic_axes(void **state) {
    static const char *const near[] = {"0.5", "1", "2"};
    static const char *const one[] = {"1", "2"};
    static const char *const decades[] = {"0.01", "0.1", "1", "10", "100"};
    static const char *const far[] = {"1e-9", "1e-6", "0.001", "1", "1,000", "1e6"};
    (void)state;
    check_ticks(0.7, 1.3, 6, near, 3);
    check_ticks(1.0, 1.0, 6, one, 2);
    check_ticks(0.02, 99.0, 6, decades, 5);
    check_ticks(1e-9, 1e6, 6, far, 6);
    const ChartAxis axis = chart_axis_logarithmic(1.0, 100.0, 6, true);
    /* The logarithm is within 2 ulp. */
    assert_true(fabs(chart_axis_place(&axis, 10.0) - 0.5) < 1e-15);
    assert_true(chart_axis_place(&axis, -3.0) == 0.0 && chart_axis_place(&axis, 1e9) == 1.0);
}

static void a_long_history_stays_small(void **state) {
    enum { LONG = 100000 };
    double *const values = malloc(LONG * sizeof(*values));
    uint32_t noise = 1;
    assert_non_null(values);
    for (size_t i = 0; i < LONG; i++) values[i] = made_noise(&noise);
    values[54321] = 7.0;
    values[65432] = -7.0;
    const elman_chart chart = {.struct_size = sizeof(chart),
                               .history = values,
                               .history_count = LONG,
                               .forecast = values,
                               .horizon = 100,
                               .time = made_hours};
    elman_chart charts[ELMAN_CHART_PANELS_MAX];
    for (size_t i = 0; i < ELMAN_CHART_PANELS_MAX; i++) charts[i] = chart;
    Sheet sheet = draw(*state, charts, 1, (elman_chart_options){.last = LONG});
    assert_in_range(sheet.size, 5000, 30000);
    /* One peak and one trough survive: the plot's highest and lowest points. */
    assert_non_null(strstr(sheet.text, ">−5</text>"));
    assert_non_null(strstr(sheet.text, ">5</text>"));
    free(sheet.text);
    sheet = draw(*state, charts, ELMAN_CHART_PANELS_MAX, (elman_chart_options){.last = LONG});
    assert_in_range(sheet.size, 50000, 200000);
    free(sheet.text);
    free(values);
}

static size_t width_of(const char *line, size_t size, bool ascii) {
    size_t columns = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)line[i];
        if (ascii) assert_in_range(byte, 0x20, 0x7e);
        columns += (byte & 0xC0) != 0x80;
        columns += byte == 0xE6; /* the wide characters of these tests */
    }
    return columns;
}

static void check_text(const Sheet *sheet, size_t width, size_t lines, bool ascii) {
    const char *at = sheet->text;
    size_t count = 0;
    for (; *at; count++) {
        const size_t size = strcspn(at, "\n");
        if (width_of(at, size, ascii) > width)
            fail_msg("wider than %zu: %.*s", width, (int)size, at);
        at += size + 1;
    }
    assert_int_equal(count, lines);
}

/* Whatever the numbers, words and sizes, no line is wider than asked, and all lines are there. */
static void text_keeps_its_size(void **state) {
    static const size_t widths[] = {30, 31, 72, 500}, heights[] = {6, 12, 50};
    for (size_t i = 0; i < KEPT; i++) {
        for (size_t k = 0; k < 24; k++) {
            MadeSet *const set = made_set(&kept[i]);
            elman_chart_options options = {.format = ELMAN_CHART_TEXT,
                                           .width = widths[k % 4],
                                           .height = heights[k / 4 % 3],
                                           .ascii = k >= 12};
            if (k % 5 == 0) set->charts[0].title = "日本語日本語日本語日本語日本語日本語日本語";
            if (k % 7 == 0) set->charts[0].history_count = 0;
            if (k % 7 == 1) set->charts[0].horizon = 0;
            Sheet sheet = draw(*state, set->charts, 1, options);
            check_text(&sheet, options.width, options.height, options.ascii != 0);
            free(sheet.text);
            free(set);
        }
    }
}

/* What layouts are made of, for geometry: one chart of each mixture. */
typedef struct Mixture {
    double scale, shift;
    size_t history, horizon, count;
    size_t width, height;
    elman_chart_time_function time;
    const char *words;
} Mixture;

static const char *long_times(void *user, size_t step, char text[ELMAN_CHART_TIME_MAX]) {
    (void)user;
    (void)step;
    (void)text;
    return "the year of the great flood, when nobody wrote the day & hour down, \xff\x01 and so on";
}

typedef struct Rect {
    int left, top, right, bottom;
    const char *text;
} Rect;

static bool overlap(const Rect *a, const Rect *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* A label where words are largest: 3/4 of its size above the baseline and 1/5 below. */
static Rect label_rect(const PictureLabel *label) {
    const int width = chart_label_width(label->text, label->style);
    const int size = chart_label_size(label->style);
    const int left = label->anchor == ANCHOR_START ? label->x
                     : label->anchor == ANCHOR_END ? label->x - width
                                                   : label->x - width / 2;
    return (Rect){left, label->y - size * 3 / 4, left + width, label->y + size / 5, label->text};
}

static void check_layout(const ChartLayout *layout, const Mixture *mixture) {
    enum { RECTS_MAX = 512 };
    static Rect rects[RECTS_MAX];
    const Picture *const words = &layout->words;
    size_t count = 0;
    assert_true(words->label_count + layout->swatch_count < RECTS_MAX);
    for (size_t i = 0; i < words->label_count; i++) rects[count++] = label_rect(&words->labels[i]);
    for (size_t i = 0; i < layout->swatch_count; i++) {
        const ChartSwatch *const swatch = &layout->swatches[i];
        rects[count++] = (Rect){swatch->x, swatch->y - 6, swatch->x + CHART_SWATCH, swatch->y + 6,
                                swatch->entry->name};
    }
    for (size_t i = 0; i < layout->panel_count; i++) {
        const ChartPanel *const panel = &layout->panels[i];
        assert_true(panel->height >= 40 && panel->width >= 120);
        if (panel->axis.empty) continue;
        assert_true(panel->axis.ticks >= (panel->height >= 85 ? 2U : 1U));
        rects[count++] = (Rect){panel->left, panel->top, panel->left + panel->width,
                                panel->top + panel->height, "(plot)"};
    }
    for (size_t i = 0; i < count; i++) {
        const Rect *const a = &rects[i];
        if (a->left < 0 || a->top < 0 || a->right > words->width || a->bottom > words->height) {
            fail_msg("\"%s\" leaves the picture", a->text);
        }
        for (size_t k = i + 1; k < count; k++) {
            if (overlap(a, &rects[k])) {
                fail_msg("\"%s\" and \"%s\" overlap (%zu + %zu of %g, %zu charts, %zu x %zu)",
                         a->text, rects[k].text, mixture->history, mixture->horizon, mixture->scale,
                         mixture->count, mixture->width, mixture->height);
            }
        }
    }
}

static void check_mixture(const Mixture *mixture) {
    static double values[2048], other[2048];
    static ChartSet set;
    static ChartLayout layout;
    uint32_t noise = 11;
    elman_error error = {ELMAN_OK, ""};
    Memory memory;
    memory_init(&memory, NULL);
    for (size_t i = 0; i < 2048; i++) {
        values[i] = mixture->shift + mixture->scale * made_noise(&noise);
        other[i] = values[i] + mixture->scale;
    }
    const elman_chart_band bands[] = {
        {95.0, values, other}, {80.0, values, other}, {99.9, values, other}};
    const elman_chart_line lines[] = {{"seasonal naive", values}, {mixture->words, other}};
    elman_chart charts[13];
    for (size_t i = 0; i < mixture->count; i++) {
        charts[i] = (elman_chart){.struct_size = sizeof(*charts),
                                  .title = i % 2 ? NULL : mixture->words,
                                  .value_name = i % 3 ? mixture->words : NULL,
                                  .history = values,
                                  .history_count = mixture->history,
                                  .forecast = values,
                                  .actual = i % 2 ? other : NULL,
                                  .horizon = mixture->horizon,
                                  .bands = bands,
                                  .band_count = mixture->count % 4,
                                  .lines = lines,
                                  .line_count = 2,
                                  .time = mixture->time};
    }
    const elman_chart_options options = {.struct_size = sizeof(options),
                                         .width = mixture->width,
                                         .height = mixture->height,
                                         .last = 2000,
                                         .total = mixture->count + mixture->history % 2};
    if (chart_set_read(&set, &memory, charts, mixture->count, &options, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(chart_layout_make(&layout, &set));
    check_layout(&layout, mixture);
    chart_layout_release(&layout);
}

static void nothing_overlaps(void **state) {
    static const double scales[][2] = {
        {1.0, 0.0},       {0.0, 0.0},     {0.0, -42.0},      {1e-9, 1e6},     {1e30, 0.0},
        {1e-280, 0.0},    {12345.0, 9e6}, {1e-3, -5e8},      {1e300, -1e300}, {1e-7, 0.0},
        {(double)NAN, 0}, {DBL_MAX, 0.0}, {0.1, 987654321.0}};
    static const size_t sizes[][2] = {{320, 0}, {320, 120}, {640, 0}, {375, 170}, {2000, 700}};
    static const size_t steps[][2] = {{0, 1}, {1, 0},    {1, 1},    {2, 1},
                                      {7, 3}, {100, 24}, {1999, 48}};
    static const elman_chart_time_function times[] = {NULL, made_months, made_hours, long_times};
    static const char *const words[] = {
        "a", "a name of many words that go on and on, longer than a picture is wide, & more of it",
        "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語"};
    (void)state;
    for (size_t i = 0; i < sizeof(scales) / sizeof(*scales); i++) {
        for (size_t k = 0; k < 5 * 7 * 3; k++) {
            const size_t *const step = steps[k / 5 % 7];
            const Mixture mixture = {.scale = scales[i][0],
                                     .shift = scales[i][1],
                                     .history = step[0],
                                     .horizon = step[1],
                                     .count = (size_t[]){1, 2, 13}[k / 35],
                                     .width = sizes[k % 5][0],
                                     .height = sizes[k % 5][1],
                                     .time = times[(i + k) % 4],
                                     .words = words[(i + k) % 3]};
            check_mixture(&mixture);
        }
    }
}

static void refused(elman_context *context, const elman_chart *chart, size_t count,
                    elman_chart_options options) {
    Sheet sheet = {NULL, 0};
    elman_error error = {ELMAN_OK, ""};
    options.struct_size = sizeof(options);
    assert_int_equal(elman_chart_draw(context, chart, count, &options, sheet_write, &sheet, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_true(error.message[0] != '\0');
    assert_null(sheet.text);
}

static void wrong_chart(elman_context *context, elman_chart chart) {
    refused(context, &chart, 1, (elman_chart_options){0});
}

static void mistakes_are_refused(void **state) {
    static const double values[] = {1.0, 2.0};
    elman_chart_band bands[9];
    elman_chart_line lines[5];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 9; i++)
        bands[i] = (elman_chart_band){10.0 * (double)(i + 1), values, values};
    for (size_t i = 0; i < 5; i++) lines[i] = (elman_chart_line){names[i], values};
    const elman_chart good = {.struct_size = sizeof(good),
                              .history = values,
                              .history_count = 2,
                              .forecast = values,
                              .horizon = 2,
                              .bands = bands,
                              .band_count = 8,
                              .lines = lines,
                              .line_count = 4};
    Sheet sheet = draw(*state, &good, 1, (elman_chart_options){0});
    free(sheet.text);
    refused(*state, NULL, 1, (elman_chart_options){0});
    refused(*state, &good, 0, (elman_chart_options){0});
    refused(*state, &good, 1, (elman_chart_options){.format = (elman_chart_format)2});
    refused(*state, &good, 1, (elman_chart_options){.width = 319});
    refused(*state, &good, 1, (elman_chart_options){.width = 4097});
    refused(*state, &good, 1, (elman_chart_options){.height = 119});
    refused(*state, &good, 1, (elman_chart_options){.ascii = 1});
    refused(*state, &good, 1, (elman_chart_options){.format = ELMAN_CHART_TEXT, .width = 29});
    refused(*state, &good, 1, (elman_chart_options){.format = ELMAN_CHART_TEXT, .height = 5});
    elman_chart bad = good;
    bad.struct_size = 3;
    wrong_chart(*state, bad);
    const elman_chart two[] = {good, bad};
    refused(*state, two, 2, (elman_chart_options){0});
    bad = good, bad.history = NULL, wrong_chart(*state, bad);
    bad = good, bad.forecast = NULL, wrong_chart(*state, bad);
    bad = good, bad.bands = NULL, wrong_chart(*state, bad);
    bad = good, bad.lines = NULL, wrong_chart(*state, bad);
    bad = good, bad.band_count = 9, wrong_chart(*state, bad);
    bad = good, bad.line_count = 5, wrong_chart(*state, bad);
    bad = good, bad.history_count = bad.horizon = 0, wrong_chart(*state, bad);
    bands[0].level = 101.0;
    wrong_chart(*state, good);
    bands[0].level = (double)NAN;
    wrong_chart(*state, good);
    bands[0] = (elman_chart_band){10.0, values, NULL};
    wrong_chart(*state, good);
    bands[0].high = values;
    lines[0].name = NULL;
    wrong_chart(*state, good);
}

static int stop(void *user, const char *bytes, size_t size) {
    (void)bytes;
    (void)size;
    return ++*(int *)user == 2;
}

static void a_receiver_may_stop(void **state) {
    MadeSet *const set = made_set(&kept[2]);
    int calls = 0;
    assert_int_equal(
        elman_chart_draw(*state, set->charts, set->count, &set->options, stop, &calls, NULL),
        ELMAN_ERR_CANCELLED);
    assert_int_equal(calls, 2);
    free(set);
}

static void allocations_fail(void **state) {
    (void)state;
    for (size_t i = 1; i < KEPT; i += 6) {
        MadeSet *const set = made_set(&kept[i]);
        elman_status status = ELMAN_ERR_MEMORY;
        long tries = 0;
        for (; status != ELMAN_OK && tries < 100; tries++) {
            CountingAllocator allocator = {.allow = ALLOW_ALL};
            const elman_context_options options = {.struct_size = sizeof(options),
                                                   .allocator = counting_allocator(&allocator)};
            elman_context *context;
            Sheet sheet = {NULL, 0};
            assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
            allocator.allow = tries;
            status = elman_chart_draw(context, set->charts, set->count, &set->options, sheet_write,
                                      &sheet, NULL);
            assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
            assert_int_equal(status == ELMAN_OK, sheet.size > 0);
            free(sheet.text);
            elman_context_destroy(context);
            assert_int_equal(allocator.live, 0);
        }
        assert_int_equal(status, ELMAN_OK);
        assert_true(tries > 4);
        free(set);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charts_look_as_they_did),
        cmocka_unit_test(a_locale_changes_nothing),
        cmocka_unit_test(svg_stands_alone),
        cmocka_unit_test(numbers_are_said),
        cmocka_unit_test(numbers_as_text),
        cmocka_unit_test(logarithmic_axes),
        cmocka_unit_test(a_long_history_stays_small),
        cmocka_unit_test(text_keeps_its_size),
        cmocka_unit_test(nothing_overlaps),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(a_receiver_may_stop),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, create_context, destroy_context);
}
