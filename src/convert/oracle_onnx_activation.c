/* The activations of ONNX's recurrent operators, as the specification writes them. */
#include "convert/oracle_onnx_activation.h"

#include <math.h>
#include <string.h>

static double relu(double x, double alpha, double beta) {
    (void)alpha;
    (void)beta;
    return fmax(0.0, x);
}

static double hyperbolic(double x, double alpha, double beta) {
    (void)alpha;
    (void)beta;
    return tanh(x);
}

static double sigmoid(double x, double alpha, double beta) {
    (void)alpha;
    (void)beta;
    return 1.0 / (1.0 + exp(-x));
}

static double affine(double x, double alpha, double beta) {
    return alpha * x + beta;
}

static double leaky_relu(double x, double alpha, double beta) {
    (void)beta;
    return x >= 0.0 ? x : alpha * x;
}

static double thresholded_relu(double x, double alpha, double beta) {
    (void)beta;
    return x >= alpha ? x : 0.0;
}

static double scaled_tanh(double x, double alpha, double beta) {
    return alpha * tanh(beta * x);
}

static double hard_sigmoid(double x, double alpha, double beta) {
    return fmin(fmax(alpha * x + beta, 0.0), 1.0);
}

static double elu(double x, double alpha, double beta) {
    (void)beta;
    return x >= 0.0 ? x : alpha * (exp(x) - 1.0);
}

static double softsign(double x, double alpha, double beta) {
    (void)alpha;
    (void)beta;
    return x / (1.0 + fabs(x));
}

static double softplus(double x, double alpha, double beta) {
    (void)alpha;
    (void)beta;
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* Defaults are those of the operators of the same names; ONNX has no ScaledTanh, so that its
 * numbers have to be given. */
static const struct {
    const char *name;
    double (*function)(double x, double alpha, double beta);
    bool has_alpha, has_beta;
    double alpha, beta; /* NaN: no default */
} kinds[] = {
    {"Relu", relu, false, false, 0, 0},
    {"Tanh", hyperbolic, false, false, 0, 0},
    {"Sigmoid", sigmoid, false, false, 0, 0},
    {"Affine", affine, true, true, 1.0, 0.0},
    {"LeakyRelu", leaky_relu, true, false, (double)0.01f, 0},
    {"ThresholdedRelu", thresholded_relu, true, false, 1.0, 0},
    {"ScaledTanh", scaled_tanh, true, true, (double)NAN, (double)NAN},
    {"HardSigmoid", hard_sigmoid, true, true, (double)0.2f, 0.5},
    {"Elu", elu, true, false, 1.0, 0},
    {"Softsign", softsign, false, false, 0, 0},
    {"Softplus", softplus, false, false, 0, 0},
};

/* A list of alphas or betas: each activation that has one takes the next. */
typedef struct Numbers {
    const char *name;
    const float *floats;
    size_t count, used;
} Numbers;

static elman_status read_numbers(const OracleCall *call, const char *name, Numbers *numbers) {
    const OnnxAttribute *const attribute = onnx_attribute(call->node, name);
    *numbers = (Numbers){.name = name};
    if (!attribute) return ELMAN_OK;
    if (attribute->type != ONNX_ATTRIBUTE_FLOATS || !attribute->is_list)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "%s is no list of floats", name);
    numbers->floats = attribute->floats;
    numbers->count = attribute->count;
    return ELMAN_OK;
}

static double take(Numbers *numbers, bool has, double otherwise) {
    if (!has || numbers->used == numbers->count) return otherwise;
    return (double)numbers->floats[numbers->used++];
}

elman_status oracle_activations(const OracleCall *call, const char *const *defaults, size_t count,
                                size_t directions,
                                OracleActivation activations[ORACLE_ACTIVATIONS_MAX]) {
    const OnnxAttribute *const given = onnx_attribute(call->node, "activations");
    Numbers alphas, betas;
    elman_status status;
    if ((status = read_numbers(call, "activation_alpha", &alphas)) ||
        (status = read_numbers(call, "activation_beta", &betas)))
        return status;
    if (given && (given->type != ONNX_ATTRIBUTE_STRINGS || given->count != count * directions))
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "expected %zu names of activations",
                             count * directions);
    for (size_t i = 0; i < count * directions; i++) {
        const char *const name = given ? given->strings[i] : defaults[i % count];
        size_t k = 0;
        while (k < sizeof kinds / sizeof *kinds && strcmp(kinds[k].name, name) != 0) k++;
        if (k == sizeof kinds / sizeof *kinds)
            return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "the activation %s is not known",
                                 name);
        activations[i].function = kinds[k].function;
        activations[i].alpha = take(&alphas, kinds[k].has_alpha, kinds[k].alpha);
        activations[i].beta = take(&betas, kinds[k].has_beta, kinds[k].beta);
        if (isnan(activations[i].alpha) || isnan(activations[i].beta))
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "the activation %s has no alpha or beta",
                                 name);
    }
    if (alphas.used != alphas.count || betas.used != betas.count)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "has more alphas or betas than its activations take");
    return ELMAN_OK;
}
