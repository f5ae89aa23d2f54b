"""What is measured, and who takes part: the one table of the benchmark's cases.

A command is for `build/NAME` (our workers) or peers/NAME.py. {file} in it stands for a scratch file that ours writes
before the peers start, so that they solve the same problem.
"""
from __future__ import annotations

from dataclasses import dataclass, field

OURS, PEER, REFERENCE = "ours", "peer", "reference"


@dataclass
class Entry:
    name: str
    command: list[str]
    needs: tuple[str, ...] = ()
    role: str = PEER
    env: dict[str, str] = field(default_factory=dict)
    agree: float = 0.0  # > 0: in place of the case's


@dataclass
class Case:
    name: str
    threads: int
    unit: str
    entries: list[Entry]
    per_second: float = 0.0  # > 0: the figure is per_second / seconds, and more is better; 0: see `per_iteration`
    per_iteration: float = 1e6  # the figure is seconds * per_iteration, and less is better
    busy: bool = False  # the figure is the throughput beside spinning processes as a share of that alone
    precision: str = "f32"
    flops: bool = False  # the peak and the product mix stand beside it
    agree: float = 0.0  # > 0: relative difference up to which the participants' `value` must agree
    quick: bool = False  # part of --quick

    def figure(self, seconds: float) -> float:
        if self.busy:
            return seconds
        return self.per_second / seconds if self.per_second else seconds * self.per_iteration

    def ratio(self, ours: float, peer: float) -> float:
        """How many times better ours is, from what two series hold: seconds, or shares of throughput."""
        return ours / peer if self.busy else peer / ours

    @property
    def title(self) -> str:
        return f"{self.name}, {self.threads} thread{'s' if self.threads > 1 else ''}"


def _options(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


# width, depth, dim, batch
TRAININGS = [(64, 3, 2, 256), (256, 4, 16, 1024), (512, 4, 64, 4096)]
NETWORKS = [(64, 3, 2), (256, 4, 16)]
BLOCK = 65536  # rows of an iteration of the sampling cases


def _jax_env(threads: int) -> dict[str, str]:
    flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "NPROC": str(threads)}


def _train(width: int, depth: int, dim: int, batch: int, threads: int, precision: str) -> Case:
    shape = _options(width=width, depth=depth, dim=dim, batch=batch, threads=threads)
    o = shape + ["--precision", precision]
    torch = ("torch", "numpy")
    entries = [Entry("ours", ["work_train"] + o, role=OURS),
               Entry("torch", ["torch_train"] + o, torch),
               Entry("torch compile", ["torch_train"] + o + ["--compile"], torch),
               Entry("torch plain", ["torch_train"] + o + ["--plain"], torch),
               Entry("torch plain compile", ["torch_train"] + o + ["--plain", "--compile"], torch)]
    if precision == "f32":
        if (width, depth, dim, batch) == TRAININGS[0]:
            entries.append(Entry("by hand", ["work_floor"] + _options(threads=threads)))
        entries += [Entry("jax", ["jax_train"] + shape, ("jax",), env=_jax_env(threads)),
                    Entry("product mix", ["work_products"] + shape, role=REFERENCE),
                    Entry("peak", ["work_peak"], role=REFERENCE)]
    return Case(f"train {depth}x{width} d={dim} B={batch} {precision}", threads, "us/step", entries, flops=True,
                precision=precision, quick=width < 512)


def _sample(width: int, depth: int, dim: int, threads: int, precision: str) -> Case:
    o = _options(width=width, depth=depth, dim=dim, rows=BLOCK, threads=threads, precision=precision)
    weights = ["--weights", "{file}"]
    entries = [Entry("ours", ["work_sample"] + o + weights, role=OURS),
               Entry("torch", ["torch_sample"] + o + weights, ("torch", "numpy")),
               Entry("torch compile", ["torch_sample"] + o + weights + ["--compile"], ("torch", "numpy"))]
    if precision == "f32":
        entries.append(Entry("onnxruntime", ["onnxruntime_sample"] + o + weights, ("onnxruntime", "onnx", "numpy")))
    entries.append(Entry("openvino", ["openvino_sample"] + o + weights, ("openvino", "onnx", "numpy")))
    return Case(f"sample {depth}x{width} d={dim} {precision}", threads, "million/s", entries, per_second=BLOCK / 1e6,
                precision=precision, agree=1e-3 if precision == "f32" else 0.1, quick=True)


