/* Forecasting: from time series to a network's input, and from its output to forecasts.
 *
 * A forecaster belongs to a model that reads `inputs` numbers a step and has `outputs` numbers at
 * every step. It reads windows of a series: `context` steps that are known, then `horizon` steps to
 * be predicted, one behind the other, in one sequence.
 *
 *     direct      one pass predicts all steps of the horizon at once; what is not yet known then is
 *                 replaced by the base forecast
 *     recursive   each step is predicted from the one before it; a forecast feeds back values drawn
 *                 from what it predicts, on many paths side by side
 *
 * How to train one: elman_forecaster_create, a model of its inputs and outputs, elman_trainer_run
 * over elman_forecaster_source, elman_forecaster_calibrate, elman_forecaster_store. How to use one:
 * elman_model_load, elman_forecaster_open, elman_forecaster_predict. */
#ifndef ELMAN_FORECAST_H
#define ELMAN_FORECAST_H

#include <elman/loss.h>
#include <elman/series.h>
#include <elman/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_forecaster elman_forecaster;
typedef struct elman_forecast elman_forecast;

enum { ELMAN_SEASONS_MAX = 4, ELMAN_LAGS_MAX = 32, ELMAN_INPUT_NAME_MAX = 96 };

/* How the target is brought to the size that networks like: (y - location) / scale, both of the
 * training part. */
typedef enum elman_scaling {
    ELMAN_SCALING_STANDARD, /* mean and standard deviation */
    ELMAN_SCALING_ROBUST,   /* median, and 0.7413 times the range between the quartiles */
    ELMAN_SCALING_NONE      /* 0 and 1 */
} elman_scaling;

/* What the network predicts the difference to. */
typedef enum elman_base {
    ELMAN_BASE_AUTO,     /* of SMOOTH, SEASONAL and LAST the one that errs least on the validation
                            part; SEASONAL for recursive forecasters, NONE for counts */
    ELMAN_BASE_SMOOTH,   /* exponential smoothing with all seasons, fitted to the training part */
    ELMAN_BASE_SEASONAL, /* the last known value of the same phase of the season */
    ELMAN_BASE_LAST,     /* the last known value */
    ELMAN_BASE_NONE
} elman_base;

typedef struct elman_forecaster_options {
    size_t struct_size; /* sizeof(elman_forecaster_options) */
    size_t horizon;     /* steps, at least 1 */
    size_t context; /* steps before them; 0: whole cycles of the shortest season, two at least, and
                       24 steps at least; without a season 24, or the horizon where that is more */
    size_t seasons[ELMAN_SEASONS_MAX]; /* steps of each cycle, ascending, at least 2 each */
    size_t season_count;               /* 0: those that the spacing suggests and the series allow */
    int no_season;                     /* non-zero: none */
    size_t lags[ELMAN_LAGS_MAX];       /* values so many steps back are read too, ascending */
    size_t lag_count;                  /* 0: the seasons, and 364 of two years of days; lag 1 is
                                          always read */
    int no_calendar;                   /* non-zero: hour, weekday and month are not read */

    int recursive;           /* non-zero: step by step */
    elman_loss_kind loss;    /* CROSS_ENTROPY (which is 0): QUANTILE for direct ones, GAUSSIAN for
                                recursive ones */
    const double *quantiles; /* QUANTILE: levels in (0, 1), ascending; none: 0.025, 0.1, 0.25, 0.5,
                                0.75, 0.9, 0.975 */
    size_t quantile_count;
    double huber_delta; /* HUBER: 1 when 0 */

    elman_scaling scaling;
    int scale_together; /* non-zero: one location and scale for all series; zero: each its own */
    int logarithm;      /* non-zero: works on ln(y), for which all values must be above 0 */
    elman_base base;

    size_t hold_out;   /* last steps of each series that nothing here may look at */
    int no_validation; /* non-zero: all before those is for training; a base must be named */
    size_t valid;      /* steps before those to validate and calibrate on; 0: a fifth of the series,
                          at least two horizons, at most a third */
} elman_forecaster_options;

