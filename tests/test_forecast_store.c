/* Forecasters in model files: the same bits again, every refusal of a file, every allocation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/store.h"
#include "model/encoder.h"
#include "support/allocator.h"
#include "support/forecasting.h"
#include "support/passes.h"

static const double levels[] = {0.5, 0.8, 0.95};
enum { LEVELS = 3 };

/* One way to make a forecaster. */
typedef struct Way {
    SheetSpec sheet;
    elman_forecaster_options options;
} Way;

static const double two_quantiles[] = {0.25, 0.75};

static const Way ways[] = {
    {{.series = 1, .steps = 70, .unit = 'n'}, {.horizon = 4, .no_season = 1}},
    {{.series = 3,
      .steps = 90,
      .unit = 'd',
      .known = true,
      .past = true,
      .statics = true,
      .future = 8},
     {.horizon = 5, .logarithm = 1, .base = ELMAN_BASE_SEASONAL}},
    {{.series = 2, .steps = 100, .unit = 'b', .gaps = 7, .known = true, .future = 6},
     {.horizon = 6, .base = ELMAN_BASE_LAST, .loss = ELMAN_LOSS_GAUSSIAN, .scale_together = 1}},
    {{.series = 3, .steps = 144, .unit = 'm', .wide = true},
     {.horizon = 12, .base = ELMAN_BASE_SMOOTH, .loss = ELMAN_LOSS_STUDENT_T}},
    {{.series = 2, .steps = 700, .unit = 'h', .gaps = 10, .past = true, .statics = true},
     {.horizon = 24,
      .base = ELMAN_BASE_SMOOTH,
      .quantiles = two_quantiles,
      .quantile_count = 2,
      .scaling = ELMAN_SCALING_ROBUST}},
    {{.series = 1, .steps = 150, .unit = 'd', .counts = true},
     {.horizon = 7, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL}},
    {{.series = 1, .steps = 80, .unit = 'n'},
     {.horizon = 5,
      .loss = ELMAN_LOSS_MAE,
      .base = ELMAN_BASE_NONE,
      .scaling = ELMAN_SCALING_NONE,
      .lags = {1, 2, 5},
      .lag_count = 3}},
    {{.series = 1, .steps = 80, .unit = 'd'},
     {.horizon = 5, .loss = ELMAN_LOSS_HUBER, .huber_delta = 0.3, .no_calendar = 1}},
    {{.series = 1, .steps = 80, .unit = 'm'},
     {.horizon = 5, .loss = ELMAN_LOSS_MSE, .context = 9, .hold_out = 4, .valid = 11}},
    {{.series = 2,
      .steps = 90,
      .unit = 'd',
      .gaps = 5,
      .known = true,
      .statics = true,
      .future = 9},
     {.horizon = 6, .recursive = 1, .logarithm = 1}},
    {{.series = 2, .steps = 90, .unit = 'b', .counts = true},
     {.horizon = 6, .recursive = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL}},
    {{.series = 1, .steps = 90, .unit = 'n'},
     {.horizon = 6, .recursive = 1, .loss = ELMAN_LOSS_STUDENT_T, .base = ELMAN_BASE_LAST}},
};
enum { WAYS = sizeof ways / sizeof *ways };

static const elman_predict_options predict = {
    .levels = levels, .level_count = LEVELS, .paths = 40, .seed = 3};

static Learner opened(elman_context *context, const char *path) {
    Learner learner = {0};
    elman_error error = {0};
    if (elman_model_load(context, path, &learner.model, &error) ||
        elman_forecaster_open(context, learner.model, &learner.forecaster, &error) ||
        elman_network_compile(learner.model, &learner.network, &error))
        fail_msg("%s", error.message);
    elman_forecaster_describe(learner.forecaster, &learner.info);
    return learner;
}

