/* A conversion in the making; see elman/convert.h for what it promises. */
#ifndef CONVERT_CONVERSION_H
#define CONVERT_CONVERSION_H

#include "convert/onnx_graph.h"
#include "convert/onnx_map.h"
#include "convert/oracle.h"
#include "convert/pytorch.h"
#include "convert/tensor_list.h"
#include "model/model.h"
#include <elman/convert.h>

struct elman_conversion {
    elman_context *context;
    elman_convert_options options; /* from and to are never AUTO */
    char *name;                    /* the source's path */
    const char *kind;              /* what the source is */
    elman_model *model;
    elman_converted_tensor *tensors;
    size_t tensor_count, tensor_capacity;
    char **notes;
    size_t note_count, note_capacity;
    elman_difference *differences;
    size_t difference_count, difference_capacity;

    bool is_second_proof; /* of what will be written, behind that of what was read */

    size_t probe_steps, probe_rows;

    OnnxModel *graph; /* that was read; NULL: none */
    OnnxMap *map;     /* what it means */

    TensorList source;  /* PyTorch's tensors: those that were read */
    PytorchRoles roles; /* of `source` */

    TensorList written; /* to PyTorch: its tensors, which are proven and then saved */
    PytorchRoles written_roles;

    unsigned char *onnx; /* to ONNX: the file */
    size_t onnx_size;
    OnnxGraphName *onnx_names; /* [the model's tensors]: its initialisers */
};

/* Reads and converts, without a proof. elman_conversion_destroy may follow in any case. */
elman_status conversion_read(elman_context *context, const char *path,
                             const elman_convert_options *options, elman_conversion **conversion,
                             elman_error *error);

/* Runs both sides and fills in the differences. */
elman_status conversion_prove(elman_conversion *conversion, elman_error *error);

/* Adds a sentence without a full stop to the notes. Errors: MEMORY. */
elman_status conversion_note(elman_conversion *conversion, elman_error *error, const char *format,
                             ...) ELMAN_PRINTF(3, 4);

/* Adds one tensor that has found its place; the names must live as long as the conversion. */
elman_status conversion_placed(elman_conversion *conversion, const SafetensorsTensor *source,
                               const char *target, elman_error *error);

/* Notes what a model has that no other system's file holds. Errors: MEMORY. */
elman_status conversion_note_left_out(elman_conversion *conversion, elman_error *error);

/* ---- Proof ---- */

/* A running comparison. */
typedef struct Comparison {
    double largest, sum;
    size_t count;
} Comparison;

void comparison_add(Comparison *comparison, double got, double want);

/* Adds what was compared at a place to the differences. Errors: MEMORY. */
elman_status prove_place(elman_conversion *conversion, const char *place,
                         const Comparison *comparison, elman_error *error);

/* Compares libelman's run of `model` over the probe with the oracle's answer; adds one difference a
 * place. */
elman_status prove(elman_conversion *conversion, const ProbeRows *probe, const OracleAnswer *answer,
                   elman_error *error);

/* Compares every number of PyTorch's tensors, read or (`written`) to be written, with that at its
 * place in the model: no probe reaches each row of a large table. */
elman_status prove_weights(elman_conversion *conversion, bool written, elman_error *error);

/* Compares libelman's output, [steps][rows][outputs] or [rows][outputs], with an array that the
 * other system computed. Errors: MISMATCH (another shape), MEMORY. */
elman_status prove_expected(elman_conversion *conversion, const ProbeRows *probe,
                            const elman_array *expected, elman_error *error);

/* ---- PyTorch ---- */

/* Finds out which tensor is what. Errors: UNSUPPORTED (by name), FORMAT. */
elman_status pytorch_read_roles(elman_conversion *conversion, elman_error *error);

/* Makes conversion->model from the source and its roles. */
elman_status pytorch_make_model(elman_conversion *conversion, elman_error *error);

/* Makes conversion->written and its roles from the model, noting what they leave out; lists the
 * tensors where the source is a model. Errors: UNSUPPORTED (what no module of PyTorch computes),
 * MEMORY. */
elman_status pytorch_make_tensors(elman_conversion *conversion, elman_error *error);

/* Writes safetensors and code at `path`, or a folder's files in it. Errors: IO, MEMORY. */
elman_status pytorch_save(const elman_conversion *conversion, const char *path, elman_error *error);

/* ---- ONNX ---- */

/* Makes conversion->onnx from the model; lists the tensors where the source is a model. Errors:
 * UNSUPPORTED (a build that cannot prove it), DATA (2 GiB or more), MEMORY. */
elman_status onnx_convert(elman_conversion *conversion, elman_error *error);

/* Compares conversion->onnx with the model: its numbers, and what it computes of the probe. */
elman_status onnx_prove(elman_conversion *conversion, const ProbeRows *probe, elman_error *error);

/* Writes conversion->onnx at `path`. Errors: IO, MEMORY. */
elman_status onnx_save(const elman_conversion *conversion, const char *path, elman_error *error);

#endif
