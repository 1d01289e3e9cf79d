#!/usr/bin/env python3
"""Runs the conformance vectors through ONNX Runtime and ONNX's reference evaluator: check.py.
Needs numpy, onnx and onnxruntime from PyPI. Prints a table for docs/conformance.md: for each kind of
case how many are right, wrong (largest relative error above 1e-4, in what a row's length includes) and
refused; "padding" where only Y behind a row's end is not 0."""

import collections
import json
import pathlib
import struct
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, reference

FOLDER = pathlib.Path(__file__).parent
KINDS = {"F64": np.float64, "F32": np.float32, "I32": np.int32}
ORDER = {"RNN": ["X", "W", "R", "B", "sequence_lens", "initial_h"],
         "LSTM": ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]}
ORDER["GRU"] = ORDER["RNN"]


def read(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    data = raw[8 + size:]
    return {name: np.frombuffer(data[slice(*at["data_offsets"])], KINDS[at["dtype"]])
            .reshape(at["shape"]) for name, at in json.loads(raw[8:8 + size]).items()}


def model_of(case, arrays, opset):
    names = [n if n in arrays else "" for n in ORDER[case["operator"]]]
    while not names[-1]:
        names.pop()
    node = helper.make_node(case["operator"], names, case["outputs"], name="node",
                            **case["attributes"])
    inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
              for n, a in arrays.items()]
    outputs = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None)
               for n in case["outputs"]]
    graph = helper.make_graph([node], "case", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run_runtime(model, arrays, outputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(outputs, arrays)


def run_reference(model, arrays, outputs):
    return reference.ReferenceEvaluator(model).run(outputs, arrays)


def padding(case, arrays, shape):
    """Which elements of Y are behind their row's end."""
    lengths = arrays.get("sequence_lens")
    mask = np.zeros(shape, bool)
    if lengths is None:
        return mask
    by_time = mask.transpose(1, 2, 0, 3) if case["attributes"]["layout"] else mask
    for row, length in enumerate(lengths):
        by_time[length:, :, row] = True
    return mask


def judge(run, case, arrays, wanted, opset):
    try:
        got = run(model_of(case, arrays, opset), arrays, case["outputs"])
    except Exception as error:  # whatever they raise is a refusal
        return "refused", str(error).replace("\n", " ")[:200]
    verdict, worst = "right", 0.0
    for name, value in zip(case["outputs"], got):
        want = wanted[name]
        if np.shape(value) != want.shape:
            return "wrong", f"{name} has the shape {np.shape(value)}, not {want.shape}"
        error = np.abs(value - want) / np.maximum(1, np.abs(want))
        if name == "Y":
            behind = padding(case, arrays, want.shape)
            if not (error[behind] <= 1e-4).all():
                verdict = "padding"
            error = error[~behind]
        worst = max(worst, error.max())
    return (verdict, "") if worst <= 1e-4 else ("wrong", f"{worst:.2g}")


def group_of(case):
    kind = case["case"].split("-")[0]
    name = {"activation": "activations", "default": "default alpha and beta"}.get(kind, case["case"])
    return case["operator"], case["attributes"]["layout"], name


def main():
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    verbose = "-v" in sys.argv
    files, table = {}, collections.defaultdict(collections.Counter)
    systems = {"runtime": run_runtime, "reference": run_reference}
    for case in manifest["cases"]:
        tensors = files.setdefault(case["file"], read(FOLDER / case["file"]))
        arrays = {n: tensors[f"{case['case']}.{n}"] for n in case["inputs"]}
        wanted = {n: tensors[f"{case['case']}.{n}"] for n in case["outputs"]}
        for system, run in systems.items():
            verdict, why = judge(run, case, arrays, wanted, manifest["opset"])
            table[group_of(case)][system, verdict] += 1
            table["all"][system, verdict] += 1
            if verbose and verdict != "right":
                print(system, case["file"], case["case"], verdict, why)
    print(f"ONNX Runtime {onnxruntime.__version__}, onnx {onnx.__version__}")
    print("| operator | layout | case | ONNX Runtime | ONNX's reference |\n|---|---|---|---|---|")
    for group, counts in table.items():
        cells = []
        for system in systems:
            found = [f"{counts[system, v]} {v}" for v in ("right", "padding", "wrong", "refused")
                     if counts[system, v]]
            cells.append(", ".join(found))
        head = group if isinstance(group, tuple) else (group, "", "")
        print("|", " | ".join(str(h) for h in head), "|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
