/* Fills a set of labelled sequences, piece by piece, as the readers of the formats find them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/digest.h"
#include "core/fail.h"
#include "core/grow.h"
#include "core/utf8.h"
#include "data/labelled.h"
#include "data/lines.h"
#include "formats/order.h"

_Static_assert(sizeof(((elman_labelled *)NULL)->digest) == DIGEST_TEXT_SIZE, "a digest fits");

elman_status labelled_no_memory(const LabelledReading *reading) {
    return fail(reading->error, ELMAN_ERR_MEMORY, "%s: no memory for its sequences", reading->name);
}

static LabelledSequence *last_sequence(const LabelledReading *reading) {
    return &reading->data->sequences[reading->data->count - 1];
}

elman_status labelled_begin(LabelledReading *reading, size_t line) {
    elman_labelled *const data = reading->data;
    LabelledSequence *const sequences =
        data->count < NAMES_MAX ? memory_grow(reading->memory, data->sequences, data->count, 1,
                                              &reading->sequence_capacity, sizeof *data->sequences)
                                : NULL;
    if (!sequences) return labelled_no_memory(reading);
    data->sequences = sequences;
    sequences[data->count++] = (LabelledSequence){.first = data->kind == ELMAN_LABELLED_NUMBERS
                                                               ? reading->used / data->features
                                                               : reading->used,
                                                  .line = line,
                                                  .label = -1};
    return ELMAN_OK;
}

elman_status labelled_append(LabelledReading *reading, const float *values, size_t count) {
    elman_labelled *const data = reading->data;
    const size_t numbers = count * data->features;
    float *const larger = memory_grow(reading->memory, data->values, reading->used, numbers,
                                      &reading->capacity, sizeof *larger);
    if (!larger) return labelled_no_memory(reading);
    data->values = larger;
    memcpy(larger + reading->used, values, numbers * sizeof *values);
    reading->used += numbers;
    last_sequence(reading)->length += count;
    return ELMAN_OK;
}

/* Errors: DATA (a zero byte, or one that is not UTF-8). */
static elman_status check_text(const LabelledReading *reading, const char *text, size_t size,
                               size_t line) {
    for (size_t at = 0; at < size;) {
        const size_t length = utf8_length(text + at, size - at);
        if (length == 0 || text[at] == '\0')
            return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: byte 0x%02X is %s", reading->name,
                        line, (unsigned)(unsigned char)text[at],
                        length == 0 ? "not valid UTF-8" : "a NUL character: binary data, not text");
        at += length;
    }
    return ELMAN_OK;
}

elman_status labelled_append_text(LabelledReading *reading, const char *text, size_t size) {
    elman_labelled *const data = reading->data;
    const elman_status status = check_text(reading, text, size, last_sequence(reading)->line);
    if (status) return status;
    char *const larger =
        memory_grow(reading->memory, data->text, reading->used, size + 1, &reading->capacity, 1);
    if (!larger) return labelled_no_memory(reading);
    data->text = larger;
    if (size > 0) memcpy(larger + reading->used, text, size);
    larger[reading->used + size] = '\0';
    reading->used += size + 1;
    last_sequence(reading)->length = size;
    return ELMAN_OK;
}

elman_status labelled_append_token(LabelledReading *reading, const char *token, size_t size,
                                   int32_t label, size_t line) {
    elman_labelled *const data = reading->data;
    size_t index;
    const elman_status status = check_text(reading, token, size, line);
    if (status) return status;
    int32_t *const steps = memory_grow(reading->memory, data->steps, reading->used, 1,
                                       &reading->capacity, sizeof *steps);
    if (!steps) return labelled_no_memory(reading);
    data->steps = steps;
    int32_t *const labels = memory_grow(reading->memory, data->step_labels, reading->used, 1,
                                        &reading->label_capacity, sizeof *labels);
    if (!labels) return labelled_no_memory(reading);
    data->step_labels = labels;
    if (!names_add(&data->tokens, token, size, &index)) return labelled_no_memory(reading);
    steps[reading->used] = (int32_t)index;
    labels[reading->used++] = label;
    last_sequence(reading)->length++;
    return ELMAN_OK;
}

/* As many of the model's labels as fit, for a message. */
static void list_labels(const Names *labels, char *list, size_t room) {
    size_t used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < labels->count; i++) {
        const char *const text = names_text(labels, i);
        if (used + strlen(text) + sizeof ", ..." > room) {
            (void)snprintf(list + used, room - used, ", ...");
            return;
        }
        used += (size_t)snprintf(list + used, room - used, "%s%s", i > 0 ? ", " : "", text);
    }
}

