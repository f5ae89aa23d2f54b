#!/usr/bin/env python3
"""Density of real tables: ours against a Gaussian mixture and a neural spline flow at equal wall time, as a Markdown table.

    ./run quality density-tables [--seconds S] [--seeds 1,2,3] [--tables miniboone,power] [--methods jko,otflow,cnf,gmm,nsf]

Each table is cut by its seed into 80 % to train on, 10 % to choose by and 10 % to test. Every method gets the same three parts,
S seconds and as many threads, one method after the other. Ours: `pushforward train --budget S`, the wall time of the whole
command; then `pushforward density` of the test rows. Peers: peers/density_peers.py, the wall time of fitting and choosing.
NLL is the mean of -log density of the test rows in nats. "own units": of the columns as they are; "standardised": of columns
divided by the standard deviations of the training rows, which is how published figures are given.

miniboone  the 1,523 rows of the stub, as they are: 9.6 % of column 4 is exactly 0, so no density is the truth there
power      the surrogate of 10-minute means; like the published POWER it gets uniform noise on its grids: 0.001 kW, 0.01 V, 1 Wh,
           1 Wh, 1 Wh and, of the minute of the day that is a multiple of ten here, 10

The tables come from $PF_SHARED_DATA or ../shared/data, the peers from $PF_BENCH_VENV or bench/.venv (./run bench
--install-peers); what is absent is named and left out. Exit 4 when one of ours gave no figure. Needs the standard library alone.
"""
import argparse
import array
import ast
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLES = {"miniboone": ("miniboone/head1523.npy", None), "power": ("power/power6.npy", (.001, .01, 1, 1, 1, 10))}
OURS = ("jko", "otflow", "cnf")
PEERS = {"gmm": "Gaussian mixture (EM)", "nsf": "neural spline flow (zuko)"}
GRACE = 300  # seconds beyond the budget until a method is given up


class Failed(Exception):
    """A method gave no figure; says why."""


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- tables ----


def read_npy(path):
    """Rows of a table of doubles in C order, format 1.0."""
    with open(path, "rb") as file:
        magic = file.read(8)
        head = ast.literal_eval(file.read(int.from_bytes(file.read(2), "little")).decode())
        numbers = array.array("d", file.read())
    if magic != b"\x93NUMPY\x01\x00" or head["descr"] != "<f8" or head["fortran_order"] or len(head["shape"]) != 2:
        sys.exit(f"{path} is not a table of doubles in NPY format 1.0, C order")
    count, columns = head["shape"]
    if sys.byteorder == "big":
        numbers.byteswap()
    return [numbers[i * columns:(i + 1) * columns] for i in range(count)]


