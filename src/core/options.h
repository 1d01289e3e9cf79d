/* Reads an option struct of the public interface, whichever version of the header it comes from. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stddef.h>

#include <elman/status.h>

/* Fills `options` (`size` bytes, of a struct whose first member is `size_t struct_size`) from
 * `given`, the caller's struct, and sets its struct_size to `size`. NULL, or a member that an older
 * caller's struct lacks: zero, which means the default. Error: ARGUMENT when struct_size
 * cannot be one, or when a newer caller sets a member that this version does not know. `name`
 * is the struct's name, for the sentence. */
elman_status options_read(void *options, size_t size, const void *given, const char *name,
                          elman_error *error);

#endif
