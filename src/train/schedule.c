/* Warm-up, then a constant, a stepped or a cosine schedule. */
#include "train/schedule.h"

double schedule_power(double base, uint64_t exponent) {
    double result = 1.0;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result *= base;
        base *= base;
    }
    return result;
}

/* cos(pi x) for x in [0, 1], from the power series on [0, pi/2]: its first omitted term is below
 * 2^-60. */
static double cosine_half_turn(double x) {
    const double pi = 0x1.921fb54442d18p+1;
    const double sign = x > 0.5 ? -1.0 : 1.0;
    const double angle = pi * (x > 0.5 ? 1.0 - x : x);
    const double square = angle * angle;
    double sum = 1.0;
    for (int n = 22; n > 0; n -= 2) sum = 1.0 - sum * square / (double)(n * (n - 1));
    return sign * sum;
}

static double cosine_factor(const elman_train_options *options, uint64_t done, uint64_t length) {
    if (done >= length) return options->schedule_factor;
    const double wave = 0.5 + 0.5 * cosine_half_turn((double)done / (double)length);
    return options->schedule_factor + (1.0 - options->schedule_factor) * wave;
}

double schedule_rate(const elman_train_options *options, uint64_t step, uint64_t total) {
    const double rate = options->learning_rate;
    if (step <= options->warmup_steps) return rate * (double)step / (double)options->warmup_steps;

    const uint64_t done = step - 1 - options->warmup_steps;
    switch (options->schedule) {
    case ELMAN_SCHEDULE_STEP:
        return rate * schedule_power(options->schedule_factor, done / options->schedule_steps);
    case ELMAN_SCHEDULE_COSINE: {
        uint64_t length = options->schedule_steps;
        if (length == 0) length = total > options->warmup_steps ? total - options->warmup_steps : 1;
        return rate * cosine_factor(options, done, length);
    }
    case ELMAN_SCHEDULE_CONSTANT:
        break;
    }
    return rate;
}
