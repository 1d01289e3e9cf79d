/* A diagnosis: what it owns, how it is made, what can be read. */
#include "diagnose/diagnosis.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decimal.h"
#include "core/fail.h"
#include "core/grow.h"
#include "core/options.h"
#include "core/quantile.h"

enum {
    ROWS = 64,
    ROWS_OF_ONE_OUTPUT = 256,
    LAGS_LEAST = 50,
    LAGS_MOST = 400,
    WINDOW_MOST = 1024,
    SENTENCE_MAX = 1024
};

void *diagnosis_keep(elman_diagnosis *diagnosis, size_t count, size_t size) {
    Memory *const memory = &diagnosis->memory;
    void **const blocks = memory_grow(memory, diagnosis->blocks, diagnosis->block_count, 1,
                                      &diagnosis->block_capacity, sizeof *blocks);
    if (!blocks) return NULL;
    diagnosis->blocks = blocks;
    void *const block = memory_allocate_array(memory, count, size);
    if (block) blocks[diagnosis->block_count++] = block;
    return block;
}

char *diagnosis_say(elman_diagnosis *diagnosis, const char *format, ...) {
    char text[SENTENCE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    decimal_use_point(text);
    const size_t size = strlen(text) + 1;
    char *const kept = diagnosis_keep(diagnosis, size, 1);
    if (kept) memcpy(kept, text, size);
    return kept;
}

elman_status diagnosis_no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for a diagnosis");
}

elman_quartiles diagnosis_quartiles(double *numbers, size_t count) {
    if (count == 0) return (elman_quartiles){NAN, NAN, NAN};
    qsort(numbers, count, sizeof *numbers, compare_doubles);
    return (elman_quartiles){sorted_quantile(numbers, count, 0.25),
                             sorted_quantile(numbers, count, 0.5),
                             sorted_quantile(numbers, count, 0.75)};
}

static elman_status create(Memory *memory, elman_diagnosis **diagnosis, elman_error *error) {
    elman_diagnosis *const created = memory_allocate(memory, sizeof *created);
    if (!created) return diagnosis_no_memory(error);
    created->memory = *memory;
    elman_diagnosis_summary *const summary = &created->summary;
    summary->loss = summary->baseline = summary->error_horizon = NAN;
    summary->memory_horizon = summary->used_horizon = NAN;
    *diagnosis = created;
    return ELMAN_OK;
}

void elman_diagnosis_destroy(elman_diagnosis *diagnosis) {
    if (!diagnosis) return;
    Memory memory = diagnosis->memory;
    for (size_t i = 0; i < diagnosis->block_count; i++)
        memory_release(&memory, diagnosis->blocks[i]);
    memory_release(&memory, diagnosis->blocks);
    memory_release(&memory, diagnosis);
}

static elman_status read_options(elman_diagnose_options *options, const Structure *structure,
                                 const elman_diagnose_options *given, elman_error *error) {
    const elman_status status =
        options_read(options, sizeof *options, given, "elman_diagnose_options", error);
    if (status) return status;
    for (size_t l = 0; l < structure->layer_count; l++)
        if (structure->layers[l].projection)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "layer %zu has a projection, which a diagnosis does not measure", l);
    if (options->rows == 0)
        options->rows = structure_one_output(structure) ? ROWS_OF_ONE_OUTPUT : ROWS;
    if (options->lags == 0) {
        const size_t window = options->window < LAGS_MOST ? options->window : LAGS_MOST / 2;
        options->lags = 2 * window < LAGS_LEAST  ? LAGS_LEAST
                        : 2 * window > LAGS_MOST ? LAGS_MOST
                                                 : 2 * window;
    }
    return ELMAN_OK;
}

/* The steps of rows that are cut out of a text: beyond both the window, for the drift, and the
 * lags. */
static size_t row_steps(const elman_diagnose_options *options) {
    const size_t window = options->window < WINDOW_MOST ? options->window : WINDOW_MOST;
    const size_t drift = options->brief ? 0 : 4 * window, lags = options->lags + 1;
    return drift > 2 * lags ? drift : 2 * lags;
}

static elman_status check_weights(const elman_model *model, elman_error *error) {
    elman_tensor tensor;
    for (size_t i = 0; elman_model_tensor(model, i, &tensor) == ELMAN_OK; i++)
        for (size_t k = 0; k < tensor.count; k++)
            if (!isfinite(tensor.data[k]))
                return fail(error, ELMAN_ERR_NOT_FINITE,
                            "%s holds a number that is not finite (element %zu)", tensor.name, k);
    return ELMAN_OK;
}

static elman_status open_layers(Diagnosing *d, elman_error *error) {
    const Structure *const structure = &d->model->structure;
    elman_diagnosis *const diagnosis = d->diagnosis;
    size_t count = 0;
    for (size_t l = 0; l < structure->layer_count; l++) count += structure_directions(structure, l);
    diagnosis->layers = diagnosis_keep(diagnosis, count, sizeof *diagnosis->layers);
    if (!diagnosis->layers) return diagnosis_no_memory(error);
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t r = 0; r < structure_directions(structure, l); r++)
            diagnosis->layers[diagnosis->summary.layer_count++] = (elman_layer_diagnosis){
                .layer = l,
                .reverse = (int)r,
                .cell = structure->layers[l].cell,
                .hidden = structure->layers[l].hidden,
                .decay = NAN,
                .memory_horizon = NAN,
                .step_gain = {NAN, NAN, NAN},
                .time_constant = {NAN, NAN, NAN},
            };
    return ELMAN_OK;
}

