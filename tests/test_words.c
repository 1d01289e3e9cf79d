/* Words: where texts are cut, which words a vocabulary takes, what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/words.h"
#include "support/allocator.h"

#define TABLE_SIZE(table) (sizeof(table) / sizeof *(table))

static Memory plain; /* the default allocator */

static int open_memory(void **state) {
    (void)state;
    memory_init(&plain, NULL);
    return 0;
}

static WordVocabulary *parse(const char *bytes, bool fold) {
    WordVocabulary *vocabulary;
    assert_int_equal(
        word_vocabulary_from_bytes(&plain, bytes, strlen(bytes), fold, &vocabulary, NULL),
        ELMAN_OK);
    return vocabulary;
}

/* The words of a vocabulary, most frequent first. */
static void check_bytes(const WordVocabulary *vocabulary, const char *want) {
    size_t size;
    const char *const bytes = word_vocabulary_bytes(vocabulary, &size);
    assert_int_equal(size, strlen(want));
    assert_memory_equal(bytes, want, size);
}

static void words_as_they_are(void **state) {
    (void)state;
    static const char *const words[] = {"b", "New York", "a", "b", "a", "c", ""};
    WordCounter *counter;
    WordVocabulary *vocabulary;
    elman_error error;
    int32_t token;
    assert_int_equal(word_counter_create(&plain, false, &counter, NULL), ELMAN_OK);
    for (size_t i = 0; i < TABLE_SIZE(words); i++)
        assert_int_equal(word_counter_add_word(counter, words[i], strlen(words[i]), NULL),
                         ELMAN_OK);
    assert_int_equal(word_vocabulary_create(counter, 1, 0, &vocabulary, NULL), ELMAN_OK);
    check_bytes(vocabulary, "a\nb\nNew York\nc");
    assert_int_equal(word_vocabulary_size(vocabulary), 5);
    assert_string_equal(word_vocabulary_word(vocabulary, 1), "a");
    assert_string_equal(word_vocabulary_word(vocabulary, 4), "c");
    assert_string_equal(word_vocabulary_word(vocabulary, WORD_UNKNOWN), "\xEF\xBF\xBD");
    assert_string_equal(word_vocabulary_word(vocabulary, 5), "\xEF\xBF\xBD");
    assert_string_equal(word_vocabulary_word(vocabulary, -1), "\xEF\xBF\xBD");
    assert_int_equal(word_vocabulary_token(vocabulary, "New York", 8, &token, NULL), ELMAN_OK);
    assert_int_equal(token, 3);
    assert_int_equal(word_vocabulary_token(vocabulary, "A", 1, &token, NULL), ELMAN_OK);
    assert_int_equal(token, WORD_UNKNOWN);
    word_vocabulary_destroy(vocabulary);

    assert_int_equal(word_vocabulary_create(counter, 2, 0, &vocabulary, NULL), ELMAN_OK);
    check_bytes(vocabulary, "a\nb");
    word_vocabulary_destroy(vocabulary);
    assert_int_equal(word_vocabulary_create(counter, 0, 3, &vocabulary, NULL), ELMAN_OK);
    check_bytes(vocabulary, "a\nb\nNew York");
    word_vocabulary_destroy(vocabulary);
    assert_int_equal(word_vocabulary_create(counter, 3, 0, &vocabulary, &error), ELMAN_ERR_DATA);
    assert_null(vocabulary);
    assert_string_equal(error.message, "no word occurs often enough to make a vocabulary of (4 "
                                       "different ones, at least 3 times expected)");
    word_counter_destroy(counter);
    word_counter_destroy(NULL);
    word_vocabulary_destroy(NULL);
}

