/* Puts the rows of a file in order and finds the spacing of their times. */
#include "data/series_groups.h"

#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "data/missing.h"
#include "formats/order.h"

enum {
    SPARSE = 10,
    SPARSE_FREE = 1000
}; /* steps for each row, and those that are always allowed */

void group_place(const SeriesGroups *groups, size_t row, char place[SOURCE_PLACE_MAX]) {
    const size_t line = series_rows_line(groups->rows, row);
    if (groups->columns->time == COLUMN_NONE)
        source_line(groups->source, line, place);
    else
        source_place(groups->source, line, groups->columns->time, place);
}

/* Where each id's rows begin; returns the most rows of an id. */
static size_t find_starts(SeriesGroups *groups) {
    const Names *const ids = &groups->rows->ids;
    size_t most = 0;
    for (size_t i = 0; i < ids->count; i++) {
        groups->starts[i + 1] = groups->starts[i] + (size_t)ids->entries[i].added;
        if (ids->entries[i].added > most) most = (size_t)ids->entries[i].added;
    }
    return most;
}

/* Brings the rows of each id together, in the order of the file. */
static void collect(SeriesGroups *groups) {
    const SeriesRows *const rows = groups->rows;
    for (size_t row = 0; row < rows->count; row++)
        groups->order[groups->starts[row_series(rows, row)]++] = (uint32_t)row;
    /* Each start stands where the next one was. */
    memmove(groups->starts + 1, groups->starts, rows->ids.count * sizeof *groups->starts);
    groups->starts[0] = 0;
}

static int compare_times(const void *elements, uint32_t a, uint32_t b) {
    const int64_t *const times = elements;
    return times[a] < times[b] ? -1 : times[a] > times[b];
}

/* The times of a group, in its order; whether they do not descend. */
static bool copy_times(const SeriesGroups *groups, size_t group) {
    bool ascending = true;
    const size_t begin = groups->starts[group], count = groups->starts[group + 1] - begin;
    for (size_t i = 0; i < count; i++) {
        groups->times[i] = row_time(groups->rows, group_row(groups, begin + i));
        ascending = ascending && (i == 0 || groups->times[i] >= groups->times[i - 1]);
    }
    return ascending;
}

static void sort_group(SeriesGroups *groups, size_t group) {
    uint32_t *const order = groups->order + groups->starts[group];
    const size_t count = groups->starts[group + 1] - groups->starts[group];
    order_sort(groups->sorted, count, compare_times, groups->times);
    for (size_t i = 0; i < count; i++) groups->times[i] = order[groups->sorted[i]];
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)groups->times[i];
}

/* Sorted rows of equal times stand beside each other, in the order of the file. */
static elman_status check_twice(const SeriesGroups *groups, size_t group, elman_error *error) {
    for (size_t i = groups->starts[group] + 1; i < groups->starts[group + 1]; i++) {
        const size_t row = group_row(groups, i), before = group_row(groups, i - 1);
        if (row_time(groups->rows, row) != row_time(groups->rows, before)) continue;
        char place[SOURCE_PLACE_MAX], time[ELMAN_TIME_TEXT_MAX], line[SOURCE_PLACE_MAX];
        group_place(groups, row, place);
        source_line(groups->source, series_rows_line(groups->rows, before), line);
        time_write(row_time(groups->rows, row), groups->rows->form, time);
        const char *const id = names_text(&groups->rows->ids, group);
        return fail(error, ELMAN_ERR_DATA, "%s: found %s a second time%s%.60s%s, first in %s",
                    place, time, *id ? " for \"" : "", id, *id ? "\"" : "", line);
    }
    return ELMAN_OK;
}

elman_status series_groups_find(const Source *source, const SeriesColumns *columns,
                                const SeriesRows *rows, SeriesGroups *groups, elman_error *error) {
    Memory *const memory = rows->memory;
    *groups = (SeriesGroups){.source = source, .columns = columns, .rows = rows};
    groups->starts = memory_allocate_array(memory, rows->ids.count + 1, sizeof *groups->starts);
    const size_t most = groups->starts ? find_starts(groups) : 0;
    groups->times = memory_allocate_array(memory, most, sizeof *groups->times);
    if (!rows->in_order) {
        groups->order = memory_allocate_array(memory, rows->count, sizeof *groups->order);
        groups->sorted = memory_allocate_array(memory, most, sizeof *groups->sorted);
    }
    if (!groups->starts || !groups->times ||
        (!rows->in_order && (!groups->order || !groups->sorted)))
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to sort %zu rows", source->name,
                    rows->count);
    if (rows->in_order) return ELMAN_OK;
    collect(groups);
    for (size_t group = 0; group < rows->ids.count; group++) {
        if (!copy_times(groups, group)) sort_group(groups, group);
        const elman_status status = check_twice(groups, group, error);
        if (status) return status;
    }
    return ELMAN_OK;
}

