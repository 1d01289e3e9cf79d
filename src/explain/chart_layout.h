/* A chart as SVG before it is drawn: where panels, ticks, legend and words stand, in pixels.
 *
 * Small screens show the words larger, by up to a third: the places leave room for that. */
#ifndef EXPLAIN_CHART_LAYOUT_H
#define EXPLAIN_CHART_LAYOUT_H

#include "explain/chart_parts.h"
#include "explain/diagram_picture.h"

enum { CHART_TIMES_MAX = 10, CHART_SWATCH = 24 };

typedef struct ChartPanel {
    const Chart *chart;
    ChartAxis axis;
    int left, top, width, height; /* of the plot */
    size_t time_count;            /* labelled times */
    int time_x[CHART_TIMES_MAX];
} ChartPanel;

/* The sample before a name in the legend: CHART_SWATCH wide, around y. */
typedef struct ChartSwatch {
    const ChartEntry *entry;
    int x, y;
} ChartSwatch;

typedef struct ChartLayout {
    Picture words; /* labels alone; width and height of the whole */
    ChartPanel panels[ELMAN_CHART_PANELS_MAX];
    size_t panel_count, swatch_count;
    ChartSwatch swatches[CHART_ENTRIES_MAX];
} ChartLayout;

/* Lays out what `set` holds. False: no memory; release it all the same. */
bool chart_layout_make(ChartLayout *layout, const ChartSet *set);
void chart_layout_release(ChartLayout *layout);

/* The width and the size of a label where words are largest. */
int chart_label_width(const char *text, TextStyle style);
int chart_label_size(TextStyle style);

/* Where a step stands, in tenths of a pixel. */
int chart_panel_x(const ChartPanel *panel, size_t step);

/* Labels a few times under the panel, the roundest that fit side by side at equal distances. */
void chart_times_place(ChartPanel *panel, Picture *words);

#endif
