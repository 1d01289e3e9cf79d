/* The backward part of a trace: gradients of the states, of the arguments of the gates and of the
 * weights, and each step's share of the latter. */
#include <math.h>
#include <string.h>

#include "explain/trace.h"

static const char *gradient_name(const TraceGate *gate) {
    switch (gate->gradient) {
    case ELMAN_KEPT_DA_I:
        return "da_i";
    case ELMAN_KEPT_DA_F:
        return "da_f";
    case ELMAN_KEPT_DA_G:
        return "da_g";
    case ELMAN_KEPT_DA_O:
        return "da_o";
    case ELMAN_KEPT_DA_R:
        return "da_r";
    case ELMAN_KEPT_DA_Z:
        return "da_z";
    case ELMAN_KEPT_DA_N:
        return "da_n";
    default:
        return "da";
    }
}

/* The gradient of what is projected: W_hr^T dh, in the order of the kernel's chain. */
static elman_status add_unprojected(TraceBuild *build, const TraceCell *cell) {
    const elman_tensor *const w = trace_tensor(build, TENSOR_WEIGHT_HR, cell->layer, cell->reverse);
    float *const dm =
        trace_add_steps(build, build->steps, cell->hidden, "W_hr^T dh", cell->prefix, "dm");
    if (!dm) return trace_no_memory(build);
    for (size_t t = 0; t < build->steps; t++)
        for (size_t u = 0; u < cell->hidden; u++) {
            float sum = 0.0f;
            for (size_t k = 0; k < cell->width; k++)
                sum = fmaf(w->data[k * cell->hidden + u], cell->dh[t * cell->width + k], sum);
            dm[t * cell->hidden + u] = sum;
        }
    return ELMAN_OK;
}

static elman_status add_cell(TraceBuild *build, TraceCell *cell) {
    const Cell *const kind = cell->cell;
    const char *const dc = kind->projected ? "dm o (1 - tanh(c)^2) + dc f of the step behind"
                                           : "dh o (1 - tanh(c)^2) + dc f of the step behind";
    cell->dh = trace_add_kept(build, cell, ELMAN_KEPT_DH,
                              "dL/dh: from above and from the step behind", "dh");
    if (!cell->dh) return trace_no_memory(build);
    if (kind->projected && add_unprojected(build, cell)) return ELMAN_ERR_MEMORY;
    if (kind->cell_state && !trace_add_kept(build, cell, ELMAN_KEPT_DC, dc, "dc"))
        return trace_no_memory(build);
    for (size_t g = 0; g < kind->gates; g++) {
        const TraceGate *const gate = &cell->gates[g];
        cell->ih[g] = cell->hh[g] =
            trace_add_kept(build, cell, gate->gradient, gate->backward, gradient_name(gate));
        if (!cell->ih[g]) return trace_no_memory(build);
    }
    if (kind == &cell_gru &&
        !(cell->hh[2] = trace_add_kept(build, cell, ELMAN_KEPT_DA_NH, "da_n r", "da_nh")))
        return trace_no_memory(build);
    return ELMAN_OK;
}

/* The gradients of the initial states, which the tape gives all at once. */
static elman_status add_initial(TraceBuild *build) {
    const Structure *const structure = build->structure;
    static const char equation[] = "dL/d of the state before the first step";
    Memory *const memory = &build->trace->memory;
    float *const all =
        memory_allocate_array(memory, structure_state_size(structure, 1), sizeof *all);
    if (!all) return trace_no_memory(build);
    elman_tape_state_gradient(build->tape, all);
    const float *from = all;
    bool fits = true;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++) {
            const TraceCell *const cell = &build->cells[l * 2 + d];
            for (size_t k = 0; k < (cell->cell->cell_state ? 2 : 1) && fits; k++) {
                const size_t width = k ? cell->hidden : cell->width;
                float *const out =
                    trace_add_row(build, width, equation, cell->prefix, k ? "dc0" : "dh0");
                fits = out != NULL;
                if (fits) memcpy(out, from, width * sizeof *out);
                from += width;
            }
        }
    memory_release(memory, all);
    return fits ? ELMAN_OK : trace_no_memory(build);
}

