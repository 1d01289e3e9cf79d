/* Structures to be drawn: each layer kind, depth and direction. */
#ifndef DIAGRAM_STRUCTURES_H
#define DIAGRAM_STRUCTURES_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/diagram.h>

enum {
    BOTH = 1,    /* directions */
    LEARNED = 2, /* initial state */
    BARE = 4,    /* no biases */
    DROP = 8,    /* dropout 0.2 */
    NARROW = 16, /* a projection to a quarter */
    LAYERS = 5
};

typedef struct Layer {
    elman_cell cell;
    size_t hidden;
    int has;
} Layer;

typedef struct Drawn {
    const char *name; /* of its file */
    elman_input input;
    size_t inputs, embedding, outputs; /* outputs 0: no head */
    elman_output output;
    size_t unroll, window;
    bool independent, no_cells;
    Layer layers[LAYERS];
} Drawn;

#define RNN    ELMAN_CELL_RNN
#define RELU   ELMAN_CELL_RNN_RELU
#define LSTM   ELMAN_CELL_LSTM
#define GRU    ELMAN_CELL_GRU
#define BEFORE ELMAN_CELL_GRU_RESET_BEFORE
#define DENSE  ELMAN_INPUT_DENSE
#define ONEHOT ELMAN_INPUT_ONE_HOT
#define EMBED  ELMAN_INPUT_EMBEDDING
#define EVERY  ELMAN_OUTPUT_EVERY_STEP
#define LAST   ELMAN_OUTPUT_LAST_STEP
#define MEAN   ELMAN_OUTPUT_MEAN
#define MAX    ELMAN_OUTPUT_MAX

