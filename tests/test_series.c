/* Time series from files: what is read of them, each reason for refusal, futures, allocations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/series.h"
#include "support/allocator.h"
#include "support/passes.h"

#define RDATA ELMAN_SOURCE_DIR "/tests/data/series/series.rda"
#define HINT  "missing values are refused unless they are interpolated or masked"
#define TIMES                                                                                      \
    "expected a time such as 2024-01-31, 2024-01-31 09:30:00, 2024-01, 2024Q1 or a whole number"

enum { SHOWN_MAX = 1000, NAMES_MAX = 4 };

/* Options from words such as "y=a,b k=price m=1"; the names stay in `text`. */
typedef struct Spec {
    char text[120];
    const char *names[4][NAMES_MAX];
    elman_series_options options;
} Spec;

static void read_names(char *word, const char **names, elman_columns *columns) {
    columns->names = names;
    for (char *name = word; name; columns->count++) {
        char *const comma = strchr(name, ',');
        assert_true(columns->count < NAMES_MAX);
        names[columns->count] = name;
        if (comma) *comma = '\0';
        name = comma ? comma + 1 : NULL;
    }
}

static void read_spec(const char *text, Spec *spec) {
    elman_series_options *const options = &spec->options;
    elman_columns *const lists[4] = {&options->target, &options->known, &options->past,
                                     &options->statics};
    memset(spec, 0, sizeof *spec);
    options->struct_size = sizeof *options;
    assert_true(strlen(text) < sizeof spec->text);
    memcpy(spec->text, text, strlen(text));
    for (char *word = spec->text; word && *word;) {
        char *const blank = strchr(word, ' ');
        if (blank) *blank = '\0';
        const char *const list = strchr("ykps", word[0]);
        if (list)
            read_names(word + 2, spec->names[list - "ykps"], lists[list - "ykps"]);
        else if (word[0] == 't')
            options->time = word + 2;
        else if (word[0] == 'i')
            options->id = word + 2;
        else if (word[0] == 'o')
            options->object = word + 2;
        else
            options->missing = (elman_missing)atoi(word + 2);
        word = blank ? blank + 1 : NULL;
    }
}

static void write_text(const char *path, const char *text) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* A text in a file is loaded. */
static elman_status load(elman_context *context, const char *text, const char *words,
                         elman_series **series, elman_error *error) {
    Spec spec;
    read_spec(words, &spec);
    write_text("s.csv", text);
    return elman_series_load(context, "s.csv", &spec.options, series, error);
}

static elman_series *load_well(elman_context *context, const char *text, const char *words) {
    elman_series *series = NULL;
    elman_error error = {ELMAN_OK, ""};
    if (load(context, text, words, &series, &error)) fail_msg("%s: %s", text, error.message);
    return series;
}

typedef struct Writer {
    char text[SHOWN_MAX];
    size_t used;
} Writer;

static void add(Writer *writer, const char *format, ...) ELMAN_PRINTF(2, 3);

static void add(Writer *writer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(writer->text + writer->used, SHOWN_MAX - writer->used, format, arguments);
    va_end(arguments);
    writer->used += (size_t)length;
    assert_true(writer->used < SHOWN_MAX);
}

static void add_floats(Writer *writer, const char *name, const float *values, size_t count) {
    if (count > 0) add(writer, " %s", name);
    for (size_t i = 0; i < count; i++) add(writer, " %g", (double)values[i]);
}

/* "hours; a 2 from 2024-01-01: 1 2; kind x=..." */
static void show(const elman_series *series, Writer *writer) {
    *writer = (Writer){.used = 0};
    add(writer, "%s", elman_series_spacing_name(series));
    for (size_t i = 0; i < elman_series_count(series); i++) {
        const OneSeries *const one = &series->one[i];
        char time[ELMAN_TIME_TEXT_MAX];
        add(writer, "; %s %s:", elman_series_id(series, i), elman_series_time(series, i, 0, time));
        for (size_t k = 0; k < elman_series_length(series, i); k++)
            add(writer, " %g", elman_series_values(series, i)[k]);
        add_floats(writer, "known", one->known,
                   (one->length + elman_series_future(series, i)) * series->known_count);
        add_floats(writer, "past", one->past, one->length * series->past_count);
    }
    for (size_t i = 0; i < series->static_count; i++) {
        const StaticColumn *const column = &series->statics[i];
        add(writer, "; %s", column->name);
        for (size_t k = 0; k < series->count; k++) {
            add(writer, " %g", column->values[k]);
            if (column->levels) add(writer, "=%s", column->levels[(size_t)column->values[k]]);
        }
    }
}

