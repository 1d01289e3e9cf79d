/* elman run: any model over any array of numbers or tokens. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "signals.h"
#include <elman/elman.h>

typedef struct RunOptions {
    const char *output, *lengths, *state_in, *state_out;
    uint64_t threads;
} RunOptions;

static const Option options[] = {
    {.name = "output",
     .letter = 'o',
     .offset = offsetof(RunOptions, output),
     .type = OPTION_FILE,
     .value = "FILE",
     .help = "the .npy file to write, - for stdout"},
    {.name = "lengths",
     .offset = offsetof(RunOptions, lengths),
     .type = OPTION_FILE,
     .value = "FILE",
     .unset = "all steps",
     .help = "a .npy file: how many steps of each row count"},
    {.name = "state-in",
     .offset = offsetof(RunOptions, state_in),
     .type = OPTION_FILE,
     .value = "FILE",
     .unset = "the model's initial state",
     .help = "a .npy file: the state to start from, as --state-out wrote it"},
    {.name = "state-out",
     .offset = offsetof(RunOptions, state_out),
     .type = OPTION_FILE,
     .value = "FILE",
     .help = "write the state after the last step, to go on from"},
    {.name = "threads",
     .offset = offsetof(RunOptions, threads),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = 1024,
     .value = "N",
     .unset = "the CPUs available",
     .help = "the most threads to use; they share the rows"},
    {.name = NULL},
};

/* Steps times rows that a pass takes at once. */
enum { CHUNK_POSITIONS = 4096 };

typedef struct Run {
    const char *model_name, *input_path;
    const char *input_name; /* for messages */
    elman_context *context;
    elman_model *model;
    elman_network *network;
    elman_model_info info;
    elman_array *input;
    size_t steps, batch;
    size_t width;    /* numbers of the input in one step of one row */
    bool one_row;    /* the input has no axis for rows */
    size_t at_once;  /* steps of a pass */
    size_t *lengths; /* [batch], NULL: all steps */
    size_t *left;    /* [batch], those of the pass */
    float *state;    /* [state_size] */
    size_t state_size;
    bool started;    /* the state holds something */
    float *dense;    /* [at_once][batch][width] */
    int32_t *tokens; /* [at_once][batch] */
    float *results;  /* [at_once][batch][outputs] */
    float *last;     /* [batch][outputs], for one output a sequence */
    elman_tape *tape;
    elman_array_writer *output, *state_out;
} Run;

static bool failed(const elman_error *error) {
    if (!output_failed()) message("%s", error->message);
    return false;
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) message("no memory for %zu numbers", count);
    return memory;
}

static bool open_model(Run *run, size_t threads) {
    elman_error error;
    const elman_context_options one = {.struct_size = sizeof(one), .threads = threads};
    if (elman_context_create(&one, &run->context, &error) ||
        elman_model_load(run->context, run->model_name, &run->model, &error) ||
        elman_network_compile(run->model, &run->network, &error)) {
        return failed(&error);
    }
    elman_model_describe(run->model, &run->info);
    return true;
}

/* Whether the output at one step needs those behind it, so that the sequence cannot be cut. */
static bool reads_ahead(const Run *run) {
    if (run->info.output == ELMAN_OUTPUT_MEAN || run->info.output == ELMAN_OUTPUT_MAX) return true;
    for (size_t i = 0; i < run->info.layers; i++) {
        elman_cell_options layer;
        elman_model_layer(run->model, i, &layer);
        if (layer.bidirectional) return true;
    }
    return false;
}

/* Whether the array is one that the model reads, and of which shape. */
static bool check_input(Run *run) {
    const bool dense = run->info.input == ELMAN_INPUT_DENSE;
    const size_t rank = elman_array_rank(run->input), least = dense ? 2 : 1;
    const size_t *shape = elman_array_shape(run->input);
    if (!elman_array_is_whole(run->input) != dense) {
        message("%s: holds %s, but %s reads %s", run->input_name,
                dense ? "whole numbers" : "floating-point numbers", run->model_name,
                dense ? "float32 or float64" : "tokens: int32 or int64");
        return false;
    }
    if (rank != least && rank != least + 1) {
        message("%s: has %zu dimensions, expected %s", run->input_name, rank,
                dense ? "[steps][features] or [steps][rows][features]"
                      : "[steps] or [steps][rows]");
        return false;
    }
    if (dense && shape[rank - 1] != run->info.input_size) {
        message("%s: has %zu features, %s reads %zu", run->input_name, shape[rank - 1],
                run->model_name, run->info.input_size);
        return false;
    }
    if (elman_array_count(run->input) == 0) {
        message("%s: is empty, expected one step or more", run->input_name);
        return false;
    }
    run->one_row = rank == least;
    run->steps = shape[0];
    run->batch = run->one_row ? 1 : shape[1];
    run->width = dense ? run->info.input_size : 1;
    return true;
}