elman_status trace_backward(TraceBuild *build) {
    const Structure *const structure = build->structure;
    elman_status status = ELMAN_OK;
    elman_tensor gradient;
    for (size_t l = structure->layer_count; l-- > 0;)
        for (size_t d = 0; d < structure_directions(structure, l) && !status; d++)
            status = add_cell(build, &build->cells[l * 2 + d]);
    if (status || (status = add_initial(build))) return status;
    if (structure->input != ELMAN_INPUT_ONE_HOT) {
        float *const dx =
            trace_add_steps(build, build->steps, structure_inputs(structure, 0), "dL/dx", "", "dx");
        if (!dx) return trace_no_memory(build);
        elman_tape_input_gradient(build->tape, dx);
    }
    for (size_t i = 0; !elman_tape_gradient(build->tape, i, &gradient); i++) {
        const size_t shape[3] = {gradient.shape[0], gradient.shape[1], 0};
        float *const out = trace_add(build, ELMAN_TRACE_FLOAT, "dL/d of it: the sum of its shares",
                                     0, gradient.rank, shape, "grad.%s", gradient.name);
        if (!out) return trace_no_memory(build);
        memcpy(out, gradient.data, gradient.count * sizeof *out);
    }
    return ELMAN_OK;
}

/* ---- shares ---- */

/* A new array for the shares of a tensor over `steps` terms. */
static double *add_share(TraceBuild *build, size_t steps, const elman_tensor *tensor,
                         const char *equation) {
    const size_t shape[3] = {steps, tensor->shape[0], tensor->shape[1]};
    return trace_add(build, ELMAN_TRACE_DOUBLE, equation, 1, tensor->rank + 1, shape, "share.%s",
                     tensor->name);
}

/* out[row][k] = d[row] * x[k]: exact, since a product of two floats fits into a double. */
static void outer(const float *d, size_t rows, const float *x, size_t columns, double *out) {
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < columns; k++) out[row * columns + k] = (double)d[row] * (double)x[k];
}

static elman_status cell_input_shares(TraceBuild *build, const TraceCell *cell) {
    const elman_tensor *const w = trace_tensor(build, TENSOR_WEIGHT_IH, cell->layer, cell->reverse);
    const size_t hidden = cell->hidden, inputs = cell->inputs;
    double *const out = add_share(build, build->steps, w, "da of the step times its x");
    if (!out) return trace_no_memory(build);
    for (size_t t = 0; t < build->steps; t++)
        for (size_t g = 0; g < cell->cell->gates; g++) {
            const float *const d = cell->ih[g] + t * hidden;
            double *const block = out + t * w->count + g * hidden * inputs;
            if (!cell->tokens) {
                outer(d, hidden, cell->x + t * inputs, inputs, block);
                continue;
            }
            for (size_t u = 0; u < hidden; u++)
                block[u * inputs + (size_t)cell->tokens[t]] = (double)d[u];
        }
    return ELMAN_OK;
}

static elman_status cell_hidden_shares(TraceBuild *build, const TraceCell *cell) {
    const elman_tensor *const r = trace_tensor(build, TENSOR_WEIGHT_HH, cell->layer, cell->reverse);
    const size_t hidden = cell->hidden, width = cell->width;
    double *const out = add_share(build, build->steps, r, "da of the step times the h before it");
    if (!out) return trace_no_memory(build);
    for (size_t t = 0; t < build->steps; t++)
        for (size_t g = 0; g < cell->cell->gates; g++) {
            const bool reset = cell->rh && g == 2;
            outer(cell->hh[g] + t * hidden, hidden,
                  reset ? cell->rh + t * hidden : trace_before(build, cell, t), width,
                  out + t * r->count + g * hidden * width);
        }
    return ELMAN_OK;
}

