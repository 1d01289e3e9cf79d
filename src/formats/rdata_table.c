/* Makes tables of R's data frames, matrices, series and vectors. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/rdata_column.h"
#include "formats/rdata_file.h"

enum {
    MATRIX_NAME_MAX = 256
}; /* of a matrix in a data frame: it is repeated in each column's name */

/* A table and what it consists of; the table comes first, so that it can be released. */
typedef struct OwnedTable {
    RdataTable table;
    Memory *memory;
    RdataBlock *blocks;
} OwnedTable;

/* What a table is made of. A data frame's parts are its columns; a matrix among them has several.
 */
typedef struct Shape {
    size_t rows, columns;
    uint32_t dimensions, names; /* their nodes, or 0 */
} Shape;

static elman_status refuse(const RdataMaker *maker, const char *found, const char *expected) {
    return fail(maker->error, ELMAN_ERR_UNSUPPORTED, "%s%s: is %s, expected %s", maker->place->file,
                maker->place->object, found, expected);
}

/* The rows and columns of a vector or a matrix. */
static elman_status find_shape(const RdataMaker *maker, uint32_t node, Shape *shape) {
    const RdataTree *const tree = maker->tree;
    const uint32_t dimensions = rdata_attribute(tree, node, "dim");
    const size_t count = rdata_node(tree, node)->count, rank = rdata_node(tree, dimensions)->count;
    *shape = (Shape){.rows = count, .columns = 1};
    if (!rdata_is_numeric(tree, dimensions)) return ELMAN_OK;
    if (rank < 1 || rank > 2)
        return fail(maker->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: has %zu dimensions, expected at most 2", maker->place->file,
                    maker->place->object, rank);
    const double rows = rdata_number(tree, dimensions, 0);
    const double columns = rank == 2 ? rdata_number(tree, dimensions, 1) : 1;
    if (!(rows >= 0 && rows <= (double)count) || (count > 0 && columns > (double)count) ||
        rows * columns != (double)count)
        return fail(maker->error, ELMAN_ERR_DATA,
                    "%s%s: has %zu values, expected as many as its dimensions tell",
                    maker->place->file, maker->place->object, count);
    if (rank == 1) return ELMAN_OK;
    if (count == 0) return refuse(maker, "an empty matrix", "one with values");
    *shape = (Shape){.rows = (size_t)rows,
                     .columns = (size_t)columns,
                     .dimensions = dimensions,
                     .names = rdata_attribute(tree, node, "dimnames")};
    return ELMAN_OK;
}

/* One of the two sets of names of a matrix, when it has `count` of them; otherwise 0. */
static uint32_t dimension_names(const RdataTree *tree, const Shape *shape, size_t which,
                                size_t count) {
    const RdataNode *const list = rdata_node(tree, shape->names);
    if (list->type != NODE_LIST || list->count != 2) return 0;
    const uint32_t names = rdata_element(tree, shape->names, which);
    const RdataNode *const node = rdata_node(tree, names);
    return rdata_is_text(tree, names) && node->count == count ? names : 0;
}

/* prefix + name, or prefix + number when there is no name. */
static elman_status join_name(RdataMaker *maker, const char *prefix, const char *name,
                              size_t number, const char **joined) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%zu", number);
    const char *const tail = name ? name : digits;
    const size_t before = strlen(prefix), behind = strlen(tail);
    char *const text = rdata_maker_allocate(maker, before + behind + 1, 1);
    if (!text) return ELMAN_ERR_MEMORY;
    memcpy(text, prefix, before);
    memcpy(text + before, tail, behind);
    *joined = text;
    return ELMAN_OK;
}

/* The columns of one matrix. `prefix` stands before each name, and `unnamed` before each number of
 * a column without a name. */
static elman_status add_matrix(RdataMaker *maker, uint32_t node, const Shape *shape,
                               const char *prefix, const char *unnamed, RdataColumn *columns) {
    const uint32_t names = dimension_names(maker->tree, shape, 1, shape->columns);
    const char *const *texts = NULL;
    RdataColumn kind = {.name = prefix};
    elman_status status = rdata_maker_kind(maker, node, &kind);
    if (!status && names) status = rdata_maker_texts(maker, names, 0, shape->columns, &texts);
    for (size_t i = 0; !status && i < shape->columns; i++) {
        const char *const name = texts ? texts[i] : NULL;
        columns[i] = kind;
        if (!(status = join_name(maker, name ? prefix : unnamed, name, i + 1, &columns[i].name)))
            status = rdata_maker_values(maker, node, i * shape->rows, shape->rows, &columns[i]);
    }
    return status;
}

