/* How a forecaster lies in a model file: the encoder of kind "series".
 *
 *     JSON                what was decided: horizon, seasons, lags, loss, columns, spacing
 *     encoder.ids         U8, each id with a zero byte behind it
 *     encoder.words       U8, the words of static columns in the same form
 *     encoder.members     F64 [series][3]: location, scale, error of the seasonal naive forecast
 *     encoder.statics     F64 [statics][series]: numbers, and the indices of words
 *     encoder.columns     F64 [known, past, statics][2]: location, scale
 *     encoder.smooth      F64 [2 + seasons]: alpha, phi, each gamma
 *     encoder.states      F64 [series][numbers of a state]: of smoothing, before the tails
 *     encoder.sizes       F64 [1 + seasons]: of what the network predicts, of a season's change
 *     encoder.calibration F32 [levels][horizon]
 *     encoder.tails       I64 [series][3]: start, length, steps of the future
 *     encoder.tails.y     F64, the last values of all series
 *     encoder.tails.known, encoder.tails.past   F32, their covariates
 *
 * Tensors without numbers are left out. */
#ifndef FORECAST_STORE_H
#define FORECAST_STORE_H

#include "forecast/forecaster.h"

enum { STORE_MEMBER = 3, STORE_COLUMN = 2, STORE_TAIL = 3, STORE_VERSION = 1 };

#define STORE_IDS         "encoder.ids"
#define STORE_WORDS       "encoder.words"
#define STORE_MEMBERS     "encoder.members"
#define STORE_STATICS     "encoder.statics"
#define STORE_COLUMNS     "encoder.columns"
#define STORE_SMOOTH      "encoder.smooth"
#define STORE_STATES      "encoder.states"
#define STORE_SIZES       "encoder.sizes"
#define STORE_CALIBRATION "encoder.calibration"
#define STORE_TAILS       "encoder.tails"
#define STORE_TAILS_Y     "encoder.tails.y"
#define STORE_TAILS_KNOWN "encoder.tails.known"
#define STORE_TAILS_PAST  "encoder.tails.past"

/* The names in JSON, in the order of the enumerations. */
extern const char *const store_bases[], *const store_scalings[], *const store_missing[],
                                                                     *const store_units[];
enum { STORE_BASES = 5, STORE_SCALINGS = 3, STORE_MISSING = 3, STORE_UNITS = 5 };

#endif
