/* Labelled sequences: each format read, each rule kept, each refusal in its own sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include <elman/labelled.h>

#define FOLDER ELMAN_SOURCE_DIR "/tests/data/labelled/"

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

/* Options that are all defaults but for what is given. */
#define OPTIONS(...)                                                                               \
    (&(elman_labelled_options){.struct_size = sizeof(elman_labelled_options), __VA_ARGS__})

static elman_labelled *read_text(const char *text, const elman_labelled_options *options) {
    elman_labelled *data;
    elman_error error;
    const elman_status status =
        elman_labelled_from_memory(shared, "x", text, strlen(text), options, &data, &error);
    if (status) print_error("%s\n", error.message);
    assert_int_equal(status, ELMAN_OK);
    return data;
}

/* A sequence's label, "-" where it has none. */
static const char *label_of(const elman_labelled *data, size_t index) {
    const int32_t label = elman_labelled_label(data, index);
    return label < 0 ? "-" : elman_labelled_label_name(data, (size_t)label);
}

static void check_values(const elman_labelled *data, size_t index, size_t length, size_t features,
                         const float *want) {
    assert_int_equal(elman_labelled_length(data, index), length);
    assert_int_equal(elman_labelled_features(data), features);
    for (size_t i = 0; i < length * features; i++)
        assert_true(elman_labelled_values(data, index)[i] == want[i]);
}

static void texts(void **state) {
    (void)state;
    elman_labelled *data =
        read_text("label,text,more\n b ,\"x, \"\"y\"\"\n1\",2\na,\xC3\xA9,\na,,2\n", NULL);
    assert_int_equal(elman_labelled_get_kind(data), ELMAN_LABELLED_TEXT);
    assert_string_equal(elman_labelled_format(data), "csv");
    assert_int_equal(elman_labelled_count(data), 3);
    assert_int_equal(elman_labelled_label_count(data), 2);
    assert_string_equal(elman_labelled_label_name(data, 0), "a");
    assert_string_equal(label_of(data, 0), "b");
    assert_string_equal(elman_labelled_text(data, 0), "x, \"y\"\n1");
    assert_string_equal(elman_labelled_text(data, 1), "\xC3\xA9");
    assert_string_equal(elman_labelled_text(data, 2), "");
    assert_int_equal(elman_labelled_length(data, 0), 8);
    assert_int_equal(elman_labelled_length(data, 1), 2);
    assert_int_equal(elman_labelled_length(data, 2), 0);
    assert_int_equal(elman_labelled_line(data, 0), 2);
    assert_int_equal(elman_labelled_line(data, 1), 4);
    assert_string_equal(elman_labelled_id(data, 1), "2");
    assert_string_equal(elman_labelled_text_column(data), "text");
    assert_string_equal(elman_labelled_label_column(data), "label");
    assert_null(elman_labelled_id_column(data));
    assert_null(elman_labelled_values(data, 0));
    assert_null(elman_labelled_token(data, 0, 0));
    assert_null(elman_labelled_labels(data, 0));
    assert_int_equal(elman_labelled_features(data), 0);
    assert_int_equal(elman_labelled_column_count(data), 0);
    assert_true(elman_labelled_has_labels(data));
    elman_labelled_destroy(data);
    elman_labelled_destroy(NULL);
}

/* Which of two columns is which, with and without labels. */
static void two_columns(void **state) {
    (void)state;
    elman_labelled *data = read_text("what\tclass\ngood\t1\nbad\t2\n", NULL);
    assert_string_equal(elman_labelled_text_column(data), "what");
    assert_string_equal(label_of(data, 1), "2");
    elman_labelled_destroy(data);
    data = read_text("label,what\n1,good\n", NULL);
    assert_string_equal(elman_labelled_text(data, 0), "good");
    elman_labelled_destroy(data);
    /* Numbers are texts when they are called so. */
    data = read_text("text,label\n1,2\n", NULL);
    assert_string_equal(elman_labelled_text(data, 0), "1");
    elman_labelled_destroy(data);
    data = read_text("what\n12\n",
                     OPTIONS(.kind = ELMAN_LABELLED_TEXT, .need = ELMAN_LABELS_OPTIONAL));
    assert_string_equal(elman_labelled_text(data, 0), "12");
    assert_string_equal(label_of(data, 0), "-");
    assert_false(elman_labelled_has_labels(data));
    assert_int_equal(elman_labelled_label_count(data), 0);
    elman_labelled_destroy(data);
    /* A table may begin as another format does when texts are asked for. */
    data = read_text("@relation,label\nx,y\n", OPTIONS(.kind = ELMAN_LABELLED_TEXT));
    assert_string_equal(elman_labelled_text(data, 0), "x");
    elman_labelled_destroy(data);
}

static void label_needs(void **state) {
    (void)state;
    static const char text[] = "text,label\na,x\nb,?\nc,\nd,w\n";
    elman_labelled *data = read_text(text, OPTIONS(.need = ELMAN_LABELS_OPTIONAL));
    assert_string_equal(label_of(data, 0), "x");
    assert_string_equal(label_of(data, 1), "-");
    assert_string_equal(label_of(data, 2), "-");
    assert_string_equal(label_of(data, 3), "w");
    elman_labelled_destroy(data);
    data = read_text(text, OPTIONS(.need = ELMAN_LABELS_IGNORED));
    assert_int_equal(elman_labelled_count(data), 4);
    assert_false(elman_labelled_has_labels(data));
    assert_int_equal(elman_labelled_label_count(data), 0);
    elman_labelled_destroy(data);
    /* A model's labels keep their order, those that do not occur too. */
    static const char *const labels[] = {"x", "w", "v"};
    data = read_text("text,label\na,w\n", OPTIONS(.labels = labels, .label_count = 3));
    assert_int_equal(elman_labelled_label(data, 0), 1);
    assert_int_equal(elman_labelled_label_count(data), 3);
    assert_string_equal(elman_labelled_label_name(data, 2), "v");
    elman_labelled_destroy(data);
}

