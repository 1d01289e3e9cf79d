/* Diagnosis: which of the troubles of recurrent networks a model has, with the evidence.
 *
 * Letters: t a step, k a lag, h the state that a layer hands on, s its whole state (h; h and c of
 * an LSTM), L_t the loss at step t alone. docs/diagnose.md has each measure's formula and source.
 *
 * How to use it: fill in options, call elman_diagnose_tokens or elman_diagnose_source, read the
 * parts and the findings, destroy it. A diagnosis owns all it points to. The same model, data and
 * options give the same figures at any thread count. */
#ifndef ELMAN_DIAGNOSE_H
#define ELMAN_DIAGNOSE_H

#include <elman/diagram.h>
#include <elman/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_diagnosis elman_diagnosis;

/* The quartiles of a sample; NaN where it is empty. */
typedef struct elman_quartiles {
    double low, median, high;
} elman_quartiles;

/* One line of a run's log: what elman_step_report said of a step. */
typedef struct elman_log_step {
    uint64_t step;
    double loss, learning_rate;
    double gradient_norm;
    int clipped;
    double validation_loss;     /* NaN: not validated at this step */
    const double *update_ratio; /* [update_ratio_count] of elman_log */
    double predicted;           /* what the loss is the mean of; 0: unknown */
} elman_log_step;

/* A run's log. */
typedef struct elman_log {
    size_t struct_size; /* sizeof(elman_log) */
    const elman_log_step *steps;
    size_t count;
    size_t update_ratio_count; /* of each step; 0: unknown */
    double clip_norm;          /* that gradients were clipped to; 0: they were not */
    /* What ended the run, where a number was not finite; NULL: nothing did. */
    const char *not_finite;   /* the sentence */
    uint64_t not_finite_step; /* 0: unknown */
} elman_log;

typedef struct elman_diagnose_options {
    size_t struct_size; /* sizeof(elman_diagnose_options) */
    size_t window;      /* steps that the gradient flowed back through in training; 0: unknown */
    size_t lags;   /* the greatest lag looked at; 0: twice the window, 50 at least, 400 at most.
                      Sequences that are shorter make it less */
    size_t rows;   /* sequences that are looked at; 0: 64, 256 where each has one output */
    uint64_t seed; /* of positions, directions and the sampled text */
    int brief;     /* non-zero: the gradient by lag and the activity alone */
    const char *const *inputs; /* [features] names of the numbers that a dense model reads; NULL:
                                  they are numbered */
    const elman_log *log;      /* NULL: none */
    const char *training;      /* the JSON object of elman_model_training; NULL: the model's own */
} elman_diagnose_options;

/* ---- What is measured of one layer in one direction ---- */

typedef struct elman_gate_activity {
    const char *name; /* "i", "f", "o", "r", "z"; "h" of an RNN, "g", "n" of the others */
    double low, high; /* share of its values, over units, rows and steps, within 5 % of its
                         range of the lower and of the upper bound; 0 for a ReLU's upper one */
    size_t stuck;     /* units whose gate is near one bound at 99 % of all steps or more */
    double mean;
} elman_gate_activity;

typedef struct elman_unit_pair {
    size_t first, second;
    double correlation; /* of their h over rows and steps; +1 or -1: the same */
} elman_unit_pair;

/* A unit and what its h goes along with. */
typedef struct elman_unit_meaning {
    size_t unit;
    const char *event;  /* "space", "digit", "capital", "inside quotes", an input's name */
    double correlation; /* of h with the event (0 or 1) or with the input */
} elman_unit_meaning;

