/* Diagnoses of models with planted faults, and of healthy ones: how many are right.
 *
 *     faults FIRST LAST [--text FILE] [--series FILE OBJECT] [--least SHARE] [--only NAME]
 *
 * For each seed FIRST to LAST, each cell and each fault one model is made. It is right when the
 * planted trouble is among the findings, with its layer and unit or step; a healthy model when
 * nothing is found. Ends with 1 when a line has less than --least right. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <elman/elman.h>

enum { ROWS = 64, STEPS = 120, WINDOW = 40, HIDDEN = 24, CELLS = 3, BATCH = 16, GROUPS = 2 };

static const elman_cell cells[CELLS] = {ELMAN_CELL_RNN, ELMAN_CELL_LSTM, ELMAN_CELL_GRU};
static const char *const cell_names[CELLS] = {"rnn", "lstm", "gru"};

static elman_context *context;
static const char *text_path = "/usr/share/common-licenses/GPL-3";
static const char *series_path, *series_object;
static bool talkative;

static void check(elman_status status, const elman_error *error) {
    if (!status) return;
    (void)fprintf(stderr, "faults: %s\n", error->message);
    exit(2);
}

static void *need(void *memory) {
    if (memory) return memory;
    (void)fprintf(stderr, "faults: no memory\n");
    exit(2);
}

/* ---- Numbers that depend on a seed and a place ---- */

