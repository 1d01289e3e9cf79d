#!/usr/bin/env python3
"""Prints golden.h: what PyTorch computes, in double precision, for small two-layer bidirectional
networks with rows of different length. Made with PyTorch 1.13.1 (Debian 12, python3-torch):

    python3 tests/reference/golden.py > tests/reference/golden.h
"""
import textwrap

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS, ROWS, INPUTS, HIDDEN, LAYERS = 4, 3, 3, 2, 2
LENGTHS = [4, 1, 2]
MASK64 = (1 << 64) - 1


def fill(count, low, high, seed):
    """ref_fill of reference.h."""
    values = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK64
        bits = seed
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK64
        bits ^= bits >> 31
        values.append(low + (high - low) * ((bits >> 11) * 2.0**-53))
    return torch.tensor(values, dtype=torch.float64)


def case(module, states):
    parameters = list(module.parameters())
    flat = fill(sum(p.numel() for p in parameters), -0.9, 0.9, 1)
    offset = 0
    for p in parameters:
        p.data.copy_(flat[offset:offset + p.numel()].view_as(p))
        offset += p.numel()
    x = fill(STEPS * ROWS * INPUTS, -1.0, 1.0, 2).view(STEPS, ROWS, INPUTS).requires_grad_()
    initial = fill(LAYERS * 2 * states * ROWS * HIDDEN, -0.8, 0.8, 3)
    initial = initial.view(LAYERS * 2, states, ROWS, HIDDEN).requires_grad_()
    start = [initial[:, k].contiguous() for k in range(states)]
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    packed, final = module(packed, tuple(start) if states == 2 else start[0])
    output, _ = pad_packed_sequence(packed, total_length=STEPS)
    final = torch.stack(final if states == 2 else (final,), dim=1)
    weights = fill(output.numel(), -1.0, 1.0, 4).view_as(output)
    (output * weights).sum().backward()
    moments = []
    for g in [p.grad for p in parameters] + [x.grad, initial.grad]:
        g = g.reshape(-1)
        moments.append(torch.dot(g, torch.arange(1, g.numel() + 1, dtype=torch.float64)))
    return output, final, torch.stack(moments)


def numbers(tensor):
    text = ", ".join(f"{value:.17g}" for value in tensor.detach().reshape(-1).tolist())
    return textwrap.fill("{" + text + "}", 100, initial_indent=" " * 5, subsequent_indent=" " * 6)


print("/* What PyTorch 1.13.1 computes in double precision; made by golden.py. */")
print("/* clang-format off */")
print("typedef struct GoldenCase {\n    RefCell cell;")
print(f"    double output[{STEPS * ROWS * 2 * HIDDEN}]; /* [T][B][2 * H] */")
print(f"    double final_state[{LAYERS * 2 * 2 * ROWS * HIDDEN}];")
print("    /* of each parameter, the input and the initial state: sum of (k + 1) * gradient[k] */")
print(f"    double moments[{LAYERS * 2 * 4 + 2}];")
print("} GoldenCase;\n")
print("static const GoldenCase golden_cases[] = {")
options = dict(num_layers=LAYERS, bidirectional=True, dtype=torch.float64)
for name, module, states in (
        ("REF_RNN_TANH", torch.nn.RNN(INPUTS, HIDDEN, **options), 1),
        ("REF_RNN_RELU", torch.nn.RNN(INPUTS, HIDDEN, nonlinearity="relu", **options), 1),
        ("REF_LSTM", torch.nn.LSTM(INPUTS, HIDDEN, **options), 2),
        ("REF_GRU_RESET_AFTER", torch.nn.GRU(INPUTS, HIDDEN, **options), 1)):
    output, final, moments = case(module, states)
    print(f"    {{{name},")
    print(",\n".join(numbers(tensor) for tensor in (output, final, moments)) + "},")
print("};")
