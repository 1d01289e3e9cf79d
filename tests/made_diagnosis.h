/* A diagnosis filled in by hand, with all that a report can show. Included after cmocka.h.
 *
 * Two bidirectional or plain layers, an LSTM below a GRU, and a run of 400 steps. */
#ifndef MADE_DIAGNOSIS_H
#define MADE_DIAGNOSIS_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/diagnosis.h"

enum {
    MADE_LAGS = 129,
    MADE_HIDDEN = 32,
    MADE_PRODUCTS = 8,
    MADE_EXPONENTS = 8,
    MADE_CONTEXTS = 13,
    MADE_DRIFT = 16,
    MADE_FREE = 12,
    MADE_STEPS = 400,
    MADE_PASSAGE = 300,
    MADE_LAYERS_MAX = 20
};

typedef struct Made {
    elman_diagnosis diagnosis;
    elman_layer_diagnosis layers[MADE_LAYERS_MAX];
    elman_quartiles gradient[MADE_LAGS], cell_gradient[MADE_LAGS], product_gain[MADE_PRODUCTS];
    elman_quartiles update_ratio[3];
    size_t product_steps[MADE_PRODUCTS], drift_position[MADE_DRIFT], free_position[MADE_FREE];
    double exponents[MADE_EXPONENTS], radius[4], error_by_lag[MADE_LAGS];
    double state_norm[MADE_DRIFT], free_norm[MADE_FREE], drift_loss[MADE_DRIFT];
    double time_constants[MADE_HIDDEN];
    size_t dead[30];
    elman_unit_pair duplicates[2];
    elman_gate_activity lstm_gates[4], gru_gates[3];
    elman_unit_meaning meanings[3];
    elman_context_loss contexts[MADE_CONTEXTS];
    elman_log_step log[MADE_STEPS];
    uint64_t spikes[1];
    elman_finding findings[3];
    int32_t tokens[MADE_PASSAGE];
    char text[MADE_PASSAGE][5];
    const char *labels[MADE_PASSAGE];
    float h[MADE_PASSAGE * MADE_HIDDEN];
    float *passage_h[MADE_LAYERS_MAX];
} Made;

/* Evenly spread from [0, 1), the same everywhere. */
static inline double made_noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / 16777216.0;
}

static inline void made_curves(Made *made) {
    uint32_t noise = 1;
    for (size_t k = 0; k < MADE_LAGS; k++) {
        const double median = exp(-0.07 * (double)k);
        made->gradient[k] = (elman_quartiles){median * 0.6, median, median * 1.8};
        const double slow = exp(-0.03 * (double)k);
        made->cell_gradient[k] = (elman_quartiles){slow * 0.7, slow, slow * 1.4};
        made->error_by_lag[k] =
            0.002 * (made_noise(&noise) - 0.5) + (k > 90 && k < 97 ? 0.03 : 0.0);
    }
    for (size_t i = 0; i < MADE_PRODUCTS; i++) {
        made->product_steps[i] = (size_t)1 << i;
        const double gain = 1.4 * exp(-0.05 * (double)made->product_steps[i]);
        made->product_gain[i] = (elman_quartiles){gain * 0.8, gain, gain * 1.3};
    }
    for (size_t i = 0; i < MADE_EXPONENTS; i++) made->exponents[i] = -0.06 - 0.05 * (double)i;
    for (size_t i = 0; i < MADE_DRIFT; i++) {
        made->drift_position[i] = 16 * i;
        made->state_norm[i] = 0.4 * (1.0 - exp(-(double)i)) + 0.005 * (double)i;
        made->drift_loss[i] = 1.6 + 0.6 * exp(-(double)i);
    }
    made->drift_loss[0] = (double)NAN;
    for (size_t i = 0; i < MADE_FREE; i++) {
        made->free_position[i] = 16 * i;
        made->free_norm[i] = 0.4 + 0.03 * (double)i;
    }
    for (size_t u = 0; u < MADE_HIDDEN; u++)
        made->time_constants[u] = 1.1 + 0.2 * (double)u + (u > 28 ? 500.0 : 0.0);
}

