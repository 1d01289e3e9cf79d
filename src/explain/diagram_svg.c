/* Writes a picture as SVG that stands alone.
 *
 * Colours are classes, once for light and for paper, once more for dark; no variables, which some
 * viewers do not know. */
#include "explain/diagram_forms.h"

#include <string.h>

static const char *const box_classes[BOX_STYLES] = {
    "input", "table", "cell", "join", "dropout", "output", "state", "operation", "bare",
};
static const char *const arrow_classes[] = {"up", "time", "inside", "cut"};
static const char *const text_classes[] = {"title", "name", "plain", "small", "red"};
static const char *const anchors[] = {"start", "middle", "end"};

const char diagram_svg_text_style[] =
    "text{font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif;fill:#1f2328}\n"
    ".title{font-size:16px;font-weight:bold}.name{font-size:13px;font-weight:bold}\n"
    ".plain{font-size:12px}.small{font-size:11px;fill:#57606a}.red{font-size:11px;fill:#b3261e}\n";
const char diagram_svg_dark_text_style[] =
    "@media screen and (prefers-color-scheme:dark){\n"
    "text{fill:#e6edf3}.small{fill:#9da7b1}.red{fill:#ff8a80}\n";

static const char style[] =
    ".paper{fill:#ffffff}.frame{fill:#f6f8fa;stroke:#d0d7de}\n"
    ".input{fill:#ffe6f7;stroke:#b5327f}.table{fill:#fff1d0;stroke:#9a6700}\n"
    ".cell{fill:#e3e6ff;stroke:#4a4fc4}.join{fill:#eceff2;stroke:#57606a}\n"
    ".dropout{fill:none;stroke:#57606a;stroke-dasharray:4 3}\n"
    ".output{fill:#dbf5dc;stroke:#1a7f37}.state{fill:none;stroke:#4a4fc4;stroke-dasharray:4 3}\n"
    ".operation{fill:#ffffff;stroke:#57606a}.bare{fill:none;stroke:none}\n"
    ".up,.time,.inside,.cut{fill:none;stroke:#57606a;stroke-width:1.3}\n"
    ".time{stroke:#4a4fc4;stroke-width:1.8}.cut{stroke:#b3261e;stroke-dasharray:5 4}\n"
    ".head{fill:#57606a}.timehead{fill:#4a4fc4}\n";

static const char dark_style[] =
    ".paper{fill:#0d1117}.frame{fill:#161b22;stroke:#30363d}\n"
    ".input{fill:#40203a;stroke:#f778ba}.table{fill:#3a2d10;stroke:#e3b341}\n"
    ".cell{fill:#25294f;stroke:#a5a8ff}.join{fill:#21262d;stroke:#9da7b1}\n"
    ".dropout{stroke:#9da7b1}.output{fill:#15331f;stroke:#56d364}.state{stroke:#a5a8ff}\n"
    ".operation{fill:#0d1117;stroke:#9da7b1}\n"
    ".up,.inside{stroke:#9da7b1}.time{stroke:#a5a8ff}.cut{stroke:#ff8a80}\n"
    ".head{fill:#9da7b1}.timehead{fill:#a5a8ff}\n";

void diagram_svg_open(DiagramOut *out, int width, int height, const char *title) {
    diagram_out_print(out,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                      "width=\"%d\" height=\"%d\" role=\"img\">\n<title>",
                      width, height, width, height);
    diagram_out_xml(out, title);
    diagram_out_print(out, "</title>\n");
}

void diagram_svg_begin(DiagramOut *out, int width, int height, const char *title,
                       const char *more) {
    diagram_svg_open(out, width, height, title);
    diagram_out_print(out, "<style>\n");
    diagram_out_bytes(out, diagram_svg_text_style, strlen(diagram_svg_text_style));
    diagram_out_bytes(out, style, strlen(style));
    diagram_out_bytes(out, more, strlen(more));
    diagram_out_bytes(out, diagram_svg_dark_text_style, strlen(diagram_svg_dark_text_style));
    diagram_out_bytes(out, dark_style, strlen(dark_style));
}

static void write_text(DiagramOut *out, TextStyle text_style, TextAnchor anchor, int x, int y,
                       const char *text) {
    diagram_out_print(out, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">",
                      text_classes[text_style], x, y, anchors[anchor]);
    diagram_out_xml(out, text);
    diagram_out_print(out, "</text>\n");
}

static void write_box(DiagramOut *out, const PictureBox *box) {
    const int radius = box->style == BOX_OPERATION ? box->height / 2 : 6;
    if (box->style != BOX_BARE) {
        diagram_out_print(out,
                          "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                          "rx=\"%d\"/>\n",
                          box_classes[box->style], box->x, box->y, box->width, box->height, radius);
    }
    for (size_t line = 0; line < box->lines; line++) {
        write_text(out, picture_line_style(box, line), ANCHOR_MIDDLE, box->x + box->width / 2,
                   box->y + picture_line_baseline(box, line), box->text[line]);
    }
}

void diagram_svg_label(DiagramOut *out, const PictureLabel *label) {
    write_text(out, label->style, label->anchor, label->x, label->y, label->text);
}

/* The head of an arrow whose last stretch is level or upright. */
static void write_head(DiagramOut *out, const PictureArrow *arrow) {
    const size_t last = arrow->points - 1;
    const int x = arrow->x[last], y = arrow->y[last];
    const int dx = (x > arrow->x[last - 1]) - (x < arrow->x[last - 1]);
    const int dy = (y > arrow->y[last - 1]) - (y < arrow->y[last - 1]);
    diagram_out_print(out, "<path class=\"%s\" d=\"M%d %dL%d %dL%d %dz\"/>\n",
                      arrow->style == ARROW_TIME ? "timehead" : "head", x, y, x - 8 * dx + 4 * dy,
                      y - 8 * dy + 4 * dx, x - 8 * dx - 4 * dy, y - 8 * dy - 4 * dx);
}

static void write_arrow(DiagramOut *out, const PictureArrow *arrow) {
    diagram_out_print(out, "<path class=\"%s\" d=\"M%d %d", arrow_classes[arrow->style],
                      arrow->x[0], arrow->y[0]);
    for (size_t i = 1; i < arrow->points; i++) {
        if (arrow->x[i] == arrow->x[i - 1]) {
            diagram_out_print(out, "V%d", arrow->y[i]);
        } else {
            diagram_out_print(out, "H%d", arrow->x[i]);
        }
    }
    diagram_out_print(out, "\"/>\n");
    if (arrow->style != ARROW_CUT) write_head(out, arrow);
}

void diagram_svg(DiagramOut *out, const Picture *picture, const char *title) {
    diagram_svg_begin(out, picture->width, picture->height, title, "");
    diagram_out_print(out, "}\n</style>\n<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
                      picture->width, picture->height);
    for (size_t i = 0; i < picture->frame_count; i++) {
        const PictureFrame *const frame = &picture->frames[i];
        if (!frame->drawn) continue;
        diagram_out_print(out,
                          "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                          "rx=\"8\"/>\n",
                          frame->x, frame->y, frame->width, frame->height);
    }
    for (size_t i = 0; i < picture->arrow_count; i++) write_arrow(out, &picture->arrows[i]);
    for (size_t i = 0; i < picture->box_count; i++) write_box(out, &picture->boxes[i]);
    for (size_t i = 0; i < picture->label_count; i++) {
        diagram_svg_label(out, &picture->labels[i]);
    }
    diagram_out_print(out, "</svg>\n");
}
