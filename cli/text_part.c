/* The parts of a text that was split for training. */
#include "text_part.h"

#include <string.h>

#include "json.h"

TextPart text_part_whole(const elman_text *text) {
    return (TextPart){0, elman_text_length(text)};
}

bool text_part_is_known(const json_t *training, const elman_text *text) {
    const double train = json_look_number(training, "split", "train");
    const char *const digest = json_look_text(training, "data", "sha256");
    return *digest && strcmp(digest, elman_text_digest(text)) == 0 && train >= 0.0 &&
           train <= (double)elman_text_length(text);
}

TextPart text_part_train(const json_t *training) {
    return (TextPart){0, (size_t)json_look_number(training, "split", "train")};
}

TextPart text_part_valid(const json_t *training, const elman_text *text) {
    const size_t train = text_part_train(training).count;
    return (TextPart){train, elman_text_length(text) - train};
}
