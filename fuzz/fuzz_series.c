/* Fuzz target: series from tables. The first byte chooses the options, the rest is the file, up to
 * a line "---", behind which the file of the future stands. What is accepted keeps the promises of
 * elman/series.h. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include <elman/series.h>

enum { BUDGET = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char table_path[] = "/tmp/fuzz_series_XXXXXX", future_path[] = "/tmp/fuzz_future_XXXXXX";

static void require(int condition, const char *what) {
    if (condition) return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static void remove_files(void) {
    (void)unlink(table_path);
    (void)unlink(future_path);
}

static void write_file(int file, const uint8_t *bytes, size_t size) {
    require(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size,
            "the file cannot be written");
}

static elman_series_options choose(uint8_t byte) {
    static const char *const wide[] = {"a", "b"}, *const known[] = {"k"}, *const past[] = {"p"},
                             *const statics[] = {"s"};
    elman_series_options options = {.struct_size = sizeof options};
    options.missing = (elman_missing)(byte % 3);
    if (byte & 4) options.known = (elman_columns){known, 1};
    if (byte & 8) options.past = (elman_columns){past, 1};
    if (byte & 16) options.statics = (elman_columns){statics, 1};
    if (byte & 32) options.target = (elman_columns){wide, 2};
    if (byte & 64) options.id = "i";
    if (byte & 128) options.time = "t";
    return options;
}

static void check_series(const elman_series *series, elman_missing missing) {
    const elman_spacing spacing = elman_series_spacing(series);
    size_t seasons[4];
    char text[ELMAN_TIME_TEXT_MAX];
    require(elman_series_count(series) > 0 && spacing.step > 0, "a set without series or step");
    require(strlen(elman_series_digest(series)) == 64, "a set without digest");
    require(elman_series_seasons(series, seasons, 4) <= 4, "too many seasons");
    require(strlen(elman_series_spacing_name(series)) > 0, "a spacing without name");
    for (size_t i = 0; i < elman_series_count(series); i++) {
        const double *const values = elman_series_values(series, i);
        const size_t length = elman_series_length(series, i);
        size_t numbers = 0;
        for (size_t k = 0; k < length; k++) {
            require(!isinf(values[k]), "an infinite value");
            if (!isnan(values[k])) numbers++;
        }
        require(numbers > 0, "a series without numbers");
        require(missing == ELMAN_MISSING_MASK || numbers == length, "a value that is missing");
        require(strlen(elman_series_id(series, i)) < SIZE_MAX, "an id");
        const size_t steps[] = {0, length, length + elman_series_future(series, i), SIZE_MAX};
        for (size_t k = 0; k < 4; k++)
            require(strlen(elman_series_time(series, i, steps[k], text)) < ELMAN_TIME_TEXT_MAX,
                    "a time that is too long");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static int table = -1, future = -1;
    if (table < 0) {
        table = mkstemp(table_path);
        future = mkstemp(future_path);
        require(table >= 0 && future >= 0 && atexit(remove_files) == 0, "no temporary files");
    }
    if (size == 0) return 0;
    Budget budget = {.most = BUDGET};
    const elman_context_options lent = {.struct_size = sizeof lent,
                                        .allocator = budget_allocator(&budget)};
    const elman_series_options options = choose(bytes[0]);
    elman_context *context;
    elman_series *series;
    elman_error error = {ELMAN_OK, ""};
    size_t end = 1;
    while (end < size && (size - end < 5 || memcmp(bytes + end, "\n---\n", 5) != 0)) end++;
    write_file(table, bytes + 1, end - 1);
    require(!elman_context_create(&lent, &context, NULL), "no context");
    if (elman_series_load(context, table_path, &options, &series, &error) != ELMAN_OK) {
        require(error.status == ELMAN_ERR_DATA && strstr(error.message, table_path) != NULL,
                "a refusal that is not about the file");
    } else {
        check_series(series, options.missing);
        if (end < size) {
            write_file(future, bytes + end + 5, size - end - 5);
            if (!elman_series_load_future(series, future_path, &error))
                check_series(series, options.missing);
        }
    }
    elman_series_destroy(series);
    elman_context_destroy(context);
    budget_check(&budget);
    return 0;
}
