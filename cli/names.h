/* Lists of names in options. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stddef.h>

/* Takes "a,b" apart, in place; a name with commas stands in quotes, as in CSV: "\"a, b\",c".
 * Returns how many names there are, 0 when one is empty, a quote is not closed, or there are more
 * than `room`. */
size_t names_cut(char *text, const char **names, size_t room);

#endif
