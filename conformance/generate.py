#!/usr/bin/env python3
"""Writes conformance vectors of ONNX's RNN, GRU and LSTM: generate.py [FOLDER]. Needs numpy alone.

For each operator, direction and layout there is a file of cases, one for each attribute and optional
input: inputs (float32), expected outputs and gradients (float64). The reference below follows the
words of the specification (https://onnx.ai/onnx/operators/, opset 14) in float64 and shares no code
with any library; gradients are its complex-step derivatives, exact to rounding, of
sum(output * cotangent) over all outputs. README.md describes the files.
"""

import json
import pathlib
import struct
import sys

import numpy as np

STEPS, ROWS, INPUTS, HIDDEN = 4, 3, 2, 3
STEP = 1e-30  # of the complex derivatives: nothing is subtracted, so it can be this small
MARGIN = 1e-4  # no case comes nearer to a bend of an activation or of the clip
LARGEST = 8.0  # no output is larger: without a bound on its gates a cell may grow beyond all bounds

margins = []


def positive(x, bend=0.0):
    """Whether x is at or above a bend; remembers how near it comes."""
    margins.append(np.abs(x.real - bend).min())
    return x.real >= bend


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {  # name: (function, takes alpha, takes beta)
    "Relu": (lambda x, a, b: np.where(positive(x), x, 0), False, False),
    "Tanh": (lambda x, a, b: np.tanh(x), False, False),
    "Sigmoid": (lambda x, a, b: sigmoid(x), False, False),
    "Affine": (lambda x, a, b: a * x + b, True, True),
    "LeakyRelu": (lambda x, a, b: np.where(positive(x), x, a * x), True, False),
    "ThresholdedRelu": (lambda x, a, b: np.where(positive(x, a), x, 0), True, False),
    "ScaledTanh": (lambda x, a, b: a * np.tanh(b * x), True, True),
    "HardSigmoid": (
        lambda x, a, b: np.where(
            positive(a * x + b), np.where(positive(a * x + b, 1.0), 1, a * x + b), 0),
        True, True),
    "Elu": (lambda x, a, b: np.where(positive(x), x, a * (np.exp(x) - 1)), True, False),
    "Softsign": (lambda x, a, b: x / (1 + np.where(positive(x), x, -x)), False, False),
    "Softplus": (lambda x, a, b: np.log1p(np.exp(x)), False, False),
}
DEFAULTS = {"LeakyRelu": (0.01, 0), "ThresholdedRelu": (1.0, 0), "HardSigmoid": (0.2, 0.5),
            "Elu": (1.0, 0)}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ROLES = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def float32(x):
    return float(np.float32(x))


def functions_of(operator, attributes, directions):
    """The activations f, g, h of each direction, with the clip before them."""
    names = attributes.get("activations", ROLES[operator] * directions)
    alphas = list(attributes.get("activation_alpha", []))
    betas = list(attributes.get("activation_beta", []))
    clip = attributes.get("clip")
    result = []
    for name in names:
        function, has_alpha, has_beta = ACTIVATIONS[name]
        alpha, beta = DEFAULTS.get(name, (0, 0))
        # Each activation that takes a number takes the next one of its list.
        alpha = alphas.pop(0) if has_alpha and alphas else alpha
        beta = betas.pop(0) if has_beta and betas else beta

        def clipped(x, function=function, alpha=float32(alpha), beta=float32(beta)):
            if clip is not None:
                bound = float32(clip)
                x = np.where(positive(x, bound), bound, np.where(positive(x, -bound), x, -bound))
            return function(x, alpha, beta)

        result.append(clipped)
    assert not alphas and not betas
    count = len(ROLES[operator])
    return [result[i * count:(i + 1) * count] for i in range(directions)]


def step(operator, attributes, f, x, h, c, w, r, wb, rb, p):
    """One step of all rows: [perturbations][rows][...]; weights and biases are split by gate."""
    def linear(x, matrix):
        return x @ np.swapaxes(matrix, -1, -2)

    if operator == "RNN":
        return f[0](linear(x, w[0]) + linear(h, r[0]) + wb[0] + rb[0]), c
    if operator == "GRU":
        z, reset = (f[0](linear(x, w[k]) + linear(h, r[k]) + wb[k] + rb[k]) for k in (0, 1))
        if attributes.get("linear_before_reset", 0):
            new = f[1](linear(x, w[2]) + reset * (linear(h, r[2]) + rb[2]) + wb[2])
        else:
            new = f[1](linear(x, w[2]) + linear(reset * h, r[2]) + rb[2] + wb[2])
        return (1 - z) * new + z * h, c
    i, o, forget, cell = range(4)  # the order of the gates; that of the peepholes is i o f

    def gate(k):
        return linear(x, w[k]) + linear(h, r[k]) + wb[k] + rb[k]

    into = f[0](gate(i) + p[i] * c)
    keep = 1 - into if attributes.get("input_forget", 0) else f[0](gate(forget) + p[forget] * c)
    c = keep * c + into * f[1](gate(cell))
    return f[0](gate(o) + p[o] * c) * f[2](c), c


