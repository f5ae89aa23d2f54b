"""The one-step generator as plain layers: the weights file of work_sample, and the same network as an ONNX model."""
from __future__ import annotations

import argparse

import numpy as np

TABLE = 1 << 20  # rows of the tables of noise and samples
CHUNKS = (256, 1024, 4096, 16384, 65536)  # rows given to a network at once; the fastest is kept


def arguments(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name, value in (("width", 64), ("depth", 3), ("dim", 2), ("rows", 65536), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--weights", required=True)
    for flag in ("--latency", *flags):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def read_weights(a: argparse.Namespace) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(W, b)]: W from x to, SiLU between the layers."""
    flat, layers, at = np.fromfile(a.weights, np.float32), [], 0
    sizes = [a.dim] + [a.width] * a.depth + [a.dim]
    for n, m in zip(sizes, sizes[1:]):
        layers.append((flat[at:at + n * m].reshape(n, m), flat[at + n * m:at + n * m + m]))
        at += n * m + m
    if at != flat.size:
        raise ValueError(f"{a.weights} holds {flat.size} numbers, not {at}")
    return layers


def chunks(a: argparse.Namespace) -> list[int]:
    """The sizes worth trying for blocks of a.rows."""
    return [c for c in CHUNKS if c <= a.rows] or [a.rows]


def tables(a: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """The noise of TABLE rows, and room for its samples."""
    noise = np.random.default_rng(1).standard_normal((TABLE, a.dim), np.float32)
    return noise, np.empty_like(noise)


def onnx_model(layers: list[tuple[np.ndarray, np.ndarray]], rows: int) -> bytes:
    """Gemm and x sigmoid(x), a fixed number of rows."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, weights, h = [], [], "x"
    for i, (w, b) in enumerate(layers):
        weights += [numpy_helper.from_array(np.ascontiguousarray(w), f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        last = i + 1 == len(layers)
        nodes.append(helper.make_node("Gemm", [h, f"w{i}", f"b{i}"], ["y" if last else f"a{i}"]))
        if not last:
            nodes.append(helper.make_node("Sigmoid", [f"a{i}"], [f"s{i}"]))
            nodes.append(helper.make_node("Mul", [f"a{i}", f"s{i}"], [f"h{i}"]))
            h = f"h{i}"
    dim = layers[0][0].shape[0]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, dim]) for name in "xy")
    graph = helper.make_graph(nodes, "generator", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()
