/* Classifiers and taggers: what is learnt from and what is kept apart, batches, words that are
 * unknown, models that come back from their files, refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "classify/encode.h"
#include "classify/split.h"
#include "classify/store.h"
#include "support/allocator.h"
#include <elman/elman.h>

#define TABLE_SIZE(table) (sizeof(table) / sizeof *(table))
#define OPTIONS(...)                                                                               \
    (&(elman_classifier_options){.struct_size = sizeof(elman_classifier_options), __VA_ARGS__})

enum { TEXT_MAX = 1 << 16 };

static elman_context *shared;

static int open_shared(void **state) {
    (void)state;
    return elman_context_create(NULL, &shared, NULL) != ELMAN_OK;
}

static int close_shared(void **state) {
    (void)state;
    elman_context_destroy(shared);
    return 0;
}

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static elman_labelled *read_labelled(elman_context *context, const char *text,
                                     elman_labelled_kind kind) {
    const elman_labelled_options options = {.struct_size = sizeof options, .kind = kind};
    elman_labelled *data;
    elman_error error = {0};
    must(elman_labelled_from_memory(context, "x", text, strlen(text), &options, &data, &error),
         &error);
    return data;
}

/* Texts that are "yes" where they have the word good, and some noise. */
static const char *texts(size_t count) {
    static char text[TEXT_MAX];
    size_t used = (size_t)snprintf(text, sizeof text, "text,label\n");
    for (size_t i = 0; i < count; i++) {
        const bool good = i % 3 == 0;
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "\"%s%s it was %s%s\",%s\n",
                             i % 2 ? "well, " : "", i % 5 ? "I think" : "so", good ? "good" : "bad",
                             i % 7 ? "" : " and long and long", good ? "yes" : "no");
    }
    assert_true(used < sizeof text);
    return text;
}

/* Two numbers a step, 2 to 5 steps: "up" where the first one ends higher than it begins. */
static const char *numbers(size_t count) {
    static char text[TEXT_MAX];
    size_t used = (size_t)snprintf(text, sizeof text, "id,x,y,label\n");
    for (size_t i = 0; i < count; i++)
        for (size_t step = 0; step < 2 + i % 4; step++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%zu,%zu,%zu,%s\n", i,
                                     100 + (i % 2 ? step : 9 - step), 7 * (i + step) % 10,
                                     i % 2 ? "up" : "down");
    assert_true(used < sizeof text);
    return text;
}

/* Names follow "mr", and are long where "old" follows. */
static const char *sentences(size_t count) {
    static const char *const names[] = {"Smith", "Baker", "Cook", "Mason", "Miller"};
    static const char *const verbs[] = {"walking", "talking", "singing", "running"};
    static char text[TEXT_MAX];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "mr\tO\n%s%zu\tB-NAME\n",
                                 names[i % 5], i % 3);
        if (i % 2) used += (size_t)snprintf(text + used, sizeof text - used, "Old\tI-NAME\n");
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\tO\n\n", verbs[i % 4]);
    }
    assert_true(used < sizeof text);
    return text;
}