/* A word of more than WORD_BYTES_MAX bytes is not counted. */
static void long_words(void **state) {
    (void)state;
    char word[WORD_BYTES_MAX + 1];
    WordCounter *counter;
    WordVocabulary *vocabulary;
    memset(word, 'a', sizeof word);
    assert_int_equal(word_counter_create(&plain, false, &counter, NULL), ELMAN_OK);
    assert_int_equal(word_counter_add_word(counter, word, sizeof word, NULL), ELMAN_OK);
    assert_int_equal(word_vocabulary_create(counter, 1, 0, &vocabulary, NULL), ELMAN_ERR_DATA);
    assert_int_equal(word_counter_add_word(counter, word, sizeof word - 1, NULL), ELMAN_OK);
    assert_int_equal(word_vocabulary_create(counter, 1, 0, &vocabulary, NULL), ELMAN_OK);
    assert_int_equal(word_vocabulary_size(vocabulary), 2);
    word_vocabulary_destroy(vocabulary);
    word_counter_destroy(counter);
}

static void there_and_back(void **state) {
    (void)state;
    WordVocabulary *const vocabulary = parse("the\n\xC3\xA9t\xC3\xA9\n.", false);
    int32_t token;
    check_bytes(vocabulary, "the\n\xC3\xA9t\xC3\xA9\n.");
    assert_int_equal(word_vocabulary_size(vocabulary), 4);
    assert_int_equal(word_vocabulary_token(vocabulary, "\xC3\xA9t\xC3\xA9", 5, &token, NULL),
                     ELMAN_OK);
    assert_int_equal(token, 2);
    word_vocabulary_destroy(vocabulary);
}

static void refusals(void **state) {
    (void)state;
    static char long_one[WORD_BYTES_MAX + 3] = "a\n";
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"", 0, "vocabulary: word 1 has 0 bytes, expected 1 to 256"},
        {"a\n", 2, "vocabulary: word 2 has 0 bytes, expected 1 to 256"},
        {"\na", 2, "vocabulary: word 1 has 0 bytes, expected 1 to 256"},
        {"a\n\nb", 4, "vocabulary: word 2 has 0 bytes, expected 1 to 256"},
        {long_one, sizeof long_one, "vocabulary: word 2 has 257 bytes, expected 1 to 256"},
        {"a\nb\nc\nb", 7, "vocabulary: words 2 and 4 are the same"},
        {"a\n\xC3", 3, "vocabulary: word 2 is no text in UTF-8"},
        {"a\0b", 3, "vocabulary: word 1 is no text in UTF-8"},
    };
    memset(long_one + 2, 'b', sizeof long_one - 2);
    for (size_t i = 0; i < TABLE_SIZE(cases); i++) {
        WordVocabulary *vocabulary;
        elman_error error;
        assert_int_equal(word_vocabulary_from_bytes(&plain, cases[i].bytes, cases[i].size, false,
                                                    &vocabulary, &error),
                         ELMAN_ERR_FORMAT);
        assert_string_equal(error.message, cases[i].message);
        assert_null(vocabulary);
    }
}

#ifdef ELMAN_HAVE_UTF8PROC
/* Full case folding: one character may become two. */
static void folding(void **state) {
    (void)state;
    /* "Strasse" with a sharp s; the cut ends the escape. */
    static const char *const words[] = {("Stra\xC3\x9F"
                                         "e"),
                                        "STRASSE", "\xC3\x89t\xC3\xA9", "\xCE\xA3\xCE\xA3"};
    WordCounter *counter;
    WordVocabulary *vocabulary;
    int32_t token;
    assert_int_equal(word_counter_create(&plain, true, &counter, NULL), ELMAN_OK);
    for (size_t i = 0; i < TABLE_SIZE(words); i++)
        assert_int_equal(word_counter_add_word(counter, words[i], strlen(words[i]), NULL),
                         ELMAN_OK);
    assert_int_equal(word_vocabulary_create(counter, 1, 0, &vocabulary, NULL), ELMAN_OK);
    check_bytes(vocabulary, "strasse\n\xC3\xA9t\xC3\xA9\n\xCF\x83\xCF\x83");
    assert_int_equal(word_vocabulary_token(vocabulary, "strasSE", 7, &token, NULL), ELMAN_OK);
    assert_int_equal(token, 1);
    word_vocabulary_destroy(vocabulary);
    word_counter_destroy(counter);
}
#else
static void folding(void **state) {
    (void)state;
    WordCounter *counter;
    WordVocabulary *vocabulary;
    elman_error error;
    assert_int_equal(word_counter_create(&plain, true, &counter, &error), ELMAN_ERR_UNSUPPORTED);
    assert_null(counter);
    assert_string_equal(error.message,
                        "words in letters of either case need a library built with utf8proc");
    assert_int_equal(word_vocabulary_from_bytes(&plain, "a", 1, true, &vocabulary, NULL),
                     ELMAN_ERR_UNSUPPORTED);
    assert_null(vocabulary);
}
#endif

