/* The thread pool: every worker once per job, in both its waiting modes, and what it leaves alone.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/pool.h"
#include "support/allocator.h"

enum { WORKERS_MAX = 8 };

static const size_t worker_counts[] = {1, 2, 3, 4, 8};
enum { COUNTS = sizeof(worker_counts) / sizeof(worker_counts[0]) };

static Pool *make_pool(Memory *memory, size_t workers) {
    Pool *pool = NULL;
    memory_init(memory, NULL);
    assert_int_equal(pool_create(memory, workers, &pool, NULL), ELMAN_OK);
    assert_int_equal(pool_workers(pool), workers);
    return pool;
}

static void pause_milliseconds(long milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Plain variables on purpose: the thread sanitizer sees whether the pool orders their accesses. */
typedef struct Job {
    size_t workers;
    size_t calls[WORKERS_MAX];
    size_t input;
    size_t output[WORKERS_MAX];
    pthread_t threads[WORKERS_MAX];
    long delay; /* milliseconds, of the worker `slow` */
    size_t slow;
} Job;

static void count_call(void *argument, size_t worker, size_t workers) {
    Job *job = argument;
    if (job->delay > 0 && worker == job->slow) pause_milliseconds(job->delay);
    job->calls[worker]++;
    job->output[worker] = job->input + worker;
    job->threads[worker] = pthread_self();
    if (worker == 0) job->workers = workers;
}

static void check_job(Job *job, size_t workers, size_t rounds) {
    assert_int_equal(job->workers, workers);
    for (size_t w = 0; w < WORKERS_MAX; w++) {
        assert_int_equal(job->calls[w], w < workers ? rounds : 0);
        if (w < workers) assert_int_equal(job->output[w], job->input + w);
    }
}

static void every_worker_runs_every_job_once(void **state) {
    (void)state;
    for (size_t c = 0; c < COUNTS; c++) {
        Memory memory;
        Pool *pool = make_pool(&memory, worker_counts[c]);
        Job job = {0};
        for (size_t round = 1; round <= 500; round++) {
            job.input = round;
            pool_run(pool, count_call, &job);
            check_job(&job, worker_counts[c], round);
        }
        assert_true(pthread_equal(job.threads[0], pthread_self()));
        for (size_t w = 1; w < worker_counts[c]; w++)
            for (size_t v = 0; v < w; v++)
                assert_false(pthread_equal(job.threads[w], job.threads[v]));
        pool_destroy(pool);
    }
}

/* Work in steps: each worker writes its own number, all meet, each reads all numbers, all meet. */
typedef struct Steps {
    Pool *pool;
    size_t count;
    size_t numbers[WORKERS_MAX];
    size_t wrong[WORKERS_MAX];
    size_t slow_every; /* steps between two pauses of a worker; 0: no pauses */
} Steps;

static void take_steps(void *argument, size_t worker, size_t workers) {
    Steps *steps = argument;
    for (size_t i = 1; i <= steps->count; i++) {
        if (steps->slow_every > 0 && i % (steps->slow_every * workers) == worker)
            pause_milliseconds(2);
        steps->numbers[worker] = i * (worker + 1);
        pool_barrier(steps->pool, worker);
        for (size_t w = 0; w < workers; w++)
            steps->wrong[worker] += steps->numbers[w] != i * (w + 1);
        pool_barrier(steps->pool, worker);
    }
}

static void check_steps(size_t jobs, size_t count, size_t slow_every) {
    for (size_t c = 0; c < COUNTS; c++) {
        Memory memory;
        Pool *pool = make_pool(&memory, worker_counts[c]);
        for (size_t job = 0; job < jobs; job++) {
            Steps steps = {.pool = pool, .count = count, .slow_every = slow_every};
            pool_run(pool, take_steps, &steps);
            for (size_t w = 0; w < worker_counts[c]; w++) {
                assert_int_equal(steps.numbers[w], count * (w + 1));
                assert_int_equal(steps.wrong[w], 0);
            }
        }
        pool_destroy(pool);
    }
}

static void barriers_keep_workers_in_step(void **state) {
    (void)state;
    check_steps(1, 2000, 0);
    check_steps(100, 1, 0);
}

