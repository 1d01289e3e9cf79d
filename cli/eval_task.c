/* Measures a model on a synthetic task, at any length. */
#include "eval_task.h"

#include <math.h>
#include <string.h>

#include "json.h"
#include "message.h"
#include "task_view.h"
#include <elman/elman.h>

static void print_result(const elman_task_info *info, const elman_task_score *score,
                         size_t sequences, bool json) {
    json_t *object = json_object();
    json_put(object, "task", task_describe(info));
    json_put(object, "test", task_describe_score(score, sequences));
    if (json) {
        json_output(object);
    } else {
        task_print(json_look(object, "task", NULL), json_look(object, "test", NULL));
    }
    json_decref(object);
}

bool eval_task(const char *path, const elman_task_options *options, size_t sequences,
               size_t threads, bool json) {
    const elman_context_options context_options = {.struct_size = sizeof(context_options),
                                                   .threads = threads};
    elman_context *context = NULL;
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_task *task = NULL;
    elman_task_options chosen = *options;
    elman_task_info info;
    elman_model_info model_info;
    elman_task_score score;
    elman_error error;
    bool ok = false;
    if (elman_context_create(&context_options, &context, &error) ||
        elman_model_load(context, path, &model, &error)) {
        message("%s", error.message);
        goto done;
    }
    elman_model_describe(model, &model_info);
    /* Parity is learnt in two ways, and the model tells which. */
    chosen.final_only =
        strcmp(options->name, "parity") == 0 && model_info.output == ELMAN_OUTPUT_LAST_STEP;
    if (elman_task_create(context, &chosen, &task, &error)) {
        message("%s", error.message);
        goto done;
    }
    elman_task_describe(task, &info);
    if (elman_network_compile(model, &network, &error) ||
        elman_task_evaluate(task, network, ELMAN_TASK_TEST, sequences, &score, &error)) {
        message("%s: %s", path, error.message);
        goto done;
    }
    ok = isfinite(score.loss);
    if (ok) {
        print_result(&info, &score, sequences, json);
    } else {
        message("%s: gives a loss of %g, its weights are not usable", path, score.loss);
    }

done:
    elman_network_destroy(network);
    elman_task_destroy(task);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return ok;
}
