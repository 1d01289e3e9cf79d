/* The forms in which a picture is written. */
#ifndef EXPLAIN_DIAGRAM_FORMS_H
#define EXPLAIN_DIAGRAM_FORMS_H

#include "explain/diagram_out.h"
#include "explain/diagram_picture.h"
#include "model/structure.h"

void diagram_svg(DiagramOut *out, const Picture *picture, const char *title);
void diagram_dot(DiagramOut *out, const Picture *picture, const char *title);
void diagram_mermaid(DiagramOut *out, const Picture *picture, const char *title);

/* The first tag of an SVG file and its title. */
void diagram_svg_open(DiagramOut *out, int width, int height, const char *title);

/* Rules for the styles of text, and those for dark screens, whose last brace is the caller's. */
extern const char diagram_svg_text_style[], diagram_svg_dark_text_style[];

void diagram_svg_label(DiagramOut *out, const PictureLabel *label);

/* The start of an SVG file with its styles, up to the background; `more` are further rules. */
void diagram_svg_begin(DiagramOut *out, int width, int height, const char *title, const char *more);

/* Has a layout of its own: characters, not pixels. */
void diagram_text(DiagramOut *out, const Structure *structure,
                  const elman_diagram_options *options);

#endif
