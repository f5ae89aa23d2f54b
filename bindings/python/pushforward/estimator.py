"""A generator with scikit-learn's interface, without scikit-learn."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._library import nearest
from ._tables import Rows, columns_of, is_frame, rows_of
from ._watch import Progress
from .errors import InputError, NotFittedError, UsageError
from .model import Model, train

_ARGUMENTS = {"seed": "the parameter random_state", "condition": "an argument of fit"}  # options that are elsewhere


class OneStepGenerator:
    """Learns a map from noise to rows like those of a table, and draws from it with one network evaluation a row.

    Parameters
    ----------
    method : str
        Training method (:func:`pushforward.methods`). Those with a density, ``jko``, ``otflow`` and ``cnf``, sample by
        integration unless ``options={"student": N}`` fits a one-step generator to their paths.
    budget : float or str, optional
        Wall time of the training, in seconds or as "90s", "3m". Becomes a number of steps before the training begins.
    steps : int, optional
        Training steps, instead of a budget; the method's default.
    random_state : int, RandomState, Generator or None
        Seed of everything random. The same seed gives the same model to the bit; None draws one.
    threads : int, optional
        All cores. Never changes the result.
    width, depth : int, optional
        Units of a hidden layer and their number; by the number of columns.
    batch : int, optional
        Rows a step; the method's default.
    learning_rate : float, optional
        Its peak; the method's default.
    encoder : {"auto", "standard", "common", "quantile", "none"}, optional
        What columns are transformed by before they are learnt.
    coupling : {"independent", "optimal"}, optional
        How the noise and the rows of a batch are paired.
    precision : {"auto", "f32", "bf16"}, optional
        Of the network's large matrix products.
    options : dict, optional
        Any other setting of :func:`pushforward.options` by its name.

    Attributes
    ----------
    model_ : Model
        What was trained.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Their names, where X had any.
    condition_names_ : list of str
        Columns that are given and not generated.
    seed_ : int
        The seed that was used.

    Examples
    --------
    >>> generator = OneStepGenerator(method="characteristic", budget="60s").fit(X)
    >>> generator.sample(1000)
    """

    def __init__(
        self,
        method: str = "characteristic",
        *,
        budget: float | str | None = None,
        steps: int | None = None,
        random_state: Any = 1,
        threads: int | None = None,
        width: int | None = None,
        depth: int | None = None,
        batch: int | None = None,
        learning_rate: float | None = None,
        encoder: str | None = None,
        coupling: str | None = None,
        precision: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.method = method
        self.budget = budget
        self.steps = steps
        self.random_state = random_state
        self.threads = threads
        self.width = width
        self.depth = depth
        self.batch = batch
        self.learning_rate = learning_rate
        self.encoder = encoder
        self.coupling = coupling
        self.precision = precision
        self.options = options

    # ---- parameters ----

    @classmethod
    def _parameters(cls) -> dict[str, Any]:
        """The constructor's parameters with their defaults."""
        signature = inspect.signature(cls.__init__)
        return {p.name: p.default for p in signature.parameters.values() if p.name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. ``deep`` is there for scikit-learn: no parameter has parameters."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> OneStepGenerator:
        """Sets parameters by name; ValueError for an unknown one."""
        known = list(self._parameters())
        for name in params:
            if name not in known:
                near = nearest(name, known)
                hint = f"; did you mean {near!r}?" if near else "."
                raise UsageError(f"Invalid parameter {name!r} for {type(self).__name__}{hint} Valid parameters are: {known}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [f"{k}={getattr(self, k)!r}" for k, v in self._parameters().items() if getattr(self, k) is not v]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _options(self) -> dict[str, Any]:
        """All settings of a training, as the library names them."""
        named = self.get_params()
        more = dict(named.pop("options") or {})
        del named["random_state"]
        for name in more:
            if name in _ARGUMENTS:
                raise UsageError(f"options: {name!r} is {_ARGUMENTS[name]}")
            if named.get(name) is not None:
                raise UsageError(f"{name!r} is given twice, as a parameter and in options")
        return {**named, **more}

    # ---- scikit-learn ----

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type="density_estimator", target_tags=TargetTags(required=False))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _fitted(self) -> Model:
        if not hasattr(self, "model_"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet: call fit first")
        return self.model_

    # ---- data ----

    def _join(self, X: Any, condition: Any) -> tuple[Rows, list[str], Rows]:
        """X as it is, names of the given columns, and X with those of them that stand beside it."""
        rows = rows_of(X)
        if condition is None:
            return rows, [], rows
        if isinstance(condition, str):
            condition = [condition]
        if np.ndim(condition) == 1 and all(isinstance(name, str) for name in condition):
            names = list(map(str, condition))
            missing = [name for name in names if name not in rows.named("x")]
            if missing:
                raise InputError(f"condition {missing[0]!r} is not a column of X, which has {rows.named('x')}")
            return rows, names, rows
        beside = columns_of(condition, "condition")
        if len(beside.values) != len(rows.values):
            raise InputError(f"condition has {len(beside.values)} rows, X {len(rows.values)}")
        names = beside.named("c")
        return rows, names, Rows(np.hstack([rows.values, beside.values]), rows.named("x") + names, rows.whole + beside.whole)

    def _check_features(self, rows: Rows) -> None:
        count = rows.values.shape[1]
        if count != self.n_features_in_:
            raise InputError(
                f"X has {count} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input"
            )
        expected = getattr(self, "feature_names_in_", None)
        if rows.names is None or expected is None or list(expected) == rows.names:
            return
        unseen = sorted(set(rows.names) - set(expected))
        missing = sorted(set(expected) - set(rows.names))
        parts = ["The feature names should match those that were passed during fit."]
        if unseen:
            parts += ["Feature names unseen at fit time:"] + [f"- {name}" for name in unseen]
        if missing:
            parts += ["Feature names seen at fit time, yet now missing:"] + [f"- {name}" for name in missing]
        if not unseen and not missing:
            parts += ["Feature names must be in the same order as they were in fit."]
        raise InputError("\n".join(parts) + "\n")

    # ---- fitting ----

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        condition: Any = None,
        held: Any = None,
        progress: Callable[[Progress], object] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> OneStepGenerator:
        """Learns the law of the rows.

        Parameters
        ----------
        X : array of shape (n, d), buffer, frame or mapping of names to columns
            Finite numbers. A frame's columns keep their names.
        y : ignored
            There for scikit-learn.
        condition : names of columns of X, or array of shape (n,) or (n, k), series or frame beside X; optional
            What is given and not generated: ``sample(given=...)`` then draws from the law of the other columns given these.
            Methods ``characteristic`` and ``flow-matching``.
        held : like X, optional
            Rows that are never trained on; without them a share of X is kept back. Conditions that stand beside X are the last
            columns here.
        progress : callable, optional
            Called with a :class:`pushforward.Progress` now and then; an exception that it raises ends the training.
        checkpoint : path, optional
            File for the state of the training, kept every 10 seconds and when the training is interrupted (Ctrl-C); it is
            removed when the training is done.
        resume : bool
            Go on from ``checkpoint`` when it exists. The result is the same to the bit as without the interruption.

        Returns
        -------
        self
        """
        own, names, data = self._join(X, condition)
        if len(data.values) < 2:
            raise InputError("X has 1 sample; a training needs 2 at least")
        if checkpoint is not None and not isinstance(self.random_state, (int, np.integer)):
            raise UsageError("a training with a checkpoint needs a random_state that is a number: another seed cannot go on")
        seed = _seed(self.random_state)
        self.model_ = train(
            data,
            held=held,
            condition=names,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            seed=seed,
            **self._options(),
        )
        self.seed_ = seed
        self.condition_names_ = names
        self.n_features_in_ = own.values.shape[1]
        self._frame = is_frame(X)
        self.__dict__.pop("feature_names_in_", None)
        if own.names:
            self.feature_names_in_ = np.array(own.names, dtype=object)
        return self

    # ---- using ----

    def sample(
        self,
        n: int = 1,
        *,
        random_state: Any = None,
        given: Any = None,
        steps: int = 0,
        first: int = 0,
        solver: str | None = None,
        frame: bool | None = None,
    ) -> Any:
        """Draws rows.

        Parameters
        ----------
        n : int
            How many.
        random_state : int, RandomState, Generator, optional
            Seed; by default that of the training, so that a second call gives the same rows. ``first=n`` gives the next ones.
        given : mapping of names to values, frame, series, array of shape (m,) or (m, k) or number, optional
            Values of the given columns, for a generator fitted with ``condition``: row i has those of row i mod m.
        steps : int
            Network evaluations a row (of a flow: Runge-Kutta steps a block); 0: the model's own, 1 for a generator.
        first : int
            Number of the first row: row i of the result is row ``first + i`` of the seed.
        solver : str, optional
            Integrate the velocity or the flow by this solver instead, with ``steps`` steps.
        frame : bool, optional
            Whether the rows come as a pandas frame; by default if ``fit`` was given a frame.

        Returns
        -------
        ndarray of shape (n, d) or pandas.DataFrame
            Rows like X, in its units: given columns that were X's are among them, those that stood beside it are not.
        """
        model = self._fitted()
        seed = self.seed_ if random_state is None else _seed(random_state)
        rows = model.sample(n, seed=seed, first=first, given=given, steps=steps, solver=solver, threads=self.threads or 0)
        rows = rows[:, : self.n_features_in_]  # what stood beside X comes last
        if not (self._frame if frame is None else frame):
            return rows
        import pandas

        return pandas.DataFrame(rows, columns=model.columns[: self.n_features_in_])

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """log p of every row in nats, with respect to the data's own units; (n,).

        Methods ``jko``, ``otflow`` and ``cnf`` have a density; for others UsageError.
        """
        model = self._fitted()
        if model.conditions:  # before their columns are missed in X
            raise UsageError(f"a generator that is given {model.conditions} has no density")
        rows = rows_of(X)
        self._check_features(rows)
        if not hasattr(self, "feature_names_in_"):
            rows = rows._replace(names=None)  # by position, as at fit
        return model.log_density(rows, threads=self.threads or 0)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`; ``y`` is ignored."""
        return float(np.mean(self.score_samples(X)))

    # ---- files ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model as a file that the command ``pushforward`` and :meth:`load` read."""
        self._fitted().save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OneStepGenerator:
        """The generator of a model file.

        The file holds the model, not the constructor's call: method, steps and random_state are those it was trained with, the
        other parameters the defaults. Pickling keeps all of them.
        """
        model = Model.load(path)
        facts = model.describe().get("facts", {})
        generator = cls(facts.get("method", "characteristic"), steps=facts.get("steps"), random_state=facts.get("seed", 1))
        generator.model_ = model
        generator.seed_ = _seed(generator.random_state)
        generator.condition_names_ = model.conditions
        generator.n_features_in_ = len(model.columns)
        generator._frame = False
        if model.columns != [f"x{j + 1}" for j in range(len(model.columns))]:  # the library's names for an array's columns
            generator.feature_names_in_ = np.array(model.columns, dtype=object)
        return generator


def _seed(random_state: Any) -> int:
    """A seed of the library from what scikit-learn calls a random state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        return int(random_state)
    raise UsageError(f"random_state is {random_state!r}; an integer, a RandomState, a Generator or None is wanted")
