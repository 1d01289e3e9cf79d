/* Hands a picture on piece by piece; what fails first is remembered, the rest is dropped. */
#ifndef EXPLAIN_DIAGRAM_OUT_H
#define EXPLAIN_DIAGRAM_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/diagram.h>
#include <elman/export.h>

typedef struct DiagramOut {
    elman_diagram_write_function write;
    void *user;
    bool stopped;
    size_t used;
    size_t spaces; /* held back until something follows them on their line */
    char buffer[4096];
} DiagramOut;

void diagram_out_init(DiagramOut *out, elman_diagram_write_function write, void *user);

/* At most 1000 bytes at a time. Only %s, %d and %zu: nothing that a locale could change. */
void diagram_out_print(DiagramOut *out, const char *format, ...) ELMAN_PRINTF(2, 3);

void diagram_out_bytes(DiagramOut *out, const char *bytes, size_t size);

/* Text between tags or inside an attribute: & < > " as references. */
void diagram_out_xml(DiagramOut *out, const char *text);

/* The same piece `count` times. */
void diagram_out_repeat(DiagramOut *out, const char *piece, size_t count);

/* Hands on what is left; CANCELLED when `write` said stop. */
elman_status diagram_out_finish(DiagramOut *out, elman_error *error);

#endif
