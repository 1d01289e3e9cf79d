/* Prints diagnoses. */
#include "diagnose_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "message.h"
#include "output.h"

const char *diagnose_horizon(double horizon, size_t most, char text[64]) {
    if (isnan(horizon))
        (void)snprintf(text, 64, "not measured");
    else if (isinf(horizon))
        (void)snprintf(text, 64, "more than %zu steps", most);
    else
        (void)snprintf(text, 64, "%.3g steps", horizon);
    return text;
}

static size_t most_lags(const elman_diagnosis *diagnosis) {
    size_t most = 0;
    for (size_t i = 0; elman_diagnosis_layer(diagnosis, i); i++) {
        const size_t lags = elman_diagnosis_layer(diagnosis, i)->lag_count;
        if (lags > most + 1) most = lags - 1;
    }
    return most;
}

static const char *means(double horizon, const char *reached, const char *beyond) {
    return isnan(horizon) ? "" : isinf(horizon) ? beyond : reached;
}

static void print_whole(const elman_diagnosis *diagnosis, const elman_diagnosis_summary *summary) {
    char text[64];
    const size_t contexts = summary->context_count;
    const size_t most = contexts ? summary->contexts[contexts - 1].steps : 0;
    output_print("memory horizon   %s%s\n",
                 diagnose_horizon(summary->memory_horizon, most_lags(diagnosis), text),
                 means(summary->memory_horizon, ": there the gradient has fallen below 1 %",
                       ": the gradient is above 1 % still"));
    output_print("used horizon     %s%s\n", diagnose_horizon(summary->used_horizon, most, text),
                 means(summary->used_horizon, ": more context does not lower the loss",
                       ": the loss falls still"));
    if (summary->window > 0)
        output_print("training window  %zu steps\n", summary->window);
    else
        output_print("training window  not told: --window N says it\n");
    if (summary->error_horizon > 0.0)
        output_print("error horizon    %.0f steps: the errors still depend on what was read then\n",
                     summary->error_horizon);
    else if (summary->error_count > 0)
        output_print("error horizon    none: the errors depend on no earlier input by itself\n");
    output_print("loss             %.4g", summary->loss);
    if (isfinite(summary->baseline))
        output_print(" (one that reads nothing has %.4g)", summary->baseline);
    output_print("\n");
}

static void print_layer(const elman_layer_diagnosis *layer, size_t most) {
    char text[64];
    output_print("\nlayer %zu%s  %s, %zu units\n", layer->layer, layer->reverse ? " backward" : "",
                 view_cell_name(layer->cell), layer->hidden);
    if (layer->lag_count > 1)
        output_print("  gradient         %.3g of itself at each step back; memory horizon %s\n",
                     layer->decay, diagnose_horizon(layer->memory_horizon, most, text));
    if (isfinite(layer->step_gain.median))
        output_print("  Jacobian         stretches by at most %.3g a step (median)\n",
                     layer->step_gain.median);
    if (layer->exponent_count > 0)
        output_print("  Lyapunov         largest exponent %.3g a step\n", layer->exponents[0]);
    if (layer->radius_count > 0) {
        output_print("  spectral radius ");
        for (size_t i = 0; i < layer->radius_count; i++)
            output_print(" %.3g", layer->spectral_radius[i]);
        output_print("\n");
    }
    for (size_t i = 0; i < layer->gate_count; i++) {
        const elman_gate_activity *const gate = &layer->gates[i];
        output_print("  %-2s               %4.1f %% near its lower bound, %4.1f %% near its upper, "
                     "%zu units always\n",
                     gate->name, 100.0 * gate->low, 100.0 * gate->high, gate->stuck);
    }
    if (layer->time_constant_count > 0)
        output_print("  time constants   %.3g, %.3g and %.3g steps (quartiles)\n",
                     layer->time_constant.low, layer->time_constant.median,
                     layer->time_constant.high);
    output_print("  units            %zu never change, %zu pairs do the same\n", layer->dead_count,
                 layer->duplicate_count);
    for (size_t i = 0; i < layer->meaning_count && i < 3; i++)
        output_print("  unit %-11zu goes along with %s (correlation %.2f)\n",
                     layer->meanings[i].unit + 1, layer->meanings[i].event,
                     layer->meanings[i].correlation);
}

