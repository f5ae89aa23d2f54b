"""One-step samples through the generator's network in PyTorch, eager or compiled, in inference mode.

The table is mapped in blocks of --rows, chunk by chunk; the chunk size is the fastest of several. Compiled: with the weights
frozen into the program, with default settings or `max-autotune`, whichever is faster. --normals: the noise is drawn too.
"""
import torch

import network
import serve

COMPILED = (("default", 1024), ("default", 4096), ("default", 16384), ("max-autotune", 4096))  # mode, chunk


def make_net(layers, precision):
    modules = []
    for w, b in layers:
        linear = torch.nn.Linear(*w.shape)
        linear.weight.data = torch.from_numpy(w.T.copy())
        linear.bias.data = torch.from_numpy(b.copy())
        modules += [linear, torch.nn.SiLU(inplace=True)]
    net = torch.nn.Sequential(*modules[:-1]).eval()
    return net.bfloat16() if precision == "bf16" else net


class Sampler:
    """Calls map the next block of the table."""

    def __init__(self, a, net, chunk, tables):
        self.a, self.net, self.chunk, self.at = a, net, chunk, 0
        self.bf16 = a.precision == "bf16"
        self.noise, self.samples = tables

    def __call__(self):
        a = self.a
        if self.at + a.rows > network.TABLE:
            self.at = 0
        for i in range(self.at, self.at + a.rows, self.chunk):
            x = torch.randn(self.chunk, a.dim) if a.normals else self.noise[i:i + self.chunk]
            self.samples[i:i + self.chunk] = self.net(x.bfloat16() if self.bf16 else x)
        self.at += a.rows


def samplers(a, layers):
    """By name: everything worth trying."""
    net, tables = make_net(layers, a.precision), [torch.from_numpy(t) for t in network.tables(a)]
    if not a.compile:
        return {f"chunk {c}": Sampler(a, net, c, tables) for c in network.chunks(a)}
    found = {}
    for mode, chunk in COMPILED:
        chunk = min(chunk, a.rows)
        compiled = torch.compile(net, mode=mode, dynamic=False)
        found[f"{mode}, chunk {chunk}"] = Sampler(a, compiled, chunk, tables)
    return found


def main():
    a = network.arguments("--compile", "--normals")
    torch.set_num_threads(a.threads)
    torch.set_num_interop_threads(1)
    layers = network.read_weights(a)
    if a.compile:
        import torch._inductor.config as inductor

        inductor.freezing = True
    with torch.inference_mode(), torch.no_grad():
        found = samplers(a, layers)
        how = serve.fastest(found, 0.5)
        sampler = found[how]
        half = torch.full((1, a.dim), 0.5)
        net = make_net(layers, a.precision)
        value = float(net(half.bfloat16() if a.precision == "bf16" else half).float().sum())

        def go(k):
            if a.latency:
                return serve.latencies(sampler, k)
            for _ in range(k):
                sampler()

        serve.serve({"version": torch.__version__, "how": how, "value": value}, go)


main()
