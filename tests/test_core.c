/* Sizes, memory, failures, options, UTF-8, digests, processors, statuses, the context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* libelman has a function of that name */

#include "core/digest.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/options.h"
#include "core/processors.h"
#include "core/size.h"
#include "core/utf8.h"
#include "support/allocator.h"
#include <elman/context.h>
#include <elman/status.h>
#include <elman/version.h>

static void sizes_that_fit(void **state) {
    (void)state;
    size_t out = 0;
    assert_true(size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(size_mul(SIZE_MAX / 3, 3, &out));
    assert_true(out == SIZE_MAX / 3 * 3);
    assert_true(size_mul(0, SIZE_MAX, &out));
    assert_true(out == 0);
    assert_true(size_mul(SIZE_MAX, 0, &out));
    assert_true(out == 0);
    assert_true(size_align(65, 64, &out));
    assert_true(out == 128);
    assert_true(size_align(64, 64, &out));
    assert_true(out == 64);
    assert_true(size_align(SIZE_MAX - 63, 64, &out));
    assert_true(out == SIZE_MAX - 63);
}

static void sizes_that_wrap(void **state) {
    (void)state;
    size_t out = 7;
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_false(size_add(1, SIZE_MAX, &out));
    assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(size_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_false(size_align(SIZE_MAX - 62, 64, &out));
    assert_false(size_align(SIZE_MAX, 2, &out));
    assert_true(out == 7);
}

static void memory_is_aligned_and_zeroed(void **state) {
    (void)state;
    Memory memory;
    memory_init(&memory, NULL);
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4095, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int again = 0; again < 2; again++) { /* the second time it is likely a used block */
            unsigned char *block = memory_allocate(&memory, sizes[i]);
            assert_non_null(block);
            assert_true((uintptr_t)block % MEMORY_ALIGNMENT == 0);
            for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(block[k], 0);
            memset(block, 0xa5, sizes[i]);
            memory_release(&memory, block);
        }
    }
    assert_null(memory_allocate(&memory, SIZE_MAX));
    assert_null(memory_allocate_array(&memory, SIZE_MAX / 2, 3));
    memory_release(&memory, NULL);
}

static void memory_uses_the_given_allocator(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = 2};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    memory_init(&memory, &allocator);
    char *copy = memory_copy_string(&memory, "hidden");
    void *empty = memory_allocate(&memory, 0);
    assert_string_equal(copy, "hidden");
    assert_non_null(empty);
    assert_int_equal(counting.live, 2);
    assert_null(memory_allocate(&memory, 8));
    assert_null(memory_copy_string(&memory, "cell"));
    memory_release(&memory, copy);
    memory_release(&memory, empty);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting.count, 4);
}

static void fail_writes_one_sentence(void **state) {
    (void)state;
    elman_error error;
    assert_int_equal(fail(NULL, ELMAN_ERR_DATA, "%d", 1), ELMAN_ERR_DATA);
    assert_int_equal(fail(&error, ELMAN_ERR_FORMAT, "%s: %d", "a.txt", 5), ELMAN_ERR_FORMAT);
    assert_int_equal(error.status, ELMAN_ERR_FORMAT);
    assert_string_equal(error.message, "a.txt: 5");

    (void)fail(&error, ELMAN_ERR_FORMAT, "a\nb\x1b[31m\xff\xc3\xa4\xed\xa0\x80|");
    assert_string_equal(error.message, "a?b?[31m?\xc3\xa4???|");

    assert_int_equal(fail_system(NULL, 2, "%s", "x"), ELMAN_ERR_IO);
    assert_int_equal(fail_system(&error, 2, "%s: cannot be opened", "x"), ELMAN_ERR_IO);
    assert_string_equal(error.message, "x: cannot be opened: No such file or directory");
    assert_int_equal(error.status, ELMAN_ERR_IO);
}

static void fail_cuts_at_a_character(void **state) {
    (void)state;
    elman_error error;
    char text[ELMAN_MESSAGE_MAX + 8];
    for (size_t shift = 0; shift < 3; shift++) { /* the limit falls on each byte of U+20AC */
        memset(text, 'a', shift);
        size_t at = shift;
        for (; at + 3 < sizeof(text); at += 3) memcpy(text + at, "\xe2\x82\xac", 3);
        text[at] = '\0';
        (void)fail(&error, ELMAN_ERR_DATA, "%s", text);
        const size_t length = strlen(error.message);
        assert_true(length > ELMAN_MESSAGE_MAX - 4 && length < ELMAN_MESSAGE_MAX);
        assert_int_equal((length - shift) % 3, 0);
        assert_null(strchr(error.message, '?'));
    }
}

