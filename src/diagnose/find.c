/* From the figures to the troubles. The thresholds were fixed on models with planted faults and on
 * healthy ones (docs/diagnose.md). */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "diagnose/prescribe.h"

static const double solved_share = 0.05;  /* of the baseline: it does what it is for */
static const double floor_share = 0.95;   /* of the baseline: nothing has been learnt */
static const double beyond_memory = 1.5;  /* times the memory: clearly more than it */
static const double short_memory = 10.0;  /* steps: no memory to speak of */
static const double window_share = 4.0;   /* windows that are so many times the memory are wasted */
static const double used_share = 0.6;     /* of the window: all that it allows */
static const double window_excess = 0.05; /* of what context gives: lost at the window's length */
static const double exponent_limit = 0.02; /* a step: the gradient doubles in 35 */
static const double growth_limit = 10.0;   /* of the gradient over the lags */
static const double clipped_share = 0.5;   /* of the steps, */
static const double clipped_factor = 5.0;  /* by so much */
static const double stuck_share = 0.25;    /* of a layer's units */
static const double dead_share_relu = 0.1; /* a few dead units are a ReLU's nature */
static const double least_kept = 0.05;     /* of the state, by the gate that keeps it */
static const double risen_share = 0.05;    /* of the first losses: more than noise */
static const double leap_share = 0.1;      /* of the loss at the start, */
static const double recovered_share = 0.5; /* of which so much is still there in the end */
static const double learnt_share = 0.95;   /* of the best validation: learnt by heart */
static const double overfit_share = 0.03;  /* of the best validation loss */
static const double drift_share = 0.02;    /* of the baseline */
static const double drift_factor = 1.15;   /* of the loss within the window */

enum { FINDINGS_MAX = 64 };

typedef struct Finder {
    elman_diagnosis *diagnosis;
    Training training;
    elman_cell cell; /* of the first layer */
    elman_error *error;
    elman_finding found[FINDINGS_MAX];
    size_t count;
} Finder;

static const char *const names[ELMAN_TROUBLES] = {
    [ELMAN_TROUBLE_VANISHING] = "vanishing-gradient",
    [ELMAN_TROUBLE_EXPLODING] = "exploding-gradient",
    [ELMAN_TROUBLE_SHORT_WINDOW] = "short-window",
    [ELMAN_TROUBLE_NOT_LEARNED] = "not-learned",
    [ELMAN_TROUBLE_SATURATED] = "saturated",
    [ELMAN_TROUBLE_DEAD_UNITS] = "dead-units",
    [ELMAN_TROUBLE_DUPLICATE_UNITS] = "duplicate-units",
    [ELMAN_TROUBLE_FORGETTING] = "forgetting",
    [ELMAN_TROUBLE_DIVERGING] = "diverging",
    [ELMAN_TROUBLE_OVERFITTING] = "overfitting",
    [ELMAN_TROUBLE_DRIFT] = "drift",
};

const char *elman_trouble_name(elman_trouble trouble) {
    return (int)trouble >= 0 && (int)trouble < ELMAN_TROUBLES ? names[trouble] : NULL;
}

/* Adds a finding whose sentence has been made; `layer` NULL: of the whole. */
static elman_status add(Finder *f, elman_trouble trouble, const elman_layer_diagnosis *layer,
                        double measured, double threshold, const char *sentence) {
    if (!sentence) return diagnosis_no_memory(f->error);
    if (f->count == FINDINGS_MAX) return ELMAN_OK;
    elman_finding *const finding = &f->found[f->count];
    *finding = (elman_finding){
        .trouble = trouble,
        .name = names[trouble],
        .layer = layer ? (int)layer->layer : -1,
        .reverse = layer ? layer->reverse : 0,
        .unit = -1,
        .measured = measured,
        .threshold = threshold,
        .sentence = sentence,
    };
    const elman_status status =
        prescribe(f->diagnosis, &f->training, layer ? layer->cell : f->cell, finding, f->error);
    if (!status) f->count++;
    return status;
}

static bool has(const Finder *f, elman_trouble trouble) {
    for (size_t i = 0; i < f->count; i++)
        if (f->found[i].trouble == trouble) return true;
    return false;
}

static const char *reading(const elman_layer_diagnosis *layer) {
    return layer->reverse ? " (backward)" : "";
}

/* ---- From the log ---- */

