/* The forward part of a trace: states and gates as the tape kept them, and the arguments of the
 * activations, computed again along the chain of docs/arithmetic.md. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "context/context.h"
#include "explain/trace.h"
#include "model/network.h"

static const TraceGate rnn_tanh_gates[] = {
    {"", ELMAN_KEPT_H, ELMAN_KEPT_DA, "W x + b + R h + b'", "", "dh (1 - h^2)"},
};
static const TraceGate rnn_relu_gates[] = {
    {"", ELMAN_KEPT_H, ELMAN_KEPT_DA, "W x + b + R h + b'", "", "dh where h > 0, else 0"},
};
static const TraceGate lstm_gates[] = {
    {"i", ELMAN_KEPT_I, ELMAN_KEPT_DA_I, "W_i x + b_i + R_i h + b'_i", "sigmoid(a_i)",
     "dc g i (1 - i)"},
    {"f", ELMAN_KEPT_F, ELMAN_KEPT_DA_F, "W_f x + b_f + R_f h + b'_f", "sigmoid(a_f)",
     "dc c f (1 - f), c before the step"},
    {"g", ELMAN_KEPT_G, ELMAN_KEPT_DA_G, "W_g x + b_g + R_g h + b'_g", "tanh(a_g)",
     "dc i (1 - g^2)"},
    {"o", ELMAN_KEPT_O, ELMAN_KEPT_DA_O, "W_o x + b_o + R_o h + b'_o", "sigmoid(a_o)",
     "dh tanh(c) o (1 - o)"},
};
static const TraceGate lstm_projected_gates[] = {
    {"i", ELMAN_KEPT_I, ELMAN_KEPT_DA_I, "W_i x + b_i + R_i h + b'_i", "sigmoid(a_i)",
     "dc g i (1 - i)"},
    {"f", ELMAN_KEPT_F, ELMAN_KEPT_DA_F, "W_f x + b_f + R_f h + b'_f", "sigmoid(a_f)",
     "dc c f (1 - f), c before the step"},
    {"g", ELMAN_KEPT_G, ELMAN_KEPT_DA_G, "W_g x + b_g + R_g h + b'_g", "tanh(a_g)",
     "dc i (1 - g^2)"},
    {"o", ELMAN_KEPT_O, ELMAN_KEPT_DA_O, "W_o x + b_o + R_o h + b'_o", "sigmoid(a_o)",
     "dm tanh(c) o (1 - o)"},
};
static const TraceGate gru_gates[] = {
    {"r", ELMAN_KEPT_R, ELMAN_KEPT_DA_R, "W_r x + b_r + R_r h + b'_r", "sigmoid(a_r)",
     "da_n nh r (1 - r)"},
    {"z", ELMAN_KEPT_Z, ELMAN_KEPT_DA_Z, "W_z x + b_z + R_z h + b'_z", "sigmoid(a_z)",
     "dh (h - n) z (1 - z), h before the step"},
    {"n", ELMAN_KEPT_N, ELMAN_KEPT_DA_N, "nx + r nh", "tanh(a_n)", "dh (1 - z) (1 - n^2)"},
};
static const TraceGate gru_before_gates[] = {
    {"r", ELMAN_KEPT_R, ELMAN_KEPT_DA_R, "W_r x + b_r + R_r h + b'_r", "sigmoid(a_r)",
     "(R_n^T da_n) h r (1 - r), h before the step"},
    {"z", ELMAN_KEPT_Z, ELMAN_KEPT_DA_Z, "W_z x + b_z + R_z h + b'_z", "sigmoid(a_z)",
     "dh (h - n) z (1 - z), h before the step"},
    {"n", ELMAN_KEPT_N, ELMAN_KEPT_DA_N, "W_n x + b_n + R_n rh + b'_n", "tanh(a_n)",
     "dh (1 - z) (1 - n^2)"},
};

static const TraceGate *gates_of(const Cell *cell) {
    return cell == &cell_rnn_tanh         ? rnn_tanh_gates
           : cell == &cell_rnn_relu       ? rnn_relu_gates
           : cell == &cell_lstm           ? lstm_gates
           : cell == &cell_lstm_projected ? lstm_projected_gates
           : cell == &cell_gru            ? gru_gates
                                          : gru_before_gates;
}

/* The state that the first step read. */
static const float *add_initial(TraceBuild *build, const TraceCell *cell, elman_kept what,
                                const char *name) {
    const size_t width = what == ELMAN_KEPT_C_BEFORE ? cell->hidden : cell->width;
    float *const out =
        trace_add_row(build, width, "the state before the first step", cell->prefix, name);
    const size_t first = cell->reverse ? build->steps - 1 : 0;
    if (!out) return NULL;
    (void)elman_tape_kept(build->tape, cell->layer, cell->reverse, what, build->scratch, NULL);
    memcpy(out, build->scratch + first * width, width * sizeof(float));
    return out;
}

