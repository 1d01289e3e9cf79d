/* Hands a picture on piece by piece. */
#include "explain/diagram_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum { PIECE_MAX = 1024 };

void diagram_out_init(DiagramOut *out, elman_diagram_write_function write, void *user) {
    *out = (DiagramOut){.write = write, .user = user};
}

static void flush(DiagramOut *out) {
    if (!out->stopped && out->used > 0) {
        out->stopped = out->write(out->user, out->buffer, out->used) != 0;
    }
    out->used = 0;
}

static void put(DiagramOut *out, char byte) {
    if (out->used == sizeof(out->buffer)) flush(out);
    out->buffer[out->used++] = byte;
}

void diagram_out_bytes(DiagramOut *out, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == ' ') {
            out->spaces++;
            continue;
        }
        if (bytes[i] == '\n') out->spaces = 0;
        for (; out->spaces > 0; out->spaces--) put(out, ' ');
        put(out, bytes[i]);
    }
}

void diagram_out_print(DiagramOut *out, const char *format, ...) {
    char piece[PIECE_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (length < 0) return;
    const size_t size = (size_t)length < sizeof(piece) ? (size_t)length : sizeof(piece) - 1;
    diagram_out_bytes(out, piece, size);
}

void diagram_out_xml(DiagramOut *out, const char *text) {
    for (; *text; text++) {
        const char *const name = *text == '&'   ? "&amp;"
                                 : *text == '<' ? "&lt;"
                                 : *text == '>' ? "&gt;"
                                 : *text == '"' ? "&quot;"
                                                : NULL;
        if (name) {
            diagram_out_bytes(out, name, strlen(name));
        } else {
            diagram_out_bytes(out, text, 1);
        }
    }
}

void diagram_out_repeat(DiagramOut *out, const char *piece, size_t count) {
    const size_t size = strlen(piece);
    for (size_t i = 0; i < count; i++) diagram_out_bytes(out, piece, size);
}

elman_status diagram_out_finish(DiagramOut *out, elman_error *error) {
    flush(out);
    if (!out->stopped) return ELMAN_OK;
    return fail(error, ELMAN_ERR_CANCELLED, "a picture: its receiver asked to stop");
}
