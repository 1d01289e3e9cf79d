/* Makes the points of elman bench, and runs them. */
#include "bench_job.h"

#include <math.h>
#include <stdlib.h>

struct BenchJob {
    const BenchPoint *point;
    elman_context *context;
    elman_layer *layer;
    elman_model *model;
    elman_trainer *trainer;
    elman_sequence sequence;
    elman_targets targets;
    float *x, *y; /* y: the gradient of y, the targets, or where a step's y goes */
    int32_t *tokens, *classes;
};

/* Weyl's sequence through the finaliser of MurmurHash3 (splitmix64): the same on every machine. */
static uint64_t next_number(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* `count` numbers of [-bound, bound), or NULL. */
static float *make_floats(size_t count, double bound, uint64_t seed) {
    float *const values = malloc(count * sizeof(*values));
    for (size_t i = 0; values && i < count; i++)
        values[i] = (float)(bound * (ldexp((double)(next_number(&seed) >> 40), -23) - 1.0));
    return values;
}

/* `count` of the tokens 0 to kinds - 1, or NULL. */
static int32_t *make_tokens(size_t count, size_t kinds, uint64_t seed) {
    int32_t *const values = malloc(count * sizeof(*values));
    for (size_t i = 0; values && i < count; i++)
        values[i] = (int32_t)((next_number(&seed) >> 32) * kinds >> 32);
    return values;
}

static bool make_data(BenchJob *job) {
    const BenchPoint *const p = job->point;
    const size_t positions = p->steps * p->batch;
    const size_t width = p->outputs ? p->outputs : p->hidden;
    if (p->tokens)
        job->tokens = make_tokens(positions, p->inputs, 1);
    else
        job->x = make_floats(positions * p->inputs, 1.0, 1);
    if (p->classes)
        job->classes = make_tokens(positions, p->outputs, 2);
    else
        job->y = make_floats(positions * width, 1.0, 2);
    job->sequence = (elman_sequence){
        .struct_size = sizeof(job->sequence),
        .steps = p->steps,
        .batch = p->batch,
        .dense = job->x,
        .tokens = job->tokens,
    };
    job->targets = (elman_targets){
        .struct_size = sizeof(job->targets),
        .loss = p->classes ? ELMAN_LOSS_CROSS_ENTROPY : ELMAN_LOSS_MSE,
        .classes = job->classes,
        .numbers = job->y,
    };
    return (job->x || job->tokens) && (job->y || job->classes);
}

static elman_cell_options cell_options(const BenchPoint *point) {
    return (elman_cell_options){
        .struct_size = sizeof(elman_cell_options),
        .cell = point->cell,
        .hidden = point->hidden,
        .bidirectional = point->bidirectional,
    };
}

/* Weights and biases as PyTorch's: evenly spread over [-1/sqrt(H), 1/sqrt(H)), with which states
 * neither grow nor vanish. */
static elman_status set_weights(BenchJob *job, elman_error *error) {
    const BenchPoint *const p = job->point;
    const double bound = 1.0 / sqrt((double)p->hidden);
    const size_t gates = p->cell == ELMAN_CELL_LSTM ? 4 : p->cell == ELMAN_CELL_GRU ? 3 : 1;
    const size_t rows = gates * p->hidden;
    float *const ih = make_floats(rows * p->inputs, bound, 3);
    float *const hh = make_floats(rows * p->hidden, bound, 4);
    float *const bias = make_floats(rows, bound, 5);
    const elman_layer_weights weights = {ih, hh, bias, bias};
    elman_status status = ELMAN_ERR_MEMORY;
    if (bias) status = elman_layer_set_weights(job->layer, &weights, error);
    free(bias);
    free(hh);
    free(ih);
    return status;
}

static elman_status make_layer(BenchJob *job, elman_error *error) {
    const BenchPoint *const p = job->point;
    const elman_layer_options options = {
        .struct_size = sizeof(options),
        .cell = cell_options(p),
        .inputs = p->inputs,
        .steps = p->steps,
        .batch = p->batch,
        .forward_only = p->mode != BENCH_TRAIN,
        .input_gradient = p->mode == BENCH_TRAIN,
    };
    elman_status status = elman_layer_create(job->context, &options, &job->layer, error);
    if (!status) status = set_weights(job, error);
    if (!status && p->mode == BENCH_STEP) status = elman_layer_start(job->layer, NULL, error);
    return status;
}

static elman_status make_trainer(BenchJob *job, elman_error *error) {
    const BenchPoint *const p = job->point;
    const elman_cell_options cell = cell_options(p);
    const elman_train_options options = {
        .struct_size = sizeof(options),
        .optimizer = ELMAN_OPTIMIZER_ADAM,
        .learning_rate = 1e-3,
        .clip_norm = 5.0,
    };
    elman_status status =
        p->tokens ? elman_model_create_tokens(job->context, p->inputs, 0, &job->model, error)
                  : elman_model_create(job->context, p->inputs, &job->model, error);
    if (status) return status;
    for (size_t l = 0; l < p->layers; l++) (void)elman_model_add_cell_options(job->model, &cell);
    (void)elman_model_add_linear(job->model, p->outputs, 0);
    status = elman_model_build(job->model, NULL, error);
    return status ? status : elman_trainer_create(job->model, &options, &job->trainer, error);
}

BenchJob *bench_job_create(elman_context *context, const BenchPoint *point, elman_error *error) {
    BenchJob *const job = calloc(1, sizeof(*job));
    elman_status status = ELMAN_ERR_MEMORY;
    *error = (elman_error){ELMAN_ERR_MEMORY, "no memory for the data"};
    if (!job) return NULL;
    job->context = context;
    job->point = point;
    if (make_data(job))
        status = point->outputs > 0 ? make_trainer(job, error) : make_layer(job, error);
    if (!status) return job;
    bench_job_destroy(job);
    return NULL;
}

void bench_job_destroy(BenchJob *job) {
    if (!job) return;
    elman_trainer_destroy(job->trainer);
    elman_model_destroy(job->model);
    elman_layer_destroy(job->layer);
    free(job->classes);
    free(job->tokens);
    free(job->y);
    free(job->x);
    free(job);
}

static elman_status run_once(BenchJob *job, elman_error *error) {
    if (job->trainer)
        return elman_trainer_step(job->trainer, &job->sequence, &job->targets, NULL, NULL, error);
    const elman_status status = elman_layer_forward(job->layer, &job->sequence, NULL, NULL, error);
    if (status || job->point->mode == BENCH_INFER) return status;
    return elman_layer_backward(job->layer, job->y, NULL, NULL, error);
}

elman_status bench_job_run(BenchJob *job, size_t times, elman_error *error) {
    elman_status status = ELMAN_OK;
    if (job->point->mode == BENCH_STEP) {
        for (size_t i = 0; i < times; i++) (void)elman_layer_step(job->layer, job->x, job->y);
        return status;
    }
    for (size_t i = 0; i < times && !status; i++) status = run_once(job, error);
    return status;
}
