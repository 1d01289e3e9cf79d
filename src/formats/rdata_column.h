/* One column of a table, made from a node of R's data. */
#ifndef FORMATS_RDATA_COLUMN_H
#define FORMATS_RDATA_COLUMN_H

#include "formats/rdata.h"
#include "formats/rdata_tree.h"

/* Stands before each block of a table; released together. */
typedef struct RdataBlock {
    struct RdataBlock *next;
} RdataBlock;

typedef struct RdataMaker {
    Memory *memory;
    const RdataPlace *place;
    const RdataTree *tree;
    RdataBlock *blocks;
    elman_error *error;
} RdataMaker;

/* `count` zeroed elements that live as long as the table. NULL, with the error, when there is no
 * memory. */
void *rdata_maker_allocate(RdataMaker *maker, size_t count, size_t size);

/* Texts as the table has them. */
elman_status rdata_maker_text(RdataMaker *maker, RdataCharacters characters, const char **text);

/* `count` elements of a node of texts from `first` on; NULL where one is missing. */
elman_status rdata_maker_texts(RdataMaker *maker, uint32_t node, size_t first, size_t count,
                               const char *const **texts);

/* Whether the node is a vector that a column can hold. */
bool rdata_is_vector(const RdataTree *tree, uint32_t node);

/* What all columns of the node have in common: type, levels, zone. The classes are those of the
 * node; a node that is no vector gives RDATA_OTHER. Errors: DATA, MEMORY. */
elman_status rdata_maker_kind(RdataMaker *maker, uint32_t node, RdataColumn *column);

/* The values of a column that has its name and its kind: `rows` elements of the node from `first`
 * on. Errors: DATA (a factor's number without a level), MEMORY. */
elman_status rdata_maker_values(RdataMaker *maker, uint32_t node, size_t first, size_t rows,
                                RdataColumn *column);

#endif
