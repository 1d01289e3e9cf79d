/* Event files, decoded by a reader of their own: framing, checksums, messages. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/tensorboard.h"

enum { FILE_MAX = 16384 };

typedef struct Bytes {
    unsigned char bytes[FILE_MAX];
    size_t size, most; /* most: the write function stops there */
} Bytes;

static int append(void *user, const void *bytes, size_t size) {
    Bytes *file = user;
    if (size > file->most - file->size) return 1;
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
    return 0;
}

/* A part of a file that is read from its start. */
typedef struct Span {
    const unsigned char *at;
    size_t size;
} Span;

static uint64_t take_little_endian(Span *span, size_t size) {
    uint64_t number = 0;
    assert_true(span->size >= size);
    for (size_t i = 0; i < size; i++) number |= (uint64_t)span->at[i] << 8 * i;
    span->at += size;
    span->size -= size;
    return number;
}

static uint64_t take_varint(Span *span) {
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint64_t byte = take_little_endian(span, 1);
        assert_true(shift < 64);
        number |= (byte & 0x7F) << shift;
        if (byte < 0x80) return number;
    }
}

static Span take_span(Span *span, size_t size) {
    const Span taken = {span->at, size};
    assert_true(span->size >= size);
    span->at += size;
    span->size -= size;
    return taken;
}

/* One field of a message, by its wire type. */
typedef struct Field {
    unsigned number, wire;
    uint64_t bits; /* varint, double, float */
    Span bytes;
} Field;

static Field take_field(Span *message) {
    const uint64_t key = take_varint(message);
    Field field = {.number = (unsigned)(key >> 3), .wire = (unsigned)(key & 7)};
    switch (field.wire) {
    case 0:
        field.bits = take_varint(message);
        break;
    case 1:
        field.bits = take_little_endian(message, 8);
        break;
    case 2:
        field.bytes = take_span(message, (size_t)take_varint(message));
        break;
    case 5:
        field.bits = take_little_endian(message, 4);
        break;
    default:
        fail_msg("wire type %u", field.wire);
    }
    return field;
}

/* The next field, which must be that one. */
static Field expect_field(Span *message, unsigned number, unsigned wire) {
    const Field field = take_field(message);
    assert_int_equal(field.number, number);
    assert_int_equal(field.wire, wire);
    return field;
}

static double as_double(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static float as_float(uint64_t bits) {
    const uint32_t low = (uint32_t)bits;
    float number;
    memcpy(&number, &low, sizeof(number));
    return number;
}

static void expect_text(Span got, const char *want) {
    assert_int_equal(got.size, strlen(want));
    assert_memory_equal(got.at, want, got.size);
}

/* Bit by bit, from the definition. */
static uint32_t slow_crc(Span span) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < span.size; i++) {
        crc ^= span.at[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return crc ^ 0xFFFFFFFF;
}

static void expect_masked(uint32_t masked, Span span) {
    const uint32_t rotated = masked - 0xA282EAD8;
    assert_int_equal(rotated >> 17 | rotated << 15, slow_crc(span));
}

/* The next record's event, whose checksums are compared. */
static Span take_record(Span *file) {
    const Span head = {file->at, 8};
    const size_t size = (size_t)take_little_endian(file, 8);
    expect_masked((uint32_t)take_little_endian(file, 4), head);
    const Span event = take_span(file, size);
    expect_masked((uint32_t)take_little_endian(file, 4), event);
    return event;
}

static void expect_head(Span *event, double wall_time, uint64_t step) {
    assert_true(as_double(expect_field(event, 1, 1).bits) == wall_time);
    assert_true(expect_field(event, 2, 0).bits == step);
}

static void checksums_of_known_bytes(void **state) {
    (void)state;
    /* RFC 3720, B.4. */
    unsigned char bytes[32] = {0};
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62A8AB43);
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46DD794E);
    assert_int_equal(crc32c(crc32c(0, bytes, 11), bytes + 11, 21), 0x46DD794E);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void a_file_begins_with_its_version(void **state) {
    (void)state;
    Bytes made = {.most = FILE_MAX};
    assert_int_equal(elman_events_begin(1.5e9, 0, append, &made, NULL), ELMAN_OK);
    Span file = {made.bytes, made.size};
    Span event = take_record(&file);
    expect_head(&event, 1.5e9, 0);
    expect_text(expect_field(&event, 3, 2).bytes, "brain.Event:2");
    assert_int_equal(event.size, 0);
    assert_int_equal(file.size, 0);
}

static void a_run_that_goes_on_says_from_where(void **state) {
    (void)state;
    Bytes made = {.most = FILE_MAX};
    assert_int_equal(elman_events_begin(2.0, 301, append, &made, NULL), ELMAN_OK);
    Span file = {made.bytes, made.size};
    (void)take_record(&file);
    Span event = take_record(&file);
    expect_head(&event, 2.0, 301);
    Span session = expect_field(&event, 7, 2).bytes;
    assert_int_equal(expect_field(&session, 1, 0).bits, 1);
    assert_int_equal(session.size + event.size + file.size, 0);
}

