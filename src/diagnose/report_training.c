/* The report's section on the run that made the model. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "diagnose/report_page.h"

enum { SPIKES_MAX = 12, STEP_MAX = 24 };

/* A range that lines cannot show: so many times as large at one place as at another. */
static const double WIDE = 30.0;

static PlotNumbers log_numbers(const double *first) {
    return (PlotNumbers){PLOT_DOUBLES, first, sizeof(elman_log_step)};
}

static PlotNumbers log_steps(const elman_diagnosis *diagnosis) {
    return (PlotNumbers){PLOT_STEPS, &diagnosis->log->step, sizeof(elman_log_step)};
}

/* Whether losses are all above 0 and far apart. */
static bool is_wide(const elman_diagnosis *diagnosis) {
    double low = INFINITY, high = 0.0;
    for (size_t i = 0; i < diagnosis->log_count; i++) {
        const double loss = diagnosis->log[i].loss;
        if (!isfinite(loss)) continue;
        low = fmin(low, loss);
        high = fmax(high, loss);
    }
    return low > 0.0 && high > WIDE * low;
}

static void draw_losses(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_training_health *const health = &diagnosis->health;
    Plot plot = {.title = "Loss",
                 .x_name = "training step",
                 .y_name = "loss",
                 .y_logarithmic = is_wide(diagnosis)};
    PlotSeries *series = plot_add(&plot, diagnosis->log_count, log_steps(diagnosis),
                                  log_numbers(&diagnosis->log->loss), "training");
    if (!isnan(health->best_validation)) {
        series = plot_add(&plot, diagnosis->log_count, log_steps(diagnosis),
                          log_numbers(&diagnosis->log->validation_loss), "validation");
        series->joined = true;
        plot_mark(&plot, PLOT_MOMENT, (double)health->best_step, "best validation");
    }
    if (health->not_finite && health->not_finite_step > 0)
        plot_mark(&plot, PLOT_MOMENT, (double)health->not_finite_step, "not finite");
    plot_draw(out, &plot);
}

static void draw_norms(DiagramOut *out, const elman_diagnosis *diagnosis) {
    Plot plot = {.title = "Norm of the gradient",
                 .x_name = "training step",
                 .y_name = "norm before clipping",
                 .y_logarithmic = true};
    (void)plot_add(&plot, diagnosis->log_count, log_steps(diagnosis),
                   log_numbers(&diagnosis->log->gradient_norm), "norm");
    if (diagnosis->clip_norm > 0.0)
        plot_mark(&plot, PLOT_LEVEL, diagnosis->clip_norm, "clipped above");
    plot_draw(out, &plot);
}

static bool is_constant_rate(const elman_diagnosis *diagnosis) {
    for (size_t i = 1; i < diagnosis->log_count; i++)
        if (diagnosis->log[i].learning_rate != diagnosis->log->learning_rate) return false;
    return true;
}

static void draw_rate(DiagramOut *out, const elman_diagnosis *diagnosis) {
    if (is_constant_rate(diagnosis)) return;
    Plot plot = {.title = "Learning rate", .x_name = "training step", .y_name = "rate"};
    (void)plot_add(&plot, diagnosis->log_count, log_steps(diagnosis),
                   log_numbers(&diagnosis->log->learning_rate), "learning rate");
    plot_draw(out, &plot);
}

static void write_clipping(DiagramOut *out, const elman_training_health *health) {
    char share[CHART_NUMBER_MAX], factor[CHART_NUMBER_MAX];
    diagram_out_print(out, "<li>Clipping acted in %s of %zu steps",
                      health->clipped > 0.0 ? report_percent(health->clipped, share) : "none",
                      health->steps);
    if (!isnan(health->clip_factor))
        diagram_out_print(out, ", where the norm was %s times the limit (median)",
                          report_number(health->clip_factor, factor));
    diagram_out_print(out, ".</li>\n");
}