/* What an argument is the sum of. */
typedef struct Parts {
    bool input, bias_hh;
    const float *rh; /* [steps][hidden] in the place of h; NULL: h itself */
    bool hidden;
} Parts;

static float chain(float sum, const float *weights, const float *values, size_t count) {
    for (size_t k = 0; k < count; k++) sum = fmaf(weights[k], values[k], sum);
    return sum;
}

/* Computes block `gate` of the pre-activations into out [steps][hidden]. */
static void compute(const TraceBuild *build, const TraceCell *cell, size_t gate, Parts parts,
                    float *out) {
    const size_t layer = cell->layer, hidden = cell->hidden, inputs = cell->inputs;
    const elman_tensor *const w = trace_tensor(build, TENSOR_WEIGHT_IH, layer, cell->reverse);
    const elman_tensor *const r = trace_tensor(build, TENSOR_WEIGHT_HH, layer, cell->reverse);
    const elman_tensor *const b = trace_tensor(build, TENSOR_BIAS_IH, layer, cell->reverse);
    const elman_tensor *const b2 = trace_tensor(build, TENSOR_BIAS_HH, layer, cell->reverse);
    for (size_t t = 0; t < build->steps; t++) {
        const float *const h = parts.rh ? parts.rh + t * hidden : trace_before(build, cell, t);
        for (size_t u = 0; u < hidden; u++) {
            const size_t row = gate * hidden + u;
            float sum = b && parts.input ? b->data[row] : 0.0f;
            if (b2 && parts.bias_hh) sum += b2->data[row];
            if (parts.input && cell->tokens)
                sum += w->data[row * inputs + (size_t)cell->tokens[t]];
            else if (parts.input)
                sum = chain(sum, w->data + row * inputs, cell->x + t * inputs, inputs);
            if (parts.hidden) sum = chain(sum, r->data + row * cell->width, h, cell->width);
            out[t * hidden + u] = sum;
        }
    }
}

static elman_status add_gate(TraceBuild *build, TraceCell *cell, size_t index) {
    static const char *const letters[] = {"a_i", "a_f", "a_g", "a_o", "a_r", "a_z", "a_n"};
    const TraceGate *const gate = &cell->gates[index];
    const char *name = "a";
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (strcmp(letters[i] + 2, gate->letter) == 0) name = letters[i];
    float *const a =
        trace_add_steps(build, build->steps, cell->hidden, gate->argument, cell->prefix, name);
    if (!a) return trace_no_memory(build);
    compute(build, cell, index, (Parts){true, true, NULL, true}, a);
    if (gate->letter[0] == '\0') return ELMAN_OK;
    return trace_add_kept(build, cell, gate->kept, gate->value, gate->letter)
               ? ELMAN_OK
               : trace_no_memory(build);
}

/* The candidate of a GRU, whose argument differs between the two kinds. */
static elman_status add_candidate(TraceBuild *build, TraceCell *cell) {
    const size_t count = build->steps * cell->hidden;
    const TraceGate *const gate = &cell->gates[2];
    if (cell->cell == &cell_gru_reset_before) {
        cell->rh = trace_add_kept(build, cell, ELMAN_KEPT_RH, "r h, h before the step", "rh");
        float *const a =
            trace_add_steps(build, build->steps, cell->hidden, gate->argument, cell->prefix, "a_n");
        if (!cell->rh || !a) return trace_no_memory(build);
        compute(build, cell, 2, (Parts){true, true, cell->rh, true}, a);
    } else {
        float *const nx =
            trace_add_steps(build, build->steps, cell->hidden, "W_n x + b_n", cell->prefix, "nx");
        const float *const nh = trace_add_kept(build, cell, ELMAN_KEPT_NH, "R_n h + b'_n", "nh");
        float *const a =
            trace_add_steps(build, build->steps, cell->hidden, gate->argument, cell->prefix, "a_n");
        if (!nx || !nh || !a) return trace_no_memory(build);
        compute(build, cell, 2, (Parts){.input = true}, nx);
        (void)elman_tape_kept(build->tape, cell->layer, cell->reverse, ELMAN_KEPT_R, build->scratch,
                              NULL);
        for (size_t i = 0; i < count; i++) a[i] = fmaf(build->scratch[i], nh[i], nx[i]);
    }
    return trace_add_kept(build, cell, gate->kept, gate->value, gate->letter)
               ? ELMAN_OK
               : trace_no_memory(build);
}

