/* How workers share a pass: the share of each, and the wave in which they go through layers. */
#include "context/profile.h"
#include "model/tape.h"

typedef struct ShareJob {
    elman_tape *tape;
    TapeFunction function;
} ShareJob;

static void run_share(void *argument, size_t worker, size_t workers) {
    const ShareJob *const job = argument;
    elman_tape *const tape = job->tape;
    const Plan plan = tape->plan;
    const size_t batch = tape->pass.batch;
    const bool by_rows = plan.sharing == ELMAN_SHARE_ROWS;
    TapeShare share = {
        .cell = {worker, workers, by_rows ? CELL_ROWS : CELL_PANELS, tape->network->context->pool,
                 tape->start + worker * tape->options.batch},
        .row_end = batch,
        .steps = tape_steps(tape),
    };
    pool_split(batch, 1, worker, workers, &share.own_begin, &share.own_end);
    if (by_rows) {
        share.row_begin = share.own_begin;
        share.row_end = share.own_end;
    } else {
        pool_split(tape->pass.steps, 1, worker, workers, &share.steps.begin, &share.steps.end);
    }
    job->function(tape, &share);
}

void tape_each_share(elman_tape *tape, size_t inputs_from, TapeFunction function) {
    Pool *const pool = tape->network->context->pool;
    const bool open = tape->options.sharing == ELMAN_SHARE_AUTO;
    const PlanPass pass = {
        .network = tape->network,
        .sharing = tape->options.sharing,
        .steps = tape->pass.steps,
        .batch = tape->pass.batch,
        .inputs_from = inputs_from,
        .worker_of = tape->worker_of,
        .apart = open && lateness_apart(&tape->lateness),
        .awake = pool_awake(pool),
    };
    const size_t late = pool_late(pool);
    ShareJob job = {tape, function};
    tape->plan = plan_pass(&pass);
    if (tape->plan.workers > 1)
        pool_run(pool, run_share, &job);
    else
        run_share(&job, 0, 1);
    if (open && tape->plan.watched) lateness_note(&tape->lateness, pool_late(pool) - late);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_WAIT);
}

StepRange tape_steps(const elman_tape *tape) {
    return (StepRange){0, tape->pass.steps};
}

void tape_product(const elman_tape *tape, const TapeShare *share, Product product) {
    const StepRange steps = {0, tape->positions / tape->pass.batch};
    cell_product(tape->network->kernels, product, steps, tape->pass.batch, &share->cell);
}

TapeShare tape_whole_share(const elman_tape *tape, const TapeShare *share, StepRange steps) {
    TapeShare whole = *share;
    whole.cell.sharing = CELL_WHOLE;
    whole.steps = steps;
    whole.row_begin = 0;
    whole.row_end = tape->pass.batch;
    return whole;
}

void tape_wave(elman_tape *tape, const TapeShare *share, size_t first, size_t end, bool backward,
               TapeLayerFunction function) {
    const size_t steps = tape->pass.steps, chunk = tape->plan.chunk;
    const size_t chunks = (steps + chunk - 1) / chunk, workers = tape->worker_of[end - 1] + 1;
    const size_t worker = share->cell.worker;
    const size_t lag = backward ? workers - 1 - worker : worker; /* not read without layers */
    for (size_t stage = 0; stage < chunks + workers - 1; stage++) {
        const bool busy = worker < workers && stage >= lag && stage - lag < chunks;
        const size_t done = busy ? stage - lag : 0, at = backward ? chunks - 1 - done : done;
        const size_t last = at + 1 < chunks ? (at + 1) * chunk : steps;
        const TapeShare part = tape_whole_share(tape, share, (StepRange){at * chunk, last});
        for (size_t i = 0; busy && i < end - first; i++) {
            const size_t l = backward ? end - 1 - i : first + i;
            if (tape->worker_of[l] == worker) function(tape, l, &part);
        }
        cell_meet(&share->cell);
        profile_mark(tape->network->context, worker, ELMAN_PHASE_WAIT);
    }
}
