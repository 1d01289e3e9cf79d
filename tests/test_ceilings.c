/* Ceilings: every figure is there and of a size that a computer can have; the interpolation is
 * right. How fast anything is, no test says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/ceilings.h"
#include "support/allocator.h"
#include "support/guarded.h"
#include "support/passes.h"
#include <elman/ceilings.h>

static void check_figures(const elman_ceilings *c, const char *isa, size_t threads) {
    assert_string_equal(c->isa, isa);
    assert_int_equal(c->threads, threads);
    const double rates[] = {c->clock, c->peak, c->peak_all, c->product, c->product_all};
    for (size_t i = 0; i < 5; i++) assert_true(rates[i] > 1e5 && rates[i] < 1e15);
    const double times[] = {c->fma_chain, c->rnn_chain, c->lstm_chain, c->gru_chain};
    for (size_t i = 0; i < 4; i++) assert_true(times[i] > 1e-11 && times[i] < 1e-2);
    assert_true(threads > 1 ? c->barrier > 0.0 && c->barrier < 1.0 : c->barrier == 0.0);
    assert_int_equal(c->sizes, ELMAN_CEILING_SIZES);
    assert_int_equal(c->bytes[0], 16 << 10);
    assert_int_equal(c->bytes[c->sizes - 1], 64 << 20);
    for (size_t i = 0; i < c->sizes; i++) {
        assert_true(c->read[i] > 1e5 && c->read[i] < 1e15);
        assert_true(c->read_all[i] > 1e5 && c->read_all[i] < 1e15);
    }
}

static void figures(void **state) {
    (void)state;
    for (size_t isa = 0; isa < ISAS; isa++) {
        const size_t threads = 1 + isa % 2;
        elman_context *const context = open_context(all_isas[isa], threads);
        elman_ceilings ceilings;
        if (!context) continue;
        assert_int_equal(elman_ceilings_measure(context, &ceilings, NULL), ELMAN_OK);
        check_figures(&ceilings, all_isas[isa], threads);
        for (size_t asked = 1; asked <= threads; asked++) {
            elman_pace pace = {0.0, 0.0};
            elman_pace_measure(context, asked, &pace);
            assert_true(pace.clock > 1e5 && pace.clock < 1e15);
            assert_true(pace.product > 1e5 && pace.product < 1e15);
        }
        elman_context_destroy(context);
    }
}

static void interpolation(void **state) {
    (void)state;
    const elman_ceilings c = {
        .sizes = 3, .bytes = {1024, 2048, 4096}, .read = {8, 6, 1}, .read_all = {16, 12, 2}};
    assert_true(elman_ceilings_read(&c, 1, 0.0) == 8.0);
    assert_true(elman_ceilings_read(&c, 1, 1024.0) == 8.0);
    assert_true(elman_ceilings_read(&c, 2, 2048.0) == 12.0);
    assert_true(fabs(elman_ceilings_read(&c, 1, 2048.0 * sqrt(2.0)) - 3.5) < 1e-12);
    assert_true(elman_ceilings_read(&c, 1, 4096.0) == 1.0);
    assert_true(elman_ceilings_read(&c, 7, 1e30) == 2.0);
    assert_true(elman_ceilings_read(&c, 1, NAN) == 8.0);
}

/* What the loops compute: that nothing of it was left out. */
static void check_loops(const Kernels *kernels) {
    const Ceilings *const loops = ceilings_select(kernels);
    Guarded sink = guarded(PANEL), x = guarded(2 * STREAM_GRAIN);
    const size_t rounds = 1000;
    for (size_t i = 0; i < x.count; i++) x.data[i] = 0.5f;
    loops->stream_read(3, x.count, x.data, sink.data);
    float sum = 0.0f;
    for (size_t l = 0; l < PANEL; l++) sum += sink.data[l];
    assert_true(sum == 3.0f * 0.5f * (float)x.count);
    assert_int_equal(loops->fma_burst(rounds, sink.data) % rounds, 0);
    const float chains = sink.data[0]; /* each of them has come to 1 */
    assert_true(chains >= 8.0f && chains == roundf(chains));
    assert_int_equal(loops->fma_chain(rounds, sink.data) % rounds, 0);
    assert_true(sink.data[0] == 1.0f);
    assert_int_equal(loops->add_chain(rounds, sink.data) % rounds, 0);
    assert_true(sink.data[0] > 0.0f);
    check_guards(&sink, "sink");
    release(&x);
    release(&sink);
}

static void loops_compute(void **state) {
    (void)state;
    each_tier(check_loops);
}

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* The last h of a cell with one weight a gate, as the loops have them. */
static double gru_in_double(size_t rounds) {
    double h = 0.0;
    for (size_t n = 0; n < rounds; n++) {
        const double r = sigmoid(0.5 * h + 0.125), z = sigmoid(0.25 * h + 0.125);
        const double a = tanh(0.125 * h + 0.125 + r * (0.75 * h + 0.125));
        h = (1.0 - z) * a + z * h;
    }
    return h;
}

static double lstm_in_double(size_t rounds) {
    double h = 0.0, c = 0.0;
    for (size_t n = 0; n < rounds; n++) {
        c = sigmoid(0.25 * h + 0.125) * c + sigmoid(0.5 * h + 0.125) * tanh(0.75 * h + 0.125);
        h = sigmoid(h + 0.125) * tanh(c);
    }
    return h;
}

static double rnn_in_double(size_t rounds) {
    double h = 0.0;
    for (size_t n = 0; n < rounds; n++) h = tanh(0.5 * h + 0.125);
    return h;
}

static void check_chains(const Kernels *kernels) {
    const Ceilings *const loops = ceilings_select(kernels);
    void (*const chains[])(size_t, float *) = {loops->rnn_chain, loops->lstm_chain,
                                               loops->gru_chain};
    double (*const in_double[])(size_t) = {rnn_in_double, lstm_in_double, gru_in_double};
    for (size_t i = 0; i < 3; i++) {
        Guarded state = guarded(PANEL);
        chains[i](9, state.data);
        assert_true(fabs((double)state.data[0] - in_double[i](9)) < 1e-6);
        check_guards(&state, "state");
        release(&state);
    }
}

static void chains(void **state) {
    (void)state;
    each_tier(check_chains);
}

static void memory_runs_out(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    elman_ceilings ceilings;
    elman_error error = {0};
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    counting.allow = 0;
    assert_int_equal(elman_ceilings_measure(context, &ceilings, &error), ELMAN_ERR_MEMORY);
    assert_non_null(strstr(error.message, "no memory"));
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures),         cmocka_unit_test(interpolation),
        cmocka_unit_test(loops_compute),   cmocka_unit_test(chains),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
