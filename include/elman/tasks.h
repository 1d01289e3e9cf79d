/* Synthetic tasks whose answers are known: sequences to learn from without end, and what one gets
 * without a memory.
 *
 * The sequences of a task are numbered. Sequence i of a part depends on the task, the seed, the
 * length and i alone, so it is the same in every batch, at any thread count and on every machine.
 *
 *     adding             two of T numbers are marked: their sum, at the end
 *     copy               ten symbols, T blanks: the symbols again
 *     parity             T bits: whether the ones so far are odd in number
 *     temporal-order     two relevant symbols among T: which, in which order (four classes)
 *     temporal-order-3   three of them (eight classes)
 *     dyck               well-nested brackets of two kinds: the next one
 *     mackey-glass       a chaotic series: the next value
 *     sine               a noisy sine of unknown frequency: the next value */
#ifndef ELMAN_TASKS_H
#define ELMAN_TASKS_H

#include <elman/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_task elman_task;

enum { ELMAN_TASK_FLOORS = 2, ELMAN_TASK_LENGTH_MAX = 1000000 };

/* Which of a task's disjoint sets of sequences. */
typedef enum elman_task_part {
    ELMAN_TASK_TRAIN,
    ELMAN_TASK_VALID,
    ELMAN_TASK_TEST
} elman_task_part;

typedef struct elman_task_options {
    size_t struct_size; /* sizeof(elman_task_options) */
    const char *name;   /* one of elman_task_name */
    size_t length;      /* T, at most ELMAN_TASK_LENGTH_MAX; 0: the task's usual one */
    size_t shortest;    /* when not 0: each sequence of ELMAN_TASK_TRAIN has its own length, drawn
                           evenly from `shortest` to `length`. The other parts keep to `length` */
    int final_only;     /* parity: non-zero: the only target is the parity of the whole */
    uint64_t seed;
} elman_task_options;

/* A predictor that learns nothing, and its expected loss on sequences of the full length. */
typedef struct elman_task_floor {
    const char *predictor; /* "always 1" */
    double loss;
    int measured; /* non-zero: over sequences of the task's own; zero: by a formula */
} elman_task_floor;

/* The strings live as long as the library. */
typedef struct elman_task_info {
    const char *name, *summary;
    const char *paper; /* who introduced it */
    size_t length;     /* T */
    size_t steps;      /* of a sequence of that length */
    elman_input input; /* DENSE or ONE_HOT, which asks for tokens */
    size_t input_size; /* features, or how many tokens there are */
    size_t outputs;
    elman_output output;
    int classes;        /* non-zero: targets are classes, the loss is cross-entropy in nats;
                           zero: numbers, mean squared error */
    size_t floor_count; /* 1 or 2, the lower floor last */
    elman_task_floor floors[ELMAN_TASK_FLOORS];
    const char *best_predictor; /* NULL: the least possible loss is 0, or unknown */
    double best;                /* no predictor has a lower expected loss */
} elman_task_info;

/* A batch, time-first. Arrays that the task does not use may be NULL. */
typedef struct elman_task_batch {
    size_t struct_size; /* sizeof(elman_task_batch) */
    size_t batch;       /* rows */
    float *dense;       /* [steps][batch][input_size] */
    int32_t *tokens;    /* [steps][batch] */
    size_t *lengths;    /* [batch]: steps of each row */
    int32_t *classes;   /* [steps][batch], or [batch] for output at the last step */
    float *numbers;     /* the same, for tasks without classes */
    size_t steps;       /* written: those of the longest row, at most info.steps. Past its length a
                           row holds zeros, and -1 in `classes` */
} elman_task_batch;

typedef struct elman_task_score {
    double loss;            /* mean over all targets */
    size_t targets;         /* how many there were */
    double targets_right;   /* share whose likeliest class is right; NaN for numbers */
    double sequences_right; /* share of sequences with all targets right; NaN for numbers */
} elman_task_score;

/* The names of all tasks, in the order of the list above. */
ELMAN_API size_t elman_task_count(void);
ELMAN_API const char *elman_task_name(size_t index);

/* Errors: ARGUMENT (an unknown name, a length that the task cannot have), MEMORY. */
ELMAN_API elman_status elman_task_create(elman_context *context, const elman_task_options *options,
                                         elman_task **task, elman_error *error);
ELMAN_API void elman_task_destroy(elman_task *task);
ELMAN_API void elman_task_describe(const elman_task *task, elman_task_info *info);

/* Writes the sequences `first` to first + batch->batch - 1 of a part. Errors: ARGUMENT (an array
 * that the task needs is NULL, a sequence number of 2^40 or more). */
ELMAN_API elman_status elman_task_generate(const elman_task *task, elman_task_part part,
                                           uint64_t first, elman_task_batch *batch,
                                           elman_error *error);

/* Measures a network on the first `sequences` of a part. The figures do not depend on threads.
 * Errors: ARGUMENT (no sequences), MISMATCH (a network with another input or output than the
 * task's), MEMORY. */
ELMAN_API elman_status elman_task_evaluate(const elman_task *task, const elman_network *network,
                                           elman_task_part part, size_t sequences,
                                           elman_task_score *score, elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
