/* The sequences that a diagnosis looks at: read from a source or a text, and cut. */
#include "diagnose/probe.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/random.h"
#include "core/size.h"
#include "model/loss.h"

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for the sequences of a diagnosis");
}

void probe_release(Probe *probe, Memory *memory) {
    memory_release(memory, probe->quantiles);
    memory_release(memory, probe->lengths);
    memory_release(memory, probe->classes);
    memory_release(memory, probe->tokens);
    memory_release(memory, probe->class_weights);
    memory_release(memory, probe->scales);
    memory_release(memory, probe->numbers);
    memory_release(memory, probe->dense);
    *probe = (Probe){0};
}

static size_t row_length(const elman_sequence *sequence, size_t b) {
    return sequence->lengths ? sequence->lengths[b] : sequence->steps;
}

/* Allocates what a probe of its shape holds, all targets being ones that do not count; false: no
 * memory. */
static bool allocate(Probe *probe, Memory *memory, const Structure *structure, bool by_class,
                     size_t steps, size_t rows) {
    const bool dense = structure->input == ELMAN_INPUT_DENSE;
    size_t cells, inputs, targets;
    if (!size_mul(steps, rows, &cells) || !size_mul(cells, structure->input_size, &inputs) ||
        !size_mul(probe->one_output ? rows : cells, probe->width, &targets))
        return false;
    if (dense)
        probe->dense = memory_allocate_array(memory, inputs, sizeof *probe->dense);
    else
        probe->tokens = memory_allocate_array(memory, cells, sizeof *probe->tokens);
    if (by_class)
        probe->classes = memory_allocate_array(memory, targets, sizeof *probe->classes);
    else
        probe->numbers = memory_allocate_array(memory, targets, sizeof *probe->numbers);
    probe->scales = memory_allocate_array(memory, rows, sizeof *probe->scales);
    probe->lengths = memory_allocate_array(memory, rows, sizeof *probe->lengths);
    for (size_t i = 0; probe->classes && i < targets; i++) probe->classes[i] = -1;
    for (size_t i = 0; probe->numbers && i < targets; i++) probe->numbers[i] = NAN;
    return (probe->dense || probe->tokens) && (probe->classes || probe->numbers) && probe->scales &&
           probe->lengths;
}

/* Makes room for rows and their targets. The loss is that of `like`, whose class weights and
 * quantiles are not copied. */
static elman_status open_rows(Probe *probe, Memory *memory, const Structure *structure,
                              const elman_targets *like, size_t steps, size_t rows,
                              elman_error *error) {
    const bool each_number = elman_loss_outputs(like->loss, 0) == 1;
    probe->one_output = structure_one_output(structure);
    for (size_t l = 0; l < structure->layer_count; l++)
        if (structure_directions(structure, l) == 2) probe->both_ways = true;
    probe->width = each_number ? structure_outputs(structure) : 1;
    if (!allocate(probe, memory, structure, like->loss == ELMAN_LOSS_CROSS_ENTROPY, steps, rows))
        return no_memory(error);
    probe->sequence = (elman_sequence){
        .struct_size = sizeof probe->sequence,
        .steps = steps,
        .batch = rows,
        .dense = probe->dense,
        .tokens = probe->tokens,
        .lengths = probe->lengths,
    };
    probe->targets = *like;
    probe->targets.classes = probe->classes;
    probe->targets.numbers = probe->numbers;
    probe->targets.scales = probe->scales;
    return ELMAN_OK;
}

/* Copies `length` steps of a row, from step `first` on, to the beginning of the probe's row `to`,
 * without their targets. */
static void copy_steps(Probe *probe, size_t to, const elman_sequence *from, size_t row,
                       size_t first, size_t length, size_t features) {
    const size_t rows = probe->sequence.batch;
    probe->lengths[to] = length;
    for (size_t t = 0; t < length; t++) {
        const size_t in = (first + t) * from->batch + row, out = t * rows + to;
        if (probe->tokens)
            probe->tokens[out] = from->tokens[in];
        else
            memcpy(probe->dense + out * features, from->dense + in * features,
                   features * sizeof(float));
    }
}

