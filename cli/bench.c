/* elman bench: how fast the library is here, and how fast it could be. */
#include <stddef.h>
#include <string.h>

#include "bench_model.h"
#include "bench_view.h"
#include "command.h"
#include "json.h"
#include "message.h"
#include "output.h"

typedef struct BenchOptions {
    const char *point;
    uint64_t threads;
    double seconds;
    bool profile, list, json;
} BenchOptions;

static const Option options[] = {
    {.name = "point",
     .offset = offsetof(BenchOptions, point),
     .type = OPTION_TEXT,
     .value = "PATTERN",
     .unset = "all",
     .help = "measure the points whose names match a shell pattern, or one of several with commas "
             "between"},
    {.name = "threads",
     .letter = 't',
     .offset = offsetof(BenchOptions, threads),
     .type = OPTION_COUNT,
     .value = "N",
     .unset = "1, and the CPUs available",
     .help = "measure with so many threads",
     .count_least = 1,
     .count_most = 1024},
    {.name = "seconds",
     .offset = offsetof(BenchOptions, seconds),
     .type = OPTION_REAL,
     .value = "S",
     .fallback = "1",
     .help = "spend so long on each point and number of threads, but at least five samples",
     .real_least = 0.0,
     .real_most = 3600.0,
     .real_above = true},
    {.name = "profile",
     .offset = offsetof(BenchOptions, profile),
     .type = OPTION_FLAG,
     .help = "show where the time of training goes, phase by phase"},
    {.name = "list",
     .offset = offsetof(BenchOptions, list),
     .type = OPTION_FLAG,
     .help = "print the names of the points and measure nothing"},
    {.name = "json",
     .offset = offsetof(BenchOptions, json),
     .type = OPTION_FLAG,
     .help = "print ceilings and points as JSON, at the end"},
    {.name = NULL},
};

enum { VARIANTS = 2 }; /* one thread, and all */

typedef struct Bench {
    BenchOptions options;
    BenchPoint points[BENCH_POINTS_MAX];
    size_t count;
    elman_context *contexts[VARIANTS];
    size_t threads[VARIANTS]; /* of the contexts, ascending */
    size_t variants;
    elman_ceilings ceilings;
    json_t *results; /* NULL: lines are printed instead */
    elman_error error;
} Bench;

/* Keeps the points that were asked for, in place. */
static bool choose_points(Bench *bench, const char *command) {
    const size_t all = bench_points(bench->points);
    for (size_t i = 0; i < all; i++)
        if (bench_point_matches(&bench->points[i], bench->options.point))
            bench->points[bench->count++] = bench->points[i];
    if (bench->count > 0) return true;
    message_for(command, "--point: no point matches %s, %s --list names them all",
                bench->options.point, command);
    return false;
}

static bool open_contexts(Bench *bench) {
    const size_t given = (size_t)bench->options.threads;
    const size_t most = given ? given : elman_processor_count();
    if (!given && most > 1) bench->threads[bench->variants++] = 1;
    bench->threads[bench->variants++] = most;
    for (size_t i = 0; i < bench->variants; i++) {
        const elman_context_options context_options = {
            .struct_size = sizeof(context_options),
            .threads = bench->threads[i],
        };
        if (elman_context_create(&context_options, &bench->contexts[i], &bench->error))
            return false;
    }
    return true;
}

/* Runs a point for as long as it was sampled, with a profile. */
static bool take_profile(Bench *bench, size_t variant, const BenchTimes *times, double *phases) {
    elman_context *const context = bench->contexts[variant];
    const double calls = bench->options.seconds / times->median;
    elman_profile_start(context);
    const elman_status status =
        bench_job_run(times->job, calls > 1.0 ? (size_t)calls : 1, &bench->error);
    elman_profile_stop(context);
    elman_profile_read(context, phases);
    return status == ELMAN_OK;
}

static bool show(Bench *bench, size_t variant, BenchResult result) {
    double phases[ELMAN_PHASE_COUNT];
    if (bench->options.profile && result.point->mode == BENCH_TRAIN) {
        if (!take_profile(bench, variant, result.times, phases)) return false;
        result.phases = phases;
    }
    if (bench->results)
        json_append(bench->results, bench_json_result(&result));
    else
        bench_print_result(&result);
    return true;
}

