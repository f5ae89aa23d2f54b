"""Persistent training of W1 flows: held-out W1 against critic iterations and wall time, for several K, beside WGAN and the naive
way of training a generator K times on one critic.

All runs share the critic (Lipschitz penalty), its steps, networks, batch and seeds; they differ in how the generator is fitted:

  W1-FE K   K regression steps on frozen targets                       --method w1fe --persistence K
  WGAN      one step on the critic, the rate chosen by final W1        --method w1fe --fit naive-fresh --persistence 1
  naive K   K steps on the frozen critic at the same noise             --method w1fe --fit naive --persistence K

W1 along the way is the model's own held-out curve: exact assignment of 512 rows, in units of the columns' spread. The final one
is eval's, in the data's units, beside its floor. `reach` is the first point of the mean curve at or below WGAN's final mean.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RATES = (1e-4, 3e-4, 1e-3)


def command(words):
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"persistence: {' '.join(words)}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def variants(ks):
    out = [(f"WGAN, rate {rate:g}", ["--fit", "naive-fresh", "--persistence", "1", "--learning-rate", f"{rate:g}"]) for rate in RATES]
    out += [(f"W1-FE K={k}", ["--persistence", str(k)]) for k in ks]  # everything else as shipped
    return out + [(f"naive K={k}", ["--fit", "naive", "--persistence", str(k)]) for k in ks if k > 1]


def run(o, law, options, seed):
    model = os.path.join(o.folder, f"persistence_{os.getpid()}.safetensors")
    words = [o.pushforward, "train", f"law:{law}", "-o", model, "--method", "w1fe", "--steps", str(o.iterations), "--seed", str(seed)]
    words += ["--rows", "100000", "--curve-points", str(o.points), "--threads", str(o.threads), "--quiet"] + options
    begin = time.perf_counter()
    command(words)
    seconds = time.perf_counter() - begin
    curve = json.loads(command([o.pushforward, "info", model, "--json"]))["curves"]["held-out W1"]
    quality = json.loads(command([o.pushforward, "eval", model, f"law:{law}", "--metrics", "w1,modes", "--rows", "2000", "--pairs", "5",
                                  "--seed", "1", "--quiet", "--json"]))
    os.remove(model)
    modes = quality.get("modes") or {}
    return {"steps": [int(s) for s in curve["steps"]], "curve": curve["values"], "seconds": seconds,
            "w1": quality["metrics"]["w1"]["value"], "floor": quality["metrics"]["w1"]["floor"],
            "modes": modes.get("covered"), "of": modes.get("count"), "high_quality": modes.get("high_quality")}


def mean(values):
    return statistics.fmean(values) if all(v is not None for v in values) else math.nan


def spread(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def summarise(runs):
    curve = [mean([r["curve"][i] for r in runs]) for i in range(len(runs[0]["curve"]))]
    return {"steps": runs[0]["steps"], "curve": curve, "seconds": mean([r["seconds"] for r in runs]),
            "w1": mean([r["w1"] for r in runs]), "sd": spread([r["w1"] for r in runs]), "floor": mean([r["floor"] for r in runs]),
            "modes": [r["modes"] for r in runs], "of": runs[0]["of"], "high_quality": mean([r["high_quality"] for r in runs])}


def first_at_or_below(s, level):
    """Iterations and seconds of the mean curve's first such point."""
    for step, value in zip(s["steps"], s["curve"]):
        if value <= level:
            return step, s["seconds"] * step / s["steps"][-1]
    return None


def at(s, step):
    return min(zip(s["steps"], s["curve"]), key=lambda p: abs(p[0] - step))[1]


def print_table(law, o, found):
    wgan = min((name for name in found if name.startswith("WGAN")), key=lambda name: found[name]["w1"])
    level = found[wgan]["curve"][-1]
    marks = [m for m in (100, 200, 400, 600, 1000, 2000, 4000) if m < o.iterations] + [o.iterations]
    print(f"\nlaw:{law}, {o.iterations} iterations, {o.seeds} seeds; level: the final held-out W1 of {wgan}, {level:.4f}\n")
    print("| run | " + " | ".join(f"W1 at {m}" for m in marks) + " | final W1 | floor | modes | high quality | seconds | reach |")
    print("|---" * (len(marks) + 7) + "|")
    for name, s in found.items():
        reach = first_at_or_below(s, level)
        cells = [name] + [f"{at(s, m):.3f}" for m in marks] + [f"{s['w1']:.4f} ± {s['sd']:.4f}", f"{s['floor']:.4f}"]
        cells += [f"{', '.join(str(m) for m in s['modes'])} of {s['of']}", f"{s['high_quality']:.3f}", f"{s['seconds']:.1f}"]
        cells += [f"{reach[0]} iterations, {reach[1]:.1f} s" if reach else "never"]
        print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()
    ours, theirs = found["W1-FE K=10"], found[wgan]
    reach, own = first_at_or_below(ours, level), first_at_or_below(theirs, level)
    if not reach:
        print(f"law:{law}: W1-FE K=10 does not reach that level: MISSES")
        return False
    holds = 3 * reach[0] <= o.iterations and reach[1] < theirs["seconds"]
    print(f"law:{law}: W1-FE K=10 reaches it after {reach[0]} of {o.iterations} critic iterations ({own[0]} for WGAN's own mean curve) "
          f"and {reach[1]:.1f} s of {theirs['seconds']:.1f} s: {'holds' if holds else 'MISSES 1/3 or the time'}")
    return holds


def main():
    parser = argparse.ArgumentParser(prog="./run quality persistence", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laws", default="8gaussians,grid25")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--points", type=int, default=50, help="of the W1 curve")
    parser.add_argument("--persistence", default="1,3,10,30")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="write all results")
    parser.add_argument("--folder", default=os.path.join(ROOT, "build"))
    parser.add_argument("--pushforward", default=os.environ.get("PUSHFORWARD", os.path.join(ROOT, "build", "pushforward")))
    o = parser.parse_args()
    ks, everything, holds = [int(k) for k in o.persistence.split(",")], {}, True
    for law in o.laws.split(","):
        found = {}
        for name, options in variants(ks):
            found[name] = summarise([run(o, law, options, seed) for seed in range(1, o.seeds + 1)])
            print(f"  {law} {name}: W1 {found[name]['w1']:.4f}, {found[name]['seconds']:.1f} s", file=sys.stderr, flush=True)
        everything[law] = found
        holds = print_table(law, o, found) and holds
    if o.json:
        with open(o.json, "w") as file:
            json.dump(everything, file, indent=1)
    sys.exit(0 if holds else 4)


main()