static void barriers_wait_for_slow_workers(void **state) {
    (void)state;
    check_steps(2, 32, 4);
}

/* Pauses long enough for all to fall asleep: before the job, in a worker, in the caller. */
static void sleepers_wake_up(void **state) {
    (void)state;
    for (size_t c = 1; c < COUNTS; c++) {
        Memory memory;
        Pool *pool = make_pool(&memory, worker_counts[c]);
        Job job = {0};
        for (size_t round = 1; round <= 6; round++) {
            if (round % 3 == 0) pause_milliseconds(5);
            job.delay = round % 3 == 0 ? 0 : 5;
            job.slow = round % 3 == 1 ? worker_counts[c] - 1 : 0;
            job.input = round;
            pool_run(pool, count_call, &job);
            check_job(&job, worker_counts[c], round);
        }
        pool_destroy(pool);
    }
}

/* What /proc tells of a thread: whether it sleeps, and how often it has given up a processor. */
typedef struct Thread {
    long id; /* 0: not known yet */
    char state;
    unsigned long switches;
} Thread;

static bool read_thread(Thread *thread) {
    char path[64], line[128];
    unsigned long switches;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/status", thread->id);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    thread->switches = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "State: %c", &thread->state);
        if (sscanf(line, "voluntary_ctxt_switches: %lu", &switches) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %lu", &switches) == 1)
            thread->switches += switches;
    }
    (void)fclose(file);
    return true;
}

/* Whether the thread is seen asleep before long and stays so; a thread that spins never is. */
static bool falls_asleep(Thread *thread) {
    int same = 0; /* looks at one and the same sleep */
    for (int i = 0; i < 10000 && same < 10; i++) {
        const unsigned long switches = thread->switches;
        if (!read_thread(thread)) return false;
        same = thread->state == 'S' && thread->switches == switches ? same + 1 : 0;
        pause_milliseconds(1);
    }
    return same == 10;
}

/* Those who wait for worker 0 at a barrier sleep, and it comes only then. */
typedef struct Waiting {
    Pool *pool;
    bool asleep[WORKERS_MAX];
    Thread threads[WORKERS_MAX];
} Waiting;

static void wait_at_a_barrier(void *argument, size_t worker, size_t workers) {
    Waiting *waiting = argument;
    waiting->threads[worker].id = syscall(SYS_gettid);
    pool_barrier(waiting->pool, worker);
    for (size_t w = 1; worker == 0 && w < workers; w++)
        waiting->asleep[w] = falls_asleep(&waiting->threads[w]);
    pool_barrier(waiting->pool, worker);
}

static void waiting_workers_sleep(void **state) {
    (void)state;
    if (access("/proc/self/task", F_OK) != 0) skip();
    for (size_t c = 1; c < COUNTS; c++) {
        Memory memory;
        Waiting waiting = {.pool = make_pool(&memory, worker_counts[c])};
        for (int job = 0; job < 3; job++) {
            pool_run(waiting.pool, wait_at_a_barrier, &waiting);
            for (size_t w = 1; w < worker_counts[c]; w++) assert_true(waiting.asleep[w]);
        }
        /* Without a job they sleep, too. */
        for (size_t w = 1; w < worker_counts[c]; w++)
            assert_true(falls_asleep(&waiting.threads[w]));
        pool_destroy(waiting.pool);
    }
}

static void pools_come_and_go(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        Memory memory;
        Pool *pool = make_pool(&memory, worker_counts[i % COUNTS]);
        Job job = {0};
        if (i % 2 == 0) pool_run(pool, count_call, &job);
        if (i % 3 == 0) pause_milliseconds(1);
        pool_destroy(pool);
    }
    pool_destroy(NULL);
}

static void record_mask(void *argument, size_t worker, size_t workers) {
    (void)workers;
    sigset_t *masks = argument;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &masks[worker]);
}