static double uniform(uint64_t seed, uint64_t place) {
    uint64_t x = seed * 0x9e3779b97f4a7c15u + place * 0xbf58476d1ce4e5b9u + 0x94d049bb133111ebu;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

static double normal(uint64_t seed, uint64_t place) {
    const double u = 1.0 - uniform(seed, 2 * place), v = uniform(seed, 2 * place + 1);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* ---- Data: noise whose last values are to be mixed ---- */

typedef struct Noise {
    float x[STEPS * ROWS], y[STEPS * ROWS];
} Noise;

static Noise *make_noise(uint64_t seed, double size) {
    Noise *const noise = need(calloc(1, sizeof *noise));
    for (size_t t = 0; t < STEPS; t++)
        for (size_t b = 0; b < ROWS; b++) {
            const size_t at = t * ROWS + b;
            noise->x[at] = (float)(size * normal(seed, at));
            noise->y[at] = 0.5f * noise->x[at];
            if (t >= 2) noise->y[at] += 0.3f * noise->x[at - (size_t)2 * ROWS];
        }
    return noise;
}

static elman_status noise_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                                elman_error *error) {
    const Noise *const noise = user;
    (void)epoch, (void)position, (void)error;
    batch->sequence = (elman_sequence){
        .struct_size = sizeof batch->sequence, .steps = STEPS, .batch = ROWS, .dense = noise->x};
    batch->targets = (elman_targets){
        .struct_size = sizeof batch->targets, .loss = ELMAN_LOSS_MSE, .numbers = noise->y};
    return ELMAN_OK;
}

static elman_source noise_source(Noise *noise) {
    return (elman_source){
        .struct_size = sizeof(elman_source), .user = noise, .batches = 1, .batch = noise_batch};
}

/* ---- Models ---- */

static elman_model *make_model(elman_cell cell, size_t layers, size_t inputs, bool tokens,
                               size_t outputs, uint64_t seed) {
    elman_model *model = NULL;
    elman_error error;
    check(tokens ? elman_model_create_tokens(context, inputs, 0, &model, &error)
                 : elman_model_create(context, inputs, &model, &error),
          &error);
    for (size_t i = 0; i < layers; i++) (void)elman_model_add_cell(model, cell, HIDDEN);
    (void)elman_model_add_linear(model, outputs, 0);
    const elman_init_options init = {.struct_size = sizeof init,
                                     .seed = seed,
                                     .input = ELMAN_INIT_XAVIER,
                                     .recurrent = ELMAN_INIT_ORTHOGONAL,
                                     .forget_bias = cell == ELMAN_CELL_LSTM ? 1.0f : 0.0f};
    check(elman_model_build(model, &init, &error), &error);
    return model;
}

static void train(elman_model *model, const elman_source *source, uint64_t steps, double rate) {
    const elman_train_options options = {.struct_size = sizeof options,
                                         .learning_rate = rate,
                                         .clip_norm = 1.0,
                                         .seed = 1,
                                         .max_steps = steps};
    elman_trainer *trainer = NULL;
    elman_error error;
    check(elman_trainer_create(model, &options, &trainer, &error), &error);
    check(elman_trainer_run(trainer, source, NULL, NULL, NULL, &error), &error);
    elman_trainer_destroy(trainer);
}

static elman_tensor tensor(const elman_model *model, const char *name, size_t layer) {
    char full[64];
    elman_tensor found;
    elman_error error;
    (void)snprintf(full, sizeof full, "rnn.%s_l%zu", name, layer);
    check(elman_model_find_tensor(model, full, &found, &error), &error);
    return found;
}

static size_t gate_count(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? 4 : cell == ELMAN_CELL_GRU ? 3 : 1;
}

/* Sets the bias of one gate of units [0, count). */
static void set_bias(const elman_model *model, size_t layer, size_t gate, size_t count,
                     float value) {
    const elman_tensor ih = tensor(model, "bias_ih", layer), hh = tensor(model, "bias_hh", layer);
    for (size_t u = 0; u < count; u++) {
        ih.data[gate * HIDDEN + u] = value;
        hh.data[gate * HIDDEN + u] = 0.0f;
    }
}

/* ---- Verdicts ---- */

typedef struct Expected {
    elman_trouble trouble;
    int layer;   /* -1: any */
    long unit;   /* -1: any */
    bool absent; /* neither this trouble nor ABSENT_TOO may be found */
    elman_trouble absent_too;
} Expected;

static bool is_found(const elman_diagnosis *diagnosis, elman_trouble trouble, int layer,
                     long unit) {
    const elman_finding *finding;
    for (size_t i = 0; (finding = elman_diagnosis_finding(diagnosis, i)); i++)
        if (finding->trouble == trouble && (layer < 0 || finding->layer == layer) &&
            (unit < 0 || finding->unit == unit))
            return true;
    return false;
}

static void say(const elman_diagnosis *diagnosis, const char *what) {
    const elman_finding *finding;
    elman_diagnosis_summary s;
    elman_diagnosis_summarize(diagnosis, &s);
    const elman_training_health *const health = elman_diagnosis_health(diagnosis);
    if (health->steps > 0)
        (void)printf("    updates %.3g %.3g, losses %.4g %.4g, %zu spikes, clipped %.2f\n",
                     health->update_ratio[0].median, health->update_ratio[1].median,
                     health->first_loss, health->last_loss, health->spike_count, health->clipped);
    (void)printf("    %s: loss %.4g of %.4g, memory %.3g, used %.3g, errors %.3g\n", what, s.loss,
                 s.baseline, s.memory_horizon, s.used_horizon, s.error_horizon);
    for (size_t i = 0; (finding = elman_diagnosis_finding(diagnosis, i)); i++)
        (void)printf("      %s: %s\n", finding->name, finding->sentence);
}

static bool judge(elman_diagnosis *diagnosis, const Expected *expected, const char *what) {
    bool right;
    if (!expected)
        right = elman_diagnosis_finding(diagnosis, 0) == NULL;
    else if (expected->absent)
        right = !is_found(diagnosis, expected->trouble, -1, -1) &&
                !is_found(diagnosis, expected->absent_too, -1, -1);
    else
        right = is_found(diagnosis, expected->trouble, expected->layer, expected->unit);
    if (!right && talkative) say(diagnosis, what);
    elman_diagnosis_destroy(diagnosis);
    return right;
}

static bool judge_noise(const elman_model *model, Noise *noise, const Expected *expected,
                        uint64_t seed, const char *what) {
    const elman_source source = noise_source(noise);
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = WINDOW, .seed = seed};
    elman_diagnosis *diagnosis = NULL;
    elman_error error;
    check(elman_diagnose_source(model, &source, &options, &diagnosis, &error), &error);
    return judge(diagnosis, expected, what);
}

/* ---- Planted faults ---- */

typedef bool (*Case)(elman_cell cell, uint64_t seed, const char *what);

/* The cell as a plain recurrence h' = tanh(W x + R h), R orthogonal times `radius`, whose spectral
 * radius that is: the gates of the others are held open or shut by their biases. */
