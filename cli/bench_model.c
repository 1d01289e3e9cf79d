/* The cost model of elman bench.
 *
 * Letters: G gates (LSTM 4, GRU 3, RNN 1), I inputs, H hidden units, B rows, T steps, P threads; pi
 * what P threads multiply and add in products (elman_pace), beta(n) the bytes a second that P
 * threads read from n bytes each, L the time from a multiply-add to the next that waits for it; W =
 * 4 G H^2 the bytes of the recurrent weights.
 *
 * Forward, one layer and direction:
 *
 *     2 G H I B T / pi                          the input's product, over all steps at once
 *     + T (max(2 G H^2 B / pi,                  the recurrent product as fast as products go,
 *              W / beta(W / P),                 or as fast as its weights can be read,
 *              H L)                             or one output's chain of H multiply-adds,
 *          + a H B 0.9 cycles / P               a activations a unit: LSTM 5, GRU 3, RNN 1
 *          + max(0, C - L - min(16, H) a B 0.9 cycles)   what the chain from the product's end to
 *                                               the new h takes longer than its activations
 *          + barrier where P > 1)
 *
 * C is the measured chain of one cell: a multiply-add, then sigmoid -> c -> tanh -> h. It cannot
 * overlap with anything where the next step's product waits for the last 16 units of all rows,
 * which is so at small B; with more rows, the activations of the others fill the time.
 *
 * Backward: the same with chains of G H multiply-adds (the gradient of h sums over all gates), no
 * activations (they were kept), and at B = 1 a chain of 5 operations from dh to the gates (RNN 2);
 * then the gradients of x and of both matrices, sums over all steps and rows, at pi.
 *
 * One step of one row (streaming): the forward step with both products, whose weights are all read,
 * without a barrier.
 *
 * A whole training step adds the head's three products at pi, one activation for each number of the
 * softmax, and the weights' way through the memory: 11 numbers a weight are read or written (the
 * gradient's norm 1; Adam reads 4, writes 3; packing reads 1, writes 2). */
#include "bench_model.h"

#include <math.h>

static const double cycles_per_activation = 0.9;

/* One direction of one layer. */
typedef struct LayerWork {
    elman_cell cell;
    double gates, inputs, hidden, rows, steps;
    bool looked_up; /* the input is a token */
    bool dx;        /* training: the gradient of the input is needed */
} LayerWork;

/* P threads of the machine at their present pace. */
typedef struct Machine {
    const elman_ceilings *ceilings;
    double threads;
    double product;    /* operations per second */
    double slower;     /* than when the chains were measured: the ratio of the clocks */
    double link;       /* seconds from a multiply-add to the next */
    double activation; /* seconds */
} Machine;

static double cell_gates(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? 4.0 : cell == ELMAN_CELL_GRU ? 3.0 : 1.0;
}

static double cell_activations(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? 5.0 : cell == ELMAN_CELL_GRU ? 3.0 : 1.0;
}

static double cell_chain(const elman_ceilings *ceilings, elman_cell cell) {
    return cell == ELMAN_CELL_LSTM  ? ceilings->lstm_chain
           : cell == ELMAN_CELL_GRU ? ceilings->gru_chain
                                    : ceilings->rnn_chain;
}

/* Operations from the gradient of h' to those of the gates, of which each waits for the last. */
static double backward_links(elman_cell cell) {
    return cell == ELMAN_CELL_RNN ? 2.0 : 5.0;
}

/* Numbers a unit and step that backward needs: h, and LSTM i f g o c tanh(c), GRU n r z and n's
 * recurrent part, RNN the gradient that its weights' gradients are made of. */
static double cell_kept(elman_cell cell) {
    return cell == ELMAN_CELL_LSTM ? 7.0 : cell == ELMAN_CELL_GRU ? 5.0 : 2.0;
}

static double directions(const BenchPoint *point) {
    return point->bidirectional ? 2.0 : 1.0;
}

static bool is_whole_step(const BenchPoint *point) {
    return point->outputs > 0;
}

static LayerWork layer_work(const BenchPoint *point, size_t layer) {
    return (LayerWork){
        .cell = point->cell,
        .gates = cell_gates(point->cell),
        .inputs = layer ? (double)point->hidden * directions(point) : (double)point->inputs,
        .hidden = (double)point->hidden,
        .rows = (double)point->batch,
        .steps = (double)point->steps,
        .looked_up = layer == 0 && point->tokens,
        .dx = layer > 0 || !is_whole_step(point),
    };
}

static double input_flops(const LayerWork *w) {
    return w->looked_up ? 0.0 : 2.0 * w->gates * w->hidden * w->inputs * w->rows * w->steps;
}

static double step_flops(const LayerWork *w) {
    return 2.0 * w->gates * w->hidden * w->hidden * w->rows;
}

/* Of the head, one pass. */
static double head_flops(const BenchPoint *point) {
    return 2.0 * (double)point->hidden * directions(point) * (double)point->outputs *
           (double)point->batch * (double)point->steps;
}

