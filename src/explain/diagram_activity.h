/* What a layer did over a passage, as the forms of its picture read it. */
#ifndef EXPLAIN_DIAGRAM_ACTIVITY_H
#define EXPLAIN_DIAGRAM_ACTIVITY_H

#include "explain/diagram_out.h"
#include "explain/diagram_words.h"

enum { ACTIVITY_PANELS_MAX = 6, ACTIVITY_LEVELS = 11, ACTIVITY_NOT_FINITE = ACTIVITY_LEVELS };

/* One gate or state of all units. */
typedef struct ActivityPanel {
    const char *letter, *name;
    bool both_signs; /* from -scale to scale; else from 0 to scale */
    float scale;
    float *values; /* [steps][batch][hidden]; row 0 counts */
} ActivityPanel;

typedef struct Activity {
    char title[WORDS_MAX];
    size_t panel_count;
    ActivityPanel panels[ACTIVITY_PANELS_MAX];
    size_t steps, batch, hidden;
    size_t units;              /* how many are drawn, from the first on */
    size_t unit;               /* counted from 1: the only one, drawn along the passage; 0: all */
    const char *const *labels; /* [steps] or NULL */
} Activity;

/* The level 0 to ACTIVITY_LEVELS - 1 of a value, or ACTIVITY_NOT_FINITE. */
size_t activity_level(const Activity *activity, const ActivityPanel *panel, size_t step,
                      size_t unit);

/* "0 to 1", "−2.5 to 2.5" */
const char *activity_range(const ActivityPanel *panel, char text[WORDS_MAX]);

/* What stands for a step: its label with white space made visible, or "". */
const char *activity_label(const Activity *activity, size_t step);

/* Whether a line ends behind this step, in passages that are broken at `width`. */
bool activity_line_ends(const Activity *activity, size_t start, size_t step, size_t width);

void diagram_activity_svg(DiagramOut *out, const Activity *activity);
void diagram_activity_text(DiagramOut *out, const Activity *activity);

#endif
