/* Places panels, ticks, legend and words. */
#include "explain/chart_layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MARGIN = 16,
    TITLE = 32,         /* the title's baseline */
    ROW = 24,           /* of the legend */
    SWATCH_GAP = 7,     /* between a sample and its name */
    ENTRY_GAP = 12,     /* behind a name */
    HEAD = 32,          /* above a plot, for its name */
    FOOT = 34,          /* below a plot, for its times */
    AXIS_GAP = 8,       /* between a number and its axis */
    TICK_DISTANCE = 44, /* of numbers */
    TICK_DISTANCE_LEAST = 17
};

/* Four thirds, rounded up: chart_svg's style for small screens. */
int chart_label_width(const char *text, TextStyle style) {
    return (picture_text_width(text, style) * 4 + 2) / 3;
}

int chart_label_size(TextStyle style) {
    return (picture_text_size(style) * 4 + 2) / 3;
}

int chart_panel_x(const ChartPanel *panel, size_t step) {
    const size_t steps = panel->chart->steps;
    if (steps == 1) return 10 * panel->left + 5 * panel->width;
    const double share = (double)step / (double)(steps - 1);
    return 10 * panel->left + (int)floor(share * 10 * panel->width + 0.5);
}

/* A label of at most `room` pixels, cut with an ellipsis. Returns its width. */
static int add_words(Picture *words, TextStyle style, TextAnchor anchor, int x, int y, int room,
                     const char *text) {
    char cut[CHART_TEXT_MAX], shown[CHART_TEXT_MAX + 4];
    chart_text_copy(cut, sizeof(cut), text, false);
    (void)snprintf(shown, sizeof(shown), "%s", cut);
    while (cut[0] && chart_label_width(shown, style) > room) {
        chart_text_shorten(cut);
        (void)snprintf(shown, sizeof(shown), "%s…", cut);
    }
    if (!cut[0]) return 0;
    picture_label(words, style, anchor, x, y, "%s", shown);
    return chart_label_width(shown, style);
}

static void lay_legend(ChartLayout *layout, const ChartSet *set, int *y) {
    Picture *const words = &layout->words;
    const int right = words->width - MARGIN;
    int x = MARGIN;
    *y += ROW + 4;
    for (size_t i = 0; i < set->entry_count; i++) {
        const ChartEntry *const entry = &set->entries[i];
        const int before = CHART_SWATCH + SWATCH_GAP;
        if (x > MARGIN && x + before + chart_label_width(entry->name, TEXT_PLAIN) > right) {
            x = MARGIN;
            *y += ROW;
        }
        layout->swatches[layout->swatch_count++] = (ChartSwatch){entry, x, *y - 4};
        x += before;
        x += add_words(words, TEXT_PLAIN, ANCHOR_START, x, *y, right - x, entry->name) + ENTRY_GAP;
    }
}

static void lay_head(ChartLayout *layout, const ChartSet *set, int *y) {
    Picture *const words = &layout->words;
    char title[CHART_TEXT_MAX], note[CHART_TEXT_MAX];
    (void)chart_set_note(set, note);
    if (set->count == 1) {
        chart_text_copy(title, sizeof(title), set->charts[0].title, false);
    } else if (note[0]) {
        (void)snprintf(title, sizeof(title), "Forecasts: %.100s", note);
    } else {
        (void)snprintf(title, sizeof(title), "Forecasts of %zu series", set->count);
    }
    *y = TITLE;
    (void)add_words(words, TEXT_TITLE, ANCHOR_START, MARGIN, *y, words->width - 2 * MARGIN, title);
    if (set->count == 1 && note[0]) {
        *y += ROW;
        (void)add_words(words, TEXT_SMALL, ANCHOR_START, MARGIN, *y, words->width - 2 * MARGIN,
                        note);
    }
    if (set->entry_count > 0) lay_legend(layout, set, y);
}

/* The name of a series and what its values are, above its plot; where the panel above says the
 * latter, it is not said again. */
