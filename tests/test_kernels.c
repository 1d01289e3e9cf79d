/* The kernels of every instruction set but the products and the activations: nothing written
 * outside, NaN passed on, the loss of a row and the element-wise ones against double, and the same
 * bits from every kernel on every set. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "support/guarded.h"
#include "support/passes.h"

/* An array that ends where its block ends, so that the address sanitizer sees a read behind it. */
static float *tight(size_t count) {
    return zeroed(count, sizeof(float));
}

/* ---- cells ---- */

enum { CELL_ROWS = 7, CELL_PANELS = 9, CELL_INPUTS = 13, CELL_SLOTS = 4 };
enum { FORWARDS = 6, BACKWARDS = 6 };

typedef void (*ForwardKernel)(const CellForward *);
typedef void (*BackwardKernel)(const CellBackward *);

/* A cell's kernels for one step. */
typedef struct ForwardCell {
    ForwardKernel first, second; /* NULL: there is no second half */
    void (*project)(const Projection *);
    size_t slots, gates;
    bool narrow; /* h is not as wide as there are units */
} ForwardCell;

/* Puts what the gates start from and the product with x where the gates will be. */
static void project(const ForwardCell *cell, const CellForward *step, const float *starts[]) {
    const Projection projection = {
        .steps = 1,
        .rows = step->rows,
        .hidden = step->hidden,
        .panel_begin = step->panel_begin,
        .panel_end = step->panel_end,
        .start = starts[0],
        .x = step->x,
        .x_row = step->x_row,
        .inputs = step->inputs,
        .w_ih = step->w_ih,
        .out = step->gates,
        .out_row = step->gates_row,
        .out_panel = step->gates_panel,
    };
    cell->project(&projection);
}

/* The rows then start from there. */
static void start_projected(CellForward *step, const float *starts[]) {
    for (size_t r = 0; r < step->rows; r++) starts[r] = step->gates + r * step->gates_row;
    step->start_panel = step->gates_panel;
    step->inputs = 0;
}

static void run_first(const ForwardCell *cell, const CellForward *step, const float *starts[]) {
    (void)starts;
    cell->first(step);
}

static void run_second(const ForwardCell *cell, const CellForward *step, const float *starts[]) {
    (void)starts;
    cell->second(step);
}

/* Some panels, then the others, as two workers would have them. */
static void each_half(const ForwardCell *cell, CellForward *step, const float *starts[],
                      void (*run)(const ForwardCell *, const CellForward *, const float *[])) {
    step->panel_begin = 0;
    step->panel_end = step->panels / 2;
    if (step->panel_end > 0) run(cell, step, starts);
    step->panel_begin = step->panel_end;
    step->panel_end = step->panels;
    run(cell, step, starts);
}

