/* Makes probes. */
#include "convert/probe_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "core/fail.h"
#include "core/random.h"
#include "core/size.h"
#include "model/model.h"

enum { NUMBERS = 0, TOKENS = 1 };

static elman_status open_probe(ProbeRows *probe, const elman_model *model, size_t steps,
                               size_t rows, elman_error *error) {
    Memory *const memory = &model->context->memory;
    const bool dense = model->structure.input == ELMAN_INPUT_DENSE;
    size_t count = 0;
    *probe = (ProbeRows){
        .memory = memory, .steps = steps, .rows = rows, .features = model->structure.input_size};
    probe->lengths = memory_allocate_array(memory, rows, sizeof *probe->lengths);
    if (!size_mul(steps, rows, &count) || (dense && !size_mul(count, probe->features, &count)))
        count = SIZE_MAX;
    if (dense)
        probe->dense = memory_allocate_array(memory, count, sizeof *probe->dense);
    else
        probe->tokens = memory_allocate_array(memory, count, sizeof *probe->tokens);
    if (!probe->lengths || (!probe->dense && !probe->tokens))
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a probe of %zu steps and %zu rows",
                    steps, rows);
    for (size_t b = 0; b < rows; b++) probe->lengths[b] = steps;
    return ELMAN_OK;
}

elman_status probe_rows_open_random(ProbeRows *probe, const elman_model *model, size_t steps,
                                    size_t rows, bool has_lengths, elman_error *error) {
    static const size_t shares[] = {32, 19, 7}; /* of 32 */
    const elman_status status = open_probe(probe, model, steps, rows, error);
    if (status) return status;
    const size_t positions = steps * rows;
    for (size_t b = 0; b < rows && has_lengths; b++) {
        const size_t share = shares[b % 3];
        probe->lengths[b] = steps / 32 * share + steps % 32 * share / 32;
        if (probe->lengths[b] == 0) probe->lengths[b] = 1;
    }
    for (size_t i = 0; probe->dense && i < positions * probe->features; i++)
        probe->dense[i] = (float)random_normal(0, RANDOM_CONVERT, NUMBERS, i);
    for (size_t i = 0; probe->tokens && i < positions; i++)
        probe->tokens[i] = (int32_t)random_below(0, RANDOM_CONVERT, TOKENS, i, probe->features);
    return ELMAN_OK;
}

static elman_status read_numbers(ProbeRows *probe, const elman_array *array, elman_error *error) {
    const size_t count = elman_array_count(array);
    (void)elman_array_floats(array, 0, count, probe->dense);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(probe->dense[i]))
            return fail(error, ELMAN_ERR_DATA, "the probe's number %zu is %g, expected finite ones",
                        i, (double)probe->dense[i]);
    return ELMAN_OK;
}

static elman_status read_tokens(ProbeRows *probe, const elman_array *array, elman_error *error) {
    for (size_t i = 0; i < elman_array_count(array); i++) {
        int64_t token = 0;
        (void)elman_array_integers(array, i, 1, &token);
        if (token < 0 || (uint64_t)token >= probe->features)
            return fail(error, ELMAN_ERR_DATA,
                        "the probe's number %zu is %" PRId64 ", expected a token: 0 to %zu", i,
                        token, probe->features - 1);
        probe->tokens[i] = (int32_t)token;
    }
    return ELMAN_OK;
}

elman_status probe_rows_open_array(ProbeRows *probe, const elman_model *model,
                                   const elman_array *array, elman_error *error) {
    const bool dense = model->structure.input == ELMAN_INPUT_DENSE;
    const size_t rank = elman_array_rank(array), least = dense ? 2 : 1;
    const size_t *const shape = elman_array_shape(array);
    *probe = (ProbeRows){0};
    if (!elman_array_is_whole(array) != dense)
        return fail(error, ELMAN_ERR_MISMATCH, "the probe holds %s, the network reads %s",
                    dense ? "whole numbers" : "floating-point numbers",
                    dense ? "float32 or float64" : "tokens: int32 or int64");
    if (rank < least || rank > least + 1)
        return fail(error, ELMAN_ERR_MISMATCH, "the probe has %zu dimensions, expected %s", rank,
                    dense ? "[steps][features] or [steps][rows][features]"
                          : "[steps] or [steps][rows]");
    if (dense && shape[rank - 1] != model->structure.input_size)
        return fail(error, ELMAN_ERR_MISMATCH, "the probe has %zu features, the network reads %zu",
                    shape[rank - 1], model->structure.input_size);
    if (elman_array_count(array) == 0)
        return fail(error, ELMAN_ERR_MISMATCH, "the probe is empty, expected a step or more");
    const elman_status status =
        open_probe(probe, model, shape[0], rank > least ? shape[1] : 1, error);
    if (status) return status;
    return dense ? read_numbers(probe, array, error) : read_tokens(probe, array, error);
}

void probe_rows_close(ProbeRows *probe) {
    if (!probe->memory) return;
    memory_release(probe->memory, probe->state);
    memory_release(probe->memory, probe->tokens);
    memory_release(probe->memory, probe->dense);
    memory_release(probe->memory, probe->lengths);
    *probe = (ProbeRows){0};
}
