/* Notes signals. */
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "command.h"

static volatile sig_atomic_t received;

static void note(int number) {
    if (received) _exit(EXIT_SIGNAL + number);
    received = number;
}

void signals_watch(void) {
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int signals_received(void) {
    return received;
}
