"""PyTorch as a contender of compare.py: at each point the quickest of several ways to write it."""

import contextlib
import os

import torch
from torch import nn
import torch.nn.functional as F

import contender
import points

CHECK_STEPS = 3
RATE, CLIP = 1e-3, 5.0
# torch.compile takes seconds for the inference of an LSTM, which stays one call. Everything else it
# writes out step by step, which takes minutes: only on demand.
COMPILE_ALL = os.environ.get("ELMAN_PEERS_COMPILE") == "all"

modes = contextlib.ExitStack()  # inference mode, while a point is one of inference


def numbers(name, *shape, scale=1.0):
    return torch.from_numpy(points.numbers(name, shape, scale))


def classes(name, *shape, limit):
    return torch.from_numpy(points.classes(name, shape, limit)).long()


def fill(module, point, prefix=""):
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.copy_(numbers(prefix + name, *weight.shape, scale=point.scale))


def make_rnn(point):
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[point.cell]
    rnn = kind(point.input, point.hidden, point.layers, bidirectional=point.directions == 2)
    fill(rnn, point, "rnn.")
    return rnn


def compiled(module):
    """With weights packed beforehand when no gradients are wanted."""
    torch._dynamo.reset()
    torch._dynamo.config.allow_rnn = True
    torch._inductor.config.freezing = torch.is_inference_mode_enabled()
    return torch.compile(module)


def traced(module, arguments):
    """As TorchScript."""
    return torch.jit.optimize_for_inference(torch.jit.trace(module.eval(), arguments))


# ---- A way to compute a point: `call` computes it once, `check` afresh for its results ----


class Inference:
    def __init__(self, point, compiling=False):
        rnn, x = make_rnn(point), numbers("x", point.steps, point.batch, point.input)
        rnn = compiled(rnn) if compiling else rnn
        self.call = lambda: rnn(x)[0]

    def check(self):
        return {"y": self.call()}


class Training:
    """Forward, and back from a given dy to dX and the gradients of all weights."""

    def __init__(self, point, compiling=False):
        self.rnn = make_rnn(point)
        self.forward = compiled(self.rnn) if compiling else self.rnn
        self.x = numbers("x", point.steps, point.batch, point.input).requires_grad_()
        self.dy = numbers("dy", point.steps, point.batch, point.hidden)
        self.wanted = [self.x, *self.rnn.parameters()]

    def call(self):
        y, _ = self.forward(self.x)
        return y, torch.autograd.grad(y, self.wanted, self.dy)

    def check(self):
        y, (dx, *gradients) = self.call()
        names = ["rnn." + name for name, _ in self.rnn.named_parameters()]
        return {"y": y, "dx": dx, **dict(zip(names, gradients))}


class Step:
    """One step of one sequence: the layer called with one step."""

    def __init__(self, point):
        self.rnn = make_rnn(point)
        self.x = numbers("x", 1, 1, point.input)
        self.state = None

    def call(self):
        y, self.state = self.rnn(self.x, self.state)
        return y

    def check(self):
        for _ in range(CHECK_STEPS):
            y = self.call()
        return {"y": y}


class CellStep(Step):
    """The same with the cell alone, which has no loop over time."""

    def __init__(self, point, wrap=None):
        kind = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[point.cell]
        cell = kind(point.input, point.hidden)
        with torch.no_grad():
            for name, weight in cell.named_parameters():
                weight.copy_(numbers(f"rnn.{name}_l0", *weight.shape, scale=point.scale))
        self.x = numbers("x", 1, point.input)
        zeros = torch.zeros(1, point.hidden)
        self.state = (zeros, zeros) if point.cell == "lstm" else zeros
        self.cell = wrap(cell, (self.x, self.state)) if wrap else cell
        self.call = self.call_lstm if point.cell == "lstm" else self.call_other

    def call_lstm(self):
        self.state = self.cell(self.x, self.state)
        return self.state[0]

    def call_other(self):
        self.state = self.cell(self.x, self.state)
        return self.state


class Whole(nn.Module):
    """A whole training step, from data to changed weights; the loss is read."""

    def __init__(self, point, inputs=None):
        super().__init__()
        self.point = point
        self.rnn = make_rnn(point)
        self.head = nn.Linear(point.hidden * point.directions, point.outputs)
        fill(self.head, point, "head.")
        rows = point.steps, point.batch
        self.inputs = inputs(point) if inputs else lambda: numbers("x", *rows, point.input)
        if point.mode == "series":
            self.targets = numbers("targets", *rows, point.outputs)
        else:
            self.targets = classes("targets", *rows, limit=point.outputs)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=RATE, fused=True)

    def loss(self):
        logits = self.head(self.rnn(self.inputs())[0])
        if self.point.mode == "series":
            return F.mse_loss(logits, self.targets)
        return F.cross_entropy(logits.flatten(0, 1), self.targets.flatten())

    def call(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), CLIP)
        self.optimizer.step()
        return loss.item()

    def check(self):
        return {"loss": torch.tensor([self.call() for _ in range(CHECK_STEPS)])}


def one_hot(point):
    tokens = classes("tokens", point.steps, point.batch, limit=point.input)
    return lambda: F.one_hot(tokens, point.input).float()


def identity_rows(point):
    tokens = classes("tokens", point.steps, point.batch, limit=point.input)
    identity = torch.eye(point.input)
    return lambda: F.embedding(tokens, identity)


def dense(point):
    x = numbers("x", point.steps, point.batch, point.input)
    return lambda: x


# ---- The contender ----


def ways_of(point):
    """{name: function that gives the way}"""
    if point.mode == "step":
        ways = {"layer": lambda: Step(point), "cell": lambda: CellStep(point),
                "cell, traced": lambda: CellStep(point, traced)}
        if COMPILE_ALL:
            ways["cell, compiled"] = lambda: CellStep(point, lambda cell, _: compiled(cell))
    elif point.whole:
        inputs = ({"one_hot": one_hot, "rows of an identity": identity_rows}
                  if point.mode == "characters" else {"eager": dense})
        ways = {name: lambda rows=rows: Whole(point, rows) for name, rows in inputs.items()}
    else:
        kind = {"infer": Inference, "train": Training}[point.mode]
        ways = {"eager": lambda: kind(point)}
        if COMPILE_ALL or (point.mode, point.cell) == ("infer", "lstm"):
            ways["compiled"] = lambda: kind(point, compiling=True)
    return ways


def enter(point):
    modes.close()
    if point.mode in ("infer", "step"):
        modes.enter_context(torch.inference_mode())


def prepare(point):
    enter(point)
    return contender.fastest({name: make().call for name, make in ways_of(point).items()})


def check(point):
    enter(point)
    return {name: {array: values.flatten().tolist() for array, values in make().check().items()}
            for name, make in ways_of(point).items()}


if __name__ == "__main__":
    torch.set_num_threads(contender.threads())
    contender.serve("PyTorch", torch.__version__, prepare, check)