static elman_status add_row_names(RdataMaker *maker, uint32_t names, RdataTable *table) {
    if (!rdata_is_text(maker->tree, names) || rdata_node(maker->tree, names)->count != table->rows)
        return ELMAN_OK;
    return rdata_maker_texts(maker, names, 0, table->rows, &table->row_names);
}

/* R's tsp attribute: first time, last time, frequency. */
static elman_status add_times(const RdataMaker *maker, uint32_t node, RdataTable *table) {
    const uint32_t times = rdata_attribute(maker->tree, node, "tsp");
    if (!rdata_is_numeric(maker->tree, times)) return ELMAN_OK;
    if (rdata_node(maker->tree, times)->count != 3)
        return refuse(maker, "a series without start, end and frequency", "these three numbers");
    table->start = rdata_number(maker->tree, times, 0);
    table->end = rdata_number(maker->tree, times, 1);
    table->frequency = rdata_number(maker->tree, times, 2);
    const double rows = (table->end - table->start) * table->frequency + 1;
    if (!(table->frequency > 0) || !isfinite(table->start) ||
        !(fabs(rows - (double)table->rows) < 0.5))
        return fail(maker->error, ELMAN_ERR_DATA,
                    "%s%s: is a series from %.6g to %.6g with frequency %.6g, expected such that "
                    "it has its %zu rows",
                    maker->place->file, maker->place->object, table->start, table->end,
                    table->frequency, table->rows);
    table->is_series = true;
    return ELMAN_OK;
}

static elman_status make_plain(RdataMaker *maker, uint32_t node, const char *name,
                               RdataTable *table) {
    Shape shape;
    elman_status status = find_shape(maker, node, &shape);
    if (status) return status;
    table->rows = shape.rows;
    table->column_count = shape.columns;
    if ((status = add_times(maker, node, table))) return status;
    RdataColumn *const columns = rdata_maker_allocate(maker, shape.columns, sizeof *columns);
    if (!columns) return ELMAN_ERR_MEMORY;
    table->columns = columns;
    if (shape.dimensions) {
        table->form = RDATA_MATRIX;
        status = add_row_names(maker, dimension_names(maker->tree, &shape, 0, shape.rows), table);
        return status ? status : add_matrix(maker, node, &shape, "", "V", columns);
    }
    table->form = RDATA_VECTOR;
    if ((status = join_name(maker, "", *name ? name : "x", 0, &columns[0].name)) ||
        (status = rdata_maker_kind(maker, node, columns)) ||
        (status = rdata_maker_values(maker, node, 0, shape.rows, columns)))
        return status;
    return add_row_names(maker, rdata_attribute(maker->tree, node, "names"), table);
}

/* How many rows a data frame has: R writes row names, or NA and their negative number. */
static size_t frame_rows(const RdataTree *tree, uint32_t node) {
    const uint32_t names = rdata_attribute(tree, node, "row.names");
    const RdataNode *const n = rdata_node(tree, names);
    if (n->type == NODE_NULL) {
        const uint32_t first = rdata_node(tree, node)->count ? rdata_element(tree, node, 0) : 0;
        return rdata_node(tree, first)->count;
    }
    if (n->type == NODE_INTEGER && n->count == 2 && isnan(rdata_number(tree, names, 0)) &&
        !isnan(rdata_number(tree, names, 1)))
        return (size_t)fabs(rdata_number(tree, names, 1));
    return n->count;
}

/* The shape of one part of a data frame; a part that is no vector has one column. */
static elman_status part_shape(const RdataMaker *maker, uint32_t part, Shape *shape) {
    *shape = (Shape){.rows = rdata_node(maker->tree, part)->count, .columns = 1};
    return rdata_is_vector(maker->tree, part) ? find_shape(maker, part, shape) : ELMAN_OK;
}

