/* Recurrent Jacobians against derivatives of the reference; singular values, Lyapunov exponents and
 * spectral radii against LAPACK and closed forms. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/chain.h"
#include "diagnose/radius.h"
#include "support/diagnosing.h"
#include "support/references.h"

/* ---- LAPACK, whose strings' lengths follow the other arguments ---- */

void dgesvd_(const char *jobu, const char *jobvt, const int *m, const int *n, double *a,
             const int *lda, double *s, double *u, const int *ldu, double *vt, const int *ldvt,
             double *work, const int *lwork, int *info, size_t jobu_length, size_t jobvt_length);
void dgeev_(const char *jobvl, const char *jobvr, const int *n, double *a, const int *lda,
            double *wr, double *wi, double *vl, const int *ldvl, double *vr, const int *ldvr,
            double *work, const int *lwork, int *info, size_t jobvl_length, size_t jobvr_length);

/* The singular values of matrix [n][n], descending. A transposed matrix has the same. */
static void singular_values(const double *matrix, size_t n, double *values) {
    const int size = (int)n, room = 16 * size, one = 1;
    double *const copy = zeroed(n * n, sizeof *copy), *const work = zeroed(16 * n, sizeof *work);
    int info = -1;
    memcpy(copy, matrix, n * n * sizeof *copy);
    dgesvd_("N", "N", &size, &size, copy, &size, values, NULL, &one, NULL, &one, work, &room, &info,
            1, 1);
    assert_int_equal(info, 0);
    free(copy);
    free(work);
}

/* |eigenvalues|, descending. */
static void moduli(const double *matrix, size_t n, double *values) {
    const int size = (int)n, room = 16 * size, one = 1;
    double *const copy = zeroed(n * n, sizeof *copy), *const work = zeroed(16 * n, sizeof *work);
    double *const real = zeroed(n, sizeof *real), *const imaginary = zeroed(n, sizeof *imaginary);
    int info = -1;
    memcpy(copy, matrix, n * n * sizeof *copy);
    dgeev_("N", "N", &size, copy, &size, real, imaginary, NULL, &one, NULL, &one, work, &room,
           &info, 1, 1);
    assert_int_equal(info, 0);
    for (size_t i = 0; i < n; i++) {
        values[i] = hypot(real[i], imaginary[i]);
        for (size_t k = i; k > 0 && values[k] > values[k - 1]; k--) {
            const double larger = values[k];
            values[k] = values[k - 1];
            values[k - 1] = larger;
        }
    }
    free(copy);
    free(work);
    free(real);
    free(imaginary);
}

static void near(double got, double want, double tolerance, const char *what) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.15g, expected %.15g within %.3g", what, got, want, tolerance);
}

/* ---- A model, a pass, and the Jacobian of its first layer ---- */

typedef struct Passed {
    elman_context *context;
    elman_model *model;
    Sample sample;
    elman_sequence sequence;
    DiagnosingCase made;
    Jacobian jacobian;
} Passed;

static NetworkSpec small_spec(elman_cell cell, size_t hidden) {
    return (NetworkSpec){.input = ELMAN_INPUT_DENSE,
                         .inputs = 3,
                         .cell = cell,
                         .layers = 1,
                         .hidden = hidden,
                         .bidirectional = true,
                         .outputs = 2};
}

/* Random weights, `scale` times those of the default initialisation; random inputs. */
static Passed open_passed(const NetworkSpec *spec, size_t steps, size_t rows, bool lengths,
                          bool reverse, double scale, size_t threads) {
    Passed p = {.context = open_context(NULL, threads)};
    p.model = random_model(p.context, spec, 3);
    for (size_t i = 0; i < elman_model_tensor_count(p.model); i++) {
        elman_tensor tensor;
        elman_model_tensor(p.model, i, &tensor);
        for (size_t k = 0; k < tensor.count; k++) tensor.data[k] *= (float)scale;
    }
    p.sample = random_sample(spec, steps, rows, lengths, false, 5);
    if (lengths) p.sample.lengths[0] = steps - 1; /* not by chance too short */
    p.sequence = sample_sequence(&p.sample, false);
    p.made = open_diagnosing(p.model, &p.sequence, 64);
    assert_int_equal(elman_tape_forward(p.made.d.tape, &p.sequence, NULL), ELMAN_OK);
    assert_int_equal(jacobian_read(&p.jacobian, &p.context->memory, p.model, p.made.d.tape,
                                   &p.sequence, 0, reverse, NULL),
                     ELMAN_OK);
    return p;
}

