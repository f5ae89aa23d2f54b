"""The line protocol of the benchmark's workers, for peers in Python.

A worker prints `ready {JSON}` once it is prepared and warm, and answers every line `go K` on standard input with
`done SECONDS [{JSON}]` after K iterations. It leaves when standard input ends.
"""
import json
import resource
import sys
import time


def serve(ready, go):
    """go(k) runs k iterations; it may return a dictionary of facts, whose `seconds` replace what is measured here."""
    print("ready", json.dumps(ready), flush=True)
    for line in sys.stdin:
        word, count = line.split()
        if word != "go":
            sys.exit(f"not a request: {line!r}")
        begin = time.perf_counter()
        facts = go(int(count)) or {}
        seconds = time.perf_counter() - begin
        facts["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("done", repr(facts.pop("seconds", seconds)), json.dumps(facts), flush=True)


def fastest(candidates, seconds):
    """The name in `candidates` (name: callable) that takes least time, after calls to warm up; each is given `seconds`."""
    times = {}
    for name, call in candidates.items():
        for _ in range(3):
            call()
        best, begin = float("inf"), time.perf_counter()
        while time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            call()
            best = min(best, time.perf_counter() - start)
        times[name] = best
    return min(times, key=times.get)


def latencies(call, k):
    """Facts of k calls, each timed on its own."""
    clock, taken = time.perf_counter_ns, [0] * k
    for i in range(k):
        begin = clock()
        call()
        taken[i] = clock() - begin
    total = sum(taken)
    taken.sort()
    return {"seconds": total * 1e-9, "median": taken[k // 2] * 1e-9, "p99": taken[min(k - 1, k * 99 // 100)] * 1e-9}