static void a_forecaster_is_read_back(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t w = 0; w < WAYS; w++) {
        elman_series *const series = make_series(context, &ways[w].sheet);
        Learner learner = make_learner(context, series, ways[w].options, 3, w);
        elman_error error = {0};
        char what[40];
        if (w % 3 != 2 &&
            elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error))
            fail_msg("%s", error.message);
        elman_forecast *const before = forecast_of(&learner, series, predict);
        if (elman_forecaster_store(learner.forecaster, learner.model, &error) ||
            elman_model_save(learner.model, "m.safetensors", &error))
            fail_msg("way %zu: %s", w, error.message);
        Learner again = opened(context, "m.safetensors");
        snprintf(what, sizeof what, "way %zu, opened", w);
        elman_forecast *after = forecast_of(&again, series, predict);
        check_same_forecast(before, after, ways[w].sheet.series, LEVELS, true, what);
        elman_forecast_destroy(after);

        elman_series *history = NULL;
        assert_false(elman_forecaster_history(again.forecaster, &history, &error));
        snprintf(what, sizeof what, "way %zu, history", w);
        assert_string_equal(elman_series_spacing_name(history), elman_series_spacing_name(series));
        for (size_t i = 0; i < ways[w].sheet.series; i++) {
            char one[ELMAN_TIME_TEXT_MAX], other[ELMAN_TIME_TEXT_MAX];
            assert_string_equal(elman_series_id(history, i), elman_series_id(series, i));
            assert_string_equal(
                elman_series_time(history, i, elman_series_length(history, i) + 2, one),
                elman_series_time(series, i, elman_series_length(series, i) + 2, other));
        }
        after = forecast_of(&again, history, predict);
        check_same_forecast(before, after, ways[w].sheet.series, LEVELS, false, what);
        elman_forecast_destroy(after);
        elman_series_destroy(history);

        /* The file again, by the names that the model has. */
        {
            elman_series *loaded = NULL;
            if (elman_forecaster_load(again.forecaster, "sheet.csv", NULL, &loaded, &error))
                fail_msg("way %zu: %s", w, error.message);
            assert_string_equal(elman_series_digest(loaded), elman_series_digest(series));
            elman_series_destroy(loaded);
        }

        /* What is stored again is the same file. */
        assert_false(elman_forecaster_store(again.forecaster, again.model, &error));
        elman_forecast_destroy(before);
        learner_free(&again);
        learner_free(&learner);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* ---- Refusals ---- */

/* A stored forecaster whose parts can be changed. */
typedef struct Stored {
    elman_context *context;
    elman_model *model;
    char json[4096], kind[20];
    SafetensorsTensor tensors[ENCODER_TENSORS_MAX];
    size_t count;
} Stored;

static Stored store(const Way *way) {
    Stored stored = {.context = open_context(NULL, 1)};
    elman_error error = {0};
    elman_series *const series = make_series(stored.context, &way->sheet);
    Learner learner = make_learner(stored.context, series, way->options, 2, 1);
    if (elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error) ||
        elman_forecaster_store(learner.forecaster, learner.model, &error))
        fail_msg("%s", error.message);
    stored.model = learner.model;
    learner.model = NULL;
    snprintf(stored.json, sizeof stored.json, "%s", elman_model_encoder(stored.model));
    snprintf(stored.kind, sizeof stored.kind, "%s", encoder_kind(stored.model));
    stored.count = encoder_tensor_count(stored.model);
    for (size_t i = 0; i < stored.count; i++) {
        SafetensorsTensor *const tensor = &stored.tensors[i];
        encoder_tensor_at(stored.model, i, tensor);
        void *const copy = zeroed(tensor->bytes + 64, 1);
        memcpy(copy, tensor->data, tensor->bytes);
        tensor->data = copy;
        tensor->name = strdup(tensor->name);
        assert_non_null(tensor->name);
    }
    learner_free(&learner);
    elman_series_destroy(series);
    return stored;
}

static void stored_free(Stored *stored) {
    for (size_t i = 0; i < stored->count; i++) {
        free((void *)(uintptr_t)stored->tensors[i].data);
        free((void *)(uintptr_t)stored->tensors[i].name);
    }
    elman_model_destroy(stored->model);
    elman_context_destroy(stored->context);
}

