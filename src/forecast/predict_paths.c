/* Predictions of recursive forecasters: many paths side by side, each fed with what it has drawn.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/quantile.h"
#include "core/random.h"
#include "core/size.h"
#include "model/network.h"
#include "forecast/predict.h"

/* What follows one series. */
typedef struct Paths {
    Predictor *predictor;
    const PredictItem *item;
    size_t index, count, horizon;
    size_t past, room; /* known values that a path holds, and those with the horizon's */
    float *x;          /* [count][room] */
    double *drawn;     /* [count]: of one step, scaled */
} Paths;

/* The series as path `path` sees it. */
static View path_view(const Paths *paths, size_t path) {
    View view = *paths->item->view;
    view.x = paths->x + path * paths->room;
    view.first = paths->item->origin - paths->past;
    return view;
}

/* The state after the context, which is the same for all paths. */
static elman_status read_context(const Paths *paths, elman_error *error) {
    Predictor *predictor = paths->predictor;
    const elman_forecaster *forecaster = predictor->views->forecaster;
    Memory *memory = &forecaster->context->memory;
    const size_t width = forecaster->feature_count, before = forecaster->steps_before;
    float *inputs = memory_allocate_array(memory, before * width, sizeof(float));
    if (inputs == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a context of %zu steps", before);
    window_inputs(predictor->views, paths->item->view, paths->item->origin, 0, inputs, width);
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = before, .batch = 1, .dense = inputs};
    const elman_status status = elman_tape_forward(predictor->tape, &sequence, error);
    if (status == ELMAN_OK) elman_tape_state(predictor->tape, predictor->state);
    memory_release(memory, inputs);
    return status;
}

/* Every path starts from the state of one row: an array of the state has one row of as many
 * numbers as that for each of them. */
static void spread_state(const Paths *paths) {
    const Structure *structure = &paths->predictor->network->structure;
    const float *from = paths->predictor->state;
    float *to = paths->predictor->states;
    for (size_t layer = 0; layer < structure->layer_count; layer++) {
        const CellShape shape = structure_cell_shape(structure, layer);
        const size_t arrays = shape.cell->cell_state ? 2 : 1;
        for (size_t array = 0; array < arrays * structure_directions(structure, layer); array++) {
            const size_t width = array % arrays ? shape.hidden : shape.width;
            for (size_t path = 0; path < paths->count; path++, to += width)
                memcpy(to, from, width * sizeof(float));
            from += width;
        }
    }
}

/* Draws the value of step `h` of every path. */
static void draw(Paths *paths, size_t h) {
    const Predictor *predictor = paths->predictor;
    const elman_forecaster *forecaster = predictor->views->forecaster;
    const size_t outputs = elman_loss_outputs(forecaster->loss, forecaster->quantile_count);
    const size_t step = paths->item->origin + h;
    for (size_t path = 0; path < paths->count; path++) {
        const View view = path_view(paths, path);
        const double base = window_base(&view, forecaster, step, step);
        const double level = random_uniform(predictor->seed, RANDOM_PATH, (uint32_t)paths->index,
                                            (uint64_t)path * paths->horizon + h);
        /* 0 has no quantile: half a step of the generator. */
        const double value =
            predict_quantile(forecaster, &view, predictor->outputs + path * outputs, base,
                             level > 0.0 ? level : 0x1p-54);
        paths->drawn[path] = value;
        view.x[paths->past + h] = (float)value;
    }
}

static void summarise(const Paths *paths, size_t h, const Predictions *to) {
    qsort(paths->drawn, paths->count, sizeof(*paths->drawn), compare_doubles);
    to->middle[paths->index * to->horizon + h] = sorted_quantile(paths->drawn, paths->count, 0.5);
    for (size_t k = 0; k < to->level_count; k++) {
        const size_t at = (paths->index * to->level_count + k) * to->horizon + h;
        const double half = to->levels[k] / 2.0;
        to->low[at] = sorted_quantile(paths->drawn, paths->count, 0.5 - half);
        to->high[at] = sorted_quantile(paths->drawn, paths->count, 0.5 + half);
    }
}

static elman_status follow(Paths *paths, const Predictions *to, elman_error *error) {
    Predictor *predictor = paths->predictor;
    const size_t width = predictor->views->forecaster->feature_count;
    elman_status status = read_context(paths, error);
    spread_state(paths);
    for (size_t h = 0; h < paths->horizon && status == ELMAN_OK; h++) {
        for (size_t path = 0; path < paths->count; path++) {
            const View view = path_view(paths, path);
            window_step(predictor->views, &view, paths->item->origin + h,
                        predictor->inputs + path * width);
        }
        const elman_sequence sequence = {.struct_size = sizeof(sequence),
                                         .steps = 1,
                                         .batch = paths->count,
                                         .dense = predictor->inputs,
                                         .state = predictor->states};
        status = elman_tape_forward(predictor->step, &sequence, error);
        if (status != ELMAN_OK) return status;
        elman_tape_state(predictor->step, predictor->states);
        elman_tape_output(predictor->step, predictor->outputs);
        draw(paths, h);
        summarise(paths, h, to);
    }
    return status;
}

elman_status predict_paths(Predictor *predictor, const PredictItem *item, size_t index,
                           const Predictions *predictions, elman_error *error) {
    const elman_forecaster *forecaster = predictor->views->forecaster;
    Memory *memory = &forecaster->context->memory;
    const size_t reach = window_reach(forecaster);
    Paths paths = {.predictor = predictor,
                   .item = item,
                   .index = index,
                   .count = predictor->paths,
                   .horizon = predictions->horizon};
    size_t floats;
    paths.past = item->origin < reach ? item->origin : reach;
    if (!size_add(paths.past, paths.horizon, &paths.room) ||
        !size_mul(paths.room, paths.count, &floats))
        return fail(error, ELMAN_ERR_MEMORY, "%zu paths do not fit into memory", paths.count);
    paths.x = memory_allocate_array(memory, floats, sizeof(float));
    paths.drawn = memory_allocate_array(memory, paths.count, sizeof(double));
    elman_status status = ELMAN_OK;
    if (paths.x == NULL || paths.drawn == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for %zu paths", paths.count);
    for (size_t path = 0; path < paths.count && status == ELMAN_OK; path++)
        for (size_t i = 0; i < paths.past; i++)
            paths.x[path * paths.room + i] = view_value(item->view, item->origin - paths.past + i);
    if (status == ELMAN_OK) status = follow(&paths, predictions, error);
    memory_release(memory, paths.drawn);
    memory_release(memory, paths.x);
    return status;
}
