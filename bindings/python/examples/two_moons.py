# %% [markdown]
# # Two moons
#
# A generator learns two interleaving half circles and draws new points with one network evaluation each; a flow learns their
# density. Run it as a script or cell by cell: `python3 two_moons.py [FIGURE.png]`.

# %%
import sys
import time

import numpy as np

from pushforward import OneStepGenerator


def two_moons(n: int, seed: int = 1, noise: float = 0.06) -> np.ndarray:
    """n points of two half circles, (n, 2)."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, n)
    upper = np.arange(n) % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.column_stack([x, y]) + noise * rng.normal(size=(n, 2))


X = two_moons(20000)

# %% [markdown]
# ## A one-step generator
#
# `budget="20s"` in the place of `steps` trains for that long. Ctrl-C leaves a checkpoint, and the same call goes on from it.


# %%
def show(p):
    print(f"\r{p.stage}: step {p.done} of {p.total}, {p.eta_seconds:.0f} s to go   ", end="", file=sys.stderr)


generator = OneStepGenerator(method="characteristic", steps=8000)
generator.fit(X, progress=show, checkpoint="two_moons.checkpoint", resume=True)

begun = time.perf_counter()
samples = generator.sample(20000)
print(f"\n{len(samples)} samples in {1000 * (time.perf_counter() - begun):.0f} ms", file=sys.stderr)

# %% [markdown]
# ## A flow, for the density
#
# `score_samples` is log p in nats, as in scikit-learn.

# %%
flow = OneStepGenerator(method="cnf", steps=1000, width=32, depth=2, batch=256, learning_rate=0.01)
flow.fit(X, progress=show)
held = two_moons(4000, seed=2)
print(f"\nmean log p of fresh points: {flow.score(held):.3f} nats", file=sys.stderr)

# %% [markdown]
# ## The figure

# %%
try:
    import matplotlib

    matplotlib.use("Agg" if len(sys.argv) > 1 else matplotlib.get_backend())
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("the figure needs matplotlib: pip install matplotlib")

x, y = np.meshgrid(np.linspace(-1.5, 2.5, 241), np.linspace(-1.1, 1.6, 163))
log_p = flow.score_samples(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)

figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), sharex=True, sharey=True, layout="constrained")
for axis, points, title in ((axes[0], X, "data"), (axes[1], samples, "one network evaluation a sample")):
    axis.scatter(points[:5000, 0], points[:5000, 1], s=1, alpha=0.5, linewidths=0)
    axis.set_title(title)
shown = axes[2].pcolormesh(x, y, np.exp(log_p), shading="auto", cmap="Blues", rasterized=True)
axes[2].set_title("density of the flow")
figure.colorbar(shown, ax=axes[2], label="p", shrink=0.75)
axes[0].set(xlim=(-1.5, 2.5), ylim=(-1.1, 1.6))
for axis in axes:
    axis.set_aspect("equal")

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=120)
else:
    plt.show()
