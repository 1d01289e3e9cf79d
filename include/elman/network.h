/* A compiled network: a model's weights packed for one instruction set.
 *
 * A network is immutable. Any number of streams may share it, from any number of threads at once.
 * It copies what it needs from the model, which may be destroyed; the context must outlive it.
 * What only backward passes read is packed when the first tape for them is created, so that a
 * network which is only run holds each weight once. */
#ifndef ELMAN_NETWORK_H
#define ELMAN_NETWORK_H

#include <elman/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_network elman_network;

/* Packs the weights of a built model. Errors: ARGUMENT (not built), MEMORY. */
ELMAN_API elman_status elman_network_compile(const elman_model *model, elman_network **network,
                                             elman_error *error);

/* NULL is legal. Streams and tapes made from it must be gone. */
ELMAN_API void elman_network_destroy(elman_network *network);

/* "portable", "avx2" or "avx512". */
ELMAN_API const char *elman_network_isa(const elman_network *network);

/* The numbers in the state of `batch` rows. Layout: for each layer, for each direction,
 * h [batch][hidden] (with a projection [batch][projection]), then, for an LSTM, c [batch][hidden].
 */
ELMAN_API size_t elman_network_state_size(const elman_network *network, size_t batch);

#ifdef __cplusplus
}
#endif

#endif
