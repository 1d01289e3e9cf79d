/* Networks described by one struct, made-up data for them, and all that a pass computes. */
#include "support/passes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/layer_plain.h"
#include "reference/reference.h"

static void check_status(elman_status status, const elman_error *error) {
    if (status != ELMAN_OK) fail_msg("%s: %s", elman_status_name(status), error->message);
}

elman_context *open_context(const char *isa, size_t threads) {
    const elman_context_options options = {
        .struct_size = sizeof options, .threads = threads, .isa = isa};
    elman_context *context = NULL;
    elman_error error = {0};
    const elman_status status = elman_context_create(&options, &context, &error);
    if (status != ELMAN_ERR_UNSUPPORTED) check_status(status, &error);
    return context;
}

void *zeroed(size_t count, size_t size) {
    return ref_allocate(count, size);
}

void random_floats(float *values, size_t count, float bound, uint64_t seed) {
    double *const numbers = zeroed(count, sizeof *numbers);
    ref_fill(numbers, count, -(double)bound, (double)bound, seed);
    for (size_t i = 0; i < count; i++) values[i] = (float)numbers[i];
    free(numbers);
}

size_t spec_directions(const NetworkSpec *spec) {
    return spec->bidirectional ? 2 : 1;
}

size_t spec_width(const NetworkSpec *spec) {
    return spec->projection > 0 ? spec->projection : spec->hidden;
}

void spec_set_kind(NetworkSpec *spec, size_t kind, size_t turn) {
    spec->cell = kind < CELLS ? all_cells[kind] : ELMAN_CELL_LSTM;
    spec->projection = 0;
    if (kind < CELLS) return;
    if (spec->hidden < 2) spec->hidden = 2;
    spec->projection = 1 + turn * 7 % (spec->hidden - 1);
}

bool spec_one_output(const NetworkSpec *spec) {
    return spec->output != ELMAN_OUTPUT_EVERY_STEP;
}

size_t spec_outputs(const NetworkSpec *spec) {
    for (size_t i = spec->stage_count; i-- > 0;)
        if (spec->stages[i].kind == ELMAN_STAGE_LINEAR) return spec->stages[i].outputs;
    return spec->outputs > 0 ? spec->outputs : spec_width(spec) * spec_directions(spec);
}

size_t spec_gates(const NetworkSpec *spec) {
    if (spec->cell == ELMAN_CELL_LSTM) return 4;
    return spec->cell == ELMAN_CELL_RNN || spec->cell == ELMAN_CELL_RNN_RELU ? 1 : 3;
}

bool spec_plain(const NetworkSpec *spec) {
    return layer_plain(&spec->plain);
}

void spec_make_plain(NetworkSpec *spec, size_t turn) {
    static const float clips[] = {1e30f, 0.5f, 1.5f, 0.0f};
    spec->plain.clip = clips[turn % 4];
    for (size_t i = 0; i < 6; i++) {
        const size_t d = i / 3, role = i % 3;
        if (role >= cell_activations(spec->cell)) continue;
        /* One in three keeps its own. */
        const size_t pick = (turn * 5 + i * 7) % 18;
        elman_activation_kind kind =
            pick < 12 ? (elman_activation_kind)pick : ELMAN_ACTIVATION_USUAL;
        /* A gate without bounds makes states that grow without. */
        const bool gate = role == 0 && cell_activations(spec->cell) > 1;
        if (gate && !(spec->plain.clip > 0.0f && spec->plain.clip < 2.0f))
            kind = turn % 2 ? ELMAN_ACTIVATION_HARD_SIGMOID : ELMAN_ACTIVATION_SOFTSIGN;
        spec->plain.activations[d][role] = (elman_activation){
            .kind = kind,
            .alpha = activation_has_alpha(kind) ? 0.1f + 0.05f * (float)(turn % 10) : 0.0f,
            .beta = activation_has_beta(kind) ? 0.2f + 0.05f * (float)(turn % 7) : 0.0f,
        };
    }
    if (spec->cell == ELMAN_CELL_LSTM) {
        spec->plain.peepholes = turn / 2 % 2;
        spec->plain.input_forget = turn / 4 % 2;
    }
    if (!spec_plain(spec)) spec->plain.clip = 0.8f;
}

