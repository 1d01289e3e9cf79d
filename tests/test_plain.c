/* Plain layers: what is refused in their description, what such a model cannot do, and that
 * activations which a cell has anyway leave it the fast one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/layer_plain.h"
#include "support/passes.h"
#include <elman/elman.h>

static const char path[] = "plain.safetensors";

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static void refused_options(void **state) {
    static const elman_activation relu = {ELMAN_ACTIVATION_RELU, 0.0f, 0.0f};
    static const struct {
        elman_cell_options options;
        const char *fragment;
    } cases[] = {
        {{.cell = ELMAN_CELL_LSTM, .clip = -1.0f}, "a clip must be"},
        {{.cell = ELMAN_CELL_LSTM, .clip = NAN}, "a clip must be"},
        {{.cell = ELMAN_CELL_LSTM, .clip = INFINITY}, "a clip must be"},
        {{.cell = ELMAN_CELL_GRU, .peepholes = 1}, "for LSTM layers"},
        {{.cell = ELMAN_CELL_RNN, .input_forget = 1}, "for LSTM layers"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{.kind = ELMAN_ACTIVATION_SOFTPLUS + 1}}}},
         "unknown kind of activation"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{.kind = (elman_activation_kind)-1}}}},
         "unknown kind of activation"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{ELMAN_ACTIVATION_ELU, NAN, 0.0f}}}},
         "not a finite number"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{ELMAN_ACTIVATION_AFFINE, 1.0f, INFINITY}}}},
         "not a finite number"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{ELMAN_ACTIVATION_TANH, 0.1f, 0.0f}}}},
         "does not take"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{ELMAN_ACTIVATION_ELU, 1.0f, 0.1f}}}},
         "does not take"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{ELMAN_ACTIVATION_USUAL, 1.0f, 0.0f}}}},
         "does not take"},
        {{.cell = ELMAN_CELL_RNN, .activations = {{{0}, {ELMAN_ACTIVATION_RELU, 0.0f, 0.0f}}}},
         "an RNN has the activation f alone"},
        {{.cell = ELMAN_CELL_GRU, .activations = {{{0}, {0}, {ELMAN_ACTIVATION_RELU, 0, 0}}}},
         "a GRU f and g"},
        {{.cell = ELMAN_CELL_LSTM, .activations = {{{0}}, {{ELMAN_ACTIVATION_RELU, 0, 0}}}},
         "in a layer that has none"},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elman_model *model = NULL;
        elman_error error = {0};
        elman_cell_options options = cases[i].options;
        options.struct_size = sizeof options;
        options.hidden = 3;
        must(elman_model_create(context, 2, &model, &error), &error);
        assert_int_equal(elman_model_add_cell_options(model, &options), ELMAN_ERR_ARGUMENT);
        assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_ERR_ARGUMENT);
        if (!strstr(error.message, cases[i].fragment))
            fail_msg("\"%s\", expected \"%s\"", error.message, cases[i].fragment);
        elman_model_destroy(model);
    }
    elman_cell_options options = {.struct_size = sizeof options,
                                  .cell = ELMAN_CELL_LSTM,
                                  .hidden = 3,
                                  .bidirectional = 1,
                                  .activations = {{{0}}, {relu}}};
    elman_model *model = NULL;
    assert_int_equal(elman_model_create(context, 2, &model, NULL), ELMAN_OK);
    assert_int_equal(elman_model_add_cell_options(model, &options), ELMAN_OK);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* The file of a model of one LSTM layer, its bytes to be released with free. */
static char *saved(elman_context *context, const elman_cell_options *options, size_t *size) {
    elman_model *model = NULL;
    elman_error error = {0};
    must(elman_model_create(context, 2, &model, &error), &error);
    elman_model_add_cell_options(model, options);
    must(elman_model_build(model, NULL, &error), &error);
    must(elman_model_save(model, path, &error), &error);
    elman_model_destroy(model);
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    char *const bytes = zeroed(1 << 16, 1);
    *size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return bytes;
}

