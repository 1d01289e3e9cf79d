/* Tables in text: what is a record, what is refused and with which words, blocks cut anywhere. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/files.h"
#include "formats/table.h"
#include "support/allocator.h"

enum { SHOWN_MAX = 4096 };

static void add(char *shown, const char *text, size_t size) {
    const size_t used = strlen(shown);
    assert_true(used + size < SHOWN_MAX);
    memcpy(shown + used, text, size);
    shown[used + size] = '\0';
}

/* Shows each record as LINE[field][field], a quoted field in braces. A refusal follows as !WORDS.
 */
static elman_status show_reader(TableReader *reader, char *shown) {
    elman_error error = {ELMAN_OK, ""};
    TableRow row;
    elman_status status;
    while ((status = table_next(reader, &row, &error)) == ELMAN_OK && row.count > 0) {
        char line[24];
        (void)snprintf(line, sizeof line, "%zu", row.line);
        add(shown, line, strlen(line));
        for (size_t i = 0; i < row.count; i++) {
            add(shown, row.fields[i].quoted ? "{" : "[", 1);
            add(shown, row.fields[i].text, row.fields[i].size);
            add(shown, row.fields[i].quoted ? "}" : "]", 1);
        }
    }
    if (status) {
        add(shown, "!", 1);
        add(shown, error.message, strlen(error.message));
    } else {
        assert_int_equal(table_next(reader, &row, &error), ELMAN_OK);
        assert_int_equal(row.count, 0);
    }
    table_close(reader);
    return status;
}

static void show(const char *name, const char *text, size_t size, const TableOptions *options,
                 char *shown) {
    Memory memory;
    TableReader *reader;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, NULL);
    *shown = '\0';
    /* A block of the exact size, so that the address sanitizer sees its end. */
    char *const exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    if (table_open_bytes(&memory, name, exact, size, options, &reader, &error)) {
        assert_null(reader);
        add(shown, "!", 1);
        add(shown, error.message, strlen(error.message));
    } else {
        assert_string_equal(table_name(reader), name);
        (void)show_reader(reader, shown);
    }
    free(exact);
}

/* A text that may hold zero bytes, and what it is read as. */
typedef struct Case {
    const char *text;
    size_t size;
    TableOptions options;
    const char *shown;
} Case;

#define TEXT(literal) literal, sizeof(literal) - 1
#define COMMA                                                                                      \
    { .delimiter = ',' }
#define SEMICOLON                                                                                  \
    { .delimiter = ';' }
#define TAB                                                                                        \
    { .delimiter = '\t' }
#define BLANKS                                                                                     \
    { .delimiter = ' ' }
#define COMMENTS                                                                                   \
    { .delimiter = ',', .comments = true }
#define PLAIN                                                                                      \
    { .delimiter = '\t', .plain_quotes = true }

