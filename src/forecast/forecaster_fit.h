/* What a forecaster learns before its network does: names, scales, the ends of the series. */
#ifndef FORECAST_FORECASTER_FIT_H
#define FORECAST_FORECASTER_FIT_H

#include "forecast/forecaster.h"

/* Copies the columns' names, and fits the scales of covariates and statics on the training parts.
 * Errors: DATA (a column of words with too many words), MEMORY. */
elman_status forecaster_fit_columns(elman_forecaster *forecaster, const elman_series *series,
                                    elman_error *error);

/* The same for the targets of each series. Errors: DATA, MEMORY. */
elman_status forecaster_fit_members(elman_forecaster *forecaster, const elman_series *series,
                                    elman_error *error);

/* Keeps the last steps of each series. Errors: MEMORY. */
elman_status forecaster_keep_tails(elman_forecaster *forecaster, const elman_series *series,
                                   elman_error *error);

/* Copies a name, of which there may be none. False: no memory. */
bool copy_name(Memory *memory, const char *name, char **copy);

/* Copies columns `from` to names and levels; a copy that fails releases nothing. */
bool static_column_copy(Memory *memory, const StaticColumn *from, StaticColumn *to);

#endif