/* Copies the target of one position of the output to another. */
static void copy_target(Probe *probe, size_t to, const elman_targets *from, size_t at) {
    const size_t width = probe->width;
    if (probe->classes)
        probe->classes[to] = from->classes[at];
    else
        memcpy(probe->numbers + to * width, from->numbers + at * width, width * sizeof(float));
}

static void copy_scale(Probe *probe, size_t to, const elman_targets *from, size_t row) {
    const bool scaled = from->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL && from->scales;
    probe->scales[to] = scaled ? from->scales[row] : 1.0f;
}

/* ---- From a source ---- */

static elman_status get_batch(const elman_source *source, const Structure *structure,
                              uint64_t position, elman_batch *batch, elman_error *error) {
    elman_batch given = {.struct_size = sizeof given,
                         .sequence = {.struct_size = sizeof given.sequence},
                         .targets = {.struct_size = sizeof given.targets}};
    elman_status status = source->batch(source->user, 1, position, &given, error);
    if (!status)
        status = options_read(&batch->sequence, sizeof batch->sequence, &given.sequence,
                              "elman_sequence", error);
    if (!status)
        status = options_read(&batch->targets, sizeof batch->targets, &given.targets,
                              "elman_targets", error);
    if (status) return status;
    const bool dense = structure->input == ELMAN_INPUT_DENSE;
    if (dense ? !batch->sequence.dense : !batch->sequence.tokens)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_diagnose_source: the model reads %s, batch %" PRIu64 " has none",
                    dense ? "rows of numbers" : "tokens", position);
    for (size_t b = 0; b < batch->sequence.batch; b++)
        if (row_length(&batch->sequence, b) > batch->sequence.steps)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_diagnose_source: row %zu of batch %" PRIu64 " has length %zu of %zu "
                        "steps",
                        b, position, row_length(&batch->sequence, b), batch->sequence.steps);
    return loss_check(&batch->targets, structure_outputs(structure), error);
}

/* The rows that there are, up to so many, and the steps of the longest. */
static elman_status measure_rows(const elman_source *source, const Structure *structure,
                                 size_t *rows, size_t *steps, elman_error *error) {
    const size_t most = *rows;
    elman_batch batch;
    *rows = *steps = 0;
    for (uint64_t i = 0; i < source->batches && *rows < most; i++) {
        const elman_status status = get_batch(source, structure, i, &batch, error);
        if (status) return status;
        for (size_t b = 0; b < batch.sequence.batch && *rows < most; b++) {
            const size_t length = row_length(&batch.sequence, b);
            if (length > *steps) *steps = length;
            if (length > 0) ++*rows;
        }
    }
    if (*rows == 0)
        return fail(error, ELMAN_ERR_DATA, "the data hold no sequence with a step, expected 1");
    return ELMAN_OK;
}

/* Keeps what the loss reads besides the targets. */
static elman_status copy_parameters(Probe *probe, Memory *memory, const Structure *structure,
                                    elman_error *error) {
    elman_targets *const targets = &probe->targets;
    const size_t classes = structure_outputs(structure), levels = targets->quantile_count;
    if (targets->loss == ELMAN_LOSS_CROSS_ENTROPY && targets->class_weights) {
        probe->class_weights = memory_allocate_array(memory, classes, sizeof *probe->class_weights);
        if (!probe->class_weights) return no_memory(error);
        memcpy(probe->class_weights, targets->class_weights, classes * sizeof(float));
    }
    if (targets->loss == ELMAN_LOSS_QUANTILE) {
        probe->quantiles = memory_allocate_array(memory, levels, sizeof *probe->quantiles);
        if (!probe->quantiles) return no_memory(error);
        memcpy(probe->quantiles, targets->quantiles, levels * sizeof(double));
    }
    targets->class_weights = probe->class_weights;
    targets->quantiles = probe->quantiles;
    return ELMAN_OK;
}

/* Copies row b of a batch with its targets to the probe's row `to`. */
static void copy_row(Probe *probe, const Structure *structure, size_t to, const elman_batch *batch,
                     size_t b) {
    const size_t length = row_length(&batch->sequence, b), rows = probe->sequence.batch;
    copy_steps(probe, to, &batch->sequence, b, 0, length, structure->input_size);
    copy_scale(probe, to, &batch->targets, b);
    if (probe->one_output) {
        copy_target(probe, to, &batch->targets, b);
        return;
    }
    for (size_t t = 0; t < length; t++)
        copy_target(probe, t * rows + to, &batch->targets, t * batch->sequence.batch + b);
}