/* Opens what is stored with this description; `want` NULL: it opens. */
static void try_open(const Stored *stored, const char *json, const char *want) {
    elman_forecaster *forecaster = NULL;
    elman_error error = {0};
    assert_false(
        encoder_set(stored->model, stored->kind, json, stored->tensors, stored->count, &error));
    const elman_status status =
        elman_forecaster_open(stored->context, stored->model, &forecaster, &error);
    if (want == NULL && status != ELMAN_OK) fail_msg("%s", error.message);
    if (want != NULL) {
        if (status == ELMAN_OK) fail_msg("opened, in spite of %s: %s", want, json);
        check_refusal(status, &error, ELMAN_ERR_FORMAT, want);
        assert_null(forecaster);
    }
    elman_forecaster_destroy(forecaster);
}

/* With `from`, which occurs, replaced by `to` the description is refused for `what`. */
static void refuse_text(const Stored *stored, const char *from, const char *to, const char *what) {
    char json[4096], want[80];
    const char *const at = strstr(stored->json, from);
    if (at == NULL) fail_msg("no %s in %s", from, stored->json);
    snprintf(json, sizeof json, "%.*s%s%s", (int)(at - stored->json), stored->json, to,
             at + strlen(from));
    snprintf(want, sizeof want, "\"%s\" is missing or makes no sense", what);
    try_open(stored, json, want);
}

