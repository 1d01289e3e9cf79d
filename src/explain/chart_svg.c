/* Draws charts as SVG that stands alone. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "explain/chart_layout.h"
#include "explain/diagram_forms.h"
#include "explain/svg_pen.h"

enum { ALONE = 30 /* half the width of a band of one step, in tenths of a pixel */ };

static const char light[] =
    "svg{max-width:100%;height:auto}.paper{fill:#ffffff}\n"
    ".grid,.axis,.origin,.h,.a,.f,.n0,.n1,.n2,.n3{fill:none;stroke-linejoin:round}\n"
    ".grid{stroke:#57606a;stroke-opacity:.16}.axis{stroke:#8c959f}\n"
    ".origin{stroke:#57606a;stroke-dasharray:2 3}\n"
    ".h{stroke:#6e7781;stroke-width:1.4}.a{stroke:#1f2328;stroke-width:1.5}\n"
    ".f{stroke:#4a4fc4;stroke-width:2.2}\n"
    ".n0,.n1,.n2,.n3{stroke-width:1.5}.n0{stroke:#9a6700;stroke-dasharray:6 3}\n"
    ".n1{stroke:#1a7f37;stroke-dasharray:2 2}.n2{stroke:#b5327f;stroke-dasharray:9 3 2 3}\n"
    ".n3{stroke:#0f6f8f;stroke-dasharray:4 4}\n";
static const char dark[] = ".paper{fill:#0d1117}.grid{stroke:#9da7b1}.axis{stroke:#6e7681}\n"
                           ".origin{stroke:#9da7b1}.h{stroke:#8b949e}.a{stroke:#f0f6fc}\n"
                           ".f{stroke:#a5a8ff}.n0{stroke:#e3b341}.n1{stroke:#56d364}\n"
                           ".n2{stroke:#f778ba}.n3{stroke:#56c2e6}\n";
/* A third larger where the picture is small: chart_label_width leaves room for that. */
static const char small_screen[] =
    "@media screen and (max-width:480px){.title{font-size:21px}.name{font-size:17px}\n"
    ".plain{font-size:16px}.small{font-size:14px}}\n";

static const char *const line_classes[] = {"n0", "n1", "n2", "n3"};

/* Bands between paper and the forecast's colour: the wider, the nearer to paper. */
static void write_band_style(DiagramOut *out, size_t bands, const int paper[3], const int ink[3],
                             int least, int most) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bands; i++) {
        const int share =
            bands == 1 ? (least + most) / 2 : most - (most - least) * (int)i / (int)(bands - 1);
        char colour[7] = "";
        for (int part = 0; part < 3; part++) {
            const int value = (paper[part] * (100 - share) + ink[part] * share + 50) / 100;
            colour[2 * part] = digits[value / 16];
            colour[2 * part + 1] = digits[value % 16];
        }
        diagram_out_print(out, ".b%zu{fill:#%s}%s", i, colour, i + 1 == bands ? "\n" : "");
    }
}

static void write_style(DiagramOut *out, size_t bands) {
    static const int white[] = {255, 255, 255}, night[] = {13, 17, 23};
    static const int indigo[] = {74, 79, 196}, pale[] = {165, 168, 255};
    diagram_out_print(out, "<style>\n");
    diagram_out_bytes(out, diagram_svg_text_style, strlen(diagram_svg_text_style));
    diagram_out_bytes(out, light, strlen(light));
    write_band_style(out, bands, white, indigo, 16, 36);
    diagram_out_bytes(out, small_screen, strlen(small_screen));
    diagram_out_bytes(out, diagram_svg_dark_text_style, strlen(diagram_svg_dark_text_style));
    diagram_out_bytes(out, dark, strlen(dark));
    write_band_style(out, bands, night, pale, 22, 46);
    diagram_out_print(out, "}\n</style>\n");
}

static int panel_y(const ChartPanel *panel, double value) {
    const double place = chart_axis_place(&panel->axis, value);
    return 10 * (panel->top + panel->height) - (int)floor(place * 10 * panel->height + 0.5);
}

/* Steps that share a column of pixels are drawn as one, where there are many. */
static bool same_column(const ChartPanel *panel, size_t step, size_t other) {
    return panel->chart->steps / 2 > (size_t)panel->width &&
           chart_panel_x(panel, step) / 10 == chart_panel_x(panel, other) / 10;
}

