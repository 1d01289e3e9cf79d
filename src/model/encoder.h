/* What a model file says of the way from data to the model's input, and from its output back: a
 * kind, a JSON object, and named tensors. The layers above fill it in and read it. */
#ifndef MODEL_ENCODER_H
#define MODEL_ENCODER_H

#include "formats/safetensors.h"
#include "model/model.h"

/* The names of an encoder's tensors begin so; that of the vocabulary is the model's own. */
#define ENCODER_PREFIX     "encoder."
#define ENCODER_VOCABULARY ENCODER_PREFIX "vocabulary"

enum { ENCODER_TENSORS_MAX = 64, ENCODER_JSON_MAX = 48 * 1024 };

/* Replaces the model's encoder. `kind` is "series", "classify" or "tag"; `json` a JSON object whose
 * "kind" is that or missing; the tensors, of F32, F64, I32, I64 or U8 and any shape, have names
 * with the prefix. All is copied. Errors: ARGUMENT, FORMAT (no JSON object), MEMORY. */
elman_status encoder_set(elman_model *model, const char *kind, const char *json,
                         const SafetensorsTensor *tensors, size_t count, elman_error *error);

/* "none", "text", "series", "classify" or "tag". */
const char *encoder_kind(const elman_model *model);

/* The tensor of that name; its data lives as long as the model and is aligned for its type. False:
 * there is none. */
bool encoder_tensor(const elman_model *model, const char *name, SafetensorsTensor *tensor);

/* All of them, in the order in which they were given. */
size_t encoder_tensor_count(const elman_model *model);
void encoder_tensor_at(const elman_model *model, size_t index, SafetensorsTensor *tensor);

/* NULL is legal. */
void encoder_release(Memory *memory, Encoder *encoder);

#endif
