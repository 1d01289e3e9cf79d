/* Fuzz target: the forecaster in a model file. No input may crash it or leak; what it accepts has a
 * history that is forecast, when the model is small. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "context/context.h"
#include "header_mutator.h"
#include "model/model_file.h"
#include <elman/forecast.h>

enum { RUN_MAX = 20000, STEPS_MAX = 400, INPUTS_MAX = 200, SERIES_MAX = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void forecast(const elman_forecaster *forecaster, const elman_model *model,
                     const elman_series *history, size_t horizon) {
    static const double levels[] = {0.5, 0.9};
    const elman_predict_options options = {.struct_size = sizeof options,
                                           .horizon = horizon,
                                           .levels = levels,
                                           .level_count = 2,
                                           .paths = 3};
    elman_network *network = NULL;
    elman_forecast *result = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_network_compile(model, &network, NULL), "a model that can be compiled");
    const elman_status status =
        elman_forecaster_predict(forecaster, network, history, &options, &result, &error);
    check(status == ELMAN_OK || status == ELMAN_ERR_DATA, "a forecast, or data that have none");
    check((status == ELMAN_OK) == (result != NULL), "a forecast");
    for (size_t i = 0; result != NULL && i < elman_series_count(history); i++) {
        const double *const middle = elman_forecast_values(result, i, ELMAN_LINE_MODEL);
        for (size_t k = 0; k < 2; k++)
            for (size_t h = 0; h < horizon; h++) {
                const double low = elman_forecast_low(result, i, k)[h];
                const double high = elman_forecast_high(result, i, k)[h];
                check(!(low > middle[h]) && !(high < middle[h]), "an interval around the middle");
            }
    }
    elman_forecast_destroy(result);
    elman_network_destroy(network);
}

static void check_forecaster(const elman_forecaster *forecaster, elman_model *model) {
    elman_forecaster_info info;
    elman_model_info shape;
    elman_series *history = NULL;
    char name[ELMAN_INPUT_NAME_MAX], time[ELMAN_TIME_TEXT_MAX];
    elman_forecaster_describe(forecaster, &info);
    elman_model_describe(model, &shape);
    for (size_t i = 0; i < info.inputs && i < INPUTS_MAX; i++) {
        elman_forecaster_input_name(forecaster, i, name);
        check(memchr(name, '\0', sizeof name) != NULL, "the name of an input");
    }
    check(!elman_forecaster_history(forecaster, &history, NULL), "a history");
    check(elman_series_count(history) == info.series, "every series has a history");
    size_t longest = info.context + info.horizon, total = 0;
    for (size_t i = 0; i < info.series; i++) {
        const size_t length = elman_series_length(history, i);
        (void)elman_series_time(history, i, length, time);
        total += length;
    }
    for (size_t k = 0; k < info.season_count; k++) longest += info.seasons[k];
    for (size_t k = 0; k < info.lag_count; k++) longest += info.lags[k];
    if (shape.parameters <= RUN_MAX && longest + info.season <= STEPS_MAX && total <= STEPS_MAX &&
        info.series <= SERIES_MAX)
        forecast(forecaster, model, history, info.horizon + (info.recursive ? 2 : 0));
    elman_series_destroy(history);
    check(!elman_forecaster_store(forecaster, model, NULL), "what was opened can be stored");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {SIZE_MAX, 0};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = budget_allocator(&budget)};
    elman_context *context = NULL;
    SafetensorsFile *file = NULL;
    elman_model *model = NULL;
    elman_forecaster *forecaster = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_context_create(&options, &context, NULL), "a context");
    elman_status status = safetensors_parse(&context->memory, "x", bytes, size, &file, &error);
    if (!status) status = model_from_file(context, file, "x", &model, &error);
    safetensors_close(file);
    if (status == ELMAN_OK) {
        /* Each text is a block of its own, and a member has some more. */
        budget.most = budget.bytes + 256 * size + (1 << 20);
        status = elman_forecaster_open(context, model, &forecaster, &error);
        budget.most = SIZE_MAX;
        check(status == ELMAN_OK || status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_MISMATCH,
              "a refusal is about the file");
        check((status == ELMAN_OK) == (forecaster != NULL), "a forecaster or a refusal");
    }
    if (forecaster != NULL) check_forecaster(forecaster, model);
    elman_forecaster_destroy(forecaster);
    elman_model_destroy(model);
    elman_context_destroy(context);
    budget_check(&budget);
    return 0;
}

/* The header, or some bits of the data behind it. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    const size_t header = header_size(bytes, size);
    const size_t data = header == SIZE_MAX ? 0 : size - 8 - header;
    if (seed % 4 != 0 || data == 0) return mutate_header(bytes, size, most);
    uint8_t *const at = bytes + 8 + header;
    const size_t places = 1 + seed / 4 % 6;
    for (size_t i = 0; i < places; i++)
        at[(seed / 32 * (i + 1) * 2654435761u) % data] ^= (uint8_t)(1u << (seed / 7 + i) % 8);
    return size;
}
