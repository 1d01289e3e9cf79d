/* The stages behind the head, run over some rows. */
#ifndef MODEL_STAGES_H
#define MODEL_STAGES_H

#include "model/network.h"

/* Runs all stages over `rows` rows, of in_row floats each. Each writes to one of two buffers, whose
 * rows are network->stage_row floats apart, in turn, and the last one to stages_output. A row has
 * the same bits whichever others are there.
 *
 * ReLU keeps a NaN. Softmax and its logarithm start from exp(x - largest), rounded to float as
 * kernels round it, summed in double in ascending order; a normalisation is computed in double
 * throughout; each rounds its result to float. */
void stages_run(const elman_network *network, const float *in, size_t in_row, size_t rows,
                float *const buffers[2]);

/* Which of the two buffers holds the output. */
size_t stages_output(const elman_network *network);

#endif
