"""Rows of `pushforward sample` from `pushforward export MODEL --to weights`, with PyTorch: load_in_torch.py FILE [N [SEED [GIVEN]]]"""
import json, sys
import numpy as np, torch
from torch.nn import functional as F

path, n, seed, values = (sys.argv[1:] + ["5", "1", ""][len(sys.argv) - 2:])[:4]
data = open(path, "rb").read()  # safetensors: length, JSON header, data; `safetensors` reads it too
start = 8 + int.from_bytes(data[:8], "little")
header, data = json.loads(data[8:start]), data[start:]
about = json.loads(header.pop("__metadata__")["pushforward_weights"])
types = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
array = {k: np.frombuffer(data[slice(*v["data_offsets"])], types[v["dtype"]]).reshape(v["shape"]) for k, v in header.items()}

def noise(key, n, d):  # Philox4x32-10 and Box-Muller: row i, block b of four values
    for shift, factor in 2 * [(30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)]:  # of the seed
        key = (key ^ key >> shift) * factor % 2**64
    row, block = np.indices((n, (d + 3) // 4), dtype=np.uint64)
    c = [row % 2**32, row >> 32, block, 4]
    for i in range(10):
        p, q, k, l = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57, key + i * 0x9E3779B9, (key >> 32) + i * 0xBB67AE85
        c = [q >> 32 ^ c[1] ^ k % 2**32, q % 2**32, p >> 32 ^ c[3] ^ l % 2**32, p % 2**32]
    z = [np.sqrt(-2 * np.log((c[j] + .5) / 2**32)) * f(2 * np.pi * c[j + 1] / 2**32) for j in (0, 2) for f in (np.cos, np.sin)]
    return torch.tensor(np.stack(z, 2).reshape(n, -1)[:, :d], dtype=torch.float32)

def network(x):  # F(x) of the one step: the times stand in the first bias
    special = {"softplus": lambda a: F.softplus(a, 20), "leaky_relu": lambda a: F.leaky_relu(a, .2)}
    f = special.get(about["activation"]) or getattr(F, about["activation"])
    for l in range(about["depth"] + 1):
        y = x @ torch.tensor(array[f"layers.{l}.weight"]).T + torch.tensor(array[f"layers.{l}.bias" if l else "one_step.bias"])
        x = y if l == about["depth"] else f(y) + x if about["residual"] and l else f(y)
    return x

def decode(rows):  # in place: docs/format.md, "Encoder arrays"
    at = 0
    for y, (kind, decimals, knots), (mean, scale, least, most) in zip(rows.T, array["encoder.kinds"], array["encoder.columns"]):
        x, lower, upper = (array[f"encoder.{a}"][at:at + knots] for a in ("x", "lower", "upper"))
        h = (upper > lower) * (decimals >= 0) * .5 / 10.0**decimals  # beside an atom the line ends half a lattice step away
        p, q = np.stack([lower, lower, upper, upper], 1).ravel(), np.stack([x - h, x, x, x + h], 1).ravel()
        y[:] = np.interp(torch.special.ndtr(torch.tensor(y)), p, q).clip(least, most) if kind else mean + scale * (least < most) * y
        y[:], at = y.round(decimals) if decimals >= 0 else y, at + knots
    return rows

one, given = about["one_step"], about.get("given", [])
free = [c for c in range(about["inputs"]) if c not in given]
values = np.array([float(v) for v in values.split(",") if v])  # conditions, by column
mean, scale, least, most = array["encoder.columns"][given].T
x = noise(int(seed), int(n), about["inputs"])
x[:, given] = torch.tensor((values - mean) / np.where(least < most, scale, 1)).float()
y = x.double().numpy()
x[:, free] /= one["c"]
y[:, free] = one["of_x"] * y[:, free] + one["of_network"] * network(x).numpy()
decode(y)[:, given] = values
print(",".join(about["columns"]))
np.savetxt(sys.stdout, y, fmt="%.9g", delimiter=",")
