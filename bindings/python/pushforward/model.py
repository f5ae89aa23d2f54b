"""A trained model and how one is trained: the library's functions on numpy arrays."""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from ctypes import c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._library import OPTIONS, call, library, make, nearest
from ._tables import columns_of, pointer, rows_of, table, take
from ._watch import Progress, Watch
from .errors import UsageError

_CHUNK = 1 << 16  # rows drawn between two chances for Ctrl-C; the library draws the same rows in any chunks
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Model:
    """A trained model. Made by :func:`train` or :meth:`load`; it can be pickled, and used by several threads at once."""

    def __init__(self, handle: c_void_p) -> None:
        self._handle = handle
        self._lock = threading.Lock()  # of the conditions, which the library keeps in the model
        weakref.finalize(self, library.pf_model_free, handle)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Reads a model file, of the command or of :meth:`save`. FileError, InputError."""
        return cls(make("pf_model_load", os.fsencode(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model as a file, whole or not at all. FileError."""
        call("pf_model_save", self._handle, os.fsencode(path))

    def to_bytes(self) -> bytes:
        """The bytes of the model's file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model")
            self.save(path)
            return path.read_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model of a file's bytes. InputError."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model")
            path.write_bytes(data)
            return cls.load(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(),)

    @property
    def columns(self) -> list[str]:
        """Names of a row's columns, in order; given ones are among them."""
        count = library.pf_model_columns(self._handle)
        return [library.pf_model_column_name(self._handle, j).decode() for j in range(count)]

    @property
    def conditions(self) -> list[str]:
        """Names of the columns that are given to it; empty for a model that is told nothing."""
        count = library.pf_model_conditions(self._handle)
        return [library.pf_model_condition_name(self._handle, j).decode() for j in range(count)]

    def describe(self) -> dict[str, Any]:
        """Everything recorded about the model: networks, columns, curves, and under "facts" how it was trained."""
        text = make("pf_model_describe", self._handle)
        try:
            return dict(json.loads(ctypes.string_at(text)))
        finally:
            library.pf_string_free(text)

    def __repr__(self) -> str:
        given = f" given {self.conditions}" if self.conditions else ""
        return f"<pushforward.Model {self.describe().get('facts', {}).get('method', '')}: {self.columns}{given}>"

    def sample(
        self,
        n: int = 1,
        *,
        seed: int = 1,
        first: int = 0,
        given: Any = None,
        steps: int = 0,
        teacher: bool = False,
        solver: str | None = None,
        precision: str | None = None,
        threads: int = 0,
    ) -> NDArray[np.float64]:
        """Draws rows in the data's own units.

        Parameters
        ----------
        n : int
            Rows to draw.
        seed, first : int
            Row i of the result is sample ``first + i`` of the seed: the same number in any range, for any number of threads.
        given : mapping, frame, series, array of shape (m,) or (m, k) or number, optional
            For a model with :attr:`conditions`, their values: sample i has those of row i mod m. Names are matched and may be
            more, an array has the conditions' order.
        steps : int
            Network evaluations a sample (of a flow: Runge-Kutta steps a block); 0: the model's own, 1 for a generator.
        teacher : bool
            Integrate what the generator was fitted to instead.
        solver : str, optional
            Integrate by this solver (``pushforward solvers``).
        precision : {"f32", "bf16", "auto"}, optional
            Of large matrix products; f32.
        threads : int
            0: all cores. Never changes the result.

        Returns
        -------
        ndarray of shape (n, number of columns)
        """
        o = library.pf_sample_options_default()
        o.seed, o.steps, o.teacher, o.threads = _whole("seed", seed), _whole("steps", steps), teacher, threads
        o.solver = solver.encode() if solver else None
        o.precision = precision.encode() if precision else None
        if given is None and self.conditions:  # the library keeps those of the last call
            raise UsageError(f"the model does not generate {self.conditions}: sample(given=...) gives them")
        first, n = _whole("first", first), _whole("n", n)
        if n < 1 or first < 0:
            raise UsageError(f"n is {n} and first is {first}; n must be at least 1 and first at least 0")
        out = np.empty((n, library.pf_model_columns(self._handle)))
        with ExitStack() as stack:
            if given is not None:
                stack.enter_context(self._lock)
                rows = stack.enter_context(table(columns_of(given, "given"), self.conditions))
                call("pf_model_set_given", self._handle, rows, True)
            for begin in range(0, n, _CHUNK):
                o.first = first + begin
                call("pf_model_sample", self._handle, o, min(_CHUNK, n - begin), pointer(out, begin))
        return out

    def log_density(
        self, X: Any, *, steps: int = 0, tolerance: float = 0.0, seed: int = 1, threads: int = 0
    ) -> NDArray[np.float64]:
        """log p of every row in nats, with respect to the data's own units. Methods jko, otflow and cnf; else UsageError.

        Parameters
        ----------
        X : array of shape (n, d) or frame with the model's columns
        steps : int
            Runge-Kutta 4 steps a block; 0: the model's own.
        tolerance : float
            Above 0: adaptive steps of this relative tolerance instead.
        seed : int
            Of the draws that spread discrete columns.
        threads : int
            0: all cores. Never changes the result.

        Returns
        -------
        ndarray of shape (n,)
        """
        with table(rows_of(X), self.columns) as rows:
            out = np.empty(library.pf_table_rows(rows))
            options = _density_options(steps, tolerance, seed, threads)
            call("pf_model_log_density", self._handle, options, rows, out.ctypes.data)
        return out

    def encode(self, X: Any, *, steps: int = 0, tolerance: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
        """The noise of every row, (n, d): N(0, I) if the model is right. Methods as for :meth:`log_density`."""
        with table(rows_of(X), self.columns) as rows:
            return take(make("pf_model_encode", self._handle, _density_options(steps, tolerance, seed, 0), rows))

    def decode(self, noise: Any, *, steps: int = 0, tolerance: float = 0.0) -> NDArray[np.float64]:
        """The rows of noise (n, d): the inverse of :meth:`encode`."""
        with table(rows_of(noise, "noise")) as rows:
            return take(make("pf_model_decode", self._handle, _density_options(steps, tolerance, 1, 0), rows))


def _density_options(steps: int, tolerance: float, seed: int, threads: int) -> Any:
    o = library.pf_density_options_default()
    o.steps, o.tolerance, o.seed, o.threads = _whole("steps", steps), tolerance, _whole("seed", seed), threads
    return o


# ---- training ----


def _whole(name: str, value: Any) -> int:
    """An integer: also numpy's, not 2.5 and not True."""
    if isinstance(value, (bool, np.bool_)) or int(value) != value:
        raise UsageError(f"{name} is {value!r}, must be an integer")
    if not -(2**63) <= int(value) < 2**63:
        raise UsageError(f"{name} is {value!r}, must fit into 64 bits")
    return int(value)


def _seconds(value: Any) -> float:
    """90, "90s", "3m", "1.5h" or "2d"."""
    if not isinstance(value, str):
        return float(value)
    number, unit = (value[:-1], value[-1]) if value[-1:] in _UNITS else (value, "s")
    try:
        return float(number) * _UNITS[unit]
    except ValueError:
        raise UsageError(f"budget is {value!r}; seconds, or a time such as '90s' or '3m', is wanted") from None


def check_options(names: Any) -> None:
    """UsageError, with the nearest name, for what is no setting of a training."""
    for name in names:
        if name not in OPTIONS:
            near = nearest(str(name), list(OPTIONS))
            hint = f"; did you mean {near!r}?" if near else ";"
            raise UsageError(f"unknown option {name!r}{hint} pushforward.options() lists them")


def _set_option(target: Any, name: str, value: Any) -> None:
    kind = OPTIONS[name].type
    try:
        if name == "budget":
            value = _seconds(value)
        elif kind is int:
            value = _whole(name, value)
        elif kind is float:
            value = float(value)
        elif kind is str:
            value = os.fsencode(value)
        else:
            value = bool(value)
    except (TypeError, OverflowError):
        raise UsageError(f"{name} is {value!r}, must be of type {kind.__name__}") from None
    setattr(target, name, value)


def train(
    X: Any,
    *,
    held: Any = None,
    condition: list[str] | None = None,
    progress: Callable[[Progress], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Any,
) -> Model:
    """Trains a model.

    Parameters
    ----------
    X : array of shape (n, d), frame or mapping of names to columns
        Rows to learn.
    held : like X, optional
        Rows that are never trained on; without them a share of X is kept back.
    condition : list of str, optional
        Columns of X that are given and not generated.
    progress : callable, optional
        Called with a :class:`Progress` now and then, in this thread. An exception it raises ends the training.
    checkpoint : path, optional
        Where the training's state is kept every 10 seconds (option ``checkpoint_seconds``) and when it is interrupted. The
        file is removed at the end.
    resume : bool
        Go on from the checkpoint when it exists: the same data and options end in the same model as without interruption.
    **options
        Settings by name (:func:`options`); None leaves the default.

    Raises
    ------
    UsageError, InputError
        An option or the data cannot be used.
    NonFiniteError
        The training diverged.
    KeyboardInterrupt
        And whatever else a signal handler, ``progress`` or a warning filter raises; the checkpoint is then saved.
    """
    check_options(options)
    o = library.pf_train_options_default()
    for name, value in options.items():
        if value is not None:
            _set_option(o, name, value)
    if condition:
        for name in condition:
            if "," in name:
                raise UsageError(f"the name of a given column cannot have a comma: {name!r}")
        o.condition = ",".join(condition).encode()
    o.checkpoint = os.fsencode(checkpoint) if checkpoint is not None else None
    o.resume = resume
    watch = Watch(progress)
    o.hooks = watch.hooks
    out = c_void_p()
    with ExitStack() as stack:
        data = rows_of(X)
        rows = stack.enter_context(table(data))
        kept = stack.enter_context(table(rows_of(held, "held"), data.names)) if held is not None else None
        try:
            watch.run(call, "pf_train", rows, kept, o, out)
        except BaseException:
            library.pf_model_free(out)  # of a training that was done when the signal came
            raise
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    return Model(out)
