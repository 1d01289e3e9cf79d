/* The log of a run: a file of JSON objects, one line for each step. */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <elman/train.h>

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

/* Appends the line of a step. Returns false, after a sentence, when that fails. */
bool log_step(Log *log, const elman_step_report *report);

/* Ends the log: what is beyond the steps kept is cut off even when no line was written. */
bool log_finish(Log *log);

#endif