static elman_status find_diverging(Finder *f) {
    elman_diagnosis *const diagnosis = f->diagnosis;
    const elman_training_health *const health = &diagnosis->health;
    if (health->not_finite) {
        const elman_status status =
            add(f, ELMAN_TROUBLE_DIVERGING, NULL, INFINITY, 0.0,
                diagnosis_say(diagnosis, "Training met a number that is not finite: %s.",
                              health->not_finite));
        if (!status && f->count) f->found[f->count - 1].step = health->not_finite_step;
        return status;
    }
    if (health->steps == 0) return ELMAN_OK;
    const double rise = health->first_loss + risen_share * fabs(health->first_loss);
    if (health->last_loss > rise)
        return add(f, ELMAN_TROUBLE_DIVERGING, NULL, health->last_loss, rise,
                   diagnosis_say(diagnosis,
                                 "The loss rose: %.4g over the first tenth of the steps, %.4g over "
                                 "the last.",
                                 health->first_loss, health->last_loss));
    const double start = health->start_loss, height = start + leap_share * fabs(start);
    if (health->highest_loss > height && health->last_loss > recovered_share * start)
        return add(f, ELMAN_TROUBLE_DIVERGING, NULL, health->highest_loss, height,
                   diagnosis_say(diagnosis,
                                 "The loss rose from %.4g to %.4g before it came down to %.4g: the "
                                 "steps were too large.",
                                 start, health->highest_loss, health->last_loss));
    const double spikes = (double)health->spike_count / (double)health->steps;
    if (health->spike_count < 3 || spikes < 0.02) return ELMAN_OK;
    const elman_status status = add(
        f, ELMAN_TROUBLE_DIVERGING, NULL, spikes, 0.02,
        diagnosis_say(diagnosis, "The loss jumped up %zu times in %zu steps, first at step %llu.",
                      health->spike_count, health->steps, (unsigned long long)health->spikes[0]));
    if (!status && f->count) f->found[f->count - 1].step = health->spikes[0];
    return status;
}

static elman_status find_clipping(Finder *f) {
    const elman_training_health *const health = &f->diagnosis->health;
    if (!(health->clipped > clipped_share && health->clip_factor > clipped_factor)) return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_EXPLODING, NULL, health->clipped, clipped_share,
               diagnosis_say(f->diagnosis,
                             "Clipping is all that holds the gradient: it acted in %.0f %% of the "
                             "steps, where the norm was %.3g times the limit.",
                             100.0 * health->clipped, health->clip_factor));
}

static elman_status find_overfitting(Finder *f) {
    const elman_training_health *const health = &f->diagnosis->health;
    const double best = health->best_validation, last = health->last_validation;
    const double limit = best + overfit_share * fabs(best);
    if (has(f, ELMAN_TROUBLE_DIVERGING) || !(last > limit) ||
        !(health->last_loss < learnt_share * best))
        return ELMAN_OK;
    const elman_status status =
        add(f, ELMAN_TROUBLE_OVERFITTING, NULL, last, limit,
            diagnosis_say(f->diagnosis,
                          "Validation was best at step %llu (%.4g) and has risen to %.4g since, "
                          "while the training loss is %.4g.",
                          (unsigned long long)health->best_step, best, last, health->last_loss));
    if (!status && f->count) f->found[f->count - 1].step = health->best_step;
    return status;
}

/* ---- From the layers ---- */

static elman_status find_exploding(Finder *f, const elman_layer_diagnosis *layer) {
    const double exponent = layer->exponent_count > 0 ? layer->exponents[0] : -INFINITY;
    if (exponent > exponent_limit)
        return add(f, ELMAN_TROUBLE_EXPLODING, layer, exponent, exponent_limit,
                   diagnosis_say(f->diagnosis,
                                 "Layer %zu%s: a small change of its state grows by %.3g %% a step "
                                 "(largest Lyapunov exponent %.3g), and the gradient with it.",
                                 layer->layer, reading(layer), 100.0 * (exp(exponent) - 1.0),
                                 exponent));
    if (layer->lag_count < 3) return ELMAN_OK;
    const size_t last = layer->lag_count - 1;
    const double growth = layer->gradient[last].median / layer->gradient[1].median;
    if (!(growth > growth_limit)) return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_EXPLODING, layer, growth, growth_limit,
               diagnosis_say(f->diagnosis,
                             "Layer %zu%s: the gradient is %.3g times as large %zu steps back as "
                             "one step back.",
                             layer->layer, reading(layer), growth, last));
}

