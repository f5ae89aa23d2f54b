"""Rows of `pushforward sample` from `pushforward export MODEL --to weights`, with PyTorch: load_in_torch.py FILE [N [SEED [GIVEN]]]"""
import json, sys
import numpy as np, torch

blob = open(sys.argv[1], "rb").read()  # safetensors: length, JSON header, data; `safetensors` reads it too
start = 8 + int.from_bytes(blob[:8], "little")
header = json.loads(blob[8:start])
kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
array = {k: np.frombuffer(blob[start + v["data_offsets"][0]:start + v["data_offsets"][1]], kinds[v["dtype"]]).reshape(v["shape"])
         for k, v in header.items() if k != "__metadata__"}
about = json.loads(header["__metadata__"]["pushforward_weights"])

def noise(seed, n, d):  # Philox4x32-10 and Box-Muller: row i, block b of four values
    mix = lambda x: (y := (z := (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64) ^ z >> 27) * 0x94D049BB133111EB % 2**64
    mix64 = lambda x: mix(x) ^ mix(x) >> 31
    key, blocks = mix64(mix64(seed)), (d + 3) // 4
    row, block = np.divmod(np.arange(n * blocks, dtype=np.uint64), np.uint64(blocks))
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    c, k = [row & low, row >> half, block, np.full_like(row, 4)], [key % 2**32, key >> 32]
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(q >> half) ^ c[1] ^ np.uint64(k[0]), q & low, (p >> half) ^ c[3] ^ np.uint64(k[1]), p & low]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    polar = [np.sqrt(-2 * np.log((c[i] + .5) / 2**32)) * f(2 * np.pi * c[i + 1] / 2**32) for i in (0, 2) for f in (np.cos, np.sin)]
    return torch.tensor(np.stack(polar, 1).reshape(n, -1)[:, :d], dtype=torch.float32)

def network(x):  # F(x) of the one step: the times stand in the first bias
    f = {"silu": torch.nn.functional.silu, "tanh": torch.tanh, "relu": torch.relu, "softplus": lambda a: torch.nn.functional.softplus(a, 20),
         "leaky_relu": lambda a: torch.nn.functional.leaky_relu(a, .2)}[about["activation"]]
    for l in range(about["depth"] + 1):
        bias = "one_step.bias" if l == 0 else f"layers.{l}.bias"
        y = x @ torch.tensor(array[f"layers.{l}.weight"]).T + torch.tensor(array[bias])
        x = y if l == about["depth"] else f(y) + x if about["residual"] and l > 0 else f(y)
    return x

def decode(y):  # docs/format.md, "Encoder arrays"
    out, at = np.empty(y.shape), 0
    for c, ((kind, decimals, knots), (mean, scale, least, most)) in enumerate(zip(array["encoder.kinds"], array["encoder.columns"])):
        x, lower, upper = (array[f"encoder.{a}"][at:at + knots] for a in ("x", "lower", "upper"))
        at, step = at + knots, 10.0 ** -decimals if decimals >= 0 else 0
        h = step / 2 * (upper > lower)  # beside an atom the line ends half a lattice step away
        out[:, c] = mean + (scale if least < most else 0) * y[:, c] if kind == 0 else np.interp(
            .5 * torch.erfc(-y[:, c] / 2**.5).numpy(), np.stack([lower, lower, upper, upper], 1).ravel(), np.stack([x - h, x, x, x + h], 1).ravel())
        if step: out[:, c] = np.round(out[:, c] * 10.0**decimals) / 10.0**decimals
        if kind == 1: out[:, c] = out[:, c].clip(least, most)
    return out

n, seed = int(sys.argv[2]) if len(sys.argv) > 2 else 5, int(sys.argv[3]) if len(sys.argv) > 3 else 1
z, one, given = noise(seed, n, about["inputs"]), about["one_step"], about.get("given", [])
values = np.array([float(v) for v in sys.argv[4].split(",")]) if given else np.zeros(0)  # conditions, by column
mean, scale, least, most = array["encoder.columns"][given].T
z[:, given] = torch.tensor((values - mean) / np.where(least < most, scale, 1), dtype=torch.float32)
free = [c for c in range(about["inputs"]) if c not in given]
x, y = z.clone(), z.clone()
x[:, free] /= one["c"]
y[:, free] = one["of_x"] * z[:, free] + one["of_network"] * network(x)
rows = decode(y.double())
rows[:, given] = values
print(",".join(about["columns"]))
np.savetxt(sys.stdout, rows, fmt="%.9g", delimiter=",")