static void descriptions_are_refused(void **state) {
    (void)state;
    static const char *const changes[][3] = {
        {"\"version\":1", "\"version\":2", "version"},
        {"\"version\":1", "\"version\":\"1\"", "version"},
        {"\"horizon\":5", "\"horizon\":0", "horizon"},
        {"\"horizon\":5", "\"horizon\":-5", "horizon"},
        {"\"horizon\":5", "\"horizon\":5.5", "horizon"},
        {"\"horizon\":5", "\"horizon\":16777217", "horizon"},
        {"\"horizon\":5", "\"horizon\":6", STORE_CALIBRATION},
        {"\"context\":", "\"other\":", "context"},
        {"\"seasons\":[7]", "\"seasons\":[1]", "seasons"},
        {"\"seasons\":[7]", "\"seasons\":[7,7]", "seasons"},
        {"\"seasons\":[7]", "\"seasons\":[2,3,4,5,6]", "seasons"},
        {"\"seasons\":[7]", "\"seasons\":7", "seasons"},
        {"\"seasons\":[7]", "\"seasons\":[7.5]", "seasons"},
        {"\"seasons\":[7]", "\"seasons\":[7,9]", STORE_SIZES},
        {"\"season\":7", "\"season\":0", "season"},
        {"\"base_season\":7", "\"base_season\":0", "base_season"},
        {"\"lags\":[7]", "\"lags\":[0]", "lags"},
        {"\"lags\":[7]", "\"lags\":[7,3]", "lags"},
        {"\"lags\":[7]", "\"lags\":[7,9]", "reads"},
        {"\"recursive\":false", "\"recursive\":0", "recursive"},
        {"\"recursive\":false", "\"recursive\":true", "base"},
        {"\"calendar\":true", "\"calendar\":null", "calendar"},
        {"\"calendar\":true", "\"calendar\":false", "reads"},
        {"\"changes\":false", "\"changes\":1", "changes"},
        {"\"changes\":false", "\"changes\":true", "reads"},
        {"\"base\":\"smooth\"", "\"base\":\"smother\"", "base"},
        {"\"base\":\"smooth\"", "\"base\":\"auto\"", "base"},
        {"\"base\":\"smooth\"", "\"base\":\"last\"", "reads"},
        {"\"loss\":\"quantile\"", "\"loss\":\"cross-entropy\"", "loss"},
        {"\"loss\":\"quantile\"", "\"loss\":\"mse\"", "quantiles"},
        {"\"loss\":\"quantile\"", "\"loss\":\"negative-binomial\"", "base"},
        {"\"quantiles\":[0.25,0.75]", "\"quantiles\":[0.75,0.25]", "quantiles"},
        {"\"quantiles\":[0.25,0.75]", "\"quantiles\":[0.25,1]", "quantiles"},
        {"\"quantiles\":[0.25,0.75]", "\"quantiles\":[0.25,\"x\"]", "quantiles"},
        {"\"quantiles\":[0.25,0.75]", "\"quantiles\":[]", "quantiles"},
        {"\"quantiles\":[0.25,0.75]", "\"quantiles\":[0.25]", "reads"},
        {"\"scale_together\":false", "\"scale_together\":\"\"", "scale_together"},
        {"\"logarithm\":false", "\"logarithms\":false", "logarithm"},
        {"\"scaling\":\"standard\"", "\"scaling\":\"\"", "scaling"},
        {"\"huber_delta\":0.0", "\"huber_delta\":-1.0", "huber_delta"},
        {"\"huber_delta\":0.0", "\"huber_delta\":\"1\"", "huber_delta"},
        {"\"series\":3", "\"series\":0", "series"},
        {"\"series\":3", "\"series\":2", STORE_MEMBERS},
        {"\"series\":3", "\"series\":16000000", STORE_MEMBERS},
        {"\"calibration_windows\":", "\"calibration_windows\":-", "calibration_windows"},
        {"\"time\":\"ds\"", "\"time\":7", "time"},
        {"\"id\":\"unique_id\"", "\"id\":[]", "id"},
        {"\"target\":\"y\"", "\"target\":{}", "target"},
        {"\"wide\":false", "\"wide\":0", "wide"},
        {"\"missing\":\"refuse\"", "\"missing\":\"\"", "missing"},
        {"\"times\":2", "\"times\":7", "times"},
        {"\"times\":2", "\"times\":1000", "times"},
        {"\"unit\":\"day\"", "\"unit\":\"week\"", "unit"},
        {"\"step\":1", "\"step\":0", "step"},
        {"\"day\":0", "\"day\":32", "day"},
        {"\"has_day\":1", "\"has_day\":2", "has_day"},
        {"\"known\":[\"price\"]", "\"known\":\"price\"", "known"},
        {"\"known\":[\"price\"]", "\"known\":[1]", "known"},
        {"\"known\":[\"price\"]", "\"known\":[]", STORE_COLUMNS},
        {"\"past\":[\"sensor\"]", "\"past\":[null]", "past"},
        {"\"statics\":[", "\"statics\":[{},", "name"},
        {"\"name\":\"size\",\"words\":0", "\"name\":\"size\",\"words\":1", STORE_WORDS},
        {"\"name\":\"shop\",\"words\":3", "\"name\":\"shop\",\"words\":2", STORE_WORDS},
        {"\"name\":\"shop\",\"words\":3", "\"name\":\"shop\",\"words\":9", STORE_WORDS},
        {"\"name\":\"shop\",\"words\":3", "\"name\":\"shop\",\"words\":-1", "words"},
        {"\"name\":\"shop\",\"words\":3", "\"name\":\"shop\",\"words\":16777216", STORE_WORDS},
    };
    const Way way = {
        {.series = 3,
         .steps = 90,
         .unit = 'd',
         .known = true,
         .past = true,
         .statics = true,
         .future = 8},
        {.horizon = 5, .base = ELMAN_BASE_SMOOTH, .quantiles = two_quantiles, .quantile_count = 2}};
    Stored stored = store(&way);
    try_open(&stored, stored.json, NULL);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        refuse_text(&stored, changes[i][0], changes[i][1], changes[i][2]);
    stored_free(&stored);
}

