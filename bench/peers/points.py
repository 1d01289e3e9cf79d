"""The points of the comparison, and the numbers that weights and data are filled with."""

import dataclasses
import math

SHAPES = [(128, 1, 100), (256, 1, 100), (512, 1, 100), (64, 8, 100), (128, 32, 100),
          (256, 32, 100), (512, 32, 50), (512, 64, 25), (1024, 32, 25)]  # hidden, batch, steps
STEPS = [(1, 8), (1, 16), (1, 24), (1, 32), (1, 64), (1, 128), (1, 256), (1, 512), (4, 4),
         (16, 16)]  # input, hidden
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


@dataclasses.dataclass(frozen=True)
class Point:
    mode: str  # infer, train, step, characters, series or speech
    cell: str
    input: int
    hidden: int
    batch: int
    steps: int
    layers: int = 1
    directions: int = 1
    outputs: int = 0  # of the head; 0: there is none

    @property
    def whole(self):
        """Is it a whole training step, from data to changed weights?"""
        return self.mode not in ("infer", "train", "step")

    @property
    def name(self):
        """As elman bench --list has it."""
        if self.mode == "step":
            return f"{self.cell}-i{self.input}-h{self.hidden}-step"
        if self.whole:
            bidirectional = "bi" * (self.directions == 2)
            return f"{self.mode}-{bidirectional}{self.cell}-{self.layers}x{self.hidden}"
        return f"{self.cell}-h{self.hidden}-b{self.batch}-t{self.steps}-{self.mode}"

    @property
    def scale(self):
        """Of the weights."""
        return 1 / math.sqrt(self.hidden)

    def words(self):
        """As the protocol writes it."""
        return " ".join(str(value) for value in dataclasses.astuple(self))


def read_point(words):
    """The point that words() gives."""
    return Point(*(kind(word) for kind, word in
                   zip((str, str) + (int,) * 7, words.split(), strict=True)))


def all_points():
    layers = [Point(mode, cell, hidden, hidden, batch, steps) for cell in GATES
              for mode in ("infer", "train") for hidden, batch, steps in SHAPES]
    streams = [Point("step", cell, inputs, hidden, 1, 1) for cell in ("lstm", "gru")
               for inputs, hidden in STEPS]
    return layers + streams + [
        Point("characters", "lstm", 96, 128, 50, 50, layers=2, outputs=96),
        Point("characters", "lstm", 96, 512, 64, 100, layers=2, outputs=96),
        Point("series", "gru", 8, 64, 64, 168, outputs=1),
        Point("speech", "lstm", 80, 256, 16, 400, layers=3, directions=2, outputs=32)]


def small_points():
    """Points for comparing numbers, not times."""
    layers = [Point(mode, cell, inputs, hidden, batch, 5) for mode in ("infer", "train")
              for cell in GATES for inputs, hidden, batch in ((16, 16, 1), (16, 16, 4))]
    return layers + [Point("step", cell, 3, 8, 1, 1) for cell in GATES] + [
        Point("characters", "lstm", 12, 16, 4, 5, layers=2, outputs=12),
        Point("series", "gru", 3, 16, 4, 5, outputs=1),
        Point("speech", "lstm", 5, 16, 4, 5, layers=3, directions=2, outputs=7)]


def scatter(name, count):
    """24 random bits for each index, as contender.c makes them."""
    import numpy as np  # the driver itself does without
    seed = 2166136261  # FNV-1a
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = np.uint32(seed) + np.arange(count, dtype=np.uint32) * np.uint32(2654435769)
    x = (x ^ x >> np.uint32(16)) * np.uint32(2146121005)
    x = (x ^ x >> np.uint32(15)) * np.uint32(2221713035)
    return (x ^ x >> np.uint32(16)) >> np.uint32(8)


def numbers(name, shape, scale=1.0):
    """Floats in [-scale, scale) that depend on name and index alone."""
    return ((scatter(name, math.prod(shape)) / 8388608.0 - 1.0) * scale).astype(
        "float32").reshape(shape)


def classes(name, shape, limit):
    """Whole numbers below limit."""
    return (scatter(name, math.prod(shape)) % limit).astype("int32").reshape(shape)
