#!/usr/bin/env python3
"""Holds PyTorch's modules, and the graphs that its exporters make of them, against the conformance
vectors: check_pytorch.py [-v]. Needs numpy, onnx, onnxruntime, onnxscript and torch from PyPI.

A case that nn.RNN, nn.LSTM or nn.GRU can express (their activations, GRU with linear_before_reset 1,
forward or both directions, no clip, peepholes or input_forget) becomes that module. "module" compares its
outputs and gradients in double (1e-9), "exporter" and "dynamo" what ONNX Runtime computes with the graph
of torch.onnx.export (dynamo=False, dynamo=True) in float (1e-4), on the inputs of the case, which has
other lengths than the ones at export."""

import collections
import io
import json
import logging
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from check import FOLDER, padding, read

GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}  # PyTorch's order in ONNX's blocks
EXPRESSED = {"hidden_size", "direction", "layout", "activations", "linear_before_reset"}


def is_expressible(case):
    attributes, operator = case["attributes"], case["operator"]
    activations = attributes.get("activations", [])
    allowed = [["Tanh"], ["Relu"]] if operator == "RNN" else [[]]
    return (set(attributes) <= EXPRESSED and "P" not in case["inputs"]
            and attributes.get("direction", "forward") != "reverse"
            and (operator != "GRU" or attributes.get("linear_before_reset") == 1)
            and (not activations or sorted(set(activations)) in allowed))


class Network(nn.Module):
    """One recurrent module with the operator's outputs, laid out as ONNX has them."""

    def __init__(self, case, inputs):
        super().__init__()
        attributes = case["attributes"]
        self.operator, self.layout = case["operator"], attributes["layout"]
        self.directions = 2 if attributes.get("direction") == "bidirectional" else 1
        relu = "Relu" in attributes.get("activations", [])
        more = {"nonlinearity": "relu"} if relu else {}
        self.rnn = getattr(nn, self.operator)(
            inputs, attributes["hidden_size"], bias="B" in case["inputs"],
            batch_first=bool(self.layout), bidirectional=self.directions == 2, **more)

    def forward(self, x, lengths=None, h=None, c=None):
        layout, steps = self.layout, x.shape[1 if self.layout else 0]
        if layout and h is not None:
            h = h.transpose(0, 1)
        if layout and c is not None:
            c = c.transpose(0, 1)
        state = None if h is None else (h, c) if self.operator == "LSTM" else h
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=bool(layout), enforce_sorted=False)
        y, state = self.rnn(x, state)
        if lengths is not None:
            y, _ = pad_packed_sequence(y, batch_first=bool(layout), total_length=steps)
        y = y.reshape(y.shape[0], y.shape[1], self.directions, -1)
        y = y if layout else y.transpose(1, 2)
        states = state if self.operator == "LSTM" else (state,)
        return (y, *(s.transpose(0, 1) if layout else s for s in states))


def parameters_of(case, tensors):
    """PyTorch's parameters as functions of ONNX's weights."""
    hidden, order = case["attributes"]["hidden_size"], GATES[case["operator"]]
    gates, result = len(order), {}
    for d, suffix in enumerate(["", "_reverse"][:tensors["W"].shape[0]]):
        def ordered(a):
            return torch.cat([a[g * hidden:(g + 1) * hidden] for g in order])
        result[f"rnn.weight_ih_l0{suffix}"] = ordered(tensors["W"][d])
        result[f"rnn.weight_hh_l0{suffix}"] = ordered(tensors["R"][d])
        if "B" in tensors:
            result[f"rnn.bias_ih_l0{suffix}"] = ordered(tensors["B"][d][:gates * hidden])
            result[f"rnn.bias_hh_l0{suffix}"] = ordered(tensors["B"][d][gates * hidden:])
    return result


def worst_of(got, want):
    return float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())


