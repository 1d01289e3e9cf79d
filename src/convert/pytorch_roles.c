/* Finds out which tensors of a PyTorch file are the recurrent modules', from names and shapes; what
 * is not certain is refused by name. */
#include "convert/pytorch_reading.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

static const char first_weight[] = "weight_ih_l0";

/* The parts of a recurrent module's tensors' names, "_l", the layer and "_reverse" behind. */
static const char *const kinds[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh",
                                    "weight_hr", "h0",        "c0"};
enum { KIND_BIASES = 2, KIND_PROJECTION = 4, KIND_H0, KIND_C0, KINDS };

/* The recurrent module at hand. */
typedef struct Recurrent {
    PytorchModule *module;
    size_t directions, gates, hidden, width;
    size_t handed; /* numbers of h: `hidden`, or the rows of a projection */
} Recurrent;

elman_status pytorch_refuse(const Reading *r, const char *name, const char *why) {
    return fail(r->error, ELMAN_ERR_UNSUPPORTED, "%s: %s: %s", r->roles->name, name, why);
}

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

const SafetensorsTensor *pytorch_find(const TensorList *source, const PytorchRoles *roles,
                                      const char *kind, size_t layer, bool reverse) {
    char name[SPELLED_MAX];
    for (size_t i = 0; i < roles->module_count; i++) {
        const PytorchModule *const module = &roles->modules[i];
        if (layer >= module->layers) {
            layer -= module->layers;
            continue;
        }
        snprintf(name, sizeof name, "%s%s_l%zu%s", module->prefix, kind, layer,
                 reverse ? "_reverse" : "");
        return tensor_list_find(source, name);
    }
    return NULL;
}

/* ---- Which modules ---- */

/* Lists the recurrent modules of the file. */
static elman_status list_recurrent(Reading *r) {
    for (size_t i = 0; i < r->source->count; i++) {
        const char *const name = r->source->tensors[i].name;
        if (!ends_with(name, first_weight)) continue;
        const size_t before = strlen(name) - strlen(first_weight);
        if (before > 0 && name[before - 1] != '.') continue;
        if (r->recurrent_count == RECURRENT_MAX)
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: has more than %d recurrent modules, which are too many",
                        r->roles->name, RECURRENT_MAX);
        r->recurrent[r->recurrent_count++] = name;
    }
    if (r->recurrent_count > 0) return ELMAN_OK;
    return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                "%s: no tensor's name ends in %s: holds no nn.RNN, nn.LSTM or nn.GRU",
                r->roles->name, first_weight);
}

/* The bytes of the name of the module whose first weight it is, without the dot. */
static size_t module_length(const char *first) {
    const size_t before = strlen(first) - strlen(first_weight);
    return before > 0 ? before - 1 : 0;
}

/* Names the modules that there are, as many as a sentence holds; that without a name is ".". */
static void spell_modules(const Reading *r, char text[SPELLED_MAX]) {
    static const char more[] = ", ...";
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < r->recurrent_count; i++) {
        const size_t length = module_length(r->recurrent[i]);
        if (at + length + sizeof ", ." + sizeof more > SPELLED_MAX) {
            snprintf(text + at, SPELLED_MAX - at, "%s", more);
            return;
        }
        at += (size_t)snprintf(text + at, SPELLED_MAX - at, "%s%.*s", i > 0 ? ", " : "",
                               length > 0 ? (int)length : 1, length > 0 ? r->recurrent[i] : ".");
    }
}

