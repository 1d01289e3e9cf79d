/* What all operators of the oracle share. */
#include "convert/oracle_onnx_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"

elman_status oracle_refuse(const OracleCall *call, elman_status status, const char *format, ...) {
    char sentence[ELMAN_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(sentence, sizeof sentence, format, arguments) < 0) sentence[0] = '\0';
    va_end(arguments);
    return fail(call->oracle->error, status, "%s: node \"%.100s\" (%.40s): %s",
                call->oracle->model->path, call->node->name, call->node->op_type, sentence);
}

bool oracle_is_real(OnnxType type) {
    return type == ONNX_FLOAT || type == ONNX_DOUBLE;
}

elman_status oracle_array_make(OracleOnnx *oracle, OracleArray *array, OnnxType type, size_t rank,
                               const size_t *shape) {
    size_t count = 1;
    bool fits = true;
    oracle->elements -= array->count;
    memory_release(oracle->memory, array->numbers);
    memory_release(oracle->memory, array->integers);
    *array = (OracleArray){.type = type, .rank = rank};
    for (size_t i = 0; i < rank; i++) {
        array->shape[i] = shape[i];
        fits = fits && size_mul(count, shape[i], &count);
    }
    if (!fits || count > oracle->elements_max - oracle->elements)
        return fail(oracle->error, ELMAN_ERR_DATA,
                    "%s: its values have more than %zu elements, the most that are evaluated",
                    oracle->model->path, oracle->elements_max);
    if (oracle_is_real(type))
        array->numbers = memory_allocate_array(oracle->memory, count, sizeof *array->numbers);
    else
        array->integers = memory_allocate_array(oracle->memory, count, sizeof *array->integers);
    if (!array->numbers && !array->integers)
        return fail(oracle->error, ELMAN_ERR_MEMORY, "%s: no memory for a value of %zu elements",
                    oracle->model->path, count);
    array->count = count;
    oracle->elements += count;
    return ELMAN_OK;
}

const OracleArray *oracle_input(const OracleCall *call, size_t index) {
    if (index >= call->node->input_count || call->node->inputs[index] == ONNX_NONE) return NULL;
    return &call->oracle->values[call->node->inputs[index]];
}

elman_status oracle_output(OracleCall *call, size_t index, OnnxType type, size_t rank,
                           const size_t *shape, OracleArray **array) {
    OracleOnnx *const oracle = call->oracle;
    const bool is_named =
        index < call->node->output_count && call->node->outputs[index] != ONNX_NONE;
    const size_t value = is_named ? call->node->outputs[index] : oracle->model->value_count + index;
    *array = &oracle->values[value];
    oracle->is_known[value] = true;
    return oracle_array_make(oracle, *array, type, rank, shape);
}

elman_status oracle_want_real(const OracleCall *call, const OracleArray *array) {
    if (oracle_is_real(array->type)) return ELMAN_OK;
    return oracle_refuse(call, ELMAN_ERR_FORMAT, "an input is of type %s, expected float or double",
                         onnx_type_name(array->type));
}

elman_status oracle_want_integers(const OracleCall *call, const OracleArray *array) {
    if (array->type == ONNX_INT32 || array->type == ONNX_INT64) return ELMAN_OK;
    return oracle_refuse(call, ELMAN_ERR_FORMAT, "an input is of type %s, expected int32 or int64",
                         onnx_type_name(array->type));
}

void oracle_copy(OracleArray *to, size_t i, const OracleArray *from, size_t j) {
    if (to->numbers)
        to->numbers[i] = from->numbers[j];
    else
        to->integers[i] = from->integers[j];
}

/* The attribute of that name if it has the type; NULL, with ELMAN_OK, when there is none. */
static elman_status find(const OracleCall *call, const char *name, OnnxAttributeType type,
                         bool is_list, const OnnxAttribute **attribute) {
    *attribute = onnx_attribute(call->node, name);
    if (!*attribute || ((*attribute)->type == type && (*attribute)->is_list == is_list))
        return ELMAN_OK;
    return oracle_refuse(call, ELMAN_ERR_FORMAT, "the attribute %s is not of its type", name);
}

