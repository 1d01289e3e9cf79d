/* One optimiser step over all tensors, shared out to the workers. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "model/model.h"
#include "train/not_finite.h"
#include "train/schedule.h"

/* Floats in a chunk: 32 KiB, so that what one optimiser reads and writes of it fits into the second
 * cache. Part of the arithmetic: sums are kept for each chunk. */
enum { CHUNK = 8192 };

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for the state of the optimiser");
}

/* Lists the tensors and counts the chunks. */
static void list_tensors(Optimizer *optimizer, const elman_model *model) {
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        const elman_tensor weight = model->weights.tensors[i];
        const TensorRole role = model->weights.places[i].role;
        const bool recurrent = role >= TENSOR_WEIGHT_IH && role <= TENSOR_C0;
        const size_t padded = (weight.count + PANEL - 1) / PANEL * PANEL;
        optimizer->tensors[i] = (OptimizerTensor){
            .weight = weight,
            .offset = (size_t)(weight.data - model->weights.data),
            .padded = padded,
            .group = recurrent ? model->weights.places[i].layer : optimizer->group_count - 1,
        };
        optimizer->chunk_count += (padded + CHUNK - 1) / CHUNK;
    }
}

static void cut_chunks(Optimizer *optimizer) {
    OptimizerChunk *chunk = optimizer->chunks;
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        const size_t padded = optimizer->tensors[i].padded;
        for (size_t begin = 0; begin < padded; begin += CHUNK, chunk++) {
            const size_t left = padded - begin;
            *chunk = (OptimizerChunk){i, begin, left < CHUNK ? left : CHUNK};
        }
    }
}

float *optimizer_allocate_block(const Optimizer *optimizer) {
    return memory_allocate_array(&optimizer->context->memory, optimizer->total, sizeof(float));
}

const char *optimizer_moment_name(const elman_train_options *options, size_t index) {
    static const char *const names[][OPTIMIZER_MOMENTS] = {
        [ELMAN_OPTIMIZER_ADAM] = {"m", "v"},
        [ELMAN_OPTIMIZER_ADAMW] = {"m", "v"},
        [ELMAN_OPTIMIZER_SGD] = {"velocity", NULL},
        [ELMAN_OPTIMIZER_RMSPROP] = {"velocity", "square"},
    };
    return names[options->optimizer][index];
}

/* Whether the optimiser, with these options, has a moment of that number. */
static bool has_moment(const elman_train_options *options, size_t index) {
    const char *name = optimizer_moment_name(options, index);
    return name != NULL && (strcmp(name, "velocity") != 0 || options->momentum > 0.0);
}

static bool allocate_blocks(Optimizer *optimizer) {
    Memory *memory = &optimizer->context->memory;
    for (size_t i = 0; i < OPTIMIZER_MOMENTS; i++) {
        if (!has_moment(optimizer->options, i)) continue;
        optimizer->moments[i] = optimizer_allocate_block(optimizer);
        if (optimizer->moments[i] == NULL) return false;
    }
    const size_t chunks = optimizer->chunk_count;
    optimizer->chunks = memory_allocate_array(memory, chunks, sizeof(OptimizerChunk));
    optimizer->gradient_squares = memory_allocate_array(memory, chunks, sizeof(double));
    optimizer->sums = memory_allocate_array(memory, chunks, sizeof(UpdateSums));
    optimizer->ratio = memory_allocate_array(memory, optimizer->group_count, sizeof(double));
    return optimizer->chunks != NULL && optimizer->gradient_squares != NULL &&
           optimizer->sums != NULL && optimizer->ratio != NULL;
}

elman_status optimizer_init(Optimizer *optimizer, elman_model *model,
                            const elman_train_options *options, elman_error *error) {
    *optimizer = (Optimizer){
        .context = model->context,
        .options = options,
        .tensor_count = model->weights.count,
        .group_count = model->structure.layer_count + 1,
        .weights = model->weights.data,
        .total = model->weights.floats,
    };
    optimizer->tensors = memory_allocate_array(&model->context->memory, optimizer->tensor_count,
                                               sizeof(OptimizerTensor));
    if (optimizer->tensors == NULL) return no_memory(error);
    list_tensors(optimizer, model);
    if (!allocate_blocks(optimizer)) return no_memory(error);
    cut_chunks(optimizer);
    return ELMAN_OK;
}

