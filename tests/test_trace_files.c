/* Rows of numbers from text, CSV and .npy; traces as .npz. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decimal.h"
#include "formats/npy.h"
#include "support/allocator.h"
#include "support/passes.h"
#include <elman/rows.h>
#include <elman/trace.h>

/* ---- numbers ---- */

static void decimals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        float value;
    } right[] = {{"0", 0},
                 {"-1.5", -1.5f},
                 {"+2", 2},
                 {".5", 0.5f},
                 {"5.", 5},
                 {"1e3", 1000},
                 {"1.25E-2", 0.0125f},
                 {"0.1", 0.1f},
                 {"3.4028234e38", 0x1.fffffep127f},
                 {"1e-60", 0},
                 /* just above the middle between two floats; to double first would lose it */
                 {"1.00000005960464477540", 0x1.000002p0f}};
    static const char *const wrong[] = {"",    " 1",  "1 ",  "-",   ".",     "e1",    "1e",  "1e+",
                                        "1,5", "0x1", "nan", "inf", "1e999", "1.2.3", "--1", "1_0"};
    float value;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        if (!decimal_read(right[i].text, strlen(right[i].text), &value))
            fail_msg("%s is refused", right[i].text);
        if (value != right[i].value) fail_msg("%s gives %a", right[i].text, (double)value);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (decimal_read(wrong[i], strlen(wrong[i]), &value)) fail_msg("%s is taken", wrong[i]);
    char long_text[DECIMAL_MAX + 2];
    memset(long_text, '0', sizeof long_text);
    assert_true(decimal_read(long_text, DECIMAL_MAX, &value));
    assert_false(decimal_read(long_text, DECIMAL_MAX + 1, &value));
    /* A program's locale changes nothing. */
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C"};
    for (size_t i = 0; i < 3; i++) {
        (void)setlocale(LC_ALL, locales[i]);
        assert_true(decimal_read("1.5", 3, &value) && value == 1.5f);
        assert_false(decimal_read("1,5", 3, &value));
    }
}

/* ---- text and CSV ---- */

static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void check_rows(const elman_rows *rows, size_t count, size_t width, const float *values) {
    assert_int_equal(elman_rows_count(rows), count);
    assert_int_equal(elman_rows_width(rows), width);
    assert_memory_equal(elman_rows_values(rows), values, count * width * sizeof *values);
}

static void refuses_text(elman_context *context, const char *text, bool file, const char *part) {
    elman_rows *rows = (elman_rows *)1;
    elman_error error = {0};
    if (file) write_file("rows.csv", text, strlen(text));
    const elman_status status = file ? elman_rows_load(context, "rows.csv", &rows, &error)
                                     : elman_rows_parse(context, "--input", text, &rows, &error);
    assert_int_equal(status, ELMAN_ERR_DATA);
    assert_null(rows);
    if (!strstr(error.message, part)) fail_msg("%s: no \"%s\"", error.message, part);
}

static void rows_of_text(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    static const float values[] = {1, 2, 3, -4.5f};
    static const char *const texts[] = {"1,2;3,-4.5", " 1 ,\t2 ; 3,-4.5;"};
    static const char *const files[] = {"1,2\n3,-4.5", "1,2\r\n3, -4.5\r\n\n",
                                        ("\xEF\xBB\xBF"
                                         "1,2\n3,-4.5\n")};
    elman_rows *rows;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(elman_rows_parse(context, "x", texts[i], &rows, NULL), ELMAN_OK);
        check_rows(rows, 2, 2, values);
        elman_rows_destroy(rows);
    }
    for (size_t i = 0; i < 3; i++) {
        write_file("rows.csv", files[i], strlen(files[i]));
        assert_int_equal(elman_rows_load(context, "rows.csv", &rows, NULL), ELMAN_OK);
        check_rows(rows, 2, 2, values);
        elman_rows_destroy(rows);
    }
    elman_rows_destroy(NULL);
    refuses_text(context, "", true, "rows.csv: is empty");
    refuses_text(context, " \n\n", true, "is empty");
    refuses_text(context, "time,value\n1,2\n", true, "line 1, column 1: found \"time\"");
    refuses_text(context, "1,2\n3,4,5\n", true, "line 2 has more than 2 numbers");
    refuses_text(context, "1,2\n3\n", true, "line 2 has 1 numbers, expected 2");
    refuses_text(context, "1,2\n\n3,4\n", true, "line 2 is empty");
    refuses_text(context, "1,2\n3,\n", true, "line 2, column 2: found \"\"");
    refuses_text(context, "1,\"2\"\n", true, "column 2: found \"\"2\"\"");
    refuses_text(context, "1,nan", true, "found \"nan\"");
    refuses_text(context, "1,2;3,x", false, "--input: row 2, column 2: found \"x\"");
    refuses_text(context, "1\n2", false, "row 1, column 1");
    refuses_text(context, ";1", false, "row 1 is empty");
    elman_error error;
    assert_int_equal(elman_rows_load(context, "missing", &rows, &error), ELMAN_ERR_IO);
    elman_context_destroy(context);
}

