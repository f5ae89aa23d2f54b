"""OneStepGenerator: parameters, what fit leaves behind, samples, densities, files."""

import copy
import pickle
import tempfile
import unittest
from pathlib import Path

import numpy as np
from common import MORE, NAMES, Frame, rows, tiny, tiny_flow

import pushforward
from pushforward import FileError, InputError, NotFittedError, OneStepGenerator, UsageError


class Parameters(unittest.TestCase):
    def test_get_and_set(self):
        g = tiny()
        self.assertEqual(g.get_params()["steps"], 200)
        self.assertIs(g.get_params()["options"], MORE)
        self.assertIs(g.set_params(steps=5, method="cnf"), g)
        self.assertEqual((g.steps, g.method), (5, "cnf"))
        with self.assertRaisesRegex(ValueError, "did you mean 'method'"):
            g.set_params(steps=6, methd="jko")
        self.assertEqual(g.steps, 5)
        copied = OneStepGenerator(**g.get_params())
        self.assertEqual(copied.get_params(), g.get_params())

    def test_repr_names_what_is_changed(self):
        self.assertEqual(repr(OneStepGenerator("cnf", steps=5)), "OneStepGenerator(method='cnf', steps=5)")
        self.assertEqual(repr(OneStepGenerator()), "OneStepGenerator()")

    def test_every_option_reaches_the_library(self):
        """A value that no option takes is refused by the name it was given under, or trained with."""
        options = pushforward.options()
        self.assertEqual(options["learning_rate"].type, float)
        self.assertEqual(options["method"].default, "characteristic")
        self.assertEqual(options["curve_points"].default, 20)
        self.assertGreater(len(options), 50)
        facts = tiny(options={**MORE, "weight_decay": 0.25}, learning_rate=0.002).fit(rows()).model_.describe()["facts"]
        self.assertEqual((facts["weight_decay"], facts["learning_rate"], facts["steps"]), (0.25, 0.002, 200))

    def test_methods(self):
        self.assertIn("otflow", pushforward.methods())

    def test_budget(self):
        for budget in (0.2, "0.2s"):
            g = tiny(budget=budget, steps=None).fit(rows())
            self.assertGreater(g.model_.describe()["facts"]["steps"], 10)


class Fitting(unittest.TestCase):
    def test_attributes(self):
        g = tiny()
        self.assertIs(g.fit(Frame(rows(), NAMES)), g)
        self.assertEqual(g.n_features_in_, 2)
        self.assertEqual(list(g.feature_names_in_), NAMES)
        self.assertEqual(g.model_.columns, NAMES)
        g.fit(rows())
        self.assertFalse(hasattr(g, "feature_names_in_"))
        self.assertEqual(g.model_.columns, ["x1", "x2"])

    def test_the_same_seed_is_the_same_model(self):
        a, b, c = (tiny(random_state=s, threads=t).fit(rows()).model_.to_bytes() for s, t in ((1, 1), (1, 2), (2, 1)))
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_random_states(self):
        x = rows()
        same = [tiny(random_state=np.random.RandomState(3)).fit(x).seed_ for _ in range(2)]
        self.assertEqual(same[0], same[1])
        self.assertEqual(tiny(random_state=np.int64(5)).fit(x).seed_, 5)
        drawn = [tiny(random_state=None).fit(x).seed_ for _ in range(2)]
        self.assertNotEqual(drawn[0], drawn[1])
        rng = np.random.default_rng(1)
        self.assertNotEqual(tiny(random_state=rng).fit(x).seed_, tiny(random_state=rng).fit(x).seed_)

    def test_held_rows(self):
        x = rows()
        a = tiny().fit(x[:200], held=x[200:]).model_.describe()["facts"]
        self.assertEqual(a["rows"], 200)
        with self.assertRaises(InputError):
            tiny().fit(x, held=np.ones((5, 3)))

    def test_progress(self):
        seen = []
        tiny().fit(rows(), progress=seen.append)
        self.assertIsInstance(seen[0], pushforward.Progress)
        self.assertEqual(seen[-1].done, seen[-1].total)
        self.assertGreater(len({p.stage for p in seen}), 1)

    def test_it_learns(self):
        """Mean and correlation of samples are the data's: the columns are not mixed up, the decoder is applied."""
        x = rows(2000)
        y = tiny(steps=3000, width=32, batch=256).fit(x).sample(4000)
        np.testing.assert_allclose(y.mean(axis=0), x.mean(axis=0), atol=0.25)
        self.assertGreater(np.corrcoef(y.T)[0, 1], 0.8)