void optimizer_release(Optimizer *optimizer) {
    if (optimizer->context == NULL) return;
    Memory *memory = &optimizer->context->memory;
    memory_release(memory, optimizer->ratio);
    memory_release(memory, optimizer->sums);
    memory_release(memory, optimizer->gradient_squares);
    for (size_t i = 0; i < OPTIMIZER_MOMENTS; i++) memory_release(memory, optimizer->moments[i]);
    memory_release(memory, optimizer->chunks);
    memory_release(memory, optimizer->tensors);
    *optimizer = (Optimizer){0};
}

void optimizer_save_weights(const Optimizer *optimizer, float *block) {
    memcpy(block, optimizer->weights, optimizer->total * sizeof(float));
}

void optimizer_load_weights(Optimizer *optimizer, const float *block) {
    memcpy(optimizer->weights, block, optimizer->total * sizeof(float));
}

void optimizer_swap_weights(Optimizer *optimizer, float *block) {
    for (size_t i = 0; i < optimizer->total; i++) {
        const float weight = optimizer->weights[i];
        optimizer->weights[i] = block[i];
        block[i] = weight;
    }
}

/* What the workers do to each chunk. */
typedef struct OptimizerJob {
    Optimizer *optimizer;
    void (*work)(const struct OptimizerJob *job, size_t chunk);
    elman_phase phase;
    float limit; /* clip */
    union {
        AdamStep adam;
        SgdStep sgd;
        RmspropStep rmsprop;
        struct {
            double past, rest; /* their shares */
            float *block;
        } average;
    } step;
} OptimizerJob;

static void run_worker(void *argument, size_t worker, size_t workers) {
    const OptimizerJob *job = argument;
    size_t begin, end;
    pool_split(job->optimizer->chunk_count, 1, worker, workers, &begin, &end);
    for (size_t chunk = begin; chunk < end; chunk++) job->work(job, chunk);
    profile_mark(job->optimizer->context, worker, job->phase);
}

static void run_job(OptimizerJob *job) {
    pool_run(job->optimizer->context->pool, run_worker, job);
    profile_mark(job->optimizer->context, 0, ELMAN_PHASE_WAIT);
}

static void measure_chunk(const OptimizerJob *job, size_t index) {
    const Optimizer *optimizer = job->optimizer;
    const OptimizerChunk chunk = optimizer->chunks[index];
    const float *gradient = optimizer->tensors[chunk.tensor].gradient + chunk.begin;
    optimizer->gradient_squares[index] =
        optimizer->context->kernels->sum_of_squares(chunk.padded, gradient);
}

static void clip_chunk(const OptimizerJob *job, size_t index) {
    const Optimizer *optimizer = job->optimizer;
    const OptimizerChunk chunk = optimizer->chunks[index];
    float *gradient = optimizer->tensors[chunk.tensor].gradient + chunk.begin;
    optimizer->context->kernels->clip(chunk.padded, job->limit, gradient);
    measure_chunk(job, index);
}

static void sum_gradient_squares(Optimizer *optimizer) {
    for (size_t i = 0; i < optimizer->tensor_count; i++) optimizer->tensors[i].squares = 0.0;
    for (size_t c = 0; c < optimizer->chunk_count; c++)
        optimizer->tensors[optimizer->chunks[c].tensor].squares += optimizer->gradient_squares[c];
}

void optimizer_take_gradients(Optimizer *optimizer, const elman_tape *tape) {
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        elman_tensor gradient;
        (void)elman_tape_gradient(tape, i, &gradient);
        optimizer->tensors[i].gradient = gradient.data;
    }
}

