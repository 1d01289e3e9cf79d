/* Finds out which tensor of a PyTorch file is what, from names and shapes; what is not certain is
 * refused by name. */
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "core/fail.h"

static const char first_weight[] = "weight_ih_l0";

enum { SPELLED_MAX = SAFETENSORS_NAME_MAX + 64 };

/* The parts of a recurrent module's tensors' names, "_l", the layer and "_reverse" behind. */
static const char *const kinds[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "h0", "c0"};
enum { KINDS = 6, KIND_STATES = 4 };

/* What is known while the roles are found. */
typedef struct Reading {
    const TensorList *source;
    PytorchRoles *roles;
    bool *used; /* [source->count] */
    size_t layers, directions, gates, hidden, width;
    elman_error *error;
} Reading;

static elman_status refuse_name(const Reading *r, const char *name, const char *why) {
    return fail(r->error, ELMAN_ERR_UNSUPPORTED, "%s: %s: %s", r->roles->name, name, why);
}

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

/* The prefix of the one module that is there. */
static elman_status find_prefix(Reading *r) {
    const char *found = NULL;
    for (size_t i = 0; i < r->source->count; i++) {
        const char *const name = r->source->tensors[i].name;
        const size_t before = strlen(name) - (ends_with(name, first_weight) ? 12 : 0);
        if (before == strlen(name) || (before > 0 && name[before - 1] != '.')) continue;
        if (found)
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: has two recurrent modules, %s and %s, expected one", r->roles->name,
                        found, name);
        found = name;
        memcpy(r->roles->prefix, name, before);
        r->roles->prefix[before] = '\0';
    }
    return found ? ELMAN_OK
                 : fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: no tensor's name ends in %s: holds no nn.RNN, nn.LSTM or nn.GRU",
                        r->roles->name, first_weight);
}

/* Takes "weight_ih_l12_reverse" apart; false for another name. Such a name has one spelling. */
static bool parse_name(const char *name, size_t *kind, size_t *layer, bool *reverse) {
    char spelled[SPELLED_MAX];
    for (*kind = 0; *kind < KINDS; (*kind)++) {
        const size_t length = strlen(kinds[*kind]);
        if (strncmp(name, kinds[*kind], length) != 0) continue;
        const char *digit = name + length;
        if (digit[0] != '_' || digit[1] != 'l') continue;
        *layer = 0;
        for (digit += 2; *digit >= '0' && *digit <= '9' && *layer < SAFETENSORS_TENSORS_MAX;
             digit++)
            *layer = *layer * 10 + (size_t)(*digit - '0');
        *reverse = ends_with(digit, "_reverse");
        snprintf(spelled, sizeof spelled, "%s_l%zu%s", kinds[*kind], *layer,
                 *reverse ? "_reverse" : "");
        return strcmp(spelled, name) == 0;
    }
    return false;
}

static bool is_number(const SafetensorsTensor *tensor) {
    return tensor->type == SAFETENSORS_F32 || tensor->type == SAFETENSORS_F64 ||
           tensor->type == SAFETENSORS_F16 || tensor->type == SAFETENSORS_BF16;
}

/* Counts layers and directions, and marks the module's tensors as used. */
static elman_status count_layers(Reading *r) {
    const size_t prefix = strlen(r->roles->prefix);
    r->directions = 1;
    for (size_t i = 0; i < r->source->count; i++) {
        const SafetensorsTensor *const tensor = &r->source->tensors[i];
        const char *const name = tensor->name;
        size_t kind, layer;
        bool reverse;
        if (!is_number(tensor))
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: %s has numbers of type %s, expected F32, F64, F16 or BF16",
                        r->roles->name, name, safetensors_type_name(tensor->type));
        if (strncmp(name, r->roles->prefix, prefix) != 0) continue;
        if (strncmp(name + prefix, "weight_hr_l", 11) == 0)
            return refuse_name(r, name, "a projection (proj_size) cannot be kept");
        if (!parse_name(name + prefix, &kind, &layer, &reverse)) continue;
        r->used[i] = true;
        if (layer >= r->layers) r->layers = layer + 1;
        if (reverse) r->directions = 2;
    }
    return ELMAN_OK;
}

/* Checks the shape of one tensor of the module: [rows][columns], or [rows] where columns is 0. */
static elman_status check_shape(const Reading *r, const SafetensorsTensor *tensor, size_t rows,
                                size_t columns) {
    const size_t rank = columns ? 2 : 1;
    if (tensor->rank == rank && tensor->shape[0] == rows &&
        (rank == 1 || tensor->shape[1] == columns))
        return ELMAN_OK;
    return fail(r->error, ELMAN_ERR_FORMAT,
                "%s: %s has %zu dimensions, %zu x %zu, expected %zu, %zu x %zu", r->roles->name,
                tensor->name, tensor->rank, tensor->rank > 0 ? tensor->shape[0] : 1,
                tensor->rank > 1 ? tensor->shape[1] : 1, rank, rows, columns ? columns : 1);
}

