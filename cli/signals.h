/* SIGINT and SIGTERM, taken note of so that a run can end in order. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

/* From now on the first signal is noted and the second ends the program at once. */
void signals_watch(void);

/* The signal that was received, or 0. */
int signals_received(void);

#endif
