/* elman trace --explain: the loss and the backward pass, number by number. */
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "output.h"
#include "trace_numbers.h"

/* ---- loss ---- */

/* 1/2*(y - target)^2 + ... of one output. */
static void explain_squares(TraceNumbers *numbers, size_t at) {
    TraceLine *const line = &numbers->line;
    const elman_trace_options *const options = &numbers->view->options;
    char text[40];
    for (size_t o = 0; o < numbers->outputs; o++) {
        const size_t k = at * numbers->outputs + o;
        line_put(line, "%s%s(%.7g - %s)^2", o ? " + " : " ",
                 options->loss == ELMAN_TRACE_HALF_SQUARES ? "1/2*" : "", (double)numbers->y[k],
                 line_factor((double)options->values[k], text));
    }
}

void explain_loss(TraceNumbers *numbers) {
    TraceLine *const line = &numbers->line;
    const elman_trace_options *const options = &numbers->view->options;
    const size_t positions = numbers->view->positions;
    output_print("\n");
    for (size_t at = 0; at < positions && !output_failed(); at++) {
        line_put(line, "L_%zu =", at + 1);
        if (options->loss == ELMAN_TRACE_CROSS_ENTROPY) {
            const size_t class = (size_t)options->classes[at];
            line_put(line, " -ln p_%zu[%zu] = -ln(%.7g)", at + 1, class,
                     (double)numbers->p[at * numbers->outputs + class]);
        } else {
            explain_squares(numbers, at);
        }
        line_put(line, " = %.7g", numbers->loss_t[at]);
        line_end(line);
    }
    line_put(line, "L =%s", options->loss == ELMAN_TRACE_HALF_SQUARES ? "" : " (");
    line_sum(line, positions);
    for (size_t at = 0; at < positions; at++) line_term(line, &numbers->loss_t[at], 1);
    if (options->loss == ELMAN_TRACE_CROSS_ENTROPY) line_put(line, " )/%zu", positions);
    if (options->loss == ELMAN_TRACE_MEAN_SQUARED_ERROR) {
        line_put(line, " )/%zu", positions * numbers->outputs);
    }
    line_put(line, " = %.7g", *numbers->loss);
    line_end(line);
}

/* ---- backward ---- */

static void explain_output_gradient(TraceNumbers *numbers, size_t at) {
    TraceLine *const line = &numbers->line;
    const elman_trace_options *const options = &numbers->view->options;
    const size_t count = numbers->view->positions;
    char text[40];
    for (size_t o = 0; o < numbers->outputs; o++) {
        const size_t k = at * numbers->outputs + o;
        line_put(line, "dL/dy_%zu[%zu] =", at + 1, o);
        if (options->loss == ELMAN_TRACE_CROSS_ENTROPY) {
            line_put(line, (size_t)options->classes[at] == o ? " (%.7g - 1)/%zu" : " %.7g/%zu",
                     (double)numbers->p[k], count);
        } else if (options->loss == ELMAN_TRACE_HALF_SQUARES) {
            line_put(line, " %.7g - %s", (double)numbers->y[k],
                     line_factor((double)options->values[k], text));
        } else {
            line_put(line, " 2*(%.7g - %s)/%zu", (double)numbers->y[k],
                     line_factor((double)options->values[k], text), count * numbers->outputs);
        }
        line_put(line, " = %.7g", (double)numbers->dy[k]);
        line_end(line);
    }
}

/* Where the gradient of h of one cell comes from at step t. */
typedef struct Sources {
    bool output; /* the output at `position`, `share` of whose gradient comes here */
    size_t position;
    double share;
    bool behind; /* the step that read h, `next` */
    size_t next;
} Sources;

static Sources find_sources(const TraceNumbers *numbers, const CellNumbers *cell, size_t layer,
                            size_t t, size_t u) {
    const bool top = layer + 1 == numbers->layers;
    const bool newest = t == numbers_step(numbers, cell, numbers->steps - 1);
    const elman_output output = numbers->view->info.output;
    const bool last = output == ELMAN_OUTPUT_LAST_STEP;
    const bool pooled = output == ELMAN_OUTPUT_MEAN || output == ELMAN_OUTPUT_MAX;
    Sources sources = {.share = 1.0, .behind = !newest};
    if (top && pooled) sources.share = numbers_pool_share(numbers, cell, t, u);
    sources.output = top && (!last || newest) && sources.share != 0.0;
    sources.position = last || pooled ? 0 : t;
    if (!newest) sources.next = cell->reverse ? t - 1 : t + 1;
    return sources;
}

/* How many terms come through layer `layer` to what it reads, and those of step t. */
static size_t count_upper(const TraceNumbers *numbers, size_t layer) {
    const CellNumbers *const upper = &numbers->cells[2 * layer];
    return numbers->directions[layer] * upper->gates * upper->hidden;
}

