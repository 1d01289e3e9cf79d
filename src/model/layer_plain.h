/* Layers that ask for what the fast cells lack (see cells/plain.h), and what cannot be done with
 * them. */
#ifndef MODEL_LAYER_PLAIN_H
#define MODEL_LAYER_PLAIN_H

#include "cells/plain.h"
#include "model/structure.h"

/* Whether a layer is plain. */
bool layer_plain(const elman_cell_options *layer);

/* Whether it has activations other than the usual ones. */
bool layer_has_activations(const elman_cell_options *layer);

/* The cell that runs a layer: its kind's fast one, or the plain one. */
const Cell *layer_cell(const elman_cell_options *layer);

/* What a plain layer computes in one direction. */
PlainCell layer_plain_cell(const elman_cell_options *layer, size_t direction);

/* How many activations a kind of cell has: the first so many of f, g and h. */
size_t cell_activations(elman_cell kind);

/* Checks what makes a layer plain, whose kind exists, and takes out what it has anyway: activations
 * that are the usual ones. NULL, or what is wrong with it. */
const char *layer_plain_check(elman_cell_options *layer);

/* Whether two layers of one kind of cell compute the same, given the same tensors. */
bool layer_plain_alike(const elman_cell_options *a, const elman_cell_options *b);

/* What makes a layer plain, as words: "a clip, peepholes". */
enum { LAYER_PLAIN_WORDS = 96 };
const char *layer_plain_words(const elman_cell_options *layer, char text[LAYER_PLAIN_WORDS]);

#endif
