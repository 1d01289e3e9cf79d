/* Series with every kind of column, forecasters with untrained networks, and forecasts. */
#include "support/forecasting.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_status(elman_status status, const elman_error *error) {
    if (status != ELMAN_OK) fail_msg("%s: %s", elman_status_name(status), error->message);
}

double made_up(uint64_t seed, uint64_t index) {
    /* splitmix64 (Steele, Lea and Flood, 2014) */
    uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

void write_file(const char *path, const char *text) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* The date `days` days after 2023-01-02, a Monday. */
static void write_date(FILE *file, size_t days) {
    static const size_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t year = 2023, month = 0, day = days + 1;
    for (;;) {
        const size_t length = lengths[month] + (month == 1 && year % 4 == 0);
        if (day < length) break;
        day -= length;
        month = (month + 1) % 12;
        year += month == 0;
    }
    fprintf(file, "%zu-%02zu-%02zu", year, month + 1, day + 1);
}

static void write_time(FILE *file, char unit, size_t step) {
    if (unit == 'n') fprintf(file, "%zu", step + 1);
    if (unit == 'h') write_date(file, step / 24);
    if (unit == 'h') fprintf(file, " %02zu:00:00", step % 24);
    if (unit == 'd') write_date(file, step);
    if (unit == 'b') write_date(file, step / 5 * 7 + step % 5);
    if (unit == 'm') fprintf(file, "%zu-%02zu", 2001 + step / 12, step % 12 + 1);
}

static void write_value(FILE *file, const SheetSpec *spec, size_t series, size_t step) {
    const uint64_t index = (uint64_t)series * 100000 + step;
    const double noise = made_up(spec->seed + 1, index);
    if (step > 0 && step + 1 < spec->steps && spec->gaps > 0 &&
        (step + series) % spec->gaps == spec->gaps - 1)
        return;
    if (spec->counts)
        fprintf(file, "%d", noise < 0.5 ? 0 : (int)(noise * 9.0));
    else
        fprintf(file, "%.3f",
                100.0 + 20.0 * (double)series + 10.0 * sin((double)(step % 7) * 0.9) + 5.0 * noise);
}

static void write_wide(FILE *file, const SheetSpec *spec) {
    fprintf(file, "ds");
    for (size_t i = 0; i < spec->series; i++) fprintf(file, ",s%zu", i);
    for (size_t t = 0; t < spec->steps; t++) {
        fprintf(file, "\n");
        write_time(file, spec->unit, t);
        for (size_t i = 0; i < spec->series; i++) {
            fprintf(file, ",");
            write_value(file, spec, i, t);
        }
    }
    fprintf(file, "\n");
}

static void write_long(FILE *file, const SheetSpec *spec) {
    static const char *const words[] = {"corner", "mall", "street"};
    fprintf(file, "unique_id,ds,y%s%s%s\n", spec->known ? ",price" : "",
            spec->past ? ",sensor" : "", spec->statics ? ",size,shop" : "");
    for (size_t i = 0; i < spec->series; i++)
        for (size_t t = 0; t < spec->steps + spec->future; t++) {
            const uint64_t index = (uint64_t)i * 100000 + t;
            fprintf(file, "s%zu,", i);
            write_time(file, spec->unit, t);
            fprintf(file, ",");
            if (t < spec->steps) write_value(file, spec, i, t);
            if (spec->known) fprintf(file, ",%.3f", 3.0 * made_up(spec->seed + 2, index));
            if (spec->past) fprintf(file, ",");
            if (spec->past && t < spec->steps)
                fprintf(file, "%.3f", 7.0 * made_up(spec->seed + 3, index));
            if (spec->statics) fprintf(file, ",%zu,%s", 10 + 3 * i, words[i % 3]);
            fprintf(file, "\n");
        }
}

elman_series *make_series(elman_context *context, const SheetSpec *spec) {
    static const char *const known[] = {"price"}, *const past[] = {"sensor"};
    static const char *const statics[] = {"size", "shop"};
    const char *targets[8] = {NULL};
    char names[8][24];
    FILE *const file = fopen("sheet.csv", "wb");
    elman_series *series = NULL;
    elman_error error = {0};
    elman_series_options options = {.struct_size = sizeof options,
                                    .missing =
                                        spec->gaps > 0 ? ELMAN_MISSING_MASK : ELMAN_MISSING_REFUSE};
    assert_non_null(file);
    assert_true(spec->series <= 8);
    if (spec->wide)
        write_wide(file, spec);
    else
        write_long(file, spec);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < spec->series; i++) {
        snprintf(names[i], sizeof names[i], "s%zu", i);
        targets[i] = names[i];
    }
    if (spec->wide) options.target = (elman_columns){targets, spec->series};
    if (spec->known) options.known = (elman_columns){known, 1};
    if (spec->past) options.past = (elman_columns){past, 1};
    if (spec->statics) options.statics = (elman_columns){statics, 2};
    check_status(elman_series_load(context, "sheet.csv", &options, &series, &error), &error);
    assert_int_equal(elman_series_count(series), spec->series);
    assert_int_equal(elman_series_length(series, 0), spec->steps);
    return series;
}

