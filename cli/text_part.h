/* Which part of a text a model learnt from, by what it tells of its training. */
#ifndef CLI_TEXT_PART_H
#define CLI_TEXT_PART_H

#include <jansson.h>
#include <stdbool.h>

#include <elman/text.h>

/* Characters [from, from + count). */
typedef struct TextPart {
    size_t from, count;
} TextPart;

TextPart text_part_whole(const elman_text *text);

/* Whether `training` (NULL: nothing is told) is that of a run over this very text; then its parts
 * are there. */
bool text_part_is_known(const json_t *training, const elman_text *text);
TextPart text_part_train(const json_t *training);
TextPart text_part_valid(const json_t *training, const elman_text *text);

#endif
