/* Results, on stdout. The first write that fails is remembered; what follows is dropped. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/export.h>

void output_print(const char *format, ...) ELMAN_PRINTF(1, 2);
void output_write(const char *bytes, size_t size);

/* Hands on what is buffered; for output that somebody watches. */
void output_flush(void);

/* Whether writing has failed, so that it makes no sense to go on. */
bool output_failed(void);

/* Takes the next piece of a picture or a page, for the library: `user` is the FILE that it goes to.
 */
int output_to_stream(void *user, const char *bytes, size_t size);

/* Ends the output: returns `status`, or, when writing failed, 1 after a sentence; a reader that
 * went away (a closed pipe) gives 141 in silence, as if SIGPIPE had ended the program. */
int output_finish(int status);

#endif
