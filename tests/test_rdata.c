/* The reader of R's data files: what R wrote, each reason for refusal, files cut anywhere. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>
#ifdef ELMAN_HAVE_LZMA
#include <lzma.h>
#endif

#include "core/files.h"
#include "formats/rdata.h"
#include "support/allocator.h"

#define FOLDER ELMAN_SOURCE_DIR "/tests/data/rdata/"

/* Whether this build reads the file: without liblzma it refuses xz. */
static bool is_readable(const char *name) {
#ifdef ELMAN_HAVE_LZMA
    (void)name;
    return true;
#else
    return !strstr(name, "xz") && !strstr(name, "pair3");
#endif
}

static Memory plain_memory(void) {
    Memory memory;
    memory_init(&memory, NULL);
    return memory;
}

static RdataFile *open_file(Memory *memory, const char *path) {
    RdataFile *file = NULL;
    elman_error error = {0};
    if (rdata_open(memory, path, &file, &error)) fail_msg("%s", error.message);
    return file;
}

static RdataTable *open_table(const RdataFile *file, const char *name) {
    RdataTable *table = NULL;
    size_t index;
    elman_error error = {0};
    if (rdata_find(file, name, &index, &error) || rdata_table(file, index, &table, &error))
        fail_msg("%s", error.message);
    return table;
}

static void check_numbers(const RdataColumn *column, RdataType type, const double *want,
                          size_t count) {
    assert_int_equal(column->type, type);
    assert_null(column->texts);
    for (size_t i = 0; i < count; i++)
        if (column->numbers[i] != want[i] && !(isnan(column->numbers[i]) && isnan(want[i])))
            fail_msg("%s: row %zu is %.17g, expected %.17g", column->name, i, column->numbers[i],
                     want[i]);
}

static void check_texts(const RdataColumn *column, const char *const *want, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *const text = rdata_text(column, i);
        if (!want[i]) assert_null(text);
        if (want[i]) assert_string_equal(text, want[i]);
    }
}

static void check_frame(const RdataTable *table) {
    static const char *const names[] = {"day", "at",  "ok",  "n",   "y", "who", "kind",
                                        "old", "m.p", "m.q", "u.1", "l", "long"};
    static const char *const rows[] = {"r1", "r2", "r3", "r4"};
    const RdataColumn *const c = table->columns;
    assert_int_equal(table->form, RDATA_FRAME);
    assert_int_equal(table->rows, 4);
    assert_int_equal(table->column_count, 13);
    assert_false(table->is_series);
    for (size_t i = 0; i < 13; i++) assert_string_equal(c[i].name, names[i]);
    for (size_t i = 0; i < 4; i++) assert_string_equal(table->row_names[i], rows[i]);
    check_numbers(&c[0], RDATA_DATE, (double[]){18320, 18321, 18322, 18323}, 4);
    check_numbers(&c[1], RDATA_TIME, (double[]){0, 1800.5, NAN, 86400}, 4);
    assert_string_equal(c[1].zone, "America/Chicago");
    assert_string_equal(c[0].zone, "");
    check_numbers(&c[2], RDATA_LOGICAL, (double[]){1, 0, NAN, 1}, 4);
    check_numbers(&c[3], RDATA_INTEGER, (double[]){1, NAN, 3, -4}, 4);
    check_numbers(&c[4], RDATA_REAL, (double[]){1.5, NAN, NAN, -HUGE_VAL}, 4);
    assert_int_equal(c[5].type, RDATA_TEXT);
    check_texts(&c[5], (const char *[]){"a", NULL, "\u00e9", "\u20ac uro"}, 4);
    check_numbers(&c[6], RDATA_FACTOR, (double[]){1, 2, NAN, 1}, 4);
    check_texts(&c[6], (const char *[]){"low", "high", NULL, "low"}, 4);
    assert_int_equal(c[6].level_count, 2);
    check_texts(&c[7], (const char *[]){"stra\u00dfe \u20ac", "plain", "x", "y"}, 4);
    check_numbers(&c[8], RDATA_INTEGER, (double[]){1, 2, 3, 4}, 4);
    check_numbers(&c[9], RDATA_INTEGER, (double[]){5, 6, 7, 8}, 4);
    check_numbers(&c[10], RDATA_REAL, (double[]){0.5, 1, 2, 4}, 4);
    assert_int_equal(c[11].type, RDATA_OTHER);
    assert_null(rdata_text(&c[11], 0));
    check_numbers(&c[12], RDATA_INTEGER, (double[]){1, 9218868437227407266.0, 0, 0}, 4);
}

static void check_series(const RdataTable *series, const RdataTable *several) {
    assert_true(series->is_series && several->is_series);
    assert_int_equal(series->rows, 5);
    assert_int_equal(series->column_count, 1);
    assert_int_equal(series->form, RDATA_VECTOR);
    assert_true(fabs(series->start - (1949 + 10.0 / 12)) < 1e-9);
    assert_true(fabs(series->end - (1950 + 2.0 / 12)) < 1e-9);
    assert_true(series->frequency == 12);
    check_numbers(series->columns, RDATA_REAL, (double[]){112, 118, 132, 129, 121}, 5);
    assert_int_equal(several->form, RDATA_MATRIX);
    assert_int_equal(several->column_count, 2);
    assert_true(several->start == 1991 && several->end == 1993 && several->frequency == 1);
    assert_string_equal(several->columns[0].name, "DAX");
    assert_string_equal(several->columns[1].name, "FTSE");
    check_numbers(&several->columns[1], RDATA_REAL, (double[]){7.25, 8.25, 9.25}, 3);
}