void optimizer_measure(Optimizer *optimizer) {
    OptimizerJob job = {
        .optimizer = optimizer, .work = measure_chunk, .phase = ELMAN_PHASE_MEASURE};
    run_job(&job);
    sum_gradient_squares(optimizer);
    profile_mark(optimizer->context, 0, ELMAN_PHASE_MEASURE);
}

double optimizer_gradient_norm(const Optimizer *optimizer) {
    double sum = 0.0;
    for (size_t i = 0; i < optimizer->tensor_count; i++) sum += optimizer->tensors[i].squares;
    return sqrt(sum);
}

float optimizer_clip(Optimizer *optimizer, bool *clipped) {
    const double value = optimizer->options->clip_value, most = optimizer->options->clip_norm;
    double norm = optimizer_gradient_norm(optimizer);
    *clipped = false;
    if (value > 0.0) {
        OptimizerJob job = {.optimizer = optimizer,
                            .work = clip_chunk,
                            .phase = ELMAN_PHASE_MEASURE,
                            .limit = (float)value};
        const double before = norm;
        run_job(&job);
        sum_gradient_squares(optimizer);
        norm = optimizer_gradient_norm(optimizer);
        *clipped = norm != before;
        profile_mark(optimizer->context, 0, ELMAN_PHASE_MEASURE);
    }
    if (!(most > 0.0 && norm > most)) return 1.0f;
    *clipped = true;
    return (float)(most / (norm + 1e-6)); /* the guard that PyTorch has */
}

/* In double precision, where the shares of two finite weights never add up to an infinite one. */
static void average_chunk(const OptimizerJob *job, size_t index) {
    const Optimizer *optimizer = job->optimizer;
    const OptimizerChunk chunk = optimizer->chunks[index];
    const size_t offset = optimizer->tensors[chunk.tensor].offset + chunk.begin;
    const double past = job->step.average.past, rest = job->step.average.rest;
    const float *w = optimizer->weights + offset;
    float *mean = job->step.average.block + offset;
    for (size_t i = 0; i < chunk.padded; i++)
        mean[i] = (float)(past * (double)mean[i] + rest * (double)w[i]);
}

void optimizer_average(Optimizer *optimizer, uint64_t step, float *block) {
    const double early = ((double)step + 1.0) / ((double)step + 10.0);
    const double most = optimizer->options->average;
    const double past = early < most ? early : most;
    OptimizerJob job = {.optimizer = optimizer,
                        .work = average_chunk,
                        .phase = ELMAN_PHASE_OPTIMIZER,
                        .step.average = {.past = past, .rest = 1.0 - past, .block = block}};
    run_job(&job);
}

/* The chunk's weights, gradient and moments. */
typedef struct ChunkParts {
    float *w, *gradient, *moment[OPTIMIZER_MOMENTS];
    size_t padded;
} ChunkParts;

static ChunkParts chunk_parts(const Optimizer *optimizer, size_t index) {
    const OptimizerChunk chunk = optimizer->chunks[index];
    const OptimizerTensor *tensor = &optimizer->tensors[chunk.tensor];
    const size_t offset = tensor->offset + chunk.begin;
    ChunkParts parts = {.w = optimizer->weights + offset,
                        .gradient = tensor->gradient + chunk.begin,
                        .padded = chunk.padded};
    for (size_t i = 0; i < OPTIMIZER_MOMENTS; i++)
        if (optimizer->moments[i] != NULL) parts.moment[i] = optimizer->moments[i] + offset;
    return parts;
}

static void adam_chunk(const OptimizerJob *job, size_t index) {
    const ChunkParts parts = chunk_parts(job->optimizer, index);
    job->optimizer->sums[index] = job->optimizer->context->kernels->adam(
        parts.padded, parts.w, parts.moment[0], parts.moment[1], parts.gradient, &job->step.adam);
}

static void sgd_chunk(const OptimizerJob *job, size_t index) {
    const ChunkParts parts = chunk_parts(job->optimizer, index);
    job->optimizer->sums[index] = job->optimizer->context->kernels->sgd(
        parts.padded, parts.w, parts.moment[0], parts.gradient, &job->step.sgd);
}

