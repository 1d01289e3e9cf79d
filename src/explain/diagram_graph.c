/* Writes a picture as a graph for Graphviz and for Mermaid, which place the boxes themselves. */
#include <string.h>

#include "explain/diagram_forms.h"

/* Fill, line and shape of each style of box. */
typedef struct Look {
    const char *fill, *line, *dot, *open, *close;
} Look;

static const Look looks[BOX_STYLES] = {
    [BOX_INPUT] = {"#ffe6f7", "#b5327f", "style=\"rounded,filled\"", "[\"", "\"]"},
    [BOX_TABLE] = {"#fff1d0", "#9a6700", "style=\"rounded,filled\"", "[\"", "\"]"},
    [BOX_CELL] = {"#e3e6ff", "#4a4fc4", "style=\"rounded,filled\"", "[\"", "\"]"},
    [BOX_JOIN] = {"#eceff2", "#57606a", "style=\"rounded,filled\"", "[\"", "\"]"},
    [BOX_DROPOUT] = {"#ffffff", "#57606a", "style=\"rounded,filled,dashed\"", "[\"", "\"]"},
    [BOX_OUTPUT] = {"#dbf5dc", "#1a7f37", "style=\"rounded,filled\"", "[\"", "\"]"},
    [BOX_STATE] = {"#ffffff", "#4a4fc4", "style=\"rounded,filled,dashed\"", "[\"", "\"]"},
    [BOX_OPERATION] = {"#ffffff", "#57606a", "shape=circle,style=filled", "((\"", "\"))"},
    [BOX_BARE] = {"#ffffff", "#ffffff", "style=filled", "[\"", "\"]"},
};
static const char *const names[BOX_STYLES] = {"input",  "table", "cell",      "join", "dropout",
                                              "output", "state", "operation", "bare"};

static void write_quoted(DiagramOut *out, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') diagram_out_bytes(out, "\\", 1);
        diagram_out_bytes(out, text, 1);
    }
}

static void write_lines(DiagramOut *out, const PictureBox *box, const char *between,
                        void (*write)(DiagramOut *, const char *)) {
    for (size_t i = 0; i < box->lines; i++) {
        if (i > 0) diagram_out_print(out, "%s", between);
        write(out, box->text[i]);
    }
}

static bool joins(const PictureArrow *arrow) {
    return arrow->from != PICTURE_NONE && arrow->to != PICTURE_NONE;
}

/* Steps are groups for Mermaid alone: Graphviz does not keep clusters and levels at once. */
static bool in_cell(const Picture *picture, size_t box) {
    const size_t frame = picture->boxes[box].frame;
    return frame != PICTURE_NONE && picture->frames[frame].drawn;
}

static void write_dot_box(DiagramOut *out, const Picture *picture, size_t index) {
    const PictureBox *const box = &picture->boxes[index];
    const Look *const look = &looks[box->style];
    diagram_out_print(out, "    n%zu [label=\"", index);
    write_lines(out, box, "\\n", write_quoted);
    diagram_out_print(out, "\",%s,fillcolor=\"%s\",color=\"%s\"];\n", look->dot, look->fill,
                      look->line);
}

/* What flows through time stays on one level, and level arrows go to the right. */
static void write_dot_arrow(DiagramOut *out, const Picture *picture, const PictureArrow *arrow) {
    const bool time = arrow->style == ARROW_TIME;
    const bool back = time && picture->boxes[arrow->from].x > picture->boxes[arrow->to].x;
    const size_t left = back ? arrow->to : arrow->from, right = back ? arrow->from : arrow->to;
    const bool level = time && left != right;
    /* Graphviz 2.43 loses level edges that have a label among other labels; xlabel is safe. */
    diagram_out_print(out, "    n%zu -> n%zu [%s=\"", left, right, level ? "xlabel" : "label");
    write_quoted(out, arrow->text);
    diagram_out_print(out, "\"%s%s];\n", time ? ",color=\"#4a4fc4\"" : "", back ? ",dir=back" : "");
    if (level) diagram_out_print(out, "    {rank=same; n%zu; n%zu}\n", left, right);
}

void diagram_dot(DiagramOut *out, const Picture *picture, const char *title) {
    diagram_out_print(out, "digraph elman {\n    rankdir=BT;\n    label=\"");
    write_quoted(out, title);
    diagram_out_print(out, "\";\n    labelloc=t;\n    fontname=\"Helvetica\";\n"
                           "    node [shape=box,fontname=\"Helvetica\",fontsize=11];\n"
                           "    edge [fontname=\"Helvetica\",fontsize=10,color=\"#57606a\"];\n");
    for (size_t i = 0; i < picture->box_count; i++) {
        if (!in_cell(picture, i)) write_dot_box(out, picture, i);
    }
    for (size_t frame = 0; frame < picture->frame_count; frame++) {
        if (!picture->frames[frame].drawn) continue;
        diagram_out_print(out, "    subgraph cluster_%zu {\n    label=\"", frame);
        write_quoted(out, picture->frames[frame].text);
        diagram_out_print(out, "\";\n    color=\"#d0d7de\";\n");
        for (size_t i = 0; i < picture->box_count; i++) {
            if (picture->boxes[i].frame == frame) write_dot_box(out, picture, i);
        }
        diagram_out_print(out, "    }\n");
    }
    for (size_t i = 0; i < picture->arrow_count; i++) {
        if (joins(&picture->arrows[i])) write_dot_arrow(out, picture, &picture->arrows[i]);
    }
    diagram_out_print(out, "}\n");
}

static void write_mermaid_box(DiagramOut *out, const Picture *picture, size_t index) {
    const PictureBox *const box = &picture->boxes[index];
    const Look *const look = &looks[box->style];
    diagram_out_print(out, "    n%zu%s", index, look->open);
    write_lines(out, box, "<br/>", diagram_out_xml);
    diagram_out_print(out, "%s:::%s\n", look->close, names[box->style]);
}

void diagram_mermaid(DiagramOut *out, const Picture *picture, const char *title) {
    diagram_out_print(out, "%%%% %s\nflowchart BT\n", title);
    for (size_t i = 0; i < picture->box_count; i++) {
        if (picture->boxes[i].frame == PICTURE_NONE) write_mermaid_box(out, picture, i);
    }
    for (size_t frame = 0; frame < picture->frame_count; frame++) {
        diagram_out_print(out, "    subgraph f%zu[\"", frame);
        diagram_out_xml(out, picture->frames[frame].text);
        diagram_out_print(out, "\"]\n");
        for (size_t i = 0; i < picture->box_count; i++) {
            if (picture->boxes[i].frame == frame) write_mermaid_box(out, picture, i);
        }
        diagram_out_print(out, "    end\n");
    }
    for (size_t i = 0; i < picture->arrow_count; i++) {
        const PictureArrow *const arrow = &picture->arrows[i];
        if (!joins(arrow)) continue;
        diagram_out_print(out, "    n%zu -->", arrow->from);
        if (*arrow->text) {
            diagram_out_print(out, "|\"");
            diagram_out_xml(out, arrow->text);
            diagram_out_print(out, "\"|");
        }
        diagram_out_print(out, " n%zu\n", arrow->to);
    }
    for (size_t i = 0; i < BOX_STYLES; i++) {
        diagram_out_print(out, "    classDef %s fill:%s,stroke:%s,color:#1f2328\n", names[i],
                          looks[i].fill, looks[i].line);
    }
}