static void print_health(const elman_training_health *health) {
    char steps[FORMAT_MAX];
    if (health->steps == 0) return;
    output_print("\ntraining           %s steps: loss %.4g at first, %.4g at last\n",
                 format_count(health->steps, steps), health->first_loss, health->last_loss);
    output_print("  clipping         in %.1f %% of the steps", 100.0 * health->clipped);
    if (isfinite(health->clip_factor))
        output_print(", by a factor of %.3g (median)", health->clip_factor);
    output_print("\n  spikes           %zu\n", health->spike_count);
    if (isfinite(health->best_validation))
        output_print("  validation       best %.4g at step %llu, last %.4g\n",
                     health->best_validation, (unsigned long long)health->best_step,
                     health->last_validation);
    if (health->plateau) output_print("  plateau          no better in the last third\n");
}

void diagnose_print(const elman_diagnosis *diagnosis, const char *model, const char *data) {
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    if (model) {
        output_print("%s%s%s\n\n", model, *data ? " on " : "", data);
        print_whole(diagnosis, &summary);
    }
    const size_t most = most_lags(diagnosis);
    for (size_t i = 0; i < summary.layer_count; i++)
        print_layer(elman_diagnosis_layer(diagnosis, i), most);
    print_health(elman_diagnosis_health(diagnosis));
    if (summary.finding_count == 0) output_print("\nverdict            healthy\n");
    for (size_t i = 0; i < summary.finding_count; i++) {
        const elman_finding *const finding = elman_diagnosis_finding(diagnosis, i);
        output_print("\n%-17s  %s\n                   %s\n", finding->name, finding->sentence,
                     finding->prescription);
    }
}

/* ---- JSON ---- */

static json_t *quartiles_json(const elman_quartiles *quartiles) {
    json_t *const array = json_array();
    json_append(array, json_finite(quartiles->low));
    json_append(array, json_finite(quartiles->median));
    json_append(array, json_finite(quartiles->high));
    return array;
}

static json_t *quartile_list(const elman_quartiles *quartiles, size_t count) {
    json_t *const array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, quartiles_json(&quartiles[i]));
    return array;
}

static json_t *numbers(const double *values, size_t count) {
    json_t *const array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, json_finite(values[i]));
    return array;
}

static json_t *sizes(const size_t *values, size_t count) {
    json_t *const array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, json_count(values[i]));
    return array;
}

/* Units are counted from 1, as in elman diagram. */
static json_t *units(const size_t *values, size_t count) {
    json_t *const array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, json_count(values[i] + 1));
    return array;
}

/* A horizon: null where it is beyond what was looked at, or was not measured. */
static void put_horizon(json_t *object, const char *key, double horizon) {
    json_put(object, key, json_finite(horizon));
}

static json_t *gates_json(const elman_layer_diagnosis *layer) {
    json_t *const array = json_array();
    for (size_t i = 0; i < layer->gate_count; i++) {
        const elman_gate_activity *const gate = &layer->gates[i];
        json_t *const object = json_object();
        json_put(object, "gate", json_text(gate->name));
        json_put(object, "low", json_finite(gate->low));
        json_put(object, "high", json_finite(gate->high));
        json_put(object, "stuck", json_count(gate->stuck));
        json_put(object, "mean", json_finite(gate->mean));
        json_append(array, object);
    }
    return array;
}

static json_t *duplicates_json(const elman_layer_diagnosis *layer) {
    json_t *const array = json_array();
    for (size_t i = 0; i < layer->duplicate_count; i++) {
        json_t *const object = json_object();
        json_put(object, "first", json_count(layer->duplicates[i].first + 1));
        json_put(object, "second", json_count(layer->duplicates[i].second + 1));
        json_put(object, "correlation", json_finite(layer->duplicates[i].correlation));
        json_append(array, object);
    }
    return array;
}

static json_t *meanings_json(const elman_layer_diagnosis *layer) {
    json_t *const array = json_array();
    for (size_t i = 0; i < layer->meaning_count; i++) {
        json_t *const object = json_object();
        json_put(object, "unit", json_count(layer->meanings[i].unit + 1));
        json_put(object, "event", json_text(layer->meanings[i].event));
        json_put(object, "correlation", json_finite(layer->meanings[i].correlation));
        json_append(array, object);
    }
    return array;
}

