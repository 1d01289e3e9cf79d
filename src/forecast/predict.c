/* Predictions of direct forecasters, and what a prediction becomes. */
#include "forecast/predict.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "forecast/calibrate.h"
#include "forecast/forecast.h"
#include "forecast/naive.h"
#include "model/network.h"

enum { ROWS_MAX = 64, PATHS_USUAL = 200, PATHS_MAX = 100000 };

double predict_quantile(const elman_forecaster *forecaster, const View *view, const float *output,
                        double base, double level) {
    const elman_targets loss = forecaster_loss(forecaster);
    const double scale = view->standard.scale;
    if (loss.loss == ELMAN_LOSS_NEGATIVE_BINOMIAL)
        return elman_loss_predict_quantile(&loss, output, scale, level) / scale;
    return base + forecaster->residual * elman_loss_predict_quantile(&loss, output, 1.0, level);
}

elman_status predict_check(const elman_forecaster *forecaster, const Structure *structure,
                           elman_error *error) {
    const size_t inputs = forecaster->feature_count;
    const size_t outputs = elman_loss_outputs(forecaster->loss, forecaster->quantile_count);
    if (structure->input != ELMAN_INPUT_DENSE || structure->input_size != inputs ||
        structure->output != ELMAN_OUTPUT_EVERY_STEP || structure_outputs(structure) != outputs)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the forecaster needs a model that reads %zu numbers and has %zu outputs at "
                    "every step, this one reads %zu and has %zu",
                    inputs, outputs, structure->input_size, structure_outputs(structure));
    for (size_t layer = 0; layer < structure->layer_count; layer++)
        if (forecaster->recursive && structure->layers[layer].bidirectional)
            return fail(error, ELMAN_ERR_MISMATCH,
                        "a recursive forecaster goes from step to step, but layer %zu of the model "
                        "reads its input from the end too",
                        layer);
    return ELMAN_OK;
}

static bool allocate_paths(Predictor *predictor) {
    const elman_forecaster *forecaster = predictor->views->forecaster;
    Memory *memory = &forecaster->context->memory;
    const size_t width = forecaster->feature_count, paths = predictor->paths;
    const size_t outputs = elman_loss_outputs(forecaster->loss, forecaster->quantile_count);
    predictor->state = memory_allocate_array(
        memory, elman_network_state_size(predictor->network, 1), sizeof(float));
    predictor->states = memory_allocate_array(
        memory, elman_network_state_size(predictor->network, paths), sizeof(float));
    predictor->inputs = memory_allocate_array(memory, paths * width, sizeof(float));
    predictor->outputs = memory_allocate_array(memory, paths * outputs, sizeof(float));
    return predictor->state != NULL && predictor->states != NULL && predictor->inputs != NULL &&
           predictor->outputs != NULL;
}

