/* Trains a model as it was trained, and once more with one option changed. */
#include "prove.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "diagnose_view.h"
#include "json.h"
#include "message.h"
#include "output.h"

enum { PROOF_STEPS = 3000, WORD_MAX = 512, WORDS_MAX = 128, SUMMARY_MAX = 1 << 20 };

const elman_finding *proof_finding(const elman_diagnosis *diagnosis) {
    const elman_finding *finding;
    for (size_t i = 0; (finding = elman_diagnosis_finding(diagnosis, i)); i++)
        if (finding->option) return finding;
    return NULL;
}

bool proof_open(Proof *proof, const DiagnoseData *data, const DiagnoseOptions *options) {
    const elman_finding *const finding = proof_finding(data->diagnosis);
    *proof = (Proof){.threads = (size_t)options->threads, .steps = options->prove_steps};
    if (!finding || !data->path) {
        message("%s", finding ? "there is no model to train again: expected one beside the log"
                              : "nothing was prescribed that an option could prove");
        return false;
    }
    if (*json_look_text(data->training, "command", NULL) == '\0') {
        message("%s: does not tell how it was trained, so it cannot be trained again", data->path);
        return false;
    }
    proof->training = json_incref(data->training);
    proof->option = strdup(finding->option + strlen("--"));
    proof->value = finding->value ? strdup(finding->value) : NULL;
    return proof->option && (proof->value || !finding->value);
}

void proof_close(Proof *proof) {
    json_decref(proof->training);
    free(proof->option);
    free(proof->value);
}

/* The words of a command line. */
typedef struct Words {
    char *words[WORDS_MAX + 1];
    size_t count;
    bool failed;
} Words;

ELMAN_PRINTF(2, 3)
static void add_word(Words *words, const char *format, ...) {
    char text[WORD_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char *const word = words->count < WORDS_MAX ? strdup(text) : NULL;
    if (word && size >= 0 && (size_t)size < sizeof(text)) {
        words->words[words->count++] = word;
    } else {
        free(word);
        words->failed = true;
    }
}

static void release_words(Words *words) {
    for (size_t i = 0; i < words->count; i++) free(words->words[i]);
}

/* What the proof decides itself, or what the changed option takes the place of. */
static bool is_replaced(const char *key, const char *option) {
    static const char *const own[] = {"max-steps", "epochs", "init", NULL};
    for (size_t i = 0; own[i]; i++)
        if (strcmp(key, own[i]) == 0) return true;
    if (!option) return false;
    if (strcmp(key, option) == 0) return true;
    const bool cell = strcmp(option, "cell") == 0;
    return cell && (strcmp(key, "recurrent-init") == 0 || strcmp(key, "forget-bias") == 0);
}

static void add_options(Words *words, const json_t *options, const char *option) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)options, key, value) {
        if (is_replaced(key, option)) continue;
        if (json_is_true(value))
            add_word(words, "--%s", key);
        else if (json_is_integer(value))
            add_word(words, "--%s=%" JSON_INTEGER_FORMAT, key, json_integer_value(value));
        else if (json_is_real(value))
            add_word(words, "--%s=%.15g", key, json_real_value(value));
        else if (json_is_string(value))
            add_word(words, "--%s=%s", key, json_string_value(value));
    }
}

static uint64_t proof_steps(const Proof *proof) {
    const double done = json_look_number(proof->training, "result", "steps");
    if (proof->steps > 0) return proof->steps;
    return done >= 1.0 && done < PROOF_STEPS ? (uint64_t)done : PROOF_STEPS;
}

/* The kind of training that the model tells of. */
static const Command *trained_by(const Proof *proof) {
    const char *const line = json_look_text(proof->training, "command", NULL);
    for (size_t i = 0; command_train.kinds[i]; i++) {
        const Command *const kind = command_train.kinds[i];
        const size_t size = strlen(kind->full_name);
        if (strncmp(line, kind->full_name, size) == 0 && (line[size] == ' ' || !line[size]))
            return kind;
    }
    return NULL;
}

