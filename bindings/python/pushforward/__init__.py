"""Generative models that sample in one network evaluation.

>>> from pushforward import OneStepGenerator
>>> generator = OneStepGenerator(steps=2000).fit(X)
>>> rows = generator.sample(1000)

:class:`OneStepGenerator` follows scikit-learn's conventions; :class:`Model` and :func:`train` are what it stands on;
:func:`methods` and :func:`options` say what there is to choose.
"""

from ._library import VERSION as __version__
from ._library import Option, methods, options
from ._watch import Progress
from .errors import (
    FailedError,
    FileError,
    InputError,
    NonFiniteError,
    NotFittedError,
    OutOfMemoryError,
    PushforwardError,
    PushforwardWarning,
    StoppedError,
    UsageError,
)
from .estimator import OneStepGenerator
from .model import Model, train

__all__ = [
    "FailedError",
    "FileError",
    "InputError",
    "Model",
    "NonFiniteError",
    "NotFittedError",
    "OneStepGenerator",
    "Option",
    "OutOfMemoryError",
    "Progress",
    "PushforwardError",
    "PushforwardWarning",
    "StoppedError",
    "UsageError",
    "__version__",
    "methods",
    "options",
    "train",
]
