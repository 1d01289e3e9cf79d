/* Names of statuses, and the version of the library that runs. */
#include <elman/status.h>
#include <elman/version.h>

#include <stddef.h>

const char *elman_status_name(elman_status status) {
    static const char *const names[] = {
        [ELMAN_OK] = "ELMAN_OK",
        [ELMAN_ERR_ARGUMENT] = "ELMAN_ERR_ARGUMENT",
        [ELMAN_ERR_MEMORY] = "ELMAN_ERR_MEMORY",
        [ELMAN_ERR_IO] = "ELMAN_ERR_IO",
        [ELMAN_ERR_FORMAT] = "ELMAN_ERR_FORMAT",
        [ELMAN_ERR_DATA] = "ELMAN_ERR_DATA",
        [ELMAN_ERR_NOT_FINITE] = "ELMAN_ERR_NOT_FINITE",
        [ELMAN_ERR_UNSUPPORTED] = "ELMAN_ERR_UNSUPPORTED",
        [ELMAN_ERR_MISMATCH] = "ELMAN_ERR_MISMATCH",
        [ELMAN_ERR_CANCELLED] = "ELMAN_ERR_CANCELLED",
    };
    const size_t index = (size_t)status;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : "unknown status";
}

const char *elman_version_string(void) {
    return ELMAN_VERSION_STRING;
}

int elman_version_number(void) {
    return ELMAN_VERSION_NUMBER;
}
