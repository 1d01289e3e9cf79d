"""Do the modules that `elman convert` writes compute what Elman computes?

Makes random models of Elman, converts each to PyTorch as a file and as a folder, imports the module's
code, runs it, and compares outputs and final states with `elman run`. See README.md.
"""

import argparse
import importlib.util
import json
import pathlib
import platform
import random
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import safetensors
import torch

TOLERANCE = 1e-5
GATES = {"rnn": 1, "rnn-relu": 1, "gru": 3, "lstm": 4}
HIDDEN = (1, 2, 3, 5, 8, 15, 16, 17, 33, 48, 64, 70)


def draw_spec(draw):
    """The structure of a model, as its file tells it."""
    first = {"cell": draw.choice(list(GATES)), "hidden": draw.choice(HIDDEN),
             "bias": draw.random() < 0.7, "bidirectional": draw.random() < 0.5}
    if first["cell"] == "lstm" and first["hidden"] > 1 and draw.random() < 0.5:
        first["projection"] = draw.randint(1, first["hidden"] - 1)
    layers = [{**first, "dropout": draw.choice((0.0, 0.0, 0.25, 0.5)),
               "learned_state": draw.random() < 0.3} for _ in range(draw.randint(1, 4))]
    kind = draw.choice(("dense", "one-hot", "embedding"))
    head = {"bias": draw.random() < 0.7, "outputs": draw.randint(1, 20)}
    return {
        "input": kind,
        "input_size": draw.randint(1 if kind == "dense" else 2, 40),
        "embedding": draw.randint(1, 24) if kind == "embedding" else 0,
        "layers": layers,
        "head": head if draw.random() < 0.7 else None,
        "output": draw.choice(("every-step", "last-step", "mean", "max")),
    }


def shapes_of(spec):
    """The tensors of a model in the order of its file."""
    shapes = {}
    if spec["embedding"]:
        shapes["embedding.weight"] = (spec["input_size"], spec["embedding"])
    width = spec["embedding"] or spec["input_size"]
    for number, layer in enumerate(spec["layers"]):
        hidden, directions = layer["hidden"], 1 + layer["bidirectional"]
        handed = layer.get("projection", hidden)
        rows = GATES[layer["cell"]] * hidden
        for direction in ("", "_reverse")[:directions]:
            end = f"_l{number}{direction}"
            shapes["rnn.weight_ih" + end] = (rows, width)
            shapes["rnn.weight_hh" + end] = (rows, handed)
            if layer["bias"]:
                shapes["rnn.bias_ih" + end] = shapes["rnn.bias_hh" + end] = (rows,)
            if handed != hidden:
                shapes["rnn.weight_hr" + end] = (handed, hidden)
            if layer["learned_state"]:
                shapes["rnn.h0" + end] = (handed,)
                if layer["cell"] == "lstm":
                    shapes["rnn.c0" + end] = (hidden,)
        width = directions * handed
    if spec["head"]:
        shapes["head.weight"] = (spec["head"]["outputs"], width)
        if spec["head"]["bias"]:
            shapes["head.bias"] = (spec["head"]["outputs"],)
    return shapes


def write_model(path, spec, numbers):
    """A model file of random weights, as large as PyTorch draws them or up to twice as large."""
    described = {
        "format_version": 1 + ("projection" in spec["layers"][0]), "spec": spec, "encoder": {"kind": "none"}, "training": None,
        "init": {"input": "uniform", "recurrent": "uniform", "forget_bias": 0.0, "seed": "0"},
    }
    header, data = {"__metadata__": {"elman": json.dumps(described), "format": "pt"}}, b""
    bound = numbers.uniform(1.0, 2.0) / spec["layers"][0]["hidden"] ** 0.5
    if spec["layers"][0]["cell"] == "rnn-relu":  # or its states may grow without an end
        bound /= 2.0
    for name, shape in shapes_of(spec).items():
        raw = numbers.uniform(-bound, bound, shape).astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def import_module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def to_pytorch(state, spec, rows):
    """A state as Elman lays it out, h and c of one layer and direction after another, as PyTorch does."""
    layers = spec["layers"]
    paths = len(layers) * (1 + layers[0]["bidirectional"])
    hidden = layers[0]["hidden"]
    widths = [layers[0].get("projection", hidden)] + [hidden] * (layers[0]["cell"] == "lstm")
    both = torch.from_numpy(state).reshape(paths, rows * sum(widths))
    parts = [part.reshape(paths, rows, width).contiguous() for part, width in
             zip(both.split([rows * width for width in widths], dim=1), widths)]
    return tuple(parts) if len(parts) == 2 else parts[0]


