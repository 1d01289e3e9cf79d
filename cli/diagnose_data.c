/* Reads model and data of every kind and hands them to the library. */
#include "diagnose_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "message.h"
#include "task_source.h"
#include "text_part.h"

static bool failed(const DiagnoseData *data, const elman_error *error) {
    if (data->name[0])
        message("%s: %s", data->name, error->message);
    else
        message("%s", error->message);
    return false;
}

static size_t told_window(const DiagnoseData *data, const DiagnoseOptions *options) {
    const double window = json_look_number(data->training, "options", "window");
    if (options->window > 0) return (size_t)options->window;
    return window > 0.0 ? (size_t)window : 0;
}

static elman_diagnose_options library_options(const DiagnoseData *data,
                                              const DiagnoseOptions *options) {
    return (elman_diagnose_options){
        .struct_size = sizeof(elman_diagnose_options),
        .window = told_window(data, options),
        .lags = (size_t)options->lags,
        .rows = (size_t)options->rows,
        .seed = options->seed,
        .log = options->log ? &data->log.log : NULL,
    };
}

/* The part that was kept apart, where the text is the one that the model learnt from. */
static bool diagnose_text(DiagnoseData *data, const DiagnoseOptions *options,
                          const Operands *files) {
    const elman_vocabulary *const vocabulary = elman_model_vocabulary(data->model);
    const elman_diagnose_options chosen = library_options(data, options);
    elman_error error;
    elman_text *text = NULL;
    if (elman_text_load(data->context, (const char *const *)files->names, files->count, &text,
                        &error)) {
        message("%s", error.message);
        return false;
    }
    TextPart part = text_part_whole(text);
    if (text_part_is_known(data->training, text)) part = text_part_valid(data->training, text);
    if (part.count < 2) part = text_part_whole(text);
    int32_t *const tokens = calloc(part.count + 1, sizeof(*tokens));
    bool ok = tokens != NULL;
    if (!ok) message("no memory for %zu tokens", part.count);
    if (ok) {
        (void)elman_vocabulary_encode(vocabulary, elman_text_characters(text) + part.from,
                                      part.count, tokens);
        ok = !elman_diagnose_tokens(data->model, tokens, part.count, &chosen, &data->diagnosis,
                                    &error) ||
             failed(data, &error);
    }
    free(tokens);
    elman_text_destroy(text);
    return ok;
}

static bool diagnose_source(DiagnoseData *data, const elman_source *source,
                            const elman_diagnose_options *chosen) {
    elman_error error;
    return !elman_diagnose_source(data->model, source, chosen, &data->diagnosis, &error) ||
           failed(data, &error);
}

enum { BATCH = 64, BATCHES = 1024 };

/* The names of a forecaster's inputs. */
static char (*input_names(const elman_forecaster *forecaster, size_t count,
                          const char **pointers))[ELMAN_INPUT_NAME_MAX] {
    char(*names)[ELMAN_INPUT_NAME_MAX] = calloc(count, sizeof(*names));
    for (size_t i = 0; names && i < count; i++) {
        elman_forecaster_input_name(forecaster, i, names[i]);
        pointers[i] = names[i];
    }
    return names;
}

static bool diagnose_windows(DiagnoseData *data, const DiagnoseOptions *options,
                             const elman_forecaster *forecaster, elman_forecaster_source *windows) {
    elman_forecaster_info info;
    elman_forecaster_describe(forecaster, &info);
    const char **const pointers = calloc(info.inputs, sizeof(*pointers));
    char(*const names)[ELMAN_INPUT_NAME_MAX] =
        pointers ? input_names(forecaster, info.inputs, pointers) : NULL;
    bool ok = names != NULL;
    if (ok) {
        elman_diagnose_options chosen = library_options(data, options);
        const elman_source source = elman_forecaster_source_view(windows);
        if (chosen.window == 0) chosen.window = info.context + info.horizon;
        chosen.inputs = pointers;
        ok = diagnose_source(data, &source, &chosen);
    } else {
        message("no memory for the names of %zu inputs", info.inputs);
    }
    free(names);
    free(pointers);
    return ok;
}

static bool diagnose_series(DiagnoseData *data, const DiagnoseOptions *options,
                            const Operands *files) {
    elman_error error;
    elman_forecaster *forecaster = NULL;
    elman_series *series = NULL;
    elman_forecaster_source *windows = NULL;
    bool ok = !elman_forecaster_open(data->context, data->model, &forecaster, &error) &&
              !elman_forecaster_load(forecaster, files->names[0], options->object, &series, &error);
    if (!ok) message("%s", error.message);
    if (ok) {
        ok = !elman_forecaster_source_create(forecaster, series, BATCH, options->seed, &windows,
                                             &error) ||
             failed(data, &error);
        ok = ok && diagnose_windows(data, options, forecaster, windows);
    }
    elman_forecaster_source_destroy(windows);
    elman_series_destroy(series);
    elman_forecaster_destroy(forecaster);
    return ok;
}