void series_groups_release(SeriesGroups *groups) {
    if (!groups->rows) return;
    Memory *const memory = groups->rows->memory;
    memory_release(memory, groups->order);
    memory_release(memory, groups->starts);
    memory_release(memory, groups->times);
    memory_release(memory, groups->sorted);
    *groups = (SeriesGroups){0};
}

static elman_status refuse_time(const SeriesGroups *groups, size_t group, size_t index,
                                const elman_spacing *spacing, elman_error *error) {
    const TimeForm form = groups->rows->form;
    char place[SOURCE_PLACE_MAX], found[ELMAN_TIME_TEXT_MAX], first[ELMAN_TIME_TEXT_MAX];
    char name[ELMAN_TIME_TEXT_MAX];
    group_place(groups, group_row(groups, groups->starts[group] + index), place);
    time_write(groups->times[index], form, found);
    time_write(groups->times[0], form, first);
    spacing_name(spacing, name);
    return fail(error, ELMAN_ERR_DATA, "%s: found %s, expected regular times: %s from %s on", place,
                found, name, first);
}

static elman_status refuse_gap(const SeriesGroups *groups, size_t group, size_t index,
                               const elman_spacing *spacing, elman_error *error) {
    char place[SOURCE_PLACE_MAX], time[ELMAN_TIME_TEXT_MAX];
    group_place(groups, group_row(groups, groups->starts[group] + index), place);
    time_write(spacing_advance(spacing, groups->times[index - 1], 1), groups->rows->form, time);
    const char *const id = names_text(&groups->rows->ids, group);
    return fail(error, ELMAN_ERR_DATA, "%s: no row for %s before this one%s%.60s%s; " MISSING_HINT,
                place, time, *id ? ", in series \"" : "", id, *id ? "\"" : "");
}

/* Walks along the times of a group, which are in groups->times, and counts their steps. */
static elman_status check_group(const SeriesGroups *groups, size_t group, bool gaps,
                                const elman_spacing *spacing, uint64_t *total, elman_error *error) {
    const size_t count = groups->starts[group + 1] - groups->starts[group];
    const uint64_t most = (uint64_t)groups->rows->count * SPARSE + SPARSE_FREE;
    ++*total;
    for (size_t i = 1; i < count; i++) {
        int64_t steps;
        if (!spacing_steps(spacing, groups->times[i - 1], groups->times[i], &steps))
            return refuse_time(groups, group, i, spacing, error);
        if (steps != 1 && !gaps) return refuse_gap(groups, group, i, spacing, error);
        if ((*total += (uint64_t)steps) > most) {
            char name[ELMAN_TIME_TEXT_MAX];
            spacing_name(spacing, name);
            return fail(error, ELMAN_ERR_DATA,
                        "%s: times have no regular spacing: of %s from the first to the last, "
                        "fewer than one in ten has a row",
                        groups->source->name, name);
        }
    }
    return ELMAN_OK;
}

elman_status series_groups_space(const SeriesGroups *groups, bool gaps, elman_spacing *spacing,
                                 elman_error *error) {
    SpacingEvidence evidence = {.form = groups->rows->form};
    uint64_t total = 0;
    for (size_t group = 0; group < groups->rows->ids.count; group++) {
        (void)copy_times(groups, group);
        spacing_gather(&evidence, groups->times, groups->starts[group + 1] - groups->starts[group]);
    }
    *spacing = spacing_decide(&evidence, gaps);
    for (size_t group = 0; group < groups->rows->ids.count; group++) {
        (void)copy_times(groups, group);
        const elman_status status = check_group(groups, group, gaps, spacing, &total, error);
        if (status) return status;
    }
    return ELMAN_OK;
}
