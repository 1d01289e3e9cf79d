/* A forecaster: deciding what it reads and how, and fitting its scales on the training part. */
#include "forecast/forecaster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "core/options.h"
#include "core/quantile.h"
#include "core/size.h"
#include "core/special.h"
#include "forecast/forecaster_fit.h"
#include "forecast/naive.h"
#include "forecast/predict.h"
#include "forecast/smooth_fit.h"
#include "forecast/source.h"
#include "model/model.h"

static const double usual_quantiles[] = {0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975};

/* Series with fewer steps to learn from show the network their values as they are. */
enum { SHORT = 500 };

enum { USUAL_QUANTILES = sizeof(usual_quantiles) / sizeof(*usual_quantiles) };

void forecaster_parts(const elman_forecaster *forecaster, size_t length, size_t *train,
                      size_t *valid) {
    const size_t horizon = forecaster->horizon;
    const size_t usable = length > forecaster->hold_out ? length - forecaster->hold_out : 0;
    size_t part = forecaster->valid;
    *valid = *train = usable;
    if (forecaster->no_validation) return;
    if (part == 0) {
        part = usable / 5;
        if (part / 2 < horizon) part = horizon <= usable / 2 ? 2 * horizon : usable;
        if (part > usable / 3) part = usable / 3;
        /* One window at least, where there are more to learn from. */
        if (part < horizon) part = horizon;
    }
    *train = part < usable ? usable - part : 0;
}

static int compare_members(const void *a, const void *b) {
    return strcmp((*(const Member *const *)a)->id, (*(const Member *const *)b)->id);
}

elman_status forecaster_index(elman_forecaster *forecaster, elman_error *error) {
    const size_t count = forecaster->member_count;
    forecaster->by_id =
        memory_allocate_array(&forecaster->context->memory, count, sizeof(const Member *));
    if (forecaster->by_id == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu series", count);
    for (size_t i = 0; i < count; i++) forecaster->by_id[i] = &forecaster->members[i];
    qsort(forecaster->by_id, count, sizeof(const Member *), compare_members);
    return ELMAN_OK;
}

const Member *forecaster_find(const elman_forecaster *forecaster, const char *id) {
    size_t low = 0, high = forecaster->member_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(forecaster->by_id[middle]->id, id);
        if (order == 0) return forecaster->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

elman_targets forecaster_loss(const elman_forecaster *forecaster) {
    return (elman_targets){
        .struct_size = sizeof(elman_targets),
        .loss = forecaster->loss,
        .huber_delta = forecaster->huber_delta,
        .quantiles = forecaster->quantiles,
        .quantile_count = forecaster->quantile_count,
    };
}

static elman_status read_options(elman_forecaster_options *options,
                                 const elman_forecaster_options *given, elman_error *error) {
    const elman_status status =
        options_read(options, sizeof(*options), given, "elman_forecaster_options", error);
    if (status != ELMAN_OK) return status;
    if (options->loss == ELMAN_LOSS_CROSS_ENTROPY)
        options->loss = options->recursive ? ELMAN_LOSS_GAUSSIAN : ELMAN_LOSS_QUANTILE;
    if (options->quantile_count == 0) {
        options->quantiles = usual_quantiles;
        options->quantile_count = USUAL_QUANTILES;
    }
    if (options->horizon == 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "a forecast has a horizon of 1 step at least");
    if (options->horizon > FORECASTER_STEPS_MAX || options->context > FORECASTER_STEPS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a horizon of %zu and a context of %zu steps, expected at most %d",
                    options->horizon, options->context, FORECASTER_STEPS_MAX);
    if (options->season_count > ELMAN_SEASONS_MAX || options->lag_count > ELMAN_LAGS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "at most %d seasons and %d lags are possible",
                    ELMAN_SEASONS_MAX, ELMAN_LAGS_MAX);
    for (size_t i = 0; i < options->season_count; i++)
        if (options->seasons[i] < 2 || options->seasons[i] > FORECASTER_STEPS_MAX ||
            (i > 0 && options->seasons[i] <= options->seasons[i - 1]))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "seasons are numbers of steps from 2 to %d, in ascending order",
                        FORECASTER_STEPS_MAX);
    for (size_t i = 0; i < options->lag_count; i++)
        if (options->lags[i] < 1 || options->lags[i] > FORECASTER_STEPS_MAX ||
            (i > 0 && options->lags[i] <= options->lags[i - 1]))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "lags are numbers of steps from 1 to %d, in ascending order",
                        FORECASTER_STEPS_MAX);
    if (options->quantile_count > ELMAN_LOSS_QUANTILES_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "%zu quantiles, expected at most %d",
                    options->quantile_count, ELMAN_LOSS_QUANTILES_MAX);
    for (size_t i = 0; i < options->quantile_count; i++)
        if (!(options->quantiles[i] > 0.0 && options->quantiles[i] < 1.0) ||
            (i > 0 && !(options->quantiles[i] > options->quantiles[i - 1])))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "quantiles are numbers between 0 and 1, in ascending order");
    return ELMAN_OK;
}