static void write_rate(DiagramOut *out, const elman_diagnosis *diagnosis) {
    char rate[CHART_NUMBER_MAX];
    if (is_constant_rate(diagnosis))
        diagram_out_print(out, "<li>The learning rate was %s throughout.</li>\n",
                          report_number(diagnosis->log->learning_rate, rate));
}

static void write_spikes(DiagramOut *out, const elman_training_health *health) {
    char step[STEP_MAX];
    if (health->spike_count == 0) {
        diagram_out_print(out, "<li>The loss never jumped.</li>\n");
        return;
    }
    diagram_out_print(out, "<li>The loss jumped up %zu time%s, at step ", health->spike_count,
                      health->spike_count == 1 ? "" : "s");
    for (size_t i = 0; i < health->spike_count && i < SPIKES_MAX; i++) {
        (void)snprintf(step, sizeof step, "%" PRIu64, health->spikes[i]);
        diagram_out_print(out, "%s%s", i > 0 ? ", " : "", step);
    }
    diagram_out_print(out, health->spike_count > SPIKES_MAX ? " and later.</li>\n" : ".</li>\n");
}

static void write_losses(DiagramOut *out, const elman_training_health *health) {
    char first[CHART_NUMBER_MAX], last[CHART_NUMBER_MAX], gap[CHART_NUMBER_MAX], step[STEP_MAX];
    diagram_out_print(out, "<li>The loss went from %s to %s (means of the first and last tenth).",
                      report_number(health->first_loss, first),
                      report_number(health->last_loss, last));
    if (!isnan(health->best_validation)) {
        (void)snprintf(step, sizeof step, "%" PRIu64, health->best_step);
        diagram_out_print(out, " Validation was best at step %s (%s)", step,
                          report_number(health->best_validation, first));
        diagram_out_print(out, " and ended at %s, %s above training.",
                          report_number(health->last_validation, last),
                          report_number(health->gap, gap));
    }
    diagram_out_print(out, "</li>\n");
    if (health->plateau)
        diagram_out_print(out, "<li>The last third brought nothing better.</li>\n");
    if (health->not_finite) {
        diagram_out_print(out, "<li>");
        report_text(out, health->not_finite);
        diagram_out_print(out, "</li>\n");
    }
}

static void write_ratios(DiagramOut *out, const elman_training_health *health) {
    static const char *const headings[] = {"change of the weights a step", "lower quartile",
                                           "median", "upper quartile", NULL};
    char name[PLOT_NAME_MAX];
    if (health->group_count == 0) return;
    report_open_table(out, headings);
    for (size_t g = 0; g < health->group_count; g++) {
        diagram_out_print(out, "<tr>");
        (void)snprintf(name, sizeof name, "layer %zu", g);
        report_cell(out, g + 1 == health->group_count ? "embedding, head" : name);
        report_number_cell(out, health->update_ratio[g].low);
        report_number_cell(out, health->update_ratio[g].median);
        report_number_cell(out, health->update_ratio[g].high);
        diagram_out_print(out, "</tr>\n");
    }
    report_close_table(out);
}

void report_training(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_training_health *const health = &diagnosis->health;
    report_open(out, "training", "Training", "What the run’s log says.");
    if (health->steps > 0) {
        report_open_plots(out);
        draw_losses(out, diagnosis);
        draw_norms(out, diagnosis);
        draw_rate(out, diagnosis);
        write_ratios(out, health);
        report_close_plots(out);
        diagram_out_print(out, "<ul>\n");
        write_losses(out, health);
        write_clipping(out, health);
        write_spikes(out, health);
        write_rate(out, diagnosis);
        diagram_out_print(out, "</ul>\n");
        report_read(out, "Training is healthy where both losses fall and stay together, clipping "
                         "is rare, and a step changes the weights by about a thousandth. "
                         "Validation that rises while training falls is over-fitting.");
    } else if (health->not_finite) {
        diagram_out_print(out, "<p>");
        report_text(out, health->not_finite);
        diagram_out_print(out, "</p>\n");
    } else {
        report_absent(out, "there is no log of the run.");
    }
    report_close(out);
}