void spec_make_staged(NetworkSpec *spec, size_t turn) {
    spec->stage_count = 1 + turn % STAGES_MAX;
    for (size_t i = 0; i < spec->stage_count; i++) {
        const size_t pick = turn * 3 + i * 5;
        spec->stages[i] = (elman_stage){
            .kind = (elman_stage_kind)(1 + pick % 7),
            .outputs = 1 + pick % 37,
            .no_bias = pick % 3 == 0,
            .epsilon = pick % 2 ? 1e-5f : 0.25f,
        };
        /* The first linear one would be the head. */
        if (i == 0 && spec->outputs == 0 && spec->stages[0].kind == ELMAN_STAGE_LINEAR)
            spec->stages[0].kind = ELMAN_STAGE_SOFTMAX;
    }
}

const char *cell_name(elman_cell cell) {
    switch (cell) {
    case ELMAN_CELL_RNN:
        return "rnn";
    case ELMAN_CELL_RNN_RELU:
        return "rnn-relu";
    case ELMAN_CELL_LSTM:
        return "lstm";
    case ELMAN_CELL_GRU:
        return "gru";
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return "gru-reset-before";
    }
    return "unknown";
}

static void add_stage(elman_model *model, const elman_stage *stage) {
    if (stage->kind == ELMAN_STAGE_LINEAR)
        elman_model_add_linear(model, stage->outputs, stage->no_bias);
    else if (stage->kind == ELMAN_STAGE_LAYER_NORM)
        elman_model_add_layer_norm(model, stage->epsilon, stage->no_bias);
    else
        elman_model_add_activation(model, stage->kind);
}

elman_model *random_model(elman_context *context, const NetworkSpec *spec, uint64_t seed) {
    const elman_init_options init = {.struct_size = sizeof init, .seed = seed};
    elman_model *model = NULL;
    elman_error error = {0};
    const elman_status status =
        spec->input == ELMAN_INPUT_DENSE
            ? elman_model_create(context, spec->inputs, &model, &error)
            : elman_model_create_tokens(context, spec->inputs, spec->embedding, &model, &error);
    check_status(status, &error);
    for (size_t l = 0; l < spec->layers; l++) {
        elman_cell_options options = spec->plain;
        if (!spec->bidirectional) memset(options.activations[1], 0, sizeof options.activations[1]);
        options.struct_size = sizeof options;
        options.cell = spec->cell;
        options.hidden = spec->hidden;
        options.projection = spec->projection;
        options.bidirectional = spec->bidirectional;
        options.no_bias = spec->no_bias;
        options.learned_state = spec->learned_state;
        options.dropout = l + 1 < spec->layers ? spec->dropout : spec->top_dropout;
        elman_model_add_cell_options(model, &options);
    }
    if (spec->outputs > 0) elman_model_add_linear(model, spec->outputs, spec->head_no_bias);
    for (size_t i = 0; i < spec->stage_count; i++) add_stage(model, &spec->stages[i]);
    elman_model_set_output(model, spec->output);
    check_status(elman_model_build(model, &init, &error), &error);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        elman_model_tensor(model, i, &tensor);
        if (strncmp(tensor.name, "rnn.h0", 6) == 0 || strncmp(tensor.name, "rnn.c0", 6) == 0)
            random_floats(tensor.data, tensor.count, 0.5f, seed + i);
        /* Gains and what they add to start at 1 and 0. */
        if (strncmp(tensor.name, "stage", 5) == 0 && tensor.rank == 1)
            random_floats(tensor.data, tensor.count, 1.5f, seed + i);
    }
    return model;
}

elman_network *random_network(elman_context *context, const NetworkSpec *spec, uint64_t seed) {
    elman_model *const model = random_model(context, spec, seed);
    elman_network *network = NULL;
    elman_error error = {0};
    check_status(elman_network_compile(model, &network, &error), &error);
    elman_model_destroy(model);
    return network;
}

static size_t state_size(const NetworkSpec *spec, size_t rows) {
    const size_t cells = spec->cell == ELMAN_CELL_LSTM ? spec->hidden : 0;
    return spec->layers * spec_directions(spec) * rows * (spec_width(spec) + cells);
}

size_t sample_positions(const NetworkSpec *spec, const Sample *sample) {
    return spec_one_output(spec) ? sample->rows : sample->steps * sample->rows;
}

/* One whole number in [0, bound), made from (seed, index). */
static size_t pick(uint64_t seed, size_t index, size_t bound) {
    double number;
    ref_fill(&number, 1, 0.0, (double)bound, seed * 1000003 + index);
    return (size_t)number;
}

