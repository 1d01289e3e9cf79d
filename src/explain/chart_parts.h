/* A chart between the caller's arrays and its forms: what is shown, and in which words. */
#ifndef EXPLAIN_CHART_PARTS_H
#define EXPLAIN_CHART_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/chart.h>

#include "core/memory.h"
#include "explain/chart_axis.h"
#include "explain/diagram_out.h"

enum { CHART_TEXT_MAX = 160 };

/* Steps are counted from the first that is shown; the forecast's begin at `shown`. */
typedef struct Chart {
    elman_chart given;
    size_t first; /* the first value of the history that is shown */
    size_t shown, steps;
    double low, high; /* of all that is shown; NaN when nothing is */
    char title[CHART_TEXT_MAX];
} Chart;

typedef enum ChartKind {
    CHART_HISTORY,
    CHART_ACTUAL,
    CHART_FORECAST,
    CHART_BAND,
    CHART_LINE
} ChartKind;

/* One line of the legend. Bands are ordered from the narrowest level to the widest. */
typedef struct ChartEntry {
    ChartKind kind;
    size_t index;      /* among its kind */
    double level;      /* of a band */
    const char *given; /* the name of a line */
    char name[CHART_TEXT_MAX];
} ChartEntry;

enum { CHART_ENTRIES_MAX = 3 + ELMAN_CHART_BANDS_MAX + ELMAN_CHART_LINES_MAX };

typedef struct ChartSet {
    Memory *memory;
    elman_chart_options options;
    Chart charts[ELMAN_CHART_PANELS_MAX];
    size_t count, total;
    size_t entry_count, band_count, line_count;
    ChartEntry entries[CHART_ENTRIES_MAX];
} ChartSet;

/* Reads and checks what a caller gave, whose arrays must stay. */
elman_status chart_set_read(ChartSet *set, Memory *memory, const elman_chart *charts, size_t count,
                            const elman_chart_options *options, elman_error *error);

/* The entry of a band or a line of a chart; the set has one for each. */
const ChartEntry *chart_set_band(const ChartSet *set, const elman_chart_band *band);
const ChartEntry *chart_set_line(const ChartSet *set, const elman_chart_line *line);

/* Copies a text without what XML or a terminal should not see, cut to `room` bytes between
 * characters. `ascii`: nothing beyond ASCII either. */
void chart_text_copy(char *to, size_t room, const char *from, bool ascii);

/* Cuts the last character of a text off. */
void chart_text_shorten(char *text);

/* The time of a step as labels write it: no time of day at midnight, a blank for the T, no seconds
 * where they are zero. Returns how round it is: the zeros and first days at its end. */
size_t chart_time(const Chart *chart, size_t step, bool ascii, char text[ELMAN_CHART_TIME_MAX]);

/* "the first 12 of 370 series" where not all are drawn; "" where all are. */
const char *chart_set_note(const ChartSet *set, char text[CHART_TEXT_MAX]);

/* Writes what a chart shows in sentences, as text between tags. */
void chart_describe(DiagramOut *out, const Chart *chart);

elman_status chart_svg(DiagramOut *out, const ChartSet *set, elman_error *error);
elman_status chart_text(DiagramOut *out, const ChartSet *set, elman_error *error);

#endif
