/* The version of libelman, at compile time and at run time. */
#ifndef ELMAN_VERSION_H
#define ELMAN_VERSION_H

#include <elman/export.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ELMAN_VERSION_MAJOR  0
#define ELMAN_VERSION_MINOR  1
#define ELMAN_VERSION_PATCH  0
#define ELMAN_VERSION_STRING "0.1.0"

/* One number that grows with every release: 0.1.0 is 100. */
#define ELMAN_VERSION_NUMBER                                                                       \
    (ELMAN_VERSION_MAJOR * 10000 + ELMAN_VERSION_MINOR * 100 + ELMAN_VERSION_PATCH)

/* The version of the library that runs: ELMAN_VERSION_STRING when it was compiled. */
ELMAN_API const char *elman_version_string(void);

/* The same as a number: ELMAN_VERSION_NUMBER when it was compiled. */
ELMAN_API int elman_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