static void splits(void **state) {
    (void)state;
    elman_labelled *const data = read_labelled(shared, texts(60), ELMAN_LABELLED_ANY);
    Memory memory;
    Split split, again, other;
    memory_init(&memory, NULL);
    assert_int_equal(split_create(&memory, data, 0.25, false, 1, &split, NULL), ELMAN_OK);
    assert_int_equal(split_create(&memory, data, 0.25, false, 1, &again, NULL), ELMAN_OK);
    assert_int_equal(split_create(&memory, data, 0.25, false, 2, &other, NULL), ELMAN_OK);
    assert_int_equal(split.train_count, 45);
    assert_int_equal(split.valid_count, 15);
    assert_memory_equal(split.valid, again.valid, 15 * sizeof(uint32_t));
    assert_true(memcmp(split.valid, other.valid, 15 * sizeof(uint32_t)) != 0);
    size_t yes = 0;
    bool seen[60] = {false};
    for (size_t i = 0; i < 60; i++) {
        const uint32_t index = i < 45 ? split.train[i] : split.valid[i - 45];
        assert_false(seen[index]);
        seen[index] = true;
        if (i >= 45) yes += index % 3 == 0;
    }
    assert_int_equal(yes, 5);
    split_release(&memory, &split);
    split_release(&memory, &again);
    split_release(&memory, &other);
    assert_int_equal(split_create(&memory, data, 0.25, true, 1, &split, NULL), ELMAN_OK);
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(i < 45 ? split.train[i] : split.valid[i - 45], i);
    split_release(&memory, &split);
    elman_error error;
    assert_int_equal(split_create(&memory, data, 0.001, true, 1, &split, &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message,
                        "60 sequences are too few to keep the share 0.001 of them for validation");
    split_release(&memory, &split);
    elman_labelled_destroy(data);
}

static elman_classifier *make(elman_context *context, const elman_labelled *data,
                              const elman_classifier_options *options) {
    elman_classifier *classifier;
    elman_error error = {0};
    must(elman_classifier_create(context, data, NULL, options, &classifier, &error), &error);
    return classifier;
}

/* A model of what a classifier needs, with random weights. */
static elman_model *make_model(elman_context *context, const elman_classifier *classifier,
                               elman_output pool) {
    elman_classifier_info info;
    elman_model *model;
    elman_error error = {0};
    elman_classifier_describe(classifier, &info);
    must(info.features ? elman_model_create(context, info.features, &model, &error)
                       : elman_model_create_tokens(context, info.vocabulary, 6, &model, &error),
         &error);
    const elman_cell_options cell = {
        .struct_size = sizeof cell, .cell = ELMAN_CELL_GRU, .hidden = 8, .bidirectional = 1};
    (void)elman_model_add_cell_options(model, &cell);
    (void)elman_model_add_linear(model, info.labels, 0);
    (void)elman_model_set_output(model, info.tagger ? ELMAN_OUTPUT_EVERY_STEP : pool);
    must(elman_model_build(model, NULL, &error), &error);
    return model;
}

static void fits(void **state) {
    (void)state;
    elman_classifier_info info;
    elman_labelled *data = read_labelled(shared, numbers(40), ELMAN_LABELLED_ANY);
    elman_classifier *classifier = make(shared, data, OPTIONS(.max_length = 3));
    elman_classifier_describe(classifier, &info);
    assert_true(info.kind == ELMAN_LABELLED_NUMBERS && !info.tagger);
    assert_int_equal(info.features, 2);
    assert_int_equal(info.vocabulary, 0);
    assert_int_equal(info.labels, 2);
    assert_int_equal(info.train, 40);
    assert_int_equal(info.valid, 0);
    assert_int_equal(info.longest, 3);
    assert_int_equal(info.cut, 20);
    assert_string_equal(elman_classifier_label(classifier, 0), "down");
    assert_int_equal(elman_classifier_label_count(classifier, 1), 20);
    /* By hand: steps 0, 1, 2 (the third where there are three): 109, 108, 107 and 100, 101, 102. */
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (size_t i = 0; i < 40; i++)
        for (size_t step = 0; step < (i % 4 ? 3 : 2); step++) {
            const double value = 100.0 + (double)(i % 2 ? step : 9 - step);
            sum += value;
            squares += value * value;
            count += 1.0;
        }
    const double mean = sum / count;
    assert_true(fabs(classifier->scale[0].mean - mean) < 1e-9);
    assert_true(fabs(classifier->scale[0].deviation - sqrt(squares / count - mean * mean)) < 1e-6);
    elman_classifier_destroy(classifier);
    classifier = make(shared, data, OPTIONS(.no_scaling = 1));
    assert_true(classifier->scale[0].mean == 0.0 && classifier->scale[0].deviation == 1.0);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);

    data = read_labelled(shared, texts(60), ELMAN_LABELLED_ANY);
    classifier = make(shared, data, OPTIONS(.weighting = ELMAN_WEIGHTING_BALANCED, .valid = 0.1));
    elman_classifier_describe(classifier, &info);
    assert_string_equal(elman_classifier_label(classifier, info.majority), "no");
    assert_int_equal(elman_classifier_label_count(classifier, 0), 36);
    assert_int_equal(elman_classifier_label_count(classifier, 1), 18);
    assert_true(classifier->weights[0] == 0.75F && classifier->weights[1] == 1.5F);
    elman_classifier_destroy(classifier);
    const double weights[] = {1.0, 3.0};
    classifier = make(shared, data,
                      OPTIONS(.weighting = ELMAN_WEIGHTING_GIVEN, .class_weights = weights,
                              .class_weight_count = 2));
    assert_true(classifier->weights[0] == 1.0F && classifier->weights[1] == 3.0F);
    elman_classifier_describe(classifier, &info);
    /* welI thinkasgodb, a comma and a blank */
    assert_int_equal(info.words, 17);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);
}