/* Runs a forward kernel; out: h, c, gates, extra. `rows` of one block of data. */
static void run_forward(const ForwardCell *cell, size_t rows, size_t panels, float odd,
                        bool projected, Guarded out[4]) {
    const size_t width = panels * PANEL, hidden = width - 3;
    const size_t columns = cell->narrow ? (hidden + 2) / 3 : hidden;
    const size_t h_row = (columns + PANEL - 1) / PANEL * PANEL;
    float *const start = tight(CELL_SLOTS * width), *const x = tight(rows * CELL_INPUTS);
    float *const w_ih = tight((panels * 4 + GROUP_PANELS) * CELL_INPUTS * PANEL);
    float *const w_hh = tight((panels * 4 + GROUP_PANELS) * columns * PANEL);
    float *const h = tight(rows * h_row), *const c = tight(rows * width);
    const float *starts[CELL_ROWS];
    random_floats(start, CELL_SLOTS * width, 0.5f, 1);
    random_floats(x, rows * CELL_INPUTS, 1.0f, 2);
    random_floats(w_ih, (panels * 4 + GROUP_PANELS) * CELL_INPUTS * PANEL, 0.3f, 3);
    random_floats(w_hh, (panels * 4 + GROUP_PANELS) * columns * PANEL, 0.3f, 4);
    random_floats(h, rows * h_row, 1.0f, 5);
    random_floats(c, rows * width, 1.5f, 6);
    for (size_t r = 0; r < rows; r++) starts[r] = start;
    if (!isfinite(odd)) x[(rows - 1) * CELL_INPUTS + 2] = odd;
    for (size_t i = 0; i < 4; i++) out[i] = guarded(rows * width * (i == 2 ? CELL_SLOTS : 1));
    CellForward step = {
        .rows = rows,
        .panels = panels,
        .panel_end = panels,
        .descending = projected, /* either order gives the same bits */
        .start = starts,
        .start_panel = cell->slots * PANEL,
        .x = x,
        .x_row = CELL_INPUTS,
        .inputs = CELL_INPUTS,
        .w_ih = w_ih,
        .h = h,
        .h_row = h_row,
        .hidden = hidden,
        .columns = columns,
        .w_hh = w_hh,
        .h_next = out[0].data,
        .c = c,
        .c_next = out[1].data,
        .gates = out[2].data,
        .gates_row = CELL_SLOTS * PANEL,
        .gates_panel = rows * CELL_SLOTS * PANEL,
        .extra = out[3].data,
    };
    if (projected) {
        each_half(cell, &step, starts, project);
        start_projected(&step, starts);
    }
    each_half(cell, &step, starts, run_first);
    if (cell->second) each_half(cell, &step, starts, run_second);
    for (size_t i = 0; i < 4; i++) check_guards(&out[i], "cell forward");
    free(start);
    free(x);
    free(w_ih);
    free(w_hh);
    free(h);
    free(c);
}

/* Runs a backward kernel; out: gates, dh, dc. */
static void run_backward(BackwardKernel kernel, size_t rows, size_t panels, bool above,
                         Guarded out[3]) {
    const size_t width = panels * PANEL, count = rows * width;
    float *in[5]; /* dy, h, h_next, c, extra */
    for (size_t i = 0; i < 5; i++) {
        in[i] = tight(count);
        random_floats(in[i], count, 0.95f, 10 + i);
    }
    for (size_t i = 0; i < 3; i++) {
        out[i] = guarded(count * (i == 0 ? CELL_SLOTS : 1));
        random_floats(out[i].data, out[i].count, 0.95f, 20 + i);
    }
    const CellBackward step = {
        .rows = rows,
        .hidden = width - 3,
        .panel_end = panels,
        .gates = out[0].data,
        .gates_row = CELL_SLOTS * PANEL,
        .gates_panel = rows * CELL_SLOTS * PANEL,
        .dy = above ? in[0] : NULL,
        .dy_row = width,
        .dh = out[1].data,
        .dc = out[2].data,
        .h = in[1],
        .h_next = in[2],
        .c = in[3],
        .extra = in[4],
        .h_row = width,
    };
    kernel(&step);
    for (size_t i = 0; i < 3; i++) check_guards(&out[i], "cell backward");
    for (size_t i = 0; i < 5; i++) free(in[i]);
}

/* Whether element k of an array of `panels` panels belongs to a unit; gates have panels within
 * rows, each of several slots. Without panels all do. */
static bool real_unit(size_t k, size_t panels, bool gates, size_t rows) {
    if (panels == 0) return true;
    const size_t panel = gates ? k / (rows * CELL_SLOTS * PANEL) : k / PANEL % panels;
    return panel * PANEL + k % PANEL < panels * PANEL - 3;
}

/* Compares the units of arrays; what stands in padding is a tier's own. */
static void check_same(const Guarded *got, const Guarded *want, size_t count, size_t rows,
                       size_t panels, const char *tier, const char *what, size_t index) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < got[i].count; k++)
            if (real_unit(k, panels, got[i].count != rows * panels * PANEL, rows) &&
                memcmp(&got[i].data[k], &want[i].data[k], sizeof(float)) != 0)
                fail_msg("%s %zu/%s: array %zu[%zu] is %a, expected %a", what, index, tier, i, k,
                         (double)got[i].data[k], (double)want[i].data[k]);
}