static elman_status measure_loss(Diagnosing *d, elman_error *error) {
    elman_loss loss;
    elman_status status = elman_tape_forward(d->tape, &d->probe.sequence, error);
    if (!status) status = elman_tape_loss(d->tape, &d->probe.targets, &loss, error);
    if (status) return status;
    if (!isfinite(loss.mean))
        return fail(error, ELMAN_ERR_NOT_FINITE, "the model's loss on these data is not finite");
    d->diagnosis->summary.loss = loss.mean;
    return ELMAN_OK;
}

static elman_status measure(Diagnosing *d, elman_error *error) {
    typedef elman_status (*Part)(Diagnosing *, elman_error *);
    static const Part brief[] = {diagnosis_measure_gradient, diagnosis_measure_activity};
    static const Part rest[] = {diagnosis_measure_contexts, diagnosis_measure_errors,
                                diagnosis_measure_jacobians, diagnosis_measure_drift,
                                diagnosis_measure_meanings};
    const size_t more = d->options.brief ? 0 : sizeof rest / sizeof *rest;
    elman_status status = measure_loss(d, error);
    for (size_t i = 0; i < sizeof brief / sizeof *brief && !status; i++)
        status = brief[i](d, error);
    for (size_t i = 0; i < more && !status; i++) status = rest[i](d, error);
    if (!status && d->options.log)
        status = diagnosis_measure_health(d->diagnosis, d->options.log, error);
    return status ? status : diagnosis_find(d->diagnosis, d, error);
}

/* Measures a probe that has been read. */
static elman_status run(Diagnosing *d, elman_error *error) {
    elman_status status = elman_network_compile(d->model, &d->network, error);
    if (status) return status;
    const elman_tape_options options = {
        .struct_size = sizeof options,
        .steps = d->probe.sequence.steps,
        .batch = d->probe.sequence.batch,
        .keep_gradients = d->probe.both_ways,
    };
    d->diagnosis->summary.window = d->options.window;
    status = elman_tape_create(d->network, &options, &d->tape, error);
    if (!status) status = check_weights(d->model, error);
    if (!status) status = open_layers(d, error);
    return status ? status : measure(d, error);
}

/* Hands out the diagnosis, or releases it. */
static elman_status finish(Diagnosing *d, elman_status status, elman_diagnosis **diagnosis) {
    elman_tape_destroy(d->tape);
    elman_network_destroy(d->network);
    probe_release(&d->probe, &d->context->memory);
    if (status)
        elman_diagnosis_destroy(d->diagnosis);
    else
        *diagnosis = d->diagnosis;
    return status;
}

static elman_status begin(Diagnosing *d, const elman_model *model,
                          const elman_diagnose_options *options, elman_error *error) {
    *d = (Diagnosing){.context = model->context, .model = model};
    elman_status status = structure_check_trained(&model->structure, error);
    if (!status) status = read_options(&d->options, &model->structure, options, error);
    return status ? status : create(&d->context->memory, &d->diagnosis, error);
}

elman_status elman_diagnose_tokens(const elman_model *model, const int32_t *tokens, size_t count,
                                   const elman_diagnose_options *options,
                                   elman_diagnosis **diagnosis, elman_error *error) {
    Diagnosing d;
    *diagnosis = NULL;
    elman_status status = begin(&d, model, options, error);
    if (!status)
        status = probe_read_tokens(&d.probe, &d.context->memory, &model->structure, tokens, count,
                                   d.options.rows, row_steps(&d.options), error);
    if (!status) status = run(&d, error);
    return finish(&d, status, diagnosis);
}

elman_status elman_diagnose_source(const elman_model *model, const elman_source *source,
                                   const elman_diagnose_options *options,
                                   elman_diagnosis **diagnosis, elman_error *error) {
    Diagnosing d;
    *diagnosis = NULL;
    elman_status status = begin(&d, model, options, error);
    if (!status)
        status = probe_read_source(&d.probe, &d.context->memory, &model->structure, source,
                                   d.options.rows, error);
    if (!status) status = run(&d, error);
    return finish(&d, status, diagnosis);
}

elman_status elman_diagnose_log(elman_context *context, const elman_log *log,
                                elman_diagnosis **diagnosis, elman_error *error) {
    Diagnosing d = {.context = context};
    *diagnosis = NULL;
    elman_status status = create(&context->memory, &d.diagnosis, error);
    if (!status) status = diagnosis_measure_health(d.diagnosis, log, error);
    if (!status) status = diagnosis_find(d.diagnosis, NULL, error);
    return finish(&d, status, diagnosis);
}

void elman_diagnosis_summarize(const elman_diagnosis *diagnosis, elman_diagnosis_summary *summary) {
    *summary = diagnosis->summary;
}

const elman_layer_diagnosis *elman_diagnosis_layer(const elman_diagnosis *diagnosis, size_t index) {
    return index < diagnosis->summary.layer_count ? &diagnosis->layers[index] : NULL;
}

const elman_training_health *elman_diagnosis_health(const elman_diagnosis *diagnosis) {
    return &diagnosis->health;
}

const elman_finding *elman_diagnosis_finding(const elman_diagnosis *diagnosis, size_t index) {
    return index < diagnosis->summary.finding_count ? &diagnosis->findings[index] : NULL;
}

size_t elman_diagnosis_passage(const elman_diagnosis *diagnosis, size_t layer_index, size_t unit,
                               int32_t *tokens, float *h, size_t count) {
    if (!diagnosis->passage_tokens || layer_index >= diagnosis->summary.layer_count) return 0;
    const size_t hidden = diagnosis->layers[layer_index].hidden;
    if (unit >= hidden) return 0;
    const size_t steps = count < diagnosis->passage_steps ? count : diagnosis->passage_steps;
    for (size_t t = 0; t < steps; t++) {
        tokens[t] = diagnosis->passage_tokens[t];
        h[t] = diagnosis->passage_h[layer_index][t * hidden + unit];
    }
    return steps;
}