typedef struct elman_layer_diagnosis {
    size_t layer;
    int reverse;
    elman_cell cell;
    size_t hidden;

    /* The gradient by lag: |dL_t/dh_(t-k)| over the positions that have a step t-k, divided by
     * their median at lag 0. Of the reverse direction t+k. */
    size_t lag_count; /* lags 0 to lag_count - 1: as many as asked for, or fewer: not those that
                         less than an eighth of the positions reach back to, nor those at which a
                         gradient exceeds a float, nor many beyond 1e-12; 0: not measured (a pooled
                         output) */
    const elman_quartiles *gradient;      /* [lag_count] */
    const elman_quartiles *cell_gradient; /* the same of c, divided by its own at lag 0; NULL but
                                             for LSTM */
    double decay; /* factor a step, fitted to the medians of lags 1 and up, of an LSTM those of c;
                     NaN: not measured */
    double memory_horizon; /* the first lag from which on the median stays below 0.01, between lags
                              by the logarithm, of an LSTM that of h or c, whichever is farther;
                              INFINITY: none in lag_count */

    /* The recurrent Jacobian J_t = ds_t/ds_(t-1), with what the layer read. */
    elman_quartiles step_gain; /* largest singular values of single steps */
    size_t product_count;
    const size_t *product_steps;         /* [product_count] 1, 2, 4, ...: steps multiplied */
    const elman_quartiles *product_gain; /* largest singular value of such products */
    size_t exponent_count;
    const double *exponents; /* Lyapunov exponents, natural logarithm a step, the largest first */
    size_t radius_count;     /* recurrent matrices: 1 for RNN, one a gate for the others */
    const double *spectral_radius; /* [radius_count], in the order of weight_hh */

    /* Activity over rows and steps. */
    size_t gate_count;
    const elman_gate_activity *gates;
    size_t dead_count; /* units whose h never changes: standard deviation below 1e-4 */
    const size_t *dead;
    size_t duplicate_count; /* pairs of living units with |correlation| above 0.999, the first
                               `hidden` of them */
    const elman_unit_pair *duplicates;
    size_t time_constant_count;   /* hidden for LSTM and GRU, else 0 */
    const double *time_constants; /* [hidden]: 1 / (1 - mean f), 1 / (1 - mean z): steps */
    elman_quartiles time_constant;

    /* State norm by position: |h| / sqrt(hidden), root mean square over rows. */
    const double *state_norm; /* [drift_count] of the diagnosis */
    const double *free_norm;  /* [free_count] while it reads what it wrote; NULL: not measured */

    size_t meaning_count; /* the most selective units, |correlation| descending */
    const elman_unit_meaning *meanings;
} elman_layer_diagnosis;

/* ---- What is measured of the whole ---- */

typedef struct elman_context_loss {
    size_t steps;  /* that were read before the output, it included */
    double loss;   /* mean over positions */
    double excess; /* loss minus that with the most steps: mean over positions */
    double error;  /* standard error of `excess` */
} elman_context_loss;

typedef struct elman_training_health {
    size_t steps;                        /* in the log; 0: there is none */
    double clipped;                      /* share of steps */
    double clip_factor;                  /* median over those of norm / clip_norm; NaN: none */
    size_t group_count;                  /* recurrent layers, then the rest */
    const elman_quartiles *update_ratio; /* [group_count] of the last half */
    size_t spike_count;                  /* losses far above those before: see docs/diagnose.md */
    const uint64_t *spikes;              /* their steps */
    double first_loss, last_loss;    /* means of the first and the last tenth, 1 step at least */
    double start_loss, highest_loss; /* of the first step; greatest mean of 5 steps */
    double best_validation, last_validation; /* NaN: none */
    uint64_t best_step;                      /* of best_validation */
    double gap;                              /* last_validation - last_loss; NaN */
    int plateau;            /* non-zero: no better validation (else loss) in the last third */
    const char *not_finite; /* the sentence; NULL: all was finite */
    uint64_t not_finite_step;
} elman_training_health;

typedef enum elman_trouble {
    ELMAN_TROUBLE_VANISHING,    /* the gradient does not reach back to what matters */
    ELMAN_TROUBLE_EXPLODING,    /* it grows on its way back, or clipping is all that holds it */
    ELMAN_TROUBLE_SHORT_WINDOW, /* what helps lies beyond the training window */
    ELMAN_TROUBLE_NOT_LEARNED, /* it could carry more than it uses: nothing learnt beyond a floor */
    ELMAN_TROUBLE_SATURATED,
    ELMAN_TROUBLE_DEAD_UNITS,
    ELMAN_TROUBLE_DUPLICATE_UNITS,
    ELMAN_TROUBLE_FORGETTING, /* an LSTM's forget gates are nearly shut */
    ELMAN_TROUBLE_DIVERGING,  /* the loss rose, jumped, or was not finite */
    ELMAN_TROUBLE_OVERFITTING,
    ELMAN_TROUBLE_DRIFT /* state or loss grow beyond the training length */
} elman_trouble;

enum { ELMAN_TROUBLES = ELMAN_TROUBLE_DRIFT + 1 };

/* One trouble found. */
typedef struct elman_finding {
    elman_trouble trouble;
    const char *name; /* "vanishing-gradient" */
    int layer;        /* -1: the whole */
    int reverse;
    long unit;     /* the first of them; -1: all or none */
    uint64_t step; /* of training; 0: none */
    double measured, threshold;
    const char *sentence;       /* what was found, with its figures */
    const char *prescription;   /* what to do, with the option: one sentence */
    const char *option, *value; /* of the training command: "--cell", "lstm"; NULL: no option cures
                                   it alone. `value` NULL: a flag */
} elman_finding;

