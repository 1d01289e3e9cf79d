/* Draws activity as SVG: levels are classes, and each level of a panel is one path of strokes. */
#include <string.h>

#include "explain/diagram_activity.h"
#include "explain/diagram_forms.h"
#include "explain/diagram_picture.h"

enum {
    LEFT = 56,
    TOP = 80,
    MARGIN = 20,
    PANEL_TITLE = 18,
    PANEL_GAP = 22,
    LABELS = 14,
    LINE_WIDTH = 64, /* characters of a passage */
    LETTER = 11,
    LETTER_HEIGHT = 24,
    LEGEND = 14
};

/* s: 0 to 1, d: both signs; the last is for what is not finite. */
static const char light[] =
    ".ch{font-size:10px;text-anchor:middle;fill:#57606a}.pass{font-size:15px;text-anchor:middle}\n"
    ".ch,.pass{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace}\n"
    ".box{fill:none;stroke:#d0d7de}\n"
    ".s0{stroke:#f4f4f6}.s1{stroke:#e3e6f6}.s2{stroke:#d0d5f5}.s3{stroke:#bcc3f2}\n"
    ".s4{stroke:#a7b0ee}.s5{stroke:#929de9}.s6{stroke:#7d89e2}.s7{stroke:#6976da}\n"
    ".s8{stroke:#5664cf}.s9{stroke:#4452c1}.s10{stroke:#3340ae}\n"
    ".d0{stroke:#d9584c}.d1{stroke:#e27a70}.d2{stroke:#ea9b94}.d3{stroke:#f1bcb7}\n"
    ".d4{stroke:#f8dddb}.d5{stroke:#f4f4f6}.d6{stroke:#dbe6fb}.d7{stroke:#b8cff7}\n"
    ".d8{stroke:#95b8f3}.d9{stroke:#72a1ef}.d10{stroke:#4c88ea}.s11,.d11{stroke:#ffb000}\n";
static const char dark[] =
    ".ch{fill:#9da7b1}.box{stroke:#30363d}\n"
    ".s0{stroke:#1a1f26}.s1{stroke:#222743}.s2{stroke:#2a3060}.s3{stroke:#343b7b}\n"
    ".s4{stroke:#404894}.s5{stroke:#4e57ab}.s6{stroke:#5f69bf}.s7{stroke:#737dd1}\n"
    ".s8{stroke:#8a93e0}.s9{stroke:#a4abec}.s10{stroke:#c2c7f6}\n"
    ".d0{stroke:#a63d33}.d1{stroke:#8a362e}.d2{stroke:#6e2f2a}.d3{stroke:#522826}\n"
    ".d4{stroke:#362122}.d5{stroke:#1a1f26}.d6{stroke:#1d2b40}.d7{stroke:#213858}\n"
    ".d8{stroke:#254571}.d9{stroke:#29528a}.d10{stroke:#2d60a5}\n";

static void begin(DiagramOut *out, const Activity *activity, int width, int height) {
    const int title = picture_text_width(activity->title, TEXT_TITLE) + 2 * MARGIN;
    if (title > width) width = title;
    diagram_svg_begin(out, width, height, activity->title, light);
    diagram_out_bytes(out, dark, strlen(dark));
    diagram_out_print(out, "}\n</style>\n<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
                      width, height);
    diagram_out_print(out, "<text class=\"title\" x=\"%d\" y=\"32\">", MARGIN);
    diagram_out_xml(out, activity->title);
    diagram_out_print(out, "</text>\n");
}

static void write_small(DiagramOut *out, int x, int y, const char *anchor, const char *text) {
    diagram_out_print(out, "<text class=\"small\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y,
                      anchor);
    diagram_out_xml(out, text);
    diagram_out_print(out, "</text>\n");
}

/* All levels from least to most. */
static void write_legend(DiagramOut *out, const ActivityPanel *panel, int x, int y) {
    char range[WORDS_MAX];
    for (int level = 0; level < ACTIVITY_LEVELS; level++) {
        diagram_out_print(out, "<path class=\"%s%d\" stroke-width=\"10\" d=\"M%d %dh%d\"/>\n",
                          panel->both_signs ? "d" : "s", level, x + LEGEND * level, y, LEGEND);
    }
    (void)activity_range(panel, range);
    write_small(out, x + LEGEND * ACTIVITY_LEVELS + 6, y + 4, "start", range);
}

/* One legend for gates, one for what has both signs; both next to each other at `x`. */
static void write_legends(DiagramOut *out, const Activity *activity, int x) {
    bool done[2] = {false, false};
    for (size_t i = 0; i < activity->panel_count; i++) {
        const ActivityPanel *const panel = &activity->panels[i];
        if (done[panel->both_signs]) continue;
        done[panel->both_signs] = true;
        write_legend(out, panel, x, 56);
        x += LEGEND * ACTIVITY_LEVELS + 80;
    }
}

/* A stroke as long as the steps from `from` to `to` that have one level. */
static void write_run(DiagramOut *out, int x, int y, int width) {
    diagram_out_print(out, "M%d %dh%d", x, y, width);
}

/* The strokes of one level; false when there is none. */
static void write_level(DiagramOut *out, const Activity *activity, const ActivityPanel *panel,
                        size_t level, int y, int cell_width, int cell_height) {
    bool any = false;
    for (size_t unit = 0; unit < activity->units; unit++) {
        size_t start = 0;
        for (size_t step = 0; step <= activity->steps; step++) {
            const bool here =
                step < activity->steps && activity_level(activity, panel, step, unit) == level;
            if (here) continue;
            if (step > start) {
                if (!any) {
                    diagram_out_print(out, "<path class=\"%s%zu\" d=\"",
                                      panel->both_signs ? "d" : "s", level);
                }
                any = true;
                write_run(out, LEFT + (int)start * cell_width,
                          y + (int)unit * cell_height + cell_height / 2,
                          (int)(step - start) * cell_width);
            }
            start = step + 1;
        }
    }
    if (any) diagram_out_print(out, "\"/>\n");
}