static elman_status projection_shares(TraceBuild *build, const TraceCell *cell) {
    const elman_tensor *const w = trace_tensor(build, TENSOR_WEIGHT_HR, cell->layer, cell->reverse);
    if (!w) return ELMAN_OK;
    double *const out = add_share(build, build->steps, w, "dh of the step times its m");
    if (!out) return trace_no_memory(build);
    for (size_t t = 0; t < build->steps; t++)
        outer(cell->dh + t * cell->width, cell->width, cell->m + t * cell->hidden, cell->hidden,
              out + t * w->count);
    return ELMAN_OK;
}

static elman_status bias_shares(TraceBuild *build, const TraceCell *cell, TensorRole role,
                                const float *const *gradients) {
    const elman_tensor *const b = trace_tensor(build, role, cell->layer, cell->reverse);
    if (!b) return ELMAN_OK;
    double *const out = add_share(build, build->steps, b, "da of the step");
    if (!out) return trace_no_memory(build);
    for (size_t t = 0; t < build->steps; t++)
        for (size_t g = 0; g < cell->cell->gates; g++)
            for (size_t u = 0; u < cell->hidden; u++)
                out[t * b->count + g * cell->hidden + u] =
                    (double)gradients[g][t * cell->hidden + u];
    return ELMAN_OK;
}

static elman_status head_shares(TraceBuild *build) {
    const elman_tensor *const w = trace_tensor(build, TENSOR_HEAD_WEIGHT, 0, false);
    const elman_tensor *const b = trace_tensor(build, TENSOR_HEAD_BIAS, 0, false);
    const size_t outputs = build->outputs;
    if (!w) return ELMAN_OK;
    double *out = add_share(build, build->positions, w, "dy of the step times what the head read");
    if (!out) return trace_no_memory(build);
    for (size_t at = 0; at < build->positions; at++)
        outer(build->dy + at * outputs, outputs, build->features + at * w->shape[1], w->shape[1],
              out + at * w->count);
    if (!b) return ELMAN_OK;
    out = add_share(build, build->positions, b, "dy of the step");
    if (!out) return trace_no_memory(build);
    for (size_t k = 0; k < build->positions * outputs; k++) out[k] = (double)build->dy[k];
    return ELMAN_OK;
}

/* A step's token gets the gradient of what was looked up. */
static elman_status embedding_shares(TraceBuild *build) {
    const elman_tensor *const table = trace_tensor(build, TENSOR_EMBEDDING, 0, false);
    elman_trace_array dx;
    elman_status status;
    if (!table) return ELMAN_OK;
    if ((status = elman_trace_find(build->trace, "dx", &dx, build->error))) return status;
    double *const out =
        add_share(build, build->steps, table, "dx of the step, in the row of its token");
    if (!out) return trace_no_memory(build);
    const size_t width = table->shape[1];
    const float *const from = dx.data;
    for (size_t t = 0; t < build->steps; t++)
        for (size_t i = 0; i < width; i++)
            out[t * table->count + (size_t)build->sequence->tokens[t] * width + i] =
                (double)from[t * width + i];
    return ELMAN_OK;
}

elman_status trace_shares(TraceBuild *build) {
    const Structure *const structure = build->structure;
    elman_status status = embedding_shares(build);
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l) && !status; d++) {
            const TraceCell *const cell = &build->cells[l * 2 + d];
            if ((status = cell_input_shares(build, cell)) ||
                (status = cell_hidden_shares(build, cell)) ||
                (status = projection_shares(build, cell)) ||
                (status = bias_shares(build, cell, TENSOR_BIAS_IH, cell->ih)) ||
                (status = bias_shares(build, cell, TENSOR_BIAS_HH, cell->hh)))
                break;
        }
    return status ? status : head_shares(build);
}