/* clang-format off */
static const Drawn drawn[] = {
    {"01-guide", DENSE, 2, 0, 1, EVERY, 0, 0, false, false, {{RNN, 3, 0}}},
    {"02-guide-unrolled", DENSE, 2, 0, 1, EVERY, 2, 0, false, false, {{RNN, 3, 0}}},
    {"03-relu", DENSE, 5, 0, 0, EVERY, 0, 0, false, false, {{RELU, 7, BARE}}},
    {"04-lstm", ONEHOT, 96, 0, 96, EVERY, 0, 0, false, false, {{LSTM, 64, 0}}},
    {"05-lstm-window", ONEHOT, 96, 0, 96, EVERY, 0, 100, false, false, {{LSTM, 64, 0}}},
    {"06-lstm-unrolled", ONEHOT, 96, 0, 96, EVERY, 4, 0, false, false, {{LSTM, 64, LEARNED}}},
    {"07-lstm-windows", ONEHOT, 96, 0, 96, EVERY, 6, 3, false, false, {{LSTM, 64, 0}}},
    {"08-lstm-independent", ONEHOT, 96, 0, 96, EVERY, 5, 2, true, true, {{LSTM, 64, LEARNED}}},
    {"09-lstm-long-window", EMBED, 300, 24, 300, EVERY, 3, 50, false, true, {{LSTM, 40, 0}}},
    {"10-gru", DENSE, 8, 0, 3, LAST, 0, 0, false, false, {{GRU, 20, 0}}},
    {"11-gru-before", DENSE, 8, 0, 3, LAST, 0, 20, true, false, {{BEFORE, 20, LEARNED}}},
    {"12-gru-last-unrolled", DENSE, 8, 0, 3, LAST, 5, 0, false, false, {{GRU, 20, 0}}},
    {"13-gru-before-unrolled", DENSE, 8, 0, 0, EVERY, 3, 0, false, false, {{BEFORE, 20, BARE}}},
    {"14-two-lstm", ONEHOT, 96, 0, 96, EVERY, 0, 100, false, false,
     {{LSTM, 128, DROP}, {LSTM, 128, 0}}},
    {"15-two-lstm-unrolled", EMBED, 96, 16, 96, EVERY, 4, 4, false, false,
     {{LSTM, 128, DROP}, {LSTM, 128, 0}}},
    {"16-three-gru", DENSE, 1, 0, 1, EVERY, 0, 0, false, true,
     {{GRU, 32, DROP}, {GRU, 32, DROP}, {GRU, 32, DROP}}},
    {"17-three-gru-unrolled", DENSE, 1, 0, 1, EVERY, 8, 0, false, true,
     {{GRU, 32, DROP}, {GRU, 32, DROP}, {GRU, 32, DROP}}},
    {"18-both-ways", DENSE, 13, 0, 40, EVERY, 0, 0, false, false, {{LSTM, 32, BOTH}}},
    {"19-both-ways-unrolled", DENSE, 13, 0, 40, EVERY, 4, 0, false, false, {{LSTM, 32, BOTH}}},
    {"20-both-ways-last", DENSE, 13, 0, 2, LAST, 5, 0, false, true, {{GRU, 32, BOTH | LEARNED}}},
    {"21-both-ways-windows", DENSE, 13, 0, 2, EVERY, 4, 2, true, true, {{RNN, 32, BOTH}}},
    {"22-both-ways-stacked", EMBED, 500, 50, 9, EVERY, 0, 0, false, true,
     {{LSTM, 64, BOTH | DROP}, {LSTM, 64, BOTH | DROP}}},
    {"23-both-ways-stacked-unrolled", EMBED, 500, 50, 9, EVERY, 3, 0, false, true,
     {{LSTM, 64, BOTH | DROP}, {LSTM, 64, BOTH | DROP}}},
    {"24-mixed", DENSE, 6, 0, 4, EVERY, 0, 0, false, false,
     {{GRU, 48, BOTH}, {LSTM, 24, DROP}, {RNN, 12, LEARNED}}},
    {"25-mixed-unrolled", DENSE, 6, 0, 4, LAST, 4, 0, false, false,
     {{GRU, 48, BOTH}, {LSTM, 24, DROP}, {RNN, 12, LEARNED}}},
    {"26-every-cell", ONEHOT, 30, 0, 30, EVERY, 0, 0, false, false,
     {{RNN, 8, 0}, {RELU, 16, 0}, {LSTM, 24, 0}, {GRU, 32, 0}, {BEFORE, 40, 0}}},
    {"27-every-cell-unrolled", ONEHOT, 30, 0, 30, EVERY, 8, 5, false, true,
     {{RNN, 8, 0}, {RELU, 16, 0}, {LSTM, 24, 0}, {GRU, 32, 0}, {BEFORE, 40, 0}}},
    {"28-five-both-ways", DENSE, 4, 0, 0, LAST, 2, 1, false, true,
     {{LSTM, 6, BOTH}, {LSTM, 6, BOTH}, {LSTM, 6, BOTH}, {LSTM, 6, BOTH},
      {LSTM, 6, BOTH | DROP}}},
    {"29-one-unit", DENSE, 1, 0, 1, EVERY, 1, 1, false, false, {{LSTM, 1, LEARNED | BARE}}},
    {"30-wide", ONEHOT, 4096, 0, 4096, EVERY, 2, 0, false, true, {{GRU, 512, LEARNED}}},
    {"31-mean", DENSE, 8, 0, 3, MEAN, 0, 0, false, false, {{GRU, 20, DROP}}},
    {"32-mean-unrolled", DENSE, 8, 0, 3, MEAN, 5, 0, false, true, {{GRU, 20, 0}}},
    {"33-max-both-ways", EMBED, 300, 24, 2, MAX, 0, 0, false, true, {{LSTM, 40, BOTH | DROP}}},
    {"34-max-both-ways-unrolled", EMBED, 300, 24, 2, MAX, 4, 0, false, true,
     {{LSTM, 40, BOTH | DROP}}},
    {"35-projected", ONEHOT, 96, 0, 96, EVERY, 0, 100, false, false,
     {{LSTM, 64, LEARNED | NARROW}, {LSTM, 32, 0}}},
    {"36-projected-unrolled", DENSE, 9, 0, 4, EVERY, 3, 0, false, false,
     {{LSTM, 64, BOTH | NARROW}}},
};
/* clang-format on */
enum { DRAWN = sizeof(drawn) / sizeof(*drawn) };

#endif