static elman_status check_kinds(const elman_forecaster_options *options, elman_error *error) {
    if ((unsigned)options->loss > ELMAN_LOSS_NEGATIVE_BINOMIAL ||
        (unsigned)options->scaling > ELMAN_SCALING_NONE ||
        (unsigned)options->base > ELMAN_BASE_NONE)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the loss %d, the scaling %d or the base %d is none of those that there are",
                    (int)options->loss, (int)options->scaling, (int)options->base);
    if (!(options->huber_delta >= 0.0) || !isfinite(options->huber_delta))
        return fail(error, ELMAN_ERR_ARGUMENT, "a Huber delta of %g, expected a number above 0",
                    options->huber_delta);
    return ELMAN_OK;
}

static elman_status check_loss(const elman_forecaster_options *options, elman_error *error) {
    if (options->loss == ELMAN_LOSS_QUANTILE && options->recursive)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a recursive forecaster draws from a distribution: its loss is gaussian, "
                    "student-t, negative-binomial or mse, not quantile");
    if (options->no_validation && options->base == ELMAN_BASE_AUTO)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "without a validation part the base must be named, there is nothing to choose "
                    "it on");
    if (options->recursive && options->base == ELMAN_BASE_SMOOTH)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a recursive forecaster has the base seasonal, last or none");
    if (options->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL &&
        (options->logarithm ||
         (options->base != ELMAN_BASE_AUTO && options->base != ELMAN_BASE_NONE)))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the negative binomial loss takes counts as they are, without a logarithm or "
                    "a base");
    return ELMAN_OK;
}

/* The steps of the longest series' training part. */
static size_t longest_training(const elman_forecaster *forecaster, const elman_series *series) {
    size_t longest = 0;
    for (size_t i = 0; i < series->count; i++) {
        size_t train, valid;
        forecaster_parts(forecaster, series->one[i].length, &train, &valid);
        if (train > longest) longest = train;
    }
    return longest;
}

static elman_status choose_seasons(elman_forecaster *forecaster, const elman_series *series,
                                   const elman_forecaster_options *options, elman_error *error) {
    size_t found[ELMAN_SEASONS_MAX];
    const size_t longest = longest_training(forecaster, series);
    if (longest < options->horizon || longest == 0)
        return fail(error, ELMAN_ERR_DATA,
                    "the longest series has too few values to learn to forecast %zu steps: %zu are "
                    "left, without those that are held out and those that validate",
                    options->horizon, longest);
    if (options->no_season) return ELMAN_OK;
    if (options->season_count > 0) {
        forecaster->season_count = options->season_count;
        memcpy(forecaster->seasons, options->seasons, sizeof(forecaster->seasons));
        const size_t last = options->seasons[options->season_count - 1];
        if (last + options->horizon > longest)
            return fail(error, ELMAN_ERR_DATA,
                        "a season of %zu steps and a horizon of %zu need more than the %zu values "
                        "to learn from",
                        last, options->horizon, longest);
        return ELMAN_OK;
    }
    const size_t count = elman_series_seasons(series, found, ELMAN_SEASONS_MAX);
    for (size_t i = 0; i < count; i++)
        if (2 * found[i] + options->horizon <= longest)
            forecaster->seasons[forecaster->season_count++] = found[i];
    return ELMAN_OK;
}

/* The mean over the series of a season's naive error, relative to that of the shortest season;
 * *count: series that have both. */
static double season_error(const elman_forecaster *forecaster, const elman_series *series,
                           size_t season, size_t *count) {
    double sum = 0.0;
    *count = 0;
    for (size_t i = 0; i < series->count; i++) {
        const double *y = series->one[i].y;
        size_t train, valid;
        forecaster_parts(forecaster, series->one[i].length, &train, &valid);
        const double error = naive_error(y, train, season);
        const double first = naive_error(y, train, forecaster->seasons[0]);
        if (!(first > 0.0) || isnan(error)) continue;
        sum += error / first;
        ++*count;
    }
    return *count > 0 ? sum / (double)*count : INFINITY;
}

