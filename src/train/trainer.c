/* A trainer: forward, loss, backward, clipping and the optimiser, as one step. */
#include "train/trainer.h"

#include <float.h>
#include <math.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "model/model.h"
#include "model/network.h"
#include "train/not_finite.h"
#include "train/options.h"
#include "train/schedule.h"

/* Replaces the strings of the options by copies. */
static bool copy_strings(elman_trainer *trainer) {
    Memory *memory = &trainer->context->memory;
    elman_train_options *options = &trainer->options;
    if (options->checkpoint_path != NULL) {
        trainer->checkpoint_path = memory_copy_string(memory, options->checkpoint_path);
        if (trainer->checkpoint_path == NULL) return false;
    }
    if (options->description != NULL) {
        trainer->description = memory_copy_string(memory, options->description);
        if (trainer->description == NULL) return false;
    }
    options->checkpoint_path = trainer->checkpoint_path;
    options->description = trainer->description;
    return true;
}

elman_status elman_trainer_create(elman_model *model, const elman_train_options *given,
                                  elman_trainer **result, elman_error *error) {
    elman_train_options options;
    *result = NULL;
    elman_status status = train_options_read(&options, given, error);
    if (status != ELMAN_OK) return status;
    elman_network *network = NULL;
    status = structure_check_trained(&model->structure, error);
    if (status != ELMAN_OK) return status;
    status = elman_network_compile(model, &network, error);
    if (status != ELMAN_OK) return status;

    elman_trainer *trainer = memory_allocate(&model->context->memory, sizeof(*trainer));
    if (trainer == NULL) {
        elman_network_destroy(network);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a trainer");
    }
    trainer->context = model->context;
    trainer->model = model;
    trainer->network = network;
    trainer->options = options;
    trainer->progress.best_loss = INFINITY;
    if (!copy_strings(trainer)) status = fail(error, ELMAN_ERR_MEMORY, "no memory for a trainer");
    if (status == ELMAN_OK)
        status = optimizer_init(&trainer->optimizer, model, &trainer->options, error);
    if (status != ELMAN_OK) {
        elman_trainer_destroy(trainer);
        return status;
    }
    *result = trainer;
    return ELMAN_OK;
}

void elman_trainer_destroy(elman_trainer *trainer) {
    if (trainer == NULL) return;
    Memory *memory = &trainer->context->memory;
    memory_release(memory, trainer->average);
    memory_release(memory, trainer->best);
    memory_release(memory, trainer->next_state);
    memory_release(memory, trainer->state);
    memory_release(memory, trainer->digest);
    optimizer_release(&trainer->optimizer);
    elman_tape_destroy(trainer->tape);
    elman_network_destroy(trainer->network);
    memory_release(memory, trainer->description);
    memory_release(memory, trainer->checkpoint_path);
    memory_release(memory, trainer);
}

double trainer_clock(void) {
    return (double)clock_nanoseconds() * 1e-9;
}

elman_status trainer_begin_run(elman_trainer *trainer, bool carried, bool validated,
                               elman_error *error) {
    Memory *memory = &trainer->context->memory;
    if (carried && trainer->state == NULL) {
        trainer->state_size = elman_network_state_size(trainer->network, trainer->options.batch);
        trainer->state = memory_allocate_array(memory, trainer->state_size, sizeof(float));
    }
    if (carried && trainer->next_state == NULL)
        trainer->next_state = memory_allocate_array(memory, trainer->state_size, sizeof(float));
    if (validated && trainer->best == NULL)
        trainer->best = optimizer_allocate_block(&trainer->optimizer);
    const bool averaged = trainer->options.average > 0.0;
    if (averaged && trainer->average == NULL)
        trainer->average = optimizer_allocate_block(&trainer->optimizer);
    const bool states = trainer->state != NULL && trainer->next_state != NULL;
    if ((carried && !states) || (validated && trainer->best == NULL) ||
        (averaged && trainer->average == NULL))
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the state of a run");
    if (averaged && trainer->progress.step == 0)
        optimizer_save_weights(&trainer->optimizer, trainer->average);
    trainer->running = true;
    return ELMAN_OK;
}

