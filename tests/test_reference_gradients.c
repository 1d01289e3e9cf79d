/* The reference's hand-written gradients against derivatives of its forward pass alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "reference/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, ROWS = 3, VOCABULARY = 4, HIDDEN = 2 };

/* The choices of one case, each counted from 0. */
typedef enum Choice {
    LAYERS,    /* 1, 2 or 3 */
    DIRECTION, /* forward, or both */
    LENGTHS,   /* all T, or 4, 0 and 2 */
    POSITION,  /* every step, the last, their mean, their greatest */
    MASK,      /* none, or dropout between layers */
    BIAS,      /* with, without */
    INITIAL,   /* zero, given, learned, given in spite of learned */
    INPUT,     /* RefInput */
    LOSS,      /* RefLossKind */
    HEAD,      /* with, without */
    CHOICES
} Choice;

static const size_t radix[CHOICES] = {3, 2, 2, 4, 2, 2, 4, 3, 3, 2};

/* A network with data to differentiate its loss on. `values` point into the arrays behind. */
typedef struct Problem {
    RefNetwork network;
    RefBatch batch;
    RefTarget target;
    RefValues values;
    size_t lengths[ROWS];
    int32_t tokens[STEPS * ROWS], classes[STEPS * ROWS];
    double dense[STEPS * ROWS * VOCABULARY];
    double masks[STEPS * ROWS * 2 * (HIDDEN + 2)];
    double targets[STEPS * ROWS * 2 * (HIDDEN + 2)];
    double *parameters, *initial;
    size_t dense_count, initial_count;
    char name[160];
} Problem;

/* Data for the problem's network and its `digits`. */
static void fill_problem(Problem *problem, const size_t digits[CHOICES], uint64_t seed) {
    RefNetwork *network = &problem->network;
    const size_t cells = STEPS * ROWS;
    double random[STEPS * ROWS];
    ref_network_layout(network);
    problem->batch = (RefBatch){.steps = STEPS, .rows = ROWS, .tokens = problem->tokens};
    if (digits[LENGTHS]) {
        problem->lengths[0] = STEPS;
        problem->lengths[1] = 0;
        problem->lengths[2] = 2;
        problem->batch.lengths = problem->lengths;
    }
    ref_fill(random, cells, 0.0, VOCABULARY, seed + 1);
    for (size_t k = 0; k < cells; k++) {
        const bool counts = ref_step_counts(&problem->batch, k / ROWS, k % ROWS);
        problem->tokens[k] = counts ? (int32_t)random[k] : -1;
    }
    ref_fill(random, cells, -1.0, (double)ref_output_width(network), seed + 2);
    for (size_t k = 0; k < cells; k++) problem->classes[k] = (int32_t)floor(random[k]);
    /* Counted whatever the lengths: row 0 at its first step (with `last`, the row) and its last. */
    problem->classes[0] = 1;
    problem->classes[(STEPS - 1) * ROWS] = 0;
    problem->classes[2] = -1;
    /* Mostly positive where units can die: a tensor without any gradient proves nothing. */
    const bool relu = network->layers[0].cell == REF_RNN_RELU;
    ref_fill(problem->dense, cells * VOCABULARY, relu ? -0.2 : -1.0, 1.0, seed + 3);
    ref_fill(problem->targets, sizeof problem->targets / sizeof(double), -1.0, 1.0, seed + 4);
    const size_t masks = sizeof problem->masks / sizeof(double);
    for (size_t k = 0; k < masks; k++) problem->masks[k] = k % 5 == 0 ? 0.0 : 1.25;
    for (size_t l = 0; l + 1 < network->layer_count && digits[MASK]; l++)
        problem->batch.masks[l] = problem->masks;
    problem->parameters = ref_allocate(network->parameter_count, sizeof(double));
    ref_fill(problem->parameters, network->parameter_count, relu ? -0.2 : -0.6, relu ? 0.6 : 0.9,
             seed + 6);
    problem->initial_count = ref_state_count(network, ROWS);
    problem->initial = ref_allocate(problem->initial_count, sizeof(double));
    ref_fill(problem->initial, problem->initial_count, relu ? -0.2 : -0.8, 0.8, seed + 7);
    problem->values.parameters = problem->parameters;
    if (network->input == REF_DENSE) {
        problem->values.dense = problem->dense;
        problem->dense_count = cells * VOCABULARY;
    }
    if (digits[INITIAL] == 1 || digits[INITIAL] == 3) problem->values.initial = problem->initial;
    problem->target = (RefTarget){(RefLossKind)digits[LOSS], problem->targets, problem->classes};
}