static void signals_go_to_the_caller(void **state) {
    (void)state;
    Memory memory;
    sigset_t masks[3], before, after;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
    Pool *pool = make_pool(&memory, 3);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
    pool_run(pool, record_mask, masks);
    pool_destroy(pool);
    static const int process_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGUSR1};
    for (size_t i = 0; i < sizeof(process_signals) / sizeof(process_signals[0]); i++) {
        assert_int_equal(sigismember(&after, process_signals[i]),
                         sigismember(&before, process_signals[i]));
        assert_int_equal(sigismember(&masks[0], process_signals[i]),
                         sigismember(&before, process_signals[i]));
        assert_int_equal(sigismember(&masks[1], process_signals[i]), 1);
        assert_int_equal(sigismember(&masks[2], process_signals[i]), 1);
    }
    /* A fault in a worker still reaches whoever handles faults. */
    assert_int_equal(sigismember(&masks[1], SIGSEGV), 0);
}

static void creation_without_memory(void **state) {
    (void)state;
    for (long k = 0; k < 3; k++) {
        CountingAllocator counting = {.allow = k};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        memory_init(&memory, &allocator);
        Pool *pool = (Pool *)1;
        elman_error error;
        assert_int_equal(pool_create(&memory, 4, &pool, &error), ELMAN_ERR_MEMORY);
        assert_null(pool);
        assert_string_equal(error.message, "no memory for a pool of 4 threads");
        assert_int_equal(counting.live, 0);
    }
}

/* Sanitizers reserve more address space than a limit could leave. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

/* In a process whose address space has room for some of eight stacks: 0 when pool_create failed as
 * it should. */
static int create_with_few_stacks(void) {
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    memory_init(&memory, &allocator);
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1) return 2;
    (void)fclose(file);
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0) return 3;
    const rlim_t stack = limit.rlim_cur == RLIM_INFINITY ? 8 << 20 : limit.rlim_cur;
    limit.rlim_cur = pages * (unsigned long)sysconf(_SC_PAGESIZE) + stack * 3 + (1 << 20);
    limit.rlim_max = limit.rlim_cur;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 4;

    Pool *pool = NULL;
    elman_error error;
    if (pool_create(&memory, 9, &pool, &error) != ELMAN_ERR_IO || pool != NULL) return 5;
    unsigned thread = 0;
    if (sscanf(error.message, "thread %u of 9 cannot be started: ", &thread) != 1) return 6;
    if (thread < 3 || thread > 9) return 7; /* some had started */
    struct stat tasks = {0};                /* a folder with two links and one for each thread */
    for (int i = 0; i < 1000 && tasks.st_nlink != 3; i++) {
        if (stat("/proc/self/task", &tasks) != 0) return 8;
        pause_milliseconds(1);
    }
    return tasks.st_nlink != 3 ? 9 : counting.live == 0 ? 0 : 10;
}

static void creation_without_threads(void **state) {
    (void)state;
    if (SANITIZED) skip();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(create_with_few_stacks());
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void splits_cover_everything_once(void **state) {
    (void)state;
    for (size_t count = 0; count <= 70; count++)
        for (size_t grain = 1; grain <= 20; grain += grain < 4 ? 1 : 6)
            for (size_t workers = 1; workers <= 9; workers++) {
                size_t next = 0, least = SIZE_MAX, most = 0;
                for (size_t w = 0; w < workers; w++) {
                    size_t begin, end;
                    pool_split(count, grain, w, workers, &begin, &end);
                    assert_int_equal(begin, next);
                    assert_true(end >= begin && end <= count);
                    assert_true(begin % grain == 0 || begin == count);
                    const size_t grains = (end - begin + grain - 1) / grain;
                    if (grains < least) least = grains;
                    if (grains > most) most = grains;
                    next = end;
                }
                assert_int_equal(next, count);
                assert_true(most - least <= 1);
            }
    size_t begin, end;
    pool_split(SIZE_MAX, 16, 7, 8, &begin, &end);
    assert_true(end == SIZE_MAX && begin % 16 == 0 && begin > SIZE_MAX / 8 * 7 - 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_runs_every_job_once),
        cmocka_unit_test(barriers_keep_workers_in_step),
        cmocka_unit_test(barriers_wait_for_slow_workers),
        cmocka_unit_test(sleepers_wake_up),
        cmocka_unit_test(waiting_workers_sleep),
        cmocka_unit_test(pools_come_and_go),
        cmocka_unit_test(signals_go_to_the_caller),
        cmocka_unit_test(creation_without_memory),
        cmocka_unit_test(creation_without_threads),
        cmocka_unit_test(splits_cover_everything_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
