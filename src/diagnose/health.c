/* Training health: what the log of a run says of it. */
#include <math.h>

#include "core/logarithm.h"
#include "core/options.h"
#include "diagnose/diagnosis.h"

/* A spike is looked for among so many losses before it, at most and at least. */
enum { SPIKE_WINDOW = 50, SPIKE_LEAST = 20 };

/* A validation must be better by this share to count as better. */
static const double better = 1e-3;

/* Numbers that are gathered from steps; those that are not finite are left out. */
typedef struct Gathered {
    double *numbers;
    size_t count;
} Gathered;

static void gather(Gathered *gathered, double number) {
    if (isfinite(number)) gathered->numbers[gathered->count++] = number;
}

static double mean_loss(const elman_log *run, size_t first, size_t end) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        if (!isfinite(run->steps[i].loss)) continue;
        sum += run->steps[i].loss;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

static void measure_losses(elman_training_health *health, const elman_log *run) {
    const size_t tenth = run->count < 10 ? 1 : run->count / 10;
    health->first_loss = mean_loss(run, 0, tenth);
    health->last_loss = mean_loss(run, run->count - tenth, run->count);
    health->start_loss = run->steps[0].loss;
    health->highest_loss = health->start_loss;
    for (size_t i = 0; i + 5 <= run->count; i++)
        health->highest_loss = fmax(health->highest_loss, mean_loss(run, i, i + 5));
}

static void measure_clipping(elman_training_health *health, const elman_log *run, double *scratch) {
    Gathered factors = {.numbers = scratch};
    size_t clipped = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (!run->steps[i].clipped) continue;
        clipped++;
        if (run->clip_norm > 0.0) gather(&factors, run->steps[i].gradient_norm / run->clip_norm);
    }
    health->clipped = (double)clipped / (double)run->count;
    health->clip_factor = diagnosis_quartiles(factors.numbers, factors.count).median;
}

static elman_status measure_updates(elman_diagnosis *diagnosis, const elman_log *run,
                                    double *scratch, elman_error *error) {
    const size_t groups = run->update_ratio_count;
    elman_quartiles *const ratios = diagnosis_keep(diagnosis, groups, sizeof *ratios);
    if (!ratios) return diagnosis_no_memory(error);
    for (size_t group = 0; group < groups; group++) {
        Gathered gathered = {.numbers = scratch};
        for (size_t i = run->count / 2; i < run->count; i++)
            if (run->steps[i].update_ratio) gather(&gathered, run->steps[i].update_ratio[group]);
        ratios[group] = diagnosis_quartiles(gathered.numbers, gathered.count);
    }
    diagnosis->health.group_count = groups;
    diagnosis->health.update_ratio = ratios;
    return ELMAN_OK;
}

/* What the losses just before a step were like. */
typedef struct Level {
    double median, scatter;         /* scatter: a standard deviation, from the median absolute */
    double log_median, log_scatter; /* of their logarithms; NaN where not all are above 0 */
    double greatest;
    double predicted; /* median of what they are means of; NaN: unknown */
} Level;

static double median(double *numbers, size_t count) {
    return diagnosis_quartiles(numbers, count).median;
}

/* The median of the numbers, which are sorted in place, and their median absolute deviation as a
 * standard deviation. `rest` has room for as many. */
static void find_scatter(double *numbers, size_t count, double *rest, double *middle,
                         double *scatter) {
    *middle = median(numbers, count);
    for (size_t i = 0; i < count; i++) rest[i] = fabs(numbers[i] - *middle);
    *scatter = 1.4826 * median(rest, count);
}

