/* What the network reads of a window, and what it is to say. */
#include "forecast/window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "forecast/naive.h"

/* A plan being made: counted first, filled in then. */
typedef struct Plan {
    Feature *features; /* NULL: only counts */
    size_t count;
} Plan;

static void add(Plan *plan, FeatureKind kind, size_t a, size_t b) {
    if (plan->features != NULL) plan->features[plan->count] = (Feature){kind, a, b};
    plan->count++;
}

static void add_all(Plan *plan, FeatureKind kind, size_t count) {
    for (size_t i = 0; i < count; i++) add(plan, kind, i, 0);
}

static bool reads_lag_1(const elman_forecaster *forecaster) {
    return forecaster->lag_count > 0 && forecaster->lags[0] == 1;
}

static void make_plan(const elman_forecaster *f, Plan *plan) {
    if (!reads_lag_1(f)) add(plan, FEATURE_VALUE, 1, 0);
    for (size_t i = 0; i < f->lag_count; i++) add(plan, FEATURE_VALUE, f->lags[i], 0);
    if (f->base == ELMAN_BASE_SMOOTH) {
        add(plan, FEATURE_REST, 1, 0);
        for (size_t s = 0; s < f->season_count; s++) add(plan, FEATURE_REST, f->seasons[s], 0);
    }
    for (size_t s = 0; s < f->season_count && f->changes; s++) {
        if (!reads_lag_1(f)) add(plan, FEATURE_CHANGE, 1, s);
        for (size_t i = 0; i < f->lag_count; i++) add(plan, FEATURE_CHANGE, f->lags[i], s);
    }
    add(plan, FEATURE_OBSERVED, 0, 0);
    if (!f->recursive) add(plan, FEATURE_POSITION, 0, 0);
    for (size_t s = 0; s < f->season_count; s++) {
        add(plan, FEATURE_SINE, f->seasons[s], 1);
        add(plan, FEATURE_COSINE, f->seasons[s], 1);
    }
    if (f->calendar) add_all(plan, FEATURE_CALENDAR, calendar_width(&f->spacing));
    add_all(plan, FEATURE_KNOWN, f->known_count);
    add_all(plan, FEATURE_PAST, f->past_count);
    add_all(plan, FEATURE_STATIC, forecaster_static_width(f));
}

elman_status window_plan(elman_forecaster *forecaster, elman_error *error) {
    Plan plan = {0};
    make_plan(forecaster, &plan);
    plan.features =
        memory_allocate_array(&forecaster->context->memory, plan.count, sizeof(Feature));
    if (plan.features == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a forecaster");
    plan.count = 0;
    make_plan(forecaster, &plan);
    forecaster->features = plan.features;
    forecaster->feature_count = plan.count;
    return ELMAN_OK;
}

static void name_static(const elman_forecaster *f, size_t index, char name[ELMAN_INPUT_NAME_MAX]) {
    for (size_t i = 0; i < f->static_count; i++) {
        const StaticColumn *column = &f->statics[i];
        const size_t width = column->levels != NULL ? column->level_count : 1;
        if (index >= width) {
            index -= width;
            continue;
        }
        if (column->levels != NULL)
            snprintf(name, ELMAN_INPUT_NAME_MAX, "%.40s is %.40s", column->name,
                     column->levels[index]);
        else
            snprintf(name, ELMAN_INPUT_NAME_MAX, "%.80s", column->name);
        return;
    }
}

void window_name(const elman_forecaster *f, size_t index, char name[ELMAN_INPUT_NAME_MAX]) {
    const Feature *feature = &f->features[index];
    const size_t a = feature->a, b = feature->b;
    name[0] = '\0';
    switch (feature->kind) {
    case FEATURE_VALUE:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "lag %zu", a);
        break;
    case FEATURE_CHANGE:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "lag %zu less lag %zu", a, a + f->seasons[b]);
        break;
    case FEATURE_REST:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "rest at lag %zu", a);
        break;
    case FEATURE_OBSERVED:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "lag 1 is known");
        break;
    case FEATURE_POSITION:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "place in the horizon");
        break;
    case FEATURE_SINE:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "season %zu (sine %zu)", a, b);
        break;
    case FEATURE_COSINE:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "season %zu (cosine %zu)", a, b);
        break;
    case FEATURE_CALENDAR:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "calendar %zu", a + 1);
        break;
    case FEATURE_KNOWN:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "%.80s", f->known[a].name);
        break;
    case FEATURE_PAST:
        snprintf(name, ELMAN_INPUT_NAME_MAX, "%.80s, lag 1", f->past[a].name);
        break;
    case FEATURE_STATIC:
        name_static(f, a, name);
        break;
    }
}

