/* Pictures of what gates do: the right values in the right places, every cell, and mistakes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagram_sheet.h"
#include "support/allocator.h"
#include "support/passes.h"
#include <elman/diagram.h>

/* A pass of row 0 with `steps` of five steps, drawn. */
static Sheet draw(elman_model *model, const float *dense, size_t steps,
                  const elman_activity_options *given) {
    elman_activity_options options = *given;
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    elman_error error = {ELMAN_OK, ""};
    Sheet sheet = {NULL, 0};
    const elman_tape_options made = {.struct_size = sizeof(made), .steps = 5, .batch = 2};
    const size_t lengths[] = {steps, 5};
    const elman_sequence sequence = {.struct_size = sizeof(sequence),
                                     .steps = 5,
                                     .batch = 2,
                                     .dense = dense,
                                     .lengths = lengths};
    options.struct_size = sizeof(options);
    if (elman_network_compile(model, &network, &error) ||
        elman_tape_create(network, &made, &tape, &error) ||
        elman_tape_forward(tape, &sequence, &error) ||
        elman_diagram_activity(tape, &options, sheet_write, &sheet, &error)) {
        fail_msg("%s", error.message);
    }
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    return sheet;
}

/* Three units that see nothing but their input: it, nothing, its negative. */
static elman_model *mirror(elman_context *context, float weight) {
    elman_model *model = NULL;
    elman_tensor tensor;
    assert_int_equal(elman_model_create(context, 1, &model, NULL), ELMAN_OK);
    (void)elman_model_add_cell(model, ELMAN_CELL_RNN, 3);
    assert_int_equal(elman_model_build(model, NULL, NULL), ELMAN_OK);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        memset(tensor.data, 0, tensor.count * sizeof(float));
    }
    assert_int_equal(elman_model_find_tensor(model, "rnn.weight_ih_l0", &tensor, NULL), ELMAN_OK);
    tensor.data[0] = weight;
    tensor.data[2] = -weight;
    return model;
}

/* Row 0 of two: -9, 0, 9, 0.6, 0; row 1 is something else. */
static const float waves[] = {-9.0F, 5.0F, 0.0F, 5.0F, 9.0F, 5.0F, 0.55F, 5.0F, 0.0F, 5.0F};
static const char *const letters[] = {"a", " ", "b", "\n", "&"};

