/* elman convert: networks from and to other systems, with a proof. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include <elman/elman.h>

typedef struct ConvertOptions {
    int from, to, nonlinearity;
    const char *module, *embedding, *linear, *probe, *expect;
    double tolerance;
    bool json;
} ConvertOptions;

/* In the order of elman_convert_format and elman_nonlinearity, the first of each being "unsaid". */
static const char *const from_names[] = {"auto", "elman", "pytorch", "onnx", NULL};
static const char *const to_names[] = {"auto", "elman", "pytorch", "onnx", "pytorch-folder", NULL};
static const char *const nonlinearity_names[] = {"auto", "tanh", "relu", NULL};

#define OF(member) .offset = offsetof(ConvertOptions, member)

/* clang-format off */
static const Option options[] = {
    {.name = "from", OF(from), .type = OPTION_CHOICE, .choices = from_names, .fallback = "auto",
     .help = "what IN is"},
    {.name = "to", OF(to), .type = OPTION_CHOICE, .choices = to_names, .fallback = "auto",
     .help = "what OUT shall be; auto: onnx where it ends in .onnx, else pytorch from a model of Elman, "
             "else elman"},
    {.name = "nonlinearity", OF(nonlinearity), .type = OPTION_CHOICE, .choices = nonlinearity_names,
     .fallback = "auto", .help = "of an nn.RNN; auto: what the file says, else tanh"},
    {.name = "module", OF(module), .type = OPTION_TEXT, .value = "NAME[,NAME...]",
     .unset = "the only one, and all tensors must have a place",
     .help = "the recurrent modules of a PyTorch file to take, one behind the other; other tensors "
             "are left aside"},
    {.name = "embedding", OF(embedding), .type = OPTION_TEXT, .value = "NAME|none",
     .unset = "the one whose shape fits", .help = "the nn.Embedding before them"},
    {.name = "linear", OF(linear), .type = OPTION_TEXT, .value = "NAME|none",
     .unset = "the one whose shape fits", .help = "the nn.Linear behind them"},
    {.name = "probe", OF(probe), .type = OPTION_FILE, .value = "DATA.npy",
     .unset = "three random rows of at most 32 steps", .help = "what both sides read for the proof"},
    {.name = "expect", OF(expect), .type = OPTION_FILE, .value = "OUT.npy",
     .help = "what the other system computed for the probe: compared too"},
    {.name = "tolerance", OF(tolerance), .type = OPTION_REAL, .value = "X", .fallback = "1e-5",
     .real_least = 0, .real_above = true, .real_most = INFINITY,
     .help = "the largest difference that passes, relative where a number is above 1"},
    {.name = "json", OF(json), .type = OPTION_FLAG, .help = "print all of it as JSON"},
    {.name = NULL},
};
/* clang-format on */

typedef struct Conversion {
    elman_context *context;
    elman_array *probe, *expect;
    elman_conversion *made;
    elman_conversion_summary summary;
} Conversion;

static void close_conversion(Conversion *conversion) {
    elman_conversion_destroy(conversion->made);
    elman_array_destroy(conversion->expect);
    elman_array_destroy(conversion->probe);
    elman_context_destroy(conversion->context);
}

static bool open_conversion(Conversion *conversion, const ConvertOptions *chosen,
                            const char *path) {
    elman_error error;
    elman_convert_options given = {
        .struct_size = sizeof(given),
        .from = (elman_convert_format)chosen->from,
        .to = (elman_convert_format)chosen->to,
        .nonlinearity = (elman_nonlinearity)chosen->nonlinearity,
        .tolerance = chosen->tolerance,
        .module = chosen->module,
        .embedding = chosen->embedding,
        .linear = chosen->linear,
    };
    bool ok = !elman_context_create(NULL, &conversion->context, &error);
    if (ok && chosen->probe)
        ok = !elman_array_load(conversion->context, chosen->probe, &conversion->probe, &error);
    if (ok && chosen->expect)
        ok = !elman_array_load(conversion->context, chosen->expect, &conversion->expect, &error);
    given.probe = conversion->probe;
    given.expect = conversion->expect;
    if (ok)
        ok = !elman_conversion_open(conversion->context, path, &given, &conversion->made, &error);
    if (!ok) {
        message("%s", error.message);
        return false;
    }
    elman_conversion_describe(conversion->made, &conversion->summary);
    return true;
}