static void scalars(void **state) {
    (void)state;
    static const elman_event_scalar given[] = {
        {"loss/train", 0.1}, {"\xC3\xA9tat", -1e30}, {"zero", 0.0}, {"nan", NAN}};
    Bytes made = {.most = FILE_MAX};
    const uint64_t step = (uint64_t)1 << 40;
    assert_int_equal(elman_events_scalars(3.25, step, given, 4, append, &made, NULL), ELMAN_OK);
    Span file = {made.bytes, made.size};
    Span event = take_record(&file);
    expect_head(&event, 3.25, step);
    Span summary = expect_field(&event, 5, 2).bytes;
    for (size_t i = 0; i < 4; i++) {
        Span value = expect_field(&summary, 1, 2).bytes;
        const float want = (float)given[i].value;
        expect_text(expect_field(&value, 1, 2).bytes, given[i].tag);
        const float got = as_float(expect_field(&value, 2, 5).bits);
        assert_true(got == want || (isnan(got) && isnan(want)));
        assert_int_equal(value.size, 0);
    }
    assert_int_equal(summary.size + event.size + file.size, 0);
}

/* A histogram as it was decoded. */
typedef struct Decoded {
    double head[5];
    size_t buckets;
    double limits[64], counts[64];
} Decoded;

static size_t take_doubles(Span *message, unsigned number, double *numbers) {
    Span packed = expect_field(message, number, 2).bytes;
    const size_t count = packed.size / 8;
    assert_true(packed.size % 8 == 0 && count <= 64);
    for (size_t i = 0; i < count; i++) numbers[i] = as_double(take_little_endian(&packed, 8));
    return count;
}

static Decoded histogram_of(const float *numbers, size_t count) {
    Bytes made = {.most = FILE_MAX};
    Decoded decoded;
    assert_int_equal(
        elman_events_histogram(1.0, 7, "weights/w", numbers, count, append, &made, NULL), ELMAN_OK);
    Span file = {made.bytes, made.size};
    Span event = take_record(&file);
    expect_head(&event, 1.0, 7);
    Span summary = expect_field(&event, 5, 2).bytes;
    Span value = expect_field(&summary, 1, 2).bytes;
    expect_text(expect_field(&value, 1, 2).bytes, "weights/w");
    Span histogram = expect_field(&value, 5, 2).bytes;
    for (unsigned i = 0; i < 5; i++)
        decoded.head[i] = as_double(expect_field(&histogram, i + 1, 1).bits);
    decoded.buckets = take_doubles(&histogram, 6, decoded.limits);
    assert_int_equal(take_doubles(&histogram, 7, decoded.counts), decoded.buckets);
    assert_int_equal(histogram.size + value.size + summary.size + event.size + file.size, 0);
    return decoded;
}

/* 0 to 64 in quarters: every bucket is 1 wide, so that all is exact. */
static void buckets_of_equal_width(void **state) {
    (void)state;
    float numbers[259];
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i <= 256; i++) {
        numbers[i] = (float)(256 - i) / 4.0F;
        sum += (double)numbers[i];
        squares += (double)numbers[i] * (double)numbers[i];
    }
    numbers[257] = NAN;
    numbers[258] = -INFINITY;
    const Decoded got = histogram_of(numbers, 259);
    const double head[5] = {0.0, 64.0, 257.0, sum, squares};
    for (size_t i = 0; i < 5; i++) assert_true(got.head[i] == head[i]);
    assert_int_equal(got.buckets, 64);
    for (size_t i = 0; i < 64; i++) {
        assert_true(got.limits[i] == (double)(i + 1));
        assert_true(got.counts[i] == (i == 63 ? 5.0 : 4.0)); /* the last has its limit too */
    }
}

static void numbers_that_are_all_the_same(void **state) {
    (void)state;
    const float numbers[3] = {-0.5F, -0.5F, -0.5F};
    const Decoded got = histogram_of(numbers, 3);
    assert_int_equal(got.buckets, 1);
    assert_true(got.limits[0] == -0.5 && got.counts[0] == 3.0);
    assert_true(got.head[0] == -0.5 && got.head[1] == -0.5 && got.head[4] == 0.75);
    const Decoded none = histogram_of(numbers, 0);
    assert_int_equal(none.buckets, 0);
    assert_true(none.head[2] == 0.0);
}

/* Wherever the caller stops, nothing more is handed to it. */
static void a_write_that_fails_is_told(void **state) {
    (void)state;
    static const elman_event_scalar scalar = {"loss", 1.0};
    Bytes whole = {.most = FILE_MAX};
    assert_int_equal(elman_events_scalars(1.0, 1, &scalar, 1, append, &whole, NULL), ELMAN_OK);
    for (size_t most = 0; most < whole.size; most++) {
        Bytes made = {.most = most};
        elman_error error = {0};
        assert_int_equal(elman_events_scalars(1.0, 1, &scalar, 1, append, &made, &error),
                         ELMAN_ERR_CANCELLED);
        assert_true(error.message[0] != '\0');
        assert_memory_equal(made.bytes, whole.bytes, made.size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_of_known_bytes),
        cmocka_unit_test(a_file_begins_with_its_version),
        cmocka_unit_test(a_run_that_goes_on_says_from_where),
        cmocka_unit_test(scalars),
        cmocka_unit_test(buckets_of_equal_width),
        cmocka_unit_test(numbers_that_are_all_the_same),
        cmocka_unit_test(a_write_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
