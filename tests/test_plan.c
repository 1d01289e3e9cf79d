/* Which worker has which layers, and what a plan by layers holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/network.h"
#include "model/plan.h"
#include "support/passes.h"

enum { LAYERS_MAX = 9, WORKERS_MAX = 8 };

/* Layers from the third on with twice the units of the first two, or with as many. */
static elman_network *make_network(elman_context *context, size_t layers, bool alike,
                                   size_t bidirectional) {
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_error error = {0};
    assert_int_equal(elman_model_create(context, 64, &model, &error), ELMAN_OK);
    for (size_t l = 0; l < layers; l++) {
        const elman_cell_options options = {.struct_size = sizeof options,
                                            .cell = ELMAN_CELL_LSTM,
                                            .hidden = alike || l < 2 ? 64 : 128,
                                            .bidirectional = l == bidirectional};
        elman_model_add_cell_options(model, &options);
    }
    assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_OK);
    assert_int_equal(elman_network_compile(model, &network, &error), ELMAN_OK);
    elman_model_destroy(model);
    return network;
}

/* Each worker of a stack [first, end) has neighbours, and none of them has nothing. */
static size_t check_stack(const size_t *worker_of, size_t first, size_t end) {
    assert_int_equal(worker_of[first], 0);
    for (size_t l = first + 1; l < end; l++)
        assert_true(worker_of[l] == worker_of[l - 1] || worker_of[l] == worker_of[l - 1] + 1);
    return worker_of[end - 1] + 1;
}

static void layers_like_each_other(void **state) {
    (void)state;
    for (size_t workers = 1; workers <= WORKERS_MAX; workers++)
        for (size_t layers = 1; layers <= LAYERS_MAX; layers++) {
            elman_context *const context = open_context(NULL, workers);
            elman_network *const network = make_network(context, layers, true, layers);
            const size_t want = layers < workers ? layers : workers;
            size_t worker_of[LAYERS_MAX], most = 0;
            plan_layers(network, 1, worker_of);
            assert_int_equal(check_stack(worker_of, 0, layers), want);
            for (size_t l = 0, count = 0; l < layers; l++) {
                count = l > 0 && worker_of[l] == worker_of[l - 1] ? count + 1 : 1;
                if (count > most) most = count;
            }
            assert_int_equal(most, (layers + want - 1) / want);
            elman_network_destroy(network);
            elman_context_destroy(context);
        }
}

static void layers_of_different_size(void **state) {
    static const size_t want[] = {0, 0, 0, 1}; /* 1, 1, 3, 4 units of work */
    size_t worker_of[4];
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    elman_network *const network = make_network(context, 4, false, 4);
    plan_layers(network, 1, worker_of);
    assert_memory_equal(worker_of, want, sizeof want);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void bidirectional_layers_stand_alone(void **state) {
    size_t worker_of[5];
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    elman_network *const network = make_network(context, 5, true, 2);
    const Structure *const structure = &network->structure;
    static const size_t bounds[] = {0, 2, 3, 5};
    plan_layers(network, 1, worker_of);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(plan_stack_end(structure, bounds[i]), bounds[i + 1]);
        assert_int_equal(plan_stack_begin(structure, bounds[i + 1]), bounds[i]);
        check_stack(worker_of, bounds[i], bounds[i + 1]);
    }
    assert_int_equal(worker_of[1], 1);
    assert_int_equal(worker_of[4], 1);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void what_is_asked_for(void **state) {
    (void)state;
    for (size_t workers = 1; workers <= 4; workers++) {
        elman_context *const context = open_context(NULL, workers);
        elman_network *const network = make_network(context, 4, true, 4);
        size_t worker_of[4];
        plan_layers(network, 1, worker_of);
        for (size_t steps = 1; steps < 200; steps += steps / 2 + 1)
            for (int sharing = ELMAN_SHARE_AUTO; sharing <= ELMAN_SHARE_LAYERS; sharing++) {
                const PlanPass pass = {.network = network,
                                       .sharing = (elman_sharing)sharing,
                                       .steps = steps,
                                       .batch = 1,
                                       .worker_of = worker_of};
                const Plan plan = plan_pass(&pass);
                assert_true(plan.workers == 1 || plan.workers == workers);
                if (workers > 1 && sharing != ELMAN_SHARE_AUTO)
                    assert_int_equal(plan.sharing, sharing);
                if (plan.sharing == ELMAN_SHARE_LAYERS)
                    assert_true(plan.chunk >= 1 && plan.chunk <= steps);
            }
        elman_network_destroy(network);
        elman_context_destroy(context);
    }
}

/* One row cannot be shared by rows. */
static void apart(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    elman_network *const network = make_network(context, 4, true, 4);
    size_t worker_of[4];
    plan_layers(network, 1, worker_of);
    const PlanPass pass = {
        .network = network, .steps = 100, .batch = 1, .worker_of = worker_of, .apart = true};
    const Plan plan = plan_pass(&pass);
    assert_int_equal(plan.sharing, ELMAN_SHARE_ROWS);
    assert_int_equal(plan.workers, 1);
    assert_false(plan.watched);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_like_each_other),
        cmocka_unit_test(layers_of_different_size),
        cmocka_unit_test(bidirectional_layers_stand_alone),
        cmocka_unit_test(what_is_asked_for),
        cmocka_unit_test(apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
