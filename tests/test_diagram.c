/* Structures against their pictures in tests/diagrams, and what every form must keep.
 *
 * With ELMAN_WRITE_PICTURES set, the pictures are written instead: look at each before a commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagram_sheet.h"
#include "diagram_structures.h"
#include "support/allocator.h"

static int create_context(void **state) {
    elman_context *context = NULL;
    if (elman_context_create(NULL, &context, NULL)) return -1;
    *state = context;
    return 0;
}

static int destroy_context(void **state) {
    elman_context_destroy(*state);
    return 0;
}

static elman_model *build(elman_context *context, const Drawn *wanted) {
    elman_model *model = NULL;
    elman_error error = {ELMAN_OK, ""};
    elman_status status =
        wanted->input == ELMAN_INPUT_DENSE
            ? elman_model_create(context, wanted->inputs, &model, &error)
            : elman_model_create_tokens(context, wanted->inputs, wanted->embedding, &model, &error);
    for (size_t i = 0; !status && i < LAYERS && wanted->layers[i].hidden > 0; i++) {
        const Layer *const layer = &wanted->layers[i];
        const elman_cell_options options = {.struct_size = sizeof(options),
                                            .cell = layer->cell,
                                            .hidden = layer->hidden,
                                            .projection =
                                                layer->has & NARROW ? layer->hidden / 4 : 0,
                                            .bidirectional = layer->has & BOTH,
                                            .no_bias = layer->has & BARE,
                                            .learned_state = layer->has & LEARNED,
                                            .dropout = layer->has & DROP ? 0.2F : 0.0F};
        (void)elman_model_add_cell_options(model, &options);
    }
    if (!status && wanted->outputs > 0) (void)elman_model_add_linear(model, wanted->outputs, 0);
    if (!status) (void)elman_model_set_output(model, wanted->output);
    if (!status) status = elman_model_build(model, NULL, &error);
    if (status) fail_msg("%s: %s", wanted->name, error.message);
    return model;
}

static Sheet draw(elman_context *context, const Drawn *wanted, elman_diagram_format format) {
    elman_model *const model = build(context, wanted);
    const elman_diagram_options options = {.struct_size = sizeof(options),
                                           .format = format,
                                           .unroll = wanted->unroll,
                                           .no_cells = wanted->no_cells,
                                           .window = wanted->window,
                                           .independent = wanted->independent};
    elman_error error = {ELMAN_OK, ""};
    Sheet sheet = {NULL, 0};
    if (elman_diagram_draw(model, &options, sheet_write, &sheet, &error))
        fail_msg("%s: %s", wanted->name, error.message);
    elman_model_destroy(model);
    return sheet;
}

static void picture_path(const Drawn *wanted, char path[512]) {
    (void)snprintf(path, 512, "%s/tests/diagrams/%s.svg", ELMAN_SOURCE_DIR, wanted->name);
}

static void write_picture(const char *path, const Sheet *sheet) {
    FILE *const file = fopen(path, "wb");
    if (!file) fail_msg("%s: cannot be written", path);
    assert_int_equal(fwrite(sheet->text, 1, sheet->size, file), sheet->size);
    assert_int_equal(fclose(file), 0);
}

static void compare_picture(const char *path, const Sheet *sheet) {
    FILE *const file = fopen(path, "rb");
    if (!file) fail_msg("%s: is missing", path);
    char *const known = malloc(sheet->size + 1);
    assert_non_null(known);
    const size_t size = fread(known, 1, sheet->size + 1, file);
    (void)fclose(file);
    size_t at = 0;
    while (at < size && at < sheet->size && known[at] == sheet->text[at]) at++;
    if (at < size || at < sheet->size) {
        fail_msg("%s: differs from byte %zu on: \"%.40s\"", path, at, sheet->text + at);
    }
    free(known);
}

static void structures_look_as_they_did(void **state) {
    char path[512];
    assert_int_equal(DRAWN, 36);
    for (size_t i = 0; i < DRAWN; i++) {
        Sheet sheet = draw(*state, &drawn[i], ELMAN_DIAGRAM_SVG);
        picture_path(&drawn[i], path);
        if (getenv("ELMAN_WRITE_PICTURES")) {
            write_picture(path, &sheet);
        } else {
            compare_picture(path, &sheet);
        }
        free(sheet.text);
    }
}

static void svg_stands_alone(void **state) {
    for (size_t i = 0; i < DRAWN; i++) {
        Sheet sheet = draw(*state, &drawn[i], ELMAN_DIAGRAM_SVG);
        check_xml(drawn[i].name, sheet.text);
        assert_non_null(strstr(sheet.text, "prefers-color-scheme:dark"));
        assert_null(strstr(sheet.text, "<script"));
        assert_null(strstr(sheet.text, "url("));
        assert_null(strstr(sheet.text, "href"));
        free(sheet.text);
    }
}

static void text_fits_a_terminal(void **state) {
    for (size_t i = 0; i < DRAWN; i++) {
        Sheet sheet = draw(*state, &drawn[i], ELMAN_DIAGRAM_TEXT);
        size_t column = 0;
        for (size_t k = 0; k < sheet.size; k++) {
            if (sheet.text[k] == '\n') {
                column = 0;
            } else if (((unsigned char)sheet.text[k] & 0xC0) != 0x80 && ++column > 80) {
                fail_msg("%s: a line of more than 80 columns", drawn[i].name);
            }
        }
        assert_non_null(strstr(sheet.text, "parameters"));
        free(sheet.text);
    }
}

static void graphviz_takes_every_graph(void **state) {
    if (system("dot -V >dot.version 2>&1") != 0) {
        print_message("dot is not installed: not checked\n");
        skip();
    }
    for (size_t i = 0; i < DRAWN; i++) {
        Sheet sheet = draw(*state, &drawn[i], ELMAN_DIAGRAM_DOT);
        write_picture("graph.dot", &sheet);
        free(sheet.text);

        if (system("dot -Tsvg -o graph.svg graph.dot") != 0)
            fail_msg("%s: dot refuses it", drawn[i].name);
    }
}

/* Every node that an arrow names was made, every subgraph ends, no line but known ones. */
static void mermaid_is_well_formed(void **state) {
    for (size_t i = 0; i < DRAWN; i++) {
        Sheet sheet = draw(*state, &drawn[i], ELMAN_DIAGRAM_MERMAID);
        size_t groups = 0, arrows = 0, nodes = 0;
        assert_non_null(strstr(sheet.text, "\nflowchart BT\n"));
        for (char *line = strtok(sheet.text, "\n"); line; line = strtok(NULL, "\n")) {
            unsigned from, to;
            const char *const target = strrchr(line, 'n');
            if (strncmp(line, "    subgraph f", 14) == 0) {
                groups++;
            } else if (strcmp(line, "    end") == 0) {
                assert_true(groups-- > 0);
            } else if (strstr(line, " -->")) {
                assert_int_equal(sscanf(line, "    n%u", &from), 1);
                assert_int_equal(sscanf(target, "n%u", &to), 1);
                assert_true(from < nodes && to < nodes);
                arrows++;
            } else if (strncmp(line, "    n", 5) == 0) {
                assert_non_null(strstr(line, "\"]:::") ? line : strstr(line, "\"))"));
                nodes++;
            }
        }
        assert_int_equal(groups, 0);
        assert_true(arrows + 1 >= nodes / 2);
        free(sheet.text);
    }
}

