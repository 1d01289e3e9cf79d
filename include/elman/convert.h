/* Conversion of networks between Elman and other systems, with a proof of each.
 *
 * A conversion reads a file, says where each tensor went and what it had to assume, and then runs
 * the same sequences through both sides: libelman on one, on the other an evaluator in double
 * precision that reads the other system's own tensors and shares no code with the first. What
 * differs by more than the tolerance is not written. docs/convert.md has the conventions.
 *
 *     elman_conversion_open(context, "model.safetensors", &options, &conversion, &error);
 *     elman_conversion_describe(conversion, &summary);   summary.proven, the differences, ...
 *     elman_conversion_save(conversion, "elman.safetensors", &error);
 *     elman_conversion_destroy(conversion); */
#ifndef ELMAN_CONVERT_H
#define ELMAN_CONVERT_H

#include <stddef.h>

#include <elman/model.h>
#include <elman/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_conversion elman_conversion;

typedef enum elman_convert_format {
    ELMAN_CONVERT_AUTO,          /* from: as the file looks; to: Elman, or PyTorch from Elman */
    ELMAN_CONVERT_ELMAN,         /* a model file of this library */
    ELMAN_CONVERT_PYTORCH,       /* safetensors under PyTorch's names, or (from) what torch.save
                                          wrote of a state dict; written with a module's code */
    ELMAN_CONVERT_ONNX,          /* an ONNX model: from opset 7 to 22, written of opset 17 */
    ELMAN_CONVERT_PYTORCH_FOLDER /* PyTorch's in a folder with config.json and README.md */
} elman_convert_format;

typedef enum elman_nonlinearity {
    ELMAN_NONLINEARITY_UNSTATED, /* what the file says, else tanh */
    ELMAN_NONLINEARITY_TANH,
    ELMAN_NONLINEARITY_RELU
} elman_nonlinearity;

typedef struct elman_convert_options {
    size_t struct_size; /* sizeof(elman_convert_options) */
    elman_convert_format from, to;
    elman_nonlinearity nonlinearity; /* of an nn.RNN */
    const elman_array *probe;  /* what both sides read, [steps][features] or [steps][rows][features]
                                  of numbers, [steps] or [steps][rows] of tokens; NULL: three random
                                  rows of different length, at most 32 steps; what an
                                  ONNX graph fixes is as it says */
    const elman_array *expect; /* what the other system computed for `probe`; NULL: not compared */
    double tolerance;          /* the largest difference that passes; 0: 1e-5 */
    const char *module; /* of a PyTorch file: the recurrent modules to take, one behind the other,
                           by name and with commas between ("encoder.lstm", "lstm1,lstm2", "." for
                           one without a name); other tensors are left aside, which a note says.
                           NULL: the only one, and all tensors must have a place */
    const char *embedding; /* the nn.Embedding before it, by name, or "none"; NULL: the one that
                              fits by its shape */
    const char *linear;    /* the nn.Linear behind it, likewise */
} elman_convert_options;

/* Where one tensor of the source, or a part of it, went. */
typedef struct elman_converted_tensor {
    const char *source, *target; /* names */
    const char *type;            /* in the source, as safetensors calls it: "F32", "BF16" */
    size_t rank;
    size_t shape[2];
    int rounded; /* non-zero: its numbers were rounded to float */
} elman_converted_tensor;

/* One place at which both sides were compared. A difference counts as such below 1 and relative to
 * the number above. */
typedef struct elman_difference {
    /* "weights", "layer 0 h", "layer 1 backward final c", "output", "expected output"; where both
     * source and target are another system's, with "written " before it for the target's. */
    const char *place;
    double largest, mean; /* infinite where a number is not finite */
    size_t count;         /* numbers compared */
} elman_difference;

typedef struct elman_conversion_summary {
    elman_convert_format from, to;
    const char *source; /* what the source is: "nn.LSTM", "a model of Elman", "an ONNX graph" */
    size_t tensors, notes, differences;
    size_t steps, rows; /* of the probe */
    double largest;     /* of all differences */
    double tolerance;
    int proven; /* largest <= tolerance */
} elman_conversion_summary;

/* Reads the file at `path`, converts it in memory and proves it; that the proof fails is no error.
 * Errors: IO, FORMAT, UNSUPPORTED (what cannot be kept, by name), ARGUMENT, MISMATCH (a probe that
 * the network cannot read), DATA, MEMORY. */
ELMAN_API elman_status elman_conversion_open(elman_context *context, const char *path,
                                             const elman_convert_options *options,
                                             elman_conversion **conversion, elman_error *error);

/* NULL is legal. */
ELMAN_API void elman_conversion_destroy(elman_conversion *conversion);

ELMAN_API void elman_conversion_describe(const elman_conversion *conversion,
                                         elman_conversion_summary *summary);

/* Each below the summary's count; they live as long as the conversion. A note is one sentence: an
 * assumption, or something that the target cannot hold. */
ELMAN_API const elman_converted_tensor *elman_conversion_tensor(const elman_conversion *conversion,
                                                                size_t index);
ELMAN_API const char *elman_conversion_note(const elman_conversion *conversion, size_t index);
ELMAN_API const elman_difference *elman_conversion_difference(const elman_conversion *conversion,
                                                              size_t index);

/* The converted model, as libelman runs it. */
ELMAN_API const elman_model *elman_conversion_model(const elman_conversion *conversion);

/* Writes what was converted, each file atomically: a model file; for PyTorch `path` and, beside it,
 * the code of a module (its name ends in .py instead of .safetensors); an ONNX model; for a folder
 * the four files in `path`, which must exist. Errors: MISMATCH (the proof has failed), ARGUMENT
 * (the code, or a file of the folder, would replace one that no conversion wrote; `path` ends in
 * .py), IO, MEMORY. */
ELMAN_API elman_status elman_conversion_save(const elman_conversion *conversion, const char *path,
                                             elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
