/* The proof: both sides read the same rows, and what they computed is compared. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "core/fail.h"
#include "core/grow.h"
#include "model/network.h"
#include <elman/tape.h>

enum { PLACE_MAX = 64 };

/* Below 1 the difference itself, above relative to the number: floats have so many digits. */
void comparison_add(Comparison *comparison, double got, double want) {
    const double scale = fabs(want) > 1.0 ? fabs(want) : 1.0;
    double difference = fabs(got - want) / scale;
    if (!isfinite(difference)) difference = (double)INFINITY;
    if (difference > comparison->largest) comparison->largest = difference;
    comparison->sum += difference;
    comparison->count++;
}

static elman_status no_memory(const elman_conversion *conversion, elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for a proof", conversion->name);
}

elman_status prove_place(elman_conversion *conversion, const char *place,
                         const Comparison *comparison, elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    elman_difference *const grown =
        memory_grow(memory, conversion->differences, conversion->difference_count, 1,
                    &conversion->difference_capacity, sizeof *grown);
    if (!grown) return no_memory(conversion, error);
    conversion->differences = grown;
    char whole[PLACE_MAX];
    snprintf(whole, sizeof whole, "%s%s", conversion->is_second_proof ? "written " : "", place);
    char *const copy = memory_copy_string(memory, whole);
    if (!copy) return no_memory(conversion, error);
    grown[conversion->difference_count++] = (elman_difference){
        .place = copy,
        .largest = comparison->largest,
        .mean = comparison->count ? comparison->sum / (double)comparison->count : 0.0,
        .count = comparison->count,
    };
    return ELMAN_OK;
}

/* libelman's side. */
typedef struct Run {
    elman_conversion *conversion;
    const ProbeRows *probe;
    bool is_stateless; /* the model starts from its own initial state, whatever the probe has */
    elman_network *network;
    elman_tape *tape;
    float *values; /* [steps][rows][the widest layer or the output] */
} Run;

static elman_status run_network(Run *run, elman_error *error) {
    const elman_conversion *const conversion = run->conversion;
    const Structure *const structure = &conversion->model->structure;
    const ProbeRows *const probe = run->probe;
    size_t widest = structure_outputs(structure);
    elman_status status = elman_network_compile(conversion->model, &run->network, error);
    if (status) return status;
    for (size_t i = 0; i < structure->layer_count; i++)
        if (structure->layers[i].hidden > widest) widest = structure->layers[i].hidden;
    run->values = memory_allocate_array(&conversion->context->memory, probe->steps * probe->rows,
                                        widest * sizeof *run->values);
    if (!run->values) return no_memory(conversion, error);
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = probe->steps, .batch = probe->rows};
    status = elman_tape_create(run->network, &options, &run->tape, error);
    const elman_sequence sequence = {
        .struct_size = sizeof sequence,
        .steps = probe->steps,
        .batch = probe->rows,
        .dense = probe->dense,
        .tokens = probe->tokens,
        .lengths = probe->lengths,
        .state = run->is_stateless ? NULL : probe->state,
    };
    return status ? status : elman_tape_forward(run->tape, &sequence, error);
}

static void close_run(Run *run) {
    memory_release(&run->conversion->context->memory, run->values);
    elman_tape_destroy(run->tape);
    elman_network_destroy(run->network);
}

/* Compares [steps][rows][width] where rows have steps. */
static void compare_steps(const Run *run, size_t width, const double *want, Comparison *result) {
    const ProbeRows *const probe = run->probe;
    for (size_t t = 0; t < probe->steps; t++)
        for (size_t row = 0; row < probe->rows; row++) {
            const size_t at = (t * probe->rows + row) * width;
            for (size_t i = 0; i < width && t < probe->lengths[row]; i++)
                comparison_add(result, (double)run->values[at + i], want[at + i]);
        }
}

/* Compares [rows][width] with the state after a direction's last step, which is each row's first
 * one backward. */
static void compare_final(const Run *run, const OracleTrack *track, Comparison *result) {
    const ProbeRows *const probe = run->probe;
    for (size_t row = 0; row < probe->rows; row++) {
        const size_t last = track->reverse ? 0 : probe->lengths[row] - 1;
        const float *const got = run->values + (last * probe->rows + row) * track->width;
        for (size_t i = 0; i < track->width; i++)
            comparison_add(result, (double)got[i], track->values[row * track->width + i]);
    }
}

static elman_status compare_track(const Run *run, const OracleTrack *track, elman_error *error) {
    char place[PLACE_MAX];
    Comparison comparison = {0};
    if (track->cell)
        elman_tape_cell(run->tape, track->layer, track->reverse, run->values);
    else
        elman_tape_hidden(run->tape, track->layer, track->reverse, run->values);
    if (track->is_final)
        compare_final(run, track, &comparison);
    else
        compare_steps(run, track->width, track->values, &comparison);
    snprintf(place, sizeof place, "layer %zu %s%s%s", track->layer,
             track->reverse ? "backward " : "", track->is_final ? "final " : "",
             track->cell ? "c" : "h");
    return prove_place(run->conversion, place, &comparison, error);
}

static elman_status refuse_shape(const elman_conversion *conversion, elman_error *error) {
    return fail(error, ELMAN_ERR_MISMATCH,
                "%s: the proof sees a network of another shape than the one converted",
                conversion->name);
}

/* The numbers of h, or of c. */
static size_t track_width(const Structure *structure, const OracleTrack *track) {
    return track->cell ? structure->layers[track->layer].hidden
                       : structure_width(structure, track->layer);
}