size_t window_reach(const elman_forecaster *f) {
    size_t lag = 1;
    if (f->lag_count > 0 && f->lags[f->lag_count - 1] > lag) lag = f->lags[f->lag_count - 1];
    if (f->season_count > 0) lag += f->seasons[f->season_count - 1];
    return lag > f->base_season ? lag : f->base_season;
}

/* The base season's last value of that phase before `origin`, scaled; NaN: there is none. */
static float last_of_phase(const View *view, size_t season, size_t origin, size_t step) {
    size_t at;
    if (!phase_before(origin, step, season, &at)) return NAN;
    for (;; at -= season) {
        const float value = view_value(view, at);
        if (!isnan(value)) return value;
        if (at < season || at < view->first) return NAN;
    }
}

double window_base(const View *view, const elman_forecaster *forecaster, size_t origin,
                   size_t step) {
    if (forecaster->base == ELMAN_BASE_NONE) return 0.0;
    if (forecaster->base == ELMAN_BASE_SMOOTH)
        return smooth_forecast(&forecaster->smooth, &view->track, origin, step);
    const float value = last_of_phase(view, forecaster->base_season, origin, step);
    return isnan(value) ? 0.0 : (double)value;
}

float window_target(const View *view, const elman_forecaster *forecaster, size_t origin,
                    size_t step) {
    const float value = view_value(view, step);
    if (forecaster->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL) return (float)view->one->y[step];
    return (float)(((double)value - window_base(view, forecaster, origin, step)) /
                   forecaster->residual);
}

/* The target at a step before `step`, scaled: what is not known yet is the base season's last value
 * of that phase. 0: there is none. */
static float value_before(const View *view, const elman_forecaster *forecaster, size_t origin,
                          size_t step, size_t lag) {
    if (lag > step) return 0.0f;
    const size_t at = step - lag;
    const float value = at < origin ? view_value(view, at)
                                    : last_of_phase(view, forecaster->base_season, origin, at);
    return isnan(value) ? 0.0f : value;
}

/* What smoothing left at a step before `step`, in units of what the network predicts: the next one
 * fades from step to step, those of earlier seasons are taken again. */
static float rest_before(const View *view, const elman_forecaster *forecaster, size_t origin,
                         size_t step, size_t lag) {
    if (lag > step || origin == 0) return 0.0f;
    size_t at = step - lag;
    double fading = 1.0;
    if (at >= origin && lag == 1) {
        for (; at >= origin; at--) fading *= forecaster->smooth.rest;
    } else if (at >= origin) {
        if (!phase_before(origin, at, lag, &at)) return 0.0f;
    }
    return (float)((double)view->track.rest[at] * fading / forecaster->residual);
}

/* The mean of the values of the last season before the origin. */
static float mean_before(const View *view, const elman_forecaster *forecaster, size_t origin) {
    const size_t season =
        forecaster->season_count > 0 ? forecaster->seasons[forecaster->season_count - 1] : 1;
    double sum = 0.0;
    size_t count = 0;
    for (size_t t = origin > season ? origin - season : 0; t < origin; t++) {
        const double value = (double)view_value(view, t);
        if (isnan(value)) continue;
        sum += value;
        count++;
    }
    return count > 0 ? (float)(sum / (double)count) : 0.0f;
}

