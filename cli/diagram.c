/* elman diagram: pictures of a model and of what its gates do. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include <elman/elman.h>

typedef struct DiagramOptions {
    const char *output, *gates;
    uint64_t unroll, window, layer, unit, units;
    int format, state;
    bool no_cells, backward;
} DiagramOptions;

#define AT(member) .offset = offsetof(DiagramOptions, member)

/* In the order of the library's enumeration. */
static const char *const formats[] = {"svg", "mermaid", "dot", "text", NULL};
static const char *const states[] = {"cell", "hidden", NULL};

enum { WINDOW_OPTION = 2 }; /* its place in the table */

static const Option options[] = {
    {.name = "unroll",
     AT(unroll),
     .type = OPTION_COUNT,
     .count_most = ELMAN_DIAGRAM_UNROLL_MAX,
     .value = "N",
     .fallback = "0",
     .help = "draw N steps side by side; 0: the network folded, with loops"},
    {.name = "format",
     AT(format),
     .type = OPTION_CHOICE,
     .choices = formats,
     .fallback = "svg",
     .help = "what to write"},
    {.name = "window",
     AT(window),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .unset = "as the model was trained",
     .help = "mark that gradients flow back through N steps; 0: no mark"},
    {.name = "no-cells",
     AT(no_cells),
     .type = OPTION_FLAG,
     .help = "leave out the gates inside the cells"},
    {.name = "gates",
     AT(gates),
     .type = OPTION_TEXT,
     .value = "PASSAGE",
     .help = "draw instead what the gates do while the model reads PASSAGE: a text, or rows of "
             "numbers such as \"1,2;3,4\"; @FILE reads it from a file"},
    {.name = "layer",
     AT(layer),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "L",
     .fallback = "0",
     .help = "with --gates: the layer, counted from 0"},
    {.name = "backward",
     AT(backward),
     .type = OPTION_FLAG,
     .help = "with --gates: the direction that reads from the end"},
    {.name = "units",
     AT(units),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "32",
     .help = "with --gates: draw the first N units"},
    {.name = "unit",
     AT(unit),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = OPTION_COUNT_MAX,
     .value = "K",
     .unset = "all",
     .help = "with --gates: colour the passage by unit K, counted from 1"},
    {.name = "state",
     AT(state),
     .type = OPTION_CHOICE,
     .choices = states,
     .fallback = "cell",
     .help = "with --unit: which state of an LSTM; other cells have the hidden one alone"},
    {.name = "output",
     .letter = 'o',
     AT(output),
     .type = OPTION_FILE,
     .value = "FILE",
     .unset = "standard output",
     .help = "where the picture goes"},
    {.name = NULL},
};

/* A sequence of one row, as the model reads it. */
typedef struct Passage {
    elman_text *text;
    elman_rows *rows;
    size_t steps;
    int32_t *tokens;
    char (*characters)[5];
    const char **labels; /* NULL: numbers have none */
} Passage;

static void passage_close(Passage *passage) {
    elman_text_destroy(passage->text);
    elman_rows_destroy(passage->rows);
    free(passage->tokens);
    free(passage->characters);
    free(passage->labels);
}

static bool read_text(elman_context *context, const elman_vocabulary *vocabulary, const char *given,
                      Passage *passage) {
    elman_error error;
    const char *const path = given + 1;
    if (given[0] == '@' ? elman_text_load(context, &path, 1, &passage->text, &error)
                        : elman_text_from_memory(context, "the passage", given, strlen(given),
                                                 &passage->text, &error)) {
        message("%s", error.message);
        return false;
    }
    const size_t steps = passage->steps = elman_text_length(passage->text);
    passage->tokens = calloc(steps, sizeof(*passage->tokens));
    passage->characters = calloc(steps, sizeof(*passage->characters));
    passage->labels = calloc(steps, sizeof(*passage->labels));
    if (!passage->tokens || !passage->characters || !passage->labels) {
        message("no memory for a passage of %zu characters", steps);
        return false;
    }
    (void)elman_vocabulary_encode(vocabulary, elman_text_characters(passage->text), steps,
                                  passage->tokens);
    for (size_t i = 0; i < steps; i++) {
        (void)elman_vocabulary_decode(vocabulary, passage->tokens[i], passage->characters[i]);
        passage->labels[i] = passage->characters[i];
    }
    return true;
}

