/* Series as windows read them. */
#include "forecast/view.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"

size_t forecaster_static_width(const elman_forecaster *forecaster) {
    size_t width = 0;
    for (size_t i = 0; i < forecaster->static_count; i++) {
        const StaticColumn *column = &forecaster->statics[i];
        width += column->levels != NULL ? column->level_count : 1;
    }
    return width;
}

static size_t most_steps(const elman_series *series) {
    size_t most = 0;
    for (size_t i = 0; i < series->count; i++) {
        const size_t steps = series->one[i].length + series->one[i].future;
        if (steps > most) most = steps;
    }
    return most;
}

static elman_status check_spacing(const elman_forecaster *forecaster, const elman_series *series,
                                  elman_error *error) {
    const elman_spacing *want = &forecaster->spacing, *found = &series->spacing;
    if (want->unit == found->unit && want->step == found->step) return ELMAN_OK;
    if (most_steps(series) < 2)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "no series of the data has two times, which would tell how far apart they are");
    return fail(error, ELMAN_ERR_MISMATCH,
                "the data are %s apart, which is not the spacing of the series that the model has "
                "learned",
                elman_series_spacing_name(series));
}

/* Where the series have the columns of `wanted`. */
static elman_status find_columns(const Covariate *wanted, size_t wanted_count, char *const *names,
                                 size_t count, const char *kind, size_t *columns,
                                 elman_error *error) {
    for (size_t i = 0; i < wanted_count; i++) {
        size_t at = 0;
        while (at < count && strcmp(names[at], wanted[i].name) != 0) at++;
        if (at == count)
            return fail(error, ELMAN_ERR_MISMATCH,
                        "the model reads the %s covariate \"%s\", which the data do not have", kind,
                        wanted[i].name);
        columns[i] = at;
    }
    return ELMAN_OK;
}

/* The numbers of static column `index` of the forecaster for one series. */
static void read_static(const elman_forecaster *forecaster, size_t index,
                        const StaticColumn *column, size_t series, float *out) {
    const StaticColumn *wanted = &forecaster->statics[index];
    const double value = column->values[series];
    if (wanted->levels == NULL) {
        const Standard *standard = &forecaster->static_standards[index];
        *out = (float)((value - standard->location) / standard->scale);
        return;
    }
    if (column->levels == NULL) return;
    for (size_t level = 0; level < wanted->level_count; level++)
        if (strcmp(wanted->levels[level], column->levels[(size_t)value]) == 0) out[level] = 1.0f;
}

static elman_status read_statics(Views *views, const elman_series *series, elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    size_t offset = 0;
    for (size_t i = 0; i < forecaster->static_count; i++) {
        const StaticColumn *wanted = &forecaster->statics[i];
        size_t at = 0;
        while (at < series->static_count && strcmp(series->statics[at].name, wanted->name) != 0)
            at++;
        if (at == series->static_count ||
            (series->statics[at].levels != NULL) != (wanted->levels != NULL))
            return fail(error, ELMAN_ERR_MISMATCH,
                        "the model reads the static column \"%s\" of %s, which the data do not "
                        "have",
                        wanted->name, wanted->levels != NULL ? "words" : "numbers");
        for (size_t s = 0; s < series->count; s++)
            read_static(forecaster, i, &series->statics[at], s, views->view[s].statics + offset);
        offset += wanted->levels != NULL ? wanted->level_count : 1;
    }
    return ELMAN_OK;
}

/* The scale of a series that the forecaster was not made for: its own. */
static elman_status fit_own(const Views *views, View *view, elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    Memory *memory = &forecaster->context->memory;
    if (forecaster->together && forecaster->member_count > 0) {
        view->standard = forecaster->members[0].standard;
        return ELMAN_OK;
    }
    double *values = memory_allocate_array(memory, view->length, 2 * sizeof(double));
    if (values == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the values of \"%s\"", view->one->id);
    static const Standard as_is = {0.0, 1.0};
    for (size_t t = 0; t < view->length; t++)
        values[t] = target_scale(forecaster, &as_is, view->one->y[t]);
    view->standard = target_standard(forecaster, values, view->length, values + view->length);
    memory_release(memory, values);
    return ELMAN_OK;
}

/* The number of a time on the grid of all times of its spacing, the same for every series, so that
 * phases of seasons agree between files that begin at different times. */
static int64_t grid_number(const elman_spacing *spacing, int64_t time) {
    enum { SECONDS = 86400, MONTHS = 12 };
    int64_t rest;
    const int64_t days = divide_down(time, SECONDS, &rest);
    int64_t number = time;
    if (spacing->unit == ELMAN_TIME_DAY) number = days;
    if (spacing->unit == ELMAN_TIME_BUSINESS_DAY) number = weekdays_before(days);
    if (spacing->unit == ELMAN_TIME_MONTH) {
        const Date date = date_of_days(days);
        number = date.year * MONTHS + date.month - 1;
    }
    return divide_down(number, spacing->step, &rest);
}

