/* What elman bench measures. */
#ifndef CLI_BENCH_POINTS_H
#define CLI_BENCH_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/elman.h>

typedef enum BenchMode {
    BENCH_INFER, /* forward passes of one layer */
    BENCH_TRAIN, /* forward and backward passes of one layer, or whole training steps */
    BENCH_STEP   /* one layer, one step of one row a call */
} BenchMode;

enum { BENCH_NAME_MAX = 48, BENCH_POINTS_MAX = 96 };

typedef struct BenchPoint {
    char name[BENCH_NAME_MAX]; /* "lstm-h128-b1-t100-infer" */
    BenchMode mode;
    elman_cell cell;
    size_t layers;
    bool bidirectional;
    size_t inputs; /* numbers, or the vocabulary where the input is tokens */
    bool tokens;
    size_t hidden, batch, steps;
    size_t outputs; /* of the head: a whole training step, through a trainer; 0: a layer alone */
    bool classes;   /* cross-entropy over the outputs; else the mean squared error */
} BenchPoint;

/* Fills in all points, in the order in which they are printed; returns how many there are. */
size_t bench_points(BenchPoint points[BENCH_POINTS_MAX]);

/* Whether a point's name is one of those that `patterns` means: shell patterns with commas between.
 * NULL means all. */
bool bench_point_matches(const BenchPoint *point, const char *patterns);

/* "infer", "train" or "step"; "lstm", "gru" or "rnn". */
const char *bench_mode_name(BenchMode mode);
const char *bench_cell_name(elman_cell cell);

#endif
