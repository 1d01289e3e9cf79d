/* A machine for pickles that makes values and calls nothing. */
#include "formats/pickle.h"

#include <stdbool.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"

enum { MARK = UINT16_MAX }; /* the kind of a mark on the stack, no value's */

typedef struct Machine {
    const char *name;
    const unsigned char *bytes;
    size_t size, at;
    const char *const *globals;
    Pickle *pickle;
    uint32_t *stack, *memo;
    size_t height, stack_capacity, memo_count, memo_capacity;
    elman_error *error;
    elman_status status;
} Machine;

static void refuse(Machine *m, const char *what) {
    if (!m->status)
        m->status = fail(m->error, ELMAN_ERR_FORMAT, "%s: byte %zu of its pickle: %s", m->name,
                         m->at, what);
}

static void no_memory(Machine *m) {
    if (!m->status)
        m->status = fail(m->error, ELMAN_ERR_MEMORY, "%s: no memory for its pickle", m->name);
}

/* ---- Values ---- */

static PickleValue *value_at(const Machine *m, uint32_t index) {
    return &m->pickle->values[index];
}

static void push(Machine *m, uint32_t value) {
    uint32_t *const grown =
        memory_grow(m->pickle->memory, m->stack, m->height, 1, &m->stack_capacity, sizeof *grown);
    if (!grown) {
        no_memory(m);
        return;
    }
    m->stack = grown;
    grown[m->height++] = value;
}

static void push_new(Machine *m, PickleValue value) {
    Pickle *const pickle = m->pickle;
    PickleValue *const grown = memory_grow(pickle->memory, pickle->values, pickle->value_count, 1,
                                           &pickle->value_capacity, sizeof *grown);
    if (!grown) {
        no_memory(m);
        return;
    }
    pickle->values = grown;
    grown[pickle->value_count] = value;
    push(m, (uint32_t)pickle->value_count++);
}

static bool is_mark(const Machine *m, uint32_t value) {
    return (int)value_at(m, value)->kind == MARK;
}

/* Takes the top of the stack, which must be a value. */
static uint32_t pop(Machine *m) {
    if (m->height == 0 || is_mark(m, m->stack[m->height - 1])) {
        refuse(m, "the stack is empty where a value is expected");
        return 0;
    }
    return m->stack[--m->height];
}

static void append(Machine *m, uint32_t to, uint32_t value) {
    Pickle *const pickle = m->pickle;
    const size_t more = pickle->item_count ? 1 : 2; /* item 0 is none */
    PickleItem *const grown = memory_grow(pickle->memory, pickle->items, pickle->item_count, more,
                                          &pickle->item_capacity, sizeof *grown);
    if (!grown) {
        no_memory(m);
        return;
    }
    pickle->items = grown;
    pickle->item_count += more;
    const uint32_t item = (uint32_t)pickle->item_count - 1;
    PickleValue *const owner = value_at(m, to);
    grown[item] = (PickleItem){.value = value};
    if (owner->last)
        grown[owner->last].next = item;
    else
        owner->first = item;
    owner->last = item;
    owner->count++;
}

/* Where the values behind the topmost mark begin. */
static size_t above_mark(Machine *m) {
    for (size_t i = m->height; i > 0; i--)
        if (is_mark(m, m->stack[i - 1])) return i;
    refuse(m, "there is no mark on the stack");
    return m->height;
}

/* Replaces what lies above `from`, and the mark below it where there is one, by a tuple. */
static void make_tuple(Machine *m, size_t from, bool marked) {
    const size_t count = m->height - from;
    if (m->status) return;
    push_new(m, (PickleValue){.kind = PICKLE_TUPLE});
    if (m->status) return;
    const uint32_t tuple = m->stack[--m->height];
    for (size_t i = 0; i < count && !m->status; i++) append(m, tuple, m->stack[from + i]);
    m->height = from - (marked ? 1 : 0);
    push(m, tuple);
}

static void make_short_tuple(Machine *m, size_t count) {
    for (size_t i = 0; i < count && !m->status; i++)
        if (m->height < i + 1 || is_mark(m, m->stack[m->height - 1 - i]))
            refuse(m, "a tuple has fewer values than it needs");
    if (!m->status) make_tuple(m, m->height - count, false);
}

/* Moves what lies above the mark into the value below it. */
static void add_items(Machine *m, PickleKind kind) {
    const size_t from = above_mark(m), count = m->height - from;
    if (m->status) return;
    if (from < 2 || is_mark(m, m->stack[from - 2]) ||
        value_at(m, m->stack[from - 2])->kind != kind || (kind == PICKLE_DICT && count % 2)) {
        refuse(m, "values are added to what cannot hold them");
        return;
    }
    for (size_t i = 0; i < count && !m->status; i++)
        append(m, m->stack[from - 2], m->stack[from + i]);
    m->height = from - 1;
}

static void add_one(Machine *m, PickleKind kind) {
    const uint32_t value = pop(m), key = kind == PICKLE_DICT ? pop(m) : value;
    const uint32_t owner = pop(m);
    if (m->status) return;
    if (value_at(m, owner)->kind != kind) {
        refuse(m, "a value is added to what cannot hold it");
        return;
    }
    if (kind == PICKLE_DICT) append(m, owner, key);
    if (!m->status) append(m, owner, value);
    push(m, owner);
}