static void write_upper(TraceNumbers *numbers, size_t layer, size_t column, size_t t) {
    for (size_t d = 0; d < numbers->directions[layer]; d++) {
        const CellNumbers *const upper = &numbers->cells[2 * layer + d];
        for (size_t g = 0; g < upper->gates; g++) {
            for (size_t k = 0; k < upper->hidden; k++) {
                const size_t row = g * upper->hidden + k;
                const double factors[2] = {(double)upper->w[row * upper->inputs + column],
                                           (double)upper->ih[g][t * upper->hidden + k]};
                line_term(&numbers->line, factors, 2);
            }
        }
    }
}

/* The terms that come through step `next` of the same cell. */
static size_t count_behind(const CellNumbers *cell) {
    return cell->gates * cell->hidden + (cell->gates == 3 ? 1 : 0);
}

static void write_behind(TraceNumbers *numbers, const CellNumbers *cell, size_t next, size_t u) {
    TraceLine *const line = &numbers->line;
    const size_t n = cell->hidden;
    for (size_t g = 0; g < cell->gates; g++) {
        const bool reset = cell->kind == ELMAN_CELL_GRU_RESET_BEFORE && g == 2;
        for (size_t k = 0; k < n; k++) {
            const double factors[3] = {(double)cell->r[(g * n + k) * n + u],
                                       (double)cell->hh[g][next * n + k],
                                       reset ? (double)cell->gate[0][next * n + u] : 1.0};
            line_term(line, factors, reset ? 3 : 2);
        }
    }
    if (cell->gates != 3) return;
    const double factors[2] = {(double)cell->dh[next * n + u], (double)cell->gate[1][next * n + u]};
    line_term(line, factors, 2);
}

static void explain_state_gradient(TraceNumbers *numbers, size_t layer, const CellNumbers *cell,
                                   size_t t, size_t u) {
    TraceLine *const line = &numbers->line;
    const Sources sources = find_sources(numbers, cell, layer, t, u);
    const size_t column = (cell->reverse ? cell->hidden : 0) + u, outputs = numbers->outputs;
    size_t terms = sources.behind ? count_behind(cell) : 0;
    if (sources.output) terms += numbers->head ? outputs : 1;
    if (layer + 1 < numbers->layers) terms += count_upper(numbers, layer + 1);
    line_put(line, "dL/d%sh_%zu[%zu] =", cell->prefix, t + 1, u);
    line_sum(line, terms);
    for (size_t o = 0; o < outputs && sources.output && numbers->head; o++) {
        const double factors[3] = {(double)numbers->head[o * numbers->width + column],
                                   (double)numbers->dy[sources.position * outputs + o],
                                   sources.share};
        line_term(line, factors, sources.share != 1.0 ? 3 : 2);
    }
    if (sources.output && !numbers->head) {
        const double factors[2] = {(double)numbers->dy[sources.position * outputs + column],
                                   sources.share};
        line_term(line, factors, sources.share != 1.0 ? 2 : 1);
    }
    if (layer + 1 < numbers->layers) write_upper(numbers, layer + 1, column, t);
    if (sources.behind) write_behind(numbers, cell, sources.next, u);
    line_put(line, " = %.7g", (double)cell->dh[t * cell->hidden + u]);
    line_end(line);
}

/* "dL/da_i_1[0] =" and the value behind what is written between. */
static void begin_gate(TraceNumbers *numbers, const CellNumbers *cell, const char *name, size_t t,
                       size_t u) {
    line_put(&numbers->line, "dL/d%s%s_%zu[%zu] =", cell->prefix, name, t + 1, u);
}

static void end_gate(TraceNumbers *numbers, const float *values, size_t at) {
    line_put(&numbers->line, " = %.7g", (double)values[at]);
    line_end(&numbers->line);
}

static void explain_rnn_gradient(TraceNumbers *numbers, const CellNumbers *cell, size_t t,
                                 size_t u) {
    const size_t at = t * cell->hidden + u;
    const double h = (double)cell->h[at], dh = (double)cell->dh[at];
    char text[40];
    begin_gate(numbers, cell, "a", t, u);
    if (cell->kind == ELMAN_CELL_RNN) {
        line_put(&numbers->line, " %.7g*(1 - %s^2)", dh, line_factor(h, text));
    } else {
        line_put(&numbers->line, " %.7g*%d", dh, h > 0.0);
    }
    end_gate(numbers, cell->ih[0], at);
}

