/* Scores of predicted labels against figures made by hand, and spans against the rules of
 * CoNLL-2000's evaluation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "classify/predict.h"
#include "classify/spans.h"
#include <elman/elman.h>

#define TABLE_SIZE(table) (sizeof(table) / sizeof *(table))

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

static bool near(double a, double b) {
    return fabs(a - b) < 1e-6;
}

static elman_labelled *read_labelled(const char *text, elman_labelled_kind kind,
                                     elman_label_need need) {
    const elman_labelled_options options = {
        .struct_size = sizeof options, .kind = kind, .need = need};
    elman_labelled *data;
    elman_error error = {0};
    must(elman_labelled_from_memory(shared, "x", text, strlen(text), &options, &data, &error),
         &error);
    return data;
}

/* Actual a a a a b b b c, "e" occurs in training alone, and one sequence has no label. Predicted a
 * a a b b b a a, and anything for the last. */
static void classes(void **state) {
    (void)state;
    static const char text[] = "x,label\n1,a\n1,a\n1,a\n1,a\n1,b\n1,b\n1,b\n1,c\n1,\n1,d\n";
    static const size_t predicted[] = {0, 0, 0, 1, 1, 1, 0, 0, 2};
    elman_error error = {0};
    elman_labelled *const train = read_labelled("x,label\n1,a\n1,b\n2,b\n3,c\n4,d\n5,e\n",
                                                ELMAN_LABELLED_ANY, ELMAN_LABELS_REQUIRED);
    static const char *const labels[] = {"a", "b", "c", "d", "e"};
    const elman_labelled_options options = {.struct_size = sizeof options,
                                            .need = ELMAN_LABELS_OPTIONAL,
                                            .labels = labels,
                                            .label_count = 5};
    elman_labelled *data;
    must(elman_labelled_from_memory(shared, "x", text, strlen(text), &options, &data, &error),
         &error);
    elman_classifier *classifier;
    must(elman_classifier_create(shared, train, NULL, NULL, &classifier, &error), &error);
    /* The predicted label has the probability 0.7, the others 0.1; of the row of d it has 0. */
    float probabilities[10][5];
    size_t first[11];
    for (size_t i = 0; i < 10; i++) {
        first[i] = i;
        for (size_t k = 0; k < 5; k++) {
            probabilities[i][k] =
                i < 9 ? (k == predicted[i] ? 0.7F : 0.1F) : (k == 0 ? 1.0F : 0.0F);
        }
    }
    first[10] = 10;
    const elman_prediction prediction = {.context = shared,
                                         .labels = 5,
                                         .count = 10,
                                         .first = first,
                                         .probabilities = &probabilities[0][0]};
    elman_class_score *score;
    elman_class_summary summary;
    elman_class_figures figures;
    must(elman_class_score_create(classifier, data, &prediction, &score, &error), &error);
    elman_class_score_summary(score, &summary);
    assert_int_equal(summary.count, 9);
    assert_int_equal(summary.right, 5);
    assert_true(near(summary.accuracy, 5.0 / 9.0));
    assert_true(near(summary.majority, 3.0 / 9.0)); /* b, the most frequent in training */
    const double rare = -log(1.17549435082228751e-38);
    assert_true(fabs(summary.log_loss - (5.0 * -log(0.7) + 3.0 * -log(0.1) + rare) / 9.0) < 1e-5);
    elman_class_score_label(score, 0, &figures);
    assert_int_equal(figures.count, 4);
    assert_int_equal(figures.predicted, 6);
    assert_int_equal(figures.right, 3);
    assert_true(near(figures.precision, 0.5) && near(figures.recall, 0.75) &&
                near(figures.f1, 0.6));
    elman_class_score_label(score, 1, &figures);
    assert_true(near(figures.precision, 2.0 / 3.0) && near(figures.recall, 2.0 / 3.0));
    elman_class_score_label(score, 2, &figures);
    assert_true(figures.precision == 0.0 && figures.recall == 0.0 && figures.f1 == 0.0);
    assert_true(near(summary.macro_f1, (0.6 + 2.0 / 3.0) / 4.0));
    assert_int_equal(elman_class_score_confusion(score, 1, 0), 1);
    assert_int_equal(elman_class_score_confusion(score, 0, 1), 1);
    assert_int_equal(elman_class_score_confusion(score, 2, 0), 1);
    assert_false(summary.has_spans);
    assert_true(isnan(summary.per_word));
    assert_int_equal(elman_class_score_span_types(score), 0);
    elman_class_score_destroy(score);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);
    elman_labelled_destroy(train);
}

