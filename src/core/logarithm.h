/* The natural logarithm from IEEE operations alone: the same bits on every machine. */
#ifndef CORE_LOGARITHM_H
#define CORE_LOGARITHM_H

/* ln(x), at most 2 ulp off. 0 gives -infinity, a negative number or NaN gives NaN, infinity stays.
 */
double natural_logarithm(double x);

#endif
