/* Numbers as people read them. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { FORMAT_MAX = 48 };

/* "1,234,567" */
const char *format_count(uint64_t count, char text[FORMAT_MAX]);

/* "512 bytes", "3.4 MiB" */
const char *format_bytes(double bytes, char text[FORMAT_MAX]);

/* "4 s", "2 min 5 s", "3 h 20 min" */
const char *format_duration(double seconds, char text[FORMAT_MAX]);

/* A measurement to four significant digits: "0.8312", "21.4", "12345". */
const char *format_short(double number, char text[FORMAT_MAX]);

/* A value of data to eight significant digits, without an exponent where it has a sensible size:
 * "22262.5", "0.00012". */
const char *format_value(double number, char text[FORMAT_MAX]);

/* Nats to bits. */
double bits_from_nats(double nats);

#endif
