/* Words for synthetic tasks: what is asked, what one gets without learning, what was reached. */
#include "task_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "message.h"
#include "nearest.h"
#include "output.h"

enum { NAMES_MAX = 32, LINE_MAX_BYTES = 512, INDENT = 12, COLUMNS = 80 };

bool task_known(const char *command, const char *name) {
    const char *names[NAMES_MAX];
    const size_t count = elman_task_count();
    for (size_t i = 0; i < count; i++) {
        names[i] = elman_task_name(i);
        if (strcmp(names[i], name) == 0) return true;
    }
    const char *near = nearest(name, names, count);
    if (near) {
        message_for(command, "%s is no task, did you mean %s?", name, near);
    } else {
        message_for(command, "%s is no task, see elman train task --help", name);
    }
    return false;
}

json_t *task_describe(const elman_task_info *info) {
    json_t *task = json_object(), *floors = json_array();
    json_put(task, "name", json_text(info->name));
    json_put(task, "summary", json_text(info->summary));
    json_put(task, "paper", json_text(info->paper));
    json_put(task, "length", json_count(info->length));
    json_put(task, "loss", json_text(info->classes ? "cross-entropy" : "mean squared error"));
    json_put(task, "targets",
             json_text(info->output == ELMAN_OUTPUT_LAST_STEP ? "last step" : "every step"));
    for (size_t i = 0; i < info->floor_count; i++) {
        json_t *floor = json_object();
        json_put(floor, "predictor", json_text(info->floors[i].predictor));
        json_put(floor, "loss", json_finite(info->floors[i].loss));
        json_put(floor, "measured", json_boolean(info->floors[i].measured));
        json_append(floors, floor);
    }
    json_put(task, "floors", floors);
    if (info->best_predictor) {
        json_t *best = json_object();
        json_put(best, "predictor", json_text(info->best_predictor));
        json_put(best, "loss", json_finite(info->best));
        json_put(task, "best", best);
    }
    return task;
}

json_t *task_describe_score(const elman_task_score *score, size_t sequences) {
    json_t *object = json_object();
    json_put(object, "loss", json_finite(score->loss));
    json_put(object, "sequences", json_count(sequences));
    json_put(object, "targets", json_count(score->targets));
    if (isfinite(score->targets_right)) {
        json_put(object, "targets_right", json_finite(score->targets_right));
        json_put(object, "sequences_right", json_finite(score->sequences_right));
    }
    return object;
}

/* Prints words behind a label, in lines of COLUMNS. */
static void print_words(const char *label, const char *words) {
    char text[LINE_MAX_BYTES];
    size_t column = INDENT;
    (void)snprintf(text, sizeof(text), "%s", words);
    clean(text);
    output_print("%-*s", INDENT - 1, label);
    for (const char *word = text; *word;) {
        const size_t length = strcspn(word, " ");
        if (column + length > COLUMNS && column > INDENT) {
            output_print("\n%*s", INDENT - 1, "");
            column = INDENT;
        }
        output_print(" %.*s", (int)length, word);
        column += length + 1;
        word += length;
        word += strspn(word, " ");
    }
    output_print("\n");
}

static void print_loss(const char *label, const json_t *place, const char *what) {
    char text[LINE_MAX_BYTES];
    (void)snprintf(text, sizeof(text), "%s", what);
    clean(text);
    output_print("%-*s%-10.4g %s\n", INDENT, label, json_look_number(place, "loss", NULL), text);
}

static void print_score(const json_t *task, const json_t *score) {
    char text[LINE_MAX_BYTES], count[FORMAT_MAX];
    const json_t *floors = json_look(task, "floors", NULL);
    const json_t *lowest = json_array_get(floors, json_array_size(floors) - 1);
    const double loss = json_look_number(score, "loss", NULL);
    const double times = json_look_number(lowest, "loss", NULL) / loss;
    const double sequences = json_look_number(score, "sequences", NULL);
    const double right = json_look_number(score, "targets_right", NULL);
    (void)snprintf(text, sizeof(text), "this model, on %s sequences it has not seen",
                   format_count(sequences >= 0.0 ? (uint64_t)sequences : 0, count));
    print_loss("result", score, text);
    if (times > 1.0) {
        output_print("%*s%.4g times below the floor\n", INDENT, "", times);
    } else {
        output_print("%*sno better than the floor\n", INDENT, "");
    }
    if (isfinite(right)) {
        output_print("%*s%.4g %% of targets, %.4g %% of whole sequences are right\n", INDENT, "",
                     100.0 * right, 100.0 * json_look_number(score, "sequences_right", NULL));
    }
}

void task_print(const json_t *task, const json_t *score) {
    char text[LINE_MAX_BYTES];
    (void)snprintf(text, sizeof(text), "%s, T = %.0f: %s", json_look_text(task, "name", NULL),
                   json_look_number(task, "length", NULL), json_look_text(task, "summary", NULL));
    print_words("task", text);
    print_words("from", json_look_text(task, "paper", NULL));
    (void)snprintf(text, sizeof(text), "%s, target at %s", json_look_text(task, "loss", NULL),
                   json_look_text(task, "targets", NULL));
    print_words("loss", text);
    const json_t *floors = json_look(task, "floors", NULL), *best = json_look(task, "best", NULL);
    for (size_t i = 0; i < json_array_size(floors); i++) {
        const json_t *floor = json_array_get(floors, i);
        print_loss("floor", floor, json_look_text(floor, "predictor", NULL));
    }
    if (best) print_loss("best", best, json_look_text(best, "predictor", NULL));
    if (score) print_score(task, score);
}
