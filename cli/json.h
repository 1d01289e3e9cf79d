/* JSON with jansson: building it without an error check a line, and reading it with defaults. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

/* Real numbers are printed with 15 significant digits: a decimal that somebody typed comes back. */
#define JSON_DIGITS JSON_REAL_PRECISION(15)

/* object[key] = value, which it takes over. Lack of memory ends the program with a sentence. */
void json_put(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);

/* A new value, never NULL for json_put's sake: text that is not UTF-8 has its odd bytes replaced by
 * '?', a number that is not finite becomes null. */
json_t *json_text(const char *text);
json_t *json_finite(double number);
json_t *json_count(unsigned long long count);

/* The text of `value`, to be released with free; ends the program when there is no memory. */
char *json_print(const json_t *value, size_t flags);

/* Prints it to stdout, indented, with a newline. */
void json_output(const json_t *value);

/* object[key][then], `then` being NULL or a second key; NULL when it is missing. `object` may be
 * NULL. */
const json_t *json_look(const json_t *object, const char *key, const char *then);

/* The same as a number (NaN when it is none), or as text ("" when it is none). */
double json_look_number(const json_t *object, const char *key, const char *then);
const char *json_look_text(const json_t *object, const char *key, const char *then);

#endif
