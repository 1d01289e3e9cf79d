/* The points of elman bench. */
#include "bench_points.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

typedef struct Shape {
    size_t hidden, batch, steps;
} Shape;

static const Shape shapes[] = {
    {128, 1, 100},  {256, 1, 100}, {512, 1, 100}, {64, 8, 100},   {128, 32, 100},
    {256, 32, 100}, {512, 32, 50}, {512, 64, 25}, {1024, 32, 25},
};

/* Inputs and units of what runs a step at a time. */
static const size_t streams[][2] = {{1, 8},   {1, 16},  {1, 24},  {1, 32}, {1, 64},
                                    {1, 128}, {1, 256}, {1, 512}, {4, 4},  {16, 16}};

static const BenchPoint training_steps[] = {
    {.name = "characters-lstm-2x128",
     .mode = BENCH_TRAIN,
     .cell = ELMAN_CELL_LSTM,
     .layers = 2,
     .inputs = 96,
     .tokens = true,
     .hidden = 128,
     .batch = 50,
     .steps = 50,
     .outputs = 96,
     .classes = true},
    {.name = "characters-lstm-2x512",
     .mode = BENCH_TRAIN,
     .cell = ELMAN_CELL_LSTM,
     .layers = 2,
     .inputs = 96,
     .tokens = true,
     .hidden = 512,
     .batch = 64,
     .steps = 100,
     .outputs = 96,
     .classes = true},
    {.name = "series-gru-1x64",
     .mode = BENCH_TRAIN,
     .cell = ELMAN_CELL_GRU,
     .layers = 1,
     .inputs = 8,
     .hidden = 64,
     .batch = 64,
     .steps = 168,
     .outputs = 1},
    {.name = "speech-bilstm-3x256",
     .mode = BENCH_TRAIN,
     .cell = ELMAN_CELL_LSTM,
     .layers = 3,
     .bidirectional = true,
     .inputs = 80,
     .hidden = 256,
     .batch = 16,
     .steps = 400,
     .outputs = 32,
     .classes = true},
};

const char *bench_mode_name(BenchMode mode) {
    static const char *const names[] = {"infer", "train", "step"};
    return names[mode];
}

const char *bench_cell_name(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? "lstm" : cell == ELMAN_CELL_GRU ? "gru" : "rnn";
}

static BenchPoint layer_point(elman_cell cell, const Shape *shape, BenchMode mode) {
    BenchPoint point = {
        .mode = mode,
        .cell = cell,
        .layers = 1,
        .inputs = shape->hidden,
        .hidden = shape->hidden,
        .batch = shape->batch,
        .steps = shape->steps,
    };
    (void)snprintf(point.name, sizeof(point.name), "%s-h%zu-b%zu-t%zu-%s", bench_cell_name(cell),
                   point.hidden, point.batch, point.steps, bench_mode_name(mode));
    return point;
}

static BenchPoint stream_point(elman_cell cell, const size_t widths[2]) {
    BenchPoint point = {
        .mode = BENCH_STEP,
        .cell = cell,
        .layers = 1,
        .inputs = widths[0],
        .hidden = widths[1],
        .batch = 1,
        .steps = 1,
    };
    (void)snprintf(point.name, sizeof(point.name), "%s-i%zu-h%zu-step", bench_cell_name(cell),
                   point.inputs, point.hidden);
    return point;
}

size_t bench_points(BenchPoint points[BENCH_POINTS_MAX]) {
    static const elman_cell cells[] = {ELMAN_CELL_LSTM, ELMAN_CELL_GRU, ELMAN_CELL_RNN};
    size_t count = 0;
    for (size_t c = 0; c < 3; c++)
        for (size_t mode = BENCH_INFER; mode <= BENCH_TRAIN; mode++)
            for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++)
                points[count++] = layer_point(cells[c], &shapes[s], (BenchMode)mode);
    for (size_t c = 0; c < 2; c++)
        for (size_t s = 0; s < sizeof(streams) / sizeof(*streams); s++)
            points[count++] = stream_point(cells[c], streams[s]);
    for (size_t i = 0; i < sizeof(training_steps) / sizeof(*training_steps); i++)
        points[count++] = training_steps[i];
    return count;
}

bool bench_point_matches(const BenchPoint *point, const char *patterns) {
    char pattern[BENCH_NAME_MAX * 2];
    if (!patterns) return true;
    while (*patterns) {
        const size_t length = strcspn(patterns, ",");
        if (length < sizeof(pattern)) {
            memcpy(pattern, patterns, length);
            pattern[length] = '\0';
            if (fnmatch(pattern, point->name, 0) == 0) return true;
        }
        patterns += length;
        patterns += *patterns == ',';
    }
    return false;
}
