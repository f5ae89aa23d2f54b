"""Speed, ours against the peers: one command, one table (see ./run bench --help).

The participants of a case are all started, then take turns: round by round each works for a fraction of a second while
the others are stopped. Medians and quartiles are over rounds; "ours is 2.00x" is the median over rounds of how many
times faster ours was in that round. All participants of a case are pinned to the same cores, as many as it has threads.
"""
from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile

import machine
import table
from cases import OURS, Case, Entry, all_cases
from participants import Participant, Process, Unavailable
from rounds import Schedule, alternate, beside_spinners

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
START_TIMEOUT = 900.0  # compilers among the peers take their time


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, build: str, python: str | None, schedule: Schedule):
        self.build, self.python, self.schedule = build, python, schedule
        self.versions = machine.versions(python)
        self.cores = machine.cores()

    def command(self, entry: Entry, scratch: str) -> list[str]:
        """Raises Unavailable when a program or a package is missing."""
        name, *rest = (part.replace("{file}", scratch) for part in entry.command)
        if name.startswith("work_"):
            path = os.path.join(self.build, name)
            if not os.path.exists(path):
                raise Unavailable(f"{name} is not built")
            return [path, *rest]
        missing = [need for need in entry.needs if need not in self.versions]
        if missing:
            raise Unavailable(f"{table.NOT_INSTALLED}: {', '.join(missing)}")
        if scratch in rest and not os.path.getsize(scratch):
            raise Unavailable("nothing to solve: ours did not start")
        return [self.python, os.path.join(HERE, "peers", name + ".py"), *rest]

    def start(self, case: Case, scratch: str, running: dict[str, Participant]) -> tuple[dict, dict]:
        """Fills `running`; returns what each said when ready, and why the others are absent."""
        ready, absent = {}, {}
        cores = self.cores[-case.threads:]
        env = {"TORCHINDUCTOR_COMPILE_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "TQDM_DISABLE": "1"}
        for entry in case.entries:
            try:
                p = Participant(self.command(entry, scratch), cores, {**env, **entry.env})
                running[entry.name] = p
                ready[entry.name] = p.ready(START_TIMEOUT)
            except Unavailable as why:
                absent[entry.name] = str(why)
                if entry.name in running:
                    running.pop(entry.name).kill()
        return ready, absent

    def spinners(self) -> list[Process]:
        """One stopped spinning process per core."""
        path = os.path.join(self.build, "work_spin")
        if not os.path.exists(path):
            raise Unavailable("work_spin is not built")
        spinners = [Process([path], [core]) for core in self.cores]
        for s in spinners:
            s.pause()
        return spinners

    def run(self, case: Case) -> tuple[dict, list[str], list[str]]:
        """The case's JSON, its rows, and what is wrong with it."""
        running: dict[str, Participant] = {}
        spinners: list[Process] = []
        handle, scratch = tempfile.mkstemp(prefix="bench-")
        os.close(handle)
        try:
            ready, absent = self.start(case, scratch, running)
            series = {}
            if case.busy and running:
                spinners = self.spinners()
                series = beside_spinners(running, spinners, self.schedule)
            elif running:
                series = alternate(running, self.schedule)
            faults = table.disagreements(case, ready)
            lines = table.rows(case, series, absent)
            result = table.as_json(case, series, ready, absent)
            if result.get("efficiency"):
                lines.append(table.efficiency_line(result["efficiency"]))
            return result, lines, faults
        finally:
            for p in [*running.values(), *spinners]:
                p.kill()
            os.unlink(scratch)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--case", default="", metavar="REGEX", help="only cases whose title matches (see --list)")
    parser.add_argument("--threads", default="1,2", help="thread counts, default 1,2 (as far as there are cores)")
    parser.add_argument("--precision", default="auto", help="f32, bf16 or f32,bf16; default f32, and bf16 where the "
                        "processor multiplies it")
    parser.add_argument("--rounds", type=int, help="rounds of a case, default 9, with --quick 3")
    parser.add_argument("--quick", action="store_true", help="the smaller cases, fewer and shorter rounds")
    parser.add_argument("--json", metavar="FILE", help="write all of it as JSON")
    parser.add_argument("--list", action="store_true", help="print the titles of the cases")
    parser.add_argument("--peers", metavar="DIR", default=os.environ.get("PF_BENCH_VENV"),
                        help="virtual environment with the peers, default $PF_BENCH_VENV or bench/.venv")
    parser.add_argument("--install-peers", action="store_true", help="install them into bench/.venv and stop")
    parser.add_argument("--seconds-to-quality", action="store_true",
                        help="as the first option: training time to a quality instead, with options of its own")
    parser.add_argument("--calls", action="store_true", help="as the first option: percentiles of single-sample calls")
    parser.add_argument("--export", action="store_true", help="as the first option: the exported C and ONNX files measured")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.rounds is not None and a.rounds < 1:
        parser.error(f"--rounds is {a.rounds}, must be at least 1")
    try:
        a.threads = [int(t) for t in a.threads.split(",")]
        a.case = re.compile(a.case)
    except (ValueError, re.error) as problem:
        parser.error(str(problem))
    if a.precision == "auto":
        a.precision = "f32,bf16" if machine.has_bf16() else "f32"
    a.precision = a.precision.split(",")
    if not set(a.precision) <= {"f32", "bf16"} or min(a.threads) < 1:
        parser.error("--precision is f32, bf16 or f32,bf16 and --threads at least 1")
    return a


def chosen_cases(a: argparse.Namespace) -> list[Case]:
    most = len(machine.cores())
    fitting = [t for t in a.threads if t <= most]
    if len(fitting) < len(a.threads):
        say(f"bench: {most} cores: no case with more threads")
    cases = all_cases(fitting, a.precision) if fitting else []
    return [c for c in cases if a.case.search(c.title) and (c.quick or not a.quick)]


def peers_python(folder: str | None) -> str | None:
    """The interpreter of the peers' environment, None when there is none."""
    path = os.path.join(folder or os.path.join(HERE, ".venv"), "bin", "python")
    if os.path.exists(path):
        return path
    if folder:
        sys.exit(f"bench: {folder} is not a virtual environment")
    return None


def print_head(facts: dict, versions: dict[str, str]) -> None:
    print(f"{facts['processor']}, {facts['cores']} cores, load {facts['load_at_start']}, {facts['commit']}")
    missing = sorted(set(machine.PACKAGES.values()) - set(versions))
    print("peers: " + (", ".join(f"{n} {v}" for n, v in versions.items()) or "none"))
    if missing:
        print(f"missing peers: {', '.join(missing)} (./run bench --install-peers)")
    if facts["load_at_start"] > 0.5:
        print("the machine is not idle: expect wide spreads")
    if not facts["bf16"]:
        print("no bf16 instructions here: bf16 only with --precision bf16, and then it is emulated")
    print(table.HEADER, flush=True)


def main() -> int:
    a = parse_arguments()
    cases = chosen_cases(a)
    if a.list:
        print("\n".join(c.title for c in cases))
        return 0
    if not cases:
        sys.exit("bench: no such case; --list has them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rounds = a.rounds or (3 if a.quick else 9)
    bench = Bench(a.build, peers_python(a.peers), Schedule(rounds, 0.1 if a.quick else 0.3))
    facts = machine.describe(ROOT)
    print_head(facts, bench.versions)
    results, all_faults = [], []
    for case in cases:
        try:
            result, lines, faults = bench.run(case)
        except Unavailable as why:
            result, lines, faults = None, [], [f"{case.title}: {why}"]
        print("\n".join(lines + faults), flush=True)
        all_faults += faults
        if result:
            results.append(result)
        if a.json:
            with open(a.json, "w", encoding="utf-8") as f:
                json.dump({"machine": facts, "versions": bench.versions, "cases": results}, f, indent=1)
                f.write("\n")
    return 1 if all_faults else 0


if __name__ == "__main__":
    sys.exit(main())