static void check_compact(const RdataTable *compact, const RdataTable *numbers) {
    static const char *const texts[] = {"1",
                                        "2.5",
                                        "1e+05",
                                        "123456",
                                        "1e-05",
                                        "0.3",
                                        NULL,
                                        "Inf",
                                        "1e+15",
                                        "1e-300",
                                        "-0.333333333333333",
                                        "0"};
    const double up[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    assert_int_equal(compact->rows, 10);
    check_numbers(&compact->columns[0], RDATA_INTEGER, up, 10);
    for (size_t i = 0; i < 10; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%zu", i + 1);
        assert_true(compact->columns[1].numbers[i] == up[9 - i]);
        assert_string_equal(compact->columns[2].texts[i], text);
    }
    assert_int_equal(numbers->rows, 12);
    check_texts(&numbers->columns[0], texts, 12);
}

static void check_vectors(const RdataFile *file) {
    RdataTable *const named = open_table(file, "named"), *const grid = open_table(file, "grid");
    RdataTable *const wrapped = open_table(file, "wrapped"), *const empty =
                                                                 open_table(file, "empty");
    assert_string_equal(named->columns[0].name, "named");
    assert_string_equal(named->row_names[1], "two");
    assert_int_equal(grid->column_count, 3);
    assert_string_equal(grid->columns[2].name, "V3");
    assert_string_equal(grid->row_names[0], "a");
    check_numbers(&grid->columns[1], RDATA_LOGICAL, (double[]){NAN, 1}, 2);
    assert_int_equal(wrapped->rows, 100);
    check_numbers(wrapped->columns, RDATA_REAL, (double[]){1, 2, 3, 3.5, 4}, 5);
    assert_int_equal(empty->rows, 0);
    assert_int_equal(empty->column_count, 2);
    assert_int_equal(empty->columns[1].type, RDATA_TEXT);
    rdata_table_release(empty);
    rdata_table_release(wrapped);
    rdata_table_release(grid);
    rdata_table_release(named);
}

/* Each object that is no table, and what it is called. */
static const char *const others[][2] = {
    {"builtin", "is a function"},
    {"bytes", "is raw bytes"},
    {"code", "is a function"},
    {"complexes", "is complex numbers"},
    {"expressions", "is an expression"},
    {"formula", "is a call or a formula"},
    {"nothing", "is NULL"},
    {"pairs", "is a pairlist"},
    {"place", "is an environment"},
    {"thing", "is an S4 object"},
};

static void check_everything(const char *path) {
    Memory memory = plain_memory();
    RdataFile *const file = open_file(&memory, path);
    RdataTable *tables[5], *table;
    static const char *const names[] = {"frame", "series", "several", "compact", "numbers"};
    for (size_t i = 0; i < 5; i++) tables[i] = open_table(file, names[i]);
    check_frame(tables[0]);
    check_series(tables[1], tables[2]);
    check_compact(tables[3], tables[4]);
    for (size_t i = 0; i < 5; i++) rdata_table_release(tables[i]);
    check_vectors(file);
    assert_int_equal(rdata_count(file), 23);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        elman_error error = {0};
        size_t index;
        char end[160], want[160];
        assert_int_equal(rdata_find(file, others[i][0], &index, &error), ELMAN_OK);
        assert_string_equal(rdata_name(file, index), others[i][0]);
        assert_int_equal(rdata_table(file, index, &table, &error), ELMAN_ERR_UNSUPPORTED);
        assert_null(table);
        (void)snprintf(end, sizeof end, "%s", strstr(error.message, ": object "));
        (void)snprintf(want, sizeof want,
                       ": object \"%s\": %s, expected a data frame, a matrix, a series or a vector",
                       others[i][0], others[i][1]);
        assert_string_equal(end, want);
    }
    rdata_close(file);
}

static void what_r_wrote(void **state) {
    (void)state;
    static const char *const paths[] = {"gzip.rda",  "plain.rda", "version2.RData", "xz.rda",
                                        "pair0.rdx", "pair1",     "pair1.rdb",      "pair3.rdx"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, FOLDER "%s", paths[i]);
        if (is_readable(paths[i])) check_everything(path);
    }
}

static void single_objects(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *file = open_file(&memory, FOLDER "frame.rds");
    RdataTable *table = open_table(file, "");
    elman_error error = {0};
    size_t index;
    check_frame(table);
    assert_int_equal(rdata_find(file, "y", &index, &error), ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message,
                        FOLDER "frame.rds: no object \"y\": its one object has no name");
    rdata_close(file);
    rdata_table_release(table); /* which outlives its file */
    file = open_file(&memory, FOLDER "series.rds");
    table = open_table(file, "");
    assert_string_equal(table->columns[0].name, "x");
    rdata_table_release(table);
    rdata_close(file);
    file = open_file(&memory, FOLDER "pair1");
    assert_int_equal(rdata_find(file, "Frame", &index, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message,
                           "pair1.rdx: no object \"Frame\", expected one of its 23: after, "
                           "builtin, bytes, code, compact, complexes, cube, empty, expressions, "
                           "formula, frame, grid, ..."));
    rdata_close(file);
    rdata_close(NULL);
    rdata_table_release(NULL);
}

/* A file from a text: tokens with blanks between. Hexadecimal digits are a big-endian word; 'abc is
 * a string and @abc a symbol of it; #1.5 is a real; =abc are bytes, "~" a newline. */
typedef struct Bytes {
    unsigned char data[8192];
    size_t size;
} Bytes;