/* Errors of both: ARGUMENT (options, a model that the data do not fit), DATA (too short, with what
 * is needed), NOT_FINITE (a weight, or an output that is not finite: names it), MEMORY.
 *
 * Tokens are read in rows of equal length, spread over `tokens`, each from the initial state. */
ELMAN_API elman_status elman_diagnose_tokens(const elman_model *model, const int32_t *tokens,
                                             size_t count, const elman_diagnose_options *options,
                                             elman_diagnosis **diagnosis, elman_error *error);

/* The first rows of the batches of a source, epoch 1. */
ELMAN_API elman_status elman_diagnose_source(const elman_model *model, const elman_source *source,
                                             const elman_diagnose_options *options,
                                             elman_diagnosis **diagnosis, elman_error *error);
ELMAN_API void elman_diagnosis_destroy(elman_diagnosis *diagnosis);

/* A log alone: health and the findings that follow from it. */
ELMAN_API elman_status elman_diagnose_log(elman_context *context, const elman_log *log,
                                          elman_diagnosis **diagnosis, elman_error *error);

typedef struct elman_diagnosis_summary {
    size_t window;         /* as given */
    size_t positions;      /* that the gradient by lag was measured at */
    double loss;           /* mean over the rows looked at; NaN without a model */
    double baseline;       /* that of always predicting how often each class comes, or the mean;
                              NaN: losses that have no such */
    double memory_horizon; /* of all layers the longest; NaN: not measured */
    double used_horizon;   /* steps beyond which more context no longer lowers the loss; INFINITY:
                              it does up to the most; NaN: not measured (bidirectional layers,
                              a pooled output) */
    size_t error_count;    /* lags, from 0 on; 0: not measured */
    const double *error_by_lag; /* [error_count]: share of the variance of dL_t/dy_t that a linear
                                   regression on the input of step t-k explains, adjusted for
                                   chance: what the errors still owe to it */
    double error_horizon; /* the greatest lag at which that is clearly above 0; 0: none; NaN */
    size_t layer_count;   /* layers times directions */
    size_t context_count;
    const elman_context_loss *contexts; /* steps 1, 2, 3, 4, 6, 8, 12, 16, ... and the window,
                                           ascending */
    size_t drift_count;
    const size_t *drift_position; /* [drift_count] the first step of each stretch */
    const double *drift_loss;     /* mean loss in it; NaN: nothing counted there */
    size_t free_count;
    const size_t *free_position; /* the same while it reads its own output */
    size_t finding_count;
} elman_diagnosis_summary;

ELMAN_API void elman_diagnosis_summarize(const elman_diagnosis *diagnosis,
                                         elman_diagnosis_summary *summary);
/* `index` < layer_count: layer 0, its reverse direction, layer 1, ... */
ELMAN_API const elman_layer_diagnosis *elman_diagnosis_layer(const elman_diagnosis *diagnosis,
                                                             size_t index);
ELMAN_API const elman_training_health *elman_diagnosis_health(const elman_diagnosis *diagnosis);
/* `index` < finding_count: the most serious first. */
ELMAN_API const elman_finding *elman_diagnosis_finding(const elman_diagnosis *diagnosis,
                                                       size_t index);

/* "vanishing-gradient"; NULL for no trouble. */
ELMAN_API const char *elman_trouble_name(elman_trouble trouble);

/* A coloured passage: h of one unit over the first row's steps, for token models. Returns the steps
 * copied, at most `count`; 0 for dense models. */
ELMAN_API size_t elman_diagnosis_passage(const elman_diagnosis *diagnosis, size_t layer_index,
                                         size_t unit, int32_t *tokens, float *h, size_t count);

typedef struct elman_report_options {
    size_t struct_size;                 /* sizeof(elman_report_options) */
    const char *title;                  /* NULL: "Diagnosis" */
    const char *model_name, *data_name; /* NULL: not said */
} elman_report_options;

/* A page of HTML that stands alone: no network, no script, pictures as SVG, light and dark, for
 * phones and desks. `options` NULL: the defaults. Errors: ARGUMENT, MEMORY, CANCELLED (`write` said
 * stop). */
ELMAN_API elman_status elman_diagnosis_report(const elman_diagnosis *diagnosis,
                                              const elman_report_options *options,
                                              elman_diagram_write_function write, void *user,
                                              elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
