/* elman trace --explain: the forward pass, number by number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "output.h"
#include "trace_numbers.h"

static const void *find(const TraceNumbers *numbers, const char *prefix, const char *name) {
    elman_trace_array array;
    char full[2 * PREFIX_MAX];
    (void)snprintf(full, sizeof(full), "%s%s", prefix, name);
    return elman_trace_find(numbers->view->trace, full, &array, NULL) ? NULL : array.data;
}

static const float *tensor(const TraceNumbers *numbers, const char *name) {
    elman_tensor found;
    return elman_model_find_tensor(numbers->view->model, name, &found, NULL) ? NULL : found.data;
}

static const float *cell_tensor(const TraceNumbers *numbers, const char *name, size_t layer,
                                bool reverse) {
    char full[2 * PREFIX_MAX];
    (void)snprintf(full, sizeof(full), "rnn.%s_l%zu%s", name, layer, reverse ? "_reverse" : "");
    return tensor(numbers, full);
}

/* The gates in the order of the weights' blocks. */
static const char *const letters[] = {[ELMAN_CELL_RNN] = "",
                                      [ELMAN_CELL_RNN_RELU] = "",
                                      [ELMAN_CELL_LSTM] = "ifgo",
                                      [ELMAN_CELL_GRU] = "rzn",
                                      [ELMAN_CELL_GRU_RESET_BEFORE] = "rzn"};

static void load_cell(TraceNumbers *numbers, size_t layer, bool reverse, CellNumbers *cell) {
    elman_cell_options options;
    char prefix[PREFIX_MAX];
    elman_model_layer(numbers->view->model, layer, &options);
    (void)snprintf(prefix, sizeof(prefix), "l%zu%s.", layer, reverse ? "_reverse" : "");
    *cell = (CellNumbers){
        .kind = options.cell,
        .hidden = options.hidden,
        .gates = *letters[options.cell] ? strlen(letters[options.cell]) : 1,
        .reverse = reverse,
        .letters = letters[options.cell],
        .w = cell_tensor(numbers, "weight_ih", layer, reverse),
        .r = cell_tensor(numbers, "weight_hh", layer, reverse),
        .b_ih = cell_tensor(numbers, "bias_ih", layer, reverse),
        .b_hh = cell_tensor(numbers, "bias_hh", layer, reverse),
        .h0 = find(numbers, prefix, "h0"),
        .c0 = find(numbers, prefix, "c0"),
        .h = find(numbers, prefix, "h"),
        .c = find(numbers, prefix, "c"),
        .tanh_c = find(numbers, prefix, "tanh_c"),
        .rh = find(numbers, prefix, "rh"),
        .nx = find(numbers, prefix, "nx"),
        .nh = find(numbers, prefix, "nh"),
        .dh = find(numbers, prefix, "dh"),
        .dc = find(numbers, prefix, "dc"),
        .dh0 = find(numbers, prefix, "dh0"),
        .dc0 = find(numbers, prefix, "dc0"),
    };
    for (size_t g = 0; g < cell->gates; g++) {
        char name[8];
        (void)snprintf(name, sizeof(name), *cell->letters ? "da_%c" : "da", cell->letters[g]);
        cell->a[g] = find(numbers, prefix, name + 1);
        cell->gate[g] = *cell->letters ? find(numbers, prefix, name + 3) : NULL;
        cell->ih[g] = cell->hh[g] = find(numbers, prefix, name);
    }
    if (cell->nh) cell->hh[2] = find(numbers, prefix, "da_nh");
    if (numbers->layers > 1 || options.bidirectional) {
        (void)snprintf(cell->prefix, sizeof(cell->prefix), "%s", prefix);
    }
    /* What it reads: an array of its own, the input, or the h of the layer below. */
    (void)snprintf(prefix, sizeof(prefix), "l%zu.", layer);
    cell->x = find(numbers, layer ? prefix : "", "x");
    if (layer > 0 && !cell->x) cell->x = numbers->cells[2 * (layer - 1)].h;
    if (!cell->x) cell->tokens = numbers->view->sequence.tokens;
    elman_tensor w;
    (void)snprintf(prefix, sizeof(prefix), "rnn.weight_ih_l%zu", layer);
    if (!elman_model_find_tensor(numbers->view->model, prefix, &w, NULL)) cell->inputs = w.shape[1];
}

