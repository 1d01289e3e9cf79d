/* Series from ordered rows. */
#ifndef DATA_SERIES_BUILD_H
#define DATA_SERIES_BUILD_H

#include "data/series.h"
#include "data/series_groups.h"

/* Fills `series`, whose spacing, missing and context are set, with all groups. Whatever the result,
 * elman_series_destroy may follow. Errors: DATA, MEMORY. */
elman_status series_build(const SeriesGroups *groups, elman_series *series, elman_error *error);

#endif