/* Makes sure that the tape has room for the sequence. */
static elman_status fit_tape(elman_trainer *trainer, const elman_sequence *sequence,
                             elman_error *error) {
    if (trainer->tape != NULL && sequence->steps <= trainer->tape_steps &&
        sequence->batch <= trainer->tape_batch)
        return ELMAN_OK;
    elman_tape_options options = {
        .struct_size = sizeof(options), .steps = sequence->steps, .batch = sequence->batch};
    if (options.steps < trainer->tape_steps) options.steps = trainer->tape_steps;
    if (options.batch < trainer->tape_batch) options.batch = trainer->tape_batch;
    elman_tape_destroy(trainer->tape);
    trainer->tape = NULL;
    elman_status status = elman_tape_create(trainer->network, &options, &trainer->tape, error);
    if (status != ELMAN_OK) return status;
    trainer->tape_steps = options.steps;
    trainer->tape_batch = options.batch;
    return ELMAN_OK;
}

/* Forward, loss and backward: gradients on the tape, their squares in the optimiser. */
static elman_status compute_gradients(elman_trainer *trainer, const elman_sequence *sequence,
                                      const elman_targets *targets, float *state_out,
                                      elman_loss *loss, elman_error *error) {
    elman_tape *tape = trainer->tape;
    network_repack(trainer->network, trainer->model);
    elman_status status = elman_tape_forward(tape, sequence, error);
    if (status == ELMAN_OK) status = elman_tape_loss(tape, targets, loss, error);
    if (status != ELMAN_OK) return status;
    /* Backward overwrites the activations. */
    if (state_out != NULL) elman_tape_state(tape, state_out);
    status = elman_tape_backward(tape, NULL, error);
    if (status != ELMAN_OK) return status;
    optimizer_take_gradients(&trainer->optimizer, tape);
    optimizer_measure(&trainer->optimizer);
    return ELMAN_OK;
}

/* The first tensor whose gradient, times `factor`, cannot be squared; false: none. */
static bool gradient_too_large(const Optimizer *optimizer, double factor, size_t *tensor) {
    for (*tensor = 0; *tensor < optimizer->tensor_count; ++*tensor)
        if (!(optimizer->tensors[*tensor].squares * factor * factor <= FLT_MAX)) return true;
    return false;
}

static size_t largest_element(const float *numbers, size_t count) {
    size_t largest = 0;
    for (size_t i = 1; i < count; i++)
        if (fabsf(numbers[i]) > fabsf(numbers[largest])) largest = i;
    return largest;
}

/* Notes where a number is not finite, and names the place. */
static const char *note_place(elman_trainer *trainer, uint64_t step, size_t tensor, size_t element,
                              char text[NOT_FINITE_PLACE_MAX]) {
    trainer->is_not_finite = true;
    trainer->not_finite = not_finite_place(trainer->model, step, tensor, element);
    return not_finite_print(&trainer->not_finite, text);
}

static elman_status check_finite(elman_trainer *trainer, uint64_t step, double loss,
                                 elman_error *error) {
    static const char kept[] = "the weights are kept as they were before this step";
    const Optimizer *const optimizer = &trainer->optimizer;
    const unsigned long long number = step;
    char place[NOT_FINITE_PLACE_MAX];
    size_t tensor, weight;
    const bool gradient = not_finite_gradient(optimizer, trainer->model, isfinite(loss), &tensor);
    if (isfinite(loss) && !gradient) return ELMAN_OK;
    if (not_finite_weight(optimizer, &weight)) {
        const elman_tensor *const numbers = &optimizer->tensors[weight].weight;
        const size_t element = not_finite_element(numbers->data, numbers->count);
        return fail(error, ELMAN_ERR_NOT_FINITE,
                    "step %llu: %s holds a number that is not finite; %s", number,
                    note_place(trainer, step, weight, element, place), kept);
    }
    if (!gradient) {
        trainer_note_loss(trainer, step);
        return fail(error, ELMAN_ERR_NOT_FINITE, "step %llu: the loss is not finite; %s", number,
                    kept);
    }
    const OptimizerTensor *const numbers = &optimizer->tensors[tensor];
    const size_t element = not_finite_element(numbers->gradient, numbers->weight.count);
    const char *const named = note_place(trainer, step, tensor, element, place);
    if (isfinite(loss))
        return fail(error, ELMAN_ERR_NOT_FINITE, "step %llu: the gradient of %s is not finite; %s",
                    number, named, kept);
    return fail(error, ELMAN_ERR_NOT_FINITE,
                "step %llu: neither the loss nor the gradient of %s is finite; %s", number, named,
                kept);
}