/* Takes the module of that name, `length` bytes, behind those taken before. */
static elman_status take_module(Reading *r, const char *name, size_t length) {
    PytorchRoles *const roles = r->roles;
    char found[SPELLED_MAX];
    while (length > 0 && name[length - 1] == '.') length--;
    for (size_t i = 0; i < r->recurrent_count; i++) {
        const size_t prefix = strlen(r->recurrent[i]) - strlen(first_weight);
        PytorchModule *const module = &roles->modules[roles->module_count];
        if (module_length(r->recurrent[i]) != length || strncmp(r->recurrent[i], name, length) != 0)
            continue;
        for (size_t k = 0; k < roles->module_count; k++)
            if (strlen(roles->modules[k].prefix) == prefix &&
                strncmp(roles->modules[k].prefix, r->recurrent[i], prefix) == 0)
                return fail(r->error, ELMAN_ERR_ARGUMENT, "the module %.*s is named twice",
                            (int)length, name);
        if (roles->module_count == PYTORCH_MODULES_MAX)
            return fail(r->error, ELMAN_ERR_ARGUMENT, "more than %d modules are named",
                        PYTORCH_MODULES_MAX);
        memcpy(module->prefix, r->recurrent[i], prefix);
        module->prefix[prefix] = '\0';
        roles->module_count++;
        return ELMAN_OK;
    }
    spell_modules(r, found);
    return fail(r->error, ELMAN_ERR_ARGUMENT, "%s: has no recurrent module %.*s, expected of %s",
                r->roles->name, (int)length, name, found);
}

static elman_status take_modules(Reading *r) {
    const char *name = r->conversion->options.module;
    char found[SPELLED_MAX];
    if (!name && r->recurrent_count == 1)
        return take_module(r, r->recurrent[0], module_length(r->recurrent[0]));
    if (!name) {
        spell_modules(r, found);
        return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: has %zu recurrent modules (%s): --module NAME takes one of them, --module "
                    "NAME,NAME one behind the other",
                    r->roles->name, r->recurrent_count, found);
    }
    for (;;) {
        const char *const end = name + strcspn(name, ",");
        const elman_status status = take_module(r, name, (size_t)(end - name));
        if (status || *end == '\0') return status;
        name = end + 1;
    }
}

/* The bytes of the dotted parts with which both names begin. */
static size_t shared_parts(const char *a, const char *b) {
    size_t shared = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '.') shared = i + 1;
    return shared;
}

bool pytorch_is_near(const Reading *r, const char *name) {
    size_t nearest = 0, chosen = 0;
    for (size_t i = 0; i < r->recurrent_count; i++) {
        const size_t shared = shared_parts(name, r->recurrent[i]);
        if (shared > nearest) nearest = shared;
    }
    for (size_t i = 0; i < r->roles->module_count; i++) {
        const size_t shared = shared_parts(name, r->roles->modules[i].prefix);
        if (shared > chosen) chosen = shared;
    }
    return chosen == nearest;
}

/* ---- One module ---- */

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

bool pytorch_is_number(const SafetensorsTensor *tensor) {
    return tensor->type == SAFETENSORS_F32 || tensor->type == SAFETENSORS_F64 ||
           tensor->type == SAFETENSORS_F16 || tensor->type == SAFETENSORS_BF16;
}

