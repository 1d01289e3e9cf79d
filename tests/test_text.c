/* Text files to characters, characters to tokens, and what is refused on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/text.h"
#include "support/allocator.h"
#include <elman/text.h>

static int create_context(void **state) {
    elman_context *context = NULL;
    elman_error error;
    if (elman_context_create(NULL, &context, &error)) return -1;
    *state = context;
    return 0;
}

static int destroy_context(void **state) {
    elman_context_destroy(*state);
    return 0;
}

static elman_status read_bytes(elman_context *context, const char *bytes, size_t size,
                               elman_text **text, elman_error *error) {
    return elman_text_from_memory(context, "notes.txt", bytes, size, text, error);
}

static void write_file(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#ifdef ELMAN_HAVE_UTF8PROC

static void characters_of_every_length(void **state) {
    static const char bytes[] = "A\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80"
                                "\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF";
    static const int32_t expected[] = {'A',    0x7F,   0x80,   0x7FF,   0x800,
                                       0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
    const size_t count = sizeof(expected) / sizeof(expected[0]);
    elman_text *text;
    elman_error error;
    elman_vocabulary *vocabulary;
    assert_int_equal(read_bytes(*state, bytes, sizeof(bytes) - 1, &text, &error), ELMAN_OK);
    assert_int_equal(elman_text_length(text), count);
    assert_int_equal(elman_text_bytes(text), sizeof(bytes) - 1);
    assert_memory_equal(elman_text_characters(text), expected, sizeof(expected));

    /* And back: what every token decodes to is what was read. */
    assert_int_equal(elman_vocabulary_create(*state, expected, count, &vocabulary, &error), 0);
    assert_int_equal(elman_vocabulary_size(vocabulary), count + 1);
    char joined[sizeof(bytes)] = "", utf8[5];
    int32_t tokens[sizeof(expected) / sizeof(expected[0])];
    assert_int_equal(elman_vocabulary_encode(vocabulary, expected, count, tokens), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(tokens[i], (int32_t)i + 1);
        const size_t length = elman_vocabulary_decode(vocabulary, tokens[i], utf8);
        assert_int_equal(length, strlen(utf8));
        strcat(joined, utf8);
    }
    assert_string_equal(joined, bytes);
    elman_vocabulary_destroy(vocabulary);
    elman_text_destroy(text);
}

typedef struct Refusal {
    const char *bytes;
    size_t size;
    const char *sentence;
} Refusal;

static void refused_bytes(void **state) {
#define REFUSED(bytes, sentence)                                                                   \
    { bytes, sizeof(bytes) - 1, "notes.txt: " sentence }
    static const Refusal refusals[] = {
        REFUSED("", "is empty"),
        REFUSED("\xEF\xBB\xBF", "is empty"),
        REFUSED("ab\0cd", "NUL character at byte offset 2"),
        REFUSED("a\x80", "byte 0x80 at byte offset 1"),            /* stray continuation */
        REFUSED("abc\xC3", "byte 0xC3 at byte offset 3"),          /* cut off */
        REFUSED("abc\xF0\x9F\x98", "byte 0xF0 at byte offset 3"),  /* cut off */
        REFUSED("\xC0\xAF", "byte 0xC0 at byte offset 0"),         /* overlong / */
        REFUSED("\xE0\x80\xAF", "byte 0xE0 at byte offset 0"),     /* overlong / */
        REFUSED("\xF0\x80\x80\xAF", "byte 0xF0 at byte offset 0"), /* overlong / */
        REFUSED("\xC1\xBF", "byte 0xC1 at byte offset 0"),         /* overlong U+007F */
        REFUSED("\xE0\x9F\xBF", "byte 0xE0 at byte offset 0"),     /* overlong U+07FF */
        REFUSED("\xF0\x8F\xBF\xBF", "byte 0xF0 at byte offset 0"), /* overlong U+FFFF */
        REFUSED("x\xED\xA0\x80", "byte 0xED at byte offset 1"),    /* first surrogate */
        REFUSED("x\xED\xBF\xBF", "byte 0xED at byte offset 1"),    /* last surrogate */
        REFUSED("\xF4\x90\x80\x80", "byte 0xF4 at byte offset 0"), /* U+110000 */
        REFUSED("\xF5\x80\x80\x80", "byte 0xF5 at byte offset 0"),
        REFUSED("\xFF\xFE"
                "a",
                "byte 0xFF at byte offset 0"), /* UTF-16 */
        REFUSED("\xC3(", "byte 0xC3 at byte offset 0"),
        REFUSED("\xE2\x82"
                "a",
                "byte 0xE2 at byte offset 0"),
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        elman_text *text = (elman_text *)state;
        elman_error error = {ELMAN_OK, ""};
        const elman_status status =
            read_bytes(*state, refusals[i].bytes, refusals[i].size, &text, &error);
        if (status != ELMAN_ERR_DATA || text ||
            strncmp(error.message, refusals[i].sentence, strlen(refusals[i].sentence)) != 0) {
            fail_msg("case %zu: status %d, \"%s\", expected \"%s\"", i, (int)status, error.message,
                     refusals[i].sentence);
        }
    }
}