static bool open_input(Run *run) {
    elman_error error;
    if (elman_array_load(run->context, run->input_path, &run->input, &error)) {
        return failed(&error);
    }
    if (!check_input(run)) return false;
    run->at_once = run->steps;
    if (!reads_ahead(run) && run->batch * run->steps > CHUNK_POSITIONS) {
        run->at_once = run->batch < CHUNK_POSITIONS ? CHUNK_POSITIONS / run->batch : 1;
    }
    const size_t positions = run->at_once * run->batch;
    if (run->info.input == ELMAN_INPUT_DENSE) {
        run->dense = allocate(positions, run->width * sizeof(*run->dense));
        return run->dense != NULL;
    }
    run->tokens = allocate(positions, sizeof(*run->tokens));
    return run->tokens != NULL;
}

static bool read_lengths(Run *run, const char *name) {
    elman_array *array = NULL;
    elman_error error;
    int64_t value;
    bool ok = false;
    if (elman_array_load(run->context, name, &array, &error)) return failed(&error);
    if (!elman_array_is_whole(array) || elman_array_rank(array) != 1 ||
        elman_array_count(array) != run->batch) {
        message("%s: expected %zu whole numbers [rows]: a length for each row of %s", name,
                run->batch, run->input_name);
        goto done;
    }
    run->lengths = allocate(run->batch, sizeof(*run->lengths));
    run->left = allocate(run->batch, sizeof(*run->left));
    if (!run->lengths || !run->left) goto done;
    for (size_t b = 0; b < run->batch; b++) {
        (void)elman_array_integers(array, b, 1, &value);
        if (value < 0 || (uint64_t)value > run->steps) {
            message("%s[%zu] is %" PRId64 ", expected a length: 0 to %zu", name, b, value,
                    run->steps);
            goto done;
        }
        run->lengths[b] = (size_t)value;
    }
    ok = true;

done:
    elman_array_destroy(array);
    return ok;
}

static bool read_state(Run *run, const char *name) {
    elman_array *array = NULL;
    elman_error error;
    bool ok = false;
    if (elman_array_load(run->context, name, &array, &error)) return failed(&error);
    if (elman_array_is_whole(array) || elman_array_rank(array) != 1 ||
        elman_array_count(array) != run->state_size) {
        message("%s: expected %zu floating-point numbers: the state of %s for %zu row%s", name,
                run->state_size, run->model_name, run->batch, run->batch == 1 ? "" : "s");
        goto done;
    }
    (void)elman_array_floats(array, 0, run->state_size, run->state);
    for (size_t i = 0; i < run->state_size; i++) {
        if (isfinite(run->state[i])) continue;
        message("%s[%zu] is %g, expected a finite float", name, i, (double)run->state[i]);
        goto done;
    }
    run->started = ok = true;

done:
    elman_array_destroy(array);
    return ok;
}

static bool counts(const Run *run, size_t step, size_t row) {
    return !run->lengths || step < run->lengths[row];
}

/* "[step, row", or "[step" where there are no rows. */
static void print_place(const Run *run, size_t step, size_t row, char *text, size_t size) {
    if (run->one_row) {
        (void)snprintf(text, size, "%s[%zu", run->input_name, step);
    } else {
        (void)snprintf(text, size, "%s[%zu, %zu", run->input_name, step, row);
    }
}

static bool read_features(const Run *run, size_t step, size_t row, float *values) {
    char place[512];
    (void)elman_array_floats(run->input, (step * run->batch + row) * run->width, run->width,
                             values);
    for (size_t i = 0; i < run->width && counts(run, step, row); i++) {
        if (isfinite(values[i])) continue;
        print_place(run, step, row, place, sizeof(place));
        message("%s, %zu] is %g, expected a finite float", place, i, (double)values[i]);
        return false;
    }
    return true;
}