double bench_flops(const BenchPoint *point) {
    const bool training = point->mode == BENCH_TRAIN;
    double flops = head_flops(point) * (training ? 3.0 : 1.0);
    for (size_t l = 0; l < point->layers; l++) {
        const LayerWork w = layer_work(point, l);
        const double passes = !training ? 1.0 : w.dx ? 3.0 : 2.0;
        flops += directions(point) *
                 (passes * input_flops(&w) + (training ? 3.0 : 1.0) * step_flops(&w) * w.steps);
    }
    return flops;
}

static Machine machine_of(const elman_ceilings *ceilings, const elman_pace *pace, size_t threads) {
    const double slower = ceilings->clock / pace->clock;
    return (Machine){
        .ceilings = ceilings,
        .threads = (double)threads,
        .product = pace->product,
        .slower = slower,
        .link = ceilings->fma_chain * slower,
        .activation = cycles_per_activation / pace->clock,
    };
}

/* Seconds in which P threads read that many bytes, of which each has its part. */
static double read_seconds(const Machine *m, double bytes) {
    return bytes / elman_ceilings_read(m->ceilings, m->threads > 1.0 ? 2 : 1, bytes / m->threads);
}

/* A product in the time loop: `links` multiply-adds make one output. */
static double product_seconds(const Machine *m, double flops, double weights, double links) {
    const double arithmetic = flops / m->product, memory = read_seconds(m, 4.0 * weights);
    return fmax(fmax(arithmetic, memory), links * m->link);
}

static double barrier_seconds(const Machine *m) {
    return m->threads > 1.0 ? m->ceilings->barrier : 0.0;
}

/* The activations of a step, and what their chain takes longer. */
static double activation_seconds(const Machine *m, const LayerWork *w) {
    const double one = cell_activations(w->cell) * w->rows * m->activation;
    const double chain = cell_chain(m->ceilings, w->cell) * m->slower - m->link;
    return one * w->hidden / m->threads + fmax(0.0, chain - fmin(16.0, w->hidden) * one);
}

static double forward_seconds(const Machine *m, const LayerWork *w) {
    const double product =
        product_seconds(m, step_flops(w), w->gates * w->hidden * w->hidden, w->hidden);
    return input_flops(w) / m->product +
           w->steps * (product + activation_seconds(m, w) + barrier_seconds(m));
}

static double backward_seconds(const Machine *m, const LayerWork *w) {
    const double weights = w->gates * w->hidden * w->hidden;
    const double product = product_seconds(m, step_flops(w), weights, w->gates * w->hidden);
    const double links = w->rows > 1.0 ? 0.0 : backward_links(w->cell);
    const double sums = step_flops(w) * w->steps + input_flops(w) * (w->dx ? 2.0 : 1.0);
    return w->steps * (product + links * m->link + barrier_seconds(m)) + sums / m->product;
}

static double stream_seconds(const Machine *m, const LayerWork *w) {
    const double weights = w->gates * w->hidden * (w->inputs + w->hidden);
    return product_seconds(m, step_flops(w) + input_flops(w), weights, w->hidden) +
           activation_seconds(m, w);
}

static double parameters(const BenchPoint *point) {
    const double outputs = (double)point->outputs;
    double count = outputs * ((double)point->hidden * directions(point) + 1.0);
    for (size_t l = 0; l < point->layers; l++) {
        const LayerWork w = layer_work(point, l);
        count += directions(point) * w.gates * w.hidden * (w.inputs + w.hidden + 2.0);
    }
    return count;
}

static double whole_step_rest(const Machine *m, const BenchPoint *point) {
    const double positions = (double)point->batch * (double)point->steps;
    const double activations = point->classes ? positions * (double)point->outputs : 0.0;
    return 3.0 * head_flops(point) / m->product + activations * m->activation / m->threads +
           read_seconds(m, 11.0 * 4.0 * parameters(point));
}

double bench_seconds(const BenchPoint *point, const elman_ceilings *ceilings,
                     const elman_pace *pace, size_t threads) {
    const Machine m = machine_of(ceilings, pace, threads);
    double seconds = is_whole_step(point) ? whole_step_rest(&m, point) : 0.0;
    for (size_t l = 0; l < point->layers; l++) {
        const LayerWork w = layer_work(point, l);
        if (point->mode == BENCH_STEP) return stream_seconds(&m, &w);
        double layer = forward_seconds(&m, &w);
        if (point->mode == BENCH_TRAIN) layer += backward_seconds(&m, &w);
        seconds += directions(point) * layer;
    }
    return seconds;
}

double bench_bytes(const BenchPoint *point) {
    const double positions = (double)point->batch * (double)point->steps;
    const double units = (double)point->layers * directions(point) * (double)point->hidden;
    const double input = point->tokens ? 1.0 : (double)point->inputs;
    const double activations =
        positions * (input + units * cell_kept(point->cell) + (double)point->outputs);
    return 4.0 * (activations + 6.0 * parameters(point));
}
