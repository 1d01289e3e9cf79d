/* One pass of one layer, for counting its instructions: counts.sh has them counted inside
 * counted_pass alone. usage: pass rnn|lstm|gru HIDDEN BATCH STEPS infer|train */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <elman/context.h>
#include <elman/layer.h>

typedef struct Pass {
    elman_layer *layer;
    elman_sequence sequence;
    const float *dy; /* NULL: no backward pass */
} Pass;

elman_status counted_pass(const Pass *pass, elman_error *error);

/* Forward, and in training all gradients but that of the input. External and never inlined, so that
 * it has a name and a beginning that can be seen from outside. */
__attribute__((noinline)) elman_status counted_pass(const Pass *pass, elman_error *error) {
    const elman_status status =
        elman_layer_forward(pass->layer, &pass->sequence, NULL, NULL, error);
    if (status != ELMAN_OK || pass->dy == NULL) return status;
    return elman_layer_backward(pass->layer, pass->dy, NULL, NULL, error);
}

static bool cell_of(const char *name, elman_cell *cell) {
    static const struct {
        const char *name;
        elman_cell cell;
    } cells[] = {{"rnn", ELMAN_CELL_RNN}, {"lstm", ELMAN_CELL_LSTM}, {"gru", ELMAN_CELL_GRU}};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (strcmp(name, cells[i].name) != 0) continue;
        *cell = cells[i].cell;
        return true;
    }
    return false;
}

/* Some numbers in [-1, 1): how many instructions they take does not depend on them. */
static float *numbers(size_t count) {
    float *values = malloc(count * sizeof(*values));
    for (size_t i = 0; i < count && values != NULL; i++) values[i] = (float)(i % 64) / 32.0f - 1.0f;
    return values;
}

int main(int argc, char **argv) {
    elman_layer_options options = {.struct_size = sizeof(options)};
    options.cell.struct_size = sizeof(options.cell);
    if (argc != 6 || !cell_of(argv[1], &options.cell.cell)) return 2;
    options.cell.hidden = options.inputs = strtoul(argv[2], NULL, 10);
    options.batch = strtoul(argv[3], NULL, 10);
    options.steps = strtoul(argv[4], NULL, 10);
    options.forward_only = strcmp(argv[5], "infer") == 0;
    const elman_context_options threads = {.struct_size = sizeof(threads), .threads = 1};

    int exit_code = EXIT_FAILURE;
    elman_error error = {.message = "no memory"};
    elman_context *context = NULL;
    elman_layer *layer = NULL;
    float *x = numbers(options.steps * options.batch * options.inputs);
    float *dy = numbers(options.steps * options.batch * options.inputs);
    if (x == NULL || dy == NULL) goto done;
    if (elman_context_create(&threads, &context, &error)) goto done;
    if (elman_layer_create(context, &options, &layer, &error)) goto done;
    const Pass pass = {.layer = layer,
                       .sequence = {.struct_size = sizeof(elman_sequence),
                                    .steps = options.steps,
                                    .batch = options.batch,
                                    .dense = x},
                       .dy = options.forward_only ? NULL : dy};
    if (counted_pass(&pass, &error)) goto done;
    exit_code = EXIT_SUCCESS;
done:
    if (exit_code != EXIT_SUCCESS) fprintf(stderr, "pass: %s\n", error.message);
    elman_layer_destroy(layer);
    elman_context_destroy(context);
    free(dy);
    free(x);
    return exit_code;
}