static void load(TraceNumbers *numbers) {
    for (size_t l = 0; l < numbers->layers; l++) {
        elman_cell_options options;
        elman_model_layer(numbers->view->model, l, &options);
        numbers->directions[l] = options.bidirectional ? 2 : 1;
        numbers->width = options.hidden * numbers->directions[l];
        for (size_t d = 0; d < numbers->directions[l]; d++) {
            load_cell(numbers, l, d == 1, &numbers->cells[2 * l + d]);
        }
    }
    numbers->head = tensor(numbers, "head.weight");
    numbers->head_bias = tensor(numbers, "head.bias");
    numbers->features = find(numbers, "", "head.x");
    if (!numbers->features) numbers->features = numbers->cells[2 * (numbers->layers - 1)].h;
    numbers->y = find(numbers, "", "y");
    numbers->p = find(numbers, "", "p");
    numbers->dy = find(numbers, "", "dy");
    numbers->dx = find(numbers, "", "dx");
    numbers->loss_t = find(numbers, "", "loss_t");
    numbers->loss = find(numbers, "", "loss");
}

size_t numbers_step(const TraceNumbers *numbers, const CellNumbers *cell, size_t i) {
    return cell->reverse ? numbers->steps - 1 - i : i;
}

double numbers_before(const TraceNumbers *numbers, const CellNumbers *cell, const float *states,
                      const float *initial, size_t t, size_t u) {
    if (t == numbers_step(numbers, cell, 0)) return (double)initial[u];
    return (double)states[(cell->reverse ? t + 1 : t - 1) * cell->hidden + u];
}

/* Which parts of an argument are written. */
enum { PART_INPUT = 1, PART_HIDDEN = 2, PART_RESET = 4 };

/* The sum W x + R h + b of row `row` of the weights at step t. */
static void write_argument(TraceNumbers *numbers, const CellNumbers *cell, size_t row, size_t t,
                           int parts) {
    TraceLine *const line = &numbers->line;
    const bool input = parts & PART_INPUT, hidden = parts & PART_HIDDEN;
    const bool bias = cell->b_ih || cell->b_hh;
    const size_t inputs = !input ? 0 : cell->tokens ? 1 : cell->inputs;
    line_sum(line, inputs + (hidden ? cell->hidden : 0) + bias);
    for (size_t k = 0; k < inputs; k++) {
        const size_t column = cell->tokens ? (size_t)cell->tokens[t] : k;
        const double factors[2] = {(double)cell->w[row * cell->inputs + column],
                                   cell->tokens ? 1.0 : (double)cell->x[t * cell->inputs + k]};
        line_term(line, factors, cell->tokens ? 1 : 2);
    }
    for (size_t k = 0; k < cell->hidden && hidden; k++) {
        const double factors[2] = {(double)cell->r[row * cell->hidden + k],
                                   parts & PART_RESET
                                       ? (double)cell->rh[t * cell->hidden + k]
                                       : numbers_before(numbers, cell, cell->h, cell->h0, t, k)};
        line_term(line, factors, 2);
    }
    if (!bias) return;
    const double sum = (input && cell->b_ih ? (double)cell->b_ih[row] : 0.0) +
                       (hidden && cell->b_hh ? (double)cell->b_hh[row] : 0.0);
    line_term(line, &sum, 1);
}

static void write_symbol(TraceNumbers *numbers, const CellNumbers *cell, const char *name, size_t t,
                         size_t u) {
    line_put(&numbers->line, "%s%s_%zu[%zu] =", cell->prefix, name, t + 1, u);
}

/* A gate, or the state of an RNN: f(sum) = f(argument) = value. */
static void explain_gate(TraceNumbers *numbers, const CellNumbers *cell, size_t g, size_t t,
                         size_t u, int parts) {
    TraceLine *const line = &numbers->line;
    const size_t at = t * cell->hidden + u;
    const char name[2] = {*cell->letters ? cell->letters[g] : 'h', '\0'};
    const char *function = cell->kind == ELMAN_CELL_RNN_RELU ? "max(0,"
                           : strchr("hgn", name[0])          ? "tanh("
                                                             : "sigmoid(";
    write_symbol(numbers, cell, name, t, u);
    line_put(line, " %s", function);
    write_argument(numbers, cell, g * cell->hidden + u, t, parts);
    line_put(line, " )");
    line_put(line, " = %s%.7g)", function, (double)cell->a[g][at]);
    line_put(line, " = %.7g", (double)(cell->gate[g] ? cell->gate[g] : cell->h)[at]);
    line_end(line);
}

