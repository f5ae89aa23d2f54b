"""Rounds: participants take turns, so that whatever else the machine does meets all of them alike."""
from __future__ import annotations

import math
from dataclasses import dataclass

from participants import Participant

TIMEOUT = 600.0


@dataclass
class Schedule:
    rounds: int  # wanted
    seconds: float  # that one participant works in a round
    limit: float = 90.0  # seconds of a case: slow participants get fewer rounds, three at least
    warm: float = 0.1  # share of a round's iterations that go before it, untimed, to warm the caches again

    def rounds_within(self, round_seconds: float) -> int:
        return min(self.rounds, max(3, int(self.limit / round_seconds)))


@dataclass
class Series:
    """Seconds per iteration, round by round, and the facts of the last round."""
    seconds: list[float]
    facts: dict


def quantile(values: list[float], q: float) -> float:
    """Linear between the sorted values."""
    v = sorted(values)
    at = q * (len(v) - 1)
    low = math.floor(at)
    high = min(low + 1, len(v) - 1)
    return v[low] + (at - low) * (v[high] - v[low])


def median(values: list[float]) -> float:
    return quantile(values, 0.5)


def calibrate(p: Participant, seconds: float) -> tuple[int, float]:
    """Iterations that take about `seconds`, one at least, and how long they take."""
    k = 1
    p.resume()
    while True:
        taken, _ = p.go(k, TIMEOUT)
        if taken >= seconds / 4:
            break
        k *= 2 if taken > seconds / 40 else 8
    p.pause()
    wanted = max(1, round(k * seconds / taken))
    return wanted, wanted * taken / k


def calibrate_all(participants: dict[str, Participant], schedule: Schedule) -> tuple[dict[str, int], int]:
    """Iterations of each in a round, and the number of rounds."""
    found = {name: calibrate(p, schedule.seconds) for name, p in participants.items()}
    rounds = schedule.rounds_within(sum(seconds for _, seconds in found.values()))
    return {name: k for name, (k, _) in found.items()}, rounds


def turn(p: Participant, k: int, warm: float) -> tuple[float, dict]:
    """Seconds per iteration of one round, and its facts."""
    p.resume()
    if k > 1:
        p.go(max(1, round(k * warm)), TIMEOUT)
    seconds, facts = p.go(k, TIMEOUT)
    p.pause()
    return seconds / k, facts


def alternate(participants: dict[str, Participant], schedule: Schedule) -> dict[str, Series]:
    """Every participant once a round; who begins goes round as well."""
    counts, rounds = calibrate_all(participants, schedule)
    series = {name: Series([], {}) for name in participants}
    order = list(participants)
    for r in range(rounds):
        shift = r % len(order)
        for name in order[shift:] + order[:shift]:
            seconds, facts = turn(participants[name], counts[name], schedule.warm)
            series[name].seconds.append(seconds)
            series[name].facts = facts
            if "median" in facts:
                series[name].seconds[-1] = facts["median"]
    return series


def beside_spinners(participants: dict[str, Participant], spinners: list, schedule: Schedule) -> dict[str, Series]:
    """Per round and participant: its throughput beside the spinners as a share of its throughput alone."""
    counts, rounds = calibrate_all(participants, schedule)
    series = {name: Series([], {}) for name in participants}
    for _ in range(rounds):
        for name, p in participants.items():
            alone, _ = turn(p, counts[name], schedule.warm)
            for s in spinners:
                s.resume()
            busy, facts = turn(p, counts[name], schedule.warm)
            for s in spinners:
                s.pause()
            series[name].seconds.append(alone / busy)
            series[name].facts = facts
    return series
