/* The report's sections on how far gradients reach and what context is worth. */
#include <math.h>
#include <stdio.h>

#include "diagnose/report_page.h"

static const PlotNumbers indices = {PLOT_INDEX, NULL, 0};

static void mark_steps(Plot *plot, PlotMarkKind kind, double steps, const char *what) {
    char number[CHART_NUMBER_MAX];
    if (isnan(steps)) return;
    if (isinf(steps))
        plot_mark(plot, kind, steps, "%s: beyond the plot", what);
    else
        plot_mark(plot, kind, steps, "%s: %s", what, report_number(steps, number));
}

static void mark_window(Plot *plot, const elman_diagnosis *diagnosis) {
    if (diagnosis->summary.window > 0)
        mark_steps(plot, PLOT_WINDOW, (double)diagnosis->summary.window, "training window");
}

static void draw_gradient(DiagramOut *out, const elman_diagnosis *diagnosis,
                          const elman_layer_diagnosis *layer) {
    char name[PLOT_NAME_MAX];
    Plot plot = {.x_name = layer->reverse ? "steps ahead" : "steps back",
                 .y_name = "gradient, share of that at lag 0",
                 .y_logarithmic = true};
    if (layer->lag_count == 0) return;
    (void)snprintf(plot.title, sizeof plot.title, "Gradient by lag: %s",
                   report_layer(diagnosis, layer, name));
    (void)plot_add_quartiles(&plot, layer->lag_count, indices, layer->gradient,
                             "of h: median and quartiles");
    if (layer->cell_gradient)
        (void)plot_add_quartiles(&plot, layer->lag_count, indices, layer->cell_gradient,
                                 "of c: median and quartiles");
    plot_mark(&plot, PLOT_LEVEL, 0.01, "1 %%");
    mark_steps(&plot, PLOT_MEMORY, layer->memory_horizon, "memory horizon");
    mark_window(&plot, diagnosis);
    plot_draw(out, &plot);
}

/* "more than 128" where the gradient is still there at the last lag. */
static void write_horizon(DiagramOut *out, const elman_layer_diagnosis *layer) {
    if (isinf(layer->memory_horizon))
        diagram_out_print(out, "<td>more than %zu</td>", layer->lag_count - 1);
    else
        report_number_cell(out, layer->memory_horizon);
}

static void write_decays(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static const char *const headings[] = {"", "kept per step", "memory horizon", NULL};
    char name[PLOT_NAME_MAX];
    report_open_table(out, headings);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        diagram_out_print(out, "<tr>");
        report_cell(out, report_layer(diagnosis, layer, name));
        report_number_cell(out, layer->decay);
        write_horizon(out, layer);
        diagram_out_print(out, "</tr>\n");
    }
    report_close_table(out);
}

void report_gradient(DiagramOut *out, const elman_diagnosis *diagnosis) {
    bool any = false;
    report_open(out, "gradient", "Gradient by lag",
                "How much of the loss at one step reaches the state of earlier steps on its way "
                "back.");
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        any = any || diagnosis->layers[i].lag_count > 0;
    if (any) {
        report_open_plots(out);
        for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
            draw_gradient(out, diagnosis, &diagnosis->layers[i]);
        report_close_plots(out);
        write_decays(out, diagnosis);
        report_read(out, "A straight fall is a gradient that vanishes by the same factor at each "
                         "step; a rise is one that explodes. Where the line falls below 1 % for "
                         "good, the memory horizon, training can teach nothing any more; of an "
                         "LSTM the farther of h and c counts.");
    } else {
        report_absent(out, diagnosis->summary.layer_count == 0
                               ? report_left_out(diagnosis)
                               : "the output is made of all steps together, so that none of them "
                                 "is at one lag.");
    }
    report_close(out);
}

/* The loss with a band of twice its standard error needs an array: the two lines stand for it. */
static void draw_contexts(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_diagnosis_summary *const summary = &diagnosis->summary;
    const elman_context_loss *const contexts = summary->contexts;
    const size_t stride = sizeof *contexts;
    const PlotNumbers steps = {PLOT_SIZES, &contexts->steps, stride};
    const PlotNumbers loss = {PLOT_DOUBLES, &contexts->loss, stride};
    Plot plot = {.title = "Loss by context",
                 .x_name = "steps read before the output",
                 .y_name = "loss",
                 .x_logarithmic = true};
    (void)plot_add(&plot, summary->context_count, steps, loss, "loss");
    mark_steps(&plot, PLOT_USED, summary->used_horizon, "used horizon");
    mark_steps(&plot, PLOT_MEMORY, summary->memory_horizon, "memory horizon");
    mark_window(&plot, diagnosis);
    plot_draw(out, &plot);
}