/* The level of the finite losses among those before step `end`; false where they are too few. */
static bool find_level(const elman_log *run, size_t end, Level *level) {
    double losses[SPIKE_WINDOW], counts[SPIKE_WINDOW], rest[SPIKE_WINDOW];
    Gathered loss = {.numbers = losses}, predicted = {.numbers = counts};
    for (size_t i = end < SPIKE_WINDOW ? 0 : end - SPIKE_WINDOW; i < end; i++) {
        gather(&loss, run->steps[i].loss);
        if (run->steps[i].predicted > 0.0) gather(&predicted, run->steps[i].predicted);
    }
    if (loss.count < SPIKE_LEAST) return false;
    *level = (Level){.log_median = NAN, .log_scatter = NAN};
    find_scatter(losses, loss.count, rest, &level->median, &level->scatter);
    level->predicted = median(counts, predicted.count);
    level->greatest = losses[loss.count - 1];
    if (losses[0] <= 0.0) return true;
    for (size_t i = 0; i < loss.count; i++) losses[i] = natural_logarithm(losses[i]);
    find_scatter(losses, loss.count, rest, &level->log_median, &level->log_scatter);
    return true;
}

/* How much wider than usual the mean of few predictions scatters. */
static double width(const Level *level, double predicted) {
    return predicted > 0.0 && level->predicted > predicted ? sqrt(level->predicted / predicted)
                                                           : 1.0;
}

/* Whether the loss of step i is a spike. With m and s the median and the scatter of the 50 losses
 * before it, and e its excess over m, all of these hold:
 *
 *     e > 6 s                              no noise that is near to normal does that
 *     of logarithms e > 5 s                nor near to log-normal (where losses are above 0)
 *     e > 1.5 (the greatest of them - m)   nor with tails as heavy as those have
 *     e > a quarter of what had been learnt: the median of the first 50 losses - m
 *     the loss after it still has a quarter of that excess, if there is one
 *
 * The last tells weights that were harmed from a batch that is hard. Without it the excess must be
 * twice as far outside, 3 (the greatest - m), and all that had been learnt. A mean of fewer
 * predictions than usual scatters more: then the first three bounds are that much wider. */
static bool is_spike(const elman_log *run, size_t i, double start, const Level *level) {
    const double wide = width(level, run->steps[i].predicted);
    const double learnt = start > level->median ? start - level->median : 0.0;
    const double reach = wide * (level->greatest - level->median);
    const double loss = run->steps[i].loss, excess = loss - level->median;
    if (!(excess > 6.0 * wide * level->scatter && excess > 1.5 * reach && excess > learnt / 4.0))
        return false;
    if (natural_logarithm(loss) - level->log_median <= 5.0 * wide * level->log_scatter)
        return false;
    const bool last = i + 1 == run->count;
    const bool stays = last || !(run->steps[i + 1].loss - level->median < excess / 4.0);
    return stays || (excess > 3.0 * reach && excess > learnt);
}

/* The end of a spike that begins at step i: where the loss has lost half its excess, or is the
 * usual thing. */
static size_t spike_end(const elman_log *run, size_t i, const Level *level) {
    const double half = (run->steps[i].loss - level->median) / 2.0;
    const size_t most = run->count - i < SPIKE_WINDOW ? run->count : i + SPIKE_WINDOW;
    size_t end = i + 1;
    while (end < most && !(run->steps[end].loss - level->median < half)) end++;
    return end;
}

/* Whether the loss of step i is greater than all that a spike is looked for among. Most are not,
 * and are no spike: what follows is slow. */
static bool is_greatest(const elman_log *run, size_t i) {
    const size_t first = i < SPIKE_WINDOW ? 0 : i - SPIKE_WINDOW;
    for (size_t k = i; k-- > first;)
        if (run->steps[k].loss >= run->steps[i].loss) return false;
    return isfinite(run->steps[i].loss);
}

/* Counts the spikes and puts their steps into `steps` (NULL: nowhere). */
static size_t find_spikes(const elman_log *run, uint64_t *steps) {
    double losses[SPIKE_WINDOW];
    Gathered first = {.numbers = losses};
    for (size_t i = 0; i < run->count && i < SPIKE_WINDOW; i++) gather(&first, run->steps[i].loss);
    const double start = median(losses, first.count);
    size_t count = 0;
    for (size_t i = SPIKE_LEAST; i < run->count; i++) {
        Level level;
        if (!is_greatest(run, i) || !find_level(run, i, &level) || !is_spike(run, i, start, &level))
            continue;
        if (steps) steps[count] = run->steps[i].step;
        count++;
        i = spike_end(run, i, &level);
    }
    return count;
}

