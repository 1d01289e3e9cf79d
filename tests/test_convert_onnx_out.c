/* Conversion to ONNX: each kind of network is read again, evaluated by the oracle and held against
 * libelman's tape; what is written is always the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/conversion.h"
#include "convert/oracle_onnx.h"
#include "core/files.h"
#include "support/allocator.h"
#include "support/onnx_networks.h"
#include "support/passes.h"
#include <elman/convert.h>

#define GOLDEN ELMAN_SOURCE_DIR "/tests/data/torch/gru.safetensors"

#ifdef ELMAN_HAVE_ONNX

static OnnxModel *read_graph(Memory *memory, const char *path) {
    OnnxModel *graph = NULL;
    elman_error error = {0};
    memory_init(memory, NULL);
    if (onnx_open(memory, path, &graph, &error)) fail_msg("%s", error.message);
    return graph;
}

/* ---- Each kind of network ---- */

/* The inputs of a graph: the oracle's view of a sample. */
static OracleArray array_of(OnnxType type, size_t rank, size_t a, size_t b, size_t c) {
    OracleArray array = {.type = type, .rank = rank, .shape = {a, b, c}};
    array.count = a * (rank > 1 ? b : 1) * (rank > 2 ? c : 1);
    if (type == ONNX_FLOAT)
        array.numbers = zeroed(array.count, sizeof *array.numbers);
    else
        array.integers = zeroed(array.count, sizeof *array.integers);
    return array;
}

static void feed_optional(OracleOnnx *oracle, const OnnxModel *graph, const char *name,
                          OracleArray *array) {
    elman_error error = {0};
    size_t i = 0;
    while (i < graph->optional_count &&
           strcmp(graph->values[graph->optionals[i].value].name, name) != 0)
        i++;
    if (i == graph->optional_count) fail_msg("there is no optional input %s", name);
    if (oracle_onnx_feed_optional(oracle, i, array, &error)) fail_msg("%s", error.message);
    free(array->numbers);
    free(array->integers);
}

static void feed_input(OracleOnnx *oracle, const NetworkSpec *spec, const Sample *sample) {
    const bool dense = sample->dense != NULL;
    elman_error error = {0};
    OracleArray input = array_of(dense ? ONNX_FLOAT : ONNX_INT64, dense ? 3 : 2, sample->steps,
                                 sample->rows, spec->inputs);
    for (size_t i = 0; i < input.count; i++)
        if (dense)
            input.numbers[i] = isnan(sample->dense[i]) ? 0.0 : (double)sample->dense[i];
        else
            input.integers[i] = sample->tokens[i] < 0 ? 0 : sample->tokens[i];
    if (oracle_onnx_feed(oracle, 0, &input, &error)) fail_msg("%s", error.message);
    free(input.numbers);
    free(input.integers);
}

/* Gives the initial states; sample->state is laid out as elman_network_state_size says. */
static void feed_states(OracleOnnx *oracle, const OnnxModel *graph, const NetworkSpec *spec,
                        const Sample *sample) {
    const size_t directions = spec_directions(spec), block = sample->rows * spec->hidden;
    const size_t kinds = spec->cell == ELMAN_CELL_LSTM ? 2 : 1;
    for (size_t layer = 0; layer < spec->layers; layer++)
        for (size_t kind = 0; kind < kinds; kind++) {
            OracleArray state = array_of(ONNX_FLOAT, 3, directions, sample->rows, spec->hidden);
            for (size_t i = 0; i < state.count; i++) {
                const size_t part = (layer * directions + i / block) * kinds + kind;
                state.numbers[i] = (double)sample->state[part * block + i % block];
            }
            feed_optional(oracle, graph,
                          onnx_graph_name(kind ? "initial_c" : "initial_h", layer).text, &state);
        }
}

static void feed_lengths(OracleOnnx *oracle, const OnnxModel *graph, const Sample *sample) {
    OracleArray lengths = array_of(ONNX_INT32, 1, sample->rows, 1, 1);
    for (size_t i = 0; i < sample->rows; i++) lengths.integers[i] = (int64_t)sample->lengths[i];
    feed_optional(oracle, graph, "lengths", &lengths);
}