static void batches(void **state) {
    (void)state;
    elman_error error = {0};
    const char *const data_text[] = {texts(50), numbers(50), sentences(50)};
    for (size_t kind = 0; kind < 3; kind++) {
        const elman_labelled_kind asked = kind == 2 ? ELMAN_LABELLED_TOKENS : ELMAN_LABELLED_ANY;
        elman_labelled *const data = read_labelled(shared, data_text[kind], asked);
        elman_classifier *const classifier =
            make(shared, data, OPTIONS(.valid = 0.1, .weighting = ELMAN_WEIGHTING_BALANCED));
        elman_classifier_source *source;
        must(elman_classifier_source_create(classifier, data, NULL, 4, 3, &source, &error), &error);
        const elman_source view = elman_classifier_source_view(source);
        assert_string_equal(view.digest, elman_labelled_digest(data));
        assert_non_null(view.validate);
        size_t rows = 0, filled = 0, room = 0, steps[3][16] = {{0}};
        int32_t first_class[3] = {0};
        elman_classifier_info info;
        elman_classifier_describe(classifier, &info);
        assert_int_equal(view.batches, (info.train + 3) / 4);
        for (size_t turn = 0; turn < 3; turn++) {
            for (uint64_t position = 0; position < view.batches; position++) {
                elman_batch batch = {.struct_size = sizeof batch};
                must(view.batch(view.user, 1 + turn % 2, position, &batch, &error), &error);
                steps[turn][position] = batch.sequence.steps;
                assert_ptr_equal(batch.targets.class_weights, classifier->weights);
                assert_non_null(batch.targets.class_weights);
                if (position == 0) first_class[turn] = batch.targets.classes[0];
                for (size_t row = 0; row < batch.sequence.batch && turn == 0; row++) {
                    rows++;
                    filled += batch.sequence.lengths[row];
                    room += batch.sequence.steps;
                }
            }
        }
        assert_int_equal(rows, info.train);
        assert_true(10 * filled > 9 * room);
        assert_memory_equal(steps[0], steps[2], sizeof steps[0]);
        assert_int_equal(first_class[0], first_class[2]);
        assert_true(memcmp(steps[0], steps[1], sizeof steps[0]) != 0);
        elman_classifier_source_destroy(source);
        elman_classifier_destroy(classifier);
        elman_labelled_destroy(data);
    }
}

/* Trains, and gives what the network says of the data. */
static elman_model *learn(elman_context *context, const elman_labelled *data,
                          elman_classifier **classifier, elman_class_summary *valid) {
    const elman_train_options options = {.struct_size = sizeof options,
                                         .optimizer = ELMAN_OPTIMIZER_ADAM,
                                         .learning_rate = 0.02,
                                         .seed = 5,
                                         .epochs = 12};
    elman_error error = {0};
    elman_classifier_source *source;
    elman_trainer *trainer;
    elman_network *network;
    elman_class_score *score;
    *classifier = make(context, data, OPTIONS(.valid = 0.2, .seed = 5, .unit = ELMAN_UNIT_WORDS));
    elman_model *const model = make_model(context, *classifier, ELMAN_OUTPUT_MEAN);
    must(elman_classifier_source_create(*classifier, data, NULL, 8, 5, &source, &error), &error);
    const elman_source view = elman_classifier_source_view(source);
    must(elman_trainer_create(model, &options, &trainer, &error), &error);
    must(elman_trainer_run(trainer, &view, NULL, NULL, NULL, &error), &error);
    must(elman_network_compile(model, &network, &error), &error);
    must(elman_classifier_source_score(source, network, &score, &error), &error);
    elman_class_score_summary(score, valid);
    elman_class_score_destroy(score);
    elman_network_destroy(network);
    elman_trainer_destroy(trainer);
    elman_classifier_source_destroy(source);
    must(elman_classifier_store(*classifier, model, &error), &error);
    return model;
}

static elman_prediction *predict(const elman_classifier *classifier, const elman_model *model,
                                 const elman_labelled *data) {
    elman_error error = {0};
    elman_network *network;
    elman_prediction *prediction;
    must(elman_network_compile(model, &network, &error), &error);
    must(elman_classifier_predict(classifier, network, data, &prediction, &error), &error);
    elman_network_destroy(network);
    return prediction;
}