/* The cell's gates and hidden units, from the first layer. */
static elman_status read_cell(Reading *r) {
    char name[SPELLED_MAX];
    snprintf(name, sizeof name, "%s%s", r->roles->prefix, "weight_hh_l0");
    const SafetensorsTensor *const recurrent = tensor_list_find(r->source, name);
    snprintf(name, sizeof name, "%s%s", r->roles->prefix, first_weight);
    const SafetensorsTensor *const input = tensor_list_find(r->source, name);
    if (!recurrent) return refuse_name(r, name, "stands without a weight_hh_l0 beside it");
    if (recurrent->rank != 2 || recurrent->shape[1] == 0 || input->rank != 2)
        return refuse_name(r, recurrent->name, "expected two dimensions, as weight_ih_l0 has");
    r->hidden = recurrent->shape[1];
    r->width = input->shape[1];
    r->gates = recurrent->shape[0] / r->hidden;
    if (recurrent->shape[0] % r->hidden == 0 && (r->gates == 1 || r->gates == 3 || r->gates == 4))
        return ELMAN_OK;
    return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                "%s: %s is %zu x %zu, expected 1 (nn.RNN), 3 (nn.GRU) or 4 (nn.LSTM) times as many "
                "rows as columns",
                r->roles->name, recurrent->name, recurrent->shape[0], recurrent->shape[1]);
}

/* One direction of one layer: both weights, both biases or none, as many as in layer 0. */
static elman_status check_direction(const Reading *r, size_t layer, bool reverse) {
    const SafetensorsTensor *found[KINDS];
    char name[SPELLED_MAX];
    const size_t rows = r->gates * r->hidden;
    const size_t inputs = layer == 0 ? r->width : r->directions * r->hidden;
    const size_t shapes[KINDS][2] = {{rows, inputs}, {rows, r->hidden}, {rows, 0},
                                     {rows, 0},      {r->hidden, 0},    {r->hidden, 0}};
    elman_status status = ELMAN_OK;
    for (size_t kind = 0; kind < KINDS && !status; kind++) {
        snprintf(name, sizeof name, "%s%s_l%zu%s", r->roles->prefix, kinds[kind], layer,
                 reverse ? "_reverse" : "");
        found[kind] = tensor_list_find(r->source, name);
        if (found[kind]) status = check_shape(r, found[kind], shapes[kind][0], shapes[kind][1]);
        if (!found[kind] && kind < 2)
            status = fail(r->error, ELMAN_ERR_FORMAT, "%s: %s is missing", r->roles->name, name);
    }
    if (status) return status;
    if (!found[2] != !found[3])
        return refuse_name(r, found[found[2] ? 2 : 3]->name, "stands without its second bias");
    if (found[5] && r->gates != 4) return refuse_name(r, found[5]->name, "only an LSTM has a c");
    if (r->gates == 4 && !found[KIND_STATES] != !found[KIND_STATES + 1])
        return refuse_name(r, found[found[4] ? 4 : 5]->name, "an LSTM's state has an h0 and a c0");
    return ELMAN_OK;
}

/* Both directions of a layer have the same kinds of tensors. */
static elman_status check_directions(const Reading *r, size_t layer) {
    char forward[SPELLED_MAX], backward[SPELLED_MAX + 8];
    for (size_t kind = 2; kind < KINDS; kind++) {
        snprintf(forward, sizeof forward, "%s%s_l%zu", r->roles->prefix, kinds[kind], layer);
        snprintf(backward, sizeof backward, "%s_reverse", forward);
        if (!tensor_list_find(r->source, forward) != !tensor_list_find(r->source, backward))
            return refuse_name(r, forward, "one direction has it, the other has none");
    }
    return ELMAN_OK;
}

static elman_status check_layers(const Reading *r) {
    elman_status status = ELMAN_OK;
    for (size_t layer = 0; layer < r->layers && !status; layer++) {
        status = check_direction(r, layer, false);
        if (status || r->directions == 1) continue;
        if (!(status = check_direction(r, layer, true))) status = check_directions(r, layer);
    }
    return status;
}

/* ---- What stands around ---- */

/* A module of a `weight` with two dimensions and perhaps a `bias`. */
typedef struct Module {
    const SafetensorsTensor *weight, *bias;
} Module;

static bool may_embed(const Reading *r, const Module *module) {
    return !module->bias && module->weight->shape[1] == r->width;
}

