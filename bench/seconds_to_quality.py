#!/usr/bin/env python3
"""Seconds to quality: training wall time until the held-out W2 excess stays under 0.15 x the floor.

    ./run bench --seconds-to-quality [--cases 8gaussians,moons,...] [--peer PYTHON] [--json FILE] ...

Ours: complete runs of `pushforward train DATA --budget B`, defaults otherwise, one for each budget B; one network evaluation a
sample. On the clock is the whole command: start, loading, training, saving. Peers: torchcfm's example in a process of its own
(peers/torchcfm_train.py), which pauses at every point and goes on from there; on the clock is its training loop alone. A peer with
"cosine" in its name decays its learning rate and, like ours, makes a complete run for each point.

All methods of a case take turns: every one is brought to a point, then measured, then the next. Samples of all are judged by the
same program on the same real rows (bench_excess: exact assignment beside the floor of the same real rows): fresh rows of the law,
or held-out rows of the table. A point whose lower confidence bound from a third of the pairs lies above the target is failed without measuring the
rest. A method has reached the quality at the first of two points in a row whose excess is under the target.

Only the standard library is needed here; --peer is the interpreter that has torch and torchcfm. Without it our own figures are
printed. Tables come from $PF_SHARED_DATA or ../shared/data; a case whose data is absent is skipped by name.
"""
import argparse
import csv
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = 0.15  # of the floor
LAW_ROWS = 500000
TABLES = {"magic": "class", "california": "ocean_proximity"}  # case: column to drop
PEERS = {
    "torchcfm icfm": ["--matcher", "icfm"],
    "torchcfm otcfm": ["--matcher", "otcfm"],
    "torchcfm icfm, scaled, sigma 0, cosine": ["--matcher", "icfm", "--scale", "--sigma", "0"],
}


