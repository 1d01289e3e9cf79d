/* The safetensors reader: what it accepts, each reason for refusal, what it costs. */
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

#define PATH "read-test.safetensors"

/* A file: length field, header, data_size bytes 0, 1, 2, ... The caller frees it. */
static unsigned char *make_file(const char *header, size_t header_size, size_t data_size,
                                size_t *size) {
    *size = 8 + header_size + data_size;
    unsigned char *bytes = malloc(*size);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)header_size >> (8 * i));
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++) bytes[8 + header_size + i] = (unsigned char)i;
    return bytes;
}

static SafetensorsFile *parse_header(Memory *memory, const char *header, size_t data_size,
                                     unsigned char **bytes) {
    size_t size;
    SafetensorsFile *file = NULL;
    elman_error error = {0};
    *bytes = make_file(header, strlen(header), data_size, &size);
    if (safetensors_parse(memory, "x", *bytes, size, &file, &error) != ELMAN_OK)
        print_error("%s\n", error.message);
    assert_non_null(file);
    return file;
}

/* Each header with the bytes of data behind it, and the sentence that refuses it. */
static const struct {
    const char *header;
    size_t data_size;
    const char *sentence;
} refusals[] = {
    /* what a header looks like */
    {"", 0, "x: byte 8: found the header's end, expected '{' at the header's start"},
    {" {}", 0, "x: byte 8: found the byte 0x20, expected '{' at the header's start"},
    {"[]", 0, "x: byte 8: found '[', expected '{' at the header's start"},
    {"{", 0, "x: byte 9: found the header's end, expected a tensor's name as a string"},
    {"{},", 0, "x: byte 10: found ',', expected only spaces behind the header"},
    {"{}\n", 0, "x: byte 10: found the byte 0x0a, expected only spaces behind the header"},
    {"{} {}", 0, "x: byte 11: found '{', expected only spaces behind the header"},
    {"{,}", 0, "x: byte 9: found ',', expected a tensor's name as a string"},
    {"{a:1}", 0, "x: byte 9: found 'a', expected a tensor's name as a string"},
    {"{\"a\"}", 0, "x: byte 12: found '}', expected ':' behind a tensor's name"},
    {"{\"a\":1}", 0, "x: byte 13: found '1', expected '{' before a tensor"},
    {"{\"a\":[]}", 0, "x: byte 13: found '[', expected '{' before a tensor"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", 0,
     "x: byte 60: found the header's end, expected ',' or '}' behind a tensor"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},}", 0,
     "x: byte 61: found '}', expected a tensor's name as a string"},
    /* strings */
    {"{\"a", 0, "x: byte 11: found a string without its closing quote, expected a tensor's name"},
    {"{\"a\\", 0, "x: byte 11: found a string without its closing quote"},
    {"{\"a\n\":{}}", 0, "x: byte 11: found a control character in a string"},
    {"{\"a\\x\":{}}", 0, "x: byte 11: found an unknown escape"},
    {"{\"\\u12g4\":{}}", 0, "x: byte 10: found \\u without four hexadecimal digits"},
    {"{\"\\u12\":{}}", 0, "x: byte 10: found \\u without four hexadecimal digits"},
    {"{\"\\ud800\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\ud800\\u0041\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\ud800\\n\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\udc00\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\ud800\\ue000\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\udc00\\udc00\":{}}", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\ud800\\u", 0, "x: byte 10: found half a surrogate pair"},
    {"{\"\\u0000\":{}}", 0, "x: byte 10: found the character U+0000"},
    {"{\"\xff\":{}}", 0, "x: byte 10: found bytes that are not UTF-8"},
    {"{\"\xed\xa0\x80\":{}}", 0, "x: byte 10: found bytes that are not UTF-8"},
    {"{\"\xc3", 0, "x: byte 10: found bytes that are not UTF-8"},
    /* one tensor */
    {"{\"a\":{}}", 0, "x: tensor \"a\": expected a key dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}", 0,
     "x: tensor \"a\": expected a key shape"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, "x: tensor \"a\": expected a key data_offsets"},
    {"{\"a\":{\"dtype\":\"U8\",}}", 0, "x: byte 27: found '}', expected a key as a string"},
    {"{\"a\":{\"dtype\" \"U8\"}}", 0, "x: byte 22: found '\"', expected ':' behind a key"},
    {"{\"a\":{\"dtype\":\"U8\" \"shape\":[0]}}", 0,
     "x: byte 27: found '\"', expected ',' or '}' in a tensor"},
    {"{\"a\":{\"dtype\":8}}", 0, "x: byte 22: found '8', expected the name of a type as a string"},
    {"{\"a\":{\"dtype\":\"F31\"}}", 0,
     "x: tensor \"a\": unknown type \"F31\", expected one such as F32"},
    {"{\"a\":{\"dtype\":\"\"}}", 0, "x: tensor \"a\": unknown type \"\", expected one such as F32"},
    {"{\"a\":{\"type\":\"F32\"}}", 0,
     "x: tensor \"a\": unknown key \"type\", expected dtype, shape or data_offsets"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0,
     "x: tensor \"a\": the key dtype appears twice, expected it once"},
    {"{\"a\":{\"shape\":[],\"shape\":[]}}", 0,
     "x: tensor \"a\": the key shape appears twice, expected it once"},
    {"{\"a\":{\"data_offsets\":[0,1],\"data\\u005foffsets\":[0,1]}}", 1,
     "x: tensor \"a\": the key data_offsets appears twice, expected it once"},
    {"{\"a\":{\"shape\":0}}", 0, "x: byte 22: found '0', expected '[' before a shape"},
    {"{\"a\":{\"shape\":[-1]}}", 0, "x: byte 23: found '-', expected a whole number"},
    {"{\"a\":{\"shape\":[1.5]}}", 0, "x: byte 24: found '.', expected ',' or ']' in a shape"},
    {"{\"a\":{\"shape\":[1e3]}}", 0, "x: byte 24: found 'e', expected ',' or ']' in a shape"},
    {"{\"a\":{\"shape\":[01]}}", 0,
     "x: byte 24: found '1', expected no digit behind a leading zero"},
    {"{\"a\":{\"shape\":[1,]}}", 0, "x: byte 25: found ']', expected a whole number"},
    {"{\"a\":{\"shape\":[1", 0,
     "x: byte 24: found the header's end, expected ',' or ']' in a shape"},
    {"{\"a\":{\"shape\":[\"1\"]}}", 0, "x: byte 23: found '\"', expected a whole number"},
    {"{\"a\":{\"shape\":[[1]]}}", 0, "x: byte 23: found '[', expected a whole number"},
    {"{\"a\":{\"shape\":[18446744073709551616]}}", 0,
     "x: byte 23: found a number above 18446744073709551615, expected a smaller one"},
    {"{\"a\":{\"shape\":[99999999999999999999999999]}}", 0,
     "x: byte 23: found a number above 18446744073709551615, expected a smaller one"},
    {"{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", 0,
     "x: tensor \"a\": more than 8 dimensions, expected at most that many"},
    {"{\"a\":{\"shape\":[4294967296,4294967296]}}", 0,
     "x: tensor \"a\": the product of its shape does not fit into 64 bits"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
     "x: tensor \"a\": its size does not fit into 64 bits"},
    {"{\"a\":{\"data_offsets\":0}}", 0, "x: byte 29: found '0', expected '[' before data_offsets"},
    {"{\"a\":{\"data_offsets\":[0]}}", 0,
     "x: byte 31: found ']', expected ',' between two data_offsets"},
    {"{\"a\":{\"data_offsets\":[0,1,2]}}", 0,
     "x: byte 33: found ',', expected ']' behind two data_offsets"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,1]}}", 2,
     "x: tensor \"a\": ends at byte 1 of the data, before its start at 2"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,7]}}", 7,
     "x: tensor \"a\": has 7 bytes, its shape and type need 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]}}", 0,
     "x: tensor \"a\": has 0 bytes, its shape and type need 4"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3,
     "x: tensor \"a\": ends at byte 4 of the data, the file has 3"},
    /* all tensors together */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2,
     "x: tensor \"a\": starts at byte 1 of the data, expected 0, so that there is no hole"},
    {"{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "x: tensor \"a\": starts at byte 1 of the data, expected 2, so that there is no overlap"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
     2, "x: tensor \"b\": starts at byte 0 of the data, expected 2, so that there is no overlap"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2,
     "x: 2 bytes of data, expected 1, the end of the last tensor"},
    {"{}", 1, "x: 1 bytes of data, expected 0, the end of the last tensor"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
     0, "x: tensor \"a\": appears twice, expected it once"},
    /* metadata */
    {"{\"__metadata__\":1}", 0, "x: byte 24: found '1', expected '{' before the metadata"},
    {"{\"__metadata__\":{\"k\"}}", 0, "x: byte 28: found '}', expected ':' behind a metadata key"},
    {"{\"__metadata__\":{1:\"v\"}}", 0,
     "x: byte 25: found '1', expected a metadata key as a string"},
    {"{\"__metadata__\":{\"k\":1}}", 0,
     "x: byte 29: found '1', expected a metadata value as a string"},
    {"{\"__metadata__\":{\"k\":null}}", 0,
     "x: byte 29: found 'n', expected a metadata value as a string"},
    {"{\"__metadata__\":{\"k\":\"v\",}}", 0,
     "x: byte 33: found '}', expected a metadata key as a string"},
    {"{\"__metadata__\":{\"k\":\"v\"", 0,
     "x: byte 32: found the header's end, expected ',' or '}' in the metadata"},
    {"{\"__metadata__\":{\"k\":\"v\",\"j\":\"v\",\"k\":\"w\"}}", 0,
     "x: metadata \"k\": appears twice, expected it once"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0,
     "x: __metadata__ appears twice, expected it once"},
};

