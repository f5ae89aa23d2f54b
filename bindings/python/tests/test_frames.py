"""Frames of pandas, where it is installed."""

import unittest

import numpy as np
from common import NAMES, rows, tiny, tiny_flow

try:
    import pandas
except ImportError:
    pandas = None


@unittest.skipUnless(pandas, "no pandas")
class Frames(unittest.TestCase):
    def frame(self, n=400):
        return pandas.DataFrame(rows(n), columns=NAMES)

    def test_names_come_back(self):
        g = tiny().fit(self.frame())
        y = g.sample(5)
        self.assertIsInstance(y, pandas.DataFrame)
        self.assertEqual(list(y.columns), NAMES)
        np.testing.assert_array_equal(g.sample(5, frame=False), y.to_numpy())
        self.assertIsInstance(tiny().fit(rows()).sample(5), np.ndarray)
        self.assertEqual(list(tiny().fit(rows()).sample(5, frame=True).columns), ["x1", "x2"])

    def test_mixed_columns(self):
        frame = self.frame()
        frame["count"] = np.arange(len(frame))
        frame["yes"] = frame["count"] % 2 == 0
        y = tiny().fit(frame).sample(50)
        self.assertTrue((y["count"] == y["count"].round()).all())
        self.assertLessEqual(set(y["yes"]), {0.0, 1.0})

    def test_words_are_refused(self):
        with self.assertRaisesRegex(ValueError, "column city.*'Köln'"):
            tiny().fit(self.frame().assign(city="Köln"))
        with self.assertRaisesRegex(ValueError, "NaN: row 1, column age"):
            tiny().fit(self.frame().assign(age=lambda f: f["age"].where(f.index != 1)))

    def test_a_series_beside(self):
        frame = self.frame()
        g = tiny().fit(frame[["höhe"]], condition=frame["age"])
        self.assertEqual(g.model_.conditions, ["age"])
        y = g.sample(4, given=frame["age"][:2])
        self.assertEqual((list(y.columns), y.shape), (["höhe"], (4, 1)))
        self.assertEqual(list(tiny().fit(frame, condition=frame.columns[:1]).sample(4, given={"age": 3})["age"]), [3] * 4)

    def test_density(self):
        g = tiny_flow(steps=5).fit(self.frame())
        self.assertEqual(g.score_samples(self.frame(9)).shape, (9,))
