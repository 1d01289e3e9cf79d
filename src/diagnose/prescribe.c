/* For each trouble the option that addresses it. */
#include "diagnose/prescribe.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static double number(const json_t *options, const char *key) {
    const json_t *const value = json_object_get(options, key);
    return json_is_number(value) ? json_number_value(value) : 0.0;
}

static bool is_word(const json_t *options, const char *key, const char *word) {
    const char *const value = json_string_value(json_object_get(options, key));
    return value && strcmp(value, word) == 0;
}

static bool has_option(const Training *training, const char *option) {
    return !training->options || json_object_get(training->options, option + strlen("--"));
}

Training prescribe_read_training(const char *text) {
    json_t *const root = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *const options = json_object_get(root, "options");
    const Training training = {
        .told = root,
        .options = options,
        .rate = number(options, "lr"),
        .clip = number(options, "clip"),
        .dropout = number(options, "dropout"),
        .forget_bias = number(options, "forget-bias"),
        .layers = number(options, "layers"),
        .hidden = number(options, "hidden"),
        .steps = number(json_object_get(root, "result"), "steps"),
        .patience = number(options, "patience"),
        .orthogonal = is_word(options, "recurrent-init", "orthogonal") ||
                      is_word(options, "recurrent-init", "identity"),
    };
    return training;
}

void prescribe_release_training(Training *training) {
    json_decref(training->told);
}

/* An option and what stands before it in the sentence. */
typedef struct Cure {
    const char *words, *option;
    const char *word; /* the value, or */
    double value;     /* NaN: `word` */
} Cure;

static Cure cure_vanishing(const Training *training, elman_cell cell) {
    if (cell == ELMAN_CELL_LSTM && training->forget_bias < 1.0)
        return (Cure){"Let its cells begin by keeping what they hold", "--forget-bias", NULL, 3.0};
    if (cell == ELMAN_CELL_GRU || cell == ELMAN_CELL_GRU_RESET_BEFORE)
        return (Cure){"Use a cell that carries its state along by addition", "--cell", "lstm", NAN};
    return (Cure){"Use a cell that carries its state along", "--cell", "gru", NAN};
}

static Cure cure_exploding(const Training *training) {
    if (training->clip == 0.0 || training->clip > 1.0)
        return (Cure){"Bound the gradient", "--clip", NULL, 1.0};
    if (!training->orthogonal)
        return (Cure){"Begin with recurrent weights that neither stretch nor shrink",
                      "--recurrent-init", "orthogonal", NAN};
    return (Cure){"Take smaller steps", "--lr", NULL, training->rate / 3.0};
}

static Cure cure_rate(const Training *training, double share, double most) {
    const double rate = training->rate > 0.0 ? training->rate * share : most;
    return (Cure){"Take smaller steps", "--lr", NULL, rate < most ? rate : most};
}

/* A whole number of two digits that is no less. */
static double round_up(double steps) {
    double unit = 1.0;
    while (steps / unit > 100.0) unit *= 10.0;
    return ceil(steps / unit) * unit;
}

static Cure cure_window(const Training *training, double needed) {
    const char *const option = has_option(training, "--window") ? "--window" : "--context";
    return (Cure){"Let the gradient flow back further", option, NULL, round_up(needed)};
}

static Cure cure_overfitting(const Training *training) {
    if (training->layers > 1.0 && training->dropout == 0.0)
        return (Cure){"Train on more data, or drop outputs between the layers", "--dropout", NULL,
                      0.3};
    if (training->patience == 0.0 && has_option(training, "--patience"))
        return (Cure){"Train on more data, or stop when validation no longer falls", "--patience",
                      NULL, 2.0};
    return (Cure){"Train on more data, or pull the weights towards 0", "--weight-decay", NULL,
                  0.001};
}

static Cure cure_not_learned(const Training *training) {
    if (training->steps > 0.0)
        return (Cure){"Train for longer", "--max-steps", NULL, round_up(3.0 * training->steps)};
    return (Cure){"Train for longer, or on more data", NULL, NULL, NAN};
}

static Cure choose(const Training *training, elman_cell cell, const elman_finding *finding) {
    switch (finding->trouble) {
    case ELMAN_TROUBLE_VANISHING:
        return cure_vanishing(training, cell);
    case ELMAN_TROUBLE_EXPLODING:
        return cure_exploding(training);
    case ELMAN_TROUBLE_SHORT_WINDOW:
        return cure_window(training, 2.0 * finding->measured);
    case ELMAN_TROUBLE_NOT_LEARNED:
        return cure_not_learned(training);
    case ELMAN_TROUBLE_SATURATED:
        return cure_rate(training, 1.0 / 3.0, 1e-3);
    case ELMAN_TROUBLE_DEAD_UNITS:
        if (cell == ELMAN_CELL_RNN_RELU)
            return (Cure){"Use a cell whose units cannot die", "--cell", "rnn", NAN};
        return (Cure){"They cost time and give nothing: use fewer", "--hidden", NULL,
                      fmax(1.0, training->hidden - finding->measured)};
    case ELMAN_TROUBLE_DUPLICATE_UNITS:
        return (Cure){"Begin with units that differ", "--recurrent-init", "orthogonal", NAN};
    case ELMAN_TROUBLE_FORGETTING:
        if (cell == ELMAN_CELL_LSTM)
            return (Cure){"Let its cells begin by keeping what they hold", "--forget-bias", NULL,
                          1.0};
        return cure_vanishing(training, cell);
    case ELMAN_TROUBLE_DIVERGING:
        return cure_rate(training, 0.1, 5e-3);
    case ELMAN_TROUBLE_OVERFITTING:
        return cure_overfitting(training);
    case ELMAN_TROUBLE_DRIFT:
        return cure_window(training, 2.0 * finding->threshold);
    }
    return (Cure){0};
}

/* As one would type it. */
static char *write_value(elman_diagnosis *diagnosis, double value) {
    return diagnosis_say(diagnosis, value >= 1.0 && value == floor(value) ? "%.0f" : "%.2g", value);
}

elman_status prescribe(elman_diagnosis *diagnosis, const Training *training, elman_cell cell,
                       elman_finding *finding, elman_error *error) {
    Cure cure = choose(training, cell, finding);
    if (cure.option && !has_option(training, cure.option)) cure.option = cure.word = NULL;
    finding->option = cure.option;
    finding->value = cure.word;
    if (!cure.option)
        finding->prescription = diagnosis_say(diagnosis, "%s.", cure.words);
    else if (cure.word || (finding->value = write_value(diagnosis, cure.value)))
        finding->prescription =
            diagnosis_say(diagnosis, "%s: %s %s.", cure.words, cure.option, finding->value);
    return finding->prescription ? ELMAN_OK : diagnosis_no_memory(error);
}