/* Numbers that are tokens. */
static bool read_tokens(size_t count, Passage *passage) {
    const float *const values = elman_rows_values(passage->rows);
    passage->tokens = calloc(count, sizeof(*passage->tokens));
    if (!passage->tokens) {
        message("no memory for %zu tokens", count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const float value = values[i];
        if (!(value >= 0.0F && value < 2147483648.0F) || floorf(value) != value) {
            message("the passage: number %zu is no token", i + 1);
            return false;
        }
        passage->tokens[i] = (int32_t)value;
    }
    passage->steps = count;
    return true;
}

static bool read_rows(elman_context *context, const elman_model_info *info, const char *given,
                      Passage *passage) {
    elman_error error;
    if (given[0] == '@' ? elman_rows_load(context, given + 1, &passage->rows, &error)
                        : elman_rows_parse(context, "the passage", given, &passage->rows, &error)) {
        message("%s", error.message);
        return false;
    }
    const size_t width = elman_rows_width(passage->rows);
    passage->steps = elman_rows_count(passage->rows);
    if (info->input != ELMAN_INPUT_DENSE) return read_tokens(passage->steps * width, passage);
    if (width == info->input_size) return true;
    message("the passage: rows of %zu numbers, the model reads %zu", width, info->input_size);
    return false;
}

static bool draw_activity(const DiagramOptions *chosen, elman_context *context,
                          const elman_model *model, elman_diagram_write_function write,
                          void *user) {
    const elman_vocabulary *const vocabulary = elman_model_vocabulary(model);
    elman_model_info info;
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    elman_error error;
    Passage passage = {0};
    bool ok = false;
    elman_model_describe(model, &info);
    if (info.input != ELMAN_INPUT_DENSE && vocabulary
            ? !read_text(context, vocabulary, chosen->gates, &passage)
            : !read_rows(context, &info, chosen->gates, &passage)) {
        goto done;
    }
    const elman_tape_options made = {
        .struct_size = sizeof(made), .steps = passage.steps, .batch = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence),
        .steps = passage.steps,
        .batch = 1,
        .dense = info.input == ELMAN_INPUT_DENSE ? elman_rows_values(passage.rows) : NULL,
        .tokens = passage.tokens,
    };
    const elman_activity_options activity = {
        .struct_size = sizeof(activity),
        .format = (elman_diagram_format)chosen->format,
        .layer = (size_t)chosen->layer,
        .reverse = chosen->backward,
        .units = (size_t)chosen->units,
        .unit = (size_t)chosen->unit,
        .hidden_state = chosen->state,
        .labels = passage.labels,
    };
    ok = !elman_network_compile(model, &network, &error) &&
         !elman_tape_create(network, &made, &tape, &error) &&
         !elman_tape_forward(tape, &sequence, &error) &&
         !elman_diagram_activity(tape, &activity, write, user, &error);
    if (!ok) message("%s", error.message);

done:
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    passage_close(&passage);
    return ok;
}

/* How the model was trained, where it tells. */
static void look_up_training(const elman_model *model, bool window_given,
                             elman_diagram_options *diagram) {
    const char *const summary = elman_model_training(model);
    json_t *const training = summary ? json_loads(summary, 0, NULL) : NULL;
    const double window = json_look_number(training, "options", "window");
    if (!window_given && window >= 1.0 && window < 1e15) diagram->window = (size_t)window;
    diagram->independent = strcmp(json_look_text(training, "options", "bptt"), "full") == 0;
    json_decref(training);
}

static bool draw_structure(const DiagramOptions *chosen, bool window_given,
                           const elman_model *model, elman_diagram_write_function write,
                           void *user) {
    elman_error error;
    elman_diagram_options diagram = {
        .struct_size = sizeof(diagram),
        .format = (elman_diagram_format)chosen->format,
        .unroll = (size_t)chosen->unroll,
        .no_cells = chosen->no_cells,
        .window = (size_t)chosen->window,
    };
    look_up_training(model, window_given, &diagram);
    if (!elman_diagram_draw(model, &diagram, write, user, &error)) return true;
    message("%s", error.message);
    return false;
}

/* A picture is written when all of it is there. */
static bool deliver(const char *path, const char *picture, size_t size) {
    if (!path || strcmp(path, "-") == 0) {
        output_write(picture, size);
        return true;
    }
    return machine_replace(path, picture, size);
}

static bool draw(const DiagramOptions *chosen, bool window_given, const char *path) {
    elman_context *context = NULL;
    elman_model *model = NULL;
    elman_error error;
    char *picture = NULL;
    size_t size = 0;
    bool ok = false;
    const char *const passage = chosen->gates && *chosen->gates == '@' ? chosen->gates + 1 : NULL;
    if (!machine_spares(chosen->output, path) || !machine_spares(chosen->output, passage)) {
        return false;
    }
    FILE *const stream = open_memstream(&picture, &size);
    if (!stream) {
        message("no memory for a picture");
    } else if (elman_context_create(NULL, &context, &error) ||
               elman_model_load(context, path, &model, &error)) {
        message("%s", error.message);
    } else if (chosen->gates) {
        ok = draw_activity(chosen, context, model, output_to_stream, stream);
    } else {
        ok = draw_structure(chosen, window_given, model, output_to_stream, stream);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
    if (stream && fclose(stream) != 0 && ok) {
        message("no memory for a picture");
        ok = false;
    }
    ok = ok && deliver(chosen->output, picture, size);
    free(picture);
    return ok;
}

static int run(const Command *command, int count, char **arguments) {
    DiagramOptions chosen;
    bool given[OPTIONS_MAX];
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, given, &operands, &status)) {
        return status;
    }
    const char *problem = NULL;
    if (!chosen.gates && chosen.unit > 0) {
        problem = "--unit colours a passage: expected --gates PASSAGE too";
    } else if (chosen.gates && *chosen.gates == '\0') {
        problem = "--gates is empty, expected a passage";
    } else if (chosen.gates && chosen.unroll > 0) {
        problem = "--gates and --unroll are two pictures: expected one of them";
    } else if (chosen.gates &&
               (chosen.format == ELMAN_DIAGRAM_MERMAID || chosen.format == ELMAN_DIAGRAM_DOT)) {
        problem = "--gates is drawn as svg or text, nothing else";
    }
    if (problem) {
        message_for(command->full_name, "%s", problem);
        return EXIT_USAGE;
    }
    if (operands.count != 1) {
        message_for(command->full_name, "%zu models were named, expected one", operands.count);
        return EXIT_USAGE;
    }
    return draw(&chosen, given[WINDOW_OPTION], operands.names[0]) ? EXIT_DONE : EXIT_FAILED;
}

const Command command_diagram = {
    .name = "diagram",
    .run = run,
    .summary = "draw a model, or what its gates do",
    .full_name = "elman diagram",
    .operands = "MODEL",
    .description =
        "Draws the network folded or unrolled over time, with the gates inside its cells, shapes "
        "and numbers of parameters, and where training cuts the gradient. With --gates it draws "
        "what the gates of a layer do while the model reads a passage: time across, units down. "
        "MODEL may be a checkpoint.",
    .options = options,
};