static const Case cases[] = {
    {TEXT(""), COMMA, ""},
    {TEXT("\n"), COMMA, ""},
    {TEXT("a"), COMMA, "1[a]"},
    {TEXT("a,b\nc,d\n"), COMMA, "1[a][b]2[c][d]"},
    {TEXT("a,b\nc,d"), COMMA, "1[a][b]2[c][d]"},
    {TEXT("a,b\r\nc,d\r\n"), COMMA, "1[a][b]2[c][d]"},
    {TEXT("a,b\rc,d\r"), COMMA, "1[a][b]2[c][d]"},
    {TEXT("a\r\r\nb\n\rc"), COMMA, "1[a]3[b]5[c]"},
    {TEXT(",\n"), COMMA, "1[][]"},
    {TEXT("1,\n,2\n1,,3,"), COMMA, "1[1][]2[][2]3[1][][3][]"},
    {TEXT("a,b,c\nd\ne,f\n"), COMMA, "1[a][b][c]2[d]3[e][f]"},
    /* Blanks. */
    {TEXT(" a , b\t\n"), COMMA, "1[ a ][ b\t]"},
    {TEXT("\n\n1\n \t \n2\n\n"), COMMA, "3[1]5[2]"},
    {TEXT(" \n"), SEMICOLON, ""},
    {TEXT("\t\n \t\n \n"), TAB, "1[][]2[ ][]"},
    {TEXT(" , \n"), COMMA, "1[ ][ ]"},
    {TEXT("a;b,c\t|;d\n"), SEMICOLON, "1[a][b,c\t|][d]"},
    {TEXT("  1  2.5\t 3 \n\n\t \n4 5 6"), BLANKS, "1[1][2.5][3]4[4][5][6]"},
    {TEXT("\"a b\" \"\" c\"d\n"), BLANKS, "1{a b}{}[c\"d]"},
    /* Quotes. */
    {TEXT("\"a\",\"b,c\"\n"), COMMA, "1{a}{b,c}"},
    {TEXT("\"\",\"\"\"\",\"\"\"a\"\"b\"\"\"\n"), COMMA, "1{}{\"}{\"a\"b\"}"},
    {TEXT("\"\"\n"), COMMA, "1{}"},
    {TEXT("\"a\"\"b\",c\"d\"e\n"), COMMA, "1{a\"b}[c\"d\"e]"},
    {TEXT("\"a\n\nb\",c\nd\n"), COMMA, "1{a\n\nb}[c]4[d]"},
    {TEXT("\"a\r\nb\rc\n\",\"\r\"\nd"), COMMA, "1{a\r\nb\rc\n}{\r}6[d]"},
    {TEXT("\"a\"\r\n\"b\"\r\"c\""), COMMA, "1{a}2{b}3{c}"},
    {TEXT("  \"a\" ,\t\"b\"\t\n"), COMMA, "1{a}{b}"},
    {TEXT("\"a\"\t\t\"b\"\n"), TAB, "1{a}[]{b}"},
    {TEXT("a\"b\",5\" pipe, x\"\n"), COMMA, "1[a\"b\"][5\" pipe][ x\"]"},
    {TEXT("#\n\"#\",#\n"), COMMA, "1[#]2{#}[#]"},
    {TEXT("\"\tO\n''\"\"\tO\n\n\"a\tB\n"), PLAIN, "1[\"][O]2[''\"\"][O]4[\"a][B]"},
    /* Comments. */
    {TEXT("# one, \"two\n1,2\n#three\n\n 3#,#4\r#\r\n #5"), COMMENTS, "2[1][2]5[ 3#][#4]7[ #5]"},
    {TEXT("# one"), COMMENTS, ""},
    /* Byte order marks. */
    {TEXT("\xEF\xBB\xBF"
          "a,b\n"),
     COMMA, "1[a][b]"},
    {TEXT("\xEF\xBB\xBF"), COMMA, ""},
    {TEXT("\xEF\xBB\xBF\"a\",b\n"), COMMA, "1{a}[b]"},
    {TEXT("\xEF\xBB"), COMMA, "1[\xEF\xBB]"},
    {TEXT("\xFF\xFE"
          "a\0"),
     COMMA, "!x: is UTF-16, expected UTF-8: save it as UTF-8"},
    {TEXT("\x1F\x8B\x08\0"), COMMA, "!x: is packed by gzip, expected text: unpack it"},
    {TEXT("PK\x03\x04\0"), COMMA,
     "!x: is a spreadsheet or a ZIP archive, expected text: save it as CSV"},
    {TEXT("\xFE\xFF"), COMMA, "!x: is UTF-16, expected UTF-8: save it as UTF-8"},
    {TEXT("\xFF"), COMMA, "1[\xFF]"},
    /* Refused. */
    {TEXT("a\nb\0c\n"), COMMA, "1[a]!x:2: found a zero byte, expected text"},
    {TEXT("\0"), COMMA, "!x:1: found a zero byte, expected text"},
    {TEXT("a\r\0"), COMMA, "1[a]!x:2: found a zero byte, expected text"},
    {TEXT("\"a\n\0\n"), COMMA, "!x:2: found a zero byte, expected text"},
    {TEXT("\"a\nb\" \0\n"), COMMA, "!x:2: found a zero byte, expected text"},
    {TEXT("#\0"), COMMENTS, "!x:1: found a zero byte, expected text"},
    {TEXT("a\n\"b\nc\",\"d\n\ne"), COMMA, "1[a]!x:3: the quote that begins here is not closed"},
    {TEXT("\""), COMMA, "!x:1: the quote that begins here is not closed"},
    {TEXT("\"\"\""), COMMA, "!x:1: the quote that begins here is not closed"},
    {TEXT("a\n\"b\r\nc\" d,e\n"), COMMA,
     "1[a]!x:3: found text behind a closing quote, expected a delimiter or the end of the line"},
    {TEXT("\"a\"b\""), COMMA,
     "!x:1: found text behind a closing quote, expected a delimiter or the end of the line"},
};

