"""How fast is Elman beside PyTorch, ONNX Runtime and oneDNN?

Every contender is a process of its own that computes the same points; one at a time computes, in
turn, round after round. See README.md.
"""

import argparse
import dataclasses
import fnmatch
import json
import math
import os
import pathlib
import platform
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import points
from processors import QUIET, Processors, usage, wait_for_quiet

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TRIES = 3  # of a sample that others have disturbed
PAUSE = 0.02  # seconds until the threads of the contender before have stopped spinning
SILENCE = 120.0  # seconds after which a contender that does not answer counts as dead
COMPILING = 3600.0  # the same with --compile
TOLERANCE = 1e-4  # of --check
OURS = "Elman"


class Died(Exception):
    pass


class Contender:
    """A process that computes points; README.md describes the protocol."""

    def __init__(self, name, command, threads, arguments, folder):
        self.name, self.threads = name, threads
        self.command = [*map(str, command), str(threads)]
        self.patience = COMPILING if arguments.compile else SILENCE
        self.log = folder / f"{name}-{threads}.log".replace(" ", "-")
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads),
                            "MKL_NUM_THREADS": str(threads),
                            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no workers that wait for more
                            "ELMAN_PEERS_COMPILE": "all" if arguments.compile else "some"}
        self.start()

    def start(self):
        if not shutil.which(self.command[0]):
            raise Died(f"{self.command[0]} is not there: README.md tells how to build it, --without "
                       f"'{self.name}' leaves it out")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log,
                                            env=self.environment)
        self.version = self.answer()["version"]

    def answer(self):
        """The next line of its output."""
        ready, _, _ = select.select([self.process.stdout], [], [], self.patience)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        if not ready:
            self.process.kill()
        status = self.process.wait()
        if not ready:
            raise Died(f"did not answer for {self.patience:.0f} s")
        if status < 0:
            raise Died(signal.Signals(-status).name)
        last = self.log.read_text().strip().split("\n")[-1]
        raise Died(last or f"exit status {status}")

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # answer() finds out why
        return self.answer()

    def sample(self, seconds):
        """Seconds of each call, and whether the processors were ours."""
        time.sleep(PAUSE)
        ran, waited = usage(self.process.pid)
        begin, processors = time.monotonic(), Processors(ran)
        samples = self.ask("run", seconds)["seconds"]
        ran, waited_then = usage(self.process.pid)
        waiting = (waited_then - waited) / (time.monotonic() - begin)
        return samples, max(processors.others(ran), waiting) < QUIET

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@dataclasses.dataclass
class Lane:
    """One contender at one point."""
    contender: Contender
    way: str = ""
    died: str = ""
    rounds: list = dataclasses.field(default_factory=list)  # (samples, were they undisturbed?)

    @property
    def key(self):
        return self.contender.name, self.contender.threads

    def undisturbed(self):
        good = [samples for samples, quiet in self.rounds if quiet]
        return good or [samples for samples, _ in self.rounds]

    @property
    def disturbed(self):
        return not any(quiet for _, quiet in self.rounds)

    def median(self):
        return statistics.median(map(statistics.median, self.undisturbed()))

    def p5(self):
        every = sorted(sum(self.undisturbed(), []))
        return every[len(every) // 20]


def ratio(lane, other):
    """How many times as long the other takes: the median over the rounds that were undisturbed for
    both, over all where there is none."""
    pairs = [(statistics.median(a[0]), statistics.median(b[0]), a[1] and b[1])
             for a, b in zip(lane.rounds, other.rounds)]
    good = [b / a for a, b, quiet in pairs if quiet]
    return statistics.median(good or [b / a for a, b, _ in pairs])


# ---- Measuring ----


def prepare(contender, point):
    """Its lane, None where it has nothing to offer."""
    lane = Lane(contender)
    try:
        reply = contender.ask("point", point.words())
    except Died as reason:
        lane.died = str(reason)
        contender.start()
        return lane
    lane.way = reply.get("ready")
    return lane if lane.way else None


def take_sample(lane, arguments):
    """One round of a lane: samples, and whether they were undisturbed."""
    for attempt in range(TRIES):
        if attempt and arguments.patience:
            wait_for_quiet(arguments.patience)
        result = lane.contender.sample(arguments.seconds)
        if result[1] or not arguments.patience:
            break
    return result


def measure_barrier(arguments):
    program = arguments.build / "bench" / "barrier"
    return float(subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE).stdout)


def measure(point, contenders, arguments):
    """The lanes of a point, by contender and threads, and the barrier's seconds (None: one thread
    alone computes)."""
    least = min(arguments.threads)
    used = [c for c in contenders if point.mode != "step" or c.threads == least]
    lanes = [lane for lane in (prepare(c, point) for c in used) if lane]
    barriers = []
    for number in range(arguments.rounds):
        if point.mode != "step" and max(arguments.threads) > 1:
            barriers.append(measure_barrier(arguments))
        turn = number % len(lanes)
        for lane in lanes[turn:] + lanes[:turn]:
            if lane.died:
                continue
            try:
                lane.rounds.append(take_sample(lane, arguments))
            except Died as reason:
                lane.died = str(reason)
                lane.contender.start()
    return {lane.key: lane for lane in lanes}, statistics.median(barriers) if barriers else None


