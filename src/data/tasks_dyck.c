/* Dyck words: well-nested brackets of two kinds, each word of its length equally likely. */
#include "core/logarithm.h"
#include "data/tasks.h"

/* Tokens 0 and 1 open, 2 and 3 close the same kinds; 4 stands before the first bracket. Classes are
 * the tokens of the next bracket. */
enum { KINDS = 2, START = 2 * KINDS };

/* Draws behind that of the length: whether a bracket opens, then of which kind. */
enum { FIRST_DRAW = 1 };

/* Among the words that go on from depth h with r brackets to come, those whose next one opens have
 * the share (h + 2)(r - h) / (2 r (h + 1)): a quotient of ballot numbers. */
static bool draw_opens(const TaskRow *row, size_t draw, uint64_t depth, uint64_t left) {
    return task_below(row, draw, 2 * left * (depth + 1)) < (depth + 2) * (left - depth);
}

/* The step that opened the innermost bracket still open before `step`: brackets inside it match, so
 * it is found by going back over them. */
static int32_t innermost(const TaskRow *row, size_t step) {
    size_t closed = 0;
    for (;;) {
        step--;
        const int32_t bracket = row->classes[step * row->batch + row->row];
        if (bracket >= KINDS) {
            closed++;
        } else if (closed == 0) {
            return bracket;
        } else {
            closed--;
        }
    }
}

static void fill_dyck(const TaskRow *row) {
    size_t depth = 0;
    int32_t before = START;
    for (size_t step = 0; step < row->length; step++) {
        const size_t draw = FIRST_DRAW + 2 * step;
        int32_t bracket;
        if (draw_opens(row, draw, depth, row->length - step)) {
            bracket = (int32_t)task_below(row, draw + 1, KINDS);
            depth++;
        } else {
            bracket = innermost(row, step) + KINDS;
            depth--;
        }
        task_put_token(row, step, before);
        task_put_class(row, step, bracket);
        before = bracket;
    }
}

/* The logarithm of Catalan's number: how many ways T = 2n brackets of one kind nest. */
static double log_catalan(size_t n) {
    double sum = 0.0;
    for (size_t i = 2; i <= n; i++) sum += natural_logarithm((double)(n + i) / (double)i);
    return sum;
}

/* There are Catalan(n) KINDS^n words, all alike, so a predictor that knows T and keeps a stack
 * needs the logarithm of that for a word; one that only counts pays for the kinds of closing
 * brackets too. */
static void measure_dyck(const elman_task *task, elman_task_info *info) {
    const double length = (double)task->length, kind = natural_logarithm(KINDS);
    const double shape = log_catalan(task->length / 2) / length;
    info->floor_count = 2;
    info->floors[0] = (elman_task_floor){.predictor = "all brackets alike",
                                         .loss = natural_logarithm(2.0 * KINDS)};
    info->floors[1] =
        (elman_task_floor){.predictor = "the depth without the kinds", .loss = shape + kind};
    info->best_predictor = "a stack";
    info->best = shape + kind / 2.0;
}

const TaskKind task_dyck = {
    .name = "dyck",
    .summary = "well-nested brackets of two kinds: the next one",
    .paper = "Chomsky and Schuetzenberger, The algebraic theory of context-free languages, 1963; "
             "for recurrent networks Skachkova, Trost and Klakow, Closing brackets with recurrent "
             "neural networks, BlackboxNLP 2018",
    .usual_length = 40,
    .least_length = 2,
    .even_length = true,
    .tokens = 2 * KINDS + 1,
    .outputs = 2 * KINDS,
    .classes = true,
    .fill = fill_dyck,
    .measure = measure_dyck,
};
