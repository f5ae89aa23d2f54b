"""Training steps of our velocity regression in JAX: what torch_train.py states, jitted, the whole loop of a request one `fori_loop`.

Random numbers come from the `unsafe_rbg` generator, the fastest JAX has on a processor.
"""
import argparse
import functools
import math

import jax
import jax.numpy as jnp

import serve

ROWS, FREQUENCIES, RATE, CLIP, EMA = 20000, 8, 1e-3, 1.0, 0.999
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def initial(key, dim, width, depth):
    """[(W, b)], the time features' weights below those of x in the first."""
    sizes = [dim + 2 * FREQUENCIES] + [width] * depth + [dim]
    keys = jax.random.split(key, depth + 2)
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        deviation = math.sqrt((0.01 if i == depth else 2.0) / a)
        layers.append((deviation * jax.random.normal(keys[i], (a, b)), jnp.zeros(b)))
    x_part = jax.random.normal(keys[-1], (dim, width)) / math.sqrt(dim)
    t_part = layers[0][0][dim:] / math.sqrt(2 / sizes[0]) / math.sqrt(2 * FREQUENCIES)
    layers[0] = (jnp.concatenate([x_part, t_part]), layers[0][1])
    return layers


def network(layers, t, x):
    omega = math.pi / 2 * 16.0 ** (jnp.arange(FREQUENCIES) / (FREQUENCIES - 1))
    h = jnp.concatenate([x, jnp.cos(t * omega), jnp.sin(t * omega)], 1)
    for w, b in layers[:-1]:
        h = jax.nn.silu(h @ w + b)
    w, b = layers[-1]
    return h @ w + b


def loss_of(layers, data, key, batch):
    rows, noise, times = jax.random.split(key, 3)
    x1 = data[jax.random.randint(rows, (batch,), 0, ROWS)]
    x0 = jax.random.normal(noise, x1.shape)
    t = jax.random.uniform(times, (batch, 1))
    alpha, beta = jnp.cos(math.pi / 2 * t), jnp.sin(math.pi / 2 * t)
    f = network(layers, t, alpha * x0 + beta * x1)
    return jnp.mean((f - (alpha * x1 - beta * x0)) ** 2)


def step(state, data, batch):
    params, first, second, average, key, k = state
    key, now = jax.random.split(key)
    loss, g = jax.value_and_grad(loss_of)(params, data, now, batch)
    norm = jnp.sqrt(sum(jnp.vdot(x, x) for x in jax.tree.leaves(g)))
    scale = jnp.minimum(1.0, CLIP / (norm + 1e-6))
    k = k + 1
    c1, c2 = 1 - BETA1**k, 1 - BETA2**k
    g = jax.tree.map(lambda x: x * scale, g)
    first = jax.tree.map(lambda m, x: BETA1 * m + (1 - BETA1) * x, first, g)
    second = jax.tree.map(lambda v, x: BETA2 * v + (1 - BETA2) * x * x, second, g)
    params = jax.tree.map(lambda p, m, v: p - RATE * (m / c1) / (jnp.sqrt(v / c2) + EPSILON), params, first, second)
    average = jax.tree.map(lambda a, p: EMA * a + (1 - EMA) * p, average, params)
    return (params, first, second, average, key, k), loss


def main():
    parser = argparse.ArgumentParser()
    for name, value in (("width", 64), ("depth", 3), ("dim", 2), ("batch", 256), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    a = parser.parse_args()
    jax.config.update("jax_default_prng_impl", "unsafe_rbg")
    keys = jax.random.split(jax.random.key(1), 4)
    shape = (ROWS, a.dim)
    data = 0.1 * jax.random.normal(keys[0], shape) + 2.0 * jax.random.randint(keys[1], shape, 0, 2) - 1
    params = initial(keys[2], a.dim, a.width, a.depth)
    zeros = jax.tree.map(jnp.zeros_like, params)

    @functools.partial(jax.jit, donate_argnums=0)
    def loop(state, steps):
        """`steps` steps in one loop on the device, and the mean of their losses."""

        def body(_, carry):
            state, total = carry
            state, loss = step(state, data, a.batch)
            return state, total + loss

        state, total = jax.lax.fori_loop(0, steps, body, (state, 0.0))
        return state, total / steps

    copies = [jax.tree.map(jnp.copy, x) for x in (params, zeros, zeros, params)]
    state, _ = loop((*copies, keys[3], jnp.float32(0)), 5)
    jax.block_until_ready(state)

    def go(k):
        nonlocal state
        state, loss = loop(state, k)
        return {"loss": float(loss)}

    serve.serve({"version": jax.__version__, "how": "one fori_loop"}, go)


main()
