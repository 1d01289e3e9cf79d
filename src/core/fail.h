/* Reports one failure: a status for the program, a sentence for people. */
#ifndef CORE_FAIL_H
#define CORE_FAIL_H

#include <elman/export.h>
#include <elman/status.h>

/* Stores `status` and the formatted sentence in `error` (NULL: the sentence is dropped) and returns
 * `status`. What does not fit is cut at a character; control characters and bytes that are not
 * UTF-8, as names from files may hold them, become '?'. The sentence names the file or the object,
 * what was found and what was expected. */
elman_status fail(elman_error *error, elman_status status, const char *format, ...)
    ELMAN_PRINTF(3, 4);

/* The same for a system call that set errno to `code`: the status is ELMAN_ERR_IO, and the system's
 * words for the code follow the sentence after a colon. */
elman_status fail_system(elman_error *error, int code, const char *format, ...) ELMAN_PRINTF(3, 4);

#endif