static bool read_token(const Run *run, size_t step, size_t row, int32_t *token) {
    char place[512];
    int64_t value;
    (void)elman_array_integers(run->input, step * run->batch + row, 1, &value);
    const bool known = value >= 0 && (uint64_t)value < run->info.input_size;
    *token = known ? (int32_t)value : 0;
    if (known || !counts(run, step, row)) return true;
    print_place(run, step, row, place, sizeof(place));
    message("%s] is %" PRId64 ", expected a token: 0 to %zu", place, value,
            run->info.input_size - 1);
    return false;
}

/* Brings steps [first, first + steps) in; false after a sentence on what no model can read. */
static bool read_steps(const Run *run, size_t first, size_t steps) {
    for (size_t t = 0; t < steps; t++) {
        for (size_t b = 0; b < run->batch; b++) {
            const size_t at = t * run->batch + b;
            const bool ok = run->dense
                                ? read_features(run, first + t, b, run->dense + at * run->width)
                                : read_token(run, first + t, b, run->tokens + at);
            if (!ok) return false;
        }
    }
    return true;
}

static size_t steps_from(const Run *run, size_t first) {
    return run->steps - first < run->at_once ? run->steps - first : run->at_once;
}

/* So that nothing is computed or written for an array with a fault at its end. */
static bool check_steps(const Run *run) {
    for (size_t first = 0; first < run->steps; first += run->at_once) {
        if (!read_steps(run, first, steps_from(run, first))) return false;
    }
    return true;
}

static int write_stdout(void *user, const void *bytes, size_t size) {
    (void)user;
    output_write(bytes, size);
    return output_failed();
}

static bool open_writers(Run *run, const RunOptions *chosen) {
    elman_error error;
    size_t shape[3], rank = 0;
    const bool last = run->info.output != ELMAN_OUTPUT_EVERY_STEP;
    if (!last) shape[rank++] = run->steps;
    if (!run->one_row) shape[rank++] = run->batch;
    shape[rank++] = run->info.outputs;
    const elman_status status =
        strcmp(chosen->output, "-") == 0
            ? elman_array_writer_open_function(run->context, "standard output", write_stdout, NULL,
                                               shape, rank, &run->output, &error)
            : elman_array_writer_open(run->context, chosen->output, shape, rank, &run->output,
                                      &error);
    if (status || (chosen->state_out &&
                   elman_array_writer_open(run->context, chosen->state_out, &run->state_size, 1,
                                           &run->state_out, &error))) {
        return failed(&error);
    }
    return true;
}

static bool prepare(Run *run) {
    elman_error error;
    const size_t row = run->info.outputs * sizeof(float);
    const elman_tape_options sizes = {.struct_size = sizeof(sizes),
                                      .steps = run->at_once,
                                      .batch = run->batch,
                                      .forward_only = 1};
    if (elman_tape_create(run->network, &sizes, &run->tape, &error)) return failed(&error);
    run->results = allocate(run->at_once * run->batch, row);
    run->last = allocate(run->batch, row);
    return run->results && run->last;
}

/* One pass. The state goes on from where the pass before ended. */
static bool run_steps(Run *run, size_t first, size_t steps) {
    elman_error error;
    const size_t outputs = run->info.outputs;
    if (!read_steps(run, first, steps)) return false;
    for (size_t b = 0; run->lengths && b < run->batch; b++) {
        const size_t from = run->lengths[b] > first ? run->lengths[b] - first : 0;
        run->left[b] = from < steps ? from : steps;
    }
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence),
        .steps = steps,
        .batch = run->batch,
        .dense = run->dense,
        .tokens = run->tokens,
        .lengths = run->left,
        .state = run->started ? run->state : NULL,
    };
    if (elman_tape_forward(run->tape, &sequence, &error)) return failed(&error);
    elman_tape_state(run->tape, run->state);
    elman_tape_output(run->tape, run->results);
    run->started = true;
    if (run->info.output == ELMAN_OUTPUT_EVERY_STEP) {
        return !elman_array_writer_append(run->output, run->results, steps * run->batch * outputs,
                                          &error) ||
               failed(&error);
    }
    for (size_t b = 0; b < run->batch; b++) {
        if (!counts(run, first, b)) continue;
        memcpy(run->last + b * outputs, run->results + b * outputs, outputs * sizeof(float));
    }
    return true;
}

