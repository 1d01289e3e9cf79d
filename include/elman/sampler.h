/* Sampling: from the logits of one step to the next token. */
#ifndef ELMAN_SAMPLER_H
#define ELMAN_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_sampler elman_sampler;

/* The filters apply in the order top_k, top_p, min_p to the probabilities at the temperature, each
 * to what the one before it left. Among equal probabilities the lower token counts as the likelier.
 */
typedef struct elman_sampler_options {
    size_t struct_size; /* sizeof(elman_sampler_options) */
    uint64_t seed;
    double temperature; /* above 0; 0 picks the likeliest token always */
    size_t top_k;       /* keep the k likeliest; 0: all */
    double top_p;       /* keep the fewest likeliest that hold this share; 0 or 1: all */
    double min_p;       /* keep those at least this share of the likeliest; 0: all */
    int allow_unknown;  /* non-zero: token 0 may be drawn too */
} elman_sampler_options;

/* For logits of `count` tokens. Errors: ARGUMENT (out of range), MEMORY. */
ELMAN_API elman_status elman_sampler_create(elman_context *context, size_t count,
                                            const elman_sampler_options *options,
                                            elman_sampler **sampler, elman_error *error);
ELMAN_API void elman_sampler_destroy(elman_sampler *sampler);

/* Draws a token from logits [count]. The draw depends on the seed, `position` and the logits alone.
 * Errors: NOT_FINITE (a NaN, or nothing but -infinity, among the logits). */
ELMAN_API elman_status elman_sampler_draw(elman_sampler *sampler, const float *logits,
                                          uint64_t position, int32_t *token, elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
