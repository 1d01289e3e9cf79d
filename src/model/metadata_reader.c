/* Reading the metadata of a model file: its values. */
#include "model/metadata_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

void reader_refuse(Reader *reader, elman_status status, const char *format, ...) {
    char sentence[ELMAN_MESSAGE_MAX];
    va_list arguments;
    if (reader->status) return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    reader->status = fail(reader->error, status, "%s: model metadata: %s", reader->name, sentence);
}

void reader_refuse_because(Reader *reader, const char *where, elman_status status,
                           const elman_error *reason) {
    reader_refuse(reader, status == ELMAN_ERR_MEMORY ? status : ELMAN_ERR_FORMAT, "%s: %s", where,
                  reason->message);
}

size_t reader_size(Reader *reader, const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is not a whole number of at least 0", key);
    const json_int_t number = json_integer_value(value);
    return number < 0 ? 0 : (size_t)number;
}

bool reader_flag(Reader *reader, const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_boolean(value))
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is neither true nor false", key);
    return json_is_true(value);
}

double reader_number(Reader *reader, const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_number(value))
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is not a number", key);
    return json_number_value(value);
}

const char *reader_string(Reader *reader, const json_t *object, const char *key) {
    const char *const value = json_string_value(json_object_get(object, key));
    if (!value) reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is not a string", key);
    return value ? value : "";
}

size_t reader_name(Reader *reader, const json_t *object, const char *key, const char *const *names,
                   size_t count) {
    const char *const value = reader_string(reader, object, key);
    for (size_t i = 0; i < count; i++)
        if (strcmp(value, names[i]) == 0) return i;
    reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is \"%.40s\", which this version does not know",
                  key, value);
    return 0;
}
