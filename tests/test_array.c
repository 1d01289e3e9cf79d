/* NumPy arrays of any shape: read, written piece by piece, refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/rows.h>

enum { COUNT = 5000 }; /* more than the writer encodes at once */

static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void there_and_back(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const size_t shape[3] = {10, 250, 2};
    float values[COUNT], got[COUNT];
    int64_t whole;
    elman_array_writer *writer;
    elman_array *array;
    elman_error error;
    for (size_t i = 0; i < COUNT; i++) values[i] = (float)i * 0.37f - 100.0f;
    values[7] = NAN;
    assert_int_equal(elman_array_writer_open(context, "a.npy", shape, 3, &writer, &error),
                     ELMAN_OK);
    assert_int_equal(elman_array_writer_append(writer, values, 3, &error), ELMAN_OK);
    assert_int_equal(elman_array_writer_append(writer, values + 3, COUNT - 3, &error), ELMAN_OK);
    assert_null(fopen("a.npy", "rb"));
    assert_int_equal(elman_array_writer_commit(writer, &error), ELMAN_OK);
    assert_int_equal(elman_array_load(context, "a.npy", &array, &error), ELMAN_OK);
    assert_int_equal(elman_array_rank(array), 3);
    assert_memory_equal(elman_array_shape(array), shape, sizeof shape);
    assert_int_equal(elman_array_count(array), COUNT);
    assert_false(elman_array_is_whole(array));
    assert_int_equal(elman_array_floats(array, 0, COUNT, got), ELMAN_OK);
    assert_memory_equal(got, values, sizeof values);
    assert_int_equal(elman_array_floats(array, COUNT - 1, 1, got), ELMAN_OK);
    assert_true(got[0] == values[COUNT - 1]);
    assert_int_equal(elman_array_floats(array, COUNT - 1, 2, got), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_array_floats(array, COUNT + 1, 0, got), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_array_integers(array, 0, 1, &whole), ELMAN_ERR_ARGUMENT);
    elman_array_destroy(array);
    elman_array_destroy(NULL);
    elman_context_destroy(context);
}

/* Beyond what a double tells apart. */
static void whole_numbers(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    static const char header[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n";
    const unsigned char numbers[16] = {1,    0,    0,    0,    0,    0,    0x20, 0,
                                       0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    unsigned char file[128] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, sizeof header - 1, 0};
    int64_t got[2];
    elman_array *array;
    memcpy(file + 10, header, sizeof header - 1);
    memcpy(file + 10 + sizeof header - 1, numbers, sizeof numbers);
    write_file("i.npy", file, 10 + sizeof header - 1 + sizeof numbers);
    assert_int_equal(elman_array_load(context, "i.npy", &array, NULL), ELMAN_OK);
    assert_true(elman_array_is_whole(array));
    assert_int_equal(elman_array_integers(array, 0, 2, got), ELMAN_OK);
    assert_true(got[0] == ((int64_t)1 << 53) + 1 && got[1] == -2);
    elman_array_destroy(array);
    elman_context_destroy(context);
}

/* What a function was handed. */
typedef struct Sink {
    size_t taken, most;
} Sink;

static int take(void *user, const void *bytes, size_t size) {
    Sink *const sink = user;
    (void)bytes;
    sink->taken += size;
    return sink->taken > sink->most;
}

static void refusals(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const size_t two = 2, many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, large[2] = {SIZE_MAX / 2, 3};
    const float values[3] = {1, 2, 3};
    Sink sink = {0, 130};
    elman_array_writer *writer;
    elman_error error;
    write_file("kept.npy", "old", 3);
    assert_int_equal(elman_array_writer_open(context, "x", many, 9, &writer, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_null(writer);
    assert_int_equal(elman_array_writer_open(context, "x", large, 2, &writer, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_array_writer_open(context, "no/x", &two, 1, &writer, &error),
                     ELMAN_ERR_IO);
    /* Too few numbers, too many, given up: the old file stays. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(elman_array_writer_open(context, "kept.npy", &two, 1, &writer, &error),
                         ELMAN_OK);
        if (i == 0) {
            assert_int_equal(elman_array_writer_append(writer, values, 1, &error), ELMAN_OK);
            assert_int_equal(elman_array_writer_commit(writer, &error), ELMAN_ERR_ARGUMENT);
            assert_string_equal(error.message, "kept.npy: lacks 1 numbers of its shape");
            continue;
        }
        if (i == 1)
            assert_int_equal(elman_array_writer_append(writer, values, 3, &error),
                             ELMAN_ERR_ARGUMENT);
        elman_array_writer_abort(writer);
    }
    char text[4] = "";
    FILE *const file = fopen("kept.npy", "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, 3, file), 3);
    assert_string_equal(text, "old");
    fclose(file);
    /* A function that takes the header of 128 bytes and no numbers. */
    assert_int_equal(
        elman_array_writer_open_function(context, "pipe", take, &sink, &two, 1, &writer, &error),
        ELMAN_OK);
    assert_int_equal(elman_array_writer_append(writer, values, 2, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, "pipe: could not be written");
    elman_array_writer_abort(writer);
    elman_array_writer_abort(NULL);
    elman_context_destroy(context);
}

static elman_status write_and_read(elman_context *context) {
    const size_t two = 2;
    const float values[2] = {1, 2};
    elman_array_writer *writer;
    elman_array *array;
    elman_status status = elman_array_writer_open(context, "m.npy", &two, 1, &writer, NULL);
    if (status) {
        assert_null(writer);
        return status;
    }
    status = elman_array_writer_append(writer, values, 2, NULL);
    if (status) {
        elman_array_writer_abort(writer);
        return status;
    }
    if ((status = elman_array_writer_commit(writer, NULL))) return status;
    status = elman_array_load(context, "m.npy", &array, NULL);
    assert_true(status == ELMAN_OK || !array);
    elman_array_destroy(array);
    return status;
}

/* Every allocation fails once. */
static void no_memory(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options given = {
        .struct_size = sizeof given, .threads = 1, .allocator = counting_allocator(&counting)};
    elman_context *context;
    elman_status status = ELMAN_ERR_MEMORY;
    assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
    const long live = counting.live;
    for (long k = 0; status != ELMAN_OK; k++) {
        counting.allow = k;
        status = write_and_read(context);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        assert_true(status != ELMAN_OK || k >= 4);
        assert_true(counting.live == live);
    }
    counting.allow = ALLOW_ALL;
    elman_context_destroy(context);
    assert_true(counting.live == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