/* Counts layers and directions, and marks the module's tensors as used. */
static elman_status count_layers(Reading *r, Recurrent *m) {
    const size_t prefix = strlen(m->module->prefix);
    m->directions = 1;
    for (size_t i = 0; i < r->source->count; i++) {
        const SafetensorsTensor *const tensor = &r->source->tensors[i];
        const char *const name = tensor->name;
        size_t kind, layer;
        bool reverse;
        if (strncmp(name, m->module->prefix, prefix) != 0) continue;
        if (!parse_name(name + prefix, &kind, &layer, &reverse)) continue;
        if (!pytorch_is_number(tensor))
            return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: %s has numbers of type %s, expected F32, F64, F16 or BF16",
                        r->roles->name, name, safetensors_type_name(tensor->type));
        r->used[i] = true;
        if (layer >= m->module->layers) m->module->layers = layer + 1;
        if (reverse) m->directions = 2;
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

/* The cell's gates and hidden units, from the first layer: a projection tells how many units there
 * are, else h has a number of each. */
static elman_status read_cell(const Reading *r, Recurrent *m) {
    char name[SPELLED_MAX];
    snprintf(name, sizeof name, "%s%s", m->module->prefix, "weight_hr_l0");
    const SafetensorsTensor *const projection = tensor_list_find(r->source, name);
    snprintf(name, sizeof name, "%s%s", m->module->prefix, "weight_hh_l0");
    const SafetensorsTensor *const recurrent = tensor_list_find(r->source, name);
    snprintf(name, sizeof name, "%s%s", m->module->prefix, first_weight);
    const SafetensorsTensor *const input = tensor_list_find(r->source, name);
    if (!recurrent) return pytorch_refuse(r, name, "stands without a weight_hh_l0 beside it");
    if (recurrent->rank != 2 || recurrent->shape[1] == 0 || input->rank != 2)
        return pytorch_refuse(r, recurrent->name, "expected two dimensions, as weight_ih_l0 has");
    if (projection && (projection->rank != 2 || projection->shape[1] == 0))
        return pytorch_refuse(r, projection->name, "expected two dimensions");
    m->handed = recurrent->shape[1];
    m->hidden = projection ? projection->shape[1] : m->handed;
    m->width = input->shape[1];
    m->gates = recurrent->shape[0] / m->hidden;
    const bool whole = recurrent->shape[0] % m->hidden == 0;
    if (projection && (!whole || m->gates != 4))
        return pytorch_refuse(r, projection->name, "only an LSTM has a projection");
    if (whole && (m->gates == 1 || m->gates == 3 || m->gates == 4)) return ELMAN_OK;
    return fail(r->error, ELMAN_ERR_UNSUPPORTED,
                "%s: %s is %zu x %zu, expected 1 (nn.RNN), 3 (nn.GRU) or 4 (nn.LSTM) times as many "
                "rows as columns",
                r->roles->name, recurrent->name, recurrent->shape[0], recurrent->shape[1]);
}

/* One direction of one layer: both weights, both biases or none, a projection where layer 0 has
 * one.
 */
static elman_status check_direction(const Reading *r, const Recurrent *m, size_t layer,
                                    bool reverse) {
    const SafetensorsTensor *found[KINDS];
    char name[SPELLED_MAX];
    const size_t rows = m->gates * m->hidden;
    const size_t inputs = layer == 0 ? m->width : m->directions * m->handed;
    const bool projects = m->handed != m->hidden;
    const size_t shapes[KINDS][2] = {
        {rows, inputs},         {rows, m->handed}, {rows, 0},      {rows, 0},
        {m->handed, m->hidden}, {m->handed, 0},    {m->hidden, 0},
    };
    elman_status status = ELMAN_OK;
    for (size_t kind = 0; kind < KINDS && !status; kind++) {
        snprintf(name, sizeof name, "%s%s_l%zu%s", m->module->prefix, kinds[kind], layer,
                 reverse ? "_reverse" : "");
        found[kind] = tensor_list_find(r->source, name);
        if (found[kind]) status = check_shape(r, found[kind], shapes[kind][0], shapes[kind][1]);
        if (!found[kind] && (kind < KIND_BIASES || (kind == KIND_PROJECTION && projects)))
            status = fail(r->error, ELMAN_ERR_FORMAT, "%s: %s is missing", r->roles->name, name);
    }
    if (status) return status;
    if (!found[KIND_BIASES] != !found[KIND_BIASES + 1])
        return pytorch_refuse(r, found[found[KIND_BIASES] ? KIND_BIASES : KIND_BIASES + 1]->name,
                              "stands without its second bias");
    if (found[KIND_PROJECTION] && !projects)
        return pytorch_refuse(r, found[KIND_PROJECTION]->name,
                              "a projection makes h narrower, in all layers of a module");
    if (found[KIND_C0] && m->gates != 4)
        return pytorch_refuse(r, found[KIND_C0]->name, "only an LSTM has a c");
    if (m->gates == 4 && !found[KIND_H0] != !found[KIND_C0])
        return pytorch_refuse(r, found[found[KIND_H0] ? KIND_H0 : KIND_C0]->name,
                              "an LSTM's state has an h0 and a c0");
    return ELMAN_OK;
}

/* Both directions of a layer have the same kinds of tensors. */
static elman_status check_directions(const Reading *r, const Recurrent *m, size_t layer) {
    char forward[SPELLED_MAX], backward[SPELLED_MAX + 8];
    for (size_t kind = KIND_BIASES; kind < KINDS; kind++) {
        snprintf(forward, sizeof forward, "%s%s_l%zu", m->module->prefix, kinds[kind], layer);
        snprintf(backward, sizeof backward, "%s_reverse", forward);
        if (!tensor_list_find(r->source, forward) != !tensor_list_find(r->source, backward))
            return pytorch_refuse(r, forward, "one direction has it, the other has none");
    }
    return ELMAN_OK;
}

static elman_status check_layers(const Reading *r, const Recurrent *m) {
    elman_status status = ELMAN_OK;
    for (size_t layer = 0; layer < m->module->layers && !status; layer++) {
        status = check_direction(r, m, layer, false);
        if (status || m->directions == 1) continue;
        if (!(status = check_direction(r, m, layer, true))) status = check_directions(r, m, layer);
    }
    return status;
}

/* The modules one behind the other. */
static elman_status read_recurrent(Reading *r) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < r->roles->module_count && !status; i++) {
        Recurrent m = {.module = &r->roles->modules[i]};
        status = count_layers(r, &m);
        if (!status) status = read_cell(r, &m);
        if (!status && i > 0 && m.width != r->handed)
            status = fail(r->error, ELMAN_ERR_UNSUPPORTED,
                          "%s: %sweight_ih_l0 reads %zu numbers, the module before hands on %zu",
                          r->roles->name, m.module->prefix, m.width, r->handed);
        if (!status) status = check_layers(r, &m);
        if (i == 0) r->width = m.width;
        r->handed = m.directions * m.handed;
    }
    return status;
}

