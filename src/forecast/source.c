/* Windows to train on and to validate on. */
#include "forecast/source.h"

#include <math.h>

#include "core/fail.h"
#include "core/random.h"
#include "core/size.h"
#include "model/network.h"
#include <elman/forecast.h>

enum { EPOCH_BATCHES = 100, VALID_WINDOWS = 512, VALID_ROWS = 64 };

/* The origins [*first, *end) of a part of a series of `length` steps. */
static void part_origins(const elman_forecaster *forecaster, size_t length, WindowsPart part,
                         size_t *first, size_t *end) {
    size_t train, valid;
    forecaster_parts(forecaster, length, &train, &valid);
    const size_t horizon = forecaster->horizon;
    *first = part == WINDOWS_VALID ? train : 0;
    *end = part == WINDOWS_VALID ? valid : train;
    *end = *end >= horizon ? *end - horizon + 1 : 0;
    if (part == WINDOWS_VALID) return;
    /* Windows whose inputs all exist, unless that would leave out more than half of them. */
    const size_t full = forecaster->steps_before + window_reach(forecaster);
    const size_t least = forecaster->base_season;
    const size_t half = *end / 2;
    *first = full < half ? full : half;
    if (*first < least) *first = least;
}

elman_status windows_create(const elman_forecaster *forecaster, const elman_series *series,
                            WindowsPart part, Windows *windows, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    *windows = (Windows){0};
    windows->first = memory_allocate_array(memory, series->count, sizeof(size_t));
    windows->before = memory_allocate_array(memory, series->count + 1, sizeof(size_t));
    if (windows->first == NULL || windows->before == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the windows of %zu series",
                    series->count);
    for (size_t i = 0; i < series->count; i++) {
        size_t end;
        part_origins(forecaster, series->one[i].length, part, &windows->first[i], &end);
        windows->before[i] = windows->count;
        if (end > windows->first[i]) windows->count += end - windows->first[i];
    }
    windows->before[series->count] = windows->count;
    return ELMAN_OK;
}

void windows_release(const elman_forecaster *forecaster, Windows *windows) {
    memory_release(&forecaster->context->memory, windows->before);
    memory_release(&forecaster->context->memory, windows->first);
    *windows = (Windows){0};
}

