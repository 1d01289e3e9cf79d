/* Labelled sequences from tables with named columns, wherever they come from. */
#ifndef DATA_LABELLED_FRAME_H
#define DATA_LABELLED_FRAME_H

#include "data/labelled.h"
#include "data/lines.h"

typedef enum FrameValue { FRAME_MISSING, FRAME_NUMBER, FRAME_WORDS } FrameValue;

typedef struct Frame Frame;

/* A table that is read row by row. What next, number and text give holds until the next row. */
struct Frame {
    LabelledReading *reading;
    const char *const *headings; /* [columns] */
    size_t columns;
    bool has_headings; /* false: they are numbers from 1 on */
    size_t line;       /* of the current row; 0: there is no further one */
    elman_status (*rewind)(Frame *frame);
    elman_status (*next)(Frame *frame);
    FrameValue (*number)(Frame *frame, size_t column, double *value);
    Span (*text)(Frame *frame, size_t column); /* .text NULL: missing */
};

/* Finds out which columns hold what, and reads all rows. */
elman_status labelled_read_frame(Frame *frame);

#endif
