/* Worker threads that carry out one job together.
 *
 * A job is announced by a generation number that grows: a worker that sees a new one does its share
 * and counts itself out of `remaining`. Both sides first spin and then sleep; whoever is about to
 * sleep says so (`sleepers`, `caller_sleeps`) before it looks a last time, and whoever changes what
 * is waited for looks at that afterwards. With sequentially consistent atomics one of the two sees
 * the other, so no wake-up is lost and none is paid for while all spin. */
#include "core/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "core/fail.h"
#include <elman/context.h>

/* How often a waiting thread looks before it sleeps: some 20 microseconds, more than the time
 * between two jobs of a training step. */
enum { SPINS = 2000 };

typedef struct Worker {
    Pool *pool;
    size_t index;
    pthread_t thread;
} Worker;

struct Pool {
    Memory *memory;
    Worker *threads; /* [workers - 1], of the workers 1, 2, ... */
    size_t workers;
    int spins;

    PoolFunction function; /* written before `generation`, read after it */
    void *argument;
    atomic_bool stop;

    /* On cache lines of their own: the one is read in a loop while the other is written. */
    _Alignas(MEMORY_ALIGNMENT) atomic_uint generation;
    _Alignas(MEMORY_ALIGNMENT) atomic_size_t remaining; /* threads that have not finished the job */

    pthread_mutex_t mutex;
    pthread_cond_t wake; /* `generation` has changed */
    pthread_cond_t done; /* `remaining` is 0 */
    atomic_size_t sleepers;
    atomic_bool caller_sleeps;
};

static void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause(); /* leaves the core to its other thread */
#endif
}

static void wait_for_generation(Pool *pool, unsigned seen) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->generation) != seen) return;
        spin_pause();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void announce(Pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_workers(Pool *pool) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->remaining) == 0) return;
        spin_pause();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->remaining) != 0) pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void finish_share(Pool *pool) {
    if (atomic_fetch_sub(&pool->remaining, 1) != 1) return;
    if (!atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *argument) {
    const Worker *worker = argument;
    Pool *pool = worker->pool;
    for (unsigned seen = 0;; seen++) {
        wait_for_generation(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        pool->function(pool->argument, worker->index, pool->workers);
        finish_share(pool);
    }
}

/* Starts one thread with every signal blocked that can be meant for the whole process. */
static int start_thread(Worker *worker) {
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    int code = pthread_sigmask(SIG_SETMASK, &blocked, &before);
    if (code != 0) return code;
    code = pthread_create(&worker->thread, NULL, work, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void stop_threads(Pool *pool, size_t started) {
    atomic_store(&pool->stop, true);
    announce(pool);
    for (size_t i = 0; i < started; i++) pthread_join(pool->threads[i].thread, NULL);
}

static elman_status start_threads(Pool *pool, elman_error *error) {
    for (size_t i = 0; i + 1 < pool->workers; i++) {
        pool->threads[i].pool = pool;
        pool->threads[i].index = i + 1;
        const int code = start_thread(&pool->threads[i]);
        if (code == 0) continue;
        stop_threads(pool, i);
        return fail_system(error, code, "thread %zu of %zu cannot be started", i + 2,
                           pool->workers);
    }
    return ELMAN_OK;
}

elman_status pool_create(Memory *memory, size_t workers, Pool **result, elman_error *error) {
    assert(workers >= 1);
    *result = NULL;
    Pool *pool = memory_allocate(memory, sizeof(*pool));
    Worker *threads = memory_allocate_array(memory, workers - 1, sizeof(*threads));
    if (pool == NULL || threads == NULL) {
        memory_release(memory, threads);
        memory_release(memory, pool);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a pool of %zu threads", workers);
    }
    pool->memory = memory;
    pool->threads = threads;
    pool->workers = workers;
    /* A thread that spins on the processor that another one needs only delays it. */
    pool->spins = workers <= elman_processor_count() ? SPINS : 0;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);

    const elman_status status = start_threads(pool, error);
    if (status != ELMAN_OK) {
        pool->workers = 1;
        pool_destroy(pool);
        return status;
    }
    *result = pool;
    return ELMAN_OK;
}

void pool_destroy(Pool *pool) {
    if (pool == NULL) return;
    stop_threads(pool, pool->workers - 1);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    memory_release(pool->memory, pool->threads);
    memory_release(pool->memory, pool);
}

size_t pool_workers(const Pool *pool) {
    return pool->workers;
}

void pool_run(Pool *pool, PoolFunction function, void *argument) {
    if (pool->workers > 1) {
        pool->function = function;
        pool->argument = argument;
        atomic_store(&pool->remaining, pool->workers - 1);
        announce(pool);
    }
    function(argument, 0, pool->workers);
    if (pool->workers > 1) wait_for_workers(pool);
}

void pool_split(size_t count, size_t grain, size_t worker, size_t workers, size_t *begin,
                size_t *end) {
    assert(grain >= 1 && worker < workers);
    const size_t grains = count / grain + (count % grain != 0);
    const size_t share = grains / workers;
    const size_t extra = grains % workers; /* the first `extra` workers take one grain more */
    const size_t first = worker * share + (worker < extra ? worker : extra);
    const size_t last = first + share + (worker < extra ? 1 : 0);
    *begin = first < grains ? first * grain : count;
    *end = last < grains ? last * grain : count;
}