/* The oracle must have looked at a network of this shape. */
static bool same_shape(const Run *run, const OracleAnswer *answer) {
    const Structure *const structure = &run->conversion->model->structure;
    size_t tracks = 0, steps = 0;
    for (size_t i = 0; i < structure->layer_count; i++)
        tracks += structure_directions(structure, i);
    for (size_t i = 0; i < answer->track_count; i++)
        steps += !answer->tracks[i].is_final && !answer->tracks[i].cell;
    bool same = (answer->is_partial || tracks == steps) &&
                answer->outputs == structure_outputs(structure) &&
                answer->one_output == structure_one_output(structure);
    for (size_t i = 0; i < answer->track_count && same; i++)
        same = answer->tracks[i].layer < structure->layer_count &&
               answer->tracks[i].width == track_width(structure, &answer->tracks[i]);
    return same;
}

static elman_status compare_weights(const Run *run, const OracleAnswer *answer,
                                    elman_error *error) {
    Comparison comparison = {0};
    for (size_t i = 0; i < answer->weight_count; i++) {
        const OracleWeight *const want = &answer->weights[i];
        const elman_tensor *const got =
            tensor_set_find(&run->conversion->model->weights, want->name);
        if (!got || got->count != want->count) return refuse_shape(run->conversion, error);
        for (size_t k = 0; k < want->count; k++)
            comparison_add(&comparison, (double)got->data[k], want->values[k]);
    }
    return prove_place(run->conversion, "weights", &comparison, error);
}

static elman_status compare_all(const Run *run, const OracleAnswer *answer, elman_error *error) {
    Comparison comparison = {0};
    elman_status status = ELMAN_OK;
    if (!same_shape(run, answer)) return refuse_shape(run->conversion, error);
    if (answer->weight_count > 0) status = compare_weights(run, answer, error);
    for (size_t i = 0; i < answer->track_count && !status; i++)
        status = compare_track(run, &answer->tracks[i], error);
    if (status) return status;
    elman_tape_output(run->tape, run->values);
    if (answer->one_output)
        for (size_t i = 0; i < run->probe->rows * answer->outputs; i++)
            comparison_add(&comparison, (double)run->values[i], answer->output[i]);
    else
        compare_steps(run, answer->outputs, answer->output, &comparison);
    return prove_place(run->conversion, "output", &comparison, error);
}

elman_status prove(elman_conversion *conversion, const ProbeRows *probe, const OracleAnswer *answer,
                   elman_error *error) {
    Run run = {.conversion = conversion, .probe = probe};
    elman_status status = run_network(&run, error);
    if (!status) status = compare_all(&run, answer, error);
    close_run(&run);
    return status;
}

elman_status prove_weights(elman_conversion *conversion, bool written, elman_error *error) {
    Comparison comparison = {0};
    for (size_t i = 0; i < conversion->tensor_count; i++) {
        const elman_converted_tensor *const placed = &conversion->tensors[i];
        const elman_tensor *const got =
            tensor_set_find(&conversion->model->weights, placed->target);
        const SafetensorsTensor *const want =
            written ? tensor_list_find(&conversion->written, placed->target)
                    : tensor_list_find(&conversion->source, placed->source);
        for (size_t k = 0; k < got->count; k++)
            comparison_add(&comparison, (double)got->data[k], pytorch_number(want, k));
    }
    return prove_place(conversion, "weights", &comparison, error);
}

/* Whether an array has these sizes as its axes; axes of one element may be more or fewer. */
static bool has_axes(const elman_array *array, const size_t *sizes, size_t count) {
    const size_t *const shape = elman_array_shape(array), rank = elman_array_rank(array);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] == 1) continue;
        while (at < rank && shape[at] == 1) at++;
        if (at == rank || shape[at++] != sizes[i]) return false;
    }
    return true;
}

elman_status prove_expected(elman_conversion *conversion, const ProbeRows *probe,
                            const elman_array *expected, elman_error *error) {
    const Structure *const structure = &conversion->model->structure;
    const size_t outputs = structure_outputs(structure);
    const size_t count =
        (structure_one_output(structure) ? 1 : probe->steps) * probe->rows * outputs;
    const size_t rank = elman_array_rank(expected);
    Run run = {.conversion = conversion, .probe = probe, .is_stateless = true};
    Comparison comparison = {0};
    if (elman_array_count(expected) != count || rank == 0 ||
        elman_array_shape(expected)[rank - 1] != outputs)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the expected output has %zu numbers, expected %zu: for each step and row of "
                    "the probe %zu, the steps first",
                    elman_array_count(expected), count, outputs);
    const size_t sizes[] = {structure_one_output(structure) ? 1 : probe->steps, probe->rows,
                            outputs};
    if (!has_axes(expected, sizes, sizeof sizes / sizeof *sizes))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the expected output has other axes than [%zu][%zu][%zu]: steps first, then "
                    "rows; a batch_first array must be transposed",
                    sizes[0], sizes[1], sizes[2]);
    const elman_status status = run_network(&run, error);
    if (!status) elman_tape_output(run.tape, run.values);
    for (size_t i = 0; i < count && !status; i++) {
        float want;
        (void)elman_array_floats(expected, i, 1, &want);
        comparison_add(&comparison, (double)run.values[i], (double)want);
    }
    close_run(&run);
    return status ? status : prove_place(conversion, "expected output", &comparison, error);
}
