"""One-step samples in OpenVINO, f32 or bf16: its own latency and throughput hints and several chunk sizes, the fastest kept."""
import numpy as np
import openvino

import network
import serve


def compiled(a, layers, rows, hint):
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": a.threads, "PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": a.precision}
    return core.compile_model(core.read_model(network.onnx_model(layers, rows)), "CPU", settings)


class Sampler:
    """Calls map the next block of the table, with as many requests in flight as the hint asks for."""

    def __init__(self, a, layers, chunk, hint, tables):
        model = compiled(a, layers, chunk, hint)
        self.noise, self.samples = tables
        self.at, self.per_call = 0, a.rows // chunk
        self.tensors = [self.bind(i, chunk) for i in range(0, min(network.TABLE, 64 * a.rows), chunk)]
        wanted = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.requests = [model.create_infer_request() for _ in range(min(wanted, self.per_call))]

    def bind(self, i, chunk):
        return [openvino.Tensor(t[i:i + chunk], shared_memory=True) for t in (self.noise, self.samples)]

    def start(self, n, tensors):
        request = self.requests[n]
        request.set_input_tensor(tensors[0])
        request.set_output_tensor(tensors[1])
        return request

    def __call__(self):
        if self.at + self.per_call > len(self.tensors):
            self.at = 0
        block = self.tensors[self.at:self.at + self.per_call]
        if len(self.requests) == 1:
            for tensors in block:
                self.start(0, tensors).infer()
        else:
            self.spread(block)
        self.at += self.per_call

    def spread(self, block):
        count = len(self.requests)
        for i, tensors in enumerate(block):
            if i >= count:
                self.requests[i % count].wait()
            self.start(i % count, tensors).start_async()
        for request in self.requests:
            request.wait()


def main():
    a = network.arguments()
    layers = network.read_weights(a)
    hints = ("LATENCY",) if a.latency else ("LATENCY", "THROUGHPUT")
    tables, tried = network.tables(a), [(hint, c) for hint in hints for c in network.chunks(a)]
    found = {f"{hint}, chunk {c}": Sampler(a, layers, c, hint, tables) for hint, c in tried}
    how = serve.fastest(found, 0.5)
    sampler = found[how]
    half = np.full((1, a.dim), 0.5, np.float32)
    value = float(compiled(a, layers, 1, "LATENCY")(half)[0].astype(np.float64).sum())

    def go(k):
        if a.latency:
            return serve.latencies(sampler, k)
        for _ in range(k):
            sampler()

    serve.serve({"version": openvino.__version__, "how": how, "value": value}, go)


main()