static void explain_lstm_gradient(TraceNumbers *numbers, const CellNumbers *cell, size_t t,
                                  size_t u) {
    TraceLine *const line = &numbers->line;
    const size_t at = t * cell->hidden + u;
    const bool newest = t == numbers_step(numbers, cell, numbers->steps - 1);
    const double i = (double)cell->gate[0][at], f = (double)cell->gate[1][at];
    const double g = (double)cell->gate[2][at], o = (double)cell->gate[3][at];
    const double tanh_c = (double)cell->tanh_c[at], dh = (double)cell->dh[at];
    const double dc = (double)cell->dc[at];
    const double before = numbers_before(numbers, cell, cell->c, cell->c0, t, u);
    char text[2][40];
    begin_gate(numbers, cell, "c", t, u);
    line_put(line, " %.7g*%.7g*(1 - %s^2)", dh, o, line_factor(tanh_c, text[0]));
    if (!newest) {
        const size_t next = (cell->reverse ? t - 1 : t + 1) * cell->hidden + u;
        line_put(line, " + %s*%.7g", line_factor((double)cell->dc[next], text[0]),
                 (double)cell->gate[1][next]);
    }
    end_gate(numbers, cell->dc, at);
    begin_gate(numbers, cell, "a_i", t, u);
    line_put(line, " %.7g*%s*%.7g*(1 - %.7g)", dc, line_factor(g, text[0]), i, i);
    end_gate(numbers, cell->ih[0], at);
    begin_gate(numbers, cell, "a_f", t, u);
    line_put(line, " %.7g*%s*%.7g*(1 - %.7g)", dc, line_factor(before, text[0]), f, f);
    end_gate(numbers, cell->ih[1], at);
    begin_gate(numbers, cell, "a_g", t, u);
    line_put(line, " %.7g*%.7g*(1 - %s^2)", dc, i, line_factor(g, text[0]));
    end_gate(numbers, cell->ih[2], at);
    begin_gate(numbers, cell, "a_o", t, u);
    line_put(line, " %.7g*%s*%.7g*(1 - %.7g)", dh, line_factor(tanh_c, text[0]), o, o);
    end_gate(numbers, cell->ih[3], at);
}

/* What r gets: from n's argument directly, or through the product with r * h. */
static void explain_reset_gradient(TraceNumbers *numbers, const CellNumbers *cell, size_t t,
                                   size_t u) {
    TraceLine *const line = &numbers->line;
    const size_t n = cell->hidden, at = t * n + u;
    const double r = (double)cell->gate[0][at];
    char text[2][40];
    begin_gate(numbers, cell, "a_r", t, u);
    if (cell->kind == ELMAN_CELL_GRU) {
        line_put(line, " %.7g*%s*%.7g*(1 - %.7g)", (double)cell->ih[2][at],
                 line_factor((double)cell->nh[at], text[0]), r, r);
        end_gate(numbers, cell->ih[0], at);
        begin_gate(numbers, cell, "nh", t, u);
        line_put(line, " %.7g*%.7g", (double)cell->ih[2][at], r);
        end_gate(numbers, cell->hh[2], at);
        return;
    }
    const double before = numbers_before(numbers, cell, cell->h, cell->h0, t, u);
    line_put(line, " (");
    line_sum(line, n);
    for (size_t k = 0; k < n; k++) {
        const double factors[2] = {(double)cell->r[(2 * n + k) * n + u],
                                   (double)cell->hh[2][t * n + k]};
        line_term(line, factors, 2);
    }
    line_put(line, " )*%s*%.7g*(1 - %.7g)", line_factor(before, text[0]), r, r);
    end_gate(numbers, cell->ih[0], at);
}

static void explain_gru_gradient(TraceNumbers *numbers, const CellNumbers *cell, size_t t,
                                 size_t u) {
    TraceLine *const line = &numbers->line;
    const size_t at = t * cell->hidden + u;
    const double z = (double)cell->gate[1][at], n = (double)cell->gate[2][at];
    const double dh = (double)cell->dh[at];
    const double before = numbers_before(numbers, cell, cell->h, cell->h0, t, u);
    char text[2][40];
    begin_gate(numbers, cell, "a_n", t, u);
    line_put(line, " %.7g*(1 - %.7g)*(1 - %s^2)", dh, z, line_factor(n, text[0]));
    end_gate(numbers, cell->ih[2], at);
    begin_gate(numbers, cell, "a_z", t, u);
    line_put(line, " %.7g*(%.7g - %s)*%.7g*(1 - %.7g)", dh, before, line_factor(n, text[0]), z, z);
    end_gate(numbers, cell->ih[1], at);
}

