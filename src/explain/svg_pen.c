/* Paths of an SVG picture. */
#include "explain/svg_pen.h"

static void write_tenths(DiagramOut *out, int tenths) {
    if (tenths % 10 == 0) {
        diagram_out_print(out, "%d", tenths / 10);
    } else {
        diagram_out_print(out, "%d.%d", tenths / 10, tenths % 10);
    }
}

void svg_point(DiagramOut *out, const char *command, int x, int y) {
    diagram_out_print(out, "%s", command);
    write_tenths(out, x);
    diagram_out_print(out, " ");
    write_tenths(out, y);
}

void svg_pen_to(SvgPen *pen, int x, int y) {
    if (!pen->any) diagram_out_print(pen->out, "<path class=\"%s\" d=\"", pen->style);
    pen->any = true;
    svg_point(pen->out, pen->run == 0 ? "M" : "L", x, y);
    pen->run++;
}

void svg_pen_up(SvgPen *pen) {
    if (pen->run == 1) diagram_out_print(pen->out, "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0");
    pen->run = 0;
}

void svg_pen_end(SvgPen *pen) {
    svg_pen_up(pen);
    if (pen->any) diagram_out_print(pen->out, "\"/>\n");
}