/* "text", DATA..., -o PATH and all options; `option` NULL: unchanged. */
static void make_words(Words *words, const Proof *proof, const Command *kind,
                       const Operands *operands, const char *path, const char *option) {
    const json_t *const options = json_look(proof->training, "options", NULL);
    const char *const task = json_look_text(proof->training, "task", "name");
    if (*task) add_word(words, "%s", task);
    for (size_t i = 1; i < operands->count; i++) add_word(words, "%s", operands->names[i]);
    add_word(words, "--output=%s", path);
    add_word(words, "--max-steps=%llu", (unsigned long long)proof_steps(proof));
    for (const Option *known = kind->options; known->name; known++)
        if (strcmp(known->name, "epochs") == 0) add_word(words, "--epochs=0");
    if (proof->threads > 0) add_word(words, "--threads=%zu", proof->threads);
    add_word(words, "--quiet");
    add_word(words, "--json");
    add_options(words, options, option);
    if (option && proof->value) add_word(words, "--%s=%s", option, proof->value);
    if (option && !proof->value) add_word(words, "--%s", option);
}

/* All that the other end of a pipe writes. */
static json_t *read_summary(int descriptor) {
    char *const text = malloc(SUMMARY_MAX);
    size_t size = 0;
    ssize_t got = 1;
    while (text && size < SUMMARY_MAX && got != 0) {
        got = read(descriptor, text + size, SUMMARY_MAX - size);
        if (got < 0 && errno != EINTR) break;
        if (got > 0) size += (size_t)got;
    }
    json_t *const summary = text ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    return summary;
}

/* Runs a training command in a process of its own; its summary, or NULL. */
static json_t *train(const Command *kind, Words *words, int *status) {
    int ends[2];
    *status = EXIT_FAILED;
    if (pipe(ends) != 0) return NULL;
    output_flush();
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[1]);
        _exit(output_finish(kind->run(kind, (int)words->count, words->words)));
    }
    (void)close(ends[1]);
    json_t *const summary = child > 0 ? read_summary(ends[0]) : NULL;
    (void)close(ends[0]);
    int how = 0;
    while (child > 0 && waitpid(child, &how, 0) < 0 && errno == EINTR) continue;
    if (child > 0 && WIFEXITED(how)) *status = WEXITSTATUS(how);
    if (child > 0 && WIFSIGNALED(how)) *status = EXIT_SIGNAL + WTERMSIG(how);
    return summary;
}

/* The loss that the run is judged by: of a task on unseen sequences, else of the validation part.
 */
static json_t *result_loss(const json_t *summary) {
    const json_t *const result = json_look(summary, "result", NULL);
    double loss = json_look_number(result, "test", "loss");
    if (isnan(loss)) loss = json_look_number(result, "validation_loss", NULL);
    if (isnan(loss)) loss = json_look_number(result, "train_loss", NULL);
    return json_finite(loss);
}

/* One side: {"loss", "memory_horizon", ...}, or {"failed": true} for a run that came to no end. */
static json_t *try_out(const Proof *proof, const DiagnoseOptions *options, const Operands *operands,
                       const char *folder, const char *option) {
    const Command *const kind = trained_by(proof);
    char path[WORD_MAX], checkpoint[WORD_MAX + 16];
    Words words = {0};
    int status = EXIT_FAILED;
    (void)snprintf(path, sizeof(path), "%s/%s.safetensors", folder, option ? "after" : "before");
    (void)snprintf(checkpoint, sizeof(checkpoint), "%s.checkpoint", path);
    make_words(&words, proof, kind, operands, path, option);
    json_t *const summary = words.failed ? NULL : train(kind, &words, &status);
    json_t *side = NULL;
    if (status == EXIT_DONE && summary) {
        DiagnoseOptions quick = *options;
        DiagnoseData data;
        Operands again = *operands;
        char *names[WORDS_MAX];
        for (size_t i = 0; i < operands->count; i++) names[i] = operands->names[i];
        names[0] = path;
        again.names = names;
        quick.log = NULL;
        quick.window = 0;
        if (diagnose_data_open(&data, &quick, &again)) {
            side = diagnose_json_brief(data.diagnosis);
            json_put(side, "loss", result_loss(summary));
        }
        diagnose_data_close(&data);
    } else if (status == EXIT_FAILED && !words.failed) {
        side = json_object();
        json_put(side, "failed", json_true());
    }
    json_decref(summary);
    release_words(&words);
    (void)unlink(path);
    (void)unlink(checkpoint);
    return side;
}