def furthest(ours, theirs):
    """The largest difference, relative where a number is above 1."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours)), initial=0.0))


class Case:
    """One model, what it reads, and what Elman makes of it."""

    def __init__(self, elman, folder, seed):
        self.elman, self.folder = elman, folder
        draw, numbers = random.Random(seed), np.random.default_rng(seed)
        self.spec = spec = draw_spec(draw)
        self.rows, self.steps = draw.randint(1, 7), draw.randint(1, 60)
        self.lengths = numbers.integers(1, self.steps + 1, self.rows, dtype=np.int64)
        self.lengths[0] = self.steps
        shape = (self.steps, self.rows)
        if spec["input"] == "dense":
            self.input = numbers.standard_normal((*shape, spec["input_size"]), dtype=np.float32)
        else:
            self.input = numbers.integers(0, spec["input_size"], shape, dtype=np.int64)
        write_model(folder / "model", spec, numbers)
        np.save(folder / "input.npy", self.input)
        np.save(folder / "lengths.npy", self.lengths)
        self.run("run", "model", "input.npy", "--lengths", "lengths.npy", "-o", "output.npy",
                 "--state-out", "state.npy")
        # The state after these rows is a state to start from.
        self.start = numbers.uniform(-0.8, 0.8, np.load(folder / "state.npy").shape).astype(np.float32)
        np.save(folder / "start.npy", self.start)
        self.run("run", "model", "input.npy", "--lengths", "lengths.npy", "-o", "output2.npy",
                 "--state-in", "start.npy", "--state-out", "state2.npy")

    def run(self, *words):
        subprocess.run([self.elman, *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def compare(self, path):
        """The largest differences, of outputs and of states, to the module at `path`."""
        model = import_module(path, path.stem).load()
        output, state = 0.0, 0.0
        counts = np.arange(self.steps)[:, None] < self.lengths
        for start, number in ((None, ""), (to_pytorch(self.start, self.spec, self.rows), "2")):
            with torch.no_grad():
                got, final = model(torch.from_numpy(self.input), torch.from_numpy(self.lengths), start)
            ours = np.load(self.folder / f"output{number}.npy").reshape(got.shape)
            got = got.numpy()
            if self.spec["output"] == "every-step":
                got, ours = got[counts], ours[counts]
            output = max(output, furthest(ours, got))
            want = to_pytorch(np.load(self.folder / f"state{number}.npy"), self.spec, self.rows)
            pairs = zip(want, final) if isinstance(want, tuple) else [(want, final)]
            state = max([state, *(furthest(a.numpy(), b.numpy()) for a, b in pairs)])
        return output, state

    def converted(self):
        """The differences of both ways of writing it."""
        self.run("convert", "model", "written.safetensors")
        self.run("convert", "model", "written", "--to", "pytorch-folder")
        config = json.loads((self.folder / "written" / "config.json").read_text())
        if config["hidden_size"] != self.spec["layers"][0]["hidden"]:
            raise ValueError("config.json: another hidden_size")
        return (self.compare(self.folder / "written.py"),
                self.compare(self.folder / "written" / "model.py"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elman", default=pathlib.Path(__file__).resolve().parents[2] / "build/release/elman",
                        type=lambda name: pathlib.Path(name).resolve())
    parser.add_argument("--models", type=int, default=100)
    arguments = parser.parse_args()
    warnings.simplefilter("error")  # PyTorch warns of a module that is made in a doubtful way
    worst, failed, counts = [0.0, 0.0], [], {}
    for seed in range(arguments.models):
        with tempfile.TemporaryDirectory() as folder:
            case = Case(arguments.elman, pathlib.Path(folder), seed)
            found = case.converted()
        largest = [max(way[k] for way in found) for k in range(2)]
        worst = [max(pair) for pair in zip(worst, largest)]
        if max(largest) > TOLERANCE or any(number != number for number in largest):
            failed.append(seed)
            print(f"model {seed}: output {largest[0]:.2e}, state {largest[1]:.2e}: {json.dumps(case.spec)}")
        first = case.spec["layers"][0]
        cell = first["cell"] + (" with a projection" if "projection" in first else "")
        for word in (cell, case.spec["input"], case.spec["output"]):
            counts[word] = counts.get(word, 0) + 1
    print(f"PyTorch {torch.__version__}, safetensors {safetensors.__version__}, "
          f"Python {platform.python_version()}")
    print(", ".join(f"{word} {count}" for word, count in sorted(counts.items())))
    print(f"{arguments.models} models, each as a file and as a folder, from its own initial state and from "
          f"a given one:\nlargest difference of outputs {worst[0]:.2e}, of final states {worst[1]:.2e}; "
          f"beyond {TOLERANCE:g}: {len(failed)}")
    sys.exit(3 if failed else 0)


main()
