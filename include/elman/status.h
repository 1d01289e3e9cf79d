/* How libelman reports failure: a code that is returned, and a sentence for people.
 *
 * Every function that can fail returns an elman_status. Its last argument is an optional
 * elman_error, owned by the caller (NULL: the sentence is dropped). On success the error is left
 * as it was. Nothing is global: any thread may call with an error of its own. */
#ifndef ELMAN_STATUS_H
#define ELMAN_STATUS_H

#include <elman/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum elman_status {
    ELMAN_OK = 0,
    ELMAN_ERR_ARGUMENT,    /* the caller asked for something that makes no sense */
    ELMAN_ERR_MEMORY,      /* an allocation failed, or a size does not fit into size_t */
    ELMAN_ERR_IO,          /* the operating system refused: missing file, full disk, ... */
    ELMAN_ERR_FORMAT,      /* a file is not what its format demands */
    ELMAN_ERR_DATA,        /* a well-formed file holds unusable data: too short, not UTF-8, ... */
    ELMAN_ERR_NOT_FINITE,  /* a NaN or an infinity where training needs a number */
    ELMAN_ERR_UNSUPPORTED, /* a legal request that this version cannot carry out */
    ELMAN_ERR_MISMATCH,    /* two things that must agree do not: model and data, options, ... */
    ELMAN_ERR_CANCELLED    /* a callback asked to stop */
} elman_status;

enum { ELMAN_MESSAGE_MAX = 512 };

typedef struct elman_error {
    elman_status status;
    char message[ELMAN_MESSAGE_MAX]; /* one sentence, UTF-8, without a final newline */
} elman_error;

/* The name of a status, such as "ELMAN_ERR_FORMAT". Never NULL. */
ELMAN_API const char *elman_status_name(elman_status status);

#ifdef __cplusplus
}
#endif

#endif