/* By value when all are numbers, else by bytes. */
static void label_order(void **state) {
    (void)state;
    elman_labelled *data = read_text("text,label\na,10\nb,9\nc,-1\n", NULL);
    assert_string_equal(elman_labelled_label_name(data, 0), "-1");
    assert_string_equal(elman_labelled_label_name(data, 1), "9");
    assert_string_equal(label_of(data, 0), "10");
    elman_labelled_destroy(data);
    data = read_text("text,label\na,10\nb,9\nc,-1x\n", NULL);
    assert_string_equal(elman_labelled_label_name(data, 0), "-1x");
    assert_string_equal(elman_labelled_label_name(data, 1), "10");
    assert_string_equal(label_of(data, 1), "9");
    elman_labelled_destroy(data);
}

static void wide_form(void **state) {
    (void)state;
    elman_labelled *data = read_text("a,b,who,label,c,d\n1,2,x,u,3,4\n5,6,y,v,,\n", NULL);
    assert_string_equal(elman_labelled_format(data), "csv-wide");
    check_values(data, 0, 4, 1, (const float[]){1, 2, 3, 4});
    check_values(data, 1, 2, 1, (const float[]){5, 6});
    assert_string_equal(label_of(data, 1), "v");
    assert_int_equal(elman_labelled_column_count(data), 4);
    assert_string_equal(elman_labelled_column(data, 2), "c");
    assert_null(elman_labelled_text(data, 0));
    elman_labelled_destroy(data);

    static const char *const columns[] = {"d", "a"};
    data = read_text("a,b,label,c,d\n1,2,u,3,4\n", OPTIONS(.columns = columns, .column_count = 2));
    check_values(data, 0, 2, 1, (const float[]){4, 1});
    elman_labelled_destroy(data);

    data =
        read_text("a,b,c,d,e,f,label\n1,2,3,4,5,6,u\n1,2,3,4,,,u\n", OPTIONS(.step_features = 2));
    check_values(data, 0, 3, 2, (const float[]){1, 2, 3, 4, 5, 6});
    check_values(data, 1, 2, 2, (const float[]){1, 2, 3, 4});
    elman_labelled_destroy(data);

    /* No heading: the label is the last column, and columns are called by their number. */
    data = read_text("1,2,7\n3,4,8\n", NULL);
    check_values(data, 1, 2, 1, (const float[]){3, 4});
    assert_string_equal(label_of(data, 0), "7");
    assert_string_equal(elman_labelled_label_column(data), "3");
    elman_labelled_destroy(data);
    /* In quotes they are names. */
    data = read_text("\"1\",\"2\"\n3,4\n", NULL);
    assert_int_equal(elman_labelled_count(data), 1);
    assert_string_equal(label_of(data, 0), "4");
    elman_labelled_destroy(data);
    data = read_text("1,2,7\n3,4,8\n", OPTIONS(.label = "1"));
    check_values(data, 1, 2, 1, (const float[]){4, 8});
    elman_labelled_destroy(data);
    data = read_text("1,2\n3,4\n", OPTIONS(.need = ELMAN_LABELS_OPTIONAL, .label = "3"));
    check_values(data, 1, 2, 1, (const float[]){3, 4});
    elman_labelled_destroy(data);

    data = read_text("id,a,label\np,1,u\nq,2,v\n", NULL);
    assert_string_equal(elman_labelled_format(data), "csv-wide");
    assert_string_equal(elman_labelled_id(data, 1), "q");
    assert_null(elman_labelled_id_column(data));
    elman_labelled_destroy(data);
}

static void long_form(void **state) {
    (void)state;
    static const char text[] = "id,x,y,label\nq,1,2,u\np,3,4,v\nq,5,6,u\n";
    elman_labelled *data = read_text(text, NULL);
    assert_string_equal(elman_labelled_format(data), "csv-long");
    assert_int_equal(elman_labelled_count(data), 2);
    check_values(data, 0, 2, 2, (const float[]){1, 2, 5, 6});
    check_values(data, 1, 1, 2, (const float[]){3, 4});
    assert_string_equal(elman_labelled_id(data, 0), "q");
    assert_string_equal(label_of(data, 0), "u");
    assert_int_equal(elman_labelled_line(data, 1), 3);
    assert_string_equal(elman_labelled_id_column(data), "id");
    elman_labelled_destroy(data);
    /* An id that is asked for makes it so even where none repeats. */
    data = read_text("key,x,label\np,1,u\nr,2,v\n", OPTIONS(.id = "key"));
    assert_string_equal(elman_labelled_format(data), "csv-long");
    assert_int_equal(elman_labelled_count(data), 2);
    elman_labelled_destroy(data);
}