static void plant_radius(const elman_model *model, elman_cell cell, double radius) {
    const elman_tensor hh = tensor(model, "weight_hh", 0);
    const size_t candidate = cell == ELMAN_CELL_LSTM ? 2 : cell == ELMAN_CELL_GRU ? 2 : 0;
    for (size_t i = 0; i < hh.count; i++) {
        const bool in = i / ((size_t)HIDDEN * HIDDEN) == candidate;
        hh.data[i] *= in ? (float)radius : 0.0f;
    }
    for (size_t gate = 0; gate < gate_count(cell); gate++) set_bias(model, 0, gate, HIDDEN, 0.0f);
    if (cell == ELMAN_CELL_LSTM) {
        set_bias(model, 0, 0, HIDDEN, 10.0f);
        set_bias(model, 0, 1, HIDDEN, -10.0f);
        set_bias(model, 0, 3, HIDDEN, 10.0f);
    } else if (cell == ELMAN_CELL_GRU) {
        set_bias(model, 0, 0, HIDDEN, 10.0f);
        set_bias(model, 0, 1, HIDDEN, -10.0f);
    }
}

static bool radius_case(elman_cell cell, uint64_t seed, double radius, const Expected *expected,
                        const char *what) {
    elman_model *const model = make_model(cell, 1, 1, false, 1, seed);
    Noise *const noise = make_noise(seed, 0.05);
    plant_radius(model, cell, radius);
    const bool right = judge_noise(model, noise, expected, seed, what);
    free(noise);
    elman_model_destroy(model);
    return right;
}

/* Of a gated cell without memory forgetting is the other name. */
static bool radius_half(elman_cell cell, uint64_t seed, const char *what) {
    const Expected plain = {ELMAN_TROUBLE_VANISHING, 0, -1, false, 0};
    const Expected gated = {ELMAN_TROUBLE_FORGETTING, 0, -1, false, 0};
    return radius_case(cell, seed, 0.5, cell == ELMAN_CELL_RNN ? &plain : &gated, what);
}

static bool radius_one(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_VANISHING, -1, -1, true, ELMAN_TROUBLE_EXPLODING};
    return radius_case(cell, seed, 1.0, &expected, what);
}

static bool radius_more(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_EXPLODING, 0, -1, false, 0};
    return radius_case(cell, seed, 1.5, &expected, what);
}

/* Trains two layers on noise, plants in the second, and judges. */
static bool planted(elman_cell cell, uint64_t seed, const Expected *expected, const char *what,
                    void (*plant)(const elman_model *, elman_cell, uint64_t)) {
    elman_model *const model = make_model(cell, 2, 1, false, 1, seed);
    Noise *const noise = make_noise(seed, 1.0);
    const elman_source source = noise_source(noise);
    train(model, &source, 30, 5e-3);
    plant(model, cell, seed);
    const bool right = judge_noise(model, noise, expected, seed, what);
    free(noise);
    elman_model_destroy(model);
    return right;
}

static void plant_forgetting(const elman_model *model, elman_cell cell, uint64_t seed) {
    (void)seed;
    set_bias(model, 1, 1, HIDDEN, -4.0f); /* f of an LSTM, z of a GRU */
    (void)cell;
}

static bool forgetting(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_FORGETTING, 1, -1, false, 0};
    if (cell == ELMAN_CELL_RNN) return true; /* has no gate */
    return planted(cell, seed, &expected, what, plant_forgetting);
}

static void plant_saturated(const elman_model *model, elman_cell cell, uint64_t seed) {
    const size_t count = HIDDEN * 2 / 5 + (size_t)(uniform(seed, 1) * HIDDEN / 2);
    set_bias(model, 1, 0, count, cell == ELMAN_CELL_RNN && seed % 2 ? 12.0f : -12.0f);
}

static bool saturated(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_SATURATED, 1, -1, false, 0};
    return planted(cell, seed, &expected, what, plant_saturated);
}

static size_t chosen_unit(uint64_t seed) {
    return (size_t)(uniform(seed, 2) * (HIDDEN - 2));
}

/* A unit that nothing drives. */
static void plant_dead(const elman_model *model, elman_cell cell, uint64_t seed) {
    const elman_tensor ih = tensor(model, "weight_ih", 1), hh = tensor(model, "weight_hh", 1);
    const size_t gate = cell == ELMAN_CELL_LSTM || cell == ELMAN_CELL_GRU ? 2 : 0;
    const size_t row = gate * HIDDEN + chosen_unit(seed);
    for (size_t i = 0; i < HIDDEN; i++)
        ih.data[row * HIDDEN + i] = hh.data[row * HIDDEN + i] = 0.0f;
    tensor(model, "bias_ih", 1).data[row] = tensor(model, "bias_hh", 1).data[row] = 0.0f;
}