static elman_tape *run_sample(const elman_model *model, const NetworkSpec *spec,
                              const Sample *sample, elman_network **network) {
    const elman_sequence sequence = sample_sequence(sample, false);
    elman_error error = {0};
    if (elman_network_compile(model, network, &error)) fail_msg("%s", error.message);
    elman_tape *const tape = open_tape(*network, spec, sample->steps, sample->rows);
    if (elman_tape_forward(tape, &sequence, &error)) fail_msg("%s", error.message);
    return tape;
}

/* A normalisation divides what small states differ in by their deviation. */
static double tolerance_of(size_t network) {
    return network < ONNX_PLAIN ? 2e-6 : 1e-5;
}

static void check_number(double got, double want, const char *what, size_t network) {
    if (!(fabs(got - want) <= tolerance_of(network) * fmax(1.0, fabs(want))))
        fail_msg("network %zu: %s: %.9g, expected %.9g", network, what, got, want);
}

static void check_output(const OracleArray *got, const elman_tape *tape, const NetworkSpec *spec,
                         const Sample *sample, size_t network) {
    const size_t outputs = spec_outputs(spec), positions = sample_positions(spec, sample);
    float *const want = zeroed(positions * outputs, sizeof *want);
    elman_tape_output(tape, want);
    assert_int_equal(got->count, positions * outputs);
    for (size_t i = 0; i < got->count; i++) {
        const size_t position = i / outputs, row = position % sample->rows;
        const size_t length = sample->lengths ? sample->lengths[row] : sample->steps;
        if (spec_one_output(spec) || position / sample->rows < length)
            check_number((double)want[i], got->numbers[i], "output", network);
    }
    free(want);
}

static void check_final_states(const OracleOnnx *oracle, const OnnxModel *graph,
                               const elman_tape *tape, const NetworkSpec *spec,
                               const Sample *sample, size_t network) {
    const size_t block = sample->rows * spec->hidden;
    const size_t kinds = spec->cell == ELMAN_CELL_LSTM ? 2 : 1;
    float *const state =
        zeroed(spec->layers * spec_directions(spec) * kinds * block, sizeof *state);
    elman_tape_state(tape, state);
    assert_int_equal(graph->output_count, 1 + spec->layers * kinds);
    for (size_t o = 1; o < graph->output_count; o++) {
        const OracleArray *const got = oracle_onnx_value(oracle, graph->outputs[o].value);
        const size_t layer = (o - 1) / kinds, kind = (o - 1) % kinds;
        assert_string_equal(graph->values[graph->outputs[o].value].name,
                            onnx_graph_name(kind ? "final_c" : "final_h", layer).text);
        assert_int_equal(got->count, spec_directions(spec) * block);
        for (size_t i = 0; i < got->count; i++) {
            const size_t part = (layer * spec_directions(spec) + i / block) * kinds + kind;
            check_number((double)state[part * block + i % block], got->numbers[i], "final state",
                         network);
        }
    }
    free(state);
}

