/* Whether workers that meet often should do so: not while they are often late, as they are when
 * another program has one of their processors. */
#ifndef MODEL_LATENESS_H
#define MODEL_LATENESS_H

#include <stdbool.h>
#include <stddef.h>

/* What is remembered of late workers, from pass to pass. Zeros: nothing. */
typedef struct Lateness {
    size_t score; /* of the last few passes */
    size_t pause; /* how many passes the next stretch without meetings will have */
    size_t left;  /* how many the present one still has */
} Lateness;

enum { LATE_SCORE = 8, LATE_LIMIT = 12, LATE_PAUSE = 32, LATE_PAUSE_MAX = 4096 };

/* Before a pass: whether it should be one without meetings. */
bool lateness_apart(Lateness *lateness);

/* After a pass with meetings: how many of them a worker was late for. Two, or one in each of two
 * passes with few between them, begin a stretch without, which is twice as long as the one before
 * unless many passes have gone well since. */
void lateness_note(Lateness *lateness, size_t late);

#endif