static elman_status measure_spikes(elman_diagnosis *diagnosis, const elman_log *run,
                                   elman_error *error) {
    const size_t count = find_spikes(run, NULL);
    uint64_t *const steps = diagnosis_keep(diagnosis, count, sizeof *steps);
    if (!steps) return diagnosis_no_memory(error);
    diagnosis->health.spike_count = find_spikes(run, steps);
    diagnosis->health.spikes = steps;
    return ELMAN_OK;
}

static void measure_validation(elman_training_health *health, const elman_log *run) {
    for (size_t i = 0; i < run->count; i++) {
        const double loss = run->steps[i].validation_loss;
        if (!isfinite(loss)) continue;
        health->last_validation = loss;
        if (loss >= health->best_validation) continue;
        health->best_validation = loss;
        health->best_step = run->steps[i].step;
    }
    health->gap = health->last_validation - health->last_loss;
}

/* The lowest validation loss of some steps; INFINITY: there is none. */
static double best_validation(const elman_log *run, size_t first, size_t end) {
    double best = INFINITY;
    for (size_t i = first; i < end; i++)
        if (run->steps[i].validation_loss < best) best = run->steps[i].validation_loss;
    return best;
}

/* Whether the last third of the steps brought nothing: no validation that is better than all
 * before it or, where there are none to compare, no lower loss than the third before had. */
static bool is_plateau(const elman_log *run) {
    const size_t third = run->count / 3, last = run->count - third;
    double before = best_validation(run, 0, last);
    double then = best_validation(run, last, run->count);
    if (!isfinite(before) || !isfinite(then)) {
        before = mean_loss(run, last - third, last);
        then = mean_loss(run, last, run->count);
    }
    return then > before - better * fabs(before);
}

static elman_status measure(elman_diagnosis *diagnosis, const elman_log *run, double *scratch,
                            elman_error *error) {
    elman_training_health *const health = &diagnosis->health;
    measure_losses(health, run);
    measure_clipping(health, run, scratch);
    measure_validation(health, run);
    health->plateau = is_plateau(run);
    const elman_status status = measure_updates(diagnosis, run, scratch, error);
    return status ? status : measure_spikes(diagnosis, run, error);
}

/* The steps, for plots, without what they point to. */
static elman_status keep_log(elman_diagnosis *diagnosis, const elman_log *run, elman_error *error) {
    elman_log_step *const steps = diagnosis_keep(diagnosis, run->count, sizeof *steps);
    if (!steps) return diagnosis_no_memory(error);
    for (size_t i = 0; i < run->count; i++) {
        steps[i] = run->steps[i];
        steps[i].update_ratio = NULL;
    }
    diagnosis->log = steps;
    diagnosis->log_count = run->count;
    diagnosis->clip_norm = run->clip_norm;
    return ELMAN_OK;
}

elman_status diagnosis_measure_health(elman_diagnosis *diagnosis, const elman_log *given,
                                      elman_error *error) {
    elman_training_health *const health = &diagnosis->health;
    elman_log run;
    elman_status status = options_read(&run, sizeof run, given, "elman_log", error);
    if (status) return status;
    *health = (elman_training_health){
        .steps = run.count,
        .clip_factor = NAN,
        .first_loss = NAN,
        .last_loss = NAN,
        .start_loss = NAN,
        .highest_loss = NAN,
        .best_validation = NAN,
        .last_validation = NAN,
        .gap = NAN,
    };
    if (run.not_finite) {
        health->not_finite = diagnosis_say(diagnosis, "%s", run.not_finite);
        health->not_finite_step = run.not_finite_step;
        if (!health->not_finite) return diagnosis_no_memory(error);
    }
    if (run.count == 0) return ELMAN_OK;
    double *const scratch = memory_allocate_array(&diagnosis->memory, run.count, sizeof *scratch);
    if (!scratch) return diagnosis_no_memory(error);
    status = measure(diagnosis, &run, scratch, error);
    memory_release(&diagnosis->memory, scratch);
    return status ? status : keep_log(diagnosis, &run, error);
}