static inline void made_run(Made *made) {
    uint32_t noise = 7;
    for (size_t i = 0; i < MADE_STEPS; i++)
        made->log[i] = (elman_log_step){
            .step = i + 1,
            .loss = 1.4 + 2.0 * exp(-(double)i / 80.0) + 0.1 * made_noise(&noise),
            .learning_rate = 1e-3 * (1.0 - (double)i / MADE_STEPS),
            .gradient_norm = 0.4 + 1.2 * made_noise(&noise) * made_noise(&noise),
            .validation_loss =
                i % 50 == 49 ? 1.6 + 1.4 * exp(-(double)i / 80.0) + 4e-4 * (double)i : (double)NAN,
        };
    made->log[200].loss = 3.2;
    made->log[200].gradient_norm = 9.0;
    made->spikes[0] = 201;
    for (size_t g = 0; g < 3; g++) made->update_ratio[g] = (elman_quartiles){4e-4, 1e-3, 2.5e-3};
    made->diagnosis.log = made->log;
    made->diagnosis.log_count = MADE_STEPS;
    made->diagnosis.clip_norm = 1.0;
    made->diagnosis.health = (elman_training_health){
        .steps = MADE_STEPS,
        .clipped = 0.118,
        .clip_factor = 1.31,
        .group_count = 3,
        .update_ratio = made->update_ratio,
        .spike_count = 1,
        .spikes = made->spikes,
        .first_loss = 3.05,
        .last_loss = 1.46,
        .best_validation = 1.73,
        .last_validation = 1.78,
        .best_step = 300,
        .gap = 0.32,
        .plateau = 1,
    };
}

static inline void made_layer(Made *made, size_t index) {
    const int lstm = index % 2 == 0;
    made->layers[index] = (elman_layer_diagnosis){
        .layer = index,
        .cell = lstm ? ELMAN_CELL_LSTM : ELMAN_CELL_GRU,
        .hidden = MADE_HIDDEN,
        .lag_count = MADE_LAGS,
        .gradient = made->gradient,
        .cell_gradient = lstm ? made->cell_gradient : NULL,
        .decay = 0.9324,
        .memory_horizon = lstm ? (double)INFINITY : 65.8,
        .step_gain = {1.1, 1.42, 2.03},
        .product_count = MADE_PRODUCTS,
        .product_steps = made->product_steps,
        .product_gain = made->product_gain,
        .exponent_count = MADE_EXPONENTS,
        .exponents = made->exponents,
        .radius_count = lstm ? 4 : 3,
        .spectral_radius = made->radius,
        .gate_count = lstm ? 4 : 3,
        .gates = lstm ? made->lstm_gates : made->gru_gates,
        .dead_count = lstm ? 30 : 0,
        .dead = made->dead,
        .duplicate_count = lstm ? 2 : 0,
        .duplicates = made->duplicates,
        .time_constant_count = MADE_HIDDEN,
        .time_constants = made->time_constants,
        .time_constant = {2.7, 4.3, 5.9},
        .state_norm = made->state_norm,
        .free_norm = made->free_norm,
        .meaning_count = 3,
        .meanings = made->meanings,
    };
    made->passage_h[index] = made->h;
}

