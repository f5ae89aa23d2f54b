"""Training steps of our velocity regression in PyTorch: the same network, interpolant, loss and optimiser.

  u(t)   cos(w_i t), sin(w_i t), w_i = pi/2 times 8 geometric frequencies from 1 to 16
  h_1    silu(W_1 [x_t, u(t)] + b_1),  h_l = silu(W_l h_{l-1} + b_l),  F = W_out h + b_out
  x_t    alpha x_0 + beta x_1, alpha = cos(pi t/2), beta = sin(pi t/2), x_0 normal, x_1 a random row, t uniform
  loss   mean (F - (alpha x_1 - beta x_0))^2
  step   gradient clipped to norm 1, Adam (fused), moving average of the weights (foreach)

--compile: the loss alone, or loss, gradient, clipping, Adam and average as one compiled function, whichever is faster
here. --plain: neither clipping nor moving average. The learning rate is constant, which spares PyTorch the schedule.
"""
import argparse
import math
import sys

import torch

import serve

ROWS, FREQUENCIES, RATE, CLIP, EMA = 20000, 8, 1e-3, 1.0, 0.999
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Velocity(torch.nn.Module):
    def __init__(self, dim, width, depth):
        super().__init__()
        sizes = [dim + 2 * FREQUENCIES] + [width] * depth
        self.hidden = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.out = torch.nn.Linear(width, dim)
        self.register_buffer("omega", math.pi / 2 * 16.0 ** (torch.arange(FREQUENCIES) / (FREQUENCIES - 1)))
        with torch.no_grad():
            for layer in self.hidden:
                layer.weight.normal_(0, math.sqrt(2 / layer.in_features))
                layer.bias.zero_()
            self.hidden[0].weight[:, :dim].normal_(0, math.sqrt(1 / dim))
            self.hidden[0].weight[:, dim:].normal_(0, math.sqrt(1 / (2 * FREQUENCIES)))
            self.out.weight.normal_(0, math.sqrt(0.01 / width))
            self.out.bias.zero_()

    def forward(self, t, x):
        angle = t * self.omega
        h = torch.cat([x, torch.cos(angle), torch.sin(angle)], 1)
        for layer in self.hidden:
            h = torch.nn.functional.silu(layer(h))
        return self.out(h)


def make_data(dim):
    """Every column is -1 or 1, plus normal noise of deviation 0.1."""
    return 0.1 * torch.randn(ROWS, dim) + 2.0 * torch.randint(0, 2, (ROWS, dim)) - 1


def loss_of(net, data, batch, bf16):
    x1 = data[torch.randint(0, ROWS, (batch,))]
    x0 = torch.randn_like(x1)
    theta = (math.pi / 2) * torch.rand(batch, 1)
    alpha, beta = torch.cos(theta), torch.sin(theta)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        f = net(theta * (2 / math.pi), alpha * x0 + beta * x1)
    return torch.nn.functional.mse_loss(f.float(), alpha * x1 - beta * x0)


class ModuleStep:
    """backward(), clip_grad_norm_, Adam(fused=True) and a foreach average around a given loss."""

    def __init__(self, net, loss, plain):
        self.loss, self.plain = loss, plain
        self.params = list(net.parameters())
        self.average = [p.detach().clone() for p in self.params]
        self.adam = torch.optim.Adam(self.params, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

    def __call__(self):
        loss = self.loss()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        if not self.plain:
            torch.nn.utils.clip_grad_norm_(self.params, CLIP, foreach=True)
        self.adam.step()
        if not self.plain:
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.params, 1 - EMA)
        return loss


class WholeStep:
    """The whole step as one function for torch.compile: its gradients are functional, its Adam foreach."""

    def __init__(self, net, loss, plain):
        self.net, self.loss, self.plain = net, loss, plain
        self.params = {name: p.detach().clone() for name, p in net.named_parameters()}
        zeros = [torch.zeros_like(p) for p in self.params.values()]
        self.first, self.second = zeros, [z.clone() for z in zeros]
        self.average = [p.clone() for p in self.params.values()]
        self.k = torch.zeros(())
        self.compiled = torch.compile(self.update, fullgraph=True, dynamic=False)

    def update(self):
        def of_params(params):
            return self.loss(lambda t, x: torch.func.functional_call(self.net, params, (t, x)))

        gradients, loss = torch.func.grad_and_value(of_params)(self.params)
        g, p = list(gradients.values()), list(self.params.values())
        if not self.plain:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(g)))
            g = torch._foreach_mul(g, torch.clamp(CLIP / (norm + 1e-6), max=1.0))
        self.k.add_(1)
        torch._foreach_lerp_(self.first, g, 1 - BETA1)
        torch._foreach_mul_(self.second, BETA2)
        torch._foreach_addcmul_(self.second, g, g, 1 - BETA2)
        scale = torch.rsqrt(1 - BETA2**self.k)
        denominator = torch._foreach_sqrt(self.second)
        torch._foreach_mul_(denominator, scale)
        torch._foreach_add_(denominator, EPSILON)
        change = torch._foreach_div(self.first, denominator)
        torch._foreach_mul_(change, -RATE / (1 - BETA1**self.k))
        torch._foreach_add_(p, change)
        if not self.plain:
            torch._foreach_lerp_(self.average, p, 1 - EMA)
        return loss

    def __call__(self):
        return self.compiled()


def compiled_steps(a, data):
    """Both ways to compile a step, by name; a way that this version of PyTorch refuses is left out."""

    def loss(net):
        return loss_of(net, data, a.batch, a.precision == "bf16")

    net = Velocity(a.dim, a.width, a.depth)
    compiled_loss = torch.compile(lambda: loss(net), dynamic=False)
    steps = {"loss": ModuleStep(net, compiled_loss, a.plain)}
    whole = WholeStep(Velocity(a.dim, a.width, a.depth), loss, a.plain)
    try:
        whole()
        steps["whole"] = whole
    except Exception as problem:
        print("the whole step does not compile:", problem, file=sys.stderr)
    return steps


def main():
    parser = argparse.ArgumentParser()
    for name, value in (("width", 64), ("depth", 3), ("dim", 2), ("batch", 256), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--plain", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    data, how = make_data(a.dim), "eager"
    if a.compile:
        steps = compiled_steps(a, data)
        how = serve.fastest(steps, 1.0)
        step = steps[how]
    else:
        net = Velocity(a.dim, a.width, a.depth)
        step = ModuleStep(net, lambda: loss_of(net, data, a.batch, a.precision == "bf16"), a.plain)
    for _ in range(5):
        step()

    def go(k):
        losses = torch.zeros(())
        for _ in range(k):
            losses += step().detach()
        return {"loss": float(losses) / k}

    serve.serve({"version": torch.__version__, "how": how}, go)


main()
