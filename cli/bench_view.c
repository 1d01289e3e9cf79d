/* Prints what elman bench measured, as lines and as JSON. */
#include "bench_view.h"

#include <stdio.h>

#include "bench_model.h"
#include "format.h"
#include "json.h"
#include "output.h"

/* "58.3 ns", "1.234 ms" */
static const char *format_time(double seconds, char text[FORMAT_MAX]) {
    const char *unit = "s";
    char number[FORMAT_MAX];
    if (seconds < 1e-6) {
        unit = "ns";
        seconds *= 1e9;
    } else if (seconds < 1e-3) {
        unit = "us";
        seconds *= 1e6;
    } else if (seconds < 1.0) {
        unit = "ms";
        seconds *= 1e3;
    }
    (void)snprintf(text, FORMAT_MAX, "%s %s", format_short(seconds, number), unit);
    return text;
}

static void print_rates(const char *name, const double *rates, size_t sizes) {
    output_print("%-14s", name);
    for (size_t i = 0; i < sizes; i += 2) output_print(" %7.0f", rates[i] * 1e-9);
    output_print("\n");
}

static void print_reads(const elman_ceilings *ceilings) {
    char name[FORMAT_MAX];
    output_print("%-14s", "read, KiB");
    for (size_t i = 0; i < ceilings->sizes; i += 2)
        output_print(" %7zu", ceilings->bytes[i] / 1024);
    output_print("\n");
    print_rates("1 thread, GB/s", ceilings->read, ceilings->sizes);
    (void)snprintf(name, sizeof(name), "%zu together", ceilings->threads);
    if (ceilings->threads > 1) print_rates(name, ceilings->read_all, ceilings->sizes);
}

void bench_print_ceilings(const elman_ceilings *ceilings) {
    char chain[FORMAT_MAX], lstm[FORMAT_MAX], gru[FORMAT_MAX], rnn[FORMAT_MAX], meet[FORMAT_MAX];
    output_print("%s, %.2f GHz; peak %.1f GFLOP/s on 1 thread", ceilings->isa,
                 ceilings->clock * 1e-9, ceilings->peak * 1e-9);
    if (ceilings->threads > 1)
        output_print(", %.1f on %zu; barrier %s", ceilings->peak_all * 1e-9, ceilings->threads,
                     format_time(ceilings->barrier, meet));
    output_print("\nproducts %.1f", ceilings->product * 1e-9);
    if (ceilings->threads > 1) output_print(", %.1f", ceilings->product_all * 1e-9);
    output_print("\nchains: multiply-add %s; a step of lstm %s, gru %s, rnn %s\n",
                 format_time(ceilings->fma_chain, chain), format_time(ceilings->lstm_chain, lstm),
                 format_time(ceilings->gru_chain, gru), format_time(ceilings->rnn_chain, rnn));
    print_reads(ceilings);
}

void bench_print_heading(void) {
    output_print("\n%-26s %7s %10s %10s %8s %7s %7s\n", "point", "threads", "median", "5 %",
                 "GFLOP/s", "% peak", "% model");
}

static double rate(const BenchResult *result) {
    return bench_flops(result->point) / result->times->median;
}

static double share_of_peak(const BenchResult *result) {
    const elman_ceilings *const ceilings = result->ceilings;
    return rate(result) / (result->times->threads > 1 ? ceilings->peak_all : ceilings->peak);
}

static double model_seconds(const BenchResult *result) {
    const BenchTimes *const times = result->times;
    return bench_seconds(result->point, result->ceilings, &times->pace, times->threads);
}

static void print_memory(const BenchMemory *memory) {
    char formula[FORMAT_MAX], allocated[FORMAT_MAX], resident[FORMAT_MAX];
    output_print("    memory: needed %s; allocated %s", format_bytes(memory->formula, formula),
                 format_bytes(memory->allocated, allocated));
    if (memory->resident > 0.0)
        output_print(", process %s", format_bytes(memory->resident, resident));
    output_print("\n");
}

static double total_of(const double *phases) {
    double total = 0.0;
    for (size_t i = 0; i < ELMAN_PHASE_COUNT; i++) total += phases[i];
    return total;
}

static void print_phases(const double *phases) {
    const double total = total_of(phases);
    for (size_t i = 0; i < ELMAN_PHASE_COUNT; i++) {
        const double percent = 100.0 * phases[i] / total;
        if (percent < 0.05) continue;
        output_print("    %-18s %5.1f %%\n", elman_phase_name((elman_phase)i), percent);
    }
}

