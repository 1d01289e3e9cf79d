/* The name that somebody who mistyped one most likely meant. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* The nearest of `count` names, or NULL when none is near. */
const char *nearest(const char *wanted, const char *const *names, size_t count);

#endif
