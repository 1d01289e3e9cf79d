/* What elman trace is given: a sequence and its targets. */
#ifndef CLI_TRACE_INPUT_H
#define CLI_TRACE_INPUT_H

#include "trace_view.h"

typedef struct TraceSource {
    const char *file;   /* NULL: none */
    const char *text;   /* --text */
    const char *input;  /* --input */
    const char *target; /* --target */
    const char *target_file;
    int loss;
} TraceSource;

enum { LOSS_AUTOMATIC, LOSS_CROSS_ENTROPY, LOSS_SQUARES, LOSS_HALF_SQUARES };

/* What a view's sequence and targets point to. */
typedef struct TraceInput {
    elman_text *text;
    int32_t *tokens, *classes;
    elman_rows *rows, *targets;
} TraceInput;

/* Fills in the view's sequence, loss and targets; false after a sentence. Whatever the result,
 * trace_input_close may follow. */
bool trace_input_open(TraceInput *input, TraceView *view, elman_context *context,
                      const TraceSource *source);
void trace_input_close(TraceInput *input);

#endif
