/* A trace as a table for people and as JSON for programs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "message.h"
#include "output.h"
#include "trace_view.h"

enum { LABEL_WIDTH = 10, NUMBERS_A_LINE = 5, LABEL_MAX = 80 };

static double number_at(const elman_trace_array *array, size_t index) {
    switch (array->type) {
    case ELMAN_TRACE_FLOAT:
        return (double)((const float *)array->data)[index];
    case ELMAN_TRACE_DOUBLE:
        return ((const double *)array->data)[index];
    case ELMAN_TRACE_INT32:
        return (double)((const int32_t *)array->data)[index];
    }
    return NAN;
}

/* A part of an array that is shown together: a matrix of rows, each `columns` numbers whose
 * distance is `stride`. */
typedef struct Block {
    size_t first, rows, columns, row_stride, stride;
} Block;

/* The block of step t; of the whole array where it has no steps. */
static Block block_of(const elman_trace_array *array, size_t t, bool transposed) {
    const size_t axis = array->steps ? 1 : 0, rank = array->rank - axis;
    Block block = {.rows = 1, .columns = 1, .stride = 1};
    if (rank > 0) block.columns = array->shape[array->rank - 1];
    if (rank > 1) block.rows = array->shape[axis];
    block.first = t * block.rows * block.columns;
    block.row_stride = block.columns;
    if (transposed && rank > 1) {
        block = (Block){block.first, block.columns, block.rows, 1, block.columns};
    }
    return block;
}

static size_t place_in(const Block *block, size_t row, size_t column) {
    return block->first + row * block->row_stride + column * block->stride;
}

/* Whether seven decimals show the numbers of an array, each to four digits or more. */
static bool is_plain(const elman_trace_array *array) {
    for (size_t i = 0; i < array->count; i++) {
        const double size = fabs(number_at(array, i));
        if (size != 0.0 && !(size >= 1e-4 && size < 1e4)) return false;
    }
    return true;
}

static void print_row(const elman_trace_array *array, const Block *block, size_t row,
                      const char *label, bool plain) {
    for (size_t column = 0; column < block->columns; column++) {
        if (column % NUMBERS_A_LINE == 0) {
            char more[LABEL_MAX];
            (void)snprintf(more, sizeof(more), "    +%zu", column);
            output_print("%s%-*s", column ? "\n" : "", LABEL_WIDTH, column ? more : label);
        }
        const double number = number_at(array, place_in(block, row, column)) + 0.0; /* no -0 */
        if (array->type == ELMAN_TRACE_INT32) {
            output_print("%14.0f", number);
        } else {
            output_print(plain ? "%14.7f" : "%14.6e", number);
        }
    }
    output_print("\n");
}

static void print_summary(const elman_trace_array *array, const Block *block, const char *label) {
    double squares = 0.0, least = INFINITY, most = -INFINITY;
    for (size_t row = 0; row < block->rows; row++) {
        for (size_t column = 0; column < block->columns; column++) {
            const double number = number_at(array, place_in(block, row, column));
            squares += number * number;
            least = fmin(least, number);
            most = fmax(most, number);
        }
    }
    output_print("%-*s norm %.6e, from %.6e to %.6e\n", LABEL_WIDTH - 1, label, sqrt(squares),
                 least, most);
}

static void print_block(const TraceView *view, const elman_trace_array *array, size_t t,
                        bool transposed, bool plain) {
    const Block block = block_of(array, t, transposed);
    char step[LABEL_MAX / 2] = "", label[LABEL_MAX];
    if (array->steps) (void)snprintf(step, sizeof(step), " t=%zu", t + 1);
    if (!view->all && block.rows * block.columns > TRACE_BLOCK_MAX) {
        print_summary(array, &block, array->steps ? step : " all");
        return;
    }
    for (size_t row = 0; row < block.rows; row++) {
        if (block.rows > 1) {
            (void)snprintf(label, sizeof(label), "%s [%zu]", step, row);
        } else {
            (void)snprintf(label, sizeof(label), "%s", step);
        }
        print_row(array, &block, row, label, plain);
    }
}