#ifdef ELMAN_HAVE_UNISTRING
/* Checks the words of a text against what a vocabulary of all of them gives back. */
static void check_words(const char *text, const char *const *want, size_t count) {
    WordCounter *counter;
    WordVocabulary *vocabulary;
    WordTokens tokens = {NULL, 0, 0, 0};
    assert_int_equal(word_counter_create(&plain, false, &counter, NULL), ELMAN_OK);
    assert_int_equal(word_counter_add_text(counter, text, strlen(text), NULL), ELMAN_OK);
    assert_int_equal(word_vocabulary_create(counter, 1, 0, &vocabulary, NULL), ELMAN_OK);
    assert_int_equal(word_vocabulary_encode(vocabulary, text, strlen(text), &tokens, NULL),
                     ELMAN_OK);
    assert_int_equal(tokens.unknown, 0);
    assert_int_equal(tokens.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(word_vocabulary_word(vocabulary, tokens.tokens[i]), want[i]);
    memory_release(&plain, tokens.tokens);
    word_vocabulary_destroy(vocabulary);
    word_counter_destroy(counter);
}

#define CHECK_WORDS(text, ...)                                                                     \
    do {                                                                                           \
        const char *const want[] = {__VA_ARGS__};                                                  \
        check_words(text, want, TABLE_SIZE(want));                                                 \
    } while (0)

static void boundaries(void **state) {
    (void)state;
    /* The annex's own example, figure 1. */
    CHECK_WORDS("The quick (\xE2\x80\x9C"
                "brown\xE2\x80\x9D) fox can\xE2\x80\x99t jump 32.3 feet, right?",
                "The", "quick", "(", "\xE2\x80\x9C", "brown", "\xE2\x80\x9D", ")", "fox",
                "can\xE2\x80\x99t", "jump", "32.3", "feet", ",", "right", "?");
    CHECK_WORDS("don't\r\nstop...\t3,000.5 a_b", "don't", "stop", ".", ".", ".", "3,000.5", "a_b");
    CHECK_WORDS("  a\xC2\xA0\xE3\x80\x80"
                "b\xE2\x80\xA8",
                "a", "b");
    /* A combining mark stays with its letter, a flag and a family are one. */
    CHECK_WORDS("e\xCC\x81"
                "a \xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"
                "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7",
                "e\xCC\x81"
                "a",
                "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7");
    /* Ideographs stand alone, Katakana together. */
    CHECK_WORDS("\xE6\xBC\xA2\xE5\xAD\x97\xE3\x82\xAB\xE3\x82\xBF", "\xE6\xBC\xA2", "\xE5\xAD\x97",
                "\xE3\x82\xAB\xE3\x82\xBF");
}

static void unknown_words(void **state) {
    (void)state;
    WordVocabulary *const vocabulary = parse("good\n.", true);
    WordTokens tokens = {NULL, 0, 0, 0};
    const int32_t want[] = {1, 0, 2};
    assert_int_equal(word_vocabulary_encode(vocabulary, "GOOD thing.", 11, &tokens, NULL),
                     ELMAN_OK);
    assert_int_equal(tokens.count, 3);
    assert_memory_equal(tokens.tokens, want, sizeof want);
    assert_int_equal(tokens.unknown, 1);
    /* A text without words is one unknown word. */
    static const char *const empty[] = {"", " \n"};
    for (size_t i = 0; i < TABLE_SIZE(empty); i++) {
        assert_int_equal(
            word_vocabulary_encode(vocabulary, empty[i], strlen(empty[i]), &tokens, NULL),
            ELMAN_OK);
        assert_int_equal(tokens.count, 1);
        assert_int_equal(tokens.tokens[0], WORD_UNKNOWN);
        assert_int_equal(tokens.unknown, 1);
    }
    assert_int_equal(word_vocabulary_encode(vocabulary, "good", 4, &tokens, NULL), ELMAN_OK);
    assert_int_equal(tokens.count, 1);
    assert_int_equal(tokens.unknown, 0);
    memory_release(&plain, tokens.tokens);
    word_vocabulary_destroy(vocabulary);
}

static elman_status count_and_encode(Memory *memory) {
    static const char text[] = "Words in a Text, WORDS that are \xC3\x84.";
    WordCounter *counter = NULL;
    WordVocabulary *vocabulary = NULL, *copy = NULL;
    WordTokens tokens = {NULL, 0, 0, 0};
    size_t size;
    elman_status status = word_counter_create(memory, true, &counter, NULL);
    if (!status) status = word_counter_add_text(counter, text, sizeof text - 1, NULL);
    if (!status) status = word_vocabulary_create(counter, 1, 0, &vocabulary, NULL);
    if (!status) {
        const char *const bytes = word_vocabulary_bytes(vocabulary, &size);
        status = word_vocabulary_from_bytes(memory, bytes, size, true, &copy, NULL);
    }
    if (!status) status = word_vocabulary_encode(copy, text, sizeof text - 1, &tokens, NULL);
    memory_release(memory, tokens.tokens);
    word_vocabulary_destroy(copy);
    word_vocabulary_destroy(vocabulary);
    word_counter_destroy(counter);
    return status;
}

/* Every allocation fails once. */
static void no_memory(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    elman_status status = ELMAN_ERR_MEMORY;
    memory_init(&memory, &allocator);
    for (long k = 0; status != ELMAN_OK; k++) {
        counting.allow = k;
        status = count_and_encode(&memory);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        assert_true(status != ELMAN_OK || k >= 12);
        assert_true(counting.live == 0);
    }
}
#else
static void refused_texts(void **state) {
    (void)state;
    static const char sentence[] =
        "words in texts need a library built with libunistring; this one can read characters";
    WordVocabulary *const vocabulary = parse("a", false);
    WordTokens tokens = {NULL, 0, 0, 0};
    WordCounter *counter;
    elman_error error;
    assert_int_equal(words_check(true, false, &error), ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message, sentence);
    assert_int_equal(word_counter_create(&plain, false, &counter, NULL), ELMAN_OK);
    assert_int_equal(word_counter_add_text(counter, "a", 1, &error), ELMAN_ERR_UNSUPPORTED);
    assert_int_equal(word_vocabulary_encode(vocabulary, "a", 1, &tokens, NULL),
                     ELMAN_ERR_UNSUPPORTED);
    word_counter_destroy(counter);
    word_vocabulary_destroy(vocabulary);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_as_they_are), cmocka_unit_test(long_words),
        cmocka_unit_test(there_and_back),    cmocka_unit_test(refusals),
        cmocka_unit_test(folding),
#ifdef ELMAN_HAVE_UNISTRING
        cmocka_unit_test(boundaries),        cmocka_unit_test(unknown_words),
        cmocka_unit_test(no_memory),
#else
        cmocka_unit_test(refused_texts),
#endif
    };
    return cmocka_run_group_tests(tests, open_memory, NULL);
}