/* Puts both files in their places, when both are complete. */
static bool finish(Run *run) {
    elman_error error;
    if ((run->info.output != ELMAN_OUTPUT_EVERY_STEP &&
         elman_array_writer_append(run->output, run->last, run->batch * run->info.outputs,
                                   &error)) ||
        (run->state_out &&
         elman_array_writer_append(run->state_out, run->state, run->state_size, &error))) {
        return failed(&error);
    }
    output_flush();
    if (output_failed()) return false;
    elman_array_writer *const output = run->output, *const state_out = run->state_out;
    run->output = NULL;
    if (elman_array_writer_commit(output, &error)) return failed(&error);
    run->state_out = NULL;
    if (state_out && elman_array_writer_commit(state_out, &error)) return failed(&error);
    return true;
}

static bool run_all(Run *run, const RunOptions *chosen) {
    if (!open_model(run, chosen->threads ? (size_t)chosen->threads : elman_processor_count()) ||
        !open_input(run)) {
        return false;
    }
    run->state_size = elman_network_state_size(run->network, run->batch);
    run->state = allocate(run->state_size, sizeof(*run->state));
    if (!run->state || (chosen->lengths && !read_lengths(run, chosen->lengths)) ||
        (chosen->state_in && !read_state(run, chosen->state_in)) || !check_steps(run) ||
        !prepare(run) || !open_writers(run, chosen)) {
        return false;
    }
    signals_watch();
    for (size_t first = 0; first < run->steps; first += run->at_once) {
        if (signals_received() || !run_steps(run, first, steps_from(run, first))) return false;
    }
    return finish(run);
}

static void close_run(Run *run) {
    elman_array_writer_abort(run->output);
    elman_array_writer_abort(run->state_out);
    elman_tape_destroy(run->tape);
    free(run->last);
    free(run->results);
    free(run->tokens);
    free(run->dense);
    free(run->state);
    free(run->left);
    free(run->lengths);
    elman_array_destroy(run->input);
    elman_network_destroy(run->network);
    elman_model_destroy(run->model);
    elman_context_destroy(run->context);
}

static bool same_file(const char *a, const char *b) {
    return strcmp(a, b) == 0 || machine_same_file(a, b);
}

/* What is wrong with the options and operands, or NULL. */
static const char *problem(const RunOptions *chosen, const Operands *operands) {
    if (operands->count != 2) return "expected a model and an array: MODEL INPUT.npy";
    if (!chosen->output) return "no file for the result was named: expected -o FILE";
    if ((chosen->lengths && strcmp(chosen->lengths, "-") == 0) ||
        (chosen->state_in && strcmp(chosen->state_in, "-") == 0) ||
        (chosen->state_out && strcmp(chosen->state_out, "-") == 0)) {
        return "only the input and the result may be -";
    }
    if (chosen->state_out && same_file(chosen->output, chosen->state_out)) {
        return "--output and --state-out name the same file";
    }
    if (same_file(chosen->output, operands->names[0]) ||
        (chosen->state_out && same_file(chosen->state_out, operands->names[0]))) {
        return "the result would replace the model";
    }
    return NULL;
}

static int run(const Command *command, int count, char **arguments) {
    RunOptions chosen;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    const char *wrong = problem(&chosen, &operands);
    if (wrong) {
        message_for(command->full_name, "%s", wrong);
        return EXIT_USAGE;
    }
    const char *input = operands.names[1];
    Run job = {
        .model_name = operands.names[0],
        .input_path = input,
        .input_name = strcmp(input, "-") == 0 ? "standard input" : input,
    };
    const bool ok = run_all(&job, &chosen);
    close_run(&job);
    if (!ok && signals_received()) return EXIT_SIGNAL + signals_received();
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const Command command_run = {
    .name = "run",
    .run = run,
    .summary = "compute a model's output for an array of numbers or tokens",
    .full_name = "elman run",
    .operands = "MODEL INPUT.npy -o OUTPUT.npy",
    .description =
        "Reads a NumPy array and writes the model's output for it as one of float32. Arrays are "
        "time-first. A model of numbers reads float32 or float64, [steps][features] or "
        "[steps][rows][features]; a model of tokens int32 or int64, [steps] or [steps][rows]. The "
        "output is [steps][outputs] or [steps][rows][outputs], [outputs] or [rows][outputs] for a "
        "model with one output a sequence. INPUT may be -, MODEL a checkpoint.\n\n"
        "With --state-out and --state-in a long sequence is run in pieces, with the same bits as "
        "in one go. Past its length a row's input is not looked at and its output is 0.",
    .options = options,
};
