"""WGAN-GP (arXiv 1704.00028) in PyTorch: critic steps with the gradient penalty, and whole training iterations.

  G, D    L layers of W with ReLU, a last layer without; D columns of noise as of data, one output of the critic
  critic  mean D(x) - mean D(y) + 10 mean (|grad D(xh)| - 1)^2,  y = G(z), xh = u x + (1 - u) y, u uniform in each row
  other   mean D(G(z)): like ours, D is large on samples
  Adam    fused, rate 1e-4, betas (.5, .9)

--work step: an iteration is --critic-steps critic steps and a generator step. critic, critic-first: an iteration is one critic step,
with the penalty or without.
Eager, the faster of two ways to grad D: autograd (grad with create_graph, differentiated again by backward), and the formula
W_1^T m_1 W_2^T m_2 .. w with the masks of ReLU, of which backward is an ordinary one; x and y go through D as one batch.
--compile: torch.compile cannot differentiate twice through a compiled function, so the second differentiation must be inside of
it. The fastest of: `loss`, by formula, the loss compiled, backward and fused Adam outside; `whole`, the step (loss, gradient
by torch.func.grad within torch.func.grad, Adam) as one function; `whole formula`, the same by formula.

--problem FILE: raw floats that ours wrote: W (by rows) and b of each layer of G, then of D, then x, z (rows x dim each) and u (rows).
`value` is the critic's loss there plus the norm of its gradient in the parameters. --check: the ways against each other and against
finite differences; then it leaves.
"""
import argparse
import sys

import numpy as np
import torch

import serve

TABLE, RATE, WEIGHT = 20000, 1e-4, 10.0
BETA1, BETA2, EPSILON = 0.5, 0.9, 1e-8


# ---- networks: flat lists W, b, W, b, .. ----

def make_network(sizes):
    out = []
    for n, m in zip(sizes, sizes[1:]):
        out += [torch.randn(m, n) * (2 / n) ** 0.5, torch.zeros(m)]
    return out


def apply(net, x):
    *hidden, w, b = net
    for k in range(0, len(hidden), 2):
        x = torch.relu(torch.addmm(hidden[k + 1], x, hidden[k].t()))
    return torch.addmm(b, x, w.t())