def run(operator, attributes, arrays):
    """Outputs with a leading axis of perturbations, which every array here has (of size 1 or n)."""
    direction = attributes.get("direction", "forward")
    directions = 2 if direction == "bidirectional" else 1
    gates, layout = GATES[operator], attributes.get("layout", 0)
    functions = functions_of(operator, attributes, directions)
    # From here on: X [n][steps][rows][inputs], states [n][directions][rows][hidden].
    x = np.swapaxes(arrays["X"], 1, 2) if layout else arrays["X"]
    steps, rows = x.shape[1:3]
    lengths = arrays["sequence_lens"][0] if "sequence_lens" in arrays else [steps] * rows
    zeros = np.zeros((1, directions, rows, HIDDEN))
    h0, c0 = (arrays.get(name, zeros) for name in ("initial_h", "initial_c"))
    if layout:
        h0, c0 = (s if s is zeros else np.swapaxes(s, 1, 2) for s in (h0, c0))
    b = arrays.get("B", np.zeros((1, directions, 2 * gates * HIDDEN)))
    p = arrays.get("P", np.zeros((1, directions, 3 * HIDDEN)))
    n = max(a.shape[0] for a in arrays.values())
    y = np.zeros((n, steps, directions, rows, HIDDEN), complex)
    y_h, y_c = (np.zeros((n, directions, rows, HIDDEN), complex) for _ in range(2))
    for d in range(directions):
        def split(array, count):
            """[n][count * hidden][...] by gate, vectors with an axis for the rows."""
            parts = np.split(array, count, axis=1)
            return parts if array.ndim == 3 else [part[:, None] for part in parts]

        w, r = (split(arrays[name][:, d], gates) for name in ("W", "R"))
        wb, rb = (split(part, gates) for part in np.split(b[:, d], 2, axis=1))
        peepholes = split(p[:, d], 3)
        for row in range(rows):
            one = slice(row, row + 1)
            h, c = h0[:, d, one], c0[:, d, one]
            times = range(lengths[row])
            for t in reversed(times) if direction == "reverse" or d == 1 else times:
                h, c = step(operator, attributes, functions[d], x[:, t, one], h, c, w, r, wb, rb,
                            peepholes)
                y[:, t, d, one] = h
            y_h[:, d, one], y_c[:, d, one] = h, c
    if layout:
        y, y_h, y_c = y.transpose(0, 3, 1, 2, 4), np.swapaxes(y_h, 1, 2), np.swapaxes(y_c, 1, 2)
    return {"Y": y, "Y_h": y_h} | ({"Y_c": y_c} if operator == "LSTM" else {})


