/* Reading an encoder's description back from a model: its JSON object and its tensors, neither of
 * which is trusted. The first thing that is wrong is told, and stays. */
#ifndef MODEL_ENCODER_READ_H
#define MODEL_ENCODER_READ_H

#include <jansson.h>
#include <stdbool.h>

#include "model/encoder.h"

typedef struct EncoderReader {
    const elman_model *model;
    Memory *memory;
    const char *what;     /* of which the description is: "series", "labels" */
    const json_t *object; /* that is being read */
    elman_error *error;
    elman_status status; /* ELMAN_OK until something is wrong */
} EncoderReader;

/* "KEY is missing or makes no sense", FORMAT; and MEMORY. */
void encoder_refuse(EncoderReader *reader, const char *key);
void encoder_refuse_memory(EncoderReader *reader);

/* A whole number from `least` to `most`; `least` where it is none. */
size_t encoder_read_count(EncoderReader *reader, const char *key, size_t least, size_t most);

bool encoder_read_flag(EncoderReader *reader, const char *key);

/* The index of the string among `count` names, of which some may be NULL; 0 where it is none. */
size_t encoder_read_name(EncoderReader *reader, const char *key, const char *const *names,
                         size_t count);

/* A copy of a string, to be released with memory_release; *text stays as it is for null. */
void encoder_read_text(EncoderReader *reader, const char *key, char **text);

#endif