elman_status target_check(const elman_forecaster *forecaster, const elman_series *series,
                          size_t index, size_t count, elman_error *error) {
    const OneSeries *one = &series->one[index];
    const bool counts = forecaster->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL;
    char time[ELMAN_TIME_TEXT_MAX];
    for (size_t t = 0; t < count; t++) {
        if (forecaster->logarithm && one->y[t] <= 0.0)
            return fail(error, ELMAN_ERR_DATA,
                        "series \"%s\" is %g at %s: the logarithm takes numbers above 0 only",
                        one->id, one->y[t], elman_series_time(series, index, t, time));
        if (counts && one->y[t] < 0.0)
            return fail(error, ELMAN_ERR_DATA,
                        "series \"%s\" is %g at %s: the negative binomial loss takes counts only",
                        one->id, one->y[t], elman_series_time(series, index, t, time));
    }
    return ELMAN_OK;
}

static elman_status prepare(const Views *views, View *view, const elman_series *series,
                            elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    const size_t index = (size_t)(view - views->view);
    view->phase = grid_number(&forecaster->spacing, view->one->start);
    const elman_status found = target_check(forecaster, series, index, view->length, error);
    if (found != ELMAN_OK) return found;
    const Member *member = forecaster_find(forecaster, view->one->id);
    if (member != NULL) {
        view->standard = member->standard;
    } else {
        const elman_status status = fit_own(views, view, error);
        if (status != ELMAN_OK) return status;
    }
    for (size_t t = 0; t < view->length; t++)
        view->x[t] = (float)target_scale(forecaster, &view->standard, view->one->y[t]);
    return ELMAN_OK;
}

static elman_status allocate(Views *views, const elman_series *series, size_t hold_out,
                             elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    Memory *memory = &forecaster->context->memory;
    views->view = memory_allocate_array(memory, series->count, sizeof(View));
    views->known_column = memory_allocate_array(memory, forecaster->known_count, sizeof(size_t));
    views->past_column = memory_allocate_array(memory, forecaster->past_count, sizeof(size_t));
    bool there = views->view != NULL && views->known_column != NULL && views->past_column != NULL;
    views->count = views->view != NULL ? series->count : 0;
    for (size_t i = 0; i < views->count && there; i++) {
        View *view = &views->view[i];
        view->one = &series->one[i];
        view->length = view->one->length > hold_out ? view->one->length - hold_out : 0;
        view->steps = view->one->length + view->one->future;
        view->x = memory_allocate_array(memory, view->length, sizeof(float));
        view->statics =
            memory_allocate_array(memory, forecaster_static_width(forecaster), sizeof(float));
        there = view->x != NULL && view->statics != NULL;
    }
    return there ? ELMAN_OK
                 : fail(error, ELMAN_ERR_MEMORY, "no memory for %zu series", series->count);
}

/* The first steps that the start of smoothing is guessed from; a series without a training part has
 * all that is not held out. */
static size_t steps_to_begin(const Views *views, const View *view) {
    size_t train, valid;
    forecaster_parts(views->forecaster, view->one->length, &train, &valid);
    if (train == 0) train = valid;
    return views->use == VIEWS_PREDICT || train > view->length ? view->length : train;
}

elman_status views_smooth(Views *views, elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    Memory *memory = &forecaster->context->memory;
    const Smooth *smooth = &forecaster->smooth;
    for (size_t i = 0; i < views->count; i++) {
        View *view = &views->view[i];
        if (!smooth_track_create(memory, smooth, view->phase, view->length, &view->track))
            return fail(error, ELMAN_ERR_MEMORY, "no memory to smooth %zu series", views->count);
        const Member *member = forecaster_find(forecaster, view->one->id);
        if (member != NULL && member->state != NULL && member->tail.start == view->one->start)
            memcpy(view->track.start, member->state, smooth_state_size(smooth) * sizeof(double));
        else
            smooth_begin(smooth, view->x, steps_to_begin(views, view), &view->track);
        smooth_run(smooth, view->x, &view->track, 0, NULL);
    }
    return ELMAN_OK;
}

elman_status views_create(const elman_forecaster *forecaster, const elman_series *series,
                          size_t hold_out, ViewsUse use, Views *views, elman_error *error) {
    *views = (Views){.forecaster = forecaster,
                     .use = use,
                     .known_stride = series->known_count,
                     .past_stride = series->past_count};
    elman_status status = check_spacing(forecaster, series, error);
    if (status == ELMAN_OK) status = allocate(views, series, hold_out, error);
    if (status == ELMAN_OK)
        status = find_columns(forecaster->known, forecaster->known_count, series->known_names,
                              series->known_count, "known", views->known_column, error);
    if (status == ELMAN_OK)
        status = find_columns(forecaster->past, forecaster->past_count, series->past_names,
                              series->past_count, "past", views->past_column, error);
    if (status == ELMAN_OK) status = read_statics(views, series, error);
    for (size_t i = 0; i < views->count && status == ELMAN_OK; i++)
        status = prepare(views, &views->view[i], series, error);
    if (status == ELMAN_OK && forecaster->base == ELMAN_BASE_SMOOTH)
        status = views_smooth(views, error);
    return status;
}

void views_release(Views *views) {
    Memory *memory = &views->forecaster->context->memory;
    for (size_t i = 0; i < views->count; i++) {
        smooth_track_release(memory, &views->forecaster->smooth, &views->view[i].track);
        memory_release(memory, views->view[i].statics);
        memory_release(memory, views->view[i].x);
    }
    memory_release(memory, views->past_column);
    memory_release(memory, views->known_column);
    memory_release(memory, views->view);
    *views = (Views){.forecaster = views->forecaster};
}
