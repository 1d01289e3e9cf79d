/* Initial values of the weights. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/random.h"
#include "model/layer_plain.h"
#include "model/model.h"

/* Fills `count` values with U(-limit, limit); `stream` numbers the tensor. */
static void fill_uniform(float *data, size_t count, double limit, uint64_t seed, uint32_t stream) {
    for (size_t i = 0; i < count; i++)
        data[i] = (float)((2.0 * random_uniform(seed, RANDOM_INIT, stream, i) - 1.0) * limit);
}

static double dot(const double *a, const double *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* Makes the rows of a [rows][columns] matrix of random numbers orthonormal (columns >= rows) by
 * Gram and Schmidt's method, each row twice, which is as good as Householder's here: Giraud,
 * Langou and Rozloznik, 2005. */
static void orthonormalise(double *matrix, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++) {
        double *const row = matrix + r * columns;
        for (int pass = 0; pass < 2; pass++)
            for (size_t q = 0; q < r; q++) {
                const double *const other = matrix + q * columns;
                const double projection = dot(row, other, columns);
                for (size_t k = 0; k < columns; k++) row[k] -= projection * other[k];
            }
        const double norm = sqrt(dot(row, row, columns));
        for (size_t k = 0; k < columns; k++) row[k] /= norm;
    }
}

/* A random [rows][columns] matrix whose rows or, when there are more rows than columns, columns are
 * orthonormal: uniformly distributed, since it starts from normal numbers (Saxe et al., 2013). */
static elman_status fill_orthogonal(Memory *memory, float *data, size_t rows, size_t columns,
                                    uint64_t seed, uint32_t stream, uint64_t offset,
                                    elman_error *error) {
    const bool tall = rows > columns;
    const size_t m = tall ? columns : rows, n = tall ? rows : columns;
    double *const matrix = memory_allocate_array(memory, m * n, sizeof *matrix);
    if (!matrix)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for an orthogonal %zu x %zu matrix", rows,
                    columns);
    for (size_t i = 0; i < m * n; i++)
        matrix[i] = random_normal(seed, RANDOM_INIT, stream, offset + i);
    orthonormalise(matrix, m, n);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            data[r * columns + c] = (float)(tall ? matrix[c * n + r] : matrix[r * n + c]);
    memory_release(memory, matrix);
    return ELMAN_OK;
}

/* One gate's block of rows of a recurrent layer's weight. */
static elman_status fill_gate(elman_model *model, elman_init init, float *data, size_t rows,
                              size_t columns, uint32_t stream, uint64_t offset,
                              elman_error *error) {
    const uint64_t seed = model->init.seed;
    if (init == ELMAN_INIT_ORTHOGONAL)
        return fill_orthogonal(&model->context->memory, data, rows, columns, seed, stream, offset,
                               error);
    if (init == ELMAN_INIT_IDENTITY) {
        for (size_t i = 0; i < rows; i++) data[i * columns + i] = 1.0f;
        return ELMAN_OK;
    }
    const double limit = sqrt(6.0 / (double)(rows + columns));
    for (size_t i = 0; i < rows * columns; i++) {
        const double uniform = random_uniform(seed, RANDOM_INIT, stream, offset + i);
        data[i] = (float)((2.0 * uniform - 1.0) * limit);
    }
    return ELMAN_OK;
}

/* A tensor of a recurrent layer. */
static elman_status initialise_recurrent(elman_model *model, size_t index, elman_error *error) {
    const elman_tensor *const tensor = &model->weights.tensors[index];
    const struct TensorPlace *const place = &model->weights.places[index];
    const elman_cell_options *const layer = &model->structure.layers[place->layer];
    const elman_init_options *const init = &model->init;
    const bool uniform = init->recurrent == ELMAN_INIT_UNIFORM;
    const size_t hidden = layer->hidden;
    const uint32_t stream = (uint32_t)index;
    elman_init how = init->recurrent;
    if (place->role == TENSOR_H0 || place->role == TENSOR_C0) return ELMAN_OK;
    if (place->role == TENSOR_WEIGHT_IH) how = init->input;
    if (place->role == TENSOR_BIAS_IH || place->role == TENSOR_BIAS_HH ||
        place->role == TENSOR_WEIGHT_PEEPHOLE) {
        /* Vectors are random only where PyTorch's default is asked for throughout. */
        if (uniform && init->input == ELMAN_INIT_UNIFORM)
            fill_uniform(tensor->data, tensor->count, 1.0 / sqrt((double)hidden), init->seed,
                         stream);
        if (layer->cell == ELMAN_CELL_LSTM && init->forget_bias != 0.0f &&
            place->role != TENSOR_WEIGHT_PEEPHOLE)
            for (size_t i = hidden; i < 2 * hidden; i++)
                tensor->data[i] = place->role == TENSOR_BIAS_IH ? init->forget_bias : 0.0f;
        return ELMAN_OK;
    }
    if (how == ELMAN_INIT_UNIFORM) {
        fill_uniform(tensor->data, tensor->count, 1.0 / sqrt((double)hidden), init->seed, stream);
        return ELMAN_OK;
    }
    elman_status status = ELMAN_OK;
    const size_t columns = tensor->shape[1];
    const size_t rows = place->role == TENSOR_WEIGHT_HR ? tensor->shape[0] : hidden;
    for (size_t row = 0; row < tensor->shape[0] && !status; row += rows)
        status = fill_gate(model, how, tensor->data + row * columns, rows, columns, stream,
                           (uint64_t)row * columns, error);
    return status;
}

