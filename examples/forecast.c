/* Trains a small GRU on a series and prints its forecast. usage: forecast FILE HORIZON */
#include <stdio.h>
#include <stdlib.h>

#include <elman/elman.h>

static int report(void *user, const elman_step_report *step) {
    (void)user;
    if (step->step % 50 == 0)
        printf("step %4d  loss %.4f  validation %.4f\n", (int)step->step, step->loss,
               step->validation_loss);
    return 0; /* anything else would stop the run */
}

int main(int argc, char **argv) {
    const elman_train_options training = {sizeof(training), .learning_rate = 1e-3, .clip_norm = 1.0,
                                          .max_steps = 200, .validate_steps = 10,  .seed = 1,
                                          .average = 0.98};
    const double levels[] = {0.8, 0.95};
    const elman_predict_options asked = {sizeof(asked), .levels = levels, .level_count = 2};
    elman_forecaster_options options = {.struct_size = sizeof(options)};
    elman_forecaster_info info;
    elman_error error = {ELMAN_ERR_ARGUMENT, "usage: forecast FILE HORIZON"};
    elman_context *context = NULL;
    elman_series *series = NULL;
    elman_forecaster *forecaster = NULL;
    elman_forecaster_source *source = NULL;
    elman_model *model = NULL;
    elman_trainer *trainer = NULL;
    elman_network *network = NULL;
    elman_forecast *forecast = NULL;
    int exit_code = EXIT_FAILURE;
    if (argc != 3 || elman_context_create(NULL, &context, &error)) goto done;
    if (elman_series_load(context, argv[1], NULL, &series, &error)) goto done;

    /* The forecaster says what the network reads and how many outputs it has. */
    options.horizon = strtoul(argv[2], NULL, 10);
    if (elman_forecaster_create(context, series, &options, &forecaster, &error)) goto done;
    elman_forecaster_describe(forecaster, &info);
    if (elman_model_create(context, info.inputs, &model, &error)) goto done;
    elman_model_add_cell(model, ELMAN_CELL_GRU, 32);
    elman_model_add_linear(model, info.outputs, 0);
    if (elman_model_build(model, NULL, &error)) goto done;
    if (elman_forecaster_start(forecaster, model, &error)) goto done;

    if (elman_forecaster_source_create(forecaster, series, 32, 1, &source, &error)) goto done;
    const elman_source windows = elman_forecaster_source_view(source);
    if (elman_trainer_create(model, &training, &trainer, &error)) goto done;
    if (elman_trainer_run(trainer, &windows, report, NULL, NULL, &error)) goto done;
    if (elman_network_compile(model, &network, &error)) goto done;
    if (elman_forecaster_calibrate(forecaster, network, series, &error)) goto done;

    if (elman_forecaster_predict(forecaster, network, series, &asked, &forecast, &error)) goto done;
    for (size_t step = 0; step < elman_forecast_horizon(forecast); step++) {
        char time[ELMAN_TIME_TEXT_MAX];
        printf("%s  %.3f  80 %%: %.3f to %.3f\n",
               elman_series_time(series, 0, elman_series_length(series, 0) + step, time),
               elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL)[step],
               elman_forecast_low(forecast, 0, 0)[step], elman_forecast_high(forecast, 0, 0)[step]);
    }
    exit_code = EXIT_SUCCESS;
done:
    if (exit_code) fprintf(stderr, "forecast: %s\n", error.message);
    elman_forecast_destroy(forecast);
    elman_network_destroy(network);
    elman_trainer_destroy(trainer);
    elman_forecaster_source_destroy(source);
    elman_model_destroy(model);
    elman_forecaster_destroy(forecaster);
    elman_series_destroy(series);
    elman_context_destroy(context);
    return exit_code;
}
