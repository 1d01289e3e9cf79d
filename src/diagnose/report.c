/* A diagnosis as a page of HTML: what was found, first; then each measure with its plots. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "diagnose/report_page.h"
#include "explain/chart_parts.h"
#include "explain/diagram_words.h"

enum { TEXT_MAX = 1024, DIGITS = 4 };

void report_text(DiagramOut *out, const char *text) {
    char clean[TEXT_MAX];
    chart_text_copy(clean, sizeof clean, text, false);
    diagram_out_xml(out, clean);
}

const char *report_number(double value, char text[CHART_NUMBER_MAX]) {
    if (isnan(value)) return "not measured";
    if (isinf(value)) return value > 0 ? "∞" : "−∞";
    return chart_number_short(chart_value(value), DIGITS, false, text);
}

const char *report_percent(double share, char text[CHART_NUMBER_MAX]) {
    if (isnan(share)) return "?";
    const double percent = floor(100.0 * share + 0.5);
    (void)snprintf(text, CHART_NUMBER_MAX, share > 0.0 && percent == 0.0 ? "< 1 %%" : "%d %%",
                   (int)percent);
    return text;
}

bool report_any_reverse(const elman_diagnosis *diagnosis) {
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        if (diagnosis->layers[i].reverse) return true;
    return false;
}

const char *report_layer(const elman_diagnosis *diagnosis, const elman_layer_diagnosis *layer,
                         char text[PLOT_NAME_MAX]) {
    const elman_layer_diagnosis *const end = diagnosis->layers + diagnosis->summary.layer_count;
    const bool both = layer + 1 < end && layer[1].layer == layer->layer;
    (void)snprintf(text, PLOT_NAME_MAX, "layer %zu%s", layer->layer,
                   layer->reverse ? ", backward"
                   : both         ? ", forward"
                                  : "");
    return text;
}

void report_open(DiagramOut *out, const char *id, const char *heading, const char *what) {
    diagram_out_print(out, "<section id=\"%s\">\n<h2>%s</h2>\n<p class=\"what\">%s</p>\n", id,
                      heading, what);
}

void report_read(DiagramOut *out, const char *sentences) {
    diagram_out_print(out, "<p class=\"read\">%s</p>\n", sentences);
}

void report_close(DiagramOut *out) {
    diagram_out_print(out, "</section>\n");
}

void report_absent(DiagramOut *out, const char *why) {
    diagram_out_print(out, "<p class=\"absent\">Not measured: %s</p>\n", why);
}

const char *report_left_out(const elman_diagnosis *diagnosis) {
    return diagnosis->summary.layer_count == 0 ? "this is a diagnosis of a run’s log alone."
                                               : "a brief diagnosis leaves it out.";
}

void report_open_plots(DiagramOut *out) {
    diagram_out_print(out, "<div class=\"plots\">\n");
}

void report_close_plots(DiagramOut *out) {
    diagram_out_print(out, "</div>\n");
}

void report_open_table(DiagramOut *out, const char *const *headings) {
    diagram_out_print(out, "<div class=\"wide\">\n<table>\n<thead><tr>");
    for (; *headings; headings++) diagram_out_print(out, "<th scope=\"col\">%s</th>", *headings);
    diagram_out_print(out, "</tr></thead>\n<tbody>\n");
}

void report_cell(DiagramOut *out, const char *text) {
    diagram_out_print(out, "<td>");
    report_text(out, text);
    diagram_out_print(out, "</td>");
}

void report_number_cell(DiagramOut *out, double value) {
    char text[CHART_NUMBER_MAX];
    report_cell(out, isnan(value) ? "–" : report_number(value, text));
}

void report_close_table(DiagramOut *out) {
    diagram_out_print(out, "</tbody>\n</table>\n</div>\n");
}

static void write_head(DiagramOut *out, const elman_report_options *options) {
    diagram_out_print(out,
                      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
                      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
    report_text(out, options->title);
    diagram_out_print(out, "</title>\n<style>\n");
    diagram_out_bytes(out, report_style, strlen(report_style));
    diagram_out_print(out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    report_text(out, options->title);
    diagram_out_print(out, "</h1>\n");
    if (options->model_name || options->data_name) {
        diagram_out_print(out, "<p class=\"soft\">");
        if (options->model_name) {
            diagram_out_print(out, "Model ");
            report_text(out, options->model_name);
        }
        if (options->data_name) {
            diagram_out_print(out, options->model_name ? " on data " : "Data ");
            report_text(out, options->data_name);
        }
        diagram_out_print(out, "</p>\n");
    }
}

/* The troubles, each once, in the order of the findings. */
static void write_verdict(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const size_t count = diagnosis->summary.finding_count;
    if (count == 0) {
        diagram_out_print(out, "<p class=\"verdict healthy\">Healthy: no trouble was found.</p>\n");
        return;
    }
    diagram_out_print(out, "<p class=\"verdict troubled\">%s found: ",
                      count == 1 ? "A trouble was" : "Troubles were");
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        while (diagnosis->findings[before].trouble != diagnosis->findings[i].trouble) before++;
        if (before < i) continue;
        if (i > 0) diagram_out_print(out, ", ");
        report_text(out, diagnosis->findings[i].name);
    }
    diagram_out_print(out, ".</p>\n");
}