static bool may_follow(const Reading *r, const Module *module) {
    return module->weight->shape[1] == r->directions * r->hidden &&
           (!module->bias ||
            (module->bias->rank == 1 && module->bias->shape[0] == module->weight->shape[0]));
}

static void assign(Reading *r, const Module *embedding, const Module *linear) {
    if (embedding) r->roles->embedding = embedding->weight;
    if (!linear) return;
    r->roles->linear_weight = linear->weight;
    r->roles->linear_bias = linear->bias;
}

static bool has_embedding_name(const Module *module) {
    return strstr(module->weight->name, "emb") || strstr(module->weight->name, "Emb");
}

/* Lists the modules that are left, at most two. */
static elman_status list_modules(Reading *r, Module modules[2], size_t *count) {
    char name[SPELLED_MAX];
    *count = 0;
    for (size_t i = 0; i < r->source->count; i++) {
        const SafetensorsTensor *const weight = &r->source->tensors[i];
        if (r->used[i] || (!ends_with(weight->name, ".weight") && strcmp(weight->name, "weight")))
            continue;
        const Module module = {.weight = weight};
        if (weight->rank != 2 || weight->shape[0] == 0 ||
            (!may_embed(r, &module) && !may_follow(r, &module)))
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: %s is neither an embedding [tokens][%zu] nor a linear layer "
                        "[outputs][%zu] of the recurrent module",
                        r->roles->name, weight->name, r->width, r->directions * r->hidden);
        if (*count == 2)
            return refuse_name(r, weight->name,
                               "a third module, expected at most an nn.Embedding before and an "
                               "nn.Linear behind the recurrent one");
        snprintf(name, sizeof name, "%.*sbias", (int)(strlen(weight->name) - strlen("weight")),
                 weight->name);
        modules[*count] = (Module){weight, tensor_list_find(r->source, name)};
        r->used[i] = true;
        for (size_t k = 0; k < r->source->count; k++)
            if (&r->source->tensors[k] == modules[*count].bias) r->used[k] = true;
        (*count)++;
    }
    return ELMAN_OK;
}

static elman_status read_modules(Reading *r) {
    Module m[2];
    size_t count;
    const elman_status status = list_modules(r, m, &count);
    if (status) return status;
    if (count == 0) return ELMAN_OK;
    if (count == 1) {
        const bool embeds = may_embed(r, &m[0]), follows = may_follow(r, &m[0]);
        if (!embeds && !follows)
            return refuse_name(r, m[0].weight->name, "has a bias of another length");
        if (embeds && follows && !has_embedding_name(&m[0]))
            return refuse_name(r, m[0].weight->name,
                               "could be an nn.Embedding or an nn.Linear: the shape fits both, and "
                               "the name does not say \"emb\"");
        assign(r, embeds ? &m[0] : NULL, embeds ? NULL : &m[0]);
        return ELMAN_OK;
    }
    const bool first = may_embed(r, &m[0]) && may_follow(r, &m[1]);
    const bool second = may_embed(r, &m[1]) && may_follow(r, &m[0]);
    if (!first && !second)
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s and %s are not an nn.Embedding and an nn.Linear around the recurrent "
                    "module",
                    r->roles->name, m[0].weight->name, m[1].weight->name);
    if (first && second && has_embedding_name(&m[0]) == has_embedding_name(&m[1]))
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s and %s: either could be the nn.Embedding, and no name says \"emb\"",
                    r->roles->name, m[0].weight->name, m[1].weight->name);
    const size_t embedding = first && (!second || has_embedding_name(&m[0])) ? 0 : 1;
    assign(r, &m[embedding], &m[1 - embedding]);
    return ELMAN_OK;
}

static elman_status check_all_used(const Reading *r) {
    for (size_t i = 0; i < r->source->count; i++)
        if (!r->used[i])
            return refuse_name(r, r->source->tensors[i].name,
                               "belongs to no nn.RNN, nn.LSTM, nn.GRU, nn.Embedding or nn.Linear "
                               "that is known here");
    return ELMAN_OK;
}

elman_status pytorch_read_roles(elman_conversion *conversion, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    Reading r = {.source = &conversion->source, .roles = &conversion->roles, .error = error};
    r.roles->name = conversion->name;
    r.used = memory_allocate_array(memory, r.source->count, sizeof *r.used);
    elman_status status =
        r.used ? ELMAN_OK
               : fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its names", conversion->name);
    if (!status) status = find_prefix(&r);
    if (!status) status = count_layers(&r);
    if (!status) status = read_cell(&r);
    if (!status) status = check_layers(&r);
    if (!status) status = read_modules(&r);
    if (!status) status = check_all_used(&r);
    memory_release(memory, r.used);
    return status;
}
