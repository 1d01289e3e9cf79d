/* Classification and tagging: from labelled sequences to a network's input, and from its output to
 * labels and how often they are right.
 *
 * A classifier belongs to a model. What it was made from decides which kind:
 *
 *     texts, numbers   one label a sequence; the model has one output row a sequence (last step,
 *                      mean or maximum)
 *     tokens           one label a step: a tagger; the model has an output at every step
 *
 * How to train one: elman_classifier_create, a model of its inputs with an output for each label,
 * elman_trainer_run over elman_classifier_source, elman_classifier_store. How to use one:
 * elman_model_load, elman_classifier_open, elman_classifier_load, elman_classifier_predict. */
#ifndef ELMAN_CLASSIFY_H
#define ELMAN_CLASSIFY_H

#include <elman/labelled.h>
#include <elman/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_classifier elman_classifier;
typedef struct elman_classifier_source elman_classifier_source;
typedef struct elman_prediction elman_prediction;
typedef struct elman_class_score elman_class_score;

/* What a text is cut into. */
typedef enum elman_text_unit { ELMAN_UNIT_CHARACTERS, ELMAN_UNIT_WORDS } elman_text_unit;

/* How much a label counts in the loss. */
typedef enum elman_class_weighting {
    ELMAN_WEIGHTING_NONE,     /* 1 */
    ELMAN_WEIGHTING_BALANCED, /* n / (labels * how often it is among the n that are learnt from) */
    ELMAN_WEIGHTING_GIVEN     /* class_weights */
} elman_class_weighting;

typedef struct elman_classifier_options {
    size_t struct_size;   /* sizeof(elman_classifier_options) */
    elman_text_unit unit; /* texts */
    int keep_case;        /* words: zero: those that differ in case alone are the same */
    uint64_t min_count;   /* words that occur less often among what is learnt from are unknown; 0: 2
                             in texts, 1 for tokens. A word that occurs there once and is known all
                             the same is read as an unknown one every other time, at random, so that
                             the model learns what unknown ones look like */
    size_t max_words;     /* known are at most so many, the most frequent; 0: any number */
    int no_endings;       /* tokens: zero: unknown words are told apart by how they end and by
                             capital letters and digits; non-zero: all are the same */
    size_t max_length;    /* steps; longer sequences are cut at their end (but not when they are
                             tagged); 0: any number */
    int no_scaling;       /* numbers: zero: each feature is read as (x - mean) / standard deviation,
                             both of what is learnt from */
    elman_class_weighting weighting;
    const double *class_weights; /* GIVEN: [label_count], each above 0 */
    size_t class_weight_count;
    double valid;   /* [0, 1): the share that is kept for validation; not looked at where
                       validation data are given */
    int valid_last; /* zero: as many of each label, chosen at random; tokens: of all sentences.
                       Non-zero: the last part */
    uint64_t seed;  /* of that choice */
} elman_classifier_options;

typedef struct elman_classifier_info {
    elman_labelled_kind kind; /* TEXT, NUMBERS, TOKENS */
    int tagger;
    size_t features;   /* numbers the model reads at a step; 0: tokens */
    size_t vocabulary; /* tokens the model knows; 0: numbers */
    size_t words;      /* of them, words (or characters) of what was learnt from */
    int characters;    /* non-zero: the tokens are characters */
    size_t labels;     /* the model's outputs */
    size_t majority;   /* the label that is most frequent among what was learnt from */
    size_t max_length; /* 0: any */
    /* Of one that was created; 0 for one that was opened: */
    size_t train, valid;  /* sequences */
    size_t longest;       /* steps of the longest among what is learnt from, once cut */
    size_t cut;           /* sequences that were cut, of both parts */
    double unknown_share; /* of the validation part's tokens, those that are unknown */
} elman_classifier_info;

/* Decides what is read, fits vocabulary and scaling on what is to be learnt from. `valid`: data to
 * validate on, read with the labels of `data`; NULL: a share of `data`. Both must have all their
 * labels. It keeps no pointer to the data. Errors: ARGUMENT (options that make no sense), DATA (a
 * sequence without label; less than two labels; nothing left to learn from), MISMATCH (`valid` is
 * of another kind or has other labels), UNSUPPORTED (words, in a library built without
 * libunistring), MEMORY. */
ELMAN_API elman_status elman_classifier_create(elman_context *context, const elman_labelled *data,
                                               const elman_labelled *valid,
                                               const elman_classifier_options *options,
                                               elman_classifier **classifier, elman_error *error);
ELMAN_API void elman_classifier_destroy(elman_classifier *classifier);
ELMAN_API void elman_classifier_describe(const elman_classifier *classifier,
                                         elman_classifier_info *info);

/* Label `index` < info.labels, and how many of what was learnt from have it. */
ELMAN_API const char *elman_classifier_label(const elman_classifier *classifier, size_t index);
ELMAN_API uint64_t elman_classifier_label_count(const elman_classifier *classifier, size_t index);

/* Batches to train on: every sequence once an epoch, those of like length together, in an order
 * that depends on seed and epoch alone. Validation: the mean cross-entropy over the validation
 * part, with the class weights. `data` and `valid` are those that the classifier was made from; of
 * one that was opened any data with labels, all of them to train on. It and they must outlive the
 * source. Errors: MISMATCH (other data), MEMORY. */
