"""Makes tests/convert/golden.safetensors: random PyTorch networks and what they compute.

    python3 golden.py golden.safetensors      needs torch

Network N has its tensors under N/, and beside them what describes it: N/input (numbers or tokens),
N/lengths, N/output, N/relu (1 for nn.RNN with ReLU). The networks go through every cell, one to
three layers, one and two directions, with and without biases, embedding and head.
"""
import json
import struct
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS, ROWS, NETWORKS = 9, 3, 48
TYPES = {torch.float32: "F32", torch.int32: "I32"}


class Network(nn.Module):
    def __init__(self, index):
        super().__init__()
        draw = lambda low, high: int(torch.randint(low, high + 1, ()))
        cell = ("RNN", "RELU", "LSTM", "GRU")[index % 4]
        self.relu = cell == "RELU"
        width, hidden = draw(1, 6), draw(1, 9)
        directions = 1 + index // 4 % 2
        if width == directions * hidden:  # a table and a head could be taken for one another
            width += 1
        if index // 8 % 2:
            self.tokens = draw(2, 12)
            self.embed = nn.Embedding(self.tokens, width)
        kinds = {"LSTM": nn.LSTM, "GRU": nn.GRU}
        more = {} if cell in kinds else {"nonlinearity": "relu" if self.relu else "tanh"}
        self.rnn = kinds.get(cell, nn.RNN)(
            width, hidden, num_layers=draw(1, 3), bias=index // 16 % 3 > 0,
            bidirectional=directions == 2, **more,
        )
        self.width = width
        if index // 24 % 2 == 0:
            self.fc = nn.Linear(directions * hidden, draw(1, 5), bias=index // 2 % 2 == 0)

    def draw_input(self):
        if hasattr(self, "embed"):
            return torch.randint(self.tokens, (STEPS, ROWS))
        return torch.randn(STEPS, ROWS, self.width)

    def forward(self, inputs, lengths):
        x = self.embed(inputs) if hasattr(self, "embed") else inputs
        packed, _ = self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False))
        x, _ = pad_packed_sequence(packed, total_length=STEPS)
        return self.fc(x) if hasattr(self, "fc") else x


def write(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    tensors = {}
    for index in range(NETWORKS):
        torch.manual_seed(index)
        network = Network(index).eval()
        for name, tensor in network.state_dict().items():
            tensors[f"{index}/{name}"] = tensor
        inputs = network.draw_input()
        lengths = torch.randint(1, STEPS + 1, (ROWS,))
        lengths[0] = STEPS
        with torch.no_grad():
            output = network(inputs, lengths)
        tensors[f"{index}/input"] = inputs if inputs.is_floating_point() else inputs.to(torch.int32)
        tensors[f"{index}/lengths"] = lengths.to(torch.int32)
        tensors[f"{index}/output"] = output
        tensors[f"{index}/relu"] = torch.tensor([int(network.relu)], dtype=torch.int32)
    write(sys.argv[1], tensors)


main()