static inline void made_units(Made *made) {
    static const elman_gate_activity lstm[] = {{"i", 0.12, 0.08, 3, 0.44},
                                               {"f", 0.004, 0.57, 12, 0.91},
                                               {"g", 0.11, 0.1, 0, -0.02},
                                               {"o", 0.21, 0.02, 1, 0.38}};
    static const elman_gate_activity gru[] = {
        {"r", 0.0, 0.31, 2, 0.71}, {"z", 0.02, 0.4, 5, 0.8}, {"n", 0.25, 0.27, 0, 0.01}};
    static const char passage[] =
        "“It is <b>6</b> & more,” said she;\n\tand then — “no \"more\"!” They had 1,024 of them, "
        "all of one kind, none of which anyone could tell from the next.\n";
    memcpy(made->lstm_gates, lstm, sizeof lstm);
    memcpy(made->gru_gates, gru, sizeof gru);
    for (size_t i = 0; i < 30; i++) made->dead[i] = i;
    made->duplicates[0] = (elman_unit_pair){30, 31, 0.99991};
    made->duplicates[1] = (elman_unit_pair){29, 31, -0.9995};
    made->meanings[0] = (elman_unit_meaning){17, "inside quotes", 0.913};
    made->meanings[1] = (elman_unit_meaning){3, "space", -0.72};
    made->meanings[2] = (elman_unit_meaning){17, "capital", 0.31};
    for (size_t i = 0; i < 4; i++) made->radius[i] = 0.7 + 0.21 * (double)i;
    const char *at = passage;
    for (size_t t = 0; t < MADE_PASSAGE; t++) {
        if (!*at) at = passage;
        size_t size = 1;
        while (((unsigned char)at[size] & 0xC0) == 0x80) size++;
        memcpy(made->text[t], at, size);
        made->labels[t] = made->text[t];
        made->tokens[t] = (int32_t)(unsigned char)*at;
        at += size;
        for (size_t u = 0; u < MADE_HIDDEN; u++)
            made->h[t * MADE_HIDDEN + u] = (float)sin(0.03 * (double)t * (1.0 + (double)u / 8.0));
    }
}

static inline void made_findings(Made *made) {
    made->findings[0] = (elman_finding){
        .trouble = ELMAN_TROUBLE_VANISHING,
        .name = "vanishing-gradient",
        .layer = 1,
        .unit = -1,
        .measured = 65.8,
        .threshold = 90,
        .sentence = "Layer 1: the gradient falls below 1 % after 66 steps, and what the errors "
                    "owe to the input is 96 steps back.",
        .prescription = "Use a cell that carries its state along: --cell lstm.",
        .option = "--cell",
        .value = "lstm",
    };
    made->findings[1] = (elman_finding){
        .trouble = ELMAN_TROUBLE_DEAD_UNITS,
        .name = "dead-units",
        .unit = 0,
        .sentence = "Layer 0: 30 of 32 units never change, the first is 0.",
        .prescription = "Take smaller steps: --lr 3e-4.",
        .option = "--lr",
        .value = "3e-4",
    };
    made->findings[2] = made->findings[1];
    made->findings[2].layer = 1;
    made->findings[2].option = NULL;
    made->diagnosis.findings = made->findings;
    made->diagnosis.summary.finding_count = 3;
}

/* Fills in `made`, which is large. */
static inline void made_diagnosis(Made *made, size_t layers) {
    elman_diagnosis *const diagnosis = &made->diagnosis;
    memset(made, 0, sizeof *made);
    made_curves(made);
    made_run(made);
    made_units(made);
    made_findings(made);
    for (size_t i = 0; i < layers; i++) made_layer(made, i);
    for (size_t i = 0; i < MADE_CONTEXTS; i++) {
        static const size_t steps[MADE_CONTEXTS] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96};
        const double excess = 1.2 * exp(-0.3 * (double)steps[i]);
        made->contexts[i] = (elman_context_loss){steps[i], 1.6 + excess, excess, 0.01};
    }
    diagnosis->layers = made->layers;
    diagnosis->passage_steps = MADE_PASSAGE;
    diagnosis->passage_tokens = made->tokens;
    diagnosis->passage_h = made->passage_h;
    diagnosis->passage_labels = made->labels;
    elman_diagnosis_summary *const summary = &diagnosis->summary;
    summary->window = 64;
    summary->positions = 256;
    summary->loss = 1.6123;
    summary->baseline = 3.01;
    summary->memory_horizon = 65.8;
    summary->used_horizon = 11.6;
    summary->error_count = MADE_LAGS;
    summary->error_by_lag = made->error_by_lag;
    summary->error_horizon = 96.0;
    summary->layer_count = layers;
    summary->context_count = MADE_CONTEXTS;
    summary->contexts = made->contexts;
    summary->drift_count = MADE_DRIFT;
    summary->drift_position = made->drift_position;
    summary->drift_loss = made->drift_loss;
    summary->free_count = MADE_FREE;
    summary->free_position = made->free_position;
}

#endif