static void interpolation(void **state) {
    (void)state;
    const elman_labelled_options *const fill = OPTIONS(.interpolate = 1);
    elman_labelled *data =
        read_text("id,x,y,label\nq,,1,u\nq,1,NA,u\nq,?,NaN,u\nq,4,4,u\nq,,0,u\n", fill);
    check_values(data, 0, 5, 2, (const float[]){1, 1, 1, 2, 2.5f, 3, 4, 4, 4, 0});
    elman_labelled_destroy(data);
    data = read_text("a,b,c,label\n1,,3,u\n,,3,u\n2,7,,u\n", fill);
    check_values(data, 0, 3, 1, (const float[]){1, 2, 3});
    check_values(data, 1, 3, 1, (const float[]){3, 3, 3});
    check_values(data, 2, 2, 1, (const float[]){2, 7});
    elman_labelled_destroy(data);
    data = read_text("@timeStamps false\n@classLabel true u\n@data\n?,2,?:1,?,3:u\n", fill);
    check_values(data, 0, 3, 2, (const float[]){2, 1, 2, 2, 2, 3});
    elman_labelled_destroy(data);
}

static void ucr(void **state) {
    (void)state;
    elman_labelled *data = read_text("2\t1.5\t-2e1\tNaN\tNaN\r\n\r\n1\t1\t2\t3\n", NULL);
    assert_string_equal(elman_labelled_format(data), "ucr");
    check_values(data, 0, 2, 1, (const float[]){1.5f, -20});
    check_values(data, 1, 3, 1, (const float[]){1, 2, 3});
    assert_string_equal(label_of(data, 0), "2");
    assert_int_equal(elman_labelled_label(data, 0), 1);
    assert_int_equal(elman_labelled_line(data, 1), 3);
    elman_labelled_destroy(data);
    data = read_text("2\t1\t2\n", OPTIONS(.need = ELMAN_LABELS_IGNORED, .step_features = 2));
    check_values(data, 0, 1, 2, (const float[]){1, 2});
    assert_string_equal(label_of(data, 0), "-");
    elman_labelled_destroy(data);
}

static void ts(void **state) {
    (void)state;
    static const char text[] =
        "\xEF\xBB\xBF# words\n@problemName Made up\n@timestamps false\n@missing false\n"
        "@univariate false\n@dimension 2\n@equalLength false\n"
        "@classLabel true up down\n@DATA\n# more\n"
        "1,2,3:4,5,6:up\n7:8: down \n";
    elman_labelled *data = read_text(text, NULL);
    assert_string_equal(elman_labelled_format(data), "ts");
    check_values(data, 0, 3, 2, (const float[]){1, 4, 2, 5, 3, 6});
    check_values(data, 1, 1, 2, (const float[]){7, 8});
    assert_string_equal(label_of(data, 1), "down");
    assert_int_equal(elman_labelled_line(data, 0), 11);
    elman_labelled_destroy(data);
    data = read_text("@univariate true\n@serieslength 2\n@classlabel false\n@data\n1,2\n3,4\n",
                     OPTIONS(.need = ELMAN_LABELS_OPTIONAL));
    check_values(data, 1, 2, 1, (const float[]){3, 4});
    assert_string_equal(label_of(data, 1), "-");
    elman_labelled_destroy(data);
    data = read_text("@classlabel true a\n@data\n1,2:?\n", OPTIONS(.need = ELMAN_LABELS_OPTIONAL));
    assert_string_equal(label_of(data, 0), "-");
    elman_labelled_destroy(data);
}

static void arff(void **state) {
    (void)state;
    elman_labelled *data =
        read_text("% words\n@RELATION 'made up'\n@attribute a numeric\n"
                  "@attribute \"b c\" REAL\n@ATTRIBUTE class {'it\\'s', \"b\", c}\n"
                  "@attribute d integer % not a comment\n"
                  "@data\n% more\n1, 2, 'it\\'s', 3\n4,5,c,?\n",
                  NULL);
    assert_string_equal(elman_labelled_format(data), "arff");
    check_values(data, 0, 3, 1, (const float[]){1, 2, 3});
    check_values(data, 1, 2, 1, (const float[]){4, 5});
    assert_string_equal(label_of(data, 0), "it's");
    assert_string_equal(label_of(data, 1), "c");
    elman_labelled_destroy(data);
    data = read_text("@relation m\n@attribute s relational\n @attribute t0 numeric\n"
                     " @attribute t1 numeric\n @attribute t2 numeric\n@end s\n"
                     "@attribute class {u,v}\n@data\n"
                     "'1,2,3\\n4,5,6',u\n\"7,8,?\\n9,10,?\",v\n",
                     NULL);
    check_values(data, 0, 3, 2, (const float[]){1, 4, 2, 5, 3, 6});
    check_values(data, 1, 2, 2, (const float[]){7, 9, 8, 10});
    assert_string_equal(label_of(data, 1), "v");
    elman_labelled_destroy(data);
    data = read_text("@relation m\n@attribute a numeric\n@attribute b numeric\n@data\n1,2\n",
                     OPTIONS(.need = ELMAN_LABELS_OPTIONAL, .step_features = 2));
    check_values(data, 0, 1, 2, (const float[]){1, 2});
    elman_labelled_destroy(data);
}

