/* Traces: running the model, and the list of arrays. */
#include "explain/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "formats/npy.h"

/* More than any cell has, forward and backward; and what belongs to no cell. */
enum { ARRAYS_PER_CELL = 40, ARRAYS_BESIDE = 16 };

elman_status trace_no_memory(const TraceBuild *build) {
    return fail(build->error, ELMAN_ERR_MEMORY, "no memory for the trace of %zu steps",
                build->steps);
}

void *trace_add(TraceBuild *build, elman_trace_type type, const char *equation, int steps,
                size_t rank, const size_t shape[3], const char *format, ...) {
    elman_trace *const trace = build->trace;
    const size_t size = type == ELMAN_TRACE_DOUBLE ? sizeof(double) : sizeof(float);
    elman_trace_array array = {.equation = equation, .type = type, .steps = steps, .rank = rank};
    array.count = 1;
    for (size_t i = 0; i < rank; i++) {
        array.shape[i] = shape[i];
        if (!size_mul(array.count, shape[i], &array.count)) return NULL;
    }
    void *const data = memory_allocate_array(&trace->memory, array.count, size);
    if (!data || trace->count == trace->capacity) {
        memory_release(&trace->memory, data);
        return NULL;
    }
    char *const name = trace->names[trace->count];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, TRACE_NAME_MAX, format, arguments);
    va_end(arguments);
    array.name = name;
    array.data = data;
    trace->arrays[trace->count++] = array;
    return data;
}

float *trace_add_row(TraceBuild *build, size_t width, const char *equation, const char *prefix,
                     const char *name) {
    const size_t shape[3] = {width, 0, 0};
    return trace_add(build, ELMAN_TRACE_FLOAT, equation, 0, 1, shape, "%s%s", prefix, name);
}

float *trace_add_steps(TraceBuild *build, size_t steps, size_t width, const char *equation,
                       const char *prefix, const char *name) {
    const size_t shape[3] = {steps, width, 0};
    return trace_add(build, ELMAN_TRACE_FLOAT, equation, 1, 2, shape, "%s%s", prefix, name);
}

float *trace_add_kept(TraceBuild *build, const TraceCell *cell, elman_kept what,
                      const char *equation, const char *name) {
    const bool of_h = what == ELMAN_KEPT_H || what == ELMAN_KEPT_DH;
    float *const out = trace_add_steps(build, build->steps, of_h ? cell->width : cell->hidden,
                                       equation, cell->prefix, name);
    if (out) (void)elman_tape_kept(build->tape, cell->layer, cell->reverse, what, out, NULL);
    return out;
}

const float *trace_before(const TraceBuild *build, const TraceCell *cell, size_t t) {
    if (t == (cell->reverse ? build->steps - 1 : 0)) return cell->h0;
    return cell->h + (cell->reverse ? t + 1 : t - 1) * cell->width;
}

const elman_tensor *trace_tensor(const TraceBuild *build, TensorRole role, size_t layer,
                                 bool reverse) {
    const TensorSet *const set = &build->model->weights;
    for (size_t i = 0; i < set->count; i++)
        if (set->places[i].role == role && set->places[i].layer == layer &&
            set->places[i].reverse == reverse)
            return &set->tensors[i];
    return NULL;
}

static elman_status check(const TraceBuild *build) {
    const elman_trace_options *const options = &build->options;
    if (build->sequence->batch != 1 || build->sequence->lengths)
        return fail(build->error, ELMAN_ERR_ARGUMENT,
                    "a trace follows one sequence: expected a batch of 1 without lengths");
    if (build->sequence->steps == 0)
        return fail(build->error, ELMAN_ERR_ARGUMENT, "a trace needs at least one step");
    if (options->backward && options->loss == ELMAN_TRACE_NO_LOSS)
        return fail(build->error, ELMAN_ERR_ARGUMENT, "gradients need a loss, expected targets");
    if (options->loss == ELMAN_TRACE_NO_LOSS) return ELMAN_OK;
    if (options->loss > ELMAN_TRACE_HALF_SQUARES)
        return fail(build->error, ELMAN_ERR_ARGUMENT, "there is no loss %d", (int)options->loss);
    if (options->loss == ELMAN_TRACE_CROSS_ENTROPY ? !options->classes : !options->values)
        return fail(build->error, ELMAN_ERR_ARGUMENT, "the loss lacks its targets");
    return ELMAN_OK;
}

