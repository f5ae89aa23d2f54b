"""Columns that are given and not generated: what they do, and what is refused."""

import pickle
import unittest

import numpy as np
from common import NAMES, Frame, rows, tiny

from pushforward import InputError, PushforwardError, PushforwardWarning, UsageError


class Refusals(unittest.TestCase):
    def test_unknown_column(self):
        with self.assertRaisesRegex(InputError, "'size' is not a column"):
            tiny().fit(Frame(rows(), NAMES), condition="size")

    def test_rows_beside(self):
        with self.assertRaisesRegex(InputError, "3 rows, X 400"):
            tiny().fit(rows(), condition=np.ones((3, 1)))

    def test_an_unconditional_model(self):
        with self.assertRaises(PushforwardError):
            tiny().fit(rows()).sample(3, given={"x1": 0})


class Conditional(unittest.TestCase):
    """x2 is x1 / 2 and a small noise: given x1, its mean is known."""

    def fit(self, X, condition):
        return tiny(steps=3000, width=32, batch=256).fit(X, condition=condition)

    def follows(self, y):
        self.assertLess(abs(y[0::2].mean() - 0.5), 0.2)  # x1 = 4
        self.assertLess(abs(y[1::2].mean() + 0.5), 0.2)  # x1 = 2

    def test_a_column_of_a_frame(self):
        """Rows are like X: the given column is in them, as it was given."""
        g = self.fit(Frame(rows(2000), NAMES), ["age"])
        self.assertEqual((g.condition_names_, g.model_.conditions, g.model_.columns), (["age"], ["age"], NAMES))
        self.assertEqual(g.n_features_in_, 2)
        drawn = [
            g.sample(2000, given=given, frame=False)
            for given in ({"age": [4, 2]}, Frame([[9, 4], [9, 2]], ["more", "age"]), [[4.0], [2.0]], [4, 2])
        ]
        np.testing.assert_array_equal(drawn[0][:, 0], np.tile([4, 2], 1000))
        self.follows(drawn[0][:, 1])
        for other in drawn[1:]:
            np.testing.assert_array_equal(other, drawn[0])
        np.testing.assert_array_equal(g.sample(5, first=7, given={"age": [4, 2]}, frame=False), drawn[0][7:12])

    def test_an_array_beside(self):
        """Rows are like X: without what stood beside it."""
        x = rows(2000)
        g = self.fit(x[:, 1:], x[:, 0])
        self.assertEqual((g.model_.conditions, g.model_.columns), (["c1"], ["x1", "c1"]))
        self.assertEqual(g.n_features_in_, 1)
        y = g.sample(2000, given=[[4], [2]])
        self.assertEqual(y.shape, (2000, 1))
        self.follows(y[:, 0])
        h = pickle.loads(pickle.dumps(g))
        np.testing.assert_array_equal(h.sample(20, given={"c1": 3}), g.sample(20, given={"c1": 3}))

    def test_missing_and_unknown(self):
        g = self.fit(Frame(rows(), NAMES), ["age"])
        with self.assertRaises(ValueError):
            g.sample(3)
        drawn = [g.sample(3, given=given, frame=False) for given in ({"age": 3}, 3)]
        np.testing.assert_array_equal(*drawn)
        with self.assertRaisesRegex(ValueError, "row 1 of the conditions, column 'age': 1e\\+300"):
            g.sample(3, given=1e300)
        with self.assertRaisesRegex(UsageError, r"given \['age'\] has no density"):
            g.score_samples(Frame(rows(), NAMES))
        with self.assertRaisesRegex(ValueError, r"does not generate \['age'\]"):
            g.sample(3)
        with self.assertRaises(ValueError):
            g.sample(3, given={"size": 1})
        with self.assertRaisesRegex(ValueError, "NaN"):
            g.sample(3, given={"age": np.nan})
        with self.assertRaisesRegex(ValueError, "2 columns are given, 1 are wanted"):
            g.sample(3, given=[[1, 2]])
        with self.assertWarnsRegex(PushforwardWarning, "'c1' is 7 in every row"):
            tiny().fit(rows(), condition=np.full(400, 7))
        with self.assertRaisesRegex(ValueError, "comma"):
            tiny().fit(Frame(rows(), ["a,b", "c"]), condition="a,b")
