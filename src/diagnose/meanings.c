/* What the units do: which events in a text, or which numbers of the input, each layer's units go
 * along with, and a passage to look at. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/diagnosis.h"
#include "diagnose/events.h"

enum { MEANINGS_MAX = 16, PASSAGE_MAX = 512, UTF8_MAX = 5 };

static const double SELECTIVE = 0.3;
static const double STILL = 1e-4; /* the standard deviation of h below which a unit is dead */

/* Sums over rows and steps of h of one layer and of the events, each less its first value: what is
 * constant leaves exactly nothing. */
typedef struct Sums {
    size_t hidden, events;
    double count;
    double *h, *h_square;         /* [hidden] */
    double *event, *event_square; /* [events] */
    double *product;              /* [events][hidden] */
    float *h_first;               /* [hidden] */
} Sums;

static void sums_release(Sums *sums, Memory *memory) {
    memory_release(memory, sums->h);
    memory_release(memory, sums->h_square);
    memory_release(memory, sums->event);
    memory_release(memory, sums->event_square);
    memory_release(memory, sums->product);
    memory_release(memory, sums->h_first);
}

static bool sums_create(Sums *sums, Memory *memory, size_t hidden, size_t events) {
    *sums = (Sums){
        .hidden = hidden,
        .events = events,
        .h = memory_allocate_array(memory, hidden, sizeof *sums->h),
        .h_square = memory_allocate_array(memory, hidden, sizeof *sums->h_square),
        .event = memory_allocate_array(memory, events, sizeof *sums->event),
        .event_square = memory_allocate_array(memory, events, sizeof *sums->event_square),
        .product = memory_allocate_array(memory, events, hidden * sizeof *sums->product),
        .h_first = memory_allocate_array(memory, hidden, sizeof *sums->h_first),
    };
    return sums->h && sums->h_square && sums->event && sums->event_square && sums->product &&
           sums->h_first;
}

/* Adds one step: h [hidden] after it and what happened at it. */
static void sums_add(Sums *sums, const float *h, const Happening *now) {
    const size_t hidden = sums->hidden;
    if (sums->count == 0.0) memcpy(sums->h_first, h, hidden * sizeof *h);
    sums->count += 1.0;
    for (size_t u = 0; u < hidden; u++) {
        const double value = (double)h[u] - (double)sums->h_first[u];
        sums->h[u] += value;
        sums->h_square[u] += value * value;
    }
    for (size_t i = 0; i < now->count; i++) {
        const double x = now->value[i];
        double *const product = sums->product + now->event[i] * hidden;
        sums->event[now->event[i]] += x;
        sums->event_square[now->event[i]] += x * x;
        for (size_t u = 0; u < hidden; u++)
            product[u] += x * ((double)h[u] - (double)sums->h_first[u]);
    }
}

/* 0 where one of the two never changes: of units, as dead ones do not. */
static double correlation(const Sums *sums, size_t event, size_t unit) {
    const double n = sums->count;
    const double of_event = n * sums->event_square[event] - sums->event[event] * sums->event[event];
    const double of_unit = n * sums->h_square[unit] - sums->h[unit] * sums->h[unit];
    const double both =
        n * sums->product[event * sums->hidden + unit] - sums->event[event] * sums->h[unit];
    return of_event > 0.0 && of_unit > STILL * STILL * n * n
               ? both / (sqrt(of_event) * sqrt(of_unit))
               : 0.0;
}

static void add_layer(Sums *sums, const Probe *probe, Events *events, const float *hidden) {
    const size_t steps = probe->sequence.steps, batch = probe->sequence.batch;
    for (size_t b = 0; b < batch; b++) {
        events_begin_row(events);
        for (size_t t = 0; t < steps && probe_has(probe, t, b); t++)
            sums_add(sums, hidden + (t * batch + b) * sums->hidden,
                     events_at(events, &probe->sequence, t, b));
    }
}

/* An event and the unit that goes along with it most. */
typedef struct Match {
    size_t event, unit;
    double correlation;
} Match;

static Match best_unit(const Sums *sums, size_t event) {
    Match best = {.event = event};
    for (size_t u = 0; u < sums->hidden; u++) {
        const double r = correlation(sums, event, u);
        if (fabs(r) > fabs(best.correlation)) best = (Match){event, u, r};
    }
    return best;
}

/* Puts a match among the best, which are sorted; of equals the earlier event comes first. */
static size_t insert(Match *best, size_t count, Match match) {
    size_t at = count;
    while (at > 0 && fabs(best[at - 1].correlation) < fabs(match.correlation)) at--;
    if (at == MEANINGS_MAX) return count;
    const size_t kept = count < MEANINGS_MAX ? count : MEANINGS_MAX - 1;
    memmove(best + at + 1, best + at, (kept - at) * sizeof *best);
    best[at] = match;
    return kept + 1;
}

