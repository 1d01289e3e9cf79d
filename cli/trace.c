/* elman trace: every number of a forward and a backward pass. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "machine.h"
#include "message.h"
#include "trace_input.h"
#include "trace_view.h"

typedef struct TraceOptions {
    bool guide, backward, json, explain, all, no_shares;
    const char *npz;
    TraceSource source;
} TraceOptions;

static const char *const losses[] = {"automatic", "cross-entropy", "mean-squared", "half-squares",
                                     NULL};

static const Option options[] = {
    {.name = "text",
     .offset = offsetof(TraceOptions, source.text),
     .type = OPTION_TEXT,
     .value = "TEXT",
     .help = "the input of a model of text, instead of a file"},
    {.name = "input",
     .offset = offsetof(TraceOptions, source.input),
     .type = OPTION_TEXT,
     .value = "ROWS",
     .help = "the input of a model of numbers, such as 1,2;3,4: one row a step"},
    {.name = "target",
     .offset = offsetof(TraceOptions, source.target),
     .type = OPTION_TEXT,
     .value = "ROWS",
     .help = "what a model of numbers should give, one row for each output"},
    {.name = "target-file",
     .offset = offsetof(TraceOptions, source.target_file),
     .type = OPTION_FILE,
     .value = "FILE",
     .help = "the same from a CSV or .npy file"},
    {.name = "loss",
     .offset = offsetof(TraceOptions, source.loss),
     .type = OPTION_CHOICE,
     .choices = losses,
     .fallback = "automatic",
     .value = "LOSS",
     .help = "of a model of numbers with targets; cross-entropy takes the number of a class for "
             "each output, automatic is mean-squared, for models of tokens cross-entropy"},
    {.name = "backward",
     .offset = offsetof(TraceOptions, backward),
     .type = OPTION_FLAG,
     .help = "also backpropagation through time"},
    {.name = "no-shares",
     .offset = offsetof(TraceOptions, no_shares),
     .type = OPTION_FLAG,
     .help = "leave out each step's share of the gradients"},
    {.name = "explain",
     .offset = offsetof(TraceOptions, explain),
     .type = OPTION_FLAG,
     .help = "print each number as its equation with the numbers put in"},
    {.name = "all",
     .offset = offsetof(TraceOptions, all),
     .type = OPTION_FLAG,
     .help = "sum up nothing that is long"},
    {.name = "json",
     .offset = offsetof(TraceOptions, json),
     .type = OPTION_FLAG,
     .help = "print all arrays as JSON"},
    {.name = "npz",
     .offset = offsetof(TraceOptions, npz),
     .type = OPTION_FILE,
     .value = "FILE",
     .help = "write all arrays to a file for numpy.load"},
    {.name = "guide",
     .offset = offsetof(TraceOptions, guide),
     .type = OPTION_FLAG,
     .help = "the worked example of the guide to recurrent networks, in its own symbols; needs no "
             "model"},
    {.name = NULL},
};

/* Whether there is memory for the shares, which grow with weights times steps. */
static bool fits(const TraceView *view, const TraceOptions *chosen) {
    const double each = chosen->json ? 96.0 : sizeof(double);
    const double needed = (double)view->info.parameters * (double)view->sequence.steps * each;
    const double there = (double)machine_memory_available();
    char text[FORMAT_MAX], available[FORMAT_MAX];
    if (!chosen->backward || chosen->no_shares || there <= 0.0 || needed < there * 0.8) return true;
    message("the shares of %zu steps need %s of memory, %s are there: --no-shares leaves them out",
            view->sequence.steps, format_bytes(needed, text), format_bytes(there, available));
    return false;
}

/* The sums of --explain are those of cells whose h has a number for each unit. */
static bool explainable(const TraceView *view) {
    for (size_t layer = 0; layer < view->info.layers; layer++) {
        elman_cell_options cell;
        elman_model_layer(view->model, layer, &cell);
        if (cell.projection == 0) continue;
        message("%s: --explain does not follow layer %zu, whose state is projected", view->name,
                layer);
        return false;
    }
    return true;
}

static bool show(TraceView *view, const TraceOptions *chosen) {
    elman_trace *trace = NULL;
    elman_error error;
    if (chosen->backward && view->options.loss == ELMAN_TRACE_NO_LOSS) {
        message("%s: gradients need a loss: expected %s", view->name,
                view->vocabulary ? "a model whose outputs are its characters"
                                 : "--target or --target-file");
        return false;
    }
    if (!fits(view, chosen) || (chosen->explain && !explainable(view))) return false;
    view->sequence.struct_size = sizeof(view->sequence);
    view->sequence.batch = 1;
    view->options.struct_size = sizeof(view->options);
    view->options.backward = chosen->backward;
    view->options.no_shares = chosen->no_shares;
    view->all = chosen->all;
    bool ok = !elman_trace_create(view->model, &view->sequence, &view->options, &trace, &error);
    view->trace = trace;
    if (!ok) {
        message("%s: %s", view->name, error.message);
    } else if (chosen->npz) {
        ok = !elman_trace_save(trace, chosen->npz, &error);
        if (!ok) message("%s", error.message);
    } else if (chosen->json) {
        trace_print_json(view);
    } else if (chosen->explain) {
        ok = trace_explain(view);
    } else {
        trace_print_table(view);
    }
    elman_trace_destroy(trace);
    return ok;
}