static void put(Bytes *bytes, const void *data, size_t size) {
    assert_true(bytes->size + size <= sizeof bytes->data);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_word(Bytes *bytes, uint32_t word) {
    const unsigned char data[] = {(unsigned char)(word >> 24), (unsigned char)(word >> 16),
                                  (unsigned char)(word >> 8), (unsigned char)word};
    put(bytes, data, 4);
}

static void put_token(Bytes *bytes, const char *token, size_t length) {
    char text[256];
    uint64_t bits;
    assert_true(length < sizeof text);
    (void)snprintf(text, sizeof text, "%.*s", (int)length, token);
    for (char *at = text; *at; at++)
        if (*at == '~') *at = '\n';
    switch (*text) {
    case '#': {
        const double number = strtod(text + 1, NULL);
        memcpy(&bits, &number, sizeof bits);
        put_word(bytes, (uint32_t)(bits >> 32));
        put_word(bytes, (uint32_t)bits);
        break;
    }
    case '@':
        put_word(bytes, 1);
        /* fall through */
    case '\'':
        put_word(bytes, 0x00040009);
        put_word(bytes, (uint32_t)strlen(text + 1));
        /* fall through */
    case '=':
        put(bytes, text + 1, strlen(text + 1));
        break;
    default:
        put_word(bytes, (uint32_t)strtoul(text, NULL, 16));
    }
}

static Bytes make_bytes(const char *text) {
    Bytes bytes = {.size = 0};
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (length > 0) put_token(&bytes, text, length);
        text += length + (text[length] == ' ');
    }
    return bytes;
}

/* "X\n", version 2, two versions of R that nothing depends on. */
#define X "=X~ 2 0 0 "
/* Integers with attributes; one attribute; the end of them. */
#define ATTR "402 "
#define END  " fe"
#define INTS "20d "

static const struct {
    const char *file; /* of a token file */
    const char *sentence;
} refusals[] = {
    {"", "x: is not R data, expected it to begin with 'X' and a newline"},
    {"=a,b~1,2~", "x: is not R data, expected it to begin with 'X' and a newline"},
    {"=A~2~", "x: is R data in the form 'A' (text), expected 'X', which R saves by default"},
    {"=B~2~",
     "x: is R data in the form 'B' (binary of one machine), expected 'X', which R saves by "
     "default"},
    {"=RDA3~A~", "x: is R data in the form \"RDA3\", expected RDX2 or RDX3, which R saves by "
                 "default"},
    {"=RDX1~X~", "x: is R data in the form \"RDX1\", expected RDX2 or RDX3, which R saves by "
                 "default"},
    {"=BZh9", "x: is compressed with bzip2, expected gzip or xz: save it with compress = TRUE"},
    {"28B52FFD", "x: is compressed with zstd, expected gzip or xz: save it with compress = TRUE"},
    {"=X~ 1 0 0", "x: has R's serialization version 1, expected 2 or 3"},
    {"=X~ 4 0 0", "x: has R's serialization version 4, expected 2 or 3"},
    {"=X~ 3 0 0 9", "x: byte 18: found 0 bytes, expected 9 elements of 1 bytes"},
    {X, "x: byte 14: found 0 bytes, expected 1 elements of 4 bytes"},
    {X "fe 0", "x: byte 18: found 4 bytes behind the object, expected none"},
    {X "0", "x: byte 14: found 0x00000000, expected the flags of an item"},
    {X "63", "x: byte 14: found 0x00000063, expected the flags of an item"},
    {X "d 2 0", "x: byte 22: found 4 bytes, expected 2 elements of 4 bytes"},
    {X "d ffffffff 1 0", "x: byte 22: found 0x00000001, expected a length below 2^32"},
    {X "d ffffffff 0 1", "x: byte 30: found 0 bytes, expected 1 elements of 4 bytes"},
    {X "d fffffffe", "x: byte 22: found 0 bytes, expected 4294967294 elements of 4 bytes"},
    {X "e 40000000 #1", "x: byte 22: found 8 bytes, expected 1073741824 elements of 8 bytes"},
    {X "13 3 fe", "x: byte 22: found 4 bytes, expected 3 elements of 4 bytes"},
    {X "10 1 d 0", "x: byte 22: found 0x0000000d, expected a string"},
    {X "10 1 209 0", "x: byte 22: found 0x00000209, expected a string"},
    {X "10 1 9 5 0", "x: byte 30: found 4 bytes, expected 5 elements of 1 bytes"},
    {X "10 1 9 4 =ab 0 0", "x: byte 32: found a zero byte, expected none in a string"},
    {X "ff", "x: byte 18: found 0 bytes, expected 1 elements of 4 bytes"},
    {X "1ff", "x: byte 14: found 0x00000001, expected a reference to something before it"},
    {X "ff 7", "x: byte 18: found 0x00000007, expected a reference to something before it"},
    {X "f9 1 0", "x: byte 18: found 0x00000001, expected names of an environment"},
    {X "f9 0 9", "x: byte 26: found 0 bytes, expected 9 elements of 8 bytes"},
    /* ALTREP: class, state, attributes */
    {X "ee fe fe fe", "x: byte 30: found a vector's form without its name, expected what R writes"},
    {X "ee 2 d 0 fe fe fe",
     "x: byte 42: found a vector's form without its name, expected what R writes"},
    {X "ee 2 @compact_intseq fe e 2 #1 #1 fe",
     "x: byte 80: found a sequence without count, start and step, expected what R writes"},
    {X "ee 2 @compact_realseq fe e 3 #-1 #1 #1 fe",
     "x: byte 89: found a sequence whose numbers are not finite, expected what R writes"},
    {X "ee 2 @compact_realseq fe e 3 #1.5 #1 #1 fe",
     "x: byte 89: found a sequence whose numbers are not finite, expected what R writes"},
    {X "ee 2 @compact_realseq fe e 3 #nan #1 #1 fe",
     "x: byte 89: found a sequence whose numbers are not finite, expected what R writes"},
    {X "ee 2 @compact_realseq fe e 3 #9 #1 #inf fe",
     "x: byte 89: found a sequence whose numbers are not finite, expected what R writes"},
    {X "ee 2 @compact_intseq fe e 3 #2 #2147483647 #1 fe",
     "x: byte 88: found a sequence of integers beyond R's, expected what R writes"},
    {X "ee 2 @compact_intseq fe e 3 #2 #0.5 #1 fe",
     "x: byte 88: found a sequence of integers beyond R's, expected what R writes"},
    {X "ee 2 @compact_intseq fe e 3 #1048577 #1 #1 fe",
     "x: byte 88: found a sequence of 1048577 numbers, expected at most 1048576 in so small a "
     "file"},
    {X "13 2 ee 2 @compact_intseq fe e 3 #1048576 #1 #1 fe "
       "ee 2 @compact_intseq fe e 3 #1 #1 #1 fe",
     "x: byte 170: found a sequence of 1 numbers, expected at most 0 in so small a file"},
    {X "ee 2 @deferred_string fe 2 10 0 fe fe",
     "x: byte 73: found texts of something other than numbers, expected what R writes"},
    {X "ee 2 @wrap_real fe 13 0 fe",
     "x: byte 59: found a wrapper without its vector, expected what R writes"},
};

