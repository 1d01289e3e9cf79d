/* The writer of ONNX models: what it writes is what the reader reads; models too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/onnx_write.h"

#ifdef ELMAN_HAVE_ONNX

/* What is written is what is read: attributes of each kind, pieces, scalars, ports. */
static void written_and_read(void **state) {
    (void)state;
    static const float floats[] = {0.5f, -2.0f};
    static const int64_t ints[] = {-1, 300, INT64_MIN};
    static const char *const strings[] = {"Tanh", ""}, *const inputs[] = {"x", "", "w"};
    static const char *const outputs[] = {"y"};
    static const OnnxDimension shape[] = {{"steps", 0}, {NULL, 200}};
    static const OnnxPiece pieces[] = {{floats + 1, 4}, {floats, 4}};
    const OnnxAttribute attributes[] = {
        {.name = "f", .type = ONNX_ATTRIBUTE_FLOATS, .count = 1, .floats = floats},
        {.name = "fs",
         .type = ONNX_ATTRIBUTE_FLOATS,
         .is_list = true,
         .count = 2,
         .floats = floats},
        {.name = "is", .type = ONNX_ATTRIBUTE_INTS, .is_list = true, .count = 3, .ints = ints},
        {.name = "i", .type = ONNX_ATTRIBUTE_INTS, .count = 1, .ints = ints},
        {.name = "s", .type = ONNX_ATTRIBUTE_STRINGS, .count = 1, .strings = strings},
        {.name = "ss",
         .type = ONNX_ATTRIBUTE_STRINGS,
         .is_list = true,
         .count = 2,
         .strings = strings},
    };
    const OnnxWrittenNode node = {.name = "n",
                                  .op_type = "LSTM",
                                  .inputs = inputs,
                                  .outputs = outputs,
                                  .attributes = attributes,
                                  .input_count = 3,
                                  .output_count = 1,
                                  .attribute_count = 6};
    const size_t two = 2;
    OnnxWriter writer;
    OnnxModel *graph = NULL;
    Memory memory;
    elman_error error = {0};
    memory_init(&memory, NULL);
    onnx_writer_begin(&writer, &memory, "g");
    onnx_write_input(&writer, "x", ONNX_INT64, 2, shape, "what is read");
    onnx_write_tensor(&writer, "w", ONNX_FLOAT, 1, &two, pieces, 2);
    onnx_write_node(&writer, &node);
    onnx_write_output(&writer, "y", ONNX_FLOAT, 0, NULL, NULL);
    assert_int_equal(onnx_writer_end(&writer, "m", &error), ELMAN_OK);
    if (onnx_parse(&memory, "m", writer.bytes, writer.size, &graph, &error))
        fail_msg("%s", error.message);
    onnx_writer_close(&writer);
    assert_int_equal(graph->nodes[0].inputs[1], ONNX_NONE);
    for (size_t i = 0; i < 6; i++) {
        const OnnxAttribute *const got = &graph->nodes[0].attributes[i], *const want =
                                                                             &attributes[i];
        assert_string_equal(got->name, want->name);
        assert_int_equal(got->type, want->type);
        assert_int_equal(got->is_list, want->is_list);
        assert_int_equal(got->count, want->count);
        for (size_t k = 0; k < want->count; k++) {
            if (want->floats) assert_true(got->floats[k] == want->floats[k]);
            if (want->ints) assert_int_equal(got->ints[k], want->ints[k]);
            if (want->strings) assert_string_equal(got->strings[k], want->strings[k]);
        }
    }
    const OnnxTensor *const w = graph->values[graph->nodes[0].inputs[2]].initialiser;
    assert_true(onnx_number(w, 0) == -2.0 && onnx_number(w, 1) == 0.5);
    assert_int_equal(graph->inputs[0].type, ONNX_INT64);
    assert_int_equal(graph->inputs[0].shape[0], -1);
    assert_int_equal(graph->inputs[0].shape[1], 200);
    assert_true(graph->outputs[0].has_shape);
    assert_int_equal(graph->outputs[0].rank, 0);
    onnx_close(graph);
}

#endif

static void too_large(void **state) {
    (void)state;
    static const char some[1];
    const size_t shape = ONNX_BYTES_MAX / 4;
    const OnnxPiece piece = {some, ONNX_BYTES_MAX}; /* refused before a byte is looked at */
    OnnxWriter writer;
    Memory memory;
    elman_error error = {0};
    memory_init(&memory, NULL);
    onnx_writer_begin(&writer, &memory, "g");
    onnx_write_tensor(&writer, "w", ONNX_FLOAT, 1, &shape, &piece, 1);
    onnx_write_output(&writer, "w", ONNX_FLOAT, 0, NULL, NULL);
    assert_int_equal(onnx_writer_end(&writer, "m", &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message, "m: an ONNX model of it would have 2 GiB or more, which its "
                                       "format cannot hold");
    onnx_writer_close(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef ELMAN_HAVE_ONNX
        cmocka_unit_test(written_and_read),
#endif
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
