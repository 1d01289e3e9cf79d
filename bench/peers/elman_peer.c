/* Elman as a contender of compare.py, over the public headers alone. */
#include "contender.h"

#include <elman/elman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_STEPS = 3, ARRAYS_MAX = 16 };
static const double LEARNING_RATE = 1e-3, CLIP_NORM = 5.0;

static size_t threads;
static elman_error error;

/* The point of the moment; what it does not need is NULL. */
static struct {
    Point point;
    elman_context *context;
    elman_layer *layer;
    elman_layer_weights weights;
    elman_model *model;
    elman_trainer *trainer;
    elman_sequence sequence;
    elman_targets targets;
    float *arrays[ARRAYS_MAX]; /* what is to be freed */
    size_t array_count;
    float *x, *y, *dy;
    int32_t *tokens, *classes;
} now;

static void must(elman_status status) {
    if (status) contender_fail(elman_status_name(status), error.message);
}

static int is(const char *mode) {
    return strcmp(now.point.mode, mode) == 0;
}

static void release(void) {
    elman_trainer_destroy(now.trainer);
    elman_model_destroy(now.model);
    elman_layer_destroy(now.layer);
    elman_context_destroy(now.context);
    for (size_t i = 0; i < now.array_count; i++) free(now.arrays[i]);
    free(now.tokens);
    free(now.classes);
    memset(&now, 0, sizeof now);
}

/* Numbers that live as long as the point. */
static float *numbers(const char *name, size_t count, double scale) {
    return now.arrays[now.array_count++] = contender_numbers(name, count, scale);
}

/* ---- Getting ready ---- */

static elman_cell cell_of(const char *name) {
    if (strcmp(name, "lstm") == 0) return ELMAN_CELL_LSTM;
    return strcmp(name, "gru") == 0 ? ELMAN_CELL_GRU : ELMAN_CELL_RNN;
}

static elman_cell_options cell_options(void) {
    return (elman_cell_options){.struct_size = sizeof(elman_cell_options),
                                .cell = cell_of(now.point.cell),
                                .hidden = now.point.hidden,
                                .bidirectional = now.point.directions == 2};
}

static void make_layer(void) {
    const Point *point = &now.point;
    const size_t rows = contender_gates(point) * point->hidden;
    const double scale = contender_scale(point);
    const elman_layer_options options = {.struct_size = sizeof options,
                                         .cell = cell_options(),
                                         .inputs = point->input,
                                         .steps = point->steps,
                                         .batch = point->batch,
                                         .forward_only = !is("train"),
                                         .input_gradient = is("train")};
    now.weights =
        (elman_layer_weights){.weight_ih = numbers("rnn.weight_ih_l0", rows * point->input, scale),
                              .weight_hh = numbers("rnn.weight_hh_l0", rows * point->hidden, scale),
                              .bias_ih = numbers("rnn.bias_ih_l0", rows, scale),
                              .bias_hh = numbers("rnn.bias_hh_l0", rows, scale)};
    now.y = numbers("y", point->steps * point->batch * point->hidden, 1.0);
    now.dy = numbers("dy", point->steps * point->batch * point->hidden, 1.0);
    must(elman_layer_create(now.context, &options, &now.layer, &error));
    must(elman_layer_set_weights(now.layer, &now.weights, &error));
    if (is("step")) must(elman_layer_start(now.layer, NULL, &error));
}

static void fill_weights(void) {
    for (size_t i = 0; i < elman_model_tensor_count(now.model); i++) {
        elman_tensor tensor;
        must(elman_model_tensor(now.model, i, &tensor));
        float *values = contender_numbers(tensor.name, tensor.count, contender_scale(&now.point));
        memcpy(tensor.data, values, tensor.count * sizeof *values);
        free(values);
    }
}

static void make_model(void) {
    const elman_cell_options cell = cell_options();
    if (is("characters"))
        must(elman_model_create_tokens(now.context, now.point.input, 0, &now.model, &error));
    else
        must(elman_model_create(now.context, now.point.input, &now.model, &error));
    for (size_t i = 0; i < now.point.layers; i++) elman_model_add_cell_options(now.model, &cell);
    elman_model_add_linear(now.model, now.point.outputs, 0);
    must(elman_model_build(now.model, NULL, &error));
    fill_weights();
}

