#!/usr/bin/env python3
"""Writes operators-OPSET.onnx: each operator around the recurrent ones, several times, over constants;
what ONNX Runtime computes stands beside each output as an initialiser "want:OUTPUT".
operators.py FOLDER. Needs numpy, onnx and onnxruntime from PyPI."""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(7)
f23, f234 = (random.normal(size=s).astype(np.float32) for s in ((2, 3), (2, 3, 4)))


def ints(*values):
    return np.array(values, np.int64)


# operator, inputs, attributes, count of outputs, opset from, opset to
CASES = [
    ("Add", [f234, random.normal(size=(3, 1)).astype(np.float32)], {}, 1, 7, 22),
    ("Add", [ints(1, -2), ints(5)], {}, 1, 7, 22),
    ("Mul", [f23, random.normal(size=(4, 2, 1)).astype(np.float32)], {}, 1, 7, 22),
    ("Mul", [np.array([3, -4], np.int32), np.array([2], np.int32)], {}, 1, 7, 22),
    ("MatMul", [f23, random.normal(size=(3, 5)).astype(np.float32)], {}, 1, 7, 22),
    ("MatMul", [random.normal(size=(5, 1, 2, 3)).astype(np.float32), f234], {}, 1, 7, 22),
    ("MatMul", [f23, random.normal(size=3).astype(np.float32)], {}, 1, 7, 22),
    ("MatMul", [random.normal(size=3).astype(np.float32), f234], {}, 1, 7, 22),
    ("MatMul", [f23[0], f23[1]], {}, 1, 7, 22),
    ("Gemm", [f23, random.normal(size=(3, 4)).astype(np.float32), f234[0, 0]],
     {"alpha": 0.5, "beta": 2.0}, 1, 7, 22),
    ("Gemm", [f23, random.normal(size=(4, 2)).astype(np.float32),
              random.normal(size=(3, 1)).astype(np.float32)], {"transA": 1, "transB": 1}, 1, 7, 22),
    ("Gemm", [f23, random.normal(size=(4, 3)).astype(np.float32)], {"transB": 1}, 1, 11, 22),
    ("Transpose", [f234], {}, 1, 7, 22),
    ("Transpose", [f234], {"perm": [1, 2, 0]}, 1, 7, 22),
    ("Gather", [f234, ints([1, 0], [2, 2])], {"axis": 1}, 1, 7, 22),
    ("Gather", [f234, np.array(-1, np.int64)], {"axis": -1}, 1, 11, 22),
    ("Squeeze", [f23.reshape(1, 2, 1, 3)], {"axes": [0, 2]}, 1, 7, 12),
    ("Squeeze", [f23.reshape(1, 2, 1, 3)], {}, 1, 7, 22),
    ("Squeeze", [f23.reshape(1, 2, 1, 3), ints(-2)], {}, 1, 13, 22),
    ("Unsqueeze", [f23], {"axes": [0, 3]}, 1, 7, 12),
    ("Unsqueeze", [f23, ints(-1, 1)], {}, 1, 13, 22),
    ("Reshape", [f234, ints(0, -1, 2)], {}, 1, 7, 22),
    ("Reshape", [np.zeros((0, 3), np.float32), ints(3, 0)], {"allowzero": 1}, 1, 14, 22),
    ("Concat", [f234, f234[:, :1], f234[:, 1:]], {"axis": 1}, 1, 7, 22),
    ("Concat", [ints(3), ints(4, 5)], {"axis": -1}, 1, 11, 22),
    ("Slice", [f234], {"starts": [1, -2], "ends": [2, 2147483647], "axes": [0, 2]}, 1, 7, 9),
    ("Slice", [f234], {"starts": [0, 1], "ends": [1, -1]}, 1, 7, 9),
    ("Slice", [f234, ints(3, -1), ints(0, -9223372036854775807), ints(2, 1), ints(-2, -1)], {}, 1,
     10, 22),
    ("Slice", [f234, ints(-100, 1), ints(9223372036854775807, 3)], {}, 1, 10, 22),
    ("Slice", [f234, np.array([1], np.int32), np.array([1], np.int32)], {}, 1, 10, 22),
    ("Split", [f234], {"axis": 2}, 2, 7, 17),
    ("Split", [f234], {"axis": 1, "split": [1, 2]}, 2, 7, 12),
    ("Split", [f234, ints(3, 0, 1)], {"axis": -1}, 3, 13, 22),
    ("Split", [f234], {"axis": 1, "num_outputs": 2}, 2, 18, 22),
    ("Shape", [f234], {}, 1, 7, 22),
    ("Shape", [f234], {"start": -2, "end": 100}, 1, 15, 22),
    ("Constant", [], {"value": numpy_helper.from_array(f23)}, 1, 7, 22),
    ("Constant", [], {"value_floats": [1.5, -2.0]}, 1, 12, 22),
    ("Constant", [], {"value_int": 7}, 1, 12, 22),
    ("ConstantOfShape", [ints(2, 3)], {}, 1, 9, 22),
    ("ConstantOfShape", [ints(3)], {"value": numpy_helper.from_array(ints(-4))}, 1, 9, 22),
    ("Expand", [f23[:, :1], ints(4, 1, 3)], {}, 1, 8, 22),
    ("Expand", [f234, ints(1)], {}, 1, 8, 22),
    ("Cast", [np.array([2.7, -2.7, 0.0], np.float32)], {"to": TensorProto.INT64}, 1, 9, 22),
    ("Cast", [np.array([2.7, 0.0], np.float32)], {"to": TensorProto.BOOL}, 1, 9, 22),
    ("Cast", [ints(3, -4)], {"to": TensorProto.DOUBLE}, 1, 9, 22),
    ("Cast", [ints(3, -4)], {"to": TensorProto.INT32}, 1, 9, 22),
    ("Softmax", [f234], {}, 1, 7, 22),
    ("Softmax", [f234], {"axis": 1}, 1, 7, 22),
    ("LogSoftmax", [f234], {"axis": 0}, 1, 7, 22),
    ("LogSoftmax", [f234 * 50], {"axis": -1}, 1, 13, 22),
    ("Sigmoid", [f234 * 20], {}, 1, 7, 22),
    ("Tanh", [f234], {}, 1, 7, 22),
    ("Relu", [f234], {}, 1, 7, 22),
    ("Identity", [f234], {}, 1, 7, 22),
    ("Dropout", [f234], {"ratio": 0.9}, 1, 7, 11),
    ("Dropout", [f234, np.array(0.9, np.float32), np.array(False)], {}, 2, 12, 22),
    ("LayerNormalization", [f234, f234[0, 0], f234[1, 2]], {}, 3, 17, 22),
    ("LayerNormalization", [f234, f234[0]], {"axis": 1, "epsilon": 0.1}, 1, 17, 22),
    ("Div", [f234, f234[0, 0] + 3], {}, 1, 7, 22),
    ("Min", [f23, f234[:, :1, :3]], {}, 1, 8, 22),
    ("Min", [np.array([2147483647], np.int32), np.array([5, -6], np.int32)], {}, 1, 12, 22),
    ("Less", [f23, f234[:, :1, :3]], {}, 1, 9, 22),
    ("Less", [np.array([[0], [3], [-1]], np.int32), np.array([0, 3], np.int32)], {}, 1, 9, 22),
    ("Where", [np.array([[[True], [False]], [[False], [False]]]), f234[:, :2], f23[0, 0]], {}, 1, 9,
     22),
    ("Where", [np.array([True, False]), ints([3], [4]), ints(5)], {}, 1, 9, 22),
    ("Range", [np.array(x, np.int32) for x in (3, 8, 2)], {}, 1, 11, 22),
    ("Range", [np.array(x, np.int64) for x in (3, 8, -2)], {}, 1, 11, 22),
    ("Range", [np.array(x, np.float32) for x in (1, -1, -0.5)], {}, 1, 11, 22),
    ("OneHot", [ints([2, -1], [0, 7]), ints(4), np.array([-1, 2.5], np.float32)], {}, 1, 11, 22),
    ("OneHot", [ints([2, -1], [0, 7]), ints(3), f23[0, :2]], {"axis": 1}, 1, 11, 22),
    ("OneHot", [ints(1, 0), ints(3), ints(0, 9)], {"axis": 0}, 1, 11, 22),
    ("ReduceSum", [f234], {"axes": [-1, 0]}, 1, 7, 12),
    ("ReduceSum", [f234, ints(1)], {"keepdims": 0}, 1, 13, 22),
    ("ReduceSum", [f234], {"noop_with_empty_axes": 1}, 1, 13, 22),
    ("ReduceMax", [f234 - 9], {"axes": [0], "keepdims": 0}, 1, 7, 17),
    ("ReduceMax", [f234 - 9, ints(0, 2)], {}, 1, 18, 22),
    ("ReduceMax", [f234], {}, 1, 7, 22),
    ("Sub", [f234, f234[0, 0]], {}, 1, 7, 22),
    ("Sub", [ints(1, -2), ints(5)], {}, 1, 7, 22),
    ("ReduceMean", [f234], {"axes": [1]}, 1, 7, 17),
    ("ReduceMean", [f234, ints(0, 2)], {"keepdims": 0}, 1, 18, 22),
]


def make(opset):
    nodes, constants, outputs = [], [], []
    for number, (operator, inputs, attributes, count, first, last) in enumerate(CASES):
        if not first <= opset <= last:
            continue
        name = f"{operator}_{number}"
        names = [f"{name}:in{i}" for i in range(len(inputs))]
        constants += [numpy_helper.from_array(x, n) for x, n in zip(inputs, names)]
        results = [f"{name}:{i}" for i in range(count)]
        nodes.append(helper.make_node(operator, names, results, name=name, **attributes))
        outputs += results
    made = [helper.make_empty_tensor_value_info(n) for n in outputs]
    graph = helper.make_graph(nodes, "operators", [], made, constants)
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    for name, value in zip(outputs, session.run(outputs, {})):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), f"want:{name}"))
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


for opset in (7, 11, 13, 18, 22):
    onnx.save(make(opset), pathlib.Path(sys.argv[1]) / f"operators-{opset}.onnx")