def slope_by_formula(net, x):
    """grad D at every row."""
    *hidden, w, _ = net
    masks = []
    for k in range(0, len(hidden), 2):
        a = torch.addmm(hidden[k + 1], x, hidden[k].t())
        masks.append(a.detach() > 0)
        x = torch.relu(a)
    g = w
    for k in range(len(hidden) - 2, -1, -2):
        g = (masks[k // 2] * g) @ hidden[k]
    return g


def slope_by_autograd(net, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(apply(net, x).sum(), x, create_graph=True)[0]


def slope_by_func(net, x):
    return torch.func.grad(lambda at: apply(net, at).sum())(x)


# ---- losses ----

def critic_loss(net, x, y, u, slope):
    """slope: None for no penalty."""
    both = apply(net, torch.cat([x, y]))
    loss = both[: len(x)].mean() - both[len(x):].mean()
    if slope is None:
        return loss
    norm = slope(net, torch.lerp(y, x, u)).square().sum(1).clamp_min(1e-12).sqrt()
    return loss + WEIGHT * (norm - 1).square().mean()


class Problem:
    """Both networks, the table of data, and what steps draw."""

    def __init__(self, a):
        self.rows, self.dim = a.rows, a.dim
        inner = [a.width] * a.depth
        self.generator = make_network([a.dim, *inner, a.dim])
        self.critic = make_network([a.dim, *inner, 1])
        self.data = torch.randn(TABLE, a.dim)
        self.given = None
        if a.problem:
            self.read(a.problem)

    def read(self, path):
        numbers = torch.from_numpy(np.fromfile(path, dtype=np.float32))
        pieces = self.generator + self.critic + [torch.empty(self.rows, k) for k in (self.dim, self.dim, 1)]
        if len(numbers) != sum(p.numel() for p in pieces):
            sys.exit(f"{path} holds {len(numbers)} numbers, must be {sum(p.numel() for p in pieces)}")
        for piece, part in zip(pieces, numbers.split([p.numel() for p in pieces])):
            piece.copy_(part.view_as(piece))
        self.given = pieces[-3:]

    def noise(self):
        return torch.randn(self.rows, self.dim)

    def draw(self, between):
        """x, y, u of a critic step."""
        with torch.no_grad():
            x = self.data[torch.randint(0, TABLE, (self.rows,))]
            return x, apply(self.generator, self.noise()), torch.rand(self.rows, 1) if between else None

    def value(self):
        """None without a problem of ours."""
        if not self.given:
            return None
        x, z, u = self.given
        net = [p.detach().clone().requires_grad_() for p in self.critic]
        loss = critic_loss(net, x, apply(self.generator, z).detach(), u, slope_by_autograd)
        gradients = torch.autograd.grad(loss, net)
        return float(loss.detach() + torch.stack([g.square().sum() for g in gradients]).sum().sqrt())


# ---- steps around autograd ----

class ModuleSteps:
    """backward() and Adam(fused=True) around given losses."""

    def __init__(self, problem, slope, compiled=False):
        self.problem, self.slope = problem, slope
        self.generator = [p.detach().clone().requires_grad_() for p in problem.generator]
        self.critic = [p.detach().clone().requires_grad_() for p in problem.critic]
        problem.generator = self.generator  # whose samples the critic sees
        self.critic_adam, self.generator_adam = (
            torch.optim.Adam(p, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)
            for p in (self.critic, self.generator))
        self.of_critic, self.of_generator = self.critic_loss, self.generator_loss
        if compiled:
            self.of_critic = torch.compile(self.critic_loss, dynamic=False)
            self.of_generator = torch.compile(self.generator_loss, dynamic=False)

    def critic_loss(self):
        return critic_loss(self.critic, *self.problem.draw(self.slope is not None), self.slope)

    def generator_loss(self):
        return apply(self.critic, apply(self.generator, self.problem.noise())).mean()

    def critic_step(self):
        loss = self.of_critic()
        self.critic_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_adam.step()

    def generator_step(self):
        for p in self.critic:
            p.requires_grad_(False)
        loss = self.of_generator()
        self.generator_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.generator_adam.step()
        for p in self.critic:
            p.requires_grad_()


# ---- steps as one function each ----

class Foreach:
    """Adam for torch.compile."""

    def __init__(self, params):
        self.params, self.k = params, torch.zeros(())
        self.first, self.second = ([torch.zeros_like(p) for p in params] for _ in range(2))

    def step(self, gradients):
        self.k.add_(1)
        torch._foreach_lerp_(self.first, gradients, 1 - BETA1)
        torch._foreach_mul_(self.second, BETA2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETA2)
        below = torch._foreach_sqrt(self.second)
        torch._foreach_mul_(below, torch.rsqrt(1 - BETA2**self.k))
        torch._foreach_add_(below, EPSILON)
        change = torch._foreach_div(self.first, below)
        torch._foreach_mul_(change, -RATE / (1 - BETA1**self.k))
        torch._foreach_add_(self.params, change)


class WholeSteps:
    """A critic step and a generator step, each one compiled function with functional gradients."""

    def __init__(self, problem, slope):
        self.problem, self.slope = problem, slope
        self.generator, self.critic = ([p.detach().clone() for p in net] for net in (problem.generator, problem.critic))
        problem.generator = self.generator
        self.critic_adam, self.generator_adam = Foreach(self.critic), Foreach(self.generator)
        self.critic_step = torch.compile(self.update_critic, fullgraph=True, dynamic=False)
        self.generator_step = torch.compile(self.update_generator, fullgraph=True, dynamic=False)

    def update_critic(self):
        x, y, u = self.problem.draw(self.slope is not None)
        self.critic_adam.step(torch.func.grad(critic_loss)(self.critic, x, y, u, self.slope))

    def update_generator(self):
        z = self.problem.noise()
        self.generator_adam.step(torch.func.grad(lambda net: apply(self.critic, apply(net, z)).mean())(self.generator))


# ---- what an iteration is ----

def candidates(a):
    """Ways to take steps, by name: functions that make them."""
    first = a.work == "critic-first"
    if a.compile and first:
        return {"loss": lambda: ModuleSteps(Problem(a), None, True), "whole": lambda: WholeSteps(Problem(a), None)}
    if a.compile:
        return {"loss": lambda: ModuleSteps(Problem(a), slope_by_formula, True),
                "whole": lambda: WholeSteps(Problem(a), slope_by_func),
                "whole formula": lambda: WholeSteps(Problem(a), slope_by_formula)}
    if first:
        return {"eager": lambda: ModuleSteps(Problem(a), None)}
    return {"autograd": lambda: ModuleSteps(Problem(a), slope_by_autograd),
            "formula": lambda: ModuleSteps(Problem(a), slope_by_formula)}


def iteration_of(steps, a):
    def iteration():
        for _ in range(a.critic_steps):
            steps.critic_step()
        steps.generator_step()

    return iteration if a.work == "step" else steps.critic_step


def working(a):
    """Iterations by name; a way that this version of PyTorch refuses is left out."""
    found = {}
    for name, make in candidates(a).items():
        try:
            iteration = iteration_of(make(), a)
            iteration()
            found[name] = iteration
        except Exception as problem:
            print(f"{name} does not work:", problem, file=sys.stderr)
    return found


# ---- the check ----

def check():
    """Exits 1 unless all holds."""
    torch.set_default_dtype(torch.float64)
    faults = 0

    def compare(what, found, wanted, tolerance):
        nonlocal faults
        error = float((torch.as_tensor(found) - torch.as_tensor(wanted)).abs().max())
        faults += not error <= tolerance
        print(f"{'ok' if error <= tolerance else 'not ok'} {what}: {error:.1e}, at most {tolerance:.0e}")

    # one unit, W = (3, 4), b = 1, w = -2, at (1, 1): D = -2 (3 + 4 + 1) = -16, grad D = (-6, -8), penalty 10 (10 - 1)^2
    net = [torch.tensor([[3.0, 4.0]]), torch.tensor([1.0]), torch.tensor([[-2.0]]), torch.tensor([0.0])]
    one, two, u = torch.ones(1, 2), 2 * torch.ones(1, 2), torch.zeros(1, 1)
    for slope in (slope_by_formula, slope_by_autograd, slope_by_func):
        compare(f"a loss by hand, {slope.__name__}", critic_loss(net, two, one, u, slope).detach(), -30 + 16 + 810, 1e-12)
    net = [p + 0.1 * torch.randn_like(p) for p in make_network([3, 8, 7, 6, 1])]
    x, y, u = torch.randn(9, 3), torch.randn(9, 3), torch.rand(9, 1)
    wanted = torch.func.grad(critic_loss)(net, x, y, u, slope_by_func)
    trained = [p.clone().requires_grad_() for p in net]
    for slope in (slope_by_formula, slope_by_autograd):
        # the last bias has no gradient but that of the two means, which cancel
        found = torch.autograd.grad(critic_loss(trained, x, y, u, slope), trained)
        for k, (f, w) in enumerate(zip(found, wanted)):
            compare(f"gradient of parameter {k}, {slope.__name__}", f, w, 1e-12)
    step = 1e-6
    for k, i in ((0, 5), (1, 2), (2, 9), (4, 3), (6, 1)):
        ends = []
        for sign in (1, -1):
            moved = [p.clone() for p in net]
            moved[k].view(-1)[i] += sign * step
            ends.append(float(critic_loss(moved, x, y, u, slope_by_formula)))
        compare(f"difference quotient of parameter {k}", (ends[0] - ends[1]) / (2 * step), wanted[k].reshape(-1)[i], 1e-6)
    sys.exit(faults > 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=("step", "critic", "critic-first"), default="step")
    for name, value in (("dim", 2), ("width", 512), ("depth", 3), ("rows", 256), ("threads", 1), ("critic-steps", 5)):
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
    value = Problem(a).value()
    found = working(a)
    how = serve.fastest(found, 1.0)

    def go(k):
        for _ in range(k):
            found[how]()

    facts = {"version": torch.__version__, "how": how}
    serve.serve(facts if value is None else {**facts, "value": value}, go)


main()