/* The season whose naive forecast errs least, of those that half of the series are long enough
 * for. */
static size_t best_season(const elman_forecaster *forecaster, const elman_series *series) {
    size_t best = forecaster->season_count > 0 ? forecaster->seasons[0] : 1, all, count;
    if (forecaster->season_count < 2) return best;
    double least = season_error(forecaster, series, best, &all);
    for (size_t k = 1; k < forecaster->season_count; k++) {
        const double error = season_error(forecaster, series, forecaster->seasons[k], &count);
        if (count < all - count || !(error < least)) continue;
        least = error;
        best = forecaster->seasons[k];
    }
    return best;
}

/* Without others: the seasons, and a year of days. */
static void choose_lags(elman_forecaster *forecaster, const elman_series *series,
                        const elman_forecaster_options *options) {
    enum { YEAR = 364 }; /* of whole weeks */
    const elman_spacing *spacing = &series->spacing;
    forecaster->lag_count = options->lag_count;
    memcpy(forecaster->lags, options->lags, sizeof(forecaster->lags));
    if (options->lag_count > 0) return;
    forecaster->lag_count = forecaster->season_count;
    memcpy(forecaster->lags, forecaster->seasons, sizeof(forecaster->seasons));
    if (spacing->unit == ELMAN_TIME_DAY && spacing->step == 1 &&
        longest_training(forecaster, series) >= 2 * YEAR + forecaster->horizon &&
        (forecaster->lag_count == 0 || forecaster->lags[forecaster->lag_count - 1] < YEAR))
        forecaster->lags[forecaster->lag_count++] = YEAR;
}

/* Without another: whole cycles of the shortest season, two at least. */
static void choose_context(elman_forecaster *forecaster, const elman_forecaster_options *options) {
    enum { LEAST = 24 };
    forecaster->steps_before = options->context;
    if (options->context > 0) return;
    const size_t cycle = forecaster->season_count > 0 ? forecaster->seasons[0] : 1;
    const size_t least = forecaster->season_count > 0 || forecaster->horizon < LEAST
                             ? (size_t)LEAST
                             : forecaster->horizon;
    forecaster->steps_before = 2 * cycle;
    while (forecaster->steps_before < least) forecaster->steps_before += cycle;
}

/* Takes over what the options say, with the defaults that need the series. */
static elman_status settle(elman_forecaster *forecaster, const elman_series *series,
                           const elman_forecaster_options *options, elman_error *error) {
    forecaster->horizon = options->horizon;
    forecaster->recursive = options->recursive != 0;
    forecaster->together = options->scale_together != 0;
    forecaster->logarithm = options->logarithm != 0;
    forecaster->scaling = options->scaling;
    forecaster->loss = options->loss;
    forecaster->huber_delta = options->huber_delta;
    forecaster->hold_out = options->hold_out;
    forecaster->valid = options->valid;
    forecaster->no_validation = options->no_validation != 0;
    if (options->loss == ELMAN_LOSS_QUANTILE) {
        forecaster->quantile_count = options->quantile_count;
        memcpy(forecaster->quantiles, options->quantiles,
               options->quantile_count * sizeof(*options->quantiles));
    }
    forecaster->spacing = series->spacing;
    forecaster->form = series->form;
    forecaster->missing = series->missing;
    forecaster->wide = series->wide;
    forecaster->calendar = !options->no_calendar && calendar_width(&series->spacing) > 0;
    const elman_status status = choose_seasons(forecaster, series, options, error);
    if (status != ELMAN_OK) return status;

    forecaster->season = best_season(forecaster, series);
    forecaster->base_season = forecaster->season;
    forecaster->base = ELMAN_BASE_NONE; /* until choose_base */
    choose_lags(forecaster, series, options);
    choose_context(forecaster, options);
    forecaster->changes = longest_training(forecaster, series) >= SHORT && !forecaster->recursive;
    return ELMAN_OK;
}

/* Fits what the base needs and chooses it, where the options leave that open. The views get the
 * tracks that the base needs. */
