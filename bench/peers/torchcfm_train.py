"""torchcfm's own 2-D example as a process that trains on request.

The example (examples/2D_tutorials/Flow_matching_tutorial.ipynb of torchcfm): its MLP (3 x 64 SELU, time appended), Adam at its
default rate, batch 256, sigma 0.1, matchers ConditionalFlowMatcher (icfm) or ExactOptimalTransportConditionalFlowMatcher
(otcfm), noise to data. Departures from it, all to the peer's good: the data are whole in memory, torch runs without gradient
hooks while sampling, and --scale standardises the columns (always on for tables). Samples are 100 Euler steps.

    torchcfm_train.py DATA --matcher icfm|otcfm [--sigma S] [--scale] [--cosine STEPS] [--threads T] [--seed S]

Commands on standard input, one a line; each is answered by one JSON line:
    train SECONDS     go on until SECONDS of training wall time have passed in all (with --cosine: to the last step)
    sample N FILE     write N samples as .npy
Only training is on the clock: loading, sampling and waiting are not.
"""
import argparse
import json
import math
import sys
import time

import numpy
import torch
from torchcfm.conditional_flow_matching import ConditionalFlowMatcher, ExactOptimalTransportConditionalFlowMatcher
from torchcfm.models.models import MLP

BATCH, EULER_STEPS, SAMPLE_ROWS = 256, 100, 8192


def load(path):
    rows = numpy.load(path) if path.endswith(".npy") else numpy.loadtxt(path, delimiter=",", skiprows=1)
    return torch.from_numpy(rows.astype("float32"))


class Peer:
    def __init__(self, options):
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        rows = load(options.data)
        self.centre, self.spread = torch.zeros(rows.shape[1]), torch.ones(rows.shape[1])
        if options.scale:
            self.centre, self.spread = rows.mean(0), rows.std(0)
        self.rows = (rows - self.centre) / self.spread
        matcher = {"icfm": ConditionalFlowMatcher, "otcfm": ExactOptimalTransportConditionalFlowMatcher}
        self.matcher = matcher[options.matcher](sigma=options.sigma)
        self.model = MLP(dim=rows.shape[1], time_varying=True)
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.total = options.cosine
        self.steps, self.wall, self.cpu = 0, 0.0, 0.0

    def step(self):
        if self.total:
            rate = 1e-3 * 0.5 * (1 + math.cos(math.pi * self.steps / self.total))
            self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad()
        x1 = self.rows[torch.randint(len(self.rows), (BATCH,))]
        x0 = torch.randn_like(x1)
        t, xt, ut = self.matcher.sample_location_and_conditional_flow(x0, x1)
        vt = self.model(torch.cat([xt, t[:, None]], dim=-1))
        loss = torch.mean((vt - ut) ** 2)
        loss.backward()
        self.optimizer.step()
        self.steps += 1

    def train(self, seconds):
        begin, cpu = time.perf_counter(), time.process_time()
        while (self.steps < self.total) if self.total else (self.wall + time.perf_counter() - begin < seconds):
            self.step()
        self.wall += time.perf_counter() - begin
        self.cpu += time.process_time() - cpu
        return {"train_s": self.wall, "cpu_s": self.cpu, "steps": self.steps}

    @torch.no_grad()
    def sample(self, count, path):
        out = []
        for first in range(0, count, SAMPLE_ROWS):
            x = torch.randn(min(SAMPLE_ROWS, count - first), self.rows.shape[1])
            for k in range(EULER_STEPS):
                t = torch.full((len(x), 1), k / EULER_STEPS)
                x = x + self.model(torch.cat([x, t], dim=-1)) / EULER_STEPS
            out.append(x * self.spread + self.centre)
        numpy.save(path, torch.cat(out).numpy())
        return {"sample": path}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--matcher", choices=["icfm", "otcfm"], default="icfm")
    parser.add_argument("--sigma", type=float, default=0.1)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--cosine", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    peer = Peer(parser.parse_args())
    print(json.dumps({"ready": True, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        word = line.split()
        answer = peer.train(float(word[1])) if word[0] == "train" else peer.sample(int(word[1]), word[2])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
