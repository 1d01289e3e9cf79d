/* The state of reading R's serialization. */
#ifndef FORMATS_RDATA_READ_H
#define FORMATS_RDATA_READ_H

#include "formats/rdata_tree.h"

enum {
    RDATA_DEPTH_MAX = 256,
    RDATA_SEQUENCE_MIN = 1 << 20 /* numbers that sequences may have in the smallest file */
};

typedef enum RdataFrameKind {
    FRAME_PAIRS,
    FRAME_LIST,
    FRAME_ATTRIBUTES,
    FRAME_ALTREP,
    FRAME_CODE,
    FRAME_CODE_PAIRS, /* flags: its type */
    FRAME_SKIP        /* `left` items that nothing is kept of */
} RdataFrameKind;

/* Which part the last item was. */
typedef enum RdataWaiting {
    WAITING_NOTHING,
    WAITING_ATTRIBUTES,
    WAITING_NAME,
    WAITING_VALUE,
    WAITING_NEXT
} RdataWaiting;

/* Something that has begun and not yet ended. */
typedef struct RdataFrame {
    RdataFrameKind kind;
    RdataWaiting waiting;
    uint32_t head; /* the node that it is in the end */
    uint32_t node; /* the one that is being read: of pairs, the last one so far */
    uint32_t flags, left;
} RdataFrame;

typedef struct RdataReader {
    RdataTree *tree;
    const RdataPlace *place;
    size_t at; /* the next byte */
    size_t node_capacity, link_capacity;
    uint32_t *references; /* nodes that later items may refer to */
    size_t reference_count, reference_capacity;
    size_t sequence_left; /* numbers that sequences may still have */
    uint32_t value;       /* the node of the last item that has ended */
    elman_error *error;
    size_t depth;
    RdataFrame stack[RDATA_DEPTH_MAX];
} RdataReader;

elman_status rdata_reader_add(RdataReader *reader, RdataNode node, uint32_t *id);

/* Turns an ALTREP node (name: its class, first: its state) into the vector that it stands for. A
 * sequence takes no room in a file: all of them together may have as many numbers as the file has
 * bytes, or RDATA_SEQUENCE_MIN. An unknown class gives a NODE_FOREIGN. Errors: FORMAT, UNSUPPORTED
 * (a longer sequence). */
elman_status rdata_altrep_resolve(RdataReader *reader, uint32_t node);

#endif