static elman_status choose_base(elman_forecaster *forecaster, Views *views,
                                const elman_forecaster_options *options, elman_error *error) {
    static const elman_base bases[] = {ELMAN_BASE_SMOOTH, ELMAN_BASE_SEASONAL, ELMAN_BASE_LAST};
    elman_base base = options->base;
    if (base == ELMAN_BASE_AUTO && forecaster->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL)
        base = ELMAN_BASE_NONE;
    if (base == ELMAN_BASE_AUTO && forecaster->recursive) base = ELMAN_BASE_SEASONAL;
    elman_status status = ELMAN_OK;
    if (base == ELMAN_BASE_AUTO || base == ELMAN_BASE_SMOOTH) {
        status = smooth_fit(forecaster, views, error);
        if (status == ELMAN_OK) status = views_smooth(views, error);
        double least = INFINITY;
        for (size_t i = 0; i < 3 && status == ELMAN_OK && options->base == ELMAN_BASE_AUTO; i++) {
            const double missed = base_error(forecaster, views, bases[i]);
            if (!(missed < least)) continue;
            least = missed;
            base = bases[i];
        }
    }
    if (base == ELMAN_BASE_AUTO) base = ELMAN_BASE_SEASONAL;
    forecaster->base = base;
    if (base == ELMAN_BASE_LAST) forecaster->base_season = 1;
    return status;
}

static elman_status check_columns(const elman_series *series,
                                  const elman_forecaster_options *options, elman_error *error) {
    if (!options->recursive || series->past_count == 0) return ELMAN_OK;
    return fail(error, ELMAN_ERR_ARGUMENT,
                "a recursive forecaster needs its covariates at every step that it forecasts, but "
                "\"%s\" is known for the past only",
                series->past_names[0]);
}

/* The targets of some windows, in any order; *count of them. NULL: no memory. */
static double *sample_targets(const elman_forecaster *forecaster, const Views *views,
                              const Windows *windows, size_t *count) {
    enum { SAMPLED = 1000 };
    const size_t horizon = forecaster->horizon;
    const size_t taken = windows->count < SAMPLED ? windows->count : SAMPLED;
    double *targets =
        memory_allocate_array(&forecaster->context->memory, taken * horizon, sizeof(double));
    *count = 0;
    for (size_t i = 0; targets != NULL && i < taken; i++) {
        size_t which, origin;
        windows_find(windows, views->count, i * windows->count / taken, &which, &origin);
        for (size_t step = origin; step < origin + horizon; step++) {
            const double target = (double)window_target(
                &views->view[which], forecaster, forecaster->recursive ? step : origin, step);
            if (!isnan(target)) targets[(*count)++] = target;
        }
    }
    return targets;
}

static double inverse_softplus(double y) {
    return y > 30.0 ? y : natural_logarithm(exponential(y) - 1.0);
}

/* What the output shall be before anything is learnt: what is usual, whatever the input. */
static void fit_start(elman_forecaster *f, const double *sorted, size_t count) {
    float *start = f->start;
    const double middle = sorted_quantile(sorted, count, 0.5);
    const double spread = fmax(0.01, 0.7413 * (sorted_quantile(sorted, count, 0.75) -
                                               sorted_quantile(sorted, count, 0.25)));
    memset(start, 0, sizeof(f->start));
    start[0] = (float)middle;
    if (f->loss == ELMAN_LOSS_QUANTILE) {
        const size_t m = f->quantile_count / 2;
        for (size_t i = 0; i < f->quantile_count; i++) {
            const size_t inner = i > m ? i - 1 : i + 1;
            const double here = sorted_quantile(sorted, count, f->quantiles[i]);
            if (i == m) {
                start[i] = (float)here;
                continue;
            }
            const double gap = fabs(here - sorted_quantile(sorted, count, f->quantiles[inner]));
            start[i] = (float)inverse_softplus(fmax(0.01, gap));
        }
    } else if (f->loss == ELMAN_LOSS_GAUSSIAN || f->loss == ELMAN_LOSS_STUDENT_T) {
        start[1] = (float)inverse_softplus(spread);
        start[2] = (float)inverse_softplus(3.0);
    } else if (f->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL) {
        start[0] = (float)inverse_softplus(1.0);
        start[1] = (float)inverse_softplus(0.5);
    }
}

/* The size of what the network is to predict, the root mean square of the targets, and where its
 * output starts. */
