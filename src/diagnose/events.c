/* Which events happen at a step. */
#include "diagnose/events.h"

#include <string.h>

/* In the order of text_events. Numbers beyond 0 and 1: the last two. */
typedef enum TextEvent {
    TEXT_SPACE,
    TEXT_LINE_END,
    TEXT_DIGIT,
    TEXT_CAPITAL,
    TEXT_VOWEL,
    TEXT_PUNCTUATION,
    TEXT_AFTER_QUOTE,
    TEXT_IN_QUOTES,
    TEXT_WORD_START,
    TEXT_LINE_POSITION,
    TEXT_WORD_POSITION,
    TEXT_EVENTS
} TextEvent;

static const char *const text_events[TEXT_EVENTS] = {
    "space",
    "line end",
    "digit",
    "capital",
    "vowel",
    "punctuation",
    "after a quote",
    "inside quotes",
    "start of a word",
    "position in line",
    "position in word",
};

typedef struct Range {
    int32_t first, last;
} Range;

static bool is_within(const Range *ranges, size_t count, int32_t character) {
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last) return true;
    return false;
}

/* Latin, Greek and Cyrillic; other scripts have no capitals but Armenian, Georgian and rarer ones.
 */
static bool is_capital(int32_t character) {
    static const Range capitals[] = {{'A', 'Z'},     {0xC0, 0xD6},   {0xD8, 0xDE},
                                     {0x391, 0x3A9}, {0x400, 0x42F}, {0x1E9E, 0x1E9E},
                                     {0x386, 0x386}, {0x388, 0x38F}, {0x178, 0x178}};
    /* Latin Extended-A: pairs, the capital first; from U+0139 to U+0148 at odd places. */
    if (character >= 0x100 && character <= 0x137) return character % 2 == 0;
    if (character >= 0x139 && character <= 0x148) return character % 2 == 1;
    if (character >= 0x14A && character <= 0x177) return character % 2 == 0;
    return is_within(capitals, sizeof capitals / sizeof *capitals, character);
}

static bool is_vowel(int32_t character) {
    static const Range accented[] = {{0xC0, 0xC6}, {0xC8, 0xCF}, {0xD2, 0xD6}, {0xD8, 0xDC},
                                     {0xE0, 0xE6}, {0xE8, 0xEF}, {0xF2, 0xF6}, {0xF8, 0xFC}};
    static const int32_t cyrillic[] = {0x430, 0x435, 0x438, 0x43E, 0x443, 0x44B, 0x44D,
                                       0x44E, 0x44F, 0x451, 0x410, 0x415, 0x418, 0x41E,
                                       0x423, 0x42B, 0x42D, 0x42E, 0x42F, 0x401};
    if (character > 0 && character < 0x80) return strchr("aeiouAEIOU", (int)character) != NULL;
    for (size_t i = 0; i < sizeof cyrillic / sizeof *cyrillic; i++)
        if (character == cyrillic[i]) return true;
    return is_within(accented, sizeof accented / sizeof *accented, character);
}

static bool is_punctuation(int32_t character) {
    static const Range marks[] = {{'!', '/'},   {':', '@'},   {'[', '`'},       {'{', '~'},
                                  {0xA1, 0xA1}, {0xA7, 0xA7}, {0xAB, 0xAB},     {0xB6, 0xB7},
                                  {0xBB, 0xBB}, {0xBF, 0xBF}, {0x2010, 0x2027}, {0x2030, 0x205E}};
    return is_within(marks, sizeof marks / sizeof *marks, character);
}

static bool is_digit(int32_t character) {
    return character >= '0' && character <= '9';
}

static bool is_space(int32_t character) {
    return character == ' ' || character == '\t' || character == 0xA0 || character == 0x3000;
}

static bool is_line_end(int32_t character) {
    return character == '\n' || character == '\r';
}

/* What a word is made of: all that is nothing else. */
static bool is_letter(int32_t character) {
    return character >= 0 && !is_space(character) && !is_line_end(character) &&
           !is_digit(character) && !is_punctuation(character);
}

static bool opens_quote(int32_t character) {
    return character == 0x201C || character == 0x201E || character == 0xAB;
}

static bool closes_quote(int32_t character) {
    return character == 0x201D || character == 0xBB;
}

static bool is_quote(int32_t character) {
    return character == '"' || opens_quote(character) || closes_quote(character);
}

