#!/usr/bin/env python3
"""Random networks of PyTorch, exported to ONNX by PyTorch, through `elman convert`.

    python3 onnx_exports.py ELMAN [--count 300] [--seed 1]      needs torch, onnx, numpy

Each network has an nn.Embedding, an nn.Linear or nothing before, one to three recurrent layers, an
output at every step, after the last one or from the mean, and behind it nothing, a linear layer or a
small classifier. It is exported with an opset between 9 and 18, its sizes fixed or open, and
converted with PyTorch's own output as --expect. The exit status is 3 where a conversion is refused
or not proven.
"""
import argparse
import collections
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from torch import nn

TOKENS = 9


def behind(width, outputs):
    return random.choice([
        lambda: nn.Identity(),
        lambda: nn.Linear(width, outputs),
        lambda: nn.Sequential(nn.Linear(width, outputs), nn.Softmax(-1)),
        lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs), nn.Sigmoid()),
        lambda: nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Dropout(0.3), nn.LayerNorm(4),
                              nn.Linear(4, outputs), nn.LogSoftmax(-1)),
    ])()


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = random.choice(["LSTM", "GRU", "RNN tanh", "RNN relu"])
        self.before = random.choice(["numbers", "numbers", "tokens", "linear"])
        self.features, hidden = random.randint(1, 6), random.randint(1, 8)
        self.batch_first = random.random() < 0.5
        self.bidirectional = random.random() < 0.5
        self.table = nn.Embedding(TOKENS, self.features) if self.before == "tokens" else None
        self.linear = nn.Linear(self.features, 5) if self.before == "linear" else None
        kind, _, nonlinearity = self.cell.partition(" ")
        self.rnn = getattr(nn, kind)(
            5 if self.linear else self.features, hidden, random.randint(1, 3),
            batch_first=self.batch_first, bidirectional=self.bidirectional,
            bias=random.random() < 0.7, **({"nonlinearity": nonlinearity} if nonlinearity else {}))
        self.output = random.choice(["every step", "every step", "last state", "mean"]
                                    + ([] if self.bidirectional else ["last step"]))
        self.behind = behind(hidden * (1 + self.bidirectional), random.randint(1, 5))

    def forward(self, x):
        x = self.table(x) if self.table else x
        x = self.linear(x) if self.linear else x
        y, state = self.rnn(x)
        time = 1 if self.batch_first else 0
        if self.output == "last step":
            y = y[:, -1] if self.batch_first else y[-1]
        elif self.output == "mean":
            y = y.mean(time)
        elif self.output == "last state":
            h = state[0] if isinstance(state, tuple) else state
            y = torch.cat([h[-2], h[-1]], 1) if self.bidirectional else h[-1]
        return self.behind(y)


def try_one(elman, folder):
    """Returns what the network was and the largest difference, or None and what was said."""
    network = Network().eval()
    steps, rows = random.randint(2, 9), random.randint(1, 4)
    shape = (rows, steps) if network.batch_first else (steps, rows)
    x = torch.randint(TOKENS, shape) if network.table else torch.randn(*shape, network.features)
    y = network(x).detach()
    is_open = random.random() < 0.7
    has_norm = any(isinstance(m, nn.LayerNorm) for m in network.modules())
    opset = random.choice([17, 18] if has_norm else [9, 11, 12, 13, 14, 16, 17, 18])
    path = lambda name: os.path.join(folder, name)
    torch.onnx.export(network, (x,), path("model.onnx"), dynamo=False, opset_version=opset,
                      input_names=["x"], dynamic_axes={"x": {0: "a", 1: "b"}} if is_open else None)
    if network.batch_first:
        x = x.transpose(0, 1)
        y = y.transpose(0, 1) if network.output == "every step" else y
    numpy.save(path("x.npy"), x.contiguous().numpy())
    numpy.save(path("y.npy"), y.contiguous().numpy())
    run = subprocess.run([elman, "convert", path("model.onnx"), path("model"), "--probe",
                          path("x.npy"), "--expect", path("y.npy")], capture_output=True, text=True)
    kinds = [network.cell, network.before, network.output,
             "open sizes" if is_open else "fixed sizes",
             "stages" if isinstance(network.behind, nn.Sequential) else "a head or none"]
    found = re.search(r"^expected output +(\S+)", run.stdout, re.M)
    said = (run.stderr or run.stdout).strip().splitlines()[-1]
    return kinds, float(found[1]) if found and run.returncode == 0 else None, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elman")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    random.seed(chosen.seed)
    torch.manual_seed(chosen.seed)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    counts, largest, failures = collections.Counter(), collections.defaultdict(float), 0
    with tempfile.TemporaryDirectory() as folder:
        for index in range(chosen.count):
            kinds, difference, said = try_one(os.path.abspath(chosen.elman), folder)
            if difference is None:
                failures += 1
                print(f"network {index} ({', '.join(kinds)}): {said}")
                continue
            for kind in kinds + ["all"]:
                counts[kind] += 1
                largest[kind] = max(largest[kind], difference)
    print(f"PyTorch {torch.__version__.split('+')[0]}, seed {chosen.seed}")
    for kind in sorted(counts, key=lambda k: (k == "all", k)):
        print(f"{kind:20} {counts[kind]:8} {largest[kind]:9.2e}")
    sys.exit(3 if failures else 0)


if __name__ == "__main__":
    main()