static void records(void **state) {
    char shown[SHOWN_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        show("x", cases[i].text, cases[i].size, &cases[i].options, shown);
        if (strcmp(shown, cases[i].shown) != 0)
            fail_msg("case %zu: \"%s\" is read as %s, not %s", i, cases[i].text, shown,
                     cases[i].shown);
    }
}

/* Blocks of each size put each byte at an end of one. */
static void blocks_cut_anywhere(void **state) {
    char shown[SHOWN_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TableOptions options = cases[i].options;
        for (options.block = 1; options.block < cases[i].size + 2; options.block++) {
            show("x", cases[i].text, cases[i].size, &options, shown);
            if (strcmp(shown, cases[i].shown) != 0)
                fail_msg("case %zu, blocks of %zu: \"%s\" is read as %s, not %s", i, options.block,
                         cases[i].text, shown, cases[i].shown);
        }
    }
}

static void delimiters_are_found(void **state) {
    static const struct {
        const char *name, *text, *shown;
    } sniffed[] = {
        {"x", "a,b\n1,2\n", "1[a][b]2[1][2]"},
        {"x", "a;b\n1,5;2\n", "1[a][b]2[1,5][2]"},
        {"x", "1,5;2,5\n3,5;4,5\n", "1[1,5][2,5]2[3,5][4,5]"},
        {"x", "a\tb\n1,5\t2 3\n", "1[a][b]2[1,5][2 3]"},
        {"x", "a|b\n1|2\n", "1[a][b]2[1][2]"},
        {"x", " 1 2\n3   4\n", "1[1][2]2[3][4]"},
        {"x", "2020-01-01 00:00,1\n2020-01-01 01:00,2\n",
         "1[2020-01-01 00:00][1]2[2020-01-01 01:00][2]"},
        {"x", "1-1 0:00,1\n1-1 1:00,2\n1-1 2:00,3,4\n",
         "1[1-1 0:00][1]2[1-1 1:00][2]3[1-1 2:00][3][4]"},
        {"x", "text,label\n\"so; so\",1\n\"a;b\",2\nc,d,e\n",
         "1[text][label]2{so; so}[1]3{a;b}[2]4[c][d][e]"},
        {"x", "\"a,b\";\"c,d\"\n\"e\";\"f\"\n", "1{a,b}{c,d}2{e}{f}"},
        {"x", "\n\na;b\n", "3[a][b]"},
        {"x", "a\nb,c\nd,e\n", "1[a]2[b][c]3[d][e]"},
        {"x", "one\ntwo words\n", "1[one]2[two words]"},
        {"x", "", ""},
        {"x", "a,b\t\nc,d\t\ne,f,g\t\n", "1[a,b][]2[c,d][]3[e,f,g][]"},
        {"x", "a,b\tc\n1,2\n3,4\n", "1[a][b\tc]2[1][2]3[3][4]"},
        {"x.tsv", "a,b\tc\n1,2\n3,4\n", "1[a,b][c]2[1,2]3[3,4]"},
        {"X.TSV", "a,b\tc\n1,2\n3,4\n", "1[a,b][c]2[1,2]3[3,4]"},
        {"x.tsv", "a;b\n1;2\n", "1[a][b]2[1][2]"},
        {"x", "a,b\n\"c", "1[a][b]!x:2: the quote that begins here is not closed"},
    };
    char shown[SHOWN_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof sniffed / sizeof *sniffed; i++) {
        for (size_t block = 0; block < 20; block++) {
            const TableOptions options = {.block = block};
            show(sniffed[i].name, sniffed[i].text, strlen(sniffed[i].text), &options, shown);
            assert_string_equal(shown, sniffed[i].shown);
        }
        show(sniffed[i].name, sniffed[i].text, strlen(sniffed[i].text), NULL, shown);
        assert_string_equal(shown, sniffed[i].shown);
    }
    const TableOptions comments = {.comments = true};
    show("x", "#a,b,c\n1;2\n", 11, &comments, shown);
    assert_string_equal(shown, "2[1][2]");
}

