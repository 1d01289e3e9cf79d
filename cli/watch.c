/* Watches a run. */
#include "watch.h"

#include <math.h>
#include <string.h>

#include "machine.h"
#include "message.h"

/* Whether two names are the same but for slashes at the end. */
static bool same_name(const char *a, const char *b) {
    size_t length = strlen(a), other = strlen(b);
    while (length > 1 && a[length - 1] == '/') length--;
    while (other > 1 && b[other - 1] == '/') other--;
    return length == other && strncmp(a, b, length) == 0;
}

bool watch_check_paths(const TrainOptions *options, const char *const *others, size_t count) {
    const char *const folder = options->tensorboard;
    for (size_t i = 0; folder && i < count; i++) {
        if (!others[i] || !same_name(folder, others[i])) continue;
        message("%s: is to be both a file and the folder of event files", folder);
        return false;
    }
    return tensorboard_check(folder) && (!options->log || machine_can_append(options->log));
}

bool watch_start(Watch *watch, const TrainOptions *options, const elman_model *model,
                 uint64_t done) {
    *watch = (Watch){.options = options, .model = model};
    log_start(&watch->log, options->log, done);
    tensorboard_start(&watch->board, options->tensorboard, done);
    return log_check(&watch->log);
}

/* Of a text that part which is kept for validation, where it is long enough. */
static elman_status diagnose_tokens(const Watch *watch, const elman_diagnose_options *options,
                                    elman_diagnosis **diagnosis, elman_error *error) {
    const elman_token_data *tokens = watch->tokens;
    const bool valid = tokens->valid_count > options->window;
    return elman_diagnose_tokens(watch->model, valid ? tokens->valid : tokens->train,
                                 valid ? tokens->valid_count : tokens->train_count, options,
                                 diagnosis, error);
}

/* A brief diagnosis of the weights as they are; NULL too where an output is not finite. False after
 * a sentence. */
static bool diagnose(Watch *watch, elman_diagnosis **diagnosis) {
    const elman_diagnose_options options = {
        .struct_size = sizeof(options),
        .window = watch->tokens ? (size_t)watch->options->window : 0,
        .rows = WATCH_ROWS,
        .seed = watch->options->seed,
        .brief = 1,
    };
    elman_error error;
    const elman_status status = watch->tokens ? diagnose_tokens(watch, &options, diagnosis, &error)
                                              : elman_diagnose_source(watch->model, watch->source,
                                                                      &options, diagnosis, &error);
    if (!status || status == ELMAN_ERR_NOT_FINITE) return true;
    message("--diagnose-every: %s", error.message);
    watch->failed = true;
    return false;
}

/* Weights are shown where a validation is, where a diagnosis is and at the end; where nothing is
 * validated, at the beginning of each further epoch. */
static bool shows_weights(const Watch *watch, const elman_step_report *report, bool diagnosed) {
    const bool further = watch->epoch > 0 && report->epoch > watch->epoch;
    const bool unvalidated = isnan(report->best_validation_loss);
    return report->validated || diagnosed || report->step == report->total_steps ||
           (further && unvalidated);
}

bool watch_step(Watch *watch, const elman_step_report *report) {
    const uint64_t every = watch->options->diagnose_every;
    const bool diagnosed = every > 0 && report->step % every == 0;
    elman_diagnosis *diagnosis = NULL;
    if (watch->failed || (diagnosed && !diagnose(watch, &diagnosis))) return false;
    const elman_model *weights = shows_weights(watch, report, diagnosed) ? watch->model : NULL;
    const bool ok = log_step(&watch->log, report, diagnosis) &&
                    tensorboard_step(&watch->board, report, diagnosis, weights);
    elman_diagnosis_destroy(diagnosis);
    watch->epoch = report->epoch;
    return ok;
}

bool watch_not_finite(Watch *watch, const char *sentence, const elman_not_finite *where) {
    return log_not_finite(&watch->log, sentence, where);
}

bool watch_finish(Watch *watch, bool begun) {
    const bool opened = begun || watch->log.descriptor >= 0;
    const bool logged = !opened || log_finish(&watch->log);
    return tensorboard_finish(&watch->board) && logged && !watch->failed;
}