static void close_passed(Passed *p) {
    jacobian_release(&p->jacobian, &p->context->memory);
    close_diagnosing(&p->made);
    sample_free(&p->sample);
    elman_model_destroy(p->model);
    elman_context_destroy(p->context);
}

static ChainWork open_work(const Passed *p, size_t steps) {
    ChainWork work;
    assert_int_equal(chain_work_create(&p->context->memory, &p->jacobian, steps, &work, NULL),
                     ELMAN_OK);
    return work;
}

/* The product of a chain's lane 0 as a matrix [state][state], its columns one after the other. */
static double *explicit_product(const Passed *p, const ChainWork *work, size_t row, size_t visit,
                                size_t steps) {
    const size_t n = p->jacobian.state;
    double *const matrix = zeroed(n * n, sizeof *matrix);
    double *const v = zeroed(n * LANES, sizeof *v);
    for (size_t first = 0; first < n; first += LANES) {
        memset(v, 0, n * LANES * sizeof *v);
        for (size_t k = 0; k < LANES && first + k < n; k++) v[(first + k) * LANES + k] = 1.0;
        for (size_t step = 0; step < steps; step++) {
            size_t places[LANES];
            for (size_t k = 0; k < LANES; k++)
                places[k] = jacobian_place(&p->jacobian, row, visit + step);
            jacobian_at(&p->jacobian, places, LANES, &work->jacobian);
            jacobian_apply(&p->jacobian, &work->jacobian, v);
        }
        for (size_t k = 0; k < LANES && first + k < n; k++)
            for (size_t i = 0; i < n; i++) matrix[(first + k) * n + i] = v[i * LANES + k];
    }
    free(v);
    return matrix;
}

/* ---- J v and J^T v ---- */

/* The derivative of s after one step along v, which the reference computes with complex numbers:
 * F(s + i e v) = F(s) + i e J v, without cancellation. s and x are what the tape kept. */
static void reference_product(const Passed *p, const NetworkSpec *spec, bool reverse, size_t place,
                              const double *v, double *product) {
    const RefNetwork network = reference_network(spec);
    const RefBatch batch = {.steps = 1, .rows = 1};
    const size_t n = spec->hidden, states = ref_state_count(&network, 1);
    double *const real = reference_parameters(&network, p->model);
    double complex *const parameters = zeroed(network.parameter_count, sizeof *parameters);
    double complex *const initial = zeroed(states, sizeof *initial);
    double complex dense[8];
    float *const kept = zeroed(p->sequence.steps * p->sequence.batch * n, sizeof *kept);
    for (size_t i = 0; i < network.parameter_count; i++) parameters[i] = real[i];
    for (size_t i = 0; i < spec->inputs; i++)
        dense[i] = (double)p->sequence.dense[place * spec->inputs + i];
    const size_t arrays = spec->cell == ELMAN_CELL_LSTM ? 2 : 1;
    const size_t at = ref_state_hidden(&network, 1, 0, reverse);
    for (size_t a = 0; a < arrays; a++) {
        assert_int_equal(elman_tape_kept(p->made.d.tape, 0, reverse,
                                         a ? ELMAN_KEPT_C_BEFORE : ELMAN_KEPT_H_BEFORE, kept, NULL),
                         ELMAN_OK);
        for (size_t u = 0; u < n; u++)
            initial[at + a * n + u] = (double)kept[place * n + u] + 1e-30 * v[a * n + u] * I;
    }
    const RefValuesComplex values = {parameters, dense, initial};
    RefPassComplex *const pass = ref_forward_complex(&network, &batch, &values);
    for (size_t i = 0; i < arrays * n; i++) product[i] = cimag(pass->final_state[at + i]) / 1e-30;
    ref_pass_free_complex(pass);
    free(real);
    free(parameters);
    free(initial);
    free(kept);
}

