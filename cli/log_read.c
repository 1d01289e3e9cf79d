/* Reads the log of a run back. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "message.h"

typedef struct Reader {
    const char *path;
    LogFile *file;
    size_t line; /* its number, 1 for the first */
    size_t capacity;
} Reader;

static bool refuse(const Reader *reader, const char *what) {
    message("%s, line %zu: %s", reader->path, reader->line, what);
    return false;
}

/* A number that may be null, as those are that are not finite. */
static bool read_number(const Reader *reader, const json_t *line, const char *key, double *number) {
    char what[96];
    const json_t *const value = json_object_get(line, key);
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    if (json_is_number(value) || json_is_null(value)) return true;
    (void)snprintf(what, sizeof(what), "\"%s\" is %s, expected a number or null", key,
                   value ? "no number" : "missing");
    return refuse(reader, what);
}

/* Makes room for one more step. */
static bool grow(Reader *reader) {
    LogFile *const file = reader->file;
    if (file->log.count < reader->capacity) return true;
    const size_t capacity = reader->capacity ? 2 * reader->capacity : 1024;
    const size_t groups = file->log.update_ratio_count;
    elman_log_step *const steps = realloc(file->steps, capacity * sizeof(*steps));
    if (steps) file->steps = steps;
    double *const ratios =
        groups && steps ? realloc(file->ratios, capacity * groups * sizeof(*ratios)) : NULL;
    if (ratios) file->ratios = ratios;
    if (!steps || (groups && !ratios)) return refuse(reader, "no memory left for so long a log");
    reader->capacity = capacity;
    return true;
}

/* The first line says how many update ratios all have. */
static bool read_ratios(Reader *reader, const json_t *line) {
    elman_log *const log = &reader->file->log;
    const json_t *const ratios = json_object_get(line, "update_ratio");
    const size_t count = json_array_size(ratios);
    char what[96];
    if (log->count == 0 && reader->capacity == 0) log->update_ratio_count = count;
    if (count != log->update_ratio_count) {
        (void)snprintf(what, sizeof(what), "has %zu update ratios, expected %zu as before", count,
                       log->update_ratio_count);
        return refuse(reader, what);
    }
    if (!grow(reader)) return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *const ratio = json_array_get(ratios, i);
        reader->file->ratios[log->count * count + i] =
            json_is_number(ratio) ? json_number_value(ratio) : NAN;
    }
    return true;
}

static bool read_step(Reader *reader, const json_t *line, uint64_t number) {
    elman_log *const log = &reader->file->log;
    const json_t *const validation = json_object_get(line, "validation_loss");
    const json_t *const predicted = json_object_get(line, "predicted");
    elman_log_step step = {
        .step = number,
        .clipped = json_is_true(json_object_get(line, "clipped")),
        .validation_loss = json_is_number(validation) ? json_number_value(validation) : NAN,
        .predicted = json_is_number(predicted) ? json_number_value(predicted) : 0.0,
    };
    if (!read_number(reader, line, "loss", &step.loss) ||
        !read_number(reader, line, "lr", &step.learning_rate) ||
        !read_number(reader, line, "grad_norm", &step.gradient_norm) ||
        !read_ratios(reader, line)) {
        return false;
    }
    reader->file->steps[log->count++] = step;
    return true;
}

static bool read_end(Reader *reader, const char *sentence, uint64_t number) {
    LogFile *const file = reader->file;
    file->not_finite = strdup(sentence);
    file->log.not_finite_step = number;
    return file->not_finite || refuse(reader, "no memory left for so long a log");
}

/* What went on afterwards was not ended by a number that is not finite. */
static void forget_end(LogFile *file) {
    free(file->not_finite);
    file->not_finite = NULL;
    file->log.not_finite_step = 0;
}

static bool read_line(Reader *reader, const json_t *line) {
    const elman_log *const log = &reader->file->log;
    const json_t *const step = json_object_get(line, "step");
    const char *const end = json_string_value(json_object_get(line, "not_finite"));
    const json_int_t number = json_is_integer(step) ? json_integer_value(step) : 0;
    char what[96];
    if (number < 1) {
        return refuse(reader, "is no step of a log of training, expected a JSON object with "
                              "\"step\", a whole number from 1 on");
    }
    forget_end(reader->file);
    if (end) return read_end(reader, end, (uint64_t)number);
    if (log->count > 0 && (uint64_t)number <= reader->file->steps[log->count - 1].step) {
        (void)snprintf(what, sizeof(what),
                       "step %" JSON_INTEGER_FORMAT " follows step %" PRIu64
                       ", expected a later one",
                       number, reader->file->steps[log->count - 1].step);
        return refuse(reader, what);
    }
    return read_step(reader, line, (uint64_t)number);
}

static bool read_lines(Reader *reader, FILE *stream) {
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size;
    bool ok = true;
    while (ok && (size = getline(&text, &capacity, stream)) > 0) {
        json_t *line = json_loadb(text, (size_t)size, 0, NULL);
        reader->line++;
        const bool torn = text[size - 1] != '\n' && !json_is_object(line);
        ok = torn || read_line(reader, line);
        json_decref(line);
    }
    free(text);
    if (ok && ferror(stream)) {
        message("%s: cannot be read: %s", reader->path, strerror(errno));
        return false;
    }
    return ok;
}

/* The arrays stay where they are from now on. */
static void point(LogFile *file) {
    elman_log *const log = &file->log;
    for (size_t i = 0; i < log->count; i++) {
        file->steps[i].update_ratio =
            file->ratios ? file->ratios + i * log->update_ratio_count : NULL;
    }
    log->steps = file->steps;
    log->not_finite = file->not_finite;
}

bool log_read(const char *path, LogFile *file) {
    Reader reader = {.path = path, .file = file};
    *file = (LogFile){.log.struct_size = sizeof(file->log)};
    FILE *stream = fopen(path, "r");
    if (!stream) {
        message("%s: cannot be opened: %s", path, strerror(errno));
        return false;
    }
    bool ok = read_lines(&reader, stream);
    (void)fclose(stream);
    if (ok && file->log.count == 0 && !file->not_finite) {
        message("%s: is no log of training, it holds no step", path);
        ok = false;
    }
    point(file);
    return ok;
}

void log_release(LogFile *file) {
    free(file->not_finite);
    free(file->ratios);
    free(file->steps);
    *file = (LogFile){0};
}
