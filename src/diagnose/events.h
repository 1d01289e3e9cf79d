/* What happens at a step: events in a text, tokens, the numbers of the input, time. */
#ifndef DIAGNOSE_EVENTS_H
#define DIAGNOSE_EVENTS_H

#include "diagnose/diagnosis.h"

/* The events of one step that are not 0. */
typedef struct Happening {
    size_t count;
    size_t *event;
    double *value;
} Happening;

/* Where a text is, as far as its row tells. */
typedef struct TextPlace {
    int32_t last; /* the character before; -1: none */
    bool quoted;
    size_t in_line, in_word; /* characters since the last line end, letters since the word began */
} TextPlace;

typedef struct Events {
    elman_input input;
    size_t inputs;                      /* numbers a step, or tokens */
    const elman_vocabulary *vocabulary; /* of a text, else NULL */
    const char *const *names;           /* of the numbers, or NULL */
    float *first;                       /* [inputs] what the numbers were at first */
    bool seen;
    TextPlace place;
    Happening now;
} Events;

/* False: no memory; release it all the same. `vocabulary` and `names` must stay. */
bool events_create(Events *events, Memory *memory, const Structure *structure,
                   const elman_vocabulary *vocabulary, const char *const *names);
void events_release(Events *events, Memory *memory);

size_t events_count(const Events *events);

/* The name, which lives as long as the diagnosis; NULL: no memory. */
const char *events_name(const Events *events, elman_diagnosis *diagnosis, size_t event);

/* Steps 0, 1, ... of a row follow. What happened holds until the next call; numbers are those of
 * the input less the first ones ever seen. */
void events_begin_row(Events *events);
const Happening *events_at(Events *events, const elman_sequence *sequence, size_t step, size_t row);

#endif