/* One network with another batch than in the proof, with and without lengths and states. */
static void check_network(elman_context *context, size_t index) {
    const NetworkSpec spec = onnx_network(index);
    elman_model *const model = random_model(context, &spec, index);
    elman_conversion_summary summary;
    elman_error error = {0};
    Memory memory;
    save_model(model);
    elman_conversion *const conversion = open_onnx(context, "model");
    elman_conversion_describe(conversion, &summary);
    if (!summary.proven || !(summary.largest <= tolerance_of(index)))
        fail_msg("network %zu: %g in the proof", index, summary.largest);
    assert_int_equal(summary.tensors, elman_model_tensor_count(model));
    assert_int_equal(elman_conversion_save(conversion, "model.onnx", &error), ELMAN_OK);
    OnnxModel *const graph = read_graph(&memory, "model.onnx");
    for (size_t given = 0; given < 4; given++) {
        const bool lengths = given % 2, state = given / 2;
        Sample sample = random_sample(&spec, 6, 5, lengths, state, index);
        for (size_t i = 0; lengths && i < sample.rows; i++)
            if (sample.lengths[i] == 0) sample.lengths[i] = 1 + i;
        for (size_t i = 0; sample.dense && i < sample.steps * sample.rows * spec.inputs; i++)
            if (isnan(sample.dense[i])) sample.dense[i] = 0.0f;
        for (size_t i = 0; sample.tokens && i < sample.steps * sample.rows; i++)
            if (sample.tokens[i] < 0) sample.tokens[i] = 0;
        elman_network *network = NULL;
        elman_tape *const tape = run_sample(model, &spec, &sample, &network);
        OracleOnnx *oracle = NULL;
        if (oracle_onnx_create(&memory, graph, SIZE_MAX, &oracle, &error))
            fail_msg("%s", error.message);
        feed_input(oracle, &spec, &sample);
        if (lengths) feed_lengths(oracle, graph, &sample);
        if (state) feed_states(oracle, graph, &spec, &sample);
        if (oracle_onnx_run(oracle, &error)) fail_msg("network %zu: %s", index, error.message);
        check_output(oracle_onnx_value(oracle, graph->outputs[0].value), tape, &spec, &sample,
                     index);
        check_final_states(oracle, graph, tape, &spec, &sample, index);
        oracle_onnx_destroy(oracle);
        elman_tape_destroy(tape);
        elman_network_destroy(network);
        sample_free(&sample);
    }
    onnx_close(graph);
    elman_conversion_destroy(conversion);
    elman_model_destroy(model);
}

static void networks(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < ONNX_NETWORKS; i++) check_network(context, i);
    elman_context_destroy(context);
}

/* ---- What stands in the file ---- */