static double frobenius(const double *values, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += values[i] * values[i];
    return sqrt(sum);
}

/* The kept gates are floats: of a chain of some twenty multiply-adds and an activation right to 4
 * units in the last place, so a factor, a product of up to three of them, is right to some 16 units
 * of 2^-24 of 1 (of the largest state where that is above 1, which tanh and gates are not). A
 * component of J v is a sum of them times R v, and of the states' own v. */
static void products_are_derivatives(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++)
        for (int reverse = 0; reverse < 2; reverse++) {
            const NetworkSpec spec = small_spec(all_cells[c], 5);
            Passed p = open_passed(&spec, 9, LANES, false, reverse, 1.5, 1);
            const ChainWork work = open_work(&p, 1);
            const size_t n = p.jacobian.state;
            const double bound =
                16 * FLT_EPSILON / 2 *
                (1.0 + frobenius(p.jacobian.weights, p.jacobian.gates * spec.hidden * spec.hidden));
            double *const v = zeroed(n * LANES, sizeof *v), *const column = zeroed(n, sizeof *v);
            double *const want = zeroed(n * LANES, sizeof *want);
            size_t places[LANES];
            ref_fill(v, n * LANES, -1.0, 1.0, 11 + c);
            for (size_t k = 0; k < LANES; k++) {
                places[k] = jacobian_place(&p.jacobian, k, k + 1);
                double *const one = zeroed(n, sizeof *one);
                for (size_t i = 0; i < n; i++) column[i] = v[i * LANES + k];
                reference_product(&p, &spec, reverse, places[k], column, one);
                for (size_t i = 0; i < n; i++) want[i * LANES + k] = one[i];
                free(one);
            }
            jacobian_at(&p.jacobian, places, LANES - 1, &work.jacobian);
            /* The last lane has no place: J is 0 there. */
            for (size_t i = 0; i < n; i++) want[i * LANES + LANES - 1] = 0.0;
            jacobian_apply(&p.jacobian, &work.jacobian, v);
            for (size_t i = 0; i < n * LANES; i++)
                near(v[i], want[i], bound * sqrt((double)n), cell_name(spec.cell));
            free(v);
            free(column);
            free(want);
            chain_work_release(&p.context->memory, (ChainWork *)&work);
            close_passed(&p);
        }
}

static void transposed_is_adjoint(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = small_spec(all_cells[c], 13);
        Passed p = open_passed(&spec, 9, LANES, false, c % 2, 2.0, 1);
        ChainWork work = open_work(&p, 1);
        const size_t n = p.jacobian.state;
        double *const v = zeroed(n * LANES, sizeof *v), *const u = zeroed(n * LANES, sizeof *u);
        double *const jv = zeroed(n * LANES, sizeof *v), *const jtu = zeroed(n * LANES, sizeof *u);
        double left[LANES], right[LANES];
        size_t places[LANES];
        for (size_t k = 0; k < LANES; k++) places[k] = jacobian_place(&p.jacobian, k, 1 + k);
        ref_fill(v, n * LANES, -1.0, 1.0, 1);
        ref_fill(u, n * LANES, -1.0, 1.0, 2);
        memcpy(jv, v, n * LANES * sizeof *v);
        memcpy(jtu, u, n * LANES * sizeof *u);
        jacobian_at(&p.jacobian, places, LANES, &work.jacobian);
        jacobian_apply(&p.jacobian, &work.jacobian, jv);
        jacobian_apply_transposed(&p.jacobian, &work.jacobian, jtu);
        lanes_dot(u, jv, n, left);
        lanes_dot(v, jtu, n, right);
        for (size_t k = 0; k < LANES; k++) {
            assert_true(fabs(left[k]) > 1e-3);
            near(left[k], right[k], 1e-12 * frobenius(u, n * LANES) * frobenius(jv, n * LANES),
                 cell_name(spec.cell));
        }
        free(v);
        free(u);
        free(jv);
        free(jtu);
        chain_work_release(&p.context->memory, &work);
        close_passed(&p);
    }
}