def _sample_with_noise(width: int, depth: int, dim: int, threads: int) -> Case:
    o = _options(width=width, depth=depth, dim=dim, rows=BLOCK, threads=threads, weights="{file}") + ["--normals"]
    entries = [Entry("ours", ["work_sample"] + o, role=OURS),
               Entry("torch", ["torch_sample"] + o, ("torch", "numpy")),
               Entry("torch compile", ["torch_sample"] + o + ["--compile"], ("torch", "numpy"))]
    return Case(f"sample {depth}x{width} d={dim} f32, noise drawn too", threads, "million/s", entries,
                per_second=BLOCK / 1e6)


def _latency(width: int, depth: int, dim: int) -> Case:
    """Ours in bfloat16 stands among the peers: 1 / its ratio is what half the bytes of weights gain."""
    o = _options(width=width, depth=depth, dim=dim, rows=1, threads=1, weights="{file}") + ["--latency"]
    narrow = _options(width=width, depth=depth, dim=dim, rows=1, threads=1, precision="bf16") + ["--latency"]
    entries = [Entry("ours", ["work_sample"] + o, role=OURS),
               Entry("ours bf16", ["work_sample"] + narrow, agree=0.1),
               Entry("torch", ["torch_sample"] + o, ("torch", "numpy")),
               Entry("torch compile", ["torch_sample"] + o + ["--compile"], ("torch", "numpy")),
               Entry("onnxruntime", ["onnxruntime_sample"] + o, ("onnxruntime", "onnx", "numpy")),
               Entry("openvino", ["openvino_sample"] + o, ("openvino", "onnx", "numpy"))]
    return Case(f"latency {depth}x{width} d={dim} f32", 1, "us/sample", entries, agree=1e-3, quick=True)


def _problem(n: int, dim: int, matrix: bool) -> tuple[list[str], str]:
    """Options of a transport problem, and its title."""
    o = _options(n=n, dim=dim, power=2, law="gaussians", seed=1) + (["--matrix"] if matrix else [])
    return o, f"n={n} d={dim} {'from the matrix' if matrix else 'from points'}"


def _assignment(n: int, dim: int, matrix: bool) -> Case:
    o, title = _problem(n, dim, matrix)
    points = ["--solver", "assignment"] + o + ["--points", "{file}"]
    entries = [Entry("ours", ["work_transport", "--solver", "assignment"] + o + ["--dump", "{file}"], role=OURS),
               Entry("POT", ["transport"] + points, ("pot", "scipy", "numpy")),
               Entry("scipy", ["transport"] + points + ["--scipy"], ("scipy", "numpy"))]
    return Case(f"assignment {title}", 1, "ms", entries, per_iteration=1e3, agree=1e-9, quick=n <= 1024)


def _sinkhorn(n: int, dim: int, matrix: bool) -> Case:
    """Twenty iterations each: what stops earlier differs between libraries."""
    o, title = _problem(n, dim, matrix)
    o = ["--solver", "sinkhorn"] + o + _options(epsilon=0.5, iterations=20)
    needs = ("pot", "scipy", "numpy")
    entries = [Entry("ours", ["work_transport"] + o + ["--dump", "{file}"], role=OURS),
               Entry("POT", ["transport"] + o + ["--points", "{file}"], needs),
               Entry("POT scaling", ["transport"] + o + ["--points", "{file}", "--method", "sinkhorn"], needs)]
    return Case(f"sinkhorn {title}", 1, "ms", entries, per_iteration=1e3, agree=1e-6, quick=n <= 512)


def _potential(work: str, threads: int, **shape: int) -> tuple[Entry, list[str]]:
    """Ours on OT-Flow's potential, and the options of a peer that is to take the problem over."""
    o = ["--work", work] + _options(**shape, threads=threads)
    return Entry("ours", ["work_otflow"] + o + ["--dump", "{file}"], role=OURS), o + ["--problem", "{file}"]


