/* Spectral radii by repeated squaring; see radius.h. */
#include "diagnose/radius.h"

#include <math.h>
#include <string.h>

#include "core/logarithm.h"
#include "core/size.h"
#include "core/special.h"

enum { SQUARINGS = 17, SQUARINGS_WIDE = 10, WIDE = 512 };

static const double ln_2 = 0.69314718055994530942;

typedef struct Squaring {
    const Kernels *kernels;
    size_t n;
    const double *matrix;
    double *square;
    double *columns; /* [workers][2][n][LANES] */
} Squaring;

bool spectral_radius_scratch(size_t n, const elman_context *context, size_t *count) {
    size_t squares, columns;
    return size_mul(n, n, &squares) && size_mul(squares, 2, &squares) &&
           size_mul(n, 2 * LANES * pool_workers(context->pool), &columns) &&
           size_add(squares, columns, count);
}

/* A worker's columns of the square, LANES at a time. */
static void square_columns(void *argument, size_t worker, size_t workers) {
    const Squaring *const s = argument;
    const size_t n = s->n;
    double *const in = s->columns + worker * 2 * n * LANES, *const out = in + n * LANES;
    size_t begin, end;
    pool_split(n, LANES, worker, workers, &begin, &end);
    for (size_t first = begin; first < end; first += LANES) {
        const size_t count = end - first < LANES ? end - first : LANES;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < LANES; k++)
                in[i * LANES + k] = k < count ? s->matrix[i * n + first + k] : 0.0;
        const LanesProduct product = {s->matrix, n, n, n, in, out};
        s->kernels->lanes_product(&product);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < count; k++) s->square[i * n + first + k] = out[i * LANES + k];
    }
}

/* Divides the matrix by 2^*exponent, which makes its norm at most 1, and returns the logarithm of
 * that norm; -INFINITY for 0. */
static double normalise(double *matrix, size_t n, int *exponent) {
    double largest = 0.0, sum = 0.0;
    for (size_t i = 0; i < n * n; i++) largest = fmax(largest, fabs(matrix[i]));
    *exponent = 0;
    if (largest == 0.0) return -INFINITY;
    (void)frexp(largest * (double)n, exponent);
    for (size_t i = 0; i < n * n; i++) {
        matrix[i] = ldexp(matrix[i], -*exponent);
        sum += matrix[i] * matrix[i];
    }
    return 0.5 * natural_logarithm(sum);
}

double spectral_radius(elman_context *context, const double *matrix, size_t n, double *scratch) {
    double *power = scratch, *square = scratch + n * n;
    const int squarings = n > WIDE ? SQUARINGS_WIDE : SQUARINGS;
    int exponent;
    memcpy(power, matrix, n * n * sizeof *power);
    /* A^N is power * 2^exponents, its norm e^(ln_norm + exponents ln 2). */
    double ln_norm = normalise(power, n, &exponent), exponents = exponent, growth = 0.0;
    for (int i = 0; i < squarings && isfinite(ln_norm); i++) {
        Squaring squaring = {context->kernels, n, power, square, scratch + 2 * n * n};
        pool_run(context->pool, square_columns, &squaring);
        const double ln_square = normalise(square, n, &exponent);
        growth = ldexp(ln_square - ln_norm + (exponents + exponent) * ln_2, -i);
        exponents = 2.0 * exponents + exponent;
        ln_norm = ln_square;
        double *const other = power;
        power = square;
        square = other;
    }
    return isfinite(ln_norm) ? exponential(growth) : 0.0;
}
