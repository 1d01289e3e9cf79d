/* Words: where they are in a text, which of them a vocabulary knows, and the tokens they become.
 *
 * A word is what stands between two word boundaries of Unicode (Standard Annex #29) unless that is
 * white space alone; punctuation marks are words too. Texts and words are valid UTF-8 without NUL.
 */
#ifndef DATA_WORDS_H
#define DATA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/status.h>

enum {
    WORD_UNKNOWN = 0,    /* the token of every word that a vocabulary does not have */
    WORD_BYTES_MAX = 256 /* a longer one is unknown to every vocabulary */
};

/* Errors: UNSUPPORTED (a library built without libunistring, which cannot find words in a text, or
 * without utf8proc where `fold` is asked for). What a caller finds out here cannot fail later. */
elman_status words_check(bool in_text, bool fold, elman_error *error);

/* Counts how often words occur. */
typedef struct WordCounter WordCounter;

/* `fold`: words that differ in case alone are the same (Unicode's full case folding). */
elman_status word_counter_create(Memory *memory, bool fold, WordCounter **counter,
                                 elman_error *error);
void word_counter_destroy(WordCounter *counter);

/* Counts the words of a text, or one word as it is. Errors: UNSUPPORTED, MEMORY. */
elman_status word_counter_add_text(WordCounter *counter, const char *text, size_t size,
                                   elman_error *error);
elman_status word_counter_add_word(WordCounter *counter, const char *word, size_t size,
                                   elman_error *error);

typedef struct WordVocabulary WordVocabulary;

/* The words that occur at least `min_count` times, the most frequent first, those that occur
 * equally often by their bytes; at most `max_words` of them (0: any number). Errors: DATA (none),
 * MEMORY. */
elman_status word_vocabulary_create(const WordCounter *counter, uint64_t min_count,
                                    size_t max_words, WordVocabulary **vocabulary,
                                    elman_error *error);

/* From what word_vocabulary_bytes gave. Errors: FORMAT (what no vocabulary gives), UNSUPPORTED,
 * MEMORY. */
elman_status word_vocabulary_from_bytes(Memory *memory, const void *bytes, size_t size, bool fold,
                                        WordVocabulary **vocabulary, elman_error *error);
void word_vocabulary_destroy(WordVocabulary *vocabulary);

/* The words with a line feed between them, for a tensor of U8; as long as the vocabulary lives. */
const char *word_vocabulary_bytes(const WordVocabulary *vocabulary, size_t *size);

/* The number of tokens, WORD_UNKNOWN included. */
size_t word_vocabulary_size(const WordVocabulary *vocabulary);

/* The word of a token, as long as the vocabulary lives; U+FFFD for WORD_UNKNOWN. */
const char *word_vocabulary_word(const WordVocabulary *vocabulary, int32_t token);

/* Tokens of one sequence. Zero is an empty one. */
typedef struct WordTokens {
    int32_t *tokens; /* [count]; release it with memory_release */
    size_t count, capacity;
    size_t unknown; /* how many of them are WORD_UNKNOWN */
} WordTokens;

/* Replaces `tokens` by those of a text; one without words becomes one WORD_UNKNOWN. The memory is
 * the vocabulary's. Errors: UNSUPPORTED, MEMORY. */
elman_status word_vocabulary_encode(WordVocabulary *vocabulary, const char *text, size_t size,
                                    WordTokens *tokens, elman_error *error);

/* The token of one word as it is. Errors: MEMORY. */
elman_status word_vocabulary_token(WordVocabulary *vocabulary, const char *word, size_t size,
                                   int32_t *token, elman_error *error);

#endif