/* Two values of a call; an ordered dictionary that is made empty is one. */
static void make_call(Machine *m) {
    const uint32_t arguments = pop(m), called = pop(m);
    if (m->status) return;
    const PickleValue *const global = value_at(m, called);
    if (global->kind != PICKLE_GLOBAL || value_at(m, arguments)->kind != PICKLE_TUPLE) {
        refuse(m, "something else than a name is called");
        return;
    }
    if (strcmp(global->text, "collections OrderedDict") == 0) {
        if (value_at(m, arguments)->count > 0) refuse(m, "an OrderedDict is made from values");
        push_new(m, (PickleValue){.kind = PICKLE_DICT});
        return;
    }
    push_new(m, (PickleValue){.kind = PICKLE_CALL});
    if (m->status) return;
    const uint32_t call = m->stack[m->height - 1];
    append(m, call, called);
    if (!m->status) append(m, call, arguments);
}

static void make_persistent(Machine *m) {
    const uint32_t key = pop(m);
    if (m->status) return;
    push_new(m, (PickleValue){.kind = PICKLE_PERSISTENT});
    if (!m->status) append(m, m->stack[m->height - 1], key);
}

/* ---- Bytes ---- */

/* The next `count` bytes, or NULL. */
static const unsigned char *take(Machine *m, size_t count) {
    if (count > m->size - m->at) {
        refuse(m, "it ends in the middle of an opcode");
        return NULL;
    }
    m->at += count;
    return m->bytes + m->at - count;
}

/* The next `count` bytes, at most 8, as a whole number, least first. */
static uint64_t number(Machine *m, size_t count) {
    const unsigned char *const bytes = take(m, count);
    uint64_t result = 0;
    for (size_t i = count; bytes && i > 0; i--) result = result << 8 | bytes[i - 1];
    return result;
}

static void push_number(Machine *m, int64_t value) {
    push_new(m, (PickleValue){.kind = PICKLE_NUMBER, .number = value});
}

static void push_long(Machine *m) {
    const size_t count = (size_t)number(m, 1);
    if (!m->status && count > 8) refuse(m, "a number of more than 8 bytes");
    if (m->status) return;
    uint64_t bits = number(m, count);
    if (count > 0 && count < 8 && bits >> (8 * count - 1)) bits |= UINT64_MAX << 8 * count;
    push_number(m, (int64_t)bits);
}

static void push_text(Machine *m, size_t length_size) {
    const uint64_t length = number(m, length_size);
    if (!m->status && length > m->size) refuse(m, "a text that is longer than the file");
    if (m->status) return;
    const unsigned char *const text = take(m, (size_t)length);
    push_new(m, (PickleValue){
                    .kind = PICKLE_TEXT, .text = (const char *)text, .length = (size_t)length});
}

/* Whether a known name is the two parts. */
static bool is_global(const char *known, const char *module, size_t module_length, const char *name,
                      size_t name_length) {
    return strlen(known) == module_length + 1 + name_length &&
           memcmp(known, module, module_length) == 0 && known[module_length] == ' ' &&
           memcmp(known + module_length + 1, name, name_length) == 0;
}

static void push_known(Machine *m, const char *module, size_t module_length, const char *name,
                       size_t name_length) {
    for (const char *const *known = m->globals; *known; known++)
        if (is_global(*known, module, module_length, name, name_length)) {
            push_new(m, (PickleValue){.kind = PICKLE_GLOBAL, .text = *known});
            return;
        }
    m->status = fail(m->error, ELMAN_ERR_UNSUPPORTED,
                     "%s: its pickle names %.*s.%.*s, which no state dict of tensors needs",
                     m->name, (int)(module_length < 99 ? module_length : 99), module,
                     (int)(name_length < 99 ? name_length : 99), name);
}

/* A name as two lines. */
static void push_global(Machine *m) {
    const char *lines[2];
    size_t lengths[2];
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *const start = m->bytes + m->at;
        const unsigned char *const end = memchr(start, '\n', m->size - m->at);
        if (!end) {
            refuse(m, "a name without an end");
            return;
        }
        lines[i] = (const char *)start;
        lengths[i] = (size_t)(end - start);
        m->at += lengths[i] + 1;
    }
    push_known(m, lines[0], lengths[0], lines[1], lengths[1]);
}

/* A name as two texts on the stack. */
static void push_stack_global(Machine *m) {
    const uint32_t name = pop(m), module = pop(m);
    if (m->status) return;
    const PickleValue n = *value_at(m, name), k = *value_at(m, module);
    if (n.kind != PICKLE_TEXT || k.kind != PICKLE_TEXT)
        refuse(m, "a name that is no text");
    else
        push_known(m, k.text, k.length, n.text, n.length);
}

/* ---- The memo ---- */