void windows_find(const Windows *windows, size_t series, size_t index, size_t *which,
                  size_t *origin) {
    size_t low = 0, high = series; /* before[low] <= index < before[high] */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (windows->before[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    *which = low;
    *origin = windows->first[low] + (index - windows->before[low]);
}

elman_status window_batch_create(const Views *views, size_t rows, WindowBatch *batch,
                                 elman_error *error) {
    const elman_forecaster *forecaster = views->forecaster;
    Memory *memory = &forecaster->context->memory;
    size_t positions, numbers;
    *batch = (WindowBatch){.views = views, .rows = rows, .width = forecaster->feature_count};
    if (!size_add(forecaster->steps_before, forecaster->horizon, &batch->steps) ||
        !size_mul(batch->steps, rows, &positions) || !size_mul(positions, batch->width, &numbers))
        return fail(error, ELMAN_ERR_MEMORY, "%zu windows do not fit into memory", rows);
    batch->inputs = memory_allocate_array(memory, numbers, sizeof(float));
    batch->targets = memory_allocate_array(memory, positions, sizeof(float));
    batch->scales = memory_allocate_array(memory, rows, sizeof(float));
    if (batch->inputs == NULL || batch->targets == NULL || batch->scales == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu windows of %zu steps", rows,
                    batch->steps);
    return ELMAN_OK;
}

void window_batch_release(WindowBatch *batch) {
    if (batch->views == NULL) return;
    Memory *memory = &batch->views->forecaster->context->memory;
    memory_release(memory, batch->scales);
    memory_release(memory, batch->targets);
    memory_release(memory, batch->inputs);
    *batch = (WindowBatch){0};
}

void window_batch_put(WindowBatch *batch, size_t row, size_t rows, const View *view,
                      size_t origin) {
    const elman_forecaster *forecaster = batch->views->forecaster;
    const size_t before = forecaster->steps_before;
    window_inputs(batch->views, view, origin, forecaster->horizon,
                  batch->inputs + row * batch->width, rows * batch->width);
    for (size_t k = 0; k < batch->steps; k++) {
        float target = NAN;
        /* A recursive forecaster learns from every step, a direct one from the horizon. */
        const size_t step = origin + k - before;
        if (origin + k >= before && step < view->length) {
            if (k >= before)
                target =
                    window_target(view, forecaster, forecaster->recursive ? step : origin, step);
            else if (forecaster->recursive && step > 0)
                target = window_target(view, forecaster, step, step);
        }
        batch->targets[k * rows + row] = target;
    }
    batch->scales[row] = (float)view->standard.scale;
}

elman_sequence window_batch_sequence(const WindowBatch *batch, size_t rows) {
    return (elman_sequence){.struct_size = sizeof(elman_sequence),
                            .steps = batch->steps,
                            .batch = rows,
                            .dense = batch->inputs};
}

elman_targets window_batch_targets(const WindowBatch *batch) {
    elman_targets targets = forecaster_loss(batch->views->forecaster);
    targets.numbers = batch->targets;
    if (targets.loss == ELMAN_LOSS_NEGATIVE_BINOMIAL) targets.scales = batch->scales;
    return targets;
}

struct elman_forecaster_source {
    const elman_forecaster *forecaster;
    Views views;
    Windows train, valid;
    WindowBatch batch, check;
    uint64_t seed;
    const char *digest; /* of the series */
};

/* Window `index` of the `count` that are validated, evenly spaced over all. */
static void find_valid(const elman_forecaster_source *source, size_t index, size_t count,
                       size_t *which, size_t *origin) {
    windows_find(&source->valid, source->views.count, index * source->valid.count / count, which,
                 origin);
}

static size_t count_valid(const elman_forecaster_source *source) {
    return source->valid.count < VALID_WINDOWS ? source->valid.count : VALID_WINDOWS;
}

/* Whether one of the windows that are validated has a target. */
static bool can_validate(const elman_forecaster_source *source) {
    const size_t count = count_valid(source), horizon = source->forecaster->horizon;
    for (size_t i = 0; i < count; i++) {
        size_t which, origin;
        find_valid(source, i, count, &which, &origin);
        for (size_t step = origin; step < origin + horizon; step++)
            if (!isnan(view_value(&source->views.view[which], step))) return true;
    }
    return false;
}

elman_status elman_forecaster_source_create(const elman_forecaster *forecaster,
                                            const elman_series *series, size_t batch, uint64_t seed,
                                            elman_forecaster_source **result, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    *result = NULL;
    if (batch == 0) return fail(error, ELMAN_ERR_ARGUMENT, "a batch has one window at least");
    elman_forecaster_source *source = memory_allocate(memory, sizeof(*source));
    if (source == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a source");
    source->forecaster = forecaster;
    source->seed = seed;
    source->views.forecaster = forecaster;
    elman_status status =
        views_create(forecaster, series, forecaster->hold_out, VIEWS_LEARN, &source->views, error);
    if (status == ELMAN_OK)
        status = windows_create(forecaster, series, WINDOWS_TRAIN, &source->train, error);
    if (status == ELMAN_OK)
        status = windows_create(forecaster, series, WINDOWS_VALID, &source->valid, error);
    if (status == ELMAN_OK && source->train.count == 0)
        status = fail(error, ELMAN_ERR_DATA, "the series are too short to learn from");
    if (status == ELMAN_OK)
        status = window_batch_create(&source->views, batch, &source->batch, error);
    if (status == ELMAN_OK && can_validate(source))
        status = window_batch_create(&source->views, VALID_ROWS, &source->check, error);
    if (status != ELMAN_OK) {
        elman_forecaster_source_destroy(source);
        return status;
    }
    source->digest = series->digest;
    *result = source;
    return ELMAN_OK;
}

void elman_forecaster_source_destroy(elman_forecaster_source *source) {
    if (source == NULL) return;
    window_batch_release(&source->check);
    window_batch_release(&source->batch);
    windows_release(source->forecaster, &source->valid);
    windows_release(source->forecaster, &source->train);
    views_release(&source->views);
    memory_release(&source->forecaster->context->memory, source);
}

static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    elman_forecaster_source *source = user;
    const size_t rows = source->batch.rows;
    (void)error;
    for (size_t row = 0; row < rows; row++) {
        size_t which, origin;
        const uint64_t draw = position * rows + row;
        const uint64_t index =
            random_below(source->seed, RANDOM_SHUFFLE, (uint32_t)epoch, draw, source->train.count);
        windows_find(&source->train, source->views.count, (size_t)index, &which, &origin);
        window_batch_put(&source->batch, row, rows, &source->views.view[which], origin);
    }
    batch->sequence = window_batch_sequence(&source->batch, rows);
    batch->targets = window_batch_targets(&source->batch);
    return ELMAN_OK;
}

/* Puts the `rows` windows that are validated from number `first` on into the batch. */
static void fill_check(elman_forecaster_source *source, size_t first, size_t rows) {
    const size_t count = count_valid(source);
    for (size_t row = 0; row < rows; row++) {
        size_t which, origin;
        find_valid(source, first + row, count, &which, &origin);
        window_batch_put(&source->check, row, rows, &source->views.view[which], origin);
    }
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    elman_forecaster_source *source = user;
    const size_t count = count_valid(source);
    const elman_tape_options options = {.struct_size = sizeof(options),
                                        .steps = source->check.steps,
                                        .batch = VALID_ROWS,
                                        .forward_only = 1};
    elman_tape *tape = NULL;
    double sum = 0.0;
    *loss = (elman_loss){0};
    elman_status status = elman_tape_create(network, &options, &tape, error);
    for (size_t done = 0; status == ELMAN_OK && done < count; done += VALID_ROWS) {
        const size_t rows = count - done < VALID_ROWS ? count - done : VALID_ROWS;
        fill_check(source, done, rows);
        const elman_sequence sequence = window_batch_sequence(&source->check, rows);
        const elman_targets targets = window_batch_targets(&source->check);
        elman_loss part;
        status = elman_tape_forward(tape, &sequence, error);
        if (status == ELMAN_OK) status = elman_tape_loss(tape, &targets, &part, error);
        if (status != ELMAN_OK) break;
        sum += part.mean * (double)part.count;
        loss->count += part.count;
    }
    elman_tape_destroy(tape);
    if (loss->count > 0) loss->mean = sum / (double)loss->count;
    return status;
}

elman_source elman_forecaster_source_view(elman_forecaster_source *source) {
    const size_t rows = source->batch.rows;
    const size_t full = source->train.count / rows + (source->train.count % rows != 0);
    return (elman_source){
        .struct_size = sizeof(elman_source),
        .user = source,
        .batches = full < EPOCH_BATCHES ? full : EPOCH_BATCHES,
        .batch = get_batch,
        .validate = source->check.inputs != NULL ? validate : NULL,
        .digest = source->digest,
    };
}

static elman_status get_valid(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    elman_forecaster_source *source = user;
    const size_t first = (size_t)position * VALID_ROWS, left = count_valid(source) - first;
    const size_t rows = left < VALID_ROWS ? left : VALID_ROWS;
    (void)epoch, (void)error;
    fill_check(source, first, rows);
    batch->sequence = window_batch_sequence(&source->check, rows);
    batch->targets = window_batch_targets(&source->check);
    return ELMAN_OK;
}

elman_source elman_forecaster_source_valid(elman_forecaster_source *source) {
    const size_t count = source->check.inputs != NULL ? count_valid(source) : 0;
    return (elman_source){.struct_size = sizeof(elman_source),
                          .user = source,
                          .batches = count / VALID_ROWS + (count % VALID_ROWS != 0),
                          .batch = get_valid};
}