/* The least and the greatest value of the steps `from` to `to`, in the order of time. */
static void draw_extremes(SvgPen *pen, const ChartPanel *panel, const double *values, size_t first,
                          size_t from, size_t to) {
    size_t low = to, high = to;
    for (size_t i = from; i < to; i++) {
        const double value = chart_value(values[i]);
        if (isnan(value)) continue;
        if (low == to || value < chart_value(values[low])) low = i;
        if (high == to || value > chart_value(values[high])) high = i;
    }
    if (low == to) {
        svg_pen_up(pen);
        return;
    }
    const size_t earlier = low < high ? low : high, later = low < high ? high : low;
    svg_pen_to(pen, chart_panel_x(panel, first + earlier),
               panel_y(panel, chart_value(values[earlier])));
    if (later > earlier) {
        svg_pen_to(pen, chart_panel_x(panel, first + later),
                   panel_y(panel, chart_value(values[later])));
    }
}

/* A line of `count` values from step `first` on; `before` is the value of the step before, or NaN:
 * where the line starts. */
static void draw_line(DiagramOut *out, const ChartPanel *panel, const char *style,
                      const double *values, size_t count, size_t first, double before) {
    SvgPen pen = {.out = out, .style = style};
    if (count > 0 && !isnan(before) && !isnan(chart_value(values[0]))) {
        svg_pen_to(&pen, chart_panel_x(panel, first - 1), panel_y(panel, before));
    }
    for (size_t from = 0; from < count;) {
        size_t to = from + 1;
        while (to < count && same_column(panel, first + from, first + to)) to++;
        draw_extremes(&pen, panel, values, first, from, to);
        from = to;
    }
    svg_pen_end(&pen);
}

static bool in_band(const elman_chart_band *band, size_t step) {
    return isfinite(band->low[step]) && isfinite(band->high[step]);
}

/* One edge of a band's steps `from` to `to`: forwards along the top, backwards along the bottom. */
static void draw_edge(DiagramOut *out, const ChartPanel *panel, const elman_chart_band *band,
                      size_t from, size_t to, bool top) {
    const size_t first = panel->chart->shown;
    for (size_t done = 0; done < to - from;) {
        const size_t start = top ? from + done : to - 1 - done;
        size_t step = start;
        double edge = chart_value(top ? band->high[step] : band->low[step]);
        for (done++; done < to - from; done++) {
            step = top ? from + done : to - 1 - done;
            if (!same_column(panel, first + start, first + step)) break;
            edge = top ? fmax(edge, chart_value(band->high[step]))
                       : fmin(edge, chart_value(band->low[step]));
        }
        svg_point(out, "L", chart_panel_x(panel, first + start), panel_y(panel, edge));
    }
}

/* The steps `from` to `to` of a band, from the point of what was known last. */
static void draw_band_run(DiagramOut *out, const ChartPanel *panel, const elman_chart_band *band,
                          size_t from, size_t to, double before) {
    const int x = chart_panel_x(panel, panel->chart->shown + from);
    const int high = panel_y(panel, chart_value(band->high[from]));
    const int low = panel_y(panel, chart_value(band->low[from]));
    if (from == 0 && !isnan(before)) {
        svg_point(out, "M", chart_panel_x(panel, panel->chart->shown - 1), panel_y(panel, before));
    } else if (to - from == 1) {
        svg_point(out, "M", x - ALONE, high);
        svg_point(out, "L", x + ALONE, high);
        svg_point(out, "L", x + ALONE, low);
        svg_point(out, "L", x - ALONE, low);
        diagram_out_print(out, "z");
        return;
    } else {
        svg_point(out, "M", x, low);
    }
    draw_edge(out, panel, band, from, to, true);
    draw_edge(out, panel, band, from, to, false);
    diagram_out_print(out, "z");
}

static void draw_band(DiagramOut *out, const ChartPanel *panel, size_t rank,
                      const elman_chart_band *band, double before) {
    const size_t horizon = panel->chart->given.horizon;
    bool any = false;
    for (size_t from = 0; from < horizon;) {
        size_t to = from;
        while (to < horizon && in_band(band, to)) to++;
        if (to > from) {
            if (!any) diagram_out_print(out, "<path class=\"b%zu\" d=\"", rank);
            any = true;
            draw_band_run(out, panel, band, from, to, before);
        }
        from = to + 1;
    }
    if (any) diagram_out_print(out, "\"/>\n");
}

static void draw_bands(DiagramOut *out, const ChartSet *set, const ChartPanel *panel,
                       double before) {
    const elman_chart *const given = &panel->chart->given;
    for (size_t rank = set->band_count; rank-- > 0;) {
        for (size_t i = 0; i < given->band_count; i++) {
            if (chart_set_band(set, &given->bands[i])->index != rank) continue;
            draw_band(out, panel, rank, &given->bands[i], before);
        }
    }
}

