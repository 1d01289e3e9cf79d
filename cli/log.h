/* The log of a run: a file of JSON objects, one line for each step. */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <elman/diagnose.h>

typedef struct Log {
    const char *path;
    int descriptor; /* -1: closed */
    uint64_t keep;  /* steps whose lines stay when the file is opened */
    bool failed;    /* a sentence has been printed */
} Log;

/* Prepares a log that is opened by its first line. What a file at `path` holds about steps up to
 * `keep` stays, the rest is cut off; 0: all. `path` NULL: no log. */
void log_start(Log *log, const char *path, uint64_t keep);

/* Whether a file at log->path is a log that can be cut; false after a sentence. Changes nothing. */
bool log_check(const Log *log);

/* Share of a layer's gate values that are near a bound; NaN: it has no gates. */
double diagnosis_saturated(const elman_layer_diagnosis *layer);

/* Appends the line of a step, with what a brief diagnosis found (NULL: none). Returns false, after
 * a sentence, when that fails. */
bool log_step(Log *log, const elman_step_report *report, const elman_diagnosis *diagnosis);

/* Appends a line that says what ended a run whose numbers were not finite: the library's sentence,
 * and where. Returns false, after a sentence, when that fails. */
bool log_not_finite(Log *log, const char *sentence, const elman_not_finite *where);

/* Ends the log: what is beyond the steps kept is cut off even when no line was written. */
bool log_finish(Log *log);

/* A log that has been read. */
typedef struct LogFile {
    elman_log log; /* points to what follows; clip_norm is not in the file and 0 */
    elman_log_step *steps;
    double *ratios; /* [steps][log.update_ratio_count] */
    char *not_finite;
} LogFile;

/* Reads a log; false after a sentence. Members that it does not know are passed over, and so is a
 * last line that was torn. Whatever the result, log_release may follow. */
bool log_read(const char *path, LogFile *file);
void log_release(LogFile *file);

#endif
