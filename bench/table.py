"""The result of a case as rows of the table and as JSON."""
from __future__ import annotations

from cases import OURS, PEER, Case
from rounds import Series, median, quantile

HEADER = f"{'case':46} {'thr':>3}  {'who':20} {'median':>10}  {'quartiles':>19}  {'unit':9}  ours is"

NOT_INSTALLED = "not installed"  # such peers are named once, in the head of the table


def number(x: float) -> str:
    return f"{x:.4g}" if x < 10000 else f"{x:.0f}"


def figures(case: Case, series: Series) -> list[float]:
    return [case.figure(s) for s in series.seconds]


def paired_ratio(case: Case, ours: Series, other: Series) -> float:
    """The median over rounds of how many times better ours was in that round."""
    return median([case.ratio(a, b) for a, b in zip(ours.seconds, other.seconds)])


def rows(case: Case, series: dict[str, Series], absent: dict[str, str]) -> list[str]:
    """One line a participant, and one for each that failed to start."""
    ours = next((e.name for e in case.entries if e.role == OURS and e.name in series), None)
    lines, lead = [], f"{case.name:46} {case.threads:3}"
    for entry in case.entries:
        if entry.role not in (OURS, PEER) or absent.get(entry.name, "").startswith(NOT_INSTALLED):
            continue
        if entry.name in absent:
            lines.append(f"{lead}  {entry.name:20} {'-':>10}  {absent[entry.name]}")
        else:
            values = figures(case, series[entry.name])
            spread = f"{number(quantile(values, 0.25))} .. {number(quantile(values, 0.75))}"
            line = f"{lead}  {entry.name:20} {number(median(values)):>10}  {spread:>19}  {case.unit:9}"
            if ours and entry.role == PEER:
                line += f"  {paired_ratio(case, series[ours], series[entry.name]):.2f}x"
            p99 = series[entry.name].facts.get("p99")
            lines.append(line + (f"  (p99 {number(case.figure(p99))})" if p99 else ""))
        lead = " " * len(lead)
    return lines


def efficiency(case: Case, series: dict[str, Series], ready: dict[str, dict]) -> dict[str, float]:
    """What our step's contractions reach of the peak and of the rate of the bare products, paired by round."""
    if "ours" not in series or "flops" not in ready["ours"]:
        return {}
    ours, flops = series["ours"], ready["ours"]["flops"]
    out = {"peak_mb": ours.facts["peak_mb"]}
    products, peak = series.get("product mix"), series.get("peak")
    if products:
        out["products_us"] = 1e6 * median(products.seconds)
        out["step_of_products"] = median([p / s for p, s in zip(products.seconds, ours.seconds)])
    if peak:
        rates = [case.threads * ready["peak"]["flops"] / s for s in peak.seconds]
        out["peak_gflops_one_thread"] = 1e-9 * median(rates) / case.threads
        out["step_of_peak"] = median([flops / s / r for s, r in zip(ours.seconds, rates)])
        if products:
            out["products_of_peak"] = median([flops / s / r for s, r in zip(products.seconds, rates)])
    return out


def efficiency_line(e: dict[str, float]) -> str:
    parts = []
    if "step_of_peak" in e:
        parts.append(f"contractions at {e['step_of_peak']:.1%} of {case_peak(e)}")
    if "products_us" in e:
        parts.append(f"bare products {number(e['products_us'])} us, {e['step_of_products']:.0%} of the step")
    if "products_of_peak" in e:
        parts.append(f"they reach {e['products_of_peak']:.1%}")
    parts.append(f"peak memory {e['peak_mb']:.0f} MB")
    return f"{'':50}  {'; '.join(parts)}"


def case_peak(e: dict[str, float]) -> str:
    return f"the peak, {e['peak_gflops_one_thread']:.1f} GFLOP/s a thread"


def disagreements(case: Case, ready: dict[str, dict]) -> list[str]:
    """Who found another `value` than ours."""
    if not case.agree or "value" not in ready.get("ours", {}):
        return []
    ours, lines = ready["ours"]["value"], []
    agree = {entry.name: entry.agree or case.agree for entry in case.entries}
    for name, facts in ready.items():
        if name == "ours" or "value" not in facts:
            continue
        difference = abs(facts["value"] - ours) / max(abs(ours), 1e-300)
        if not difference <= agree[name]:
            lines.append(f"{case.title}: {name} finds {facts['value']!r}, ours {ours!r} (relative {difference:.1e})")
    return lines


def as_json(case: Case, series: dict[str, Series], ready: dict[str, dict], absent: dict[str, str]) -> dict:
    peers = [e.name for e in case.entries if e.role == PEER and e.name in series]
    ours = "ours" if "ours" in series else None
    names = ([ours] if ours else []) + peers
    spread = {}
    for name in names:
        v = figures(case, series[name])
        spread[name] = {"min": min(v), "q1": quantile(v, 0.25), "q3": quantile(v, 0.75), "max": max(v)}
    out = {"case": case.name, "threads": case.threads, "unit": case.unit, "precision": case.precision,
           "better": "higher" if case.per_second or case.busy else "lower",
           "ours": median(figures(case, series["ours"])) if ours else None,
           "peers": {p: median(figures(case, series[p])) for p in peers},
           "ratio": {p: paired_ratio(case, series["ours"], series[p]) for p in peers} if ours else {},
           "spread": spread, "rounds": {n: len(series[n].seconds) for n in names},
           "facts": {n: {**ready[n], **series[n].facts} for n in names}, "absent": absent}
    if case.flops:
        out["efficiency"] = efficiency(case, series, ready)
    return out
