/* Draws lines with bands over numbers. */
#include "diagnose/plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explain/chart_axis.h"
#include "explain/svg_pen.h"

enum {
    WIDTH = 440,
    HEIGHT = 270,
    LEFT = 62,
    TOP = 28,
    RIGHT = 22,
    BOTTOM = 42,
    INNER_WIDTH = WIDTH - LEFT - RIGHT,
    INNER_HEIGHT = HEIGHT - TOP - BOTTOM,
    TICKS = 6,
    LOGARITHMIC_TICKS = 10, /* of x, whose numbers are short */
    DECADES = 10,           /* the most that a logarithmic axis shows, below its greatest value */
    DIGITS = 4
};

/* From here on there is no room for all digits before an axis. */
static const double LONG_NUMBER = 1e6;

typedef struct Scales {
    ChartAxis x, y;
} Scales;

PlotNumbers plot_sizes(const size_t *first) {
    return (PlotNumbers){PLOT_SIZES, first, sizeof *first};
}

PlotNumbers plot_doubles(const double *first) {
    return (PlotNumbers){PLOT_DOUBLES, first, sizeof *first};
}

static double number_at(const PlotNumbers *numbers, size_t index) {
    const char *const place =
        numbers->first ? (const char *)numbers->first + index * numbers->stride : NULL;
    size_t size;
    uint64_t step;
    double value;
    switch (numbers->type) {
    case PLOT_INDEX:
        return (double)index;
    case PLOT_SIZES:
        memcpy(&size, place, sizeof size);
        return (double)size;
    case PLOT_STEPS:
        memcpy(&step, place, sizeof step);
        return (double)step;
    case PLOT_DOUBLES:
        memcpy(&value, place, sizeof value);
        return chart_value(value);
    }
    return (double)NAN;
}

PlotSeries *plot_add(Plot *plot, size_t count, PlotNumbers x, PlotNumbers y, const char *format,
                     ...) {
    plot->offered++;
    if (plot->series_count == PLOT_SERIES_MAX) return NULL;
    PlotSeries *const series = &plot->series[plot->series_count];
    *series = (PlotSeries){.count = y.first ? count : 0,
                           .colour = plot->series_count % PLOT_COLOURS,
                           .dashed = plot->series_count >= PLOT_COLOURS,
                           .x = x,
                           .y = y};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(series->name, sizeof series->name, format, arguments);
    va_end(arguments);
    plot->series_count++;
    return series;
}

PlotSeries *plot_add_quartiles(Plot *plot, size_t count, PlotNumbers x,
                               const elman_quartiles *quartiles, const char *name) {
    const size_t stride = sizeof *quartiles;
    const PlotNumbers y = {PLOT_DOUBLES, quartiles ? &quartiles->median : NULL, stride};
    PlotSeries *const series = plot_add(plot, count, x, y, "%s", name);
    if (!series || !quartiles) return series;
    series->low = (PlotNumbers){PLOT_DOUBLES, &quartiles->low, stride};
    series->high = (PlotNumbers){PLOT_DOUBLES, &quartiles->high, stride};
    return series;
}

void plot_mark(Plot *plot, PlotMarkKind kind, double at, const char *format, ...) {
    if (plot->mark_count == PLOT_MARKS_MAX) return;
    PlotMark *const mark = &plot->marks[plot->mark_count++];
    mark->kind = kind;
    mark->at = at;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(mark->text, sizeof mark->text, format, arguments);
    va_end(arguments);
}

/* What can be drawn: finite, and above 0 on a logarithmic axis. */
static bool is_shown(const Plot *plot, double x, double y) {
    return !isnan(x) && !isnan(y) && !(plot->x_logarithmic && x <= 0.0) &&
           !(plot->y_logarithmic && y <= 0.0);
}

bool plot_has_points(const Plot *plot) {
    for (size_t s = 0; s < plot->series_count; s++) {
        const PlotSeries *const series = &plot->series[s];
        size_t points = 0;
        for (size_t i = 0; i < series->count; i++) {
            points += is_shown(plot, number_at(&series->x, i), number_at(&series->y, i));
            if (points == 2) return true;
        }
    }
    return false;
}

/* A range that grows; NaN changes nothing. */
typedef struct Reach {
    double low, high;
} Reach;

