/* Finds out which column of a file is what. */
#include "data/series_columns.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum { LIST_MAX = 240, NAME_MAX = 48 };

typedef struct Finder {
    const Source *source;
    const char **uses; /* [columns]: what a column is used for, or NULL */
    elman_error *error;
} Finder;

/* Writes the names of columns that `chosen` (NULL: all) marks, as many as fit. */
static void list_names(const Source *source, const bool *chosen, char text[LIST_MAX]) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < source->columns; i++) {
        if (chosen && !chosen[i]) continue;
        const int length = snprintf(text + used, LIST_MAX - used, "%s%.60s", used > 0 ? ", " : "",
                                    source->names[i]);
        if ((size_t)length >= LIST_MAX - used - 6) {
            (void)snprintf(text + used, LIST_MAX - used, ", ...");
            return;
        }
        used += (size_t)length;
    }
}

/* Insertions, deletions and replacements that lead from one name to the other; names that are too
 * long to compare are NAME_MAX apart. */
static size_t name_distance(const char *one, const char *other) {
    const size_t size = strlen(one), width = strlen(other);
    size_t row[NAME_MAX + 1];
    if (size > NAME_MAX || width > NAME_MAX) return NAME_MAX;
    for (size_t k = 0; k <= width; k++) row[k] = k;
    for (size_t i = 1; i <= size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= width; k++) {
            size_t best = diagonal + (one[i - 1] != other[k - 1]);
            diagonal = row[k];
            if (row[k] + 1 < best) best = row[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[width];
}

static elman_status refuse_unknown(const Finder *finder, const char *name) {
    const Source *const source = finder->source;
    char list[LIST_MAX];
    size_t nearest = 0, least = NAME_MAX;
    for (size_t i = 0; i < source->columns; i++) {
        const size_t distance = name_distance(name, source->names[i]);
        if (distance >= least) continue;
        least = distance;
        nearest = i;
    }
    list_names(source, NULL, list);
    if (least <= 2 && least < strlen(name))
        return fail(finder->error, ELMAN_ERR_DATA,
                    "%s: has no column \"%.60s\", but \"%s\" (its columns: %s)", source->name, name,
                    source->names[nearest], list);
    return fail(finder->error, ELMAN_ERR_DATA, "%s: has no column \"%.60s\" (its columns: %s)",
                source->name, name, list);
}

/* The first column of that name; COLUMN_NONE when there is none. */
static size_t look_up(const Source *source, const char *name) {
    for (size_t i = 0; i < source->columns; i++)
        if (strcmp(source->names[i], name) == 0) return i;
    return COLUMN_NONE;
}

/* Claims the column of that name for one use. */
static elman_status claim(Finder *finder, const char *name, const char *use, size_t *column) {
    const Source *const source = finder->source;
    *column = look_up(source, name);
    if (*column == COLUMN_NONE) return refuse_unknown(finder, name);
    for (size_t i = *column + 1; i < source->columns; i++)
        if (strcmp(source->names[i], name) == 0)
            return fail(finder->error, ELMAN_ERR_DATA, "%s: has two columns \"%.60s\"",
                        source->name, name);
    if (finder->uses[*column])
        return fail(finder->error, ELMAN_ERR_DATA, "%s: column \"%.60s\" cannot be %s and %s",
                    source->name, name, finder->uses[*column], use);
    finder->uses[*column] = use;
    return ELMAN_OK;
}

static elman_status claim_list(Finder *finder, const elman_columns *names, const char *use,
                               ColumnList *list) {
    if (names->count == 0) return ELMAN_OK;
    list->columns =
        memory_allocate_array(finder->source->memory, names->count, sizeof *list->columns);
    if (!list->columns)
        return fail(finder->error, ELMAN_ERR_MEMORY, "%s: no memory for the names of columns",
                    finder->source->name);
    for (; list->count < names->count; list->count++) {
        const elman_status status =
            claim(finder, names->names[list->count], use, &list->columns[list->count]);
        if (status) return status;
    }
    return ELMAN_OK;
}

/* Whether the name is a word, in letters of any case. */
static bool is_word(const char *name, const char *word) {
    for (; *word; name++, word++) {
        const char letter = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        if (letter != *word) return false;
    }
    return *name == '\0';
}

/* The first free column that is called like times, or else holds dates in the first row. */
static size_t guess_time(const Finder *finder) {
    static const char *const words[] = {"ds", "date", "datetime", "timestamp", "time"};
    const Source *const source = finder->source;
    int64_t time;
    TimeForm form;
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        for (size_t i = 0; i < source->columns; i++)
            if (!finder->uses[i] && is_word(source->names[i], words[k])) return i;
    for (size_t i = 0; i < source->columns; i++)
        if (!finder->uses[i] && source_time(source, i, &time, &form) && form != TIME_FORM_NUMBER)
            return i;
    return COLUMN_NONE;
}

/* Marks free columns with names that hold numbers in the first row, or, without `numbers`, nothing
 * there; returns how many. */
static size_t mark_numbers(const Finder *finder, bool numbers, bool *marks, size_t *last) {
    const Source *const source = finder->source;
    size_t count = 0;
    for (size_t i = 0; i < source->columns; i++) {
        double number;
        const bool is = numbers ? source_number(source, i, &number) : source_is_missing(source, i);
        marks[i] = !finder->uses[i] && source->names[i][0] != '\0' && is;
        if (!marks[i]) continue;
        *last = i;
        count++;
    }
    return count;
}

/* All free columns of R's series. */
static void take_all(const Finder *finder, ColumnList *list) {
    for (size_t i = 0; i < finder->source->columns; i++)
        if (!finder->uses[i]) list->columns[list->count++] = i;
}

/* The target of a file whose target nobody named. */
static elman_status guess_target(Finder *finder, size_t *column) {
    const Source *const source = finder->source;
    char list[LIST_MAX];
    *column = look_up(source, "y");
    if (*column != COLUMN_NONE && !finder->uses[*column]) return ELMAN_OK;
    bool *const marks = memory_allocate_array(source->memory, source->columns, sizeof *marks);
    if (!marks)
        return fail(finder->error, ELMAN_ERR_MEMORY, "%s: no memory for its columns", source->name);
    size_t count = mark_numbers(finder, true, marks, column);
    if (count == 0) count = mark_numbers(finder, false, marks, column);
    list_names(source, count > 1 ? marks : NULL, list);
    memory_release(source->memory, marks);
    if (count == 1) return ELMAN_OK;
    if (count == 0)
        return fail(finder->error, ELMAN_ERR_DATA,
                    "%s: has no column of numbers to be the target (its columns: %s)", source->name,
                    list);
    return fail(finder->error, ELMAN_ERR_DATA,
                "%s: has %zu columns of numbers, %s; one of them, or several, must be named as the "
                "target",
                source->name, count, list);
}

static elman_status find_target(Finder *finder, const elman_series_options *options,
                                SeriesColumns *columns) {
    const Source *const source = finder->source;
    if (options->target.count == 0) {
        columns->targets.columns =
            memory_allocate_array(source->memory, source->columns, sizeof(size_t));
        if (!columns->targets.columns)
            return fail(finder->error, ELMAN_ERR_MEMORY, "%s: no memory for its columns",
                        source->name);
        if (source->is_series) take_all(finder, &columns->targets);
        if (columns->targets.count > 0) return ELMAN_OK;
        columns->targets.count = 1;
        return guess_target(finder, columns->targets.columns);
    }
    const elman_status status =
        claim_list(finder, &options->target, "the target", &columns->targets);
    if (status || columns->targets.count == 1) return status;
    if (columns->id != COLUMN_NONE)
        return fail(finder->error, ELMAN_ERR_DATA,
                    "%s: has %zu targets and a column of ids, \"%.60s\"; expected one of the two",
                    source->name, columns->targets.count, source->names[columns->id]);
    if (columns->statics.count > 0)
        return fail(finder->error, ELMAN_ERR_DATA,
                    "%s: has %zu targets, whose static column \"%.60s\" would be the same for all",
                    source->name, columns->targets.count,
                    source->names[columns->statics.columns[0]]);
    return ELMAN_OK;
}

static elman_status find_all(Finder *finder, const elman_series_options *options, bool target,
                             SeriesColumns *columns) {
    elman_status status;
    if (options->time && (status = claim(finder, options->time, "the time", &columns->time)))
        return status;
    if (options->id && (status = claim(finder, options->id, "the id", &columns->id))) return status;
    if ((status = claim_list(finder, &options->known, "known", &columns->known)) ||
        (status = claim_list(finder, &options->past, "past", &columns->past)) ||
        (status = claim_list(finder, &options->statics, "static", &columns->statics)))
        return status;
    if (!target) return ELMAN_OK;
    if (!options->id) {
        const size_t id = look_up(finder->source, "unique_id");
        if (id != COLUMN_NONE && !finder->uses[id]) {
            columns->id = id;
            finder->uses[id] = "the id";
        }
    }
    if (options->target.count > 0 && (status = find_target(finder, options, columns)))
        return status;
    if (!options->time) columns->time = guess_time(finder);
    if (columns->time != COLUMN_NONE) finder->uses[columns->time] = "the time";
    return options->target.count > 0 ? ELMAN_OK : find_target(finder, options, columns);
}

elman_status series_columns_find(const Source *source, const elman_series_options *options,
                                 bool target, SeriesColumns *columns, elman_error *error) {
    *columns = (SeriesColumns){.time = COLUMN_NONE, .id = COLUMN_NONE};
    Finder finder = {.source = source, .error = error};
    finder.uses = memory_allocate_array(source->memory, source->columns, sizeof *finder.uses);
    if (!finder.uses)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its columns", source->name);
    const elman_status status = find_all(&finder, options, target, columns);
    memory_release(source->memory, finder.uses);
    return status;
}

void series_columns_release(Memory *memory, SeriesColumns *columns) {
    memory_release(memory, columns->targets.columns);
    memory_release(memory, columns->known.columns);
    memory_release(memory, columns->past.columns);
    memory_release(memory, columns->statics.columns);
    *columns = (SeriesColumns){.time = COLUMN_NONE, .id = COLUMN_NONE};
}