/* ---- .npy ---- */

enum { NPY_MAX = 512 };

/* A file of version `major` with that header and `size` bytes of numbers 1, 2, 3, ... of bytes. */
static size_t make_npy(unsigned char *file, unsigned char major, const char *header, size_t size) {
    const size_t length = strlen(header), start = major == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = major;
    file[7] = 0;
    memset(file + 8, 0, 4);
    file[8] = (unsigned char)length;
    memcpy(file + start, header, length);
    for (size_t i = 0; i < size; i++) file[start + length + i] = 0;
    return start + length + size;
}

static void npy_types(void **state) {
    (void)state;
    static const struct {
        const char *descr;
        unsigned char one[8]; /* of the number -2 */
        size_t size;
    } types[] = {{"<f4", {0, 0, 0, 0xC0}, 4},
                 {"<f8", {0, 0, 0, 0, 0, 0, 0, 0xC0}, 8},
                 {"<i4", {0xFE, 0xFF, 0xFF, 0xFF}, 4},
                 {"<i8", {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 8}};
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 12; i++) {
        const size_t type = i % 4;
        unsigned char file[NPY_MAX];
        char header[200];
        snprintf(header, sizeof header,
                 i % 2 ? "{'descr': '%s', 'fortran_order': False, 'shape': (2, 1), }  \n"
                       : "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"%s\"}",
                 types[type].descr);
        const size_t size =
            make_npy(file, (unsigned char)(1 + i / 4), header, 2 * types[type].size);
        memcpy(file + size - types[type].size, types[type].one, types[type].size);
        write_file("rows.npy", file, size);
        elman_rows *rows;
        elman_error error;
        static const float values[] = {0, -2};
        if (elman_rows_load(context, "rows.npy", &rows, &error)) fail_msg("%s", error.message);
        check_rows(rows, 2, 1, values);
        elman_rows_destroy(rows);
    }
    elman_context_destroy(context);
}

static void refuses_npy(unsigned char major, const char *header, size_t size, elman_status wanted,
                        const char *part) {
    unsigned char file[NPY_MAX];
    NpyArray array;
    elman_error error = {0};
    const elman_status status =
        npy_parse("x.npy", file, make_npy(file, major, header, size), &array, &error);
    assert_int_equal(status, wanted);
    if (!strstr(error.message, part)) fail_msg("%s: no \"%s\"", error.message, part);
}

#define HEADER(descr, order, shape)                                                                \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape "}"