static void write_steps(DiagramOut *out, const Activity *activity, int y, int cell_width) {
    for (size_t step = 0; step < activity->steps; step++) {
        const int x = LEFT + (int)step * cell_width + cell_width / 2;
        if (!activity->labels && step > 0 && (step + 1) % 10 != 0) continue;
        diagram_out_print(out, "<text class=\"ch\" x=\"%d\" y=\"%d\">", x, y);
        if (activity->labels) {
            diagram_out_xml(out, activity_label(activity, step));
        } else {
            diagram_out_print(out, "%zu", step + 1);
        }
        diagram_out_print(out, "</text>\n");
    }
}

static void write_panel(DiagramOut *out, const Activity *activity, const ActivityPanel *panel,
                        int y, int cell_width, int cell_height) {
    char range[WORDS_MAX], number[WORDS_COUNT_MAX];
    const int height = (int)activity->units * cell_height;
    const int width = (int)activity->steps * cell_width;
    diagram_out_print(out,
                      "<text class=\"name\" x=\"%d\" y=\"%d\">%s<tspan class=\"small\" dx=\"8\" "
                      "font-weight=\"normal\">%s, %s</tspan></text>\n",
                      LEFT, y - 6, panel->letter, panel->name, activity_range(panel, range));
    write_small(out, LEFT - 6, y + 9, "end", "1");
    if (activity->units > 2) {
        write_small(out, LEFT - 6, y + height, "end", words_count(activity->units, number));
    }
    diagram_out_print(out, "<g fill=\"none\" shape-rendering=\"crispEdges\" stroke-width=\"%d\">\n",
                      cell_height);
    for (size_t level = 0; level <= ACTIVITY_NOT_FINITE; level++) {
        write_level(out, activity, panel, level, y, cell_width, cell_height);
    }
    diagram_out_print(out,
                      "</g>\n<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" "
                      "height=\"%d\"/>\n",
                      LEFT, y, width, height);
    write_steps(out, activity, y + height + LABELS - 3, cell_width);
}

static void draw_panels(DiagramOut *out, const Activity *activity) {
    const int cell_width = activity->steps <= 96 ? 12 : 8;
    const int cell_height = activity->units <= 12 ? 12 : activity->units <= 40 ? 6 : 4;
    const int panel = (int)activity->units * cell_height + LABELS + PANEL_TITLE + PANEL_GAP;
    const int legends = LEFT + 2 * (LEGEND * ACTIVITY_LEVELS + 80) + MARGIN;
    const int cells = LEFT + (int)activity->steps * cell_width + MARGIN;
    begin(out, activity, cells > legends ? cells : legends,
          TOP + (int)activity->panel_count * panel);
    diagram_out_print(out, "<g fill=\"none\" shape-rendering=\"crispEdges\">\n");
    write_legends(out, activity, LEFT);
    diagram_out_print(out, "</g>\n");
    for (size_t i = 0; i < activity->panel_count; i++) {
        write_panel(out, activity, &activity->panels[i], TOP + PANEL_TITLE + (int)i * panel,
                    cell_width, cell_height);
    }
}

static void draw_line(DiagramOut *out, const Activity *activity, size_t from, size_t to, int y) {
    const ActivityPanel *const panel = &activity->panels[0];
    for (size_t step = from; step < to; step++) {
        const int x = MARGIN + (int)(step - from) * LETTER;
        const size_t level = activity_level(activity, panel, step, activity->unit - 1);
        diagram_out_print(out, "<path class=\"%s%zu\" stroke-width=\"20\" d=\"M%d %dh%d\"/>\n",
                          panel->both_signs ? "d" : "s", level, x, y - 5, LETTER);
    }
    for (size_t step = from; step < to; step++) {
        const char *const label = activity_label(activity, step);
        if (!*label || strcmp(label, "␣") == 0) continue;
        diagram_out_print(out, "<text class=\"pass\" x=\"%d\" y=\"%d\">",
                          MARGIN + (int)(step - from) * LETTER + LETTER / 2, y);
        diagram_out_xml(out, label);
        diagram_out_print(out, "</text>\n");
    }
}

static void draw_passage(DiagramOut *out, const Activity *activity) {
    size_t lines = 0, start = 0;
    for (size_t step = 0; step < activity->steps; step++) {
        if (!activity_line_ends(activity, start, step, LINE_WIDTH)) continue;
        lines++;
        start = step + 1;
    }
    begin(out, activity, 2 * MARGIN + LINE_WIDTH * LETTER, TOP + 16 + (int)lines * LETTER_HEIGHT);
    diagram_out_print(out, "<g fill=\"none\" shape-rendering=\"crispEdges\">\n");
    write_legend(out, &activity->panels[0], MARGIN, 50);
    diagram_out_print(out, "</g>\n");
    int y = TOP + 16;
    start = 0;
    for (size_t step = 0; step < activity->steps; step++) {
        if (!activity_line_ends(activity, start, step, LINE_WIDTH)) continue;
        draw_line(out, activity, start, step + 1, y);
        y += LETTER_HEIGHT;
        start = step + 1;
    }
}

void diagram_activity_svg(DiagramOut *out, const Activity *activity) {
    if (activity->unit > 0) {
        draw_passage(out, activity);
    } else {
        draw_panels(out, activity);
    }
    diagram_out_print(out, "</svg>\n");
}