def write_npy(path, rows):
    head = str({"descr": "<f8", "fortran_order": False, "shape": (len(rows), len(rows[0]))}).encode()
    head = head.ljust((len(head) + 11 + 63) // 64 * 64 - 11) + b"\n"
    numbers = array.array("d", [x for row in rows for x in row])
    if sys.byteorder == "big":
        numbers.byteswap()
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
        numbers.tofile(file)


class Split:
    """The three parts of a table as files, and the sum of the logarithms of the training rows' standard deviations."""

    def __init__(self, name, data, seed, folder):
        path, noise = TABLES[name]
        rows, chance = read_npy(os.path.join(data, path)), random.Random(seed)
        if noise:
            rows = [[x + width * chance.random() for x, width in zip(row, noise)] for row in rows]
        chance.shuffle(rows)
        tenth = len(rows) // 10
        parts = {"test": rows[:tenth], "valid": rows[tenth:2 * tenth], "train": rows[2 * tenth:]}
        self.name, self.seed, self.test_rows, self.folder = name, seed, tenth, folder
        self.log_spread = sum(math.log(statistics.pstdev(column)) for column in zip(*parts["train"]))
        for part, its_rows in parts.items():
            write_npy(self.file(part), its_rows)

    def file(self, part):
        return os.path.join(self.folder, part + ".npy")


# ---- methods ----


def command(words, seconds, env=None):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {seconds:.0f} s") from None
    except OSError as problem:
        raise Failed(str(problem)) from None
    if done.returncode != 0:
        raise Failed((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1])
    return done.stdout


def mean_of_column(text, title, count):
    """The mean of a CSV of one column, which must have `count` finite values."""
    lines = text.split()
    if not lines or lines[0] != title:
        raise Failed(f"the densities begin with '{lines[0] if lines else ''}', must with '{title}'")
    values = [float(line) for line in lines[1:]]
    if len(values) != count:
        raise Failed(f"{len(values)} densities of {count} rows")
    finite = sum(map(math.isfinite, values))
    if finite < count:
        raise Failed(f"{count - finite} of {count} log densities are not finite")
    return math.fsum(values) / count


def run_ours(method, split, o):
    model = os.path.join(split.folder, method + ".safetensors")
    words = [o.pushforward, "train", split.file("train"), "--holdout", split.file("valid"), "-o", model, "--method", method]
    words += ["--budget", f"{o.seconds:g}s", "--encoder", "standard", "--seed", str(split.seed), "--threads", str(o.threads)]
    begin = time.perf_counter()
    command(words + ["--quiet"], o.seconds + GRACE)
    seconds = time.perf_counter() - begin
    text = command([o.pushforward, "density", model, split.file("test"), "-o", "-"], GRACE + o.seconds)
    return {"nll": -mean_of_column(text, "log_density", split.test_rows), "seconds": seconds}


def run_peer(model, split, o):
    words = [o.python, os.path.join(ROOT, "bench", "peers", "density_peers.py"), "--model", model]
    for part in ("train", "valid", "test"):
        words += [f"--{part}", split.file(part)]
    words += ["--seconds", f"{o.seconds:g}", "--seed", str(split.seed), "--threads", str(o.threads)]
    text = command(words, o.seconds + GRACE, {"PYTHONDONTWRITEBYTECODE": "1"})
    return json.loads(text.strip().splitlines()[-1])


def available_methods(o):
    if o.python and subprocess.run([o.python, "-c", "import sklearn, torch, zuko"], capture_output=True).returncode == 0:
        return o.methods
    if set(o.methods) & set(PEERS):
        say("density-tables: no environment with scikit-learn, torch and zuko: ours only (./run bench --install-peers)")
    return [m for m in o.methods if m not in PEERS]


def measure(split, methods, o):
    """By method: what it found, or why it found nothing."""
    found = {}
    for method in methods:
        try:
            found[method] = (run_peer if method in PEERS else run_ours)(method, split, o)
            found[method]["standardised"] = found[method]["nll"] - split.log_spread
            what = f"NLL {found[method]['nll']:.3f} ({found[method]['standardised']:.3f} standardised)"
            what += f", {found[method]['seconds']:.0f} s {json.dumps(found[method].get('settings', {}))}"
        except Failed as why:
            found[method] = {"failed": str(why)}
            what = f"no figure: {why}"
        say(f"  {split.name} seed {split.seed} {method}: {what}")
    return found


# ---- output ----


def mean_and_spread(values, digits):
    text = f"{statistics.fmean(values):.{digits}f}"
    return text + (f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else "")


def row(table, method, runs):
    """One line of the Markdown table; `runs` has one result a seed."""
    title, good = PEERS.get(method, f"`{method}`"), [r for r in runs if "nll" in r]
    if not good:
        return f"| {table} | {title} | - | - | - | {runs[0]['failed']} |"
    figures = [mean_and_spread([r[key] for r in good], digits) for key, digits in
               (("nll", 3), ("standardised", 3), ("seconds", 0))]
    failed = [r["failed"] for r in runs if "failed" in r]
    return f"| {table} | {title} | {' | '.join(figures)} | {len(good)}{'; ' + failed[0] if failed else ''} |"


def parse():
    parser = argparse.ArgumentParser(prog="./run quality density-tables", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("PF_SHARED_DATA", os.path.join(ROOT, "..", "shared", "data")))
    parser.add_argument("--seconds", type=float, default=300, help="of each method, default 300")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--methods", default=",".join([*OURS, *PEERS]))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", metavar="DIR", default=os.environ.get("PF_BENCH_VENV", os.path.join(ROOT, "bench", ".venv")))
    parser.add_argument("--json", metavar="FILE", help="write all results")
    parser.add_argument("--pushforward", default=os.environ.get("PUSHFORWARD", os.path.join(ROOT, "build", "pushforward")))
    o = parser.parse_args()
    o.tables, o.methods = o.tables.split(","), o.methods.split(",")
    for given, valid in ((o.tables, TABLES), (o.methods, [*OURS, *PEERS])):
        unknown = sorted(set(given) - set(valid))
        if unknown:
            parser.error(f"unknown: {', '.join(unknown)}; valid: {', '.join(valid)}")
    try:
        o.seeds = [int(s) for s in o.seeds.split(",")]
    except ValueError:
        parser.error(f"--seeds is '{o.seeds}', must be whole numbers with commas")
    if not o.seconds > 0 or o.threads < 1:
        parser.error("--seconds must be over 0 and --threads at least 1")
    python = os.path.join(o.peers, "bin", "python")
    o.python = python if os.path.exists(python) else None
    return o


def main():
    o = parse()
    methods, results = available_methods(o), {}
    for table in o.tables:
        path = os.path.join(o.data, TABLES[table][0])
        if not os.path.exists(path):
            print(f"skip {table}: {path} is absent")
            continue
        results[table] = {m: [] for m in methods}
        for seed in o.seeds:
            with tempfile.TemporaryDirectory(prefix="density-") as folder:
                for method, result in measure(Split(table, o.data, seed, folder), methods, o).items():
                    results[table][method].append({"seed": seed, **result})
        if o.json:
            with open(o.json, "w", encoding="utf-8") as file:
                json.dump({"seconds": o.seconds, "threads": o.threads, "tables": results}, file, indent=1)
    print("| table | method | test NLL, own units | standardised | seconds | seeds |\n|---|---|---|---|---|---|")
    for table, by_method in results.items():
        for method, runs in by_method.items():
            print(row(table, method, runs))
    failed = any("failed" in r for t in results.values() for m, runs in t.items() if m in OURS for r in runs)
    sys.exit(4 if failed else 0)


if __name__ == "__main__":
    main()
