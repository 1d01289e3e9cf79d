/* The stages behind the head. */
#include "model/stages.h"

#include <math.h>

#include "core/logarithm.h"

static void run_linear(const Kernels *kernels, const NetworkHead *linear, const float *in,
                       size_t in_row, size_t rows, float *out, size_t out_row) {
    const Product product = {
        .steps = 1,
        .rows = rows,
        .panels = linear->panels,
        .panel_end = linear->panels,
        .blocks = 1,
        .inner = linear->inputs,
        .a = in,
        .a_row = in_row,
        .w = linear->w,
        .bias = linear->bias,
        .out = out,
        .out_row = out_row,
    };
    kernels->product(&product);
}

static void relu(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static float largest_of(size_t count, const float *x) {
    float largest = x[0];
    for (size_t i = 1; i < count; i++)
        if (x[i] > largest) largest = x[i];
    return largest;
}

static void softmax(const Kernels *kernels, size_t count, const float *x, float *y,
                    bool logarithm) {
    const float largest = largest_of(count, x);
    const size_t padded = network_padded(count);
    double sum = 0.0;
    for (size_t i = 0; i < padded; i++) y[i] = i < count ? x[i] - largest : 0.0f;
    kernels->exp(padded, y, y);
    for (size_t i = 0; i < count; i++) sum += (double)y[i];
    const double log_sum = logarithm ? natural_logarithm(sum) : 0.0;
    for (size_t i = 0; i < count; i++)
        y[i] = logarithm ? (float)((double)x[i] - (double)largest - log_sum)
                         : (float)((double)y[i] / sum);
}

static void layer_norm(const NetworkStage *stage, const float *x, float *y) {
    const double count = (double)stage->outputs;
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < stage->outputs; i++) mean += (double)x[i];
    mean /= count;
    for (size_t i = 0; i < stage->outputs; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double deviation = sqrt(variance / count + stage->epsilon);
    for (size_t i = 0; i < stage->outputs; i++)
        y[i] = (float)(((double)x[i] - mean) / deviation * (double)stage->gain[i] +
                       (double)stage->bias[i]);
}

/* All but a linear one, on one row. */
static void run_row(const Kernels *kernels, const NetworkStage *stage, const float *x, float *y) {
    const size_t padded = network_padded(stage->outputs);
    switch (stage->kind) {
    case ELMAN_STAGE_LINEAR:
        break;
    case ELMAN_STAGE_RELU:
        relu(stage->outputs, x, y);
        break;
    case ELMAN_STAGE_TANH:
        kernels->tanh(padded, x, y);
        break;
    case ELMAN_STAGE_SIGMOID:
        kernels->sigmoid(padded, x, y);
        break;
    case ELMAN_STAGE_SOFTMAX:
    case ELMAN_STAGE_LOG_SOFTMAX:
        softmax(kernels, stage->outputs, x, y, stage->kind == ELMAN_STAGE_LOG_SOFTMAX);
        break;
    case ELMAN_STAGE_LAYER_NORM:
        layer_norm(stage, x, y);
        break;
    }
}

void stages_run(const elman_network *network, const float *in, size_t in_row, size_t rows,
                float *const buffers[2]) {
    const size_t out_row = network->stage_row;
    for (size_t i = 0; i < network->structure.stage_count; i++) {
        const NetworkStage *const stage = &network->stages[i];
        float *const out = buffers[i % 2];
        if (stage->kind == ELMAN_STAGE_LINEAR)
            run_linear(network->kernels, &stage->linear, in, in_row, rows, out, out_row);
        for (size_t r = 0; r < rows && stage->kind != ELMAN_STAGE_LINEAR; r++)
            run_row(network->kernels, stage, in + r * in_row, out + r * out_row);
        in = out;
        in_row = out_row;
    }
}

size_t stages_output(const elman_network *network) {
    return (network->structure.stage_count + 1) % 2;
}