static void fill_inputs(const NetworkSpec *spec, Sample *sample, uint64_t seed) {
    const size_t rows = sample->rows, cells = sample->steps * rows, width = spec->inputs;
    if (spec->input == ELMAN_INPUT_DENSE) {
        sample->dense = zeroed(cells * width, sizeof *sample->dense);
        random_floats(sample->dense, cells * width, 1.0f, seed + 1);
    } else {
        sample->tokens = zeroed(cells, sizeof *sample->tokens);
    }
    for (size_t at = 0; at < cells; at++) {
        const bool counts = !sample->lengths || at / rows < sample->lengths[at % rows];
        if (sample->tokens) sample->tokens[at] = counts ? (int32_t)pick(seed + 2, at, width) : -1;
        for (size_t i = 0; i < width && sample->dense && !counts; i++)
            sample->dense[at * width + i] = NAN;
    }
}

Sample random_sample(const NetworkSpec *spec, size_t steps, size_t rows, bool lengths, bool state,
                     uint64_t seed) {
    Sample sample = {.steps = steps, .rows = rows};
    const size_t positions = sample_positions(spec, &sample), outputs = spec_outputs(spec);
    if (lengths) {
        sample.lengths = zeroed(rows, sizeof *sample.lengths);
        for (size_t b = 0; b < rows; b++)
            sample.lengths[b] = b == 1 ? 0 : b == 2 ? steps : pick(seed, b, steps + 1);
    }
    fill_inputs(spec, &sample, seed);
    if (state) {
        sample.state = zeroed(state_size(spec, rows), sizeof *sample.state);
        random_floats(sample.state, state_size(spec, rows), 0.8f, seed + 3);
    }
    sample.classes = zeroed(positions, sizeof *sample.classes);
    for (size_t p = 0; p < positions; p++) {
        const bool ignored = pick(seed + 4, p, 5) == 0;
        sample.classes[p] = ignored ? -1 - (int32_t)(p % 100) : (int32_t)pick(seed + 5, p, outputs);
    }
    sample.values = zeroed(positions * outputs, sizeof *sample.values);
    random_floats(sample.values, positions * outputs, 1.0f, seed + 6);
    return sample;
}

void sample_free(Sample *sample) {
    free(sample->dense);
    free(sample->tokens);
    free(sample->lengths);
    free(sample->state);
    free(sample->classes);
    free(sample->values);
    *sample = (Sample){0};
}

elman_sequence sample_sequence(const Sample *sample, bool training) {
    return (elman_sequence){
        .struct_size = sizeof(elman_sequence),
        .steps = sample->steps,
        .batch = sample->rows,
        .dense = sample->dense,
        .tokens = sample->tokens,
        .lengths = sample->lengths,
        .state = sample->state,
        .training = training,
        .dropout_seed = 5,
        .dropout_pass = 3,
    };
}

elman_tape *open_tape(const elman_network *network, const NetworkSpec *spec, size_t steps,
                      size_t rows) {
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = steps,
                                        .batch = rows,
                                        .input_gradient = spec->input == ELMAN_INPUT_DENSE,
                                        .sharing = spec->sharing};
    elman_tape *tape = NULL;
    elman_error error = {0};
    check_status(elman_tape_create(network, &options, &tape, &error), &error);
    return tape;
}

/* A new array of the pass, zeroed. */
static float *add_array(Pass *pass, const char *name, const char *suffix, size_t outer, size_t rows,
                        size_t inner) {
    assert_true(pass->count < ARRAYS_MAX);
    Array *const array = &pass->arrays[pass->count++];
    snprintf(array->name, sizeof array->name, "%s%s", name, suffix);
    array->outer = outer;
    array->rows = rows;
    array->inner = inner;
    array->data = zeroed(outer * (rows > 0 ? rows : 1) * inner, sizeof(float));
    return array->data;
}

/* Takes a state of the public layout apart. */
static void add_states(Pass *pass, const char *name, const NetworkSpec *spec, size_t rows,
                       const float *state) {
    const size_t arrays = spec->cell == ELMAN_CELL_LSTM ? 2 : 1;
    for (size_t i = 0; i < spec->layers * spec_directions(spec) * arrays; i++) {
        const size_t track = i / arrays, directions = spec_directions(spec);
        char suffix[48];
        snprintf(suffix, sizeof suffix, " %s l%zu%s", i % arrays ? "c" : "h", track / directions,
                 track % directions ? " reverse" : "");
        const size_t width = i % arrays ? spec->hidden : spec_width(spec);
        float *const data = add_array(pass, name, suffix, 1, rows, width);
        memcpy(data, state, rows * width * sizeof(float));
        state += rows * width;
    }
}