static bool diagnose_labelled(DiagnoseData *data, const DiagnoseOptions *options,
                              const Operands *files) {
    const elman_labelled_options reading = {
        .struct_size = sizeof(reading), .object = options->object, .need = ELMAN_LABELS_REQUIRED};
    elman_error error;
    elman_classifier *classifier = NULL;
    elman_labelled *labelled = NULL;
    elman_classifier_source *sequences = NULL;
    bool ok = !elman_classifier_open(data->context, data->model, &classifier, &error) &&
              !elman_classifier_load(classifier, files->names[0], &reading, &labelled, &error);
    if (!ok) message("%s", error.message);
    if (ok) {
        ok = !elman_classifier_source_create(classifier, labelled, NULL, BATCH, options->seed,
                                             &sequences, &error) ||
             failed(data, &error);
    }
    if (ok) {
        const elman_diagnose_options chosen = library_options(data, options);
        const elman_source source = elman_classifier_source_view(sequences);
        ok = diagnose_source(data, &source, &chosen);
    }
    elman_classifier_source_destroy(sequences);
    elman_labelled_destroy(labelled);
    elman_classifier_destroy(classifier);
    return ok;
}

/* A model of tasks tells its own; --length says how long the sequences are. */
static bool diagnose_task(DiagnoseData *data, const DiagnoseOptions *options) {
    const double length = json_look_number(data->training, "task", "length");
    const elman_task_options chosen = {
        .struct_size = sizeof(chosen),
        .name = options->task,
        .length = options->length ? (size_t)options->length
                  : length > 0.0  ? (size_t)length
                                  : 0,
        .seed = options->seed,
    };
    elman_error error;
    elman_task *task = NULL;
    TaskSource source = {0};
    if (elman_task_create(data->context, &chosen, &task, &error)) return failed(data, &error);
    bool ok = task_source_open(&source, task, ELMAN_TASK_VALID, BATCH, 0);
    if (ok) {
        const elman_source batches = task_source_view(&source, BATCHES);
        elman_diagnose_options diagnose = library_options(data, options);
        if (diagnose.window == 0) diagnose.window = source.info.steps;
        ok = diagnose_source(data, &batches, &diagnose);
    }
    task_source_close(&source);
    elman_task_destroy(task);
    return ok;
}

/* The model's kind of data, "task" for one that was trained on a task. */
static const char *kind_of(const DiagnoseData *data, json_t **encoder) {
    const char *const told = elman_model_encoder(data->model);
    *encoder = told ? json_loads(told, 0, NULL) : NULL;
    const char *const kind = json_look_text(*encoder, "kind", NULL);
    return strcmp(kind, "none") == 0 || *kind == '\0' ? "task" : kind;
}

static bool diagnose(DiagnoseData *data, const DiagnoseOptions *options, const Operands *files) {
    json_t *encoder;
    const char *const kind = kind_of(data, &encoder);
    bool ok = false;
    if (options->task || strcmp(kind, "task") == 0) {
        DiagnoseOptions task = *options;
        if (!task.task) task.task = json_look_text(data->training, "task", "name");
        if (files->count > 0)
            message("%s: belongs to a synthetic task, which needs no files", data->path);
        else if (*task.task == '\0')
            message("%s: does not tell what it reads: expected --task NAME", data->path);
        else
            ok = diagnose_task(data, &task);
    } else if (files->count == 0) {
        message("%s: reads %s: expected a file of it beside the model", data->path, kind);
    } else if (strcmp(kind, "text") == 0) {
        ok = diagnose_text(data, options, files);
    } else if (files->count > 1) {
        message("%zu files were named, expected one: a model of %s reads one", files->count, kind);
    } else {
        ok = strcmp(kind, "series") == 0 ? diagnose_series(data, options, files)
                                         : diagnose_labelled(data, options, files);
    }
    json_decref(encoder);
    return ok;
}

static bool open_log(DiagnoseData *data, const DiagnoseOptions *options) {
    const double clip = json_look_number(data->training, "options", "clip");
    if (!options->log) return true;
    if (!log_read(options->log, &data->log)) return false;
    data->log.log.clip_norm = clip > 0.0 ? clip : 0.0;
    return true;
}

static void name_data(DiagnoseData *data, const DiagnoseOptions *options, const Operands *files) {
    if (files->count > 1)
        (void)snprintf(data->name, sizeof(data->name), "%zu files", files->count);
    else
        (void)snprintf(data->name, sizeof(data->name), "%s",
                       files->count == 1 ? files->names[0]
                       : options->task   ? options->task
                                         : "");
    clean(data->name);
}

bool diagnose_data_open(DiagnoseData *data, const DiagnoseOptions *options,
                        const Operands *operands) {
    const elman_context_options context = {
        .struct_size = sizeof(context),
        .threads = options->threads ? (size_t)options->threads : elman_processor_count(),
    };
    elman_error error;
    *data = (DiagnoseData){0};
    if (elman_context_create(&context, &data->context, &error)) return failed(data, &error);
    if (operands->count == 0)
        return open_log(data, options) &&
               (!elman_diagnose_log(data->context, &data->log.log, &data->diagnosis, &error) ||
                failed(data, &error));
    const Operands files = {operands->names + 1, operands->count - 1};
    data->path = operands->names[0];
    if (elman_model_load(data->context, data->path, &data->model, &error))
        return failed(data, &error);
    const char *const told = elman_model_training(data->model);
    data->training = told ? json_loads(told, 0, NULL) : NULL;
    name_data(data, options, &files);
    return open_log(data, options) && diagnose(data, options, &files);
}

void diagnose_data_close(DiagnoseData *data) {
    elman_diagnosis_destroy(data->diagnosis);
    log_release(&data->log);
    json_decref(data->training);
    elman_model_destroy(data->model);
    elman_context_destroy(data->context);
}