elman_status labelled_find_label(LabelledReading *reading, const char *text, size_t size,
                                 size_t line, int32_t *label) {
    elman_labelled *const data = reading->data;
    const Span name = span_trim((Span){text, size});
    size_t index = 0;
    *label = -1;
    if (reading->options.need == ELMAN_LABELS_IGNORED) return ELMAN_OK;
    if (name.size == 0 || span_is(name, "?")) {
        if (reading->options.need == ELMAN_LABELS_OPTIONAL) return ELMAN_OK;
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: the label is missing", reading->name,
                    line);
    }
    const elman_status status = check_text(reading, name.text, name.size, line);
    if (status) return status;
    if (!reading->options.labels) {
        if (!names_add(&data->labels, name.text, name.size, &index))
            return labelled_no_memory(reading);
    } else if (!names_find(&data->labels, name.text, name.size, &index)) {
        char list[200];
        list_labels(&data->labels, list, sizeof list);
        return fail(reading->error, ELMAN_ERR_MISMATCH,
                    "%s:%zu: the label \"%.*s\" is none of the model's: %s", reading->name, line,
                    span_shown(name), name.text, list);
    }
    *label = (int32_t)index;
    data->has_labels = true;
    return ELMAN_OK;
}

elman_status labelled_set_id(LabelledReading *reading, const char *text, size_t size) {
    size_t index;
    const elman_status status = check_text(reading, text, size, last_sequence(reading)->line);
    if (status) return status;
    return names_add(&reading->data->ids, text, size, &index) ? ELMAN_OK
                                                              : labelled_no_memory(reading);
}

char *labelled_copy(const LabelledReading *reading, const char *text, size_t size) {
    char *const copy = size < SIZE_MAX ? memory_allocate(reading->memory, size + 1) : NULL;
    if (copy && size > 0) memcpy(copy, text, size);
    return copy;
}

/* Puts a straight line through the gaps of one feature; false: it has no number at all. */
static bool fill_gaps(float *values, size_t length, size_t stride) {
    size_t known = SIZE_MAX;
    for (size_t t = 0; t < length; t++) {
        if (isnan(values[t * stride])) continue;
        const float to = values[t * stride];
        const size_t first = known == SIZE_MAX ? 0 : known + 1;
        const float from = known == SIZE_MAX ? to : values[known * stride];
        for (size_t gap = first; gap < t; gap++) {
            const double share =
                known == SIZE_MAX ? 0.0 : (double)(gap - known) / (double)(t - known);
            values[gap * stride] = (float)((1.0 - share) * (double)from + share * (double)to);
        }
        known = t;
    }
    if (known == SIZE_MAX) return false;
    for (size_t t = known + 1; t < length; t++) values[t * stride] = values[known * stride];
    return true;
}

static elman_status interpolate(LabelledReading *reading) {
    elman_labelled *const data = reading->data;
    for (size_t i = 0; i < data->count; i++) {
        const LabelledSequence *const sequence = &data->sequences[i];
        float *const values = data->values + sequence->first * data->features;
        for (size_t k = 0; k < data->features; k++)
            if (!fill_gaps(values + k, sequence->length, data->features))
                return fail(reading->error, ELMAN_ERR_DATA,
                            "%s:%zu: the sequence that begins here has no number in feature %zu, "
                            "expected at least one to interpolate from",
                            reading->name, sequence->line, k + 1);
    }
    return ELMAN_OK;
}

/* Sequences without ids get their numbers. */
static elman_status number_sequences(LabelledReading *reading) {
    elman_labelled *const data = reading->data;
    if (data->ids.count > 0) return ELMAN_OK;
    for (size_t i = 0; i < data->count; i++) {
        char text[24];
        size_t index;
        const int size = snprintf(text, sizeof text, "%zu", i + 1);
        if (!names_add(&data->ids, text, (size_t)size, &index)) return labelled_no_memory(reading);
    }
    return ELMAN_OK;
}

/* Labels to compare, with their values where all are numbers. */
typedef struct LabelOrder {
    const Names *names;
    const float *values; /* NULL: some are no numbers */
} LabelOrder;

