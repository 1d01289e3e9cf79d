"""Does Elman learn as well as PyTorch, and does PyTorch get from Elman's files what Elman gets?

Both train from the same initial weights (PyTorch's, by --init) on the same windows in the same
order. See README.md.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch

import character_model as cm

SIZE, VALID = 1_100_000, 110_000  # characters
HIDDEN, LAYERS, WINDOW, BATCH = 128, 2, 50, 50
RATE, CLIP = 2e-3, 5.0
FIRST = 20  # steps whose losses are compared one by one
LOSS_TOLERANCE = 0.01  # relative, of the validation losses after training
FILE_TOLERANCE = 1e-5  # nats, between PyTorch and elman eval on the same file


def elman(arguments, *words):
    """Runs the command; what it prints."""
    return subprocess.run([arguments.elman, *map(str, words)], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def elman_train(arguments, text, out, cell, *more):
    elman(arguments, "train", "text", text, "-o", out, "--force", "--quiet", "--cell", cell,
          "--hidden", HIDDEN, "--layers", LAYERS, "--window", WINDOW, "--batch", BATCH,
          "--lr", RATE, "--clip", CLIP, "--threads", arguments.threads, *more)


def pytorch_train(model, tokens, epochs):
    """The loss and the gradients' norm of each step; the validation loss after each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    steps, losses = [], []
    for _ in range(epochs):
        state = None
        for inputs, targets in cm.windows(tokens[:-VALID], BATCH, WINDOW):
            loss, norm, state = cm.train_step(model, optimizer, inputs, targets, state, CLIP)
            steps.append((loss, norm))
        losses.append(cm.evaluate(model, tokens[-VALID:]))
    return steps, losses


def read_log(path):
    """The same of a run of Elman's."""
    lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    steps = [(line["loss"], line["grad_norm"]) for line in lines]
    return steps, [line["validation_loss"] for line in lines if "validation_loss" in line]


def furthest(ours, theirs, index):
    """The largest relative difference of one figure over the first steps."""
    return max(abs(a[index] / b[index] - 1) for a, b in zip(ours[:FIRST], theirs))


def compare_training(arguments, folder, text, letters, cell):
    """Trains both; whether the lowest validation losses agree."""
    start, log = folder / "start.safetensors", folder / "log.jsonl"
    elman_train(arguments, text, start, cell, "--max-steps", 1)  # for its shape
    _, characters = cm.model_from_file(start)
    assert characters == [-1] + sorted(set(map(ord, letters[:-VALID])))
    torch.manual_seed(1)
    model = cm.CharacterModel(cell, len(characters), 0, HIDDEN, LAYERS)
    cm.write_weights(start, model)

    begin = time.monotonic()
    elman_train(arguments, text, folder / f"{cell}.safetensors", cell, "--init", start,
                "--epochs", arguments.epochs, "--log", log)
    between = time.monotonic()
    steps, losses = pytorch_train(model, cm.encode(letters, characters), arguments.epochs)
    end = time.monotonic()

    our_steps, our_losses = read_log(log)
    assert len(our_steps) == len(steps) and len(our_losses) == len(losses)
    for epoch, (ours, theirs) in enumerate(zip(our_losses, losses), 1):
        print(f"{cell:5} {epoch:5}   {theirs:8.5f}  {ours:8.5f}   {ours / theirs:7.5f}")
    ratio = min(our_losses) / min(losses)
    print(f"      the first {FIRST} of {len(steps)} steps: loss within "
          f"{furthest(our_steps, steps, 0):.1e}, norm of the gradients within "
          f"{furthest(our_steps, steps, 1):.1e} (relative)\n"
          f"      {end - between:.0f} s PyTorch, {between - begin:.0f} s Elman, with validation",
          flush=True)
    return abs(ratio - 1) <= LOSS_TOLERANCE


def compare_file(arguments, text, letters, cell, path, what):
    """Whether PyTorch, from the model file, has the loss that `elman eval` has."""
    model, characters = cm.model_from_file(path)
    theirs = cm.evaluate(model, cm.encode(letters, characters)[-VALID:])
    exact = cm.evaluate(model.double(), cm.encode(letters, characters)[-VALID:])
    ours = json.loads(elman(arguments, "eval", path, text, "--part", "valid", "--json"))["loss"]
    print(f"{cell:5} {what:13} {theirs:11.8f}  {ours:11.8f}   {ours - theirs:+.1e}  "
          f"{ours - exact:+.1e}", flush=True)
    return abs(ours - theirs) <= FILE_TOLERANCE


def compare(arguments, folder):
    letters = cm.get_text(arguments.text, SIZE)
    text = folder / "text.txt"
    text.write_text(letters, encoding="utf-8")
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads each; {LAYERS} x {HIDDEN} "
          f"units, one-hot, window {WINDOW}, batch {BATCH}, Adam {RATE:g}, clip {CLIP:g}, "
          f"{arguments.epochs} epochs\n\nvalidation loss, nats\n"
          "cell  epoch    PyTorch     Elman   Elman / PyTorch", flush=True)
    learns = [compare_training(arguments, folder, text, letters, cell) for cell in arguments.cells]

    print(f"\nthe same model file, read by {cm.READER}\n"
          "cell  input             PyTorch        Elman   difference  to PyTorch in float64")
    reads = []
    for cell in arguments.cells:
        path = folder / f"{cell}.safetensors"
        reads.append(compare_file(arguments, text, letters, cell, path, "one-hot"))
        elman_train(arguments, text, path, cell, "--embedding", 32, "--max-steps", 200)
        reads.append(compare_file(arguments, text, letters, cell, path, "embedding 32"))

    print(f"\nvalidation losses within {LOSS_TOLERANCE:.0%}: {'yes' if all(learns) else 'NO'}"
          f"\nmodel files within {FILE_TOLERANCE:g} nats: {'yes' if all(reads) else 'NO'}")
    return all(learns) and all(reads)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elman", default=cm.ROOT / "build" / "release" / "elman")
    parser.add_argument("--text", default=cm.ROOT / "build" / "demo" / "kjv.txt",
                        help="where the King James Bible is, or goes")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of each of the two")
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "rnn"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        return 0 if compare(arguments, pathlib.Path(folder)) else 3


if __name__ == "__main__":
    sys.exit(main())
