/* The parts of a report, and what they share. */
#ifndef DIAGNOSE_REPORT_PAGE_H
#define DIAGNOSE_REPORT_PAGE_H

#include "diagnose/diagnosis.h"
#include "diagnose/plot.h"
#include "explain/chart_axis.h"
#include "explain/diagram_out.h"

extern const char report_style[];

/* Text from outside: without control characters and bytes that are not UTF-8, & < > " as
 * references; cut where it is very long. */
void report_text(DiagramOut *out, const char *text);

/* "0.1235", "1.5e30", "∞", "not measured" */
const char *report_number(double value, char text[CHART_NUMBER_MAX]);

/* A share of 1 in whole percent, "< 1 %" where it is less and not 0. */
const char *report_percent(double share, char text[CHART_NUMBER_MAX]);

/* "layer 0", "layer 1, backward" */
const char *report_layer(const elman_diagnosis *diagnosis, const elman_layer_diagnosis *layer,
                         char text[PLOT_NAME_MAX]);

/* A section's heading and what is measured, in one sentence. `id` names it in links. */
void report_open(DiagramOut *out, const char *id, const char *heading, const char *what);

/* How to read what has been drawn; then report_close. */
void report_read(DiagramOut *out, const char *sentences);
void report_close(DiagramOut *out);

/* The sentence in the place of a measure that is not there. */
void report_absent(DiagramOut *out, const char *why);

/* Why a measure that follows every full diagnosis of a model is not there. */
const char *report_left_out(const elman_diagnosis *diagnosis);

/* Figures side by side. */
void report_open_plots(DiagramOut *out);
void report_close_plots(DiagramOut *out);

/* A table's first row; NULL ends the headings. Then rows: <tr>, report_cell for each, </tr>. */
void report_open_table(DiagramOut *out, const char *const *headings);
void report_cell(DiagramOut *out, const char *text);
void report_number_cell(DiagramOut *out, double value);
void report_close_table(DiagramOut *out);

bool report_any_reverse(const elman_diagnosis *diagnosis);

void report_gradient(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_contexts(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_errors(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_jacobians(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_activity(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_time_constants(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_training(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_drift(DiagramOut *out, const elman_diagnosis *diagnosis);
void report_meanings(DiagramOut *out, const elman_diagnosis *diagnosis);

#endif