static void read_forward(const elman_tape *tape, const NetworkSpec *spec, const Sample *sample,
                         Pass *pass) {
    const size_t steps = sample->steps, rows = sample->rows, hidden = spec->hidden;
    elman_tape_output(tape, add_array(pass, "output", "", spec_one_output(spec) ? 1 : steps, rows,
                                      spec_outputs(spec)));
    for (size_t l = 0; l < spec->layers; l++)
        for (size_t d = 0; d < spec_directions(spec); d++) {
            char suffix[48];
            snprintf(suffix, sizeof suffix, " l%zu%s", l, d ? " reverse" : "");
            elman_tape_hidden(tape, l, (int)d,
                              add_array(pass, "hidden", suffix, steps, rows, spec_width(spec)));
            if (spec->cell == ELMAN_CELL_LSTM)
                elman_tape_cell(tape, l, (int)d,
                                add_array(pass, "cell", suffix, steps, rows, hidden));
        }
    float *const state = zeroed(state_size(spec, rows), sizeof *state);
    elman_tape_state(tape, state);
    add_states(pass, "final", spec, rows, state);
    free(state);
}

static void read_backward(const elman_tape *tape, const NetworkSpec *spec, const Sample *sample,
                          Pass *pass) {
    elman_tensor gradient;
    for (size_t i = 0; elman_tape_gradient(tape, i, &gradient) == ELMAN_OK; i++) {
        float *const data = add_array(pass, "d ", gradient.name, gradient.shape[0], 0,
                                      gradient.rank == 2 ? gradient.shape[1] : 1);
        memcpy(data, gradient.data, gradient.count * sizeof(float));
    }
    float *const state = zeroed(state_size(spec, sample->rows), sizeof *state);
    elman_tape_state_gradient(tape, state);
    add_states(pass, "d initial", spec, sample->rows, state);
    free(state);
    if (spec->input == ELMAN_INPUT_DENSE)
        elman_tape_input_gradient(
            tape, add_array(pass, "d dense", "", sample->steps, sample->rows, spec->inputs));
}

Pass *run_tape(elman_tape *tape, const NetworkSpec *spec, const Sample *sample, LossKind loss) {
    Pass *const pass = zeroed(1, sizeof *pass);
    const bool training = spec->dropout > 0.0f || spec->top_dropout > 0.0f;
    const elman_sequence sequence = sample_sequence(sample, training);
    elman_error error = {0};
    check_status(elman_tape_forward(tape, &sequence, &error), &error);
    read_forward(tape, spec, sample, pass);
    if (loss == CROSS_ENTROPY)
        check_status(elman_tape_cross_entropy(tape, sample->classes, &pass->loss, &error), &error);
    if (loss == SQUARED_ERROR)
        check_status(elman_tape_mean_squared_error(tape, sample->values, &pass->loss, &error),
                     &error);
    if (spec_plain(spec) || spec->stage_count > 0) return pass;
    check_status(elman_tape_backward(tape, loss == GIVEN_GRADIENT ? sample->values : NULL, &error),
                 &error);
    read_backward(tape, spec, sample, pass);
    return pass;
}

Pass *run_pass(const elman_network *network, const NetworkSpec *spec, const Sample *sample,
               LossKind loss) {
    elman_tape *const tape = open_tape(network, spec, sample->steps, sample->rows);
    Pass *const pass = run_tape(tape, spec, sample, loss);
    elman_tape_destroy(tape);
    return pass;
}

void pass_free(Pass *pass) {
    for (size_t i = 0; i < pass->count; i++) free(pass->arrays[i].data);
    free(pass);
}

const Array *pass_array(const Pass *pass, const char *name) {
    for (size_t i = 0; i < pass->count; i++)
        if (strcmp(pass->arrays[i].name, name) == 0) return &pass->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

void check_same_bits(const Pass *got, const Pass *want, const char *what) {
    assert_true(got->count == want->count);
    for (size_t i = 0; i < got->count; i++) {
        const Array *const a = &got->arrays[i], *const b = &want->arrays[i];
        const size_t count = a->outer * (a->rows > 0 ? a->rows : 1) * a->inner;
        assert_string_equal(a->name, b->name);
        for (size_t k = 0; k < count; k++)
            if (memcmp(&a->data[k], &b->data[k], sizeof(float)) != 0)
                fail_msg("%s: %s[%zu] is %a, expected %a", what, a->name, k, (double)a->data[k],
                         (double)b->data[k]);
    }
    if (memcmp(&got->loss.mean, &want->loss.mean, sizeof(double)) != 0)
        fail_msg("%s: loss %a, expected %a", what, got->loss.mean, want->loss.mean);
}