/* ---- Singular values ---- */

/* With no more states than iterations the value is LAPACK's to rounding; with more, to some
 * times half of what its square may still change by. */
static void check_largest(elman_cell cell, size_t hidden, size_t steps, double scale,
                          double tolerance) {
    const NetworkSpec spec = small_spec(cell, hidden);
    Passed p = open_passed(&spec, 70, 3, false, steps % 2, scale, 1);
    ChainWork work = open_work(&p, steps);
    const size_t n = p.jacobian.state;
    Chain chain = {.jacobian = &p.jacobian, .steps = steps, .count = LANES - 1};
    double largest[LANES], *const values = zeroed(n, sizeof *values);
    for (size_t k = 0; k < LANES; k++) {
        chain.row[k] = k % 3;
        chain.visit[k] = 1 + k * (69 - steps) / LANES;
    }
    chain_largest(&chain, &work, CHAIN_VECTORS - 1, 1, largest);
    for (size_t k = 0; k < chain.count; k++) {
        double *const product = explicit_product(&p, &work, chain.row[k], chain.visit[k], steps);
        char what[80];
        snprintf(what, sizeof what, "%s of %zu, %zu steps", cell_name(cell), hidden, steps);
        singular_values(product, n, values);
        near(largest[k], values[0], tolerance * values[0], what);
        free(product);
    }
    assert_true(largest[LANES - 1] == 0.0);
    free(values);
    chain_work_release(&p.context->memory, &work);
    close_passed(&p);
}

static void largest_singular_values(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        for (size_t steps = 1; steps <= 64; steps *= 4)
            check_largest(all_cells[c], 10, steps, 1.5, 1e-11);
        check_largest(all_cells[c], 70, 1, 1.0, 1e-5);
        check_largest(all_cells[c], 70, 3, 2.0, 1e-5);
    }
    /* 64 steps shrink by 1e-200 and more. */
    check_largest(ELMAN_CELL_RNN, 5, 64, 1e-3, 1e-11);
    check_largest(ELMAN_CELL_RNN_RELU, 7, 64, 50, 1e-11);
    check_largest(ELMAN_CELL_RNN, 1, 16, 1.0, 1e-11);
}

/* ---- Lyapunov exponents ---- */

/* All directions together grow as the determinant, whose modulus is the product of all singular
 * values, at every step. */
static void growth_is_the_determinant(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        const size_t hidden = all_cells[c] == ELMAN_CELL_LSTM ? 4 : 8, steps = 40;
        const NetworkSpec spec = small_spec(all_cells[c], hidden);
        Passed p = open_passed(&spec, 70, 2, false, c % 2, 1.5, 1);
        ChainWork work = open_work(&p, 1);
        Chain chain = {.jacobian = &p.jacobian, .steps = steps, .count = 1, .visit = {1}};
        double growth[LANES], values[LANES], want = 0.0, sum = 0.0;
        chain_growth(&chain, &work, 10, 1, growth);
        for (size_t step = 10; step < steps; step++) {
            double *const product = explicit_product(&p, &work, 0, 1 + step, 1);
            singular_values(product, LANES, values);
            for (size_t i = 0; i < LANES; i++) want += log(values[i]);
            free(product);
        }
        for (size_t k = 0; k < LANES; k++) sum += growth[k];
        /* A ReLU that is shut makes a determinant of 0. */
        if (all_cells[c] == ELMAN_CELL_RNN_RELU)
            assert_true(growth[LANES - 1] == -INFINITY);
        else
            near(sum, want, 1e-9 * fabs(want), cell_name(spec.cell));
        chain_work_release(&p.context->memory, &work);
        close_passed(&p);
    }
}

