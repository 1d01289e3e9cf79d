/* What a forecaster holds; see elman/forecast.h. */
#ifndef FORECAST_FORECASTER_H
#define FORECAST_FORECASTER_H

#include <stdbool.h>

#include "context/context.h"
#include "data/series.h"
#include "forecast/smooth.h"
#include <elman/forecast.h>

/* A number x is read as (x - location) / scale. */
typedef struct Standard {
    double location, scale; /* scale is above 0 */
} Standard;

/* A covariate, as the file names it. */
typedef struct Covariate {
    char *name;
    Standard standard;
} Covariate;

/* What is known of a series that the forecaster was made for. */
typedef struct Member {
    char *id;
    Standard standard; /* of its target, after the logarithm */
    double
        naive_error; /* mean absolute error of the seasonal naive forecast on its training part */
    OneSeries tail;  /* its last steps; the id is not set */
    double *state;   /* of smoothing, before the tail; NULL without smoothing */
} Member;

/* One number of the input. */
typedef enum FeatureKind {
    FEATURE_VALUE,    /* the target `a` steps before */
    FEATURE_CHANGE,   /* the target `a` steps before, less the one season `b` before that */
    FEATURE_REST,     /* what smoothing left of the target `a` steps before */
    FEATURE_OBSERVED, /* 1: the value of the step before is known */
    FEATURE_POSITION, /* how far into the horizon, (0, 1]; 0 in the context */
    FEATURE_SINE,     /* of the phase, `b` times, in season `a` */
    FEATURE_COSINE,
    FEATURE_CALENDAR, /* number `a` of calendar_features */
    FEATURE_KNOWN,    /* known covariate `a` at the step */
    FEATURE_PAST,     /* past covariate `a` at the step before */
    FEATURE_STATIC    /* number `a` of the static columns */
} FeatureKind;

typedef struct Feature {
    FeatureKind kind;
    size_t a, b;
} Feature;

struct elman_forecaster {
    elman_context *context;

    size_t horizon, steps_before; /* of a window: the horizon and the context before it */
    size_t seasons[ELMAN_SEASONS_MAX], season_count;
    size_t season;      /* of naive forecasts; 1: there is none */
    size_t base_season; /* of the base */
    size_t lags[ELMAN_LAGS_MAX], lag_count;
    bool recursive, calendar, together, logarithm;
    elman_base base; /* not AUTO */
    Smooth smooth;   /* of ELMAN_BASE_SMOOTH */
    bool changes;    /* the changes from season to season are read, and values less the mean of the
                        last season; else the values as they are */
    elman_scaling scaling;
    elman_loss_kind loss;
    double quantiles[ELMAN_LOSS_QUANTILES_MAX];
    size_t quantile_count;
    double huber_delta;
    size_t hold_out, valid; /* as the options say */
    bool no_validation;

    elman_spacing spacing;
    TimeForm form;
    elman_missing missing;
    char *time_name, *id_name, *target_name;
    bool wide;
    Covariate *known, *past;
    size_t known_count, past_count;
    StaticColumn *statics; /* with the members' values */
    Standard *static_standards;
    size_t static_count;

    Feature *features; /* what the network reads at a step; follows from all above */
    size_t feature_count;
    double change[ELMAN_SEASONS_MAX]; /* the size of a season's change, in scaled units */

    float start[ELMAN_LOSS_QUANTILES_MAX]; /* what the output is before anything is learnt */
    double residual; /* the size of what the network predicts, in scaled units */
    Member *members;
    const Member **by_id; /* the same, sorted */
    size_t member_count;

    size_t train_windows, valid_windows, valid_steps;
    size_t calibration_windows; /* 0: not calibrated */
    float *calibration; /* [levels of calibrate.h][horizon], added to each bound outwards, in
                           scaled units; NULL: none */
};

/* The most steps of a horizon, a context, a season or a lag: what a model file may say. */
enum { FORECASTER_STEPS_MAX = 1 << 24 };

/* Where the parts of a series of `length` steps end: training [0, *train), validation [*train,
 * *valid), what is held out beyond. */
void forecaster_parts(const elman_forecaster *forecaster, size_t length, size_t *train,
                      size_t *valid);

/* Sorts the members by id, for forecaster_find. Errors: MEMORY. */
elman_status forecaster_index(elman_forecaster *forecaster, elman_error *error);

/* The member of that id, or NULL. */
const Member *forecaster_find(const elman_forecaster *forecaster, const char *id);

/* The targets struct of its loss, without targets. */
elman_targets forecaster_loss(const elman_forecaster *forecaster);

#endif
