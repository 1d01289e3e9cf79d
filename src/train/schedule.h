/* The learning rate of each step, from IEEE operations alone: the same bits on every machine. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

#include <elman/train.h>

/* The rate of step `step` (1 for the first). `options` has been checked (train/options.h); `total`
 * is the number of steps of the run, and matters only to a cosine without schedule_steps. */
double schedule_rate(const elman_train_options *options, uint64_t step, uint64_t total);

/* base^exponent by repeated squaring. */
double schedule_power(double base, uint64_t exponent);

#endif
