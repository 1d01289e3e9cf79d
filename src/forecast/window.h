/* Windows of a series: the context before an origin and the horizon from it on, as input, target
 * and base.
 *
 * The origin is the first step that is not known. In a window of a direct forecaster it is the same
 * for all steps; a recursive one reads each step t as if t were the origin. */
#ifndef FORECAST_WINDOW_H
#define FORECAST_WINDOW_H

#include "forecast/view.h"

/* Decides what the network reads at a step: fills in features and feature_count. Errors: MEMORY. */
elman_status window_plan(elman_forecaster *forecaster, elman_error *error);

/* The name of a feature. */
void window_name(const elman_forecaster *forecaster, size_t index, char name[ELMAN_INPUT_NAME_MAX]);

/* How many steps before a step its inputs and its base reach. */
size_t window_reach(const elman_forecaster *forecaster);

/* The inputs of steps origin - context to origin + horizon - 1, `stride` numbers apart. Steps
 * before the first one have zeros. */
void window_inputs(const Views *views, const View *view, size_t origin, size_t horizon, float *out,
                   size_t stride);

/* The inputs of one step of a recursive forecaster, as if it were the origin. */
void window_step(const Views *views, const View *view, size_t step, float *out);

/* The base of step `step` >= origin, scaled; 0 where no value is known for it. */
double window_base(const View *view, const elman_forecaster *forecaster, size_t origin,
                   size_t step);

/* What the network is to say at a step, (x - base) / residual; NaN where there is no value. For
 * counts, the count. */
float window_target(const View *view, const elman_forecaster *forecaster, size_t origin,
                    size_t step);

#endif