static void each_refusal(void **state) {
    (void)state;
    Memory memory = plain_memory();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const Bytes bytes = make_bytes(refusals[i].file);
        RdataFile *file;
        elman_error error = {0};
        assert_int_not_equal(rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error),
                             ELMAN_OK);
        assert_null(file);
        if (strcmp(error.message, refusals[i].sentence) != 0)
            fail_msg("%s:\n  said     %s\n  expected %s", refusals[i].file, error.message,
                     refusals[i].sentence);
    }
}

/* Objects that are read, but are no tables. */
static const struct {
    const char *file;
    const char *sentence;
} contradictions[] = {
    {X INTS "2 1 2 " ATTR "@dim d 2 2 2" END,
     "x: has 2 values, expected as many as its dimensions tell"},
    {X INTS "2 1 2 " ATTR "@dim d 2 80000000 1" END,
     "x: has 2 values, expected as many as its dimensions tell"},
    {X INTS "2 1 2 " ATTR "@dim d 1 3" END,
     "x: has 2 values, expected as many as its dimensions tell"},
    {X INTS "0 " ATTR "@dim d 2 0 7fffffff" END, "x: is an empty matrix, expected one with values"},
    {X INTS "1 1 " ATTR "@dim d 0" END, "x: has 0 dimensions, expected at most 2"},
    {X INTS "2 1 2 " ATTR "@tsp e 2 #1 #2" END,
     "x: is a series without start, end and frequency, expected these three numbers"},
    {X INTS "2 1 2 " ATTR "@tsp e 3 #1 #2 #12" END,
     "x: is a series from 1 to 2 with frequency 12, expected such that it has its 2 rows"},
    {X INTS "2 1 2 " ATTR "@tsp e 3 #1 #nan #1" END,
     "x: is a series from 1 to nan with frequency 1, expected such that it has its 2 rows"},
    {X INTS "2 1 2 " ATTR "@tsp e 3 #2 #1 #-1" END,
     "x: is a series from 2 to 1 with frequency -1, expected such that it has its 2 rows"},
    {X INTS "1 1 " ATTR "@class 10 1 'factor" END,
     "x: column \"x\" is a factor without levels, expected some"},
    {X INTS "1 1 " ATTR "@class 10 1 'factor " ATTR "@levels 10 1 9 ffffffff" END,
     "x: column \"x\": level 1 is missing, expected a text"},
    {X INTS "2 1 2 " ATTR "@class 10 1 'factor " ATTR "@levels 10 1 'a" END,
     "x: column \"x\", row 2: found level 2, expected 1 to 1"},
    {X INTS "1 0 " ATTR "@class 10 1 'factor " ATTR "@levels 10 1 'a" END,
     "x: column \"x\", row 1: found level 0, expected 1 to 1"},
    {X "213 1 d 1 1 " ATTR "@class 10 1 'data.frame" END,
     "x: is a data frame without a name for each column, expected one"},
    {X "213 2 d 1 1 d 2 1 2 " ATTR "@class 10 1 'data.frame " ATTR "@names 10 2 'a 'b" END,
     "x: column \"b\" has 2 values, expected 1"},
    {X "213 1 d 1 1 " ATTR "@class 10 1 'data.frame " ATTR "@names 10 1 'a " ATTR
       "@row.names d 2 80000000 fffffffd" END,
     "x: column \"a\" has 1 values, expected 3"},
    {X "13 0", "x: is a list, expected a data frame, a matrix, a series or a vector"},
    {X "@s", "x: is a symbol, expected a data frame, a matrix, a series or a vector"},
    {X "5 fe fe", "x: is a promise, expected a data frame, a matrix, a series or a vector"},
    {X "16 fe fe", "x: is something internal to R, expected a data frame, a matrix, a series or a "
                   "vector"},
    {X "17", "x: is something internal to R, expected a data frame, a matrix, a series or a "
             "vector"},
    {X "15 0 d 0 0", "x: is byte code, expected a data frame, a matrix, a series or a vector"},
    {X "ee 2 @mmap_real fe fe fe",
     "x: is a vector in a package's own form (ALTREP), expected a data frame, a matrix, a series "
     "or a vector"},
};

static void each_contradiction(void **state) {
    (void)state;
    Memory memory = plain_memory();
    for (size_t i = 0; i < sizeof contradictions / sizeof *contradictions; i++) {
        const Bytes bytes = make_bytes(contradictions[i].file);
        RdataFile *file;
        RdataTable *table;
        elman_error error = {0};
        if (rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error))
            fail_msg("%s: %s", contradictions[i].file, error.message);
        assert_int_not_equal(rdata_table(file, 0, &table, &error), ELMAN_OK);
        assert_null(table);
        if (strcmp(error.message, contradictions[i].sentence) != 0)
            fail_msg("%s:\n  said     %s\n  expected %s", contradictions[i].file, error.message,
                     contradictions[i].sentence);
        rdata_close(file);
    }
}