static void explain_cell(TraceNumbers *numbers, size_t layer, const CellNumbers *cell, size_t t) {
    for (size_t u = 0; u < cell->hidden; u++) {
        explain_state_gradient(numbers, layer, cell, t, u);
        if (cell->kind == ELMAN_CELL_LSTM) {
            explain_lstm_gradient(numbers, cell, t, u);
        } else if (cell->gates == 3) {
            explain_gru_gradient(numbers, cell, t, u);
        } else {
            explain_rnn_gradient(numbers, cell, t, u);
        }
    }
    /* That of a reset gate takes the gradients of all units' n. */
    for (size_t u = 0; u < cell->hidden && cell->gates == 3; u++) {
        explain_reset_gradient(numbers, cell, t, u);
    }
}

/* The state before the first step. */
static void explain_initial(TraceNumbers *numbers, const CellNumbers *cell) {
    TraceLine *const line = &numbers->line;
    const size_t first = numbers_step(numbers, cell, 0);
    for (size_t u = 0; u < cell->hidden; u++) {
        const size_t at = first * cell->hidden + u;
        line_put(line, "dL/d%sh_0[%zu] =", cell->prefix, u);
        line_sum(line, count_behind(cell));
        write_behind(numbers, cell, first, u);
        end_gate(numbers, cell->dh0, u);
        if (!cell->dc0) continue;
        line_put(line, "dL/d%sc_0[%zu] = %.7g*%.7g", cell->prefix, u, (double)cell->dc[at],
                 (double)cell->gate[1][at]);
        end_gate(numbers, cell->dc0, u);
    }
}

/* The input, and what an embedding looked up. */
static void explain_input(TraceNumbers *numbers, size_t t) {
    const size_t inputs = numbers->cells[0].inputs;
    for (size_t k = 0; k < inputs; k++) {
        line_put(&numbers->line, "dL/dx_%zu[%zu] =", t + 1, k);
        line_sum(&numbers->line, count_upper(numbers, 0));
        write_upper(numbers, 0, k, t);
        end_gate(numbers, numbers->dx, t * inputs + k);
    }
}

void explain_backward(TraceNumbers *numbers) {
    output_print("\n");
    for (size_t at = 0; at < numbers->view->positions; at++) explain_output_gradient(numbers, at);
    for (size_t l = numbers->layers; l-- > 0;) {
        for (size_t d = 0; d < numbers->directions[l]; d++) {
            const CellNumbers *const cell = &numbers->cells[2 * l + d];
            for (size_t i = numbers->steps; i-- > 0 && !output_failed();) {
                output_print("\n");
                explain_cell(numbers, l, cell, numbers_step(numbers, cell, i));
            }
            explain_initial(numbers, cell);
        }
    }
    if (!numbers->dx) return;
    output_print("\n");
    for (size_t t = 0; t < numbers->steps && !output_failed(); t++) explain_input(numbers, t);
}

/* ---- gradients of the weights: the sums of their shares ---- */

static void explain_element(TraceNumbers *numbers, const char *symbol, bool transposed,
                            const elman_trace_array *whole, const elman_trace_array *share,
                            size_t index) {
    TraceLine *const line = &numbers->line;
    const size_t columns = whole->rank == 2 ? whole->shape[1] : 1;
    const size_t row = index / columns, column = index % columns;
    if (whole->rank == 1) {
        line_put(line, "%s[%zu] =", symbol, row);
    } else {
        line_put(line, "%s[%zu][%zu] =", symbol, transposed ? column : row,
                 transposed ? row : column);
    }
    line_sum(line, share->shape[0]);
    for (size_t t = 0; t < share->shape[0]; t++) {
        line_term(line, (const double *)share->data + t * whole->count + index, 1);
    }
    line_put(line, " = %.7g", (double)((const float *)whole->data)[index]);
    line_end(line);
}

void explain_gradients(TraceNumbers *numbers) {
    const TraceView *const view = numbers->view;
    elman_trace_array share, whole;
    for (size_t i = 0; !elman_trace_at(view->trace, i, &share) && !output_failed(); i++) {
        char name[128];
        if (strncmp(share.name, "share.", 6) != 0) continue;
        (void)snprintf(name, sizeof(name), "grad.%s", share.name + 6);
        if (elman_trace_find(view->trace, name, &whole, NULL)) continue;
        const TraceSymbol *const symbol = view->guide ? trace_symbol(name) : NULL;
        if (view->guide && !symbol) continue;
        if (symbol) {
            (void)snprintf(name, sizeof(name), "%s", symbol->symbol);
        } else {
            (void)snprintf(name, sizeof(name), "dL/d(%s)", share.name + 6);
        }
        output_print("\n");
        if (!view->all && whole.count > TRACE_BLOCK_MAX) {
            output_print("%s: %zu numbers, each the sum of its %zu shares\n", name, whole.count,
                         share.shape[0]);
            continue;
        }
        for (size_t k = 0; k < whole.count; k++) {
            explain_element(numbers, name, symbol && symbol->transposed, &whole, &share, k);
        }
    }
}
