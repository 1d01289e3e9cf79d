"""Who uses the processors while something is being measured (Linux)."""

import os
import pathlib
import resource
import time

QUIET = 0.05  # the most that other processes may use of the processors during a sample
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Processors:
    """How much of the processors the other processes have used since it was made."""

    def __init__(self, own=0.0):
        self.start = self.read() + (own,)

    @staticmethod
    def read():
        """Seconds: of the clock, busy and stolen of all processors together, of this process and
        its children that have ended."""
        ticks = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
        busy = (sum(ticks) - ticks[3] - ticks[4]) * TICK
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN,
                                                     resource.RUSAGE_SELF)]
        return time.monotonic(), busy, sum(u.ru_utime + u.ru_stime for u in usage)

    def others(self, own=0.0):
        """Their share; `own` is the processor time of children that have not ended yet. The kernel
        counts in ticks: up to one for each processor may be others' or not."""
        clock, busy, ended = (now - then for now, then in zip(self.read(), self.start))
        own_since = own - self.start[3]
        unsure = TICK * os.cpu_count()
        return max(0.0, busy - ended - own_since - unsure) / (clock * os.cpu_count())


def usage(process):
    """Of a running process: seconds that its threads have run, and that they were ready to run but
    had to wait for a processor."""
    run = waited = 0
    for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            fields = (thread / "schedstat").read_text().split()
        except FileNotFoundError:  # it has just ended
            continue
        run, waited = run + int(fields[0]), waited + int(fields[1])
    return run * 1e-9, waited * 1e-9


def wait_for_quiet(patience):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        processors = Processors()
        time.sleep(0.3)
        if processors.others() < QUIET:
            return
