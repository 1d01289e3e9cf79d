/* A clock for intervals. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some moment; they never go back, whoever sets the time of day. */
uint64_t clock_nanoseconds(void);

#endif
