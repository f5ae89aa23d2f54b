"""An exported ONNX file in the runtimes users have: the checker's word, and every value beside ours.

    exported_onnx.py FOLDER COLUMNS ROWS

FOLDER holds net.onnx, noise.f32 and samples.f32 (bench_host export). A value's difference is relative to the larger of the value
and its column's standard deviation. Prints one JSON object.
"""
from __future__ import annotations

import json
import os
import sys

import numpy as np
import onnx


def rows_of(folder: str, name: str, columns: int, rows: int) -> np.ndarray:
    return np.fromfile(os.path.join(folder, name), np.float32, columns * rows).reshape(rows, columns)


def by_onnxruntime(path: str, z: np.ndarray) -> np.ndarray:
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["samples"], {"noise": z})[0]


def by_openvino(path: str, z: np.ndarray) -> np.ndarray:
    import openvino
    core = openvino.Core()
    model = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model({"noise": z})[0]


def main() -> None:
    folder, columns, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    path = os.path.join(folder, "net.onnx")
    z, want = (rows_of(folder, name, columns, rows).astype(np.float32) for name in ("noise.f32", "samples.f32"))
    onnx.checker.check_model(onnx.load(path), full_check=True)
    result: dict = {"rows": rows, "checker": "passed", "onnx": onnx.__version__}
    scale = np.maximum(np.abs(want.astype(np.float64)), want.astype(np.float64).std(0))
    for name, run in (("onnxruntime", by_onnxruntime), ("openvino", by_openvino)):
        try:
            off = np.abs(run(path, z).astype(np.float64) - want) / scale
        except ImportError:
            continue
        result[name] = {"largest": float(off.max()), "beyond_1e-5": int((~(off <= 1e-5)).sum())}
    print(json.dumps(result))


main()
