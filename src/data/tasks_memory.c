/* Tasks of memory: adding, copy, parity, temporal order. */
#include "core/logarithm.h"
#include "data/tasks.h"

static void one_floor(elman_task_info *info, const char *predictor, double loss) {
    info->floor_count = 1;
    info->floors[0] = (elman_task_floor){.predictor = predictor, .loss = loss};
}

/* Draws behind that of the length. */
enum { FIRST_DRAW = 1 };

/* Adding: features are a number from [0, 1) and a mark, which two steps have. */
static void fill_adding(const TaskRow *row) {
    const size_t length = row->length;
    const size_t first = (size_t)task_below(row, FIRST_DRAW, length);
    size_t second = (size_t)task_below(row, FIRST_DRAW + 1, length - 1);
    second += second >= first;
    float sum = 0.0f;
    for (size_t step = 0; step < length; step++) {
        const float value = (float)task_uniform(row, FIRST_DRAW + 2 + step);
        task_put_dense(row, step, 0, value);
        if (step != first && step != second) continue;
        task_put_dense(row, step, 1, 1.0f);
        sum += value;
    }
    task_put_number(row, 0, sum);
}

/* The variance of the sum of two independent uniform numbers. */
static void measure_adding(const elman_task *task, elman_task_info *info) {
    (void)task;
    one_floor(info, "always 1", 1.0 / 6.0);
}

const TaskKind task_adding = {
    .name = "adding",
    .summary = "two of T numbers are marked: their sum, at the end",
    .paper = "Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997; "
             "in the form of Bai, Kolter and Koltun, arXiv 1803.01271, 2018",
    .usual_length = 200,
    .least_length = 2,
    .features = 2,
    .outputs = 1,
    .last_step = true,
    .fill = fill_adding,
    .measure = measure_adding,
};

/* Copy: token 0 is a blank, 1 to 8 are symbols, 9 says that they are wanted. */
enum { COPY_BLANK = 0, COPY_SYMBOLS = 8, COPY_DELIMITER = 9, COPY_COUNT = 10 };

static void fill_copy(const TaskRow *row) {
    const size_t steps = row->length + 2 * COPY_COUNT;
    for (size_t step = 0; step < steps; step++) {
        task_put_token(row, step, COPY_BLANK);
        task_put_class(row, step, COPY_BLANK);
    }
    for (size_t i = 0; i < COPY_COUNT; i++) {
        const int32_t symbol = 1 + (int32_t)task_below(row, FIRST_DRAW + i, COPY_SYMBOLS);
        task_put_token(row, i, symbol);
        task_put_class(row, steps - COPY_COUNT + i, symbol);
    }
    task_put_token(row, steps - COPY_COUNT - 1, COPY_DELIMITER);
}

static void measure_copy(const elman_task *task, elman_task_info *info) {
    const double symbols = COPY_COUNT * natural_logarithm(COPY_SYMBOLS);
    one_floor(info, "blanks, then all symbols alike",
              symbols / (double)(task->length + 2 * COPY_COUNT));
}

const TaskKind task_copy = {
    .name = "copy",
    .summary = "ten symbols, T blanks: the symbols again",
    .paper = "Hochreiter and Schmidhuber, 1997; in the form of Arjovsky, Shah and Bengio, Unitary "
             "evolution recurrent neural networks, arXiv 1511.06464, 2016",
    .usual_length = 100,
    .least_length = 1,
    .extra_steps = 2 * COPY_COUNT,
    .tokens = 10,
    .outputs = 9,
    .classes = true,
    .fill = fill_copy,
    .measure = measure_copy,
};

/* Parity: class 1 when the ones so far are odd in number. */
static void fill_parity(const TaskRow *row) {
    int32_t parity = 0;
    for (size_t step = 0; step < row->length; step++) {
        const int32_t bit = (int32_t)task_below(row, FIRST_DRAW + step, 2);
        parity ^= bit;
        task_put_token(row, step, bit);
        if (!row->task->final_only) task_put_class(row, step, parity);
    }
    if (row->task->final_only) task_put_class(row, 0, parity);
}

static void measure_parity(const elman_task *task, elman_task_info *info) {
    (void)task;
    one_floor(info, "both alike", natural_logarithm(2.0));
}

const TaskKind task_parity = {
    .name = "parity",
    .summary = "T bits: whether the ones so far are odd in number",
    .paper = "Minsky and Papert, Perceptrons, 1969; for recurrent networks Hochreiter and "
             "Schmidhuber, 1997",
    .usual_length = 40,
    .least_length = 1,
    .tokens = 2,
    .outputs = 2,
    .classes = true,
    .fill = fill_parity,
    .measure = measure_parity,
};

/* Temporal order: tokens 0 to 3 are distractors, 4 begins, 5 ends, 6 and 7 are X and Y. */
enum { ORDER_DISTRACTORS = 4, ORDER_BEGIN = 4, ORDER_END = 5, ORDER_X = 6, ORDER_MAX = 3 };

/* Where each relevant symbol may stand: from `from` to below `below`, in hundredths of T. */
typedef struct OrderRange {
    size_t from, below;
} OrderRange;

static void fill_order(const TaskRow *row, const OrderRange *ranges, size_t count) {
    const size_t length = row->length;
    for (size_t step = 1; step + 1 < length; step++) {
        task_put_token(row, step, (int32_t)task_below(row, FIRST_DRAW + step, ORDER_DISTRACTORS));
    }
    task_put_token(row, 0, ORDER_BEGIN);
    task_put_token(row, length - 1, ORDER_END);
    int32_t class = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t from = ranges[i].from * length / 100, below = ranges[i].below * length / 100;
        const size_t draw = FIRST_DRAW + length + 2 * i;
        const size_t step = from + (size_t)task_below(row, draw, below - from);
        const int32_t symbol = (int32_t)task_below(row, draw + 1, 2);
        task_put_token(row, step, ORDER_X + symbol);
        class = 2 * class + symbol;
    }
    task_put_class(row, 0, class);
}

static void fill_order_two(const TaskRow *row) {
    static const OrderRange ranges[] = {{10, 20}, {50, 60}};
    fill_order(row, ranges, 2);
}

static void fill_order_three(const TaskRow *row) {
    static const OrderRange ranges[ORDER_MAX] = {{10, 20}, {33, 43}, {66, 76}};
    fill_order(row, ranges, ORDER_MAX);
}

static void measure_order(const elman_task *task, elman_task_info *info) {
    one_floor(info, "all classes alike", natural_logarithm((double)task->kind->outputs));
}

#define ORDER_PAPER                                                                                \
    "Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997"

const TaskKind task_temporal_order = {
    .name = "temporal-order",
    .summary = "two relevant symbols among T: which, in which order",
    .paper = ORDER_PAPER ", task 6a",
    .usual_length = 100,
    .least_length = 10,
    .tokens = 8,
    .outputs = 4,
    .last_step = true,
    .classes = true,
    .fill = fill_order_two,
    .measure = measure_order,
};

const TaskKind task_temporal_order_3 = {
    .name = "temporal-order-3",
    .summary = "three relevant symbols among T: which, in which order",
    .paper = ORDER_PAPER ", task 6b",
    .usual_length = 100,
    .least_length = 10,
    .tokens = 8,
    .outputs = 8,
    .last_step = true,
    .classes = true,
    .fill = fill_order_three,
    .measure = measure_order,
};
