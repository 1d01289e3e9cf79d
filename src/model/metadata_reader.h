/* Reading the metadata of a model file: its values, none of which is trusted. */
#ifndef MODEL_METADATA_READER_H
#define MODEL_METADATA_READER_H

#include <jansson.h>

#include "model/model.h"

/* One metadata string that is being read; the first failure stays. */
typedef struct Reader {
    const char *name;
    elman_error *error;
    elman_status status;
} Reader;

void reader_refuse(Reader *reader, elman_status status, const char *format, ...) ELMAN_PRINTF(3, 4);

/* Passes on what a function of the public interface said; what is a caller's mistake there is here
 * one of the file. */
void reader_refuse_because(Reader *reader, const char *where, elman_status status,
                           const elman_error *reason);

size_t reader_size(Reader *reader, const json_t *object, const char *key);
bool reader_flag(Reader *reader, const json_t *object, const char *key);
double reader_number(Reader *reader, const json_t *object, const char *key);
const char *reader_string(Reader *reader, const json_t *object, const char *key);

/* The index of the string among `names`. */
size_t reader_name(Reader *reader, const json_t *object, const char *key, const char *const *names,
                   size_t count);

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Puts a member there only where it is wanted; takes the value over. False when memory is lacking.
 */
bool metadata_put(json_t *object, bool wanted, const char *key, json_t *value);

/* The layers' part of a description; NULL when memory is lacking. */
json_t *metadata_write_layers(const Structure *structure);
void metadata_read_layers(Reader *reader, const json_t *spec, elman_model *model);

/* The same of the stages behind the head. */
json_t *metadata_write_stages(const Structure *structure);
void metadata_read_stages(Reader *reader, const json_t *spec, elman_model *model);

#endif