/* The kernels of a table, so that two tables can be gone through side by side. */
static void list_cells(const Kernels *k, ForwardCell forward[FORWARDS],
                       BackwardKernel backward[BACKWARDS]) {
    const ForwardCell forwards[FORWARDS] = {
        {k->rnn_tanh_forward, NULL, k->project1, 1, 1, false},
        {k->rnn_relu_forward, NULL, k->project1, 1, 1, false},
        {k->lstm_forward, NULL, k->project4, 4, 4, false},
        {k->lstmp_forward, NULL, k->project4, 4, 4, true},
        {k->gru_forward, NULL, k->project3, 4, 3, false},
        {k->gru_reset_before_forward, k->gru_reset_before_forward2, k->project3, 4, 3, false},
    };
    const BackwardKernel backwards[BACKWARDS] = {
        k->rnn_tanh_backward, k->rnn_relu_backward,         k->lstm_backward,
        k->gru_backward,      k->gru_reset_before_backward, k->gru_reset_before_backward2};
    memcpy(forward, forwards, sizeof forwards);
    memcpy(backward, backwards, sizeof backwards);
}

static void cells_like_portable(const Kernels *kernels) {
    ForwardCell forward[FORWARDS], forward_portable[FORWARDS];
    BackwardKernel backward[BACKWARDS], backward_portable[BACKWARDS];
    Guarded got[4], want[4];
    list_cells(kernels, forward, backward);
    list_cells(kernels_select("portable"), forward_portable, backward_portable);
    for (size_t rows = 1; rows <= CELL_ROWS; rows++)
        for (size_t panels = 1; panels <= CELL_PANELS; panels++) {
            for (size_t i = 0; i < FORWARDS * 2; i++) {
                run_forward(&forward[i / 2], rows, panels, 0.0f, i % 2, got);
                run_forward(&forward_portable[i / 2], rows, panels, 0.0f, false, want);
                /* A projection fills slots that these cells do not keep. */
                if (i % 2 && (forward[i / 2].slots == 1 || forward[i / 2].second))
                    memcpy(got[2].data, want[2].data, got[2].count * 4);
                check_same(got, want, 4, rows, panels, kernels->name, "forward", i);
                release_all(got, 4);
                release_all(want, 4);
            }
            for (size_t i = 0; i < BACKWARDS * 2; i++) {
                run_backward(backward[i / 2], rows, panels, i % 2, got);
                run_backward(backward_portable[i / 2], rows, panels, i % 2, want);
                check_same(got, want, 3, rows, panels, kernels->name, "backward", i / 2);
                release_all(got, 3);
                release_all(want, 3);
            }
        }
}

static void test_cells(void **state) {
    (void)state;
    each_tier(cells_like_portable);
}

/* A NaN in one row's input is in all its new states, and in no other row's. */
static void cells_pass_nan_on(const Kernels *kernels) {
    enum { WIDTH = 2 * PANEL };
    ForwardCell forward[FORWARDS];
    BackwardKernel backward[BACKWARDS];
    Guarded odd[4], plain[4];
    list_cells(kernels, forward, backward);
    for (size_t rows = 1; rows <= CELL_ROWS; rows++)
        for (size_t i = 0; i < FORWARDS; i++) {
            run_forward(&forward[i], rows, 2, NAN, false, odd);
            run_forward(&forward[i], rows, 2, 0.0f, false, plain);
            assert_memory_equal(odd[0].data, plain[0].data, (rows - 1) * WIDTH * sizeof(float));
            for (size_t k = 0; k < WIDTH - 3; k++)
                assert_true(isnan(odd[0].data[(rows - 1) * WIDTH + k]));
            release_all(odd, 4);
            release_all(plain, 4);
        }
}

