/* elman diagnose --prove: a model trained anew, without and with what was prescribed. */
#ifndef CLI_PROVE_H
#define CLI_PROVE_H

#include "diagnose_data.h"

/* What is trained again, apart from the diagnosed model, which is closed meanwhile. */
typedef struct Proof {
    json_t *training; /* of the model */
    char *option, *value;
    size_t threads;
    uint64_t steps; /* 0: those of the model's own run, at most PROOF_STEPS */
} Proof;

/* The finding whose prescription can be tried, or NULL. */
const elman_finding *proof_finding(const elman_diagnosis *diagnosis);

/* Takes over what is needed; false after a sentence. proof_close may follow in any case. */
bool proof_open(Proof *proof, const DiagnoseData *data, const DiagnoseOptions *options);
void proof_close(Proof *proof);

/* Trains twice on `operands` [0: the model] and diagnoses both. False after a sentence: one of them
 * could not be tried. *report: {"option", "value", "steps", "before", "after"}. */
bool proof_run(const Proof *proof, const DiagnoseOptions *options, const Operands *operands,
               json_t **report);
void proof_print(const json_t *report);

#endif