void bench_print_result(const BenchResult *result) {
    char median[FORMAT_MAX], fifth[FORMAT_MAX], barrier[FORMAT_MAX];
    const BenchTimes *const times = result->times;
    output_print("%-26s %7zu %10s %10s %8.2f %7.1f %7.1f", result->point->name, times->threads,
                 format_time(times->median, median), format_time(times->fifth, fifth),
                 rate(result) * 1e-9, 100.0 * share_of_peak(result),
                 100.0 * model_seconds(result) / times->median);
    if (times->threads > 1)
        output_print("  barrier %s", format_time(result->ceilings->barrier, barrier));
    if (times->others > 0.05) output_print("  others %.0f %%", 100.0 * times->others);
    output_print("%s\n", times->disturbed ? "  disturbed" : "");
    if (result->memory) print_memory(result->memory);
    if (result->phases) print_phases(result->phases);
    output_flush();
}

static json_t *json_numbers(const double *numbers, size_t count) {
    json_t *const array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, json_finite(numbers[i]));
    return array;
}

json_t *bench_json_ceilings(const elman_ceilings *ceilings) {
    json_t *const object = json_object(), *const bytes = json_array();
    json_put(object, "isa", json_text(ceilings->isa));
    json_put(object, "threads", json_count(ceilings->threads));
    json_put(object, "clock_hz", json_finite(ceilings->clock));
    json_put(object, "peak_flops", json_finite(ceilings->peak));
    json_put(object, "peak_all_flops", json_finite(ceilings->peak_all));
    json_put(object, "product_flops", json_finite(ceilings->product));
    json_put(object, "product_all_flops", json_finite(ceilings->product_all));
    json_put(object, "fma_chain_s", json_finite(ceilings->fma_chain));
    json_put(object, "lstm_chain_s", json_finite(ceilings->lstm_chain));
    json_put(object, "gru_chain_s", json_finite(ceilings->gru_chain));
    json_put(object, "rnn_chain_s", json_finite(ceilings->rnn_chain));
    json_put(object, "barrier_s", json_finite(ceilings->barrier));
    for (size_t i = 0; i < ceilings->sizes; i++) json_append(bytes, json_count(ceilings->bytes[i]));
    json_put(object, "read_bytes", bytes);
    json_put(object, "read_bytes_per_s", json_numbers(ceilings->read, ceilings->sizes));
    json_put(object, "read_all_bytes_per_s", json_numbers(ceilings->read_all, ceilings->sizes));
    return object;
}

static json_t *json_memory(const BenchMemory *memory) {
    json_t *const object = json_object();
    json_put(object, "needed", json_finite(memory->formula));
    json_put(object, "allocated", json_finite(memory->allocated));
    json_put(object, "process",
             memory->resident > 0.0 ? json_finite(memory->resident) : json_null());
    return object;
}

static json_t *json_phases(const double *phases) {
    json_t *const object = json_object();
    const double total = total_of(phases);
    for (size_t i = 0; i < ELMAN_PHASE_COUNT; i++)
        json_put(object, elman_phase_name((elman_phase)i), json_finite(100.0 * phases[i] / total));
    return object;
}

json_t *bench_json_result(const BenchResult *result) {
    json_t *const object = json_object();
    const BenchPoint *const point = result->point;
    const BenchTimes *const times = result->times;
    json_put(object, "point", json_text(point->name));
    json_put(object, "cell", json_text(bench_cell_name(point->cell)));
    json_put(object, "hidden", json_count(point->hidden));
    json_put(object, "batch", json_count(point->batch));
    json_put(object, "steps", json_count(point->steps));
    json_put(object, "mode", json_text(bench_mode_name(point->mode)));
    json_put(object, "threads", json_count(times->threads));
    json_put(object, "dtype", json_text("float32"));
    json_put(object, "isa", json_text(result->ceilings->isa));
    json_put(object, "median_s", json_finite(times->median));
    json_put(object, "p5_s", json_finite(times->fifth));
    json_put(object, "gflops", json_finite(rate(result) * 1e-9));
    json_put(object, "percent_of_peak", json_finite(100.0 * share_of_peak(result)));
    json_put(object, "percent_of_model",
             json_finite(100.0 * model_seconds(result) / times->median));
    json_put(object, "product_flops", json_finite(times->pace.product));
    json_put(object, "clock_hz", json_finite(times->pace.clock));
    json_put(object, "samples", json_count(times->clean));
    json_put(object, "dropped", json_count(times->count - times->clean));
    json_put(object, "disturbed", json_boolean(times->disturbed));
    json_put(object, "others_percent", json_finite(100.0 * times->others));
    if (result->memory) json_put(object, "memory_bytes", json_memory(result->memory));
    if (result->phases) json_put(object, "profile_percent", json_phases(result->phases));
    return object;
}