/* ln of singular value i of a product of n steps, by n, is the exponent but for c / n, where c is
 * ln of how far the directions that Gram-Schmidt began with are from the singular ones: below ln of
 * 100 for random directions of few states. */
static void exponents_are_those_of_products(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = small_spec(all_cells[c], 6);
        const size_t steps = 60;
        Passed p = open_passed(&spec, 70, 2, false, false, 1.5, 1);
        ChainWork work = open_work(&p, 1);
        const size_t n = p.jacobian.state;
        Chain chain = {.jacobian = &p.jacobian, .steps = steps, .count = 1, .visit = {1}};
        double growth[LANES], values[12];
        double *const product = explicit_product(&p, &work, 0, 1, steps);
        chain_growth(&chain, &work, 0, 1, growth);
        singular_values(product, n, values);
        size_t compared = 0;
        for (size_t i = 0; i < n && i < LANES && values[i] > 1e-12 * values[0]; i++, compared++)
            near(growth[i] / (double)steps, log(values[i]) / (double)steps,
                 log(100.0) / (double)steps, cell_name(spec.cell));
        assert_true(compared >= 1);
        for (size_t i = n; i < LANES; i++) assert_true(growth[i] == -INFINITY);
        free(product);
        chain_work_release(&p.context->memory, &work);
        close_passed(&p);
    }
}

/* A tanh network without input or biases stays at 0, where its Jacobian is weight_hh. */
static DiagnosingCase at_rest(const elman_model *model, const double *weight_hh, size_t n,
                              elman_sequence *sequence, float *dense) {
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        elman_model_tensor(model, i, &tensor);
        memset(tensor.data, 0, tensor.count * sizeof *tensor.data);
        for (size_t k = 0; k < n * n && strcmp(tensor.name, "rnn.weight_hh_l0") == 0; k++)
            tensor.data[k] = (float)weight_hh[k];
    }
    *sequence =
        (elman_sequence){.struct_size = sizeof *sequence, .steps = 200, .batch = 2, .dense = dense};
    return open_diagnosing(model, sequence, 100);
}

