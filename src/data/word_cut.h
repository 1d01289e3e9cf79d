/* Cuts texts at their word boundaries and folds the case of words. */
#ifndef DATA_WORD_CUT_H
#define DATA_WORD_CUT_H

#include <stdbool.h>

#include "core/memory.h"
#include "data/lines.h"
#include <elman/status.h>

/* Room that is used again from text to text. Zero, but for `memory`, to begin with. */
typedef struct WordCutter {
    Memory *memory;
    bool fold;
    char *breaks; /* of the text: not 0 where a word begins */
    size_t break_room;
    char *folded;
    size_t folded_room;
    Span text; /* of which words are taken */
    size_t at;
} WordCutter;

/* Begins a text, which must stay until the last word is taken. Errors: UNSUPPORTED, MEMORY. */
elman_status word_cutter_begin(WordCutter *cutter, const char *text, size_t size,
                               elman_error *error);

/* The next word as it stands in the text; false: there is none. */
bool word_cutter_next(WordCutter *cutter, Span *word);

/* The word with its case folded where that is asked for; valid until the next call. Errors:
 * UNSUPPORTED, MEMORY. */
elman_status word_cutter_fold(WordCutter *cutter, Span *word, elman_error *error);

void word_cutter_release(WordCutter *cutter);

#endif