static bool keeps_state(const elman_gate_activity *gate) {
    return strcmp(gate->name, "f") == 0 || strcmp(gate->name, "z") == 0;
}

static elman_status find_saturated(Finder *f, const elman_layer_diagnosis *layer) {
    for (size_t g = 0; g < layer->gate_count; g++) {
        const elman_gate_activity *const gate = &layer->gates[g];
        const double share = (double)gate->stuck / (double)layer->hidden;
        /* Gates that keep the state are meant to stay open. */
        if (share <= stuck_share || layer->cell == ELMAN_CELL_RNN_RELU) continue;
        if (keeps_state(gate) && gate->high > gate->low) continue;
        return add(f, ELMAN_TROUBLE_SATURATED, layer, share, stuck_share,
                   diagnosis_say(f->diagnosis,
                                 "Layer %zu%s: %s of %zu of its %zu units stays at a bound, where "
                                 "no gradient passes.",
                                 layer->layer, reading(layer), gate->name, gate->stuck,
                                 layer->hidden));
    }
    return ELMAN_OK;
}

static elman_status find_dead(Finder *f, const elman_layer_diagnosis *layer) {
    const double dead = (double)layer->dead_count, hidden = (double)layer->hidden;
    const double limit = layer->cell == ELMAN_CELL_RNN_RELU ? dead_share_relu * hidden : 0.0;
    if (!(dead > limit)) return ELMAN_OK;
    const elman_status status = add(
        f, ELMAN_TROUBLE_DEAD_UNITS, layer, dead, limit,
        diagnosis_say(f->diagnosis, "Layer %zu%s: %zu of %zu units never change, the first is %zu.",
                      layer->layer, reading(layer), layer->dead_count, layer->hidden,
                      layer->dead[0] + 1));
    if (!status && f->count) f->found[f->count - 1].unit = (long)layer->dead[0];
    return status;
}

static elman_status find_duplicates(Finder *f, const elman_layer_diagnosis *layer) {
    if (layer->duplicate_count == 0) return ELMAN_OK;
    const elman_unit_pair *const pair = &layer->duplicates[0];
    const elman_status status =
        add(f, ELMAN_TROUBLE_DUPLICATE_UNITS, layer, (double)layer->duplicate_count, 0.0,
            diagnosis_say(f->diagnosis,
                          "Layer %zu%s: %zu pairs of units do the same, such as %zu and %zu "
                          "(correlation %.5f).",
                          layer->layer, reading(layer), layer->duplicate_count, pair->first + 1,
                          pair->second + 1, pair->correlation));
    if (!status && f->count) f->found[f->count - 1].unit = (long)pair->first;
    return status;
}

static elman_status find_forgetting(Finder *f, const elman_layer_diagnosis *layer) {
    for (size_t g = 0; g < layer->gate_count; g++) {
        const elman_gate_activity *const gate = &layer->gates[g];
        if (!keeps_state(gate) || gate->mean >= least_kept) continue;
        return add(f, ELMAN_TROUBLE_FORGETTING, layer, gate->mean, least_kept,
                   diagnosis_say(f->diagnosis,
                                 "Layer %zu%s: the gate %s, which keeps the state, lets %.1f %% of "
                                 "it through at each step.",
                                 layer->layer, reading(layer), gate->name, 100.0 * gate->mean));
    }
    return ELMAN_OK;
}

/* ---- Memory, context and window ---- */

static bool at_floor(const elman_diagnosis_summary *summary) {
    return summary->loss >= floor_share * summary->baseline;
}

/* The layer whose memory is the longest. */
static const elman_layer_diagnosis *longest_memory(const elman_diagnosis *diagnosis) {
    const elman_layer_diagnosis *longest = &diagnosis->layers[0];
    for (size_t i = 1; i < diagnosis->summary.layer_count; i++)
        if (diagnosis->layers[i].memory_horizon > longest->memory_horizon)
            longest = &diagnosis->layers[i];
    return longest;
}

