/* Many streams over one network, each in a thread of its own: the bits of one stream alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"
#include <elman/stream.h>

enum { THREADS = 4, STEPS = 300, TOKENS = 7, OUTPUTS = 3 };

typedef struct Walk {
    const elman_network *network;
    size_t offset; /* where in the sequence of tokens it begins */
    float *outputs;
    elman_status status;
} Walk;

static void *walk(void *argument) {
    Walk *const w = argument;
    elman_stream *stream = NULL;
    w->status = elman_stream_create(w->network, &stream, NULL);
    for (size_t t = 0; t < STEPS && !w->status; t++) {
        const int32_t token = (int32_t)((t * t + w->offset) % TOKENS);
        w->status = elman_stream_step_token(stream, token, w->outputs + t * OUTPUTS);
    }
    elman_stream_destroy(stream);
    return NULL;
}

static void streams_in_threads(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELLS; i++) {
        const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                                  .inputs = TOKENS,
                                  .cell = all_cells[i],
                                  .layers = 2,
                                  .hidden = 20,
                                  .outputs = OUTPUTS};
        elman_network *const network = random_network(context, &spec, i);
        float *const numbers = zeroed((THREADS + 1) * STEPS * OUTPUTS, sizeof *numbers);
        Walk walks[THREADS];
        pthread_t threads[THREADS];
        for (size_t k = 0; k < THREADS; k++) {
            walks[k] = (Walk){network, k, numbers + k * STEPS * OUTPUTS, ELMAN_OK};
            assert_int_equal(pthread_create(&threads[k], NULL, walk, &walks[k]), 0);
        }
        for (size_t k = 0; k < THREADS; k++) assert_int_equal(pthread_join(threads[k], NULL), 0);
        for (size_t k = 0; k < THREADS; k++) {
            Walk alone = {network, k, numbers + THREADS * STEPS * OUTPUTS, ELMAN_OK};
            walk(&alone);
            assert_int_equal(walks[k].status, ELMAN_OK);
            assert_memory_equal(walks[k].outputs, alone.outputs, STEPS * OUTPUTS * sizeof *numbers);
        }
        free(numbers);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(streams_in_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
