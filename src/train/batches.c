/* Cuts a text into parallel streams, or into shuffled windows. */
#include "train/batches.h"

#include <stdbool.h>

#include "core/fail.h"
#include "core/random.h"
#include "core/size.h"

static size_t round_up(size_t a, size_t b) {
    return a / b + (a % b != 0);
}

static elman_status too_short(size_t count, const elman_train_options *options, size_t needed,
                              elman_error *error) {
    if (options->independent)
        return fail(error, ELMAN_ERR_DATA,
                    "the training part has %zu characters, one window of %zu needs %zu", count,
                    options->window, needed);
    return fail(error, ELMAN_ERR_DATA,
                "the training part has %zu characters, one window of %zu in each of %zu rows needs "
                "%zu",
                count, options->window, options->batch, needed);
}

static elman_status lay_out(Batches *batches, const elman_train_options *options, size_t count,
                            elman_error *error) {
    const size_t rows = options->independent ? 1 : options->batch;
    size_t needed;
    if (!size_add(options->window, 1, &needed) || !size_mul(needed, rows, &needed))
        return fail(error, ELMAN_ERR_MEMORY,
                    "a window of %zu characters in each of %zu rows does not fit into memory",
                    options->window, rows);
    if (count < needed) return too_short(count, options, needed, error);

    batches->window = options->window;
    batches->independent = options->independent;
    batches->seed = options->seed;
    if (!options->independent) {
        batches->rows = options->batch;
        batches->length = count / options->batch;
        batches->per_epoch = round_up(batches->length - 1, batches->window);
        return ELMAN_OK;
    }
    batches->length = count - 1;
    batches->windows = round_up(batches->length, batches->window);
    batches->rows = options->batch < batches->windows ? options->batch : batches->windows;
    batches->per_epoch = round_up(batches->windows, batches->rows);
    return ELMAN_OK;
}

elman_status batches_init(Batches *batches, Memory *memory, const elman_train_options *options,
                          const int32_t *tokens, size_t count, elman_error *error) {
    *batches = (Batches){.tokens = tokens};
    const elman_status status = lay_out(batches, options, count, error);
    if (status != ELMAN_OK) return status;
    /* At most the text itself, and one window more. */
    const size_t cells = batches->window * batches->rows;
    batches->inputs = memory_allocate_array(memory, cells, sizeof(int32_t));
    batches->targets = memory_allocate_array(memory, cells, sizeof(int32_t));
    batches->lengths = memory_allocate_array(memory, batches->rows, sizeof(size_t));
    batches->order = memory_allocate_array(memory, batches->windows, sizeof(size_t));
    if (batches->inputs == NULL || batches->targets == NULL || batches->lengths == NULL ||
        batches->order == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for batches of %zu rows of %zu characters",
                    batches->rows, batches->window);
    return ELMAN_OK;
}

void batches_release(Batches *batches, Memory *memory) {
    memory_release(memory, batches->order);
    memory_release(memory, batches->lengths);
    memory_release(memory, batches->targets);
    memory_release(memory, batches->inputs);
    *batches = (Batches){0};
}

/* Fills row `row` of a batch of `rows` with `length` of `steps` inputs from `begin` on. */
static void fill_row(Batches *batches, size_t row, size_t rows, size_t begin, size_t length,
                     size_t steps) {
    const int32_t *tokens = batches->tokens + begin;
    for (size_t t = 0; t < steps; t++) {
        batches->inputs[t * rows + row] = t < length ? tokens[t] : 0;
        batches->targets[t * rows + row] = t < length ? tokens[t + 1] : -1;
    }
    batches->lengths[row] = length;
}

static void get_truncated(Batches *batches, size_t position, elman_sequence *sequence) {
    const size_t begin = position * batches->window;
    const size_t left = batches->length - 1 - begin;
    sequence->steps = left < batches->window ? left : batches->window;
    sequence->batch = batches->rows;
    sequence->lengths = NULL;
    for (size_t row = 0; row < batches->rows; row++)
        fill_row(batches, row, batches->rows, row * batches->length + begin, sequence->steps,
                 sequence->steps);
}

/* A random permutation (Fisher and Yates) that depends on seed and epoch alone. */
static void shuffle(Batches *batches, uint64_t epoch) {
    for (size_t i = 0; i < batches->windows; i++) batches->order[i] = i;
    for (size_t i = batches->windows; i-- > 1;) {
        const uint64_t j =
            random_below(batches->seed, RANDOM_SHUFFLE, (uint32_t)epoch, i, (uint64_t)i + 1);
        const size_t swapped = batches->order[j];
        batches->order[j] = batches->order[i];
        batches->order[i] = swapped;
    }
    batches->ordered = epoch;
}

static void get_independent(Batches *batches, uint64_t epoch, size_t position,
                            elman_sequence *sequence) {
    if (batches->ordered != epoch) shuffle(batches, epoch);
    const size_t first = position * batches->rows;
    const size_t left = batches->windows - first;
    const size_t rows = left < batches->rows ? left : batches->rows;
    const size_t last = batches->windows - 1;
    const size_t last_length = batches->length - last * batches->window;
    bool shorter = false;
    for (size_t row = 0; row < rows; row++)
        if (batches->order[first + row] == last) shorter = last_length < batches->window;
    sequence->steps = shorter && rows == 1 ? last_length : batches->window;
    sequence->batch = rows;
    sequence->lengths = shorter ? batches->lengths : NULL;
    for (size_t row = 0; row < rows; row++) {
        const size_t window = batches->order[first + row];
        fill_row(batches, row, rows, window * batches->window,
                 window == last ? last_length : batches->window, sequence->steps);
    }
}

const int32_t *batches_get(Batches *batches, uint64_t epoch, size_t position,
                           elman_sequence *sequence) {
    if (batches->independent)
        get_independent(batches, epoch, position, sequence);
    else
        get_truncated(batches, position, sequence);
    sequence->tokens = batches->inputs;
    return batches->targets;
}
