/* Vocabularies as the rest of the library sees them: from a model file and back. */
#ifndef DATA_TEXT_H
#define DATA_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <elman/text.h>

/* What this library takes characters for: "unicode" (scalar values) or "bytes". */
extern const char vocabulary_characters_kind[];

/* A vocabulary from the characters of its tokens: characters[0] is -1 (the unknown token), the
 * others are Unicode scalar values in ascending order, each once. Errors: FORMAT (they are not),
 * UNSUPPORTED (a character above 255 in a library that reads bytes), MEMORY. */
elman_status vocabulary_from_characters(elman_context *context, const int32_t *characters,
                                        size_t count, elman_vocabulary **vocabulary,
                                        elman_error *error);

/* The characters of the tokens, elman_vocabulary_size of them; the first is -1. */
const int32_t *vocabulary_characters(const elman_vocabulary *vocabulary);

#endif
