"""OT-Flow's potential in PyTorch: gradient and trace of the Hessian, and whole training steps.

  Phi(s)  w^T u_M + 1/2 |A s|^2 + b^T s + c, s = [x; r]
  u_0     sigma(K_0 s + b_0),  u_i = u_{i-1} + h sigma(K_i u_{i-1} + b_i), h = 1/M
  sigma   log(e^a + e^-a), whose derivative is tanh

--work trace: gradient and trace of --rows rows. closed: by formula, the Jacobian of the hidden layer carried along as one
width x dim x rows table, in the order of the published code. hutchinson: the gradient by autograd, the trace by one Rademacher
probe and a second pass of autograd; drawing the probe is on the clock.
--work step: loss alpha_1 C + alpha_2 R + L through nt steps of RK4 by the closed form, backward(), Adam (fused), and a clamp of
all parameters to [-1.5, 1.5] before the step. --compile: the closed form compiled.

--problem FILE: raw floats that ours wrote, the same problem for all: K_0, b_0, then K_i, b_i for each residual layer, w, A, b, c
(matrices by rows), then the rows: s for trace, x for step. `value` is the mean over these rows of trace + |gradient|^2, or their
loss. Without a file the parameters and rows are drawn here. --check: values computed by hand, and by other ways; then it leaves.
"""
import argparse
import sys

import numpy as np
import torch

import serve

TABLE, RATE, CLAMP, RANK = 20000, 0.03, 1.5, 10
ALPHA_TERMINAL, ALPHA_HJB = 500.0, 5.0
CHUNKS = (64, 128, 256)  # rows at a time, beside all at once


def sigma(a):
    return a + torch.nn.functional.softplus(-2 * a, threshold=40)


class Potential:
    def __init__(self, dim, width, layers=1):
        rank, big = min(RANK, dim + 1), dim + 1
        self.dim, self.h = dim, 1 / layers
        shapes = [(width, big), (width,)] + layers * [(width, width), (width,)] + [(width,), (rank, big), (big,), (1,)]
        self.parameters = [torch.zeros(shape) for shape in shapes]
        for k in range(2 * layers + 2):
            bound = self.parameters[k - k % 2].shape[1] ** -0.5
            self.parameters[k].uniform_(-bound, bound)
        self.parameters[-4].fill_(1)
        torch.nn.init.xavier_uniform_(self.parameters[-3])

    def assign(self, numbers):
        """Takes the parameters from the front of a flat array; returns the rest of it."""
        for k, p in enumerate(self.parameters):
            self.parameters[k] = torch.from_numpy(numbers[: p.numel()].reshape(p.shape).copy())
            numbers = numbers[p.numel():]
        return numbers

    def require_gradients(self):
        for p in self.parameters:
            p.requires_grad_()

    def __call__(self, s):
        k0, b0, *residual, w, a, b, c = self.parameters
        u = sigma(torch.addmm(b0, s, k0.t()))
        for k, bias in zip(residual[::2], residual[1::2]):
            u = u + self.h * sigma(torch.addmm(bias, u, k.t()))
        return u @ w + 0.5 * (s @ a.t()).square().sum(1) + s @ b + c

    def closed(self, s):
        """Gradient, rows x (dim + 1), and trace over the first dim coordinates, by formula. Inside, columns are rows."""
        k0, b0, *residual, w, a, b, _ = self.parameters
        kernels, biases, kx = residual[::2], residual[1::2], k0[:, : self.dim]
        at = torch.addmm(b0[:, None], k0, s.t())
        tanhs, u = [torch.tanh(at)], sigma(at)
        for i, (k, bias) in enumerate(zip(kernels, biases)):
            at = torch.addmm(bias[:, None], k, u)
            tanhs.append(torch.tanh(at))
            if i + 1 < len(kernels):
                u = u + self.h * sigma(at)
        z = [w[:, None]]  # z_{M+1}, ..., z_1
        for k, tanh in zip(kernels[::-1], tanhs[:0:-1]):
            z.append(z[-1] + self.h * (k.t() @ (tanh * z[-1])))
        z.reverse()
        gram = a.t() @ a
        gradient = (k0.t() @ (tanhs[0] * z[0])).t() + torch.addmm(b, s, gram)
        trace = kx.square().sum(1) @ ((1 - tanhs[0].square()) * z[0]) + gram.diagonal()[: self.dim].sum()
        jacobian = kx[:, :, None] * tanhs[0][:, None]
        for i, k in enumerate(kernels):
            tanh = tanhs[i + 1]
            moved = (k @ jacobian.reshape(len(k), -1)).reshape(jacobian.shape)
            trace = trace + self.h * ((1 - tanh.square()) * z[i + 1] * moved.square().sum(1)).sum(0)
            if i + 1 < len(kernels):
                jacobian = jacobian + self.h * tanh[:, None] * moved
        return gradient, trace

    def hutchinson(self, s):
        """The same by autograd, the trace by one probe. s must require its gradient."""
        probe = torch.zeros_like(s)
        probe[:, : self.dim] = 2 * torch.randint(0, 2, (len(s), self.dim)) - 1
        gradient, = torch.autograd.grad(self(s).sum(), s, create_graph=True)
        product, = torch.autograd.grad((gradient * probe).sum(), s)
        return gradient.detach(), (product * probe).sum(1)


