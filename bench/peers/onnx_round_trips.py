#!/usr/bin/env python3
"""Random networks from PyTorch through Elman to ONNX Runtime: what comes out at the end is what went in.

    python3 onnx_round_trips.py build/release/elman [--networks 200] [--seed 1] [--keep FOLDER]

Each network (an RNN of tanh or ReLU, an LSTM or a GRU; one to three layers, one or two directions,
with and without biases, perhaps an embedding before and a linear layer behind it) goes through
`elman convert net.safetensors net.elman` and `elman convert net.elman net.onnx`; the way from
safetensors to ONNX at once must give the same bytes. onnx.checker looks over the model, ONNX Runtime runs it,
for batches and steps that Elman's proof did not see, with and without lengths and initial states,
and its output and final states are held against PyTorch's: a difference counts as such below 1,
relative to the number above. The exit status is 3 when one is above 1e-5.

Needs torch, numpy, onnx and onnxruntime.
"""
import argparse
import collections
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LIMIT = 1e-5
CELLS = "RNN tanh", "RNN relu", "LSTM", "GRU"


def draw(low, high):
    return int(torch.randint(low, high + 1, ()))


class Network(nn.Module):
    """What network `index` is follows from its digits, what is drawn from the seed."""

    def __init__(self, index):
        super().__init__()
        self.kind = CELLS[index % 4]
        self.directions, self.bias = 1 + index // 4 % 2, index // 8 % 4 > 0
        self.layers = 1 + index // 16 % 3
        self.state, self.short = index % 3, index // 3 % 2 == 1
        width, hidden = draw(1, 12), draw(1, 24)
        if width == self.directions * hidden:  # a table and a head could be taken for one another
            width += 1
        self.vocabulary, self.width = draw(2, 40) if index // 5 % 2 else 0, width
        if self.vocabulary:
            self.embed = nn.Embedding(self.vocabulary, width)
        module = getattr(nn, self.kind.split()[0])
        more = {"nonlinearity": self.kind.split()[1]} if module is nn.RNN else {}
        self.rnn = module(width, hidden, num_layers=self.layers, bias=self.bias,
                          bidirectional=self.directions == 2, **more)
        if index // 7 % 3:
            self.fc = nn.Linear(self.directions * hidden, draw(1, 9), bias=index // 7 % 3 == 1)

    def forward(self, inputs, lengths, states):
        """The output [T][B][outputs], and the final states of all layers."""
        x = self.embed(inputs) if self.vocabulary else inputs
        given = None
        if states:
            given = tuple(torch.cat([layer[i] for layer in states]) for i in range(len(states[0])))
            given = given if len(given) == 2 else given[0]
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        packed, final = self.rnn(packed, given)
        x, _ = pad_packed_sequence(packed, total_length=inputs.shape[0])
        final = final if isinstance(final, tuple) else (final,)
        return self.fc(x) if hasattr(self, "fc") else x, final


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def convert(elman, source, target, *options):
    done = subprocess.run([elman, "convert", source, target, "--json", *options],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{source}: elman convert: exit status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def through_elman(elman, network, folder):
    """The ONNX model, and the largest difference in Elman's own proofs."""
    write_safetensors(folder / "net.safetensors", network.state_dict())
    relu = ["--nonlinearity", "relu"] if network.kind == "RNN relu" else []
    first = convert(elman, folder / "net.safetensors", folder / "net.elman", *relu)
    second = convert(elman, folder / "net.elman", folder / "net.onnx")
    convert(elman, folder / "net.safetensors", folder / "direct.onnx", *relu)
    model = (folder / "net.onnx").read_bytes()
    if model != (folder / "direct.onnx").read_bytes():
        sys.exit("the way over a model of Elman gives other bytes than the direct one")
    return model, max(first["largest"], second["largest"])


def draw_case(network):
    """Inputs, lengths and states of another size than in Elman's proof (32 steps, 3 rows)."""
    steps, rows = draw(1, 31), draw(4, 9)
    lengths = torch.full((rows,), steps)
    if network.short:
        lengths = torch.randint(1, steps + 1, (rows,))
    inputs = torch.randn(steps, rows, network.width)
    if network.vocabulary:
        inputs = torch.randint(network.vocabulary, (steps, rows))
    states = None
    if network.state:  # 1: one row for all; 2: one for each
        kinds = 2 if network.kind == "LSTM" else 1
        shape = network.directions, 1 if network.state == 1 else rows, network.rnn.hidden_size
        states = [[torch.randn(shape) for _ in range(kinds)] for _ in range(network.layers)]
    return inputs, lengths, states


def run_onnx(model, network, inputs, lengths, states):
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: inputs.numpy()}
    if network.short:
        given["lengths"] = lengths.numpy().astype(np.int32)
    for layer, state in enumerate(states or []):
        for name, values in zip("hc", state):
            given[f"initial_{name}_l{layer}"] = values.numpy()
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, given)))


def difference(got, want):
    got, want = got.astype(np.float64), want.astype(np.float64)
    return float(np.max(np.abs(got - want) / np.maximum(1.0, np.abs(want)), initial=0.0))


def compare(network, got, inputs, lengths, states):
    rows = inputs.shape[1]
    if states:
        states = [[values.expand(-1, rows, -1) for values in state] for state in states]
    with torch.no_grad():
        output, final = network(inputs, lengths, states)
    valid = np.arange(inputs.shape[0])[:, None] < lengths.numpy()[None, :]
    largest = difference(got["output"][valid], output.numpy()[valid])
    for name, values in zip("hc", final):
        split = values.reshape(network.layers, network.directions, rows, -1).numpy()
        for layer in range(network.layers):
            largest = max(largest, difference(got[f"final_{name}_l{layer}"], split[layer]))
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elman")
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="where the last network's files stay")
    chosen = parser.parse_args()
    largest, count = collections.defaultdict(float), collections.Counter()
    proofs = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or pathlib.Path(scratch)
        for index in range(chosen.networks):
            torch.manual_seed(1000 * chosen.seed + index)
            network = Network(index)
            model, proof = through_elman(chosen.elman, network, folder)
            case = draw_case(network)
            found = compare(network, run_onnx(model, network, *case), *case)
            proofs = max(proofs, proof)
            for group in (network.kind, f"{network.layers} layers", f"{network.directions} directions",
                          "biases" if network.bias else "no biases",
                          ("no states", "one state for all rows", "states")[network.state],
                          "lengths" if network.short else "all steps", "all"):
                largest[group] = max(largest[group], found)
                count[group] += 1
            if not found <= LIMIT:
                print(f"network {index}: {found:.2e}", file=sys.stderr)
    print(f"PyTorch {torch.__version__}, onnx {onnx.__version__}, ONNX Runtime {ort.__version__}, "
          f"seed {chosen.seed}")
    for group in sorted(count, key=lambda name: (name == "all", name)):
        print(f"{group:24}{count[group]:5}  {largest[group]:.2e}")
    print(f"{'in proofs of elman':24}{'':5}  {proofs:.2e}")
    return 0 if largest["all"] <= LIMIT else 3


if __name__ == "__main__":
    sys.exit(main())