static void tokens(void **state) {
    (void)state;
    const elman_labelled_options *const tagged = OPTIONS(.kind = ELMAN_LABELLED_TOKENS);
    elman_labelled *data =
        read_text("-DOCSTART- -X- O\n\n# id 1\nEU NNP B-ORG\r\n# # O\nrejects\tVBZ\tO\n \t\n\n"
                  "New York\tNNP\tB-LOC\n",
                  tagged);
    assert_int_equal(elman_labelled_get_kind(data), ELMAN_LABELLED_TOKENS);
    assert_string_equal(elman_labelled_format(data), "tokens");
    assert_int_equal(elman_labelled_count(data), 2);
    assert_int_equal(elman_labelled_length(data, 0), 3);
    assert_string_equal(elman_labelled_token(data, 0, 0), "EU");
    assert_string_equal(elman_labelled_token(data, 0, 1), "#");
    assert_string_equal(elman_labelled_token(data, 1, 0), "New York");
    const int32_t want[] = {1, 2, 2};
    assert_memory_equal(elman_labelled_labels(data, 0), want, sizeof want);
    assert_string_equal(elman_labelled_label_name(data, 0), "B-LOC");
    assert_int_equal(elman_labelled_labels(data, 1)[0], 0);
    assert_int_equal(elman_labelled_line(data, 0), 4);
    assert_int_equal(elman_labelled_line(data, 1), 9);
    assert_true(elman_labelled_has_labels(data));
    elman_labelled_destroy(data);
    data = read_text("a\nb\n\n#\na",
                     OPTIONS(.kind = ELMAN_LABELLED_TOKENS, .need = ELMAN_LABELS_OPTIONAL));
    assert_int_equal(elman_labelled_count(data), 2);
    assert_int_equal(elman_labelled_labels(data, 0)[1], -1);
    assert_string_equal(elman_labelled_token(data, 1, 0), "a");
    assert_false(elman_labelled_has_labels(data));
    elman_labelled_destroy(data);
}

static elman_labelled *load(const char *path, const elman_labelled_options *options) {
    elman_labelled *data;
    elman_error error;
    const elman_status status = elman_labelled_load(shared, path, options, &data, &error);
    if (status) print_error("%s\n", error.message);
    assert_int_equal(status, ELMAN_OK);
    return data;
}

static void files(void **state) {
    (void)state;
    elman_labelled *data = load(FOLDER "wide.csv.gz", OPTIONS(.step_features = 2));
    check_values(data, 1, 2, 2, (const float[]){4, 5, 6, 7});
    assert_string_equal(label_of(data, 0), "5");
    elman_labelled_destroy(data);

    data =
        load(FOLDER "frames.rda", OPTIONS(.object = "train", .text = "review", .label = "score"));
    assert_string_equal(elman_labelled_format(data), "r");
    assert_string_equal(elman_labelled_text(data, 0), "Good caf\xC3\xA9");
    assert_string_equal(label_of(data, 1), "other");
    assert_int_equal(elman_labelled_line(data, 2), 3);
    elman_labelled_destroy(data);
    /* Numbers as labels, whole or not, and R's truth values. */
    data = load(FOLDER "reviews.rds", OPTIONS(.text = "review", .label = "stars"));
    assert_string_equal(elman_labelled_label_name(data, 1), "4.5");
    assert_string_equal(label_of(data, 0), "5");
    elman_labelled_destroy(data);
    data = load(FOLDER "reviews.rds", OPTIONS(.text = "review", .label = "liked"));
    assert_string_equal(label_of(data, 1), "FALSE");
    elman_labelled_destroy(data);
    data = load(FOLDER "frames.rda", OPTIONS(.object = "walks", .interpolate = 1));
    assert_int_equal(elman_labelled_count(data), 2);
    check_values(data, 0, 2, 1, (const float[]){0.5f, 0.5f});
    assert_string_equal(elman_labelled_id(data, 1), "8");
    elman_labelled_destroy(data);
}

static void digests(void **state) {
    (void)state;
    static const char *const same[] = {"id,x,label\nq,1,u\nq,2,u\n", "label;x;id\nu;1.0;q\nu;2;q"};
    static const char *const other[] = {"id,x,label\nq,1,u\nq,2.5,u\n",
                                        "id,x,label\nq,1,v\nq,2,v\n", "id,x,label\np,1,u\np,2,u\n",
                                        "text,label\na,u\n"};
    elman_labelled *const first = read_text(same[0], NULL), *data = read_text(same[1], NULL);
    assert_int_equal(strlen(elman_labelled_digest(first)), 64);
    assert_string_equal(elman_labelled_digest(first), elman_labelled_digest(data));
    elman_labelled_destroy(data);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        data = read_text(other[i], NULL);
        assert_string_not_equal(elman_labelled_digest(first), elman_labelled_digest(data));
        elman_labelled_destroy(data);
    }
    elman_labelled_destroy(first);
}

typedef struct Refusal {
    const char *text;
    const elman_labelled_options *options;
    elman_status status;
    const char *message;
} Refusal;

static void check_refusal(const Refusal *refusal, size_t size) {
    elman_error error = {ELMAN_OK, ""};
    elman_labelled *data = NULL;
    const elman_status status = elman_labelled_from_memory(shared, "x", refusal->text, size,
                                                           refusal->options, &data, &error);
    assert_string_equal(error.message, refusal->message);
    assert_int_equal(status, refusal->status);
    assert_null(data);
}

static void check_refusals(const Refusal *refusals, size_t count) {
    for (size_t i = 0; i < count; i++) check_refusal(&refusals[i], strlen(refusals[i].text));
}

static const char *const some_columns[] = {"a", "q"};
static const char *const label_too[] = {"a", "label"};
static const char *const twice[] = {"a", "a"};
static const char *const two_labels[] = {"u", "v"};
static const char *const long_labels[] = {
    "a label of forty bytes, so that not all,", "b label of forty bytes, so that not all,",
    "c label of forty bytes, so that not all,", "d label of forty bytes, so that not all,",
    "e label of forty bytes, so that not all,", "f label of forty bytes, so that not all,"};