typedef struct OldOptions {
    size_t struct_size;
    size_t threads;
} OldOptions;

typedef struct NewOptions {
    size_t struct_size;
    size_t threads;
    size_t depth;
} NewOptions;

static void options_of_every_age(void **state) {
    (void)state;
    elman_error error;
    const OldOptions older = {sizeof(OldOptions), 4};
    NewOptions newer = {sizeof(NewOptions), 5, 0};
    OldOptions old = {99, 99};
    NewOptions current = {99, 99, 99};

    assert_int_equal(options_read(&current, sizeof(current), &older, "o", &error), ELMAN_OK);
    assert_int_equal(current.struct_size, sizeof(NewOptions));
    assert_int_equal(current.threads, 4);
    assert_int_equal(current.depth, 0);

    assert_int_equal(options_read(&old, sizeof(old), &newer, "o", &error), ELMAN_OK);
    assert_int_equal(old.threads, 5);
    assert_int_equal(old.struct_size, sizeof(OldOptions));

    newer.depth = 3;
    assert_int_equal(options_read(&old, sizeof(old), &newer, "o", &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "o: the member at byte 16 is set"));

    newer.struct_size = 0;
    assert_int_equal(options_read(&old, sizeof(old), &newer, "o", &error), ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "o: struct_size is 0, expected sizeof(o)");
    newer.struct_size = 1000000;
    assert_int_equal(options_read(&old, sizeof(old), &newer, "o", &error), ELMAN_ERR_ARGUMENT);

    assert_int_equal(options_read(&current, sizeof(current), NULL, "o", &error), ELMAN_OK);
    assert_int_equal(current.threads, 0);
    assert_int_equal(current.struct_size, sizeof(NewOptions));
}

static void utf8_accepts_exactly_the_standard(void **state) {
    (void)state;
    for (uint32_t scalar = 0; scalar < 0x110000; scalar++) {
        char bytes[4];
        if (scalar >= 0xd800 && scalar <= 0xdfff) continue;
        const size_t length = utf8_encode(scalar, bytes);
        assert_int_equal(length, scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_length(bytes, length), length);
        if (length > 1) assert_int_equal(utf8_length(bytes, length - 1), 0);
    }
    static const char *const wrong[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "\xe2\x28\xa1", "\xe2\x82\x28",     "\xf0\x9f\x98\x28", "\xc3\x28"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(utf8_length(wrong[i], strlen(wrong[i])), 0);
    assert_int_equal(utf8_length("", 0), 0);
}

static void sha256_known_answers(void **state) {
    (void)state;
    /* FIPS 180-2, appendix B. */
    char text[DIGEST_TEXT_SIZE];
    Digest digest;
    digest_begin(&digest);
    digest_update(&digest, NULL, 0);
    digest_end(&digest, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_begin(&digest);
    digest_update(&digest, "a", 1);
    digest_update(&digest, "bc", 2);
    digest_end(&digest, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_begin(&digest);
    for (int i = 0; i < 10000; i++) {
        char many[100];
        memset(many, 'a', sizeof(many));
        digest_update(&digest, many, sizeof(many));
    }
    digest_end(&digest, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void processors(void **state) {
    (void)state;
    assert_true(elman_processor_count() >= 1);
    assert_int_equal(processors_from_quota("max 100000\n"), 0);
    assert_int_equal(processors_from_quota("100000 100000\n"), 1);
    assert_int_equal(processors_from_quota("100001 100000\n"), 2);
    assert_int_equal(processors_from_quota("50000 100000\n"), 1);
    assert_int_equal(processors_from_quota("800000 100000\n"), 8);
    assert_int_equal(processors_from_quota(""), 0);
    assert_int_equal(processors_from_quota("-1 100000"), 0);
    assert_int_equal(processors_from_quota("100000"), 0);
    assert_int_equal(processors_from_quota("100000 0"), 0);
    assert_int_equal(processors_from_quota("0 100000"), 0);
}

static void processor_caches(void **state) {
    (void)state;
    assert_in_range(processor_cache_size(), 1 << 14, 1 << 30);
    assert_int_equal(processor_bytes_from_size("2048K\n"), 2048 << 10);
    assert_int_equal(processor_bytes_from_size("1M"), 1 << 20);
    assert_int_equal(processor_bytes_from_size("65536\n"), 65536);
    assert_int_equal(processor_bytes_from_size("0K\n"), 0);
    assert_int_equal(processor_bytes_from_size(""), 0);
    assert_int_equal(processor_bytes_from_size("-1K"), 0);
    assert_int_equal(processor_bytes_from_size("512G"), 0);
    assert_int_equal(processor_bytes_from_size("2048KiB"), 0);
    assert_int_equal(processor_bytes_from_size("18446744073709551615K"), 0);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(elman_status_name(ELMAN_OK), "ELMAN_OK");
    assert_string_equal(elman_status_name(ELMAN_ERR_ARGUMENT), "ELMAN_ERR_ARGUMENT");
    assert_string_equal(elman_status_name(ELMAN_ERR_CANCELLED), "ELMAN_ERR_CANCELLED");
    assert_non_null(elman_status_name((elman_status)(ELMAN_ERR_CANCELLED + 1)));
    for (int status = ELMAN_OK; status <= ELMAN_ERR_CANCELLED; status++)
        assert_int_equal(strncmp(elman_status_name((elman_status)status), "ELMAN_", 6), 0);
    assert_string_equal(elman_version_string(), ELMAN_VERSION_STRING);
    assert_int_equal(elman_version_number(), ELMAN_VERSION_NUMBER);
}

static void context_defaults(void **state) {
    (void)state;
    elman_context *context = NULL;
    elman_error error;
    assert_int_equal(elman_context_create(NULL, &context, &error), ELMAN_OK);
    assert_int_equal(elman_context_threads(context), 1);
    elman_context_destroy(context);
    elman_context_destroy(NULL);

    elman_context_options options = {.struct_size = sizeof(options), .threads = 3};
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    assert_int_equal(elman_context_threads(context), 3);
    elman_context_destroy(context);
}

static void context_refuses(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    elman_error error;
    elman_context *context = (elman_context *)1;
    elman_context_options options = {.struct_size = sizeof(options), .threads = 1025};
    assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "1025 threads, expected at most 1024"));
    assert_null(context);

    options.threads = 1;
    options.allocator = counting_allocator(&counting);
    options.allocator.release = NULL;
    assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "allocator"));

    options.allocator.allocate = NULL;
    options.isa = "abacus";
    assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "\"abacus\""));

    options.struct_size = 0;
    assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "elman_context_options: struct_size is 0"));
}