static elman_status find_vanishing(Finder *f) {
    const elman_diagnosis_summary *const summary = &f->diagnosis->summary;
    const double memory = summary->memory_horizon, window = (double)summary->window;
    const double needed = summary->error_horizon;
    const elman_layer_diagnosis *const layer = longest_memory(f->diagnosis);
    if (!isfinite(memory)) return ELMAN_OK;
    if (needed > beyond_memory * memory && (window == 0.0 || needed <= window))
        return add(f, ELMAN_TROUBLE_VANISHING, layer, memory, needed,
                   diagnosis_say(f->diagnosis,
                                 "The errors depend on what was read %.0f steps before, but the "
                                 "gradient falls below 1 %% after %.3g steps.",
                                 needed, memory));
    if (has(f, ELMAN_TROUBLE_FORGETTING)) return ELMAN_OK;
    const bool nothing = at_floor(summary) && memory < window / 2.0;
    /* Gates forget on purpose; a plain recurrence has no choice. */
    const bool plain = layer->cell == ELMAN_CELL_RNN || layer->cell == ELMAN_CELL_RNN_RELU;
    const bool solved = summary->loss < solved_share * summary->baseline;
    const bool wasted = plain && !solved && memory < short_memory && memory * window_share < window;
    if (!nothing && !wasted) return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_VANISHING, layer, memory, window,
               diagnosis_say(f->diagnosis,
                             "The gradient shrinks to %.3g of itself at each step back and falls "
                             "below 1 %% after %.3g of the %.0f steps that it is carried.",
                             layer->decay, memory, window));
}

/* What is lost when no more than the window is read, as a share of what context gives. */
static double window_loss(const elman_diagnosis_summary *summary, double *error) {
    const elman_context_loss *const contexts = summary->contexts;
    const size_t count = summary->context_count;
    size_t at = 0;
    if (count < 2 || contexts[count - 1].steps <= summary->window) return 0.0;
    while (at + 1 < count && contexts[at + 1].steps <= summary->window) at++;
    if (contexts[at].steps > summary->window || !(contexts[0].excess > 0.0)) return 0.0;
    *error = contexts[at].error / contexts[0].excess;
    return contexts[at].excess / contexts[0].excess;
}

static elman_status find_short_window(Finder *f) {
    const elman_diagnosis_summary *const summary = &f->diagnosis->summary;
    const double window = (double)summary->window, needed = summary->error_horizon;
    double error = 0.0;
    if (summary->window == 0) return ELMAN_OK;
    if (needed > window)
        return add(f, ELMAN_TROUBLE_SHORT_WINDOW, NULL, needed, window,
                   diagnosis_say(f->diagnosis,
                                 "The errors depend on what was read %.0f steps before, but the "
                                 "training window has %zu.",
                                 needed, summary->window));
    const size_t contexts = summary->context_count;
    const bool beyond = contexts > 0 && summary->contexts[contexts - 1].steps > summary->window;
    const double lost = window_loss(summary, &error);
    if (lost > window_excess && lost > 3.0 * error)
        return add(f, ELMAN_TROUBLE_SHORT_WINDOW, NULL, window, window_excess,
                   diagnosis_say(f->diagnosis,
                                 "The model uses more context than the %zu steps of its training "
                                 "window: without it, %.1f %% of what context gives is lost.",
                                 summary->window, 100.0 * lost));
    if (!beyond || !(summary->used_horizon >= used_share * window) ||
        !(summary->memory_horizon >= window))
        return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_SHORT_WINDOW, NULL, window, summary->used_horizon,
               diagnosis_say(f->diagnosis,
                             "The model uses %.3g of the %zu steps of its training window and "
                             "could carry more (%.3g): the window is what limits it.",
                             fmin(summary->used_horizon, window), summary->window,
                             summary->memory_horizon));
}

static elman_status find_not_learned(Finder *f) {
    const elman_diagnosis_summary *const summary = &f->diagnosis->summary;
    if (!at_floor(summary) || has(f, ELMAN_TROUBLE_VANISHING) ||
        has(f, ELMAN_TROUBLE_SHORT_WINDOW) || has(f, ELMAN_TROUBLE_DIVERGING))
        return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_NOT_LEARNED, NULL, summary->loss, summary->baseline,
               diagnosis_say(f->diagnosis,
                             "The loss of %.4g is that of a predictor that reads nothing: %.4g.",
                             summary->loss, summary->baseline));
}

/* Mean losses of stretches, and how they scatter. */
typedef struct Stretches {
    double sum, squares;
    size_t count, steps;
} Stretches;

static void add_stretch(Stretches *stretches, double loss, size_t steps) {
    stretches->sum += loss;
    stretches->squares += loss * loss;
    stretches->count++;
    stretches->steps += steps;
}