/* Pairs within pairs, as deep as is read and one deeper. */
static void deep_pairs(void **state) {
    (void)state;
    Memory memory = plain_memory();
    for (size_t depth = 256; depth <= 257; depth++) {
        Bytes bytes = make_bytes(X);
        RdataFile *file;
        elman_error error = {0};
        for (size_t i = 0; i < depth; i++) put_word(&bytes, 2);
        for (size_t i = 0; i < depth + 1; i++) put_word(&bytes, 0xfe);
        const elman_status status =
            rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error);
        assert_int_equal(status, depth == 256 ? ELMAN_OK : ELMAN_ERR_UNSUPPORTED);
        if (status)
            assert_string_equal(error.message,
                                "x: byte 1042: is nested more than 256 deep, expected less");
        rdata_close(file);
    }
}

/* What named objects may be refused for. */
static void named_objects(void **state) {
    (void)state;
    static const char *const files[][2] = {
        {"=RDX2~ " X "d 0", "x: holds numbers, expected named objects"},
        {"=RDX2~ " X "2 fe fe", "x: object 1 has no name, expected one"},
        {"=RDX2~ " X "402 1 40009 0 fe fe", "x: object 1 has no name, expected one"},
        {"=RDX2~ " X "402 @a fe fe 0",
         "x: byte 39: found 4 bytes behind the object, expected none"},
    };
    Memory memory = plain_memory();
    RdataFile *file;
    elman_error error = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const Bytes bytes = make_bytes(files[i][0]);
        assert_int_equal(rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error),
                         ELMAN_ERR_FORMAT);
        assert_string_equal(error.message, files[i][1]);
    }
    const Bytes bytes = make_bytes("=RDX2~ " X "fe");
    size_t index;
    assert_int_equal(rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error), ELMAN_OK);
    assert_int_equal(rdata_count(file), 0);
    assert_int_equal(rdata_find(file, "a", &index, &error), ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "x: no object \"a\", expected one of its 0: ");
    rdata_close(file);
}

static void long_matrix_name(void **state) {
    (void)state;
    Memory memory = plain_memory();
    for (uint32_t length = 256; length <= 257; length++) {
        Bytes bytes = make_bytes(X "213 1 20d 1 7 " ATTR "@dim d 2 1 1" END " " ATTR
                                   "@class 10 1 'data.frame " ATTR "@names 10 1 9");
        RdataFile *file;
        RdataTable *table;
        elman_error error = {0};
        put_word(&bytes, length);
        for (uint32_t i = 0; i < length; i++) put(&bytes, "m", 1);
        put_word(&bytes, 0xfe);
        assert_int_equal(rdata_parse(&memory, "x", bytes.data, bytes.size, &file, &error),
                         ELMAN_OK);
        assert_int_equal(rdata_table(file, 0, &table, &error),
                         length == 256 ? ELMAN_OK : ELMAN_ERR_UNSUPPORTED);
        if (length == 257)
            assert_non_null(
                strstr(error.message, "mmm...\" has a name of 257 bytes, expected at most 256"));
        rdata_table_release(table);
        rdata_close(file);
    }
}

static unsigned char *read_fixture(const char *name, size_t *size) {
    Memory memory = plain_memory();
    unsigned char *bytes;
    char path[512];
    elman_error error = {0};
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    if (file_read(&memory, path, RDATA_BYTES_MAX, &bytes, size, &error))
        fail_msg("%s", error.message);
    return bytes;
}

static void put_checksum(unsigned char *at, const unsigned char *bytes, size_t size) {
    const uLong sum = crc32(0, bytes, (uInt)size);
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(sum >> 8 * i);
}

/* Makes the window of xz.rda, for which its decoder takes memory, 8 KiB instead of R's 64 MiB, so
 * that it can be read thousands of times. */
static void narrow_window(unsigned char *bytes, const char *name) {
    if (strcmp(name, "xz.rda") != 0) return;
    bytes[16] = 2;
    put_checksum(bytes + 20, bytes + 12, 8);
}

/* The first `size` bytes in a block of this size, so that a sanitizer sees what lies beyond. */
static unsigned char *exact_copy(const unsigned char *bytes, size_t size) {
    unsigned char *const copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void cut_anywhere(void **state) {
    (void)state;
    static const char *const names[] = {"plain.rda", "gzip.rda",  "version2.RData",
                                        "xz.rda",    "frame.rds", "series.rds"};
    Memory memory = plain_memory();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        unsigned char *const bytes = read_fixture(names[i], &size);
        narrow_window(bytes, names[i]);
        for (size_t cut = 0; cut < size && is_readable(names[i]); cut++) {
            unsigned char *const copy = exact_copy(bytes, cut);
            RdataFile *file;
            elman_error error = {0};
            if (rdata_parse(&memory, "x", copy, cut, &file, &error) != ELMAN_ERR_FORMAT)
                fail_msg("%s cut to %zu bytes: %s", names[i], cut, error.message);
            assert_null(file);
            free(copy);
        }
        free(bytes);
    }
}

static void try_all(const RdataFile *file) {
    for (size_t i = 0; i < rdata_count(file); i++) {
        RdataTable *table;
        (void)rdata_table(file, i, &table, NULL);
        rdata_table_release(table);
    }
}

