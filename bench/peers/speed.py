"""How fast does Elman train beside PyTorch, and what does a second thread bring?

Short runs of all contenders in turn, round after round. See README.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch

import character_model as cm
from processors import QUIET, Processors, wait_for_quiet

SIZE = 1_100_000  # characters
HIDDEN, WINDOW, BATCH, RATE, CLIP = 256, 100, 32, 2e-3, 5.0
WARM_UP, STEPS = 3, 20  # of one sample
LIMIT = 5.0  # seconds after which a sample of PyTorch's ends early
TRIES = 3  # of a sample that others have disturbed


class Elman:
    """A run of `elman train text` for each sample."""

    def __init__(self, arguments, text, folder, threads):
        self.name = f"Elman, {threads} thread{'s' if threads > 1 else ''}"
        self.log = folder / "log.jsonl"
        self.command = [arguments.elman, "train", "text", text, "-o", folder / "model.safetensors",
                        "--force", "--quiet", "--cell", "lstm", "--hidden", str(HIDDEN), "--layers",
                        "1", "--window", str(WINDOW), "--batch", str(BATCH), "--lr", str(RATE),
                        "--clip", str(CLIP), "--valid", "0", "--epochs", "0", "--max-steps",
                        str(WARM_UP + STEPS), "--threads", str(threads), "--log", self.log]

    def sample(self):
        """Tokens per second of each step, and the others' share."""
        processors = Processors()
        subprocess.run(self.command, check=True)
        others = processors.others()
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line["tokens_per_second"] for line in lines[WARM_UP:]], others

    def close(self):
        pass


class PyTorch:
    """A process that goes on training for each sample."""

    def __init__(self, text, name, threads, blas_threads, wait_policy=None):
        self.name = f"PyTorch, {name}"
        # OpenBLAS has threads of its own; this PyTorch, built for any BLAS, does not set their
        # number.
        settings = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(blas_threads)}
        if wait_policy:
            settings["OMP_WAIT_POLICY"] = wait_policy
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--text", text, "--worker", str(threads)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **settings})
        self.own = json.loads(self.process.stdout.readline())

    def sample(self):
        processors = Processors(self.own)
        print(WARM_UP + STEPS, file=self.process.stdin, flush=True)
        rates, self.own = json.loads(self.process.stdout.readline())
        return rates[WARM_UP:], processors.others(self.own)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def work(arguments):
    """The process of class PyTorch: trains as many steps as each line of its input says, if time
    allows."""
    torch.set_num_threads(arguments.worker)
    letters = pathlib.Path(arguments.text).read_text(encoding="utf-8")
    characters = [-1] + sorted(set(map(ord, letters)))
    batches = list(cm.windows(cm.encode(letters, characters), BATCH, WINDOW))[:-1]
    model = cm.CharacterModel("lstm", len(characters), 0, HIDDEN, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    state, position = None, 0
    print(json.dumps(time.process_time()), flush=True)
    for line in sys.stdin:
        rates, end = [], time.monotonic() + LIMIT
        while len(rates) < int(line) and (len(rates) < 2 * WARM_UP or time.monotonic() < end):
            inputs, targets = batches[position % len(batches)]
            begin = time.perf_counter()
            _, _, state = cm.train_step(model, optimizer, inputs, targets, state, CLIP)
            rates.append(inputs.numel() / (time.perf_counter() - begin))
            position += 1
        print(json.dumps([rates, time.process_time()]), flush=True)


def take_sample(contender, patience):
    """The median over the steps, and whether the processors were ours."""
    best, least = None, float("inf")
    for _ in range(TRIES):
        wait_for_quiet(patience)
        rates, others = contender.sample()
        if others < least:
            best, least = statistics.median(rates), others
        if others < QUIET:
            break
    return best, least < QUIET


def describe(values, form):
    """The median and the range."""
    return (f"{form % statistics.median(values)}  ({form % min(values)} to {form % max(values)}, "
            f"{len(values)} samples)")


def undisturbed(rounds, names):
    """The rounds in which the samples of all these contenders are good; all rounds if none is."""
    good = [r for r in rounds if all(r[name][1] for name in names)]
    if not good:
        print("(every round was disturbed by other processes: all are used)")
    return [[r[name][0] for name in names] for r in good or rounds]


def report(rounds):
    print("\ncharacters per second (median of the samples; range)")
    medians = {}
    for name in rounds[0]:
        rates = [sample for (sample,) in undisturbed(rounds, [name])]
        medians[name] = statistics.median(rates)
        print(f"{name:28} {describe(rates, '%6.0f')}")
    elman1, elman2, pytorch1, *_ = rounds[0]
    best = max((name for name in rounds[0] if name.startswith("PyTorch")), key=medians.get)
    print("\nratios (median over the rounds; range)")
    for above, below in ((elman1, pytorch1), (elman2, best), (elman2, elman1)):
        ratios = [a / b for a, b in undisturbed(rounds, [above, below])]
        print(f"{above} / {below}\n{'':29}{describe(ratios, '%5.2f')}")


def compare(arguments, folder):
    text = folder / "text.txt"
    text.write_text(cm.get_text(arguments.text, SIZE), encoding="utf-8")
    contenders = [Elman(arguments, text, folder, 1), Elman(arguments, text, folder, 2),
                  PyTorch(text, "1 thread", 1, 1), PyTorch(text, "2 threads", 2, 2),
                  PyTorch(text, "2 threads, passive", 2, 2, "PASSIVE"),
                  PyTorch(text, "1 thread, BLAS 2", 1, 2)]
    print(f"PyTorch {torch.__version__}; LSTM 1 x {HIDDEN}, one-hot, batch {BATCH}, window "
          f"{WINDOW}, Adam, clip {CLIP:g}; {arguments.rounds} rounds of {STEPS} steps\n\n"
          f"characters per second: {' | '.join(c.name for c in contenders)}", flush=True)
    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append({contender.name: take_sample(contender, arguments.patience)
                       for contender in contenders})
        line = ", ".join(f"{rate:.0f}{'' if good else ' (disturbed)'}"
                         for rate, good in rounds[-1].values())
        print(f"round {number}: {line}", flush=True)
    for contender in contenders:
        contender.close()
    report(rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elman", default=cm.ROOT / "build" / "release" / "elman")
    parser.add_argument("--text", default=cm.ROOT / "build" / "demo" / "kjv.txt",
                        help="where the King James Bible is, or goes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--patience", type=float, default=15.0,
                        help="seconds to wait for quiet processors before each sample")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