def run_module(case, tensors):
    """The largest error of outputs and gradients."""
    leaves = {n: torch.tensor(tensors[n], dtype=torch.float64, requires_grad=True)
              for n in case["inputs"] if n != "sequence_lens"}
    lengths = tensors.get("sequence_lens")
    network = Network(case, leaves["X"].shape[2]).double()
    outputs = functional_call(network, parameters_of(case, leaves), (
        leaves["X"], None if lengths is None else torch.tensor(lengths, dtype=torch.int64),
        leaves.get("initial_h"), leaves.get("initial_c")))
    pairs = list(zip(case["outputs"], outputs))
    loss = sum((out * torch.tensor(tensors[f"cotangent.{n}"], dtype=torch.float64)).sum()
               for n, out in pairs)
    loss.backward()
    errors = [worst_of(out.detach().numpy(), tensors[n]) for n, out in pairs]
    errors += [worst_of(leaf.grad.numpy(), tensors[f"gradient.{n}"]) for n, leaf in leaves.items()]
    return max(errors)


def run_exported(case, tensors, dynamo):
    floats = {n: torch.tensor(tensors[n]) for n in case["inputs"] if n != "sequence_lens"}
    network = Network(case, floats["X"].shape[2])
    network.load_state_dict({n: p.detach() for n, p in parameters_of(case, floats).items()})
    feeds = {"X": tensors["X"]}
    arguments = [floats["X"], None, None, None]
    if "sequence_lens" in tensors:
        feeds["lengths"] = tensors["sequence_lens"].astype(np.int64)
        arguments[1] = torch.full((len(feeds["lengths"]),), int(feeds["lengths"].max()))
    for at, name in ((2, "initial_h"), (3, "initial_c")):
        if name in floats:
            feeds[name], arguments[at] = tensors[name], floats[name]
    while arguments[-1] is None:
        arguments.pop()
    names = [n for n, a in zip(["X", "lengths", "initial_h", "initial_c"], arguments)
             if a is not None]
    buffer = io.BytesIO()
    if dynamo:
        program = torch.onnx.export(network.eval(), tuple(arguments), input_names=names,
                                    output_names=case["outputs"], dynamo=True, verbose=False)
        buffer.write(program.model_proto.SerializeToString())
    else:
        torch.onnx.export(network.eval(), tuple(arguments), buffer, input_names=names,
                          output_names=case["outputs"], opset_version=17, dynamo=False)
    session = onnxruntime.InferenceSession(buffer.getvalue())
    taken = {i.name for i in session.get_inputs()}
    if taken != set(feeds):
        return f"its inputs are {sorted(taken)}", True
    results = session.run(case["outputs"], feeds)
    errors = []
    for name, got in zip(case["outputs"], results):
        inside = np.ones(got.shape, bool)
        if name == "Y":
            inside = ~padding(case, tensors, got.shape)
        errors.append(worst_of(got[inside], tensors[name][inside]))
    return f"{max(errors):.2g}", max(errors) > 1e-4


def judge(system, case, tensors):
    try:
        if system == "module":
            error = run_module(case, tensors)
            return ("right" if error <= 1e-9 else "wrong"), f"{error:.2g}"
        why, is_wrong = run_exported(case, tensors, system == "dynamo")
        return ("wrong" if is_wrong else "right"), why
    except Exception as error:  # whatever they raise is a refusal
        return "refused", f"{type(error).__name__}: {str(error).strip()}".replace("\n", " ")[:160]


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    files, table = {}, collections.defaultdict(collections.Counter)
    systems = ["module", "exporter", "dynamo"]
    count = 0
    for case in filter(is_expressible, manifest["cases"]):
        tensors = files.setdefault(case["file"], read(FOLDER / case["file"]))
        start = f"{case['case']}."
        tensors = {n[len(start):]: a for n, a in tensors.items() if n.startswith(start)}
        count += 1
        for system in systems:
            verdict, why = judge(system, case, tensors)
            table[case["operator"], case["case"]][system, verdict] += 1
            table["all", ""][system, verdict] += 1
            if verdict != "right" and "-v" in sys.argv:
                print(system, case["file"], case["case"], verdict, why)
    print(f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}: {count} of "
          f"{len(manifest['cases'])} cases are of its modules")
    print("| operator | case | module | exporter | dynamo |\n|---|---|---|---|---|")
    for (operator, name), counts in sorted(table.items(), key=lambda row: row[0][0] == "all"):
        cells = [", ".join(f"{counts[s, v]} {v}" for v in ("right", "wrong", "refused")
                           if counts[s, v]) for s in systems]
        print("|", " | ".join([operator, name, *cells]), "|")


if __name__ == "__main__":
    main()
