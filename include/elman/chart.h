/* Pictures of forecasts: history, forecast, intervals and what they are measured against. */
#ifndef ELMAN_CHART_H
#define ELMAN_CHART_H

#include <stddef.h>

#include <elman/context.h>
#include <elman/diagram.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum elman_chart_format {
    ELMAN_CHART_SVG, /* a file that stands alone: no scripts, no fonts; light, dark, printed */
    ELMAN_CHART_TEXT /* for a terminal, without colours */
} elman_chart_format;

enum {
    ELMAN_CHART_PANELS_MAX = 12, /* charts in one picture */
    ELMAN_CHART_BANDS_MAX = 8,   /* different levels in one picture */
    ELMAN_CHART_LINES_MAX = 4,   /* different names of other lines in one picture */
    ELMAN_CHART_TIME_MAX = 64
};

/* An interval around the forecast. */
typedef struct elman_chart_band {
    double level;             /* per cent: 80, 97.5 */
    const double *low, *high; /* [horizon] */
} elman_chart_band;

/* Another forecast, such as "seasonal naive". */
typedef struct elman_chart_line {
    const char *name;
    const double *values; /* [horizon] */
} elman_chart_line;

/* The time of a step, counted from the first value of the history: written to `text`, or a text of
 * the callback's own; never NULL. */
typedef const char *(*elman_chart_time_function)(void *user, size_t step,
                                                 char text[ELMAN_CHART_TIME_MAX]);

/* One series and its forecast. Texts are UTF-8. In every array a value that is not finite is a gap;
 * values beyond 1e300 are drawn there, those within 1e-290 of zero as zero. */
typedef struct elman_chart {
    size_t struct_size;     /* sizeof(elman_chart) */
    const char *title;      /* NULL: "Forecast", or the chart's number among several */
    const char *value_name; /* what the values are, with their unit; NULL: not said */
    const double *history;  /* [history_count] */
    size_t history_count;
    const double *forecast; /* [horizon] */
    const double *actual;   /* [horizon], what came true; NULL: not known */
    size_t horizon;
    const elman_chart_band *bands; /* [band_count], in any order */
    size_t band_count;
    const elman_chart_line *lines; /* [line_count]; SVG only */
    size_t line_count;
    elman_chart_time_function time; /* NULL: steps are numbered from 1 */
    void *time_user;
} elman_chart;

typedef struct elman_chart_options {
    size_t struct_size; /* sizeof(elman_chart_options) */
    elman_chart_format format;
    size_t width;  /* SVG: pixels, 320 to 4096, 0: 640. TEXT: columns, 30 to 500, 0: 72 */
    size_t height; /* SVG: pixels, 120 to 4096, of the picture, which grows where its words leave
                      less than a quarter for the lines; of each panel where there are several. 0:
                      360, panels 170. TEXT: rows of each chart, 6 to 200, 0: 12 */
    size_t last;   /* values of the history to show, the last ones; 0: three times the horizon, at
                      least 72; more than there are: all */
    size_t total;  /* series that there are, where `count` charts are only the first; 0: count */
    int ascii;     /* non-zero, TEXT: no character beyond ASCII */
} elman_chart_options;

/* Draws `charts` (all of one struct_size), one under the other, at most the first
 * ELMAN_CHART_PANELS_MAX, and says so. `options` NULL: SVG. The same arguments give the same bytes,
 * whatever the locale. A long history is thinned to the least and the greatest value of each column
 * of pixels. Errors: ARGUMENT (no chart, nothing to draw in one, arrays that are missing, more
 * levels or names than fit, sizes that make no sense), MEMORY, CANCELLED (`write` said stop). */
ELMAN_API elman_status elman_chart_draw(elman_context *context, const elman_chart *charts,
                                        size_t count, const elman_chart_options *options,
                                        elman_diagram_write_function write, void *user,
                                        elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
