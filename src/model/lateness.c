/* Late workers, remembered from pass to pass. */
#include "model/lateness.h"

bool lateness_apart(Lateness *lateness) {
    if (lateness->left == 0) return false;
    lateness->left--;
    return true;
}

void lateness_note(Lateness *lateness, size_t late) {
    if (lateness->pause < LATE_PAUSE) lateness->pause = LATE_PAUSE;
    if (late == 0) {
        if (lateness->score > 0) lateness->score--;
        if (lateness->pause > LATE_PAUSE) lateness->pause--;
        return;
    }
    lateness->score += late > 1 ? LATE_LIMIT : LATE_SCORE;
    if (lateness->score < LATE_LIMIT) return;
    lateness->score = 0;
    lateness->left = lateness->pause;
    lateness->pause = lateness->pause < LATE_PAUSE_MAX / 2 ? lateness->pause * 2 : LATE_PAUSE_MAX;
}