elman_status oracle_int(const OracleCall *call, const char *name, int64_t otherwise,
                        int64_t *value) {
    const OnnxAttribute *attribute;
    const elman_status status = find(call, name, ONNX_ATTRIBUTE_INTS, false, &attribute);
    if (!status) *value = attribute ? attribute->ints[0] : otherwise;
    return status;
}

elman_status oracle_float(const OracleCall *call, const char *name, double otherwise,
                          double *value) {
    const OnnxAttribute *attribute;
    const elman_status status = find(call, name, ONNX_ATTRIBUTE_FLOATS, false, &attribute);
    if (!status) *value = attribute ? (double)attribute->floats[0] : otherwise;
    return status;
}

elman_status oracle_list(const OracleCall *call, const char *name, size_t index,
                         const int64_t **list, size_t *count, bool *given) {
    const OnnxAttribute *attribute;
    const OracleArray *const input = oracle_input(call, index);
    elman_status status = find(call, name, ONNX_ATTRIBUTE_INTS, true, &attribute);
    if (status) return status;
    *given = attribute || input;
    *list = NULL;
    *count = 0;
    if (attribute && input)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "%s is given as attribute and as input", name);
    if (attribute) {
        *list = attribute->ints;
        *count = attribute->count;
    } else if (input) {
        if ((status = oracle_want_integers(call, input))) return status;
        if (input->rank > 1) return oracle_refuse(call, ELMAN_ERR_FORMAT, "%s is no list", name);
        *list = input->integers;
        *count = input->count;
    }
    return ELMAN_OK;
}

elman_status oracle_axis(const OracleCall *call, int64_t axis, size_t rank, size_t *result) {
    const int64_t dimensions = (int64_t)rank;
    if (axis < -dimensions || axis >= dimensions)
        return oracle_refuse(call, ELMAN_ERR_FORMAT,
                             "axis %" PRId64 " does not exist in an array of %zu dimensions", axis,
                             rank);
    *result = (size_t)(axis < 0 ? axis + dimensions : axis);
    return ELMAN_OK;
}

size_t oracle_product(const size_t *shape, size_t first, size_t last) {
    size_t product = 1;
    for (size_t i = first; i < last; i++) product *= shape[i];
    return product;
}

void oracle_strides(const OracleArray *array, size_t strides[ONNX_RANK_MAX]) {
    size_t stride = 1;
    for (size_t i = array->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= array->shape[i];
    }
}

void oracle_broadcast_strides(const OracleArray *array, size_t rank,
                              size_t strides[ONNX_RANK_MAX]) {
    size_t stride = 1;
    for (size_t i = 0; i < rank; i++) {
        const size_t to = rank - 1 - i;
        const bool repeats = i >= array->rank || array->shape[array->rank - 1 - i] == 1;
        strides[to] = repeats ? 0 : stride;
        if (i < array->rank) stride *= array->shape[array->rank - 1 - i];
    }
}

size_t oracle_offset(size_t index, size_t rank, const size_t *shape, const size_t *strides) {
    size_t offset = 0;
    for (size_t i = rank; i-- > 0;) {
        offset += index % shape[i] * strides[i];
        index /= shape[i];
    }
    return offset;
}

elman_status oracle_broadcast(const OracleCall *call, size_t rank_a, const size_t *a, size_t rank_b,
                              const size_t *b, size_t *rank, size_t shape[ONNX_RANK_MAX]) {
    *rank = rank_a > rank_b ? rank_a : rank_b;
    for (size_t i = 0; i < *rank; i++) {
        const size_t from_a = i < rank_a ? a[rank_a - 1 - i] : 1;
        const size_t from_b = i < rank_b ? b[rank_b - 1 - i] : 1;
        if (from_a != from_b && from_a != 1 && from_b != 1)
            return oracle_refuse(call, ELMAN_ERR_FORMAT,
                                 "sizes %zu and %zu do not broadcast to each other", from_a,
                                 from_b);
        shape[*rank - 1 - i] = from_a == 1 ? from_b : from_a;
    }
    return ELMAN_OK;
}
