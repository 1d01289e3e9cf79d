/* elman generate: lets a model of text write. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "message.h"
#include "output.h"
#include "text_model.h"

typedef struct GenerateOptions {
    const char *prompt;
    uint64_t length, top_k, seed;
    double temperature, top_p, min_p;
} GenerateOptions;

#define AT(member) .offset = offsetof(GenerateOptions, member)

static const Option options[] = {
    {.name = "prompt",
     AT(prompt),
     .type = OPTION_TEXT,
     .value = "TEXT",
     .unset = "none, the text starts after a line break",
     .help = "how the text begins; it is printed too"},
    {.name = "length",
     AT(length),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "400",
     .help = "characters to write after the prompt"},
    {.name = "temperature",
     AT(temperature),
     .type = OPTION_REAL,
     .real_most = 1000.0,
     .value = "T",
     .fallback = "1",
     .help = "below 1 likely characters become likelier still; 0: always the likeliest"},
    {.name = "top-k",
     AT(top_k),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "K",
     .fallback = "0",
     .help = "draw from the K likeliest characters; 0: from all"},
    {.name = "top-p",
     AT(top_p),
     .type = OPTION_REAL,
     .real_most = 1.0,
     .value = "P",
     .fallback = "1",
     .help = "draw from the fewest likeliest characters that hold this share; 1: from all"},
    {.name = "min-p",
     AT(min_p),
     .type = OPTION_REAL,
     .real_most = 1.0,
     .value = "P",
     .fallback = "0",
     .help = "draw from characters at least this share as likely as the likeliest; 0: from all"},
    {.name = "seed",
     AT(seed),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "1",
     .help = "the same seed gives the same text"},
    {.name = NULL},
};

/* A model at work. */
typedef struct Writer {
    const TextModel *model;
    elman_stream *stream;
    elman_sampler *sampler;
    float *logits;
    bool line_open; /* what was printed last is no line break */
    bool watched;   /* stdout is a terminal */
    elman_error error;
} Writer;

static void print(Writer *writer, const char *bytes, size_t size) {
    if (size == 0) return;
    output_write(bytes, size);
    writer->line_open = bytes[size - 1] != '\n';
}

/* The token that stands before a text without a prompt. */
static int32_t first_token(const elman_vocabulary *vocabulary) {
    static const int32_t wanted[] = {'\n', ' '};
    for (size_t i = 0; i < 2; i++) {
        int32_t token;
        if (elman_vocabulary_encode(vocabulary, &wanted[i], 1, &token) == 0) return token;
    }
    return elman_vocabulary_size(vocabulary) > 1 ? 1 : ELMAN_TOKEN_UNKNOWN;
}

/* Names the characters of the prompt that the model has never seen. */
static void say_unknown(const elman_vocabulary *vocabulary, const int32_t *characters,
                        size_t count) {
    size_t unknown = 0;
    int32_t first = 0, token;
    for (size_t i = count; i-- > 0;) {
        if (elman_vocabulary_encode(vocabulary, &characters[i], 1, &token) == 0) continue;
        first = characters[i];
        unknown++;
    }
    if (unknown > 0) {
        message("the prompt has %zu character%s that the model does not know, the first is U+%04lX",
                unknown, unknown == 1 ? "" : "s", (unsigned long)first);
    }
}

/* Lets the model read the prompt; `logits` are then those of the first character to write. */
static bool read_prompt(Writer *writer, const char *prompt) {
    const TextModel *model = writer->model;
    elman_text *text = NULL;
    if (!prompt || *prompt == '\0') {
        const int32_t token = first_token(model->vocabulary);
        return !elman_stream_step_token(writer->stream, token, writer->logits);
    }
    if (elman_text_from_memory(model->context, "the prompt", prompt, strlen(prompt), &text,
                               &writer->error)) {
        message("%s", writer->error.message);
        writer->error.message[0] = '\0';
        return false;
    }
    const int32_t *characters = elman_text_characters(text);
    const size_t count = elman_text_length(text);
    bool ok = true;
    say_unknown(model->vocabulary, characters, count);
    for (size_t i = 0; i < count && ok; i++) {
        int32_t token;
        (void)elman_vocabulary_encode(model->vocabulary, &characters[i], 1, &token);
        float *output = i + 1 == count ? writer->logits : NULL;
        ok = !elman_stream_step_token(writer->stream, token, output);
    }
    elman_text_destroy(text);
    if (ok) print(writer, prompt, strlen(prompt));
    return ok;
}

static bool write_text(Writer *writer, uint64_t length) {
    for (uint64_t position = 0; position < length && !output_failed(); position++) {
        char utf8[5];
        int32_t token;
        if (writer->watched) output_flush();
        if (elman_sampler_draw(writer->sampler, writer->logits, position, &token, &writer->error)) {
            return false;
        }
        const size_t size = elman_vocabulary_decode(writer->model->vocabulary, token, utf8);
        print(writer, utf8, size);
        if (elman_stream_step_token(writer->stream, token, writer->logits)) return false;
    }
    return true;
}

static bool generate(const TextModel *model, const GenerateOptions *chosen) {
    const size_t count = elman_vocabulary_size(model->vocabulary);
    Writer writer = {.model = model, .watched = isatty(STDOUT_FILENO)};
    const elman_sampler_options sampling = {
        .struct_size = sizeof(sampling),
        .seed = chosen->seed,
        .temperature = chosen->temperature,
        .top_k = (size_t)chosen->top_k,
        .top_p = chosen->top_p,
        .min_p = chosen->min_p,
    };
    writer.logits = calloc(count, sizeof(*writer.logits));
    bool ok = false;
    if (!writer.logits) {
        message("no memory for %zu numbers", count);
        return false;
    }
    if (elman_stream_create(model->network, &writer.stream, &writer.error) ||
        elman_sampler_create(model->context, count, &sampling, &writer.sampler, &writer.error)) {
        goto done;
    }
    ok = read_prompt(&writer, chosen->prompt) && write_text(&writer, chosen->length);
    if (writer.line_open) output_write("\n", 1);

done:
    if (!ok && writer.error.message[0]) message("%s: %s", model->path, writer.error.message);
    elman_sampler_destroy(writer.sampler);
    elman_stream_destroy(writer.stream);
    free(writer.logits);
    return ok;
}

static int run(const Command *command, int count, char **arguments) {
    GenerateOptions chosen;
    Operands operands;
    TextModel model;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    if (operands.count != 1) {
        message_for(command->full_name, "%zu models were named, expected one", operands.count);
        return EXIT_USAGE;
    }
    const bool ok = text_model_open(&model, operands.names[0], 1) && generate(&model, &chosen);
    text_model_close(&model);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const Command command_generate = {
    .name = "generate",
    .run = run,
    .summary = "let a model of text write",
    .full_name = "elman generate",
    .operands = "MODEL",
    .description =
        "Prints the prompt and what the model writes after it, one character drawn after "
        "the other. MODEL may be a checkpoint.",
    .options = options,
};