static Problem *make_problem(RefCell cell, bool projected, const size_t digits[CHOICES],
                             uint64_t seed) {
    Problem *problem = ref_allocate(1, sizeof *problem);
    RefNetwork *network = &problem->network;
    network->input = (RefInput)digits[INPUT];
    network->inputs = VOCABULARY;
    network->embedding = 3;
    network->layer_count = digits[LAYERS] + 1;
    for (size_t l = 0; l < network->layer_count; l++)
        network->layers[l] = (RefLayer){.cell = cell,
                                        .hidden = HIDDEN + l + (projected ? 1 : 0),
                                        .bidirectional = digits[DIRECTION] == 1,
                                        .bias = digits[BIAS] == 0,
                                        .learned_initial = digits[INITIAL] >= 2,
                                        .projection = projected ? HIDDEN + l : 0};
    network->outputs = digits[HEAD] == 0 ? 3 : 0;
    network->head_bias = digits[BIAS] == 0;
    network->output = (RefOutput)digits[POSITION];
    snprintf(problem->name, sizeof problem->name,
             "cell %d%s layers %zu both %zu lengths %zu last %zu mask %zu unbiased %zu initial %zu "
             "input %zu loss %zu headless %zu",
             (int)cell, projected ? " projected" : "", digits[LAYERS] + 1, digits[DIRECTION],
             digits[LENGTHS], digits[POSITION], digits[MASK], digits[BIAS], digits[INITIAL],
             digits[INPUT], digits[LOSS], digits[HEAD]);
    fill_problem(problem, digits, seed);
    return problem;
}

static void free_problem(Problem *problem) {
    free(problem->parameters);
    free(problem->initial);
    free(problem);
}

/* The derivative of the loss by array[k], which is one of the arrays in problem->values. */
static double complex_step(const Problem *problem, const double *array, size_t k) {
    const double step = 1e-30;
    const double *arrays[] = {problem->values.parameters, problem->values.dense,
                              problem->values.initial};
    const size_t counts[] = {problem->network.parameter_count, problem->dense_count,
                             problem->initial_count};
    double complex *copies[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < 3; i++) {
        if (!arrays[i]) continue;
        copies[i] = ref_allocate(counts[i], sizeof(double complex));
        for (size_t j = 0; j < counts[i]; j++) copies[i][j] = arrays[i][j];
        if (arrays[i] == array) copies[i][k] = array[k] + step * _Complex_I;
    }
    const RefValuesComplex values = {copies[0], copies[1], copies[2]};
    RefPassComplex *pass = ref_forward_complex(&problem->network, &problem->batch, &values);
    const double complex loss =
        ref_loss_complex(&problem->network, &problem->batch, &problem->target, pass->output);
    ref_pass_free_complex(pass);
    for (size_t i = 0; i < 3; i++) free(copies[i]);
    return cimag(loss) / step;
}

/* Adds to `active` one letter for each unit at each visit, + where a ReLU passes, and one for each
 * number that is the greatest over the steps: where. */
static void append_active(char *active, const Problem *problem, const RefPass *pass) {
    size_t length = strlen(active);
    for (size_t l = 0; l < problem->network.layer_count; l++) {
        const size_t units = STEPS * ROWS * problem->network.layers[l].hidden;
        for (size_t d = 0; d < ref_directions(&problem->network, l); d++)
            for (size_t k = 0; k < units; k++)
                active[length++] = pass->tracks[l][d].gates[k] > 0.0 ? '+' : '0';
    }
    if (problem->network.output != REF_MAX) return;
    const size_t top = problem->network.layer_count - 1;
    const size_t hidden = ref_layer_width(&problem->network, top);
    const size_t width = ref_layer_features(&problem->network, top);
    for (size_t k = 0; k < ROWS * width; k++) {
        const RefTrack *const track = &pass->tracks[top][k % width / hidden];
        size_t visit = 1;
        while (visit < STEPS &&
               track->hidden[(visit * ROWS + k / width) * hidden + k % hidden] != pass->features[k])
            visit++;
        active[length++] = (char)('a' + visit);
    }
}

enum { ACTIVE_MAX = STEPS * ROWS * 2 * (3 * HIDDEN + 3) + ROWS * 2 * (HIDDEN + 2) + 1 };

/* The loss with array[k] moved by `step`, and which units are active there. */
static double moved_loss(const Problem *problem, double *array, size_t k, double step,
                         char active[ACTIVE_MAX]) {
    const double kept = array[k];
    memset(active, 0, ACTIVE_MAX);
    array[k] = kept + step;
    RefPass *pass = ref_forward(&problem->network, &problem->batch, &problem->values);
    const double loss =
        ref_loss(&problem->network, &problem->batch, &problem->target, pass->output);
    append_active(active, problem, pass);
    ref_pass_free(pass);
    array[k] = kept;
    return loss;
}

/* Two central differences, extrapolated to fourth order. The loss is smooth where no unit starts
 * or stops; the step shrinks until none does between its ends. */
static double central_difference(const Problem *problem, double *array, size_t k) {
    char active[2][ACTIVE_MAX], between[ACTIVE_MAX];
    for (double step = 1e-3; step > 1e-7; step *= 0.5) {
        const double above = moved_loss(problem, array, k, step, active[0]);
        const double below = moved_loss(problem, array, k, -step, active[1]);
        const double half_above = moved_loss(problem, array, k, 0.5 * step, between);
        const double half_below = moved_loss(problem, array, k, -0.5 * step, between);
        if (strcmp(active[0], active[1]) != 0) continue;
        const double whole = (above - below) / (2.0 * step),
                     half = (half_above - half_below) / step;
        return (4.0 * half - whole) / 3.0;
    }
    fail_msg("%s: a unit is too close to its kink", problem->name);
    return NAN;
}

