/* Fits the smoothing parameters by a search along one of them at a time. */
#include "forecast/smooth_fit.h"

#include <math.h>

#include "core/fail.h"
#include "forecast/window.h"

enum { SERIES_MOST = 30, STEPS_MOST = 20000, ORIGINS_MOST = 300, ROUNDS_MOST = 8 };

static const double grid[] = {0.0, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2,  0.25, 0.3,
                              0.4, 0.5,   0.6,  0.7,  0.8,  0.85, 0.9, 0.95, 0.98, 0.995};

enum { GRID = sizeof(grid) / sizeof(grid[0]) };

/* The part of a series that is looked at. */
typedef struct Sample {
    const float *x;
    SmoothTrack track;
} Sample;

typedef struct Fitting {
    const elman_forecaster *forecaster;
    Sample *samples;
    size_t count;
} Fitting;

/* The mean square of the errors of forecasts from evenly spaced origins after the first two cycles.
 */
static double fitting_error(Fitting *fitting, const Smooth *smooth) {
    const size_t horizon = fitting->forecaster->horizon;
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < fitting->count; i++) {
        Sample *sample = &fitting->samples[i];
        SmoothTrack *track = &sample->track;
        const size_t longest = smooth->count > 0 ? smooth->steps[smooth->count - 1] : 5;
        const size_t first = 2 * longest < track->length / 2 ? 2 * longest : track->length / 2;
        const size_t origins = track->length - first;
        const size_t taken = origins < ORIGINS_MOST ? origins : ORIGINS_MOST;
        smooth_run(smooth, sample->x, track, 0, NULL);
        for (size_t k = 0; k < taken; k++) {
            const size_t origin = first + k * origins / taken;
            for (size_t step = origin; step < origin + horizon && step < track->length; step++) {
                const double missed =
                    (double)sample->x[step] - smooth_forecast(smooth, track, origin, step);
                if (isnan(missed)) continue;
                sum += missed * missed;
                count++;
            }
        }
    }
    return count > 0 ? sum / (double)count : INFINITY;
}

static void search(Fitting *fitting, Smooth *smooth) {
    double *parameters[2 + ELMAN_SEASONS_MAX] = {&smooth->level, &smooth->rest};
    const size_t count = 2 + smooth->count;
    smooth->level = 0.1;
    smooth->rest = 0.5;
    for (size_t k = 0; k < smooth->count; k++) {
        smooth->season[k] = 0.1;
        parameters[2 + k] = &smooth->season[k];
    }
    double least = fitting_error(fitting, smooth);
    bool better = true;
    for (size_t round = 0; round < ROUNDS_MOST && better; round++) {
        better = false;
        for (size_t i = 0; i < count; i++) {
            double best = *parameters[i];
            for (size_t g = 0; g < GRID; g++) {
                *parameters[i] = grid[g];
                const double error = fitting_error(fitting, smooth);
                if (!(error < least)) continue;
                least = error;
                best = grid[g];
                better = true;
            }
            *parameters[i] = best;
        }
    }
}

elman_status smooth_fit(elman_forecaster *forecaster, const Views *views, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    Smooth *smooth = &forecaster->smooth;
    Fitting fitting = {.forecaster = forecaster};
    const size_t taken = views->count < SERIES_MOST ? views->count : SERIES_MOST;
    smooth->count = forecaster->season_count;
    for (size_t k = 0; k < smooth->count; k++) smooth->steps[k] = forecaster->seasons[k];
    bool there = true;
    fitting.samples = memory_allocate_array(memory, taken, sizeof(Sample));
    there = fitting.samples != NULL;
    for (size_t i = 0; i < taken && there; i++) {
        const View *view = &views->view[i * views->count / taken];
        size_t train, valid;
        forecaster_parts(forecaster, view->one->length, &train, &valid);
        if (train < 2) continue;
        const size_t first = train > STEPS_MOST ? train - STEPS_MOST : 0;
        Sample *sample = &fitting.samples[fitting.count++];
        sample->x = view->x + first;
        there = smooth_track_create(memory, smooth, view->phase + (int64_t)first, train - first,
                                    &sample->track);
        if (there) smooth_begin(smooth, sample->x, train - first, &sample->track);
    }
    if (there) search(&fitting, smooth);
    for (size_t i = 0; i < fitting.count; i++)
        smooth_track_release(memory, smooth, &fitting.samples[i].track);
    memory_release(memory, fitting.samples);
    return there ? ELMAN_OK : fail(error, ELMAN_ERR_MEMORY, "no memory to smooth the series");
}

double base_error(const elman_forecaster *forecaster, const Views *views, elman_base base) {
    elman_forecaster trial = *forecaster; /* only read, with another base */
    const size_t horizon = forecaster->horizon;
    /* With many series fewer of each, so that the time does not grow without bound. */
    const size_t most =
        views->count > SERIES_MOST ? 1 + SERIES_MOST * ORIGINS_MOST / views->count : ORIGINS_MOST;
    double sum = 0.0;
    size_t count = 0;
    trial.base = base;
    if (base == ELMAN_BASE_LAST) trial.base_season = 1;
    for (size_t i = 0; i < views->count; i++) {
        const View *view = &views->view[i];
        size_t train, valid;
        forecaster_parts(forecaster, view->one->length, &train, &valid);
        const size_t origins = train + horizon <= valid ? valid - horizon - train + 1 : 0;
        const size_t taken = origins < most ? origins : most;
        for (size_t k = 0; k < taken; k++) {
            const size_t origin = train + k * origins / taken;
            for (size_t step = origin; step < origin + horizon; step++) {
                const double missed =
                    fabs((double)view_value(view, step) - window_base(view, &trial, origin, step));
                if (isnan(missed)) continue;
                sum += missed;
                count++;
            }
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}