/* Counts of spans in two rows of labels with blanks between. */
static void check_spans(const char *actual, const char *predicted, size_t in_actual,
                        size_t in_predicted, size_t right) {
    static const char *const known[] = {"O",   "B-X", "I-X", "E-X", "S-X",
                                        "B-Y", "I-Y", "E-Y", "S-Y"};
    Memory memory;
    memory_init(&memory, NULL);
    Names labels = {.memory = &memory};
    SpanScore spans;
    SpanWalk walk;
    size_t index;
    for (size_t i = 0; i < TABLE_SIZE(known); i++)
        assert_true(names_add(&labels, known[i], strlen(known[i]), &index));
    assert_true(spans_create(&memory, &labels, &spans));
    assert_int_equal(spans.types.count, 2);
    spans_begin(&walk);
    const char *one = actual, *other = predicted;
    while (*one) {
        size_t a, b;
        const size_t one_size = strcspn(one, " "), other_size = strcspn(other, " ");
        assert_true(names_find(&labels, one, one_size, &a));
        assert_true(names_find(&labels, other, other_size, &b));
        spans_step(&spans, &walk, a, b);
        one += one_size + (one[one_size] == ' ');
        other += other_size + (other[other_size] == ' ');
    }
    assert_true(!*other);
    spans_end(&spans, &walk);
    SpanCounts all = {0, 0, 0};
    for (size_t i = 0; i < 2; i++) {
        all.actual += spans.counts[i].actual;
        all.predicted += spans.counts[i].predicted;
        all.right += spans.counts[i].right;
    }
    if (all.actual != in_actual || all.predicted != in_predicted || all.right != right)
        fail_msg("%s | %s: %zu, %zu, %zu right", actual, predicted, all.actual, all.predicted,
                 all.right);
    spans_release(&memory, &spans);
    names_release(&labels);
}

static void span_rules(void **state) {
    (void)state;
    check_spans("O O", "O O", 0, 0, 0);
    check_spans("B-X I-X O B-Y", "B-X I-X O B-Y", 2, 2, 2);
    check_spans("B-X I-X O", "B-X O O", 1, 1, 0);     /* too short */
    check_spans("B-X O O", "B-X I-X O", 1, 1, 0);     /* too long */
    check_spans("O B-X I-X", "B-X I-X I-X", 1, 1, 0); /* begins too early */
    check_spans("B-X I-X O", "B-Y I-Y O", 1, 1, 0);   /* another type */
    check_spans("B-X B-X", "B-X I-X", 2, 1, 0);       /* two beside each other */
    check_spans("B-X B-X", "B-X B-X", 2, 2, 2);
    check_spans("I-X I-X O I-X", "B-X I-X O B-X", 2, 2, 2); /* IOB1 means the same */
    check_spans("B-X I-Y", "B-X I-Y", 2, 2, 2);             /* another type begins another one */
    check_spans("B-X I-Y", "B-X I-X", 2, 1, 0);
    check_spans("B-X E-X S-Y", "B-X I-X B-Y", 2, 2, 2); /* IOBES */
    check_spans("S-X S-X", "B-X I-X", 2, 1, 0);
    check_spans("E-X E-X", "B-X B-X", 2, 2, 2);
    check_spans("B-X E-X I-X", "B-X I-X I-X", 2, 1, 0);
    check_spans("B-X I-X I-X O B-Y", "B-X I-X B-X O B-Y", 2, 3, 1);
    check_spans("O B-X O", "O O B-X", 1, 1, 0);
}

static bool are_spans(const char *const *labels, size_t count) {
    Memory memory;
    memory_init(&memory, NULL);
    Names names = {.memory = &memory};
    SpanScore spans;
    size_t index;
    for (size_t i = 0; i < count; i++)
        assert_true(names_add(&names, labels[i], strlen(labels[i]), &index));
    assert_true(spans_create(&memory, &names, &spans));
    const bool result = spans.labels != NULL;
    spans_release(&memory, &spans);
    names_release(&names);
    return result;
}

static void span_labels(void **state) {
    (void)state;
    assert_true(are_spans((const char *const[]){"O", "B-X", "I-X"}, 3));
    assert_true(are_spans((const char *const[]){"B-X", "B-Y"}, 2));
    assert_false(are_spans((const char *const[]){"O"}, 1));
    assert_false(are_spans((const char *const[]){"O", "B-X", "NOUN"}, 3));
    assert_false(are_spans((const char *const[]){"O", "B-"}, 2));
    assert_false(are_spans((const char *const[]){"O", "BX"}, 2));
    assert_false(are_spans((const char *const[]){"O", "X-B"}, 2));
}