static bool dead(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_DEAD_UNITS, 1, (long)chosen_unit(seed), false, 0};
    return planted(cell, seed, &expected, what, plant_dead);
}

/* A unit with the incoming weights of the one before it. */
static void plant_duplicate(const elman_model *model, elman_cell cell, uint64_t seed) {
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const size_t unit = chosen_unit(seed);
    for (size_t n = 0; n < 4; n++) {
        const elman_tensor t = tensor(model, names[n], 1);
        for (size_t gate = 0; gate < gate_count(cell); gate++) {
            float *const from = t.data + (gate * HIDDEN + unit) * t.shape[1];
            memcpy(from + t.shape[1], from, t.shape[1] * sizeof *from);
        }
    }
}

static bool duplicate(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_DUPLICATE_UNITS, 1, (long)chosen_unit(seed), false, 0};
    return planted(cell, seed, &expected, what, plant_duplicate);
}

/* ---- Runs over tokens ---- */

enum { KINDS = 6, TOKENS = 6000, DELAY = 14, SHORT = 6 };

/* Symbols most of which are those of some steps before. */
static void make_echo(int32_t *tokens, uint64_t seed) {
    for (size_t i = 0; i < TOKENS; i++)
        tokens[i] = i >= DELAY && uniform(seed, 2 * i) < 0.9
                        ? tokens[i - DELAY]
                        : (int32_t)(uniform(seed, 2 * i + 1) * KINDS);
}

/* What a run leaves behind. */
typedef struct Log {
    elman_log_step *steps;
    size_t count, capacity;
    double (*ratios)[GROUPS]; /* of each step, for the layers and the rest */
    elman_error error;
} Log;

static int add_step(void *user, const elman_step_report *report) {
    Log *const log = user;
    if (log->count == log->capacity) {
        log->capacity = 2 * log->capacity + 64;
        log->steps = need(realloc(log->steps, log->capacity * sizeof *log->steps));
        log->ratios = need(realloc(log->ratios, log->capacity * sizeof *log->ratios));
    }
    for (size_t i = 0; i < GROUPS; i++) log->ratios[log->count][i] = report->update_ratio[i];
    log->steps[log->count++] = (elman_log_step){.step = report->step,
                                                .loss = report->loss,
                                                .learning_rate = report->learning_rate,
                                                .gradient_norm = report->gradient_norm,
                                                .clipped = report->clipped,
                                                .validation_loss = report->validation_loss};
    return 0;
}

typedef struct TokenRun {
    const int32_t *tokens;
    size_t count, valid; /* the last so many validate */
    size_t window;
    uint64_t steps, validate;
    double rate;
    bool independent, no_clip;
} TokenRun;

static void train_tokens(elman_model *model, const TokenRun *run, Log *log) {
    const elman_train_options options = {.struct_size = sizeof options,
                                         .learning_rate = run->rate,
                                         .clip_norm = run->no_clip ? 0.0 : 1.0,
                                         .seed = 1,
                                         .window = run->window,
                                         .batch = BATCH,
                                         .independent = run->independent,
                                         .max_steps = run->steps,
                                         .validate_steps = run->validate};
    const elman_token_data data = {.struct_size = sizeof data,
                                   .train = run->tokens,
                                   .train_count = run->count - run->valid,
                                   .valid =
                                       run->valid ? run->tokens + run->count - run->valid : NULL,
                                   .valid_count = run->valid};
    elman_trainer *trainer = NULL;
    check(elman_trainer_create(model, &options, &trainer, &log->error), &log->error);
    const elman_status status =
        elman_trainer_run_tokens(trainer, &data, add_step, log, NULL, &log->error);
    if (status != ELMAN_ERR_NOT_FINITE) check(status, &log->error);
    if (!status) log->error = (elman_error){0};
    elman_trainer_destroy(trainer);
}

static elman_log log_of(const Log *log) {
    for (size_t i = 0; i < log->count; i++) log->steps[i].update_ratio = log->ratios[i];
    return (elman_log){.struct_size = sizeof(elman_log),
                       .steps = log->steps,
                       .count = log->count,
                       .update_ratio_count = GROUPS,
                       .clip_norm = 1.0,
                       .not_finite = log->error.message[0] ? log->error.message : NULL};
}

