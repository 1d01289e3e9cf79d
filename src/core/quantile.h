/* Quantiles of a sample. */
#ifndef CORE_QUANTILE_H
#define CORE_QUANTILE_H

#include <stddef.h>

/* For qsort: ascending. */
int compare_doubles(const void *a, const void *b);

/* The value below which the share `level` of `count` sorted values lies, linear between two. */
double sorted_quantile(const double *sorted, size_t count, double level);

#endif
