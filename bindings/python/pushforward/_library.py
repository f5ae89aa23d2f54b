"""Finds and loads libpushforward, declares what is used of it, and turns its statuses into exceptions.

Looked for in this order: the file that PUSHFORWARD_LIBRARY names, the library inside the package (wheels bring it) or in a folder
above it (the lib folder that both were installed into), the system's. Nothing is loaded that has another layout of the structs: their sizes and offsets are compared first.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

from . import _structures as s
from .errors import of_status

VERSION = "0.1.0"  # of the library that this package is written for
_NAME = "libpushforward.so.0"


def _load() -> ctypes.CDLL:
    named = os.environ.get("PUSHFORWARD_LIBRARY")
    above = [folder / _NAME for folder in Path(__file__).absolute().parents][:4]  # PREFIX/lib/python3/dist-packages/pushforward
    beside = next((str(path) for path in above if path.exists()), None)
    path = named or beside or ctypes.util.find_library("pushforward") or _NAME
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        where = "PUSHFORWARD_LIBRARY" if named else "installed pushforward library"
        raise ImportError(f"{where}: {error}; set PUSHFORWARD_LIBRARY to the file libpushforward.so") from error


library = _load()


def _declare(name: str, result: Any, *arguments: Any) -> None:
    try:
        function = getattr(library, name)
    except AttributeError:
        raise ImportError(f"{library._name} has no {name}: it is older than this package ({VERSION})") from None
    function.restype = result
    function.argtypes = arguments


_declare("pf_version", c_char_p)
found = library.pf_version().decode()
if found.split(".")[:2] != VERSION.split(".")[:2]:  # until 1.0 a minor version may change anything
    raise ImportError(f"{library._name} is version {found}, this package is for {VERSION}")

# ---- structs ----

_declare("pf_struct_size", c_size_t, c_char_p)
_declare("pf_train_option_entry", c_bool, c_int, POINTER(s.OptionEntry))


class Option(NamedTuple):
    """A setting of a training."""

    name: str
    type: type
    default: Any
    help: str


def _option_entries() -> list[s.OptionEntry]:
    entries: list[s.OptionEntry] = []
    while True:
        entry = s.OptionEntry()
        if not library.pf_train_option_entry(len(entries), entry):
            return entries
        entries.append(entry)


def _check_layout(structure: type[ctypes.Structure], name: str) -> None:
    theirs, ours = library.pf_struct_size(name.encode()), ctypes.sizeof(structure)
    if theirs != ours:
        raise ImportError(f"{library._name}: {name} has {theirs} bytes, this package knows {ours} of them")


_entries = _option_entries()


class TrainOptions(ctypes.Structure):
    _fields_ = [(entry.name.decode(), s.OPTION_TYPES[entry.type]) for entry in _entries] + s.TRAIN_TAIL


for _entry in _entries:
    if getattr(TrainOptions, _entry.name.decode()).offset != _entry.offset:
        raise ImportError(f"{library._name}: the setting {_entry.name.decode()} is not where it should be")
for _structure, _c_name in (
    (s.Error, "pf_error"),
    (s.Progress, "pf_progress"),
    (s.Hooks, "pf_hooks"),
    (s.OptionEntry, "pf_option_entry"),
    (TrainOptions, "pf_train_options"),
    (s.SampleOptions, "pf_sample_options"),
    (s.DensityOptions, "pf_density_options"),
):
    _check_layout(_structure, _c_name)

# ---- functions ----

_handle, _out, _error = c_void_p, POINTER(c_void_p), POINTER(s.Error)
_declare("pf_status_name", c_char_p, c_int)
_declare("pf_method_entry", c_bool, c_int, POINTER(s.Entry))
_declare("pf_nearest_name", c_char_p, c_char_p, POINTER(c_char_p), c_size_t)
_declare("pf_table_from_values", c_int, c_int64, c_int, c_void_p, POINTER(c_char_p), _out, _error)
_declare("pf_table_set_whole", c_int, _handle, c_int, _error)
_declare("pf_table_free", None, _handle)
_declare("pf_table_rows", c_int64, _handle)
_declare("pf_table_columns", c_int, _handle)
_declare("pf_table_values", POINTER(c_double), _handle)
_declare("pf_train_options_default", TrainOptions)
_declare("pf_train", c_int, _handle, _handle, POINTER(TrainOptions), _out, _error)
_declare("pf_model_load", c_int, c_char_p, _out, _error)
_declare("pf_model_save", c_int, _handle, c_char_p, _error)
_declare("pf_model_free", None, _handle)
_declare("pf_model_columns", c_int, _handle)
_declare("pf_model_column_name", c_char_p, _handle, c_int)
_declare("pf_model_describe", c_int, _handle, POINTER(c_void_p), _error)
_declare("pf_string_free", None, c_void_p)
_declare("pf_sample_options_default", s.SampleOptions)
_declare("pf_model_sample", c_int, _handle, POINTER(s.SampleOptions), c_int64, c_void_p, _error)
_declare("pf_density_options_default", s.DensityOptions)
_declare("pf_model_log_density", c_int, _handle, POINTER(s.DensityOptions), _handle, c_void_p, _error)
_declare("pf_model_encode", c_int, _handle, POINTER(s.DensityOptions), _handle, _out, _error)
_declare("pf_model_decode", c_int, _handle, POINTER(s.DensityOptions), _handle, _out, _error)
_declare("pf_model_conditions", c_int, _handle)
_declare("pf_model_condition_name", c_char_p, _handle, c_int)
_declare("pf_model_set_given", c_int, _handle, _handle, c_bool, _error)


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status, and raises what went wrong."""
    error = s.Error()
    status = getattr(library, name)(*arguments, error)
    if status:
        raise of_status(library.pf_status_name(status).decode(), error.message.decode(errors="replace"))


def make(name: str, *arguments: Any) -> c_void_p:
    """The same for a function whose last output is a new object."""
    out = c_void_p()
    call(name, *arguments, out)
    return out


def nearest(word: str, names: list[str]) -> str | None:
    """The one of ``names`` that ``word`` is most likely a slip of."""
    encoded = (c_char_p * len(names))(*(name.encode() for name in names))
    answer = library.pf_nearest_name(word.encode(), encoded, len(names))
    return answer.decode() if answer else None


def _options() -> dict[str, Option]:
    defaults = library.pf_train_options_default()
    types = (int, float, str, bool)

    def option(entry: s.OptionEntry) -> Option:
        name = entry.name.decode()
        value = getattr(defaults, name)
        return Option(name, types[entry.type], value.decode() if isinstance(value, bytes) else value, entry.help.decode())

    return {entry.name.decode(): option(entry) for entry in _entries}


OPTIONS = _options()


def methods() -> dict[str, str]:
    """The training methods by name, each with a line about it."""
    found: dict[str, str] = {}
    entry = s.Entry()
    while library.pf_method_entry(len(found), entry):
        found[entry.name.decode()] = entry.description.decode()
    return found


def options() -> dict[str, Option]:
    """The settings of a training by name: type, default and help. A default of 0, -1 or -1e15 means the method's own."""
    return dict(OPTIONS)