static elman_status keep_meanings(elman_diagnosis *diagnosis, elman_layer_diagnosis *layer,
                                  const Sums *sums, const Events *events, elman_error *error) {
    Match best[MEANINGS_MAX];
    size_t count = 0;
    for (size_t e = 0; e < sums->events; e++) {
        const Match match = best_unit(sums, e);
        if (fabs(match.correlation) >= SELECTIVE) count = insert(best, count, match);
    }
    elman_unit_meaning *const meanings = diagnosis_keep(diagnosis, count, sizeof *meanings);
    if (!meanings) return diagnosis_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        meanings[i] = (elman_unit_meaning){
            best[i].unit, events_name(events, diagnosis, best[i].event), best[i].correlation};
        if (!meanings[i].event) return diagnosis_no_memory(error);
    }
    layer->meanings = meanings;
    layer->meaning_count = count;
    return ELMAN_OK;
}

/* Row 0's h of one layer, for the passage. */
static elman_status keep_passage_h(elman_diagnosis *diagnosis, size_t index, const float *hidden,
                                   size_t batch, elman_error *error) {
    const size_t units = diagnosis->layers[index].hidden;
    float *const h = diagnosis_keep(diagnosis, diagnosis->passage_steps, units * sizeof *h);
    if (!h) return diagnosis_no_memory(error);
    for (size_t t = 0; t < diagnosis->passage_steps; t++)
        memcpy(h + t * units, hidden + t * batch * units, units * sizeof *h);
    diagnosis->passage_h[index] = h;
    return ELMAN_OK;
}

static elman_status measure_layer(Diagnosing *d, Events *events, size_t index, float *hidden,
                                  elman_error *error) {
    elman_diagnosis *const diagnosis = d->diagnosis;
    elman_layer_diagnosis *const layer = &diagnosis->layers[index];
    Memory *const memory = &d->context->memory;
    elman_status status = ELMAN_OK;
    Sums sums;
    elman_tape_hidden(d->tape, layer->layer, layer->reverse, hidden);
    if (sums_create(&sums, memory, layer->hidden, events_count(events))) {
        add_layer(&sums, &d->probe, events, hidden);
        status = keep_meanings(diagnosis, layer, &sums, events, error);
    } else {
        status = diagnosis_no_memory(error);
    }
    sums_release(&sums, memory);
    if (!status && diagnosis->passage_h)
        status = keep_passage_h(diagnosis, index, hidden, d->probe.sequence.batch, error);
    return status;
}

static elman_status keep_labels(elman_diagnosis *diagnosis, const elman_vocabulary *vocabulary,
                                elman_error *error) {
    const size_t steps = diagnosis->passage_steps;
    char *const text = diagnosis_keep(diagnosis, steps, UTF8_MAX);
    const char **const labels = diagnosis_keep(diagnosis, steps, sizeof *labels);
    if (!text || !labels) return diagnosis_no_memory(error);
    for (size_t t = 0; t < steps; t++) {
        labels[t] = text + t * UTF8_MAX;
        (void)elman_vocabulary_decode(vocabulary, diagnosis->passage_tokens[t],
                                      text + t * UTF8_MAX);
    }
    diagnosis->passage_labels = labels;
    return ELMAN_OK;
}

/* The tokens of the first row, and room for what the layers make of them. */
static elman_status open_passage(Diagnosing *d, const elman_vocabulary *vocabulary,
                                 elman_error *error) {
    elman_diagnosis *const diagnosis = d->diagnosis;
    const elman_sequence *const sequence = &d->probe.sequence;
    size_t steps = 0;
    while (steps < sequence->steps && steps < PASSAGE_MAX && probe_has(&d->probe, steps, 0))
        steps++;
    int32_t *const tokens = diagnosis_keep(diagnosis, steps, sizeof *tokens);
    float **const h =
        diagnosis_keep(diagnosis, diagnosis->summary.layer_count, sizeof *diagnosis->passage_h);
    if (!tokens || !h) return diagnosis_no_memory(error);
    for (size_t t = 0; t < steps; t++) tokens[t] = sequence->tokens[t * sequence->batch];
    diagnosis->passage_steps = steps;
    diagnosis->passage_tokens = tokens;
    diagnosis->passage_h = h;
    return vocabulary ? keep_labels(diagnosis, vocabulary, error) : ELMAN_OK;
}

/* The array that holds any layer's h over the probe. */
static float *allocate_hidden(Diagnosing *d) {
    const elman_diagnosis *const diagnosis = d->diagnosis;
    size_t widest = 0;
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        if (diagnosis->layers[i].hidden > widest) widest = diagnosis->layers[i].hidden;
    return memory_allocate_array(&d->context->memory,
                                 d->probe.sequence.steps * d->probe.sequence.batch,
                                 widest * sizeof(float));
}

elman_status diagnosis_measure_meanings(Diagnosing *d, elman_error *error) {
    Memory *const memory = &d->context->memory;
    const elman_vocabulary *const vocabulary = elman_model_vocabulary(d->model);
    Events events;
    elman_status status = elman_tape_forward(d->tape, &d->probe.sequence, error);
    if (!status && d->probe.sequence.tokens) status = open_passage(d, vocabulary, error);
    if (status) return status;
    float *const hidden = allocate_hidden(d);
    const bool opened =
        events_create(&events, memory, &d->model->structure, vocabulary, d->options.inputs);
    if (!hidden || !opened) status = diagnosis_no_memory(error);
    for (size_t i = 0; i < d->diagnosis->summary.layer_count && !status; i++)
        status = measure_layer(d, &events, i, hidden, error);
    events_release(&events, memory);
    memory_release(memory, hidden);
    return status;
}