/* ---- What is left ---- */

bool pytorch_leaves_aside(const Reading *r) {
    return r->conversion->options.module != NULL;
}

/* Notes the names of the tensors that are not used, as many a sentence as it holds. */
static elman_status note_left(Reading *r) {
    char names[ELMAN_MESSAGE_MAX - 16];
    size_t at = 0;
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < r->source->count && !status; i++) {
        const char *const name = r->source->tensors[i].name;
        if (r->used[i]) continue;
        if (at > 0 && at + strlen(name) + 3 > sizeof names) {
            status = conversion_note(r->conversion, r->error, "left aside: %s", names);
            at = 0;
        }
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at > 0 ? ", " : "", name);
    }
    return status || at == 0 ? status
                             : conversion_note(r->conversion, r->error, "left aside: %s", names);
}

static elman_status check_all_used(Reading *r) {
    if (pytorch_leaves_aside(r)) return note_left(r);
    for (size_t i = 0; i < r->source->count; i++)
        if (!r->used[i])
            return pytorch_refuse(
                r, r->source->tensors[i].name,
                "belongs to no nn.RNN, nn.LSTM, nn.GRU, nn.Embedding or nn.Linear "
                "that is known here; --module NAME takes that module alone and "
                "leaves others aside");
    return ELMAN_OK;
}

elman_status pytorch_read_roles(elman_conversion *conversion, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    Reading r = {.conversion = conversion,
                 .source = &conversion->source,
                 .roles = &conversion->roles,
                 .error = error};
    r.roles->name = conversion->name;
    r.used = memory_allocate_array(memory, r.source->count, sizeof *r.used);
    elman_status status =
        r.used ? ELMAN_OK
               : fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its names", conversion->name);
    if (!status) status = list_recurrent(&r);
    if (!status) status = take_modules(&r);
    if (!status) status = read_recurrent(&r);
    if (!status) status = pytorch_read_around(&r);
    if (!status) status = check_all_used(&r);
    memory_release(memory, r.used);
    return status;
}
