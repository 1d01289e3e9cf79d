/* Models in ONNX become models of ours: what ONNX Runtime computes with them (tests/convert/onnx/
 * golden.py), ONNX's own node tests, failing allocations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "context/context.h"
#include "convert/conversion.h"
#include "convert/onnx_model.h"
#include "model/layer_plain.h"
#include "support/allocator.h"
#include "support/conformance.h"
#include "support/onnx_models.h"
#include "support/passes.h"
#include <elman/convert.h>

enum { PATH_BYTES = 512 };

#ifdef ELMAN_HAVE_ONNX

static elman_conversion *open_model(elman_context *context, const char *name) {
    char path[PATH_BYTES];
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    snprintf(path, sizeof path, ONNX_MODELS_FOLDER "%s.onnx", name);
    if (elman_conversion_open(context, path, NULL, &conversion, &error))
        fail_msg("%s", error.message);
    return conversion;
}

/* ---- What ONNX Runtime computed ---- */

/* Tensor NAME/`what` of the golden file; data NULL where there is none. */
static SafetensorsTensor golden_tensor(const SafetensorsFile *file, const char *name,
                                       const char *what) {
    char whole[PATH_BYTES];
    SafetensorsTensor tensor = {0};
    snprintf(whole, sizeof whole, "%s/%s", name, what);
    safetensors_find(file, whole, &tensor);
    return tensor;
}

/* A copy at an aligned place, or NULL. */
static void *copy_of(const SafetensorsTensor *tensor) {
    if (!tensor->data) return NULL;
    void *const copy = zeroed(tensor->bytes, 1);
    memcpy(copy, tensor->data, tensor->bytes);
    return copy;
}

static double difference_to_runtime(const SafetensorsFile *file, const char *name,
                                    const elman_model *model) {
    const SafetensorsTensor input = golden_tensor(file, name, "input");
    const SafetensorsTensor output = golden_tensor(file, name, "output");
    const SafetensorsTensor given = golden_tensor(file, name, "lengths");
    const SafetensorsTensor state = golden_tensor(file, name, "state");
    const size_t steps = input.shape[0], rows = input.shape[1];
    const bool tokens = input.type == SAFETENSORS_I32, every_step = output.rank == 3;
    const size_t count = output.bytes / sizeof(float), outputs = output.shape[output.rank - 1];
    void *const read = copy_of(&input);
    int32_t *const numbers = copy_of(&given);
    float *const want = copy_of(&output), *const start = copy_of(&state);
    float *const got = zeroed(count, sizeof *got);
    size_t *const lengths = zeroed(rows, sizeof *lengths);
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    elman_error error = {0};
    for (size_t b = 0; b < rows; b++) lengths[b] = numbers ? (size_t)numbers[b] : steps;
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = steps,
                                     .batch = rows,
                                     .dense = tokens ? NULL : read,
                                     .tokens = tokens ? read : NULL,
                                     .state = start,
                                     .lengths = lengths};
    const elman_tape_options sizes = {.struct_size = sizeof sizes, .steps = steps, .batch = rows};
    if (elman_network_compile(model, &network, &error) ||
        elman_tape_create(network, &sizes, &tape, &error) ||
        elman_tape_forward(tape, &sequence, &error))
        fail_msg("%s: %s", name, error.message);
    elman_model_info info;
    elman_model_describe(model, &info);
    assert_int_equal(info.outputs, outputs);
    assert_int_equal(count, (every_step ? steps : 1) * rows * outputs);
    assert_true(every_step == (info.output == ELMAN_OUTPUT_EVERY_STEP));
    elman_tape_output(tape, got);
    double largest = 0.0;
    for (size_t i = 0; i < count; i++)
        if (!every_step || i / outputs / rows < lengths[i / outputs % rows])
            largest = fmax(largest, fabs((double)got[i] - (double)want[i]));
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    free(lengths);
    free(got);
    free(start);
    free(want);
    free(numbers);
    free(read);
    return largest;
}

