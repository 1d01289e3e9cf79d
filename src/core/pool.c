/* Worker threads that carry out one job together.
 *
 * Each worker counts what it has arrived at: the start of a job, the barriers in it, its end. Only
 * worker 0 can start a job and only the others can end one, so all counts agree and every wait is
 * for the same thing: that some workers have arrived as often as oneself. A worker publishes its
 * count where only it writes and goes no further than to read the others'; there is nothing that
 * two workers write. Two workers therefore meet in the time that a cache line needs to come over.
 *
 * Why that is enough. The publishing store releases and the reading load acquires, so what a worker
 * wrote before it arrived is seen by whoever has seen its count. That also covers a count that is
 * one ahead (its worker was let go first and has arrived at the next barrier; it cannot pass that
 * one): the same thread stored it later.
 *
 * Whoever has waited for long sleeps. It says so (`sleepers`) before it looks a last time; who
 * arrives publishes its count before it asks whether somebody sleeps. Both are sequentially
 * consistent, hence in one order. Take the arrival that is the last of those waited for: if it
 * stands before the sleeper's announcement, then so do all, and the sleeper's last look finds them;
 * else its worker finds the sleeper, and finds that all have arrived, and wakes it. The mutex lets
 * the broadcast come only after the sleeper, which held it from its announcement on, waits. */
#include "core/pool.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/fail.h"
#include <elman/context.h>

enum {
    /* How long a waiting thread looks before it sleeps: more than lies between two jobs of a
     * training step, and about what it costs to be woken. */
    SPIN_NANOSECONDS = 80 * 1000,
    EAGER_LOOKS = 256,   /* without pauses: one can take as long as a cache line's way */
    LOOKS_PER_CLOCK = 64 /* a look takes up to 40 nanoseconds, clock and scheduler 300 */
};

/* What one worker tells the others: a cache line that it alone writes. */
typedef struct Signal {
    _Alignas(MEMORY_ALIGNMENT) atomic_uint arrivals;
    /* Of worker 0, and beside its count because they are read together: the job, written before
     * the count of its start. No function: the end of the pool. */
    PoolFunction function;
    void *argument;
} Signal;

/* What one worker keeps to itself. */
typedef struct Worker {
    _Alignas(MEMORY_ALIGNMENT) unsigned arrivals; /* with the starts, which are not published */
    size_t late;                                  /* barriers at which it did not go on waiting */
    bool met;                                     /* at a barrier of the present job */
    Pool *pool;
    size_t index;
    pthread_t thread;
} Worker;

/* Where threads sleep that wait for the same kind of event. */
typedef struct Bed {
    atomic_size_t sleepers;
    pthread_cond_t wake;
} Bed;

struct Pool {
    Memory *memory;
    Signal *signals; /* [workers] */
    Worker *team;    /* [workers] */
    size_t workers;
    bool spins;

    pthread_mutex_t mutex;
    Bed idle;    /* for the start of a job */
    Bed meeting; /* for the others, at a barrier and at the end */
};

/* That `count` workers, from `first` on and around, have arrived `arrivals` times. */
typedef struct Event {
    size_t first, count;
    unsigned arrivals;
} Event;

static bool happened(const Pool *pool, Event event) {
    size_t worker = event.first;
    for (size_t i = 0; i < event.count; i++, worker++) {
        if (worker == pool->workers) worker = 0;
        /* Counts wrap around; none is far behind another. */
        const unsigned ahead = atomic_load(&pool->signals[worker].arrivals) - event.arrivals;
        if (ahead > UINT_MAX / 2) return false;
    }
    return true;
}

static void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause(); /* leaves the core to its other thread */
#endif
}

static int64_t nanoseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Looks for a while; false: it has not happened. */
static bool spin(const Pool *pool, Event event) {
    if (!pool->spins) return happened(pool, event);
    int64_t end = INT64_MAX; /* until the clock is read, which short waits need not */
    for (unsigned looks = 1;; looks++) {
        if (happened(pool, event)) return true;
        if (looks <= EAGER_LOOKS) continue;
        spin_pause();
        if (looks % LOOKS_PER_CLOCK != 0) continue;
        if (end == INT64_MAX) end = nanoseconds() + SPIN_NANOSECONDS;
        /* Other programs may have put the one that is waited for behind this very thread. */
        (void)sched_yield();
        if (nanoseconds() >= end) return false;
    }
}

