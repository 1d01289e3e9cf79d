/* Draws activity with bars of eight heights for a terminal of 80 columns. */
#include <string.h>

#include "explain/diagram_activity.h"

enum { BLOCK = 72 }; /* steps in a line */

/* The eleven levels, and what is not finite, as bars. */
static const char *bar(size_t level) {
    static const char *const bars[] = {"▁", "▂", "▃", "▃", "▄", "▄", "▅", "▆", "▆", "▇", "█", "?"};
    return bars[level];
}

static void write_bars(DiagramOut *out, const Activity *activity, const ActivityPanel *panel,
                       size_t unit, size_t from, size_t to) {
    for (size_t step = from; step < to; step++) {
        diagram_out_print(out, "%s", bar(activity_level(activity, panel, step, unit)));
    }
    diagram_out_print(out, "\n");
}

static void write_labels(DiagramOut *out, const Activity *activity, size_t from, size_t to) {
    for (size_t step = from; step < to; step++) {
        if (activity->unit > 0 && activity->labels && strcmp(activity->labels[step], " ") == 0) {
            diagram_out_print(out, " ");
        } else if (activity->labels) {
            diagram_out_print(out, "%s", activity_label(activity, step));
        } else {
            diagram_out_print(out, "%zu", (step + 1) % 10);
        }
    }
    diagram_out_print(out, "\n");
}

static void draw_panels(DiagramOut *out, const Activity *activity) {
    char range[WORDS_MAX];
    for (size_t from = 0; from < activity->steps; from += BLOCK) {
        const size_t to = activity->steps - from > BLOCK ? from + BLOCK : activity->steps;
        for (size_t i = 0; i < activity->panel_count; i++) {
            const ActivityPanel *const panel = &activity->panels[i];
            diagram_out_print(out, "\n%s, %s: ▁ to █ is %s\n", panel->letter, panel->name,
                              activity_range(panel, range));
            for (size_t unit = 0; unit < activity->units; unit++) {
                diagram_out_print(out, "%6zu  ", unit + 1);
                write_bars(out, activity, panel, unit, from, to);
            }
            diagram_out_print(out, "        ");
            write_labels(out, activity, from, to);
        }
    }
}

static void draw_passage(DiagramOut *out, const Activity *activity) {
    char range[WORDS_MAX];
    size_t start = 0;
    diagram_out_print(out, "▁ to █ is %s\n", activity_range(&activity->panels[0], range));
    for (size_t step = 0; step < activity->steps; step++) {
        if (!activity_line_ends(activity, start, step, BLOCK)) continue;
        diagram_out_print(out, "\n");
        write_labels(out, activity, start, step + 1);
        write_bars(out, activity, &activity->panels[0], activity->unit - 1, start, step + 1);
        start = step + 1;
    }
}

void diagram_activity_text(DiagramOut *out, const Activity *activity) {
    diagram_out_print(out, "%s\n", activity->title);
    if (activity->unit > 0) {
        draw_passage(out, activity);
    } else {
        draw_panels(out, activity);
    }
}
