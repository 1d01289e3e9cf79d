/* The windows that a forecaster learns from and is validated on. */
#ifndef FORECAST_SOURCE_H
#define FORECAST_SOURCE_H

#include "forecast/window.h"

/* Windows of consecutive origins in each series, numbered through. */
typedef struct Windows {
    size_t *first;  /* [series]: the first origin */
    size_t *before; /* [series + 1]: windows of the series before */
    size_t count;   /* of all */
} Windows;

typedef enum WindowsPart { WINDOWS_TRAIN, WINDOWS_VALID } WindowsPart;

/* Counts the windows of a part. Whatever the result, windows_release may follow. Errors: MEMORY. */
elman_status windows_create(const elman_forecaster *forecaster, const elman_series *series,
                            WindowsPart part, Windows *windows, elman_error *error);
void windows_release(const elman_forecaster *forecaster, Windows *windows);

/* Which series window `index` < count is of, and its origin. */
void windows_find(const Windows *windows, size_t series, size_t index, size_t *which,
                  size_t *origin);

/* Room for batches of windows: inputs [steps][batch][inputs], targets [steps][batch]. */
typedef struct WindowBatch {
    const Views *views;
    size_t rows, steps, width;
    float *inputs, *targets;
    float *scales; /* [rows]: of counts */
} WindowBatch;

elman_status window_batch_create(const Views *views, size_t rows, WindowBatch *batch,
                                 elman_error *error);
void window_batch_release(WindowBatch *batch);

/* Puts a window into row `row` of `rows`. */
void window_batch_put(WindowBatch *batch, size_t row, size_t rows, const View *view, size_t origin);

/* The batch as a pass and a loss take it. */
elman_sequence window_batch_sequence(const WindowBatch *batch, size_t rows);
elman_targets window_batch_targets(const WindowBatch *batch);

#endif
