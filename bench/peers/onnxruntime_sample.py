"""One-step samples in ONNX Runtime: fixed chunk sizes, inputs and outputs bound to the tables, the fastest chunk kept."""
import numpy as np
import onnxruntime

import network
import serve


def session_of(a, layers, rows):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(network.onnx_model(layers, rows), options, ["CPUExecutionProvider"])


class Sampler:
    """Calls map the next block of the table."""

    def __init__(self, a, layers, chunk, tables):
        self.session, self.at = session_of(a, layers, chunk), 0
        self.noise, self.samples = tables
        self.per_call = a.rows // chunk
        self.bindings = [self.bind(i, chunk) for i in range(0, min(network.TABLE, 64 * a.rows), chunk)]

    def bind(self, i, chunk):
        binding, rows = self.session.io_binding(), slice(i, i + chunk)
        for name, table, bind in (("x", self.noise, binding.bind_input), ("y", self.samples, binding.bind_output)):
            part = table[rows]
            bind(name, "cpu", 0, np.float32, part.shape, part.ctypes.data)
        return binding

    def __call__(self):
        if self.at + self.per_call > len(self.bindings):
            self.at = 0
        for binding in self.bindings[self.at:self.at + self.per_call]:
            self.session.run_with_iobinding(binding)
        self.at += self.per_call


def main():
    a = network.arguments()
    layers = network.read_weights(a)
    tables = network.tables(a)
    found = {f"chunk {c}": Sampler(a, layers, c, tables) for c in network.chunks(a)}
    how = serve.fastest(found, 0.5)
    sampler = found[how]
    half = np.full((1, a.dim), 0.5, np.float32)
    value = float(session_of(a, layers, 1).run(None, {"x": half})[0].sum())

    def go(k):
        if a.latency:
            return serve.latencies(sampler, k)
        for _ in range(k):
            sampler()

    serve.serve({"version": onnxruntime.__version__, "how": how, "value": value}, go)


main()
