/* A program of somebody else's: starts libelman and says which one it got. */
#include <stdio.h>
#include <string.h>

#include <elman/context.h>
#include <elman/status.h>
#include <elman/version.h>

int main(void) {
    elman_error error = {ELMAN_OK, ""};
    elman_context *context = NULL;
    if (elman_context_create(NULL, &context, &error) != ELMAN_OK) {
        fprintf(stderr, "consumer: %s\n", error.message);
        return 1;
    }
    elman_context_destroy(context);
    printf("libelman %s\n", elman_version_string());
    return strcmp(elman_version_string(), ELMAN_VERSION_STRING) != 0;
}
