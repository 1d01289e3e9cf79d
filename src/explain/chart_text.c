/* Draws charts with the characters of a terminal: lines of Braille dots, or plain ASCII. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/utf8.h"
#include "explain/chart_parts.h"
#include "explain/diagram_picture.h"

enum { DOTS_ACROSS = 2, DOTS_DOWN = 4, BRAILLE = 0x2800, WORDS = 3 /* rows that are no plot */ };

typedef enum Mark { MARK_NOTHING, MARK_WIDE, MARK_NARROW, MARK_FORECAST } Mark;

/* Dots that a line is drawn with. */
typedef struct Grid {
    size_t width, height;
    unsigned char *dots; /* [height][width] */
} Grid;

/* A plot of history columns, a line at the origin, forecast columns. */
typedef struct TextChart {
    const ChartSet *set;
    const Chart *chart;
    ChartAxis axis;
    bool ascii;
    size_t margin; /* columns of numbers and the axis */
    size_t rows, past, future;
    Grid history, actual, forecast;
    unsigned char *marks; /* [rows][future]: bands */
} TextChart;

/* Columns that a terminal gives to a character: two to those of East Asia and emoji. */
static size_t character_columns(uint32_t c) {
    static const uint32_t wide[][2] = {
        {0x1100, 0x115F}, {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
        {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
        {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD},
    };
    for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
        if (c >= wide[i][0] && c <= wide[i][1]) return 2;
    }
    return 1;
}

static size_t columns_of(const char *text) {
    size_t columns = 0;
    while (*text) columns += character_columns(picture_next_character(&text));
    return columns;
}

static void cut_to(char *text, size_t columns) {
    while (columns_of(text) > columns) chart_text_shorten(text);
}

static void set_dot(const Grid *grid, size_t x, size_t y) {
    grid->dots[y * grid->width + x] = 1;
}

/* Where step `i` of `count` stands among `width` places. */
static size_t place_x(size_t i, size_t count, size_t width) {
    return (size_t)floor(((double)i + 0.5) / (double)count * (double)width);
}

static size_t place_y(const ChartAxis *axis, double value, size_t height) {
    const double place = chart_axis_place(axis, value) * (double)(height - 1);
    return height - 1 - (size_t)floor(place + 0.5);
}

static size_t toward(size_t from, size_t to, size_t step, size_t steps) {
    const double share = (double)step / (double)steps;
    return (size_t)floor((double)from + ((double)to - (double)from) * share + 0.5);
}

/* A straight line of dots. */
static void connect(const Grid *grid, size_t x0, size_t y0, size_t x1, size_t y1) {
    const size_t across = x1 > x0 ? x1 - x0 : x0 - x1, down = y1 > y0 ? y1 - y0 : y0 - y1;
    const size_t steps = across > down ? across : down;
    for (size_t i = 0; i <= steps; i++) {
        set_dot(grid, steps ? toward(x0, x1, i, steps) : x0, steps ? toward(y0, y1, i, steps) : y0);
    }
}

static void draw_line(const Grid *grid, const ChartAxis *axis, const double *values, size_t count) {
    size_t x = 0, y = 0;
    bool down = false;
    for (size_t i = 0; i < count; i++) {
        const double value = chart_value(values[i]);
        if (isnan(value)) {
            down = false;
            continue;
        }
        const size_t next_x = place_x(i, count, grid->width);
        const size_t next_y = place_y(axis, value, grid->height);
        connect(grid, down ? x : next_x, down ? y : next_y, next_x, next_y);
        x = next_x;
        y = next_y;
        down = true;
    }
}

/* An edge of a band at the middle of a column, between its steps. NaN: not there. */
static double edge_at(const double *edge, size_t horizon, size_t column, size_t columns) {
    const double at = ((double)column + 0.5) / (double)columns * (double)horizon - 0.5;
    const double inside = fmin(fmax(at, 0.0), (double)(horizon - 1));
    const size_t step = (size_t)inside, next = step + 1 < horizon ? step + 1 : step;
    const double share = inside - (double)step;
    return chart_value(edge[step]) * (1.0 - share) + chart_value(edge[next]) * share;
}

static void draw_band(TextChart *text, const elman_chart_band *band, Mark mark) {
    const size_t horizon = text->chart->given.horizon;
    for (size_t column = 0; column < text->future; column++) {
        const double low = edge_at(band->low, horizon, column, text->future);
        const double high = edge_at(band->high, horizon, column, text->future);
        if (isnan(low) || isnan(high)) continue;
        const size_t bottom = place_y(&text->axis, low, text->rows);
        for (size_t row = place_y(&text->axis, high, text->rows); row <= bottom; row++) {
            text->marks[row * text->future + column] = (unsigned char)mark;
        }
    }
}

/* The widest level, and before it the narrowest where there are two. */
static Mark band_mark(const TextChart *text, const ChartEntry *entry) {
    if (entry->index + 1 == text->set->band_count) return MARK_WIDE;
    return entry->index == 0 ? MARK_NARROW : MARK_NOTHING;
}

static void draw_bands(TextChart *text) {
    const elman_chart *const given = &text->chart->given;
    for (Mark mark = MARK_WIDE; mark <= MARK_NARROW; mark++) {
        for (size_t i = 0; i < given->band_count; i++) {
            const ChartEntry *const entry = chart_set_band(text->set, &given->bands[i]);
            if (band_mark(text, entry) == mark) draw_band(text, &given->bands[i], mark);
        }
    }
}

/* The sign for one cell of Braille dots, or of ASCII. Empty: no dot. */
static bool cell_sign(const TextChart *text, const Grid *grid, size_t column, size_t row,
                      char plain, char sign[5]) {
    static const uint32_t bits[DOTS_DOWN][DOTS_ACROSS] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    if (text->ascii) {
        sign[0] = plain;
        sign[1] = '\0';
        return grid->dots[row * grid->width + column] != 0;
    }
    uint32_t pattern = 0;
    for (size_t y = 0; y < DOTS_DOWN; y++) {
        for (size_t x = 0; x < DOTS_ACROSS; x++) {
            const size_t dot = (row * DOTS_DOWN + y) * grid->width + column * DOTS_ACROSS + x;
            if (grid->dots[dot]) pattern |= bits[y][x];
        }
    }
    sign[utf8_encode(BRAILLE + pattern, sign)] = '\0';
    return pattern != 0;
}

static const char *mark_sign(const TextChart *text, Mark mark) {
    static const char *const signs[] = {" ", "░", "▒", "●"}, *const plain[] = {" ", ".", ":", "o"};
    return text->ascii ? plain[mark] : signs[mark];
}

static void write_row(DiagramOut *out, const TextChart *text, size_t row) {
    char number[CHART_NUMBER_MAX] = "", sign[5];
    for (size_t i = 0; i < text->axis.ticks; i++) {
        const double tick = chart_axis_tick(&text->axis, i);
        if (place_y(&text->axis, tick, text->rows) == row) {
            (void)chart_axis_text(&text->axis, i, number);
        }
    }
    diagram_out_repeat(out, " ", text->margin - 2 - columns_of(number));
    diagram_out_print(out, "%s %s", number, text->ascii ? "|" : number[0] ? "┤" : "│");
    for (size_t column = 0; column < text->past; column++) {
        const bool any = cell_sign(text, &text->history, column, row, '*', sign);
        diagram_out_print(out, "%s", any ? sign : " ");
    }
    if (text->past > 0 && text->future > 0) diagram_out_print(out, text->ascii ? "|" : "┊");
    for (size_t column = 0; column < text->future; column++) {
        const size_t cell = row * text->future + column;
        const bool any =
            text->actual.dots && cell_sign(text, &text->actual, column, row, '+', sign);
        if (text->forecast.dots[cell]) {
            diagram_out_print(out, "%s", mark_sign(text, MARK_FORECAST));
        } else {
            diagram_out_print(out, "%s", any ? sign : mark_sign(text, (Mark)text->marks[cell]));
        }
    }
    diagram_out_print(out, "\n");
}

/* A piece of a line that has `*room` columns left. */
static void write_piece(DiagramOut *out, size_t *room, const char *piece) {
    char cut[CHART_TEXT_MAX + 16];
    (void)snprintf(cut, sizeof(cut), "%s", piece);
    cut_to(cut, *room);
    *room -= columns_of(cut);
    diagram_out_print(out, "%s", cut);
}

static void write_title(DiagramOut *out, const TextChart *text) {
    char name[CHART_TEXT_MAX];
    size_t room = text->set->options.width;
    write_piece(out, &room, text->chart->title);
    if (text->chart->given.value_name) {
        chart_text_copy(name, sizeof(name), text->chart->given.value_name, text->ascii);
        write_piece(out, &room, " (");
        write_piece(out, &room, name);
        write_piece(out, &room, ")");
    }
    diagram_out_print(out, "\n");
}

static void write_legend(DiagramOut *out, const TextChart *text) {
    size_t room = text->set->options.width - text->margin;
    bool first = true;
    diagram_out_repeat(out, " ", text->margin);
    for (size_t i = 0; i < text->set->entry_count; i++) {
        const ChartEntry *const entry = &text->set->entries[i];
        char piece[CHART_TEXT_MAX + 16];
        const char *sign = mark_sign(text, MARK_FORECAST), *joined = "";
        if (entry->kind == CHART_BAND && band_mark(text, entry) == MARK_NOTHING) continue;
        if (entry->kind == CHART_BAND) sign = mark_sign(text, band_mark(text, entry));
        if (entry->kind == CHART_HISTORY) sign = text->ascii ? "*" : "⠒";
        if (entry->kind == CHART_ACTUAL) sign = text->ascii ? "+" : "⠒";
        /* Of dots both are one line. */
        if (entry->kind == CHART_ACTUAL && !text->ascii && i > 0) continue;
        if (entry->kind == CHART_HISTORY && !text->ascii && entry[1].kind == CHART_ACTUAL) {
            joined = ", actual";
        }
        (void)snprintf(piece, sizeof(piece), "%s%s %s%s", first ? "" : "   ", sign, entry->name,
                       joined);
        if (columns_of(piece) > room) break;
        write_piece(out, &room, piece);
        first = false;
    }
    diagram_out_print(out, "\n");
}

/* The first and the last time, and that of the first forecast where there is room between. */
static void write_times(DiagramOut *out, const TextChart *text) {
    const Chart *const chart = text->chart;
    const size_t room = text->set->options.width - text->margin;
    char first[ELMAN_CHART_TIME_MAX], middle[ELMAN_CHART_TIME_MAX], last[ELMAN_CHART_TIME_MAX];
    (void)chart_time(chart, 0, text->ascii, first);
    (void)chart_time(chart, chart->steps - 1, text->ascii, last);
    cut_to(first, room);
    diagram_out_repeat(out, " ", text->margin);
    diagram_out_print(out, "%s", first);
    size_t used = columns_of(first);
    size_t end = room - (columns_of(last) < room ? columns_of(last) : room);
    if (chart->steps == 1 || used + 2 > end) {
        diagram_out_print(out, "\n");
        return;
    }
    if (chart->shown > 0 && chart->given.horizon > 1) {
        (void)chart_time(chart, chart->shown, text->ascii, middle);
        const size_t start = text->past + 1, width = columns_of(middle);
        if (start >= used + 2 && start + width + 2 <= end) {
            diagram_out_repeat(out, " ", start - used);
            diagram_out_print(out, "%s", middle);
            used = start + width;
        }
    }
    diagram_out_repeat(out, " ", end - used);
    diagram_out_print(out, "%s\n", last);
}

/* How many columns each part gets. */
static void share_columns(TextChart *text) {
    const Chart *const chart = text->chart;
    char number[CHART_NUMBER_MAX];
    size_t widest = 1;
    for (size_t i = 0; i < text->axis.ticks; i++) {
        const size_t columns = columns_of(chart_axis_text(&text->axis, i, number));
        if (columns > widest) widest = columns;
    }
    text->margin = widest + 2;
    const size_t columns = text->set->options.width - text->margin;
    if (chart->shown == 0 || chart->given.horizon == 0) {
        text->past = chart->shown > 0 ? columns : 0;
        text->future = columns - text->past;
        return;
    }
    const double share = (double)chart->shown / (double)chart->steps;
    text->past = (size_t)floor((double)(columns - 1) * share + 0.5);
    if (text->past < 1) text->past = 1;
    if (text->past > columns - 2) text->past = columns - 2;
    text->future = columns - 1 - text->past;
}

static bool make_grid(Grid *grid, Memory *memory, size_t columns, size_t rows, bool dots) {
    grid->width = dots ? columns * DOTS_ACROSS : columns;
    grid->height = dots ? rows * DOTS_DOWN : rows;
    grid->dots = memory_allocate_array(memory, grid->width, grid->height);
    return grid->dots != NULL;
}

static bool make(TextChart *text) {
    Memory *const memory = text->set->memory;
    const elman_chart *const given = &text->chart->given;
    text->rows = text->set->options.height - WORDS;
    text->axis = chart_axis(text->chart->low, text->chart->high, text->rows / 2 + 1, text->ascii);
    share_columns(text);
    text->marks = memory_allocate_array(memory, text->rows, text->future);
    if (!text->marks || !make_grid(&text->history, memory, text->past, text->rows, !text->ascii) ||
        !make_grid(&text->forecast, memory, text->future, text->rows, false)) {
        return false;
    }
    if (given->actual &&
        !make_grid(&text->actual, memory, text->future, text->rows, !text->ascii)) {
        return false;
    }
    if (text->axis.empty) return true;
    draw_bands(text);
    if (text->past > 0) {
        draw_line(&text->history, &text->axis, given->history + text->chart->first,
                  text->chart->shown);
    }
    if (given->actual) draw_line(&text->actual, &text->axis, given->actual, given->horizon);
    draw_line(&text->forecast, &text->axis, given->forecast, given->horizon);
    return true;
}

static void release(TextChart *text) {
    Memory *const memory = text->set->memory;
    memory_release(memory, text->marks);
    memory_release(memory, text->history.dots);
    memory_release(memory, text->forecast.dots);
    memory_release(memory, text->actual.dots);
}

elman_status chart_text(DiagramOut *out, const ChartSet *set, elman_error *error) {
    char note[CHART_TEXT_MAX];
    for (size_t i = 0; i < set->count; i++) {
        TextChart text = {.set = set, .chart = &set->charts[i], .ascii = set->options.ascii != 0};
        const bool made = make(&text);
        if (made) {
            if (i > 0) diagram_out_print(out, "\n");
            write_title(out, &text);
            for (size_t row = 0; row < text.rows; row++) write_row(out, &text, row);
            write_times(out, &text);
            write_legend(out, &text);
        }
        release(&text);
        if (!made) return fail(error, ELMAN_ERR_MEMORY, "no memory for a chart of text");
    }
    if (*chart_set_note(set, note)) diagram_out_print(out, "\n%s\n", note);
    return ELMAN_OK;
}
