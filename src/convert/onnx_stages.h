/* What stands behind the last recurrent layer of an ONNX graph, as stages of a model. */
#ifndef CONVERT_ONNX_STAGES_H
#define CONVERT_ONNX_STAGES_H

#include "convert/onnx_affine.h"

typedef struct OnnxStage {
    elman_stage_kind kind;
    uint32_t top;      /* the base that it makes, */
    uint32_t bottom;   /* of this one */
    OnnxAffine affine; /* LINEAR */
    bool is_choice;    /* LINEAR: the rows that map->picks lists, of `affine` */
} OnnxStage;

/* Lists them, lowest first; they live as long as the map. Errors: DATA, MEMORY. */
elman_status onnx_stages(OnnxMap *map, OnnxStage **stages, size_t *count);

#endif
