"""Elman's character models in PyTorch: the network, its model file, and the text."""

import json
import pathlib
import struct
import subprocess

import torch
from torch import nn
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CharacterModel(nn.Module):
    """Tokens [steps][batch] to logits [steps][batch][vocabulary], and the state after them."""

    def __init__(self, cell, vocabulary, embedding, hidden, layers):
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, embedding) if embedding else None
        self.rnn = getattr(nn, cell.upper())(embedding or vocabulary, hidden, layers)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, tokens, state=None):
        if self.embedding:
            inputs = self.embedding(tokens)
        else:
            inputs = F.one_hot(tokens, self.vocabulary).to(self.head.weight.dtype)
        outputs, state = self.rnn(inputs, state)
        return self.head(outputs), state


def model_from_file(path):
    """A CharacterModel with the weights of a model file, and the characters of its tokens."""
    tensors = load_file(path)
    characters = tensors.pop("encoder.vocabulary").tolist()
    spec = json.loads(read_header(path)[0]["__metadata__"]["elman"])["spec"]
    layers = spec["layers"]
    model = CharacterModel(layers[0]["cell"], len(characters), spec["embedding"],
                           layers[0]["hidden"], len(layers))
    model.load_state_dict(tensors)
    return model, characters


# The format: 8 bytes with the length of the header, the header (JSON), the tensors' bytes.


def read_header(path):
    """The header of a safetensors file, and where the tensors' bytes begin."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        return json.loads(file.read(size)), 8 + size


def read_file(path):
    """What safetensors.torch.load_file gives for Elman's files."""
    types = {"F32": torch.float32, "I32": torch.int32}
    header, begin = read_header(path)
    content = bytearray(pathlib.Path(path).read_bytes()[begin:])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            flat = torch.frombuffer(content[first:end], dtype=types[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


try:
    from safetensors.torch import load_file
    READER = "safetensors.torch.load_file"
except ImportError:
    load_file = read_file
    READER = "read_file of character_model.py (safetensors is not installed)"


def write_weights(path, model):
    """Puts the weights of a PyTorch model into an existing model file of the same shape."""
    header, begin = read_header(path)
    weights = model.state_dict()
    expected = set(header) - {"__metadata__", "encoder.vocabulary"}
    assert set(weights) == expected, f"{path}: holds {expected}, the model {set(weights)}"
    with open(path, "r+b") as file:
        for name, weight in weights.items():
            assert list(weight.shape) == header[name]["shape"], name
            file.seek(begin + header[name]["data_offsets"][0])
            file.write(weight.contiguous().numpy().tobytes())


def get_text(path, size):
    """The first `size` characters of the King James Bible, which script/get-bible puts at `path`
    unless it is there."""
    subprocess.run([ROOT / "script" / "get-bible", path], check=True)
    return pathlib.Path(path).read_text(encoding="utf-8")[:size]


def encode(text, characters):
    """Characters to tokens; 0 for those that `characters` lacks."""
    numbers = {character: token for token, character in enumerate(characters)}
    return torch.tensor([numbers.get(ord(letter), 0) for letter in text])


def windows(tokens, rows, window):
    """Inputs and targets [steps][rows] of one epoch: the text is cut into `rows` streams of equal
    length (what is left over at its end is not used), the streams into windows. The last window is
    shorter."""
    length = len(tokens) // rows
    streams = tokens[:rows * length].reshape(rows, length).t().contiguous()
    for begin in range(0, length - 1, window):
        end = min(begin + window, length - 1)
        yield streams[begin:end], streams[begin + 1:end + 1]


def train_step(model, optimizer, inputs, targets, state, clip):
    """One optimiser step; the loss, the norm of the gradients before clipping, the state after."""
    logits, state = model(inputs, state)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
    return loss.item(), norm.item(), state


def evaluate(model, tokens, chunk=1000):
    """The mean loss in nats over all tokens but the first, read as one stream from the zero
    state."""
    total, state = 0.0, None
    with torch.no_grad():
        for begin in range(0, len(tokens) - 1, chunk):
            part = tokens[begin:begin + chunk + 1]
            logits, state = model(part[:-1, None], state)
            total += F.cross_entropy(logits[:, 0], part[1:], reduction="sum").item()
    return total / (len(tokens) - 1)