elman_status predictor_create(const Views *views, const elman_network *network, size_t items,
                              size_t paths, uint64_t seed, Predictor *predictor,
                              elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    Memory *memory = &forecaster->context->memory;
    size_t rows = items < ROWS_MAX ? items : ROWS_MAX;
    if (rows == 0) rows = 1;
    *predictor = (Predictor){.views = views, .network = network, .paths = paths, .seed = seed};
    elman_status status = predict_check(forecaster, &network->structure, error);
    if (status != ELMAN_OK) return status;
    elman_tape_options options = {.struct_size = sizeof(options), .forward_only = 1};
    if (forecaster->recursive) {
        if (!allocate_paths(predictor))
            return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu paths", paths);
        options.steps = forecaster->steps_before;
        options.batch = 1;
        status = elman_tape_create(network, &options, &predictor->tape, error);
        options.steps = 1;
        options.batch = paths;
        if (status == ELMAN_OK)
            status = elman_tape_create(network, &options, &predictor->step, error);
        return status;
    }
    status = window_batch_create(views, rows, &predictor->batch, error);
    if (status != ELMAN_OK) return status;
    predictor->outputs =
        memory_allocate_array(memory,
                              predictor->batch.steps * rows *
                                  elman_loss_outputs(forecaster->loss, forecaster->quantile_count),
                              sizeof(float));
    if (predictor->outputs == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu forecasts", rows);
    options.steps = predictor->batch.steps;
    options.batch = rows;
    return elman_tape_create(network, &options, &predictor->tape, error);
}

void predictor_release(Predictor *predictor) {
    Memory *memory = &predictor->views->forecaster->context->memory;
    elman_tape_destroy(predictor->step);
    elman_tape_destroy(predictor->tape);
    memory_release(memory, predictor->outputs);
    memory_release(memory, predictor->inputs);
    memory_release(memory, predictor->states);
    memory_release(memory, predictor->state);
    window_batch_release(&predictor->batch);
}

/* The predictions of row `row` of `rows` of the last pass. */
static void read_row(const Predictor *predictor, const PredictItem *item, size_t row, size_t rows,
                     size_t index, const Predictions *to) {
    const elman_forecaster *forecaster = predictor->views->forecaster;
    const size_t outputs = elman_loss_outputs(forecaster->loss, forecaster->quantile_count);
    for (size_t h = 0; h < to->horizon; h++) {
        const float *output =
            predictor->outputs + ((forecaster->steps_before + h) * rows + row) * outputs;
        const double base = window_base(item->view, forecaster, item->origin, item->origin + h);
        to->middle[index * to->horizon + h] =
            predict_quantile(forecaster, item->view, output, base, 0.5);
        for (size_t k = 0; k < to->level_count; k++) {
            const size_t at = (index * to->level_count + k) * to->horizon + h;
            const double half = to->levels[k] / 2.0;
            to->low[at] = predict_quantile(forecaster, item->view, output, base, 0.5 - half);
            to->high[at] = predict_quantile(forecaster, item->view, output, base, 0.5 + half);
        }
    }
}

elman_status predictor_run(Predictor *predictor, const PredictItem *items, size_t count,
                           const Predictions *to, elman_error *error) {
    elman_status status = ELMAN_OK;
    if (predictor->views->forecaster->recursive) {
        for (size_t i = 0; i < count && status == ELMAN_OK; i++)
            status = predict_paths(predictor, &items[i], i, to, error);
        return status;
    }
    const size_t most = predictor->batch.rows;
    for (size_t done = 0; done < count; done += most) {
        const size_t rows = count - done < most ? count - done : most;
        for (size_t row = 0; row < rows; row++)
            window_batch_put(&predictor->batch, row, rows, items[done + row].view,
                             items[done + row].origin);
        const elman_sequence sequence = window_batch_sequence(&predictor->batch, rows);
        status = elman_tape_forward(predictor->tape, &sequence, error);
        if (status != ELMAN_OK) return status;
        elman_tape_output(predictor->tape, predictor->outputs);
        for (size_t row = 0; row < rows; row++)
            read_row(predictor, &items[done + row], row, rows, done + row, to);
    }
    return ELMAN_OK;
}

static elman_status check_horizon(const elman_forecaster *forecaster,
                                  elman_predict_options *options, elman_error *error) {
    if (options->horizon == 0) options->horizon = forecaster->horizon;
    if (options->paths == 0) options->paths = PATHS_USUAL;
    if (options->paths > (size_t)PATHS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "%zu paths, expected at most %d", options->paths,
                    PATHS_MAX);
    if (!forecaster->recursive && options->horizon > forecaster->horizon)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the model forecasts %zu steps at once, not %zu; a recursive one could go on",
                    forecaster->horizon, options->horizon);
    for (size_t i = 0; i < options->level_count; i++)
        if (!(options->levels[i] > 0.0 && options->levels[i] < 1.0) ||
            (i > 0 && !(options->levels[i] > options->levels[i - 1])))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "levels are numbers between 0 and 1, in ascending order");
    return ELMAN_OK;
}

/* Whether there is a past to go on from. */
static bool has_past(const View *view) {
    for (size_t t = view->length; t > 0; t--)
        if (!isnan(view->x[t - 1])) return true;
    return false;
}

/* Some series have a past; all, when it is the future that is forecast. */
static elman_status check_pasts(const Views *views, size_t hold_out, elman_error *error) {
    size_t with = 0, without = 0;
    for (size_t i = 0; i < views->count; i++) {
        if (has_past(&views->view[i]))
            with++;
        else
            without = i;
    }
    if (with == views->count || (hold_out > 0 && with > 0)) return ELMAN_OK;
    return fail(error, ELMAN_ERR_DATA, "series \"%s\" has no value to go on from",
                views->view[without].one->id);
}

/* The known covariates of the horizon are there; those of steps that have come may be masked, as
 * in training. */
static elman_status check_known(const Views *views, const elman_series *series, size_t index,
                                size_t horizon, elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    const View *view = &views->view[index];
    char time[ELMAN_TIME_TEXT_MAX];
    for (size_t h = 0; h < horizon; h++)
        for (size_t i = 0; i < forecaster->known_count; i++) {
            const size_t step = view->length + h;
            if (step < view->one->length) continue;
            if (step < view->steps &&
                !isnan(view->one->known[step * views->known_stride + views->known_column[i]]))
                continue;
            return fail(error, ELMAN_ERR_DATA,
                        "series \"%s\": the known covariate \"%s\" is missing for %s, which is to "
                        "be forecast",
                        view->one->id, forecaster->known[i].name,
                        elman_series_time(series, index, step, time));
        }
    return ELMAN_OK;
}