static void lay_panel_head(ChartLayout *layout, const ChartSet *set, size_t index) {
    Picture *const words = &layout->words;
    const ChartPanel *const panel = &layout->panels[index];
    const char *const name = panel->chart->given.value_name;
    const char *const above = index > 0 ? panel[-1].chart->given.value_name : NULL;
    const int y = panel->top - 14, right = words->width - MARGIN;
    int x = MARGIN;
    if (set->count > 1) {
        x += ENTRY_GAP + add_words(words, TEXT_NAME, ANCHOR_START, x, y, (right - x) * 3 / 5,
                                   panel->chart->title);
    }
    if (!name || (above && strcmp(name, above) == 0)) return;
    if (set->count > 1) {
        (void)add_words(words, TEXT_SMALL, ANCHOR_END, right, y, right - x, name);
    } else {
        (void)add_words(words, TEXT_SMALL, ANCHOR_START, x, y, right - x, name);
    }
}

static void lay_panel(ChartLayout *layout, const ChartSet *set, size_t index) {
    Picture *const words = &layout->words;
    ChartPanel *const panel = &layout->panels[index];
    char text[CHART_NUMBER_MAX];
    lay_panel_head(layout, set, index);
    for (size_t i = 0; i < panel->axis.ticks; i++) {
        const double place = chart_axis_place(&panel->axis, chart_axis_tick(&panel->axis, i));
        const int y = panel->top + panel->height - (int)floor(place * panel->height + 0.5);
        picture_label(words, TEXT_SMALL, ANCHOR_END, panel->left - AXIS_GAP, y + 4, "%s",
                      chart_axis_text(&panel->axis, i, text));
    }
    if (panel->axis.empty) {
        picture_label(words, TEXT_SMALL, ANCHOR_MIDDLE, panel->left + panel->width / 2,
                      panel->top + panel->height / 2 + 4, "no numbers");
    }
    chart_times_place(panel, words);
}

/* An axis with numbers at a comfortable distance, nearer where there would be less than three. */
static ChartAxis panel_axis(const ChartPanel *panel) {
    int most = panel->height / TICK_DISTANCE + 1;
    const Chart *const chart = panel->chart;
    ChartAxis axis = chart_axis(chart->low, chart->high, (size_t)most, false);
    while (axis.ticks < 3 && panel->height / (most + 1) >= TICK_DISTANCE_LEAST) {
        most++;
        axis = chart_axis(chart->low, chart->high, (size_t)most, false);
    }
    return axis;
}

/* The widest number of all axes: their plots begin below each other. */
static int left_margin(const ChartLayout *layout) {
    int widest = 0;
    for (size_t i = 0; i < layout->panel_count; i++) {
        const ChartAxis *const axis = &layout->panels[i].axis;
        for (size_t tick = 0; tick < axis->ticks; tick++) {
            char text[CHART_NUMBER_MAX];
            const int width = chart_label_width(chart_axis_text(axis, tick, text), TEXT_SMALL);
            if (width > widest) widest = width;
        }
    }
    return MARGIN / 2 + widest + AXIS_GAP;
}

bool chart_layout_make(ChartLayout *layout, const ChartSet *set) {
    const bool several = set->count > 1;
    int y, height = (int)set->options.height;
    *layout = (ChartLayout){.panel_count = set->count};
    picture_init(&layout->words, set->memory);
    layout->words.width = (int)set->options.width;
    lay_head(layout, set, &y);
    y += several ? 12 : 4;
    if (!several)
        height = height - y > height / 4 + HEAD + FOOT ? height - y : height / 4 + HEAD + FOOT;
    for (size_t i = 0; i < set->count; i++) {
        ChartPanel *const panel = &layout->panels[i];
        const bool headed = several || set->charts[0].given.value_name;
        panel->chart = &set->charts[i];
        panel->top = y + (int)i * height + (headed ? HEAD : HEAD / 2);
        panel->height = y + (int)(i + 1) * height - FOOT - panel->top;
        panel->axis = panel_axis(panel);
    }
    layout->words.height = y + (int)set->count * height;
    const int left = left_margin(layout);
    for (size_t i = 0; i < set->count; i++) {
        layout->panels[i].left = left;
        layout->panels[i].width = layout->words.width - left - MARGIN;
        lay_panel(layout, set, i);
    }
    return !layout->words.failed;
}

void chart_layout_release(ChartLayout *layout) {
    picture_release(&layout->words);
}