static void make_trainer(void) {
    const size_t rows = now.point.steps * now.point.batch;
    const elman_train_options options = {.struct_size = sizeof options,
                                         .optimizer = ELMAN_OPTIMIZER_ADAM,
                                         .learning_rate = LEARNING_RATE,
                                         .clip_norm = CLIP_NORM};
    must(elman_trainer_create(now.model, &options, &now.trainer, &error));
    now.targets.struct_size = sizeof now.targets;
    if (is("series")) {
        now.targets.loss = ELMAN_LOSS_MSE;
        now.targets.numbers = numbers("targets", rows * now.point.outputs, 1.0);
    } else {
        now.classes = contender_classes("targets", rows, (int32_t)now.point.outputs);
        now.targets.loss = ELMAN_LOSS_CROSS_ENTROPY;
        now.targets.classes = now.classes;
    }
}

static void make_sequence(void) {
    const size_t rows = now.point.steps * now.point.batch;
    if (is("characters"))
        now.tokens = contender_classes("tokens", rows, (int32_t)now.point.input);
    else
        now.x = numbers("x", rows * now.point.input, 1.0);
    now.sequence = (elman_sequence){.struct_size = sizeof now.sequence,
                                    .steps = now.point.steps,
                                    .batch = now.point.batch,
                                    .dense = now.x,
                                    .tokens = now.tokens};
}

static const char *prepare(const Point *point, const char **variant) {
    const Point wanted = *point; /* it may be the one that is released */
    const elman_context_options options = {.struct_size = sizeof options, .threads = threads};
    release();
    now.point = wanted;
    must(elman_context_create(&options, &now.context, &error));
    make_sequence();
    if (now.point.outputs) {
        make_model();
        make_trainer();
        *variant = "trainer";
    } else {
        make_layer();
        *variant = "layer";
    }
    return NULL;
}

/* ---- Computing ---- */

static void train_layer(void) {
    must(elman_layer_set_weights(now.layer, &now.weights, &error));
    must(elman_layer_forward(now.layer, &now.sequence, NULL, NULL, &error));
    must(elman_layer_backward(now.layer, now.dy, NULL, NULL, &error));
}

static void call(size_t times) {
    if (is("step"))
        for (size_t i = 0; i < times; i++) elman_layer_step(now.layer, now.x, now.y);
    else if (is("infer"))
        for (size_t i = 0; i < times; i++)
            must(elman_layer_forward(now.layer, &now.sequence, NULL, NULL, &error));
    else if (is("train"))
        for (size_t i = 0; i < times; i++) train_layer();
    else
        for (size_t i = 0; i < times; i++)
            must(elman_trainer_step(now.trainer, &now.sequence, &now.targets, NULL, NULL, &error));
}

static void check_layer(void) {
    const Point *point = &now.point;
    const size_t positions = point->steps * point->batch;
    must(elman_layer_forward(now.layer, &now.sequence, now.y, NULL, &error));
    contender_print("y", now.y, positions * point->hidden);
    if (!is("train")) return;
    const size_t rows = contender_gates(point) * point->hidden;
    elman_layer_gradients gradients;
    must(elman_layer_backward(now.layer, now.dy, now.x, NULL, &error));
    must(elman_layer_weight_gradients(now.layer, 0, &gradients));
    contender_print("dx", now.x, positions * point->input);
    contender_print("rnn.weight_ih_l0", gradients.weight_ih, rows * point->input);
    contender_print("rnn.weight_hh_l0", gradients.weight_hh, rows * point->hidden);
    contender_print("rnn.bias_ih_l0", gradients.bias_ih, rows);
    contender_print("rnn.bias_hh_l0", gradients.bias_hh, rows);
}

static void check_trainer(void) {
    float losses[CHECK_STEPS];
    for (size_t i = 0; i < CHECK_STEPS; i++) {
        elman_step_report report;
        must(elman_trainer_step(now.trainer, &now.sequence, &now.targets, NULL, &report, &error));
        losses[i] = (float)report.loss;
    }
    contender_print("loss", losses, CHECK_STEPS);
}

static void check(void) {
    const char *variant = NULL;
    prepare(&now.point, &variant); /* the weights and the state of the beginning */
    contender_print_variant(variant);
    if (now.trainer) {
        check_trainer();
    } else if (is("step")) {
        call(CHECK_STEPS);
        contender_print("y", now.y, now.point.hidden);
    } else {
        check_layer();
    }
}

int main(int argc, char **argv) {
    threads = contender_threads(argc, argv);
    const Contender contender = {"Elman", elman_version_string(), prepare, call, check};
    contender_serve(&contender);
    release();
    return EXIT_SUCCESS;
}