static elman_status find_drift(Finder *f) {
    const elman_diagnosis_summary *const summary = &f->diagnosis->summary;
    Stretches inside = {0}, outside = {0};
    for (size_t i = 0; i + 1 < summary->drift_count; i++) {
        const size_t at = summary->drift_position[i], end = summary->drift_position[i + 1];
        if (isnan(summary->drift_loss[i])) continue;
        /* The first half of the window still lacks context. */
        if (2 * at >= summary->window && at < summary->window)
            add_stretch(&inside, summary->drift_loss[i], end - at);
        else if (at >= 2 * summary->window)
            add_stretch(&outside, summary->drift_loss[i], end - at);
    }
    if (summary->window == 0 || inside.count == 0 || outside.count < 3) return ELMAN_OK;
    const double within = inside.sum / (double)inside.count;
    const double beyond = outside.sum / (double)outside.count;
    const double variance = outside.squares / (double)outside.count - beyond * beyond;
    const double per_stretch = (double)outside.steps / (double)outside.count;
    const double noise = sqrt(fmax(0.0, variance) * per_stretch / (double)inside.steps);
    const double matters = summary->baseline > 0.0 ? drift_share * summary->baseline : 0.0;
    if (!(within > 0.0 && beyond > drift_factor * within &&
          beyond > within + fmax(matters, 4.0 * noise)))
        return ELMAN_OK;
    return add(f, ELMAN_TROUBLE_DRIFT, NULL, beyond, (double)summary->window,
               diagnosis_say(f->diagnosis,
                             "Beyond twice the training window the loss is %.4g, within it %.4g.",
                             beyond, within));
}

static elman_status find_in_model(Finder *f) {
    typedef elman_status (*OfLayer)(Finder *, const elman_layer_diagnosis *);
    typedef elman_status (*OfWhole)(Finder *);
    static const OfLayer of_layer[] = {find_exploding, find_saturated, find_forgetting, find_dead,
                                       find_duplicates};
    static const OfWhole of_whole[] = {find_vanishing, find_short_window, find_not_learned,
                                       find_drift};
    elman_status status = ELMAN_OK;
    for (size_t k = 0; k < sizeof of_layer / sizeof *of_layer; k++)
        for (size_t i = 0; i < f->diagnosis->summary.layer_count && !status; i++)
            status = of_layer[k](f, &f->diagnosis->layers[i]);
    for (size_t k = 0; k < sizeof of_whole / sizeof *of_whole && !status; k++)
        status = of_whole[k](f);
    return status;
}

/* The most serious first. */
static const elman_trouble order[] = {
    ELMAN_TROUBLE_DIVERGING,       ELMAN_TROUBLE_EXPLODING,    ELMAN_TROUBLE_VANISHING,
    ELMAN_TROUBLE_FORGETTING,      ELMAN_TROUBLE_SHORT_WINDOW, ELMAN_TROUBLE_NOT_LEARNED,
    ELMAN_TROUBLE_SATURATED,       ELMAN_TROUBLE_OVERFITTING,  ELMAN_TROUBLE_DEAD_UNITS,
    ELMAN_TROUBLE_DUPLICATE_UNITS, ELMAN_TROUBLE_DRIFT,
};

static elman_status keep(Finder *f) {
    elman_diagnosis *const diagnosis = f->diagnosis;
    diagnosis->findings = diagnosis_keep(diagnosis, f->count, sizeof *diagnosis->findings);
    if (!diagnosis->findings) return diagnosis_no_memory(f->error);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = 0; i < f->count; i++)
            if (f->found[i].trouble == order[k])
                diagnosis->findings[diagnosis->summary.finding_count++] = f->found[i];
    return ELMAN_OK;
}

elman_status diagnosis_find(elman_diagnosis *diagnosis, const Diagnosing *d, elman_error *error) {
    Finder f = {.diagnosis = diagnosis, .error = error};
    if (d) {
        const char *const told = d->options.training;
        f.training = prescribe_read_training(told ? told : elman_model_training(d->model));
        f.cell = d->model->structure.layers[0].cell;
    }
    elman_status status = find_diverging(&f);
    if (!status) status = find_clipping(&f);
    if (!status) status = find_overfitting(&f);
    if (!status && d) status = find_in_model(&f);
    prescribe_release_training(&f.training);
    return status ? status : keep(&f);
}
