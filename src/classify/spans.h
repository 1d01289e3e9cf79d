/* Spans that labels such as B-NAME, I-NAME and O mark, by the rules of CoNLL-2000's evaluation:
 * Tjong Kim Sang and Buchholz, "Introduction to the CoNLL-2000 shared task: chunking", 2000. */
#ifndef CLASSIFY_SPANS_H
#define CLASSIFY_SPANS_H

#include <stdbool.h>

#include "data/names.h"

/* What a label says: B begins, I is inside, E ends, S is a span of one step, O is outside. */
typedef struct SpanLabel {
    char place;
    size_t type; /* in SpanScore.types; of O: none */
} SpanLabel;

typedef struct SpanCounts {
    size_t actual, predicted, right;
} SpanCounts;

/* Zero is an empty one. */
typedef struct SpanScore {
    SpanLabel *labels;  /* [labels]; NULL: they mark no spans */
    Names types;        /* sorted by their bytes */
    SpanCounts *counts; /* [types] */
} SpanScore;

/* Finds out what labels say. False: no memory. Whatever the result, spans_release may follow. */
bool spans_create(Memory *memory, const Names *labels, SpanScore *spans);
void spans_release(Memory *memory, SpanScore *spans);

/* Spans of one sequence, while it is walked through. */
typedef struct SpanWalk {
    SpanLabel before[2]; /* of the step before: actual, predicted */
    bool open[2];        /* a span of the actual, of the predicted labels goes on */
    bool together;       /* both began at the same step, with the same type */
} SpanWalk;

void spans_begin(SpanWalk *walk);

/* The labels of the next step. */
void spans_step(SpanScore *spans, SpanWalk *walk, size_t actual, size_t predicted);

/* The sequence has ended. */
void spans_end(SpanScore *spans, SpanWalk *walk);

#endif
