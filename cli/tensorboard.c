/* Writes event files, each step at once. */
#include "tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "message.h"
#include <elman/tensorboard.h>

enum { TAG_MAX = 96 };

/* What is said of one step. */
typedef struct Scalars {
    Tensorboard *board;
    double wall_time;
    uint64_t step;
} Scalars;

void tensorboard_start(Tensorboard *board, const char *folder, uint64_t done) {
    *board = (Tensorboard){.folder = folder, .done = done};
}

bool tensorboard_check(const char *folder) {
    struct stat status;
    if (!folder || stat(folder, &status) != 0 || S_ISDIR(status.st_mode)) return true;
    message("%s: is no folder, expected one for event files", folder);
    return false;
}

static bool fail_board(Tensorboard *board, const char *path, const char *what) {
    message("%s: cannot be %s: %s", path, what, strerror(errno));
    board->failed = true;
    return false;
}

static double wall_time(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int write_piece(void *user, const void *bytes, size_t size) {
    return fwrite(bytes, 1, size, user) != size;
}

/* Makes a folder and those that it is in. */
static bool make_folders(Tensorboard *board) {
    char *path = strdup(board->folder);
    if (!path) return fail_board(board, board->folder, "created");
    for (char *at = path + 1; *path && *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        (void)mkdir(path, 0777); /* mkdir of the whole says what is wrong */
        *at = '/';
    }
    const bool ok = mkdir(path, 0777) == 0 || errno == EEXIST;
    free(path);
    return ok || fail_board(board, board->folder, "created");
}

/* Creates a file, named as TensorBoard's own are: by time and process. */
static bool open_file(Tensorboard *board) {
    const size_t size = strlen(board->folder) + 96;
    const double now = wall_time();
    board->path = malloc(size);
    if (!board->path) return fail_board(board, board->folder, "created");
    if (!make_folders(board)) return false;
    (void)snprintf(board->path, size, "%s/events.out.tfevents.%010.0f.elman.%ld", board->folder,
                   floor(now), (long)getpid());
    const int descriptor = open(board->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    board->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!board->stream) {
        const int code = errno;
        if (descriptor >= 0) (void)close(descriptor);
        errno = code;
        return fail_board(board, board->path, "opened");
    }
    const uint64_t next = board->done > 0 ? board->done + 1 : 0;
    return !elman_events_begin(now, next, write_piece, board->stream, NULL) ||
           fail_board(board, board->path, "written");
}

/* Appends a number that is finite. */
static void put(const Scalars *scalars, double value, const char *format, ...) ELMAN_PRINTF(3, 4);

static void put(const Scalars *scalars, double value, const char *format, ...) {
    char tag[TAG_MAX];
    va_list arguments;
    if (!isfinite(value)) return;
    va_start(arguments, format);
    (void)vsnprintf(tag, sizeof(tag), format, arguments);
    va_end(arguments);
    const elman_event_scalar scalar = {tag, value};
    (void)elman_events_scalars(scalars->wall_time, scalars->step, &scalar, 1, write_piece,
                               scalars->board->stream, NULL);
}

static void put_report(const Scalars *scalars, const elman_step_report *report) {
    const size_t layers = report->update_ratio_count - 1;
    put(scalars, report->loss, "loss/train");
    if (report->validated) put(scalars, report->validation_loss, "loss/validation");
    put(scalars, report->learning_rate, "learning_rate");
    put(scalars, report->gradient_norm, "gradient/norm");
    put(scalars, report->clipped ? 1.0 : 0.0, "gradient/clipped");
    for (size_t i = 0; i < layers; i++) {
        put(scalars, report->update_ratio[i], "update_ratio/layer%zu", i);
    }
    put(scalars, report->update_ratio[layers], "update_ratio/rest");
    if (report->seconds > 0.0) {
        put(scalars, (double)report->predicted / report->seconds, "throughput/tokens_per_second");
    }
}

static void put_diagnosis(const Scalars *scalars, const elman_diagnosis *diagnosis) {
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    put(scalars, summary.memory_horizon, "diagnosis/memory_horizon");
    for (size_t i = 0; i < summary.layer_count; i++) {
        const elman_layer_diagnosis *layer = elman_diagnosis_layer(diagnosis, i);
        const char *direction = layer->reverse ? "_reverse" : "";
        put(scalars, layer->decay, "diagnosis/decay/layer%zu%s", layer->layer, direction);
        put(scalars, diagnosis_saturated(layer), "diagnosis/saturated/layer%zu%s", layer->layer,
            direction);
    }
}

static void put_weights(const Scalars *scalars, const elman_model *model) {
    elman_tensor tensor;
    for (size_t i = 0; elman_model_tensor(model, i, &tensor) == ELMAN_OK; i++) {
        char tag[TAG_MAX];
        (void)snprintf(tag, sizeof(tag), "weights/%s", tensor.name);
        (void)elman_events_histogram(scalars->wall_time, scalars->step, tag, tensor.data,
                                     tensor.count, write_piece, scalars->board->stream, NULL);
    }
}

bool tensorboard_step(Tensorboard *board, const elman_step_report *report,
                      const elman_diagnosis *diagnosis, const elman_model *weights) {
    if (!board->folder) return true;
    if (board->failed || (!board->stream && !open_file(board))) return false;
    const Scalars scalars = {board, wall_time(), report->step};
    put_report(&scalars, report);
    if (diagnosis) put_diagnosis(&scalars, diagnosis);
    if (weights) put_weights(&scalars, weights);
    return (fflush(board->stream) == 0 && !ferror(board->stream)) ||
           fail_board(board, board->path, "written");
}

bool tensorboard_finish(Tensorboard *board) {
    if (board->stream && fclose(board->stream) != 0 && !board->failed) {
        (void)fail_board(board, board->path, "written");
    }
    board->stream = NULL;
    free(board->path);
    board->path = NULL;
    return !board->failed;
}
