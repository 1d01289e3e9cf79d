/* Prints the seconds that two threads take to meet at a barrier of spinning flags, each flag on a
 * cache line of its own: how near to each other the two processors are at the moment. */
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { GROUPS = 101, MEETINGS = 1000 };

typedef struct Flag {
    alignas(128) atomic_uint meetings;
} Flag;

static Flag flags[2];
static double groups[GROUPS]; /* seconds of a meeting, the mean of a group */

static void meet(size_t me, unsigned meeting) {
    atomic_store_explicit(&flags[me].meetings, meeting, memory_order_release);
    while (atomic_load_explicit(&flags[1 - me].meetings, memory_order_acquire) < meeting) continue;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *partner(void *unused) {
    for (unsigned i = 1; i <= GROUPS * MEETINGS; i++) meet(1, i);
    return unused;
}

static int ascending(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(void) {
    pthread_t thread;
    unsigned meeting = 0;
    if (pthread_create(&thread, NULL, partner, NULL)) {
        fprintf(stderr, "barrier: a second thread could not be started\n");
        return EXIT_FAILURE;
    }
    for (size_t group = 0; group < GROUPS; group++) {
        const double begin = seconds_now();
        for (unsigned i = 0; i < MEETINGS; i++) meet(0, ++meeting);
        groups[group] = (seconds_now() - begin) / MEETINGS;
    }
    pthread_join(thread, NULL);
    qsort(groups, GROUPS, sizeof groups[0], ascending);
    printf("%.3g\n", groups[GROUPS / 2]);
    return EXIT_SUCCESS;
}