static void rmsprop_chunk(const OptimizerJob *job, size_t index) {
    const ChunkParts parts = chunk_parts(job->optimizer, index);
    job->optimizer->sums[index] = job->optimizer->context->kernels->rmsprop(
        parts.padded, parts.w, parts.moment[1], parts.moment[0], parts.gradient,
        &job->step.rmsprop);
}

static void prepare_adam(OptimizerJob *job, uint64_t step, double rate, float factor) {
    const elman_train_options *options = job->optimizer->options;
    const bool decoupled = options->optimizer == ELMAN_OPTIMIZER_ADAMW;
    job->work = adam_chunk;
    job->step.adam = (AdamStep){
        .factor = factor,
        .rate = (float)(rate / (1.0 - schedule_power(options->beta1, step))),
        .root = (float)(1.0 / sqrt(1.0 - schedule_power(options->beta2, step))),
        .beta1 = (float)options->beta1,
        .rest1 = (float)(1.0 - options->beta1),
        .beta2 = (float)options->beta2,
        .rest2 = (float)(1.0 - options->beta2),
        .epsilon = (float)options->epsilon,
        .decay = decoupled ? 0.0f : (float)options->weight_decay,
        .shrink = decoupled ? (float)(1.0 - rate * options->weight_decay) : 1.0f,
    };
}

static void prepare_update(OptimizerJob *job, uint64_t step, double rate, float factor) {
    const elman_train_options *options = job->optimizer->options;
    switch (options->optimizer) {
    case ELMAN_OPTIMIZER_ADAM:
    case ELMAN_OPTIMIZER_ADAMW:
        prepare_adam(job, step, rate, factor);
        break;
    case ELMAN_OPTIMIZER_SGD:
        job->work = sgd_chunk;
        job->step.sgd = (SgdStep){.factor = factor,
                                  .rate = (float)rate,
                                  .momentum = (float)options->momentum,
                                  .decay = (float)options->weight_decay};
        break;
    case ELMAN_OPTIMIZER_RMSPROP:
        job->work = rmsprop_chunk;
        job->step.rmsprop = (RmspropStep){.factor = factor,
                                          .rate = (float)rate,
                                          .alpha = (float)options->alpha,
                                          .rest = (float)(1.0 - options->alpha),
                                          .epsilon = (float)options->epsilon,
                                          .momentum = (float)options->momentum,
                                          .decay = (float)options->weight_decay};
        break;
    }
}

static double ratio_of_group(const Optimizer *optimizer, size_t group) {
    double change = 0.0, weight = 0.0;
    for (size_t c = 0; c < optimizer->chunk_count; c++) {
        if (optimizer->tensors[optimizer->chunks[c].tensor].group != group) continue;
        change += optimizer->sums[c].change;
        weight += optimizer->sums[c].weights;
    }
    return weight > 0.0 ? sqrt(change / weight) : 0.0;
}

/* The update left them where the gradients were. */
static void put_weights_back(Optimizer *optimizer) {
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        const OptimizerTensor *tensor = &optimizer->tensors[i];
        memcpy(optimizer->weights + tensor->offset, tensor->gradient,
               tensor->padded * sizeof(float));
    }
}

bool optimizer_update(Optimizer *optimizer, uint64_t step, double rate, float factor,
                      size_t *tensor, size_t *element) {
    OptimizerJob job = {.optimizer = optimizer, .phase = ELMAN_PHASE_OPTIMIZER};
    prepare_update(&job, step, rate, factor);
    run_job(&job);
    for (size_t c = 0; c < optimizer->chunk_count; c++)
        if (!isfinite(optimizer->sums[c].weights)) {
            *tensor = optimizer->chunks[c].tensor;
            const elman_tensor *const weight = &optimizer->tensors[*tensor].weight;
            *element = not_finite_element(weight->data, weight->count);
            put_weights_back(optimizer);
            return false;
        }
    for (size_t group = 0; group < optimizer->group_count; group++)
        optimizer->ratio[group] = ratio_of_group(optimizer, group);
    profile_mark(optimizer->context, 0, ELMAN_PHASE_OPTIMIZER);
    return true;
}
