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

/* Nats to bits. */
double bits_from_nats(double nats);

#endif
