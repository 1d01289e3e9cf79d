/* Series as windows read them: targets scaled, covariates found by name. */
#ifndef FORECAST_VIEW_H
#define FORECAST_VIEW_H

#include <math.h>

#include "forecast/forecaster.h"
#include "forecast/smooth.h"

typedef struct View {
    const OneSeries *one;
    size_t length;     /* steps whose target may be looked at */
    size_t steps;      /* steps with known covariates, these included */
    Standard standard; /* of its target */
    size_t first;      /* the step of x[0] */
    float *x;          /* [length - first]: the scaled target, NaN: missing */
    int64_t phase;     /* the number of step 0 on the grid of all times */
    SmoothTrack track; /* with ELMAN_BASE_SMOOTH */
    float *statics;    /* [forecaster_static_width] */
} View;

/* Smoothing begins with a guess from the first values: of the training part to learn, calibrate and
 * keep, of all that is there to predict. */
typedef enum ViewsUse { VIEWS_LEARN, VIEWS_PREDICT } ViewsUse;

typedef struct Views {
    const elman_forecaster *forecaster;
    ViewsUse use;
    View *view;
    size_t count;
    size_t *known_column, *past_column; /* where the series have the forecaster's covariates */
    size_t known_stride, past_stride;   /* numbers of a step in the series' own arrays */
} Views;

/* The scaled target of step `step` < length; NaN: missing, or before what is at hand. */
static inline float view_value(const View *view, size_t step) {
    return step >= view->first ? view->x[step - view->first] : NAN;
}

/* Prepares every series without its last `hold_out` steps. Whatever the result, views_release may
 * follow; `series` must outlive the views. Errors: MISMATCH (a column or the spacing is not the
 * forecaster's), DATA (a value that has no logarithm), MEMORY. */
elman_status views_create(const elman_forecaster *forecaster, const elman_series *series,
                          size_t hold_out, ViewsUse use, Views *views, elman_error *error);
void views_release(Views *views);

/* Smooths every series, as forecaster->smooth says; views_create does so for forecasters with that
 * base. Errors: MEMORY. */
elman_status views_smooth(Views *views, elman_error *error);

/* The numbers that a series' statics are for the network. */
size_t forecaster_static_width(const elman_forecaster *forecaster);

/* Whether the first `count` values of series `index` are such as the forecaster takes. Errors:
 * DATA.
 */
elman_status target_check(const elman_forecaster *forecaster, const elman_series *series,
                          size_t index, size_t count, elman_error *error);

/* Between a target and its scaled form. */
double target_scale(const elman_forecaster *forecaster, const Standard *standard, double y);
double target_unscale(const elman_forecaster *forecaster, const Standard *standard, double x);

/* Location and scale of `count` values at `stride` numbers apart, those that are missing left out;
 * constant ones and none at all get the scale 1. `sorted` has room for them. */
Standard standard_fit(const double *values, size_t count, elman_scaling scaling, double *sorted);

/* The same for a target, after the logarithm: counts keep their zero, they are measured in means.
 */
Standard target_standard(const elman_forecaster *forecaster, const double *values, size_t count,
                         double *sorted);

#endif
