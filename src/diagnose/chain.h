/* What products of recurrent Jacobians do to vectors: their largest singular values and the
 * Lyapunov exponents. */
#ifndef DIAGNOSE_CHAIN_H
#define DIAGNOSE_CHAIN_H

#include <stdint.h>

#include "diagnose/jacobian.h"

/* J of the visits visit[k] to visit[k] + steps - 1 of row[k], multiplied: in each lane k < count
 * another product. */
typedef struct Chain {
    const Jacobian *jacobian;
    size_t steps, count;
    size_t row[LANES], visit[LANES];
} Chain;

/* What a worker needs for products of at most so many steps. */
typedef struct ChainWork {
    JacobianWork jacobian;
    double *vector; /* [state][LANES] */
    double *scale;  /* [steps][LANES] */
    double *basis;  /* [CHAIN_VECTORS][state][LANES] */
} ChainWork;

enum { CHAIN_VECTORS = 49 };

/* Errors: MEMORY; whatever the result, chain_work_release may follow. */
elman_status chain_work_create(Memory *memory, const Jacobian *jacobian, size_t steps,
                               ChainWork *work, elman_error *error);
void chain_work_release(Memory *memory, ChainWork *work);

/* The largest singular value of each product, by Lanczos iterations on P^T P with full
 * reorthogonalisation (Golub and Van Loan, Matrix Computations, chapter 10). With at most `most`
 * states (CHAIN_VECTORS - 1 or less) as many iterations, which give it to rounding; with more,
 * until its square changes by less than 1e-6 of itself twice, but `most` at most. It is never above
 * the true one but for rounding. */
void chain_largest(const Chain *chain, const ChainWork *work, size_t most, uint64_t seed,
                   double largest[LANES]);

/* Adds up, over the steps of the first lane's product but for the first `transient` ones, ln of how
 * much each of LANES orthogonal directions grows, the leading first: the sums divided by the steps
 * are the Lyapunov exponents. -INFINITY where a direction collapses to less than rounding leaves of
 * it, or where there are fewer states.
 *
 * Source: Benettin, Galgani, Giorgilli and Strelcyn, "Lyapunov characteristic exponents for smooth
 * dynamical systems", Meccanica 15, 1980; modified Gram-Schmidt, done twice. */
void chain_growth(const Chain *chain, const ChainWork *work, size_t transient, uint64_t seed,
                  double growth[LANES]);

#endif
