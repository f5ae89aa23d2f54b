"""Densities of a table by other means, within a time: a Gaussian mixture by EM, or a neural spline flow.

    density_peers.py --train A.npy --valid B.npy --test C.npy --seconds S [--seed K] --model gmm|nsf [--threads T]

Columns are standardised by the training rows. What is chosen is chosen by the validation rows, the test rows are only measured.
gmm: scikit-learn's, full covariances. First 1, 2, 4, ... components until two in a row are worse; then, from the best, other
additions to the diagonal and neighbouring numbers of components until none is better; then the best with other starts. EM runs
five iterations at a time and stops when the validation rows stop gaining.
nsf: zuko's (autoregressive, 5 transforms), Adam with a cosine rate over the time that is left, the best weights on validation
kept. A run that has gained nothing for 12 validations ends, and the next, smaller and more regular setting gets what is left.

--threads is the most: one thread is taken instead where it is faster, which it often is beside other work; threads wait asleep.
The clock holds fitting and choosing, not importing, loading or the test. The last line is JSON: `nll`, nats a row in the units of
the given arrays; `valid_nll`; `standardised`, the same without the units; `seconds`; `settings`; `tried`.
"""
import argparse
import copy
import json
import math
import os
import time
import warnings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when the libraries below load

import numpy as np
from threadpoolctl import threadpool_limits

EM_STEP, EM_MOST, EM_GAIN = 5, 500, 1e-4
RIDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1)  # added to the variances of standardised columns
FIRST_RIDGE = 1e-3
# hidden widths, bins, learning rate, weight decay, batch
FLOWS = (((128, 128), 8, 1e-3, 0.0, 512), ((64, 64), 8, 1e-3, 1e-4, 256), ((64, 64), 4, 5e-4, 1e-2, 128),
         ((32, 32), 4, 5e-4, 3e-2, 64), ((16, 16), 4, 5e-4, 1e-1, 64))
TRANSFORMS, PATIENCE, BLOCK = 5, 12, 4096
BETWEEN = 100  # optimiser steps, at most, from one validation to the next


class Clock:
    def __init__(self, seconds):
        self.begin, self.seconds = time.perf_counter(), seconds

    def spent(self):
        return time.perf_counter() - self.begin

    def left(self):
        return self.seconds - self.spent()


def faster_threads(most, limit, work):
    """1 or `most`, whichever does the work sooner; limit(threads) sets their number, and the faster stays set."""
    times = {}
    for threads in sorted({1, most}):
        limit(threads)
        work()
        times[threads] = math.inf
        for _ in range(2):
            begin = time.perf_counter()
            work()
            times[threads] = min(times[threads], time.perf_counter() - begin)
    best = min(times, key=times.get)
    limit(best)
    return best


class Mixtures:
    """The search; `best` is (validation NLL, settings, model)."""

    def __init__(self, train, valid, clock, seed):
        self.train, self.valid, self.clock, self.seed = train, valid, clock, seed
        self.best, self.tried, self.begun = (math.inf, None, None), 0, {}

    def fit(self, components, ridge, seed):
        """Validation NLL of one mixture; infinite when there is no time for it, or EM fails."""
        from sklearn.mixture import GaussianMixture

        key = (components, ridge, seed)
        if key in self.begun or components > len(self.train) or (self.clock.left() <= 0 and self.tried):
            return self.begun.get(key, math.inf)
        model = GaussianMixture(components, reg_covar=ridge, random_state=seed, max_iter=EM_STEP, warm_start=True, tol=0)
        lowest, stale = math.inf, 0
        for iterations in range(EM_STEP, EM_MOST + 1, EM_STEP):
            try:
                now = -model.fit(self.train).score(self.valid)
            except ValueError:  # a covariance lost its rank
                break
            stale = stale + 1 if now > lowest - EM_GAIN else 0
            lowest = min(lowest, now)
            if now < self.best[0]:
                settings = {"components": components, "ridge": ridge, "start": seed, "iterations": iterations}
                self.best = now, settings, copy.deepcopy(model)
            if stale == 2 or self.clock.left() <= 0:
                break
        self.tried += 1
        self.begun[key] = lowest
        return lowest

    def climb(self):
        """1, 2, 4, ... components."""
        components, lowest, worse = 1, math.inf, 0
        while worse < 2 and components <= len(self.train) and self.clock.left() > 0:
            now = self.fit(components, FIRST_RIDGE, self.seed)
            worse = worse + 1 if now >= lowest else 0
            lowest = min(lowest, now)
            components *= 2

    def neighbours(self):
        components, ridge = self.best[1]["components"], self.best[1]["ridge"]
        at = RIDGES.index(ridge)
        for k in (at - 1, at + 1):
            if 0 <= k < len(RIDGES):
                yield components, RIDGES[k]
        for factor in (1.5, 1 / 1.5, 1.2, 1 / 1.2):
            other = max(1, round(components * factor))
            if other != components:
                yield other, ridge

    def improve(self):
        """Moves to a better neighbour as long as there is one."""
        while self.clock.left() > 0:
            before = self.best[0]
            for components, ridge in list(self.neighbours()):
                self.fit(components, ridge, self.seed)
                if self.best[0] < before:
                    break
            else:
                return

    def search(self):
        self.climb()
        self.improve()
        for start in range(self.seed + 1, self.seed + 1000):
            if self.clock.left() <= 0 or self.best[1]["components"] == 1:  # of one component EM has one answer
                return
            self.fit(self.best[1]["components"], self.best[1]["ridge"], start)