static elman_status add_part(RdataMaker *maker, uint32_t part, const char *name, size_t rows,
                             RdataColumn *columns, size_t *added) {
    Shape shape;
    elman_status status = part_shape(maker, part, &shape);
    *added = shape.columns;
    if (status) return status;
    if (rdata_is_vector(maker->tree, part) && shape.rows != rows)
        return fail(maker->error, ELMAN_ERR_DATA,
                    "%s%s: column \"%.80s\" has %zu values, expected %zu", maker->place->file,
                    maker->place->object, name, shape.rows, rows);
    if (shape.dimensions) {
        const char *prefix;
        if (strlen(name) > MATRIX_NAME_MAX)
            return fail(maker->error, ELMAN_ERR_UNSUPPORTED,
                        "%s%s: the matrix \"%.80s...\" has a name of %zu bytes, expected at most "
                        "%d",
                        maker->place->file, maker->place->object, name, strlen(name),
                        MATRIX_NAME_MAX);
        if ((status = join_name(maker, name, ".", 0, &prefix))) return status;
        return add_matrix(maker, part, &shape, prefix, prefix, columns);
    }
    columns->name = name;
    status = rdata_maker_kind(maker, part, columns);
    return status ? status : rdata_maker_values(maker, part, 0, rows, columns);
}

static elman_status make_frame(RdataMaker *maker, uint32_t node, RdataTable *table) {
    const RdataTree *const tree = maker->tree;
    const uint32_t names_node = rdata_attribute(tree, node, "names");
    const size_t parts = rdata_node(tree, node)->count;
    const char *const *names = NULL;
    elman_status status = ELMAN_OK;
    table->form = RDATA_FRAME;
    table->rows = frame_rows(tree, node);
    if (parts > 0 &&
        (!rdata_is_text(tree, names_node) || rdata_node(tree, names_node)->count != parts))
        return refuse(maker, "a data frame without a name for each column", "one");
    for (size_t i = 0; !status && i < parts; i++) {
        Shape shape;
        status = part_shape(maker, rdata_element(tree, node, i), &shape);
        table->column_count += shape.columns;
    }
    if (!status && parts > 0) status = rdata_maker_texts(maker, names_node, 0, parts, &names);
    if (status) return status;
    RdataColumn *const columns = rdata_maker_allocate(maker, table->column_count, sizeof *columns);
    if (!columns) return ELMAN_ERR_MEMORY;
    table->columns = columns;
    for (size_t i = 0, used = 0, added; !status && i < parts; i++, used += added)
        status = add_part(maker, rdata_element(tree, node, i), names[i] ? names[i] : "NA",
                          table->rows, columns + used, &added);
    if (status) return status;
    return add_row_names(maker, rdata_attribute(tree, node, "row.names"), table);
}

elman_status rdata_table_make(Memory *memory, const RdataPlace *place, const RdataTree *tree,
                              uint32_t node, const char *name, RdataTable **table,
                              elman_error *error) {
    RdataMaker maker = {.memory = memory, .place = place, .tree = tree, .error = error};
    elman_status status;
    *table = NULL;
    OwnedTable *const owned = memory_allocate(memory, sizeof *owned);
    if (!owned)
        return fail(error, ELMAN_ERR_MEMORY, "%s%s: no memory for its table", place->file,
                    place->object);
    if (rdata_node(tree, node)->type == NODE_LIST &&
        rdata_has_text(tree, rdata_attribute(tree, node, "class"), "data.frame"))
        status = make_frame(&maker, node, &owned->table);
    else if (rdata_is_vector(tree, node))
        status = make_plain(&maker, node, name, &owned->table);
    else
        status = refuse(&maker, rdata_type_words(rdata_node(tree, node)->type),
                        "a data frame, a matrix, a series or a vector");
    owned->memory = memory;
    owned->blocks = maker.blocks;
    if (status)
        rdata_table_release(&owned->table);
    else
        *table = &owned->table;
    return status;
}

void rdata_table_release(RdataTable *table) {
    if (!table) return;
    OwnedTable *const owned = (OwnedTable *)(void *)table;
    Memory *const memory = owned->memory;
    for (RdataBlock *block = owned->blocks; block;) {
        RdataBlock *const next = block->next;
        memory_release(memory, block);
        block = next;
    }
    memory_release(memory, owned);
}

const char *rdata_text(const RdataColumn *column, size_t row) {
    if (column->type == RDATA_TEXT) return column->texts[row];
    if (column->type != RDATA_FACTOR || isnan(column->numbers[row])) return NULL;
    return column->levels[(size_t)column->numbers[row] - 1];
}
