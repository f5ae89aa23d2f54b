"""What the tests share: small data, the smallest trainings, a frame without pandas."""

import numpy as np

from pushforward import OneStepGenerator

TINY = {"steps": 200, "width": 16, "depth": 2, "batch": 128}
MORE = {"curve_points": 0, "trajectory_steps": 4}
NAMES = ["age", "höhe"]


def rows(n=400, seed=0):
    """Two dependent columns: x2 is x1 / 2 and a small noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.column_stack([3 + x, x / 2 + 0.1 * rng.normal(size=n)])


def tiny(**parameters):
    return OneStepGenerator(**{**TINY, "options": MORE, **parameters})


def tiny_flow(**parameters):
    return OneStepGenerator(
        **{"method": "otflow", "steps": 60, "width": 16, "batch": 128, "options": {"curve_points": 0}, **parameters}
    )


class Frame:
    """As much of a data frame as the package asks for."""

    def __init__(self, values, names):
        self.values, self.columns = np.asarray(values), list(names)

    def to_numpy(self):
        return self.values
