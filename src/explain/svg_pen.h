/* Paths of an SVG picture, in tenths of a pixel. */
#ifndef EXPLAIN_SVG_PEN_H
#define EXPLAIN_SVG_PEN_H

#include "explain/diagram_out.h"

/* A command of a path and its point. */
void svg_point(DiagramOut *out, const char *command, int x, int y);

/* Draws a path of lines; points of no line become small rings. Starts as {out, class}. */
typedef struct SvgPen {
    DiagramOut *out;
    const char *style; /* its class */
    size_t run;        /* points since the pen was put down */
    bool any;
} SvgPen;

void svg_pen_to(SvgPen *pen, int x, int y);
void svg_pen_up(SvgPen *pen);

/* Ends the path, if one began. */
void svg_pen_end(SvgPen *pen);

#endif