/* Every tensor: missing, of another type, too long; then numbers in it that make no sense. */
static void tensors_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t index;
        double value;
    } numbers[] = {
        {STORE_MEMBERS, 0, (double)NAN},
        {STORE_MEMBERS, 1, 0.0},
        {STORE_MEMBERS, 1, -1.0},
        {STORE_MEMBERS, 4, (double)INFINITY},
        {STORE_COLUMNS, 0, (double)NAN},
        {STORE_COLUMNS, 1, 0.0},
        {STORE_STATICS, 1, (double)NAN},
        {STORE_STATICS, 3, 3.0},
        {STORE_STATICS, 3, 0.5},
        {STORE_STATICS, 4, -1.0},
        {STORE_SMOOTH, 0, 1.0},
        {STORE_SMOOTH, 1, -0.1},
        {STORE_SMOOTH, 2, (double)NAN},
        {STORE_STATES, 5, (double)NAN},
        {STORE_SIZES, 0, 0.0},
        {STORE_SIZES, 1, (double)INFINITY},
        {STORE_CALIBRATION, 3, (double)NAN},
        {STORE_TAILS, 1, -1.0},
        {STORE_TAILS, 2, 1e10},
        {STORE_TAILS, 1, 1.0},
    };
    const Way way = {{.series = 3,
                      .steps = 90,
                      .unit = 'd',
                      .known = true,
                      .past = true,
                      .statics = true,
                      .future = 8},
                     {.horizon = 5, .base = ELMAN_BASE_SMOOTH}};
    Stored stored = store(&way);
    for (size_t i = 0; i < stored.count; i++) {
        SafetensorsTensor *const tensor = &stored.tensors[i], whole = *tensor;
        SafetensorsTensor last = stored.tensors[stored.count - 1];
        char want[80];
        snprintf(want, sizeof want, "\"%s\" is missing or makes no sense", whole.name);
        stored.tensors[i] = last;
        stored.count--;
        try_open(&stored, stored.json, want);
        stored.count++;
        stored.tensors[i] = whole;
        tensor->type = whole.type == SAFETENSORS_U8 ? SAFETENSORS_I64 : SAFETENSORS_U8;
        tensor->rank = 1;
        tensor->shape[0] = whole.bytes / safetensors_type_size(tensor->type);
        tensor->bytes = tensor->shape[0] * safetensors_type_size(tensor->type);
        try_open(&stored, stored.json, want);
        *tensor = whole;
        tensor->rank = 1;
        tensor->bytes += safetensors_type_size(whole.type);
        tensor->shape[0] = tensor->bytes / safetensors_type_size(whole.type);
        try_open(&stored, stored.json, whole.type == SAFETENSORS_U8 ? "makes no sense" : want);
        *tensor = whole;
    }
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        SafetensorsTensor *tensor = NULL;
        for (size_t i = 0; i < stored.count; i++)
            if (strcmp(stored.tensors[i].name, numbers[k].name) == 0) tensor = &stored.tensors[i];
        assert_non_null(tensor);
        const size_t size = safetensors_type_size(tensor->type);
        unsigned char *const at =
            (unsigned char *)(uintptr_t)tensor->data + numbers[k].index * size;
        unsigned char kept[8];
        const float small = (float)numbers[k].value;
        const int64_t whole = tensor->type == SAFETENSORS_I64 ? (int64_t)numbers[k].value : 0;
        memcpy(kept, at, size);
        if (tensor->type == SAFETENSORS_F64) memcpy(at, &numbers[k].value, size);
        if (tensor->type == SAFETENSORS_F32) memcpy(at, &small, size);
        if (tensor->type == SAFETENSORS_I64) memcpy(at, &whole, size);
        try_open(&stored, stored.json, "makes no sense");
        memcpy(at, kept, size);
    }
    try_open(&stored, stored.json, NULL);
    stored_free(&stored);
}

