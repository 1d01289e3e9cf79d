/* Small helpers over jansson. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "message.h"
#include "output.h"

static void end_without_memory(void) {
    message("no memory left");
    exit(EXIT_FAILED);
}

void json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) end_without_memory();
}

void json_append(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) end_without_memory();
}

json_t *json_text(const char *text) {
    json_t *value = json_string(text);
    if (value) return value;
    char *copy = strdup(text);
    if (!copy) end_without_memory();
    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c >= 0x80) *c = '?';
    }
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *json_finite(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *json_count(unsigned long long count) {
    return json_integer((json_int_t)count);
}

char *json_print(const json_t *value, size_t flags) {
    char *text = json_dumps(value, flags | JSON_DIGITS);
    if (!text) end_without_memory();
    return text;
}

void json_output(const json_t *value) {
    char *text = json_print(value, JSON_INDENT(2));
    output_print("%s\n", text);
    free(text);
}

const json_t *json_look(const json_t *object, const char *key, const char *then) {
    const json_t *value = json_object_get(object, key);
    return then ? json_object_get(value, then) : value;
}

double json_look_number(const json_t *object, const char *key, const char *then) {
    const json_t *value = json_look(object, key, then);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *json_look_text(const json_t *object, const char *key, const char *then) {
    const char *text = json_string_value(json_look(object, key, then));
    return text ? text : "";
}