#define TEN_E "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"

static void refused_tables(void **state) {
    (void)state;
    const Refusal refusals[] = {
        {"", NULL, ELMAN_ERR_DATA, "x: is empty, expected labelled sequences"},
        {"text,label\n", NULL, ELMAN_ERR_DATA, "x: holds no sequences"},
        {"text,label\na,b\nc\n", NULL, ELMAN_ERR_DATA,
         "x:3: has 1 fields, expected 2 as in the first line"},
        {"text,label\na,b\nc,\"d\n", NULL, ELMAN_ERR_DATA,
         "x:3: the quote that begins here is not closed"},
        {"a,b,c\n1,2,u\n", NULL, ELMAN_ERR_DATA,
         "x: which column holds the labels must be said; there are: a, b, c"},
        {"what\n1\n", NULL, ELMAN_ERR_DATA,
         "x: which column holds the labels must be said; there are: what"},
        {"a,b,c\n1,2,u\n", OPTIONS(.label = "q"), ELMAN_ERR_DATA,
         "x: has no column \"q\", expected one of: a, b, c"},
        {"a,b,label\nx,y,u\n", OPTIONS(.kind = ELMAN_LABELLED_TEXT), ELMAN_ERR_DATA,
         "x: which column holds the texts must be said; there are: a, b, label"},
        {"a,b,label\nx,y,u\n", OPTIONS(.text = "q"), ELMAN_ERR_DATA,
         "x: has no column \"q\", expected one of: a, b, label"},
        {"a,b,label\nx,y,u\n", NULL, ELMAN_ERR_DATA,
         "x: no column holds numbers, expected texts or numbers with labels"},
        {"a,label\nx,u\n", OPTIONS(.text = "label"), ELMAN_ERR_ARGUMENT,
         "column \"label\" cannot hold the texts and the labels"},
        {"a,label\n1,u\n", OPTIONS(.id = "label"), ELMAN_ERR_ARGUMENT,
         "column \"label\" cannot hold the ids and the labels"},
        {"a,label\n1,u\n", OPTIONS(.id = "q"), ELMAN_ERR_DATA,
         "x: has no column \"q\", expected one of: a, label"},
        {"a,label\n1,2\n", OPTIONS(.columns = label_too, .column_count = 2), ELMAN_ERR_ARGUMENT,
         "column \"label\" cannot hold numbers of the sequence and its label"},
        {"a,label\n1,2\n", OPTIONS(.columns = some_columns, .column_count = 1, .id = "a"),
         ELMAN_ERR_ARGUMENT, "column \"a\" cannot hold numbers of the sequence and its id"},
        {"a,label\n1,2\n", OPTIONS(.columns = some_columns, .column_count = 2), ELMAN_ERR_DATA,
         "x: has no column \"q\", expected one of: a, label"},
        {"a,label\n1,2\n", OPTIONS(.columns = twice, .column_count = 2), ELMAN_ERR_DATA,
         "x: two columns of numbers are called \"a\""},
        {"a,a,label\n1,2,u\n", NULL, ELMAN_ERR_DATA, "x: two columns of numbers are called \"a\""},
        {"text,label\na,u\nb, \n", NULL, ELMAN_ERR_DATA, "x:3: the label is missing"},
        {"text,label\na,u\n\nb,?\n", NULL, ELMAN_ERR_DATA, "x:4: the label is missing"},
        {"text,label\na,u\nb,w\n", OPTIONS(.labels = two_labels, .label_count = 2),
         ELMAN_ERR_MISMATCH, "x:3: the label \"w\" is none of the model's: u, v"},
        /* A long label is cut at a character: at 39 bytes, not at 40. */
        {"text,label\na,x" TEN_E TEN_E "\xC3\xA9\n",
         OPTIONS(.labels = two_labels, .label_count = 2), ELMAN_ERR_MISMATCH,
         "x:2: the label \"x" TEN_E "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
         "\xA9\xC3\xA9\" is none of the model's: u, v"},
        {"text,label\na,u\n", OPTIONS(.labels = long_labels, .label_count = 6), ELMAN_ERR_MISMATCH,
         "x:2: the label \"u\" is none of the model's: a label of forty bytes, so that not all,, "
         "b label of forty bytes, so that not all,, c label of forty bytes, so that not all,, "
         "d label of forty bytes, so that not all,, ..."},
        {"text,label\na\xFF,u\n", NULL, ELMAN_ERR_DATA, "x:2: byte 0xFF is not valid UTF-8"},
        {"text,label\na,\xC3\n", NULL, ELMAN_ERR_DATA, "x:2: byte 0xC3 is not valid UTF-8"},
        {"id,x,label\na\xFF,1,u\na\xFF,1,u\n", NULL, ELMAN_ERR_DATA,
         "x:2: byte 0xFF is not valid UTF-8"},
        {"id,x,label\na,1,u\n,2,u\n,3,u\n", NULL, ELMAN_ERR_DATA, "x:3: the id is missing"},
        {"id,x,label\na,1,u\na,,u\n", NULL, ELMAN_ERR_DATA, "x:3: column \"x\" has no number"},
        {"id,x,label\na,1,u\na,2,v\n", NULL, ELMAN_ERR_DATA,
         "x:3: the label of \"a\" is \"v\", expected \"u\" as in line 2"},
        {"id,x,label\na,1,u\na,1z,u\n", NULL, ELMAN_ERR_DATA,
         "x:3: column \"x\" is \"1z\", expected a number of float's range"},
        {"x,y,label\n1,1e39,u\n", NULL, ELMAN_ERR_DATA,
         "x:2: column \"y\" is \"1e39\", expected a number of float's range"},
        {"x,y,label\n1,2,u\n,4,u\n", NULL, ELMAN_ERR_DATA,
         "x:3: column \"x\" has no number, though a later one has"},
        {"x,y,label\n1,2,u\n,NA,u\n", NULL, ELMAN_ERR_DATA,
         "x:3: has no numbers, expected a sequence"},
        {"x,y,z,label\n1,2,3,u\n", OPTIONS(.step_features = 2), ELMAN_ERR_DATA,
         "x:2: has 3 numbers, expected a multiple of the 2 of a step"},
        {"id,x,y,label\na,1,,u\na,2,3,u\nb,2,,v\nb,2,?,v\n", OPTIONS(.interpolate = 1),
         ELMAN_ERR_DATA,
         "x:4: the sequence that begins here has no number in feature 2, expected at least one to "
         "interpolate from"},
        {"\x1F\x8B\x08 no gzip", NULL, ELMAN_ERR_FORMAT,
         "x: its compressed data is damaged (zlib: unknown header flags set)"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals);
}

static void refused_options(void **state) {
    (void)state;
    const Refusal refusals[] = {
        {"", OPTIONS(.kind = (elman_labelled_kind)9), ELMAN_ERR_ARGUMENT,
         "elman_labelled_options: kind is 9, expected one of elman_labelled_kind"},
        {"", OPTIONS(.need = (elman_label_need)9), ELMAN_ERR_ARGUMENT,
         "elman_labelled_options: need is 9, expected one of elman_label_need"},
        {"", OPTIONS(.kind = ELMAN_LABELLED_NUMBERS, .text = "t"), ELMAN_ERR_ARGUMENT,
         "a column of texts (\"t\") was named, but numbers were asked for"},
        {"", OPTIONS(.labels = twice, .label_count = 2), ELMAN_ERR_ARGUMENT,
         "the label \"a\" is given twice"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals);
    const elman_labelled_options small = {.struct_size = 1};
    elman_labelled *data;
    assert_int_equal(elman_labelled_from_memory(shared, "x", "", 0, &small, &data, NULL),
                     ELMAN_ERR_ARGUMENT);
}

#define TS(header, rows) "@timeStamps false\n" header "@data\n" rows
#define CLASSES          "@classLabel true u v\n"

static void refused_ucr_and_ts(void **state) {
    (void)state;
    const Refusal refusals[] = {
        {"1\t2\t3\n2\tx\n", NULL, ELMAN_ERR_DATA, "x:2: field 2 is \"x\", expected a number"},
        {"1\t2\t3\n2\t4\tinf\n", NULL, ELMAN_ERR_DATA,
         "x:2: field 3 is \"inf\", expected a number"},
        {"1\t2\t3\n2\tNaN\t4\n", NULL, ELMAN_ERR_DATA, "x:2: number 1 is missing"},
        {"1\t2\t3\n2\n", NULL, ELMAN_ERR_DATA, "x:2: has no numbers, expected a sequence"},
        {"1\t2\t3\n\t1\t2\n", NULL, ELMAN_ERR_DATA, "x:2: the label is missing"},
        {"@timeStamps true\n", NULL, ELMAN_ERR_UNSUPPORTED,
         "x:1: the numbers have time stamps, expected @timeStamps false"},
        {"@timeStamps no\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @timeStamps is \"no\", expected true or false"},
        {"@univariate\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @univariate is \"\", expected true or false"},
        {"@dimensions two\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @dimensions is \"two\", expected a whole number"},
        {"@seriesLength 0\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @seriesLength is \"0\", expected a whole number above 0"},
        {"@seriesLength 1234567890\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @seriesLength is \"1234567890\", expected a whole number"},
        {"@targetLabel true\n", NULL, ELMAN_ERR_UNSUPPORTED,
         "x:1: each sequence has a number to predict (@targetLabel), expected @classLabel"},
        {"@targetLabel x\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @targetLabel is \"x\", expected true or false"},
        {"@classLabel x\n", NULL, ELMAN_ERR_FORMAT,
         "x:1: @classLabel is \"x\", expected true or false"},
        {"@problemName x\n1,2:u\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: a line before @data is \"1,2:u\", expected one that begins with @"},
        {"@problemName x\n", NULL, ELMAN_ERR_FORMAT, "x: has no line @data"},
        {TS("", "1:u\n"), NULL, ELMAN_ERR_FORMAT, "x:2: @data comes before @classLabel"},
        {TS("@classLabel false\n", "1\n"), NULL, ELMAN_ERR_DATA,
         "x:3: the sequences have no labels (@classLabel false)"},
        {TS(CLASSES, ""), NULL, ELMAN_ERR_DATA, "x: holds no sequences"},
        {TS(CLASSES, "1,2:w\n"), NULL, ELMAN_ERR_FORMAT,
         "x:4: the label is \"w\", expected one of those of @classLabel"},
        {TS(CLASSES, "1,2:\n"), NULL, ELMAN_ERR_DATA, "x:4: the label is missing"},
        {TS(CLASSES, "u\n"), NULL, ELMAN_ERR_DATA, "x:4: has a label and no numbers"},
        {TS(CLASSES, "1,(2,3):u\n"), NULL, ELMAN_ERR_DATA,
         "x:4: number 2 of dimension 1 is \"(2\", expected a number or ?"},
        {TS(CLASSES, "1,,3:u\n"), NULL, ELMAN_ERR_DATA,
         "x:4: number 2 of dimension 1 is \"\", expected a number or ?"},
        {TS(CLASSES, "1,2:3,?:u\n"), NULL, ELMAN_ERR_DATA,
         "x:4: number 2 of dimension 2 is missing"},
        {TS(CLASSES, "1,2:3:u\n"), NULL, ELMAN_ERR_DATA,
         "x:4: dimension 2 has 1 steps, expected 2 as dimension 1 has"},
        {TS("@univariate true\n" CLASSES, "1,2:3,4:u\n"), NULL, ELMAN_ERR_DATA,
         "x:5: has 2 dimensions, expected 1 as the header says"},
        {TS(CLASSES, "1,2:3,4:u\n1:u\n"), NULL, ELMAN_ERR_DATA,
         "x:5: has 1 dimensions, expected 2 as before"},
        {TS("@seriesLength 3\n" CLASSES, "1,2:u\n"), NULL, ELMAN_ERR_DATA,
         "x:5: has 2 steps, expected 3 as @seriesLength says"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals);
}

#define ARFF(rows)       "@relation r\n@attribute a numeric\n@attribute c {u,v}\n@data\n" rows
#define RELATION         "@attribute s relational\n@attribute t numeric\n@attribute w numeric\n@end s\n"
#define RELATIONAL(rows) "@relation r\n" RELATION "@attribute c {u,v}\n@data\n" rows

static void refused_arff(void **state) {
    (void)state;
    const Refusal refusals[] = {
        {"@relation r\n@attribute a string\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: an attribute is of type \"string\", expected numeric, relational or a list of "
         "classes"},
        {"@relation r\n@attribute s relational\n@attribute a {b}\n", NULL, ELMAN_ERR_FORMAT,
         "x:3: an attribute is of type \"{b}\", expected numeric"},
        {"@relation r\n@attribute 'a numeric\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: no quote closes \"'a numeric\", expected one"},
        {"@relation r\n@attribute a {'b' c}\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: the list of classes goes on with \"c}\", expected a comma or a brace"},
        {"@relation r\n@attribute a {b\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: the list of classes goes on with \"\", expected a comma or a brace"},
        {"@relation r\n@attribute a {b}\n@attribute c {d}\n", NULL, ELMAN_ERR_FORMAT,
         "x:3: a second attribute with a list of classes is \"c\", expected one, the label"},
        {"@relation r\nnonsense\n", NULL, ELMAN_ERR_FORMAT,
         "x:2: a line begins with \"nonsense\", expected @attribute, @end or @data"},
        {"@relation r\n@attribute a {b}\n@data\n", NULL, ELMAN_ERR_FORMAT,
         "x:3: has 0 numeric and 0 relational attributes, expected numeric ones or one relational "
         "one that has some"},
        {"@relation r\n" RELATION "@attribute a real\n@data\n", NULL, ELMAN_ERR_FORMAT,
         "x:7: has 1 numeric and 1 relational attributes, expected numeric ones or one relational "
         "one that has some"},
        {"@relation r\n@attribute a real\n@data\n1\n", NULL, ELMAN_ERR_DATA,
         "x:3: has no labels: no attribute lists classes"},
        {"@relation r\n@attribute a real\n", NULL, ELMAN_ERR_FORMAT, "x: has no line @data"},
        {ARFF(""), NULL, ELMAN_ERR_DATA, "x: holds no sequences"},
        {ARFF("{0 1}\n"), NULL, ELMAN_ERR_UNSUPPORTED,
         "x:5: a row of sparse data, expected all values with commas between them"},
        {ARFF("z,u\n"), NULL, ELMAN_ERR_DATA, "x:5: number 1 is \"z\", expected a number or ?"},
        {ARFF("1,w\n"), NULL, ELMAN_ERR_FORMAT,
         "x:5: the label is \"w\", expected one that its attribute lists"},
        {ARFF("1,?\n"), NULL, ELMAN_ERR_DATA, "x:5: the label is missing"},
        {ARFF("1\n"), NULL, ELMAN_ERR_DATA,
         "x:5: value 1 is followed by \"\", expected a comma and the next one"},
        {ARFF("1,u,2\n"), NULL, ELMAN_ERR_DATA,
         "x:5: value 2 is followed by \",2\", expected the end of the line"},
        {ARFF("?,u\n"), NULL, ELMAN_ERR_DATA, "x:5: has no numbers, expected a sequence"},
        {RELATIONAL("'1,2\\n3',u\n"), NULL, ELMAN_ERR_DATA,
         "x:8: a row of the relation has 1 numbers, expected 2"},
        {RELATIONAL("'1,2\\n3,4',u\n'1,2',u\n"), NULL, ELMAN_ERR_DATA,
         "x:9: the relation has 1 rows, expected 2 as before"},
        {RELATIONAL("'1,2\\n?,4',u\n"), NULL, ELMAN_ERR_DATA,
         "x:8: number 1 of row 2 of the relation is missing"},
        {RELATIONAL("'?,?\\n?,?',u\n"), NULL, ELMAN_ERR_DATA,
         "x:8: has no numbers, expected a sequence"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals);
}

static void refused_tokens(void **state) {
    (void)state;
    const elman_labelled_options *const tagged = OPTIONS(.kind = ELMAN_LABELLED_TOKENS);
    const Refusal refusals[] = {
        {"\n# a\n", tagged, ELMAN_ERR_DATA, "x: holds no sequences"},
        {"a\n", tagged, ELMAN_ERR_DATA, "x:1: has one column, expected a token and its label"},
        {"a O\nb\n", tagged, ELMAN_ERR_DATA, "x:2: has 1 columns, expected 2 as in line 1"},
        {"a\tO\n\tO\n", tagged, ELMAN_ERR_DATA, "x:2: the token is missing"},
        {"a\tO\nb\t\n", tagged, ELMAN_ERR_DATA, "x:2: the label is missing"},
        {"a\tO\nb\xFE\tO\n", tagged, ELMAN_ERR_DATA, "x:2: byte 0xFE is not valid UTF-8"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals);
    const Refusal binary = {"a\0b O\n", tagged, ELMAN_ERR_DATA,
                            "x:1: byte 0x00 is a NUL character: binary data, not text"};
    check_refusal(&binary, 6);
}

static void refused_files(void **state) {
    (void)state;
    static const struct {
        const char *path, *object;
        elman_status status;
        const char *message;
    } refusals[] = {
        {"missing.csv", NULL, ELMAN_ERR_IO,
         "missing.csv: cannot be opened: No such file or directory"},
        {FOLDER "frames.rda", NULL, ELMAN_ERR_DATA,
         FOLDER
         "frames.rda: holds 3 objects, and which is to be read must be said: train, missing, "
         "walks"},
        {FOLDER "frames.rda", "missing", ELMAN_ERR_DATA,
         FOLDER "frames.rda:2: the text is missing"},
        {FOLDER "frames.rda", "walks", ELMAN_ERR_DATA,
         FOLDER "frames.rda:2: column \"step\" has no number"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        elman_error error;
        elman_labelled *data;
        assert_int_equal(elman_labelled_load(shared, refusals[i].path,
                                             OPTIONS(.object = refusals[i].object), &data, &error),
                         refusals[i].status);
        assert_string_equal(error.message, refusals[i].message);
    }
}

/* Every allocation fails once, in each reader. */
static void no_memory(void **state) {
    (void)state;
    static const char *const labels[] = {"u"};
    const struct {
        const char *path, *text;
        const elman_labelled_options *options;
    } sources[] = {
        {NULL, "text,label\na,u\n", NULL},
        {NULL, "id,x,label\na,1,u\na,2,u\n", NULL},
        {NULL, "a,b,label\n1,,u\n", OPTIONS(.labels = labels, .label_count = 1)},
        {NULL, "1\t2\t3\n", NULL},
        {NULL, TS(CLASSES, "1,2:3,4:u\n"), NULL},
        {NULL, ARFF("1,u\n"), NULL},
        {NULL, RELATIONAL("'1,2\\n3,4',u\n"), NULL},
        {NULL, "a O\nb O\n", OPTIONS(.kind = ELMAN_LABELLED_TOKENS)},
        {FOLDER "wide.csv.gz", NULL, NULL},
        {FOLDER "reviews.rds", NULL, OPTIONS(.text = "review", .label = "score")},
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options given = {
            .struct_size = sizeof given, .threads = 1, .allocator = counting_allocator(&counting)};
        elman_context *context;
        elman_status status = ELMAN_ERR_MEMORY;
        assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
        const long live = counting.live;
        for (long k = 0; status != ELMAN_OK; k++) {
            elman_labelled *data;
            counting.allow = k;
            status = sources[i].path ? elman_labelled_load(context, sources[i].path,
                                                           sources[i].options, &data, NULL)
                                     : elman_labelled_from_memory(context, "x", sources[i].text,
                                                                  strlen(sources[i].text),
                                                                  sources[i].options, &data, NULL);
            assert_true(status == ELMAN_OK || (status == ELMAN_ERR_MEMORY && !data));
            assert_true(status != ELMAN_OK || k >= 8);
            elman_labelled_destroy(data);
            assert_true(counting.live == live);
        }
        counting.allow = ALLOW_ALL;
        elman_context_destroy(context);
        assert_true(counting.live == 0);
    }
}

/* More labels, ids and tokens than any first allocation has room for. */
static void many(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static char text[COUNT * 48];
    size_t used = (size_t)snprintf(text, sizeof text, "id,x,label\n");
    for (int i = 0; i < 2 * COUNT; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "n%d,%d,l%d\n", i % COUNT, i,
                                 i % COUNT);
    elman_labelled *const data = read_text(text, NULL);
    assert_int_equal(elman_labelled_count(data), COUNT);
    assert_int_equal(elman_labelled_label_count(data), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "l%zu", i);
        assert_string_equal(label_of(data, i), name);
        check_values(data, i, 2, 1, (const float[]){(float)i, (float)(i + COUNT)});
        if (i > 0)
            assert_true(strcmp(elman_labelled_label_name(data, i - 1),
                               elman_labelled_label_name(data, i)) < 0);
    }
    elman_labelled_destroy(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(two_columns),
        cmocka_unit_test(label_needs),
        cmocka_unit_test(label_order),
        cmocka_unit_test(wide_form),
        cmocka_unit_test(long_form),
        cmocka_unit_test(interpolation),
        cmocka_unit_test(ucr),
        cmocka_unit_test(ts),
        cmocka_unit_test(arff),
        cmocka_unit_test(tokens),
        cmocka_unit_test(files),
        cmocka_unit_test(digests),
        cmocka_unit_test(refused_tables),
        cmocka_unit_test(refused_options),
        cmocka_unit_test(refused_ucr_and_ts),
        cmocka_unit_test(refused_arff),
        cmocka_unit_test(refused_tokens),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
