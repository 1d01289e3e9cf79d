/* Operators that compute numbers from numbers. */
#include <math.h>

#include "convert/oracle_onnx_call.h"

typedef enum Arithmetic { ADD, SUBTRACT, MULTIPLY, DIVIDE, MINIMUM } Arithmetic;

/* Integers wrap around, as in the specification's other implementations. */
static int64_t combine_integers(Arithmetic arithmetic, OnnxType type, int64_t a, int64_t b) {
    if (arithmetic == MINIMUM) return a < b ? a : b;
    const uint64_t result = arithmetic == ADD        ? (uint64_t)a + (uint64_t)b
                            : arithmetic == SUBTRACT ? (uint64_t)a - (uint64_t)b
                                                     : (uint64_t)a * (uint64_t)b;
    return type == ONNX_INT32 ? (int32_t)(uint32_t)result : (int64_t)result;
}

static double combine_numbers(Arithmetic arithmetic, double a, double b) {
    switch (arithmetic) {
    case ADD:
        return a + b;
    case SUBTRACT:
        return a - b;
    case MULTIPLY:
        return a * b;
    case DIVIDE:
        return a / b;
    case MINIMUM:
        break;
    }
    return b < a || isnan(b) ? b : a;
}

static elman_status combine(OracleCall *call, Arithmetic arithmetic) {
    const OracleArray *const a = oracle_input(call, 0), *const b = oracle_input(call, 1);
    size_t rank, shape[ONNX_RANK_MAX], strides_a[ONNX_RANK_MAX], strides_b[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status;
    if (a->type != b->type || a->type == ONNX_BOOL)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its inputs are of types %s and %s",
                             onnx_type_name(a->type), onnx_type_name(b->type));
    status = oracle_broadcast(call, a->rank, a->shape, b->rank, b->shape, &rank, shape);
    if (status) return status;
    if ((status = oracle_output(call, 0, a->type, rank, shape, &y))) return status;
    oracle_broadcast_strides(a, rank, strides_a);
    oracle_broadcast_strides(b, rank, strides_b);
    for (size_t i = 0; i < y->count; i++) {
        const size_t at_a = oracle_offset(i, rank, shape, strides_a);
        const size_t at_b = oracle_offset(i, rank, shape, strides_b);
        if (y->integers)
            y->integers[i] =
                combine_integers(arithmetic, a->type, a->integers[at_a], b->integers[at_b]);
        else
            y->numbers[i] = combine_numbers(arithmetic, a->numbers[at_a], b->numbers[at_b]);
    }
    return ELMAN_OK;
}

elman_status oracle_add(OracleCall *call) {
    return combine(call, ADD);
}

elman_status oracle_sub(OracleCall *call) {
    return combine(call, SUBTRACT);
}

elman_status oracle_mul(OracleCall *call) {
    return combine(call, MULTIPLY);
}

elman_status oracle_div(OracleCall *call) {
    const elman_status status = oracle_want_real(call, oracle_input(call, 0));
    return status ? status : combine(call, DIVIDE);
}

elman_status oracle_min(OracleCall *call) {
    if (call->node->input_count == 2 && oracle_input(call, 1)) return combine(call, MINIMUM);
    return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "has %zu inputs, expected two",
                         call->node->input_count);
}

static elman_status each(OracleCall *call, double (*function)(double)) {
    const OracleArray *const x = oracle_input(call, 0);
    OracleArray *y;
    elman_status status = oracle_want_real(call, x);
    if (status) return status;
    if ((status = oracle_output(call, 0, x->type, x->rank, x->shape, &y))) return status;
    for (size_t i = 0; i < y->count; i++) y->numbers[i] = function(x->numbers[i]);
    return ELMAN_OK;
}

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static double rectify(double x) {
    return x < 0.0 ? 0.0 : x;
}

elman_status oracle_sigmoid(OracleCall *call) {
    return each(call, logistic);
}

elman_status oracle_tanh(OracleCall *call) {
    return each(call, tanh);
}

elman_status oracle_relu(OracleCall *call) {
    return each(call, rectify);
}

typedef struct Matrix {
    const double *numbers;
    size_t row, column; /* distances between neighbours */
} Matrix;

/* y [rows][columns] += a [rows][inner] b [inner][columns]. */
static void multiply(double *y, Matrix a, Matrix b, size_t rows, size_t inner, size_t columns) {
    if (columns == 0 || inner == 0) return;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < inner; k++) {
            const double factor = a.numbers[i * a.row + k * a.column];
            for (size_t j = 0; j < columns; j++)
                y[i * columns + j] += factor * b.numbers[k * b.row + j * b.column];
        }
}