typedef struct Accepted {
    const char *text, *words, *shown;
} Accepted;

static const Accepted accepted[] = {
    /* Which column is what. */
    {"ds,y\n2024-01-01,1\n2024-01-02,2\n", "", "days; y 2024-01-01: 1 2"},
    {"Date,temp\n2024-01-01,1\n2024-01-02,2\n", "", "days; temp 2024-01-01: 1 2"},
    {"TimeStamp,temp\n3,1\n4,2\n", "", "steps; temp 3: 1 2"},
    {"when,temp\n2024-01,1\n2024-02,2\n", "", "months; temp 2024-01: 1 2"},
    {",temp\n1,5\n2,6\n", "", "steps; temp 1: 5 6"},
    {"a,y,b\n1,5,2\n2,6,3\n", "", "steps; y 1: 5 6"},
    {"word,n\nx,5\nx,6\n", "", "steps; n 1: 5 6"},
    {"ds,n,word\n1,NA,x\n2,6,x\n3,8,x\n", "m=1", "steps; n 1: 6 6 8"},
    {"day,ds,v,w\n2024-01-01,9,1,2\n2024-01-02,8,3,4\n", "t=day y=w", "days; w 2024-01-01: 2 4"},
    {"ds;y\n2024-01-01;1.5\n2024-01-02;2\n", "", "days; y 2024-01-01: 1.5 2"},
    {"\xEF\xBB\xBF\"ds\"\t\"y\"\r\n\"2024-01-01\"\t\"1\"\r\n\"2024-01-02\"\t2\r\n", "",
     "days; y 2024-01-01: 1 2"},
    /* Forms. */
    {"unique_id,ds,y\nb,2,4\na,1,1\nb,1,3\na,2,2\n", "", "steps; a 1: 1 2; b 1: 3 4"},
    {"shop,ds,y\nx,1,1\n10,1,2\na,1,3\n9,1,4\n010,1,5\n8,1,6\n", "i=shop",
     "steps; 8 1: 6; 9 1: 4; 10 1: 2; 010 1: 5; a 1: 3; x 1: 1"},
    {"ds,b,a\n2,4,2\n1,3,1\n", "y=b,a", "steps; b 1: 3 4; a 1: 1 2"},
    {"unique_id,y\na,1\nb,5\na,2\nb,6\n", "", "steps; a 1: 1 2; b 1: 5 6"},
    {"ds,y\n19580329,1\n19580405,2\n19580412,3\n", "", "weeks; y 19580329: 1 2 3"},
    {"ds,y\n20240131,1\n20240132,2\n", "", "steps; y 20240131: 1 2"},
    {"ds,y\n2024-01-01,1\n2024-01-01 12:00:00,2\n2024-01-02,3\n", "",
     "12 hours; y 2024-01-01 00:00:00: 1 2 3"},
    {"ds,y\n2024-01-31,1\n2024-02-29,2\n2024-03-31,3\n", "", "months; y 2024-01-31: 1 2 3"},
    {"ds,y\n7,1\n", "", "steps; y 7: 1"},
    /* Missing. */
    {"ds,y\n1,NA\n2,1\n4,4\n5,\n", "m=1", "steps; y 1: 1 1 2.5 4 4"},
    {"ds,y\n1,NA\n2,1\n4,4\n5,\n", "m=2", "steps; y 1: nan 1 nan 4 nan"},
    {"ds,y,c,d\n1,1,,7\n2,2,6,\n3,3,,NaN\n4,4,8,10\n", "m=1 k=c p=d",
     "steps; y 1: 1 2 3 4 known 6 6 7 8 past 7 8 9 10"},
    {"ds,y,c,d\n1,1,,7\n3,3,5,9\n", "m=2 k=c p=d y=y", "steps of 2; y 1: 1 3 known nan 5 past 7 9"},
    {"ds,a,b\n1,1,\n2,,2\n3,3,3\n", "m=1 y=a,b", "steps; a 1: 1 2 3; b 1: 2 2 3"},
    {"unique_id,ds,y\na,1,1\na,2,2\nb,1,5\nb,3,7\n", "m=1", "steps; a 1: 1 2; b 1: 5 6 7"},
    /* Future. */
    {"ds,y,c\n1,1,5\n2,2,6\n3,,7\n4,,8\n", "k=c", "steps; y 1: 1 2 known 5 6 7 8"},
    {"ds,y,c,d\n1,1,5,9\n2,,6,\n", "k=c p=d", "steps; y 1: 1 known 5 6 past 9"},
    {"ds,y,c\n1,1,5\n2,,6\n3,,\n4,,8\n", "k=c m=2", "steps; y 1: 1 nan nan known 5 6 nan 8"},
    {"ds,a,b,c\n1,1,2,5\n2,2,,6\n3,,,7\n", "k=c y=a,b",
     "steps; a 1: 1 2 known 5 6 7; b 1: 2 known 5 6 7"},
    {"unique_id,ds,y,c\na,1,1,5\nb,1,2,6\na,2,,7\n", "k=c",
     "steps; a 1: 1 known 5 7; b 1: 2 known 6"},
    /* Static columns. */
    {"unique_id,ds,y,kind,size\nb,1,1,z,1e1\na,1,2,x,2\nc,1,3,x,3.5\n", "s=kind,size",
     "steps; a 1: 2; b 1: 1; c 1: 3; kind 0=x 1=z 0=x; size 2 10 3.5"},
    {"ds,y,n\n1,1,4\n2,2,4\n", "s=n", "steps; y 1: 1 2; n 4"},
};

