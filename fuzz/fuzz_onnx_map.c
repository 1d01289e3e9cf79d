/* Fuzz target: what an ONNX graph means as a network. No input may crash the walk, leak, or take
 * more memory than it was given; what it finds must hang together. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "convert/onnx_map.h"
#include "convert/onnx_stages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
    BYTES_MAX = 1 << 20,    /* that the map may have */
    MAP_ALWAYS = 256 << 20, /* blocks of many values without elements, bases and layers */
    STEPS = 3,
    ROWS = 2
};

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_reference(const OnnxMap *map, MapReference at) {
    check(at.base < map->base_count, "a reference is to a base");
    check(at.feature < map->bases[at.base].width, "it is to one of its features");
}

static void check_map(OnnxMap *map) {
    OnnxStage *stages;
    size_t count;
    for (size_t i = 0; i < map->base_count; i++) {
        const MapBase *const base = &map->bases[i];
        check(base->root <= i && base->below <= i, "bases stand on those before them");
        for (size_t k = 0; base->kind == MAP_PRODUCT && k < base->inner; k++)
            check(base->picks[k] < map->bases[base->below].width, "a product reads features");
    }
    for (size_t i = 0; i < map->layer_count; i++)
        for (size_t k = 0; k < map->layers[i].inputs; k++)
            check_reference(
                map, (MapReference){.base = map->layers[i].x, .feature = map->layers[i].picks[k]});
    for (size_t i = 0; i < map->model->output_count; i++)
        for (size_t k = 0; k < map->outputs[i].count; k++)
            check_reference(map, map->outputs[i].references[k]);
    check(map->pick_count > 0 && map->layer_count > 0, "there are layers and an output");
    (void)onnx_stages(map, &stages, &count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {size * ONNX_MEMORY_RATIO + ONNX_MEMORY_ALWAYS, 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    OnnxModel *model;
    OnnxMap *map = NULL;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, &allocator);
    if (!onnx_parse(&memory, "x", bytes, size, &model, &error)) {
        budget.most += MAP_ALWAYS;
        if (onnx_map_create(&memory, model, STEPS, ROWS, BYTES_MAX, &map, &error))
            check(map == NULL && strncmp(error.message, "x: ", 3) == 0, "a refusal names the file");
        else
            check_map(map);
    }
    onnx_map_destroy(map);
    onnx_close(model);
    budget_check(&budget);
    return 0;
}