static void put(Machine *m, size_t index) {
    if (!m->status && (m->height == 0 || index > m->size)) refuse(m, "a memo out of place");
    if (m->status) return;
    const size_t more = index < m->memo_count ? 0 : index + 1 - m->memo_count;
    uint32_t *const grown = memory_grow(m->pickle->memory, m->memo, m->memo_count, more,
                                        &m->memo_capacity, sizeof *grown);
    if (!grown) {
        no_memory(m);
        return;
    }
    m->memo = grown;
    m->memo_count += more;
    grown[index] = m->stack[m->height - 1];
}

static void get(Machine *m, size_t index) {
    if (!m->status && index >= m->memo_count) refuse(m, "a memo that was not put");
    if (!m->status) push(m, m->memo[index]);
}

/* ---- Opcodes ---- */

static void unknown(Machine *m, unsigned char code) {
    m->status = fail(m->error, ELMAN_ERR_UNSUPPORTED,
                     "%s: byte %zu of its pickle: opcode 0x%02X, which no state dict of tensors "
                     "needs",
                     m->name, m->at - 1, code);
}

static void run_stack(Machine *m, unsigned char code) {
    switch (code) {
    case '(':
        push_new(m, (PickleValue){.kind = (PickleKind)MARK});
        break;
    case 't':
        make_tuple(m, above_mark(m), true);
        break;
    case ')':
        make_short_tuple(m, 0);
        break;
    case 0x85:
        make_short_tuple(m, 1);
        break;
    case 0x86:
        make_short_tuple(m, 2);
        break;
    case 0x87:
        make_short_tuple(m, 3);
        break;
    case ']':
        make_short_tuple(m, 0);
        break;
    case '}':
        push_new(m, (PickleValue){.kind = PICKLE_DICT});
        break;
    case 'a':
        add_one(m, PICKLE_TUPLE);
        break;
    case 'e':
        add_items(m, PICKLE_TUPLE);
        break;
    case 's':
        add_one(m, PICKLE_DICT);
        break;
    case 'u':
        add_items(m, PICKLE_DICT);
        break;
    case 'R':
        make_call(m);
        break;
    case 'Q':
        make_persistent(m);
        break;
    case 'b':
        (void)pop(m);
        break; /* the attributes of an OrderedDict: versions of modules */
    default:
        unknown(m, code);
        break;
    }
}

static void run_one(Machine *m, unsigned char code) {
    switch (code) {
    case 0x80: /* protocol */
        if (number(m, 1) > 5) refuse(m, "a protocol above 5");
        break;
    case 0x95:
        (void)number(m, 8);
        break; /* the length of a frame */
    case 'N':
        push_new(m, (PickleValue){.kind = PICKLE_NONE});
        break;
    case 0x88:
        push_number(m, 1);
        break;
    case 0x89:
        push_number(m, 0);
        break;
    case 'J':
        push_number(m, (int32_t)number(m, 4));
        break;
    case 'K':
        push_number(m, (int64_t)number(m, 1));
        break;
    case 'M':
        push_number(m, (int64_t)number(m, 2));
        break;
    case 0x8A:
        push_long(m);
        break;
    case 'G':
        (void)number(m, 8);
        push_new(m, (PickleValue){.kind = PICKLE_REAL});
        break;
    case 'X':
        push_text(m, 4);
        break;
    case 0x8C:
        push_text(m, 1);
        break;
    case 'c':
        push_global(m);
        break;
    case 0x93:
        push_stack_global(m);
        break;
    case 'q':
        put(m, (size_t)number(m, 1));
        break;
    case 'r':
        put(m, (size_t)number(m, 4));
        break;
    case 0x94:
        put(m, m->memo_count);
        break;
    case 'h':
        get(m, (size_t)number(m, 1));
        break;
    case 'j':
        get(m, (size_t)number(m, 4));
        break;
    default:
        run_stack(m, code);
        break;
    }
}

elman_status pickle_read(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                         const char *const *globals, Pickle *pickle, elman_error *error) {
    *pickle = (Pickle){.memory = memory};
    Machine m = {.name = name,
                 .bytes = bytes,
                 .size = size,
                 .globals = globals,
                 .pickle = pickle,
                 .error = error};
    if (size >= UINT32_MAX)
        return fail(error, ELMAN_ERR_UNSUPPORTED, "%s: its pickle has %zu bytes, expected less",
                    name, size);
    while (!m.status && m.at < size && bytes[m.at] != '.') run_one(&m, bytes[m.at++]);
    if (m.at >= size) refuse(&m, "it has no end");
    pickle->result = pop(&m);
    if (m.height > 0) refuse(&m, "more than one value is left");
    memory_release(memory, m.memo);
    memory_release(memory, m.stack);
    return m.status;
}

void pickle_release(Pickle *pickle) {
    if (!pickle->memory) return;
    memory_release(pickle->memory, pickle->items);
    memory_release(pickle->memory, pickle->values);
    *pickle = (Pickle){0};
}

const PickleValue *pickle_item(const Pickle *pickle, const PickleValue *value, size_t index) {
    uint32_t item = value->first;
    for (size_t i = 0; i < index && item; i++) item = pickle->items[item].next;
    return item ? &pickle->values[pickle->items[item].value] : NULL;
}