/* A token with its character. */
static void print_token(const TraceView *view, const elman_trace_array *array, size_t t) {
    const int32_t token = ((const int32_t *)array->data)[t];
    const int32_t character = elman_vocabulary_character(view->vocabulary, token);
    char label[LABEL_MAX], utf8[5];
    (void)snprintf(label, sizeof(label), " t=%zu", t + 1);
    (void)elman_vocabulary_decode(view->vocabulary, token, utf8);
    output_print("%-*s%14d  ", LABEL_WIDTH, label, (int)token);
    if (token == ELMAN_TOKEN_UNKNOWN) {
        output_print("(unknown)\n");
    } else if (shows_itself(character)) {
        output_print("'%s'\n", utf8);
    } else {
        output_print("U+%04lX\n", (unsigned long)character);
    }
}

static void print_array(const TraceView *view, const elman_trace_array *array,
                        const TraceSymbol *symbol) {
    const bool plain = is_plain(array), transposed = symbol && symbol->transposed;
    const char *name = symbol ? symbol->symbol : array->name;
    const char *equation = symbol ? symbol->equation : array->equation;
    output_print("\n%-*s  %s\n", symbol ? 16 : 24, name, equation);
    const size_t blocks = array->steps ? array->shape[0] : 1;
    for (size_t t = 0; t < blocks && !output_failed(); t++) {
        if (array->type == ELMAN_TRACE_INT32 && view->vocabulary) {
            print_token(view, array, t);
        } else {
            print_block(view, array, t, transposed, plain);
        }
    }
}

void trace_print_table(const TraceView *view) {
    char name[ELMAN_MESSAGE_MAX];
    elman_trace_array array;
    (void)snprintf(name, sizeof(name), "%s", view->name);
    clean(name);
    output_print("%s: %zu step%s, %s\n", name, view->sequence.steps,
                 view->sequence.steps == 1 ? "" : "s",
                 view->options.backward ? "forward and backward" : "forward");
    if (view->guide) {
        for (const TraceSymbol *symbol = trace_symbols; symbol->name; symbol++) {
            if (!elman_trace_find(view->trace, symbol->name, &array, NULL)) {
                print_array(view, &array, symbol);
            }
        }
        return;
    }
    for (size_t i = 0; !elman_trace_at(view->trace, i, &array) && !output_failed(); i++) {
        print_array(view, &array, NULL);
    }
}

/* The numbers from *index on as nested lists of the shape from `axis` on. The rank is at most 3. */
static json_t *nested(const elman_trace_array *array, size_t axis, size_t *index) {
    json_t *list = json_array();
    for (size_t i = 0; i < array->shape[axis]; i++) {
        if (axis + 1 < array->rank) {
            json_append(list, nested(array, axis + 1, index));
        } else if (array->type == ELMAN_TRACE_INT32) {
            json_append(list, json_integer(((const int32_t *)array->data)[(*index)++]));
        } else {
            json_append(list, json_finite(number_at(array, (*index)++)));
        }
    }
    return list;
}

void trace_print_json(const TraceView *view) {
    static const char *const types[] = {"float32", "float64", "int32"};
    json_t *object = json_object(), *arrays = json_array();
    elman_trace_array array;
    for (size_t i = 0; !elman_trace_at(view->trace, i, &array); i++) {
        json_t *entry = json_object(), *shape = json_array();
        size_t index = 0;
        for (size_t axis = 0; axis < array.rank; axis++) {
            json_append(shape, json_count(array.shape[axis]));
        }
        json_put(entry, "name", json_text(array.name));
        json_put(entry, "equation", json_text(array.equation));
        json_put(entry, "type", json_text(types[array.type]));
        json_put(entry, "steps", json_boolean(array.steps));
        json_put(entry, "shape", shape);
        json_put(entry, "data", nested(&array, 0, &index));
        json_append(arrays, entry);
    }
    json_put(object, "model", json_text(view->name));
    json_put(object, "steps", json_count(view->sequence.steps));
    json_put(object, "arrays", arrays);
    char *text = json_print(object, 0);
    output_print("%s\n", text);
    free(text);
    json_decref(object);
}