# ---- Reporting ----


def describe_seconds(seconds):
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 0.9995:
            return f"{seconds * factor:#.3g} {unit}".replace(". ", " ")
    return f"{seconds * 1e9:#.3g} ns".replace(". ", " ")


@dataclasses.dataclass
class Result:
    """Elman beside one peer at one point. With two threads the peer may use one, if that is
    quicker."""
    point: points.Point
    threads: int
    peer: str
    ours: Lane
    theirs: Lane
    ratio: float


def results_of(point, lanes, threads, peers):
    ours = lanes.get((OURS, threads))
    if not ours or ours.died:
        return []
    results = []
    for peer in peers:
        candidates = [lane for lane in lanes.values() if lane.contender.name == peer
                      and lane.contender.threads <= threads and not lane.died]
        if candidates:
            best = min(candidates, key=Lane.median)
            results.append(Result(point, threads, peer, ours, best, ratio(ours, best)))
    return results


def print_point(point, lanes, threads, results, peers, barrier):
    by_peer = {result.peer: result for result in results}
    ours = lanes.get((OURS, threads))
    text = f"{point.name:26} {threads}  "
    text += f"{'died' if not ours or ours.died else mark(ours):10}"
    for peer in peers:
        result, lane = by_peer.get(peer), lanes.get((peer, threads))
        if result:
            fewer = "'" if result.theirs.contender.threads < threads else " "
            column = f"{mark(result.theirs):>9}{fewer} {result.ratio:6.2f}"
        else:
            column = "died" if lane and lane.died else "-"
        text += f" {column:>18}"
    print(text + (f"   {describe_seconds(barrier):>6}" if barrier and threads > 1 else ""),
          flush=True)
    for lane in lanes.values():
        if lane.died and lane.contender.threads == threads:
            print(f"    {lane.contender.name}: {lane.died}", flush=True)


def mark(lane):
    return describe_seconds(lane.median()) + ("~" if lane.disturbed else "")


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def summaries(results):
    """(peer, mode, which points, results) of each line of the last table."""
    def mode_of(result):
        return "whole" if result.point.whole else result.point.mode

    for peer in dict.fromkeys(result.peer for result in results):
        for mode in ("infer", "train", "step", "whole"):
            of_mode = [r for r in results if r.peer == peer and mode_of(r) == mode]
            cells = dict.fromkeys(r.point.cell for r in of_mode)
            groups = {cell: [r for r in of_mode if r.point.cell == cell] for cell in cells}
            groups["all"] = of_mode
            if mode in ("infer", "train"):
                groups["batch 1"] = [r for r in of_mode if r.point.batch == 1]
            yield from ((peer, mode, group, members) for group, members in groups.items()
                        if members)


def print_summary(results, threads):
    columns = "".join(f"{f'{n} threads' if n > 1 else '1 thread':>12}" for n in threads)
    print(f"\ngeometric means of the ratios\n{'peer':14}{'mode':7}{'points':9}{columns}"
          f"{'together':>12}   the least")
    for peer, mode, group, members in summaries(results):
        text = f"{peer:14}{mode:7}{group:9}"
        for number in threads:
            ratios = [r.ratio for r in members if r.threads == number]
            text += f"{geometric_mean(ratios):12.2f}" if ratios else f"{'-':>12}"
        least = min(members, key=lambda r: r.ratio)
        print(f"{text}{geometric_mean([r.ratio for r in members]):12.2f}   {least.ratio:.2f} "
              f"{least.point.name}, {least.threads}")


def lane_record(point, lane):
    record = {"point": point.name, "mode": point.mode, "cell": point.cell, "input": point.input,
              "hidden": point.hidden, "batch": point.batch, "steps": point.steps,
              "threads": lane.contender.threads, "contender": lane.contender.name, "way": lane.way}
    if lane.died or not lane.rounds:
        return {**record, "died": lane.died}
    return {**record, "median_s": lane.median(), "p5_s": lane.p5(), "rounds": len(lane.rounds),
            "rounds_dropped": sum(not quiet for _, quiet in lane.rounds),
            "disturbed": lane.disturbed}


def write_json(path, machine, measured, results):
    report = {**machine, "points": [], "ratios": [], "geometric_means": []}
    for point, lanes, barrier in measured:
        for lane in lanes.values():
            report["points"].append({**lane_record(point, lane), "barrier_s": barrier})
    for r in results:
        report["ratios"].append({"point": r.point.name, "threads": r.threads, "peer": r.peer,
                                 "peer_threads": r.theirs.contender.threads, "way": r.theirs.way,
                                 "ratio": r.ratio})
    for peer, mode, group, members in summaries(results):
        report["geometric_means"].append(
            {"peer": peer, "mode": mode, "points": group, "count": len(members),
             "geometric_mean": geometric_mean([r.ratio for r in members])})
    path.write_text(json.dumps(report, indent=1) + "\n")


