/* Takes charts from a caller's arrays; see elman/chart.h. */
#include <elman/chart.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/options.h"
#include "explain/chart_parts.h"

static elman_status check_size(size_t value, size_t least, size_t most, const char *what,
                               elman_error *error) {
    if (value >= least && value <= most) return ELMAN_OK;
    return fail(error, ELMAN_ERR_ARGUMENT, "a chart's %s is %zu, expected %zu to %zu", what, value,
                least, most);
}

static elman_status read_options(ChartSet *set, const elman_chart_options *given, size_t count,
                                 elman_error *error) {
    elman_chart_options *const options = &set->options;
    elman_status status =
        options_read(options, sizeof(*options), given, "elman_chart_options", error);
    if (status) return status;
    const bool svg = options->format == ELMAN_CHART_SVG;
    if (!svg && options->format != ELMAN_CHART_TEXT) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a chart has no format %d", (int)options->format);
    }
    if (options->ascii && svg) {
        return fail(error, ELMAN_ERR_ARGUMENT, "only a chart for a terminal can be ASCII");
    }
    if (options->width == 0) options->width = svg ? 640 : 72;
    if (options->height == 0) options->height = !svg ? 12 : count == 1 ? 360 : 170;
    status = check_size(options->width, svg ? 320 : 30, svg ? 4096 : 500, "width", error);
    if (status) return status;
    return check_size(options->height, svg ? 120 : 6, svg ? 4096 : 200, "height", error);
}

static elman_status check_arrays(const elman_chart *chart, size_t index, elman_error *error) {
    bool missing =
        (chart->history_count > 0 && !chart->history) || (chart->horizon > 0 && !chart->forecast) ||
        (chart->band_count > 0 && !chart->bands) || (chart->line_count > 0 && !chart->lines);
    if (!missing && chart->horizon > 0) {
        for (size_t i = 0; i < chart->band_count; i++) {
            missing = missing || !chart->bands[i].low || !chart->bands[i].high;
        }
        for (size_t i = 0; i < chart->line_count; i++) {
            missing = missing || !chart->lines[i].name || !chart->lines[i].values;
        }
    }
    if (missing) return fail(error, ELMAN_ERR_ARGUMENT, "chart %zu lacks an array", index + 1);
    if (chart->history_count == 0 && chart->horizon == 0) {
        return fail(error, ELMAN_ERR_ARGUMENT, "chart %zu has neither a history nor a forecast",
                    index + 1);
    }
    return ELMAN_OK;
}

static void reach(Chart *chart, const double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double value = chart_value(values[i]);
        chart->low = fmin(chart->low, value);
        chart->high = fmax(chart->high, value);
    }
}

/* What is shown of a chart, and from where to where it reaches. */
static void look(Chart *chart, const ChartSet *set, size_t index) {
    elman_chart *const given = &chart->given;
    size_t last = set->options.last;
    if (given->horizon == 0) given->band_count = given->line_count = 0;
    if (given->horizon == 0) given->actual = NULL;
    if (last == 0) last = given->horizon < 24 ? 72 : 3 * given->horizon;
    chart->shown = last < given->history_count ? last : given->history_count;
    chart->first = given->history_count - chart->shown;
    chart->steps = chart->shown + given->horizon;
    chart->low = chart->high = (double)NAN;
    if (chart->shown > 0) reach(chart, given->history + chart->first, chart->shown);
    reach(chart, given->forecast, given->horizon);
    if (given->actual) reach(chart, given->actual, given->horizon);
    for (size_t i = 0; i < given->band_count; i++) {
        reach(chart, given->bands[i].low, given->horizon);
        reach(chart, given->bands[i].high, given->horizon);
    }
    for (size_t i = 0; set->options.format == ELMAN_CHART_SVG && i < given->line_count; i++) {
        reach(chart, given->lines[i].values, given->horizon);
    }
    if (given->title && *given->title) {
        chart_text_copy(chart->title, sizeof(chart->title), given->title, set->options.ascii != 0);
    } else if (set->count > 1) {
        (void)snprintf(chart->title, sizeof(chart->title), "%zu", index + 1);
    } else {
        (void)snprintf(chart->title, sizeof(chart->title), "Forecast");
    }
}

static elman_status read_charts(ChartSet *set, const elman_chart *charts, size_t count,
                                elman_error *error) {
    set->count = count < ELMAN_CHART_PANELS_MAX ? count : ELMAN_CHART_PANELS_MAX;
    set->total = set->options.total > count ? set->options.total : count;
    for (size_t i = 0; i < set->count; i++) {
        const void *const given = (const char *)charts + i * charts->struct_size;
        size_t size;
        memcpy(&size, given, sizeof(size));
        if (size != charts->struct_size) {
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_chart: struct_size is %zu and then %zu, expected one for all",
                        charts->struct_size, size);
        }
        Chart *const chart = &set->charts[i];
        elman_status status =
            options_read(&chart->given, sizeof(chart->given), given, "elman_chart", error);
        if (!status) status = check_arrays(&chart->given, i, error);
        if (status) return status;
        look(chart, set, i);
    }
    return ELMAN_OK;
}

