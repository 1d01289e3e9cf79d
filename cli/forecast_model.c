/* Opens a model of series. */
#include "forecast_model.h"

#include "message.h"

bool forecast_model_open(ForecastModel *model, const char *path, size_t threads) {
    elman_error error;
    const elman_context_options options = {.struct_size = sizeof(options), .threads = threads};
    *model = (ForecastModel){.path = path};
    if (elman_context_create(&options, &model->context, &error) ||
        elman_model_load(model->context, path, &model->model, &error)) {
        message("%s", error.message);
        return false;
    }
    if (elman_forecaster_open(model->context, model->model, &model->forecaster, &error) ||
        elman_network_compile(model->model, &model->network, &error)) {
        message("%s: %s", path, error.message);
        return false;
    }
    elman_forecaster_describe(model->forecaster, &model->info);
    return true;
}

void forecast_model_close(ForecastModel *model) {
    elman_network_destroy(model->network);
    elman_forecaster_destroy(model->forecaster);
    elman_model_destroy(model->model);
    elman_context_destroy(model->context);
}