static json_t *layer_json(const elman_layer_diagnosis *layer,
                          const elman_diagnosis_summary *summary) {
    json_t *const object = json_object();
    json_put(object, "layer", json_count(layer->layer));
    json_put(object, "reverse", json_boolean(layer->reverse));
    json_put(object, "cell", json_text(view_cell_name(layer->cell)));
    json_put(object, "hidden", json_count(layer->hidden));
    json_put(object, "gradient_by_lag", quartile_list(layer->gradient, layer->lag_count));
    if (layer->cell_gradient)
        json_put(object, "cell_gradient_by_lag",
                 quartile_list(layer->cell_gradient, layer->lag_count));
    json_put(object, "decay", json_finite(layer->decay));
    put_horizon(object, "memory_horizon", layer->memory_horizon);
    json_put(object, "step_gain", quartiles_json(&layer->step_gain));
    json_put(object, "product_steps", sizes(layer->product_steps, layer->product_count));
    json_put(object, "product_gain", quartile_list(layer->product_gain, layer->product_count));
    json_put(object, "lyapunov_exponents", numbers(layer->exponents, layer->exponent_count));
    json_put(object, "spectral_radius", numbers(layer->spectral_radius, layer->radius_count));
    json_put(object, "gates", gates_json(layer));
    json_put(object, "dead_units", units(layer->dead, layer->dead_count));
    json_put(object, "duplicate_units", duplicates_json(layer));
    json_put(object, "time_constants", numbers(layer->time_constants, layer->time_constant_count));
    json_put(object, "state_norm",
             numbers(layer->state_norm, layer->state_norm ? summary->drift_count : 0));
    json_put(object, "free_norm",
             numbers(layer->free_norm, layer->free_norm ? summary->free_count : 0));
    json_put(object, "units", meanings_json(layer));
    return object;
}

static json_t *contexts_json(const elman_diagnosis_summary *summary) {
    json_t *const array = json_array();
    for (size_t i = 0; i < summary->context_count; i++) {
        const elman_context_loss *const context = &summary->contexts[i];
        json_t *const object = json_object();
        json_put(object, "steps", json_count(context->steps));
        json_put(object, "loss", json_finite(context->loss));
        json_put(object, "excess", json_finite(context->excess));
        json_put(object, "error", json_finite(context->error));
        json_append(array, object);
    }
    return array;
}

static json_t *health_json(const elman_training_health *health) {
    json_t *const object = json_object();
    json_t *const spikes = json_array();
    for (size_t i = 0; i < health->spike_count; i++)
        json_append(spikes, json_count(health->spikes[i]));
    json_put(object, "steps", json_count(health->steps));
    json_put(object, "clipped", json_finite(health->clipped));
    json_put(object, "clip_factor", json_finite(health->clip_factor));
    json_put(object, "update_ratio", quartile_list(health->update_ratio, health->group_count));
    json_put(object, "spikes", spikes);
    json_put(object, "first_loss", json_finite(health->first_loss));
    json_put(object, "last_loss", json_finite(health->last_loss));
    json_put(object, "best_validation", json_finite(health->best_validation));
    json_put(object, "last_validation", json_finite(health->last_validation));
    json_put(object, "best_step", json_count(health->best_step));
    json_put(object, "gap", json_finite(health->gap));
    json_put(object, "plateau", json_boolean(health->plateau));
    json_put(object, "not_finite",
             health->not_finite ? json_text(health->not_finite) : json_null());
    json_put(object, "not_finite_step", json_count(health->not_finite_step));
    return object;
}

