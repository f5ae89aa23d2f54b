"""A model inside of a host program: ./run bench --calls and ./run bench --export, as the first option.

--calls   latency percentiles of single-sample calls of the sampler, over a million calls each.
--export  the exported C file by gcc and clang: size, latency, values beside the executor's, undefined behaviour, memory,
          threads, and the same on aarch64 under qemu; the exported ONNX file in ONNX Runtime and OpenVINO, relative to 1e-5.
          What is not installed is named and left out. Exit code 1 when a promise of docs/embedding.md does not hold.
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
NETWORKS = [(64, 3, 2), (256, 4, 16)]  # width, depth, columns
STORED = ("f32", "f16", "i8")
FLAGS = ("-O2", "-O2 -march=native")


def say(text: str) -> None:
    print(text, flush=True)


def run(command: list[str], **more: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def asked(command: list[str]) -> dict:
    return json.loads(run(command))


def shape_of(network: tuple[int, int, int]) -> str:
    return f"{network[1]}x{network[0]}"


def head() -> None:
    facts = machine.describe(ROOT)
    say(f"{facts['processor']}, {facts['cores']} cores, load {facts['load_at_start']}, {facts['commit']}, {facts['date']}")


# ---- calls ----


def calls(a: argparse.Namespace) -> None:
    say(f"{'one sample':34} {'p50':>9} {'p99':>9} {'p99.9':>9} {'max':>10} {'mean':>9}  us, {a.calls} calls, one thread")
    for network in NETWORKS:
        command = [os.path.join(a.build, "bench_host"), "calls", *map(str, network), str(a.calls)]
        for line in run(command).splitlines():
            f = json.loads(line)
            say(f"{shape_of(network) + ' ' + f['call']:34} " +
                " ".join(f"{f[k]:9.4g}" for k in ("p50_us", "p99_us", "p999_us")) +
                f" {f['max_us']:10.4g} {f['mean_us']:9.4g}  (the clock itself {f['clock_us']:.3g})")


# ---- exported C ----


class Exported:
    """The files of one network, and what has been found wrong with them."""

    def __init__(self, a: argparse.Namespace, network: tuple[int, int, int], folder: str):
        self.a, self.network, self.folder, self.faults = a, network, folder, []
        run([os.path.join(a.build, "bench_host"), "export", *map(str, network), str(a.rows), folder])

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def must(self, holds: bool, what: str) -> None:
        if not holds:
            self.faults.append(f"{shape_of(self.network)} {what}")

    def compiled(self, compiler: list[str], stored: str, flags: list[str], name: str = "probe") -> str:
        """A program; with it the file's own object, whose size is looked at."""
        common = [*compiler, "-std=gnu11", *flags, f"-DCOLUMNS={self.network[2]}"]
        run([*common, "-std=c99", "-c", self.path(stored + ".c"), "-o", self.path(name + ".o")])
        run([*common, os.path.join(HERE, "export_probe.c"), self.path(name + ".o"), "-o", self.path(name), "-lm", "-pthread"])
        return self.path(name)

    def size(self, name: str = "probe") -> int:
        return sum(map(int, run(["size", self.path(name + ".o")]).splitlines()[1].split()[:3]))

    def cost(self, stored: str) -> str:
        """What the file says that its weights cost."""
        with open(self.path(stored + ".c"), encoding="utf-8") as f:
            words = " ".join(line.strip(" *\n") for line in f.readlines()[:60])
        at = words.find("a value moves by ")
        return "" if at < 0 else words[at + len("a value moves by "):].split(" ")[0]

    def figures(self) -> None:
        say(f"\n{shape_of(self.network)}, {self.network[2]} columns: ns a sample with its noise / from noise given; bytes of code and "
            f"data; values that differ from the executor's over {self.a.rows} rows, largest difference in ulp")
        for stored in STORED:
            for compiler in filter(shutil.which, ("gcc", "clang")):
                for flags in FLAGS:
                    program = self.compiled([compiler], stored, flags.split())
                    t = asked([program, "latency", str(self.a.calls // (1 if self.network[0] < 256 else 10))])
                    line = f"{stored:4} {compiler:6} {flags:18} {t['sample_ns']:9.5g} / {t['from_noise_ns']:<9.5g} {self.size():9}"
                    say(line + "  " + self.beside(program, stored, f"{compiler} {flags}"))

    def beside(self, program: str, stored: str, how: str) -> str:
        if stored != "f32":
            return f"moves a value by {self.cost(stored)} standard deviations (rms)"
        c = asked([program, "compare", self.folder, str(self.a.rows)])
        exact = "native" in how and machine.has_fma()  # else one sum in a billion is rounded twice
        holds = c["ulp"] == 0 if exact else c["ulp"] <= 4 and c["differ"] <= 1e-6 * c["rows"] * self.network[2]
        self.must(holds and c["drawn_otherwise"] == 0, f"{how}: {c}")
        return f"{c['differ']} differ, {c['ulp']} ulp"

    def clean(self) -> None:
        """The same bytes from every compiler, under sanitizers, in valgrind, in eight threads."""
        few = str(self.a.few)
        for stored in STORED:
            found = {}
            for compiler in filter(shutil.which, ("gcc", "clang")):
                program = self.compiled([compiler], stored, ["-O2"])
                found[f"{compiler} -O2"] = asked([program, "bytes", few])["hash"]
                both = asked([program, "threads", few])
                self.must(both["alike"] == both["threads"], f"{stored} {compiler}: threads differ, {both}")
                program = self.compiled([compiler], stored, ["-O1", "-g", "-fsanitize=address,undefined",
                                                             "-fno-sanitize-recover=all"])
                found[f"{compiler} sanitized"] = asked([program, "bytes", few])["hash"]
            if shutil.which("valgrind"):
                program = self.compiled(["gcc"], stored, ["-O2", "-g"])
                run(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", program, "bytes", "50"])
            self.must(len(set(found.values())) == 1, f"{stored}: bytes differ, {found}")
            say(f"{stored:4} the same bytes of {few} rows: {', '.join(found)}; 8 threads; "
                f"valgrind {'clean' if shutil.which('valgrind') else 'is not installed'}")

    def aarch64(self) -> None:
        compiler, qemu = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
        if not compiler or not qemu:
            say("aarch64: needs aarch64-linux-gnu-gcc and qemu-aarch64, left out")
            return
        for stored in STORED:
            program = self.compiled([compiler], stored, ["-O2", "-static"], "probe64")
            if stored == "f32":
                c = asked([qemu, program, "compare", self.folder, str(self.a.emulated)])
                self.must(c["ulp"] == 0, f"aarch64: {c}")
                say(f"f32  aarch64 under qemu: {c['differ']} values of {c['rows']} rows differ, {c['ulp']} ulp")
            few = str(min(self.a.emulated, 2000))
            native = self.compiled(["gcc"], stored, ["-O2", "-march=native"])
            alike = asked([qemu, program, "bytes", few]) == asked([native, "bytes", few])
            self.must(alike, f"{stored} aarch64: other bytes")
            say(f"{stored:4} aarch64 under qemu: {'the same' if alike else 'OTHER'} bytes of {few} rows, "
                f"{self.size('probe64')} bytes")

    def onnx(self) -> None:
        python = os.path.join(self.a.peers, "bin", "python")
        if not os.path.exists(python):
            say(f"onnx: no {python}, left out")
            return
        rows = min(self.a.rows, 100000)
        r = asked([python, os.path.join(HERE, "peers", "exported_onnx.py"), self.folder, str(self.network[2]), str(rows)])
        versions = machine.versions(python)
        for name in ("onnxruntime", "openvino"):
            if name in r:
                self.must(r[name]["beyond_1e-5"] == 0, f"{name}: {r[name]}")
                say(f"onnx {name} {versions.get(name, '')}: largest relative difference {r[name]['largest']:.3g} over {rows} rows, "
                    f"{r[name]['beyond_1e-5']} values beyond 1e-5; checker {r['checker']} (onnx {r['onnx']})")


def export(a: argparse.Namespace) -> int:
    faults = []
    for network in NETWORKS:
        if a.network and shape_of(network) != a.network:
            continue
        with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
            exported = Exported(a, network, folder)
            for part in (exported.figures, exported.clean, exported.aarch64, exported.onnx):
                part()
            faults += exported.faults
    for fault in faults:
        say(f"DOES NOT HOLD: {fault}")
    say("every promise holds" if not faults else f"{len(faults)} promises do not hold")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("calls", "export"))
    parser.add_argument("--calls", type=int, metavar="N", help="timed calls of each kind (default 1e6; of an export 1e5, of 4x256 a tenth)")
    parser.add_argument("--rows", type=int, default=1000000, help="rows compared with the executor's, default 1e6")
    parser.add_argument("--few", type=int, default=5000, help="rows under sanitizers and in threads, default 5000")
    parser.add_argument("--emulated", type=int, default=20000, help="rows compared on aarch64, default 20000")
    parser.add_argument("--network", metavar="LxW", help="one of " + ", ".join(map(shape_of, NETWORKS)))
    parser.add_argument("--peers", metavar="DIR", default=os.environ.get("PF_BENCH_VENV") or os.path.join(HERE, ".venv"),
                        help="virtual environment with ONNX Runtime and OpenVINO, default $PF_BENCH_VENV or bench/.venv")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    a.calls = a.calls or (1000000 if a.what == "calls" else 100000)
    head()
    return calls(a) or 0 if a.what == "calls" else export(a)


if __name__ == "__main__":
    sys.exit(main())