/* Powers of two and their sums are floats. */
static void exponents_of_linear_networks(void **state) {
    (void)state;
    enum { N = 4 };
    static const double cosine = 0.75, sine = 0.25;
    /* What is above the diagonal turns directions, not exponents. The ratio 1/4 of neighbours, to
     * the power of the transient's 16 steps, is 2e-10. */
    static const double triangle[N * N] = {1, 0.5, -1,      2, 0, 0.25, 1, 1,
                                           0, 0,   -0.0625, 1, 0, 0,    0, 0};
    const double turning[N * N] = {cosine, -sine, 0,     0, sine, cosine, 0, 0,
                                   0,      0,     0.125, 0, 0,    0,      0, 0.03125};
    const double *const matrices[] = {triangle, turning};
    const double want[2][N] = {{0, log(0.25), log(0.0625), -INFINITY},
                               {0.5 * log(cosine * cosine + sine * sine),
                                0.5 * log(cosine * cosine + sine * sine), log(0.125),
                                log(0.03125)}};
    elman_context *const context = open_context(NULL, 2);
    NetworkSpec spec = small_spec(ELMAN_CELL_RNN, N);
    spec.bidirectional = false;
    elman_model *const model = random_model(context, &spec, 1);
    float *const dense = zeroed(200 * 2 * 3, sizeof *dense);
    for (size_t m = 0; m < 2; m++) {
        elman_sequence sequence;
        double values[N];
        DiagnosingCase made = at_rest(model, matrices[m], N, &sequence, dense);
        assert_int_equal(diagnosis_measure_jacobians(&made.d, NULL), ELMAN_OK);
        const elman_layer_diagnosis *const layer = &made.d.diagnosis->layers[0];
        assert_int_equal(layer->exponent_count, N);
        for (size_t i = 0; i < N; i++)
            if (isinf(want[m][i]))
                assert_true(layer->exponents[i] == -INFINITY);
            else
                near(layer->exponents[i], want[m][i], 1e-9, "exponent");
        singular_values(matrices[m], N, values);
        near(layer->step_gain.low, values[0], 1e-12 * values[0], "gain of a step");
        near(layer->step_gain.high, values[0], 1e-12 * values[0], "gain of a step");
        moduli(matrices[m], N, values);
        near(layer->spectral_radius[0], values[0], 1e-4 * values[0], "spectral radius");
        close_diagnosing(&made);
    }
    free(dense);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- Spectral radii ---- */

static double radius_of(const double *matrix, size_t n, size_t threads) {
    elman_context *const context = open_context(NULL, threads);
    size_t count;
    assert_true(spectral_radius_scratch(n, context, &count));
    double *const scratch = zeroed(count, sizeof *scratch);
    const double radius = spectral_radius(context, matrix, n, scratch);
    free(scratch);
    elman_context_destroy(context);
    return radius;
}

static void radii_are_largest_eigenvalues(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 5, 8, 17, 33, 64};
    static const double scales[] = {1e-12, 0.5, 1.0, 1.5, 1e9};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            const size_t n = sizes[s];
            const double bound = scales[seed] * sqrt(3.0 / (double)n);
            double *const matrix = zeroed(n * n, sizeof *matrix);
            double *const values = zeroed(n, sizeof *values);
            char what[40];
            snprintf(what, sizeof what, "%zu units, seed %d", n, (int)seed);
            ref_fill(matrix, n * n, -bound, bound, seed);
            moduli(matrix, n, values);
            const double radius = radius_of(matrix, n, 1 + seed % 3);
            near(radius, values[0], 1e-4 * values[0], what);
            assert_true(radius == radius_of(matrix, n, 2));
            free(matrix);
            free(values);
        }
}

static void radii_of_special_matrices(void **state) {
    (void)state;
    const double rotation[9] = {0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, 0.99};
    const double skewed[4] = {1, -100, 0.01, 1}; /* 1 +- i */
    const double shift[9] = {0, 5, 7, 0, 0, 3, 0, 0, 0};
    const double zero[4] = {0}, tied[4] = {0, 1, 1, 0}; /* 1 and -1 */
    near(radius_of(rotation, 3, 1), 1.0, 1e-4, "rotation");
    near(radius_of(skewed, 2, 1), sqrt(2.0), 1e-4 * sqrt(2.0), "ellipse");
    near(radius_of(tied, 2, 1), 1.0, 1e-4, "two of the same modulus");
    assert_true(radius_of(shift, 3, 1) == 0.0);
    assert_true(radius_of(zero, 2, 1) == 0.0);
}

/* A wide matrix stops early: 0.5 %. */
static void radius_of_wide_matrix(void **state) {
    (void)state;
    const size_t n = 520;
    double *const matrix = zeroed(n * n, sizeof *matrix), *const values = zeroed(n, sizeof *values);
    ref_fill(matrix, n * n, -0.1, 0.1, 4);
    moduli(matrix, n, values);
    near(radius_of(matrix, n, 2), values[0], 5e-3 * values[0], "520 units");
    free(matrix);
    free(values);
}