def right_hand_side(derivatives, state, r, dim):
    """Of (x, l, v, q), alpha_0 = 1."""
    s = torch.nn.functional.pad(state[:, :dim], (0, 1), value=r)
    gradient, trace = derivatives(s)
    velocity = -gradient[:, :dim]
    cost = 0.5 * velocity.square().sum(1, keepdim=True)
    return torch.cat([velocity, -trace[:, None], cost, (cost - gradient[:, dim:]).abs()], 1)


def integrate(derivatives, x, nt, start=0.0, end=1.0):
    """nt steps of the classical RK4 from (x, 0, 0, 0)."""
    dim, h = x.shape[1], (end - start) / nt
    state = torch.nn.functional.pad(x, (0, 3))
    for k in range(nt):
        r = start + k * h
        k1 = right_hand_side(derivatives, state, r, dim)
        k2 = right_hand_side(derivatives, state + (h / 2) * k1, r + h / 2, dim)
        k3 = right_hand_side(derivatives, state + (h / 2) * k2, r + h / 2, dim)
        k4 = right_hand_side(derivatives, state + h * k3, r + h, dim)
        state = state + (h / 6) * (k1 + 2 * k2 + 2 * k3 + k4)
    return state


def loss_of(derivatives, x, nt):
    state = integrate(derivatives, x, nt)
    dim = x.shape[1]
    terminal = 0.5 * state[:, :dim].square().sum(1) + 0.5 * dim * np.log(2 * np.pi) - state[:, dim]
    return (state[:, dim + 1] + ALPHA_TERMINAL * terminal + ALPHA_HJB * state[:, dim + 2]).mean()


def make_data(dim):
    """Every column is -1 or 1, plus normal noise of deviation 0.1."""
    return 0.1 * torch.randn(TABLE, dim) + 2.0 * torch.randint(0, 2, (TABLE, dim)) - 1


def read_problem(a, net, columns):
    """The rows of the problem, or rows drawn here."""
    if not a.problem:
        return torch.randn(a.rows, columns)
    rows = net.assign(np.fromfile(a.problem, dtype=np.float32))
    if rows.size != a.rows * columns:
        sys.exit(f"{a.problem} holds {rows.size} numbers after the parameters, must be {a.rows} x {columns}")
    return torch.from_numpy(rows.reshape(a.rows, columns).copy())


def by_chunks(derivatives, s, chunk):
    def call():
        pieces = [derivatives(piece) for piece in s.split(chunk)]
        return torch.cat([g for g, _ in pieces]), torch.cat([t for _, t in pieces])

    return call


def trace_work(a):
    """The work of an iteration, how it is done, and `value`, which a random probe does not have."""
    net = Potential(a.dim, a.width, a.layers)
    s = read_problem(a, net, a.dim + 1)
    if a.by == "hutchinson":
        s.requires_grad_()
        return lambda: net.hutchinson(s), "autograd, one probe", None
    torch.set_grad_enabled(False)
    derivatives = torch.compile(net.closed, dynamic=False) if a.compile else net.closed
    chunks = [c for c in CHUNKS if c < a.rows and a.rows % c == 0] + [a.rows]
    candidates = {f"{c} rows at a time": by_chunks(derivatives, s, c) for c in chunks}
    how = serve.fastest(candidates, 0.5)
    gradient, trace = candidates[how]()
    return candidates[how], how, float((trace.double() + gradient.double().square().sum(1)).mean())


