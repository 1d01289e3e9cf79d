/* What the operating system says of this machine and of files that are to be written. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of memory that programs may still take, swap included; 0 when that is unknown. */
uint64_t machine_memory_available(void);

/* Columns of the terminal behind a descriptor; 0 when it is none or does not tell. */
size_t machine_terminal_width(int descriptor);

/* Whether the environment's locale has UTF-8 for its characters. */
bool machine_writes_utf8(void);

/* Seconds on a clock that only goes forward. */
double machine_seconds(void);

/* Seconds for which processors have been busy since the system started, all together, whoever used
 * them; 0 when that is unknown. It goes forward in steps of some 10 ms. */
double machine_busy_seconds(void);

bool machine_exists(const char *path);

/* Whether the two paths lead to one file that exists. */
bool machine_same_file(const char *a, const char *b);

/* Whether writing `written` leaves the input `read` alone: false, after a sentence, where both lead
 * to one file. Either may be NULL. */
bool machine_spares(const char *written, const char *read);

/* Whether a file at `path` could be replaced by a new one, or created: false, after a sentence, for
 * what is no file and where the folder is missing or may not be written. Nothing is changed or left
 * behind. */
bool machine_can_replace(const char *path);

/* The same for writing into the file itself, which may also be a device or a pipe. */
bool machine_can_append(const char *path);

/* Writes a whole file, first under another name beside it, so that a failure leaves what was there;
 * a device or a pipe is written into. False after a sentence. */
bool machine_replace(const char *path, const char *bytes, size_t size);

/* Makes a folder, where there is none yet, in one that exists. False after a sentence. */
bool machine_make_folder(const char *path);

#endif
