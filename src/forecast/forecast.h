/* What a forecast holds: for each series, the horizon's values and intervals. */
#ifndef FORECAST_FORECAST_H
#define FORECAST_FORECAST_H

#include "core/memory.h"
#include <elman/forecast.h>

enum { FORECAST_LINES = ELMAN_LINE_BASE + 1 };

struct elman_forecast {
    elman_context *context;
    size_t series, horizon, levels;
    double *lines; /* [series][FORECAST_LINES][horizon] */
    double *low;   /* [series][levels][horizon] */
    double *high;  /* the same */
};

/* Errors: MEMORY. */
elman_status forecast_create(elman_context *context, size_t series, size_t horizon, size_t levels,
                             elman_forecast **forecast, elman_error *error);

double *forecast_line(elman_forecast *forecast, size_t series, elman_forecast_line line);

/* Makes all that is said of a series NaN. */
void forecast_clear(elman_forecast *forecast, size_t series);

#endif