/* Most frequent label per word, the majority for unknown ones, spans by type. */
static void tags(void **state) {
    (void)state;
    static const char text[] = "a\tB-X\na\tB-X\na\tO\nb\tO\nb\tO\nc\tI-X\n\nc\tI-X\nc\tO\nd\tO\n";
    elman_error error = {0};
    elman_labelled *const train = read_labelled(text, ELMAN_LABELLED_TOKENS, ELMAN_LABELS_REQUIRED);
    /* O O B-X B-X | I-X: of a, c, a, e (unknown), b */
    elman_labelled *const data = read_labelled("a\tO\nc\tO\na\tB-X\ne\tB-X\n\nb\tI-X\n",
                                               ELMAN_LABELLED_TOKENS, ELMAN_LABELS_REQUIRED);
    elman_classifier *classifier;
    must(elman_classifier_create(shared, train, NULL, NULL, &classifier, &error), &error);
    /* Labels in order: B-X, I-X, O. Predicted: O O B-X O | B-X. */
    float probabilities[5][3] = {{0, 0, 1}, {0, 0, 1}, {1, 0, 0}, {0, 0, 1}, {1, 0, 0}};
    size_t first[3] = {0, 4, 5};
    const elman_prediction prediction = {.context = shared,
                                         .labels = 3,
                                         .count = 2,
                                         .first = first,
                                         .probabilities = &probabilities[0][0]};
    elman_class_score *score;
    elman_class_summary summary;
    elman_class_figures figures;
    must(elman_class_score_create(classifier, data, &prediction, &score, &error), &error);
    elman_class_score_summary(score, &summary);
    assert_int_equal(summary.count, 5);
    assert_int_equal(summary.right, 3);
    assert_true(near(summary.majority, 0.4));
    /* a: B-X, c: I-X, unknown: O, b: O. Right: the second a. */
    assert_true(near(summary.per_word, 0.2));
    assert_true(summary.has_spans);
    assert_int_equal(summary.spans, 3);
    assert_int_equal(summary.spans_predicted, 2);
    assert_int_equal(summary.spans_right, 2);
    assert_true(near(summary.span_precision, 1.0) && near(summary.span_recall, 2.0 / 3.0) &&
                near(summary.span_f1, 0.8));
    assert_int_equal(elman_class_score_span_types(score), 1);
    assert_string_equal(elman_class_score_span_type(score, 0, &figures), "X");
    assert_int_equal(figures.right, 2);
    elman_class_score_destroy(score);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(data);
    elman_labelled_destroy(train);
}

/* Data without labels have no score. */
static void no_labels(void **state) {
    (void)state;
    elman_error error = {0};
    elman_labelled *const train =
        read_labelled("a\tX\nb\tY\n", ELMAN_LABELLED_TOKENS, ELMAN_LABELS_REQUIRED);
    elman_classifier *classifier;
    must(elman_classifier_create(shared, train, NULL, NULL, &classifier, &error), &error);
    static const char *const labels[] = {"X", "Y"};
    const elman_labelled_options options = {.struct_size = sizeof options,
                                            .kind = ELMAN_LABELLED_TOKENS,
                                            .need = ELMAN_LABELS_OPTIONAL,
                                            .labels = labels,
                                            .label_count = 2};
    elman_labelled *data;
    must(elman_labelled_from_memory(shared, "x", "a\nb\n", 4, &options, &data, &error), &error);
    float probabilities[4] = {1, 0, 1, 0};
    size_t first[2] = {0, 2};
    const elman_prediction prediction = {
        .context = shared, .labels = 2, .count = 1, .first = first, .probabilities = probabilities};
    elman_class_score *score;
    assert_int_equal(elman_class_score_create(classifier, data, &prediction, &score, &error),
                     ELMAN_ERR_DATA);
    assert_null(score);
    assert_string_equal(error.message, "the data have no labels to compare with");
    elman_labelled_destroy(data);
    elman_classifier_destroy(classifier);
    elman_labelled_destroy(train);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes), cmocka_unit_test(span_rules), cmocka_unit_test(span_labels),
        cmocka_unit_test(tags),    cmocka_unit_test(no_labels),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
