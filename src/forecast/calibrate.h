/* Conformal calibration of intervals. */
#ifndef FORECAST_CALIBRATE_H
#define FORECAST_CALIBRATE_H

#include "forecast/forecaster.h"

enum { CALIBRATION_LEVELS = 21 };

/* The levels that are calibrated: 0.05, 0.1, ..., 0.95, 0.98, 0.99. */
extern const double calibration_levels[CALIBRATION_LEVELS];

/* By how much to move both bounds of the interval of `level` outwards at a step of the horizon, in
 * scaled units; linear between calibrated levels, constant beyond the first and last and beyond the
 * forecaster's horizon; 0 when it is not calibrated. */
double calibration_offset(const elman_forecaster *forecaster, double level, size_t step);

#endif