/* ---- The whole part ---- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* With so few steps that all are looked at, the quartiles are those of LAPACK's values. */
static void quartiles_of_all_steps(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++)
        for (int reverse = 0; reverse < 2; reverse++) {
            const NetworkSpec spec = small_spec(all_cells[c], 6);
            Passed p = open_passed(&spec, 5, 5, true, reverse, 2.0, 2);
            double gains[3][16];
            size_t counts[3] = {0};
            ChainWork work = open_work(&p, 1);
            /* Of five rows the longest of each quarter: row 0, 1, 2, and 3 or 4. */
            p.sample.lengths[0] = 4;
            p.sample.lengths[1] = 1;
            p.sample.lengths[2] = 5;
            p.sample.lengths[3] = 2;
            p.sample.lengths[4] = 5;
            for (size_t b = 0; b < 5; b++) p.made.lengths[b] = p.sample.lengths[b];
            p.sequence.lengths = p.made.lengths;
            p.made.d.probe.sequence.lengths = p.made.lengths;
            for (size_t i = 0; i < 5 * 5 * 3; i++)
                if (isnan(p.sample.dense[i])) p.sample.dense[i] = 0.25f;
            assert_int_equal(elman_tape_forward(p.made.d.tape, &p.sequence, NULL), ELMAN_OK);
            jacobian_release(&p.jacobian, &p.context->memory);
            assert_int_equal(jacobian_read(&p.jacobian, &p.context->memory, p.model, p.made.d.tape,
                                           &p.sequence, 0, reverse, NULL),
                             ELMAN_OK);
            for (size_t i = 0; i < 3; i++)
                for (size_t b = 0; b < 5; b++)
                    for (size_t visit = 1; b != 3 && visit + (1u << i) <= p.made.lengths[b];
                         visit++) {
                        double values[12];
                        double *const product = explicit_product(&p, &work, b, visit, 1u << i);
                        singular_values(product, p.jacobian.state, values);
                        gains[i][counts[i]++] = values[0];
                        free(product);
                    }
            assert_int_equal(diagnosis_measure_jacobians(&p.made.d, NULL), ELMAN_OK);
            const elman_layer_diagnosis *const layer = &p.made.d.diagnosis->layers[reverse];
            assert_int_equal(counts[0], 3 + 4 + 4);
            assert_int_equal(layer->product_count, 3);
            qsort(gains[0], counts[0], sizeof(double), ascending);
            near(layer->step_gain.median, gains[0][5], 1e-9, "median");
            near(layer->step_gain.low, 0.5 * (gains[0][2] + gains[0][3]), 1e-9, "lower quartile");
            near(layer->step_gain.high, 0.5 * (gains[0][7] + gains[0][8]), 1e-9, "upper quartile");
            /* Of two steps 2 + 3 + 3, all of them; of four 1 + 1. */
            assert_int_equal(counts[1], 8);
            assert_int_equal(counts[2], 2);
            qsort(gains[1], counts[1], sizeof(double), ascending);
            for (size_t i = 0; i < 3; i++) assert_int_equal(layer->product_steps[i], 1u << i);
            near(layer->product_gain[1].median, 0.5 * (gains[1][3] + gains[1][4]), 1e-9, "of two");
            near(layer->product_gain[2].median, 0.5 * (gains[2][0] + gains[2][1]), 1e-9, "of four");
            chain_work_release(&p.context->memory, &work);
            close_passed(&p);
        }
}

/* Gates in the order of weight_hh, each with a radius of its own; layers and directions in order.
 */
static void radii_of_gates(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        NetworkSpec spec = small_spec(all_cells[c], 7);
        spec.layers = 2;
        const size_t n = spec.hidden, gates = spec_gates(&spec);
        Passed p = open_passed(&spec, 4, 2, false, false, 1.0, 2);
        static const char *const names[] = {"rnn.weight_hh_l0", "rnn.weight_hh_l0_reverse",
                                            "rnn.weight_hh_l1", "rnn.weight_hh_l1_reverse"};
        for (size_t l = 0; l < 4; l++) {
            const elman_tensor tensor = tensor_of(p.model, names[l]);
            memset(tensor.data, 0, tensor.count * sizeof *tensor.data);
            for (size_t i = 0; i < gates * n; i++)
                tensor.data[i * n + (i + 1) % n] = (float)(1 + i / n) * 0.5f + (float)l;
        }
        assert_int_equal(diagnosis_measure_jacobians(&p.made.d, NULL), ELMAN_OK);
        for (size_t l = 0; l < 4; l++) {
            const elman_layer_diagnosis *const layer = &p.made.d.diagnosis->layers[l];
            assert_int_equal(layer->radius_count, gates);
            for (size_t g = 0; g < gates; g++)
                near(layer->spectral_radius[g], 0.5 * (double)(1 + g) + (double)l, 1e-4, "radius");
        }
        close_passed(&p);
    }
}

