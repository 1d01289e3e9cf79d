/* What elman trace shows, and its forms. */
#ifndef CLI_TRACE_VIEW_H
#define CLI_TRACE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/elman.h>

/* Wider blocks (a step of an array, or an array) are summed up in one line unless all is asked for.
 */
enum { TRACE_BLOCK_MAX = 64 };

typedef struct TraceView {
    const char *name; /* the model's file, or "guide" */
    const elman_model *model;
    elman_model_info info;
    const elman_vocabulary *vocabulary; /* NULL: none */
    elman_sequence sequence;
    elman_trace_options options;
    size_t positions; /* of the output */
    const elman_trace *trace;
    bool guide, all;
} TraceView;

/* The guide's model, built: its worked example (section 6). Errors: MEMORY. */
elman_status trace_guide_model(elman_context *context, elman_model **model, elman_error *error);

/* Its input [2][2] and its targets [2][1]. */
extern const float trace_guide_input[4], trace_guide_targets[2];

/* How the guide calls an array. */
typedef struct TraceSymbol {
    const char *name;     /* in the trace */
    const char *symbol;   /* "h_t" */
    const char *equation; /* with the guide's row vectors */
    bool transposed;      /* the guide's matrix is the transpose */
} TraceSymbol;

/* In the order of printing; ends with a name of NULL. */
extern const TraceSymbol trace_symbols[];

/* The symbol of an array of the guide, or NULL. */
const TraceSymbol *trace_symbol(const char *name);

void trace_print_table(const TraceView *view);
void trace_print_json(const TraceView *view);

/* Each number as its equation with the numbers put in; false after a sentence. */
bool trace_explain(const TraceView *view);

#endif