/* What tools look at: how a GRU resets is always said, and any size goes. */
static void what_is_said(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t after = 0; after < 2; after++) {
        const NetworkSpec spec = {.inputs = 3,
                                  .cell = after ? ELMAN_CELL_GRU : ELMAN_CELL_GRU_RESET_BEFORE,
                                  .layers = 1,
                                  .hidden = 4};
        elman_model *const model = random_model(context, &spec, 1);
        Memory memory;
        elman_error error = {0};
        save_model(model);
        elman_conversion *const conversion = open_onnx(context, "model");
        assert_int_equal(elman_conversion_save(conversion, "model.onnx", &error), ELMAN_OK);
        OnnxModel *const graph = read_graph(&memory, "model.onnx");
        const OnnxNode *node = graph->nodes;
        while (strcmp(node->op_type, "GRU") != 0) node++;
        assert_string_equal(node->name, "rnn_l0");
        const OnnxAttribute *const resets = onnx_attribute(node, "linear_before_reset");
        assert_int_equal(resets->ints[0], after);
        assert_null(onnx_attribute(node, "layout"));
        assert_int_equal(graph->opset, 17);
        assert_int_equal(graph->input_count, 1);
        assert_int_equal(graph->inputs[0].shape[0], -1);
        assert_int_equal(graph->inputs[0].shape[1], -1);
        assert_int_equal(graph->inputs[0].shape[2], 3);
        onnx_close(graph);
        elman_conversion_destroy(conversion);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* A projection is refused by name. */
static void what_onnx_lacks(void **state) {
    (void)state;
    const NetworkSpec spec = {
        .inputs = 3, .cell = ELMAN_CELL_LSTM, .layers = 2, .hidden = 4, .projection = 2};
    const elman_convert_options options = {.struct_size = sizeof options, .to = ELMAN_CONVERT_ONNX};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 1);
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    save_model(model);
    elman_model_destroy(model);
    assert_int_equal(elman_conversion_open(context, "model", &options, &conversion, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message, "model: layer 0 has a projection, which ONNX's LSTM lacks");
    elman_context_destroy(context);
}

/* A clip that ONNX Runtime does not keep is told. */
static void warns_of_a_clip(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t lstm = 0; lstm < 2; lstm++) {
        const NetworkSpec spec = {.inputs = 3,
                                  .cell = lstm ? ELMAN_CELL_LSTM : ELMAN_CELL_GRU,
                                  .layers = 1,
                                  .hidden = 4,
                                  .plain = {.clip = 1.0f}};
        elman_model *const model = random_model(context, &spec, 1);
        elman_conversion_summary summary;
        save_model(model);
        elman_conversion *const conversion = open_onnx(context, "model");
        elman_conversion_describe(conversion, &summary);
        assert_int_equal(summary.notes, lstm);
        if (lstm)
            assert_non_null(
                strstr(elman_conversion_note(conversion, 0), "does not clip what its h"));
        elman_conversion_destroy(conversion);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

static unsigned char *read_all(const char *path, size_t *size) {
    Memory memory;
    unsigned char *bytes = NULL;
    elman_error error = {0};
    memory_init(&memory, NULL);
    if (file_read(&memory, path, SIZE_MAX, &bytes, size, &error)) fail_msg("%s", error.message);
    return bytes;
}

/* The same model gives the same bytes, also straight from PyTorch's tensors. */
static void same_bytes(void **state) {
    (void)state;
    static const char *const sources[] = {GOLDEN, GOLDEN, "elman"};
    elman_context *const context = open_context(NULL, 1);
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    unsigned char *bytes[3];
    size_t sizes[3];
    Memory memory;
    memory_init(&memory, NULL);
    if (elman_conversion_open(context, GOLDEN, NULL, &conversion, &error) ||
        elman_conversion_save(conversion, "elman", &error))
        fail_msg("%s", error.message);
    elman_conversion_destroy(conversion);
    for (size_t i = 0; i < 3; i++) {
        conversion = open_onnx(context, sources[i]);
        if (elman_conversion_save(conversion, "out.onnx", &error)) fail_msg("%s", error.message);
        elman_conversion_destroy(conversion);
        bytes[i] = read_all("out.onnx", &sizes[i]);
        assert_int_equal(sizes[i], sizes[0]);
        assert_memory_equal(bytes[i], bytes[0], sizes[0]);
    }
    for (size_t i = 0; i < 3; i++) memory_release(&memory, bytes[i]);
    elman_context_destroy(context);
}

/* ---- Memory ---- */

static elman_status convert_with(CountingAllocator *counting) {
    const elman_context_options lent = {.struct_size = sizeof lent,
                                        .allocator = counting_allocator(counting)};
    const elman_convert_options options = {.struct_size = sizeof options, .to = ELMAN_CONVERT_ONNX};
    elman_context *context = NULL;
    elman_conversion *conversion = NULL;
    elman_status status = elman_context_create(&lent, &context, NULL);
    if (!status) status = elman_conversion_open(context, "model", &options, &conversion, NULL);
    if (!status) status = elman_conversion_save(conversion, "saved.onnx", NULL);
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
    return status;
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 5,
                              .cell = ELMAN_CELL_LSTM,
                              .layers = 2,
                              .hidden = 3,
                              .bidirectional = true,
                              .outputs = 2,
                              .output = ELMAN_OUTPUT_MEAN};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 3);
    elman_status status = ELMAN_ERR_MEMORY;
    save_model(model);
    elman_model_destroy(model);
    elman_context_destroy(context);
    for (long allow = 0; status; allow++) {
        CountingAllocator counting = {.allow = allow};
        status = convert_with(&counting);
        if (status && status != ELMAN_ERR_MEMORY) fail_msg("%ld: status %d", allow, (int)status);
        if (counting.live) fail_msg("%ld: %ld blocks leaked", allow, counting.live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),        cmocka_unit_test(what_is_said),
        cmocka_unit_test(what_onnx_lacks), cmocka_unit_test(warns_of_a_clip),
        cmocka_unit_test(same_bytes),      cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void left_out(void **state) {
    (void)state;
    const elman_convert_options options = {.struct_size = sizeof options, .to = ELMAN_CONVERT_ONNX};
    elman_context *const context = open_context(NULL, 1);
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    assert_int_equal(elman_conversion_open(context, GOLDEN, &options, &conversion, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "could not be proven: this build reads none"));
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