static void each_refusal_has_its_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        SafetensorsFile *file = (SafetensorsFile *)1;
        elman_error error = {0};
        size_t size;
        memory_init(&memory, &allocator);
        unsigned char *bytes =
            make_file(refusals[i].header, strlen(refusals[i].header), refusals[i].data_size, &size);
        const elman_status status = safetensors_parse(&memory, "x", bytes, size, &file, &error);
        free(bytes);
        if (status != ELMAN_ERR_FORMAT || strstr(error.message, refusals[i].sentence) == NULL)
            print_error("%s: %d: %s\n", refusals[i].header, (int)status, error.message);
        assert_int_equal(status, ELMAN_ERR_FORMAT);
        assert_ptr_equal(strstr(error.message, refusals[i].sentence), error.message);
        assert_null(file);
        assert_int_equal(counting.live, 0);
    }
}

static void check_refused(const unsigned char *bytes, size_t size, const char *sentence) {
    Memory memory;
    SafetensorsFile *file = NULL;
    elman_error error = {0};
    memory_init(&memory, NULL);
    assert_int_equal(safetensors_parse(&memory, "x", bytes, size, &file, &error), ELMAN_ERR_FORMAT);
    assert_string_equal(error.message, sentence);
}

static void lengths_that_are_refused(void **state) {
    (void)state;
    static const unsigned char claims[][10] = {
        {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'},
    };
    check_refused(claims[0], 0, "x: has 0 bytes, a safetensors file starts with 8 for its length");
    check_refused(claims[0], 7, "x: has 7 bytes, a safetensors file starts with 8 for its length");
    check_refused(claims[0], 10, "x: its header claims 3 bytes, the file has 2 behind the length");
    check_refused(claims[1], 10,
                  "x: is no safetensors file: its first 8 bytes are not the length of a header");
    const size_t longest = SAFETENSORS_HEADER_MAX + 1;
    char *header = malloc(longest);
    size_t size;
    assert_non_null(header);
    memset(header, ' ', longest);
    memcpy(header, "{}", 2);
    unsigned char *bytes = make_file(header, longest, 0, &size);
    check_refused(bytes, size, "x: its header claims 16777217 bytes, expected at most 16777216");
    free(bytes);

    Memory memory;
    SafetensorsFile *file = NULL;
    memory_init(&memory, NULL);
    bytes = make_file(header, longest - 1, 0, &size);
    assert_int_equal(safetensors_parse(&memory, "x", bytes, size, &file, NULL), ELMAN_OK);
    safetensors_close(file);
    free(bytes);
    free(header);
}

static void names_that_are_too_long(void **state) {
    (void)state;
    Memory memory;
    char header[1024], name[SAFETENSORS_NAME_MAX + 2];
    memory_init(&memory, NULL);
    for (size_t length = SAFETENSORS_NAME_MAX; length <= SAFETENSORS_NAME_MAX + 1; length++) {
        SafetensorsFile *file = NULL;
        elman_error error;
        size_t size;
        memset(name, 'n', length);
        name[length] = '\0';
        const int header_size =
            snprintf(header, sizeof(header),
                     "{\"%s\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", name);
        unsigned char *bytes = make_file(header, (size_t)header_size, 1, &size);
        const elman_status status = safetensors_parse(&memory, "x", bytes, size, &file, &error);
        assert_int_equal(status, length <= SAFETENSORS_NAME_MAX ? ELMAN_OK : ELMAN_ERR_FORMAT);
        if (status != ELMAN_OK)
            assert_string_equal(error.message,
                                "x: byte 10: a name of 257 bytes, expected at most 256");
        safetensors_close(file);
        free(bytes);
    }
}

/* A header of `tensors` empty tensors and `pairs` pairs, as short as possible. */
static char *make_crowd(size_t tensors, size_t pairs, size_t *size) {
    char *header = malloc(64 + tensors * 64 + pairs * 16);
    assert_non_null(header);
    int at = sprintf(header, "{\"__metadata__\":{");
    for (size_t i = 0; i < pairs; i++)
        at += sprintf(header + at, "%s\"%zx\":\"\"", i > 0 ? "," : "", i * 40503 % 65537);
    at += sprintf(header + at, "}");
    for (size_t i = 0; i < tensors; i++)
        at +=
            sprintf(header + at, ",\"%zx\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                    i * 40503 % 65537);
    at += sprintf(header + at, "}");
    *size = (size_t)at;
    return header;
}

static void too_many_names_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t tensors, pairs;
        const char *sentence;
    } cases[] = {
        {SAFETENSORS_TENSORS_MAX, SAFETENSORS_METADATA_MAX, NULL},
        {SAFETENSORS_TENSORS_MAX + 1, 0, "x: more than 65536 tensors, the most that are read"},
        {0, SAFETENSORS_METADATA_MAX + 1,
         "x: more than 65536 pairs of metadata, the most that are read"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Memory memory;
        SafetensorsFile *file = NULL;
        elman_error error;
        size_t header_size, size;
        memory_init(&memory, NULL);
        char *header = make_crowd(cases[i].tensors, cases[i].pairs, &header_size);
        unsigned char *bytes = make_file(header, header_size, 0, &size);
        const elman_status status = safetensors_parse(&memory, "x", bytes, size, &file, &error);
        if (cases[i].sentence == NULL) {
            assert_int_equal(status, ELMAN_OK);
            assert_int_equal(safetensors_count(file), SAFETENSORS_TENSORS_MAX);
            assert_int_equal(safetensors_metadata_count(file), SAFETENSORS_METADATA_MAX);
            SafetensorsTensor tensor;
            assert_true(safetensors_find(file, "ffff", &tensor));
            assert_string_equal(tensor.name, "ffff");
            assert_false(safetensors_find(file, "fffg", &tensor));
            assert_string_equal(safetensors_metadata(file, "abcd"), "");
            assert_null(safetensors_metadata(file, "abcdef"));
        } else {
            assert_int_equal(status, ELMAN_ERR_FORMAT);
            assert_string_equal(error.message, cases[i].sentence);
        }
        safetensors_close(file);
        free(bytes);
        free(header);
    }
}

/* The promise is twice the file and a mebibyte; the crowd is the worst there is for its size. */
static void reading_costs_little_memory(void **state) {
    (void)state;
    static const struct {
        size_t tensors, pairs, data_size;
    } cases[] = {{0, 0, 0},         {1, 0, 0},     {65536, 0, 0},         {0, 65536, 0},
                 {65536, 65536, 0}, {1000, 10, 0}, {40000, 30000, 100000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t header_size, size;
        char *header = make_crowd(cases[i].tensors, cases[i].pairs, &header_size);
        if (cases[i].data_size > 0) { /* one tensor takes the data */
            header = realloc(header, header_size + 100);
            assert_non_null(header);
            header_size += (size_t)sprintf(header + header_size - 1,
                                           ",\"data\":{\"dtype\":\"U8\",\"shape\":[%zu],"
                                           "\"data_offsets\":[0,%zu]}}",
                                           cases[i].data_size, cases[i].data_size) -
                           1;
        }
        unsigned char *bytes = make_file(header, header_size, cases[i].data_size, &size);
        FILE *output = fopen(PATH, "wb");
        assert_non_null(output);
        assert_int_equal(fwrite(bytes, 1, size, output), size);
        assert_int_equal(fclose(output), 0);
        for (int way = 0; way < 3; way++) {
            CountingAllocator counting = {.allow = ALLOW_ALL};
            const elman_allocator allocator = counting_allocator(&counting);
            Memory memory;
            SafetensorsFile *file = NULL;
            elman_error error;
            memory_init(&memory, &allocator);
            elman_status status;
            if (way == 0)
                status = safetensors_parse(&memory, "x", bytes, size, &file, &error);
            else if (way == 1)
                status = safetensors_open(&memory, PATH, &file, &error);
            else
                status = safetensors_open_header(&memory, PATH, &file, &error);
            assert_int_equal(status, ELMAN_OK);
            assert_true(counting.peak <= 2 * size + (1 << 20));
            assert_true(counting.count <= 8); /* no allocation per name */
            safetensors_close(file);
            assert_int_equal(counting.live, 0);
        }
        free(bytes);
        free(header);
    }
    assert_int_equal(unlink(PATH), 0);
}

static void what_the_standard_allows(void **state) {
    (void)state;
    Memory memory;
    unsigned char *bytes;
    SafetensorsTensor tensor;
    memory_init(&memory, NULL);
    SafetensorsFile *file = parse_header(&memory, "{}", 0, &bytes);
    assert_int_equal(safetensors_count(file), 0);
    assert_int_equal(safetensors_metadata_count(file), 0);
    assert_null(safetensors_metadata(file, "k"));
    assert_false(safetensors_find(file, "a", &tensor));
    safetensors_close(file);
    free(bytes);

    file = parse_header(&memory, "{ \t\r\n}   ", 0, &bytes);
    safetensors_close(file);
    free(bytes);

    /* Any order of tensors and keys, spaces between tokens, empty tensors anywhere, a scalar. */
    file = parse_header(&memory,
                        "{ \"late\" : {\"data_offsets\":[ 4 , 10 ],\n\"shape\":[ 3 , 1,1 ],"
                        "\"dtype\":\"F16\"},\"\":{\"shape\":[],\"dtype\":\"I32\","
                        "\"data_offsets\":[0,4]},\"none\":{\"dtype\":\"F64\",\"shape\":[7,0,9],"
                        "\"data_offsets\":[4,4]},\"end\":{\"dtype\":\"BOOL\",\"shape\":[0],"
                        "\"data_offsets\":[10,10]},\"__metadata__\":{}} ",
                        10, &bytes);
    assert_int_equal(safetensors_count(file), 4);
    static const char *const order[] = {"", "none", "late", "end"};
    for (size_t i = 0; i < 4; i++) {
        safetensors_at(file, i, &tensor);
        assert_string_equal(tensor.name, order[i]);
    }
    assert_true(safetensors_find(file, "late", &tensor));
    assert_int_equal(tensor.type, SAFETENSORS_F16);
    assert_int_equal(tensor.rank, 3);
    assert_int_equal(tensor.shape[0], 3);
    assert_int_equal(tensor.shape[1], 1);
    assert_int_equal(tensor.shape[2], 1);
    assert_int_equal(tensor.shape[3], 0);
    assert_int_equal(tensor.bytes, 6);
    assert_memory_equal(tensor.data, "\4\5\6\7\10\11", 6);
    assert_true(safetensors_find(file, "", &tensor));
    assert_int_equal(tensor.rank, 0);
    assert_int_equal(tensor.bytes, 4);
    assert_true(safetensors_find(file, "none", &tensor));
    assert_int_equal(tensor.shape[0], 7);
    assert_int_equal(tensor.shape[1], 0);
    assert_int_equal(tensor.shape[2], 9);
    assert_int_equal(tensor.bytes, 0);
    safetensors_close(file);
    free(bytes);
}

static void strings_are_unescaped(void **state) {
    (void)state;
    Memory memory;
    unsigned char *bytes;
    memory_init(&memory, NULL);
    SafetensorsFile *file = parse_header(
        &memory,
        "{\"__metadata__\":{\"z\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0061\\u00e4\\u20AC\":"
        "\"\\ud83d\\ude00|\\uD83D\\uDE00\",\"\":\"empty\",\"raw\":\"\xc3\xa4\xf0\x9f\x98\x80\x7f\"}"
        ","
        "\"\\u0077\":{\"dtype\":\"\\u00558\",\"shape\":[],\"data_offsets\":[0,1]}}",
        1, &bytes);
    assert_string_equal(safetensors_metadata(file, "z"), "\"\\/\b\f\n\r\t");
    assert_string_equal(safetensors_metadata(file, "a\xc3\xa4\xe2\x82\xac"),
                        "\xf0\x9f\x98\x80|\xf0\x9f\x98\x80");
    assert_string_equal(safetensors_metadata(file, ""), "empty");
    assert_string_equal(safetensors_metadata(file, "raw"), "\xc3\xa4\xf0\x9f\x98\x80\x7f");
    assert_int_equal(safetensors_metadata_count(file), 4);
    for (size_t i = 1; i < 4; i++)
        assert_true(strcmp(safetensors_metadata_at(file, i - 1).key,
                           safetensors_metadata_at(file, i).key) < 0);
    SafetensorsTensor tensor;
    assert_true(safetensors_find(file, "w", &tensor));
    assert_int_equal(tensor.type, SAFETENSORS_U8);
    safetensors_close(file);
    free(bytes);
}

static void types_have_their_sizes(void **state) {
    (void)state;
    static const char *const names[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
                                        "I16",  "U16", "F16", "BF16",    "I32",
                                        "U32",  "F32", "F64", "I64",     "U64"};
    static const size_t sizes[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 8, 8, 8};
    Memory memory;
    memory_init(&memory, NULL);
    assert_int_equal(SAFETENSORS_TYPES, 15);
    for (size_t i = 0; i < 15; i++) {
        char header[128];
        unsigned char *bytes;
        SafetensorsTensor tensor;
        (void)snprintf(header, sizeof(header),
                       "{\"a\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%zu]}}",
                       names[i], 3 * sizes[i]);
        SafetensorsFile *file = parse_header(&memory, header, 3 * sizes[i], &bytes);
        safetensors_at(file, 0, &tensor);
        assert_int_equal(tensor.type, i);
        assert_string_equal(safetensors_type_name(tensor.type), names[i]);
        assert_int_equal(safetensors_type_size(tensor.type), sizes[i]);
        safetensors_close(file);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_sentence),
        cmocka_unit_test(lengths_that_are_refused),
        cmocka_unit_test(names_that_are_too_long),
        cmocka_unit_test(too_many_names_are_refused),
        cmocka_unit_test(reading_costs_little_memory),
        cmocka_unit_test(what_the_standard_allows),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(types_have_their_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
