"""Exact and entropic optimal transport between the points that work_transport wrote: POT, or SciPy's assignment.

  --points FILE   x then y, n x dim raw doubles each
  --matrix        the matrix of costs is made beforehand; else making it is part of an iteration (ot.dist)

Sinkhorn: --iterations of --method `sinkhorn_log` (the log domain) or `sinkhorn` (scaling vectors, which overflow early).
"""
import argparse
import warnings

import numpy as np

import serve


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--solver", choices=("assignment", "sinkhorn"), default="assignment")
    for name, value in (("n", 1024), ("dim", 2), ("power", 2), ("seed", 1), ("iterations", 100)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--epsilon", type=float, default=0.5)
    parser.add_argument("--method", choices=("sinkhorn_log", "sinkhorn"), default="sinkhorn_log")
    parser.add_argument("--law", default="gaussians")
    parser.add_argument("--points", required=True)
    for flag in ("matrix", "scipy"):
        parser.add_argument(f"--{flag}", action="store_true")
    return parser.parse_args()


def read_points(a):
    both = np.fromfile(a.points).reshape(2, a.n, a.dim)
    return both[0], both[1]


def scipy_problem(a, x, y):
    import scipy
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    metric = "sqeuclidean" if a.power == 2 else "euclidean"
    matrix = cdist(x, y, metric) if a.matrix else None

    def solve():
        costs = cdist(x, y, metric) if matrix is None else matrix
        return float(costs[linear_sum_assignment(costs)].mean())

    return solve, "SciPy " + scipy.__version__


def pot_problem(a, x, y):
    import ot

    metric = "sqeuclidean" if a.power == 2 else "euclidean"
    matrix = ot.dist(x, y, metric) if a.matrix else None
    even = np.full(a.n, 1 / a.n)

    def solve():
        costs = ot.dist(x, y, metric) if matrix is None else matrix
        if a.solver == "assignment":
            return float(ot.emd2(even, even, costs, numItermax=10**7))
        plan = ot.sinkhorn(even, even, costs, a.epsilon, method=a.method, numItermax=a.iterations, stopThr=0)
        return float((plan * costs).sum())

    return solve, "POT " + ot.__version__


def main():
    a = parse()
    warnings.filterwarnings("ignore", message="Sinkhorn did not converge")
    solve, version = (scipy_problem if a.scipy else pot_problem)(a, *read_points(a))

    def go(k):
        for _ in range(k):
            solve()

    serve.serve({"version": version, "value": solve()}, go)


main()