/* An operand of MatMul: a vector is a matrix of one row, or of one column. */
static OracleArray as_matrices(const OracleArray *array, bool is_left) {
    OracleArray result = *array;
    if (array->rank == 1) {
        result.rank = 2;
        result.shape[0] = is_left ? 1 : array->shape[0];
        result.shape[1] = is_left ? array->shape[0] : 1;
    }
    return result;
}

elman_status oracle_matmul(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0), *const z = oracle_input(call, 1);
    const OracleArray a = as_matrices(x, true), b = as_matrices(z, false);
    size_t rank, shape[ONNX_RANK_MAX], strides_a[ONNX_RANK_MAX], strides_b[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status;
    if ((status = oracle_want_real(call, x)) || (status = oracle_want_real(call, z))) return status;
    if (a.rank < 2 || b.rank < 2 || a.shape[a.rank - 1] != b.shape[b.rank - 2])
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its matrices do not fit each other");
    status = oracle_broadcast(call, a.rank - 2, a.shape, b.rank - 2, b.shape, &rank, shape);
    if (status) return status;
    const size_t rows = a.shape[a.rank - 2], inner = a.shape[a.rank - 1];
    const size_t columns = b.shape[b.rank - 1];
    size_t full_rank = rank, full[ONNX_RANK_MAX];
    for (size_t i = 0; i < rank; i++) full[i] = shape[i];
    if (x->rank > 1) full[full_rank++] = rows;
    if (z->rank > 1) full[full_rank++] = columns;
    if ((status = oracle_output(call, 0, x->type, full_rank, full, &y))) return status;
    if (y->count == 0) return ELMAN_OK;
    /* The stacks of matrices broadcast as if a matrix were one element. */
    OracleArray left = a, right = b;
    left.rank -= 2;
    right.rank -= 2;
    oracle_broadcast_strides(&left, rank, strides_a);
    oracle_broadcast_strides(&right, rank, strides_b);
    const size_t stack = oracle_product(shape, 0, rank);
    for (size_t i = 0; i < stack; i++) {
        const size_t at_a = oracle_offset(i, rank, shape, strides_a) * rows * inner;
        const size_t at_b = oracle_offset(i, rank, shape, strides_b) * inner * columns;
        multiply(y->numbers + i * rows * columns, (Matrix){a.numbers + at_a, inner, 1},
                 (Matrix){b.numbers + at_b, columns, 1}, rows, inner, columns);
    }
    return ELMAN_OK;
}

/* alpha A' B' + beta C. */
elman_status oracle_gemm(OracleCall *call) {
    const OracleArray *const a = oracle_input(call, 0), *const b = oracle_input(call, 1);
    const OracleArray *const c = oracle_input(call, 2);
    int64_t turn_a, turn_b;
    double alpha, beta;
    OracleArray *y;
    elman_status status;
    if ((status = oracle_want_real(call, a)) || (status = oracle_want_real(call, b)) ||
        (c && (status = oracle_want_real(call, c))) ||
        (status = oracle_int(call, "transA", 0, &turn_a)) ||
        (status = oracle_int(call, "transB", 0, &turn_b)) ||
        (status = oracle_float(call, "alpha", 1.0, &alpha)) ||
        (status = oracle_float(call, "beta", 1.0, &beta)))
        return status;
    if (a->rank != 2 || b->rank != 2 || a->shape[turn_a ? 0 : 1] != b->shape[turn_b ? 1 : 0])
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its matrices do not fit each other");
    const size_t rows = a->shape[turn_a ? 1 : 0], inner = a->shape[turn_a ? 0 : 1];
    const size_t columns = b->shape[turn_b ? 0 : 1], shape[] = {rows, columns};
    if ((status = oracle_output(call, 0, a->type, 2, shape, &y))) return status;
    multiply(y->numbers, (Matrix){a->numbers, turn_a ? 1 : inner, turn_a ? rows : 1},
             (Matrix){b->numbers, turn_b ? 1 : columns, turn_b ? inner : 1}, rows, inner, columns);
    for (size_t i = 0; i < y->count; i++) y->numbers[i] *= alpha;
    if (!c) return ELMAN_OK;
    size_t rank, whole[ONNX_RANK_MAX], strides[ONNX_RANK_MAX];
    status = oracle_broadcast(call, 2, shape, c->rank, c->shape, &rank, whole);
    if (status) return status;
    if (rank != 2 || whole[0] != rows || whole[1] != columns)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "C does not broadcast to the product");
    oracle_broadcast_strides(c, 2, strides);
    for (size_t i = 0; i < y->count; i++)
        y->numbers[i] += beta * c->numbers[oracle_offset(i, 2, shape, strides)];
    return ELMAN_OK;
}