/* What `layer` reads, an array of its own where it is not the h of the layer below. */
static elman_status add_input(TraceBuild *build, size_t layer, const char *equation,
                              const char *prefix, size_t positions, const float **x) {
    const Structure *const structure = build->structure;
    if (layer > 0 && structure_directions(structure, layer - 1) == 1 && positions == build->steps &&
        !(build->sequence->training && structure->layers[layer - 1].dropout > 0.0f)) {
        *x = build->cells[(layer - 1) * 2].h;
        return ELMAN_OK;
    }
    float *const out = trace_add_steps(build, positions, structure_inputs(structure, layer),
                                       equation, prefix, "x");
    if (!out) return trace_no_memory(build);
    *x = out;
    return elman_tape_layer_input(build->tape, layer, out, build->error);
}

static elman_status add_token(TraceBuild *build) {
    const size_t shape[3] = {build->steps, 0, 0};
    int32_t *const out =
        trace_add(build, ELMAN_TRACE_INT32, "the input", 1, 1, shape, "%s", "token");
    if (!out) return trace_no_memory(build);
    memcpy(out, build->sequence->tokens, build->steps * sizeof *out);
    return ELMAN_OK;
}

static elman_status add_cell(TraceBuild *build, TraceCell *cell) {
    const bool relu = cell->cell == &cell_rnn_relu;
    elman_status status = ELMAN_OK;
    cell->h0 = add_initial(build, cell, ELMAN_KEPT_H_BEFORE, "h0");
    if (!cell->h0) return trace_no_memory(build);
    if (cell->cell->cell_state && !add_initial(build, cell, ELMAN_KEPT_C_BEFORE, "c0"))
        return trace_no_memory(build);
    /* First the states: the arguments of the gates are made of those before each step. */
    float *const h =
        memory_allocate_array(&build->trace->memory, build->steps * cell->width, sizeof(float));
    if (!h) return trace_no_memory(build);
    (void)elman_tape_kept(build->tape, cell->layer, cell->reverse, ELMAN_KEPT_H, h, NULL);
    cell->h = h;
    const bool gru = cell->cell == &cell_gru || cell->cell == &cell_gru_reset_before;
    for (size_t g = 0; g < (gru ? 2 : cell->cell->gates) && !status; g++)
        status = add_gate(build, cell, g);
    if (!status && gru) status = add_candidate(build, cell);
    memory_release(&build->trace->memory, h);
    if (status) return status;
    if (cell->cell->cell_state &&
        (!trace_add_kept(build, cell, ELMAN_KEPT_C, "f c + i g, c before the step", "c") ||
         !trace_add_kept(build, cell, ELMAN_KEPT_TANH_C, "tanh(c)", "tanh_c")))
        return trace_no_memory(build);
    if (cell->cell->projected &&
        !(cell->m = trace_add_kept(build, cell, ELMAN_KEPT_M, "o tanh(c)", "m")))
        return trace_no_memory(build);
    cell->h = trace_add_kept(build, cell, ELMAN_KEPT_H,
                             cell->cell->projected    ? "W_hr m"
                             : cell->cell->cell_state ? "o tanh(c)"
                             : gru                    ? "(1 - z) n + z h, h before the step"
                             : relu                   ? "max(0, a)"
                                                      : "tanh(a)",
                             "h");
    return cell->h ? ELMAN_OK : trace_no_memory(build);
}

static elman_status add_layer(TraceBuild *build, size_t layer) {
    const Structure *const structure = build->structure;
    const CellShape shape = structure_cell_shape(structure, layer);
    const float *x = NULL;
    char prefix[32];
    elman_status status = ELMAN_OK;
    (void)snprintf(prefix, sizeof prefix, "l%zu.", layer);
    if (!shape.tokens)
        status = add_input(build, layer, layer ? "what the layer reads" : "the input",
                           layer ? prefix : "", build->steps, &x);
    for (size_t d = 0; d < structure_directions(structure, layer) && !status; d++) {
        TraceCell *const cell = &build->cells[layer * 2 + d];
        *cell = (TraceCell){.cell = shape.cell,
                            .gates = gates_of(shape.cell),
                            .layer = layer,
                            .hidden = shape.hidden,
                            .width = shape.width,
                            .inputs = shape.inputs,
                            .reverse = d == 1,
                            .x = x,
                            .tokens = shape.tokens ? build->sequence->tokens : NULL};
        (void)snprintf(cell->prefix, sizeof cell->prefix, "l%zu%s.", layer, d ? "_reverse" : "");
        status = add_cell(build, cell);
    }
    return status;
}

static const char *head_reads(const Structure *structure) {
    if (structure->output == ELMAN_OUTPUT_MEAN) return "the mean of h over the steps";
    if (structure->output == ELMAN_OUTPUT_MAX) return "the greatest h over the steps";
    return "what the head reads";
}