static void runtime_models(void **state) {
    (void)state;
    Memory memory;
    SafetensorsFile *file = NULL;
    elman_error error = {0};
    elman_context *const context = open_context(NULL, 1);
    memory_init(&memory, NULL);
    if (safetensors_open(&memory, ONNX_MODELS_FOLDER "golden.safetensors", &file, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < ONNX_MODELS; i++) {
        elman_conversion *const conversion = open_model(context, onnx_models[i]);
        elman_conversion_summary summary;
        elman_conversion_describe(conversion, &summary);
        const double difference =
            difference_to_runtime(file, onnx_models[i], elman_conversion_model(conversion));
        if (!(difference <= 1e-6) || !summary.proven || !(summary.largest <= 1e-6))
            fail_msg("%s: %g from ONNX Runtime, %g in the proof", onnx_models[i], difference,
                     summary.largest);
        assert_int_equal(summary.from, ELMAN_CONVERT_ONNX);
        assert_true(summary.tensors > 0 && summary.notes > 0);
        if (elman_conversion_save(conversion, "model", &error)) fail_msg("%s", error.message);
        elman_conversion_destroy(conversion);
    }
    elman_context_destroy(context);
    safetensors_close(file);
}

/* ---- The conformance vectors ---- */

/* The inputs that stay inputs, and the outputs, as ports of a graph. */
typedef struct Ports {
    OnnxPort inputs[INPUTS_MAX], outputs[OUTPUTS_MAX];
} Ports;

/* Every second case leaves its numbers of steps and rows open. */
static void open_ports(Case *made, bool is_open, Ports *ports) {
    static const size_t kept[] = {CASE_X, CASE_LENGTHS, CASE_H, CASE_C};
    OnnxModel *const model = &made->model;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const OnnxTensor *const tensor = made->values[kept[i]].initialiser;
        if (!tensor) continue;
        OnnxPort *const port = &ports->inputs[model->input_count++];
        *port = (OnnxPort){.value = (uint32_t)kept[i],
                           .has_type = true,
                           .has_shape = true,
                           .type = tensor->type,
                           .rank = tensor->rank};
        for (size_t k = 0; k < tensor->rank; k++)
            port->shape[k] = is_open && k + 1 < tensor->rank && kept[i] == CASE_X
                                 ? -1
                                 : (int64_t)tensor->shape[k];
        made->values[kept[i]].initialiser = NULL;
    }
    for (size_t i = 0; i < made->node.output_count; i++)
        ports->outputs[model->output_count++] = (OnnxPort){.value = made->node_outputs[i]};
    model->inputs = ports->inputs;
    model->outputs = ports->outputs;
}

typedef struct Conformance {
    elman_context *context;
    double largest;
    size_t plain, states, lengths, count;
} Conformance;

static void check_case(Memory *memory, Case *made, void *user) {
    Conformance *const c = user;
    elman_conversion_summary summary;
    elman_error error = {0};
    Ports ports;
    (void)memory;
    c->states += made->values[CASE_H].initialiser != NULL;
    c->lengths += made->values[CASE_LENGTHS].initialiser != NULL;
    const bool can_open = !made->values[CASE_H].initialiser && !made->values[CASE_C].initialiser &&
                          !made->values[CASE_LENGTHS].initialiser;
    open_ports(made, can_open && c->count++ % 2 == 0, &ports);
    elman_conversion *const conversion = memory_allocate(&c->context->memory, sizeof *conversion);
    assert_non_null(conversion);
    *conversion = (elman_conversion){
        .context = c->context,
        .options = {.from = ELMAN_CONVERT_ONNX, .to = ELMAN_CONVERT_ELMAN, .tolerance = 1e-5},
        .name = memory_copy_string(&c->context->memory, made->node.name),
        .graph = &made->model,
    };
    if (onnx_make_model(conversion, &error) || conversion_prove(conversion, &error))
        fail_msg("%s: %s", made->node.name, error.message);
    elman_conversion_describe(conversion, &summary);
    if (!summary.proven) fail_msg("%s: %g off", made->node.name, summary.largest);
    c->largest = fmax(c->largest, summary.largest);
    c->plain += layer_plain(&conversion->model->structure.layers[0]);
    conversion->graph = NULL; /* the case's */
    elman_conversion_destroy(conversion);
}

static void conformance_vectors(void **state) {
    (void)state;
    Conformance c = {.context = open_context(NULL, 1)};
    Memory memory;
    memory_init(&memory, NULL);
    const size_t cases = each_case(&memory, check_case, &c);
    print_message("%zu graphs: %zu with states, %zu with lengths, %zu plain; largest difference "
                  "%.2g\n",
                  cases, c.states, c.lengths, c.plain, c.largest);
    assert_true(c.plain > 100 && c.states > 10 && c.lengths > 10);
    elman_context_destroy(c.context);
}

/* ---- Memory ---- */

static elman_status convert_with(CountingAllocator *counting, const char *name) {
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(counting)};
    char path[PATH_BYTES];
    elman_context *context = NULL;
    elman_conversion *conversion = NULL;
    snprintf(path, sizeof path, ONNX_MODELS_FOLDER "%s.onnx", name);
    elman_status status = elman_context_create(&options, &context, NULL);
    if (!status) status = elman_conversion_open(context, path, NULL, &conversion, NULL);
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
    return status;
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    static const char *const tried[] = {
        "torch_embedding", "folded",          "layout",    "ends",
        "stages",          "stages_at_steps", "peepholes", "normalised"};
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        elman_status status = ELMAN_ERR_MEMORY;
        for (long allow = 0; status; allow++) {
            CountingAllocator counting = {.allow = allow};
            status = convert_with(&counting, tried[i]);
            if (status && status != ELMAN_ERR_MEMORY)
                fail_msg("%s, %ld: status %d", tried[i], allow, (int)status);
            if (counting.live)
                fail_msg("%s, %ld: %ld blocks leaked", tried[i], allow, counting.live);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runtime_models),
        cmocka_unit_test(conformance_vectors),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) {
    return 0; /* test_convert_onnx_refused.c says what such a build does */
}

#endif
