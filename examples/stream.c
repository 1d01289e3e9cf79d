/* Runs a text model on a stream: for every character read from standard input, how surprising it
 * was (in bits) given all before it. usage: stream MODEL <TEXT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <elman/elman.h>

enum { TEXT_MAX = 1 << 20 };

/* -log2 of the probability that the logits give to a token. */
static double surprise(const float *logits, size_t count, int32_t token) {
    double highest = logits[0], sum = 0;
    for (size_t i = 1; i < count; i++) highest = fmax(highest, logits[i]);
    for (size_t i = 0; i < count; i++) sum += exp(logits[i] - highest);
    return (log(sum) - (logits[token] - highest)) / log(2);
}

int main(int argc, char **argv) {
    static char bytes[TEXT_MAX];
    elman_context *context = NULL;
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_stream *stream = NULL;
    elman_text *text = NULL;
    elman_error error = {0};
    float *logits = NULL;
    double total = 0;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) return fprintf(stderr, "usage: stream MODEL <TEXT\n"), 2;
    const size_t size = fread(bytes, 1, sizeof bytes, stdin);
    if (elman_context_create(NULL, &context, &error)) goto done;
    if (elman_model_load(context, argv[1], &model, &error)) goto done;
    if (elman_network_compile(model, &network, &error)) goto done;
    if (elman_stream_create(network, &stream, &error)) goto done;
    if (elman_text_from_memory(context, "standard input", bytes, size, &text, &error)) goto done;

    const elman_vocabulary *const vocabulary = elman_model_vocabulary(model);
    if (!vocabulary) {
        snprintf(error.message, sizeof error.message, "%s is no model of text", argv[1]);
        goto done;
    }
    const size_t outputs = elman_vocabulary_size(vocabulary), length = elman_text_length(text);
    if (!(logits = malloc(outputs * sizeof *logits))) goto done;
    for (size_t i = 0; i < length; i++) {
        int32_t token;
        char utf8[5];
        elman_vocabulary_encode(vocabulary, elman_text_characters(text) + i, 1, &token);
        elman_vocabulary_decode(vocabulary, token, utf8);
        if (i > 0) {
            const double bits = surprise(logits, outputs, token);
            printf("%6.2f  %s\n", bits, utf8[0] == '\n' ? "(line end)" : utf8);
            total += bits;
        }
        elman_stream_step_token(stream, token, logits); /* no allocation, no lock, no system call */
    }
    if (length > 1) printf("%6.2f  bits per character\n", total / (double)(length - 1));
    exit_code = EXIT_SUCCESS;
done:
    if (exit_code) fprintf(stderr, "stream: %s\n", error.message);
    free(logits);
    elman_text_destroy(text);
    elman_stream_destroy(stream);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return exit_code;
}