def step_work(a):
    net = Potential(a.dim, a.width, a.layers)
    rows = read_problem(a, net, a.dim)
    net.require_gradients()
    derivatives = torch.compile(net.closed, dynamic=False) if a.compile else net.closed
    with torch.no_grad():
        value = float(loss_of(net.closed, rows, a.nt))
    data, adam = make_data(a.dim), torch.optim.Adam(net.parameters, lr=RATE, fused=True)

    def step():
        with torch.no_grad():
            torch._foreach_clamp_min_(net.parameters, -CLAMP)
            torch._foreach_clamp_max_(net.parameters, CLAMP)
        loss = loss_of(derivatives, data[torch.randint(0, TABLE, (a.rows,))], a.nt)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    return step, "compiled" if a.compile else "eager", value


# ---- the check ----

EXAMPLE = ([[.1, .2, .3], [-.4, .5, -.6]], [.1, -.2], [[.3, -.1], [.2, .4]], [.05, -.05], [1, -.5], [[.2, -.3, .1]],
           [.1, .2, .3], [0])
EXAMPLE_STATES = {1: (.5046546415, -1.5122557981, -.1042858831, .0489118799, .0129942112),
                  8: (.5046632253, -1.5122604455, -.1042611032, .0489009252, .0128633717),
                  64: (.5046632275, -1.5122604469, -.1042610968, .0489009227, .0128457759)}


def exact_by_autograd(net, s):
    s = s.clone().requires_grad_()
    gradient, = torch.autograd.grad(net(s).sum(), s, create_graph=True)
    trace = sum(torch.autograd.grad(gradient[:, k].sum(), s, retain_graph=True)[0][:, k] for k in range(net.dim))
    return gradient.detach(), trace.detach()


def check():
    """Exits 1 unless all holds."""
    torch.set_default_dtype(torch.float64)
    faults = 0

    def compare(what, found, wanted, tolerance):
        nonlocal faults
        error = float((torch.as_tensor(found) - torch.as_tensor(wanted)).abs().max())
        faults += not error <= tolerance
        print(f"{'ok' if error <= tolerance else 'not ok'} {what}: {error:.1e}, at most {tolerance:.0e}")

    net = Potential(2, 2)
    net.parameters = [torch.tensor(p, dtype=torch.float64) for p in EXAMPLE]
    s = torch.tensor([[.5, -1.2, .4]])
    gradient, trace = net.closed(s)
    compare("potential of the example", net(s), [.3532290610], 1e-9)
    compare("its gradient", gradient, [[-.0075133063, .3189702445, .0431509383]], 1e-9)
    compare("its trace", trace, [.0930031139], 1e-9)
    for nt, wanted in EXAMPLE_STATES.items():
        compare(f"its state after {nt} RK4 steps", integrate(net.closed, s[:, :2], nt), [wanted], 1e-9)
    there = integrate(net.closed, s[:, :2], 8)[:, :2]
    back = integrate(net.closed, there, 8, 1.0, 0.0)[:, :2]
    compare("its inverse error, 8 steps", (back - s[:, :2]).abs().max(), 1.9e-10, 1e-11)
    for layers in (1, 2, 3):
        net, s = Potential(5, 7, layers), torch.randn(9, 6)
        for what, found, wanted in zip(("gradient", "trace"), net.closed(s), exact_by_autograd(net, s)):
            compare(f"{what} by formula against autograd, {layers} residual layer(s)", found, wanted, 1e-12)
    net, s = Potential(3, 4), torch.randn(1, 4)
    gradient, traces = net.hutchinson(s.expand(20000, 4).clone().requires_grad_())
    compare("gradient of the probing way", gradient[0], net.closed(s)[0][0], 1e-12)
    compare("its mean trace in standard errors", (traces.mean() - net.closed(s)[1][0]) / (traces.std() * 20000**-0.5), 0, 3)
    sys.exit(faults > 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=("trace", "step"), default="trace")
    parser.add_argument("--by", choices=("closed", "hutchinson"), default="closed")
    for name, value in (("dim", 43), ("width", 64), ("layers", 1), ("rows", 512), ("nt", 10), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--problem")
    for flag in ("compile", "check"):
        parser.add_argument(f"--{flag}", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    if a.check:
        check()
    iteration, how, value = (trace_work if a.work == "trace" else step_work)(a)
    for _ in range(3 if a.work == "trace" else 1):
        iteration()

    def go(k):
        for _ in range(k):
            iteration()

    facts = {"version": torch.__version__, "how": how}
    serve.serve(facts if value is None else {**facts, "value": value}, go)


main()