static int compare_labels(const void *elements, uint32_t a, uint32_t b) {
    const LabelOrder *const order = elements;
    if (order->values && order->values[a] != order->values[b])
        return order->values[a] < order->values[b] ? -1 : 1;
    return names_compare(order->names, a, b);
}

/* Sorts the labels of the file and numbers those of the sequences anew. */
static elman_status sort_labels(LabelledReading *reading) {
    elman_labelled *const data = reading->data;
    const size_t count = data->labels.count;
    if (reading->options.labels || count == 0) return ELMAN_OK;
    Names sorted = {.memory = reading->memory};
    elman_status status = labelled_no_memory(reading);
    uint32_t *const order = memory_allocate_array(reading->memory, count, sizeof *order);
    int32_t *const place = memory_allocate_array(reading->memory, count, sizeof *place);
    float *const values = memory_allocate_array(reading->memory, count, sizeof *values);
    if (!order || !place || !values) goto done;

    LabelOrder labels = {&data->labels, values};
    for (size_t i = 0; i < count && labels.values; i++) {
        const Span name = {names_text(&data->labels, i), data->labels.entries[i].size};
        if (!span_number(name, &values[i]) || isnan(values[i])) labels.values = NULL;
    }
    order_sort(order, count, compare_labels, &labels);
    for (size_t i = 0; i < count; i++) {
        size_t index;
        const Name *const name = &data->labels.entries[order[i]];
        if (!names_add(&sorted, data->labels.bytes + name->offset, name->size, &index)) goto done;
        place[order[i]] = (int32_t)i;
    }
    names_release(&data->labels);
    data->labels = sorted;
    sorted = (Names){.memory = reading->memory};
    for (size_t i = 0; i < data->count; i++)
        if (data->sequences[i].label >= 0)
            data->sequences[i].label = place[data->sequences[i].label];
    for (size_t i = 0; data->step_labels && i < reading->used; i++)
        if (data->step_labels[i] >= 0) data->step_labels[i] = place[data->step_labels[i]];
    status = ELMAN_OK;

done:
    names_release(&sorted);
    memory_release(reading->memory, values);
    memory_release(reading->memory, place);
    memory_release(reading->memory, order);
    return status;
}

static void digest_number(Digest *digest, uint64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(number >> (8 * i));
    digest_update(digest, bytes, sizeof bytes);
}

static void digest_name(Digest *digest, const Names *names, size_t index) {
    digest_number(digest, names->entries[index].size);
    digest_update(digest, names_text(names, index), names->entries[index].size);
}

/* A number for each label, which does not depend on the others: 0 for none, then its text. */
static void digest_label(Digest *digest, const Names *labels, int32_t label) {
    digest_number(digest, label >= 0);
    if (label >= 0) digest_name(digest, labels, (size_t)label);
}

static void digest_sequence(Digest *digest, const elman_labelled *data, size_t index) {
    const LabelledSequence *const sequence = &data->sequences[index];
    digest_name(digest, &data->ids, index);
    digest_label(digest, &data->labels, sequence->label);
    digest_number(digest, sequence->length);
    if (data->kind == ELMAN_LABELLED_TEXT)
        digest_update(digest, data->text + sequence->first, sequence->length);
    for (size_t t = 0; data->kind == ELMAN_LABELLED_TOKENS && t < sequence->length; t++) {
        digest_name(digest, &data->tokens, (size_t)data->steps[sequence->first + t]);
        digest_label(digest, &data->labels, data->step_labels[sequence->first + t]);
    }
    for (size_t i = 0; i < sequence->length * data->features; i++) {
        uint32_t bits;
        memcpy(&bits, &data->values[sequence->first * data->features + i], sizeof bits);
        const unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                        (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
        digest_update(digest, bytes, sizeof bytes);
    }
}

elman_status labelled_finish(LabelledReading *reading) {
    elman_labelled *const data = reading->data;
    elman_status status = ELMAN_OK;
    if (data->count == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s: holds no sequences", reading->name);
    if (data->kind == ELMAN_LABELLED_NUMBERS && reading->options.interpolate)
        status = interpolate(reading);
    if (!status) status = number_sequences(reading);
    if (!status) status = sort_labels(reading);
    if (status) return status;
    Digest digest;
    digest_begin(&digest);
    digest_number(&digest, (uint64_t)data->kind);
    digest_number(&digest, data->features);
    for (size_t i = 0; i < data->count; i++) digest_sequence(&digest, data, i);
    digest_end(&digest, data->digest);
    return ELMAN_OK;
}