def draw(random, operator, attributes, optional):
    """The inputs of a case: all gates, rows and directions differ."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    gates, layout = GATES[operator], attributes.get("layout", 0)
    state = (ROWS, directions, HIDDEN) if layout else (directions, ROWS, HIDDEN)
    shapes = {"X": (ROWS, STEPS, INPUTS) if layout else (STEPS, ROWS, INPUTS),
              "W": (directions, gates * HIDDEN, INPUTS), "R": (directions, gates * HIDDEN, HIDDEN),
              "B": (directions, 2 * gates * HIDDEN), "initial_h": state, "initial_c": state,
              "P": (directions, 3 * HIDDEN)}
    arrays = {}
    for name, shape in shapes.items():
        if name in ("X", "W", "R") or name in optional:
            arrays[name] = random.normal(scale=0.7, size=shape).astype(np.float32)
        if name == "B" and "sequence_lens" in optional:
            arrays["sequence_lens"] = np.array([2, STEPS, 1], np.int32)
    return arrays


def compute(operator, attributes, arrays, random):
    """Expected outputs, cotangents and gradients; None where a bend is too near, or numbers grow."""
    margins.clear()
    wide = {k: a[None] if k == "sequence_lens" else a[None].astype(float)
            for k, a in arrays.items()}
    outputs = {k: v[0].real for k, v in run(operator, attributes, wide).items()}
    if margins and not min(margins) >= MARGIN:
        return None
    if not all(np.abs(v).max() < LARGEST for v in outputs.values()):
        return None
    cotangents = {k: random.normal(size=v.shape).astype(np.float32) for k, v in outputs.items()}
    gradients = {}
    for name, array in arrays.items():
        if name == "sequence_lens":
            continue
        moved = array + 1j * STEP * np.eye(array.size).reshape((array.size,) + array.shape)
        results = run(operator, attributes, wide | {name: moved})
        total = sum((results[k].imag * cotangents[k]).reshape(array.size, -1).sum(1)
                    for k in results)
        gradients[name] = (total / STEP).reshape(array.shape)
        check_gradient(operator, attributes, wide, name, cotangents, gradients[name])
    return outputs, cotangents, gradients


def check_gradient(operator, attributes, wide, name, cotangents, gradient):
    """Compares with central differences, of a step that crosses no bend."""
    shift = 1e-6 * np.eye(gradient.size).reshape((gradient.size,) + gradient.shape)
    total = 0
    for sign in (1, -1):
        results = run(operator, attributes, wide | {name: wide[name] + sign * shift})
        total = total + sign * sum((results[k].real * cotangents[k]).reshape(gradient.size, -1).sum(1)
                                   for k in results)
    difference = np.abs(total / 2e-6 - gradient.ravel())
    assert (difference <= 1e-6 * np.maximum(1, np.abs(gradient).max())).all(), difference.max()


def cases_of(operator, directions, layout):
    """Name, attributes and optional inputs of each case."""
    states = ["initial_h"] + (["initial_c"] if operator == "LSTM" else [])
    usual = ["B"] + states
    yield "plain", {}, []
    yield "bias", {}, ["B"]
    yield "state", {}, usual
    yield "lengths", {}, ["sequence_lens"]
    yield "lengths-state", {}, usual + ["sequence_lens"]
    yield "clip", {"clip": 0.5}, usual
    if operator == "LSTM":
        yield "peepholes", {}, usual + ["P"]
        yield "input-forget", {"input_forget": 1}, usual
    names, roles = list(ACTIVATIONS), len(ROLES[operator])
    random = np.random.default_rng(len(operator))
    for first, name in enumerate(names):
        # Every role and direction has another one.
        chosen = [names[(first + 4 * k) % len(names)] for k in range(roles * directions)]
        attributes = {"activations": chosen}
        for key, which, least in (("activation_alpha", 1, 0.1), ("activation_beta", 2, 0.2)):
            count = sum(ACTIVATIONS[n][which] for n in chosen)
            if count:
                attributes[key] = [float32(round(v, 2))
                                   for v in random.uniform(least, least + 0.5, count)]
        yield f"activation-{name}", attributes, usual
    for name in DEFAULTS if layout == 0 else ():
        yield f"default-{name}", {"activations": [name] * roles * directions}, usual
    everything = {"clip": 0.9, "activations": (["HardSigmoid", "Softsign", "Elu"][:roles]
                                               + ["Sigmoid", "LeakyRelu", "Tanh"][:roles])
                  [:roles * directions]}
    if operator == "RNN":
        everything["activations"] = ["Softsign", "LeakyRelu"][:directions]
    if operator == "LSTM":
        everything["input_forget"] = 1
    yield "all", everything, usual + ["sequence_lens"] + (["P"] if operator == "LSTM" else [])


def write_safetensors(path, tensors):
    """The standard's layout: the larger elements first."""
    kinds = {np.dtype(np.float64): "F64", np.dtype(np.float32): "F32", np.dtype(np.int32): "I32"}
    header, data = {}, b""
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    np.seterr(all="ignore")  # cases that overflow are drawn anew
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    (folder / "vectors").mkdir(parents=True, exist_ok=True)
    manifest = []
    for kind in ("RNN", "GRU", "GRU-linear-before-reset", "LSTM"):
        for direction in ("forward", "reverse", "bidirectional"):
            for layout in (0, 1):
                operator = kind[:4].rstrip("-")
                file = f"{kind.lower()}-{direction}-layout{layout}.safetensors"
                tensors = {}
                for name, extra, optional in cases_of(operator, 1 + (direction == "bidirectional"),
                                                      layout):
                    attributes = {"hidden_size": HIDDEN, "direction": direction,
                                  "layout": layout} | extra
                    if kind != operator:
                        attributes["linear_before_reset"] = 1
                    result, attempt = None, 0
                    while result is None:
                        seed = [ord(c) for c in f"{file} {name} {attempt}"]
                        random = np.random.default_rng(seed)
                        arrays = draw(random, operator, attributes, optional)
                        result = compute(operator, attributes, arrays, random)
                        attempt += 1
                    outputs, cotangents, gradients = result
                    for prefix, group in (("", arrays), ("", outputs), ("cotangent.", cotangents),
                                          ("gradient.", gradients)):
                        tensors |= {f"{name}.{prefix}{k}": v for k, v in group.items()}
                    manifest.append({"file": f"vectors/{file}", "case": name, "operator": operator,
                                     "attributes": attributes, "inputs": list(arrays),
                                     "outputs": list(outputs)})
                write_safetensors(folder / "vectors" / file, tensors)
    lines = ",\n".join(json.dumps(entry) for entry in manifest)
    (folder / "manifest.json").write_text(f'{{"opset": 14, "cases": [\n{lines}\n]}}\n')
    print(len(manifest), "cases")


if __name__ == "__main__":
    main()
