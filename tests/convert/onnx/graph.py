"""Graphs of ONNX node by node, and what ONNX Runtime computes with them."""
import json
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

STEPS, ROWS, FEATURES, HIDDEN, OUTPUTS, TOKENS = 6, 3, 4, 5, 3, 11
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
random = np.random.RandomState(1)
golden = {}


def draw(*shape):
    return (random.rand(*shape).astype(np.float32) * 2 - 1) * 0.6


def time_first(array, batch_first):
    return array.swapaxes(0, 1) if batch_first else array


def keep(name, model, feeds, sequence, batch_first, lengths=None, state=None, output=0,
         every_step=True, twin=None, turned=None):
    """Writes the model and what ONNX Runtime computes with it, or with a twin that it can run."""
    onnx.checker.check_model(model)
    onnx.save(model, name + ".onnx")
    session = onnxruntime.InferenceSession((twin or model).SerializeToString())
    got = session.run(None, feeds)[output]
    golden[name + "/input"] = time_first(sequence, batch_first)
    turned = batch_first if turned is None else turned
    golden[name + "/output"] = time_first(got, turned) if every_step else got
    if lengths is not None:
        golden[name + "/lengths"] = lengths
    if state is not None:
        golden[name + "/state"] = state


class Graph:
    """Nodes and tensors under the names that they are given."""

    def __init__(self, opset=17):
        self.nodes, self.tensors, self.inputs, self.outputs, self.opset = [], [], [], [], opset
        self.kind = np.float32

    def input(self, name, shape, type=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, type, shape))
        return name

    def output(self, name, rank=3, type=TensorProto.FLOAT):
        self.outputs.append(helper.make_tensor_value_info(name, type, [None] * rank))

    def tensor(self, name, array):
        array = np.asarray(array)
        if array.dtype == np.float32:
            array = array.astype(self.kind)
        self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def node(self, type, inputs, output, **attributes):
        outputs = [output] if isinstance(output, str) else output
        self.nodes.append(helper.make_node(type, inputs, outputs, name=outputs[0] or outputs[1],
                                           **attributes))
        return outputs[0]

    def cell(self, type, x, output, features=FEATURES, directions=1, bias=True, lengths="",
             states=(), tensors=None, **attributes):
        g = GATES[type]
        w, r, b = tensors or (draw(directions, g * HIDDEN, features),
                              draw(directions, g * HIDDEN, HIDDEN), draw(directions, 2 * g * HIDDEN))
        prefix = next(o for o in output if o)
        inputs = [x, self.tensor(prefix + ".W", w), self.tensor(prefix + ".R", r),
                  self.tensor(prefix + ".B", b) if bias else "", lengths, *states]
        while not inputs[-1]:
            inputs.pop()
        self.node(type, inputs, output, hidden_size=HIDDEN, **attributes)
        return w, r, b

    def squeeze(self, x, axes, output):
        if self.opset < 13:
            return self.node("Squeeze", [x], output, axes=axes)
        return self.node("Squeeze", [x, self.tensor(output + ".axes", np.array(axes))], output)

    def dense(self, x, output, width=HIDDEN, outputs=OUTPUTS):
        product = self.node("MatMul", [x, self.tensor(output + ".kernel", draw(width, outputs))],
                            output + ".product")
        return self.node("Add", [product, self.tensor(output + ".bias", draw(outputs))], output)

    def model(self):
        graph = helper.make_graph(self.nodes, "graph", self.inputs, self.outputs, self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                 ir_version=8)


def sequence(batch_first=False):
    return np.random.RandomState(2).randn(*((ROWS, STEPS) if batch_first else (STEPS, ROWS)),
                                          FEATURES).astype(np.float32)


def write(path, tensors):
    types = {np.dtype(np.float32): "F32", np.dtype(np.int32): "I32"}
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": types[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