def mixture(train, valid, clock, a):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    warnings.simplefilter("ignore", ConvergenceWarning)
    trial = GaussianMixture(4, max_iter=2, random_state=a.seed, reg_covar=FIRST_RIDGE)
    threads = faster_threads(a.threads, threadpool_limits, lambda: trial.fit(train[:10000]))
    found = Mixtures(train, valid, clock, a.seed)
    found.search()
    valid_nll, settings, model = found.best
    return valid_nll, {**settings, "threads": threads}, found.tried, lambda rows: -model.score_samples(rows)


class Spline:
    """One run of training; ends by itself or with the clock."""

    def __init__(self, setting, train, valid, clock):
        import torch
        import zuko

        hidden, bins, self.rate, decay, self.batch = setting
        self.torch, self.train, self.valid, self.clock = torch, train, valid, clock
        self.flow = zuko.flows.NSF(train.shape[1], transforms=TRANSFORMS, bins=bins, hidden_features=hidden)
        self.adam = torch.optim.AdamW(self.flow.parameters(), lr=self.rate, weight_decay=decay)
        self.best, self.state, self.steps = math.inf, None, 0

    def step(self, rows, begin, seconds):
        share = min(1.0, (time.perf_counter() - begin) / seconds)
        for group in self.adam.param_groups:
            group["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * share))
        loss = -self.flow().log_prob(rows).mean()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.flow.parameters(), 5.0)
        self.adam.step()
        self.steps += 1

    def costs(self, rows):
        with self.torch.no_grad():
            return self.torch.cat([-self.flow().log_prob(piece) for piece in rows.split(BLOCK)])

    def validate(self):
        """Whether it is better than before."""
        now = float(self.costs(self.valid).mean())
        if not now < self.best:
            return False
        self.best, self.state = now, copy.deepcopy(self.flow.state_dict())
        return True

    def run(self):
        begin, seconds, stale = time.perf_counter(), max(self.clock.left(), 1e-3), 0
        while stale < PATIENCE and (self.clock.left() > 0 or not self.steps):
            order = self.torch.randperm(len(self.train))
            for count, rows in enumerate(order.split(self.batch)):
                self.step(self.train[rows], begin, seconds)
                if self.clock.left() <= 0:
                    break
                if (count + 1) % BETWEEN == 0:
                    stale = 0 if self.validate() else stale + 1
            stale = 0 if self.validate() else stale + 1
        return self


def spline_flow(train, valid, clock, a):
    import torch

    torch.manual_seed(a.seed)
    train, valid = torch.from_numpy(train).float(), torch.from_numpy(valid).float()
    trial = Spline(FLOWS[0], train, valid, clock)
    threads = faster_threads(a.threads, torch.set_num_threads, lambda: trial.step(train[:512], 0, 1))
    best, chosen, tried = None, None, 0
    while clock.left() > 0 or not tried:
        setting = FLOWS[min(tried, len(FLOWS) - 1)]
        run = Spline(setting, train, valid, clock).run()
        tried += 1
        if run.state is not None and (best is None or run.best < best.best):
            best, chosen = run, setting
    if best is None:
        raise SystemExit("the flow's validation likelihood was never finite")
    best.flow.load_state_dict(best.state)
    names = ("hidden", "bins", "learning_rate", "weight_decay", "batch")
    settings = {**dict(zip(names, chosen)), "transforms": TRANSFORMS, "steps": best.steps, "threads": threads}
    return best.best, settings, tried, lambda rows: best.costs(torch.from_numpy(rows).float()).double().numpy()


def load(path):
    rows = np.load(path).astype(np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise SystemExit(f"{path} is not a table of finite numbers")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "valid", "test"):
        parser.add_argument(f"--{name}", required=True, metavar="NPY")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", choices=("gmm", "nsf"), required=True)
    a = parser.parse_args()
    train, valid, test = load(a.train), load(a.valid), load(a.test)
    centre, spread = train.mean(0), train.std(0)
    if not spread.min() > 0:
        raise SystemExit(f"column {int(spread.argmin())} of {a.train} is constant")
    train, valid, test = ((rows - centre) / spread for rows in (train, valid, test))
    if a.model == "gmm":
        import sklearn.mixture  # the clock starts after it
    else:
        import zuko
    clock = Clock(a.seconds)
    valid_nll, settings, tried, costs = (mixture if a.model == "gmm" else spline_flow)(train, valid, clock, a)
    seconds = clock.spent()
    standardised = float(costs(test).mean())
    units = float(np.log(spread).sum())
    print(json.dumps({"model": a.model, "nll": standardised + units, "valid_nll": valid_nll + units,
                      "standardised": standardised, "seconds": round(seconds, 2), "tried": tried, "settings": settings}))


main()