/* No change of one byte may do harm. */
static void changed_anywhere(void **state) {
    (void)state;
    static const char *const names[] = {"plain.rda", "xz.rda", "frame.rds"};
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    memory_init(&memory, &allocator);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        unsigned char *const bytes = read_fixture(names[i], &size);
        narrow_window(bytes, names[i]);
        for (size_t at = 0; at < size; at++) {
            unsigned char *const copy = exact_copy(bytes, size);
            RdataFile *file;
            copy[at] ^= (unsigned char)(1u << at % 8);
            if (rdata_parse(&memory, "x", copy, size, &file, NULL) == ELMAN_OK) try_all(file);
            rdata_close(file);
            free(copy);
            assert_int_equal(counting.live, 0);
        }
        free(bytes);
    }
    assert_true(counting.peak < (size_t)64 << 20);
}

/* The same for the two files of a pair. */
static void cut_pairs(void **state) {
    (void)state;
    Memory memory = plain_memory();
    for (char kind = '0'; kind <= '3'; kind++) {
        char name[] = "pair0.rdx";
        size_t index_size, size;
        RdataFile *file;
        elman_error error = {0};
        name[4] = kind;
        unsigned char *const index = read_fixture(name, &index_size);
        name[8] = 'b';
        unsigned char *const bytes = read_fixture(name, &size);
        for (size_t cut = 0; cut < index_size; cut++) {
            assert_int_equal(rdata_parse_pair(&memory, "x", index, cut, bytes, size, &file, &error),
                             ELMAN_ERR_FORMAT);
            assert_null(file);
        }
        assert_int_equal(
            rdata_parse_pair(&memory, "x", index, index_size, bytes, size - 1, &file, &error),
            ELMAN_ERR_FORMAT);
        assert_non_null(strstr(error.message, " is not within the database of "));
        for (size_t at = 0; at < size; at++) {
            bytes[at] ^= (unsigned char)(1u << at % 8);
            assert_int_equal(
                rdata_parse_pair(&memory, "x", index, index_size, bytes, size, &file, &error),
                ELMAN_OK);
            if (at % 7 == 0) try_all(file);
            rdata_close(file);
            bytes[at] ^= (unsigned char)(1u << at % 8);
        }
        free(index);
        free(bytes);
    }
}

/* An index with one object "a" at (0, length), with this compression. */
static elman_status fetch(const char *compression, const Bytes *database, elman_error *error) {
    char text[256];
    Memory memory = plain_memory();
    RdataFile *file;
    RdataTable *table;
    (void)snprintf(text, sizeof text,
                   X "213 2 213 1 d 2 0 %zx " ATTR "@names 10 1 'a" END " d 1 %s " ATTR
                     "1 9 5 =names 10 2 'variables 'compressed" END,
                   database->size, compression);
    const Bytes index = make_bytes(text);
    if (rdata_parse_pair(&memory, "x", index.data, index.size, database->data, database->size,
                         &file, error))
        fail_msg("%s", error->message);
    const elman_status status = rdata_table(file, 0, &table, error);
    rdata_table_release(table);
    rdata_close(file);
    return status;
}

static void each_database(void **state) {
    (void)state;
#define DAMAGED "x: object \"a\": its compressed data is damaged "
    static const struct {
        const char *compression, *database, *sentence;
    } cases[] = {
        {"0", X "d 1 7", NULL},
        {"1", "=abc", "x: object \"a\": has 3 bytes, expected at least 4"},
        {"3", "=abcd", "x: object \"a\": has 4 bytes, expected at least 5"},
        {"2", "9 =2abc", "x: object \"a\": is compressed with bzip2, expected zlib or xz"},
        {"3", "9 =7abc", "x: object \"a\": is stored as 0x37, expected '0', '1', '2' or 'Z'"},
        {"3", "1a =0 " X "d 1 7", NULL},
        {"3", "1b =0 " X "d 1 7", "x: object \"a\": has 26 bytes, its header tells 27"},
        {"1", "9 =zzzz", DAMAGED "(zlib: incorrect header check)"},
        {"1", "9", "x: object \"a\": its compressed data ends too early"},
#ifdef ELMAN_HAVE_LZMA
        {"3", "9 =Z 01000041 00000000",
         "x: object \"a\": 3 bytes follow its compressed data, expected none"},
        {"3", "1 =Z 01000341 41414100", "x: object \"a\": has 4 bytes, its header tells 1"},
        {"3", "9 =Z", "x: object \"a\": its compressed data ends too early"},
        {"3", "9 =Z 01000041", "x: object \"a\": its compressed data ends too early"},
        {"3", "9 =Z e0000000", "x: object \"a\": its compressed data ends too early"},
        {"3", "9 =Zz", DAMAGED "(xz)"},
        {"3", "9 =Z 02000041", DAMAGED "(xz)"},
        {"3", "9 =Z e0000000 05e10000", DAMAGED "(xz)"},
        {"3", "9 =Z e0000000 055d00ff ffffff00", DAMAGED "(xz)"},
#else
        {"3", "9 =Z", "x: object \"a\": is compressed by xz, which this build cannot read"},
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Bytes database = make_bytes(cases[i].database);
        elman_error error = {0};
        const elman_status status = fetch(cases[i].compression, &database, &error);
        if (!cases[i].sentence && status) fail_msg("%s: %s", cases[i].database, error.message);
        if (cases[i].sentence && strcmp(error.message, cases[i].sentence) != 0)
            fail_msg("%s:\n  said     %s\n  expected %s", cases[i].database, error.message,
                     cases[i].sentence);
    }
}

