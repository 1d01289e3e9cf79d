/* Conformal calibration: how far beyond its bounds an interval must reach to hold as often as it
 * says.
 *
 * For each calibrated level and step of the horizon, every window of the validation part scores how
 * far its value lies outside the interval (below 0: inside), in scaled units. Of n scores the one
 * of rank ceil((n + 1) level) is added to both bounds: Romano, Patterson and Candes, "Conformalized
 * quantile regression", 2019, equation 8. Where a step has few windows, the scores of neighbouring
 * steps join. */
#include "forecast/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/quantile.h"
#include "core/size.h"
#include "forecast/predict.h"

enum { WINDOWS_MOST = 256, PATH_WINDOWS_MOST = 32, PATHS = 200, SCORES_LEAST = 100 };

const double calibration_levels[CALIBRATION_LEVELS] = {
    0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55,
    0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.98, 0.99,
};

double calibration_offset(const elman_forecaster *forecaster, double level, size_t step) {
    const size_t horizon = forecaster->horizon;
    const float *offsets = forecaster->calibration;
    if (offsets == NULL) return 0.0;
    if (step >= horizon) step = horizon - 1;
    size_t above = 0;
    while (above < CALIBRATION_LEVELS && calibration_levels[above] < level) above++;
    if (above == CALIBRATION_LEVELS) return (double)offsets[(above - 1) * horizon + step];
    const double high = (double)offsets[above * horizon + step];
    if (above == 0 || calibration_levels[above] == level) return high;
    const double low = (double)offsets[(above - 1) * horizon + step];
    const double part = (level - calibration_levels[above - 1]) /
                        (calibration_levels[above] - calibration_levels[above - 1]);
    return low + part * (high - low);
}

/* What calibrating holds. */
typedef struct Calibrating {
    const elman_forecaster *forecaster;
    Views views;
    Windows windows;
    Predictor predictor;
    PredictItem *items;
    size_t count;                /* of items */
    double *middle, *low, *high; /* as in Predictions */
    double *scores;              /* [items][horizon]: of one level; NaN: none */
    double *pooled;              /* room for as many */
    float *offsets;              /* [CALIBRATION_LEVELS][horizon] */
} Calibrating;