static bool trace_guide(elman_context *context, const TraceOptions *chosen) {
    TraceView view = {.name = "guide", .guide = true, .positions = 2};
    elman_model *model = NULL;
    elman_error error;
    bool ok = !trace_guide_model(context, &model, &error);
    if (ok) {
        elman_model_describe(model, &view.info);
        view.model = model;
        view.sequence = (elman_sequence){.steps = 2, .dense = trace_guide_input};
        view.options =
            (elman_trace_options){.loss = ELMAN_TRACE_HALF_SQUARES, .values = trace_guide_targets};
        ok = show(&view, chosen);
    } else {
        message("%s", error.message);
    }
    elman_model_destroy(model);
    return ok;
}

static bool trace_model(elman_context *context, const TraceOptions *chosen, const char *path) {
    TraceView view = {.name = path};
    TraceInput input = {0};
    elman_model *model = NULL;
    elman_error error;
    bool ok = !elman_model_load(context, path, &model, &error);
    if (ok) {
        elman_model_describe(model, &view.info);
        view.model = model;
        view.vocabulary = elman_model_vocabulary(model);
        ok = trace_input_open(&input, &view, context, &chosen->source) && show(&view, chosen);
    } else {
        message("%s", error.message);
    }
    trace_input_close(&input);
    elman_model_destroy(model);
    return ok;
}

/* What is wrong with the options and operands, or NULL. */
static const char *problem(const TraceOptions *chosen, const Operands *operands) {
    const TraceSource *source = &chosen->source;
    const bool given = source->text || source->input || source->target || source->target_file ||
                       source->loss != LOSS_AUTOMATIC;
    if (chosen->json + chosen->explain + (chosen->npz != NULL) > 1) {
        return "--json, --npz and --explain are three forms: expected one of them";
    }
    if (chosen->guide) {
        return operands->count > 0 || given ? "--guide has its own model, input and targets" : NULL;
    }
    if (operands->count == 0) return "no model was named: expected MODEL INPUT, or --guide";
    if (operands->count > 2) return "more than one input was named: expected MODEL INPUT";
    if ((operands->count == 2) + (source->text != NULL) + (source->input != NULL) != 1) {
        return "expected one input: a file, --text or --input";
    }
    if (source->target && source->target_file) {
        return "--target and --target-file are two ways to say one thing";
    }
    if (operands->count == 2 && source->target_file && strcmp(operands->names[1], "-") == 0 &&
        strcmp(source->target_file, "-") == 0) {
        return "input and targets cannot both be standard input";
    }
    if (source->loss != LOSS_AUTOMATIC && !source->target && !source->target_file) {
        return "--loss needs --target or --target-file";
    }
    return NULL;
}

static int run(const Command *command, int count, char **arguments) {
    TraceOptions chosen;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    const char *wrong = problem(&chosen, &operands);
    if (wrong) {
        message_for(command->full_name, "%s", wrong);
        return EXIT_USAGE;
    }
    chosen.source.file = operands.count == 2 ? operands.names[1] : NULL;
    elman_context *context = NULL;
    elman_error error;
    const elman_context_options one = {.struct_size = sizeof(one), .threads = 1};
    bool ok = machine_spares(chosen.npz, operands.count > 0 ? operands.names[0] : NULL) &&
              machine_spares(chosen.npz, chosen.source.file) &&
              machine_spares(chosen.npz, chosen.source.target_file) &&
              (!chosen.npz || machine_can_replace(chosen.npz));
    if (ok && elman_context_create(&one, &context, &error)) {
        message("%s", error.message);
        ok = false;
    }
    if (ok) {
        ok = chosen.guide ? trace_guide(context, &chosen)
                          : trace_model(context, &chosen, operands.names[0]);
    }
    elman_context_destroy(context);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const Command command_trace = {
    .name = "trace",
    .run = run,
    .summary = "show every number of a forward and backward pass",
    .full_name = "elman trace",
    .operands = "[MODEL [INPUT]]",
    .description =
        "Runs a model over one sequence and prints every number: arguments, gates, states, "
        "outputs, the loss; with --backward the gradients of all of them, those of the weights, "
        "and each step's share of those.\n\n"
        "INPUT is a text for a model of text, where the target of each character is the next one, "
        "and a CSV or .npy file for a model of numbers, one row a step (- is standard input); for "
        "a model of tokens "
        "without characters (elman train task copy) a row is the number of a token. MODEL may be "
        "a checkpoint.",
    .options = options,
};
