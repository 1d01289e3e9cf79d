/* Series with every kind of column, forecasters of them with untrained networks, and forecasts.
 *
 * A failure of the library fails the test that called. */
#ifndef SUPPORT_FORECASTING_H
#define SUPPORT_FORECASTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elman/forecast.h>

/* A made-up file of series. */
typedef struct SheetSpec {
    size_t series, steps;
    size_t future;             /* rows behind the end with the known covariate alone */
    bool known, past, statics; /* columns: one known, one past, a static number and a word */
    bool wide;                 /* a column for each series; then without other columns */
    char unit;                 /* of the time: n(umber) h(our) d(ay) b(usiness day) m(onth) */
    size_t gaps;               /* each so many values one is missing; 0: none */
    bool counts;               /* whole numbers from 0 on; else about 100, above 0 */
    uint64_t seed;
} SheetSpec;

elman_series *make_series(elman_context *context, const SheetSpec *spec);

/* Writes a text into the file. */
void write_file(const char *path, const char *text);

/* One series of `count` numbers at 1, 2, 3, ..., NaN: missing and masked. */
elman_series *series_of(elman_context *context, const double *values, size_t count);

/* A number from [0, 1), the same on every machine. */
double made_up(uint64_t seed, uint64_t index);

/* A forecaster of series, with a network that has learnt nothing. */
typedef struct Learner {
    elman_forecaster *forecaster;
    elman_model *model;
    elman_network *network;
    elman_forecaster_info info;
} Learner;

/* `options` has its struct_size filled in. `hidden` LSTM units, weights from `seed`. */
Learner make_learner(elman_context *context, const elman_series *series,
                     elman_forecaster_options options, size_t hidden, uint64_t seed);
void learner_free(Learner *learner);

/* Sets the head's weights to zero and its bias to `outputs`, so that every output is known. */
void set_outputs(Learner *learner, const float *outputs);

/* `options` has its struct_size filled in. */
elman_forecast *forecast_of(const Learner *learner, const elman_series *series,
                            elman_predict_options options);

/* Every line and interval has the same bits, for the first `count` series. Without `drift` that
 * line is not looked at: it begins where the values at hand begin. */
void check_same_forecast(const elman_forecast *one, const elman_forecast *other, size_t count,
                         size_t levels, bool drift, const char *what);

/* The status is `want` and the message has `part` in it, and ends as a sentence of ours does. */
void check_refusal(elman_status status, const elman_error *error, elman_status want,
                   const char *part);

#endif