/* The first records say what delimits even when there is more than one looks at. */
static void long_tables_are_sniffed(void **state) {
    enum { SIZE = 600000 };
    char *const text = malloc(SIZE);
    Memory memory;
    TableReader *reader;
    TableRow row;
    (void)state;
    memory_init(&memory, NULL);
    assert_non_null(text);
    /* Two records: one of 450,000 bytes, of which only the beginning is looked at. */
    for (size_t i = 0; i < SIZE; i += 10) memcpy(text + i, "1,2345678;", 10);
    text[450000 - 1] = '\n';
    assert_int_equal(table_open_bytes(&memory, "x", text, SIZE, NULL, &reader, NULL), ELMAN_OK);
    assert_int_equal(table_next(reader, &row, NULL), ELMAN_OK);
    assert_int_equal(row.count, 45000);
    assert_int_equal(row.fields[44999].size, 9);
    assert_int_equal(table_next(reader, &row, NULL), ELMAN_OK);
    assert_int_equal(row.count, 15001);
    assert_int_equal(row.line, 2);
    table_close(reader);
    /* Two records, the second cut, in a quoted field or not. */
    for (int quoted = 0; quoted < 2; quoted++) {
        text[200000 - 1] = '\n';
        text[450000 - 1] = ';';
        if (quoted) text[200000] = text[400008] = '"';
        assert_int_equal(table_open_bytes(&memory, "x", text, SIZE, NULL, &reader, NULL), ELMAN_OK);
        assert_int_equal(table_next(reader, &row, NULL), ELMAN_OK);
        assert_int_equal(row.count, 20000);
        assert_int_equal(table_next(reader, &row, NULL), ELMAN_OK);
        assert_int_equal(row.count, quoted ? 20001 : 40001);
        table_close(reader);
    }
    /* Many records: the comma comes to more than are looked at. */
    for (size_t i = 0; i < SIZE; i += 10)
        memcpy(text + i, i < 3200 ? "12345;678\n" : "12345,678\n", 10);
    assert_int_equal(table_open_bytes(&memory, "x", text, SIZE, NULL, &reader, NULL), ELMAN_OK);
    assert_int_equal(table_next(reader, &row, NULL), ELMAN_OK);
    assert_int_equal(row.count, 2);
    table_close(reader);
    free(text);
}

static void delimiters_that_cannot_be(void **state) {
    static const char wrong[] = {'"', '\n', '\r', (char)0x80, (char)0xFF};
    char shown[SHOWN_MAX], wanted[200];
    (void)state;
    for (size_t i = 0; i < sizeof wrong; i++) {
        const TableOptions options = {.delimiter = wrong[i]};
        show("x", "a", 1, &options, shown);
        (void)snprintf(wanted, sizeof wanted,
                       "!x: byte %d cannot delimit fields, expected an ASCII character other than "
                       "a quote or a line end",
                       (unsigned char)wrong[i]);
        assert_string_equal(shown, wanted);
    }
}