static elman_status copy_batch(Probe *probe, const Structure *structure, const elman_batch *batch,
                               size_t *row, elman_error *error) {
    if (batch->targets.loss != probe->targets.loss)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_diagnose_source: a batch has the loss %s, the first one %s",
                    elman_loss_name(batch->targets.loss), elman_loss_name(probe->targets.loss));
    for (size_t b = 0; b < batch->sequence.batch && *row < probe->sequence.batch; b++) {
        const size_t length = row_length(&batch->sequence, b);
        if (length > probe->sequence.steps)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_diagnose_source: a batch that is asked for twice has a row of %zu "
                        "steps, before it had at most %zu",
                        length, probe->sequence.steps);
        if (length > 0) copy_row(probe, structure, (*row)++, batch, b);
    }
    return ELMAN_OK;
}

elman_status probe_read_source(Probe *probe, Memory *memory, const Structure *structure,
                               const elman_source *given, size_t rows, elman_error *error) {
    elman_source source;
    elman_batch batch;
    size_t steps, row = 0;
    *probe = (Probe){0};
    elman_status status = options_read(&source, sizeof source, given, "elman_source", error);
    if (!status && (!source.batch || source.batches == 0))
        status = fail(error, ELMAN_ERR_ARGUMENT,
                      "elman_diagnose_source: the source has no batches, expected a function that "
                      "makes them and at least 1");
    if (!status) status = measure_rows(&source, structure, &rows, &steps, error);
    for (uint64_t i = 0; i < source.batches && row < rows && !status; i++) {
        status = get_batch(&source, structure, i, &batch, error);
        if (!status && i == 0) {
            status = open_rows(probe, memory, structure, &batch.targets, steps, rows, error);
            if (!status) status = copy_parameters(probe, memory, structure, error);
        }
        if (!status) status = copy_batch(probe, structure, &batch, &row, error);
    }
    return status;
}

/* ---- From a text ---- */

static elman_status check_tokens(const Structure *structure, const int32_t *tokens, size_t count,
                                 elman_error *error) {
    const size_t vocabulary = structure->input_size;
    if (structure->input == ELMAN_INPUT_DENSE || structure_one_output(structure) ||
        structure_outputs(structure) != vocabulary)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_diagnose_tokens: expected a model that reads tokens and has one output "
                    "for each of them at every step");
    if (count < 2)
        return fail(error, ELMAN_ERR_DATA,
                    "there are %zu characters to look at, expected at least 2", count);
    for (size_t i = 0; i < count; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= vocabulary)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_diagnose_tokens: token %zu is %" PRId32 ", expected 0 to %zu", i,
                        tokens[i], vocabulary - 1);
    return ELMAN_OK;
}

/* Rows may overlap, but each begins at least a sixteenth of its length behind the one before; one
 * row is at most three quarters of the text, so that there are several. */
static void fit_rows(size_t predicted, size_t *rows, size_t *steps) {
    const size_t longest = predicted - predicted / 4;
    if (*steps > longest) *steps = longest;
    const size_t apart = (*steps + 15) / 16, places = (predicted - *steps) / apart + 1;
    if (*rows > places) *rows = places;
}

elman_status probe_read_tokens(Probe *probe, Memory *memory, const Structure *structure,
                               const int32_t *tokens, size_t count, size_t rows, size_t steps,
                               elman_error *error) {
    const elman_targets classes = {.struct_size = sizeof classes, .loss = ELMAN_LOSS_CROSS_ENTROPY};
    *probe = (Probe){0};
    elman_status status = check_tokens(structure, tokens, count, error);
    if (status) return status;
    fit_rows(count - 1, &rows, &steps);
    if ((status = open_rows(probe, memory, structure, &classes, steps, rows, error))) return status;
    probe->distinct = count - 1;
    const size_t last = count - 1 - steps;
    for (size_t b = 0; b < rows; b++) {
        /* b * last / (rows - 1), without the product's overflow. */
        const size_t gaps = rows > 1 ? rows - 1 : 1;
        const size_t first = last / gaps * b + last % gaps * b / gaps;
        probe->lengths[b] = steps;
        probe->scales[b] = 1.0f;
        for (size_t t = 0; t < steps; t++) {
            probe->tokens[t * rows + b] = tokens[first + t];
            probe->classes[t * rows + b] = tokens[first + t + 1];
        }
    }
    return ELMAN_OK;
}