static void write_contexts(DiagramOut *out, const elman_diagnosis_summary *summary) {
    static const char *const headings[] = {"steps", "loss", "above that with the most", "±", NULL};
    report_open_table(out, headings);
    for (size_t i = 0; i < summary->context_count; i++) {
        const elman_context_loss *const context = &summary->contexts[i];
        diagram_out_print(out, "<tr>");
        report_number_cell(out, (double)context->steps);
        report_number_cell(out, context->loss);
        report_number_cell(out, context->excess);
        report_number_cell(out, context->error);
        diagram_out_print(out, "</tr>\n");
    }
    report_close_table(out);
}

void report_contexts(DiagramOut *out, const elman_diagnosis *diagnosis) {
    report_open(out, "context", "Used horizon",
                "The loss when the model may read no more than the last few steps before each "
                "output.");
    if (diagnosis->summary.context_count > 0) {
        report_open_plots(out);
        draw_contexts(out, diagnosis);
        write_contexts(out, &diagnosis->summary);
        report_close_plots(out);
        report_read(out, "Where the curve becomes flat, the used horizon, more context no longer "
                         "helps this model. Short of the memory horizon it has not learned to use "
                         "what it could carry; still falling at the window, it wants a longer "
                         "one.");
    } else {
        report_absent(out, report_any_reverse(diagnosis)
                               ? "layers that read backward too see the whole sequence at once."
                               : report_left_out(diagnosis));
    }
    report_close(out);
}

void report_errors(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_diagnosis_summary *const summary = &diagnosis->summary;
    Plot plot = {.title = "What the errors owe to earlier inputs",
                 .x_name = "steps back",
                 .y_name = "share of their variance"};
    report_open(out, "errors", "Errors by lag",
                "How well the error at one step can be told from the input of an earlier one.");
    (void)plot_add(&plot, summary->error_count, indices, plot_doubles(summary->error_by_lag),
                   "explained");
    plot_mark(&plot, PLOT_LEVEL, 0.0, "nothing");
    mark_steps(&plot, PLOT_MEMORY, summary->memory_horizon, "memory horizon");
    mark_window(&plot, diagnosis);
    if (summary->error_count > 0 && plot_has_points(&plot)) {
        report_open_plots(out);
        plot_draw(out, &plot);
        report_close_plots(out);
        report_read(out, "A lag clearly above 0 holds what the model should have used and did not. "
                         "Beyond the memory horizon it cannot carry it, beyond the window it was "
                         "never taught to.");
    } else {
        report_absent(out, report_left_out(diagnosis));
    }
    report_close(out);
}

/* ---- The recurrent Jacobian ---- */

static void draw_products(DiagramOut *out, const elman_diagnosis *diagnosis) {
    char name[PLOT_NAME_MAX];
    Plot plot = {.title = "Largest gain of a product of steps",
                 .x_name = "steps",
                 .y_name = "largest singular value",
                 .x_logarithmic = true,
                 .y_logarithmic = true};
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        (void)plot_add_quartiles(&plot, layer->product_count, plot_sizes(layer->product_steps),
                                 layer->product_gain, report_layer(diagnosis, layer, name));
    }
    plot_mark(&plot, PLOT_LEVEL, 1.0, "neither grows nor shrinks");
    plot_draw(out, &plot);
}

static void draw_exponents(DiagramOut *out, const elman_diagnosis *diagnosis) {
    char name[PLOT_NAME_MAX];
    Plot plot = {.title = "Lyapunov exponents",
                 .x_name = "exponent, the largest first",
                 .y_name = "natural logarithm a step"};
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        (void)plot_add(&plot, layer->exponent_count, indices, plot_doubles(layer->exponents), "%s",
                       report_layer(diagnosis, layer, name));
    }
    plot_mark(&plot, PLOT_LEVEL, 0.0, "above 0: small changes grow");
    plot_draw(out, &plot);
}

/* The name of a block of weight_hh. */
static const char *block_name(elman_cell cell, size_t block) {
    static const char *const lstm[] = {"i", "f", "g", "o"}, *const gru[] = {"r", "z", "n"};
    if (cell == ELMAN_CELL_LSTM && block < 4) return lstm[block];
    if ((cell == ELMAN_CELL_GRU || cell == ELMAN_CELL_GRU_RESET_BEFORE) && block < 3)
        return gru[block];
    return "h";
}