static elman_status allocate(TraceBuild *build) {
    elman_trace *const trace = build->trace;
    const size_t layers = build->structure->layer_count;
    size_t cells, capacity, widest = 1;
    for (size_t l = 0; l < layers; l++)
        if (build->structure->layers[l].hidden > widest)
            widest = build->structure->layers[l].hidden;
    if (!size_mul(layers, 2, &cells) || !size_mul(cells, ARRAYS_PER_CELL, &capacity) ||
        !size_mul(widest, build->steps, &widest))
        return trace_no_memory(build);
    trace->capacity = capacity + ARRAYS_BESIDE;
    trace->arrays = memory_allocate_array(&trace->memory, trace->capacity, sizeof *trace->arrays);
    trace->names = memory_allocate_array(&trace->memory, trace->capacity, sizeof *trace->names);
    build->cells = memory_allocate_array(&trace->memory, cells, sizeof *build->cells);
    build->scratch = memory_allocate_array(&trace->memory, widest, sizeof(float));
    return trace->arrays && trace->names && build->cells && build->scratch ? ELMAN_OK
                                                                           : trace_no_memory(build);
}

static elman_status run(TraceBuild *build, const elman_network *network) {
    const bool backward = build->options.backward;
    const elman_tape_options options = {
        .struct_size = sizeof options,
        .steps = build->steps,
        .batch = 1,
        .input_gradient = backward && build->structure->input == ELMAN_INPUT_DENSE,
        .keep_gradients = backward,
    };
    elman_status status = elman_tape_create(network, &options, &build->tape, build->error);
    if (status) return status;
    if ((status = elman_tape_forward(build->tape, build->sequence, build->error)) ||
        (status = trace_forward(build)) || (status = trace_loss(build)) || !backward)
        return status;
    if ((status = elman_tape_backward(build->tape, build->dy, build->error)) ||
        (status = trace_backward(build)) || build->options.no_shares)
        return status;
    return trace_shares(build);
}

elman_status elman_trace_create(const elman_model *model, const elman_sequence *given,
                                const elman_trace_options *options, elman_trace **out,
                                elman_error *error) {
    elman_sequence sequence;
    elman_network *network = NULL;
    TraceBuild build = {
        .model = model, .structure = &model->structure, .sequence = &sequence, .error = error};
    elman_status status;
    *out = NULL;
    if ((status = options_read(&sequence, sizeof sequence, given, "elman_sequence", error)) ||
        (status = options_read(&build.options, sizeof build.options, options, "elman_trace_options",
                               error)) ||
        (status = check(&build)) || (status = structure_check_trained(&model->structure, error)) ||
        (status = elman_network_compile(model, &network, error)))
        return status;
    build.steps = sequence.steps;
    build.positions = structure_one_output(&model->structure) ? 1 : sequence.steps;
    build.outputs = structure_outputs(&model->structure);
    build.trace = memory_allocate(&model->context->memory, sizeof *build.trace);
    if (!build.trace) {
        elman_network_destroy(network);
        return trace_no_memory(&build);
    }
    build.trace->memory = model->context->memory;
    if (!(status = allocate(&build))) status = run(&build, network);
    elman_tape_destroy(build.tape);
    elman_network_destroy(network);
    memory_release(&build.trace->memory, build.scratch);
    memory_release(&build.trace->memory, build.cells);
    if (status)
        elman_trace_destroy(build.trace);
    else
        *out = build.trace;
    return status;
}

void elman_trace_destroy(elman_trace *trace) {
    if (!trace) return;
    Memory memory = trace->memory;
    for (size_t i = 0; i < trace->count; i++)
        memory_release(&memory, (void *)trace->arrays[i].data);
    memory_release(&memory, trace->names);
    memory_release(&memory, trace->arrays);
    memory_release(&memory, trace);
}

size_t elman_trace_count(const elman_trace *trace) {
    return trace->count;
}

elman_status elman_trace_at(const elman_trace *trace, size_t index, elman_trace_array *array) {
    if (index >= trace->count) return ELMAN_ERR_ARGUMENT;
    *array = trace->arrays[index];
    return ELMAN_OK;
}

elman_status elman_trace_find(const elman_trace *trace, const char *name, elman_trace_array *array,
                              elman_error *error) {
    for (size_t i = 0; i < trace->count; i++)
        if (strcmp(trace->arrays[i].name, name) == 0) return elman_trace_at(trace, i, array);
    return fail(error, ELMAN_ERR_ARGUMENT, "the trace has no array %s", name);
}

elman_status elman_trace_save(const elman_trace *trace, const char *path, elman_error *error) {
    static const NpyType types[] = {NPY_FLOAT32, NPY_FLOAT64, NPY_INT32};
    Memory memory = trace->memory;
    NpzEntry *const entries = memory_allocate_array(&memory, trace->count, sizeof *entries);
    if (!entries)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its list of arrays", path);
    for (size_t i = 0; i < trace->count; i++) {
        const elman_trace_array *const from = &trace->arrays[i];
        NpyArray *const array = &entries[i].array;
        entries[i].name = from->name;
        *array = (NpyArray){.type = types[from->type],
                            .rank = from->rank,
                            .count = from->count,
                            .data = from->data};
        memcpy(array->shape, from->shape, from->rank * sizeof *from->shape);
    }
    const elman_status status = npz_write(&memory, path, entries, trace->count, error);
    memory_release(&memory, entries);
    return status;
}