/* ---- Positions ---- */

bool probe_has(const Probe *probe, size_t t, size_t b) {
    return t < probe->lengths[b];
}

size_t probe_place(const Probe *probe, size_t t, size_t b) {
    return probe->one_output ? b : t * probe->sequence.batch + b;
}

double probe_weight(const Probe *probe, size_t t, size_t b) {
    const size_t at = probe_place(probe, t, b);
    if (!probe_has(probe, t, b) || (probe->one_output && t + 1 != probe->lengths[b])) return 0.0;
    if (probe->classes) {
        if (probe->classes[at] < 0) return 0.0;
        return probe->class_weights ? (double)probe->class_weights[probe->classes[at]] : 1.0;
    }
    double count = 0.0;
    for (size_t i = 0; i < probe->width; i++)
        if (!isnan(probe->numbers[at * probe->width + i])) count++;
    return count;
}

bool probe_counts(const Probe *probe, size_t t, size_t b) {
    return probe_weight(probe, t, b) > 0.0;
}

/* The steps [*first, *end) of a row with so many steps before them, and behind them where those
 * matter; of a row without such steps its last quarter, or its middle. */
static void find_range(const Probe *probe, size_t b, size_t steps, size_t *first, size_t *end) {
    const bool both = probe->both_ways && !probe->one_output;
    const size_t last = probe->lengths[b] - 1, room = both ? last / 2 : last;
    *first = room - room / 4 < steps ? room - room / 4 : steps;
    *end = both ? last - *first + 1 : last + 1;
}

size_t probe_draw(const Probe *probe, size_t b, size_t steps, uint64_t seed, uint32_t stream,
                  ProbePosition *positions, size_t count) {
    size_t first, end, candidates = 0, part = 0, seen = 0;
    find_range(probe, b, steps, &first, &end);
    for (size_t t = first; t < end; t++) candidates += probe_counts(probe, t, b);
    if (candidates == 0) {
        /* Those that count are elsewhere. */
        first = 0;
        end = probe->lengths[b];
        for (size_t t = first; t < end; t++) candidates += probe_counts(probe, t, b);
    }
    if (count > candidates) count = candidates;
    size_t chosen = 0;
    for (size_t t = first; t < end && part < count; t++) {
        if (!probe_counts(probe, t, b)) continue;
        const size_t begin = part * candidates / count, behind = (part + 1) * candidates / count;
        if (seen == begin)
            chosen = begin + (size_t)random_below(seed, RANDOM_DIAGNOSE, stream,
                                                  (uint64_t)b << 32 | part, behind - begin);
        if (seen == chosen) positions[part] = (ProbePosition){b, t};
        if (++seen == behind) part++;
    }
    return count;
}

size_t probe_draw_all(const Probe *probe, size_t steps, uint64_t seed, uint32_t stream,
                      ProbePosition *positions, size_t of_row, size_t count) {
    size_t drawn = 0;
    for (size_t b = 0; b < probe->sequence.batch; b++)
        drawn += probe_draw(probe, b, steps, seed, stream, positions + drawn, of_row);
    if (drawn <= count) return drawn;
    for (size_t i = 0; i < count; i++) positions[i] = positions[i * drawn / count];
    return count;
}

elman_status probe_cut(Probe *cut, Memory *memory, const Structure *structure, const Probe *probe,
                       const ProbePosition *positions, size_t count, size_t steps,
                       elman_error *error) {
    *cut = (Probe){0};
    const elman_status status =
        open_rows(cut, memory, structure, &probe->targets, steps, count, error);
    if (status) return status;
    for (size_t i = 0; i < count; i++) {
        const size_t row = positions[i].row, end = positions[i].step + 1;
        const size_t length = end < steps ? end : steps;
        copy_steps(cut, i, &probe->sequence, row, end - length, length, structure->input_size);
        copy_scale(cut, i, &probe->targets, row);
        copy_target(cut, probe_place(cut, length - 1, i), &probe->targets,
                    probe_place(probe, end - 1, row));
    }
    return ELMAN_OK;
}
