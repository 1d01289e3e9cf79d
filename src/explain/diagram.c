/* Draws the structure of a model; see elman/diagram.h. */
#include <elman/diagram.h>

#include "core/fail.h"
#include "core/options.h"
#include "explain/diagram_forms.h"
#include "explain/diagram_network.h"
#include "explain/diagram_words.h"
#include "model/model.h"

static elman_status check(const elman_model *model, const elman_diagram_options *options,
                          elman_error *error) {
    if (!model->built) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a model that is not built cannot be drawn");
    }
    if (options->format < ELMAN_DIAGRAM_SVG || options->format > ELMAN_DIAGRAM_TEXT) {
        return fail(error, ELMAN_ERR_ARGUMENT, "a diagram has no format %d", (int)options->format);
    }
    if (options->unroll > ELMAN_DIAGRAM_UNROLL_MAX) {
        return fail(error, ELMAN_ERR_ARGUMENT, "unrolled over %zu steps, expected at most %d",
                    options->unroll, ELMAN_DIAGRAM_UNROLL_MAX);
    }
    return ELMAN_OK;
}

static elman_status draw_picture(DiagramOut *out, const elman_model *model,
                                 const elman_diagram_options *options, elman_error *error) {
    char title[WORDS_MAX];
    Picture picture;
    picture_init(&picture, &model->context->memory);
    diagram_network_lay(&picture, &model->structure, options);
    if (picture.failed) {
        picture_release(&picture);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a diagram of %zu layers",
                    model->structure.layer_count);
    }
    (void)words_title(&model->structure, title);
    if (options->format == ELMAN_DIAGRAM_SVG) {
        diagram_svg(out, &picture, title);
    } else if (options->format == ELMAN_DIAGRAM_DOT) {
        diagram_dot(out, &picture, title);
    } else {
        diagram_mermaid(out, &picture, title);
    }
    picture_release(&picture);
    return ELMAN_OK;
}

elman_status elman_diagram_draw(const elman_model *model, const elman_diagram_options *given,
                                elman_diagram_write_function write, void *user,
                                elman_error *error) {
    elman_diagram_options options;
    DiagramOut out;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_diagram_options", error);
    if (!status) status = check(model, &options, error);
    if (!status) status = structure_check_trained(&model->structure, error);
    if (status) return status;
    diagram_out_init(&out, write, user);
    if (options.format == ELMAN_DIAGRAM_TEXT) {
        diagram_text(&out, &model->structure, &options);
    } else {
        status = draw_picture(&out, model, &options, error);
    }
    return status ? status : diagram_out_finish(&out, error);
}
