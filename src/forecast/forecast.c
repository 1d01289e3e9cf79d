/* Forecasts: arrays of values and intervals. */
#include "forecast/forecast.h"

#include <math.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/size.h"

elman_status forecast_create(elman_context *context, size_t series, size_t horizon, size_t levels,
                             elman_forecast **result, elman_error *error) {
    Memory *memory = &context->memory;
    size_t steps, lines, bounds;
    *result = NULL;
    if (!size_mul(series, horizon, &steps) || !size_mul(steps, FORECAST_LINES, &lines) ||
        !size_mul(steps, levels, &bounds))
        return fail(error, ELMAN_ERR_MEMORY, "%zu series of %zu steps do not fit into memory",
                    series, horizon);
    elman_forecast *forecast = memory_allocate(memory, sizeof(*forecast));
    if (forecast != NULL) {
        forecast->context = context;
        forecast->series = series;
        forecast->horizon = horizon;
        forecast->levels = levels;
        forecast->lines = memory_allocate_array(memory, lines, sizeof(double));
        forecast->low = memory_allocate_array(memory, bounds, sizeof(double));
        forecast->high = memory_allocate_array(memory, bounds, sizeof(double));
    }
    if (forecast == NULL || forecast->lines == NULL || forecast->low == NULL ||
        forecast->high == NULL) {
        elman_forecast_destroy(forecast);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a forecast of %zu series", series);
    }
    *result = forecast;
    return ELMAN_OK;
}

void elman_forecast_destroy(elman_forecast *forecast) {
    if (forecast == NULL) return;
    Memory *memory = &forecast->context->memory;
    memory_release(memory, forecast->high);
    memory_release(memory, forecast->low);
    memory_release(memory, forecast->lines);
    memory_release(memory, forecast);
}

double *forecast_line(elman_forecast *forecast, size_t series, elman_forecast_line line) {
    return forecast->lines + (series * FORECAST_LINES + (size_t)line) * forecast->horizon;
}

void forecast_clear(elman_forecast *forecast, size_t series) {
    const size_t horizon = forecast->horizon, bounds = forecast->levels * horizon;
    double *lines = forecast_line(forecast, series, ELMAN_LINE_MODEL);
    for (size_t i = 0; i < FORECAST_LINES * horizon; i++) lines[i] = NAN;
    for (size_t i = series * bounds; i < (series + 1) * bounds; i++)
        forecast->low[i] = forecast->high[i] = NAN;
}

size_t elman_forecast_horizon(const elman_forecast *forecast) {
    return forecast->horizon;
}

const double *elman_forecast_values(const elman_forecast *forecast, size_t series,
                                    elman_forecast_line line) {
    return forecast->lines + (series * FORECAST_LINES + (size_t)line) * forecast->horizon;
}

const double *elman_forecast_low(const elman_forecast *forecast, size_t series, size_t level) {
    return forecast->low + (series * forecast->levels + level) * forecast->horizon;
}

const double *elman_forecast_high(const elman_forecast *forecast, size_t series, size_t level) {
    return forecast->high + (series * forecast->levels + level) * forecast->horizon;
}
