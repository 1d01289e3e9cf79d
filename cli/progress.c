/* Draws the bar and prints the lines. */
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "machine.h"

/* Small data are validated every few steps: of that, no more than so many lines a run. */
enum { VALIDATIONS_SHOWN = 20 };
enum { BAR_MAX = 30, BAR_LEAST = 4, NUMBERS_MAX = 256, NUMBERS_WIDTH = 63, WIDTH_UNKNOWN = 80 };

static const double bar_interval = 0.1, line_interval = 10.0; /* seconds */
static const double inertia = 0.95;                           /* of the running means */

void progress_start(Progress *progress, const char *unit, bool quiet) {
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    *progress = (Progress){.unit = unit, .quiet = quiet, .shown = -INFINITY, .validation = NAN};
    progress->terminal = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    progress->colour = progress->terminal && (!no_colour || *no_colour == '\0');
}

static void average(double *mean, double value, bool started) {
    *mean = started ? inertia * *mean + (1.0 - inertia) * value : value;
}

static void update(Progress *progress, const elman_step_report *report) {
    const double speed = report->seconds > 0.0 ? (double)report->predicted / report->seconds : 0.0;
    average(&progress->loss, report->loss, progress->started);
    average(&progress->speed, speed, progress->started);
    average(&progress->pace, report->seconds, progress->started);
    progress->started = true;
    if (report->validated) progress->validation = report->validation_loss;
}

/* Seconds until the end at the present pace; NaN when the end is unknown. */
static double seconds_left(const Progress *progress, const elman_step_report *report) {
    if (report->total_steps == 0 || report->total_steps < report->step) return NAN;
    return (double)(report->total_steps - report->step) * progress->pace;
}

/* Of a step without epochs, a task's, the loss may be tiny. */
static const char *print_loss(double loss, const elman_step_report *report, int digits,
                              char text[FORMAT_MAX]) {
    (void)snprintf(text, FORMAT_MAX, report->epoch > 0 ? "%.*f" : "%.*g", digits, loss);
    return text;
}

static void print_line(const Progress *progress, const elman_step_report *report) {
    char of[FORMAT_MAX] = "", valid[FORMAT_MAX * 2] = "", left[FORMAT_MAX + 8] = "";
    char epoch[FORMAT_MAX] = "", loss[FORMAT_MAX], speed[FORMAT_MAX], time[FORMAT_MAX];
    const double seconds = seconds_left(progress, report);
    if (report->total_steps > 0) {
        (void)snprintf(of, sizeof(of), " of %" PRIu64, report->total_steps);
    }
    if (isfinite(progress->validation)) {
        (void)snprintf(valid, sizeof(valid), ", valid %s",
                       print_loss(progress->validation, report, 4, loss));
    }
    if (isfinite(seconds)) {
        (void)snprintf(left, sizeof(left), ", %s left", format_duration(seconds, time));
    }
    if (report->epoch > 0) {
        (void)snprintf(epoch, sizeof(epoch), ", epoch %" PRIu64, report->epoch);
    }
    (void)fprintf(stderr, "step %" PRIu64 "%s%s: loss %s%s, %s %s/s%s\n", report->step, of, epoch,
                  print_loss(progress->loss, report, 4, loss), valid,
                  format_count((uint64_t)progress->speed, speed), progress->unit, left);
}

/* Whether the validation is far enough from what was printed last. */
static bool is_news(const Progress *progress, const elman_step_report *report) {
    const uint64_t steps = report->step - progress->shown_step;
    return report->validated && steps >= report->total_steps / VALIDATIONS_SHOWN;
}

/* The numbers beside the bar: at most NUMBERS_WIDTH columns in all likelihood. */
static void describe(const Progress *progress, const elman_step_report *report, char *text,
                     size_t size) {
    char valid[FORMAT_MAX * 2] = "", left[FORMAT_MAX] = "", speed[FORMAT_MAX], loss[FORMAT_MAX];
    const double seconds = seconds_left(progress, report);
    if (isfinite(progress->validation)) {
        (void)snprintf(valid, sizeof(valid), ", valid %s",
                       print_loss(progress->validation, report, 3, loss));
    }
    if (seconds < 360000.0) {
        const unsigned whole = (unsigned)(seconds + 0.5);
        (void)snprintf(left, sizeof(left), ", %u:%02u:%02u left", whole / 3600, whole / 60 % 60,
                       whole % 60);
    }
    (void)snprintf(text, size, "loss %s%s, %s %s/s%s", print_loss(progress->loss, report, 3, loss),
                   valid, format_count((uint64_t)progress->speed, speed), progress->unit, left);
}

static void draw_bar(Progress *progress, const elman_step_report *report) {
    char numbers[NUMBERS_MAX], bar[BAR_MAX + 1] = "", epoch[FORMAT_MAX] = "";
    const char *colour = progress->colour ? "\033[32m" : "";
    const char *plain = progress->colour ? "\033[0m" : "";
    describe(progress, report, numbers, sizeof(numbers));
    const size_t columns = machine_terminal_width(STDERR_FILENO);
    const int width = columns > 0 ? (int)columns : WIDTH_UNKNOWN;
    int room = width - NUMBERS_WIDTH - (int)sizeof("epoch 123 [] 100% ");
    if (room > BAR_MAX) room = BAR_MAX;
    if (report->total_steps == 0 || room < BAR_LEAST) {
        (void)fprintf(stderr, "\r\033[K%.*s", width - 1, numbers);
    } else {
        const double share = (double)report->step / (double)report->total_steps;
        const int done = share < 1.0 ? (int)(share * room) : room;
        memset(bar, '-', (size_t)room);
        memset(bar, '#', (size_t)done);
        if (report->epoch > 0) {
            (void)snprintf(epoch, sizeof(epoch), "epoch %" PRIu64 " ", report->epoch);
        }
        (void)fprintf(stderr, "\r\033[K%s[%s%.*s%s%s] %3.0f%% %s", epoch, colour, done, bar, plain,
                      bar + done, 100.0 * share, numbers);
    }
    (void)fflush(stderr);
    progress->drawn = true;
}

void progress_step(Progress *progress, const elman_step_report *report) {
    update(progress, report);
    if (progress->quiet) return;
    const double now = machine_seconds();
    const bool last = report->step == report->total_steps;
    const double interval = progress->terminal ? bar_interval : line_interval;
    if (now - progress->shown < interval && !last && !is_news(progress, report)) return;
    progress->shown = now;
    progress->shown_step = report->step;
    if (progress->terminal) {
        draw_bar(progress, report);
    } else {
        print_line(progress, report);
    }
}

void progress_clear(Progress *progress) {
    if (!progress->drawn) return;
    (void)fprintf(stderr, "\r\033[K");
    (void)fflush(stderr);
    progress->drawn = false;
}