elman_status trace_forward(TraceBuild *build) {
    const Structure *const structure = build->structure;
    elman_status status = ELMAN_OK;
    if (build->sequence->tokens) status = add_token(build);
    for (size_t l = 0; l < structure->layer_count && !status; l++) status = add_layer(build, l);
    if (!status && structure->has_head)
        status = add_input(build, structure->layer_count, head_reads(structure), "head.",
                           build->positions, &build->features);
    if (status) return status;
    build->y = trace_add_steps(build, build->positions, build->outputs,
                               structure->has_head ? "W h + b of the head" : "the output", "", "y");
    if (!build->y) return trace_no_memory(build);
    elman_tape_output(build->tape, build->y);
    return ELMAN_OK;
}

/* p = softmax(y), with the exponentials and the sum of the loss. */
static elman_status add_softmax(TraceBuild *build) {
    const Kernels *const kernels = build->model->context->kernels;
    Memory *const memory = &build->trace->memory;
    const size_t width = build->outputs, padded = network_padded(width);
    float *const p = trace_add_steps(build, build->positions, width, "softmax(y)", "", "p");
    float *const row = memory_allocate_array(memory, padded, sizeof *row);
    if (!p || !row) {
        memory_release(memory, row);
        return trace_no_memory(build);
    }
    for (size_t at = 0; at < build->positions; at++) {
        const float *const y = build->y + at * width;
        float most = -FLT_MAX;
        for (size_t i = 0; i < width; i++) most = y[i] > most ? y[i] : most;
        memset(row, 0, padded * sizeof *row);
        memcpy(row, y, width * sizeof *row);
        const double sum = kernels->cross_entropy(width, row, 0, 0.0f, NULL).sum;
        for (size_t i = 0; i < width; i++) row[i] -= most;
        kernels->exp(padded, row, row);
        for (size_t i = 0; i < width; i++) p[at * width + i] = (float)((double)row[i] / sum);
    }
    memory_release(memory, row);
    return ELMAN_OK;
}

/* 1/2 (y - value)^2, which the library does not train with. */
static void half_squares(const TraceBuild *build, double *losses, double *loss) {
    for (size_t at = 0; at < build->positions; at++) {
        losses[at] = 0.0;
        for (size_t i = 0; i < build->outputs; i++) {
            const size_t k = at * build->outputs + i;
            const float difference = build->y[k] - build->options.values[k];
            losses[at] += (double)difference * (double)difference / 2.0;
            if (build->dy) build->dy[k] = difference;
        }
        *loss += losses[at];
    }
}

elman_status trace_loss(TraceBuild *build) {
    static const char *const each[] = {"", "-ln p[target]", "(y - target)^2, summed",
                                       "1/2 (y - target)^2, summed"};
    static const char *const all[] = {"", "L: the mean of loss_t",
                                      "L: the sum of loss_t over how many numbers there are",
                                      "L: the sum of loss_t"};
    static const char *const back[] = {"", "(p - 1 at the target) / outputs counted",
                                       "2 (y - target) / how many numbers there are", "y - target"};
    const elman_trace_loss kind = build->options.loss;
    const size_t positions[3] = {build->positions, 0, 0}, one[3] = {1, 0, 0};
    elman_loss mean = {0};
    elman_status status = ELMAN_OK;
    if (kind == ELMAN_TRACE_NO_LOSS) return ELMAN_OK;
    if (kind == ELMAN_TRACE_CROSS_ENTROPY && (status = add_softmax(build))) return status;
    double *const losses =
        trace_add(build, ELMAN_TRACE_DOUBLE, each[kind], 1, 1, positions, "%s", "loss_t");
    double *const loss = trace_add(build, ELMAN_TRACE_DOUBLE, all[kind], 0, 1, one, "%s", "loss");
    if (!losses || !loss) return trace_no_memory(build);
    if (build->options.backward &&
        !(build->dy =
              trace_add_steps(build, build->positions, build->outputs, back[kind], "", "dy")))
        return trace_no_memory(build);
    if (kind == ELMAN_TRACE_HALF_SQUARES) {
        half_squares(build, losses, loss);
        return ELMAN_OK;
    }
    status =
        kind == ELMAN_TRACE_CROSS_ENTROPY
            ? elman_tape_cross_entropy(build->tape, build->options.classes, &mean, build->error)
            : elman_tape_mean_squared_error(build->tape, build->options.values, &mean,
                                            build->error);
    if (status) return status;
    *loss = mean.mean;
    elman_tape_losses(build->tape, losses);
    if (build->dy) elman_tape_output_gradient(build->tape, build->dy);
    return ELMAN_OK;
}