/* Rows of one step have no Jacobian; the radii are there. */
static void rows_of_one_step(void **state) {
    (void)state;
    const NetworkSpec spec = small_spec(ELMAN_CELL_LSTM, 4);
    Passed p = open_passed(&spec, 1, 3, false, false, 1.0, 1);
    elman_layer_diagnosis *const layer = &p.made.d.diagnosis->layers[1];
    layer->step_gain = (elman_quartiles){NAN, NAN, NAN};
    assert_int_equal(diagnosis_measure_jacobians(&p.made.d, NULL), ELMAN_OK);
    assert_true(isnan(layer->step_gain.median));
    assert_int_equal(layer->product_count, 0);
    assert_int_equal(layer->exponent_count, 0);
    assert_int_equal(layer->radius_count, 4);
    close_passed(&p);
}

static void same_layer(const elman_layer_diagnosis *a, const elman_layer_diagnosis *b) {
    assert_memory_equal(&a->step_gain, &b->step_gain, sizeof a->step_gain);
    assert_int_equal(a->product_count, b->product_count);
    assert_memory_equal(a->product_gain, b->product_gain,
                        a->product_count * sizeof *a->product_gain);
    assert_int_equal(a->exponent_count, b->exponent_count);
    assert_memory_equal(a->exponents, b->exponents, a->exponent_count * sizeof *a->exponents);
    assert_memory_equal(a->spectral_radius, b->spectral_radius,
                        a->radius_count * sizeof *a->spectral_radius);
}

static void same_figures_at_any_thread_count(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = small_spec(all_cells[c], 19);
        Passed one = open_passed(&spec, 40, 6, true, false, 1.5, 1);
        assert_int_equal(diagnosis_measure_jacobians(&one.made.d, NULL), ELMAN_OK);
        assert_true(one.made.d.diagnosis->layers[1].product_count >= 5);
        for (size_t threads = 2; threads <= 3; threads++) {
            Passed more = open_passed(&spec, 40, 6, true, false, 1.5, threads);
            assert_int_equal(diagnosis_measure_jacobians(&more.made.d, NULL), ELMAN_OK);
            for (size_t l = 0; l < 2; l++)
                same_layer(&more.made.d.diagnosis->layers[l], &one.made.d.diagnosis->layers[l]);
            close_passed(&more);
        }
        close_passed(&one);
    }
}

static void every_allocation_fails_once(void **state) {
    const NetworkSpec gru = small_spec(ELMAN_CELL_GRU, 3), lstm = small_spec(ELMAN_CELL_LSTM, 3);
    (void)state;
    fail_each_allocation_of_part(diagnosis_measure_jacobians, &gru, &lstm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_derivatives),
        cmocka_unit_test(transposed_is_adjoint),
        cmocka_unit_test(largest_singular_values),
        cmocka_unit_test(growth_is_the_determinant),
        cmocka_unit_test(exponents_are_those_of_products),
        cmocka_unit_test(exponents_of_linear_networks),
        cmocka_unit_test(radii_are_largest_eigenvalues),
        cmocka_unit_test(radii_of_special_matrices),
        cmocka_unit_test(radius_of_wide_matrix),
        cmocka_unit_test(quartiles_of_all_steps),
        cmocka_unit_test(radii_of_gates),
        cmocka_unit_test(rows_of_one_step),
        cmocka_unit_test(same_figures_at_any_thread_count),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
