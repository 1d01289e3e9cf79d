/* The line protocol of the contenders, their clock and their numbers. */
#include "contender.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES_MAX = 2000 };
static const double GROUP_SECONDS = 200e-6; /* calls shorter than this are timed in groups */
static const double TRIAL_SECONDS = 0.05;

void contender_fail(const char *what, const char *detail) {
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(EXIT_FAILURE);
}

size_t contender_threads(int argc, char **argv) {
    const int threads = argc == 2 ? atoi(argv[1]) : 0;
    if (threads < 1) contender_fail(argv[0], "expected the number of threads as the only argument");
    return (size_t)threads;
}

/* ---- Numbers ---- */

/* FNV-1a. */
static uint32_t hash_name(const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* 24 random bits that belong to an index. */
static uint32_t scatter(uint32_t seed, size_t index) {
    uint32_t x = seed + (uint32_t)index * 2654435769u;
    x = (x ^ x >> 16) * 2146121005u;
    x = (x ^ x >> 15) * 2221713035u;
    return (x ^ x >> 16) >> 8;
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) contender_fail("no memory", "for the numbers of this point");
    return memory;
}

float *contender_numbers(const char *name, size_t count, double scale) {
    float *numbers = (float *)allocate(count, sizeof(float));
    const uint32_t seed = hash_name(name);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)((scatter(seed, i) / 8388608.0 - 1.0) * scale);
    return numbers;
}

int32_t *contender_classes(const char *name, size_t count, int32_t limit) {
    int32_t *classes = (int32_t *)allocate(count, sizeof(int32_t));
    const uint32_t seed = hash_name(name);
    for (size_t i = 0; i < count; i++) classes[i] = (int32_t)(scatter(seed, i) % (uint32_t)limit);
    return classes;
}

double contender_scale(const Point *point) {
    return 1.0 / sqrt((double)point->hidden);
}

size_t contender_gates(const Point *point) {
    if (strcmp(point->cell, "lstm") == 0) return 4;
    return strcmp(point->cell, "gru") == 0 ? 3 : 1;
}

/* ---- Time ---- */

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds_of(void (*call)(size_t), size_t times) {
    const double begin = seconds_now();
    call(times);
    return (seconds_now() - begin) / (double)times;
}

/* How many calls make a group that the clock can measure. */
static size_t group_size(void (*call)(size_t)) {
    size_t times = 1;
    while (seconds_of(call, times) * (double)times < GROUP_SECONDS) times *= 2;
    return times;
}

double contender_trial(void (*call)(size_t)) {
    const size_t times = group_size(call);
    const double end = seconds_now() + TRIAL_SECONDS;
    double least = INFINITY;
    do least = fmin(least, seconds_of(call, times));
    while (seconds_now() < end);
    return least;
}

/* ---- The protocol ---- */

static const char *array_separator, *variant_separator;

void contender_print_variant(const char *name) {
    printf("%s\"%s\": {", variant_separator, name);
    variant_separator = "}, ";
    array_separator = "";
}

void contender_print(const char *name, const float *values, size_t count) {
    printf("%s\"%s\": [", array_separator, name);
    for (size_t i = 0; i < count; i++) printf("%s%.9g", i ? ", " : "", (double)values[i]);
    printf("]");
    array_separator = ", ";
}

/* The point of a line; 0 when the line holds none. */
static int read_point(const char *line, Point *point) {
    return sscanf(line, "point %15s %7s %zu %zu %zu %zu %zu %zu %zu", point->mode, point->cell,
                  &point->input, &point->hidden, &point->batch, &point->steps, &point->layers,
                  &point->directions, &point->outputs) == 9;
}

/* Gets ready; the size of a group, 0 where the contender has nothing to offer. */
static size_t prepare(const Contender *contender, const Point *point) {
    const char *variant = contender->name;
    const char *reason = contender->prepare(point, &variant);
    printf("{\"%s\": \"%s\"}\n", reason ? "unsupported" : "ready", reason ? reason : variant);
    return reason ? 0 : group_size(contender->call);
}

/* Samples for so many seconds, at least one. The first call only warms the caches, unless a single
 * one takes longer than that. */
static void run(const Contender *contender, size_t group, double seconds) {
    static double samples[SAMPLES_MAX];
    samples[0] = seconds_of(contender->call, group);
    const int once = samples[0] * (double)group > seconds;
    size_t count = once ? 1 : 0;
    const double end = seconds_now() + seconds;
    while (count == 0 || (!once && count < SAMPLES_MAX && seconds_now() < end))
        samples[count++] = seconds_of(contender->call, group);
    printf("{\"seconds\": [");
    for (size_t i = 0; i < count; i++) printf("%s%.6g", i ? ", " : "", samples[i]);
    printf("]}\n");
}

void contender_serve(const Contender *contender) {
    char line[256];
    Point point;
    size_t group = 0;
    double seconds;
    printf("{\"name\": \"%s\", \"version\": \"%s\"}\n", contender->name, contender->version);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (read_point(line, &point)) {
            group = prepare(contender, &point);
        } else if (sscanf(line, "run %lf", &seconds) == 1 && group) {
            run(contender, group, seconds);
        } else if (strcmp(line, "check\n") == 0 && group) {
            variant_separator = "";
            printf("{");
            contender->check();
            printf("}}\n");
        } else {
            contender_fail("no such command now", line);
        }
        fflush(stdout);
    }
}
