/* Straight lines in the place of missing numbers. */
#include "data/missing.h"

#include <math.h>

/* The number `part` of `whole` of the way from one to the other. */
static double between(double from, double to, size_t part, size_t whole) {
    const double share = (double)part / (double)whole;
    return from * (1.0 - share) + to * share; /* not from + (to - from), which may overflow */
}

bool interpolate(double *values, size_t count) {
    size_t before = count; /* the last number so far */
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) continue;
        if (before == count)
            for (size_t k = 0; k < i; k++) values[k] = values[i];
        else
            for (size_t k = before + 1; k < i; k++)
                values[k] = between(values[before], values[i], k - before, i - before);
        before = i;
    }
    if (before == count) return count == 0;
    for (size_t k = before + 1; k < count; k++) values[k] = values[before];
    return true;
}

bool interpolate_floats(float *values, size_t count, size_t stride) {
    size_t before = count;
    for (size_t i = 0; i < count; i++) {
        const float value = values[i * stride];
        if (isnan(value)) continue;
        for (size_t k = before == count ? 0 : before + 1; k < i; k++)
            values[k * stride] = before == count ? value
                                                 : (float)between(values[before * stride], value,
                                                                  k - before, i - before);
        before = i;
    }
    if (before == count) return count == 0;
    for (size_t k = before + 1; k < count; k++) values[k * stride] = values[before * stride];
    return true;
}