static void accepted_texts(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        Writer writer;
        elman_series *const series = load_well(context, accepted[i].text, accepted[i].words);
        show(series, &writer);
        if (strcmp(writer.text, accepted[i].shown) != 0)
            fail_msg("%s\ngives    %s\nexpected %s", accepted[i].text, writer.text,
                     accepted[i].shown);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

typedef struct Refused {
    const char *text, *words, *sentence; /* behind "s.csv" */
} Refused;

static const Refused refused[] = {
    {"", "", ": is empty, expected a line of names and rows"},
    {"ds,y\n", "", ": has names of columns, but no rows"},
    {"2024-01-01,5\n2024-01-02,6\n", "", ":1: found values, expected names of columns"},
    {"ds,y\n1,2,3\n", "", ":2: has 3 values, expected 2: ds, ..., y"},
    {"ds,y\n1,1\n2\n", "", ":3: has 1 values, expected 2: ds, ..., y"},
    {"ds,y\n1,\"1\n", "", NULL},
    /* Columns. */
    {"ds,price\n1,1\n", "y=prcie",
     ": has no column \"prcie\", but \"price\" (its columns: ds, price)"},
    {"ds,price\n1,1\n", "t=when", ": has no column \"when\" (its columns: ds, price)"},
    {"ds,y,y\n1,1,2\n", "y=y", ": has two columns \"y\""},
    {"ds,y\n1,1\n", "k=y p=y", ": column \"y\" cannot be known and past"},
    {"ds,y\n1,1\n", "t=y y=y", ": column \"y\" cannot be the time and the target"},
    {"ds,a,b\n1,1,2\n", "",
     ": has 2 columns of numbers, a, b; one of them, or several, must be named as the target"},
    {"ds,a\n1,x\n", "", ": has no column of numbers to be the target (its columns: ds, a)"},
    {"unique_id,ds,a,b\nx,1,1,2\n", "y=a,b",
     ": has 2 targets and a column of ids, \"unique_id\"; expected one of the two"},
    {"ds,a,b,c\n1,1,2,3\n", "y=a,b s=c",
     ": has 2 targets, whose static column \"c\" would be the same for all"},
    /* Cells. */
    {"ds,y\n1,1\n2,abc\n", "", ":3, column y: found \"abc\", expected a number"},
    {"ds;y\n1;-1.234,5\n", "y=y",
     ":2, column y: found \"-1.234,5\", expected a number with a point, as 1234.5, instead of a "
     "comma"},
    {"ds;y\n1;1,2,3\n", "y=y", ":2, column y: found \"1,2,3\", expected a number"},
    {"ds,gr\xF6\xDF"
     "e\n1,1\n",
     "", ":1: the name of column 2 is not UTF-8: save the file as UTF-8"},
    {"unique_id,ds,y\na,1,1\nK\xF6ln,1,1\n", "",
     ":3, column unique_id: found \"K?ln\", expected UTF-8: save the file as UTF-8"},
    {"ds,y\n1,1\n2,1e999\n", "", ":3, column y: found \"1e999\", expected a number"},
    {"ds,y\n1,1\n2,inf\n", "m=2", ":3, column y: found \"inf\", expected a number"},
    {"ds,y,c\n1,1,1e39\n", "k=c", ":2, column c: found \"1e39\", expected a number below 3.4e38"},
    {"ds,y\n1,1\n2,0123456789012345678901234567890123456789x\n", "",
     ":3, column y: found \"0123456789012345678901234567890123456789...\", expected a number"},
    {"ds,y\nJan 5,1\n", "", ":2, column ds: found \"Jan 5\", " TIMES},
    {"ds,y\n1,1\n,2\n", "", ":3, column ds: found \"\", " TIMES},
    {"ds,y\n2024-01-01,1\n7,2\n", "",
     ":3, column ds: found \"7\", expected a time like 2024-01-01 in the first row"},
    {"unique_id,ds,y\na,1,1\n,2,2\n", "", ":3, column unique_id: found \"\", expected an id"},
    /* Static columns. */
    {"unique_id,ds,y,k\na,1,1,x\na,2,2,z\n", "s=k",
     ":3, column k: found \"z\", expected \"x\" as in the first row of \"a\""},
    {"ds,y,k\n1,1,NA\n", "s=k", ":2, column k: found \"NA\", expected a number or a word"},
    /* Times. */
    {"unique_id,ds,y\na,1,1\nb,1,1\na,2,2\na,1,3\n", "",
     ":5, column ds: found 1 a second time for \"a\", first in s.csv:2"},
    {"ds,y\n2024-01-01,1\n2024-01-01,2\n", "",
     ":3, column ds: found 2024-01-01 a second time, first in s.csv:2"},
    {"ds,y\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,3\n2024-01-01 03:30,4\n", "",
     ":5, column ds: found 2024-01-01 03:30, expected regular times: hours from 2024-01-01 00:00 "
     "on"},
    {"ds,y\n1,1\n2,2\n900000000000000000,3\n", "m=1",
     ": times have no regular spacing: of steps from the first to the last, fewer than one in ten "
     "has a row"},
    {"ds,y\n-900000000000000000,1\n-899999999999999999,2\n900000000000000000,3\n", "m=1",
     ": times have no regular spacing: of steps from the first to the last, fewer than one in ten "
     "has a row"},
    /* Missing. */
    {"ds,y\n1,1\n2,NA\n3,3\n", "", ":3, column y: no number (\"NA\"); " HINT},
    {"ds,y\n1,1\n2,\n", "", ":3, column y: no number (\"\"); " HINT},
    {"ds,y\n1,1\n2,2\n4,4\n", "", ":4, column ds: no row for 3 before this one; " HINT},
    {"unique_id,ds,y\na,2024-02-29,1\na,2024-01-31,2\nb,2024-01-31,1\nb,2024-03-31,1\n", "",
     ":5, column ds: no row for 2024-02-29 before this one, in series \"b\"; " HINT},
    {"ds,y,c\n1,1,5\n2,2,\n", "k=c", ":3, column c: no number (\"\"); " HINT},
    {"ds,y,c\n1,1,5\n2,2,.\n", "p=c", ":3, column c: no number (\".\"); " HINT},
    {"ds,y,c\n1,1,5\n2,,6\n3,3,7\n", "k=c", ":3, column y: no number; " HINT},
    {"ds,a,b,c,d\n1,1,1,5,9\n2,2,,6,\n", "y=a,b k=c p=d", ":3, column d: no number; " HINT},
    {"ds,y,c\n1,NA,5\n2,,6\n", "k=c", ": series \"y\" has no number"},
    {"unique_id,ds,y\na,1,1\nb,1,\n", "m=2", ": series \"b\" has no number"},
    {"unique_id,ds,y,c\na,1,1,1\nb,1,1,\n", "m=1 p=c",
     ": column c has no number in series \"b\", so nothing can be interpolated"},
    {"ds,y,c\n1,1,\n", "m=1 k=c",
     ": column c has no number in series \"y\", so nothing can be interpolated"},
};

static void refused_texts(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        elman_series *series;
        elman_error error = {ELMAN_OK, ""};
        const elman_status status =
            load(context, refused[i].text, refused[i].words, &series, &error);
        assert_null(series);
        if (status != ELMAN_ERR_DATA || strncmp(error.message, "s.csv", 5) != 0 ||
            (refused[i].sentence && strcmp(error.message + 5, refused[i].sentence) != 0))
            fail_msg("%s\ngives    %s\nexpected s.csv%s", refused[i].text, error.message,
                     refused[i].sentence ? refused[i].sentence : "...");
    }
    elman_context_destroy(context);
}

