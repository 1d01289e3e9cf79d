/* Reads an option struct of the public interface, whichever version of the header it comes from. */
#include "core/options.h"

#include <string.h>

#include "core/fail.h"

/* No option struct will be this long: a larger struct_size was never set. */
enum { STRUCT_SIZE_MAX = 4096 };

elman_status options_read(void *options, size_t size, const void *given, const char *name,
                          elman_error *error) {
    memset(options, 0, size);
    if (given != NULL) {
        size_t given_size;
        memcpy(&given_size, given, sizeof(given_size));
        if (given_size < sizeof(given_size) || given_size > STRUCT_SIZE_MAX)
            return fail(error, ELMAN_ERR_ARGUMENT, "%s: struct_size is %zu, expected sizeof(%s)",
                        name, given_size, name);
        const unsigned char *bytes = given;
        for (size_t i = size; i < given_size; i++)
            if (bytes[i] != 0)
                return fail(error, ELMAN_ERR_ARGUMENT,
                            "%s: the member at byte %zu is set, this version of libelman knows "
                            "the first %zu bytes",
                            name, i, size);
        memcpy(options, given, given_size < size ? given_size : size);
    }
    memcpy(options, &size, sizeof(size));
    return ELMAN_OK;
}
