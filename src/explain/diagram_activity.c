/* Reads from a tape what a layer did over a passage; see elman/diagram.h. */
#include "explain/diagram_activity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "model/tape.h"

enum { UNITS_DEFAULT = 32, STEPS_MAX = 512, PASSAGE_MAX = 8192 };

/* One gate or state of a kind of cell. */
typedef struct PanelKind {
    elman_kept kept;
    const char *letter, *name;
    bool both_signs, unbounded;
} PanelKind;

static const PanelKind lstm_panels[] = {
    {ELMAN_KEPT_F, "f", "forget gate", false, false},
    {ELMAN_KEPT_I, "i", "input gate", false, false},
    {ELMAN_KEPT_G, "g", "new content", true, false},
    {ELMAN_KEPT_O, "o", "output gate", false, false},
    {ELMAN_KEPT_C, "c", "cell state", true, true},
    {ELMAN_KEPT_H, "h", "hidden state", true, false},
};
/* The numbers of a projected h belong to no unit. */
static const PanelKind lstm_projected_panels[] = {
    {ELMAN_KEPT_F, "f", "forget gate", false, false},
    {ELMAN_KEPT_I, "i", "input gate", false, false},
    {ELMAN_KEPT_G, "g", "new content", true, false},
    {ELMAN_KEPT_O, "o", "output gate", false, false},
    {ELMAN_KEPT_C, "c", "cell state", true, true},
    {ELMAN_KEPT_M, "m", "hidden state, not yet projected", true, false},
};
static const PanelKind gru_panels[] = {
    {ELMAN_KEPT_R, "r", "reset gate", false, false},
    {ELMAN_KEPT_Z, "z", "update gate", false, false},
    {ELMAN_KEPT_N, "n", "new content", true, false},
    {ELMAN_KEPT_H, "h", "hidden state", true, false},
};
static const PanelKind rnn_panels[] = {{ELMAN_KEPT_H, "h", "hidden state", true, false}};
static const PanelKind relu_panels[] = {{ELMAN_KEPT_H, "h", "hidden state", false, true}};

static const PanelKind *panels_of(const elman_cell_options *cell, size_t *count) {
    switch (cell->cell) {
    case ELMAN_CELL_LSTM:
        *count = sizeof(lstm_panels) / sizeof(*lstm_panels);
        return cell->projection ? lstm_projected_panels : lstm_panels;
    case ELMAN_CELL_GRU:
    case ELMAN_CELL_GRU_RESET_BEFORE:
        *count = sizeof(gru_panels) / sizeof(*gru_panels);
        return gru_panels;
    case ELMAN_CELL_RNN:
    case ELMAN_CELL_RNN_RELU:
        break;
    }
    *count = 1;
    return cell->cell == ELMAN_CELL_RNN_RELU ? relu_panels : rnn_panels;
}

static float value_at(const Activity *activity, const ActivityPanel *panel, size_t step,
                      size_t unit) {
    return panel->values[step * activity->batch * activity->hidden + unit];
}

size_t activity_level(const Activity *activity, const ActivityPanel *panel, size_t step,
                      size_t unit) {
    const float value = value_at(activity, panel, step, unit) / panel->scale;
    if (!isfinite(value)) return ACTIVITY_NOT_FINITE;
    const float share = panel->both_signs ? (value + 1.0F) / 2.0F : value;
    if (share <= 0.0F) return 0;
    const size_t highest = ACTIVITY_LEVELS - 1;
    return share >= 1.0F ? highest : (size_t)(share * (float)highest + 0.5F);
}

const char *activity_range(const ActivityPanel *panel, char text[WORDS_MAX]) {
    char most[WORDS_COUNT_MAX];
    const float limit = 1e6F;
    (void)words_share(panel->scale < limit ? panel->scale : limit, most);
    const size_t length = strlen(most);
    if (length > 2 && strcmp(most + length - 2, ".0") == 0) most[length - 2] = '\0';
    (void)snprintf(text, WORDS_MAX, "%s%s to %s", panel->both_signs ? "−" : "",
                   panel->both_signs ? most : "0", most);
    return text;
}

const char *activity_label(const Activity *activity, size_t step) {
    const char *const label = activity->labels ? activity->labels[step] : "";
    if (strcmp(label, " ") == 0) return "␣";
    if (strcmp(label, "\n") == 0) return "↵";
    if (strcmp(label, "\t") == 0) return "⇥";
    return (unsigned char)*label < 0x20 && *label ? "�" : label;
}

bool activity_line_ends(const Activity *activity, size_t start, size_t step, size_t width) {
    return step + 1 == activity->steps || step + 1 - start == width ||
           (activity->labels && strcmp(activity->labels[step], "\n") == 0);
}

static elman_status check_unit(const elman_tape *tape, const elman_activity_options *options,
                               elman_error *error) {
    const Structure *const structure = &tape->network->structure;
    if (options->layer >= structure->layer_count) {
        return fail(error, ELMAN_ERR_ARGUMENT, "layer %zu of a model with layers 0 to %zu",
                    options->layer, structure->layer_count - 1);
    }
    if (options->reverse && !structure->layers[options->layer].bidirectional) {
        return fail(error, ELMAN_ERR_ARGUMENT, "layer %zu has no backward direction",
                    options->layer);
    }
    const size_t hidden = structure->layers[options->layer].hidden;
    if (options->unit > hidden) {
        return fail(error, ELMAN_ERR_ARGUMENT, "unit %zu of a layer with units 1 to %zu",
                    options->unit, hidden);
    }
    return ELMAN_OK;
}