class Sampling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.g = tiny().fit(rows())

    def test_shape_and_repetition(self):
        y = self.g.sample(7)
        self.assertEqual((y.shape, y.dtype), ((7, 2), np.float64))
        np.testing.assert_array_equal(self.g.sample(7), y)
        self.assertFalse(np.array_equal(self.g.sample(7, random_state=2), y))
        np.testing.assert_array_equal(self.g.sample(4, first=3), y[3:])
        self.assertEqual(self.g.sample().shape, (1, 2))

    def test_pieces_are_the_whole(self):
        """Longer than what is drawn between two chances for Ctrl-C."""
        y = self.g.sample(70000)
        np.testing.assert_array_equal(self.g.sample(3000, first=65000), y[65000:68000])

    def test_more_steps_and_solvers(self):
        self.assertFalse(np.array_equal(self.g.sample(3, steps=4), self.g.sample(3)))
        for solver in ("heun", "dopri5"):
            self.assertEqual(self.g.sample(3, steps=4, solver=solver).shape, (3, 2))
        with self.assertRaisesRegex(UsageError, "huen.*heun"):
            self.g.sample(3, solver="huen")

    def test_refusals(self):
        for n in (0, -1, 2.5):
            with self.subTest(n), self.assertRaises(UsageError):
                self.g.sample(n)
        with self.assertRaises(UsageError):
            self.g.sample(3, first=-1)
        with self.assertRaises(NotFittedError):
            tiny().sample(3)
        self.assertIsInstance(NotFittedError(), (ValueError, AttributeError))


class Densities(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.x = rows()
        cls.g = tiny_flow().fit(Frame(cls.x, NAMES))

    def test_log_density(self):
        """Near the data it is larger than far from it, and it integrates to 1 over a grid."""
        log_p = self.g.score_samples(Frame(self.x[:50], NAMES))
        self.assertEqual(log_p.shape, (50,))
        self.assertAlmostEqual(self.g.score(self.x[:50]), log_p.mean(), places=12)
        grid = np.stack(np.meshgrid(np.linspace(-3, 9, 121), np.linspace(-3, 3, 121)), axis=-1).reshape(-1, 2)
        mass = np.exp(self.g.score_samples(grid)).sum() * 0.1 * 0.05
        self.assertAlmostEqual(mass, 1, delta=0.05)

    def test_encode_and_decode(self):
        z = self.g.model_.encode(self.x[:20])
        np.testing.assert_allclose(self.g.model_.decode(z), self.x[:20], atol=1e-2)

    def test_columns(self):
        with self.assertRaisesRegex(InputError, "X has 3 features, but OneStepGenerator is expecting 2"):
            self.g.score_samples(np.ones((4, 3)))
        with self.assertRaisesRegex(InputError, "same order"):
            self.g.score_samples(Frame(self.x, NAMES[::-1]))
        with self.assertRaisesRegex(InputError, "unseen at fit time:\n- b"):
            self.g.score_samples(Frame(self.x, ["age", "b"]))

    def test_methods_without_one(self):
        with self.assertRaisesRegex(UsageError, "no density.*jko, otflow"):
            tiny().fit(self.x).score_samples(self.x)
        with self.assertRaises(NotFittedError):
            tiny_flow().score(self.x)


class Files(unittest.TestCase):
    def test_pickle_and_copy(self):
        g = tiny().fit(Frame(rows(), NAMES))
        for h in (pickle.loads(pickle.dumps(g)), copy.deepcopy(g), copy.copy(g)):
            self.assertEqual(h.get_params(), g.get_params())
            self.assertEqual(list(h.feature_names_in_), NAMES)
            np.testing.assert_array_equal(h.sample(5, frame=False), g.sample(5, frame=False))
        self.assertEqual(pickle.loads(pickle.dumps(tiny())).get_params(), tiny().get_params())

    def test_save_and_load(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mödel.safetensors")
            g = tiny(random_state=7).fit(Frame(rows(), NAMES))
            g.save(path)
            h = OneStepGenerator.load(path)
            self.assertEqual((h.method, h.steps, h.random_state), ("characteristic", 200, 7))
            self.assertEqual(list(h.feature_names_in_), NAMES)
            np.testing.assert_array_equal(h.sample(5), g.sample(5, frame=False))
            path.write_bytes(path.read_bytes()[:1000])
            with self.assertRaises(InputError):
                OneStepGenerator.load(path)
            with self.assertRaises(FileError):
                g.save(Path(folder, "nowhere", "x"))
            with self.assertRaises(OSError):
                OneStepGenerator.load(Path(folder, "nowhere"))
        with self.assertRaises(NotFittedError):
            tiny().save(path)

    def test_a_density_after_loading(self):
        with tempfile.TemporaryDirectory() as folder:
            g = tiny_flow(steps=5).fit(rows())
            g.save(f"{folder}/m")
            h = OneStepGenerator.load(f"{folder}/m")
            np.testing.assert_array_equal(h.score_samples(rows(9)), g.score_samples(rows(9)))
            self.assertEqual(h.model_.columns, ["x1", "x2"])
