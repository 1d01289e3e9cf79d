/* A model of series, read from its file and ready to forecast. */
#ifndef CLI_FORECAST_MODEL_H
#define CLI_FORECAST_MODEL_H

#include <stdbool.h>

#include <elman/elman.h>
#include <elman/forecast.h>

typedef struct ForecastModel {
    const char *path;
    elman_context *context;
    elman_model *model;
    elman_network *network;
    elman_forecaster *forecaster;
    elman_forecaster_info info;
} ForecastModel;

/* Reads a model file or a checkpoint; false after a sentence. Whatever the result,
 * forecast_model_close may follow. */
bool forecast_model_open(ForecastModel *model, const char *path, size_t threads);

void forecast_model_close(ForecastModel *model);

#endif