/* Into the target's own units, calibrated, bounds of higher levels outside those of lower ones. */
static void finish_series(const elman_forecaster *forecaster, const View *view, size_t index,
                          const elman_predict_options *options, const Predictions *from,
                          elman_forecast *forecast) {
    const size_t horizon = from->horizon;
    double *value = forecast_line(forecast, index, ELMAN_LINE_MODEL);
    for (size_t h = 0; h < horizon; h++) {
        const double middle = from->middle[index * horizon + h];
        double low = middle, high = middle;
        value[h] = target_unscale(forecaster, &view->standard, middle);
        for (size_t k = 0; k < from->level_count; k++) {
            const size_t at = (index * from->level_count + k) * horizon + h;
            const double wider =
                options->uncalibrated ? 0.0 : calibration_offset(forecaster, from->levels[k], h);
            if (from->low[at] - wider < low) low = from->low[at] - wider;
            if (from->high[at] + wider > high) high = from->high[at] + wider;
            if (forecaster->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL && low < 0.0) low = 0.0;
            forecast->low[at] = target_unscale(forecaster, &view->standard, low);
            forecast->high[at] = target_unscale(forecaster, &view->standard, high);
        }
    }
}

static void fill_naive(const elman_forecaster *forecaster, const View *view, size_t index,
                       elman_forecast *forecast) {
    const double *y = view->one->y;
    const size_t origin = view->length;
    for (size_t h = 0; h < forecast->horizon; h++) {
        const size_t step = origin + h;
        forecast_line(forecast, index, ELMAN_LINE_NAIVE)[h] = naive_seasonal(y, origin, step, 1);
        forecast_line(forecast, index, ELMAN_LINE_SEASONAL_NAIVE)[h] =
            naive_seasonal(y, origin, step, forecaster->season);
        forecast_line(forecast, index, ELMAN_LINE_DRIFT)[h] = naive_drift(y, origin, step);
        forecast_line(forecast, index, ELMAN_LINE_BASE)[h] =
            forecaster->base == ELMAN_BASE_NONE || forecaster->recursive
                ? NAN
                : target_unscale(forecaster, &view->standard,
                                 window_base(view, forecaster, origin, step));
    }
}

/* What predicting holds. */
typedef struct Predicting {
    Views views;
    Predictor predictor;
    PredictItem *items;
    double *middle, *low, *high;
    elman_forecast *forecast;
} Predicting;

static elman_status predict_all(Predicting *p, const elman_forecaster *forecaster,
                                const elman_network *network, const elman_series *series,
                                const elman_predict_options *options, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t count = series->count, horizon = options->horizon;
    elman_status status = forecast_create(forecaster->context, count, horizon, options->level_count,
                                          &p->forecast, error);
    if (status == ELMAN_OK) status = check_pasts(&p->views, options->hold_out, error);
    for (size_t i = 0; i < count && status == ELMAN_OK; i++)
        status = check_known(&p->views, series, i, horizon, error);
    if (status == ELMAN_OK)
        status = predictor_create(&p->views, network, count, options->paths, options->seed,
                                  &p->predictor, error);
    if (status != ELMAN_OK) return status;
    const size_t steps = count * horizon; /* as forecast_create has found to fit */
    p->items = memory_allocate_array(memory, count, sizeof(PredictItem));
    p->middle = memory_allocate_array(memory, steps, sizeof(double));
    p->low = memory_allocate_array(memory, steps * options->level_count, sizeof(double));
    p->high = memory_allocate_array(memory, steps * options->level_count, sizeof(double));
    if (p->items == NULL || p->middle == NULL || p->low == NULL || p->high == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for forecasts of %zu series", count);
    for (size_t i = 0; i < count; i++)
        p->items[i] = (PredictItem){&p->views.view[i], p->views.view[i].length};
    const Predictions predictions = {horizon,   options->levels, options->level_count,
                                     p->middle, p->low,          p->high};
    status = predictor_run(&p->predictor, p->items, count, &predictions, error);
    for (size_t i = 0; i < count && status == ELMAN_OK; i++) {
        const View *view = &p->views.view[i];
        if (!has_past(view)) {
            forecast_clear(p->forecast, i);
            continue;
        }
        finish_series(forecaster, view, i, options, &predictions, p->forecast);
        fill_naive(forecaster, view, i, p->forecast);
    }
    return status;
}

elman_status elman_forecaster_predict(const elman_forecaster *forecaster,
                                      const elman_network *network, const elman_series *series,
                                      const elman_predict_options *given, elman_forecast **forecast,
                                      elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    elman_predict_options options;
    Predicting p = {.predictor.views = &p.views};
    *forecast = NULL;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_predict_options", error);
    if (status == ELMAN_OK) status = check_horizon(forecaster, &options, error);
    if (status != ELMAN_OK) return status;
    status = views_create(forecaster, series, options.hold_out, VIEWS_PREDICT, &p.views, error);
    if (status == ELMAN_OK) status = predict_all(&p, forecaster, network, series, &options, error);
    memory_release(memory, p.high);
    memory_release(memory, p.low);
    memory_release(memory, p.middle);
    memory_release(memory, p.items);
    predictor_release(&p.predictor);
    views_release(&p.views);
    if (status != ELMAN_OK) {
        elman_forecast_destroy(p.forecast);
        return status;
    }
    *forecast = p.forecast;
    return ELMAN_OK;
}