/* A tensor of a stage: a linear one's as the head's; gains start at 1, what they add to at 0. */
static void initialise_stage(elman_model *model, size_t index) {
    const elman_tensor *const tensor = &model->weights.tensors[index];
    const struct TensorPlace *const place = &model->weights.places[index];
    const size_t inputs = structure_stage_inputs(&model->structure, place->layer);
    if (model->structure.stages[place->layer].kind == ELMAN_STAGE_LINEAR)
        fill_uniform(tensor->data, tensor->count, 1.0 / sqrt((double)inputs), model->init.seed,
                     (uint32_t)index);
    for (size_t i = 0; place->role == TENSOR_STAGE_WEIGHT && i < tensor->count && tensor->rank == 1;
         i++)
        tensor->data[i] = 1.0f;
}

static elman_status check_init(const elman_model *model, elman_error *error) {
    const elman_init_options *const init = &model->init;
    if ((unsigned)init->input > ELMAN_INIT_ORTHOGONAL)
        return fail(error, ELMAN_ERR_ARGUMENT, "input weights start uniform, xavier or orthogonal");
    if ((unsigned)init->recurrent > ELMAN_INIT_IDENTITY)
        return fail(error, ELMAN_ERR_ARGUMENT, "unknown initialisation of recurrent weights");
    for (size_t l = 0; l < model->structure.layer_count; l++)
        if (init->recurrent == ELMAN_INIT_IDENTITY &&
            cell_of_kind(model->structure.layers[l].cell)->gates != 1)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "identity initialisation is for RNN layers, layer %zu is a %s", l,
                        cell_of_kind(model->structure.layers[l].cell)->name);
    return ELMAN_OK;
}

elman_status model_initialise(elman_model *model, elman_error *error) {
    elman_status status = check_init(model, error);
    for (size_t i = 0; i < model->weights.count && !status; i++) {
        const elman_tensor *const tensor = &model->weights.tensors[i];
        const uint64_t seed = model->init.seed;
        switch (model->weights.places[i].role) {
        case TENSOR_EMBEDDING: /* normal, as PyTorch */
            for (size_t k = 0; k < tensor->count; k++)
                tensor->data[k] = (float)random_normal(seed, RANDOM_INIT, (uint32_t)i, k);
            break;
        case TENSOR_HEAD_WEIGHT:
        case TENSOR_HEAD_BIAS: {
            /* PyTorch's nn.Linear: U(-1/sqrt(width of the input), ...) */
            const size_t width = structure_inputs(&model->structure, model->structure.layer_count);
            fill_uniform(tensor->data, tensor->count, 1.0 / sqrt((double)width), seed, (uint32_t)i);
            break;
        }
        case TENSOR_STAGE_WEIGHT:
        case TENSOR_STAGE_BIAS:
            initialise_stage(model, i);
            break;
        default:
            status = initialise_recurrent(model, i, error);
            break;
        }
    }
    return status;
}

/* Copies the rows (`by_column`: the columns) of tokens that both vocabularies know. */
static void copy_tokens(const elman_model *model, const elman_model *source, const elman_tensor *to,
                        const elman_tensor *from, bool by_column) {
    const size_t tokens = elman_vocabulary_size(model->vocabulary);
    const size_t to_width = to->shape[1], from_width = from->shape[1];
    for (size_t token = 0; token < tokens; token++) {
        const int32_t character = elman_vocabulary_character(model->vocabulary, (int32_t)token);
        int32_t other = ELMAN_TOKEN_UNKNOWN;
        if (character >= 0) {
            elman_vocabulary_encode(source->vocabulary, &character, 1, &other);
            if (other == ELMAN_TOKEN_UNKNOWN) continue;
        }
        const size_t old = (size_t)other;
        if (by_column)
            for (size_t row = 0; row < to->shape[0]; row++)
                to->data[row * to_width + token] = from->data[row * from_width + old];
        else
            memcpy(to->data + token * to_width, from->data + old * from_width,
                   to_width * sizeof(float));
    }
}

