/* The report's sections on what gates and units do. */
#include <math.h>
#include <stdio.h>

#include "diagnose/report_page.h"
#include "explain/diagram_activity.h"

enum {
    LISTED_MAX = 24,  /* units named one by one */
    PASSAGES_MAX = 4, /* coloured */
    PASSAGE_STEPS = 400,
    BINS = 12
};

static void draw_gates(DiagramOut *out, const elman_diagnosis *diagnosis,
                       const elman_layer_diagnosis *layer) {
    enum { GATES_MAX = 8 };
    char name[PLOT_NAME_MAX], title[PLOT_NAME_MAX + 16], low[CHART_NUMBER_MAX],
        high[CHART_NUMBER_MAX];
    PlotBar bars[GATES_MAX];
    const size_t count = layer->gate_count < GATES_MAX ? layer->gate_count : GATES_MAX;
    for (size_t g = 0; g < count; g++) {
        const elman_gate_activity *const gate = &layer->gates[g];
        bars[g] = (PlotBar){.left = gate->low, .right = gate->high};
        (void)snprintf(bars[g].name, sizeof bars[g].name, "%s", gate->name);
        (void)snprintf(bars[g].text, sizeof bars[g].text, "%s, %s", report_percent(gate->low, low),
                       report_percent(gate->high, high));
    }
    (void)snprintf(title, sizeof title, "Near a bound: %s", report_layer(diagnosis, layer, name));
    if (count > 0)
        plot_bars(out, title, bars, count, "near the lower bound", "near the upper bound");
}

static void write_gates(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static const char *const headings[] = {"", "gate", "mean", "units stuck at a bound", NULL};
    char name[PLOT_NAME_MAX];
    report_open_table(out, headings);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        for (size_t g = 0; g < layer->gate_count; g++) {
            diagram_out_print(out, "<tr>");
            report_cell(out, g == 0 ? report_layer(diagnosis, layer, name) : "");
            report_cell(out, layer->gates[g].name);
            report_number_cell(out, layer->gates[g].mean);
            diagram_out_print(out, "<td>%zu of %zu</td></tr>\n", layer->gates[g].stuck,
                              layer->hidden);
        }
    }
    report_close_table(out);
}

static void write_rest(DiagramOut *out, size_t count) {
    if (count > LISTED_MAX) diagram_out_print(out, " and %zu more", count - LISTED_MAX);
    diagram_out_print(out, ".</li>\n");
}

static void write_dead(DiagramOut *out, const elman_diagnosis *diagnosis,
                       const elman_layer_diagnosis *layer) {
    char name[PLOT_NAME_MAX], number[CHART_NUMBER_MAX];
    (void)report_layer(diagnosis, layer, name);
    if (layer->dead_count > 0) {
        diagram_out_print(out, "<li>%s: %zu of %zu units never change: ", name, layer->dead_count,
                          layer->hidden);
        for (size_t i = 0; i < layer->dead_count && i < LISTED_MAX; i++)
            diagram_out_print(out, "%s%zu", i > 0 ? ", " : "", layer->dead[i] + 1);
        write_rest(out, layer->dead_count);
    }
    if (layer->duplicate_count > 0) {
        diagram_out_print(out, "<li>%s: %zu pairs of units do the same: ", name,
                          layer->duplicate_count);
        for (size_t i = 0; i < layer->duplicate_count && i < LISTED_MAX; i++) {
            const elman_unit_pair *const pair = &layer->duplicates[i];
            diagram_out_print(out, "%s%zu and %zu (%s)", i > 0 ? "; " : "", pair->first + 1,
                              pair->second + 1, report_number(pair->correlation, number));
        }
        write_rest(out, layer->duplicate_count);
    }
}

void report_activity(DiagramOut *out, const elman_diagnosis *diagnosis) {
    bool any = false, idle = false;
    report_open(out, "activity", "Saturation, dead units, duplicates",
                "How often gates and units are within 5 % of their bounds, which units never "
                "change, and which do the same as another.");
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        any = any || layer->gate_count > 0;
        idle = idle || layer->dead_count > 0 || layer->duplicate_count > 0;
    }
    if (!any) {
        report_absent(out, report_left_out(diagnosis));
        report_close(out);
        return;
    }
    report_open_plots(out);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        draw_gates(out, diagnosis, &diagnosis->layers[i]);
    write_gates(out, diagnosis);
    report_close_plots(out);
    if (idle) {
        diagram_out_print(out, "<ul>\n");
        for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
            write_dead(out, diagnosis, &diagnosis->layers[i]);
        diagram_out_print(out, "</ul>\n");
    } else {
        diagram_out_print(out, "<p>No unit is dead, and no two do the same.</p>\n");
    }
    report_read(out, "Gates may rest at a bound now and then: that is how they keep and forget. A "
                     "unit that is stuck at one passes no gradient, and a dead or a duplicate unit "
                     "is width that does nothing.");
    report_close(out);
}

