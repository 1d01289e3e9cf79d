/* Rows of a file, put in order: those of one id together, by time. */
#ifndef DATA_SERIES_GROUPS_H
#define DATA_SERIES_GROUPS_H

#include "data/series_rows.h"

typedef struct SeriesGroups {
    const Source *source;
    const SeriesColumns *columns;
    const SeriesRows *rows;
    uint32_t *order;  /* [rows]; NULL: as in the file */
    size_t *starts;   /* [ids + 1]: where the rows of an id begin in `order` */
    int64_t *times;   /* room for the times of the longest group */
    uint32_t *sorted; /* room for sorting it; NULL with `order` */
} SeriesGroups;

/* Orders the rows; whatever the result, series_groups_release may follow, and the arguments must
 * outlive the groups. Errors: DATA (one time twice), MEMORY. */
elman_status series_groups_find(const Source *source, const SeriesColumns *columns,
                                const SeriesRows *rows, SeriesGroups *groups, elman_error *error);
void series_groups_release(SeriesGroups *groups);

/* Finds the spacing of all groups and checks that it reaches every time; without `gaps` that no
 * time is left out. With gaps, at least one step of ten must have a row. Errors: DATA. */
elman_status series_groups_space(const SeriesGroups *groups, bool gaps, elman_spacing *spacing,
                                 elman_error *error);

/* The row at `place` of all the ordered rows. */
static inline size_t group_row(const SeriesGroups *groups, size_t place) {
    return groups->order ? groups->order[place] : place;
}

/* "FILE:12, column ds" of a row; without a column of times "FILE:12". */
void group_place(const SeriesGroups *groups, size_t row, char place[SOURCE_PLACE_MAX]);

#endif
