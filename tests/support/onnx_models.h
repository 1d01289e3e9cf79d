/* The models that tests/convert/onnx/golden.py makes. */
#ifndef SUPPORT_ONNX_MODELS_H
#define SUPPORT_ONNX_MODELS_H

/* Each is there as NAME.onnx, and golden.safetensors beside them has what ONNX Runtime computes. */
#define ONNX_MODELS_FOLDER ELMAN_SOURCE_DIR "/tests/convert/onnx/"

static const char *const onnx_models[] = {
    "torch_lstm",
    "torch_lstm_fixed",
    "torch_gru",
    "torch_rnn_relu",
    "torch_embedding",
    "torch_states",
    "torch_gru_state",
    "torch_dynamo_lstm",
    "torch_dynamo_gru",
    "torch_dynamo_embedding",
    "keras_lstm",
    "keras_gru_last",
    "keras_bidirectional",
    "embedding",
    "lengths",
    "lengths_last",
    "folded",
    "reverse",
    "reverse_alone",
    "ends",
    "learned_state",
    "layout",
    "doubles",
    "one_row",
    "stages",
    "stages_at_steps",
    "hard_sigmoid",
    "peepholes",
    "normalised",
};

enum { ONNX_MODELS = sizeof onnx_models / sizeof *onnx_models };

#endif
