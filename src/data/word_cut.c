/* Word boundaries through libunistring, case and white space through utf8proc. */
#include "data/word_cut.h"

#include "core/fail.h"
#include "core/grow.h"
#include "data/words.h"

#ifdef ELMAN_HAVE_UTF8PROC
#include <utf8proc.h>
#endif
#ifdef ELMAN_HAVE_UNISTRING
#include <uniwbrk.h>
#endif

elman_status words_check(bool in_text, bool fold, elman_error *error) {
#ifndef ELMAN_HAVE_UNISTRING
    if (in_text)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "words in texts need a library built with libunistring; this one can read "
                    "characters");
#endif
#ifndef ELMAN_HAVE_UTF8PROC
    if (fold)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "words in letters of either case need a library built with utf8proc");
#endif
    (void)in_text;
    (void)fold;
    (void)error;
    return ELMAN_OK;
}

#ifdef ELMAN_HAVE_UTF8PROC
enum { FOLDED_MAX = 8 }; /* characters that one character's folded form may have */

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for the words of a text");
}
#endif

#ifdef ELMAN_HAVE_UNISTRING
elman_status word_cutter_begin(WordCutter *cutter, const char *text, size_t size,
                               elman_error *error) {
    char *const breaks =
        memory_grow(cutter->memory, cutter->breaks, 0, size + 1, &cutter->break_room, 1);
    if (!breaks) return no_memory(error);
    cutter->breaks = breaks;
    cutter->text = (Span){text, size};
    cutter->at = 0;
    u8_wordbreaks((const uint8_t *)text, size, breaks);
    return ELMAN_OK;
}

/* White_Space of Unicode's PropList. */
static bool is_white(Span span) {
    for (size_t at = 0; at < span.size;) {
        utf8proc_int32_t character;
        const utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)span.text + at,
                             (utf8proc_ssize_t)(span.size - at), &character);
        if (used <= 0) return false;
        const utf8proc_category_t category = utf8proc_category(character);
        if (category != UTF8PROC_CATEGORY_ZS && category != UTF8PROC_CATEGORY_ZL &&
            category != UTF8PROC_CATEGORY_ZP && !(character >= '\t' && character <= '\r') &&
            character != 0x85)
            return false;
        at += (size_t)used;
    }
    return true;
}

bool word_cutter_next(WordCutter *cutter, Span *word) {
    while (cutter->at < cutter->text.size) {
        const size_t from = cutter->at++;
        while (cutter->at < cutter->text.size && !cutter->breaks[cutter->at]) cutter->at++;
        *word = (Span){cutter->text.text + from, cutter->at - from};
        if (!is_white(*word)) return true;
    }
    return false;
}
#else
elman_status word_cutter_begin(WordCutter *cutter, const char *text, size_t size,
                               elman_error *error) {
    cutter->text = (Span){text, size};
    return words_check(true, cutter->fold, error);
}

bool word_cutter_next(WordCutter *cutter, Span *word) {
    *word = (Span){cutter->text.text, 0};
    return false;
}
#endif

#ifdef ELMAN_HAVE_UTF8PROC
elman_status word_cutter_fold(WordCutter *cutter, Span *word, elman_error *error) {
    size_t used = 0;
    if (!cutter->fold) return ELMAN_OK;
    for (size_t at = 0; at < word->size;) {
        utf8proc_int32_t character, folded[FOLDED_MAX];
        int boundary = 0;
        const utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)word->text + at,
                             (utf8proc_ssize_t)(word->size - at), &character);
        if (length <= 0) return fail(error, ELMAN_ERR_DATA, "a word is not valid UTF-8");
        const utf8proc_ssize_t count =
            utf8proc_decompose_char(character, folded, FOLDED_MAX, UTF8PROC_CASEFOLD, &boundary);
        char *const room = memory_grow(cutter->memory, cutter->folded, used, 4 * FOLDED_MAX,
                                       &cutter->folded_room, 1);
        if (!room) return no_memory(error);
        cutter->folded = room;
        for (utf8proc_ssize_t i = 0; i < count && i < FOLDED_MAX; i++)
            used += (size_t)utf8proc_encode_char(folded[i], (utf8proc_uint8_t *)room + used);
        at += (size_t)length;
    }
    *word = (Span){cutter->folded, used};
    return ELMAN_OK;
}
#else
elman_status word_cutter_fold(WordCutter *cutter, Span *word, elman_error *error) {
    (void)word;
    return words_check(false, cutter->fold, error);
}
#endif

void word_cutter_release(WordCutter *cutter) {
    memory_release(cutter->memory, cutter->breaks);
    memory_release(cutter->memory, cutter->folded);
}
