/* Cuts what is behind the recurrent layers into stages. */
#include "convert/onnx_stages.h"

#include "convert/onnx_map_call.h"

/* What a base that is not affine is as a stage; 0: no stage, but what the lowest one reads. */
static elman_stage_kind stage_of(const MapBase *base) {
    switch (base->kind) {
    case MAP_RELU:
        return ELMAN_STAGE_RELU;
    case MAP_TANH:
        return ELMAN_STAGE_TANH;
    case MAP_SIGMOID:
        return ELMAN_STAGE_SIGMOID;
    case MAP_SOFTMAX:
        return ELMAN_STAGE_SOFTMAX;
    case MAP_LOG_SOFTMAX:
        return ELMAN_STAGE_LOG_SOFTMAX;
    case MAP_NORM:
        return ELMAN_STAGE_LAYER_NORM;
    default:
        return (elman_stage_kind)0;
    }
}

/* Whether the output takes all features of `top`, in their order. */
static bool takes_all(const OnnxMap *map) {
    for (size_t i = 0; i < map->pick_count; i++)
        if (map->picks[i] != i) return false;
    return map->pick_count == map->bases[map->top].width;
}

/* The stage whose upper end is `top`: an affine one, if affine operators or a choice end there. */
static OnnxStage next_stage(const OnnxMap *map, uint32_t top, bool is_choice) {
    const uint32_t bottom = onnx_affine_bottom(map, top);
    if (bottom != top || is_choice)
        return (OnnxStage){
            .kind = ELMAN_STAGE_LINEAR, .top = top, .bottom = bottom, .is_choice = is_choice};
    const MapBase *const base = &map->bases[top];
    return (OnnxStage){.kind = stage_of(base), .top = top, .bottom = base->below};
}

elman_status onnx_stages(OnnxMap *map, OnnxStage **stages, size_t *count) {
    void *block;
    *count = 0;
    bool is_choice = !takes_all(map);
    for (uint32_t top = map->top;; is_choice = false) {
        const OnnxStage stage = next_stage(map, top, is_choice);
        if (!stage.kind) break;
        (*count)++;
        top = stage.bottom;
    }
    elman_status status = map_block(map, *count, sizeof **stages, &block);
    if (status) return status;
    *stages = block;
    is_choice = !takes_all(map);
    uint32_t top = map->top;
    for (size_t i = *count; i-- > 0 && !status; is_choice = false) {
        OnnxStage *const stage = &(*stages)[i];
        *stage = next_stage(map, top, is_choice);
        top = stage->bottom;
        if (stage->kind == ELMAN_STAGE_LINEAR)
            status = onnx_affine(map, stage->top, stage->bottom, &stage->affine);
    }
    return status;
}
