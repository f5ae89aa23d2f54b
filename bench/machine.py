"""What the figures were taken on: processor, cores, load, commit, and which peers are installed."""
from __future__ import annotations

import os
import platform
import subprocess
import time

# distribution: what a participant's `needs` calls it
PACKAGES = {"torch": "torch", "jax": "jax", "numpy": "numpy", "scipy": "scipy", "onnx": "onnx",
            "onnxruntime": "onnxruntime", "openvino": "openvino", "POT": "pot"}
_ASK = """
import importlib.metadata as m
for name in %r:
    try: print(name, m.version(name))
    except m.PackageNotFoundError: pass
"""


def cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _cpuinfo(field: str) -> str:
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                name, _, value = line.partition(":")
                if name.strip() == field:
                    return value.strip()
    except OSError:
        pass
    return ""


def has_bf16() -> bool:
    """Instructions that multiply bf16: without them a comparison in bf16 measures an emulation."""
    return bool({"amx_bf16", "avx512_bf16"} & set(_cpuinfo("flags").split()))


def has_fma() -> bool:
    """Fused multiply-adds, which every aarch64 has."""
    return platform.machine() == "aarch64" or "fma" in _cpuinfo("flags").split()


def load() -> float:
    return os.getloadavg()[0]


def versions(python: str | None) -> dict[str, str]:
    """The installed peers of the environment that `python` belongs to."""
    if not python:
        return {}
    answer = subprocess.run([python, "-c", _ASK % list(PACKAGES)], capture_output=True, text=True)
    return {PACKAGES[line.split()[0]]: line.split()[1] for line in answer.stdout.splitlines()}


def describe(root: str) -> dict:
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {"processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
            "system": f"{platform.system()} {platform.machine()}", "cores": len(cores()),
            "bf16": has_bf16(), "load_at_start": round(load(), 2), "commit": commit.stdout.strip(),
            "date": time.strftime("%Y-%m-%d")}