static void test_cells_with_nan(void **state) {
    (void)state;
    each_tier(cells_pass_nan_on);
}

/* ---- loss ---- */

/* An exponential is right to 4 units in the last place (8u); a logit minus the largest rounds once,
 * which moves its exponential by the difference times u. */
static void check_loss_row(const Kernels *kernels, size_t count, float spread, size_t target) {
    const size_t padded = (count + PANEL - 1) / PANEL * PANEL;
    const float scale = 0.37f;
    Guarded logits = guarded(padded), gradient = guarded(padded);
    double top = -INFINITY, sum = 0.0;
    random_floats(logits.data, count, spread, count);
    for (size_t i = count; i < padded; i++) logits.data[i] = i % 2 ? NAN : INFINITY;
    for (size_t i = 0; i < count; i++) top = fmax(top, (double)logits.data[i]);
    for (size_t i = 0; i < count; i++) sum += exp((double)logits.data[i] - top);
    const SoftmaxRow row = kernels->cross_entropy(count, logits.data, target, scale, gradient.data);
    const SoftmaxRow alone = kernels->cross_entropy(count, logits.data, target, scale, NULL);
    const double relative = 0x1p-24 * (8.0 + 2.0 * (double)spread);
    check_guards(&gradient, "cross-entropy");
    check_guards(&logits, "cross-entropy");
    assert_memory_equal(&row, &alone, sizeof row);
    if (!(fabs(row.sum - sum) <= relative * sum) ||
        !(fabs(row.logit - ((double)logits.data[target] - top)) <= 0x1p-23 * (double)spread))
        fail_msg("cross-entropy/%s of %zu: %.9g and %.9g", kernels->name, count, row.sum,
                 row.logit);
    for (size_t i = 0; i < padded; i++) {
        const double p = i < count ? exp((double)logits.data[i] - top) / sum : 0.0;
        const double want = (double)scale * (p - (i == target ? 1.0 : 0.0));
        const double bound = (2.0 * relative + 0x1p-22) * (double)scale * (p + (i == target));
        if (!(fabs((double)gradient.data[i] - want) <= bound + 0x1p-149))
            fail_msg("cross-entropy/%s of %zu: gradient[%zu] is %.9g, expected %.9g +- %.2g",
                     kernels->name, count, i, (double)gradient.data[i], want, bound);
    }
    release(&logits);
    release(&gradient);
}

static void losses(const Kernels *kernels) {
    static const float spreads[] = {0.0f, 1.0f, 30.0f, 1000.0f};
    for (size_t count = 1; count <= 67; count++)
        for (size_t s = 0; s < 4; s++) {
            check_loss_row(kernels, count, spreads[s], 0);
            check_loss_row(kernels, count, spreads[s], count / 2);
            check_loss_row(kernels, count, spreads[s], count - 1);
        }
}

static void test_losses(void **state) {
    (void)state;
    each_tier(losses);
}

static void odd_losses(const Kernels *kernels) {
    _Alignas(64) float logits[2 * PANEL], gradient[2 * PANEL];
    for (size_t count = 1; count <= 2 * PANEL; count++)
        for (size_t at = 0; at < count; at++) {
            for (size_t i = 0; i < 2 * PANEL; i++) logits[i] = (float)i;
            logits[at] = NAN;
            assert_true(isnan(kernels->cross_entropy(count, logits, 0, 1.0f, gradient).sum));
            logits[at] = INFINITY;
            assert_true(isnan(kernels->cross_entropy(count, logits, 0, 1.0f, gradient).sum));
            for (size_t i = 0; i < 2 * PANEL; i++) logits[i] = -INFINITY;
            assert_true(isnan(kernels->cross_entropy(count, logits, 0, 1.0f, gradient).sum));
            logits[at] = 3.0f; /* the only one that is possible */
            const SoftmaxRow row = kernels->cross_entropy(count, logits, at, 1.0f, gradient);
            assert_true(row.sum == 1.0 && row.logit == 0.0);
            for (size_t i = 0; i < count; i++) assert_true(gradient[i] == 0.0f);
        }
}

