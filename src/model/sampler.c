/* Draws tokens: temperature, the filters top_k, top_p and min_p, and one uniform number. */
#include <elman/sampler.h>

#include <math.h>
#include <stdbool.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/options.h"
#include "core/random.h"
#include "core/size.h"

/* exp of this and of anything below is 0 in float, so colder logits need not be told apart. */
static const double exponent_least = -200.0;

struct elman_sampler {
    Memory *memory;
    const Kernels *kernels;
    elman_sampler_options options;
    size_t count, padded; /* tokens; a multiple of 16 that holds them */
    size_t first;         /* the first token that may be drawn */
    float *exponents;     /* [padded]: (logit - greatest) / temperature */
    float *weights;       /* [padded]: exp of it; 1 for the likeliest */
    uint32_t *order;      /* [count]: the tokens that the filters leave, then working space */
};

static elman_status check_options(const elman_sampler_options *options, size_t count,
                                  elman_error *error) {
    if (count == 0 || count > INT32_MAX || (count == 1 && !options->allow_unknown)) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a sampler over %zu tokens has nothing to draw",
                    count);
    }
    if (!(options->temperature >= 0.0) || isinf(options->temperature)) {
        return fail(error, ELMAN_ERR_ARGUMENT, "temperature %g: expected 0 or more",
                    options->temperature);
    }
    if (!(options->top_p >= 0.0 && options->top_p <= 1.0)) {
        return fail(error, ELMAN_ERR_ARGUMENT, "top_p %g: expected 0 to 1", options->top_p);
    }
    if (!(options->min_p >= 0.0 && options->min_p <= 1.0)) {
        return fail(error, ELMAN_ERR_ARGUMENT, "min_p %g: expected 0 to 1", options->min_p);
    }
    return ELMAN_OK;
}

elman_status elman_sampler_create(elman_context *context, size_t count,
                                  const elman_sampler_options *given, elman_sampler **result,
                                  elman_error *error) {
    Memory *memory = &context->memory;
    elman_sampler_options options;
    *result = NULL;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_sampler_options", error);
    if (!status) status = check_options(&options, count, error);
    if (status) return status;

    elman_sampler *sampler = memory_allocate(memory, sizeof(*sampler));
    if (!sampler) return fail(error, ELMAN_ERR_MEMORY, "no memory for a sampler");
    sampler->memory = memory;
    sampler->kernels = context->kernels;
    sampler->options = options;
    sampler->count = count;
    sampler->first = options.allow_unknown ? 0 : 1;
    if (size_align(count, PANEL, &sampler->padded)) {
        sampler->exponents = memory_allocate_array(memory, sampler->padded, sizeof(float));
        sampler->weights = memory_allocate_array(memory, sampler->padded, sizeof(float));
        sampler->order = memory_allocate_array(memory, count, sizeof(uint32_t));
    }
    if (!sampler->exponents || !sampler->weights || !sampler->order) {
        elman_sampler_destroy(sampler);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a sampler over %zu tokens", count);
    }
    *result = sampler;
    return ELMAN_OK;
}

void elman_sampler_destroy(elman_sampler *sampler) {
    if (!sampler) return;
    Memory *memory = sampler->memory;
    memory_release(memory, sampler->order);
    memory_release(memory, sampler->weights);
    memory_release(memory, sampler->exponents);
    memory_release(memory, sampler);
}

/* The token that may be drawn and has the greatest logit, the first of equals. */
static elman_status find_likeliest(const elman_sampler *sampler, const float *logits,
                                   size_t *likeliest, elman_error *error) {
    size_t best = sampler->first;
    for (size_t i = 0; i < sampler->count; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY) {
            return fail(error, ELMAN_ERR_NOT_FINITE, "the logit of token %zu is %g", i,
                        (double)logits[i]);
        }
        if (i >= sampler->first && logits[i] > logits[best]) best = i;
    }
    if (logits[best] == -INFINITY) {
        return fail(error, ELMAN_ERR_NOT_FINITE, "the logits of all tokens are -infinity");
    }
    *likeliest = best;
    return ELMAN_OK;
}