def describe_machine(contenders):
    info = pathlib.Path("/proc/cpuinfo").read_text().split("\n")
    names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {"cpu": names[0] if names else platform.machine(), "cpus": os.cpu_count(),
            "system": platform.platform(),
            "versions": {contender.name: contender.version for contender in contenders}}


def compare(contenders, arguments):
    selected = [point for point in points.all_points()
                if any(fnmatch.fnmatch(point.name, pattern) for pattern in arguments.points)]
    if not selected:
        sys.exit(f"compare.py: no point is called {','.join(arguments.points)}")
    machine = describe_machine(contenders)
    peers = [name for name in machine["versions"] if name != OURS]
    print(f"{machine['cpu']}, {machine['cpus']} CPUs; "
          + ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
          + f"; {arguments.rounds} rounds of {arguments.seconds:g} s\n")
    print(f"{'point, threads':27}   {OURS:10}" + "".join(f" {peer:>18}" for peer in peers)
          + "   barrier", flush=True)
    measured, results = [], []
    try:
        for point in selected:
            lanes, barrier = measure(point, contenders, arguments)
            measured.append((point, lanes, barrier))
            for threads in arguments.threads if point.mode != "step" else [min(arguments.threads)]:
                found = results_of(point, lanes, threads, peers)
                print_point(point, lanes, threads, found, peers, barrier)
                results += found
    except KeyboardInterrupt:
        print("stopped: what follows is about the points above")
    if results:
        print_summary(results, arguments.threads)
    if arguments.json:
        write_json(arguments.json, machine, measured, results)


# ---- Do all compute the same? ----


def difference(expected, found):
    """The largest of any array, relative to its largest number (but at least to 1)."""
    worst = 0.0
    for name in expected.keys() & found.keys():
        if len(expected[name]) != len(found[name]):
            return math.inf
        size = max(1.0, max(map(abs, expected[name])))
        # nan, which compares with nothing, must not pass
        for a, b in zip(expected[name], found[name]):
            worst = max(worst, abs(a - b) / size) if abs(a - b) < math.inf else math.inf
    return worst


def check(contenders):
    """Prints how far each is from Elman; whether all are near enough."""
    worst = 0.0
    for point in points.small_points():
        expected = None
        for contender in contenders:
            if "ready" not in contender.ask("point", point.words()):
                continue
            for way, found in contender.ask("check").items():
                expected = expected or found
                far = difference(expected, found)
                worst = max(worst, far)
                print(f"{point.name:24} {contender.name:13} {contender.threads} "
                      f"{way:22} {far:.1e}  of {', '.join(found)}", flush=True)
    print(f"within {TOLERANCE:g}: {'yes' if worst <= TOLERANCE else 'NO'}")
    return worst <= TOLERANCE


# ---- The command ----


def commands(arguments):
    """{name: command} of the contenders, without their number of threads."""
    programs = arguments.build / "bench"
    every = {OURS: [programs / "elman_peer"],
             "PyTorch": [arguments.python, HERE / "torch_peer.py"],
             "ONNX Runtime": [arguments.python, HERE / "onnx_peer.py"],
             "oneDNN": [programs / "onednn_peer"]}
    return {name: command for name, command in every.items() if name not in arguments.without}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release",
                        help="the build folder of Elman and of build-onednn")
    parser.add_argument("--python", default=sys.executable,
                        help="the interpreter that has torch, onnx and onnxruntime")
    parser.add_argument("--without", default="", type=lambda text: text.split(","),
                        help="contenders to leave out, separated by commas")
    parser.add_argument("--points", default="*", type=lambda text: text.split(","),
                        help="patterns of points, separated by commas")
    parser.add_argument("--threads", default="1,2",
                        type=lambda text: sorted(int(word) for word in text.split(",")))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one sample")
    parser.add_argument("--patience", type=float, default=2.0,
                        help="seconds to wait for quiet processors after a disturbed sample; 0: "
                             "take it as it is")
    parser.add_argument("--compile", action="store_true",
                        help="try torch.compile at every point, which takes an hour")
    parser.add_argument("--check", action="store_true",
                        help="compare the contenders' numbers at small points, not their times")
    parser.add_argument("--json", type=pathlib.Path, help="write everything measured to this file")
    parser.add_argument("--list", action="store_true", help="print the points' names")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    if arguments.list:
        print(*(point.name for point in points.all_points()), sep="\n")
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        contenders = []
        try:
            for name, command in commands(arguments).items():
                for threads in arguments.threads:
                    contenders.append(
                        Contender(name, command, threads, arguments, pathlib.Path(folder)))
            if arguments.check:
                sys.exit(0 if check(contenders) else 3)
            compare(contenders, arguments)
        except Died as reason:
            sys.exit(f"compare.py: {reason}")
        finally:
            for contender in contenders:
                contender.close()


if __name__ == "__main__":
    main()