static elman_status check(const elman_tape *tape, const elman_activity_options *options,
                          elman_error *error) {
    if (!tape->ran) {
        return fail(error, ELMAN_ERR_ARGUMENT, "the activity of a tape before its forward pass");
    }
    if (options->format != ELMAN_DIAGRAM_SVG && options->format != ELMAN_DIAGRAM_TEXT) {
        return fail(error, ELMAN_ERR_ARGUMENT, "activity is drawn as SVG or text, nothing else");
    }
    const size_t most = options->unit > 0 ? PASSAGE_MAX : STEPS_MAX;
    if (tape->pass.steps > most) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a passage of %zu steps, expected at most %zu",
                    tape->pass.steps, most);
    }
    return check_unit(tape, options, error);
}

static void name_activity(Activity *activity, const elman_cell_options *cell,
                          const elman_activity_options *options) {
    const char *const way = !cell->bidirectional ? ""
                            : options->reverse   ? ", backward"
                                                 : ", forward";
    char first[WORDS_COUNT_MAX], all[WORDS_COUNT_MAX];
    (void)words_count(cell->hidden, all);
    if (activity->unit > 0) {
        (void)snprintf(activity->title, sizeof(activity->title), "layer %zu, %s%s: %s of unit %s",
                       options->layer, words_cell_name(cell->cell), way, activity->panels[0].letter,
                       words_count(activity->unit, first));
    } else if (activity->units < cell->hidden) {
        (void)snprintf(activity->title, sizeof(activity->title),
                       "layer %zu, %s%s: the first %s of %s units", options->layer,
                       words_cell_name(cell->cell), way, words_count(activity->units, first), all);
    } else {
        (void)snprintf(activity->title, sizeof(activity->title), "layer %zu, %s%s: %s unit%s",
                       options->layer, words_cell_name(cell->cell), way, all,
                       cell->hidden == 1 ? "" : "s");
    }
}

static void scale_panel(const Activity *activity, ActivityPanel *panel, bool unbounded) {
    panel->scale = 1.0F;
    if (!unbounded) return;
    float most = 0.0F;
    for (size_t step = 0; step < activity->steps; step++) {
        for (size_t unit = 0; unit < activity->hidden; unit++) {
            if (activity->unit > 0 ? unit + 1 != activity->unit : unit >= activity->units) continue;
            const float size = fabsf(value_at(activity, panel, step, unit));
            if (isfinite(size) && size > most) most = size;
        }
    }
    if (most > 0.0F) panel->scale = most;
}

/* Whether a panel is wanted: all of them, or the state of one unit. */
static bool is_wanted(const PanelKind *kind, const elman_cell_options *cell,
                      const elman_activity_options *options) {
    if (options->unit == 0) return true;
    const bool has_cell = cell->cell == ELMAN_CELL_LSTM && !options->hidden_state;
    if (has_cell) return kind->kept == ELMAN_KEPT_C;
    return kind->kept == ELMAN_KEPT_H || kind->kept == ELMAN_KEPT_M;
}

static elman_status read_panels(const elman_tape *tape, const elman_activity_options *options,
                                const elman_cell_options *cell, Activity *activity,
                                elman_error *error) {
    Memory *const memory = &tape->network->context->memory;
    size_t kinds, count;
    const PanelKind *const kind = panels_of(cell, &kinds);
    for (size_t i = 0; i < kinds; i++) {
        if (!is_wanted(&kind[i], cell, options)) continue;
        ActivityPanel *const panel = &activity->panels[activity->panel_count];
        *panel = (ActivityPanel){
            .letter = kind[i].letter, .name = kind[i].name, .both_signs = kind[i].both_signs};
        if (size_mul(tape->pass.steps * tape->pass.batch, activity->hidden, &count)) {
            panel->values = memory_allocate_array(memory, count, sizeof(*panel->values));
        }
        if (!panel->values) {
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the activity of %zu units",
                        activity->hidden);
        }
        activity->panel_count++;
        const elman_status status = elman_tape_kept(tape, options->layer, options->reverse,
                                                    kind[i].kept, panel->values, error);
        if (status) return status;
        scale_panel(activity, panel, kind[i].unbounded);
    }
    return ELMAN_OK;
}

elman_status elman_diagram_activity(const elman_tape *tape, const elman_activity_options *given,
                                    elman_diagram_write_function write, void *user,
                                    elman_error *error) {
    elman_activity_options options;
    DiagramOut out;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_activity_options", error);
    if (!status) status = check(tape, &options, error);
    if (status) return status;
    const elman_cell_options *const cell = &tape->network->structure.layers[options.layer];
    const size_t units = options.units ? options.units : UNITS_DEFAULT;
    Activity activity = {
        .steps = tape->pass.lengths ? tape->pass.lengths[0] : tape->pass.steps,
        .batch = tape->pass.batch,
        .hidden = cell->hidden,
        .units = units < cell->hidden ? units : cell->hidden,
        .unit = options.unit,
        .labels = options.labels,
    };
    status = read_panels(tape, &options, cell, &activity, error);
    if (!status) {
        name_activity(&activity, cell, &options);
        diagram_out_init(&out, write, user);
        if (options.format == ELMAN_DIAGRAM_SVG) {
            diagram_activity_svg(&out, &activity);
        } else {
            diagram_activity_text(&out, &activity);
        }
        status = diagram_out_finish(&out, error);
    }
    for (size_t i = 0; i < activity.panel_count; i++) {
        memory_release(&tape->network->context->memory, activity.panels[i].values);
    }
    return status;
}