/* Weights at the temperature, relative to the likeliest token. */
static void weigh(elman_sampler *sampler, const float *logits, size_t likeliest) {
    for (size_t i = 0; i < sampler->count; i++) {
        const double distance = (double)logits[i] - (double)logits[likeliest];
        const double exponent = distance / sampler->options.temperature;
        sampler->exponents[i] = (float)(exponent > exponent_least ? exponent : exponent_least);
    }
    sampler->kernels->exp(sampler->padded, sampler->exponents, sampler->weights);
}

/* Whether token `a` comes before `b`: the likelier first, the lower index among equals. */
static bool comes_before(const elman_sampler *sampler, uint32_t a, uint32_t b) {
    const float weight_a = sampler->weights[a], weight_b = sampler->weights[b];
    return weight_a > weight_b || (weight_a == weight_b && a < b);
}

/* Restores the heap order[0..size) below `root`: no parent comes before its children, so that what
 * is last in rank stands at the top. */
static void sift_down(elman_sampler *sampler, size_t root, size_t size) {
    uint32_t *order = sampler->order;
    for (;;) {
        size_t last = root;
        for (size_t child = 2 * root + 1; child <= 2 * root + 2 && child < size; child++) {
            if (comes_before(sampler, order[last], order[child])) last = child;
        }
        if (last == root) return;
        const uint32_t token = order[root];
        order[root] = order[last];
        order[last] = token;
        root = last;
    }
}

/* Puts the `keep` likeliest of order[0..size) to its start, in rank order. */
static void rank(elman_sampler *sampler, size_t keep, size_t size) {
    uint32_t *order = sampler->order;
    for (size_t root = keep / 2; root-- > 0;) sift_down(sampler, root, keep);
    for (size_t i = keep; i < size; i++) {
        if (!comes_before(sampler, order[i], order[0])) continue;
        order[0] = order[i];
        sift_down(sampler, 0, keep);
    }
    for (size_t end = keep; end > 1; end--) {
        const uint32_t token = order[0];
        order[0] = order[end - 1];
        order[end - 1] = token;
        sift_down(sampler, 0, end - 1);
    }
}

static double sum_weights(const elman_sampler *sampler, size_t size) {
    double sum = 0.0;
    for (size_t i = 0; i < size; i++) sum += (double)sampler->weights[sampler->order[i]];
    return sum;
}

/* Fills `order` with the tokens that the filters leave and returns their number. */
static size_t filter(elman_sampler *sampler) {
    const elman_sampler_options *options = &sampler->options;
    size_t size = 0, kept = 0;
    for (size_t token = sampler->first; token < sampler->count; token++) {
        sampler->order[size++] = (uint32_t)token;
    }
    const bool some = options->top_k > 0 && options->top_k < size;
    const bool share = options->top_p > 0.0 && options->top_p < 1.0;
    if (some || share) {
        const size_t keep = some ? options->top_k : size;
        rank(sampler, keep, size);
        size = keep;
    }
    if (share) {
        const double wanted = options->top_p * sum_weights(sampler, size);
        double sum = 0.0;
        while (kept < size && sum < wanted) {
            sum += (double)sampler->weights[sampler->order[kept++]];
        }
        size = kept;
    }
    kept = 0;
    for (size_t i = 0; i < size; i++) {
        const uint32_t token = sampler->order[i];
        if ((double)sampler->weights[token] >= options->min_p) sampler->order[kept++] = token;
    }
    return kept;
}

elman_status elman_sampler_draw(elman_sampler *sampler, const float *logits, uint64_t position,
                                int32_t *token, elman_error *error) {
    size_t likeliest = 0;
    const elman_status status = find_likeliest(sampler, logits, &likeliest, error);
    if (status) return status;
    *token = (int32_t)likeliest;
    if (sampler->options.temperature == 0.0) return ELMAN_OK;

    weigh(sampler, logits, likeliest);
    const size_t size = filter(sampler);
    const double target = sum_weights(sampler, size) *
                          random_uniform(sampler->options.seed, RANDOM_SAMPLE, 0, position);
    double sum = 0.0;
    for (size_t i = 0; i < size; i++) {
        sum += (double)sampler->weights[sampler->order[i]];
        if (sum > target) {
            *token = (int32_t)sampler->order[i];
            break;
        }
    }
    return ELMAN_OK;
}