static void broken_index(void **state) {
    (void)state;
    static const char *const files[][2] = {
        {X "d 1 1", "x: is no index of a database, expected its variables and how they are "
                    "compressed"},
        {X "213 2 213 1 d 2 0 1 " ATTR "@names 10 1 'a" END " 10 0 " ATTR
           "1 9 5 =names 10 2 'variables 'compressed" END,
         "x: is no index of a database, expected its variables and how they are compressed"},
        {X "213 2 213 1 d 2 0 9 " ATTR "@names 10 1 'a" END " d 1 1 " ATTR
           "1 9 5 =names 10 2 'variables 'compressed" END,
         "x: object \"a\" is not within the database of 8 bytes"},
        {X "213 2 213 1 d 1 0 " ATTR "@names 10 1 'a" END " d 1 1 " ATTR
           "1 9 5 =names 10 2 'variables 'compressed" END,
         "x: object \"a\" is not within the database of 8 bytes"},
        {X "213 2 213 1 d 2 80000000 1 " ATTR "@names 10 1 'a" END " d 1 1 " ATTR
           "1 9 5 =names 10 2 'variables 'compressed" END,
         "x: object \"a\" is not within the database of 8 bytes"},
    };
    Memory memory = plain_memory();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const Bytes bytes = make_bytes(files[i][0]);
        RdataFile *file;
        elman_error error = {0};
        assert_int_equal(
            rdata_parse_pair(&memory, "x", bytes.data, bytes.size, "12345678", 8, &file, &error),
            ELMAN_ERR_FORMAT);
        assert_string_equal(error.message, files[i][1]);
    }
}