/* Such a layer is the fast one, and its file the one that it was before. */
static void usual_activations(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_cell_options options = {
        .struct_size = sizeof options, .cell = ELMAN_CELL_LSTM, .hidden = 3};
    size_t sizes[3];
    char *const fast = saved(context, &options, &sizes[0]);
    options.activations[0][0].kind = ELMAN_ACTIVATION_SIGMOID;
    options.activations[0][1].kind = options.activations[0][2].kind = ELMAN_ACTIVATION_TANH;
    char *const named = saved(context, &options, &sizes[1]);
    options.clip = 1.0f;
    char *const plain = saved(context, &options, &sizes[2]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(fast, named, sizes[0]);
    assert_non_null(strstr(fast + 8, "\\\"format_version\\\":1"));
    assert_non_null(strstr(plain + 8, "\\\"format_version\\\":2"));
    assert_non_null(strstr(plain + 8, "\\\"clip\\\":1.0"));
    assert_null(strstr(plain + 8, "activations"));
    free(fast);
    free(named);
    free(plain);
    elman_context_destroy(context);
}

static int ignore(void *user, const char *bytes, size_t size) {
    (void)user, (void)bytes, (void)size;
    return 0;
}

/* What a plain model cannot do says so, in one sentence. */
static void not_trained(void **state) {
    static const int32_t tokens[64] = {0, 1, 2};
    static const char sentence[] = "layer 1 has activations of its own, a clip, a coupled forget "
                                   "gate, peepholes: it can be run, not trained";
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = NULL;
    elman_trainer *trainer = NULL;
    elman_trace *trace = NULL;
    elman_diagnosis *diagnosis = NULL;
    elman_error errors[4];
    elman_cell_options options = {.struct_size = sizeof options,
                                  .cell = ELMAN_CELL_LSTM,
                                  .hidden = 3,
                                  .activations = {{{ELMAN_ACTIVATION_ELU, 0.5f, 0.0f}}},
                                  .clip = 2.0f,
                                  .input_forget = 1,
                                  .peepholes = 1};
    const elman_train_options train = {.struct_size = sizeof train, .learning_rate = 0.1};
    const elman_diagnose_options diagnose = {.struct_size = sizeof diagnose, .window = 8};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = 3, .batch = 1, .tokens = tokens};
    must(elman_model_create_tokens(context, 4, 0, &model, &errors[0]), &errors[0]);
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
    elman_model_add_cell_options(model, &options);
    elman_model_add_linear(model, 4, 0);
    must(elman_model_build(model, NULL, &errors[0]), &errors[0]);
    const elman_status statuses[] = {
        elman_trainer_create(model, &train, &trainer, &errors[0]),
        elman_trace_create(model, &sequence, NULL, &trace, &errors[1]),
        elman_diagnose_tokens(model, tokens, 64, &diagnose, &diagnosis, &errors[2]),
        elman_diagram_draw(model, NULL, ignore, NULL, &errors[3]),
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(statuses[i], ELMAN_ERR_UNSUPPORTED);
        if (!strstr(errors[i].message, sentence)) fail_msg("%zu: %s", i, errors[i].message);
    }
    assert_true(!trainer && !trace && !diagnosis);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Behind a plain layer one with a projection, which could go back alone: tapes of both kinds and a
 * stream compute the same. */
static void beside_a_projection(void **state) {
    enum { STEPS = 5, INPUTS = 3, OUTPUTS = 7 };
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_stream *stream = NULL;
    elman_error error;
    elman_cell_options layer = {
        .struct_size = sizeof layer, .cell = ELMAN_CELL_LSTM, .hidden = 20, .clip = 0.5f};
    float x[STEPS * 2 * INPUTS], y[2][STEPS * 2 * OUTPUTS], step[OUTPUTS];
    static const size_t lengths[] = {STEPS, 3};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 2, .dense = x, .lengths = lengths};
    random_floats(x, STEPS * 2 * INPUTS, 1.0f, 1);
    must(elman_model_create(context, INPUTS, &model, &error), &error);
    elman_model_add_cell_options(model, &layer);
    layer.clip = 0.0f;
    layer.projection = OUTPUTS;
    elman_model_add_cell_options(model, &layer);
    must(elman_model_build(model, NULL, &error), &error);
    must(elman_network_compile(model, &network, &error), &error);
    for (int i = 0; i < 2; i++) {
        const elman_tape_options options = {
            .struct_size = sizeof options, .steps = STEPS, .batch = 2, .forward_only = i};
        elman_tape *tape = NULL;
        must(elman_tape_create(network, &options, &tape, &error), &error);
        must(elman_tape_forward(tape, &sequence, &error), &error);
        elman_tape_output(tape, y[i]);
        elman_tape_destroy(tape);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    must(elman_stream_create(network, &stream, &error), &error);
    for (size_t t = 0; t < STEPS; t++) {
        assert_int_equal(elman_stream_step(stream, x + t * 2 * INPUTS, step), ELMAN_OK);
        assert_memory_equal(step, y[0] + t * 2 * OUTPUTS, sizeof step);
    }
    elman_stream_destroy(stream);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* A model can be evaluated. */
static void evaluated(void **state) {
    static const int32_t tokens[64] = {0, 1, 2, 3, 1};
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    elman_loss loss = {0};
    elman_error error = {0};
    NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                        .inputs = 4,
                        .cell = ELMAN_CELL_LSTM,
                        .layers = 2,
                        .hidden = 20,
                        .outputs = 4};
    spec.plain.peepholes = 1;
    elman_model *const model = random_model(context, &spec, 3);
    elman_network *network = NULL;
    must(elman_network_compile(model, &network, &error), &error);
    must(elman_evaluate_tokens(network, tokens, 64, &loss, &error), &error);
    assert_true(loss.count == 63 && isfinite(loss.mean));
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Weights are not taken over from a model that means something else by them. */
static void copied_weights(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_error error = {0};
    NetworkSpec spec = {.inputs = 2, .cell = ELMAN_CELL_LSTM, .layers = 1, .hidden = 3};
    elman_model *const fast = random_model(context, &spec, 1);
    spec.plain.clip = 0.5f;
    elman_model *const plain = random_model(context, &spec, 2);
    elman_model *const other = random_model(context, &spec, 3);
    assert_int_equal(elman_model_copy_weights(fast, plain, &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "another clip"));
    must(elman_model_copy_weights(other, plain, &error), &error);
    elman_model_destroy(fast);
    elman_model_destroy(plain);
    elman_model_destroy(other);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_options), cmocka_unit_test(usual_activations),
        cmocka_unit_test(not_trained),     cmocka_unit_test(beside_a_projection),
        cmocka_unit_test(evaluated),       cmocka_unit_test(copied_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