class Case:
    """The data of one case: what is trained on, and how a sample is measured."""

    def __init__(self, name, options, folder):
        self.name, self.options, self.folder = name, options, folder
        self.table = name in TABLES
        self.train = os.path.join(folder, name + (".csv" if self.table else ".npy"))
        self.held = os.path.join(folder, name + ".held.csv")
        self.rows = options.rows
        if self.table:
            self.cut_table()
        else:
            command([options.pushforward, "data", name, "-n", str(LAW_ROWS), "-o", self.train, "--seed", "1"])

    def source(self):
        return os.path.join(self.options.data, "tabsyn", self.name)

    def cut_table(self):
        """A fifth of the rows is held out, at random."""
        rows = []
        for part in ("train.csv", "test.csv"):
            with open(os.path.join(self.source(), part), newline="") as file:
                lines = list(csv.reader(file))
            keep = [j for j, title in enumerate(lines[0]) if title != TABLES[self.name]]
            rows += [[line[j] for j in keep] for line in lines[1:] if all(line[j] for j in keep)]
        titles = [lines[0][j] for j in keep]
        random.Random(1).shuffle(rows)
        held = len(rows) // 5
        self.rows = min(self.rows, held)
        for path, part in ((self.held, rows[:held]), (self.train, rows[held:])):
            with open(path, "w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([titles] + part)

    def excess(self, sample, pairs):
        reference = [self.held, self.train] if self.table else ["law:" + self.name]
        rounds = [] if self.table else ["2"]
        return json.loads(command([self.options.evaluator, "w2", sample, *reference, str(self.rows), str(pairs), *rounds]))

    def measure(self, sample):
        first = self.excess(sample, max(3, self.options.pairs // 3))
        if first["lo95"] > TARGET * first["floor"]:
            return first
        return self.excess(sample, self.options.pairs)


def command(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(" ".join(words[:3]) + ": " + done.stderr.strip()[-400:])
    return done.stdout


def child_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Ours:
    name = "pushforward, one step"

    def __init__(self, case, options):
        self.case, self.options = case, options

    def point(self, budget, count, sample):
        model = os.path.join(self.case.folder, "model.safetensors")
        words = [self.options.pushforward, "train", self.case.train, "-o", model, "--quiet", "--budget", f"{budget:g}s"]
        words += ["--seed", str(self.options.seed)] + (["--holdout", self.case.held] if self.case.table else [])
        begin, cpu = time.perf_counter(), child_cpu()
        try:
            command(words)
        except RuntimeError as fault:
            if "too short" in str(fault):
                return None
            raise
        result = {"train_s": time.perf_counter() - begin, "cpu_s": child_cpu() - cpu}
        facts = json.loads(command([self.options.pushforward, "info", model, "--json"]))["facts"]
        result["steps"] = facts["steps"]
        command([self.options.pushforward, "sample", model, "-n", str(count), "-o", sample, "--seed", "99"])
        return result

    def close(self):
        pass


class Peer:
    """One peer process; with a cosine rate one for each point, of as many steps as the budget allows at the rate first seen."""

    def __init__(self, name, case, options):
        self.name, self.case, self.options = name, case, options
        self.cosine = "cosine" in name
        self.seconds_per_step = None
        self.process = None

    def start(self, steps=0):
        script = os.path.join(ROOT, "bench", "peers", "torchcfm_train.py")
        words = [self.options.peer, script, self.case.train, *PEERS[self.name], "--threads", str(self.options.peer_threads)]
        words += ["--seed", str(self.options.seed), "--cosine", str(steps)] + (["--scale"] if self.case.table else [])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.name + " ended without an answer")
        return json.loads(line)

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.answer()

    def calibrate(self):
        self.start()
        self.ask("train 1")
        warm = self.ask("train 1")
        later = self.ask("train 3")
        self.seconds_per_step = (later["train_s"] - warm["train_s"]) / (later["steps"] - warm["steps"])
        self.close()

    def point(self, budget, count, sample):
        if self.cosine:
            if self.seconds_per_step is None:
                self.calibrate()
            self.start(max(1, round(budget / self.seconds_per_step)))
        elif self.process is None:
            self.start()
        result = self.ask(f"train {budget}")
        self.ask(f"sample {count} {sample}")
        if self.cosine:
            self.close()
        return result

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def follow(case, methods, options):
    """Points of every method, in turns. A method is done two points under the target in a row, or at its last budget."""
    points = {m.name: [] for m in methods}
    sample = os.path.join(case.folder, "sample.npy")
    count = case.rows * (4 if case.table else options.pairs)
    for budget in options.budgets:
        for m in methods:
            seen = points[m.name]
            if reached(seen) is not None or (m.name != Ours.name and budget < options.peers_from):
                continue
            result = m.point(budget, count, sample)
            if result is None:
                continue
            measured = case.measure(sample)
            result.update(measured, budget=budget, ratio=measured["excess"] / measured["floor"])
            seen.append(result)
            print(f"  {case.name:13s} {m.name:40s} {result['train_s']:7.2f} s ({result['cpu_s']:7.2f} s of cores) {result['steps']:7d} steps  "
                  f"W2 {result['value']:.4f}  floor {result['floor']:.4f}  excess {result['ratio']:+.3f} x floor", flush=True)
    return points


def under(point):
    return point["excess"] <= TARGET * point["floor"]


def reached(points):
    """Index of the first of two points in a row under the target."""
    for i in range(len(points) - 1):
        if under(points[i]) and under(points[i + 1]):
            return i
    return None


def summarise(name, points):
    """reached_s: the point; failed_s: the last point before it, so the truth lies between the two."""
    i = reached(points)
    row = {"case": name, "points": points, "floor": points[0]["floor"] if points else None}
    if i is None:
        return dict(row, reached_s=None, failed_s=points[-1]["train_s"] if points else 0.0)
    return dict(row, reached_s=points[i]["train_s"], reached_cpu_s=points[i]["cpu_s"], steps=points[i]["steps"],
                failed_s=points[i - 1]["train_s"] if i else 0.0)


def print_table(rows):
    print(f"\n{'case':14s}{'method':42s}{'seconds to quality':>20s}{'steps':>9s}{'ours is faster by':>20s}")
    for row in rows:
        ours = next(r for r in rows if r["case"] == row["case"] and r["method"] == Ours.name)
        got = row["reached_s"]
        text = f"{row['failed_s']:.1f} to {got:.1f}" if got else f"over {row['failed_s']:.1f}"
        ratio = ""
        if row is not ours and ours["reached_s"]:
            ratio = f">= {row['failed_s'] / ours['reached_s']:.1f}x"
        print(f"{row['case']:14s}{row['method']:42s}{text:>20s}{row.get('steps', ''):>9}{ratio:>20s}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="8gaussians,checkerboard,moons,swissroll,magic")
    parser.add_argument("--budgets", default="1,1.5,2,3,4,6,8,12,16,24,32,48,64,96,128", help="seconds of training")
    parser.add_argument("--peers-from", type=float, default=4, help="first budget at which peers are measured")
    parser.add_argument("--peers", default=",".join(str(i) for i in range(len(PEERS))), help="; ".join(f"{i}: {n}" for i, n in enumerate(PEERS)))
    parser.add_argument("--peer", help="Python with torch and torchcfm")
    parser.add_argument("--peer-threads", type=int, default=1, help="of torch; one was faster than two at this size")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pushforward", default=os.path.join(ROOT, "build", "pushforward"))
    parser.add_argument("--evaluator", default=os.path.join(ROOT, "build", "bench_excess"))
    parser.add_argument("--data", default=os.environ.get("PF_SHARED_DATA", os.path.join(ROOT, "..", "shared", "data")))
    parser.add_argument("--json")
    options = parser.parse_args()
    options.budgets = [float(b) for b in options.budgets.split(",")]
    return options


def main():
    options = parse()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases.split(","):
            if name in TABLES and not os.path.isdir(os.path.join(options.data, "tabsyn", name)):
                print(f"skip {name}: no data in {options.data}")
                continue
            case = Case(name, options, folder)
            methods = [Ours(case, options)]
            if options.peer:
                methods += [Peer(list(PEERS)[int(i)], case, options) for i in options.peers.split(",") if i]
            points = follow(case, methods, options)
            for m in methods:
                m.close()
                rows.append(dict(summarise(name, points[m.name]), method=m.name))
    print_table(rows)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "target": TARGET, "cases": rows}, file, indent=1)
    if not all(r["reached_s"] for r in rows if r["method"] == Ours.name):
        sys.exit(4)


if __name__ == "__main__":
    main()