static void wrong_npy(void **state) {
    (void)state;
    const elman_status format = ELMAN_ERR_FORMAT, unsupported = ELMAN_ERR_UNSUPPORTED;
    refuses_npy(4, HEADER("'<f4'", "False", "(1,)"), 4, unsupported, "version 4.0");
    refuses_npy(1, HEADER("'<f4'", "True", "(1,)"), 4, unsupported, "column-major");
    refuses_npy(1, HEADER("'>f4'", "False", "(1,)"), 4, unsupported, "type >f4");
    refuses_npy(1, HEADER("'|O'", "False", "(1,)"), 4, unsupported, "type |O");
    refuses_npy(1, HEADER("[('a', '<f4')]", "False", "(1,)"), 4, unsupported, "records");
    refuses_npy(1, HEADER("'<f4'", "Falsch", "(1,)"), 4, format, "True or False");
    refuses_npy(1, HEADER("'<f4'", "False", "(1)"), 4, format, "a comma in the shape");
    refuses_npy(1, HEADER("'<f4'", "False", "(1, -1)"), 4, format, "a size");
    refuses_npy(1, HEADER("'<f4'", "False", "(2,)"), 4, format,
                "4 bytes of numbers, its shape asks");
    refuses_npy(1, HEADER("'<f4'", "False", "(2,)"), 9, format, "9 bytes of numbers");
    refuses_npy(1, HEADER("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), 4, format, "more than 8");
    refuses_npy(1, HEADER("'<f4'", "False", "(4294967296, 4294967296)"), 4, format, "product");
    refuses_npy(1, HEADER("'<f8'", "False", "(4611686018427387904,)"), 4, format, "product");
    refuses_npy(1, HEADER("'<f4'", "False", "(99999999999999999999,)"), 4, format, "64 bits");
    refuses_npy(1, "{'descr': '<f4', 'descr': '<f4'}", 4, format, "appears twice");
    refuses_npy(1, "{'descr': '<f4', 'shape': (1,)}", 4, format, "no key fortran_order");
    refuses_npy(1, "{'extra': 1}", 4, format, "unknown key \"extra\"");
    refuses_npy(1, "{'descr' '<f4'}", 4, format, ": behind a key");
    refuses_npy(1, "{'descr': '<f4' 'shape': (1,)}", 4, format, ", or }");
    refuses_npy(1, HEADER("'<f4'", "False", "(1,)") " x", 4, format, "nothing behind");
    refuses_npy(1, "", 4, format, "expected {");
    /* Each beginning of a good file is refused, and none is read past its end. */
    unsigned char file[NPY_MAX];
    NpyArray array;
    const size_t whole = make_npy(file, 2, HEADER("'<f4'", "False", "(2, 3)"), 24);
    assert_int_equal(npy_parse("x", file, whole, &array, NULL), ELMAN_OK);
    assert_true(array.rank == 2 && array.count == 6);
    for (size_t size = 0; size < whole; size++) {
        unsigned char *const exact = malloc(size ? size : 1);
        assert_non_null(exact);
        memcpy(exact, file, size);
        assert_int_equal(npy_parse("x", exact, size, &array, NULL), ELMAN_ERR_FORMAT);
        free(exact);
    }
}

static void npy_that_are_no_rows(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    static const struct {
        const char *header, *part;
        size_t bytes;
        unsigned char last;
    } cases[] = {{HEADER("'<f4'", "False", "()"), "has 0 dimensions", 4, 0},
                 {HEADER("'<f4'", "False", "(1, 1, 1)"), "has 3 dimensions", 4, 0},
                 {HEADER("'<f4'", "False", "(0, 3)"), "is empty", 0, 0},
                 {HEADER("'<f8'", "False", "(1, 2)"), "row 1, column 2 is ", 16, 0x7F}};
    for (size_t i = 0; i < 4; i++) {
        unsigned char file[NPY_MAX];
        elman_rows *rows;
        elman_error error;
        const size_t size = make_npy(file, 1, cases[i].header, cases[i].bytes);
        if (cases[i].last) memset(file + size - 2, cases[i].last, 2);
        write_file("rows.npy", file, size);
        assert_int_equal(elman_rows_load(context, "rows.npy", &rows, &error), ELMAN_ERR_DATA);
        assert_null(rows);
        if (!strstr(error.message, cases[i].part)) fail_msg("%s", error.message);
    }
    elman_context_destroy(context);
}

/* ---- .npz ---- */

static uint32_t number(const unsigned char *at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint32_t)at[i] << 8 * i;
    return value;
}

/* The CRC-32 of zip, bit by bit. */
static uint32_t checksum(const unsigned char *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static unsigned char *read_all(const char *path, size_t *size) {
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *const bytes = zeroed(1 << 20, 1);
    *size = fread(bytes, 1, 1 << 20, file);
    assert_true(*size < 1 << 20);
    fclose(file);
    return bytes;
}

/* One member: its headers agree, its numbers are the trace's. */
static void check_member(const unsigned char *zip, const unsigned char *central,
                         const elman_trace *trace, size_t index) {
    elman_trace_array want;
    NpyArray got;
    char name[128];
    assert_int_equal(elman_trace_at(trace, index, &want), ELMAN_OK);
    const size_t name_size = number(central + 28, 2), size = number(central + 24, 4);
    const unsigned char *const local = zip + number(central + 42, 4);
    const unsigned char *const data = local + 30 + name_size;
    assert_memory_equal(central, "PK\1\2", 4);
    assert_memory_equal(local, "PK\3\4", 4);
    assert_memory_equal(local + 4, central + 6, 26); /* from the version to the name's length */
    assert_memory_equal(local + 30, central + 46, name_size);
    snprintf(name, sizeof name, "%s.npy", want.name);
    assert_true(strlen(name) == name_size && memcmp(name, local + 30, name_size) == 0);
    assert_true(number(central + 16, 4) == checksum(data, size));
    assert_int_equal(npy_parse(name, data, size, &got, NULL), ELMAN_OK);
    assert_true(got.rank == want.rank && got.count == want.count);
    assert_memory_equal(got.shape, want.shape, got.rank * sizeof *got.shape);
    for (size_t i = 0; i < got.count; i++) {
        const double value = want.type == ELMAN_TRACE_FLOAT ? (double)((const float *)want.data)[i]
                             : want.type == ELMAN_TRACE_DOUBLE ? ((const double *)want.data)[i]
                                                               : ((const int32_t *)want.data)[i];
        assert_true(npy_number(&got, i) == value);
    }
}

static elman_trace *make_trace(elman_context *context) {
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 5,
                              .cell = ELMAN_CELL_LSTM,
                              .layers = 1,
                              .hidden = 20,
                              .outputs = 5};
    elman_model *const model = random_model(context, &spec, 4);
    const int32_t tokens[4] = {1, 2, 3, 4};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = 3, .batch = 1, .tokens = tokens};
    const elman_trace_options options = {.struct_size = sizeof options,
                                         .loss = ELMAN_TRACE_CROSS_ENTROPY,
                                         .classes = tokens + 1,
                                         .backward = 1};
    elman_trace *trace;
    assert_int_equal(elman_trace_create(model, &sequence, &options, &trace, NULL), ELMAN_OK);
    elman_model_destroy(model);
    return trace;
}

