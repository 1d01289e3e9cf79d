/* A run over time series: data, forecaster, model, training. */
#ifndef CLI_SERIES_RUN_H
#define CLI_SERIES_RUN_H

#include "score_view.h"
#include "series_options.h"
#include "session.h"

typedef struct SeriesRun {
    SeriesOptions options;
    bool given[OPTIONS_MAX];
    Session session;
    SeriesSettings settings;
    elman_series *series;
    elman_forecaster *forecaster;
    elman_forecaster_info info;
    elman_network *network; /* of the trained model */
    bool said;              /* what the data are */
} SeriesRun;

/* Parses the arguments; true when the run shall go on, else *status is the exit status. */
bool series_run_begin(SeriesRun *run, const Command *command, int count, char **arguments,
                      int *status);
void series_run_end(SeriesRun *run);

/* Reads the data; false after a sentence or with session.error. */
bool series_run_load(SeriesRun *run);

/* Makes forecaster and model for the data without their last `hold_out` steps, trains, calibrates.
 * Returns EXIT_DONE, or the exit status. May be called again for another hold_out. */
int series_run_train(SeriesRun *run, size_t hold_out, elman_train_result *result);

/* With --refit trains anew on everything; then the model has all that a forecast needs. Returns
 * EXIT_DONE, or the exit status. */
int series_run_finish(SeriesRun *run, const elman_train_result *result);

/* A scorer for forecasts of the run's forecaster, which must outlive it. */
bool series_run_scorer(SeriesRun *run, elman_scorer **scorer);

/* Forecasts what follows when the last `hold_out` steps are left out, and adds the errors to the
 * scorer. */
bool series_run_score(SeriesRun *run, elman_scorer *scorer, size_t hold_out,
                      elman_forecast **forecast);

/* Where the scores stand. */
ScoreView series_run_scores(const SeriesRun *run, const elman_scorer *scorer);

#endif
