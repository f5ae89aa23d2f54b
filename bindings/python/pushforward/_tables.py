"""Rows of numbers, whatever holds them: arrays, buffers, frames and dictionaries, to and from the library's tables."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import c_char_p, c_void_p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._library import call, library, make
from .errors import InputError


class Rows(NamedTuple):
    """``values`` is (n, d), float64 and C-ordered; ``names`` are those of the columns, where they have any; ``whole`` says which
    of them had a type of integers."""

    values: NDArray[np.float64]
    names: list[str] | None
    whole: list[bool]

    def named(self, prefix: str) -> list[str]:
        """The names, or prefix1, prefix2, ..."""
        return self.names or [f"{prefix}{i + 1}" for i in range(self.values.shape[1])]


def is_frame(data: Any) -> bool:
    """A table with named columns: pandas, polars and their like."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy")


def rows_of(data: Any, what: str = "X") -> Rows:
    """Any table-like as rows.

    Parameters
    ----------
    data : array, buffer, frame, structured array or mapping of names to columns
        Two-dimensional; of a mapping, one-dimensional columns or single numbers.
    what : str
        How messages call it.

    Raises
    ------
    ValueError, TypeError
        Not numbers, not two-dimensional, nothing in it, or not finite.
    """
    if isinstance(data, Rows):
        return data
    if hasattr(data, "toarray"):
        raise TypeError(f"{what} is a sparse container; dense data is required. Use its .toarray()")
    names, types = None, None
    if getattr(getattr(data, "dtype", None), "names", None):
        data = {name: data[name] for name in data.dtype.names}
    if isinstance(data, Mapping):
        columns = _columns(data, what)
        names, types, values = list(map(str, data)), [column.dtype for column in columns], np.stack(columns, axis=1)
    elif is_frame(data):
        names, types, values = _frame_names(data, what), getattr(data, "dtypes", None), np.asarray(data.to_numpy())
    else:
        values = np.asarray(data)
    numbers = _numbers(values, names, what)
    return Rows(numbers, names, _whole([values.dtype] * numbers.shape[1] if types is None else types))


def columns_of(data: Any, what: str) -> Rows:
    """The same, where a series or a one-dimensional array is one column, and a number one row of it."""
    if hasattr(data, "to_frame"):
        data = data.to_frame()
    elif not isinstance(data, Mapping) and not is_frame(data) and np.ndim(data) < 2:
        data = np.reshape(data, (-1, 1))
    return rows_of(data, what)


def _whole(types: Iterable[Any]) -> list[bool]:
    """Which column types hold whole numbers: int64, Int64, uint8, bool, as numpy, pandas and polars call them."""
    return [str(kind)[:1].lower() in "iub" for kind in types]


def _columns(columns: Mapping[str, Any], what: str) -> Sequence[NDArray[Any]]:
    if not columns:
        raise InputError(f"{what} has no columns")
    arrays = [np.atleast_1d(np.asarray(column)) for column in columns.values()]
    try:
        arrays = list(np.broadcast_arrays(*arrays))
    except ValueError as error:
        raise InputError(f"the columns of {what} do not fit together: {error}") from None
    if arrays[0].ndim != 1:
        raise InputError(f"the columns of {what} must be one-dimensional, they are {arrays[0].ndim}D")
    return arrays


def _frame_names(frame: Any, what: str) -> list[str] | None:
    names = list(frame.columns)
    text = [isinstance(name, str) for name in names]
    if any(text) and not all(text):
        raise TypeError(f"{what}: feature names are only supported if all input features have string names")
    return [str(name) for name in names] if names and all(text) else None


def _numbers(array: NDArray[Any], names: list[str] | None, what: str) -> NDArray[np.float64]:
    if np.iscomplexobj(array):
        raise InputError(f"Complex data not supported: {what} has complex values")
    if array.ndim != 2:
        raise InputError(
            f"Expected 2D array, got {array.ndim}D array instead: {what} is rows of columns. Reshape your data using "
            "array.reshape(-1, 1) if it has a single column or array.reshape(1, -1) if it is a single row"
        )
    n, d = array.shape
    if d == 0:
        raise InputError(f"{what}: 0 feature(s) (shape=({n}, 0)) while a minimum of 1 is required.")
    if n == 0:
        raise InputError(f"{what}: 0 sample(s) (shape=(0, {d})) while a minimum of 1 is required.")
    try:
        array = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what}: {_not_number(array, names)}{error}") from None
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        value = "NaN" if np.isnan(array[row, column]) else "infinity (inf)"
        raise InputError(f"{what} contains {value}: row {row}, column {names[column] if names else column}")
    return array


def _not_number(array: NDArray[Any], names: list[str] | None) -> str:
    """Which column is at fault, as the head of a message."""
    for j in range(array.shape[1]):
        try:
            array[:, j].astype(np.float64)
        except (TypeError, ValueError):
            return f"column {names[j] if names else j}: "
    return ""


@contextmanager
def table(rows: Rows, names: Sequence[str] | None = None) -> Iterator[c_void_p]:
    """The library's copy of the rows, for as long as the context lasts; ``names`` where the rows have none."""
    names = rows.names or names
    encoded = (c_char_p * len(names))(*(name.encode() for name in names)) if names else None
    n, d = rows.values.shape
    if names and len(names) != d:
        raise InputError(f"{d} columns are given, {len(names)} are wanted: {list(names)}")
    handle = make("pf_table_from_values", n, d, rows.values.ctypes.data, encoded)
    try:
        for j in range(d):
            if rows.whole[j]:
                call("pf_table_set_whole", handle, j)
        yield handle
    finally:
        library.pf_table_free(handle)


def take(handle: c_void_p) -> NDArray[np.float64]:
    """The values of a table that is ours, which is freed."""
    try:
        shape = library.pf_table_rows(handle), library.pf_table_columns(handle)
        return np.array(np.ctypeslib.as_array(library.pf_table_values(handle), shape))
    finally:
        library.pf_table_free(handle)


def pointer(array: NDArray[np.float64], row: int = 0) -> ctypes.c_void_p:
    """Where a row of an array stands."""
    return ctypes.c_void_p(array.ctypes.data + row * array.strides[0])