/* ---- What is shown ---- */

static void print_tensors(const Conversion *conversion) {
    int widest = 6;
    for (size_t i = 0; i < conversion->summary.tensors; i++) {
        const int width = (int)strlen(elman_conversion_tensor(conversion->made, i)->source);
        if (width > widest) widest = width;
    }
    for (size_t i = 0; i < conversion->summary.tensors; i++) {
        const elman_converted_tensor *tensor = elman_conversion_tensor(conversion->made, i);
        char shape[FORMAT_MAX], name[512];
        if (tensor->rank > 1) {
            (void)snprintf(shape, sizeof(shape), "%zu x %zu", tensor->shape[0], tensor->shape[1]);
        } else {
            (void)snprintf(shape, sizeof(shape), "%zu", tensor->shape[0]);
        }
        (void)snprintf(name, sizeof(name), "%s", tensor->source);
        clean(name);
        output_print("%-*s  %-4s %-14s -> %s%s\n", widest, name, tensor->type, shape,
                     tensor->target, tensor->rounded ? ", rounded to F32" : "");
    }
}

static void print_differences(const Conversion *conversion) {
    const size_t count = conversion->summary.differences;
    int widest = 24;
    for (size_t i = 0; i < count; i++) {
        const int width = (int)strlen(elman_conversion_difference(conversion->made, i)->place);
        if (width > widest) widest = width;
    }
    output_print("%-*s %10s %10s %10s\n", widest, "place", "largest", "mean", "numbers");
    for (size_t i = 0; i < count; i++) {
        const elman_difference *one = elman_conversion_difference(conversion->made, i);
        output_print("%-*s %10.2e %10.2e %10zu\n", widest, one->place, one->largest, one->mean,
                     one->count);
    }
}

static void print_all(const Conversion *conversion, const char *path) {
    const elman_conversion_summary *summary = &conversion->summary;
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s", path);
    clean(text);
    output_print("%s: %s\n\n", text, summary->source);
    print_tensors(conversion);
    if (summary->notes > 0) output_print("\n");
    for (size_t i = 0; i < summary->notes; i++) {
        (void)snprintf(text, sizeof(text), "%s", elman_conversion_note(conversion->made, i));
        clean(text);
        output_print("%s\n", text);
    }
    output_print("\nproof: %zu row%s of at most %zu steps through both sides\n", summary->rows,
                 summary->rows == 1 ? "" : "s", summary->steps);
    print_differences(conversion);
    output_print("verdict: %s: the largest difference is %.2e, at most %.2e passes\n",
                 summary->proven ? "proven" : "not the same", summary->largest, summary->tolerance);
}

static json_t *describe_tensor(const elman_converted_tensor *tensor) {
    json_t *object = json_object(), *shape = json_array();
    for (size_t i = 0; i < tensor->rank; i++) json_append(shape, json_count(tensor->shape[i]));
    json_put(object, "source", json_text(tensor->source));
    json_put(object, "type", json_text(tensor->type));
    json_put(object, "shape", shape);
    json_put(object, "target", json_text(tensor->target));
    json_put(object, "rounded", json_boolean(tensor->rounded));
    return object;
}

static json_t *describe_difference(const elman_difference *difference) {
    json_t *object = json_object();
    json_put(object, "place", json_text(difference->place));
    json_put(object, "largest", json_finite(difference->largest));
    json_put(object, "mean", json_finite(difference->mean));
    json_put(object, "numbers", json_count(difference->count));
    return object;
}