static void test_odd_losses(void **state) {
    (void)state;
    each_tier(odd_losses);
}

/* ---- the same bits everywhere ---- */

/* Numbers of every size, zeros of both signs, denormals, NaN and infinities. */
static void fill_hard(float *x, size_t count, uint64_t seed) {
    static const float odd[] = {0.0f,    -0.0f,    1e-45f, -1e-45f,  FLT_MIN,
                                FLT_MAX, -FLT_MAX, NAN,    INFINITY, -INFINITY,
                                1e-39f,  -1.0f,    1.0f,   88.0f,    -88.0f};
    random_floats(x, count, 1.0f, seed);
    for (size_t i = 0; i < count; i++) {
        if (i % 3 == 1) x[i] = ldexpf(x[i], (int)(i * 37 % 280) - 140);
        if (i % 11 == 7) x[i] = odd[(i + seed) % 15];
    }
}

enum { LONG = 20 * PANEL };

static void elements_like_portable(const Kernels *kernels) {
    const Kernels *const portable = kernels_select("portable");
    _Alignas(64) float x[LONG];
    for (uint64_t seed = 0; seed < 50; seed++) {
        Guarded a = guarded(LONG), b = guarded(LONG);
        fill_hard(x, LONG, seed);
        fill_hard(a.data, LONG, seed + 100);
        memcpy(b.data, a.data, sizeof x);
        kernels->add(LONG, x, a.data);
        portable->add(LONG, x, b.data);
        check_like(a.data, b.data, LONG, "add", kernels->name);
        kernels->clip(LONG, 2.5f, a.data);
        portable->clip(LONG, 2.5f, b.data);
        check_like(a.data, b.data, LONG, "clip", kernels->name);
        check_guards(&a, "add or clip");
        release(&a);
        release(&b);
        random_floats(x, LONG, 1e10f, seed);
        const double got = kernels->sum_of_squares(LONG, x),
                     want = portable->sum_of_squares(LONG, x);
        assert_memory_equal(&got, &want, sizeof got);
    }
}

static void losses_like_portable(const Kernels *kernels) {
    const Kernels *const portable = kernels_select("portable");
    for (size_t count = 1; count <= 100; count++) {
        _Alignas(64) float logits[7 * PANEL], a[7 * PANEL], b[7 * PANEL];
        random_floats(logits, 7 * PANEL, count % 2 ? 3.0f : 60.0f, count);
        if (count % 5 == 0)
            for (size_t i = 0; i < count; i++) logits[i] = i % 2 ? 0.0f : -0.0f;
        const SoftmaxRow got = kernels->cross_entropy(count, logits, count / 2, 0.1f, a);
        const SoftmaxRow want = portable->cross_entropy(count, logits, count / 2, 0.1f, b);
        assert_true(got.sum == want.sum && got.logit == want.logit);
        check_like(a, b, (count + PANEL - 1) / PANEL * PANEL, "cross-entropy", kernels->name);
    }
}