/* What is learnt is right, survives the file, and has the same bits with other threads. */
static void learnt(void **state) {
    (void)state;
    const char *const data_text[] = {texts(120), numbers(120), sentences(120)};
    static const char path[] = "classifier.safetensors";
    for (size_t kind = 0; kind < 3; kind++) {
        if (kind == 0 && words_check(true, true, NULL)) continue;
        const elman_labelled_kind asked = kind == 2 ? ELMAN_LABELLED_TOKENS : ELMAN_LABELLED_ANY;
        const elman_context_options threads = {.struct_size = sizeof threads, .threads = 3};
        elman_context *other;
        elman_error error = {0};
        elman_class_summary valid, again;
        elman_classifier *classifier, *opened;
        must(elman_context_create(&threads, &other, &error), &error);
        elman_labelled *const data = read_labelled(shared, data_text[kind], asked);
        elman_model *const model = learn(shared, data, &classifier, &valid);
        assert_true(valid.accuracy == 1.0 && valid.right == valid.count);
        assert_true(valid.majority < 0.9 && valid.macro_f1 == 1.0 && valid.log_loss < 0.2);
        assert_int_equal(valid.has_spans, kind == 2);
        if (kind == 2) {
            assert_true(valid.span_f1 == 1.0 && valid.spans == 24);
        } else {
            assert_true(isnan(valid.per_word));
        }
        must(elman_model_save(model, path, &error), &error);
        elman_model_destroy(model);

        elman_classifier *twin;
        elman_labelled *const same = read_labelled(other, data_text[kind], asked);
        elman_model *const second = learn(other, same, &twin, &again);
        assert_true(valid.log_loss == again.log_loss);

        elman_model *loaded;
        must(elman_model_load(shared, path, &loaded, &error), &error);
        must(elman_classifier_open(shared, loaded, &opened, &error), &error);
        elman_prediction *const one = predict(twin, second, same);
        elman_prediction *const two = predict(opened, loaded, data);
        assert_int_equal(elman_prediction_tokens(two) == 0, kind == 1);
        for (size_t i = 0; i < elman_labelled_count(data); i++) {
            const size_t steps = kind == 2 ? elman_labelled_length(data, i) : 1;
            assert_memory_equal(elman_prediction_probabilities(one, i),
                                elman_prediction_probabilities(two, i),
                                steps * elman_labelled_label_count(data) * sizeof(float));
        }
        elman_prediction_destroy(one);
        elman_prediction_destroy(two);
        elman_classifier_destroy(opened);
        elman_model_destroy(loaded);
        elman_classifier_destroy(twin);
        elman_model_destroy(second);
        elman_labelled_destroy(same);
        elman_classifier_destroy(classifier);
        elman_labelled_destroy(data);
        elman_context_destroy(other);
        (void)remove(path);
    }
}

/* A sequence's probabilities are the same bits alone and among others. */
static void alone(void **state) {
    (void)state;
    elman_labelled *const all = read_labelled(shared, sentences(90), ELMAN_LABELLED_TOKENS);
    elman_labelled *const one =
        read_labelled(shared, "mr\tO\nXon4\tB-NAME\nOld\tI-NAME\n", ELMAN_LABELLED_TOKENS);
    elman_classifier *const classifier = make(shared, all, OPTIONS(.max_length = 2));
    elman_model *const model = make_model(shared, classifier, ELMAN_OUTPUT_EVERY_STEP);
    const elman_labelled_options options = {.struct_size = sizeof options,
                                            .kind = ELMAN_LABELLED_TOKENS,
                                            .need = ELMAN_LABELS_OPTIONAL};
    elman_error error = {0};
    elman_labelled *more;
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "mr\nSmith0\nOld\nOld\nwalking\n\nmr\nXon4\nOld\n\nmr\n");
    must(elman_labelled_from_memory(shared, "y", text, strlen(text), &options, &more, &error),
         &error);
    elman_prediction *const single = predict(classifier, model, one);
    elman_prediction *const among = predict(classifier, model, more);
    /* Sentences are tagged to their ends, however long. */
    assert_int_equal(elman_prediction_cut(among), 0);
    assert_int_equal(elman_prediction_tokens(among), 9);
    assert_memory_equal(elman_prediction_probabilities(single, 0),
                        elman_prediction_probabilities(among, 1), 9 * sizeof(float));
    float sum = 0.0F;
    for (size_t i = 0; i < 3; i++) sum += elman_prediction_probabilities(single, 0)[i];
    assert_true(fabsf(sum - 1.0F) < 1e-6F);
    elman_prediction_destroy(among);
    elman_prediction_destroy(single);
    elman_labelled_destroy(more);
    elman_model_destroy(model);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(one);
    elman_labelled_destroy(all);
}

/* What a classifier makes of a word. */
static int32_t token_of(const elman_classifier *classifier, const char *word) {
    elman_error error = {0};
    Encoded encoded;
    char line[64];
    (void)snprintf(line, sizeof line, "%s\tO\n", word);
    elman_labelled *const data = read_labelled(shared, line, ELMAN_LABELLED_TOKENS);
    must(encode(classifier, data, true, &encoded, &error), &error);
    const int32_t token = encoded.tokens[0];
    encoded_release(classifier, &encoded);
    elman_labelled_destroy(data);
    return token;
}

