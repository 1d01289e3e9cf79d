"""Makes the models in this folder and golden.safetensors: what ONNX Runtime computes with them.

    python3 golden.py      needs torch, onnxscript (for its newer exporter), onnx, onnxruntime, numpy

Of model NAME.onnx the file holds NAME/input (numbers or tokens, [steps][rows][features] or
[steps][rows]), NAME/lengths and NAME/state (as elman/network.h lays it out) where the model reads
such, and NAME/output ([steps][rows][outputs] or [rows][outputs]).
"""
import io
import logging
import warnings

import numpy as np
import onnx
import torch
from graph import (FEATURES, HIDDEN, OUTPUTS, ROWS, STEPS, TOKENS, Graph, draw, golden, keep, random,
                   sequence, write)
from onnx import TensorProto
from torch import nn

# ---- What PyTorch's exporters write ----


class Network(nn.Module):
    def __init__(self, cell, layers=1, batch_first=True, bidirectional=False, embed=False,
                 last=False, head=True, **more):
        super().__init__()
        self.embed = nn.Embedding(TOKENS, FEATURES) if embed else None
        self.rnn = getattr(nn, cell)(FEATURES, HIDDEN, layers, batch_first=batch_first,
                                     bidirectional=bidirectional, **more)
        self.head = nn.Linear(HIDDEN * (1 + bidirectional), OUTPUTS) if head else None
        self.batch_first, self.last = batch_first, last

    def forward(self, x, *state):
        x = self.embed(x) if self.embed else x
        given = (tuple(state) if len(state) == 2 else state[0],) if state else ()
        y, final = self.rnn(x, *given)
        if self.last:
            y = y[:, -1] if self.batch_first else y[-1]
        y = self.head(y) if self.head else y
        return (y, *(final if isinstance(final, tuple) else (final,))) if state else y


