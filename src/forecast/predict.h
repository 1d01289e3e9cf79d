/* Predictions for windows, in scaled units. */
#ifndef FORECAST_PREDICT_H
#define FORECAST_PREDICT_H

#include "forecast/source.h"
#include "model/structure.h"
#include <elman/tape.h>

/* What a prediction is for. */
typedef struct PredictItem {
    const View *view;
    size_t origin;
} PredictItem;

/* What is wanted, and where it goes: for each item the median (the mean where the loss has only
 * that) [items][horizon], and the bounds of intervals [items][levels][horizon]. */
typedef struct Predictions {
    size_t horizon; /* of a direct forecaster, at most its own */
    const double *levels;
    size_t level_count;
    double *middle, *low, *high;
} Predictions;

typedef struct Predictor {
    const Views *views;
    const elman_network *network;
    size_t paths; /* of a recursive forecaster */
    uint64_t seed;
    WindowBatch batch;
    elman_tape *tape; /* over whole windows; over the context for a recursive forecaster */
    elman_tape *step; /* over one step of all paths */
    float *state, *states, *inputs, *outputs;
} Predictor;

/* Whether a network of that structure can be the forecaster's. Errors: MISMATCH. */
elman_status predict_check(const elman_forecaster *forecaster, const Structure *structure,
                           elman_error *error);

/* Whatever the result, predictor_release may follow. Errors: MISMATCH (the network's shape),
 * MEMORY.
 */
elman_status predictor_create(const Views *views, const elman_network *network, size_t items,
                              size_t paths, uint64_t seed, Predictor *predictor,
                              elman_error *error);
void predictor_release(Predictor *predictor);

elman_status predictor_run(Predictor *predictor, const PredictItem *items, size_t count,
                           const Predictions *predictions, elman_error *error);

/* predictor_run for one item of a recursive forecaster; `index` tells its random numbers apart. */
elman_status predict_paths(Predictor *predictor, const PredictItem *item, size_t index,
                           const Predictions *predictions, elman_error *error);

/* What an output says of a step, in scaled units: the value that stays below with probability
 * `level`. */
double predict_quantile(const elman_forecaster *forecaster, const View *view, const float *output,
                        double base, double level);

#endif