/* Which dimension of a tensor counts tokens, in both models: 0, 1, or -1. `from` is the source's
 * tensor of that name. */
static int token_dimension(const elman_model *model, const elman_model *source, size_t index,
                           const elman_tensor *from) {
    const elman_tensor *const to = &model->weights.tensors[index];
    const struct TensorPlace *const place = &model->weights.places[index];
    int dimension = -1;
    if (!model->vocabulary || !source->vocabulary) return -1;
    if (place->role == TENSOR_EMBEDDING || place->role == TENSOR_HEAD_WEIGHT ||
        place->role == TENSOR_HEAD_BIAS)
        dimension = 0;
    else if (place->role == TENSOR_WEIGHT_IH && place->layer == 0 &&
             model->structure.input == ELMAN_INPUT_ONE_HOT)
        dimension = 1;
    /* A head may have outputs that are no tokens. */
    return dimension >= 0 && to->shape[dimension] == elman_vocabulary_size(model->vocabulary) &&
                   from->shape[dimension] == elman_vocabulary_size(source->vocabulary)
               ? dimension
               : -1;
}

/* Whether tensor `index` can be taken over: the same shape, but for a dimension of tokens. */
static elman_status check_tensor(const elman_model *model, const elman_model *source, size_t index,
                                 elman_error *error) {
    const elman_tensor *const to = &model->weights.tensors[index];
    const elman_tensor *const from = tensor_set_find(&source->weights, to->name);
    if (!from)
        return fail(error, ELMAN_ERR_MISMATCH, "the source model has no tensor %s", to->name);
    const int tokens = token_dimension(model, source, index, from);
    for (int d = 0; d < 2; d++)
        if (d != tokens && to->shape[d] != from->shape[d])
            return fail(error, ELMAN_ERR_MISMATCH,
                        "%s is %zu x %zu in the source model, here it is %zu x %zu", to->name,
                        from->shape[0], from->shape[1], to->shape[0], to->shape[1]);
    return ELMAN_OK;
}

static elman_status check_stages(const Structure *to, const Structure *from, elman_error *error) {
    bool alike = to->stage_count == from->stage_count;
    for (size_t i = 0; i < to->stage_count && alike; i++)
        alike = to->stages[i].kind == from->stages[i].kind &&
                to->stages[i].epsilon == from->stages[i].epsilon;
    return alike ? ELMAN_OK
                 : fail(error, ELMAN_ERR_MISMATCH,
                        "behind its recurrent layers the source model has other stages");
}

/* Same tensors and cells; a GRU of the other convention has the same shapes and another meaning. */
static elman_status check_source(const elman_model *model, const elman_model *source,
                                 elman_error *error) {
    if (!model->built || !source->built)
        return fail(error, ELMAN_ERR_ARGUMENT, "both models must be built");
    const size_t layers = model->structure.layer_count;
    if (source->structure.layer_count != layers)
        return fail(error, ELMAN_ERR_MISMATCH, "the source model has %zu layers, this one %zu",
                    source->structure.layer_count, layers);
    for (size_t l = 0; l < layers; l++) {
        const elman_cell from = source->structure.layers[l].cell;
        const elman_cell to = model->structure.layers[l].cell;
        if (from != to)
            return fail(error, ELMAN_ERR_MISMATCH,
                        "layer %zu of the source model is a %s, here it is a %s", l,
                        cell_of_kind(from)->name, cell_of_kind(to)->name);
        if (!layer_plain_alike(&model->structure.layers[l], &source->structure.layers[l]))
            return fail(error, ELMAN_ERR_MISMATCH,
                        "layer %zu of the source model has other activations, another clip or "
                        "another forget gate",
                        l);
    }
    elman_status status = check_stages(&model->structure, &source->structure, error);
    if (status) return status;
    for (size_t i = 0; i < source->weights.count; i++)
        if (!tensor_set_find(&model->weights, source->weights.tensors[i].name))
            return fail(error, ELMAN_ERR_MISMATCH, "the source model has a tensor %s, this one not",
                        source->weights.tensors[i].name);
    for (size_t i = 0; i < model->weights.count; i++) {
        if ((status = check_tensor(model, source, i, error))) return status;
    }
    return ELMAN_OK;
}

elman_status elman_model_copy_weights(elman_model *model, const elman_model *source,
                                      elman_error *error) {
    const elman_status status = check_source(model, source, error);
    if (status) return status;
    for (size_t i = 0; i < model->weights.count; i++) {
        const elman_tensor *const to = &model->weights.tensors[i];
        const elman_tensor *const from = tensor_set_find(&source->weights, to->name);
        const int tokens = token_dimension(model, source, i, from);
        if (tokens < 0)
            memcpy(to->data, from->data, to->count * sizeof(float));
        else
            copy_tokens(model, source, to, from, tokens == 1);
    }
    return ELMAN_OK;
}
