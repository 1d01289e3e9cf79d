/* Choosing the smoothing of a forecaster, and the base that suits its series best. */
#ifndef FORECAST_SMOOTH_FIT_H
#define FORECAST_SMOOTH_FIT_H

#include "forecast/view.h"

/* Chooses forecaster->smooth's parameters on the training parts: those of a grid whose forecasts of
 * the whole horizon have the least mean square error. `views` have no tracks yet. Errors: MEMORY.
 */
elman_status smooth_fit(elman_forecaster *forecaster, const Views *views, elman_error *error);

/* The mean absolute error of a base's forecasts of the whole horizon, from origins on the
 * validation part; NaN: there are none. For ELMAN_BASE_SMOOTH the views have tracks. */
double base_error(const elman_forecaster *forecaster, const Views *views, elman_base base);

#endif
