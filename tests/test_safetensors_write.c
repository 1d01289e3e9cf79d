/* The safetensors writer: what is written comes back, what the reader would refuse is not written,
 * and what is cut short is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "formats/safetensors.h"
#include "support/allocator.h"

#define PATH "write-test.safetensors"

/* What the tests of the writer write. */
static const float weights[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
static const double state_of[2] = {0.1, -1e300};
static const unsigned char mask[3] = {1, 0, 1};
static const SafetensorsTensor written[] = {
    {"mask", SAFETENSORS_BOOL, 1, {3}, mask, sizeof(mask)},
    {"rnn.weight_ih_l0", SAFETENSORS_F32, 2, {2, 3}, weights, sizeof(weights)},
    {"empty", SAFETENSORS_F32, 2, {0, 3}, NULL, 0},
    {"\"\\\x01\xe2\x82\xac", SAFETENSORS_U8, 0, {0}, mask, 1},
    {"state", SAFETENSORS_F64, 8, {1, 1, 1, 1, 1, 1, 2, 1}, state_of, sizeof(state_of)},
};
enum { WRITTEN = sizeof(written) / sizeof(written[0]) };
static const SafetensorsPair metadata[] = {{"zeta", "last/"}, {"elman", "{\"a\":\n\"\x1f\x7f\"}"}};

static unsigned char *read_back(size_t *size) {
    FILE *file = fopen(PATH, "rb");
    unsigned char *bytes = malloc(100000);
    assert_non_null(file);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 100000, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static void check_written(const SafetensorsFile *file, bool with_data) {
    static const char *const order[] = {"state", "rnn.weight_ih_l0", "empty", "mask",
                                        "\"\\\x01\xe2\x82\xac"};
    SafetensorsTensor tensor;
    assert_int_equal(safetensors_count(file), WRITTEN);
    for (size_t i = 0; i < WRITTEN; i++) {
        safetensors_at(file, i, &tensor);
        if (tensor.bytes > 0 || i == 0) assert_string_equal(tensor.name, order[i]);
    }
    for (size_t i = 0; i < WRITTEN; i++) {
        assert_true(safetensors_find(file, written[i].name, &tensor));
        assert_int_equal(tensor.type, written[i].type);
        assert_int_equal(tensor.rank, written[i].rank);
        assert_memory_equal(tensor.shape, written[i].shape, sizeof(tensor.shape));
        assert_int_equal(tensor.bytes, written[i].bytes);
        if (!with_data) {
            assert_null(tensor.data);
            continue;
        }
        if (tensor.bytes > 0) assert_memory_equal(tensor.data, written[i].data, tensor.bytes);
        assert_int_equal((uintptr_t)tensor.data % safetensors_type_size(tensor.type), 0);
    }
    assert_int_equal(safetensors_metadata_count(file), 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(safetensors_metadata(file, metadata[i].key), metadata[i].value);
}

static void what_is_written_comes_back(void **state) {
    (void)state;
    Memory memory;
    SafetensorsFile *file;
    elman_error error;
    size_t size, size_again;
    memory_init(&memory, NULL);
    assert_int_equal(safetensors_write(&memory, PATH, metadata, 2, written, WRITTEN, &error),
                     ELMAN_OK);
    assert_int_equal(safetensors_open(&memory, PATH, &file, &error), ELMAN_OK);
    check_written(file, true);
    safetensors_close(file);
    assert_int_equal(safetensors_open_header(&memory, PATH, &file, &error), ELMAN_OK);
    check_written(file, false);
    safetensors_close(file);

    unsigned char *bytes = read_back(&size);
    static const char start[] =
        "{\"__metadata__\":{\"zeta\":\"last/\",\"elman\":\"{\\\"a\\\":\\n\\\"\\u001f\x7f\\\"}\"},"
        "\"state\":{\"dtype\":\"F64\",\"shape\":[1,1,1,1,1,1,2,1],\"data_offsets\":[0,16]},"
        "\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]},";
    assert_memory_equal(bytes + 8, start, sizeof(start) - 1);
    assert_int_equal(bytes[0] % 8, 0);
    assert_int_equal(safetensors_write(&memory, PATH, metadata, 2, written, WRITTEN, &error),
                     ELMAN_OK);
    unsigned char *again = read_back(&size_again);
    assert_int_equal(size, size_again);
    assert_memory_equal(bytes, again, size);
    free(bytes);
    free(again);

    assert_int_equal(safetensors_write(&memory, PATH, NULL, 0, NULL, 0, &error), ELMAN_OK);
    bytes = read_back(&size);
    assert_int_equal(size, 16);
    assert_memory_equal(bytes, "\10\0\0\0\0\0\0\0{}      ", 16);
    free(bytes);
    assert_int_equal(unlink(PATH), 0);
}

/* Every file cut short anywhere is refused, by the reader of files and by that of memory. */
static void truncated_files_are_refused(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    size_t size;
    memory_init(&memory, NULL);
    assert_int_equal(safetensors_write(&memory, PATH, metadata, 2, written, WRITTEN, &error),
                     ELMAN_OK);
    unsigned char *bytes = read_back(&size);
    for (size_t length = size; length-- > 0;) {
        SafetensorsFile *file = NULL;
        assert_int_equal(truncate(PATH, (off_t)length), 0);
        assert_int_equal(safetensors_open(&memory, PATH, &file, &error), ELMAN_ERR_FORMAT);
        assert_int_equal(safetensors_open_header(&memory, PATH, &file, &error), ELMAN_ERR_FORMAT);
        assert_int_equal(safetensors_parse(&memory, PATH, bytes, length, &file, &error),
                         ELMAN_ERR_FORMAT);
        assert_ptr_equal(strstr(error.message, PATH ": "), error.message);
    }
    free(bytes);
    assert_int_equal(unlink(PATH), 0);
    SafetensorsFile *file;
    assert_int_equal(safetensors_open(&memory, PATH, &file, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, PATH ": cannot be opened: No such file or directory");
}

static void what_the_writer_refuses(void **state) {
    (void)state;
    static char long_name[SAFETENSORS_NAME_MAX + 2];
    memset(long_name, 'n', sizeof(long_name) - 1);
    static char long_value[SAFETENSORS_HEADER_MAX];
    memset(long_value, 'v', sizeof(long_value) - 1);
    const SafetensorsTensor good = {"a", SAFETENSORS_U8, 1, {3}, mask, 3};
    SafetensorsTensor wrong[8];
    for (size_t i = 0; i < 8; i++) wrong[i] = good;
    wrong[0].name = long_name;
    wrong[1].name = "\xff";
    wrong[2].name = "__metadata__";
    wrong[3].type = SAFETENSORS_TYPES;
    wrong[4].rank = 9;
    wrong[5].bytes = 4;
    wrong[6].data = NULL;
    wrong[7].shape[0] = SIZE_MAX / 2;
    wrong[7].type = SAFETENSORS_F32;
    static const char *const sentences[] = {
        "is no name of a tensor",   "is no name of a tensor",
        "is no name of a tensor",   "type 15 and 1 dimensions",
        "type 1 and 9 dimensions",  "\"a\": 4 bytes, expected what its shape and type need",
        "\"a\": 0 bytes, expected", "\"a\": 3 bytes, expected what its shape and type need"};
    Memory memory;
    elman_error error;
    memory_init(&memory, NULL);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(safetensors_write(&memory, PATH, NULL, 0, &wrong[i], 1, &error),
                         ELMAN_ERR_ARGUMENT);
        assert_ptr_equal(strstr(error.message, PATH ": "), error.message);
        assert_non_null(strstr(error.message, sentences[i]));
    }
    const SafetensorsTensor twice[] = {good, {"b", SAFETENSORS_U8, 1, {3}, mask, 3}, good};
    assert_int_equal(safetensors_write(&memory, PATH, NULL, 0, twice, 3, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, PATH ": tensor \"a\" is given twice");
    const SafetensorsPair keys[] = {{"k", "v"}, {"j", "v"}, {"k", "w"}};
    assert_int_equal(safetensors_write(&memory, PATH, keys, 3, NULL, 0, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, PATH ": metadata \"k\" is given twice");
    const SafetensorsPair bad_value = {"k", "\xff"}, too_long = {"k", long_value};
    assert_int_equal(safetensors_write(&memory, PATH, &bad_value, 1, NULL, 0, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, PATH ": metadata \"k\": holds bytes that are not UTF-8");
    assert_int_equal(safetensors_write(&memory, PATH, &too_long, 1, NULL, 0, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message,
                        PATH ": a header of 16777240 bytes, expected at most 16777216");
    assert_int_equal(safetensors_write(&memory, PATH, NULL, 0, &good, 65537, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_int_not_equal(access(PATH, F_OK), 0);
}

static void nothing_leaks_without_memory(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long k = 0;
    for (; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = k};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        SafetensorsFile *file = NULL;
        elman_error error;
        memory_init(&memory, &allocator);
        status = safetensors_write(&memory, PATH, metadata, 2, written, WRITTEN, &error);
        assert_int_equal(counting.live, 0);
        assert_int_equal(access(PATH, F_OK) == 0, status == ELMAN_OK);
        if (status == ELMAN_OK) status = safetensors_open(&memory, PATH, &file, &error);
        assert_true(status == ELMAN_OK || (status == ELMAN_ERR_MEMORY && file == NULL));
        if (status == ELMAN_OK) check_written(file, true);
        safetensors_close(file);
        assert_int_equal(counting.live, 0);
        (void)unlink(PATH);
    }
    assert_int_equal(k, 6 + 8 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(what_the_writer_refuses),
        cmocka_unit_test(nothing_leaks_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