const ChartEntry *chart_set_band(const ChartSet *set, const elman_chart_band *band) {
    for (size_t i = 0; i < set->entry_count; i++) {
        const ChartEntry *const entry = &set->entries[i];
        if (entry->kind == CHART_BAND && entry->level == band->level) return entry;
    }
    return NULL;
}

const ChartEntry *chart_set_line(const ChartSet *set, const elman_chart_line *line) {
    for (size_t i = 0; i < set->entry_count; i++) {
        const ChartEntry *const entry = &set->entries[i];
        if (entry->kind == CHART_LINE && strcmp(entry->given, line->name) == 0) return entry;
    }
    return NULL;
}

static ChartEntry *add_entry(ChartSet *set, ChartKind kind, size_t index, const char *name) {
    ChartEntry *const entry = &set->entries[set->entry_count++];
    *entry = (ChartEntry){.kind = kind, .index = index};
    chart_text_copy(entry->name, sizeof(entry->name), name, set->options.ascii != 0);
    return entry;
}

static elman_status add_band(ChartSet *set, const elman_chart_band *band, elman_error *error) {
    char number[CHART_NUMBER_MAX], name[CHART_NUMBER_MAX + 2];
    if (chart_set_band(set, band)) return ELMAN_OK;
    if (!(band->level > 0.0 && band->level <= 100.0)) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a chart's interval has a level outside 0 to 100");
    }
    if (set->band_count == ELMAN_CHART_BANDS_MAX) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a chart shows intervals of at most %d levels",
                    ELMAN_CHART_BANDS_MAX);
    }
    (void)snprintf(name, sizeof(name), "%s %%", chart_number(band->level, true, number));
    ChartEntry *entry = add_entry(set, CHART_BAND, 0, name);
    entry->level = band->level;
    /* The bands stand behind each other at the end of the entries. */
    const size_t first = set->entry_count - 1 - set->band_count++;
    for (; entry > &set->entries[first] && entry[-1].level > entry->level; entry--) {
        const ChartEntry wider = entry[-1];
        entry[-1] = *entry;
        *entry = wider;
    }
    for (size_t i = first; i < set->entry_count; i++) set->entries[i].index = i - first;
    return ELMAN_OK;
}

static elman_status add_line(ChartSet *set, const elman_chart_line *line, elman_error *error) {
    if (chart_set_line(set, line)) return ELMAN_OK;
    if (set->line_count == ELMAN_CHART_LINES_MAX) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a chart shows at most %d other lines",
                    ELMAN_CHART_LINES_MAX);
    }
    add_entry(set, CHART_LINE, set->line_count++, line->name)->given = line->name;
    return ELMAN_OK;
}

/* The legend of all charts together. */
static elman_status make_entries(ChartSet *set, elman_error *error) {
    elman_status status = ELMAN_OK;
    bool history = false, forecast = false, actual = false;
    for (size_t i = 0; i < set->count; i++) {
        history = history || set->charts[i].shown > 0;
        forecast = forecast || set->charts[i].given.horizon > 0;
        actual = actual || set->charts[i].given.actual;
    }
    if (history) (void)add_entry(set, CHART_HISTORY, 0, "history");
    if (actual) (void)add_entry(set, CHART_ACTUAL, 0, "actual");
    if (forecast) (void)add_entry(set, CHART_FORECAST, 0, "forecast");
    for (size_t i = 0; i < set->count; i++) {
        const elman_chart *const given = &set->charts[i].given;
        for (size_t k = 0; !status && k < given->band_count; k++) {
            status = add_band(set, &given->bands[k], error);
        }
    }
    for (size_t i = 0; set->options.format == ELMAN_CHART_SVG && i < set->count; i++) {
        const elman_chart *const given = &set->charts[i].given;
        for (size_t k = 0; !status && k < given->line_count; k++) {
            status = add_line(set, &given->lines[k], error);
        }
    }
    return status;
}

elman_status chart_set_read(ChartSet *set, Memory *memory, const elman_chart *charts, size_t count,
                            const elman_chart_options *options, elman_error *error) {
    *set = (ChartSet){.memory = memory};
    if (!charts || count == 0) return fail(error, ELMAN_ERR_ARGUMENT, "there is no chart to draw");
    elman_status status = read_options(set, options, count, error);
    if (!status) status = read_charts(set, charts, count, error);
    return status ? status : make_entries(set, error);
}

elman_status elman_chart_draw(elman_context *context, const elman_chart *charts, size_t count,
                              const elman_chart_options *options,
                              elman_diagram_write_function write, void *user, elman_error *error) {
    DiagramOut out;
    ChartSet *const set = memory_allocate(&context->memory, sizeof(*set));
    if (!set) return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu charts", count);
    elman_status status = chart_set_read(set, &context->memory, charts, count, options, error);
    diagram_out_init(&out, write, user);
    if (!status) {
        status = set->options.format == ELMAN_CHART_SVG ? chart_svg(&out, set, error)
                                                        : chart_text(&out, set, error);
    }
    if (!status) status = diagram_out_finish(&out, error);
    memory_release(&context->memory, set);
    return status;
}
