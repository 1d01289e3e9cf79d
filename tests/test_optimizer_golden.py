"""Writes test_optimizer_golden.h: weights after some steps of PyTorch's optimisers, in double.

usage: python3 test_optimizer_golden.py > test_optimizer_golden.h    (made with PyTorch 1.13)
"""
import textwrap

import torch

STEPS, COUNT = 6, 12
RATE = 2.0**-5

# Start and gradients are multiples of 1/64: the same numbers in float and double.
start = [((i * 37) % 64 - 32) / 64 for i in range(COUNT)]
gradients = [[((i * 29 + t * 53 + i * t) % 128 - 64) / 64 for i in range(COUNT)]
             for t in range(STEPS)]

cases = [
    ("ADAM", dict(), lambda p: torch.optim.Adam(p, lr=RATE)),
    ("ADAM", dict(beta1=0.75, beta2=0.875, epsilon=2.0**-10, weight_decay=0.25),
     lambda p: torch.optim.Adam(p, lr=RATE, betas=(0.75, 0.875), eps=2.0**-10, weight_decay=0.25)),
    ("ADAMW", dict(weight_decay=0.5), lambda p: torch.optim.AdamW(p, lr=RATE, weight_decay=0.5)),
    ("SGD", dict(), lambda p: torch.optim.SGD(p, lr=RATE)),
    ("SGD", dict(momentum=0.875, weight_decay=0.25),
     lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.875, weight_decay=0.25)),
    ("RMSPROP", dict(), lambda p: torch.optim.RMSprop(p, lr=RATE)),
    ("RMSPROP", dict(momentum=0.5, alpha=0.75, weight_decay=0.25),
     lambda p: torch.optim.RMSprop(p, lr=RATE, momentum=0.5, alpha=0.75, weight_decay=0.25)),
    ("SGD", dict(clip_norm=1.5), lambda p: torch.optim.SGD(p, lr=RATE)),
    ("SGD", dict(clip_value=0.25, clip_norm=0.75), lambda p: torch.optim.SGD(p, lr=RATE)),
]


def run(options, make):
    weight = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make([weight])
    for gradient in gradients:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        if "clip_value" in options:
            torch.nn.utils.clip_grad_value_([weight], options["clip_value"])
        if "clip_norm" in options:
            torch.nn.utils.clip_grad_norm_([weight], options["clip_norm"])
        optimizer.step()
    return weight.detach().tolist()


def row(values):
    text = ", ".join(float(v).hex().replace("0" * 13, "0").replace("0" * 10, "") for v in values)
    return textwrap.fill("{" + text + "}", 99, initial_indent=" " * 5, subsequent_indent=" " * 6)


print("/* PyTorch's optimisers in double, by test_optimizer_golden.py; do not edit. */")
print("#include <elman/train.h>\n")
print("// clang-format off")
print("enum { GOLDEN_STEPS = %d, GOLDEN_COUNT = %d };" % (STEPS, COUNT))
print("static const double golden_rate = %s;" % float(RATE).hex())
print("static const float golden_start[GOLDEN_COUNT] =\n%s;" % row(start))
print("static const float golden_gradients[GOLDEN_STEPS][GOLDEN_COUNT] = {")
for gradient in gradients:
    print("%s," % row(gradient))
print("};\n")
print("static const struct {\n    elman_train_options options;\n"
      "    double weight[GOLDEN_COUNT];\n} golden_cases[] = {")
for name, options, make in cases:
    fields = [".optimizer = ELMAN_OPTIMIZER_" + name]
    fields += [".%s = %s" % item for item in options.items()]
    print("    {{%s},\n%s}," % (", ".join(fields), row(run(options, make))))
print("};\n// clang-format on")