static void explain_lstm(TraceNumbers *numbers, const CellNumbers *cell, size_t t) {
    TraceLine *const line = &numbers->line;
    char text[4][40];
    for (size_t u = 0; u < cell->hidden; u++) {
        const size_t at = t * cell->hidden + u;
        for (size_t g = 0; g < cell->gates; g++) {
            explain_gate(numbers, cell, g, t, u, PART_INPUT | PART_HIDDEN);
        }
        const double before = numbers_before(numbers, cell, cell->c, cell->c0, t, u);
        write_symbol(numbers, cell, "c", t, u);
        line_put(line, " %.7g*%s + %.7g*%s", (double)cell->gate[1][at],
                 line_factor(before, text[0]), (double)cell->gate[0][at],
                 line_factor((double)cell->gate[2][at], text[1]));
        line_put(line, " = %.7g", (double)cell->c[at]);
        line_end(line);
        write_symbol(numbers, cell, "h", t, u);
        line_put(line, " %.7g*tanh(%.7g)", (double)cell->gate[3][at], (double)cell->c[at]);
        line_put(line, " = %.7g*%s", (double)cell->gate[3][at],
                 line_factor((double)cell->tanh_c[at], text[2]));
        line_put(line, " = %.7g", (double)cell->h[at]);
        line_end(line);
    }
}

/* n of a GRU that resets after the product, from its two parts. */
static void explain_candidate(TraceNumbers *numbers, const CellNumbers *cell, size_t t, size_t u) {
    TraceLine *const line = &numbers->line;
    const size_t at = t * cell->hidden + u, row = 2 * cell->hidden + u;
    char text[40];
    write_symbol(numbers, cell, "nx", t, u);
    write_argument(numbers, cell, row, t, PART_INPUT);
    line_put(line, " = %.7g", (double)cell->nx[at]);
    line_end(line);
    write_symbol(numbers, cell, "nh", t, u);
    write_argument(numbers, cell, row, t, PART_HIDDEN);
    line_put(line, " = %.7g", (double)cell->nh[at]);
    line_end(line);
    write_symbol(numbers, cell, "n", t, u);
    line_put(line, " tanh( %.7g + %.7g*%s )", (double)cell->nx[at], (double)cell->gate[0][at],
             line_factor((double)cell->nh[at], text));
    line_put(line, " = tanh(%.7g)", (double)cell->a[2][at]);
    line_put(line, " = %.7g", (double)cell->gate[2][at]);
    line_end(line);
}

static void explain_gru(TraceNumbers *numbers, const CellNumbers *cell, size_t t) {
    TraceLine *const line = &numbers->line;
    const bool reset_before = cell->kind == ELMAN_CELL_GRU_RESET_BEFORE;
    char text[2][40];
    for (size_t u = 0; u < cell->hidden; u++) {
        explain_gate(numbers, cell, 0, t, u, PART_INPUT | PART_HIDDEN);
        explain_gate(numbers, cell, 1, t, u, PART_INPUT | PART_HIDDEN);
        if (!reset_before) {
            explain_candidate(numbers, cell, t, u);
            continue;
        }
        const double before = numbers_before(numbers, cell, cell->h, cell->h0, t, u);
        write_symbol(numbers, cell, "rh", t, u);
        line_put(line, " %.7g*%s", (double)cell->gate[0][t * cell->hidden + u],
                 line_factor(before, text[0]));
        line_put(line, " = %.7g", (double)cell->rh[t * cell->hidden + u]);
        line_end(line);
    }
    for (size_t u = 0; u < cell->hidden; u++) {
        const size_t at = t * cell->hidden + u;
        if (reset_before) {
            explain_gate(numbers, cell, 2, t, u, PART_INPUT | PART_HIDDEN | PART_RESET);
        }
        const double z = (double)cell->gate[1][at], n = (double)cell->gate[2][at];
        const double before = numbers_before(numbers, cell, cell->h, cell->h0, t, u);
        write_symbol(numbers, cell, "h", t, u);
        line_put(line, " (1 - %.7g)*%s + %.7g*%s", z, line_factor(n, text[0]), z,
                 line_factor(before, text[1]));
        line_put(line, " = %.7g", (double)cell->h[at]);
        line_end(line);
    }
}

static void explain_cell(TraceNumbers *numbers, const CellNumbers *cell, size_t t) {
    if (cell->kind == ELMAN_CELL_LSTM) {
        explain_lstm(numbers, cell, t);
    } else if (cell->gates == 3) {
        explain_gru(numbers, cell, t);
    } else {
        for (size_t u = 0; u < cell->hidden; u++) {
            explain_gate(numbers, cell, 0, t, u, PART_INPUT | PART_HIDDEN);
        }
    }
}