/* ---- Time constants ---- */

/* Which bin a number of steps is in: 1 to 2, 2 to 4, ..., the last open. */
static size_t bin_of(double steps) {
    size_t bin = 0;
    for (double end = 2.0; bin + 1 < BINS && steps >= end; end *= 2.0) bin++;
    return bin;
}

static void draw_time_constants(DiagramOut *out, const elman_diagnosis *diagnosis,
                                const elman_layer_diagnosis *layer) {
    char name[PLOT_NAME_MAX], title[PLOT_NAME_MAX + 24];
    PlotBar bars[BINS];
    size_t counts[BINS] = {0}, most = 0, used = 0;
    for (size_t u = 0; u < layer->time_constant_count; u++)
        counts[bin_of(layer->time_constants[u])]++;
    for (size_t b = 0; b < BINS; b++) {
        if (counts[b] > 0) used = b + 1;
        if (counts[b] > most) most = counts[b];
    }
    if (most == 0) return;
    for (size_t b = 0; b < used; b++) {
        const size_t from = (size_t)1 << b;
        bars[b] = (PlotBar){.left = (double)counts[b] / (double)most};
        (void)snprintf(bars[b].name, sizeof bars[b].name, b + 1 == BINS ? "%zu or more" : "%zu–%zu",
                       from, 2 * from);
        (void)snprintf(bars[b].text, sizeof bars[b].text, "%zu", counts[b]);
    }
    (void)snprintf(title, sizeof title, "Time constants, steps: %s",
                   report_layer(diagnosis, layer, name));
    plot_bars(out, title, bars, used, "units", NULL);
}

static void write_time_constants(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static const char *const headings[] = {"", "lower quartile", "median", "upper quartile", NULL};
    char name[PLOT_NAME_MAX];
    report_open_table(out, headings);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        if (layer->time_constant_count == 0) continue;
        diagram_out_print(out, "<tr>");
        report_cell(out, report_layer(diagnosis, layer, name));
        report_number_cell(out, layer->time_constant.low);
        report_number_cell(out, layer->time_constant.median);
        report_number_cell(out, layer->time_constant.high);
        diagram_out_print(out, "</tr>\n");
    }
    report_close_table(out);
}

void report_time_constants(DiagramOut *out, const elman_diagnosis *diagnosis) {
    bool any = false;
    report_open(out, "time-constants", "Time constants",
                "How many steps a unit keeps what it holds: 1 / (1 − mean f) of an LSTM, "
                "1 / (1 − mean z) of a GRU.");
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        any = any || diagnosis->layers[i].time_constant_count > 0;
    if (any) {
        report_open_plots(out);
        for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
            draw_time_constants(out, diagnosis, &diagnosis->layers[i]);
        report_close_plots(out);
        write_time_constants(out, diagnosis);
        report_read(out, "A layer that must bridge long gaps needs some units with long time "
                         "constants. If all are within a few steps, its gates forget whatever is "
                         "far back.");
    } else {
        report_absent(out, diagnosis->summary.layer_count == 0
                               ? report_left_out(diagnosis)
                               : "these cells have no gate that keeps a state.");
    }
    report_close(out);
}

/* ---- Meanings ---- */

static void write_meanings(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static const char *const headings[] = {"", "unit", "correlation", "goes along with", NULL};
    char name[PLOT_NAME_MAX];
    report_open_table(out, headings);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        for (size_t m = 0; m < layer->meaning_count; m++) {
            const elman_unit_meaning *const meaning = &layer->meanings[m];
            diagram_out_print(out, "<tr>");
            report_cell(out, m == 0 ? report_layer(diagnosis, layer, name) : "");
            diagram_out_print(out, "<td>%zu</td>", meaning->unit + 1);
            report_number_cell(out, meaning->correlation);
            diagram_out_print(out, "<td class=\"name\">");
            report_text(out, meaning->event);
            diagram_out_print(out, "</td></tr>\n");
        }
    }
    report_close_table(out);
}