static json_t *findings_json(const elman_diagnosis *diagnosis) {
    json_t *const array = json_array();
    const elman_finding *finding;
    for (size_t i = 0; (finding = elman_diagnosis_finding(diagnosis, i)); i++) {
        json_t *const object = json_object();
        json_put(object, "trouble", json_text(finding->name));
        json_put(object, "layer",
                 finding->layer < 0 ? json_null() : json_count((unsigned)finding->layer));
        json_put(object, "reverse", json_boolean(finding->reverse));
        json_put(object, "unit",
                 finding->unit < 0 ? json_null() : json_count((unsigned long)finding->unit + 1));
        json_put(object, "step", finding->step ? json_count(finding->step) : json_null());
        json_put(object, "measured", json_finite(finding->measured));
        json_put(object, "threshold", json_finite(finding->threshold));
        json_put(object, "sentence", json_text(finding->sentence));
        json_put(object, "prescription", json_text(finding->prescription));
        json_put(object, "option", finding->option ? json_text(finding->option) : json_null());
        json_put(object, "value", finding->value ? json_text(finding->value) : json_null());
        json_append(array, object);
    }
    return array;
}

json_t *diagnose_json(const elman_diagnosis *diagnosis) {
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    json_t *const object = json_object(), *const layers = json_array();
    for (size_t i = 0; i < summary.layer_count; i++)
        json_append(layers, layer_json(elman_diagnosis_layer(diagnosis, i), &summary));
    json_put(object, "healthy", json_boolean(summary.finding_count == 0));
    json_put(object, "findings", findings_json(diagnosis));
    json_put(object, "window", json_count(summary.window));
    json_put(object, "positions", json_count(summary.positions));
    json_put(object, "loss", json_finite(summary.loss));
    json_put(object, "baseline", json_finite(summary.baseline));
    put_horizon(object, "memory_horizon", summary.memory_horizon);
    put_horizon(object, "used_horizon", summary.used_horizon);
    put_horizon(object, "error_horizon", summary.error_horizon);
    json_put(object, "error_by_lag", numbers(summary.error_by_lag, summary.error_count));
    json_put(object, "contexts", contexts_json(&summary));
    json_put(object, "drift_position", sizes(summary.drift_position, summary.drift_count));
    json_put(object, "drift_loss", numbers(summary.drift_loss, summary.drift_count));
    json_put(object, "free_position", sizes(summary.free_position, summary.free_count));
    json_put(object, "layers", layers);
    json_put(object, "training", health_json(elman_diagnosis_health(diagnosis)));
    return object;
}

/* A number that is kept in a file: its last digits depend on the C library's logarithm. */
static json_t *rounded(double number) {
    return isfinite(number) ? json_finite(round(number * 1e2) / 1e2) : json_null();
}

json_t *diagnose_json_brief(const elman_diagnosis *diagnosis) {
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    json_t *const object = json_object(), *const names = json_array();
    const elman_finding *finding;
    for (size_t i = 0; (finding = elman_diagnosis_finding(diagnosis, i)); i++)
        json_append(names, json_text(finding->name));
    const size_t contexts = summary.context_count;
    json_put(object, "memory_horizon", rounded(summary.memory_horizon));
    json_put(object, "used_horizon", rounded(summary.used_horizon));
    json_put(object, "lags", json_count(most_lags(diagnosis)));
    json_put(object, "context", json_count(contexts ? summary.contexts[contexts - 1].steps : 0));
    json_put(object, "findings", names);
    return object;
}

const char *diagnose_horizon_kept(const json_t *told, const char *key, const char *most,
                                  char text[64]) {
    const double horizon = json_look_number(told, key, NULL);
    const double limit = json_look_number(told, most, NULL);
    return diagnose_horizon(isnan(horizon) && limit > 0.0 ? INFINITY : horizon,
                            limit > 0.0 && limit < 1e9 ? (size_t)limit : 0, text);
}

const char *diagnose_stored(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    const json_t *const told = json_look(view->training, "diagnosis", NULL);
    const json_t *const names = json_look(told, "findings", NULL);
    char memory[64], used[64];
    text[0] = '\0';
    if (!told) return text;
    (void)snprintf(text, VIEW_TEXT_MAX, "memory horizon %s, used horizon %s",
                   diagnose_horizon_kept(told, "memory_horizon", "lags", memory),
                   diagnose_horizon_kept(told, "used_horizon", "context", used));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        const size_t size = strlen(text);
        (void)snprintf(text + size, VIEW_TEXT_MAX - size, "%s%s", i ? ", " : "; ",
                       name ? name : "?");
    }
    clean(text);
    return text;
}
