/* Runs a fuzz target over stored inputs, without a fuzzer: each argument is a file or a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    uint8_t *bytes = size >= 0 ? malloc((size_t)size + 1) : NULL;
    bool done = false;
    if (bytes != NULL) {
        rewind(file);
        if (fread(bytes, 1, (size_t)size, file) == (size_t)size) {
            /* A block of the exact size, so that the address sanitizer sees its end. */
            uint8_t *exact = realloc(bytes, size > 0 ? (size_t)size : 1);
            if (exact != NULL) bytes = exact;
            (void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
            done = true;
        }
    }
    if (!done) (void)fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
    free(bytes);
    if (file != NULL) (void)fclose(file);
    return done;
}

/* Replays what is in a folder; -1 on failure. */
static long replay_folder(DIR *folder, const char *path) {
    long count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (!replay_file(name)) return -1;
        count++;
    }
    return count;
}

int main(int argc, char **argv) {
    long total = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const long count = folder != NULL         ? replay_folder(folder, argv[i])
                           : replay_file(argv[i]) ? 1
                                                  : -1;
        if (folder != NULL) (void)closedir(folder);
        if (count < 0) return EXIT_FAILURE;
        total += count;
    }
    printf("%ld inputs replayed\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* a lost corpus must not pass */
}