static void other_models_are_refused(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_series *const series = make_series(context, &ways[0].sheet);
    Learner learner = make_learner(context, series, ways[0].options, 2, 1);
    elman_forecaster *forecaster = NULL;
    elman_model *other = NULL;
    elman_error error = {0};
    check_refusal(elman_forecaster_open(context, learner.model, &forecaster, &error), &error,
                  ELMAN_ERR_MISMATCH, "forecasts no series: its data are of the kind \"none\"");
    assert_false(elman_model_create(context, learner.info.inputs + 1, &other, &error));
    elman_model_add_cell(other, ELMAN_CELL_GRU, 2);
    elman_model_add_linear(other, learner.info.outputs, 0);
    assert_false(elman_model_build(other, NULL, &error));
    check_refusal(elman_forecaster_store(learner.forecaster, other, &error), &error,
                  ELMAN_ERR_MISMATCH, "the forecaster needs a model that reads");
    check_refusal(elman_forecaster_start(learner.forecaster, other, &error), &error,
                  ELMAN_ERR_MISMATCH, "the forecaster needs a model that reads");
    elman_model_destroy(other);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* ---- Memory ---- */

/* All that a forecaster does, until something fails. */
static elman_status live(elman_context *context, const elman_series *series, const Way *way,
                         elman_model *model, const elman_network *network, elman_error *error) {
    elman_forecaster_options options = way->options;
    elman_predict_options wanted = predict;
    elman_forecaster *forecaster = NULL, *again = NULL, *other = NULL;
    elman_forecaster_source *source = NULL;
    elman_forecast *forecast = NULL;
    elman_series *history = NULL;
    elman_scorer *scorer = NULL;
    elman_loss loss;
    options.struct_size = sizeof options;
    wanted.struct_size = sizeof wanted;
    elman_status status = elman_forecaster_create(context, series, &options, &forecaster, error);
    if (!status) status = elman_forecaster_create(context, series, &options, &other, error);
    if (!status) status = elman_forecaster_source_create(forecaster, series, 4, 1, &source, error);
    if (!status) {
        const elman_source view = elman_forecaster_source_view(source);
        status = view.validate(view.user, network, &loss, error);
    }
    if (!status) status = elman_forecaster_calibrate(forecaster, network, series, error);
    if (!status) status = elman_forecaster_calibrate_as(other, forecaster, error);
    if (!status)
        status = elman_forecaster_predict(forecaster, network, series, &wanted, &forecast, error);
    if (!status) status = elman_scorer_create(forecaster, levels, LEVELS, &scorer, error);
    if (!status) status = elman_scorer_add(scorer, series, forecast, 5, error);
    if (!status) status = elman_forecaster_store(forecaster, model, error);
    if (!status) status = elman_forecaster_open(context, model, &again, error);
    if (!status) status = elman_forecaster_history(again, &history, error);
    elman_series_destroy(history);
    elman_scorer_destroy(scorer);
    elman_forecast_destroy(forecast);
    elman_forecaster_source_destroy(source);
    elman_forecaster_destroy(again);
    elman_forecaster_destroy(other);
    elman_forecaster_destroy(forecaster);
    return status;
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    const size_t tried[] = {1, 3, 9};
    for (size_t i = 0; i < 3; i++) {
        Way way = ways[tried[i]];
        if (way.sheet.unit == 'm') way.sheet.steps = 70;
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof options,
                                               .allocator = counting_allocator(&counting)};
        elman_context *context = NULL;
        elman_error error = {0};
        assert_false(elman_context_create(&options, &context, &error));
        elman_series *const series = make_series(context, &way.sheet);
        Learner learner = make_learner(context, series, way.options, 2, 1);
        assert_false(live(context, series, &way, learner.model, learner.network, &error));
        const long live_before = counting.live;
        elman_status status = ELMAN_ERR_MEMORY;
        for (long k = 0; status != ELMAN_OK; k++) {
            counting.allow = k;
            status = live(context, series, &way, learner.model, learner.network, &error);
            counting.allow = ALLOW_ALL;
            if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY)
                fail_msg("allocation %ld: %s", k, error.message);
            assert_int_equal(counting.live, live_before);
            assert_true(k < 5000);
        }
        learner_free(&learner);
        elman_series_destroy(series);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forecaster_is_read_back), cmocka_unit_test(descriptions_are_refused),
        cmocka_unit_test(tensors_are_refused),       cmocka_unit_test(other_models_are_refused),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