static void write_finding(DiagramOut *out, const elman_finding *finding) {
    diagram_out_print(out, "<li>\n<h3>");
    report_text(out, finding->name);
    diagram_out_print(out, "</h3>\n<p>");
    report_text(out, finding->sentence);
    diagram_out_print(out, "</p>\n");
    if (finding->prescription) {
        diagram_out_print(out, "<p class=\"cure\">");
        report_text(out, finding->prescription);
        diagram_out_print(out, "</p>\n");
    }
    diagram_out_print(out, "</li>\n");
}

static void write_findings(DiagramOut *out, const elman_diagnosis *diagnosis) {
    if (diagnosis->summary.finding_count == 0) return;
    diagram_out_print(out, "<h2>What was found</h2>\n<ol class=\"findings\">\n");
    for (size_t i = 0; i < diagnosis->summary.finding_count; i++)
        write_finding(out, &diagnosis->findings[i]);
    diagram_out_print(out, "</ol>\n");
}

static void write_figure(DiagramOut *out, const char *name, const char *text) {
    diagram_out_print(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, text);
}

/* "65.8", "more than 128" */
static const char *horizon_text(double steps, size_t most, char text[CHART_NUMBER_MAX]) {
    char number[WORDS_COUNT_MAX];
    if (!isinf(steps)) return report_number(steps, text);
    (void)snprintf(text, CHART_NUMBER_MAX, "more than %s", words_count(most, number));
    return text;
}

/* The greatest lag of any layer, and the most steps that were read. */
static size_t most_lags(const elman_diagnosis *diagnosis) {
    size_t most = 0;
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        if (diagnosis->layers[i].lag_count > most + 1) most = diagnosis->layers[i].lag_count - 1;
    return most;
}

static size_t most_context(const elman_diagnosis_summary *summary) {
    return summary->context_count > 0 ? summary->contexts[summary->context_count - 1].steps : 0;
}

static void write_figures(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_diagnosis_summary *const summary = &diagnosis->summary;
    char text[CHART_NUMBER_MAX];
    if (summary->layer_count == 0) return;
    diagram_out_print(out, "<dl class=\"figures\">\n");
    write_figure(out, "Memory horizon, steps",
                 horizon_text(summary->memory_horizon, most_lags(diagnosis), text));
    write_figure(out, "Used horizon, steps",
                 horizon_text(summary->used_horizon, most_context(summary), text));
    write_figure(out, "Training window, steps",
                 summary->window ? words_count(summary->window, text) : "not known");
    write_figure(out, "Loss", report_number(summary->loss, text));
    if (!isnan(summary->baseline))
        write_figure(out, "Loss of a constant answer", report_number(summary->baseline, text));
    diagram_out_print(out, "</dl>\n");
}

static void write_measures(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static void (*const parts[])(DiagramOut *, const elman_diagnosis *) = {
        report_gradient,       report_contexts, report_errors, report_jacobians, report_activity,
        report_time_constants, report_training, report_drift,  report_meanings};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) parts[i](out, diagnosis);
}

elman_status elman_diagnosis_report(const elman_diagnosis *diagnosis,
                                    const elman_report_options *given,
                                    elman_diagram_write_function write, void *user,
                                    elman_error *error) {
    elman_report_options options;
    DiagramOut out;
    const elman_status status =
        options_read(&options, sizeof options, given, "elman_report_options", error);
    if (status) return status;
    if (!options.title) options.title = "Diagnosis";
    diagram_out_init(&out, write, user);
    write_head(&out, &options);
    write_verdict(&out, diagnosis);
    write_figures(&out, diagnosis);
    diagram_out_print(&out, "</header>\n<main>\n");
    write_findings(&out, diagnosis);
    write_measures(&out, diagnosis);
    diagram_out_print(&out,
                      "</main>\n<footer>Layers, units and inputs are counted from 0. The "
                      "gradient was looked at from %zu positions.</footer>\n"
                      "</body>\n</html>\n",
                      diagnosis->summary.positions);
    return diagram_out_finish(&out, error)
               ? fail(error, ELMAN_ERR_CANCELLED, "a report: its receiver asked to stop")
               : ELMAN_OK;
}