static void write_radii(DiagramOut *out, const elman_layer_diagnosis *layer) {
    char number[CHART_NUMBER_MAX];
    diagram_out_print(out, "<td>");
    for (size_t r = 0; r < layer->radius_count; r++)
        diagram_out_print(out, "%s%s %s", r > 0 ? ", " : "", block_name(layer->cell, r),
                          report_number(layer->spectral_radius[r], number));
    diagram_out_print(out, "</td>");
}

static void write_gains(DiagramOut *out, const elman_diagnosis *diagnosis) {
    static const char *const headings[] = {
        "", "gain of a step", "quartiles", "largest exponent", "spectral radius of W_hh", NULL};
    char name[PLOT_NAME_MAX], low[CHART_NUMBER_MAX], high[CHART_NUMBER_MAX];
    report_open_table(out, headings);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        diagram_out_print(out, "<tr>");
        report_cell(out, report_layer(diagnosis, layer, name));
        report_number_cell(out, layer->step_gain.median);
        diagram_out_print(out, "<td>%s to %s</td>", report_number(layer->step_gain.low, low),
                          report_number(layer->step_gain.high, high));
        report_number_cell(out, layer->exponent_count > 0 ? layer->exponents[0] : (double)NAN);
        write_radii(out, layer);
        diagram_out_print(out, "</tr>\n");
    }
    report_close_table(out);
}

void report_jacobians(DiagramOut *out, const elman_diagnosis *diagnosis) {
    bool any = false;
    report_open(out, "jacobian", "Recurrent Jacobian",
                "What one step, and many in a row, make of a small change of the state.");
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        any = any || diagnosis->layers[i].radius_count > 0;
    if (any) {
        report_open_plots(out);
        draw_products(out, diagnosis);
        draw_exponents(out, diagnosis);
        report_close_plots(out);
        write_gains(out, diagnosis);
        report_read(out, "Products that fall below 1 forget, those that rise above it explode. "
                         "The largest exponent is the rate at which they do so in the long run: "
                         "0 keeps, −0.1 loses a tenth at each step.");
    } else {
        report_absent(out, report_left_out(diagnosis));
    }
    report_close(out);
}

/* ---- Drift ---- */

static void draw_norms(DiagramOut *out, const elman_diagnosis *diagnosis, bool is_free) {
    const elman_diagnosis_summary *const summary = &diagnosis->summary;
    char name[PLOT_NAME_MAX];
    Plot plot = {.x_name = "step", .y_name = "|h| / √units, root mean square over rows"};
    (void)snprintf(plot.title, sizeof plot.title, "Size of the state%s",
                   is_free ? ", reading its own output" : "");
    for (size_t i = 0; i < summary->layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        (void)plot_add(&plot, is_free ? summary->free_count : summary->drift_count,
                       plot_sizes(is_free ? summary->free_position : summary->drift_position),
                       plot_doubles(is_free ? layer->free_norm : layer->state_norm), "%s",
                       report_layer(diagnosis, layer, name));
    }
    mark_window(&plot, diagnosis);
    plot_draw(out, &plot);
}

static void draw_drift_loss(DiagramOut *out, const elman_diagnosis *diagnosis) {
    const elman_diagnosis_summary *const summary = &diagnosis->summary;
    Plot plot = {.title = "Loss by position", .x_name = "step", .y_name = "loss"};
    (void)plot_add(&plot, summary->drift_count, plot_sizes(summary->drift_position),
                   plot_doubles(summary->drift_loss), "loss");
    mark_window(&plot, diagnosis);
    plot_draw(out, &plot);
}

void report_drift(DiagramOut *out, const elman_diagnosis *diagnosis) {
    report_open(out, "drift", "Drift",
                "Size of the state and loss over the length of a sequence, beyond what training "
                "saw.");
    if (diagnosis->summary.drift_count > 0) {
        report_open_plots(out);
        draw_norms(out, diagnosis, false);
        draw_drift_loss(out, diagnosis);
        if (diagnosis->summary.free_count > 0) draw_norms(out, diagnosis, true);
        report_close_plots(out);
        report_read(out, "Lines that stay level behind the training window are those of a model "
                         "that can go on for ever. A state that keeps growing there, or a loss "
                         "that rises, is one that has left what it was trained on.");
    } else {
        report_absent(out, report_left_out(diagnosis));
    }
    report_close(out);
}