static void draw_axes(DiagramOut *out, const ChartPanel *panel) {
    const Chart *const chart = panel->chart;
    const int bottom = panel->top + panel->height;
    if (panel->axis.ticks > 0) {
        diagram_out_print(out, "<path class=\"grid\" d=\"");
        for (size_t i = 0; i < panel->axis.ticks; i++) {
            svg_point(out, "M", 10 * panel->left, panel_y(panel, chart_axis_tick(&panel->axis, i)));
            diagram_out_print(out, "h%d", panel->width);
        }
        diagram_out_print(out, "\"/>\n");
    }
    diagram_out_print(out, "<path class=\"axis\" d=\"M%d %dh%d", panel->left, bottom, panel->width);
    for (size_t i = 0; i < panel->time_count; i++) {
        diagram_out_print(out, "M%d %dv4", panel->time_x[i], bottom);
    }
    diagram_out_print(out, "\"/>\n");
    if (chart->shown > 0 && chart->given.horizon > 0) {
        diagram_out_print(out, "<path class=\"origin\" d=\"");
        svg_point(out, "M", chart_panel_x(panel, chart->shown - 1), 10 * panel->top);
        diagram_out_print(out, "v%d\"/>\n", panel->height);
    }
}

static void draw_panel(DiagramOut *out, const ChartSet *set, const ChartPanel *panel) {
    const Chart *const chart = panel->chart;
    const elman_chart *const given = &chart->given;
    const double before =
        chart->shown > 0 ? chart_value(given->history[given->history_count - 1]) : (double)NAN;
    diagram_out_print(out, "<g>\n");
    if (!panel->axis.empty) draw_bands(out, set, panel, before);
    draw_axes(out, panel);
    if (!panel->axis.empty) {
        for (size_t i = 0; i < given->line_count; i++) {
            const ChartEntry *const entry = chart_set_line(set, &given->lines[i]);
            draw_line(out, panel, line_classes[entry->index], given->lines[i].values,
                      given->horizon, chart->shown, (double)NAN);
        }
        if (chart->shown > 0) {
            draw_line(out, panel, "h", given->history + chart->first, chart->shown, 0, (double)NAN);
        }
        draw_line(out, panel, "f", given->forecast, given->horizon, chart->shown, before);
        if (given->actual) {
            draw_line(out, panel, "a", given->actual, given->horizon, chart->shown, before);
        }
    }
    diagram_out_print(out, "</g>\n");
}

static void draw_swatch(DiagramOut *out, const ChartSwatch *swatch) {
    static const char *const classes[] = {"h", "a", "f"};
    const ChartEntry *const entry = swatch->entry;
    if (entry->kind == CHART_BAND) {
        diagram_out_print(out,
                          "<rect class=\"b%zu\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"12\"/>\n",
                          entry->index, swatch->x, swatch->y - 6, CHART_SWATCH);
        return;
    }
    diagram_out_print(out, "<path class=\"%s\" d=\"M%d %dh%d\"/>\n",
                      entry->kind == CHART_LINE ? line_classes[entry->index] : classes[entry->kind],
                      swatch->x, swatch->y, CHART_SWATCH);
}

static void draw_layout(DiagramOut *out, const ChartSet *set, const ChartLayout *layout) {
    const Picture *const words = &layout->words;
    diagram_svg_open(out, words->width, words->height,
                     words->label_count > 0 ? words->labels[0].text : "");
    diagram_out_print(out, "<desc>");
    for (size_t i = 0; i < set->count; i++) {
        if (i > 0) diagram_out_print(out, "\n");
        chart_describe(out, &set->charts[i]);
    }
    diagram_out_print(out, "</desc>\n");
    write_style(out, set->band_count);
    diagram_out_print(out, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", words->width,
                      words->height);
    for (size_t i = 0; i < layout->swatch_count; i++) draw_swatch(out, &layout->swatches[i]);
    for (size_t i = 0; i < layout->panel_count; i++) draw_panel(out, set, &layout->panels[i]);
    for (size_t i = 0; i < words->label_count; i++) diagram_svg_label(out, &words->labels[i]);
    diagram_out_print(out, "</svg>\n");
}

elman_status chart_svg(DiagramOut *out, const ChartSet *set, elman_error *error) {
    elman_status status = ELMAN_OK;
    ChartLayout *const layout = memory_allocate(set->memory, sizeof(*layout));
    if (!layout)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a picture of %zu charts", set->count);
    if (chart_layout_make(layout, set)) {
        draw_layout(out, set, layout);
    } else {
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for a picture of %zu charts", set->count);
    }
    chart_layout_release(layout);
    memory_release(set->memory, layout);
    return status;
}