typedef struct elman_forecaster_info {
    size_t inputs, outputs;  /* of the model */
    size_t context, horizon; /* steps; a sequence has both */
    size_t series;           /* that it was made for */
    size_t season;           /* that of the base and of the seasonal naive forecast: of the seasons
                                the one whose naive forecast errs least on the training parts,
                                of those that half of the series are long enough for; 1: there
                                is none, it is the last value */
    size_t seasons[ELMAN_SEASONS_MAX], season_count;
    size_t lags[ELMAN_LAGS_MAX], lag_count;
    elman_loss_kind loss;
    elman_base base;
    int recursive, logarithm;
    size_t train_windows, valid_windows; /* 0 for one that was opened */
    size_t valid_steps;                  /* of the shortest validation part of a series; the same */
    size_t calibration_windows;          /* 0: not calibrated */
} elman_forecaster_info;

/* Decides what is read and fits the scales on the training part. It keeps no pointer to `series`.
 * Errors: ARGUMENT (options that make no sense), DATA (too few values, with how many are needed; a
 * value that the options cannot take), MEMORY. */
ELMAN_API elman_status elman_forecaster_create(elman_context *context, const elman_series *series,
                                               const elman_forecaster_options *options,
                                               elman_forecaster **forecaster, elman_error *error);
ELMAN_API void elman_forecaster_destroy(elman_forecaster *forecaster);
ELMAN_API void elman_forecaster_describe(const elman_forecaster *forecaster,
                                         elman_forecaster_info *info);

/* The name of input `index`, such as "lag 24" or "temperature"; "" for none. */
ELMAN_API void elman_forecaster_input_name(const elman_forecaster *forecaster, size_t index,
                                           char name[ELMAN_INPUT_NAME_MAX]);

/* Sets the head of a built model so that, before anything is learnt, it predicts the base with the
 * spread that the training part has around it. For a forecaster that was created, not opened.
 * Errors: MISMATCH, ARGUMENT (no head). */
ELMAN_API elman_status elman_forecaster_start(const elman_forecaster *forecaster,
                                              elman_model *model, elman_error *error);

/* Windows to train on: drawn at random from all of the training part, `batch` at a time; an epoch
 * is at most 100 batches. Validation: windows of the validation part, at most 512, evenly spaced;
 * none where all their values are missing.
 * Forecaster and series must outlive the source. Errors: ARGUMENT (a batch of 0), MISMATCH (columns
 * or spacing are not those it was made for), DATA (no window to train on), MEMORY. */
typedef struct elman_forecaster_source elman_forecaster_source;
ELMAN_API elman_status elman_forecaster_source_create(const elman_forecaster *forecaster,
                                                      const elman_series *series, size_t batch,
                                                      uint64_t seed,
                                                      elman_forecaster_source **source,
                                                      elman_error *error);
ELMAN_API void elman_forecaster_source_destroy(elman_forecaster_source *source);

/* As elman_trainer_run takes it. */
ELMAN_API elman_source elman_forecaster_source_view(elman_forecaster_source *source);

/* The windows that are validated, as batches in the same order at every epoch; 0 of them where
 * there are none. */
ELMAN_API elman_source elman_forecaster_source_valid(elman_forecaster_source *source);

/* Conformal calibration (Vovk et al.; Romano, Patterson and Candes, 2019): widens or narrows the
 * intervals so that on the validation part they hold as often as they say, for each step of the
 * horizon. Errors: MISMATCH, MEMORY. */
ELMAN_API elman_status elman_forecaster_calibrate(elman_forecaster *forecaster,
                                                  const elman_network *network,
                                                  const elman_series *series, elman_error *error);

/* Takes over the calibration of another forecaster of the same series and horizon: for one that has
 * no validation part. Errors: MISMATCH, MEMORY. */
ELMAN_API elman_status elman_forecaster_calibrate_as(elman_forecaster *forecaster,
                                                     const elman_forecaster *other,
                                                     elman_error *error);

/* Puts all of it into the model, as its encoder. Errors: MISMATCH (the model's input or output is
 * not what the forecaster needs), MEMORY. */
ELMAN_API elman_status elman_forecaster_store(const elman_forecaster *forecaster,
                                              elman_model *model, elman_error *error);
ELMAN_API elman_status elman_forecaster_open(elman_context *context, const elman_model *model,
                                             elman_forecaster **forecaster, elman_error *error);

/* The last values of the series that it was made for are in the model too, so that it can go on
 * from there without a file: a new elman_series of them. Errors: MEMORY. */