bool proof_run(const Proof *proof, const DiagnoseOptions *options, const Operands *operands,
               json_t **report) {
    const char *const place = getenv("TMPDIR");
    char folder[WORD_MAX / 2];
    *report = NULL;
    (void)snprintf(folder, sizeof(folder), "%s/elman-XXXXXX", place && *place ? place : "/tmp");
    if (!trained_by(proof)) {
        message("the model was trained by \"%s\", which is no command of this program",
                json_look_text(proof->training, "command", NULL));
        return false;
    }
    if (operands->count >= WORDS_MAX || !mkdtemp(folder)) {
        message("%s: no folder for the proof: %s", folder, strerror(errno));
        return false;
    }
    message("training twice, %llu steps each: as before, and with --%s%s%s",
            (unsigned long long)proof_steps(proof), proof->option, proof->value ? " " : "",
            proof->value ? proof->value : "");
    json_t *const before = try_out(proof, options, operands, folder, NULL);
    json_t *const after = before ? try_out(proof, options, operands, folder, proof->option) : NULL;
    (void)rmdir(folder);
    if (before && after) {
        *report = json_object();
        json_put(*report, "option", json_text(proof->option));
        json_put(*report, "value", proof->value ? json_text(proof->value) : json_null());
        json_put(*report, "steps", json_count(proof_steps(proof)));
        json_put(*report, "before", before);
        json_put(*report, "after", after);
        return true;
    }
    json_decref(before);
    json_decref(after);
    message("the proof could not be carried out");
    return false;
}

static const char *side_loss(const json_t *side, char text[64]) {
    if (json_is_true(json_look(side, "failed", NULL)))
        (void)snprintf(text, 64, "none: it failed");
    else
        (void)snprintf(text, 64, "%.4g", json_look_number(side, "loss", NULL));
    return text;
}

static const char *side_horizon(const json_t *side, const char *key, const char *most,
                                char text[64]) {
    if (json_is_true(json_look(side, "failed", NULL))) {
        (void)snprintf(text, 64, "-");
        return text;
    }
    return diagnose_horizon_kept(side, key, most, text);
}

static void print_names(const json_t *side) {
    const json_t *const names = json_look(side, "findings", NULL);
    if (json_array_size(names) == 0)
        output_print("%s", json_is_true(json_look(side, "failed", NULL)) ? "-" : "healthy");
    for (size_t i = 0; i < json_array_size(names); i++)
        output_print("%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
}

void proof_print(const json_t *report) {
    const json_t *const before = json_look(report, "before", NULL);
    const json_t *const after = json_look(report, "after", NULL);
    char one[64], two[64];
    const char *const value = json_look_text(report, "value", NULL);
    output_print("\nproof: %.0f steps from the same seed, as before and with --%s%s%s\n\n",
                 json_look_number(report, "steps", NULL), json_look_text(report, "option", NULL),
                 *value ? " " : "", value);
    output_print("                 %-24s after\n", "before");
    output_print("loss             %-24s %s\n", side_loss(before, one), side_loss(after, two));
    output_print("memory horizon   %-24s %s\n", side_horizon(before, "memory_horizon", "lags", one),
                 side_horizon(after, "memory_horizon", "lags", two));
    output_print("used horizon     %-24s %s\n",
                 side_horizon(before, "used_horizon", "context", one),
                 side_horizon(after, "used_horizon", "context", two));
    output_print("before           ");
    print_names(before);
    output_print("\nafter            ");
    print_names(after);
    output_print("\n");
}