static float covariate(const float *rows, size_t stride, size_t column, size_t step,
                       const Standard *standard) {
    const double value = (double)rows[step * stride + column];
    return isnan(value) ? 0.0f : (float)((value - standard->location) / standard->scale);
}

/* One step being read. */
typedef struct Reading {
    const Views *views;
    const View *view;
    size_t origin, step;
    float mean; /* of the last season before the origin */
    const float *calendar;
} Reading;

static float phase(const Feature *feature, const View *view, size_t step) {
    double sine, cosine;
    const int64_t season = (int64_t)feature->a;
    const int64_t at = (view->phase % season + (int64_t)(step % feature->a)) % season;
    const int64_t part = (at < 0 ? at + season : at) * (int64_t)feature->b % season;
    turn(part, season, &sine, &cosine);
    return (float)(feature->kind == FEATURE_SINE ? sine : cosine);
}

static float read_feature(const Reading *r, const Feature *feature) {
    const elman_forecaster *f = r->views->forecaster;
    const View *view = r->view;
    const size_t origin = r->origin, a = feature->a;
    size_t step = r->step;
    switch (feature->kind) {
    case FEATURE_VALUE:
        return value_before(view, f, origin, step, a) - r->mean;
    case FEATURE_REST:
        return rest_before(view, f, origin, step, a);
    case FEATURE_CHANGE:
        /* Lag 1 keeps its last known change, which tells of the level. */
        if (a == 1 && step > origin && origin > 0) step = origin;
        return (float)(((double)value_before(view, f, origin, step, a) -
                        (double)value_before(view, f, origin, step, a + f->seasons[feature->b])) /
                       f->change[feature->b]);
    case FEATURE_OBSERVED:
        return step > 0 && step - 1 < origin && !isnan(view_value(view, step - 1)) ? 1.0f : 0.0f;
    case FEATURE_POSITION:
        return step < origin ? 0.0f : (float)(step - origin + 1) / (float)f->horizon;
    case FEATURE_SINE:
    case FEATURE_COSINE:
        return phase(feature, view, step);
    case FEATURE_CALENDAR:
        return r->calendar[a];
    case FEATURE_KNOWN:
        if (step >= view->steps) return 0.0f;
        return covariate(view->one->known, r->views->known_stride, r->views->known_column[a], step,
                         &f->known[a].standard);
    case FEATURE_PAST:
        if (step == 0 || step > origin || step > view->one->length) return 0.0f;
        return covariate(view->one->past, r->views->past_stride, r->views->past_column[a], step - 1,
                         &f->past[a].standard);
    case FEATURE_STATIC:
        return view->statics[a];
    }
    return 0.0f;
}

static void read_step(const Views *views, const View *view, size_t origin, size_t step, float mean,
                      float *out) {
    enum { CALENDAR_MAX = 64 };
    const elman_forecaster *f = views->forecaster;
    float calendar[CALENDAR_MAX];
    if (f->calendar)
        calendar_features(&f->spacing,
                          spacing_advance(&f->spacing, view->one->start, (int64_t)step), calendar);
    const Reading reading = {views, view, origin, step, mean, calendar};
    for (size_t i = 0; i < f->feature_count; i++) out[i] = read_feature(&reading, &f->features[i]);
}

void window_inputs(const Views *views, const View *view, size_t origin, size_t horizon, float *out,
                   size_t stride) {
    const elman_forecaster *f = views->forecaster;
    const float mean = f->changes && !f->recursive ? mean_before(view, f, origin) : 0.0f;
    for (size_t k = 0; k < f->steps_before + horizon; k++) {
        float *row = out + k * stride;
        if (origin + k < f->steps_before)
            memset(row, 0, f->feature_count * sizeof(float));
        else if (f->recursive)
            window_step(views, view, origin + k - f->steps_before, row);
        else
            read_step(views, view, origin, origin + k - f->steps_before, mean, row);
    }
}

void window_step(const Views *views, const View *view, size_t step, float *out) {
    read_step(views, view, step, step, 0.0f, out);
}
