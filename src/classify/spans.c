/* Counts spans. */
#include "classify/spans.h"

#include <string.h>

#include "formats/order.h"

static const SpanLabel outside = {'O', 0};

/* "O", or a place, a dash and a type. */
static bool marks_span(const char *label) {
    if (strcmp(label, "O") == 0) return true;
    return *label != '\0' && strchr("BIES", *label) != NULL && label[1] == '-' && label[2] != '\0';
}

static int compare_labels(const void *elements, uint32_t a, uint32_t b) {
    const Names *labels = elements;
    const char *one = names_text(labels, a), *other = names_text(labels, b);
    const bool one_out = strcmp(one, "O") == 0, other_out = strcmp(other, "O") == 0;
    if (one_out || other_out) return (int)other_out - (int)one_out;
    /* What stands before the type does not count. */
    return strcmp(one + 2, other + 2);
}

static bool take_types(SpanScore *spans, const Names *labels, const uint32_t *order) {
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = names_text(labels, order[i]);
        SpanLabel *taken = &spans->labels[order[i]];
        *taken = outside;
        if (strcmp(label, "O") == 0) continue;
        taken->place = *label;
        if (!names_add(&spans->types, label + 2, strlen(label + 2), &taken->type)) return false;
    }
    return true;
}

bool spans_create(Memory *memory, const Names *labels, SpanScore *spans) {
    bool any = false;
    *spans = (SpanScore){.types = {.memory = memory}};
    for (size_t i = 0; i < labels->count; i++) {
        if (!marks_span(names_text(labels, i))) return true;
        any = any || strcmp(names_text(labels, i), "O") != 0;
    }
    if (!any) return true;
    uint32_t *order = memory_allocate_array(memory, labels->count, sizeof(*order));
    spans->labels = memory_allocate_array(memory, labels->count, sizeof(*spans->labels));
    bool ok = order != NULL && spans->labels != NULL;
    if (ok) order_sort(order, labels->count, compare_labels, labels);
    ok = ok && take_types(spans, labels, order);
    if (ok) spans->counts = memory_allocate_array(memory, spans->types.count, sizeof(SpanCounts));
    memory_release(memory, order);
    return ok && spans->counts != NULL;
}

void spans_release(Memory *memory, SpanScore *spans) {
    memory_release(memory, spans->counts);
    memory_release(memory, spans->labels);
    if (spans->types.memory != NULL) names_release(&spans->types);
    *spans = (SpanScore){0};
}

/* Whether a span ends between two steps, and whether one begins. */
static bool ends(SpanLabel before, SpanLabel now) {
    if (before.place == 'O') return false;
    return before.place == 'E' || before.place == 'S' || now.place == 'B' || now.place == 'S' ||
           now.place == 'O' || now.type != before.type;
}

static bool begins(SpanLabel before, SpanLabel now) {
    if (now.place == 'O') return false;
    return now.place == 'B' || now.place == 'S' || before.place == 'O' || before.place == 'E' ||
           before.place == 'S' || now.type != before.type;
}

void spans_begin(SpanWalk *walk) {
    *walk = (SpanWalk){.before = {outside, outside}};
}

static void step(SpanScore *spans, SpanWalk *walk, SpanLabel actual, SpanLabel predicted) {
    const bool actual_ends = walk->open[0] && ends(walk->before[0], actual);
    const bool predicted_ends = walk->open[1] && ends(walk->before[1], predicted);
    if (walk->together && actual_ends && predicted_ends)
        spans->counts[walk->before[0].type].right++;
    if (actual_ends || predicted_ends) walk->together = false;
    walk->open[0] = walk->open[0] && !actual_ends;
    walk->open[1] = walk->open[1] && !predicted_ends;
    const bool actual_begins = begins(walk->before[0], actual);
    const bool predicted_begins = begins(walk->before[1], predicted);
    if (actual_begins) spans->counts[actual.type].actual++;
    if (predicted_begins) spans->counts[predicted.type].predicted++;
    if (actual_begins && predicted_begins) walk->together = actual.type == predicted.type;
    walk->open[0] = walk->open[0] || actual_begins;
    walk->open[1] = walk->open[1] || predicted_begins;
    walk->before[0] = actual;
    walk->before[1] = predicted;
}

void spans_step(SpanScore *spans, SpanWalk *walk, size_t actual, size_t predicted) {
    step(spans, walk, spans->labels[actual], spans->labels[predicted]);
}

void spans_end(SpanScore *spans, SpanWalk *walk) {
    step(spans, walk, outside, outside);
}