static elman_status allocate(Calibrating *c, elman_error *error) {
    const elman_forecaster *forecaster = c->forecaster;
    Memory *memory = &forecaster->context->memory;
    const size_t most = forecaster->recursive ? PATH_WINDOWS_MOST : WINDOWS_MOST;
    size_t steps, bounds = 0;
    c->count = c->windows.count < most ? c->windows.count : most;
    if (size_mul(c->count, forecaster->horizon, &steps) &&
        size_mul(steps, CALIBRATION_LEVELS, &bounds)) {
        c->items = memory_allocate_array(memory, c->count, sizeof(PredictItem));
        c->middle = memory_allocate_array(memory, steps, sizeof(double));
        c->low = memory_allocate_array(memory, bounds, sizeof(double));
        c->high = memory_allocate_array(memory, bounds, sizeof(double));
        c->scores = memory_allocate_array(memory, steps, sizeof(double));
        c->pooled = memory_allocate_array(memory, steps, sizeof(double));
        c->offsets =
            memory_allocate_array(memory, CALIBRATION_LEVELS * forecaster->horizon, sizeof(float));
    }
    if (c->items == NULL || c->middle == NULL || c->low == NULL || c->high == NULL ||
        c->scores == NULL || c->pooled == NULL || c->offsets == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory to calibrate on %zu windows", c->count);
    return ELMAN_OK;
}

static void score_level(Calibrating *c, size_t level) {
    const size_t horizon = c->forecaster->horizon;
    for (size_t i = 0; i < c->count; i++)
        for (size_t h = 0; h < horizon; h++) {
            const PredictItem *item = &c->items[i];
            const double x = (double)view_value(item->view, item->origin + h);
            const size_t at = (i * CALIBRATION_LEVELS + level) * horizon + h;
            const double below = c->low[at] - x, above = x - c->high[at];
            c->scores[i * horizon + h] = below > above ? below : above;
        }
}

/* The offset of a level at step `h`: the scores of the steps within the least distance that gives
 * enough of them, or all. */
static float offset_at(const Calibrating *c, double level, size_t h) {
    const size_t horizon = c->forecaster->horizon;
    size_t count = 0;
    for (size_t distance = 0; distance < horizon; distance++) {
        const size_t first = h > distance ? h - distance : 0;
        const size_t last = h + distance < horizon ? h + distance : horizon - 1;
        count = 0;
        for (size_t i = 0; i < c->count; i++)
            for (size_t step = first; step <= last; step++) {
                const double score = c->scores[i * horizon + step];
                if (!isnan(score)) c->pooled[count++] = score;
            }
        if (count >= SCORES_LEAST) break;
    }
    if (count == 0) return 0.0f;
    qsort(c->pooled, count, sizeof(*c->pooled), compare_doubles);
    const double rank = ceil((double)(count + 1) * level);
    return (float)c->pooled[rank < (double)count ? (size_t)rank - 1 : count - 1];
}

/* Whether a window has a value to be inside or outside of; the same for all levels. */
static bool has_scores(const Calibrating *c) {
    for (size_t i = 0; i < c->count * c->forecaster->horizon; i++)
        if (!isnan(c->scores[i])) return true;
    return false;
}

static elman_status calibrate(Calibrating *c, const elman_network *network, elman_error *error) {
    const size_t horizon = c->forecaster->horizon;
    elman_status status =
        predictor_create(&c->views, network, c->count, PATHS, 0, &c->predictor, error);
    if (status != ELMAN_OK) return status;
    for (size_t i = 0; i < c->count; i++) {
        size_t which, origin;
        windows_find(&c->windows, c->views.count, i * c->windows.count / c->count, &which, &origin);
        c->items[i] = (PredictItem){&c->views.view[which], origin};
    }
    const Predictions predictions = {
        horizon, calibration_levels, CALIBRATION_LEVELS, c->middle, c->low, c->high};
    status = predictor_run(&c->predictor, c->items, c->count, &predictions, error);
    for (size_t level = 0; level < CALIBRATION_LEVELS && status == ELMAN_OK; level++) {
        score_level(c, level);
        for (size_t h = 0; h < horizon; h++)
            c->offsets[level * horizon + h] = offset_at(c, calibration_levels[level], h);
    }
    return status;
}

elman_status elman_forecaster_calibrate(elman_forecaster *forecaster, const elman_network *network,
                                        const elman_series *series, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    Calibrating c = {.forecaster = forecaster, .predictor.views = &c.views};
    elman_status status =
        views_create(forecaster, series, forecaster->hold_out, VIEWS_LEARN, &c.views, error);
    if (status == ELMAN_OK)
        status = windows_create(forecaster, series, WINDOWS_VALID, &c.windows, error);
    if (status == ELMAN_OK && c.windows.count > 0) {
        status = allocate(&c, error);
        if (status == ELMAN_OK) status = calibrate(&c, network, error);
        if (status == ELMAN_OK && has_scores(&c)) {
            memory_release(memory, forecaster->calibration);
            forecaster->calibration = c.offsets;
            forecaster->calibration_windows = c.count;
            c.offsets = NULL;
        }
    }
    memory_release(memory, c.offsets);
    memory_release(memory, c.pooled);
    memory_release(memory, c.scores);
    memory_release(memory, c.high);
    memory_release(memory, c.low);
    memory_release(memory, c.middle);
    memory_release(memory, c.items);
    predictor_release(&c.predictor);
    windows_release(forecaster, &c.windows);
    views_release(&c.views);
    return status;
}

elman_status elman_forecaster_calibrate_as(elman_forecaster *forecaster,
                                           const elman_forecaster *other, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t horizon = forecaster->horizon;
    double own = 0.0, others = 0.0;
    if (other->horizon != horizon || other->member_count != forecaster->member_count ||
        other->logarithm != forecaster->logarithm)
        return fail(error, ELMAN_ERR_MISMATCH, "the two forecasters are not of the same kind");
    if (other->calibration == NULL) return ELMAN_OK;
    float *offsets = memory_allocate_array(memory, CALIBRATION_LEVELS * horizon, sizeof(float));
    if (offsets == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory to calibrate");
    /* Offsets are in scaled units, and the scales differ a little. */
    for (size_t i = 0; i < forecaster->member_count; i++) {
        own += forecaster->members[i].standard.scale;
        others += other->members[i].standard.scale;
    }
    for (size_t i = 0; i < CALIBRATION_LEVELS * horizon; i++)
        offsets[i] = (float)((double)other->calibration[i] * (others / own));
    memory_release(memory, forecaster->calibration);
    forecaster->calibration = offsets;
    forecaster->calibration_windows = other->calibration_windows;
    return ELMAN_OK;
}