static void explain_output(TraceNumbers *numbers, size_t at) {
    TraceLine *const line = &numbers->line;
    for (size_t o = 0; o < numbers->outputs; o++) {
        line_put(line, "y_%zu[%zu] =", at + 1, o);
        line_sum(line, numbers->width + (numbers->head_bias ? 1 : 0));
        for (size_t k = 0; k < numbers->width; k++) {
            const double factors[2] = {(double)numbers->head[o * numbers->width + k],
                                       (double)numbers->features[at * numbers->width + k]};
            line_term(line, factors, 2);
        }
        if (numbers->head_bias) {
            const double bias = (double)numbers->head_bias[o];
            line_term(line, &bias, 1);
        }
        line_put(line, " = %.7g", (double)numbers->y[at * numbers->outputs + o]);
        line_end(line);
    }
}

double numbers_pool_share(const TraceNumbers *numbers, const CellNumbers *cell, size_t t,
                          size_t u) {
    const float *const h = cell->h + u;
    size_t greatest = 0;
    if (numbers->view->info.output == ELMAN_OUTPUT_MEAN) return 1.0 / (double)numbers->steps;
    for (size_t i = 1; i < numbers->steps; i++) {
        if (h[i * cell->hidden] > h[greatest * cell->hidden]) greatest = i;
    }
    return t == greatest ? 1.0 : 0.0;
}

/* What the output is made of: number u of one direction's states, pooled over the steps. */
static void explain_pool(TraceNumbers *numbers, const CellNumbers *cell, size_t u) {
    TraceLine *const line = &numbers->line;
    const bool mean = numbers->view->info.output == ELMAN_OUTPUT_MEAN;
    const size_t k = (cell->reverse ? cell->hidden : 0) + u;
    line_put(line, "%s[%zu] =", mean ? "mean" : "max", k);
    if (mean) {
        line_put(line, " (");
        line_sum(line, numbers->steps);
        for (size_t t = 0; t < numbers->steps; t++) {
            const double h = (double)cell->h[t * cell->hidden + u];
            line_term(line, &h, 1);
        }
        line_put(line, " )/%zu", numbers->steps);
    } else {
        size_t t = 0;
        while (numbers_pool_share(numbers, cell, t, u) == 0.0) t++;
        line_put(line, " %sh_%zu[%zu]", cell->prefix, t + 1, u);
    }
    line_put(line, " = %.7g", (double)(numbers->head ? numbers->features : numbers->y)[k]);
    line_end(line);
}

void explain_forward(TraceNumbers *numbers) {
    const char *gap = "";
    for (size_t l = 0; l < numbers->layers; l++) {
        for (size_t d = 0; d < numbers->directions[l]; d++) {
            const CellNumbers *const cell = &numbers->cells[2 * l + d];
            for (size_t i = 0; i < numbers->steps && !output_failed(); i++) {
                output_print("%s", gap);
                gap = "\n";
                explain_cell(numbers, cell, numbers_step(numbers, cell, i));
            }
        }
    }
    output_print("\n");
    const elman_output output = numbers->view->info.output;
    const size_t top = numbers->layers - 1;
    const bool pooled = output == ELMAN_OUTPUT_MEAN || output == ELMAN_OUTPUT_MAX;
    for (size_t d = 0; d < numbers->directions[top] && pooled; d++) {
        const CellNumbers *const cell = &numbers->cells[2 * top + d];
        for (size_t u = 0; u < cell->hidden; u++) explain_pool(numbers, cell, u);
    }
    if (pooled && numbers->head) output_print("\n");
    for (size_t at = 0; at < numbers->view->positions && numbers->head && !output_failed(); at++) {
        explain_output(numbers, at);
    }
}

bool trace_explain(const TraceView *view) {
    const size_t layers = view->info.layers;
    TraceNumbers numbers = {.view = view,
                            .steps = view->sequence.steps,
                            .layers = layers,
                            .outputs = view->info.outputs,
                            .line = {.all = view->all}};
    numbers.cells = calloc(2 * layers, sizeof(*numbers.cells));
    numbers.directions = calloc(layers, sizeof(*numbers.directions));
    const bool ok = numbers.cells && numbers.directions;
    if (ok) {
        load(&numbers);
        explain_forward(&numbers);
        if (numbers.loss) explain_loss(&numbers);
        if (view->options.backward) explain_backward(&numbers);
        if (view->options.backward && !view->options.no_shares) explain_gradients(&numbers);
    } else {
        message("no memory left");
    }
    free(numbers.cells);
    free(numbers.directions);
    return ok;
}