static elman_status fit_residual(elman_forecaster *forecaster, const elman_series *series,
                                 const Views *views, elman_error *error) {
    Windows windows = {0};
    double *targets = NULL, squares = 0.0;
    size_t count = 0;
    forecaster->residual = 1.0;
    elman_status status = windows_create(forecaster, series, WINDOWS_TRAIN, &windows, error);
    if (status == ELMAN_OK) {
        targets = sample_targets(forecaster, views, &windows, &count);
        if (targets == NULL)
            status =
                fail(error, ELMAN_ERR_MEMORY, "no memory to look at %zu windows", windows.count);
    }
    for (size_t i = 0; i < count; i++) squares += targets[i] * targets[i] / (double)count;
    if (squares > 0.0 && isfinite(squares) && forecaster->base != ELMAN_BASE_NONE)
        forecaster->residual = sqrt(squares);
    for (size_t i = 0; i < count; i++) targets[i] /= forecaster->residual;
    if (count > 0) {
        qsort(targets, count, sizeof(*targets), compare_doubles);
        fit_start(forecaster, targets, count);
    }
    memory_release(&forecaster->context->memory, targets);
    windows_release(forecaster, &windows);
    return status;
}

elman_status elman_forecaster_start(const elman_forecaster *forecaster, elman_model *model,
                                    elman_error *error) {
    elman_tensor weight, bias;
    elman_status status = predict_check(forecaster, &model->structure, error);
    if (status == ELMAN_OK) status = elman_model_find_tensor(model, "head.weight", &weight, error);
    if (status == ELMAN_OK) status = elman_model_find_tensor(model, "head.bias", &bias, error);
    if (status != ELMAN_OK) return status;
    memset(weight.data, 0, weight.count * sizeof(float));
    memcpy(bias.data, forecaster->start, bias.count * sizeof(float));
    return ELMAN_OK;
}

/* The size of each season's change, x_t - x_(t - season), over the training parts. */
static void fit_changes(elman_forecaster *forecaster, const Views *views) {
    for (size_t s = 0; s < forecaster->season_count; s++) {
        const size_t season = forecaster->seasons[s];
        double squares = 0.0;
        size_t count = 0;
        for (size_t i = 0; i < views->count; i++) {
            const View *view = &views->view[i];
            size_t train, valid;
            forecaster_parts(forecaster, view->one->length, &train, &valid);
            for (size_t t = season; t < train; t++) {
                const double change = (double)view->x[t] - (double)view->x[t - season];
                if (isnan(change)) continue;
                squares += change * change;
                count++;
            }
        }
        forecaster->change[s] = count > 0 && squares > 0.0 ? sqrt(squares / (double)count) : 1.0;
    }
}

static elman_status count_windows(elman_forecaster *forecaster, const elman_series *series,
                                  elman_error *error) {
    Windows windows;
    elman_status status = windows_create(forecaster, series, WINDOWS_TRAIN, &windows, error);
    forecaster->train_windows = windows.count;
    windows_release(forecaster, &windows);
    if (status != ELMAN_OK) return status;
    status = windows_create(forecaster, series, WINDOWS_VALID, &windows, error);
    forecaster->valid_windows = windows.count;
    forecaster->valid_steps = SIZE_MAX;
    for (size_t i = 0; i < series->count; i++) {
        size_t train, valid;
        forecaster_parts(forecaster, series->one[i].length, &train, &valid);
        if (valid - train < forecaster->valid_steps) forecaster->valid_steps = valid - train;
    }
    windows_release(forecaster, &windows);
    if (status == ELMAN_OK && forecaster->train_windows == 0)
        return fail(error, ELMAN_ERR_DATA,
                    "the longest series has %zu values to learn from: too few for one forecast of "
                    "%zu steps with a season of %zu",
                    longest_training(forecaster, series), forecaster->horizon, forecaster->season);
    return status;
}

/* Chooses the base and what is read, and fits what depends on them. */
static elman_status fit_windows(elman_forecaster *forecaster, const elman_series *series,
                                const elman_forecaster_options *options, elman_error *error) {
    Views views;
    elman_status status =
        views_create(forecaster, series, forecaster->hold_out, VIEWS_LEARN, &views, error);
    if (status == ELMAN_OK) status = choose_base(forecaster, &views, options, error);
    if (status == ELMAN_OK) status = window_plan(forecaster, error);
    if (status == ELMAN_OK) fit_changes(forecaster, &views);
    if (status == ELMAN_OK) status = count_windows(forecaster, series, error);
    if (status == ELMAN_OK) status = fit_residual(forecaster, series, &views, error);
    views_release(&views);
    return status;
}