/* Three steps of each optimiser, and the sums of squares. */
static void optimisers_like_portable(const Kernels *kernels) {
    const Kernels *const tables[2] = {kernels, kernels_select("portable")};
    const AdamStep adam = {0.7f, 0.01f, 1.3f, 0.9f, 0.1f, 0.999f, 0.001f, 1e-8f, 0.02f, 0.99f};
    const SgdStep sgd = {0.7f, 0.1f, 0.9f, 0.01f};
    const RmspropStep rmsprop = {0.7f, 0.01f, 0.99f, 0.01f, 1e-8f, 0.9f, 0.01f};
    Guarded w[2][3], state[2][4];
    float *const gradient = tight(LONG);
    UpdateSums sums[2][5];
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 3; i++) {
            w[k][i] = guarded(LONG);
            random_floats(w[k][i].data, LONG, 1.0f, i);
        }
        for (size_t i = 0; i < 4; i++) state[k][i] = guarded(LONG);
        Guarded *const s = state[k];
        for (uint64_t step = 0; step < 3; step++) {
            random_floats(gradient, LONG, 0.1f, 50 + step);
            /* Each leaves the next one its old weights as a gradient. */
            sums[k][0] = tables[k]->adam(LONG, w[k][0].data, s[0].data, s[1].data, gradient, &adam);
            sums[k][1] = tables[k]->sgd(LONG, w[k][1].data, s[2].data, gradient, &sgd);
            sums[k][2] =
                tables[k]->rmsprop(LONG, w[k][2].data, s[3].data, NULL, gradient, &rmsprop);
            sums[k][3] = tables[k]->sgd(LONG, w[k][1].data, NULL, gradient, &sgd);
            sums[k][4] =
                tables[k]->rmsprop(LONG, w[k][2].data, s[3].data, s[2].data, gradient, &rmsprop);
        }
        for (size_t i = 0; i < 3; i++) check_guards(&w[k][i], "weights");
        for (size_t i = 0; i < 4; i++) check_guards(&s[i], "moments");
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
    check_same(w[0], w[1], 3, 0, 0, kernels->name, "weights", 0);
    check_same(state[0], state[1], 4, 0, 0, kernels->name, "moments", 0);
    free(gradient);
    for (size_t k = 0; k < 2; k++) {
        release_all(w[k], 3);
        release_all(state[k], 4);
    }
}

static void like_portable(const Kernels *kernels) {
    elements_like_portable(kernels);
    losses_like_portable(kernels);
    optimisers_like_portable(kernels);
}

static void test_same_bits(void **state) {
    (void)state;
    each_tier(like_portable);
}

/* ---- what the element-wise kernels compute ---- */

static void elements(const Kernels *kernels) {
    float *const x = tight(LONG), *const y = tight(LONG), *const z = tight(LONG);
    double sum = 0.0;
    fill_hard(x, LONG, 1);
    fill_hard(y, LONG, 2);
    memcpy(z, y, LONG * sizeof *z);
    kernels->add(LONG, x, z);
    for (size_t i = 0; i < LONG; i++) {
        const float want = y[i] + x[i];
        assert_true(z[i] == want || (isnan(z[i]) && isnan(want)));
    }
    memcpy(z, y, LONG * sizeof *z);
    kernels->clip(LONG, 0.5f, z);
    for (size_t i = 0; i < LONG; i++) {
        const float want = y[i] > 0.5f ? 0.5f : y[i] < -0.5f ? -0.5f : y[i];
        assert_true(z[i] == want || (isnan(z[i]) && isnan(want)));
    }
    random_floats(x, LONG, 1.0f, 3);
    for (size_t i = 0; i < LONG; i++) sum += (double)x[i] * (double)x[i];
    assert_true(fabs(kernels->sum_of_squares(LONG, x) - sum) <= 1e-13 * sum);
    x[5] = FLT_MAX;
    assert_true(isfinite(kernels->sum_of_squares(LONG, x)));
    x[7] = NAN;
    assert_true(isnan(kernels->sum_of_squares(LONG, x)));
    free(x);
    free(y);
    free(z);
}

static void test_elements(void **state) {
    (void)state;
    each_tier(elements);
}

static void test_selection(void **state) {
    (void)state;
    assert_string_equal(kernels_select("portable")->name, "portable");
    assert_null(kernels_select("sse9"));
    assert_null(kernels_select(""));
    assert_non_null(kernels_select(NULL));
    for (size_t i = 0; i < ISAS; i++) {
        const Kernels *const kernels = kernels_select(all_isas[i]);
        if (kernels) assert_string_equal(kernels->name, all_isas[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),     cmocka_unit_test(test_cells_with_nan),
        cmocka_unit_test(test_losses),    cmocka_unit_test(test_odd_losses),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_elements),
        cmocka_unit_test(test_selection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
