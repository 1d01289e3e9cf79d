/* Writes event files. */
#include "formats/tensorboard.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/fail.h"

enum { BUCKETS = 64, VARINT_MAX = 10 };

/* How a field is coded: the lowest three bits of its key. */
enum { WIRE_VARINT = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2, WIRE_FLOAT = 5 };
enum { EVENT_WALL_TIME = 1, EVENT_STEP, EVENT_FILE_VERSION, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SESSION_STATUS = 1, SESSION_START = 1 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_NUMBER = 2, VALUE_HISTOGRAM = 5 };
enum { HISTOGRAM_MIN = 1, HISTOGRAM_LIMITS = 6, HISTOGRAM_COUNTS = 7 };

typedef struct Histogram {
    double head[5]; /* least, greatest, count, sum, sum of squares: fields 1 to 5 */
    size_t buckets;
    double limits[BUCKETS], counts[BUCKETS]; /* a bucket reaches from the limit before it */
} Histogram;

typedef struct Event {
    double wall_time;
    uint64_t step;
    const char *version; /* NULL: not the first of a file */
    bool restart;
    const elman_event_scalar *scalars;
    size_t scalar_count;
    const char *tag; /* of the histogram */
    const Histogram *histogram;
} Event;

/* Where bytes go. */
typedef struct Sink {
    elman_event_write_function write; /* NULL: they are counted alone */
    void *user;
    size_t size;
    uint32_t crc;
    bool stopped;
} Sink;

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size) {
    /* Of four bits: the polynomial is 0x82F63B78, the lowest bit first. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const unsigned char *const byte = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void put(Sink *sink, const void *bytes, size_t size) {
    sink->size += size;
    if (!sink->write || sink->stopped) return;
    sink->crc = crc32c(sink->crc, bytes, size);
    sink->stopped = sink->write(sink->user, bytes, size) != 0;
}

static void put_little_endian(Sink *sink, uint64_t bits, size_t size) {
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(bits >> 8 * i & 0xFF);
    put(sink, bytes, size);
}

static void put_varint(Sink *sink, uint64_t number) {
    unsigned char bytes[VARINT_MAX];
    size_t size = 0;
    for (; number > 0x7F; number >>= 7) bytes[size++] = (unsigned char)(number & 0x7F) | 0x80;
    bytes[size++] = (unsigned char)number;
    put(sink, bytes, size);
}

static void put_key(Sink *sink, unsigned field, unsigned wire) {
    put_varint(sink, field << 3 | wire);
}

static void put_double(Sink *sink, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_little_endian(sink, bits, sizeof bits);
}

static void put_text(Sink *sink, unsigned field, const char *text) {
    const size_t size = strlen(text);
    put_key(sink, field, WIRE_BYTES);
    put_varint(sink, size);
    put(sink, text, size);
}

/* A message, which is preceded by its size: it is gone through twice. */
typedef void (*Message)(Sink *sink, const Event *event, size_t index);

static size_t message_size(Message message, const Event *event, size_t index) {
    Sink counter = {0};
    message(&counter, event, index);
    return counter.size;
}

static void put_message(Sink *sink, unsigned field, Message message, const Event *event,
                        size_t index) {
    put_key(sink, field, WIRE_BYTES);
    put_varint(sink, message_size(message, event, index));
    message(sink, event, index);
}

static void put_doubles(Sink *sink, unsigned field, const double *numbers, size_t count) {
    put_key(sink, field, WIRE_BYTES);
    put_varint(sink, count * sizeof *numbers);
    for (size_t i = 0; i < count; i++) put_double(sink, numbers[i]);
}

static void put_histogram(Sink *sink, const Event *event, size_t index) {
    const Histogram *const histogram = event->histogram;
    (void)index; /* there is one */
    for (unsigned i = 0; i < 5; i++) {
        put_key(sink, HISTOGRAM_MIN + i, WIRE_DOUBLE);
        put_double(sink, histogram->head[i]);
    }
    put_doubles(sink, HISTOGRAM_LIMITS, histogram->limits, histogram->buckets);
    put_doubles(sink, HISTOGRAM_COUNTS, histogram->counts, histogram->buckets);
}

static void put_value(Sink *sink, const Event *event, size_t index) {
    if (event->histogram) {
        put_text(sink, VALUE_TAG, event->tag);
        put_message(sink, VALUE_HISTOGRAM, put_histogram, event, 0);
        return;
    }
    const float number = (float)event->scalars[index].value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_text(sink, VALUE_TAG, event->scalars[index].tag);
    put_key(sink, VALUE_NUMBER, WIRE_FLOAT);
    put_little_endian(sink, bits, sizeof bits);
}

static void put_summary(Sink *sink, const Event *event, size_t index) {
    (void)index; /* there is one */
    const size_t count = event->histogram ? 1 : event->scalar_count;
    for (size_t i = 0; i < count; i++) put_message(sink, SUMMARY_VALUE, put_value, event, i);
}

static void put_session(Sink *sink, const Event *event, size_t index) {
    (void)event, (void)index;
    put_key(sink, SESSION_STATUS, WIRE_VARINT);
    put_varint(sink, SESSION_START);
}

static void put_event(Sink *sink, const Event *event, size_t index) {
    (void)index; /* there is one */
    put_key(sink, EVENT_WALL_TIME, WIRE_DOUBLE);
    put_double(sink, event->wall_time);
    put_key(sink, EVENT_STEP, WIRE_VARINT);
    put_varint(sink, event->step);
    if (event->version)
        put_text(sink, EVENT_FILE_VERSION, event->version);
    else if (event->restart)
        put_message(sink, EVENT_SESSION, put_session, event, 0);
    else
        put_message(sink, EVENT_SUMMARY, put_summary, event, 0);
}

/* TFRecord's guard against checksums of what holds checksums. */
static uint32_t masked(uint32_t crc) {
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

/* Eight bytes of size and their checksum, the event and its checksum. */
static elman_status put_record(const Event *event, elman_event_write_function write, void *user,
                               elman_error *error) {
    Sink sink = {.write = write, .user = user};
    put_little_endian(&sink, message_size(put_event, event, 0), 8);
    put_little_endian(&sink, masked(sink.crc), 4);
    sink.crc = 0;
    put_event(&sink, event, 0);
    put_little_endian(&sink, masked(sink.crc), 4);
    return sink.stopped ? fail(error, ELMAN_ERR_CANCELLED, "the event file was given up")
                        : ELMAN_OK;
}

elman_status elman_events_begin(double wall_time, uint64_t first_step,
                                elman_event_write_function write, void *user, elman_error *error) {
    const Event version = {.wall_time = wall_time, .version = "brain.Event:2"};
    const Event restart = {.wall_time = wall_time, .step = first_step, .restart = true};
    const elman_status status = put_record(&version, write, user, error);
    return status || first_step == 0 ? status : put_record(&restart, write, user, error);
}

elman_status elman_events_scalars(double wall_time, uint64_t step,
                                  const elman_event_scalar *scalars, size_t count,
                                  elman_event_write_function write, void *user,
                                  elman_error *error) {
    const Event event = {
        .wall_time = wall_time, .step = step, .scalars = scalars, .scalar_count = count};
    return put_record(&event, write, user, error);
}

/* Least, greatest, count and sums. */
static void measure(const float *numbers, size_t count, double head[5]) {
    memset(head, 0, 5 * sizeof *head);
    for (size_t i = 0; i < count; i++) {
        const double number = (double)numbers[i];
        if (!isfinite(number)) continue;
        if (head[2] == 0.0 || number < head[0]) head[0] = number;
        if (head[2] == 0.0 || number > head[1]) head[1] = number;
        head[2] += 1.0;
        head[3] += number;
        head[4] += number * number;
    }
}

static void fill(const float *numbers, size_t count, Histogram *histogram) {
    const double least = histogram->head[0], greatest = histogram->head[1];
    const double width = (greatest - least) / BUCKETS;
    histogram->buckets = histogram->head[2] == 0.0 ? 0 : width > 0.0 ? BUCKETS : 1;
    for (size_t i = 0; i < histogram->buckets; i++) {
        const bool last = i + 1 == histogram->buckets;
        histogram->limits[i] = last ? greatest : least + width * (double)(i + 1);
        histogram->counts[i] = 0.0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(numbers[i])) continue;
        size_t bucket = width > 0.0 ? (size_t)(((double)numbers[i] - least) / width) : 0;
        if (bucket >= histogram->buckets) bucket = histogram->buckets - 1;
        histogram->counts[bucket] += 1.0;
    }
}

elman_status elman_events_histogram(double wall_time, uint64_t step, const char *tag,
                                    const float *numbers, size_t count,
                                    elman_event_write_function write, void *user,
                                    elman_error *error) {
    Histogram histogram;
    measure(numbers, count, histogram.head);
    fill(numbers, count, &histogram);
    const Event event = {.wall_time = wall_time, .step = step, .tag = tag, .histogram = &histogram};
    return put_record(&event, write, user, error);
}
