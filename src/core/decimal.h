/* Decimal numbers in text, whatever the program's locale. */
#ifndef CORE_DECIMAL_H
#define CORE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
    DECIMAL_MAX = 64,         /* the most characters of one number */
    DECIMAL_DOUBLE_MAX = 1100 /* of a double: all digits of the smallest are 1,076 characters */
};

/* Reads the whole of `text`: an optional sign, digits with at most one point among them, an
 * optional exponent. The result is the nearest float. False for anything else, more than
 * DECIMAL_MAX characters and what is too large for a float. */
bool decimal_read(const char *text, size_t length, float *value);

/* The same for doubles, of at most DECIMAL_DOUBLE_MAX characters. */
bool decimal_read_double(const char *text, size_t length, double *value);

/* Puts a point in the place of the locale's, between two digits, in a text that printf wrote. */
void decimal_use_point(char *text);

#endif