elman_status elman_forecaster_create(elman_context *context, const elman_series *series,
                                     const elman_forecaster_options *given,
                                     elman_forecaster **result, elman_error *error) {
    Memory *memory = &context->memory;
    elman_forecaster_options options;
    *result = NULL;
    elman_status status = read_options(&options, given, error);
    if (status == ELMAN_OK) status = check_kinds(&options, error);
    if (status == ELMAN_OK) status = check_loss(&options, error);
    if (status == ELMAN_OK) status = check_columns(series, &options, error);
    if (status != ELMAN_OK) return status;
    elman_forecaster *forecaster = memory_allocate(memory, sizeof(*forecaster));
    if (forecaster == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a forecaster");
    forecaster->context = context;
    if (!copy_name(memory, series->time_name, &forecaster->time_name) ||
        !copy_name(memory, series->id_name, &forecaster->id_name) ||
        !copy_name(memory, series->target_name, &forecaster->target_name))
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for a forecaster");
    if (status == ELMAN_OK) status = settle(forecaster, series, &options, error);
    if (status == ELMAN_OK) status = forecaster_fit_columns(forecaster, series, error);
    if (status == ELMAN_OK) status = forecaster_fit_members(forecaster, series, error);
    if (status == ELMAN_OK) status = forecaster_index(forecaster, error);
    if (status == ELMAN_OK) status = fit_windows(forecaster, series, &options, error);
    if (status == ELMAN_OK) status = forecaster_keep_tails(forecaster, series, error);
    if (status != ELMAN_OK) {
        elman_forecaster_destroy(forecaster);
        return status;
    }
    *result = forecaster;
    return ELMAN_OK;
}

static void release_statics(elman_forecaster *forecaster) {
    Memory *memory = &forecaster->context->memory;
    for (size_t i = 0; i < forecaster->static_count; i++) {
        StaticColumn *column = &forecaster->statics[i];
        for (size_t level = 0; level < column->level_count; level++)
            memory_release(memory, column->levels[level]);
        memory_release(memory, column->levels);
        memory_release(memory, column->values);
        memory_release(memory, column->name);
    }
    memory_release(memory, forecaster->static_standards);
    memory_release(memory, forecaster->statics);
}

void elman_forecaster_destroy(elman_forecaster *forecaster) {
    if (forecaster == NULL) return;
    Memory *memory = &forecaster->context->memory;
    memory_release(memory, forecaster->calibration);
    memory_release(memory, forecaster->features);
    memory_release(memory, forecaster->by_id);
    for (size_t i = 0; i < forecaster->member_count; i++) {
        Member *member = &forecaster->members[i];
        memory_release(memory, member->state);
        memory_release(memory, member->tail.past);
        memory_release(memory, member->tail.known);
        memory_release(memory, member->tail.y);
        memory_release(memory, member->id);
    }
    memory_release(memory, forecaster->members);
    release_statics(forecaster);
    for (size_t i = 0; i < forecaster->past_count; i++)
        memory_release(memory, forecaster->past[i].name);
    memory_release(memory, forecaster->past);
    for (size_t i = 0; i < forecaster->known_count; i++)
        memory_release(memory, forecaster->known[i].name);
    memory_release(memory, forecaster->known);
    memory_release(memory, forecaster->target_name);
    memory_release(memory, forecaster->id_name);
    memory_release(memory, forecaster->time_name);
    memory_release(memory, forecaster);
}

void elman_forecaster_describe(const elman_forecaster *forecaster, elman_forecaster_info *info) {
    *info = (elman_forecaster_info){
        .inputs = forecaster->feature_count,
        .outputs = elman_loss_outputs(forecaster->loss, forecaster->quantile_count),
        .context = forecaster->steps_before,
        .horizon = forecaster->horizon,
        .series = forecaster->member_count,
        .season = forecaster->season,
        .season_count = forecaster->season_count,
        .lag_count = forecaster->lag_count,
        .loss = forecaster->loss,
        .base = forecaster->base,
        .recursive = forecaster->recursive,
        .logarithm = forecaster->logarithm,
        .train_windows = forecaster->train_windows,
        .valid_windows = forecaster->valid_windows,
        .valid_steps = forecaster->valid_steps,
        .calibration_windows = forecaster->calibration_windows,
    };
    memcpy(info->seasons, forecaster->seasons, sizeof(info->seasons));
    memcpy(info->lags, forecaster->lags, sizeof(info->lags));
}

void elman_forecaster_input_name(const elman_forecaster *forecaster, size_t index,
                                 char name[ELMAN_INPUT_NAME_MAX]) {
    name[0] = '\0';
    if (index < forecaster->feature_count) window_name(forecaster, index, name);
}
