"""How compare.py talks with a contender; bench/worker/protocol.h says it in full."""
import math
import os
import statistics
import sys
import time

import numpy as np

SAMPLE, WAKE = 0.03, 0.1  # seconds, as in protocol.cpp


class Skip(Exception):
    """This contender cannot take part."""


class Case:
    """run() does the work once; check() gives a few results and is called once, before the first run."""

    def __init__(self, run, check=None, note=""):
        self.run, self.note = run, note
        self.results = check() if check else []
        run()
        self.once = max(seconds(run, 1), 1e-10)

    def sample(self):
        if self.once < WAKE:
            self.run()
        self.once = max(seconds(self.run, max(1, math.ceil(SAMPLE / self.once))), 1e-10)
        return self.once


def seconds(f, calls):
    start = time.perf_counter()
    for _ in range(calls):
        f()
    return (time.perf_counter() - start) / calls


def fastest(variants):
    """(note, f) of the variant with the lowest median time; the variants alternate. What fails is left out.

    note: "name; other 1.25" where the other takes 1.25 times as long."""
    times = {}
    for name, f in variants:
        try:
            f(), f()
            times[name] = (f, [])
        except Exception as e:
            print(f"variant {name} fails: {e}"[:500], file=sys.stderr)
    if not times:
        raise Skip("no variant runs")
    enough = time.perf_counter() + 2
    while min(len(t) for _, t in times.values()) < 3 or time.perf_counter() < enough:
        for f, t in times.values():
            t.append(seconds(f, 1))
    median = {name: statistics.median(t) for name, (_, t) in times.items()}
    best = min(median, key=median.get)
    others = ", ".join(f"{name} {t / median[best]:.2f}" for name, t in median.items() if name != best)
    return f"{best}; {others}" if others else best, times[best][0]


def values(seed, *shape):
    """Test data number `seed`, in [-1,1): the same numbers as bench_worker's."""
    x = np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(0x9E3779B9)
    x += np.uint32(seed * 0x85EBCA6B & 0xFFFFFFFF)
    x = (x ^ (x >> 15)) * np.uint32(0x2C1B3C6D)
    x = (x ^ (x >> 12)) * np.uint32(0x297A2D39)
    x ^= x >> 15
    return ((x >> 8).astype(np.float32) * np.float32(2.0**-23) - 1).reshape(shape)


def sampled(x):
    """64 elements spread evenly over x (all, where there are fewer)."""
    x = np.asarray(x, dtype=np.float64).ravel()
    n = min(len(x), 64)
    return [float(x[i * (len(x) - 1) // (n - 1) if n > 1 else 0]) for i in range(n)]


def threads():
    return int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def answer(line, cases, state):
    command, *words = line.split()
    if command == "case":
        state.clear()
        if words[0] not in cases:
            raise Skip(f"no case {words[0]} here")
        state["case"] = cases[words[0]](*words[1:])
        return f"ready {state['case'].note}"
    if command == "peak":
        return f"peak {peak()}"
    if command == "go":
        return f"time {state['case'].sample():.9g}"
    if command == "check":
        return " ".join(["check", *(f"{v:.9g}" for v in state["case"].results)])
    raise Skip(f"unknown command {command}")


def serve(cases):
    """Answers until `quit` or the end of the input. What libraries print on stdout goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state = {}
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        try:
            reply = answer(line, cases, state)
        except Exception as e:  # of any library: the row says why
            reply = f"skip {type(e).__name__}: {e}".replace("\n", " ")[:300]
        print(reply, file=out, flush=True)
