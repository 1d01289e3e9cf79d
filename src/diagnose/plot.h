/* Plots of a report: lines with bands over numbers, and bars, as SVG inside HTML.
 *
 * Colours are the page's variables --c0 to --c5 (report_style.c). Nothing is allocated: series
 * point into the diagnosis. */
#ifndef DIAGNOSE_PLOT_H
#define DIAGNOSE_PLOT_H

#include "explain/diagram_out.h"
#include <elman/diagnose.h>

enum { PLOT_SERIES_MAX = 16, PLOT_MARKS_MAX = 4, PLOT_COLOURS = 6, PLOT_NAME_MAX = 96 };

typedef enum PlotType { PLOT_INDEX, PLOT_SIZES, PLOT_STEPS, PLOT_DOUBLES } PlotType;

/* Numbers that stand `stride` bytes apart: size_t, uint64_t or double; PLOT_INDEX: 0, 1, 2, ... */
typedef struct PlotNumbers {
    PlotType type;
    const void *first; /* NULL, but for PLOT_INDEX: there are none */
    size_t stride;
} PlotNumbers;

typedef struct PlotSeries {
    char name[PLOT_NAME_MAX];
    size_t count, colour;
    PlotNumbers x, y, low, high; /* `low` and `high`: a band around y */
    bool dashed;
    bool joined; /* across what is not finite; else that is a gap */
} PlotSeries;

/* A line across the plot where it reaches that far: a level at a value of y, the others at one of
 * x.
 */
typedef enum PlotMarkKind {
    PLOT_LEVEL,
    PLOT_MEMORY, /* horizon */
    PLOT_WINDOW,
    PLOT_USED, /* horizon */
    PLOT_MOMENT
} PlotMarkKind;

typedef struct PlotMark {
    PlotMarkKind kind;
    double at;
    char text[PLOT_NAME_MAX];
} PlotMark;

typedef struct Plot {
    char title[PLOT_NAME_MAX];
    const char *x_name, *y_name;
    bool x_logarithmic, y_logarithmic;
    size_t series_count, mark_count;
    size_t offered; /* series, of which the first PLOT_SERIES_MAX are drawn */
    PlotSeries series[PLOT_SERIES_MAX];
    PlotMark marks[PLOT_MARKS_MAX];
} Plot;

PlotNumbers plot_sizes(const size_t *first);
PlotNumbers plot_doubles(const double *first);

/* A series of y over x with the next colour; NULL when there is room for no more. */
PlotSeries *plot_add(Plot *plot, size_t count, PlotNumbers x, PlotNumbers y, const char *format,
                     ...) ELMAN_PRINTF(5, 6);

/* The same of quartiles: the median with its band. */
PlotSeries *plot_add_quartiles(Plot *plot, size_t count, PlotNumbers x,
                               const elman_quartiles *quartiles, const char *name);

/* Only %s, %d and %zu, as numbers are written by chart_number_short. */
void plot_mark(Plot *plot, PlotMarkKind kind, double at, const char *format, ...)
    ELMAN_PRINTF(4, 5);

/* Whether a series has two points, which make a line. */
bool plot_has_points(const Plot *plot);

/* A figure with its legend; nothing where plot_has_points says no. */
void plot_draw(DiagramOut *out, const Plot *plot);

/* Rows of bars, each a share from the left and one from the right. */
typedef struct PlotBar {
    char name[24];
    double left, right; /* 0 to 1 */
    char text[40];      /* at the end of the row */
} PlotBar;

/* `left` and `right`: what the two are, for the legend; `right` NULL: there is none. */
void plot_bars(DiagramOut *out, const char *title, const PlotBar *bars, size_t count,
               const char *left, const char *right);

#endif
