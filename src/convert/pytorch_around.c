/* Chooses the nn.Embedding before and the nn.Linear behind PyTorch's recurrent modules: by their
 * names where they are given, else by shape; what could be either or one of several is refused. */
#include "convert/pytorch_reading.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum { AROUND_MAX = 256 };

static const char weight_name[] = "weight";

/* A module of a `weight` with two dimensions and perhaps a `bias`. */
typedef struct Around {
    const SafetensorsTensor *weight, *bias;
} Around;

/* A choice of both; NULL: none. */
typedef struct Choice {
    const Around *embedding, *linear;
    size_t score; /* the higher the likelier */
} Choice;

/* ---- What fits ---- */

static bool may_embed(const Reading *r, const Around *around) {
    return !around->bias && around->weight->shape[1] == r->width;
}

static bool may_follow(const Reading *r, const Around *around) {
    return around->weight->shape[1] == r->handed &&
           (!around->bias || (around->bias->rank == 1 && pytorch_is_number(around->bias) &&
                              around->bias->shape[0] == around->weight->shape[0]));
}

/* The bytes of a name before its "weight", the dot with it; SIZE_MAX for another name. */
static size_t stem_length(const char *name) {
    const size_t length = strlen(name), end = strlen(weight_name);
    if (length < end || strcmp(name + length - end, weight_name) != 0) return SIZE_MAX;
    return length == end || name[length - end - 1] == '.' ? length - end : SIZE_MAX;
}

/* Whether tensor `index` is the weight of such a module that is free. */
static bool find_around(const Reading *r, size_t index, Around *around) {
    char name[SPELLED_MAX];
    const SafetensorsTensor *const weight = &r->source->tensors[index];
    const size_t stem = stem_length(weight->name);
    if (r->used[index] || stem == SIZE_MAX || weight->rank != 2 || weight->shape[0] == 0 ||
        !pytorch_is_number(weight))
        return false;
    snprintf(name, sizeof name, "%.*sbias", (int)stem, weight->name);
    *around = (Around){weight, tensor_list_find(r->source, name)};
    return true;
}

/* ---- What is named ---- */

static bool is_none(const char *given) {
    return strcmp(given, "none") == 0;
}

/* The module that is called `given`, with its weight's name or without. */
static elman_status find_named(const Reading *r, const char *given, Around *around) {
    const size_t length = strlen(given);
    for (size_t i = 0; i < r->source->count; i++) {
        const char *const name = r->source->tensors[i].name;
        const size_t stem = stem_length(name);
        if (strcmp(name, given) != 0 && (stem != length + 1 || strncmp(name, given, length) != 0))
            continue;
        if (find_around(r, i, around)) return ELMAN_OK;
        return pytorch_refuse(r, name, "is no module's weight of two dimensions that is free");
    }
    return pytorch_refuse(r, given, "is named, and is not in the file");
}

/* Both that are named; weight NULL where none is. */
static elman_status find_both_named(const Reading *r, Around *embedding, Around *linear) {
    const char *const table = r->conversion->options.embedding;
    const char *const layer = r->conversion->options.linear;
    elman_status status = ELMAN_OK;
    if (table && !is_none(table)) status = find_named(r, table, embedding);
    if (!status && layer && !is_none(layer)) status = find_named(r, layer, linear);
    if (status) return status;
    if (embedding->weight && !may_embed(r, embedding))
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s is %zu x %zu%s, expected an embedding: [tokens][%zu] without a bias",
                    r->roles->name, embedding->weight->name, embedding->weight->shape[0],
                    embedding->weight->shape[1], embedding->bias ? " with a bias" : "", r->width);
    if (linear->weight && !may_follow(r, linear))
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s is %zu x %zu, expected a linear layer: [outputs][%zu], with a bias of "
                    "[outputs] or none",
                    r->roles->name, linear->weight->name, linear->weight->shape[0],
                    linear->weight->shape[1], r->handed);
    return ELMAN_OK;
}

/* ---- What is likely ---- */

/* The free modules that fit one of the places that are open; those near another recurrent module
 * belong to that. */
