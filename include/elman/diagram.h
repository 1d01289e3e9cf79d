/* Pictures of a network: its structure, folded or unrolled over time, and what its gates do. */
#ifndef ELMAN_DIAGRAM_H
#define ELMAN_DIAGRAM_H

#include <stddef.h>

#include <elman/model.h>
#include <elman/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum elman_diagram_format {
    ELMAN_DIAGRAM_SVG, /* a file that stands alone: no scripts, no fonts; light, dark, printed */
    ELMAN_DIAGRAM_MERMAID, /* a flowchart in Mermaid's language */
    ELMAN_DIAGRAM_DOT,     /* a digraph in Graphviz' language */
    ELMAN_DIAGRAM_TEXT     /* Unicode boxes for a terminal, at most 80 columns */
} elman_diagram_format;

enum { ELMAN_DIAGRAM_UNROLL_MAX = 8 };

typedef struct elman_diagram_options {
    size_t struct_size; /* sizeof(elman_diagram_options) */
    elman_diagram_format format;
    size_t unroll;   /* steps to draw side by side, at most ELMAN_DIAGRAM_UNROLL_MAX; 0: the network
                        folded, with a loop for what it hands itself from step to step */
    int no_cells;    /* non-zero: the gates inside the cells are left out */
    size_t window;   /* steps that the gradient flows back through; 0: not marked */
    int independent; /* non-zero: each window starts anew; zero: the state is carried from window
                        to window */
} elman_diagram_options;

typedef struct elman_activity_options {
    size_t struct_size;          /* sizeof(elman_activity_options) */
    elman_diagram_format format; /* SVG or TEXT */
    size_t layer;                /* counted from 0 */
    int reverse;                 /* non-zero: the backward direction of a bidirectional layer */
    size_t units;                /* the most units to draw, the first ones; 0: 32 */
    size_t unit;                 /* one unit, counted from 1, whose activity colours the passage;
                                    0: all gates of many units */
    int hidden_state;            /* non-zero: of that unit h is shown where there is a c too */
    const char *const *labels;   /* [steps] UTF-8, one character each, what the network read; NULL:
                                    steps are numbered */
} elman_activity_options;

/* Takes the next piece of a picture, UTF-8; returns non-zero to stop. */
typedef int (*elman_diagram_write_function)(void *user, const char *bytes, size_t size);

/* Draws a built model; `options` NULL: folded, as SVG. The same model and options give the same
 * bytes. Errors: ARGUMENT (a model that is not built, options that make no sense), MEMORY,
 * CANCELLED (`write` said stop). */
ELMAN_API elman_status elman_diagram_draw(const elman_model *model,
                                          const elman_diagram_options *options,
                                          elman_diagram_write_function write, void *user,
                                          elman_error *error);

/* Draws what row 0 of a tape's last forward pass computed in one direction of one layer: time
 * across, units down, a panel for each gate and state; or a passage coloured by one unit. Errors:
 * ARGUMENT (no forward pass, a layer or unit that is not there, another format), MEMORY,
 * CANCELLED. */
ELMAN_API elman_status elman_diagram_activity(const elman_tape *tape,
                                              const elman_activity_options *options,
                                              elman_diagram_write_function write, void *user,
                                              elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