static void unknown_words(void **state) {
    (void)state;
    static const char text[] = "walking\tO\nrunning\tO\nsinging\tO\nLondon\tB\nwalking\tO\n";
    elman_labelled *const data = read_labelled(shared, text, ELMAN_LABELLED_TOKENS);
    elman_classifier *classifier = make(shared, data, NULL);
    elman_classifier_info info;
    elman_classifier_describe(classifier, &info);
    assert_int_equal(info.words, 4);
    /* The words and the unknown one, and for each of 3 shapes "ing" and any other ending. */
    assert_int_equal(info.vocabulary, 5 + 3 * 2);
    assert_int_equal(token_of(classifier, "walking"), 1);
    assert_int_equal(token_of(classifier, "flying"), 5 + 1);
    assert_int_equal(token_of(classifier, "Flying"), 5 + 2 + 1);
    assert_int_equal(token_of(classifier, "4ing"), 5 + 4 + 1);
    assert_int_equal(token_of(classifier, "Paris"), 5 + 2);
    assert_true(token_is_unknown(classifier, 5) && !token_is_unknown(classifier, 4));
    assert_string_equal(word_ending("na\xC3\xAFvet\xC3\xA9"), "et\xC3\xA9");
    assert_string_equal(word_ending("\xC3\xA9t"), "\xC3\xA9t");
    elman_classifier_destroy(classifier);
    classifier = make(shared, data, OPTIONS(.no_endings = 1, .min_count = 2));
    elman_classifier_describe(classifier, &info);
    assert_int_equal(info.vocabulary, 2);
    assert_int_equal(token_of(classifier, "running"), WORD_UNKNOWN);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);
}

/* Of words that occur once about half are hidden, in each epoch others; of others none. */
static void hidden_words(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    size_t used = 0, hidden[2] = {0, 0};
    bool differs = false, before[200] = {false};
    elman_error error = {0};
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "w%d\t%s\nof\tO\n\n", i,
                                 i % 2 ? "O" : "N");
    elman_labelled *const data = read_labelled(shared, text, ELMAN_LABELLED_TOKENS);
    elman_classifier *const classifier = make(shared, data, OPTIONS(.no_endings = 1));
    elman_classifier_source *source;
    must(elman_classifier_source_create(classifier, data, NULL, 200, 1, &source, &error), &error);
    const elman_source view = elman_classifier_source_view(source);
    for (size_t epoch = 0; epoch < 2; epoch++) {
        elman_batch batch = {.struct_size = sizeof batch};
        size_t of = 0;
        bool now[201] = {false};
        must(view.batch(view.user, epoch + 1, 0, &batch, &error), &error);
        for (size_t row = 0; row < 200; row++) {
            const int32_t word = batch.sequence.tokens[row];
            hidden[epoch] += word == WORD_UNKNOWN;
            now[word > 1 ? word - 1 : 0] = true;
            of += batch.sequence.tokens[200 + row] == 1;
        }
        assert_int_equal(of, 200);
        assert_true(hidden[epoch] > 70 && hidden[epoch] < 130);
        differs = differs || (epoch > 0 && memcmp(now, before, sizeof before) != 0);
        memcpy(before, now, sizeof before);
    }
    assert_true(differs);
    elman_classifier_source_destroy(source);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);
}

/* How a classifier is refused. */
static void check_refused(const char *text, elman_labelled_kind kind,
                          const elman_classifier_options *options, elman_status status,
                          const char *sentence) {
    const elman_labelled_options reading = {
        .struct_size = sizeof reading, .kind = kind, .need = ELMAN_LABELS_OPTIONAL};
    elman_error error = {0};
    elman_labelled *data;
    elman_classifier *classifier;
    must(elman_labelled_from_memory(shared, "x", text, strlen(text), &reading, &data, &error),
         &error);
    assert_int_equal(elman_classifier_create(shared, data, NULL, options, &classifier, &error),
                     status);
    assert_null(classifier);
    assert_string_equal(error.message, sentence);
    elman_labelled_destroy(data);
}

static void refusals(void **state) {
    (void)state;
    static const char two[] = "x,label\n1,a\n2,b\n";
    const double weights[] = {1.0, 0.0};
    check_refused(two, ELMAN_LABELLED_ANY, OPTIONS(.valid = 1.0), ELMAN_ERR_ARGUMENT,
                  "elman_classifier_options: valid is 1, expected a share from 0 to below 1");
    check_refused(two, ELMAN_LABELLED_ANY, OPTIONS(.unit = (elman_text_unit)2), ELMAN_ERR_ARGUMENT,
                  "elman_classifier_options: unit is 2, expected one of elman_text_unit");
    check_refused(two, ELMAN_LABELLED_ANY, OPTIONS(.weighting = (elman_class_weighting)3),
                  ELMAN_ERR_ARGUMENT,
                  "elman_classifier_options: weighting is 3, expected one of "
                  "elman_class_weighting");
    check_refused(two, ELMAN_LABELLED_ANY,
                  OPTIONS(.weighting = ELMAN_WEIGHTING_GIVEN, .class_weights = weights,
                          .class_weight_count = 1),
                  ELMAN_ERR_ARGUMENT, "1 class weights for 2 labels");
    check_refused(two, ELMAN_LABELLED_ANY,
                  OPTIONS(.weighting = ELMAN_WEIGHTING_GIVEN, .class_weights = weights,
                          .class_weight_count = 2),
                  ELMAN_ERR_ARGUMENT, "the class weight of \"b\" is 0, expected a number above 0");
    check_refused("x,label\n1,a\n2,a\n", ELMAN_LABELLED_ANY, NULL, ELMAN_ERR_DATA,
                  "the data have 1 label, expected two or more to tell apart");
    check_refused("x,label\n1,a\n2,\n3,b\n", ELMAN_LABELLED_ANY, NULL, ELMAN_ERR_DATA,
                  "the sequence in line 3 has no label to learn");
    check_refused("a\tX\nb\tY\n\nc\t\n", ELMAN_LABELLED_TOKENS, NULL, ELMAN_ERR_DATA,
                  "the sequence in line 4 has no label to learn");
    static char many[TEXT_MAX];
    size_t used = (size_t)snprintf(many, sizeof many, "x,label\n");
    for (int i = 0; i < 4097; i++)
        used += (size_t)snprintf(many + used, sizeof many - used, "1,%d\n", i);
    check_refused(many, ELMAN_LABELLED_ANY, NULL, ELMAN_ERR_DATA,
                  "the data have 4097 different labels, expected 4096 or fewer");
    check_refused(two, ELMAN_LABELLED_ANY, OPTIONS(.valid = 0.9), ELMAN_ERR_DATA,
                  "2 sequences are too few to keep the share 0.9 of them for validation");
}