ELMAN_API elman_status elman_forecaster_history(const elman_forecaster *forecaster,
                                                elman_series **series, elman_error *error);

/* Reads a file with the columns that the forecaster was made for; `object` as in
 * elman_series_options. Errors: as elman_series_load. */
ELMAN_API elman_status elman_forecaster_load(const elman_forecaster *forecaster, const char *path,
                                             const char *object, elman_series **series,
                                             elman_error *error);

typedef struct elman_predict_options {
    size_t struct_size; /* sizeof(elman_predict_options) */
    size_t horizon;  /* steps; 0: the model's. More are possible for recursive forecasters only */
    size_t hold_out; /* last steps of each series that are not looked at, and forecast instead;
                        of the known covariates they are */
    const double *levels; /* of the intervals, in (0, 1), ascending: 0.8 has 80 % inside */
    size_t level_count;
    int uncalibrated; /* non-zero: the intervals as the network says them */
    size_t paths;     /* of recursive forecasters; 200 when 0 */
    uint64_t seed;    /* of the paths */
} elman_predict_options;

/* Forecasts what follows each series. A series that the forecaster was not made for (by its id) is
 * scaled by its own values. One that has no value before its held-out steps has forecasts of NaN,
 * which no score counts. Errors: ARGUMENT, DATA (no values; a known covariate is missing for a step
 * behind the end of the series, named with its time), MISMATCH (columns or spacing are not those it
 * was made for), MEMORY. */
ELMAN_API elman_status elman_forecaster_predict(const elman_forecaster *forecaster,
                                                const elman_network *network,
                                                const elman_series *series,
                                                const elman_predict_options *options,
                                                elman_forecast **forecast, elman_error *error);
ELMAN_API void elman_forecast_destroy(elman_forecast *forecast);

/* The columns of a forecast. */
typedef enum elman_forecast_line {
    ELMAN_LINE_MODEL,          /* the median, or the mean where the loss has only that */
    ELMAN_LINE_NAIVE,          /* the last value */
    ELMAN_LINE_SEASONAL_NAIVE, /* the last value of the same phase of the season */
    ELMAN_LINE_DRIFT,          /* the last value and the mean change so far */
    ELMAN_LINE_BASE            /* the forecaster's base: the model without its network */
} elman_forecast_line;

ELMAN_API size_t elman_forecast_horizon(const elman_forecast *forecast);

/* [horizon]; of one series. */
ELMAN_API const double *elman_forecast_values(const elman_forecast *forecast, size_t series,
                                              elman_forecast_line line);
ELMAN_API const double *elman_forecast_low(const elman_forecast *forecast, size_t series,
                                           size_t level);
ELMAN_API const double *elman_forecast_high(const elman_forecast *forecast, size_t series,
                                            size_t level);

/* Errors of forecasts, over all steps that have an actual value. */
typedef struct elman_forecast_score {
    size_t count;
    double mae, rmse;
    double mape, smape; /* percent; NaN where a value is 0 (mape) or both are (smape) */
    double mase;        /* MAE over the mean absolute error of the seasonal naive forecast on the
                           training part (Hyndman and Koehler, 2006), mean over the series */
    double pinball;     /* mean over the levels' bounds and the median; NaN for naive forecasts */
} elman_forecast_score;

/* Adds up errors of forecasts, of one or of many folds. */
typedef struct elman_scorer elman_scorer;
ELMAN_API elman_status elman_scorer_create(const elman_forecaster *forecaster, const double *levels,
                                           size_t level_count, elman_scorer **scorer,
                                           elman_error *error);
ELMAN_API void elman_scorer_destroy(elman_scorer *scorer);

/* `hold_out` as the forecast was made with. Errors: MISMATCH, MEMORY. */
ELMAN_API elman_status elman_scorer_add(elman_scorer *scorer, const elman_series *series,
                                        const elman_forecast *forecast, size_t hold_out,
                                        elman_error *error);
ELMAN_API void elman_scorer_result(const elman_scorer *scorer, elman_forecast_line line,
                                   elman_forecast_score *score);

/* The share of actual values inside the interval of that level. */
ELMAN_API double elman_scorer_coverage(const elman_scorer *scorer, size_t level);

#ifdef __cplusplus
}
#endif

#endif