/* What the caller does wrong. */
static void refused_arguments(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_series *series;
    elman_error error;
    assert_int_equal(load(context, "ds,y\n1,1\n", "m=3", &series, &error), ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "elman_series: missing is 3, expected 0, 1 or 2");
    assert_int_equal(load(context, "ds,y\n1,1\n", "o=co2", &series, &error), ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "s.csv: is no file of R's, which has objects like \"co2\"");
    const elman_series_options options = {.struct_size = 3};
    assert_int_equal(elman_series_load(context, "s.csv", &options, &series, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_series_load(context, "none.csv", NULL, &series, &error), ELMAN_ERR_IO);
    assert_null(series);
    elman_series_destroy(NULL);
    elman_context_destroy(context);
}

/* Many names are cut, many lines counted. */
static void long_lists(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    Writer writer = {.used = 0};
    elman_series *series;
    elman_error error;
    for (int i = 0; i < 60; i++) add(&writer, "column_%d,", i);
    add(&writer, "z\n");
    for (int i = 0; i < 60; i++) add(&writer, "1,");
    add(&writer, "1\n");
    assert_int_equal(load(context, writer.text, "y=none", &series, &error), ELMAN_ERR_DATA);
    assert_non_null(strstr(error.message, "(its columns: column_0, column_1, "));
    assert_string_equal(error.message + strlen(error.message) - 6, ", ...)");
    elman_context_destroy(context);
}

/* More rows than one piece of memory holds, in the worst order, with a note over several lines. */
static void many_rows(void **state) {
    (void)state;
    enum { COUNT = 70000 };
    elman_context *const context = open_context(NULL, 1);
    elman_series *series = NULL;
    elman_error error = {ELMAN_OK, ""};
    FILE *file = fopen("many.csv", "wb");
    assert_non_null(file);
    (void)fprintf(file, "unique_id,ds,y,note\n");
    for (int i = COUNT; i > 0; i--)
        (void)fprintf(file, "%d,%d,%d,\"%s\"\n", i % 2, i / 2, i, i == 9 ? "a\nb" : "");
    assert_int_equal(fclose(file), 0);
    if (elman_series_load(context, "many.csv", NULL, &series, &error))
        fail_msg("%s", error.message);
    assert_int_equal(elman_series_count(series), 2);
    assert_int_equal(elman_series_length(series, 0), COUNT / 2);
    for (size_t i = 0; i < COUNT / 2; i++) {
        assert_true(elman_series_values(series, 0)[i] == (double)(2 * i + 2));
        assert_true(elman_series_values(series, 1)[i] == (double)(2 * i + 1));
    }
    elman_series_destroy(series);
    /* A row at the end is named by its line, one above it by its own. */
    file = fopen("many.csv", "ab");
    assert_non_null(file);
    (void)fprintf(file, "1,4,5,\n");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(elman_series_load(context, "many.csv", NULL, &series, &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message, "many.csv:70003, column ds: found 4 a second time for "
                                       "\"1\", first in many.csv:69993");
    elman_context_destroy(context);
}

/* The digest tells data apart, not the order of rows or how they are written. */
static void digests(void **state) {
    (void)state;
    static const char *const same[] = {
        "unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,6,x\nb,1,3,7,z\n",
        "unique_id,ds,y,c,k\nb,1,3,7,z\na,2,2,6,x\na,1,1,5,x\n",
        "k;c;y;ds;unique_id\nx;5.0;1e0;1;a\n\nz;7;3;1;b\nx;6;2;2;\"a\"\n"};
    static const char *const others[] = {"unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,6,x\nb,1,4,7,z\n",
                                         "unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,9,x\nb,1,3,7,z\n",
                                         "unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,6,x\nc,1,3,7,z\n",
                                         "unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,6,x\nb,2,3,7,z\n",
                                         "unique_id,ds,y,c,k\na,1,1,5,x\na,2,2,6,x\nb,1,3,7,w\n"};
    elman_context *const context = open_context(NULL, 1);
    char first[65];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        elman_series *const series = load_well(context, same[i], "k=c s=k");
        if (i == 0) memcpy(first, elman_series_digest(series), sizeof first);
        assert_string_equal(elman_series_digest(series), first);
        elman_series_destroy(series);
    }
    assert_int_equal(strlen(first), 64);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        elman_series *const series = load_well(context, others[i], "k=c s=k");
        assert_string_not_equal(elman_series_digest(series), first);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

static void seasons(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_series *const series =
        load_well(context, "ds,y\n2024-01-01 00:00,1\n2024-01-01 00:30,2\n", "");
    size_t steps[2];
    char time[ELMAN_TIME_TEXT_MAX];
    assert_int_equal(elman_series_seasons(series, steps, 2), 2);
    assert_true(steps[0] == 48 && steps[1] == 336);
    assert_int_equal(elman_series_spacing(series).step, 1800);
    assert_string_equal(elman_series_time(series, 0, 48, time), "2024-01-02 00:00");
    assert_non_null(elman_series_time(series, 0, SIZE_MAX, time));
    elman_series_destroy(series);
    elman_context_destroy(context);
}

typedef struct Future {
    const char *text, *words, *future, *shown; /* or the sentence behind "f.csv" */
} Future;

#define LONG "unique_id,ds,y,c\na,2024-01-30,1,5\na,2024-01-31,2,6\nb,2024-01-31,3,7\n"
#define WIDE "ds,a,b,c\n1,1,2,5\n2,3,4,6\n3,,,9\n"

static const Future futures[] = {
    {LONG, "k=c", "unique_id,ds,c\na,2024-02-02,9\na,2024-02-01,8\n",
     "days; a 2024-01-30: 1 2 known 5 6 8 9; b 2024-01-31: 3 known 7"},
    {LONG, "k=c", "c,unique_id,ds,y\n4,b,2024-02-01,\n5,a,2024-02-01,7\n",
     "days; a 2024-01-30: 1 2 known 5 6 5; b 2024-01-31: 3 known 7 4"},
    {LONG, "k=c", "unique_id,ds,c\n", "days; a 2024-01-30: 1 2 known 5 6; b 2024-01-31: 3 known 7"},
    {WIDE, "k=c y=a,b", "ds,c\n3,7\n4,8\n",
     "steps; a 1: 1 3 known 5 6 7 8; b 1: 2 4 known 5 6 7 8"},
    {"y,c\n1,5\n2,6\n", "k=c y=y", "c\n7\n8\n", "steps; y 1: 1 2 known 5 6 7 8"},
    {"ds,y,c\n20240101,1,5\n20240102,2,6\n", "k=c", "ds,c\n20240103,7\n",
     "days; y 20240101: 1 2 known 5 6 7"},
    {"ds,y,c\n1,1,5\n2,2,6\n", "k=c m=1", "ds,c\n3,\n4,8\n", "steps; y 1: 1 2 known 5 6 7 8"},
    {"ds,y,c\n1,1,5\n2,2,6\n", "k=c m=2", "ds,c\n3,\n4,8\n", "steps; y 1: 1 2 known 5 6 nan 8"},
};

static const Future refused_futures[] = {
    {LONG, "k=c", "unique_id,ds,c\na,2024-02-01,9\nc,2024-02-01,8\n",
     ":3, column unique_id: found \"c\", which is none of the series"},
    {LONG, "k=c", "unique_id,ds,c\nb,2024-02-01,8\na,2024-02-02,9\n",
     ":3, column ds: found 2024-02-02, expected 2024-02-01: the times must follow the end of the "
     "series"},
    {LONG, "k=c", "unique_id,ds,c\na,2024-01-31,9\n",
     ":2, column ds: found 2024-01-31, expected 2024-02-01: the times must follow the end of the "
     "series"},
    {LONG, "k=c", "unique_id,ds,c\na,2024-02-01,9\na,2024-02-01,9\n",
     ":3, column ds: found 2024-02-01 a second time for \"a\", first in f.csv:2"},
    {LONG, "k=c", "unique_id,ds,c\na,5,9\n",
     ":2, column ds: found 5, expected a time like 2024-01-30"},
    {LONG, "k=c", "unique_id,ds,d\na,2024-02-01,9\n",
     ": has no column \"c\" (its columns: unique_id, ds, d)"},
    {LONG, "k=c", "ds,c\n2024-02-01,9\n", ": has no column \"unique_id\" (its columns: ds, c)"},
    {LONG, "k=c", "unique_id,ds,c\na,2024-02-01,\n", ":2, column c: no number (\"\"); " HINT},
    {LONG, "k=c", "unique_id,ds,c\na,2024-02-01,x\n",
     ":2, column c: found \"x\", expected a number"},
    {LONG, "", "unique_id,ds,c\na,2024-02-01,9\n",
     ": the series have no known covariates, so nothing of their future can be read"},
};

static void future_files(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof futures / sizeof *futures; i++) {
        Writer writer;
        elman_error error = {ELMAN_OK, ""};
        elman_series *const series = load_well(context, futures[i].text, futures[i].words);
        write_text("f.csv", futures[i].future);
        if (elman_series_load_future(series, "f.csv", &error)) fail_msg("%s", error.message);
        show(series, &writer);
        assert_string_equal(writer.text, futures[i].shown);
        elman_series_destroy(series);
    }
    for (size_t i = 0; i < sizeof refused_futures / sizeof *refused_futures; i++) {
        const Future *const one = &refused_futures[i];
        Writer before, after;
        char digest[65];
        elman_error error = {ELMAN_OK, ""};
        elman_series *const series =
            load_well(context, one->text, *one->words ? one->words : "y=y");
        show(series, &before);
        memcpy(digest, elman_series_digest(series), sizeof digest);
        write_text("f.csv", one->future);
        assert_int_equal(elman_series_load_future(series, "f.csv", &error),
                         *one->words ? ELMAN_ERR_DATA : ELMAN_ERR_ARGUMENT);
        assert_int_equal(strncmp(error.message, "f.csv", 5), 0);
        assert_string_equal(error.message + 5, one->shown);
        show(series, &after);
        assert_string_equal(before.text, after.text);
        assert_string_equal(elman_series_digest(series), digest);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* A future read from a file of its own is the same as one in the series' file. */
static void future_digest(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_series *const one = load_well(context, "ds,y,c\n1,1,5\n2,2,6\n3,,7\n", "k=c");
    elman_series *const other = load_well(context, "ds,y,c\n1,1,5\n2,2,6\n", "k=c");
    assert_string_not_equal(elman_series_digest(one), elman_series_digest(other));
    write_text("f.csv", "ds,c\n3,7\n");
    assert_int_equal(elman_series_load_future(other, "f.csv", NULL), ELMAN_OK);
    assert_string_equal(elman_series_digest(one), elman_series_digest(other));
    elman_series_destroy(one);
    elman_series_destroy(other);
    elman_context_destroy(context);
}

static void from_values(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const double values[] = {NAN, 2.0, NAN, 4.0}, bad[] = {1.0, INFINITY}, none[] = {NAN};
    elman_series *series;
    elman_error error;
    Writer writer;
    assert_int_equal(
        elman_series_from_values(context, values, 4, ELMAN_MISSING_INTERPOLATE, &series, &error),
        ELMAN_OK);
    show(series, &writer);
    assert_string_equal(writer.text, "steps; y 1: 2 2 3 4");
    elman_series_destroy(series);
    assert_int_equal(
        elman_series_from_values(context, values, 4, ELMAN_MISSING_MASK, &series, &error),
        ELMAN_OK);
    show(series, &writer);
    assert_string_equal(writer.text, "steps; y 1: nan 2 nan 4");
    elman_series_destroy(series);
    assert_int_equal(
        elman_series_from_values(context, values, 4, ELMAN_MISSING_REFUSE, &series, &error),
        ELMAN_ERR_DATA);
    assert_string_equal(error.message, "elman_series_from_values: number 1 of 4 is missing; " HINT);
    assert_int_equal(elman_series_from_values(context, bad, 2, ELMAN_MISSING_MASK, &series, &error),
                     ELMAN_ERR_DATA);
    assert_string_equal(error.message, "elman_series_from_values: number 2 of 2 is infinite");
    assert_int_equal(
        elman_series_from_values(context, none, 1, ELMAN_MISSING_MASK, &series, &error),
        ELMAN_ERR_DATA);
    assert_string_equal(error.message, "elman_series_from_values: there is no number among 1");
    assert_int_equal(
        elman_series_from_values(context, NULL, 0, ELMAN_MISSING_REFUSE, &series, &error),
        ELMAN_ERR_DATA);
    assert_null(series);
    elman_context_destroy(context);
}

/* series.rda, which R wrote. */
static void rdata(void **state) {
    (void)state;
    static const struct {
        const char *words, *shown; /* or the sentence behind the path */
        size_t season;
    } known[] = {
        {"o=months", "months; months 1949-11: 1.5 2 3 4", 12},
        {"o=quarters", "quarters; quarters 1960Q4: 1 2 3", 4},
        {"o=years", "steps; years -6000: 5 6", 0},
        {"o=halves", "steps; halves 1: 1 2 3 4", 48},
        {"o=moons", "steps; moons 1: 1 2 3", 30},
        {"o=pair", "steps; a 1: 1 2; b 1: 3 4", 7},
        {"o=pair y=b k=a", "steps; b 1: 3 4 known 1 2", 7},
        {"o=holes m=1", "steps; holes 1: 1 2 3", 0},
        {"o=holes", ", row 2, column holes: no number (\"NA\"); " HINT, 0},
        {"o=frame m=1 k=price s=kind,size y=y",
         "3 days; a 2024-01-05: 2 3 known 2.5 2.5; b 2024-01-05: 1 4 known 0.5 1e+10; kind 1=y "
         "0=x; size 2 1.25",
         0},
        {"o=frame y=y k=many",
         ", row 1, column many: found \"(a value of another kind)\", expected a number", 0},
        {"o=frame y=y s=ds",
         ", row 3, column ds: found \"2024-01-08\", expected \"2024-01-05\" as in the first row of "
         "\"a\"",
         0},
        {"o=clock i=store y=count p=open", "hours; 7 2024-01-05T22:00:00Z: 1 2 3 past 1 0 1", 24},
        {"o=texts", ", row 2, column value: found \"x\", expected a number", 0},
        {"o=late", ", row 2, column day: found \"19723.5\", " TIMES, 0},
        {"",
         ": holds 11 objects (months, quarters, years, halves, moons, pair, holes, frame, clock, "
         "texts, late), one of which must be named",
         0},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        Spec spec;
        Writer writer;
        elman_series *series;
        size_t season = 0;
        elman_error error = {ELMAN_OK, ""};
        read_spec(known[i].words, &spec);
        if (elman_series_load(context, RDATA, &spec.options, &series, &error)) {
            assert_int_equal(strncmp(error.message, RDATA, strlen(RDATA)), 0);
            assert_string_equal(error.message + strlen(RDATA), known[i].shown);
            continue;
        }
        show(series, &writer);
        assert_string_equal(writer.text, known[i].shown);
        (void)elman_series_seasons(series, &season, 1);
        assert_int_equal(season, known[i].season);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* Fails each allocation of a load, and of a future's, once. */
static void fail_each(const char *path, const char *words, const char *future) {
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof options,
                                               .allocator = counting_allocator(&counting)};
        elman_context *context;
        elman_series *series = NULL;
        Spec spec;
        elman_error error = {ELMAN_OK, ""};
        read_spec(words, &spec);
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        const long live = counting.live;
        counting.allow = k;
        status = elman_series_load(context, path, &spec.options, &series, &error);
        if (!status && future) status = elman_series_load_future(series, future, &error);
        if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY) fail_msg("%s", error.message);
        if (status) assert_int_equal(error.status, ELMAN_ERR_MEMORY);
        elman_series_destroy(series);
        assert_int_equal(counting.live, live);
        elman_context_destroy(context);
    }
}

static void allocations(void **state) {
    (void)state;
    write_text("s.csv", "unique_id,ds,y,c,d,k,n\nb,2,1,5,7,x,1\na,1,3,6,8,w,2\nb,1,2,2,9,x,1\n");
    write_text("f.csv", "unique_id,ds,c\na,2,9\nb,3,4\n");
    fail_each("s.csv", "k=c p=d s=k,n", "f.csv");
    fail_each("s.csv", "t=ds y=y", NULL);
    fail_each(RDATA, "o=pair", NULL);
    Writer writer = {.used = 0};
    add(&writer, "unique_id,y\n");
    for (int i = 0; i < 40; i++) add(&writer, "id%d,1\n\n", i);
    write_text("s.csv", writer.text);
    fail_each("s.csv", "", NULL);
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof options,
                                               .allocator = counting_allocator(&counting)};
        elman_context *context;
        elman_series *series;
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        counting.allow = k;
        status = elman_series_from_values(context, (const double[]){1.0}, 1, ELMAN_MISSING_MASK,
                                          &series, NULL);
        assert_true(status == ELMAN_OK || (status == ELMAN_ERR_MEMORY && !series));
        elman_series_destroy(series);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_texts),
        cmocka_unit_test(refused_texts),
        cmocka_unit_test(refused_arguments),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(digests),
        cmocka_unit_test(seasons),
        cmocka_unit_test(future_files),
        cmocka_unit_test(future_digest),
        cmocka_unit_test(from_values),
        cmocka_unit_test(rdata),
        cmocka_unit_test(allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
