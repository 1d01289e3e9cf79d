/* Writes the log, each line at once, so that it holds every step before the last checkpoint. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "message.h"

void log_start(Log *log, const char *path, uint64_t keep) {
    *log = (Log){.path = path, .descriptor = -1, .keep = keep};
}

/* The bytes of the lines up to step `keep`: up to the first line that is of a later step, tells the
 * end of a run, has no end or was torn. -1, after a sentence, when the file does not begin as a
 * log. */
static off_t length_to_keep(const Log *log, FILE *file) {
    char *line = NULL;
    size_t capacity = 0;
    off_t length = 0;
    for (;;) {
        const ssize_t size = getline(&line, &capacity, file);
        if (size <= 0 || line[size - 1] != '\n') break;
        json_t *object = json_loadb(line, (size_t)size, 0, NULL);
        const json_t *step = json_object_get(object, "step");
        const bool known = json_is_integer(step);
        const bool kept = known && (uint64_t)json_integer_value(step) <= log->keep &&
                          !json_object_get(object, "not_finite");
        json_decref(object);
        if (!known && length == 0) {
            message("%s: is no log of training, its first line is no JSON object with a step",
                    log->path);
            length = -1;
        }
        if (!kept) break;
        length += size;
    }
    free(line);
    return length;
}

/* How much of an existing file stays; -1 after a sentence. */
static off_t existing_length(const Log *log) {
    struct stat status;
    /* A device or a pipe holds nothing, and opening it might wait for somebody to write. */
    if (log->keep == 0 || (stat(log->path, &status) == 0 && !S_ISREG(status.st_mode))) return 0;
    FILE *file = fopen(log->path, "r");
    if (!file && errno == ENOENT) return 0;
    if (!file) {
        message("%s: cannot be opened: %s", log->path, strerror(errno));
        return -1;
    }
    const off_t length = length_to_keep(log, file);
    (void)fclose(file);
    return length;
}

bool log_check(const Log *log) {
    return !log->path || existing_length(log) >= 0;
}

static bool fail_log(Log *log, const char *what) {
    message("%s: cannot be %s: %s", log->path, what, strerror(errno));
    log->failed = true;
    return false;
}

static bool open_log(Log *log) {
    struct stat status;
    const off_t length = existing_length(log);
    if (length < 0) {
        log->failed = true;
        return false;
    }
    log->descriptor = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log->descriptor < 0 || fstat(log->descriptor, &status) != 0) {
        return fail_log(log, "opened");
    }
    if (S_ISREG(status.st_mode) && ftruncate(log->descriptor, length) != 0) {
        return fail_log(log, "cut");
    }
    return true;
}

static json_t *describe(const elman_step_report *report) {
    json_t *line = json_object(), *ratios = json_array();
    const double seconds = report->seconds;
    json_put(line, "step", json_count(report->step));
    json_put(line, "epoch", json_count(report->epoch));
    json_put(line, "loss", json_finite(report->loss));
    json_put(line, "lr", json_finite(report->learning_rate));
    json_put(line, "grad_norm", json_finite(report->gradient_norm));
    json_put(line, "clipped", json_boolean(report->clipped));
    for (size_t i = 0; i < report->update_ratio_count; i++) {
        json_append(ratios, json_finite(report->update_ratio[i]));
    }
    json_put(line, "update_ratio", ratios);
    json_put(line, "predicted", json_count(report->predicted));
    json_put(line, "tokens_per_second",
             json_finite(seconds > 0.0 ? (double)report->predicted / seconds : 0.0));
    if (report->validated) {
        json_put(line, "validation_loss", json_finite(report->validation_loss));
        json_put(line, "best_validation_loss", json_finite(report->best_validation_loss));
    }
    return line;
}

static bool write_all(int descriptor, const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(descriptor, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

double diagnosis_saturated(const elman_layer_diagnosis *layer) {
    double share = 0.0;
    for (size_t i = 0; i < layer->gate_count; i++) {
        share += layer->gates[i].low + layer->gates[i].high;
    }
    return share / (double)layer->gate_count;
}

static void add_diagnosis(json_t *line, const elman_diagnosis *diagnosis) {
    json_t *decay = json_array(), *saturated = json_array();
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    json_put(line, "memory_horizon", json_finite(summary.memory_horizon));
    for (size_t i = 0; i < summary.layer_count; i++) {
        const elman_layer_diagnosis *layer = elman_diagnosis_layer(diagnosis, i);
        json_append(decay, json_finite(layer->decay));
        json_append(saturated, json_finite(diagnosis_saturated(layer)));
    }
    json_put(line, "decay", decay);
    json_put(line, "saturated", saturated);
}

/* Appends a line, which it takes over. */
static bool write_line(Log *log, json_t *line) {
    if (log->failed || (log->descriptor < 0 && !open_log(log))) {
        json_decref(line);
        return false;
    }
    char *text = json_print(line, 0);
    json_decref(line);
    const size_t size = strlen(text);
    text[size] = '\n'; /* in the place of the terminating zero */
    const bool ok = write_all(log->descriptor, text, size + 1);
    free(text);
    return ok || fail_log(log, "written");
}

bool log_step(Log *log, const elman_step_report *report, const elman_diagnosis *diagnosis) {
    if (!log->path) return true;
    json_t *line = describe(report);
    if (diagnosis) add_diagnosis(line, diagnosis);
    return write_line(log, line);
}

bool log_not_finite(Log *log, const char *sentence, const elman_not_finite *where) {
    if (!log->path) return true;
    json_t *line = json_object();
    json_put(line, "step", json_count(where->step));
    json_put(line, "not_finite", json_text(sentence));
    if (where->tensor) json_put(line, "tensor", json_text(where->tensor));
    if (where->layer >= 0) {
        json_put(line, "layer", json_count((unsigned long long)where->layer));
        json_put(line, "reverse", json_boolean(where->reverse));
    }
    if (where->gate) json_put(line, "gate", json_text(where->gate));
    return write_line(log, line);
}

bool log_finish(Log *log) {
    if (!log->path || log->failed) return !log->failed;
    if (log->descriptor < 0 && !open_log(log)) return false;
    const int result = close(log->descriptor);
    log->descriptor = -1;
    return result == 0 || fail_log(log, "written");
}