static void print_json(const Conversion *conversion, const char *path) {
    const elman_conversion_summary *summary = &conversion->summary;
    json_t *object = json_object(), *tensors = json_array(), *notes = json_array();
    json_t *differences = json_array();
    for (size_t i = 0; i < summary->tensors; i++)
        json_append(tensors, describe_tensor(elman_conversion_tensor(conversion->made, i)));
    for (size_t i = 0; i < summary->notes; i++)
        json_append(notes, json_text(elman_conversion_note(conversion->made, i)));
    for (size_t i = 0; i < summary->differences; i++)
        json_append(differences,
                    describe_difference(elman_conversion_difference(conversion->made, i)));
    json_put(object, "file", json_text(path));
    json_put(object, "source", json_text(summary->source));
    json_put(object, "from", json_text(from_names[summary->from]));
    json_put(object, "to", json_text(to_names[summary->to]));
    json_put(object, "tensors", tensors);
    json_put(object, "notes", notes);
    json_put(object, "rows", json_count(summary->rows));
    json_put(object, "steps", json_count(summary->steps));
    json_put(object, "differences", differences);
    json_put(object, "largest", json_finite(summary->largest));
    json_put(object, "tolerance", json_finite(summary->tolerance));
    json_put(object, "proven", json_boolean(summary->proven));
    json_output(object);
    json_decref(object);
}

/* ---- The command ---- */

static bool save(const Conversion *conversion, const char *path) {
    elman_error error;
    if (conversion->summary.to == ELMAN_CONVERT_PYTORCH_FOLDER && !machine_make_folder(path))
        return false;
    if (!elman_conversion_save(conversion->made, path, &error)) return true;
    message("%s", error.message);
    return false;
}

static int convert(const ConvertOptions *chosen, const char *in, const char *out) {
    Conversion conversion = {0};
    int status = EXIT_FAILED;
    if (open_conversion(&conversion, chosen, in)) {
        const bool proven = conversion.summary.proven;
        if (!proven || save(&conversion, out)) {
            if (chosen->json)
                print_json(&conversion, in);
            else
                print_all(&conversion, in);
            status = proven ? EXIT_DONE : EXIT_VERDICT;
        }
    }
    close_conversion(&conversion);
    return status;
}

static bool ends_in_onnx(const char *path) {
    static const char ending[] = ".onnx";
    const size_t length = strlen(path), size = sizeof ending - 1;
    return length > size && strcmp(path + length - size, ending) == 0;
}

static int run(const Command *command, int count, char **arguments) {
    ConvertOptions chosen;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    if (operands.count != 2) {
        message_for(command->full_name, "%zu files were named, expected two: IN OUT",
                    operands.count);
        return EXIT_USAGE;
    }
    if (chosen.expect && !chosen.probe) {
        message_for(command->full_name, "--expect needs --probe: what it was computed for");
        return EXIT_USAGE;
    }
    const char *const in = operands.names[0], *const out = operands.names[1];
    if (chosen.to == ELMAN_CONVERT_AUTO && ends_in_onnx(out)) chosen.to = ELMAN_CONVERT_ONNX;
    if (!machine_spares(out, in) || !machine_spares(out, chosen.probe) ||
        !machine_spares(out, chosen.expect) ||
        (chosen.to != ELMAN_CONVERT_PYTORCH_FOLDER && !machine_can_replace(out)))
        return EXIT_FAILED;
    return convert(&chosen, in, out);
}

const Command command_convert = {
    .name = "convert",
    .run = run,
    .summary = "convert models from and to PyTorch and ONNX, with a proof",
    .full_name = "elman convert",
    .operands = "IN OUT",
    .description =
        "Converts a network and proves it: the same rows go through libelman and through an "
        "evaluator in double precision of the other system's own tensors. Printed are where each "
        "tensor went, what had to be assumed, and the largest and mean difference at each layer "
        "and at the output. What cannot be kept is refused by name.\n\n"
        "PyTorch's files are safetensors, or state dicts that torch.save wrote, of an nn.RNN, "
        "nn.LSTM or nn.GRU, with an nn.Embedding before and an nn.Linear behind it; --module "
        "takes one or several of a larger file. With --to pytorch the code of a module is written "
        "beside OUT, with --to pytorch-folder OUT is a folder of config.json, model.safetensors, "
        "model.py and README.md.\n\n"
        "An ONNX model may have RNN, GRU and LSTM nodes one behind the other, a table of vectors "
        "or affine operators before and between them, behind them affine operators, Relu, Tanh, "
        "Sigmoid, softmax and layer normalisation, and whatever only moves numbers around. With "
        "--to onnx, or an OUT that ends in .onnx, it is an ONNX model of opset 17 for any batch "
        "and number of steps, with lengths and initial states as optional inputs.\n\n"
        "The exit status is 3, and nothing is written, when both sides differ by more than the "
        "tolerance.",
    .options = options,
};
