"""ONNX Runtime as a contender of compare.py: one node LSTM, GRU or RNN, its weights constants."""

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import contender
import points

CHECK_STEPS = 3
# Where PyTorch has the gates that ONNX wants: i o f c; z r h.
GATE_ORDER = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "rnn": [0]}
OPSET, IR_VERSION = 14, 8


def reordered(point, name, columns):
    """PyTorch's [G*H][columns] with ONNX's order of the gates."""
    gates = points.GATES[point.cell]
    array = points.numbers(name, (gates, point.hidden, columns), point.scale)
    return array[GATE_ORDER[point.cell]].reshape(gates * point.hidden, columns)


def initializers(point):
    bias = np.concatenate([reordered(point, f"rnn.bias_{which}_l0", 1) for which in ("ih", "hh")])
    return [numpy_helper.from_array(array[None], name) for name, array in
            (("W", reordered(point, "rnn.weight_ih_l0", point.input)),
             ("R", reordered(point, "rnn.weight_hh_l0", point.hidden)), ("B", bias[:, 0]))]


def state_names(point, before):
    """Of the node's inputs (before) or outputs."""
    names = ["initial_h", "initial_c"] if before else ["Y_h", "Y_c"]
    return names[:2 if point.cell == "lstm" else 1]


def model(point):
    """Without initial state for a sequence; for a step, with states in and out and without Y."""
    state = [1, point.batch, point.hidden]
    x, y = [point.steps, point.batch, point.input], [point.steps, 1, point.batch, point.hidden]
    stateful = point.mode == "step"
    inputs = {"X": x, **({name: state for name in state_names(point, True)} if stateful else {})}
    outputs = {name: state for name in state_names(point, False)} if stateful else {"Y": y}
    attributes = {"linear_before_reset": 1} if point.cell == "gru" else {}
    node = helper.make_node(
        point.cell.upper(), ["X", "W", "R", "B"] + [""] * stateful + list(inputs)[1:],
        [""] * stateful + list(outputs), hidden_size=point.hidden, **attributes)

    def described(arrays):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in arrays.items()]
    graph = helper.make_graph([node], "layer", described(inputs), described(outputs),
                              initializers(point))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                             ir_version=IR_VERSION)


class Layer:
    """A session with its arrays bound; for a step, in two ways in turn, since the states change
    places."""

    def __init__(self, point):
        options = ort.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(model(point).SerializeToString(), options,
                                            providers=["CPUExecutionProvider"])
        arrays = {"X": points.numbers("x", (point.steps, point.batch, point.input)),
                  "Y": np.zeros((point.steps, 1, point.batch, point.hidden), np.float32)}
        states = state_names(point, True), state_names(point, False)
        for name in sum(states, []):
            arrays[name] = np.zeros((1, point.batch, point.hidden), np.float32)
        self.values = {name: ort.OrtValue.ortvalue_from_numpy(a) for name, a in arrays.items()}
        self.output = "Y" if point.mode != "step" else "Y_h"
        exchanged = {**dict(zip(*states)), **dict(zip(*reversed(states)))}
        self.binding = self.bind({})
        self.next_binding = self.bind(exchanged if point.mode == "step" else {})

    def bind(self, exchanged):
        binding = self.session.io_binding()
        for node in self.session.get_inputs():
            binding.bind_ortvalue_input(node.name, self.values[exchanged.get(node.name, node.name)])
        for node in self.session.get_outputs():
            binding.bind_ortvalue_output(node.name,
                                         self.values[exchanged.get(node.name, node.name)])
        return binding

    def call(self):
        self.session.run_with_iobinding(self.binding)
        self.binding, self.next_binding = self.next_binding, self.binding


def refuse(point):
    if point.mode not in ("infer", "step"):
        raise contender.Unsupported("inference only")


def prepare(point):
    refuse(point)
    return "session", Layer(point).call


def check(point):
    layer = Layer(point)
    for _ in range(CHECK_STEPS if point.mode == "step" else 1):
        layer.call()
    # After an odd number of steps the state is where the first binding writes it.
    return {"session": {"y": layer.values[layer.output].numpy().ravel().tolist()}}


if __name__ == "__main__":
    THREADS = contender.threads()
    contender.serve("ONNX Runtime", ort.__version__, prepare, check)
