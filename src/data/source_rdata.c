/* R's data as rows of cells. */
#include "data/source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/decimal.h"
#include "core/fail.h"

enum { DAY = 86400 };

#define WHOLE_MOST 1e15 /* whole numbers that are read as times */

bool source_is_rdata(const char *path) {
    static const char *const endings[] = {".rda", ".rdata", ".rds", ".rdx", ".rdb"};
    const char *const dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++) {
        const char *letter = dot, *wanted = endings[i];
        while (*letter && (*letter == *wanted || *letter - 'A' + 'a' == *wanted)) {
            letter++;
            wanted++;
        }
        if (!*letter && !*wanted) return true;
    }
    return false;
}

/* The only object, or the one that is asked for. */
static elman_status find_object(const Source *source, const char *object, size_t *index,
                                elman_error *error) {
    char list[240] = "";
    size_t used = 0;
    *index = 0;
    if (object) return rdata_find(source->file, object, index, error);
    const size_t count = rdata_count(source->file);
    if (count == 1) return ELMAN_OK;
    for (size_t i = 0; i < count; i++) {
        const char *const name = rdata_name(source->file, i);
        if (used + strlen(name) + 8 > sizeof(list)) {
            (void)snprintf(list + used, sizeof(list) - used, ", ...");
            break;
        }
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", name);
    }
    return fail(error, ELMAN_ERR_DATA, "%s: holds %zu objects (%s), one of which must be named",
                source->name, count, list);
}

/* value is near a whole number, which *whole becomes. */
static bool near_whole(double value, int64_t *whole) {
    const double nearest = floor(value + 0.5);
    if (!(fabs(nearest) <= WHOLE_MOST) || fabs(value - nearest) > 1e-3) return false;
    *whole = (int64_t)nearest;
    return true;
}

/* What the times of R's series mean: years in the unit of 12, 4 and 1 values a year, else nothing
 * that is known. */
static void find_times(Source *source) {
    const double frequency = source->data->frequency, start = source->data->start;
    source->form = TIME_FORM_NUMBER;
    source->start = 1;
    if (!(fabs(start) < 1e6)) {
        source->start = 1;
    } else if (frequency == 12.0) {
        if (near_whole(start * 12.0, &source->start)) source->form = TIME_FORM_MONTH;
    } else if (frequency == 4.0) {
        if (near_whole(start * 4.0, &source->start)) source->form = TIME_FORM_QUARTER;
    } else if (frequency == 1.0) {
        (void)near_whole(start, &source->start);
    }
    if (source->form == TIME_FORM_NUMBER && frequency > 1.5 && frequency < 1e9)
        source->frequency = (size_t)(frequency + 0.5);
}

static elman_status copy_names(Source *source, elman_error *error) {
    const RdataTable *const data = source->data;
    const size_t first = data->is_series;
    const size_t count = data->column_count + first;
    source->names = memory_allocate_array(source->memory, count, sizeof *source->names);
    source->scratch = memory_allocate(source->memory, SOURCE_SCRATCH);
    bool complete = source->names && source->scratch;
    for (size_t i = 0; complete && i < count; i++) {
        const char *const name = i < first ? "time" : data->columns[i - first].name;
        source->names[i] = memory_copy_string(source->memory, name);
        complete = source->names[i] != NULL;
        source->columns++;
    }
    if (complete) return ELMAN_OK;
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its columns", source->name);
}

elman_status source_open_rdata(const char *path, const char *object, Source *source,
                               elman_error *error) {
    size_t index;
    source->name = memory_copy_string(source->memory, path);
    if (!source->name) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its name", path);
    elman_status status = rdata_open(source->memory, path, &source->file, error);
    if (status || (status = find_object(source, object, &index, error)) ||
        (status = rdata_table(source->file, index, &source->data, error)))
        return status;
    source->is_series = source->data->is_series;
    if (source->is_series) find_times(source);
    return copy_names(source, error);
}

/* The column, or NULL for the times of a series. */
static const RdataColumn *column_of(const Source *source, size_t column) {
    const size_t first = source->is_series;
    return column < first ? NULL : &source->data->columns[column - first];
}

static bool has_numbers(const RdataColumn *column) {
    return column->type <= RDATA_TIME;
}

/* "" where there is none. */
static TableField field_of(const char *text) {
    const TableField field = {text ? text : "", text ? strlen(text) : 0, true};
    return table_trim(field);
}

bool source_rdata_is_missing(const Source *source, size_t column) {
    const RdataColumn *const data = column_of(source, column);
    if (!data) return false;
    if (has_numbers(data)) return isnan(data->numbers[source->line - 1]) != 0;
    return data->type != RDATA_OTHER &&
           table_is_missing(field_of(rdata_text(data, source->line - 1)));
}

bool source_rdata_number(const Source *source, size_t column, double *value) {
    const RdataColumn *const data = column_of(source, column);
    if (!data || data->type == RDATA_DATE || data->type == RDATA_TIME || data->type == RDATA_OTHER)
        return false;
    if (!has_numbers(data))
        return table_number(field_of(rdata_text(data, source->line - 1)), value);
    *value = data->numbers[source->line - 1];
    return isfinite(*value) != 0;
}

/* The time of the current row of a series. */
static int64_t series_time(const Source *source) {
    const int64_t step = source->start + (int64_t)source->line - 1;
    if (source->form == TIME_FORM_NUMBER) return step;
    const int64_t month = source->form == TIME_FORM_QUARTER ? step * 3 : step;
    int64_t within;
    Date date = {divide_down(month, 12, &within), 0, 1};
    date.month = (int)within + 1;
    return days_of_date(date) * DAY;
}

bool source_rdata_time(const Source *source, size_t column, int64_t *time, TimeForm *form) {
    const RdataColumn *const data = column_of(source, column);
    if (!data) {
        *form = source->form;
        *time = series_time(source);
        return true;
    }
    if (data->type == RDATA_OTHER || data->type == RDATA_LOGICAL) return false;
    if (!has_numbers(data)) {
        const TableField field = field_of(rdata_text(data, source->line - 1));
        return time_read(field.text, field.size, time, form);
    }
    const double number = data->numbers[source->line - 1];
    if (!(fabs(number) <= (data->type == RDATA_DATE ? WHOLE_MOST / DAY : WHOLE_MOST)) ||
        number != floor(number))
        return false;
    *time = (int64_t)number * (data->type == RDATA_DATE ? DAY : 1);
    *form = data->type == RDATA_DATE   ? TIME_FORM_DATE
            : data->type == RDATA_TIME ? TIME_FORM_UTC
                                       : TIME_FORM_NUMBER;
    return true;
}

TableField source_rdata_text(const Source *source, size_t column) {
    const RdataColumn *const data = column_of(source, column);
    int64_t time;
    TimeForm form;
    if (data && data->type == RDATA_OTHER) return field_of("(a value of another kind)");
    if (data && !has_numbers(data)) return field_of(rdata_text(data, source->line - 1));
    if (source_rdata_is_missing(source, column)) return field_of("NA");
    if (source_rdata_time(source, column, &time, &form)) {
        time_write(time, form, source->scratch);
        return field_of(source->scratch);
    }
    (void)snprintf(source->scratch, SOURCE_SCRATCH, "%.15g", data->numbers[source->line - 1]);
    decimal_use_point(source->scratch);
    return field_of(source->scratch);
}
