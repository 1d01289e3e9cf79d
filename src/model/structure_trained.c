/* Whether a structure can be trained: whether all that it has knows the way back. */
#include "core/fail.h"
#include "model/layer_plain.h"

bool structure_trained(const Structure *structure) {
    return structure_check_trained(structure, NULL) == ELMAN_OK;
}

elman_status structure_check_trained(const Structure *structure, elman_error *error) {
    char words[LAYER_PLAIN_WORDS];
    for (size_t l = 0; l < structure->layer_count; l++)
        if (layer_plain(&structure->layers[l]))
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "layer %zu has %s: it can be run, not trained, diagnosed, traced or drawn",
                        l, layer_plain_words(&structure->layers[l], words));
    if (structure->stage_count > 0)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "behind the recurrent layers the model has more than a linear head (stage %zu "
                    "is %s): it can be run, not trained, diagnosed, traced or drawn",
                    structure_stage_number(structure, 0), stage_name(structure->stages[0].kind));
    return ELMAN_OK;
}