static bool judge_tokens(const elman_model *model, const TokenRun *run, const Log *log,
                         const Expected *expected, uint64_t seed, const char *what) {
    const elman_log told = log_of(log);
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = run->window, .seed = seed, .log = &told};
    const int32_t *const from = run->valid ? run->tokens + run->count - run->valid : run->tokens;
    elman_diagnosis *diagnosis = NULL;
    elman_error error;
    check(elman_diagnose_tokens(model, from, run->valid ? run->valid : run->count, &options,
                                &diagnosis, &error),
          &error);
    return judge(diagnosis, expected, what);
}

static bool short_window(elman_cell cell, uint64_t seed, const char *what) {
    static int32_t tokens[TOKENS];
    const Expected expected = {ELMAN_TROUBLE_SHORT_WINDOW, -1, -1, false, 0};
    elman_model *const model = make_model(cell, 1, KINDS, true, KINDS, seed);
    const TokenRun run = {.tokens = tokens,
                          .count = TOKENS,
                          .valid = TOKENS / 4,
                          .window = SHORT,
                          .steps = 150,
                          .rate = 5e-3,
                          .independent = true};
    Log log = {0};
    make_echo(tokens, seed);
    train_tokens(model, &run, &log);
    const bool right = judge_tokens(model, &run, &log, &expected, seed, what);
    free(log.ratios);
    free(log.steps);
    elman_model_destroy(model);
    return right;
}

/* Tokens of a real text, from a place of the seed's; 0 is unknown. */
static int32_t *read_text(size_t length, uint64_t seed, size_t *kinds) {
    elman_text *text = NULL;
    elman_vocabulary *vocabulary = NULL;
    elman_error error;
    check(elman_text_load(context, &text_path, 1, &text, &error), &error);
    /* Of one place: a text's end may be written otherwise. */
    const size_t all = elman_text_length(text), most = all / 8;
    check(elman_vocabulary_create(context, elman_text_characters(text), all, &vocabulary, &error),
          &error);
    *kinds = elman_vocabulary_size(vocabulary);
    int32_t *const tokens = need(calloc(length, sizeof *tokens));
    const size_t from = (size_t)(uniform(seed, 3) * (double)most);
    (void)elman_vocabulary_encode(vocabulary, elman_text_characters(text) + from, length, tokens);
    elman_vocabulary_destroy(vocabulary);
    elman_text_destroy(text);
    return tokens;
}

static bool text_case(elman_cell cell, uint64_t seed, size_t length, TokenRun run,
                      const Expected *expected, const char *what) {
    size_t kinds;
    int32_t *const tokens = read_text(length, seed, &kinds);
    elman_model *const model = make_model(cell, 1, kinds, true, kinds, seed);
    Log log = {0};
    run.tokens = tokens;
    run.count = length;
    train_tokens(model, &run, &log);
    const bool right = judge_tokens(model, &run, &log, expected, seed, what);
    free(log.ratios);
    free(log.steps);
    free(tokens);
    elman_model_destroy(model);
    return right;
}

static bool diverging(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_DIVERGING, -1, -1, false, 0};
    const TokenRun run = {.valid = 4000, .window = 20, .steps = 120, .rate = 1.0, .no_clip = true};
    return text_case(cell, seed, 20000, run, &expected, what);
}

static bool overfitting(elman_cell cell, uint64_t seed, const char *what) {
    const Expected expected = {ELMAN_TROUBLE_OVERFITTING, -1, -1, false, 0};
    const TokenRun run = {.valid = 1000, .window = 20, .steps = 600, .validate = 20, .rate = 1e-2};
    return text_case(cell, seed, 2000, run, &expected, what);
}

static bool healthy_text(elman_cell cell, uint64_t seed, const char *what) {
    const TokenRun run = {.valid = 5000, .window = 25, .steps = 400, .validate = 100, .rate = 5e-3};
    return text_case(cell, seed, 20000, run, NULL, what);
}

static bool healthy_noise(elman_cell cell, uint64_t seed, const char *what) {
    elman_model *const model = make_model(cell, 2, 1, false, 1, seed);
    Noise *const noise = make_noise(seed, 1.0);
    const elman_source source = noise_source(noise);
    train(model, &source, 200, 5e-3);
    const bool right = judge_noise(model, noise, NULL, seed, what);
    free(noise);
    elman_model_destroy(model);
    return right;
}

