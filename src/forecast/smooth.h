/* Exponential smoothing with any number of seasons and a correlated rest: the base that a network's
 * predictions are added to.
 *
 *     p_t = l + s_1 + ... + s_K + phi d       the forecast of step t from the state before it
 *     e   = x_t - p_t                         what it misses
 *     d'  = e + phi d                         the rest: x_t less level and seasons
 *     l'  = l + g_0 e,     s_k' = s_k + g_k e
 *
 * where s_k is the value that season k had at the phase of t, and its gain g_k is gamma_k, but
 * after c >= 2 cycles at least 1 / (c + 1), the gain of a running mean, which wears the first guess
 * off. So is g_0 alpha, but after two of the longest cycles at least 1 / (steps so far + 1). A
 * missing x_t leaves level and seasons as they are, and d' = phi d. Taylor, "Short-term electricity
 * demand forecasting using double seasonal exponential smoothing", Journal of the Operational
 * Research Society 54, 2003, in the form with a single source of error (Gould et al., European
 * Journal of Operational Research 191, 2008), without trend. */
#ifndef FORECAST_SMOOTH_H
#define FORECAST_SMOOTH_H

#include <stdbool.h>

#include "core/memory.h"
#include <elman/forecast.h>

typedef struct Smooth {
    double level, rest;               /* alpha, phi */
    double season[ELMAN_SEASONS_MAX]; /* gamma */
    size_t steps[ELMAN_SEASONS_MAX];  /* of each season */
    size_t count;                     /* of seasons */
} Smooth;

/* The numbers of a state: level, rest, steps so far, and each season's values by phase. */
size_t smooth_state_size(const Smooth *smooth);

/* What smoothing makes of one series: the state before its first step, and level, rest and the
 * season's value at each step's phase after it. */
typedef struct SmoothTrack {
    int64_t phase; /* of the first step, on the grid of all times */
    size_t length;
    double *start, *now;              /* [smooth_state_size]: before the first step; being run */
    float *level, *rest;              /* [length] */
    float *season[ELMAN_SEASONS_MAX]; /* [length] each */
} SmoothTrack;

/* Room for a track; false when there is no memory. Whatever the result, smooth_track_release may
 * follow. */
bool smooth_track_create(Memory *memory, const Smooth *smooth, int64_t phase, size_t length,
                         SmoothTrack *track);
void smooth_track_release(Memory *memory, const Smooth *smooth, SmoothTrack *track);

/* Guesses track->start from the first ones of `known` <= track->length values: their mean, and each
 * phase's mean distance from it. */
void smooth_begin(const Smooth *smooth, const float *x, size_t known, SmoothTrack *track);

/* Fills the track from track->start on. `state` (NULL: not wanted) receives the state before step
 * `at`. */
void smooth_run(const Smooth *smooth, const float *x, SmoothTrack *track, size_t at, double *state);

/* The forecast of step `step` from the state before `origin` <= step. */
double smooth_forecast(const Smooth *smooth, const SmoothTrack *track, size_t origin, size_t step);

#endif