static void context_reads_the_environment(void **state) {
    (void)state;
    elman_error error;
    elman_context *context = NULL;
    elman_context_options options = {.struct_size = sizeof(options)};
    const char *before = getenv("ELMAN_ISA");
    char *kept = before != NULL ? strdup(before) : NULL;
    assert_int_equal(setenv("ELMAN_ISA", "sundial", 1), 0);
    assert_int_equal(elman_context_create(NULL, &context, &error), ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "\"sundial\""));
    options.isa = "portable"; /* the caller's wish comes first */
    assert_int_equal(elman_context_create(&options, &context, &error), ELMAN_OK);
    elman_context_destroy(context);
    assert_int_equal(setenv("ELMAN_ISA", "", 1), 0);
    assert_int_equal(elman_context_create(NULL, &context, &error), ELMAN_OK);
    elman_context_destroy(context);
    if (kept != NULL)
        (void)setenv("ELMAN_ISA", kept, 1);
    else
        (void)unsetenv("ELMAN_ISA");
    free(kept);
}

static void context_without_memory(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long k = 0;
    for (; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = k};
        elman_error error;
        elman_context *context = (elman_context *)1;
        elman_context_options options = {.struct_size = sizeof(options), .threads = 2};
        options.allocator = counting_allocator(&counting);
        status = elman_context_create(&options, &context, &error);
        if (status != ELMAN_OK) {
            assert_int_equal(status, ELMAN_ERR_MEMORY);
            assert_null(context);
            assert_int_equal(error.status, ELMAN_ERR_MEMORY);
        }
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
    assert_int_equal(k, 5); /* the context, the pool, its signals, its threads; then success */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_fit),
        cmocka_unit_test(sizes_that_wrap),
        cmocka_unit_test(memory_is_aligned_and_zeroed),
        cmocka_unit_test(memory_uses_the_given_allocator),
        cmocka_unit_test(fail_writes_one_sentence),
        cmocka_unit_test(fail_cuts_at_a_character),
        cmocka_unit_test(options_of_every_age),
        cmocka_unit_test(utf8_accepts_exactly_the_standard),
        cmocka_unit_test(sha256_known_answers),
        cmocka_unit_test(processors),
        cmocka_unit_test(processor_caches),
        cmocka_unit_test(names),
        cmocka_unit_test(context_defaults),
        cmocka_unit_test(context_refuses),
        cmocka_unit_test(context_reads_the_environment),
        cmocka_unit_test(context_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