/* The paragraph ends what it quotes, so that one mark that is missing spoils no more. */
static void read_quotes(TextPlace *place, int32_t character) {
    if (opens_quote(character)) {
        /* The mark that opens in English closes in German. */
        place->quoted = !(place->quoted && character == 0x201C);
    } else if (closes_quote(character) || (character == '\n' && place->last == '\n')) {
        place->quoted = false;
    } else if (character == '"') {
        place->quoted = !place->quoted;
    }
}

static void happen(Happening *now, size_t event, double value) {
    if (value == 0.0) return;
    now->event[now->count] = event;
    now->value[now->count++] = value;
}

static void read_character(Events *events, int32_t character) {
    TextPlace *const place = &events->place;
    Happening *const now = &events->now;
    const bool letter = is_letter(character);
    read_quotes(place, character);
    place->in_word = letter ? place->in_word + 1 : 0;
    place->in_line = is_line_end(character) ? 0 : place->in_line + 1;
    happen(now, TEXT_SPACE, is_space(character));
    happen(now, TEXT_LINE_END, is_line_end(character));
    happen(now, TEXT_DIGIT, is_digit(character));
    happen(now, TEXT_CAPITAL, is_capital(character));
    happen(now, TEXT_VOWEL, is_vowel(character));
    happen(now, TEXT_PUNCTUATION, is_punctuation(character));
    happen(now, TEXT_AFTER_QUOTE, is_quote(place->last));
    happen(now, TEXT_IN_QUOTES, place->quoted);
    happen(now, TEXT_WORD_START, place->in_word == 1);
    happen(now, TEXT_LINE_POSITION, (double)place->in_line);
    happen(now, TEXT_WORD_POSITION, (double)place->in_word);
    place->last = character;
}

static void read_numbers(Events *events, const float *numbers) {
    if (!events->seen) memcpy(events->first, numbers, events->inputs * sizeof *numbers);
    events->seen = true;
    for (size_t i = 0; i < events->inputs; i++)
        happen(&events->now, i, (double)numbers[i] - (double)events->first[i]);
}

bool events_create(Events *events, Memory *memory, const Structure *structure,
                   const elman_vocabulary *vocabulary, const char *const *names) {
    *events = (Events){
        .input = structure->input,
        .inputs = structure->input_size,
        .vocabulary = structure->input == ELMAN_INPUT_DENSE ? NULL : vocabulary,
        .names = names,
    };
    const size_t most = events_count(events);
    events->now.event = memory_allocate_array(memory, most, sizeof *events->now.event);
    events->now.value = memory_allocate_array(memory, most, sizeof *events->now.value);
    events->first = memory_allocate_array(memory, events->inputs, sizeof *events->first);
    return events->now.event && events->now.value && events->first;
}

void events_release(Events *events, Memory *memory) {
    memory_release(memory, events->now.event);
    memory_release(memory, events->now.value);
    memory_release(memory, events->first);
}

/* Behind the inputs stands time. */
size_t events_count(const Events *events) {
    return events->vocabulary ? TEXT_EVENTS : events->inputs + 1;
}

const char *events_name(const Events *events, elman_diagnosis *diagnosis, size_t event) {
    if (events->vocabulary) return text_events[event];
    if (event == events->inputs) return "time";
    if (events->input != ELMAN_INPUT_DENSE) return diagnosis_say(diagnosis, "token %zu", event);
    if (events->names && events->names[event])
        return diagnosis_say(diagnosis, "%s", events->names[event]);
    return diagnosis_say(diagnosis, "input %zu", event);
}

void events_begin_row(Events *events) {
    events->place = (TextPlace){.last = -1};
}

const Happening *events_at(Events *events, const elman_sequence *sequence, size_t step,
                           size_t row) {
    const size_t position = step * sequence->batch + row;
    events->now.count = 0;
    if (events->vocabulary) {
        read_character(events,
                       elman_vocabulary_character(events->vocabulary, sequence->tokens[position]));
        return &events->now;
    }
    if (events->input == ELMAN_INPUT_DENSE) {
        read_numbers(events, sequence->dense + position * events->inputs);
    } else {
        happen(&events->now, (size_t)sequence->tokens[position], 1.0);
    }
    happen(&events->now, events->inputs, (double)step);
    return &events->now;
}
