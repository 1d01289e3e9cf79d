/* How a diagnosis is put together; see elman/diagnose.h. */
#ifndef DIAGNOSE_DIAGNOSIS_H
#define DIAGNOSE_DIAGNOSIS_H

#include <stdbool.h>

#include "diagnose/probe.h"
#include "model/model.h"
#include "model/tape.h"
#include <elman/diagnose.h>

struct elman_diagnosis {
    Memory memory;
    void **blocks; /* all that it points to */
    size_t block_count, block_capacity;
    elman_diagnosis_summary summary;
    elman_layer_diagnosis *layers; /* [summary.layer_count] */
    elman_training_health health;
    const elman_log_step *log; /* [log_count] without update ratios */
    size_t log_count;
    double clip_norm;
    elman_finding *findings; /* [summary.finding_count] */
    size_t passage_steps;
    int32_t *passage_tokens;           /* [passage_steps]; NULL: a dense model */
    float **passage_h;                 /* [layer_count] of [passage_steps][hidden] */
    const char *const *passage_labels; /* [passage_steps] UTF-8; NULL: no vocabulary */
};

/* While it is made. */
typedef struct Diagnosing {
    elman_context *context;
    const elman_model *model;
    elman_network *network;
    elman_diagnose_options options; /* checked, defaults filled in */
    Probe probe;
    elman_tape *tape; /* room for the probe; with gradients where it is read both ways */
    elman_diagnosis *diagnosis;
} Diagnosing;

/* A zeroed array that lives as long as the diagnosis, or NULL: no memory. */
void *diagnosis_keep(elman_diagnosis *diagnosis, size_t count, size_t size);

/* A formatted sentence that lives as long, or NULL. */
char *diagnosis_say(elman_diagnosis *diagnosis, const char *format, ...) ELMAN_PRINTF(2, 3);

elman_status diagnosis_no_memory(elman_error *error);

/* The quartiles of `count` numbers, which are sorted in place: linear between the two neighbours,
 * as numpy.quantile. NaN for none. */
elman_quartiles diagnosis_quartiles(double *numbers, size_t count);

/* The parts, each of which fills in its own of `diagnosis`. They are independent of each other, but
 * for diagnosis_find, which comes last. */
elman_status diagnosis_measure_gradient(Diagnosing *d, elman_error *error);  /* gradient by lag */
elman_status diagnosis_measure_contexts(Diagnosing *d, elman_error *error);  /* used horizon */
elman_status diagnosis_measure_errors(Diagnosing *d, elman_error *error);    /* errors by lag */
elman_status diagnosis_measure_jacobians(Diagnosing *d, elman_error *error); /* gains, exponents,
                                                                                radii */
elman_status diagnosis_measure_activity(Diagnosing *d, elman_error *error);  /* gates, dead units,
                                                                                duplicates, time
                                                                                constants */
elman_status diagnosis_measure_drift(Diagnosing *d, elman_error *error);
elman_status diagnosis_measure_meanings(Diagnosing *d, elman_error *error); /* and the passage */
elman_status diagnosis_measure_health(elman_diagnosis *diagnosis, const elman_log *log,
                                      elman_error *error);
/* `d` NULL: from a log alone. */
elman_status diagnosis_find(elman_diagnosis *diagnosis, const Diagnosing *d, elman_error *error);

#endif
