"""Makes tests/convert/golden.safetensors: 500 random PyTorch networks, what they compute, and gradients.

    python3 golden.py golden.safetensors      needs torch; the file was made with 2.15.0

Of each kind, nn.RNN with tanh and with ReLU, nn.LSTM, nn.GRU and nn.LSTM with proj_size, there are
100 networks that go twice through every choice of one to three layers, one or two directions,
biases or none, rows of one length or of several (packed, enforce_sorted=False), and an initial
state of zeros or a given one; some have an nn.Embedding before, some an nn.Linear behind them.
Network N, whose numbers torch.manual_seed(N) draws, has under N/

    the names of its state_dict    F16: its parameters
    input                          F16 [steps][rows][features], or I32 [steps][rows] of tokens
    lengths                        I32 [rows]
    kind                           I32: 1 where an nn.RNN has nonlinearity="relu"
    state                          F16, where it is given: h_0, then c_0, as PyTorch lays them out
    output                         F32 [steps][rows][outputs]; behind a row's length anything
    final                          F32: h_n, then c_n
    output_gradient                F16 as the output; 0 behind a row's length
    gradients                      F32, one behind the other: of the parameters in the order above,
                                   of what the recurrent module reads, of the initial state

Parameters, inputs, states and output gradients are numbers that a half holds. PyTorch computes with
them in double; what it computed is rounded to float.
"""
import json
import struct
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

KINDS = ("RNN", "RELU", "LSTM", "GRU")
ONE_KIND = 100
NETWORKS = (len(KINDS) + 1) * ONE_KIND
TYPES = {torch.float16: "F16", torch.float32: "F32", torch.int32: "I32"}


def draw(low, high):
    return int(torch.randint(low, high + 1, ()))


def halves(tensor):
    """The nearest numbers that a half holds."""
    return tensor.half().double()


class Network(nn.Module):
    def __init__(self, kind, choice, projects):
        super().__init__()
        directions = 1 + choice // 3 % 2
        self.relu = kind == "RELU"
        self.lstm = kind == "LSTM"
        self.varied, self.has_state = choice // 12 % 2 == 1, choice // 24 % 2 == 1
        width, hidden = draw(1, 6), draw(1 + projects, 9)
        handed = draw(1, hidden - 1) if projects else hidden
        if width == directions * handed:  # a table and a head could be taken for one another
            width += 1
        self.width, self.steps, self.rows = width, draw(1, 9), draw(1, 4)
        if draw(0, 3) == 0:
            self.tokens = draw(2, 12)
            self.embed = nn.Embedding(self.tokens, width)
        more = {"nonlinearity": "relu" if self.relu else "tanh"} if kind in ("RNN", "RELU") else {}
        if projects:
            more["proj_size"] = handed
        self.rnn = {"LSTM": nn.LSTM, "GRU": nn.GRU}.get(kind, nn.RNN)(
            width, hidden, num_layers=1 + choice % 3, bias=choice // 6 % 2 == 0,
            bidirectional=directions == 2, **more,
        )
        if draw(0, 1):
            self.fc = nn.Linear(directions * handed, draw(1, 5), bias=draw(0, 1) == 0)
        self.widths = [handed, hidden] if self.lstm else [hidden]
        self.paths = directions * self.rnn.num_layers
        self.double()
        scale = 1.0 if self.relu else draw(2, 4) / 2
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(halves(scale * parameter))

    def draw_input(self):
        if hasattr(self, "embed"):
            return torch.randint(self.tokens, (self.steps, self.rows))
        return halves(torch.randn(self.steps, self.rows, self.width))

    def draw_lengths(self):
        if not self.varied:
            return torch.full((self.rows,), self.steps)
        lengths = torch.randint(1, self.steps + 1, (self.rows,))
        lengths[draw(0, self.rows - 1)] = self.steps
        return lengths

    def draw_state(self):
        """The initial states, h_0 and perhaps c_0."""
        shapes = [(self.paths, self.rows, width) for width in self.widths]
        return [halves(torch.randn(s) * self.has_state).requires_grad_() for s in shapes]

    def forward(self, inputs, lengths, state):
        """Also what the recurrent module reads and the final states."""
        read = self.embed(inputs) if hasattr(self, "embed") else inputs.requires_grad_()
        packed = pack_padded_sequence(read, lengths, enforce_sorted=False)
        packed, final = self.rnn(packed, tuple(state) if self.lstm else state[0])
        x, _ = pad_packed_sequence(packed, total_length=self.steps)
        output = self.fc(x) if hasattr(self, "fc") else x
        return output, read, final if self.lstm else [final]


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).float()


def describe(index):
    """The tensors of one network."""
    torch.manual_seed(index)
    plain = len(KINDS) * ONE_KIND
    if index < plain:
        network = Network(KINDS[index % len(KINDS)], index // len(KINDS), projects=False)
    else:
        network = Network("LSTM", index - plain, projects=True)
    inputs, lengths, state = network.draw_input(), network.draw_lengths(), network.draw_state()
    output, read, final = network(inputs, lengths, state)
    counts = torch.arange(network.steps)[:, None] < lengths
    output_gradient = halves(torch.randn(output.shape)) * counts[:, :, None]
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(output, [*parameters.values(), read, *state], output_gradient)
    described = {name: parameter.half() for name, parameter in parameters.items()}
    described["input"] = inputs.half() if inputs.is_floating_point() else inputs.int()
    described["lengths"] = lengths.int()
    described["kind"] = torch.tensor([network.relu]).int()
    if network.has_state:
        described["state"] = flat(state).half()
    described["output"] = output.float()
    described["final"] = flat(final)
    described["output_gradient"] = output_gradient.half()
    described["gradients"] = flat(gradients)
    return described


def write(path, tensors):
    header, data = {}, bytearray()
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
    write(sys.argv[1], {f"{index}/{name}": tensor for index in range(NETWORKS)
                        for name, tensor in describe(index).items()})


main()