/* One softmax over `count` numbers at a distance. */
static void soften(const double *x, double *y, size_t count, size_t distance, bool logarithm) {
    double largest = x[0], sum = 0.0;
    for (size_t i = 1; i < count; i++) largest = fmax(largest, x[i * distance]);
    for (size_t i = 0; i < count; i++) sum += exp(x[i * distance] - largest);
    for (size_t i = 0; i < count; i++) {
        const double z = x[i * distance] - largest - log(sum);
        y[i * distance] = logarithm ? z : exp(z);
    }
}

/* Up to opset 12 over all axes from `axis` on, later over it alone. */
static elman_status normalise(OracleCall *call, bool logarithm) {
    const OracleArray *const x = oracle_input(call, 0);
    const bool is_flat = call->opset < 13;
    OracleArray *y;
    int64_t given;
    size_t axis;
    elman_status status;
    if ((status = oracle_want_real(call, x)) ||
        (status = oracle_int(call, "axis", is_flat ? 1 : -1, &given)))
        return status;
    if (is_flat && given == (int64_t)x->rank)
        axis = x->rank;
    else if ((status = oracle_axis(call, given, x->rank, &axis)))
        return status;
    if ((status = oracle_output(call, 0, x->type, x->rank, x->shape, &y))) return status;
    if (y->count == 0) return ELMAN_OK;
    const size_t last = is_flat ? x->rank : axis + 1;
    const size_t count = oracle_product(x->shape, axis, last);
    const size_t distance = oracle_product(x->shape, last, x->rank);
    for (size_t i = 0; i < x->count / count; i++) {
        const size_t at = i / distance * count * distance + i % distance;
        soften(x->numbers + at, y->numbers + at, count, distance, logarithm);
    }
    return ELMAN_OK;
}

elman_status oracle_softmax(OracleCall *call) {
    return normalise(call, false);
}

elman_status oracle_log_softmax(OracleCall *call) {
    return normalise(call, true);
}

/* One element each of scale and bias per element of the normalised axes, after broadcasting. */
static elman_status layer_factor(const OracleCall *call, const OracleArray *x,
                                 const OracleArray *factor, size_t strides[ONNX_RANK_MAX]) {
    size_t rank, shape[ONNX_RANK_MAX];
    elman_status status = oracle_want_real(call, factor);
    if (status) return status;
    status = oracle_broadcast(call, x->rank, x->shape, factor->rank, factor->shape, &rank, shape);
    if (status) return status;
    for (size_t i = 0; i < rank; i++)
        if (rank != x->rank || shape[i] != x->shape[i])
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "scale or bias is larger than the input");
    oracle_broadcast_strides(factor, x->rank, strides);
    return ELMAN_OK;
}

/* stash_type, the precision of mean and deviation, means nothing in double. */
elman_status oracle_layer_normalization(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0), *const scale = oracle_input(call, 1);
    const OracleArray *const bias = oracle_input(call, 2);
    size_t scale_strides[ONNX_RANK_MAX], bias_strides[ONNX_RANK_MAX], shape[ONNX_RANK_MAX], axis;
    int64_t given;
    double epsilon;
    OracleArray *y, *mean, *inverse;
    elman_status status;
    if ((status = oracle_want_real(call, x)) || (status = oracle_int(call, "axis", -1, &given)) ||
        (status = oracle_float(call, "epsilon", (double)1e-5f, &epsilon)) ||
        (status = oracle_axis(call, given, x->rank, &axis)) ||
        (status = layer_factor(call, x, scale, scale_strides)) ||
        (bias && (status = layer_factor(call, x, bias, bias_strides))))
        return status;
    for (size_t i = 0; i < x->rank; i++) shape[i] = i < axis ? x->shape[i] : 1;
    if ((status = oracle_output(call, 0, x->type, x->rank, x->shape, &y)) ||
        (status = oracle_output(call, 1, ONNX_FLOAT, x->rank, shape, &mean)) ||
        (status = oracle_output(call, 2, ONNX_FLOAT, x->rank, shape, &inverse)))
        return status;
    const size_t count = oracle_product(x->shape, axis, x->rank);
    for (size_t row = 0; row < mean->count && count > 0; row++) {
        const double *const from = x->numbers + row * count;
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < count; i++) sum += from[i];
        mean->numbers[row] = sum / (double)count;
        for (size_t i = 0; i < count; i++) {
            const double distance = from[i] - mean->numbers[row];
            squares += distance * distance;
        }
        inverse->numbers[row] = 1.0 / sqrt(squares / (double)count + epsilon);
        for (size_t i = 0; i < count; i++) {
            const size_t at = row * count + i;
            y->numbers[at] = (from[i] - mean->numbers[row]) * inverse->numbers[row] *
                             scale->numbers[oracle_offset(at, x->rank, x->shape, scale_strides)];
            if (bias)
                y->numbers[at] += bias->numbers[oracle_offset(at, x->rank, x->shape, bias_strides)];
        }
    }
    return ELMAN_OK;
}