ELMAN_API elman_status elman_classifier_source_create(
    const elman_classifier *classifier, const elman_labelled *data, const elman_labelled *valid,
    size_t batch, uint64_t seed, elman_classifier_source **source, elman_error *error);
ELMAN_API void elman_classifier_source_destroy(elman_classifier_source *source);

/* As elman_trainer_run takes it. */
ELMAN_API elman_source elman_classifier_source_view(elman_classifier_source *source);

/* The validation part, as batches in the same order at every epoch; 0 of them where there is none.
 * A batch lies where those of the other view do. */
ELMAN_API elman_source elman_classifier_source_valid(elman_classifier_source *source);

/* Puts all of it into the model, as its encoder. Errors: MISMATCH (the model's input or output is
 * not what the classifier needs), MEMORY. */
ELMAN_API elman_status elman_classifier_store(const elman_classifier *classifier,
                                              elman_model *model, elman_error *error);

/* Errors: MISMATCH (no model that classifies or tags), FORMAT (its description makes no sense),
 * MEMORY. */
ELMAN_API elman_status elman_classifier_open(elman_context *context, const elman_model *model,
                                             elman_classifier **classifier, elman_error *error);

/* Reads a file with the columns and labels that the classifier was made for. Of `options` (NULL:
 * all defaults) those that name columns replace the classifier's; need, interpolate and object are
 * taken as they are, the others are not looked at. Errors: as elman_labelled_load, MISMATCH (data
 * of another kind). */
ELMAN_API elman_status elman_classifier_load(const elman_classifier *classifier, const char *path,
                                             const elman_labelled_options *options,
                                             elman_labelled **data, elman_error *error);

/* The probabilities of the labels for each sequence, or for each of its steps: the same bits
 * whatever the other sequences are. Labels of the data are not looked at. Errors: MISMATCH (data or
 * network of another kind), MEMORY. */
ELMAN_API elman_status elman_classifier_predict(const elman_classifier *classifier,
                                                const elman_network *network,
                                                const elman_labelled *data,
                                                elman_prediction **prediction, elman_error *error);
ELMAN_API void elman_prediction_destroy(elman_prediction *prediction);

/* [labels], or, of a tagger, [length][labels]; and the most probable label of `step` (0 for one
 * label a sequence), the first of equals. */
ELMAN_API const float *elman_prediction_probabilities(const elman_prediction *prediction,
                                                      size_t index);
ELMAN_API size_t elman_prediction_label(const elman_prediction *prediction, size_t index,
                                        size_t step);

/* How many sequences were cut to max_length; how many tokens there were and how many of them were
 * unknown (0 for numbers). */
ELMAN_API size_t elman_prediction_cut(const elman_prediction *prediction);
ELMAN_API size_t elman_prediction_tokens(const elman_prediction *prediction);
ELMAN_API size_t elman_prediction_unknown(const elman_prediction *prediction);

typedef struct elman_class_summary {
    size_t count; /* labels that were predicted: of sequences, or of steps */
    size_t right;
    double accuracy; /* right / count */
    double macro_f1; /* the mean of the F1 of all labels that occur, or were predicted */
    double log_loss; /* mean of -ln of the probability that the right label got */
    double majority; /* accuracy of always predicting info.majority */
    double per_word; /* tagger: accuracy of the label that the word had most often among what was
                        learnt from; info.majority for unknown ones. NaN else */
    /* Spans, where the labels are O and B-, I-, E-, S- with a type: otherwise has_spans is 0. They
     * are found by the rules of CoNLL-2000's evaluation (Tjong Kim Sang and Buchholz, 2000): one is
     * right when both its ends and its type are. */
    int has_spans;
    size_t spans, spans_predicted, spans_right;
    double span_precision, span_recall, span_f1;
} elman_class_summary;

typedef struct elman_class_figures {
    size_t count, predicted, right;
    double precision, recall, f1; /* 0 where nothing is to be divided by */
} elman_class_figures;

/* Compares a prediction with the labels of its data; those without are left out. Errors: DATA (none
 * has a label), MISMATCH (other data), MEMORY. */
ELMAN_API elman_status elman_class_score_create(const elman_classifier *classifier,
                                                const elman_labelled *data,
                                                const elman_prediction *prediction,
                                                elman_class_score **score, elman_error *error);

/* The same for the validation part of a source. Errors: DATA (it has none), MISMATCH, MEMORY. */
ELMAN_API elman_status elman_classifier_source_score(const elman_classifier_source *source,
                                                     const elman_network *network,
                                                     elman_class_score **score, elman_error *error);
ELMAN_API void elman_class_score_destroy(elman_class_score *score);
ELMAN_API void elman_class_score_summary(const elman_class_score *score,
                                         elman_class_summary *summary);

/* Of one label, and how often `actual` was taken for `predicted`. */
ELMAN_API void elman_class_score_label(const elman_class_score *score, size_t label,
                                       elman_class_figures *figures);
ELMAN_API size_t elman_class_score_confusion(const elman_class_score *score, size_t actual,
                                             size_t predicted);

/* The types of spans, sorted by their bytes, and the figures of one. */
ELMAN_API size_t elman_class_score_span_types(const elman_class_score *score);
ELMAN_API const char *elman_class_score_span_type(const elman_class_score *score, size_t type,
                                                  elman_class_figures *figures);

#ifdef __cplusplus
}
#endif

#endif
