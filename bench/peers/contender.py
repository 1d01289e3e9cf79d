"""What the contenders written in Python share: the line protocol with compare.py, and the clock."""

import json
import sys
import time

import points

SAMPLES_MAX = 2000
GROUP_SECONDS = 200e-6  # calls shorter than this are timed in groups
TRIAL_SECONDS = 0.05


class Unsupported(Exception):
    """The contender has nothing to offer at this point."""


def threads():
    """The number of threads that the command line asks for."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(f"usage: {sys.argv[0]} THREADS")
    return int(sys.argv[1])


def seconds_of(call, times):
    """Of one call."""
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times


def group_size(call):
    """How many calls make a group that the clock can measure."""
    times = 1
    while seconds_of(call, times) * times < GROUP_SECONDS:
        times *= 2
    return times


def trial(call):
    """The least number of seconds that one call takes in a short trial."""
    times = group_size(call)
    end = time.perf_counter() + TRIAL_SECONDS
    least = seconds_of(call, times)
    while time.perf_counter() < end:
        least = min(least, seconds_of(call, times))
    return least


def fastest(ways):
    """The name and the call of the quickest of {name: call}."""
    return min(ways.items(), key=lambda way: trial(way[1])) if len(ways) > 1 else next(
        iter(ways.items()))


def run(call, group, seconds):
    """Samples for so many seconds, at least one. The first call only warms the caches, unless a
    single one takes longer than that."""
    first = seconds_of(call, group)
    if first * group > seconds:
        return [first]
    samples, end = [], time.perf_counter() + seconds
    while not samples or (len(samples) < SAMPLES_MAX and time.perf_counter() < end):
        samples.append(seconds_of(call, group))
    return samples


def serve(name, version, prepare, check):
    """Speaks the protocol on stdin and stdout until stdin ends.

    prepare(point) gives the name of the way in which the point will be computed, and the function
    that computes it once; it may raise Unsupported. check(point) gives, for each way, what it
    computes: {way: {array: list}}.
    """
    answers = sys.stdout
    sys.stdout = sys.stderr  # for what libraries have to say
    point = call = group = None

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    answer({"name": name, "version": version})
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "point":
            point = points.read_point(rest)
            try:
                way, call = prepare(point)
                group = group_size(call)
                answer({"ready": way})
            except Unsupported as reason:
                answer({"unsupported": str(reason)})
        elif command == "run":
            answer({"seconds": run(call, group, float(rest))})
        elif command == "check":
            answer(check(point))
        else:
            sys.exit(f"no such command: {line}")
