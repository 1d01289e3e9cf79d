/* Text as data: files to characters, characters to tokens and back.
 *
 * A character is a Unicode scalar value (a byte when the library was built without utf8proc). A
 * vocabulary numbers the characters of a training text: token 0 stands for every unknown one, the
 * others follow in ascending order. */
#ifndef ELMAN_TEXT_H
#define ELMAN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_text elman_text;
typedef struct elman_vocabulary elman_vocabulary;

enum { ELMAN_TOKEN_UNKNOWN = 0, ELMAN_DIGEST_MAX = 65 };

/* Reads one or more UTF-8 files ("-": standard input) and joins them. Errors: IO, DATA (empty, a
 * byte that is not UTF-8, with file and byte offset, or binary: a NUL character), MEMORY. */
ELMAN_API elman_status elman_text_load(elman_context *context, const char *const *paths,
                                       size_t count, elman_text **text, elman_error *error);

/* The same from memory; `name` stands in messages. */
ELMAN_API elman_status elman_text_from_memory(elman_context *context, const char *name,
                                              const char *bytes, size_t size, elman_text **text,
                                              elman_error *error);
ELMAN_API void elman_text_destroy(elman_text *text);

/* The characters, in order. */
ELMAN_API size_t elman_text_length(const elman_text *text);
ELMAN_API const int32_t *elman_text_characters(const elman_text *text);

/* The SHA-256 of the joined bytes, 64 hexadecimal digits, and their number. */
ELMAN_API const char *elman_text_digest(const elman_text *text);
ELMAN_API uint64_t elman_text_bytes(const elman_text *text);

/* Where the text is cut: the last `valid` (0 <= valid < 1) of its characters, rounded down, are the
 * validation part. Returns the length of the training part. */
ELMAN_API size_t elman_text_split(const elman_text *text, double valid);

/* Numbers the distinct characters among `count`. Errors: DATA (none), MEMORY. */
ELMAN_API elman_status elman_vocabulary_create(elman_context *context, const int32_t *characters,
                                               size_t count, elman_vocabulary **vocabulary,
                                               elman_error *error);
ELMAN_API void elman_vocabulary_destroy(elman_vocabulary *vocabulary);

/* The number of tokens, the unknown one included. */
ELMAN_API size_t elman_vocabulary_size(const elman_vocabulary *vocabulary);

/* The character of a token, -1 for ELMAN_TOKEN_UNKNOWN and for tokens out of range. */
ELMAN_API int32_t elman_vocabulary_character(const elman_vocabulary *vocabulary, int32_t token);

/* Characters to tokens [count]; returns how many were unknown. */
ELMAN_API size_t elman_vocabulary_encode(const elman_vocabulary *vocabulary,
                                         const int32_t *characters, size_t count, int32_t *tokens);

/* One token as UTF-8, NUL-terminated (unknown: U+FFFD); returns the bytes without the NUL. */
ELMAN_API size_t elman_vocabulary_decode(const elman_vocabulary *vocabulary, int32_t token,
                                         char utf8[5]);

#ifdef __cplusplus
}
#endif

#endif