def _otflow_trace(dim: int, threads: int) -> Case:
    """The published trace benchmark: 512 rows, 64 wide."""
    ours, o = _potential("trace", threads, dim=dim, width=64, rows=512)
    torch = ("torch", "numpy")
    entries = [ours, Entry("torch", ["torch_otflow"] + o, torch),
               Entry("torch compile", ["torch_otflow"] + o + ["--compile"], torch),
               Entry("torch autograd", ["torch_otflow"] + o + ["--by", "hutchinson"], torch)]
    return Case(f"otflow gradient, exact trace d={dim}", threads, "us", entries, agree=1e-4, quick=dim == 43)


def _otflow_step(batch: int, threads: int) -> Case:
    """The published setting of POWER, whose batch is 10,000."""
    ours, o = _potential("step", threads, dim=6, width=128, rows=batch, nt=10)
    torch = ("torch", "numpy")
    entries = [ours, Entry("torch", ["torch_otflow"] + o, torch),
               Entry("torch compile", ["torch_otflow"] + o + ["--compile"], torch)]
    return Case(f"otflow train 128 d=6 nt=10 B={batch}", threads, "ms/step", entries, per_iteration=1e3, agree=1e-4,
                quick=batch <= 1000)


def _wgan(work: str, threads: int) -> list[str]:
    """The toy experiments of WGAN-GP's authors: ReLU, two columns."""
    return ["--work", work] + _options(dim=2, width=512, depth=3, rows=256, threads=threads)


def _wgan_entries(work: str, threads: int) -> list[Entry]:
    o, torch = _wgan(work, threads), ("torch", "numpy")
    peer = ["torch_wgan"] + o + ["--problem", "{file}"]
    return [Entry("ours", ["work_wgf"] + o + ["--dump", "{file}"], role=OURS), Entry("torch", peer, torch),
            Entry("torch compile", peer + ["--compile"], torch)]


def _wgan_step(threads: int) -> Case:
    """Five critic steps and one of the generator."""
    return Case("wgan-gp train 3x512 B=256", threads, "ms/iter", _wgan_entries("step", threads), per_iteration=1e3,
                agree=1e-4, quick=True)


def _wgan_critic(threads: int) -> Case:
    """Ours without the penalty stands among the peers: 1 / its ratio is what the second differentiation costs."""
    first = Entry("ours, first order", ["work_wgf"] + _wgan("critic-first", threads))
    return Case("wgan-gp critic step 3x512 B=256", threads, "ms/step", _wgan_entries("critic", threads) + [first],
                per_iteration=1e3, agree=1e-4, quick=True)


def _neighbour(threads: int) -> Case:
    o = _options(width=256, depth=4, dim=16, batch=1024, threads=threads)
    return Case("busy neighbour, train 4x256 d=16 B=1024 f32", threads, "of idle",
                [Entry("ours", ["work_train"] + o, role=OURS),
                 Entry("torch", ["torch_train"] + o, ("torch", "numpy"))], busy=True)


def all_cases(threads: list[int], precisions: list[str]) -> list[Case]:
    cases = []
    for precision in precisions:
        cases += [_train(*shape, t, precision) for shape in TRAININGS for t in threads]
    for precision in precisions:
        cases += [_sample(*shape, t, precision) for shape in NETWORKS for t in threads]
    cases += [_sample_with_noise(*shape, t) for shape in NETWORKS for t in threads]
    cases += [_latency(*shape) for shape in NETWORKS]
    cases += [_assignment(n, 2, matrix) for n in (512, 1024, 2048, 4096) for matrix in (False, True)]
    cases += [_assignment(n, 16, False) for n in (512, 2048)]
    cases += [_sinkhorn(n, 2, True) for n in (512, 1024, 2048)]
    cases += [_otflow_trace(dim, t) for dim in (43, 63, 784) for t in threads]
    cases += [_otflow_step(batch, t) for batch in (1000, 10000) for t in threads]
    cases += [_wgan_step(t) for t in threads]
    cases += [_wgan_critic(t) for t in threads]
    cases += [_neighbour(t) for t in threads]
    return cases