static void mismatches(void **state) {
    (void)state;
    elman_error error = {0};
    elman_labelled *const data = read_labelled(shared, numbers(20), ELMAN_LABELLED_ANY);
    elman_labelled *const text = read_labelled(shared, texts(20), ELMAN_LABELLED_ANY);
    elman_labelled *const narrow =
        read_labelled(shared, "x,label\n1,up\n2,down\n", ELMAN_LABELLED_ANY);
    elman_labelled *const other =
        read_labelled(shared, "id,x,y,label\n1,1,1,in\n1,2,2,in\n2,2,2,out\n", ELMAN_LABELLED_ANY);
    elman_classifier *classifier;
    elman_classifier_source *source;
    elman_prediction *prediction;
    elman_class_score *score;
    assert_int_equal(elman_classifier_create(shared, data, text, NULL, &classifier, &error),
                     ELMAN_ERR_MISMATCH);
    assert_string_equal(error.message, "the data are texts, the model was trained on sequences of "
                                       "numbers");
    assert_int_equal(elman_classifier_create(shared, data, narrow, NULL, &classifier, &error),
                     ELMAN_ERR_MISMATCH);
    assert_string_equal(error.message,
                        "the data have 1 numbers a step, the model was trained on 2");
    assert_int_equal(elman_classifier_create(shared, data, other, NULL, &classifier, &error),
                     ELMAN_ERR_MISMATCH);
    assert_string_equal(error.message, "the validation data were not read with the labels of the "
                                       "training data");
    classifier = make(shared, data, NULL);
    assert_int_equal(elman_classifier_source_create(classifier, data, NULL, 0, 1, &source, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_classifier_source_create(classifier, other, NULL, 1, 1, &source, &error),
                     ELMAN_ERR_MISMATCH);
    assert_string_equal(error.message, "the classifier was made from 20 sequences, these are 2");
    elman_model *const model = make_model(shared, classifier, ELMAN_OUTPUT_MAX);
    elman_network *network;
    must(elman_network_compile(model, &network, &error), &error);
    assert_int_equal(elman_classifier_predict(classifier, network, text, &prediction, &error),
                     ELMAN_ERR_MISMATCH);
    elman_classifier *const of_text = make(shared, text, NULL);
    assert_int_equal(elman_classifier_predict(of_text, network, text, &prediction, &error),
                     ELMAN_ERR_MISMATCH);
    assert_int_equal(elman_classifier_store(of_text, model, &error), ELMAN_ERR_MISMATCH);
    elman_classifier *opened;
    assert_int_equal(elman_classifier_open(shared, model, &opened, &error), ELMAN_ERR_MISMATCH);
    assert_null(opened);
    assert_string_equal(error.message, "the model's data are of the kind \"none\", expected one "
                                       "that was trained to classify or to tag");
    must(elman_classifier_predict(classifier, network, data, &prediction, &error), &error);
    assert_int_equal(elman_class_score_create(classifier, other, prediction, &score, &error),
                     ELMAN_ERR_MISMATCH);
    assert_string_equal(error.message, "the data were not read with the model's labels");
    elman_prediction_destroy(prediction);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_classifier_destroy(of_text);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(other);
    elman_labelled_destroy(narrow);
    elman_labelled_destroy(text);
    elman_labelled_destroy(data);
}

/* Text with the first `from` replaced by `to`. */
static char *replaced(const char *text, const char *from, const char *to) {
    const char *const at = strstr(text, from);
    assert_non_null(at);
    char *const result = malloc(strlen(text) + strlen(to) + 1);
    assert_non_null(result);
    (void)sprintf(result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return result;
}

/* A tagger in a model, and another model for what somebody made of its description. */
typedef struct Tampering {
    elman_labelled *data;
    elman_classifier *classifier;
    elman_model *model, *copy;
    SafetensorsTensor tensors[8];
    size_t count;
} Tampering;

static void tamper_begin(Tampering *t) {
    elman_error error = {0};
    t->data = read_labelled(shared, sentences(20), ELMAN_LABELLED_TOKENS);
    t->classifier = make(shared, t->data, NULL);
    t->model = make_model(shared, t->classifier, ELMAN_OUTPUT_EVERY_STEP);
    t->copy = make_model(shared, t->classifier, ELMAN_OUTPUT_EVERY_STEP);
    must(elman_classifier_store(t->classifier, t->model, &error), &error);
    t->count = encoder_tensor_count(t->model);
    assert_int_equal(t->count, 5);
    for (size_t i = 0; i < t->count; i++) encoder_tensor_at(t->model, i, &t->tensors[i]);
}

static void tamper_end(Tampering *t) {
    elman_model_destroy(t->copy);
    elman_model_destroy(t->model);
    elman_classifier_destroy(t->classifier);
    elman_labelled_destroy(t->data);
}

/* A description that was changed is refused, and the sentence says where. */
static void changed_description(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *sentence;
    } changes[] = {
        {"\"version\":1", "\"version\":2", "\"version\""},
        {"\"data\":\"tokens\"", "\"data\":\"text\"", "\"data\""},
        {"\"data\":\"tokens\"", "\"data\":7", "\"data\""},
        {"\"unit\":\"characters\"", "\"unit\":\"letters\"", "\"unit\""},
        {"\"fold\":false", "\"fold\":0", "\"fold\""},
        {"\"features\":0", "\"features\":1", "\"features\""},
        {"\"labels\":3", "\"labels\":2", "\"encoder.labels\""},
        {"\"labels\":3", "\"labels\":1", "\"labels\""},
        {"\"labels\":3", "\"labels\":100000", "\"labels\""},
        {"\"max_length\":0", "\"max_length\":-1", "\"max_length\""},
        {"\"label\":null", "\"label\":[]", "\"label\""},
    };
    Tampering t;
    elman_error error = {0};
    tamper_begin(&t);
    for (size_t i = 0; i < TABLE_SIZE(changes); i++) {
        elman_classifier *opened;
        char *const json = replaced(elman_model_encoder(t.model), changes[i].from, changes[i].to);
        must(encoder_set(t.copy, "tag", json, t.tensors, t.count, &error), &error);
        assert_int_equal(elman_classifier_open(shared, t.copy, &opened, &error), ELMAN_ERR_FORMAT);
        assert_null(opened);
        if (!strstr(error.message, changes[i].sentence))
            fail_msg("%s: %s", changes[i].to, error.message);
        free(json);
    }
    tamper_end(&t);
}

/* Two labels that are the same. */
static void label_twice(void **state) {
    (void)state;
    static const char twice[] = "O\0B-NAME\0O";
    Tampering t;
    elman_error error = {0};
    elman_classifier *opened;
    tamper_begin(&t);
    for (size_t i = 0; i < t.count; i++) {
        if (strcmp(t.tensors[i].name, STORE_LABELS) != 0) continue;
        t.tensors[i].data = twice;
        t.tensors[i].bytes = t.tensors[i].shape[0] = sizeof twice;
    }
    char *const json = replaced(elman_model_encoder(t.model), "\"labels\":3", "\"labels\":2");
    must(encoder_set(t.copy, "tag", json, t.tensors, t.count, &error), &error);
    assert_int_equal(elman_classifier_open(shared, t.copy, &opened, &error), ELMAN_ERR_FORMAT);
    assert_non_null(strstr(error.message, STORE_LABELS));
    free(json);
    tamper_end(&t);
}

/* Makes a tensor one of another type (way 1), or shorter (way 2). */
static void spoil(SafetensorsTensor *tensor, int way) {
    if (way == 2) {
        tensor->bytes -= tensor->bytes / tensor->shape[0];
        tensor->shape[0]--;
    } else if (tensor->type == SAFETENSORS_U8) {
        tensor->type = SAFETENSORS_I64;
        tensor->shape[0] = 1;
        tensor->bytes = 8;
    } else {
        tensor->type = SAFETENSORS_U8;
        tensor->shape[0] = tensor->bytes;
    }
}

/* Each tensor left out, of another type, shorter. */
static void changed_tensors(void **state) {
    (void)state;
    Tampering t;
    elman_error error = {0};
    tamper_begin(&t);
    for (size_t i = 0; i < 3 * t.count; i++) {
        SafetensorsTensor changed[8];
        size_t used = 0;
        const int way = (int)(i % 3);
        const char *const name = t.tensors[i / 3].name;
        for (size_t k = 0; k < t.count; k++) {
            if (k == i / 3 && way == 0) continue;
            changed[used] = t.tensors[k];
            if (k == i / 3) spoil(&changed[used], way);
            used++;
        }
        elman_classifier *opened;
        must(encoder_set(t.copy, "tag", elman_model_encoder(t.model), changed, used, &error),
             &error);
        const elman_status status = elman_classifier_open(shared, t.copy, &opened, &error);
        /* The last word of a list may be any word. */
        const bool list = strcmp(name, STORE_WORDS) == 0 || strcmp(name, STORE_ENDINGS) == 0;
        if (list && way == 2) {
            assert_int_equal(status, ELMAN_OK);
        } else if (status == ELMAN_OK || opened) {
            fail_msg("%s, way %d", name, way);
        }
        elman_classifier_destroy(opened);
    }
    tamper_end(&t);
}

/* All of it, once; the first failure ends it. */
static elman_status all_of_it(elman_context *context, const elman_labelled *data) {
    elman_classifier *classifier = NULL, *opened = NULL;
    elman_classifier_source *source = NULL;
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_prediction *prediction = NULL;
    elman_class_score *score = NULL;
    elman_loss loss;
    elman_classifier_info info;
    elman_status status = elman_classifier_create(
        context, data, NULL,
        OPTIONS(.valid = 0.3, .unit = ELMAN_UNIT_WORDS, .weighting = ELMAN_WEIGHTING_BALANCED),
        &classifier, NULL);
    if (status) goto done;
    elman_classifier_describe(classifier, &info);
    status = elman_classifier_source_create(classifier, data, NULL, 3, 1, &source, NULL);
    if (!status)
        status = info.features
                     ? elman_model_create(context, info.features, &model, NULL)
                     : elman_model_create_tokens(context, info.vocabulary, 2, &model, NULL);
    if (status) goto done;
    (void)elman_model_add_cell(model, ELMAN_CELL_RNN, 2);
    (void)elman_model_add_linear(model, info.labels, 0);
    (void)elman_model_set_output(model,
                                 info.tagger ? ELMAN_OUTPUT_EVERY_STEP : ELMAN_OUTPUT_LAST_STEP);
    status = elman_model_build(model, NULL, NULL);
    if (!status) status = elman_classifier_store(classifier, model, NULL);
    if (!status) status = elman_classifier_open(context, model, &opened, NULL);
    if (!status) status = elman_network_compile(model, &network, NULL);
    if (status) goto done;
    const elman_source view = elman_classifier_source_view(source);
    elman_batch batch = {.struct_size = sizeof batch};
    status = view.batch(view.user, 1, 0, &batch, NULL);
    if (!status) status = view.validate(view.user, network, &loss, NULL);
    if (!status) status = elman_classifier_predict(opened, network, data, &prediction, NULL);
    if (!status) status = elman_class_score_create(opened, data, prediction, &score, NULL);
    if (!status) {
        elman_class_score_destroy(score);
        status = elman_classifier_source_score(source, network, &score, NULL);
    }

done:
    elman_class_score_destroy(score);
    elman_prediction_destroy(prediction);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_classifier_source_destroy(source);
    elman_classifier_destroy(opened);
    elman_classifier_destroy(classifier);
    return status;
}

static void allocations(void **state) {
    (void)state;
    const char *const data_text[] = {texts(12), numbers(12), sentences(12)};
    for (size_t kind = 0; kind < 3; kind++) {
        if (kind == 0 && words_check(true, true, NULL)) continue;
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options given = {
            .struct_size = sizeof given, .threads = 1, .allocator = counting_allocator(&counting)};
        elman_context *context;
        assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
        elman_labelled *const data = read_labelled(
            shared, data_text[kind], kind == 2 ? ELMAN_LABELLED_TOKENS : ELMAN_LABELLED_ANY);
        const long live = counting.live;
        elman_status status = ELMAN_ERR_MEMORY;
        long k = 0;
        for (; status != ELMAN_OK; k++) {
            counting.allow = k;
            status = all_of_it(context, data);
            assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
            assert_true(counting.live == live);
        }
        assert_true(k > 40);
        counting.allow = ALLOW_ALL;
        elman_labelled_destroy(data);
        elman_context_destroy(context);
        assert_true(counting.live == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),          cmocka_unit_test(fits),
        cmocka_unit_test(batches),         cmocka_unit_test(learnt),
        cmocka_unit_test(alone),           cmocka_unit_test(unknown_words),
        cmocka_unit_test(hidden_words),    cmocka_unit_test(refusals),
        cmocka_unit_test(mismatches),      cmocka_unit_test(changed_description),
        cmocka_unit_test(changed_tensors), cmocka_unit_test(label_twice),
        cmocka_unit_test(allocations),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