/* How much was compared, and how much of it was zero on both sides and so proves little. */
typedef struct Tally {
    size_t compared, empty;
} Tally;

/* Compares gradient[0..count) with derivatives by array[first..first + count). */
static void check_tensor(Tally *tally, const Problem *problem, const char *name, double *array,
                         size_t first, size_t count, const double *gradient) {
    const bool smooth = problem->network.layers[0].cell != REF_RNN_RELU;
    double error = 0.0, norm = 0.0;
    for (size_t k = 0; k < count; k++) {
        const double derivative = smooth ? complex_step(problem, array, first + k)
                                         : central_difference(problem, array, first + k);
        const double difference = gradient[k] - derivative;
        error += difference * difference;
        norm += derivative * derivative;
    }
    const double bound = (smooth ? 1e-12 : 1e-7) * sqrt(norm);
    if (!(sqrt(error) <= bound))
        fail_msg("%s: %s: error %.3g, bound %.3g, norm %.3g", problem->name, name, sqrt(error),
                 bound, sqrt(norm));
    const bool overridden = problem->values.initial &&
                            (strstr(name, "rnn.h0") != NULL || strstr(name, "rnn.c0") != NULL);
    if (overridden) {
        assert_true(norm == 0.0);
        return;
    }
    tally->compared++;
    if (norm > 0.0) return;
    tally->empty++;
    /* The greatest of all may be that of the first step, which no state came before. */
    if (smooth && problem->network.output != REF_MAX)
        fail_msg("%s: %s: no gradient", problem->name, name);
}

static void check_problem(Tally *tally, Problem *problem) {
    const RefNetwork *network = &problem->network;
    double *d_parameters = ref_allocate(network->parameter_count, sizeof(double));
    double *d_dense = ref_allocate(problem->dense_count, sizeof(double));
    double *d_initial = ref_allocate(problem->initial_count, sizeof(double));
    const RefGradients gradients = {d_parameters, d_dense, d_initial};
    RefPass *pass = ref_forward(network, &problem->batch, &problem->values);
    ref_backward(network, &problem->batch, &problem->values, pass, &problem->target, &gradients);
    for (size_t i = 0; i < network->tensor_count; i++) {
        const RefTensor *tensor = &network->tensors[i];
        check_tensor(tally, problem, tensor->name, problem->parameters, tensor->offset,
                     tensor->count, d_parameters + tensor->offset);
    }
    if (problem->values.dense)
        check_tensor(tally, problem, "dense input", problem->dense, 0, problem->dense_count,
                     d_dense);
    if (problem->values.initial)
        check_tensor(tally, problem, "initial state", problem->initial, 0, problem->initial_count,
                     d_initial);
    ref_pass_free(pass);
    free(d_parameters);
    free(d_dense);
    free(d_initial);
}

/* Every 29th of all combinations of choices. 29 shares no factor with a radix, and every three
 * values of three choices meet (counted once, by listing them). */
static void check_cell(RefCell cell, bool projected) {
    size_t combinations = 1;
    Tally tally = {0, 0};
    for (size_t i = 0; i < CHOICES; i++) combinations *= radix[i];
    for (size_t number = (size_t)cell; number < combinations; number += 29) {
        size_t digits[CHOICES], rest = number;
        for (size_t i = 0; i < CHOICES; i++) {
            digits[i] = rest % radix[i];
            rest /= radix[i];
        }
        if (digits[MASK] && digits[LAYERS] == 0) continue;
        Problem *problem = make_problem(cell, projected, digits, 100 * number);
        check_problem(&tally, problem);
        free_problem(problem);
    }
    /* Units of a ReLU layer may all be off; few are. */
    assert_true(tally.empty * 100 < tally.compared);
}

static void rnn_tanh(void **state) {
    (void)state;
    check_cell(REF_RNN_TANH, false);
}

static void rnn_relu(void **state) {
    (void)state;
    check_cell(REF_RNN_RELU, false);
}

static void lstm(void **state) {
    (void)state;
    check_cell(REF_LSTM, false);
}

static void lstm_projected(void **state) {
    (void)state;
    check_cell(REF_LSTM, true);
}

static void gru_reset_after(void **state) {
    (void)state;
    check_cell(REF_GRU_RESET_AFTER, false);
}

static void gru_reset_before(void **state) {
    (void)state;
    check_cell(REF_GRU_RESET_BEFORE, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rnn_tanh),
        cmocka_unit_test(rnn_relu),
        cmocka_unit_test(lstm),
        cmocka_unit_test(lstm_projected),
        cmocka_unit_test(gru_reset_after),
        cmocka_unit_test(gru_reset_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
