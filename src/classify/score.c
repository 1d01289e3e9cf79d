/* Scores predictions. */
#include "classify/score.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "core/size.h"

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for a score");
}

static elman_status create(const elman_classifier *classifier, elman_class_score **result,
                           elman_error *error) {
    Memory *memory = &classifier->context->memory;
    const size_t labels = classifier->labels.count;
    elman_class_score *score = memory_allocate(memory, sizeof(*score));
    *result = NULL;
    if (score == NULL) return no_memory(error);
    score->context = classifier->context;
    score->classifier = classifier;
    score->labels = labels;
    score->tagger = classifier->tagger;
    /* Labels are at most LABELS_MAX, so that their square fits. */
    score->confusion = memory_allocate_array(memory, labels * labels, sizeof(size_t));
    if (score->confusion == NULL ||
        (classifier->tagger && !spans_create(memory, &classifier->labels, &score->spans))) {
        elman_class_score_destroy(score);
        return no_memory(error);
    }
    *result = score;
    return ELMAN_OK;
}

void elman_class_score_destroy(elman_class_score *score) {
    if (score == NULL) return;
    Memory *memory = &score->context->memory;
    spans_release(memory, &score->spans);
    memory_release(memory, score->confusion);
    memory_release(memory, score);
}

static void add_label(elman_class_score *score, size_t actual, size_t predicted,
                      const float *probabilities) {
    /* The least that a float can be stands for a probability of 0. */
    const double probability = fmax((double)probabilities[actual], (double)FLT_MIN);
    score->confusion[actual * score->labels + predicted]++;
    score->count++;
    score->right += actual == predicted;
    score->majority_right += actual == classifier_majority(score->classifier);
    score->log_loss -= natural_logarithm(probability);
}

static elman_status add_word(elman_class_score *score, const char *word, size_t actual,
                             elman_error *error) {
    int32_t token;
    const elman_status status =
        word_vocabulary_token(score->classifier->words, word, strlen(word), &token, error);
    if (status == ELMAN_OK)
        score->word_right += (size_t)score->classifier->word_labels[token] == actual;
    return status;
}

static elman_status add_sentence(elman_class_score *score, const elman_labelled *data,
                                 size_t sequence, const elman_prediction *prediction, size_t index,
                                 elman_error *error) {
    const int32_t *labels = elman_labelled_labels(data, sequence);
    const size_t all = elman_labelled_length(data, sequence);
    const size_t read = prediction->first[index + 1] - prediction->first[index];
    const size_t length = read < all ? read : all;
    const float *probabilities = elman_prediction_probabilities(prediction, index);
    bool whole = score->spans.labels != NULL;
    SpanWalk walk;
    for (size_t step = 0; step < length; step++) {
        if (labels[step] < 0) whole = false;
        if (labels[step] < 0) continue;
        add_label(score, (size_t)labels[step], elman_prediction_label(prediction, index, step),
                  probabilities + step * score->labels);
        const elman_status status = add_word(score, elman_labelled_token(data, sequence, step),
                                             (size_t)labels[step], error);
        if (status != ELMAN_OK) return status;
    }
    if (!whole) return ELMAN_OK;
    spans_begin(&walk);
    for (size_t step = 0; step < length; step++)
        spans_step(&score->spans, &walk, (size_t)labels[step],
                   elman_prediction_label(prediction, index, step));
    spans_end(&score->spans, &walk);
    return ELMAN_OK;
}

elman_status score_members(const elman_classifier *classifier, const elman_labelled *data,
                           const uint32_t *members, const elman_prediction *prediction,
                           elman_class_score **result, elman_error *error) {
    elman_class_score *score;
    elman_status status = create(classifier, &score, error);
    for (size_t i = 0; status == ELMAN_OK && i < prediction->count; i++) {
        const size_t sequence = members != NULL ? members[i] : i;
        if (classifier->tagger) {
            status = add_sentence(score, data, sequence, prediction, i, error);
            continue;
        }
        const int32_t label = elman_labelled_label(data, sequence);
        if (label >= 0)
            add_label(score, (size_t)label, elman_prediction_label(prediction, i, 0),
                      elman_prediction_probabilities(prediction, i));
    }
    if (status == ELMAN_OK && score->count == 0)
        status = fail(error, ELMAN_ERR_DATA, "the data have no labels to compare with");
    *result = status == ELMAN_OK ? score : NULL;
    if (status != ELMAN_OK) elman_class_score_destroy(score);
    return status;
}