def export(name, network, dynamo=False, opset=17, fixed=False, states=0):
    network.eval()
    batch_first = network.batch_first
    shape = (ROWS, STEPS) if batch_first else (STEPS, ROWS)
    x = torch.randint(TOKENS, shape) if network.embed else torch.randn(*shape, FEATURES)
    given = [torch.randn(1, ROWS, HIDDEN) * 0.5 for _ in range(states)]
    names = ["x", "h0", "c0"][: 1 + states]
    buffer = io.BytesIO()
    if dynamo:
        torch.onnx.export(network, (x, *given), buffer, dynamo=True, external_data=False,
                          input_names=names, verbose=False)
    else:
        axes = {"x": {0: "a", 1: "b"}, "h0": {1: "n"}, "c0": {1: "n"}}
        torch.onnx.export(network, (x, *given), buffer, dynamo=False, opset_version=opset,
                          input_names=names,
                          dynamic_axes=None if fixed else {k: axes[k] for k in names})
    model = onnx.load_from_string(buffer.getvalue())
    for node in model.graph.node:  # where the exporter stood in the source: paths of this machine
        node.ClearField("doc_string")
        del node.metadata_props[:]
    del model.graph.metadata_props[:], model.graph.value_info[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        if isinstance(value, onnx.ValueInfoProto):
            del value.metadata_props[:]
    sequence = x.numpy().astype(np.int32) if network.embed else x.numpy()
    state = np.concatenate([g.numpy().ravel() for g in given]) if given else None
    keep(name, model, {k: v.numpy() for k, v in zip(names, [x, *given])}, sequence, batch_first,
         state=state, every_step=not network.last)


def pytorch():
    torch.manual_seed(1)
    export("torch_lstm", Network("LSTM", layers=2))
    export("torch_lstm_fixed", Network("LSTM", layers=2), fixed=True)
    export("torch_gru", Network("GRU", layers=2, bidirectional=True), opset=14)
    export("torch_rnn_relu", Network("RNN", batch_first=False, nonlinearity="relu", bias=False), opset=11)
    export("torch_embedding", Network("LSTM", embed=True, last=True), opset=13)
    export("torch_states", Network("LSTM", batch_first=False), states=2)
    export("torch_gru_state", Network("GRU", batch_first=False, head=False), states=1)
    export("torch_dynamo_lstm", Network("LSTM", layers=2), dynamo=True)
    export("torch_dynamo_gru", Network("GRU", bidirectional=True), dynamo=True)
    export("torch_dynamo_embedding", Network("GRU", embed=True, last=True), dynamo=True)


# ---- Graphs node by node ----


def keras_lstm():
    """As tf2onnx writes LSTM(return_sequences=True), Dense."""
    g = Graph(opset=13)
    g.input("input_1", [None, None, FEATURES])
    g.node("Transpose", ["input_1"], "X", perm=[1, 0, 2])
    g.node("Shape", ["X"], "shape")
    g.node("Slice", ["shape", g.tensor("one", np.array([1])), g.tensor("two", np.array([2])),
                     g.tensor("axis", np.array([0]))], "batch")
    g.node("Concat", [g.tensor("directions", np.array([1])), "batch",
                      g.tensor("units", np.array([HIDDEN]))], "state_shape", axis=0)
    g.node("Expand", [g.tensor("zero", np.zeros((1, 1, 1), np.float32)), "state_shape"], "zeros")
    g.cell("LSTM", "X", ["Y", "", ""], states=["zeros", "zeros"])
    g.squeeze("Y", [1], "squeezed")
    g.node("Transpose", ["squeezed"], "lstm", perm=[1, 0, 2])
    g.dense("lstm", "dense")
    g.output("dense")
    x = sequence(True)
    keep("keras_lstm", g.model(), {"input_1": x}, x, True)


def keras_gru_last():
    """As tf2onnx writes GRU(reset_after=False), Dense: the last state, batch first."""
    g = Graph(opset=9)
    g.input("x", [None, STEPS, FEATURES])
    g.node("Transpose", ["x"], "X", perm=[1, 0, 2])
    g.cell("GRU", "X", ["", "Y_h"], linear_before_reset=0)
    g.squeeze("Y_h", [0], "gru")
    g.node("Identity", ["gru"], "same")
    g.node("Gemm", ["same", g.tensor("kernel", draw(OUTPUTS, HIDDEN)), g.tensor("bias", draw(OUTPUTS))],
           "dense", transB=1, alpha=1.0, beta=1.0)
    g.output("dense", rank=2)
    x = sequence(True)
    keep("keras_gru_last", g.model(), {"x": x}, x, True, every_step=False)


def keras_bidirectional():
    """Bidirectional(LSTM), the two last states side by side."""
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.node("Transpose", ["x"], "X", perm=[1, 0, 2])
    g.cell("LSTM", "X", ["", "Y_h"], directions=2, direction="bidirectional")
    g.node("Split", ["Y_h"], ["forward", "backward"], axis=0)
    g.squeeze("forward", [0], "left")
    g.squeeze("backward", [0], "right")
    g.node("Concat", ["left", "right"], "both", axis=-1)
    g.dense("both", "dense", width=2 * HIDDEN)
    g.output("dense", rank=2)
    x = sequence(True)
    keep("keras_bidirectional", g.model(), {"x": x}, x, True, every_step=False)


def embedding():
    g = Graph()
    g.input("tokens", ["rows", "steps"], TensorProto.INT32)
    g.node("Cast", ["tokens"], "indices", to=TensorProto.INT64)
    g.node("Gather", [g.tensor("table", draw(TOKENS, FEATURES)), "indices"], "vectors")
    g.node("Transpose", ["vectors"], "X", perm=[1, 0, 2])
    g.cell("GRU", "X", ["Y", ""], linear_before_reset=1)
    g.squeeze("Y", [1], "y")
    g.dense("y", "logits", outputs=TOKENS)
    g.output("logits")
    x = np.random.RandomState(3).randint(0, TOKENS, (ROWS, STEPS)).astype(np.int32)
    got = g.model()
    keep("embedding", g.model(), {"tokens": x}, x, True, turned=False)


def lengths():
    """Rows of different length, two layers of two directions."""
    given = np.array([STEPS, 2, 4], np.int32)
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.input("lengths", [None], TensorProto.INT32)
    g.cell("LSTM", "x", ["Y0", ""], directions=2, direction="bidirectional", lengths="lengths")
    g.node("Transpose", ["Y0"], "rows_first", perm=[0, 2, 1, 3])
    g.node("Reshape", ["rows_first", g.tensor("merged", np.array([0, 0, -1]))], "y0", allowzero=0)
    g.cell("LSTM", "y0", ["Y1", "Y1_h"], features=2 * HIDDEN, directions=2,
           direction="bidirectional", lengths="lengths")
    g.node("Transpose", ["Y1"], "rows_first1", perm=[0, 2, 1, 3])
    g.node("Reshape", ["rows_first1", "merged"], "y1")
    g.output("y1")
    g.output("Y1_h")
    x = sequence()
    keep("lengths", g.model(), {"x": x, "lengths": given}, x, False, lengths=given)


def lengths_last():
    """The last state of rows of different length."""
    given = np.array([3, STEPS, 1], np.int32)
    g = Graph()
    g.input("lengths", [None], TensorProto.INT32)
    g.input("x", [None, None, FEATURES])
    g.cell("GRU", "x", ["Y", "Y_h"], directions=2, direction="bidirectional", lengths="lengths",
           linear_before_reset=1)
    g.node("Transpose", ["Y_h"], "rows_first", perm=[1, 0, 2])
    g.node("Reshape", ["rows_first", g.tensor("merged", np.array([0, -1]))], "last")
    g.dense("last", "dense", width=2 * HIDDEN)
    g.output("dense", rank=2)
    x = sequence()
    keep("lengths_last", g.model(), {"x": x, "lengths": given}, x, False, lengths=given,
         every_step=False)


def folded():
    """Scaled input and a linear layer before the first cell, another between the cells."""
    g = Graph()
    g.input("x", [None, ROWS, FEATURES])
    g.node("Add", ["x", g.tensor("mean", draw(FEATURES))], "centred")
    g.node("Mul", ["centred", g.tensor("scale", np.float32(0.7))], "scaled")
    g.dense("scaled", "projected", width=FEATURES, outputs=7)
    g.cell("RNN", "projected", ["Y0", ""], features=7, bias=False)
    g.squeeze("Y0", [1], "y0")
    g.dense("y0", "between", outputs=2)
    g.node("Concat", ["between", "between"], "twice", axis=2)
    g.cell("GRU", "twice", ["Y1", ""], features=4)
    g.squeeze("Y1", [1], "y1")
    g.node("Dropout", ["y1"], "kept")
    g.node("Reshape", ["kept", g.tensor("flat", np.array([-1, HIDDEN]))], "rows")
    g.node("Gemm", ["rows", g.tensor("first", draw(HIDDEN, 4))], "hidden", alpha=0.5)
    g.node("Gemm", ["hidden", g.tensor("second", draw(4, OUTPUTS)), g.tensor("bias", draw(1, OUTPUTS))],
           "flat_output", beta=2.0)
    g.node("Reshape", ["flat_output", g.tensor("shape", np.array([-1, ROWS, OUTPUTS]))], "output")
    g.output("output")
    x = sequence()
    keep("folded", g.model(), {"x": x}, x, False)


def reverse():
    """One layer that runs backwards, and one forwards behind it, which reads features turned round."""
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.cell("LSTM", "x", ["Y0", ""], direction="reverse")
    g.squeeze("Y0", [1], "y0")
    g.node("Gather", ["y0", g.tensor("order", np.arange(HIDDEN)[::-1].copy())], "turned", axis=2)
    g.cell("RNN", "turned", ["Y1", ""], features=HIDDEN, activations=["Relu"])
    g.squeeze("Y1", [1], "y1")
    g.output("y1")
    x = sequence()
    keep("reverse", g.model(), {"x": x}, x, False)


def reverse_alone():
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.cell("GRU", "x", ["Y", ""], direction="reverse", linear_before_reset=1)
    g.squeeze("Y", [1], "y")
    g.output("y")
    x = sequence()
    keep("reverse_alone", g.model(), {"x": x}, x, False)


def ends():
    """The last forward step beside the first backward one: what a bidirectional layer ends with."""
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.cell("LSTM", "x", ["Y", ""], directions=2, direction="bidirectional")
    starts, stops, axes = (g.tensor(n, np.array(a)) for n, a in
                           (("starts", [-1, 0]), ("stops", [2**62, 1]), ("axes", [0, 1])))
    g.node("Slice", ["Y", starts, stops, axes], "forward")
    g.node("Slice", ["Y", g.tensor("starts1", np.array([0, 1])), g.tensor("stops1", np.array([1, 2])),
                     axes], "backward")
    g.node("Concat", ["forward", "backward"], "both", axis=3)
    g.squeeze("both", [0, 1], "ends")
    g.dense("ends", "dense", width=2 * HIDDEN)
    g.output("dense", rank=2)
    x = sequence()
    keep("ends", g.model(), {"x": x}, x, False, every_step=False)


def learned_state():
    """Constant initial states that are not zero; the output is a choice of the head's."""
    g = Graph()
    g.input("x", [None, ROWS, FEATURES])
    h, c = g.tensor("h", np.tile(draw(1, 1, HIDDEN), (1, ROWS, 1))), g.tensor("c", draw(1, 1, HIDDEN))
    g.node("Expand", [c, g.tensor("shape", np.array([1, ROWS, HIDDEN]))], "cells")
    g.cell("LSTM", "x", ["Y", "Y_h", "Y_c"], states=[h, "cells"])
    g.squeeze("Y", [1], "y")
    g.dense("y", "dense")
    g.node("Slice", ["dense", g.tensor("start", np.array([1])), g.tensor("stop", np.array([3])),
                     g.tensor("axis", np.array([-1]))], "some")
    g.output("some")
    g.output("Y_h")
    g.output("Y_c")
    x = sequence()
    keep("learned_state", g.model(), {"x": x}, x, False)


def layout():
    """Rows first in the operator itself, which ONNX Runtime refuses: it runs the other layout."""
    g, twin = Graph(), Graph()
    for one, batch_first in ((g, True), (twin, False)):
        one.input("x", [None, None, FEATURES])
        one.input("h", [None, 2, HIDDEN] if batch_first else [2, None, HIDDEN])
    tensors = g.cell("GRU", "x", ["Y", ""], directions=2, direction="bidirectional", states=["h"],
                     layout=1, linear_before_reset=1)
    g.node("Reshape", ["Y", g.tensor("merged", np.array([0, 0, -1]))], "y")
    g.output("y")
    twin.cell("GRU", "x", ["Y", ""], directions=2, direction="bidirectional", states=["h"],
              tensors=tensors, linear_before_reset=1)
    twin.node("Transpose", ["Y"], "turned", perm=[0, 2, 1, 3])
    twin.node("Reshape", ["turned", twin.tensor("merged", np.array([0, 0, -1]))], "y")
    twin.output("y")
    x, h = sequence(), np.random.RandomState(4).randn(2, ROWS, HIDDEN).astype(np.float32) * 0.5
    keep("layout", g.model(), {"x": x, "h": h}, x, False, state=h.ravel(), twin=twin.model())


def doubles():
    """Weights in double precision, which ONNX Runtime has no cells for: it runs floats."""
    models = []
    start = random.get_state()
    for kind, type in ((np.float64, TensorProto.DOUBLE), (np.float32, TensorProto.FLOAT)):
        random.set_state(start)
        g = Graph()
        g.kind = kind
        g.input("x", [None, None, FEATURES], type)
        g.cell("RNN", "x", ["Y", ""])
        g.squeeze("Y", [1], "y")
        g.dense("y", "dense")
        g.output("dense", type=type)
        models.append(g.model())
    keep("doubles", models[0], {"x": sequence()}, sequence(), False, twin=models[1])


def one_row():
    """Steps without an axis of rows."""
    g = Graph(opset=11)
    g.input("x", [None, FEATURES])
    g.node("Unsqueeze", ["x"], "X", axes=[1])
    g.cell("LSTM", "X", ["Y", ""])
    g.squeeze("Y", [1, 2], "y")
    g.dense("y", "dense")
    g.output("dense", rank=2)
    x = sequence()[:, :1]
    keep("one_row", g.model(), {"x": x[:, 0]}, x, False)
    golden["one_row/output"] = golden["one_row/output"][:, None]


def stages():
    """A classifier of two linear layers with a normalisation between, as PyTorch and Keras have it."""
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.node("Transpose", ["x"], "X", perm=[1, 0, 2])
    g.cell("LSTM", "X", ["", "Y_h"])
    g.squeeze("Y_h", [0], "lstm")
    g.dense("lstm", "hidden", outputs=7)
    g.node("Relu", ["hidden"], "relu")
    g.node("LayerNormalization", ["relu", g.tensor("gain", draw(7)), g.tensor("shift", draw(7))],
           "norm", epsilon=1e-3, axis=1)
    g.dense("norm", "logits", width=7)
    g.node("Softmax", ["logits"], "probabilities", axis=-1)
    g.output("probabilities", rank=2)
    x = sequence(True)
    keep("stages", g.model(), {"x": x}, x, True, every_step=False)


def stages_at_steps():
    """Activations right behind the layer; a choice of what softmax makes of a choice."""
    g = Graph(opset=11)
    g.input("x", [None, None, FEATURES])
    g.cell("GRU", "x", ["Y", ""], linear_before_reset=1)
    g.squeeze("Y", [1], "y")
    g.node("Sigmoid", ["y"], "sigmoid")
    g.dense("sigmoid", "dense", outputs=6)
    g.node("Tanh", ["dense"], "tanh")
    g.node("Gather", ["tanh", g.tensor("order", np.array([5, 0, 3, 1]))], "ordered", axis=2)
    g.node("LogSoftmax", ["ordered"], "log", axis=2)
    g.node("Mul", ["log", g.tensor("sign", np.float32(-1))], "negative")
    g.node("Softmax", ["negative"], "soft", axis=2)
    g.node("Split", ["soft"], ["first", "second"], axis=2)
    g.output("second")
    x = sequence()
    keep("stages_at_steps", g.model(), {"x": x}, x, False)


def hard_sigmoid():
    """Old Keras: LSTM(recurrent_activation="hard_sigmoid"), and a GRU backwards."""
    g = Graph(opset=9)
    g.input("x", [None, None, FEATURES])
    g.cell("LSTM", "x", ["Y0", ""], directions=2, direction="bidirectional",
           activations=["HardSigmoid", "Tanh", "Tanh"] * 2, activation_alpha=[0.2] * 2,
           activation_beta=[0.5] * 2)
    g.node("Transpose", ["Y0"], "turned", perm=[0, 2, 1, 3])
    g.node("Reshape", ["turned", g.tensor("merged", np.array([0, 0, -1]))], "y0")
    g.cell("GRU", "y0", ["Y1", "Y1_h"], features=2 * HIDDEN, direction="reverse",
           activations=["Sigmoid", "Softsign"])
    g.squeeze("Y1", [1], "y1")
    g.output("y1")
    g.output("Y1_h")
    x = sequence()
    keep("hard_sigmoid", g.model(), {"x": x}, x, False)


def peepholes():
    g = Graph()
    g.input("x", [None, None, FEATURES])
    tensors = draw(2, 4 * HIDDEN, FEATURES), draw(2, 4 * HIDDEN, HIDDEN), draw(2, 8 * HIDDEN)
    w, r, b = (g.tensor(n, a) for n, a in zip(("W", "R", "B"), tensors))
    g.node("LSTM", ["x", w, r, b, "", "", "", g.tensor("P", draw(2, 3 * HIDDEN))], ["", "Y_h"],
           hidden_size=HIDDEN, direction="bidirectional")
    g.node("Transpose", ["Y_h"], "turned", perm=[1, 0, 2])
    g.node("Reshape", ["turned", g.tensor("merged", np.array([0, -1]))], "last")
    g.output("last", rank=2)
    x = sequence()
    keep("peepholes", g.model(), {"x": x}, x, False, every_step=False)


def normalised():
    """Standardised input, the mean over the steps: GlobalAveragePooling1D."""
    g = Graph()
    g.input("x", [None, None, FEATURES])
    g.node("Sub", ["x", g.tensor("mean", draw(FEATURES))], "centred")
    g.node("Div", ["centred", g.tensor("deviation", 1 + draw(FEATURES))], "scaled")
    g.node("Transpose", ["scaled"], "X", perm=[1, 0, 2])
    g.cell("GRU", "X", ["Y", ""])
    g.squeeze("Y", [1], "y")
    g.node("Transpose", ["y"], "gru", perm=[1, 0, 2])
    g.node("ReduceMean", ["gru"], "pooled", axes=[1], keepdims=0)
    g.dense("pooled", "dense")
    g.output("dense", rank=2)
    x = sequence(True)
    keep("normalised", g.model(), {"x": x}, x, True, every_step=False)


def growing():
    """An RNN of as many units as the input has steps, of which one is put out: to be refused."""
    g = Graph()
    x, h = g.input("x", [None, None, FEATURES]), g.input("h", [1, None, 64])
    one, features = g.tensor("one", np.array([1])), g.tensor("features", np.array([FEATURES]))
    quarter = g.tensor("quarter", np.full(1, 0.25, np.float32))
    g.node("Shape", [x], "units", start=0, end=1)
    for name, columns in (("W", features), ("R", "units")):
        g.node("Concat", [one, "units", columns], name + ".shape", axis=0)
        g.node("Expand", [quarter, name + ".shape"], name)
    start, axis = g.tensor("start", np.array([0])), g.tensor("axis", np.array([2]))
    g.node("Slice", [h, start, "units", axis], "h0")
    g.node("RNN", [x, "W", "R", "", "", "h0"], ["Y", ""])
    g.squeeze("Y", [1], "y")
    g.node("Slice", ["y", start, one, axis], "first")
    g.output("first")
    onnx.save(g.model(), "growing.onnx")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    pytorch()
    for make in (keras_lstm, keras_gru_last, keras_bidirectional, embedding, lengths, lengths_last,
                 folded, reverse, reverse_alone, ends, learned_state, layout, doubles, one_row,
                 stages, stages_at_steps, hard_sigmoid, peepholes, normalised, growing):
        make()
    write("golden.safetensors", golden)
