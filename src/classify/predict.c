/* Predicts labels. */
#include "classify/predict.h"

#include "core/fail.h"
#include "core/size.h"
#include "core/special.h"
#include "model/network.h"

/* Where the outputs of a pass go. */
typedef struct Predicting {
    elman_prediction *prediction;
    bool tagger;
} Predicting;

/* Probabilities from logits. */
static void softmax(const float *logits, size_t count, float *probabilities) {
    double sum = 0.0;
    float most = logits[0];
    for (size_t i = 1; i < count; i++)
        if (logits[i] > most) most = logits[i];
    for (size_t i = 0; i < count; i++) sum += exponential((double)logits[i] - (double)most);
    for (size_t i = 0; i < count; i++)
        probabilities[i] = (float)(exponential((double)logits[i] - (double)most) / sum);
}

static elman_status take_outputs(void *user, elman_tape *tape, const ClassBatch *batch,
                                 const uint32_t *members, size_t rows, elman_error *error) {
    Predicting *predicting = user;
    elman_prediction *prediction = predicting->prediction;
    Memory *memory = &prediction->context->memory;
    const size_t labels = prediction->labels;
    const size_t steps = predicting->tagger ? batch->sequence.steps : 1;
    float *output = memory_allocate_array(memory, steps * rows * labels, sizeof(*output));
    if (output == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the outputs of %zu sequences", rows);
    elman_tape_output(tape, output);
    for (size_t row = 0; row < rows; row++) {
        const size_t first = prediction->first[members[row]];
        const size_t length = predicting->tagger ? batch->lengths[row] : 1;
        for (size_t step = 0; step < length; step++)
            softmax(output + (step * rows + row) * labels, labels,
                    prediction->probabilities + (first + step) * labels);
    }
    memory_release(memory, output);
    return ELMAN_OK;
}

static elman_status make_room(elman_prediction *prediction, const elman_classifier *classifier,
                              const Encoded *encoded, const uint32_t *members, elman_error *error) {
    Memory *memory = &prediction->context->memory;
    size_t rows = 0, numbers = 0;
    prediction->first =
        memory_allocate_array(memory, prediction->count + 1, sizeof(*prediction->first));
    if (prediction->first != NULL) {
        for (size_t i = 0; i < prediction->count; i++) {
            rows += classifier->tagger ? encoded->lengths[members[i]] : 1;
            prediction->first[i + 1] = rows;
        }
        if (size_mul(rows, prediction->labels, &numbers))
            prediction->probabilities = memory_allocate_array(memory, numbers, sizeof(float));
    }
    if (prediction->probabilities == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the probabilities of %zu labels",
                    prediction->labels);
    return ELMAN_OK;
}

static elman_status check_network(const elman_classifier *classifier, const elman_network *network,
                                  elman_error *error) {
    const Structure *structure = &network->structure;
    return classifier_check_model(classifier, structure->input, structure->input_size,
                                  structure_outputs(structure), structure->output, error);
}

elman_status predict_members(const elman_classifier *classifier, const elman_network *network,
                             const Encoded *encoded, const uint32_t *members, size_t count,
                             elman_prediction **result, elman_error *error) {
    Memory *memory = &classifier->context->memory;
    *result = NULL;
    elman_status status = check_network(classifier, network, error);
    if (status != ELMAN_OK) return status;
    elman_prediction *prediction = memory_allocate(memory, sizeof(*prediction));
    if (prediction == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a prediction");
    *prediction = (elman_prediction){.context = classifier->context,
                                     .labels = classifier->labels.count,
                                     .count = count,
                                     .cut = encoded->cut,
                                     .tokens = encoded->token_count,
                                     .unknown = encoded->unknown};
    Predicting predicting = {.prediction = prediction, .tagger = classifier->tagger};
    const Passes passes = {.network = network,
                           .encoded = encoded,
                           .members = members,
                           .count = count,
                           .done = take_outputs,
                           .user = &predicting};
    status = make_room(prediction, classifier, encoded, members, error);
    if (status == ELMAN_OK) status = passes_run(classifier, &passes, error);
    if (status == ELMAN_OK)
        *result = prediction;
    else
        elman_prediction_destroy(prediction);
    return status;
}

elman_status elman_classifier_predict(const elman_classifier *classifier,
                                      const elman_network *network, const elman_labelled *data,
                                      elman_prediction **prediction, elman_error *error) {
    Memory *memory = &classifier->context->memory;
    const size_t count = elman_labelled_count(data);
    Encoded encoded;
    *prediction = NULL;
    elman_status status = encode(classifier, data, classifier->tagger, &encoded, error);
    uint32_t *members = memory_allocate_array(memory, count, sizeof(*members));
    if (status == ELMAN_OK && members == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for %zu sequences", count);
    for (size_t i = 0; status == ELMAN_OK && i < count; i++) members[i] = (uint32_t)i;
    if (status == ELMAN_OK)
        status = predict_members(classifier, network, &encoded, members, count, prediction, error);
    memory_release(memory, members);
    encoded_release(classifier, &encoded);
    return status;
}

void elman_prediction_destroy(elman_prediction *prediction) {
    if (prediction == NULL) return;
    Memory *memory = &prediction->context->memory;
    memory_release(memory, prediction->probabilities);
    memory_release(memory, prediction->first);
    memory_release(memory, prediction);
}

const float *elman_prediction_probabilities(const elman_prediction *prediction, size_t index) {
    return prediction->probabilities + prediction->first[index] * prediction->labels;
}

size_t elman_prediction_label(const elman_prediction *prediction, size_t index, size_t step) {
    const float *probabilities =
        elman_prediction_probabilities(prediction, index) + step * prediction->labels;
    size_t best = 0;
    for (size_t i = 1; i < prediction->labels; i++)
        if (probabilities[i] > probabilities[best]) best = i;
    return best;
}

size_t elman_prediction_cut(const elman_prediction *prediction) {
    return prediction->cut;
}

size_t elman_prediction_tokens(const elman_prediction *prediction) {
    return prediction->tokens;
}

size_t elman_prediction_unknown(const elman_prediction *prediction) {
    return prediction->unknown;
}