elman_status elman_class_score_create(const elman_classifier *classifier,
                                      const elman_labelled *data,
                                      const elman_prediction *prediction, elman_class_score **score,
                                      elman_error *error) {
    *score = NULL;
    elman_status status = classifier_check_data(classifier, data, error);
    if (status != ELMAN_OK) return status;
    const size_t labels = elman_labelled_label_count(data);
    bool same = labels == classifier->labels.count && prediction->labels == labels;
    for (size_t i = 0; same && i < labels; i++)
        same = strcmp(elman_labelled_label_name(data, i), names_text(&classifier->labels, i)) == 0;
    if (!same)
        return fail(error, ELMAN_ERR_MISMATCH, "the data were not read with the model's labels");
    if (prediction->count != elman_labelled_count(data))
        return fail(error, ELMAN_ERR_MISMATCH, "a prediction of %zu sequences for %zu",
                    prediction->count, elman_labelled_count(data));
    return score_members(classifier, data, NULL, prediction, score, error);
}

static double share(size_t part, size_t all) {
    return all > 0 ? (double)part / (double)all : 0.0;
}

static void complete(elman_class_figures *figures) {
    figures->precision = share(figures->right, figures->predicted);
    figures->recall = share(figures->right, figures->count);
    figures->f1 = share(2 * figures->right, figures->predicted + figures->count);
}

void elman_class_score_label(const elman_class_score *score, size_t label,
                             elman_class_figures *figures) {
    const size_t *row = score->confusion + label * score->labels;
    *figures = (elman_class_figures){.right = row[label]};
    for (size_t i = 0; i < score->labels; i++) {
        figures->count += row[i];
        figures->predicted += score->confusion[i * score->labels + label];
    }
    complete(figures);
}

size_t elman_class_score_confusion(const elman_class_score *score, size_t actual,
                                   size_t predicted) {
    return score->confusion[actual * score->labels + predicted];
}

size_t elman_class_score_span_types(const elman_class_score *score) {
    return score->spans.labels != NULL ? score->spans.types.count : 0;
}

const char *elman_class_score_span_type(const elman_class_score *score, size_t type,
                                        elman_class_figures *figures) {
    const SpanCounts *counts = &score->spans.counts[type];
    *figures = (elman_class_figures){
        .count = counts->actual, .predicted = counts->predicted, .right = counts->right};
    complete(figures);
    return names_text(&score->spans.types, type);
}

void elman_class_score_summary(const elman_class_score *score, elman_class_summary *summary) {
    elman_class_figures spans = {0};
    size_t occurring = 0;
    *summary = (elman_class_summary){
        .count = score->count,
        .right = score->right,
        .accuracy = share(score->right, score->count),
        .log_loss = score->log_loss / (double)score->count,
        .majority = share(score->majority_right, score->count),
        .per_word = score->tagger ? share(score->word_right, score->count) : NAN,
        .has_spans = score->spans.labels != NULL,
    };
    for (size_t label = 0; label < score->labels; label++) {
        elman_class_figures figures;
        elman_class_score_label(score, label, &figures);
        if (figures.count + figures.predicted == 0) continue;
        summary->macro_f1 += figures.f1;
        occurring++;
    }
    summary->macro_f1 /= (double)occurring;
    for (size_t type = 0; type < elman_class_score_span_types(score); type++) {
        spans.count += score->spans.counts[type].actual;
        spans.predicted += score->spans.counts[type].predicted;
        spans.right += score->spans.counts[type].right;
    }
    complete(&spans);
    summary->spans = spans.count;
    summary->spans_predicted = spans.predicted;
    summary->spans_right = spans.right;
    summary->span_precision = spans.precision;
    summary->span_recall = spans.recall;
    summary->span_f1 = spans.f1;
}
