/* Words and numbers that the forms of a diagram share. */
#ifndef EXPLAIN_DIAGRAM_WORDS_H
#define EXPLAIN_DIAGRAM_WORDS_H

#include <stddef.h>

#include "model/structure.h"

enum { WORDS_MAX = 160, WORDS_COUNT_MAX = 32 };

/* "LSTM", "RNN tanh"; the two GRUs are told apart by words_cell_variant. */
const char *words_cell_name(elman_cell cell);

/* ", reset before R", or "" where there is one form of a cell. */
const char *words_cell_variant(const elman_cell_options *layer);

/* "h" or "h, c": what a cell hands on from step to step. */
const char *words_state(elman_cell cell);

/* "1,234,567" */
const char *words_count(size_t count, char text[WORDS_COUNT_MAX]);

/* A share between 0 and 1, in at most three decimals, whatever the locale. */
const char *words_share(float share, char text[WORDS_COUNT_MAX]);

/* "W 1,024 × 96 = 98,304" */
const char *words_matrix(const char *name, size_t rows, size_t columns, char text[WORDS_MAX]);

/* The weights of a layer's direction, in these words; biases and a projection's are "" where there
 * are none. */
const char *words_weight_ih(const Structure *structure, size_t layer, char text[WORDS_MAX]);
const char *words_weight_hh(const Structure *structure, size_t layer, char text[WORDS_MAX]);
const char *words_weight_hr(const Structure *structure, size_t layer, char text[WORDS_MAX]);
const char *words_biases(const Structure *structure, size_t layer, char text[WORDS_MAX]);

/* "h₀, c₀ = 0" or "h₀, c₀ learned: 512" */
const char *words_start(const Structure *structure, size_t layer, char text[WORDS_MAX]);

/* "h: 64", "h, c: 64 each", "h: 16, c: 64" */
const char *words_handed_on(const Structure *structure, size_t layer, char text[WORDS_MAX]);

/* "96 tokens, one-hot", "3 numbers" */
const char *words_input(const Structure *structure, char text[WORDS_MAX]);

/* "96 numbers at every step" */
const char *words_output(const Structure *structure, char text[WORDS_MAX]);

/* "2 layers of LSTM: 1,234 parameters" */
/* "mean over steps" or "max over steps", of a pooled output */
const char *words_pool(const Structure *structure);

const char *words_title(const Structure *structure, char text[WORDS_MAX]);

#endif
