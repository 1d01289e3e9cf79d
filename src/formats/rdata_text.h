/* Texts of R's data files as UTF-8. */
#ifndef FORMATS_RDATA_TEXT_H
#define FORMATS_RDATA_TEXT_H

#include <stddef.h>

#include "formats/rdata_tree.h"

/* Writes the characters as UTF-8 with a final zero and returns how many bytes that are; out NULL:
 * only counts. Missing characters are an empty text. What is marked as Latin-1, and what is not
 * UTF-8 whatever its mark, is read as Windows-1252, as R does. */
size_t rdata_text_utf8(RdataCharacters characters, char *out);

enum { RDATA_NUMBER_TEXT_MAX = 32 };

/* Writes a number as R's as.character does (at most 15 digits, the shorter of the fixed and the
 * scientific form) with a final zero, and returns how many bytes that are. */
size_t rdata_text_number(double number, char out[RDATA_NUMBER_TEXT_MAX]);

#endif
