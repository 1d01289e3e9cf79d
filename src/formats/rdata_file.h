/* An opened file of R's data, as its parts see it. */
#ifndef FORMATS_RDATA_FILE_H
#define FORMATS_RDATA_FILE_H

#include "formats/rdata.h"
#include "formats/rdata_tree.h"

/* Makes the table of the object at `node`, which has `name` ("" for none). */
elman_status rdata_table_make(Memory *memory, const RdataPlace *place, const RdataTree *tree,
                              uint32_t node, const char *name, RdataTable **table,
                              elman_error *error);

#endif