void trainer_note_loss(elman_trainer *trainer, uint64_t step) {
    trainer->is_not_finite = true;
    trainer->not_finite = (elman_not_finite){.step = step, .layer = -1};
}

int elman_trainer_not_finite(const elman_trainer *trainer, elman_not_finite *where) {
    if (trainer->is_not_finite) *where = trainer->not_finite;
    return trainer->is_not_finite;
}

/* Clips the gradients and takes the optimiser's step. */
static elman_status apply_gradients(elman_trainer *trainer, uint64_t step, double rate,
                                    elman_step_report *report, elman_error *error) {
    Optimizer *optimizer = &trainer->optimizer;
    const unsigned long long number = step;
    bool clipped;
    report->gradient_norm = optimizer_gradient_norm(optimizer);
    const float factor = optimizer_clip(optimizer, &clipped);
    report->clipped = clipped;
    char place[NOT_FINITE_PLACE_MAX];
    size_t tensor, element;
    if (gradient_too_large(optimizer, factor, &tensor)) {
        const OptimizerTensor *const huge = &optimizer->tensors[tensor];
        element = largest_element(huge->gradient, huge->weight.count);
        return fail(error, ELMAN_ERR_NOT_FINITE,
                    "step %llu: the gradient of %s is too large to be squared; the weights are "
                    "kept as they were before this step",
                    number, note_place(trainer, step, tensor, element, place));
    }
    if (!optimizer_update(optimizer, step, rate, factor, &tensor, &element))
        return fail(error, ELMAN_ERR_NOT_FINITE,
                    "step %llu: %s would hold a number that is not finite; the weights are kept "
                    "as they were before this step",
                    number, note_place(trainer, step, tensor, element, place));
    return ELMAN_OK;
}

elman_status trainer_take_step(elman_trainer *trainer, const elman_sequence *given,
                               const elman_targets *targets, float *state_out, uint64_t total,
                               elman_step_report *report, elman_error *error) {
    const double begin = trainer_clock();
    const uint64_t step = trainer->progress.step + 1;
    elman_sequence sequence = *given;
    elman_loss loss;
    sequence.training = !trainer->without_dropout;
    sequence.dropout_seed = trainer->options.seed;
    sequence.dropout_pass = step;
    trainer->is_not_finite = false;
    elman_status status = fit_tape(trainer, &sequence, error);
    if (status == ELMAN_OK)
        status = compute_gradients(trainer, &sequence, targets, state_out, &loss, error);
    if (status == ELMAN_OK) status = check_finite(trainer, step, loss.mean, error);
    if (status != ELMAN_OK) return status;

    const double rate = schedule_rate(&trainer->options, step, total);
    *report = (elman_step_report){.step = step,
                                  .total_steps = total,
                                  .loss = loss.mean,
                                  .learning_rate = rate,
                                  .update_ratio = trainer->optimizer.ratio,
                                  .update_ratio_count = trainer->optimizer.group_count,
                                  .predicted = loss.count,
                                  .validation_loss = NAN,
                                  .best_validation_loss = NAN};
    status = apply_gradients(trainer, step, rate, report, error);
    if (status != ELMAN_OK) return status;
    if (trainer->average != NULL) optimizer_average(&trainer->optimizer, step, trainer->average);
    trainer->progress.step = step;
    report->seconds = trainer_clock() - begin;
    return ELMAN_OK;
}

elman_status elman_trainer_step(elman_trainer *trainer, const elman_sequence *given,
                                const elman_targets *targets, float *state_out,
                                elman_step_report *report, elman_error *error) {
    elman_sequence sequence;
    elman_step_report scratch;
    const elman_status status =
        options_read(&sequence, sizeof(sequence), given, "elman_sequence", error);
    if (status != ELMAN_OK) return status;
    if (trainer->running)
        return fail(error, ELMAN_ERR_ARGUMENT, "elman_trainer_step: this trainer belongs to a run");
    if (trainer->options.schedule == ELMAN_SCHEDULE_COSINE && trainer->options.schedule_steps == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_step: a cosine schedule without schedule_steps lasts as long "
                    "as a run, and this is none");
    return trainer_take_step(trainer, &sequence, targets, state_out, 0,
                             report != NULL ? report : &scratch, error);
}
