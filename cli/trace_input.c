/* Reads the sequence and the targets of elman trace. */
#include "trace_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* What a sentence calls the data: the file, or the option that holds them. */
static const char *data_name(const char *file, const char *option) {
    if (!file) return option;
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

/* The text's characters as tokens, all but the last being the input. */
static bool read_text(TraceInput *input, TraceView *view, elman_context *context,
                      const TraceSource *source) {
    elman_error error;
    const char *name = data_name(source->file, "--text");
    const elman_status status =
        source->file ? elman_text_load(context, &source->file, 1, &input->text, &error)
                     : elman_text_from_memory(context, name, source->text, strlen(source->text),
                                              &input->text, &error);
    if (status) {
        message("%s", error.message);
        return false;
    }
    const size_t length = elman_text_length(input->text);
    if (length < 2) {
        message("%s: is one character, expected two or more: the target of each is the next", name);
        return false;
    }
    input->tokens = calloc(length, sizeof(*input->tokens));
    if (!input->tokens) {
        message("no memory for %zu tokens", length);
        return false;
    }
    (void)elman_vocabulary_encode(view->vocabulary, elman_text_characters(input->text), length,
                                  input->tokens);
    view->sequence.tokens = input->tokens;
    view->sequence.steps = length - 1;
    view->positions = view->info.output != ELMAN_OUTPUT_EVERY_STEP ? 1 : length - 1;
    if (view->info.outputs == elman_vocabulary_size(view->vocabulary)) {
        view->options.loss = ELMAN_TRACE_CROSS_ENTROPY;
        view->options.classes = input->tokens + length - view->positions;
    }
    return true;
}

/* Rows from a file or from the command line. */
static bool read_rows(elman_context *context, const char *file, const char *name, const char *text,
                      elman_rows **rows) {
    elman_error error;
    const elman_status status = file ? elman_rows_load(context, file, rows, &error)
                                     : elman_rows_parse(context, name, text, rows, &error);
    if (status) message("%s", error.message);
    return !status;
}

/* Targets that are classes: one whole number a row. */
static bool read_classes(TraceInput *input, TraceView *view, const char *name) {
    const float *values = elman_rows_values(input->targets);
    input->classes = calloc(view->positions, sizeof(*input->classes));
    if (!input->classes) {
        message("no memory for %zu classes", view->positions);
        return false;
    }
    for (size_t i = 0; i < view->positions; i++) {
        const double value = (double)values[i];
        if (value != floor(value) || value < 0.0 || value >= (double)view->info.outputs) {
            message("%s: row %zu is %g, expected a class: a whole number from 0 to %zu", name,
                    i + 1, value, view->info.outputs - 1);
            return false;
        }
        input->classes[i] = (int32_t)value;
    }
    view->options.classes = input->classes;
    return true;
}

static bool read_targets(TraceInput *input, TraceView *view, elman_context *context,
                         const TraceSource *source) {
    const char *name = data_name(source->target_file, "--target");
    /* Models of tokens choose among classes. */
    const bool classes = source->loss == LOSS_CROSS_ENTROPY ||
                         (source->loss == LOSS_AUTOMATIC && view->info.input != ELMAN_INPUT_DENSE);
    const size_t width = classes ? 1 : view->info.outputs;
    if (!source->target && !source->target_file) return true;
    if (!read_rows(context, source->target_file, name, source->target, &input->targets)) {
        return false;
    }
    const size_t rows = elman_rows_count(input->targets), has = elman_rows_width(input->targets);
    if (rows != view->positions || has != width) {
        message("%s: %zu rows of %zu numbers, expected %zu of %zu: one for each output", name, rows,
                has, view->positions, width);
        return false;
    }
    view->options.loss = classes                             ? ELMAN_TRACE_CROSS_ENTROPY
                         : source->loss == LOSS_HALF_SQUARES ? ELMAN_TRACE_HALF_SQUARES
                                                             : ELMAN_TRACE_MEAN_SQUARED_ERROR;
    if (classes) return read_classes(input, view, name);
    view->options.values = elman_rows_values(input->targets);
    return true;
}

static bool read_dense(TraceInput *input, TraceView *view, elman_context *context,
                       const TraceSource *source) {
    const char *name = data_name(source->file, "--input");
    if (!read_rows(context, source->file, name, source->input, &input->rows)) return false;
    if (elman_rows_width(input->rows) != view->info.input_size) {
        message("%s: rows of %zu numbers, %s reads %zu", name, elman_rows_width(input->rows),
                view->name, view->info.input_size);
        return false;
    }
    view->sequence.dense = elman_rows_values(input->rows);
    view->sequence.steps = elman_rows_count(input->rows);
    view->positions = view->info.output != ELMAN_OUTPUT_EVERY_STEP ? 1 : view->sequence.steps;
    return read_targets(input, view, context, source);
}

/* Numbers that are tokens, for a model that has no characters for them. */
static bool read_tokens(TraceInput *input, TraceView *view, elman_context *context,
                        const TraceSource *source) {
    const char *name = data_name(source->file, "--input");
    if (!read_rows(context, source->file, name, source->input, &input->rows)) return false;
    const float *values = elman_rows_values(input->rows);
    const size_t rows = elman_rows_count(input->rows), width = elman_rows_width(input->rows);
    if (width != 1) {
        message("%s: rows of %zu numbers, %s reads one token a step", name, width, view->name);
        return false;
    }
    input->tokens = calloc(rows, sizeof(*input->tokens));
    if (!input->tokens) {
        message("no memory for %zu tokens", rows);
        return false;
    }
    for (size_t i = 0; i < rows; i++) {
        const double value = (double)values[i];
        if (value != floor(value) || value < 0.0 || value >= (double)view->info.input_size) {
            message("%s: row %zu is %g, expected a token: a whole number from 0 to %zu", name,
                    i + 1, value, view->info.input_size - 1);
            return false;
        }
        input->tokens[i] = (int32_t)value;
    }
    view->sequence.tokens = input->tokens;
    view->sequence.steps = rows;
    view->positions = view->info.output != ELMAN_OUTPUT_EVERY_STEP ? 1 : rows;
    return read_targets(input, view, context, source);
}

bool trace_input_open(TraceInput *input, TraceView *view, elman_context *context,
                      const TraceSource *source) {
    const char *problem = NULL;
    *input = (TraceInput){0};
    const bool dense = view->info.input == ELMAN_INPUT_DENSE;
    if (dense) {
        if (source->text) problem = "reads rows of numbers, expected a file or --input, not --text";
    } else if (!view->vocabulary) {
        if (source->text) problem = "reads tokens, expected a file or --input, not --text";
    } else if (source->input) {
        problem = "reads text, expected a file or --text, not --input";
    } else if (source->target || source->target_file || source->loss != LOSS_AUTOMATIC) {
        problem = "reads text, whose targets are the next characters: --loss, --target and "
                  "--target-file are for rows of numbers";
    }
    if (problem) {
        message("%s: %s", view->name, problem);
        return false;
    }
    if (dense) return read_dense(input, view, context, source);
    return view->vocabulary ? read_text(input, view, context, source)
                            : read_tokens(input, view, context, source);
}

void trace_input_close(TraceInput *input) {
    elman_text_destroy(input->text);
    free(input->tokens);
    free(input->classes);
    elman_rows_destroy(input->rows);
    elman_rows_destroy(input->targets);
}
