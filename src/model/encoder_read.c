/* Reads what an encoder's JSON object says. */
#include "model/encoder_read.h"

#include <string.h>

#include "core/fail.h"

void encoder_refuse(EncoderReader *reader, const char *key) {
    if (reader->status) return;
    reader->status = fail(reader->error, ELMAN_ERR_FORMAT,
                          "the model's description of its %s: \"%s\" is missing or makes no sense",
                          reader->what, key);
}

void encoder_refuse_memory(EncoderReader *reader) {
    if (reader->status) return;
    reader->status =
        fail(reader->error, ELMAN_ERR_MEMORY, "no memory to read the model's %s", reader->what);
}

size_t encoder_read_count(EncoderReader *reader, const char *key, size_t least, size_t most) {
    const json_t *const value = json_object_get(reader->object, key);
    const json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && (uint64_t)number >= least &&
        (uint64_t)number <= most)
        return (size_t)number;
    encoder_refuse(reader, key);
    return least;
}

bool encoder_read_flag(EncoderReader *reader, const char *key) {
    const json_t *const value = json_object_get(reader->object, key);
    if (!json_is_boolean(value)) encoder_refuse(reader, key);
    return json_is_true(value);
}

size_t encoder_read_name(EncoderReader *reader, const char *key, const char *const *names,
                         size_t count) {
    const char *const value = json_string_value(json_object_get(reader->object, key));
    for (size_t i = 0; value && i < count; i++)
        if (names[i] && strcmp(value, names[i]) == 0) return i;
    encoder_refuse(reader, key);
    return 0;
}

void encoder_read_text(EncoderReader *reader, const char *key, char **text) {
    const json_t *const value = json_object_get(reader->object, key);
    if (json_is_null(value) || reader->status) return;
    if (!json_is_string(value)) {
        encoder_refuse(reader, key);
        return;
    }
    *text = memory_copy_string(reader->memory, json_string_value(value));
    if (!*text) encoder_refuse_memory(reader);
}