/* A unit's h along the passage, on the scale of its greatest: many units never come near 1. */
static Activity open_passage(const elman_diagnosis *diagnosis, size_t index, size_t unit) {
    const elman_layer_diagnosis *const layer = &diagnosis->layers[index];
    const size_t all = diagnosis->passage_steps;
    Activity activity = {
        .panel_count = 1,
        .panels = {{.both_signs = true, .values = diagnosis->passage_h[index]}},
        .steps = all < PASSAGE_STEPS ? all : PASSAGE_STEPS,
        .batch = 1,
        .hidden = layer->hidden,
        .labels = diagnosis->passage_labels,
    };
    float most = 0.0F;
    for (size_t t = 0; t < activity.steps; t++) {
        const float size = fabsf(activity.panels[0].values[t * layer->hidden + unit]);
        if (size > most && isfinite(size)) most = size;
    }
    activity.panels[0].scale = most > 0.0F ? most : 1.0F;
    return activity;
}

/* A character with its white space shown; the lines of the text end where its lines do. */
static void write_character(DiagramOut *out, const Activity *activity, size_t step) {
    const char *const given = activity->labels[step], *const shown = activity_label(activity, step);
    if (shown == given) {
        report_text(out, given);
    } else {
        diagram_out_print(out, "<i>%s</i>", shown);
    }
}

/* Neighbours of one level share a span. A break may come behind a blank. */
static void write_passage(DiagramOut *out, const elman_diagnosis *diagnosis, size_t index,
                          size_t unit) {
    const Activity activity = open_passage(diagnosis, index, unit);
    char most[CHART_NUMBER_MAX];
    size_t open = ACTIVITY_NOT_FINITE + 1;
    diagram_out_print(out, "<p class=\"passage\">");
    for (size_t t = 0; t < activity.steps; t++) {
        const size_t level = activity_level(&activity, &activity.panels[0], t, unit);
        if (level != open) {
            if (t > 0) diagram_out_print(out, "</span>");
            diagram_out_print(out, "<span class=\"d%zu\">", level);
            open = level;
        }
        if (activity.labels) {
            const char first = activity.labels[t][0];
            write_character(out, &activity, t);
            if (first == ' ') diagram_out_print(out, "<wbr/>");
            if (first == '\n') diagram_out_print(out, "<br/>");
        } else {
            diagram_out_print(out, "%d ", (int)diagnosis->passage_tokens[t]);
        }
    }
    diagram_out_print(out, "%s</p>\n<p class=\"soft\">Blue is h up to %s, ",
                      activity.steps > 0 ? "</span>" : "",
                      report_number((double)activity.panels[0].scale, most));
    diagram_out_print(out, "red down to %s.</p>\n",
                      report_number(-(double)activity.panels[0].scale, most));
}

/* The best of each layer in turn, the last layer first: its units know most. No unit twice. */
static void write_passages(DiagramOut *out, const elman_diagnosis *diagnosis) {
    char name[PLOT_NAME_MAX], number[CHART_NUMBER_MAX];
    size_t written = 0;
    for (size_t rank = 0; rank < PASSAGES_MAX && written < PASSAGES_MAX; rank++) {
        for (size_t i = diagnosis->summary.layer_count; i-- > 0 && written < PASSAGES_MAX;) {
            const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
            if (rank >= layer->meaning_count) continue;
            const elman_unit_meaning *const meaning = &layer->meanings[rank];
            size_t before = 0;
            while (layer->meanings[before].unit != meaning->unit) before++;
            if (before < rank) continue;
            diagram_out_print(out, "<h3>Unit %zu of %s: ", meaning->unit + 1,
                              report_layer(diagnosis, layer, name));
            report_text(out, meaning->event);
            diagram_out_print(out, " (%s)</h3>\n", report_number(meaning->correlation, number));
            write_passage(out, diagnosis, i, meaning->unit);
            written++;
        }
    }
}

void report_meanings(DiagramOut *out, const elman_diagnosis *diagnosis) {
    size_t count = 0;
    report_open(out, "meanings", "What the units do",
                "For each event or number of the input the unit of each layer whose h goes along "
                "with it most.");
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        count += diagnosis->layers[i].meaning_count;
    if (count > 0) {
        write_meanings(out, diagnosis);
        if (diagnosis->passage_steps > 0) write_passages(out, diagnosis);
        report_read(out, "A correlation of 1 or −1 is a unit that tells the event and nothing "
                         "else, 0 one that knows nothing of it. Units that are listed are those to "
                         "look at first, not proof of what they are for.");
    } else {
        report_absent(out, diagnosis->passage_steps > 0
                               ? "no unit goes along with any event (correlation below 0.3)."
                               : "no unit goes along with any number of the input (correlation "
                                 "below 0.3), or the diagnosis is a brief one.");
    }
    report_close(out);
}
