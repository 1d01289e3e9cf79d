/* The oracle against the conformance vectors: every output of every case, which a float64 reference
 * of another language computed from the specification. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "convert/oracle_onnx.h"
#include "support/allocator.h"
#include "support/conformance.h"

enum { ELEMENTS_MAX = 1 << 16 };

/* The largest difference of the outputs, as a share of 1 or of what they should be. */
static double run_case(Memory *memory, const Case *made) {
    OracleOnnx *oracle;
    elman_error error;
    double largest = 0.0;
    if (oracle_onnx_create(memory, &made->model, ELEMENTS_MAX, &oracle, &error) ||
        oracle_onnx_run(oracle, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < made->node.output_count; i++) {
        const uint32_t value = made->node_outputs[i];
        const OracleArray *const got = oracle_onnx_value(oracle, value);
        const SafetensorsTensor want = case_tensor(made, made->values[value].name);
        assert_int_equal(want.rank, got->rank);
        for (size_t k = 0; k < got->rank; k++) assert_int_equal(got->shape[k], want.shape[k]);
        for (size_t k = 0; k < got->count; k++) {
            const double number = tensor_number(&want, k);
            const double difference = fabs(got->numbers[k] - number) / fmax(1.0, fabs(number));
            if (!(difference <= largest)) largest = difference;
        }
    }
    oracle_onnx_destroy(oracle);
    return largest;
}

static void check_case(Memory *memory, Case *made, void *user) {
    double *const largest = user;
    const double difference = run_case(memory, made);
    if (!(difference <= 1e-12))
        fail_msg("%s, %s: %g off", made->model.path, made->node.name, difference);
    if (difference > *largest) *largest = difference;
}

static void outputs(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    double largest = 0.0;
    memory_init(&memory, &allocator);
    const size_t cases = each_case(&memory, check_case, &largest);
    print_message("%zu cases, largest difference %.2g\n", cases, largest);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