static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void files_and_standard_input(void **state) {
    Memory memory;
    TableReader *reader;
    elman_error error;
    char shown[SHOWN_MAX] = "";
    (void)state;
    memory_init(&memory, NULL);
    write_file("t.csv", "a,b\n1,2\n3,\"x\n", 13);
    assert_int_equal(table_open(&memory, "t.csv", NULL, &reader, &error), ELMAN_OK);
    assert_string_equal(table_name(reader), "t.csv");
    assert_int_equal(show_reader(reader, shown), ELMAN_ERR_DATA);
    assert_string_equal(shown, "1[a][b]2[1][2]!t.csv:3: the quote that begins here is not closed");

    int ends[2];
    const int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a;b\n1", 5), 5);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(table_open(&memory, "-", NULL, &reader, &error), ELMAN_OK);
    assert_string_equal(table_name(reader), "standard input");
    *shown = '\0';
    assert_int_equal(show_reader(reader, shown), ELMAN_OK);
    assert_string_equal(shown, "1[a;b]2[1]");
    /* It is not ours to close. */
    assert_int_equal(read(STDIN_FILENO, shown, 1), 0);
    assert_int_equal(close(STDIN_FILENO), 0);
    assert_int_equal(table_open(&memory, "-", NULL, &reader, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, "standard input: cannot be read: Bad file descriptor");
    if (kept >= 0) assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    if (kept >= 0) assert_int_equal(close(kept), 0);

    assert_int_equal(table_open(&memory, "none.csv", NULL, &reader, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, "none.csv: cannot be opened: No such file or directory");
    assert_null(reader);
    assert_int_equal(table_open(&memory, ".", NULL, &reader, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, ".: is a directory, expected a file");
    table_close(NULL);
}

/* Reads bring at most `most` bytes, are interrupted each time, and fail at number `fail_at`. */
static struct {
    size_t most;
    long calls, fail_at;
    bool was_interrupted;
} fault;

static ssize_t fault_read(int descriptor, void *bytes, size_t size) {
    fault.was_interrupted = !fault.was_interrupted;
    errno = EINTR;
    if (fault.was_interrupted) return -1;
    errno = EIO;
    if (fault.calls++ == fault.fail_at) return -1;
    return read(descriptor, bytes, size < fault.most ? size : fault.most);
}

static void reads_that_are_short_or_fail(void **state) {
    const TableOptions options = {.delimiter = ',', .block = 4};
    FileOperations operations = *file_operations();
    Memory memory;
    elman_status status = ELMAN_ERR_IO;
    (void)state;
    memory_init(&memory, NULL);
    write_file("t.csv", "abc,def\n1,2\n345,678\n", 20);
    operations.read = fault_read;
    file_operations_set(&operations);
    fault.most = 3;
    for (fault.fail_at = 0; status != ELMAN_OK; fault.fail_at++) {
        TableReader *reader;
        elman_error error = {ELMAN_OK, ""};
        char shown[SHOWN_MAX] = "!";
        fault.calls = 0;
        status = table_open(&memory, "t.csv", &options, &reader, &error);
        add(shown, error.message, strlen(error.message));
        if (status == ELMAN_OK) {
            *shown = '\0';
            status = show_reader(reader, shown);
        }
        const char *const words = strchr(shown, '!');
        assert_string_equal(words ? words : "",
                            status ? "!t.csv: cannot be read: Input/output error" : "");
        if (!status) assert_string_equal(shown, "1[abc][def]2[1][2]3[345][678]");
    }
    file_operations_set(NULL);
    assert_true(fault.fail_at > 7);
}

/* Reads all; *count and the last row are what was read. */
static elman_status read_all(Memory *memory, const char *text, size_t size,
                             const TableOptions *options, size_t *count, elman_error *error) {
    TableReader *reader;
    TableRow row;
    *count = 0;
    elman_status status = table_open_bytes(memory, "x", text, size, options, &reader, error);
    if (status) return status;
    while ((status = table_next(reader, &row, error)) == ELMAN_OK && row.count > 0)
        *count += row.count;
    table_close(reader);
    return status;
}

static void limits(void **state) {
    static const size_t blocks[] = {0, TABLE_RECORD_MAX + 1, 2 * TABLE_RECORD_MAX};
    static const char *const too_long =
        "x:2: the record is longer than 16777216 bytes, the most that are read; is a quote not "
        "closed?";
    enum { ROOM = TABLE_RECORD_MAX + 10 };
    char *const text = malloc(ROOM);
    Memory memory;
    size_t count;
    (void)state;
    memory_init(&memory, NULL);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        const TableOptions options = {.delimiter = ',', .block = blocks[i]};
        elman_error error = {ELMAN_OK, ""};
        char *const end = text + 2 + TABLE_RECORD_MAX;
        /* Just as long as may be, with each line end and none. */
        for (int ending = 0; ending < 3; ending++) {
            memset(text, 'a', ROOM);
            text[1] = '\n';
            memcpy(end, "\r\n", 2);
            assert_int_equal(read_all(&memory, text, 2 + TABLE_RECORD_MAX + (size_t)ending,
                                      &options, &count, &error),
                             ELMAN_OK);
            assert_int_equal(count, 2);
        }
        /* One byte more; quoted; what stands beyond is not looked at. */
        for (int kind = 0; kind < 6; kind++) {
            memset(text, 'a', ROOM);
            text[1] = '\n';
            if (kind == 1) text[2] = '"';
            if (kind == 2) end[1] = '\0';
            if (kind == 3) text[2] = '"', end[1] = '\0';
            if (kind == 4) text[2] = '"', end[-1] = '"', end[0] = ' ';
            if (kind == 5) text[2] = '"', end[-1] = '"', end[0] = ',', end[1] = '"';
            assert_int_equal(read_all(&memory, text, 2 + TABLE_RECORD_MAX + (kind ? 3 : 1),
                                      &options, &count, &error),
                             ELMAN_ERR_DATA);
            assert_string_equal(error.message, too_long);
            if (kind > 1) continue;
            /* What comes before is. */
            text[100] = '\0';
            assert_int_equal(
                read_all(&memory, text, 2 + TABLE_RECORD_MAX + 3, &options, &count, &error),
                ELMAN_ERR_DATA);
            assert_string_equal(error.message, "x:2: found a zero byte, expected text");
        }
        /* Fields. */
        memset(text, ',', ROOM);
        text[2 * TABLE_FIELDS_MAX] = '\n';
        assert_int_equal(read_all(&memory, text + TABLE_FIELDS_MAX + 1, 2 * TABLE_FIELDS_MAX,
                                  &options, &count, &error),
                         ELMAN_ERR_DATA);
        assert_string_equal(error.message,
                            "x:2: the record has more than 65536 fields, the most that are read");
        assert_int_equal(count, TABLE_FIELDS_MAX);
    }
    free(text);
}

/* A record without an end takes no more memory than the limit is worth. */
static void endless_records(void **state) {
    enum { SIZE = 3 * TABLE_RECORD_MAX };
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    const TableOptions options = {.delimiter = ','};
    char *const text = malloc(SIZE);
    Memory memory;
    size_t count;
    (void)state;
    memory_init(&memory, &allocator);
    assert_non_null(text);
    memset(text, 'a', SIZE);
    assert_int_equal(read_all(&memory, text, SIZE, &options, &count, NULL), ELMAN_ERR_DATA);
    assert_true(counting.peak < 3 * TABLE_RECORD_MAX + 100000);
    free(text);
}

/* Every allocation fails once. */
static void no_memory(void **state) {
    enum { SIZE = 4000 };
    static char text[SIZE];
    elman_status status = ELMAN_ERR_MEMORY;
    size_t failed = 0;
    (void)state;
    memset(text, ';', sizeof text); /* more fields than there is room for at first */
    for (size_t i = 0; i < sizeof text; i += 1000) text[i + 999] = '\n';
    for (int way = 0; way < 2; way++) {
        const TableOptions options = {.delimiter = way ? ';' : '\0', .block = 100};
        status = ELMAN_ERR_MEMORY;
        for (long k = 0; status != ELMAN_OK; k++) {
            CountingAllocator counting = {.allow = k};
            const elman_allocator allocator = counting_allocator(&counting);
            Memory memory;
            elman_error error = {ELMAN_OK, ""};
            size_t count;
            memory_init(&memory, &allocator);
            status = read_all(&memory, text, sizeof text, &options, &count, &error);
            assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
            if (status) {
                failed++;
                assert_int_equal(error.status, ELMAN_ERR_MEMORY);
                assert_non_null(strstr(error.message, ": no memory "));
                assert_ptr_equal(strstr(error.message, "x:"), error.message);
            } else {
                assert_int_equal(count, SIZE);
            }
            assert_int_equal(counting.live, 0);
        }
    }
    assert_true(failed >= 2 * 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(blocks_cut_anywhere),
        cmocka_unit_test(delimiters_are_found),
        cmocka_unit_test(long_tables_are_sniffed),
        cmocka_unit_test(delimiters_that_cannot_be),
        cmocka_unit_test(files_and_standard_input),
        cmocka_unit_test(reads_that_are_short_or_fail),
        cmocka_unit_test(limits),
        cmocka_unit_test(endless_records),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