static void each_value_has_its_bar(void **state) {
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = mirror(context, 1.0F);
    (void)state;
    Sheet sheet = draw(model, waves, 5,
                       &(elman_activity_options){.format = ELMAN_DIAGRAM_TEXT, .labels = letters});
    assert_string_equal(sheet.text, "layer 0, RNN tanh: 3 units\n"
                                    "\n"
                                    "h, hidden state: ▁ to █ is −1 to 1\n"
                                    "     1  ▁▄█▆▄\n"
                                    "     2  ▄▄▄▄▄\n"
                                    "     3  █▄▁▃▄\n"
                                    "        a␣b↵&\n");
    free(sheet.text);
    sheet =
        draw(model, waves, 3, &(elman_activity_options){.format = ELMAN_DIAGRAM_TEXT, .units = 1});
    assert_string_equal(sheet.text, "layer 0, RNN tanh: the first 1 of 3 units\n"
                                    "\n"
                                    "h, hidden state: ▁ to █ is −1 to 1\n"
                                    "     1  ▁▄█\n"
                                    "        123\n");
    free(sheet.text);
    sheet =
        draw(model, waves, 5,
             &(elman_activity_options){.format = ELMAN_DIAGRAM_TEXT, .unit = 3, .labels = letters});
    assert_string_equal(sheet.text, "layer 0, RNN tanh: h of unit 3\n"
                                    "▁ to █ is −1 to 1\n"
                                    "\n"
                                    "a b↵\n"
                                    "█▄▁▃\n"
                                    "\n"
                                    "&\n"
                                    "▄\n");
    free(sheet.text);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void what_is_not_finite_is_shown(void **state) {
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = mirror(context, NAN);
    (void)state;
    Sheet sheet = draw(model, waves, 2, &(elman_activity_options){.format = ELMAN_DIAGRAM_TEXT});
    assert_non_null(strstr(sheet.text, "     1  ??\n"));
    free(sheet.text);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static size_t count_of(const char *text, const char *what) {
    size_t count = 0;
    while ((text = strstr(text, what)) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* Every unit and step has one colour: the strokes behind the legends add up to all of them. */
static void check_strokes(const char *svg, size_t cells) {
    size_t width = 0;
    for (const char *at = strstr(svg, "class=\"name\""); at && *at; at++) {
        const bool stroke = at[0] == 'h' && at[-1] >= '0' && at[-1] <= '9';
        if (stroke) width += (size_t)strtoul(at + 1, NULL, 10);
    }
    assert_int_equal(width, cells * 12);
}

static void every_cell_and_direction(void **state) {
    static const size_t panels[] = {1, 1, 6, 4, 4};
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        for (int reverse = 0; reverse < 2; reverse++) {
            const NetworkSpec spec = {.inputs = 1,
                                      .cell = all_cells[c],
                                      .layers = 2,
                                      .hidden = 7,
                                      .bidirectional = true,
                                      .outputs = 1};
            elman_context *const context = open_context(NULL, 1);
            elman_model *const model = random_model(context, &spec, 5);
            Sheet sheet =
                draw(model, waves, 5,
                     &(elman_activity_options){.layer = 1, .reverse = reverse, .labels = letters});
            check_xml("activity", sheet.text);
            assert_int_equal(count_of(sheet.text, "class=\"name\""), panels[c]);
            check_strokes(sheet.text, panels[c] * 7 * 5);
            assert_int_equal(count_of(sheet.text, ">&amp;</text>"), panels[c]);
            assert_non_null(strstr(sheet.text, reverse ? "backward" : "forward"));
            free(sheet.text);
            sheet = draw(model, waves, 5,
                         &(elman_activity_options){
                             .layer = 1, .unit = 7, .hidden_state = reverse, .labels = letters});
            check_xml("passage", sheet.text);
            const bool is_cell = all_cells[c] == ELMAN_CELL_LSTM && !reverse;
            assert_non_null(strstr(sheet.text, is_cell ? "c of unit 7" : "h of unit 7"));
            free(sheet.text);
            elman_model_destroy(model);
            elman_context_destroy(context);
        }
    }
}

static void refused(const elman_tape *tape, elman_activity_options options) {
    Sheet sheet = {NULL, 0};
    elman_error error = {ELMAN_OK, ""};
    options.struct_size = sizeof(options);
    assert_int_equal(elman_diagram_activity(tape, &options, sheet_write, &sheet, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_true(error.message[0] != '\0');
    assert_null(sheet.text);
}

static void mistakes_are_refused(void **state) {
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = mirror(context, 1.0F);
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    const size_t steps = 513;
    float *const dense = zeroed(steps, sizeof(*dense));
    const elman_tape_options made = {.struct_size = sizeof(made), .steps = steps, .batch = 1};
    elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = 5, .batch = 1, .dense = dense};
    (void)state;
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_create(network, &made, &tape, NULL), ELMAN_OK);
    refused(tape, (elman_activity_options){0});
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    refused(tape, (elman_activity_options){.layer = 1});
    refused(tape, (elman_activity_options){.reverse = 1});
    refused(tape, (elman_activity_options){.unit = 4});
    refused(tape, (elman_activity_options){.format = ELMAN_DIAGRAM_DOT});
    refused(tape, (elman_activity_options){.format = ELMAN_DIAGRAM_MERMAID});
    sequence.steps = steps;
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    refused(tape, (elman_activity_options){0});
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
    free(dense);
}

static void allocations_fail(void **state) {
    CountingAllocator allocator = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof(options),
                                           .allocator = counting_allocator(&allocator)};
    const NetworkSpec spec = {
        .inputs = 1, .cell = ELMAN_CELL_LSTM, .layers = 1, .hidden = 3, .outputs = 1};
    const elman_tape_options made = {.struct_size = sizeof(made), .steps = 5, .batch = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = 5, .batch = 1, .dense = waves};
    elman_context *context;
    elman_tape *tape = NULL;
    (void)state;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_network *const network = random_network(context, &spec, 1);
    assert_int_equal(elman_tape_create(network, &made, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    const long before = allocator.live;
    for (long tries = 0; tries <= 6; tries++) {
        Sheet sheet = {NULL, 0};
        allocator.allow = tries;
        assert_int_equal(elman_diagram_activity(tape, NULL, sheet_write, &sheet, NULL),
                         tries < 6 ? ELMAN_ERR_MEMORY : ELMAN_OK);
        assert_int_equal(sheet.size > 0, tries == 6);
        assert_int_equal(allocator.live, before);
        free(sheet.text);
    }
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_has_its_bar),   cmocka_unit_test(what_is_not_finite_is_shown),
        cmocka_unit_test(every_cell_and_direction), cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
