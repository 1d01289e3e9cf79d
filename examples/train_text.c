/* Trains a small LSTM on a text file and lets it write. usage: train_text FILE */
#include <stdio.h>
#include <stdlib.h>

#include <elman/elman.h>

static int report(void *user, const elman_step_report *step) {
    (void)user;
    if (step->step % 50 == 0) printf("step %4d  loss %.4f nats\n", (int)step->step, step->loss);
    return 0; /* anything else would stop the run */
}

int main(int argc, char **argv) {
    const elman_train_options options = {sizeof(options), .learning_rate = 5e-3, .clip_norm = 5.0,
                                         .window = 50,    .batch = 16,           .max_steps = 200,
                                         .seed = 1};
    const elman_sampler_options sampling = {sizeof(sampling), .seed = 1, .temperature = 0.7};
    const char *path = argc == 2 ? argv[1] : NULL;
    elman_error error = {ELMAN_ERR_ARGUMENT, "usage: train_text FILE"};
    elman_context *context = NULL;
    elman_text *text = NULL;
    elman_vocabulary *vocabulary = NULL;
    elman_model *model = NULL;
    elman_trainer *trainer = NULL;
    elman_network *network = NULL;
    elman_stream *stream = NULL;
    elman_sampler *sampler = NULL;
    int32_t *tokens = NULL;
    float *logits = NULL;
    int exit_code = EXIT_FAILURE;
    if (!path || elman_context_create(NULL, &context, &error)) goto done;
    if (elman_text_load(context, &path, 1, &text, &error)) goto done;

    const size_t length = elman_text_length(text), split = elman_text_split(text, 0.1);
    const int32_t *characters = elman_text_characters(text);
    if (elman_vocabulary_create(context, characters, split, &vocabulary, &error)) goto done;
    const size_t count = elman_vocabulary_size(vocabulary);
    tokens = calloc(length, sizeof(*tokens));
    logits = calloc(count, sizeof(*logits));
    if (!tokens || !logits) goto done;
    elman_vocabulary_encode(vocabulary, characters, length, tokens);

    if (elman_model_create_tokens(context, count, 0, &model, &error)) goto done;
    elman_model_add_cell(model, ELMAN_CELL_LSTM, 64);
    elman_model_add_linear(model, count, 0);
    if (elman_model_build(model, NULL, &error)) goto done;
    if (elman_trainer_create(model, &options, &trainer, &error)) goto done;
    const elman_token_data data = {sizeof(data),   tokens,         split,
                                   tokens + split, length - split, NULL};
    elman_train_result result;
    if (elman_trainer_run_tokens(trainer, &data, report, NULL, &result, &error)) goto done;
    printf("validation loss %.4f nats\n", result.validation_loss);

    if (elman_network_compile(model, &network, &error)) goto done;
    if (elman_stream_create(network, &stream, &error)) goto done;
    if (elman_sampler_create(context, count, &sampling, &sampler, &error)) goto done;
    int32_t token = tokens[0];
    for (uint64_t i = 0; i < 200; i++) {
        char utf8[5];
        if (elman_stream_step_token(stream, token, logits)) goto done;
        if (elman_sampler_draw(sampler, logits, i, &token, &error)) goto done;
        if (elman_vocabulary_decode(vocabulary, token, utf8)) fputs(utf8, stdout);
    }
    puts("");
    exit_code = EXIT_SUCCESS;
done:
    if (exit_code) fprintf(stderr, "train_text: %s\n", error.message);
    elman_sampler_destroy(sampler);
    elman_stream_destroy(stream);
    elman_network_destroy(network);
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
    elman_vocabulary_destroy(vocabulary);
    elman_text_destroy(text);
    elman_context_destroy(context);
    free(logits);
    free(tokens);
    return exit_code;
}
