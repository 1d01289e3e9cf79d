/* What the tests of training share: small models, small texts, digests of weights. */
#ifndef TEST_TRAIN_SUPPORT_H
#define TEST_TRAIN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/digest.h"
#include <elman/elman.h>

enum { VOCABULARY = 11 };

typedef struct ModelShape {
    elman_cell cell;
    size_t hidden, layers;
    float dropout;
    int learned_state;
} ModelShape;

static inline elman_context *make_context(size_t threads, const char *isa) {
    const elman_context_options options = {
        .struct_size = sizeof(options), .threads = threads, .isa = isa};
    elman_context *context = NULL;
    elman_error error = {0};
    if (elman_context_create(&options, &context, &error) != ELMAN_OK) fail_msg("%s", error.message);
    return context;
}

/* A model of VOCABULARY tokens; NULL when memory is short. */
static inline elman_model *make_model(elman_context *context, const ModelShape *shape,
                                      uint64_t seed) {
    elman_model *model = NULL;
    const elman_init_options init = {.struct_size = sizeof(init), .seed = seed};
    if (elman_model_create_tokens(context, VOCABULARY, 0, &model, NULL) != ELMAN_OK) return NULL;
    for (size_t i = 0; i < shape->layers; i++) {
        const elman_cell_options layer = {.struct_size = sizeof(layer),
                                          .cell = shape->cell,
                                          .hidden = shape->hidden,
                                          .learned_state = shape->learned_state,
                                          .dropout = shape->dropout};
        elman_model_add_cell_options(model, &layer);
    }
    elman_model_add_linear(model, VOCABULARY, 0);
    if (elman_model_build(model, &init, NULL) == ELMAN_OK) return model;
    elman_model_destroy(model);
    return NULL;
}

/* Tokens of a text that repeats, with a change every now and then. */
static inline void make_tokens(int32_t *tokens, size_t count, int32_t shift) {
    static const char text[] = "acbdaebfcgahbicjd";
    for (size_t i = 0; i < count; i++) {
        const int32_t letter = text[i % (sizeof(text) - 1)] - 'a' + 1;
        tokens[i] = (letter + shift + (i % 29 == 28)) % VOCABULARY;
    }
}

static inline void digest_weights(const elman_model *model, char text[DIGEST_TEXT_SIZE]) {
    Digest digest;
    digest_begin(&digest);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        digest_update(&digest, tensor.data, tensor.count * sizeof(float));
    }
    digest_end(&digest, text);
}

#endif