static void too_long(void **state) {
    (void)state;
    static const unsigned char byte = 'X'; /* all that is looked at */
    Memory memory = plain_memory();
    RdataFile *file;
    elman_error error = {0};
    const size_t size = RDATA_BYTES_MAX + 1;
    assert_int_equal(rdata_parse(&memory, "x", &byte, size, &file, &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message, "x: has more than 1073741824 bytes, the most that is read");
    assert_int_equal(rdata_parse_pair(&memory, "y", &byte, 1, &byte, size, &file, &error),
                     ELMAN_ERR_DATA);
    assert_string_equal(error.message, "y: has more than 1073741824 bytes, the most that is read");
}

#ifdef ELMAN_HAVE_LZMA

/* Each part of an .xz file that is looked at. */
static void broken_xz(void **state) {
    (void)state;
    static const struct {
        size_t at;
        bool is_from_end;
    } cases[] = {{7, false}, {12, false}, {13, false}, {1, true},
                 {13, true}, {19, true},  {26, true},  {400, true}};
    Memory memory = plain_memory();
    size_t size;
    unsigned char *const bytes = read_fixture("xz.rda", &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t at = cases[i].is_from_end ? size - cases[i].at : cases[i].at;
        RdataFile *file;
        elman_error error = {0};
        bytes[at] ^= 1;
        assert_int_equal(rdata_parse(&memory, "x", bytes, size, &file, &error), ELMAN_ERR_FORMAT);
        assert_string_equal(error.message, "x: its compressed data is damaged (xz)");
        bytes[at] ^= 1;
    }
    free(bytes);
}

/* Legal .xz files that are refused: kinds of checksums and filters yet to come, a long window. */
static void rare_xz(void **state) {
    (void)state;
    static const char unknown[] = "x: its compressed data has a filter or checksum that liblzma ";
    static const struct {
        size_t at;
        unsigned char byte;
        elman_status status;
        const char *start;
    } cases[] = {
        {7, 2, ELMAN_ERR_UNSUPPORTED, unknown},
        {14, 2, ELMAN_ERR_UNSUPPORTED, unknown},
        {13, 4, ELMAN_ERR_UNSUPPORTED, unknown},
        {16, 29, ELMAN_ERR_DATA, "x: inflating it needs "},
        {16, 40, ELMAN_ERR_DATA, "x: inflating it needs "},
    };
    Memory memory = plain_memory();
    size_t size;
    unsigned char *const bytes = read_fixture("xz.rda", &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char *const copy = exact_copy(bytes, size);
        RdataFile *file;
        elman_error error = {0};
        copy[cases[i].at] = cases[i].byte;
        put_checksum(copy + 8, copy + 6, 2);
        put_checksum(copy + 20, copy + 12, 8);
        assert_int_equal(rdata_parse(&memory, "x", copy, size, &file, &error), cases[i].status);
        if (strncmp(error.message, cases[i].start, strlen(cases[i].start)) != 0)
            fail_msg("%s\n  expected %s", error.message, cases[i].start);
        free(copy);
    }
    free(bytes);
}

static void crc64(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *file = open_file(&memory, FOLDER "series-crc64.rds");
    RdataTable *const table = open_table(file, "");
    elman_error error = {0};
    size_t size;
    check_numbers(table->columns, RDATA_REAL, (double[]){112, 118, 132, 129, 121}, 5);
    rdata_table_release(table);
    rdata_close(file);
    unsigned char *const bytes = read_fixture("series-crc64.rds", &size);
    for (size_t at = size - 32; at < size - 24; at++) {
        bytes[at] ^= 1;
        assert_int_equal(rdata_parse(&memory, "x", bytes, size, &file, &error), ELMAN_ERR_FORMAT);
        assert_string_equal(error.message, "x: its compressed data is damaged (xz)");
        bytes[at] ^= 1;
    }
    free(bytes);
}

/* Eight blocks with SHA-256, which inflate to forty times their size. */
static void several_blocks(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *const file = open_file(&memory, FOLDER "zeros-xz.rds");
    RdataTable *const table = open_table(file, "");
    assert_int_equal(table->rows, 4000);
    for (size_t i = 0; i < 4000; i++) assert_true(table->columns[0].numbers[i] == 0);
    rdata_table_release(table);
    rdata_close(file);
}

/* An object of a database whose second half is copied from 4,800 bytes before. */
static void far_match(void **state) {
    (void)state;
    enum { HALF = 1200, HEADER = 14 + 8 };
    const Bytes header = make_bytes(X "d 960"); /* 2 * HALF integers */
    unsigned char plain[HEADER + 2 * HALF * 4];
    uint32_t number = 1;
    assert_int_equal(header.size, HEADER);
    memcpy(plain, header.data, HEADER);
    for (size_t i = HEADER; i < HEADER + HALF * 4; i++) {
        number = number * 1664525 + 1013904223;
        plain[i] = plain[i + HALF * 4] = (unsigned char)(number >> 24);
    }
    Bytes database = {.size = 0};
    put_word(&database, sizeof plain);
    put(&database, "Z", 1);
    lzma_options_lzma options;
    assert_false(lzma_lzma_preset(&options, 6));
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    assert_int_equal(lzma_raw_buffer_encode(filters, NULL, plain, sizeof plain, database.data,
                                            &database.size, sizeof database.data),
                     LZMA_OK);
    assert_true(database.size < 5000);
    elman_error error = {0};
    if (fetch("3", &database, &error)) fail_msg("%s", error.message);
}

#else

static void refused_xz(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *file;
    elman_error error = {0};
    assert_int_equal(rdata_open(&memory, FOLDER "xz.rda", &file, &error), ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message,
                        FOLDER "xz.rda: is compressed by xz, which this build cannot read");
    assert_null(file);
}

#endif

static void damaged_gzip(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *file;
    elman_error error = {0};
    size_t size;
    unsigned char *const bytes = read_fixture("gzip.rda", &size);
    unsigned char *const longer = malloc(size + 1);
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    longer[size] = 0;
    assert_int_equal(rdata_parse(&memory, "x", longer, size + 1, &file, &error), ELMAN_ERR_FORMAT);
    assert_string_equal(error.message, "x: 1 bytes follow its compressed data, expected none");
    longer[size - 5] ^= 1;
    assert_int_equal(rdata_parse(&memory, "x", longer, size, &file, &error), ELMAN_ERR_FORMAT);
    assert_string_equal(error.message,
                        "x: its compressed data is damaged (zlib: incorrect data check)");
    assert_int_equal(rdata_parse(&memory, "x", bytes, 100, &file, &error), ELMAN_ERR_FORMAT);
    assert_string_equal(error.message, "x: its compressed data ends too early");
    free(longer);
    free(bytes);
}

/* Opens the file and makes all tables of it; what is no table does not count. */
static elman_status load_all(Memory *memory, const char *path, elman_error *error) {
    RdataFile *file;
    elman_status status = rdata_open(memory, path, &file, error);
    if (status) return status;
    for (size_t i = 0; i < rdata_count(file) && status != ELMAN_ERR_MEMORY; i++) {
        RdataTable *table;
        status = rdata_table(file, i, &table, error);
        rdata_table_release(table);
    }
    rdata_close(file);
    return status == ELMAN_ERR_MEMORY ? status : ELMAN_OK;
}

static void without_memory(void **state) {
    (void)state;
    static const char *const names[] = {"plain.rda", "gzip.rda", "zeros-xz.rds",
                                        "frame.rds", "pair1",    "pair3.rdb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        elman_status status = is_readable(names[i]) ? ELMAN_ERR_MEMORY : ELMAN_OK;
        (void)snprintf(path, sizeof path, FOLDER "%s", names[i]);
        for (long k = 0; status != ELMAN_OK; k++) {
            CountingAllocator counting = {.allow = k};
            const elman_allocator allocator = counting_allocator(&counting);
            Memory memory;
            elman_error error = {0};
            memory_init(&memory, &allocator);
            status = load_all(&memory, path, &error);
            if (status && status != ELMAN_ERR_MEMORY) fail_msg("%s: %s", path, error.message);
            if (status) assert_non_null(strstr(error.message, ": no memory for "));
            assert_int_equal(counting.live, 0);
            assert_true(k < 3000);
        }
    }
}

static void missing_files(void **state) {
    (void)state;
    Memory memory = plain_memory();
    RdataFile *file;
    elman_error error = {0};
    assert_int_equal(rdata_open(&memory, FOLDER "none", &file, &error), ELMAN_ERR_IO);
    assert_non_null(strstr(error.message, "data/rdata/none: cannot be opened"));
    assert_int_equal(rdata_open(&memory, FOLDER "none.rdb", &file, &error), ELMAN_ERR_IO);
    assert_non_null(strstr(error.message, "data/rdata/none.rdx: cannot be opened"));
    assert_int_equal(rdata_open(&memory, FOLDER, &file, &error), ELMAN_ERR_IO);
    assert_null(file);
    assert_int_equal(rdata_open(&memory, FOLDER "bzip2.rda", &file, &error), ELMAN_ERR_UNSUPPORTED);
    assert_int_equal(rdata_open(&memory, FOLDER "ascii.rda", &file, &error), ELMAN_ERR_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_r_wrote),
        cmocka_unit_test(single_objects),
        cmocka_unit_test(each_refusal),
        cmocka_unit_test(each_contradiction),
        cmocka_unit_test(deep_pairs),
        cmocka_unit_test(named_objects),
        cmocka_unit_test(long_matrix_name),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_anywhere),
        cmocka_unit_test(cut_pairs),
        cmocka_unit_test(each_database),
        cmocka_unit_test(broken_index),
        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(too_long),
#ifdef ELMAN_HAVE_LZMA
        cmocka_unit_test(broken_xz),
        cmocka_unit_test(rare_xz),
        cmocka_unit_test(crc64),
        cmocka_unit_test(several_blocks),
        cmocka_unit_test(far_match),
#else
        cmocka_unit_test(refused_xz),
#endif
        cmocka_unit_test(without_memory),
        cmocka_unit_test(missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