/* A real series: a forecaster as the command makes it. */
static bool healthy_series(elman_cell cell, uint64_t seed, const char *what) {
    const elman_series_options reading = {.struct_size = sizeof reading, .object = series_object};
    const elman_forecaster_options options = {.struct_size = sizeof options, .horizon = 12};
    elman_series *series = NULL;
    elman_forecaster *forecaster = NULL;
    elman_forecaster_source *windows = NULL;
    elman_forecaster_info info;
    elman_error error;
    if (!series_path) return true;
    check(elman_series_load(context, series_path, &reading, &series, &error), &error);
    check(elman_forecaster_create(context, series, &options, &forecaster, &error), &error);
    check(elman_forecaster_source_create(forecaster, series, BATCH, seed, &windows, &error),
          &error);
    elman_forecaster_describe(forecaster, &info);
    elman_model *const model = make_model(cell, 1, info.inputs, false, info.outputs, seed);
    check(elman_forecaster_start(forecaster, model, &error), &error);
    const elman_source source = elman_forecaster_source_view(windows);
    train(model, &source, 200, 2e-3);
    const elman_diagnose_options diagnose = {
        .struct_size = sizeof diagnose, .window = info.context + info.horizon, .seed = seed};
    elman_diagnosis *diagnosis = NULL;
    check(elman_diagnose_source(model, &source, &diagnose, &diagnosis, &error), &error);
    const bool right = judge(diagnosis, NULL, what);
    elman_model_destroy(model);
    elman_forecaster_source_destroy(windows);
    elman_forecaster_destroy(forecaster);
    elman_series_destroy(series);
    return right;
}

static const struct {
    const char *name;
    Case run;
} cases[] = {
    {"radius 0.5", radius_half},        {"radius 1", radius_one},
    {"radius 1.5", radius_more},        {"forgetting", forgetting},
    {"saturated", saturated},           {"dead unit", dead},
    {"duplicate", duplicate},           {"short window", short_window},
    {"diverging", diverging},           {"overfitting", overfitting},
    {"healthy noise", healthy_noise},   {"healthy text", healthy_text},
    {"healthy series", healthy_series},
};

int main(int count, char **arguments) {
    const elman_context_options options = {.struct_size = sizeof options, .threads = 1};
    const char *only = NULL;
    double least = 0.95;
    bool enough = true;
    elman_error error;
    if (count < 3) {
        (void)fprintf(stderr, "usage: faults FIRST LAST [--text FILE] [--series FILE OBJECT] "
                              "[--least SHARE] [--only NAME] [--talk]\n");
        return 2;
    }
    const uint64_t first = strtoull(arguments[1], NULL, 10),
                   last = strtoull(arguments[2], NULL, 10);
    for (int i = 3; i < count; i++) {
        if (strcmp(arguments[i], "--talk") == 0) talkative = true;
        if (i + 1 == count) break;
        if (strcmp(arguments[i], "--text") == 0) text_path = arguments[i + 1];
        if (strcmp(arguments[i], "--series") == 0) {
            series_path = arguments[i + 1];
            series_object = i + 2 < count ? arguments[i + 2] : NULL;
        }
        if (strcmp(arguments[i], "--least") == 0) least = strtod(arguments[i + 1], NULL);
        if (strcmp(arguments[i], "--only") == 0) only = arguments[i + 1];
    }
    check(elman_context_create(&options, &context, &error), &error);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        if (only && !strstr(cases[k].name, only)) continue;
        (void)printf("%-15s", cases[k].name);
        for (size_t c = 0; c < CELLS; c++) {
            size_t right = 0;
            for (uint64_t seed = first; seed <= last; seed++) {
                char what[64];
                (void)snprintf(what, sizeof what, "%s, %s, seed %llu", cases[k].name, cell_names[c],
                               (unsigned long long)seed);
                right += cases[k].run(cells[c], seed, what);
            }
            const double share = (double)right / (double)(last - first + 1);
            (void)printf("  %s %zu of %llu%s", cell_names[c], right,
                         (unsigned long long)(last - first + 1), share < least ? " (!)" : "");
            (void)fflush(stdout);
            if (share < least) enough = false;
        }
        (void)printf("\n");
    }
    elman_context_destroy(context);
    return enough ? 0 : 1;
}
