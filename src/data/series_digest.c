/* The digest of a set of series. */
#include <math.h>
#include <string.h>

#include "core/digest.h"
#include "data/series.h"

enum { BLOCK = 4096 };

/* Bytes on their way into the digest; all numbers are written in little-endian order. */
typedef struct Stream {
    Digest digest;
    size_t used;
    unsigned char bytes[BLOCK];
} Stream;

static void add_number(Stream *stream, uint64_t number) {
    if (stream->used == BLOCK) {
        digest_update(&stream->digest, stream->bytes, BLOCK);
        stream->used = 0;
    }
    for (int i = 0; i < 8; i++)
        stream->bytes[stream->used++] = (unsigned char)(number >> (8 * i) & 0xff);
}

/* Its length, then its bytes, eight at a time. */
static void add_text(Stream *stream, const char *text) {
    const size_t size = text ? strlen(text) : SIZE_MAX;
    add_number(stream, size);
    for (size_t i = 0; text && i < size; i += 8) {
        uint64_t word = 0;
        for (size_t k = i; k < size && k < i + 8; k++)
            word |= (uint64_t)(unsigned char)text[k] << (8 * (k - i));
        add_number(stream, word);
    }
}

/* Each NaN as the same one. */
static void add_double(Stream *stream, double value) {
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (!isnan(value)) memcpy(&bits, &value, sizeof bits);
    add_number(stream, bits);
}

static void add_floats(Stream *stream, const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) add_double(stream, values[i]);
}

static void add_names(Stream *stream, char *const *names, size_t count) {
    add_number(stream, count);
    for (size_t i = 0; i < count; i++) add_text(stream, names[i]);
}

void series_digest(elman_series *series) {
    Stream stream = {.used = 0};
    digest_begin(&stream.digest);
    add_text(&stream, "elman series 1");
    add_number(&stream, (uint64_t)series->spacing.unit);
    add_number(&stream, (uint64_t)series->spacing.step);
    add_number(&stream, (uint64_t)series->spacing.day);
    add_number(&stream, series->frequency);
    add_names(&stream, series->known_names, series->known_count);
    add_names(&stream, series->past_names, series->past_count);
    add_number(&stream, series->count);
    for (size_t i = 0; i < series->count; i++) {
        const OneSeries *const one = &series->one[i];
        add_text(&stream, one->id);
        add_number(&stream, (uint64_t)one->start);
        add_number(&stream, one->length);
        add_number(&stream, one->future);
        for (size_t k = 0; k < one->length; k++) add_double(&stream, one->y[k]);
        add_floats(&stream, one->known, (one->length + one->future) * series->known_count);
        add_floats(&stream, one->past, one->length * series->past_count);
    }
    add_number(&stream, series->static_count);
    for (size_t i = 0; i < series->static_count; i++) {
        const StaticColumn *const column = &series->statics[i];
        add_text(&stream, column->name);
        add_names(&stream, column->levels, column->level_count);
        for (size_t k = 0; k < series->count; k++) add_double(&stream, column->values[k]);
    }
    digest_update(&stream.digest, stream.bytes, stream.used);
    digest_end(&stream.digest, series->digest);
}
