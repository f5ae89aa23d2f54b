"""The library's structs as ctypes lays them out. pushforward.h says what every field means.

``TrainOptions`` is not here: it is made from the library's own list of settings (``_library``).
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any


class Error(ctypes.Structure):
    _fields_ = [("status", c_int), ("message", c_char * 512)]


class Entry(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("description", c_char_p)]


class OptionEntry(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("flag", c_char_p),
        ("type", c_int),
        ("offset", c_size_t),
        ("placeholder", c_char_p),
        ("help", c_char_p),
    ]


OPTION_TYPES = (c_int64, c_double, c_char_p, c_bool)  # by pf_option_type


class Progress(ctypes.Structure):
    _fields_ = [
        ("stage", c_char_p),
        ("done", c_int64),
        ("total", c_int64),
        ("loss", c_double),
        ("seconds", c_double),
        ("eta_seconds", c_double),
    ]


LogHook = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)
ProgressHook = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Progress))
StopHook = ctypes.CFUNCTYPE(c_bool, c_void_p)

LOG_WARNING = 1


class Hooks(ctypes.Structure):
    _fields_ = [
        ("context", c_void_p),
        ("log", LogHook),
        ("progress", ProgressHook),
        ("stop", StopHook),
        ("profile", c_void_p),
    ]


# What follows the settings in pf_train_options.
TRAIN_TAIL: list[tuple[str, Any]] = [
    ("checkpoint", c_char_p),
    ("resume", c_bool),
    ("command", c_char_p),
    ("source", c_char_p),
    ("from_", c_void_p),
    ("from_name", c_char_p),
    ("hooks", Hooks),
]


class SampleOptions(ctypes.Structure):
    _fields_ = [
        ("steps", c_int64),
        ("teacher", c_bool),
        ("seed", c_uint64),
        ("first", c_int64),
        ("threads", c_int),
        ("precision", c_char_p),
        ("solver", c_char_p),
    ]


class DensityOptions(ctypes.Structure):
    _fields_ = [("steps", c_int64), ("tolerance", c_double), ("seed", c_uint64), ("threads", c_int)]
