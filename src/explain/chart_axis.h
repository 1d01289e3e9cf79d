/* The axis of values: its range, round ticks, and numbers as text, without a locale or libm's
 * rounding. */
#ifndef EXPLAIN_CHART_AXIS_H
#define EXPLAIN_CHART_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHART_NUMBER_MAX = 64 };

/* Tick i stands at (first + i step) 10^exponent; step is 1, 2 or 5. On a logarithmic axis
 * first + i step counts ... 0.5, 1, 2, 5, 10, ..., 1 being 0. */
typedef struct ChartAxis {
    bool empty;       /* nothing to show: no range, no ticks */
    double low, high; /* on a logarithmic axis their logarithms */
    int64_t first, step;
    size_t ticks;
    int exponent;
    bool scientific; /* ticks are written as 1.5e30 */
    bool ascii;      /* the minus sign */
    bool logarithmic;
} ChartAxis;

/* What is drawn for a value: NaN for what is not finite, else within 1e300, and zero below 1e-290.
 */
double chart_value(double value);

/* An axis from `low` to `high` and a little beyond, its ticks at least a share of 1 / `most` apart,
 * and at least two of them where `most` is at least 5. NaN: empty. Zero is shown where it is near.
 */
ChartAxis chart_axis(double low, double high, size_t most, bool ascii);

/* A logarithmic axis from the round number below `low` to that above `high`, with at most `most`
 * ticks, all of them powers of ten where 1, 2, 5 are too many. Both within 1e-290 and 1e300; NaN:
 * empty. */
ChartAxis chart_axis_logarithmic(double low, double high, size_t most, bool ascii);

double chart_axis_tick(const ChartAxis *axis, size_t tick);
const char *chart_axis_text(const ChartAxis *axis, size_t tick, char text[CHART_NUMBER_MAX]);

/* Where a value stands: 0 at the axis' low end to 1 at its high end; what lies beyond, at the end.
 */
double chart_axis_place(const ChartAxis *axis, double value);

/* Whether the axis reaches as far as a value. */
bool chart_axis_holds(const ChartAxis *axis, double value);

/* A number in at most six digits: "1,234.5", "−0.25", "1.5e30"; or in at most `digits`. */
const char *chart_number(double value, bool ascii, char text[CHART_NUMBER_MAX]);
const char *chart_number_short(double value, int digits, bool ascii, char text[CHART_NUMBER_MAX]);

#endif