static void byte_order_mark(void **state) {
    elman_text *text;
    elman_error error;
    assert_int_equal(read_bytes(*state,
                                "\xEF\xBB\xBF"
                                "a\xEF\xBB\xBF",
                                7, &text, &error),
                     0);
    assert_int_equal(elman_text_length(text), 2); /* only the first is a mark */
    assert_int_equal(elman_text_characters(text)[0], 'a');
    assert_int_equal(elman_text_characters(text)[1], 0xFEFF);
    assert_int_equal(elman_text_bytes(text), 7);
    elman_text_destroy(text);
}

#else

static void bytes_are_characters(void **state) {
    static const int32_t expected[] = {'A', 0xC3, 0xA9, 0xFF};
    static const int32_t wide[] = {-1, 'a', 0x100};
    elman_text *text;
    elman_vocabulary *vocabulary;
    elman_error error;
    char bytes[5];
    assert_int_equal(read_bytes(*state, "A\xC3\xA9\xFF", 4, &text, &error), ELMAN_OK);
    assert_int_equal(elman_text_length(text), 4);
    assert_memory_equal(elman_text_characters(text), expected, sizeof(expected));
    assert_int_equal(elman_vocabulary_create(*state, expected, 4, &vocabulary, &error), ELMAN_OK);
    assert_int_equal(elman_vocabulary_decode(vocabulary, 4, bytes), 1);
    assert_string_equal(bytes, "\xFF");
    elman_vocabulary_destroy(vocabulary);
    elman_text_destroy(text);
    assert_int_equal(vocabulary_from_characters(*state, wide, 3, &vocabulary, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_int_equal(read_bytes(*state, "ab\0cd", 5, &text, &error), ELMAN_ERR_DATA);
}

#endif

static void files_are_joined(void **state) {
    static const char *const paths[] = {"one.txt", "two.txt", "one.txt"};
    elman_text *text, *whole;
    elman_error error;
    write_file("one.txt", "ab\xC3\xA9", 4);
    write_file("two.txt", "cd\n", 3);
    assert_int_equal(elman_text_load(*state, paths, 3, &text, &error), ELMAN_OK);
    assert_int_equal(read_bytes(*state,
                                "ab\xC3\xA9"
                                "cd\nab\xC3\xA9",
                                11, &whole, &error),
                     0);
    assert_int_equal(elman_text_length(text), elman_text_length(whole));
    assert_memory_equal(elman_text_characters(text), elman_text_characters(whole),
                        elman_text_length(whole) * sizeof(int32_t));
    assert_string_equal(elman_text_digest(text), elman_text_digest(whole));
    elman_text_destroy(text);
    elman_text_destroy(whole);

    /* The digest is SHA-256: of "abc" as FIPS 180-2 gives it. */
    assert_int_equal(read_bytes(*state, "abc", 3, &text, &error), ELMAN_OK);
    assert_string_equal(elman_text_digest(text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    elman_text_destroy(text);
}

static void unreadable_files(void **state) {
    static const char *const missing[] = {"no-such-file.txt"}, *const folder[] = {"."};
    static const char *const split[] = {"start.txt", "end.txt"};
    elman_text *text;
    elman_error error;
    assert_int_equal(elman_text_load(*state, missing, 1, &text, &error), ELMAN_ERR_IO);
    assert_non_null(strstr(error.message, "no-such-file.txt"));
    assert_int_equal(elman_text_load(*state, folder, 1, &text, &error), ELMAN_ERR_IO);
    assert_int_equal(elman_text_load(*state, missing, 0, &text, &error), ELMAN_ERR_ARGUMENT);
    assert_null(text);

#ifdef ELMAN_HAVE_UTF8PROC
    /* A character may not be spread over two files; the second one's offset is its own. */
    write_file("start.txt", "ab\xC3", 3);
    write_file("end.txt",
               "\xA9"
               "cd",
               3);
    assert_int_equal(elman_text_load(*state, split, 2, &text, &error), ELMAN_ERR_DATA);
    assert_non_null(strstr(error.message, "start.txt: byte 0xC3 at byte offset 2"));
    write_file("start.txt", "ab", 2);
    assert_int_equal(elman_text_load(*state, split, 2, &text, &error), ELMAN_ERR_DATA);
    assert_non_null(strstr(error.message, "end.txt: byte 0xA9 at byte offset 0"));
#else
    (void)split;
#endif
}

static void standard_input(void **state) {
    static const char *const paths[] = {"one.txt", "-"};
    static const char *const twice[] = {"-", "-"};
    enum { BIG = 300000 }; /* more than the first buffer */
    static char big[BIG];
    elman_text *text;
    elman_error error;
    memset(big, 'x', sizeof(big));
    write_file("one.txt", "start", 5);
    write_file("big.txt", big, sizeof(big));
    assert_non_null(freopen("big.txt", "rb", stdin));
    assert_int_equal(elman_text_load(*state, paths, 2, &text, &error), ELMAN_OK);
    assert_int_equal(elman_text_length(text), 5 + BIG);
    assert_int_equal(elman_text_characters(text)[4 + BIG], 'x');
    elman_text_destroy(text);

    assert_non_null(freopen("one.txt", "rb", stdin));
    assert_int_equal(elman_text_load(*state, twice, 2, &text, &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message, "standard input: is empty, expected text");
}

static void split_is_rounded_down(void **state) {
    elman_text *text;
    elman_error error;
    assert_int_equal(read_bytes(*state, "0123456789abcdef", 16, &text, &error), ELMAN_OK);
    assert_int_equal(elman_text_split(text, 0.0), 16);
    assert_int_equal(elman_text_split(text, 0.1), 15); /* 1.6 -> 1 */
    assert_int_equal(elman_text_split(text, 0.25), 12);
    assert_int_equal(elman_text_split(text, 0.999), 1);
    elman_text_destroy(text);
}

#ifdef ELMAN_HAVE_UTF8PROC

static void unknown_characters(void **state) {
    static const int32_t known[] = {'b', 'a', 'b', 0x1F600},
                         asked[] = {'a', 'c', -1, 0x1F600, 0x110000, INT32_MAX};
    int32_t tokens[6];
    char utf8[5];
    elman_vocabulary *vocabulary;
    elman_error error;
    assert_int_equal(elman_vocabulary_create(*state, known, 4, &vocabulary, &error), ELMAN_OK);
    assert_int_equal(elman_vocabulary_size(vocabulary), 4);
    assert_int_equal(elman_vocabulary_encode(vocabulary, asked, 6, tokens), 4);
    static const int32_t expected[] = {1, 0, 0, 3, 0, 0};
    assert_memory_equal(tokens, expected, sizeof(expected));
    assert_int_equal(elman_vocabulary_decode(vocabulary, ELMAN_TOKEN_UNKNOWN, utf8), 3);
    assert_string_equal(utf8, "\xEF\xBF\xBD");
    assert_int_equal(elman_vocabulary_decode(vocabulary, 4, utf8), 3);
    assert_int_equal(elman_vocabulary_character(vocabulary, -1), -1);
    assert_int_equal(elman_vocabulary_character(vocabulary, 2), 'b');
    elman_vocabulary_destroy(vocabulary);

    static const int32_t surrogate[] = {'a', 0xD800};
    assert_int_equal(elman_vocabulary_create(*state, surrogate, 2, &vocabulary, &error),
                     ELMAN_ERR_DATA);
    assert_int_equal(elman_vocabulary_create(*state, surrogate, 0, &vocabulary, &error),
                     ELMAN_ERR_DATA);
    assert_null(vocabulary);
}

/* Every character of Unicode, against a plain search. */
static void all_characters(void **state) {
    enum { EVERY = 37 };
    static int32_t members[0x110000 / EVERY + 1], all[0x110000], tokens[0x110000];
    size_t count = 0;
    elman_vocabulary *vocabulary;
    elman_error error;
    for (int32_t c = 0; c < 0x110000; c++) {
        all[c] = c;
        if (c % EVERY == 0 && !(c >= 0xD800 && c < 0xE000)) members[count++] = c;
    }
    assert_int_equal(elman_vocabulary_create(*state, members, count, &vocabulary, &error), 0);
    assert_int_equal(elman_vocabulary_encode(vocabulary, all, 0x110000, tokens), 0x110000 - count);
    int32_t next = 1;
    for (int32_t c = 0; c < 0x110000; c++) {
        const int member = (size_t)next <= count && members[next - 1] == c;
        if (tokens[c] != (member ? next : 0)) fail_msg("U+%04X: token %d", c, tokens[c]);
        next += member;
    }
    elman_vocabulary_destroy(vocabulary);
}

#endif

static void vocabulary_of_a_file(void **state) {
    static const int32_t good[] = {-1, 'a', 'b'}, no_unknown[] = {'a', 'b'};
    static const int32_t twice[] = {-1, 'a', 'a'}, falling[] = {-1, 'b', 'a'};
    static const int32_t negative[] = {-1, -1}, surrogate[] = {-1, 'a', 0xDFFF};
    static const int32_t large[] = {-1, 0x110000};
    static const struct {
        const int32_t *characters;
        size_t count;
    } bad[] = {{good, 0},     {no_unknown, 2}, {twice, 3}, {falling, 3},
               {negative, 2}, {surrogate, 3},  {large, 2}};
    elman_vocabulary *vocabulary;
    elman_error error;
    assert_int_equal(vocabulary_from_characters(*state, good, 3, &vocabulary, &error), ELMAN_OK);
    assert_memory_equal(vocabulary_characters(vocabulary), good, sizeof(good));
    assert_int_equal(elman_vocabulary_size(vocabulary), 3);
    elman_vocabulary_destroy(vocabulary);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const elman_status status = vocabulary_from_characters(*state, bad[i].characters,
                                                               bad[i].count, &vocabulary, &error);
        if (status != ELMAN_ERR_FORMAT || vocabulary) fail_msg("case %zu: status %d", i, status);
    }
}

static elman_status load_all(elman_context *context, elman_error *error) {
    static const char *const paths[] = {"one.txt", "two.txt"};
    elman_text *text = NULL;
    elman_vocabulary *vocabulary = NULL;
    elman_status status = elman_text_load(context, paths, 2, &text, error);
    if (!status) {
        status = elman_vocabulary_create(context, elman_text_characters(text),
                                         elman_text_length(text), &vocabulary, error);
    }
    elman_vocabulary_destroy(vocabulary);
    elman_text_destroy(text);
    return status;
}

static void allocations_fail(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long failures = 0;
    write_file("one.txt", "ab\xC3\xA9", 4);
    write_file("two.txt", "cd\n", 3);
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator allocator = {.allow = ALLOW_ALL};
        const elman_context_options options = {
            .struct_size = sizeof(options),
            .allocator = counting_allocator(&allocator),
        };
        elman_context *context;
        elman_error error = {ELMAN_OK, ""};
        assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_OK);
        const long before = allocator.live;
        allocator.allow = k;
        status = load_all(context, &error);
        if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY) {
            fail_msg("k=%ld: status %d, %s", k, (int)status, error.message);
        }
        failures += status == ELMAN_ERR_MEMORY;
        assert_int_equal(allocator.live, before);
        elman_context_destroy(context);
        assert_int_equal(allocator.live, 0);
    }
    assert_true(failures >= 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef ELMAN_HAVE_UTF8PROC
        cmocka_unit_test(characters_of_every_length),
        cmocka_unit_test(refused_bytes),
        cmocka_unit_test(byte_order_mark),
        cmocka_unit_test(unknown_characters),
        cmocka_unit_test(all_characters),
#else
        cmocka_unit_test(bytes_are_characters),
#endif
        cmocka_unit_test(files_are_joined),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(split_is_rounded_down),
        cmocka_unit_test(vocabulary_of_a_file),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, create_context, destroy_context);
}
