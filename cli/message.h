/* Sentences for people, on stderr. */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <elman/status.h>

/* Prints "elman: SENTENCE". */
void message(const char *format, ...) ELMAN_PRINTF(1, 2);

/* Prints "COMMAND: SENTENCE". */
void message_for(const char *command, const char *format, ...) ELMAN_PRINTF(2, 3);

/* Replaces what could steer a terminal (control characters) in a text from a file by '?'. */
void clean(char *text);

/* Whether a character shows as itself: no control, no mark that steers the direction of text or
 * takes no room. A space does. */
bool shows_itself(int32_t character);

#endif