static void reach(Reach *range, double value) {
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

static void reach_series(const Plot *plot, const PlotSeries *series, Reach *x, Reach *y) {
    for (size_t i = 0; i < series->count; i++) {
        const double at = number_at(&series->x, i), value = number_at(&series->y, i);
        if (!is_shown(plot, at, value)) continue;
        reach(x, at);
        reach(y, value);
        if (!series->low.first) continue;
        const double low = number_at(&series->low, i), high = number_at(&series->high, i);
        if (!plot->y_logarithmic || low > 0.0) reach(y, low);
        if (!plot->y_logarithmic || high > 0.0) reach(y, high);
    }
}

/* A logarithmic axis ends where numbers mean nothing any more, as gradients do. */
static ChartAxis make_axis(const Reach *range, bool logarithmic, size_t most) {
    if (!logarithmic) {
        ChartAxis axis = chart_axis(range->low, range->high, most, false);
        axis.scientific = axis.scientific || fmax(-axis.low, axis.high) >= LONG_NUMBER;
        return axis;
    }
    double least = fmin(range->high, 1.0);
    for (int i = 0; i < DECADES; i++) least /= 10.0;
    const double low = fmax(fmax(range->low, least), 1e-280);
    return chart_axis_logarithmic(low, fmax(fmin(range->high, 1e280), low), most, false);
}

static Scales make_scales(const Plot *plot) {
    Reach x = {(double)NAN, (double)NAN}, y = x;
    for (size_t s = 0; s < plot->series_count; s++) reach_series(plot, &plot->series[s], &x, &y);
    /* A level is in sight where it is not far: one of no consequence must not flatten the lines. */
    for (size_t m = 0; m < plot->mark_count; m++) {
        const PlotMark *const mark = &plot->marks[m];
        if (mark->kind == PLOT_LEVEL &&
            (plot->y_logarithmic || fabs(mark->at) <= 2.0 * fabs(y.high)))
            reach(&y, chart_value(mark->at));
        if (mark->kind != PLOT_LEVEL && mark->at <= 2.0 * x.high) reach(&x, mark->at);
    }
    return (Scales){
        make_axis(&x, plot->x_logarithmic, plot->x_logarithmic ? LOGARITHMIC_TICKS : TICKS),
        make_axis(&y, plot->y_logarithmic, TICKS)};
}

static int place_x(const Scales *scales, double value) {
    return 10 * LEFT + (int)floor(chart_axis_place(&scales->x, value) * 10 * INNER_WIDTH + 0.5);
}

static int place_y(const Scales *scales, double value) {
    return 10 * (TOP + INNER_HEIGHT) -
           (int)floor(chart_axis_place(&scales->y, value) * 10 * INNER_HEIGHT + 0.5);
}

/* The edge of a band over the points `from` to `to`, forwards or backwards. */
static void draw_edge(DiagramOut *out, const Scales *scales, const PlotSeries *series,
                      const PlotNumbers *edge, size_t from, size_t to, bool forwards) {
    for (size_t i = 0; i < to - from; i++) {
        const size_t at = forwards ? from + i : to - 1 - i;
        svg_point(out, forwards && i == 0 ? "M" : "L", place_x(scales, number_at(&series->x, at)),
                  place_y(scales, number_at(edge, at)));
    }
}

static void draw_band(DiagramOut *out, const Plot *plot, const Scales *scales,
                      const PlotSeries *series) {
    if (!series->low.first) return;
    bool any = false;
    for (size_t from = 0, to; from < series->count; from = to + 1) {
        to = from;
        while (to < series->count && is_shown(plot, number_at(&series->x, to), 1.0) &&
               !isnan(number_at(&series->low, to)) && !isnan(number_at(&series->high, to)))
            to++;
        if (to - from < 2) continue;
        if (!any) diagram_out_print(out, "<path class=\"b%zu\" d=\"", series->colour);
        any = true;
        draw_edge(out, scales, series, &series->high, from, to, true);
        draw_edge(out, scales, series, &series->low, from, to, false);
        diagram_out_print(out, "z");
    }
    if (any) diagram_out_print(out, "\"/>\n");
}

/* Points that share a column of pixels: the lowest and the highest of them are drawn, in order. */
typedef struct Column {
    size_t count;
    int x[2], y[2]; /* of the lowest and the highest */
    bool low_first;
} Column;

static void draw_column(SvgPen *pen, Column *column) {
    if (column->count == 0) return;
    const int first = column->low_first ? 0 : 1;
    svg_pen_to(pen, column->x[first], column->y[first]);
    if (column->y[0] != column->y[1]) svg_pen_to(pen, column->x[1 - first], column->y[1 - first]);
    column->count = 0;
}

static void gather(SvgPen *pen, Column *column, int x, int y) {
    if (column->count > 0 && column->x[0] / 10 != x / 10) draw_column(pen, column);
    if (column->count++ == 0) {
        *column = (Column){1, {x, x}, {y, y}, true};
    } else if (y < column->y[1]) {
        column->x[1] = x;
        column->y[1] = y;
        column->low_first = true;
    } else if (y > column->y[0]) {
        column->x[0] = x;
        column->y[0] = y;
        column->low_first = false;
    }
}

static void draw_line(DiagramOut *out, const Plot *plot, const Scales *scales,
                      const PlotSeries *series) {
    char style[16];
    const bool many = series->count / 2 > INNER_WIDTH;
    Column column = {0};
    (void)snprintf(style, sizeof style, "l%zu%s", series->colour, series->dashed ? " dash" : "");
    SvgPen pen = {.out = out, .style = style};
    for (size_t i = 0; i < series->count; i++) {
        const double x = number_at(&series->x, i), value = number_at(&series->y, i);
        /* What is 0 on a logarithmic axis is at its low end, or is not known. */
        if (isnan(value) || isnan(x) || (plot->x_logarithmic && x <= 0.0)) {
            if (series->joined) continue;
            draw_column(&pen, &column);
            svg_pen_up(&pen);
        } else if (many) {
            gather(&pen, &column, place_x(scales, x), place_y(scales, value));
        } else {
            svg_pen_to(&pen, place_x(scales, x), place_y(scales, value));
        }
    }
    draw_column(&pen, &column);
    svg_pen_end(&pen);
}

static bool in_sight(const Scales *scales, const PlotMark *mark) {
    return chart_axis_holds(mark->kind == PLOT_LEVEL ? &scales->y : &scales->x, mark->at);
}

static void draw_marks(DiagramOut *out, const Plot *plot, const Scales *scales) {
    for (size_t m = 0; m < plot->mark_count; m++) {
        const PlotMark *const mark = &plot->marks[m];
        if (!in_sight(scales, mark)) continue;
        diagram_out_print(out, "<path class=\"m%d\" d=\"", (int)mark->kind);
        if (mark->kind == PLOT_LEVEL) {
            svg_point(out, "M", 10 * LEFT, place_y(scales, mark->at));
            diagram_out_print(out, "h%d\"/>\n", INNER_WIDTH);
        } else {
            svg_point(out, "M", place_x(scales, mark->at), 10 * TOP);
            diagram_out_print(out, "v%d\"/>\n", INNER_HEIGHT);
        }
    }
}

static void draw_text(DiagramOut *out, const char *anchor, int x, int y, const char *text) {
    diagram_out_print(out, "<text text-anchor=\"%s\" x=\"%d\" y=\"%d\">", anchor, x, y);
    diagram_out_xml(out, text);
    diagram_out_print(out, "</text>\n");
}

static void draw_axes(DiagramOut *out, const Plot *plot, const Scales *scales) {
    char text[CHART_NUMBER_MAX];
    const int bottom = TOP + INNER_HEIGHT;
    diagram_out_print(out, "<path class=\"grid\" d=\"");
    for (size_t i = 0; i < scales->y.ticks; i++) {
        svg_point(out, "M", 10 * LEFT, place_y(scales, chart_axis_tick(&scales->y, i)));
        diagram_out_print(out, "h%d", INNER_WIDTH);
    }
    diagram_out_print(out, "\"/>\n<path class=\"axis\" d=\"M%d %dh%d", LEFT, bottom, INNER_WIDTH);
    for (size_t i = 0; i < scales->x.ticks; i++) {
        svg_point(out, "M", place_x(scales, chart_axis_tick(&scales->x, i)), 10 * bottom);
        diagram_out_print(out, "v4");
    }
    diagram_out_print(out, "\"/>\n");
    for (size_t i = 0; i < scales->y.ticks; i++)
        draw_text(out, "end", LEFT - 6, place_y(scales, chart_axis_tick(&scales->y, i)) / 10 + 4,
                  chart_axis_text(&scales->y, i, text));
    for (size_t i = 0; i < scales->x.ticks; i++)
        draw_text(out, "middle", place_x(scales, chart_axis_tick(&scales->x, i)) / 10, bottom + 17,
                  chart_axis_text(&scales->x, i, text));
    draw_text(out, "start", 4, 14, plot->y_name);
    draw_text(out, "end", WIDTH - RIGHT, HEIGHT - 6, plot->x_name);
}

/* The first and the last number of each series, for those who do not see it. */
static void describe(DiagramOut *out, const Plot *plot) {
    char text[CHART_NUMBER_MAX];
    for (size_t s = 0; s < plot->series_count; s++) {
        const PlotSeries *const series = &plot->series[s];
        size_t first = 0, last = series->count;
        while (first < last && isnan(number_at(&series->y, first))) first++;
        if (first == last) continue;
        while (isnan(number_at(&series->y, last - 1))) last--;
        if (s > 0) diagram_out_print(out, "; ");
        diagram_out_xml(out, series->name);
        diagram_out_print(out, " from %s",
                          chart_number_short(number_at(&series->y, first), DIGITS, false, text));
        diagram_out_print(out, " to %s",
                          chart_number_short(number_at(&series->y, last - 1), DIGITS, false, text));
    }
    diagram_out_print(out, ".");
}

/* The sample of a line before its name. */
static void write_swatch(DiagramOut *out, const char *style, size_t index, bool dashed) {
    diagram_out_print(out,
                      "<li><svg class=\"swatch\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">"
                      "<path class=\"%s%zu%s\" d=\"M1 6h24\"/></svg> ",
                      style, index, dashed ? " dash" : "");
}

static void write_legend(DiagramOut *out, const Plot *plot, const Scales *scales) {
    diagram_out_print(out, "<ul class=\"legend\">\n");
    for (size_t s = 0; s < plot->series_count; s++) {
        const PlotSeries *const series = &plot->series[s];
        write_swatch(out, "l", series->colour, series->dashed);
        diagram_out_xml(out, series->name);
        diagram_out_print(out, "</li>\n");
    }
    if (plot->offered > plot->series_count)
        diagram_out_print(out, "<li>the first %zu of %zu</li>\n", plot->series_count,
                          plot->offered);
    for (size_t m = 0; m < plot->mark_count; m++) {
        write_swatch(out, "m", (size_t)plot->marks[m].kind, false);
        diagram_out_xml(out, plot->marks[m].text);
        if (isfinite(plot->marks[m].at) && !in_sight(scales, &plot->marks[m]))
            diagram_out_print(out, " (outside the plot)");
        diagram_out_print(out, "</li>\n");
    }
    diagram_out_print(out, "</ul>\n");
}

static void open_figure(DiagramOut *out, const char *title, int height) {
    diagram_out_print(out, "<figure>\n<figcaption>");
    diagram_out_xml(out, title);
    diagram_out_print(out,
                      "</figcaption>\n<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
                      "aria-label=\"",
                      WIDTH, height);
    diagram_out_xml(out, title);
    diagram_out_print(out, "\">\n<title>");
    diagram_out_xml(out, title);
    diagram_out_print(out, "</title>\n");
}

void plot_draw(DiagramOut *out, const Plot *plot) {
    if (!plot_has_points(plot)) return;
    const Scales scales = make_scales(plot);
    open_figure(out, plot->title, HEIGHT);
    diagram_out_print(out, "<desc>");
    describe(out, plot);
    diagram_out_print(out, "</desc>\n");
    draw_axes(out, plot, &scales);
    for (size_t s = 0; s < plot->series_count; s++) draw_band(out, plot, &scales, &plot->series[s]);
    draw_marks(out, plot, &scales);
    for (size_t s = 0; s < plot->series_count; s++) draw_line(out, plot, &scales, &plot->series[s]);
    diagram_out_print(out, "</svg>\n");
    write_legend(out, plot, &scales);
    diagram_out_print(out, "</figure>\n");
}

void plot_bars(DiagramOut *out, const char *title, const PlotBar *bars, size_t count,
               const char *left, const char *right) {
    enum { NAME = 76, BAR = 230, ROW = 24 };
    open_figure(out, title, (int)count * ROW + 8);
    for (size_t i = 0; i < count; i++) {
        const int y = (int)i * ROW + 4;
        const int from_left = (int)(bars[i].left * BAR + 0.5);
        const int from_right = (int)(bars[i].right * BAR + 0.5);
        draw_text(out, "end", NAME - 8, y + 14, bars[i].name);
        diagram_out_print(out, "<path class=\"track\" d=\"M%d %dh%dv18h-%dz\"/>\n", NAME, y, BAR,
                          BAR);
        diagram_out_print(out, "<path class=\"f0\" d=\"M%d %dh%dv18h-%dz\"/>\n", NAME, y, from_left,
                          from_left);
        if (right)
            diagram_out_print(out, "<path class=\"f1\" d=\"M%d %dh-%dv18h%dz\"/>\n", NAME + BAR, y,
                              from_right, from_right);
        draw_text(out, "start", NAME + BAR + 8, y + 14, bars[i].text);
    }
    diagram_out_print(out, "</svg>\n<ul class=\"legend\">\n<li><span class=\"box f0\"></span> ");
    diagram_out_xml(out, left);
    if (right) {
        diagram_out_print(out, "</li>\n<li><span class=\"box f1\"></span> ");
        diagram_out_xml(out, right);
    }
    diagram_out_print(out, "</li>\n</ul>\n</figure>\n");
}