static void npz(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_trace *const trace = make_trace(context);
    const size_t count = elman_trace_count(trace);
    elman_error error;
    size_t size;
    assert_int_equal(elman_trace_save(trace, "trace.npz", &error), ELMAN_OK);
    unsigned char *const zip = read_all("trace.npz", &size);
    const unsigned char *const end = zip + size - 22;
    assert_memory_equal(end, "PK\5\6", 4);
    assert_true(number(end + 8, 2) == count && number(end + 10, 2) == count);
    const unsigned char *central = zip + number(end + 16, 4);
    for (size_t i = 0; i < count; i++) {
        check_member(zip, central, trace, i);
        central += 46 + number(central + 28, 2);
    }
    assert_ptr_equal(central, end);
    assert_true(number(end + 12, 4) == (size_t)(end - zip) - number(end + 16, 4));
    assert_int_equal(elman_trace_save(trace, "missing/trace.npz", &error), ELMAN_ERR_IO);
    /* Too large for zip: refused before its numbers are looked at. */
    const NpzEntry large[2] = {{"a", {.type = NPY_FLOAT64, .count = (size_t)1 << 28}},
                               {"b", {.type = NPY_FLOAT64, .count = (size_t)1 << 28}}};
    Memory memory;
    memory_init(&memory, NULL);
    assert_int_equal(npz_write(&memory, "large.npz", large, 2, &error), ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "4 GiB"));
    assert_null(fopen("large.npz", "rb"));
    free(zip);
    elman_trace_destroy(trace);
    elman_context_destroy(context);
}

/* Every allocation of reading and writing fails once. */
static void no_memory(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options given = {
        .struct_size = sizeof given, .threads = 1, .allocator = counting_allocator(&counting)};
    elman_context *context;
    assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
    elman_trace *const trace = make_trace(context);
    unsigned char file[NPY_MAX];
    write_file("rows.npy", file, make_npy(file, 1, HEADER("'<f4'", "False", "(2, 3)"), 24));
    write_file("rows.csv", "1,2\n", 4);
    for (int what = 0; what < 3; what++) {
        status = ELMAN_ERR_MEMORY;
        for (long k = 0; status != ELMAN_OK; k++) {
            const long live = counting.live;
            elman_rows *rows = NULL;
            counting.allow = k;
            status = what == 2
                         ? elman_trace_save(trace, "trace.npz", NULL)
                         : elman_rows_load(context, what ? "rows.csv" : "rows.npy", &rows, NULL);
            assert_true(status == ELMAN_OK || (status == ELMAN_ERR_MEMORY && !rows));
            assert_true(status != ELMAN_OK || k >= 2);
            elman_rows_destroy(rows);
            assert_true(counting.live == live);
        }
    }
    counting.allow = ALLOW_ALL;
    elman_trace_destroy(trace);
    elman_context_destroy(context);
    assert_true(counting.live == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),
        cmocka_unit_test(rows_of_text),
        cmocka_unit_test(npy_types),
        cmocka_unit_test(wrong_npy),
        cmocka_unit_test(npy_that_are_no_rows),
        cmocka_unit_test(npz),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