static void sleep_until(Pool *pool, Bed *bed, Event event) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&bed->sleepers, 1);
    while (!happened(pool, event)) pthread_cond_wait(&bed->wake, &pool->mutex);
    atomic_fetch_sub(&bed->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for(Pool *pool, Bed *bed, Event event) {
    if (!spin(pool, event)) sleep_until(pool, bed, event);
}

static unsigned arrive(Pool *pool, size_t worker) {
    const unsigned arrivals = ++pool->team[worker].arrivals;
    atomic_store(&pool->signals[worker].arrivals, arrivals);
    return arrivals;
}

/* After an arrival: wakes who waits for `event`, should it be the last one that this needed. */
static void wake_when(Pool *pool, Bed *bed, Event event) {
    if (atomic_load(&bed->sleepers) == 0 || !happened(pool, event)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&bed->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static void start_job(Pool *pool, PoolFunction function, void *argument) {
    pool->signals[0].function = function;
    pool->signals[0].argument = argument;
    const Event start = {0, 1, arrive(pool, 0)};
    wake_when(pool, &pool->idle, start);
}

static void *work(void *argument) {
    Worker *worker = argument;
    Pool *pool = worker->pool;
    for (;;) {
        const Event start = {0, 1, ++worker->arrivals};
        wait_for(pool, &pool->idle, start);
        if (pool->signals[0].function == NULL) return NULL;
        worker->met = false;
        pool->signals[0].function(pool->signals[0].argument, worker->index, pool->workers);
        const Event finish = {1, pool->workers - 1, arrive(pool, worker->index)};
        wake_when(pool, &pool->meeting, finish);
    }
}

void pool_barrier(Pool *pool, size_t worker) {
    assert(worker < pool->workers);
    if (pool->workers == 1) return;
    /* Without its own line, which to read would call back from those who are reading it. */
    const Event meeting = {worker + 1, pool->workers - 1, arrive(pool, worker)};
    wake_when(pool, &pool->meeting, meeting);
    /* At a job's first barrier the others may still be waking up, which is no sign of anything. */
    const bool counts = pool->team[worker].met;
    pool->team[worker].met = true;
    if (spin(pool, meeting)) return;
    if (counts) pool->team[worker].late++;
    sleep_until(pool, &pool->meeting, meeting);
}

void pool_forgive(Pool *pool, size_t worker) {
    pool->team[worker].met = false;
}

bool pool_awake(const Pool *pool) {
    return atomic_load_explicit(&pool->idle.sleepers, memory_order_relaxed) == 0;
}

size_t pool_late(const Pool *pool) {
    size_t late = 0;
    for (size_t w = 0; w < pool->workers; w++) late += pool->team[w].late;
    /* All others wait for one who is late. */
    return pool->workers > 1 ? late / (pool->workers - 1) : 0;
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

/* Stops the workers [1, end). */
static void stop_threads(Pool *pool, size_t end) {
    start_job(pool, NULL, NULL);
    for (size_t w = 1; w < end; w++) pthread_join(pool->team[w].thread, NULL);
}

static elman_status start_threads(Pool *pool, elman_error *error) {
    for (size_t w = 1; w < pool->workers; w++) {
        pool->team[w].pool = pool;
        pool->team[w].index = w;
        const int code = start_thread(&pool->team[w]);
        if (code == 0) continue;
        stop_threads(pool, w);
        return fail_system(error, code, "thread %zu of %zu cannot be started", w + 1,
                           pool->workers);
    }
    return ELMAN_OK;
}

static void release(Pool *pool) {
    pthread_cond_destroy(&pool->meeting.wake);
    pthread_cond_destroy(&pool->idle.wake);
    pthread_mutex_destroy(&pool->mutex);
    memory_release(pool->memory, pool->team);
    memory_release(pool->memory, pool->signals);
    memory_release(pool->memory, pool);
}

elman_status pool_create(Memory *memory, size_t workers, Pool **result, elman_error *error) {
    assert(workers >= 1);
    *result = NULL;
    Pool *pool = memory_allocate(memory, sizeof(*pool));
    Signal *signals = memory_allocate_array(memory, workers, sizeof(*signals));
    Worker *team = memory_allocate_array(memory, workers, sizeof(*team));
    if (pool == NULL || signals == NULL || team == NULL) {
        memory_release(memory, team);
        memory_release(memory, signals);
        memory_release(memory, pool);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a pool of %zu threads", workers);
    }
    pool->memory = memory;
    pool->signals = signals;
    pool->team = team;
    pool->workers = workers;
    /* A thread that spins on the processor that another one needs only delays it. */
    pool->spins = workers <= elman_processor_count();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->idle.wake, NULL);
    pthread_cond_init(&pool->meeting.wake, NULL);

    const elman_status status = start_threads(pool, error);
    if (status != ELMAN_OK) {
        release(pool);
        return status;
    }
    *result = pool;
    return ELMAN_OK;
}

void pool_destroy(Pool *pool) {
    if (pool == NULL) return;
    stop_threads(pool, pool->workers);
    release(pool);
}

size_t pool_workers(const Pool *pool) {
    return pool->workers;
}

bool pool_spins(const Pool *pool) {
    return pool->spins;
}

void pool_run(Pool *pool, PoolFunction function, void *argument) {
    if (pool->workers == 1) {
        function(argument, 0, 1);
        return;
    }
    pool->team[0].met = false;
    start_job(pool, function, argument);
    function(argument, 0, pool->workers);
    const Event finish = {1, pool->workers - 1, ++pool->team[0].arrivals};
    wait_for(pool, &pool->meeting, finish);
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
