/* What the contenders written in C and C++ share: the line protocol with compare.py (README.md),
 * the clock, and the numbers that weights and data are filled with. */
#ifndef CONTENDER_H
#define CONTENDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is to be computed; points.py lists the points. */
typedef struct Point {
    char mode[16]; /* infer, train, step, characters, series or speech */
    char cell[8];  /* lstm, gru or rnn */
    size_t input, hidden, batch, steps;
    size_t layers, directions, outputs; /* outputs: of the head; 0: none */
} Point;

/* One side of the comparison. A contender that fails says why on stderr and exits. */
typedef struct Contender {
    const char *name, *version;
    /* Releases the point before and gets ready for this one. Returns NULL or, when the contender
     * has nothing to offer here, why; `variant` is how the point will be computed. */
    const char *(*prepare)(const Point *point, const char **variant);
    /* Computes the point that often. */
    void (*call)(size_t times);
    /* Computes it once in every way the contender has, and prints what came out: for each way
     * contender_print_variant, then contender_print for each array. After prepare. */
    void (*check)(void);
} Contender;

/* Speaks the protocol on stdin and stdout until stdin ends. */
void contender_serve(const Contender *contender);

/* The least number of seconds that one call takes in a short trial. */
double contender_trial(void (*call)(size_t times));

void contender_print_variant(const char *name);
void contender_print(const char *name, const float *values, size_t count);

/* Prints "what: detail" on stderr and exits. */
void contender_fail(const char *what, const char *detail);

/* The number of threads that the command line asks for: its only argument. */
size_t contender_threads(int argc, char **argv);

/* `count` floats, filled with numbers in [-scale, scale) that depend on the name and the index
 * alone: points.py makes the same. The caller frees them. */
float *contender_numbers(const char *name, size_t count, double scale);

/* The same with whole numbers 0 to limit - 1. */
int32_t *contender_classes(const char *name, size_t count, int32_t limit);

/* How weights are scaled: 1 / sqrt(hidden). */
double contender_scale(const Point *point);

/* G: 4 for an LSTM, 3 for a GRU, 1 for an RNN. */
size_t contender_gates(const Point *point);

#ifdef __cplusplus
}
#endif

#endif
