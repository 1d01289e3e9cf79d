/* Exponential smoothing with several seasons. */
#include "forecast/smooth.h"

#include <math.h>
#include <string.h>

#include "forecast/naive.h"

/* Where what stands in a state. */
enum { SMOOTH_LEVEL, SMOOTH_REST, SMOOTH_SEEN, SMOOTH_SEASONS };

size_t smooth_state_size(const Smooth *smooth) {
    size_t size = SMOOTH_SEASONS;
    for (size_t k = 0; k < smooth->count; k++) size += smooth->steps[k];
    return size;
}

bool smooth_track_create(Memory *memory, const Smooth *smooth, int64_t phase, size_t length,
                         SmoothTrack *track) {
    *track = (SmoothTrack){.phase = phase, .length = length};
    track->start = memory_allocate_array(memory, smooth_state_size(smooth), sizeof(double));
    track->now = memory_allocate_array(memory, smooth_state_size(smooth), sizeof(double));
    track->level = memory_allocate_array(memory, length, sizeof(float));
    track->rest = memory_allocate_array(memory, length, sizeof(float));
    bool there =
        track->start != NULL && track->now != NULL && track->level != NULL && track->rest != NULL;
    for (size_t k = 0; k < smooth->count && there; k++) {
        track->season[k] = memory_allocate_array(memory, length, sizeof(float));
        there = track->season[k] != NULL;
    }
    return there;
}

void smooth_track_release(Memory *memory, const Smooth *smooth, SmoothTrack *track) {
    for (size_t k = 0; k < smooth->count; k++) memory_release(memory, track->season[k]);
    memory_release(memory, track->rest);
    memory_release(memory, track->level);
    memory_release(memory, track->now);
    memory_release(memory, track->start);
    *track = (SmoothTrack){0};
}

/* The phase of step `step` in season `k`. */
static size_t phase_of(const Smooth *smooth, const SmoothTrack *track, size_t k, size_t step) {
    const int64_t steps = (int64_t)smooth->steps[k];
    const int64_t at = (track->phase % steps + (int64_t)(step % smooth->steps[k])) % steps;
    return (size_t)(at < 0 ? at + steps : at);
}

/* Where season `k` begins in a state. */
static size_t season_offset(const Smooth *smooth, size_t k) {
    size_t offset = SMOOTH_SEASONS;
    for (size_t i = 0; i < k; i++) offset += smooth->steps[i];
    return offset;
}

/* The sum of the first `count` seasons of a state at a step's phases. */
static double seasons_at(const Smooth *smooth, const SmoothTrack *track, const double *state,
                         size_t count, size_t step) {
    double sum = 0.0;
    for (size_t k = 0; k < count; k++)
        sum += state[season_offset(smooth, k) + phase_of(smooth, track, k, step)];
    return sum;
}

void smooth_begin(const Smooth *smooth, const float *x, size_t known, SmoothTrack *track) {
    double *start = track->start;
    const size_t longest = smooth->count > 0 ? smooth->steps[smooth->count - 1] : 10;
    const size_t cycles = known / longest < 2 ? 1 : 2;
    const size_t used = cycles * longest < known ? cycles * longest : known;
    double sum = 0.0;
    size_t count = 0;
    memset(start, 0, smooth_state_size(smooth) * sizeof(double));
    for (size_t t = 0; t < used; t++)
        if (!isnan(x[t])) {
            sum += (double)x[t];
            count++;
        }
    start[SMOOTH_LEVEL] = count > 0 ? sum / (double)count : 0.0;
    for (size_t k = 0; k < smooth->count; k++) {
        double *season = start + season_offset(smooth, k);
        for (size_t phase = 0; phase < smooth->steps[k]; phase++) {
            const size_t now = phase_of(smooth, track, k, 0);
            sum = 0.0;
            count = 0;
            for (size_t t = (phase + smooth->steps[k] - now) % smooth->steps[k]; t < used;
                 t += smooth->steps[k]) {
                if (isnan(x[t])) continue;
                sum += (double)x[t] - start[SMOOTH_LEVEL] - seasons_at(smooth, track, start, k, t);
                count++;
            }
            season[phase] = count > 0 ? sum / (double)count : 0.0;
        }
    }
}

static double level_gain(const Smooth *smooth, double seen) {
    const double longest = smooth->count > 0 ? (double)smooth->steps[smooth->count - 1] : 5.0;
    const double mean = seen >= 2.0 * longest ? 1.0 / (seen + 1.0) : 0.0;
    return smooth->level > mean ? smooth->level : mean;
}

static double season_gain(const Smooth *smooth, size_t k, double seen) {
    const double cycles = floor(seen / (double)smooth->steps[k]);
    const double mean = cycles >= 2.0 ? 1.0 / (cycles + 1.0) : 0.0;
    return smooth->season[k] > mean ? smooth->season[k] : mean;
}

void smooth_run(const Smooth *smooth, const float *x, SmoothTrack *track, size_t at,
                double *state) {
    double *now = track->now;
    const size_t size = smooth_state_size(smooth);
    double level = track->start[SMOOTH_LEVEL], rest = track->start[SMOOTH_REST];
    double seen = track->start[SMOOTH_SEEN];
    size_t phases[ELMAN_SEASONS_MAX], offsets[ELMAN_SEASONS_MAX];
    memcpy(now, track->start, size * sizeof(double));
    for (size_t k = 0; k < smooth->count; k++) {
        phases[k] = phase_of(smooth, track, k, 0);
        offsets[k] = season_offset(smooth, k);
    }
    for (size_t t = 0; t <= track->length; t++) {
        if (t == at && state != NULL) {
            memcpy(state, now, size * sizeof(double));
            state[SMOOTH_LEVEL] = level;
            state[SMOOTH_REST] = rest;
            state[SMOOTH_SEEN] = seen;
        }
        if (t == track->length) break;
        double seasons = 0.0;
        for (size_t k = 0; k < smooth->count; k++) seasons += now[offsets[k] + phases[k]];
        const double carried = smooth->rest * rest;
        const double missed = (double)x[t] - (level + seasons + carried);
        rest = carried;
        if (!isnan(missed)) {
            rest += missed;
            level += level_gain(smooth, seen) * missed;
        }
        track->level[t] = (float)level;
        track->rest[t] = (float)rest;
        for (size_t k = 0; k < smooth->count; k++) {
            double *season = &now[offsets[k] + phases[k]];
            if (!isnan(missed)) *season += season_gain(smooth, k, seen) * missed;
            track->season[k][t] = (float)*season;
            phases[k] = phases[k] + 1 == smooth->steps[k] ? 0 : phases[k] + 1;
        }
        seen += 1.0;
    }
}

double smooth_forecast(const Smooth *smooth, const SmoothTrack *track, size_t origin, size_t step) {
    double sum = origin > 0 ? (double)track->level[origin - 1] : track->start[SMOOTH_LEVEL];
    double rest = origin > 0 ? (double)track->rest[origin - 1] : track->start[SMOOTH_REST];
    for (size_t k = 0; k < smooth->count; k++) {
        size_t at;
        if (phase_before(origin, step, smooth->steps[k], &at))
            sum += (double)track->season[k][at];
        else
            sum += track->start[season_offset(smooth, k) + phase_of(smooth, track, k, step)];
    }
    for (size_t ahead = step - origin + 1; ahead > 0 && rest != 0.0; ahead--) {
        rest *= smooth->rest;
        if (fabs(rest) < 1e-12) rest = 0.0;
    }
    return sum + rest;
}
