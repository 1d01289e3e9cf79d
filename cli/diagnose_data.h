/* What elman diagnose looks at: a model, its data, the log of its run. */
#ifndef CLI_DIAGNOSE_DATA_H
#define CLI_DIAGNOSE_DATA_H

#include <jansson.h>
#include <stdbool.h>

#include "log.h"
#include "options.h"
#include <elman/elman.h>

typedef struct DiagnoseOptions {
    const char *task, *object, *log, *report;
    uint64_t length, window, lags, rows, seed, threads, prove_steps;
    bool prove, store, json;
} DiagnoseOptions;

typedef struct DiagnoseData {
    const char *path; /* of the model; NULL: a log alone */
    elman_context *context;
    elman_model *model;
    json_t *training; /* NULL: nothing is told */
    LogFile log;
    char name[256]; /* of the data */
    elman_diagnosis *diagnosis;
} DiagnoseData;

/* Reads all of it and diagnoses; false after a sentence. Whatever the result, diagnose_data_close
 * may follow. */
bool diagnose_data_open(DiagnoseData *data, const DiagnoseOptions *options,
                        const Operands *operands);
void diagnose_data_close(DiagnoseData *data);

#endif