elman_series *series_of(elman_context *context, const double *values, size_t count) {
    elman_series *series = NULL;
    elman_error error = {0};
    check_status(
        elman_series_from_values(context, values, count, ELMAN_MISSING_MASK, &series, &error),
        &error);
    return series;
}

Learner make_learner(elman_context *context, const elman_series *series,
                     elman_forecaster_options options, size_t hidden, uint64_t seed) {
    Learner learner = {0};
    elman_error error = {0};
    elman_init_options init = {.struct_size = sizeof init, .seed = seed};
    options.struct_size = sizeof options;
    check_status(elman_forecaster_create(context, series, &options, &learner.forecaster, &error),
                 &error);
    elman_forecaster_describe(learner.forecaster, &learner.info);
    check_status(elman_model_create(context, learner.info.inputs, &learner.model, &error), &error);
    elman_model_add_cell(learner.model, ELMAN_CELL_LSTM, hidden);
    elman_model_add_linear(learner.model, learner.info.outputs, 0);
    check_status(elman_model_build(learner.model, &init, &error), &error);
    check_status(elman_network_compile(learner.model, &learner.network, &error), &error);
    return learner;
}

void learner_free(Learner *learner) {
    elman_network_destroy(learner->network);
    elman_model_destroy(learner->model);
    elman_forecaster_destroy(learner->forecaster);
    *learner = (Learner){0};
}

void set_outputs(Learner *learner, const float *outputs) {
    elman_tensor weight, bias;
    elman_error error = {0};
    check_status(elman_model_find_tensor(learner->model, "head.weight", &weight, &error), &error);
    check_status(elman_model_find_tensor(learner->model, "head.bias", &bias, &error), &error);
    memset(weight.data, 0, weight.count * sizeof(float));
    memcpy(bias.data, outputs, bias.count * sizeof(float));
    elman_network_destroy(learner->network);
    learner->network = NULL;
    check_status(elman_network_compile(learner->model, &learner->network, &error), &error);
}

elman_forecast *forecast_of(const Learner *learner, const elman_series *series,
                            elman_predict_options options) {
    elman_forecast *forecast = NULL;
    elman_error error = {0};
    options.struct_size = sizeof options;
    check_status(elman_forecaster_predict(learner->forecaster, learner->network, series, &options,
                                          &forecast, &error),
                 &error);
    return forecast;
}

static void check_bits(const double *one, const double *other, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++) {
        if (isnan(one[i]) && isnan(other[i])) continue;
        if (memcmp(&one[i], &other[i], sizeof *one) != 0)
            fail_msg("%s, step %zu: %.17g and %.17g", what, i, one[i], other[i]);
    }
}

void check_same_forecast(const elman_forecast *one, const elman_forecast *other, size_t count,
                         size_t levels, bool drift, const char *what) {
    const size_t horizon = elman_forecast_horizon(one);
    assert_int_equal(horizon, elman_forecast_horizon(other));
    for (size_t i = 0; i < count; i++) {
        for (elman_forecast_line line = ELMAN_LINE_MODEL; line <= ELMAN_LINE_BASE; line++)
            if (drift || line != ELMAN_LINE_DRIFT)
                check_bits(elman_forecast_values(one, i, line),
                           elman_forecast_values(other, i, line), horizon, what);
        for (size_t k = 0; k < levels; k++) {
            check_bits(elman_forecast_low(one, i, k), elman_forecast_low(other, i, k), horizon,
                       what);
            check_bits(elman_forecast_high(one, i, k), elman_forecast_high(other, i, k), horizon,
                       what);
        }
    }
}

void check_refusal(elman_status status, const elman_error *error, elman_status want,
                   const char *part) {
    const size_t length = strlen(error->message);
    if (status != want)
        fail_msg("%s instead of %s: %s", elman_status_name(status), elman_status_name(want),
                 error->message);
    if (strstr(error->message, part) == NULL)
        fail_msg("\"%s\" has no \"%s\" in it", error->message, part);
    assert_true(length > 0 && error->message[length - 1] != '.');
}