static elman_status list_around(const Reading *r, Around *found, size_t *count) {
    const elman_convert_options *const options = &r->conversion->options;
    Around around;
    *count = 0;
    for (size_t i = 0; i < r->source->count; i++) {
        if (!find_around(r, i, &around) || !pytorch_is_near(r, around.weight->name)) continue;
        if ((options->embedding || !may_embed(r, &around)) &&
            (options->linear || !may_follow(r, &around)))
            continue;
        if (*count == AROUND_MAX)
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: more than %d tensors could be the nn.Embedding or the nn.Linear: "
                        "--embedding NAME and --linear NAME choose",
                        r->roles->name, AROUND_MAX);
        found[(*count)++] = around;
    }
    return ELMAN_OK;
}

static bool has_embedding_name(const Around *around) {
    return strstr(around->weight->name, "emb") || strstr(around->weight->name, "Emb");
}

/* The likeliest choice: one that uses both, and whose embedding has such a name. *other is one
 * that is as likely, with score 0 when there is none. */
static Choice likeliest(const Reading *r, const Around *found, size_t count, Choice *other) {
    const elman_convert_options *const options = &r->conversion->options;
    Choice best = {0};
    *other = (Choice){0};
    for (size_t e = 0; e <= count; e++) {
        const Around *const embedding = e < count ? &found[e] : NULL;
        if (embedding && (options->embedding || !may_embed(r, embedding))) continue;
        for (size_t l = 0; l <= count; l++) {
            const Around *const linear = l < count ? &found[l] : NULL;
            if (linear && (options->linear || linear == embedding || !may_follow(r, linear)))
                continue;
            const Choice choice = {embedding, linear,
                                   (embedding ? 2 + (size_t)has_embedding_name(embedding) : 0) +
                                       (linear ? 2 : 0)};
            if (choice.score == best.score && choice.score > 0) *other = choice;
            if (choice.score <= best.score) continue;
            best = choice;
            *other = (Choice){0};
        }
    }
    return best;
}

static elman_status refuse_either(const Reading *r, const Choice *one, const Choice *other) {
    const Around *const a = one->embedding, *const b = other->embedding;
    if (a && b && a != b)
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s and %s: either could be the nn.Embedding: --embedding NAME chooses",
                    r->roles->name, a->weight->name, b->weight->name);
    if (one->linear && other->linear && one->linear != other->linear)
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s and %s: either could be the nn.Linear: --linear NAME chooses",
                    r->roles->name, one->linear->weight->name, other->linear->weight->name);
    return pytorch_refuse(r, (a ? a : b)->weight->name,
                          "could be an nn.Embedding or an nn.Linear: the shape fits both, and the "
                          "name does not say \"emb\": --embedding NAME or --linear NAME chooses");
}

/* ---- The choice ---- */

static void use(Reading *r, const SafetensorsTensor *tensor) {
    if (tensor) r->used[tensor - r->source->tensors] = true;
}

static void take_embedding(Reading *r, const Around *embedding) {
    if (!embedding) return;
    r->roles->embedding = embedding->weight;
    use(r, embedding->weight);
}

static void take_linear(Reading *r, const Around *linear) {
    if (!linear) return;
    r->roles->linear_weight = linear->weight;
    r->roles->linear_bias = linear->bias;
    use(r, linear->weight);
    use(r, linear->bias);
}

/* A weight that is left, fitted nothing. */
static elman_status refuse_left(const Reading *r) {
    Around around;
    for (size_t i = 0; i < r->source->count; i++)
        if (find_around(r, i, &around) && !may_embed(r, &around) && !may_follow(r, &around))
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: %s is neither an embedding [tokens][%zu] nor a linear layer "
                        "[outputs][%zu] of the recurrent module; --module NAME takes that module "
                        "and leaves others aside",
                        r->roles->name, around.weight->name, r->width, r->handed);
    return ELMAN_OK;
}

elman_status pytorch_read_around(Reading *r) {
    Around found[AROUND_MAX], embedding = {0}, linear = {0};
    Choice other;
    size_t count;
    elman_status status = find_both_named(r, &embedding, &linear);
    if (status) return status;
    take_embedding(r, embedding.weight ? &embedding : NULL);
    take_linear(r, linear.weight ? &linear : NULL);
    status = list_around(r, found, &count);
    if (status) return status;
    const Choice best = likeliest(r, found, count, &other);
    if (other.score > 0) return refuse_either(r, &best, &other);
    take_embedding(r, best.embedding);
    take_linear(r, best.linear);
    return pytorch_leaves_aside(r) ? ELMAN_OK : refuse_left(r);
}