static int stop(void *user, const char *bytes, size_t size) {
    (void)bytes;
    (void)size;
    return ++*(int *)user == 2;
}

static void mistakes_are_refused(void **state) {
    elman_model *model = NULL;
    elman_error error = {ELMAN_OK, ""};
    elman_diagram_options options = {.struct_size = sizeof(options)};
    Sheet sheet = {NULL, 0};
    assert_int_equal(elman_model_create(*state, 2, &model, NULL), ELMAN_OK);
    (void)elman_model_add_cell(model, ELMAN_CELL_LSTM, 3);
    assert_int_equal(elman_diagram_draw(model, NULL, sheet_write, &sheet, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_build(model, NULL, NULL), ELMAN_OK);
    options.unroll = 9;
    assert_int_equal(elman_diagram_draw(model, &options, sheet_write, &sheet, &error),
                     ELMAN_ERR_ARGUMENT);
    options.unroll = 8;
    options.format = (elman_diagram_format)4;
    assert_int_equal(elman_diagram_draw(model, &options, sheet_write, &sheet, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_null(sheet.text);
    options.format = ELMAN_DIAGRAM_SVG;
    int calls = 0;
    assert_int_equal(elman_diagram_draw(model, &options, stop, &calls, &error),
                     ELMAN_ERR_CANCELLED);
    assert_int_equal(calls, 2);
    elman_model_destroy(model);
}

static void allocations_fail(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long tries = 0;
    for (; status != ELMAN_OK && tries < 100; tries++) {
        CountingAllocator allocator = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof(options),
                                               .allocator = counting_allocator(&allocator)};
        const elman_diagram_options unrolled = {.struct_size = sizeof(unrolled), .unroll = 8};
        elman_context *context;
        Sheet sheet = {NULL, 0};
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        elman_model *const model = build(context, &drawn[26]);
        allocator.allow = tries;
        status = elman_diagram_draw(model, &unrolled, sheet_write, &sheet, NULL);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        assert_int_equal(status == ELMAN_OK, sheet.size > 0);
        free(sheet.text);
        elman_model_destroy(model);
        elman_context_destroy(context);
        assert_int_equal(allocator.live, 0);
    }
    assert_int_equal(status, ELMAN_OK);
    assert_true(tries > 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structures_look_as_they_did),
        cmocka_unit_test(svg_stands_alone),
        cmocka_unit_test(text_fits_a_terminal),
        cmocka_unit_test(graphviz_takes_every_graph),
        cmocka_unit_test(mermaid_is_well_formed),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, create_context, destroy_context);
}