/* `memory` [variants]; its formula is 0 where it was not measured. */
static bool measure_times(Bench *bench, const BenchPoint *point, size_t variants,
                          const BenchMemory *memory) {
    BenchTimes times[VARIANTS] = {{0}};
    bool ok = true;
    for (size_t i = 0; i < variants && ok; i++) {
        times[i].threads = point->mode == BENCH_STEP ? 1 : bench->threads[i];
        times[i].context = bench->contexts[i];
        times[i].job = bench_job_create(bench->contexts[i], point, &bench->error);
        ok = times[i].job != NULL;
    }
    ok = ok && !bench_sample(times, variants, bench->options.seconds, &bench->error);
    for (size_t i = 0; i < variants && ok; i++) {
        const BenchResult result = {
            .point = point,
            .ceilings = &bench->ceilings,
            .times = &times[i],
            .memory = memory[i].formula > 0.0 ? &memory[i] : NULL,
        };
        ok = show(bench, i, result);
    }
    for (size_t i = 0; i < variants; i++) bench_times_release(&times[i]);
    return ok;
}

static bool measure_point(Bench *bench, const BenchPoint *point) {
    BenchMemory memory[VARIANTS] = {{0}};
    /* A step is computed by the calling thread, whatever the context has. */
    const size_t variants = point->mode == BENCH_STEP ? 1 : bench->variants;
    /* Before anything else is allocated. */
    for (size_t i = 0; i < variants && point->outputs > 0; i++)
        if (bench_memory(point, bench->threads[i], &memory[i], &bench->error)) return false;
    return measure_times(bench, point, variants, memory);
}

static void print_json(Bench *bench) {
    json_t *const object = json_object();
    json_put(object, "ceilings", bench_json_ceilings(&bench->ceilings));
    json_put(object, "points", json_incref(bench->results));
    json_output(object);
    json_decref(object);
}

static bool measure_all(Bench *bench) {
    if (!open_contexts(bench)) return false;
    if (elman_ceilings_measure(bench->contexts[bench->variants - 1], &bench->ceilings,
                               &bench->error))
        return false;
    if (bench->options.json) {
        bench->results = json_array();
    } else {
        bench_print_ceilings(&bench->ceilings);
        bench_print_heading();
        output_flush();
    }
    for (size_t i = 0; i < bench->count && !output_failed(); i++)
        if (!measure_point(bench, &bench->points[i])) return false;
    if (bench->options.json) print_json(bench);
    return true;
}

static int run(const Command *command, int count, char **arguments) {
    Bench bench = {0};
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &bench.options, NULL, &operands, &status))
        return status;
    if (operands.count > 0) {
        message_for(command->full_name, "%s: expected options alone", operands.names[0]);
        return EXIT_USAGE;
    }
    if (!choose_points(&bench, command->full_name)) return EXIT_USAGE;
    if (bench.options.list) {
        for (size_t i = 0; i < bench.count; i++) output_print("%s\n", bench.points[i].name);
        return EXIT_DONE;
    }
    const bool ok = measure_all(&bench);
    if (!ok) message("%s", bench.error.message);
    json_decref(bench.results);
    for (size_t i = 0; i < bench.variants; i++) elman_context_destroy(bench.contexts[i]);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const Command command_bench = {
    .name = "bench",
    .run = run,
    .summary = "measure how fast the library is on this machine",
    .full_name = "elman bench",
    .operands = "",
    .description =
        "First measures what the processor can do at most: multiply-adds, reading from memory of "
        "each size, chains in which each operation waits for the one before, a meeting of all "
        "threads. Then runs points, and holds each against that: percent of the peak, and percent "
        "of the cost model of docs/performance.md.\n\n"
        "Points: one layer over a sequence, inference and training (with the gradient of the "
        "input; weights are packed beforehand); one step a call, as a stream takes it; whole "
        "training steps, from a batch to the changed weights, with the memory that they need. An "
        "operation is an addition or a multiplication of a product with a weight matrix; "
        "biases, activations and the optimiser are not counted.\n\n"
        "A sample takes some 10 ms. Samples in which other programs took the processors are "
        "dropped and repeated; a point of which too few are left says disturbed.",
    .options = options,
};
