"""The figures of a run beside their targets, as a table for people and as one JSON document."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

JSON_SCHEMA = "remit.bench/1"
FOREIGN_SHARE_MAX = 0.05  # above this, contention shows in latencies and in how calls batch up
Window = dict[str, Any]
Rounds = list[dict[str, dict[str, Window]]]  # [round][leg]["many" or "one"]


@dataclass(frozen=True)
class Target:
    """A figure, what it must reach, and in which direction better lies."""

    figure: str
    text: str
    ship: float
    further: tuple[float, ...] = ()  # next, moonshot
    more_is_better: bool = False

    def met(self, value: float) -> bool:
        return value >= self.ship if self.more_is_better else value <= self.ship


TARGETS = (
    Target("cacheable_of_nginx", "calls per CPU second, cacheable policy, of nginx", 0.40, (0.50, 0.75), True),
    Target("durable_of_nginx", "same, durable before the reply (default)", 0.28, (0.35, 0.60), True),
    Target("argument_policy_of_nginx", "same, argument policy on every call, durable", 0.18, (0.20, 0.60), True),
    Target("added_p50_of_nginx", "added p50 at 1 connection, of nginx's, cacheable", 2.0, (2.0, 1.2)),
    Target("added_p99_of_nginx", "added p99 at 1 connection, of nginx's, cacheable", 4.0, (4.0, 1.5)),
    Target("idle_rss_mb", "resident memory, idle, MB", 110.0),
    Target("abandoned_sessions_growth_mb", "growth after 10,000 abandoned sessions, MB", 10.0),
    Target("start_to_first_call_s", "start to first protected call, s", 1.0),
    Target("policies_10000_added_share", "CPU per call at 10,000 policies, of the same at 3", 1.10),
)


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _ratio(over: float, under: float) -> list[float]:
    return [over / under] if under > 0 else []


def of_nginx(rounds: Rounds, leg: str) -> float | None:
    """Calls per CPU second compared with nginx in the same round; the median over the rounds."""
    ratios: list[float] = []
    for each in rounds:
        if leg in each and "nginx" in each:
            ratios += _ratio(each["nginx"]["many"]["cpu_us_per_call"], each[leg]["many"]["cpu_us_per_call"])
    return _median(ratios)


def added_ms(rounds: Rounds, leg: str, percentile: str) -> float | None:
    return _median([r[leg]["one"][percentile] - r["direct"]["one"][percentile] for r in rounds if leg in r])


def added_of_nginx(rounds: Rounds, leg: str, percentile: str) -> float | None:
    ratios: list[float] = []
    for each in rounds:
        if leg in each and "nginx" in each:
            direct = each["direct"]["one"][percentile]
            ratios += _ratio(each[leg]["one"][percentile] - direct, each["nginx"]["one"][percentile] - direct)
    return _median(ratios)


def round_figures(rounds: Rounds) -> dict[str, float | None]:
    return {
        "cacheable_of_nginx": of_nginx(rounds, "remit-cacheable"),
        "durable_of_nginx": of_nginx(rounds, "remit-durable"),
        "argument_policy_of_nginx": of_nginx(rounds, "remit-argument-policy"),
        "added_p50_of_nginx": added_of_nginx(rounds, "remit-cacheable", "p50_ms"),
        "added_p99_of_nginx": added_of_nginx(rounds, "remit-cacheable", "p99_ms"),
    }


def leg_summary(rounds: Rounds, leg: str) -> dict[str, float | int | None]:
    many = [each[leg]["many"] for each in rounds if leg in each]
    one = [each[leg]["one"] for each in rounds if leg in each]
    return {
        "calls_per_s": _median([w["calls_per_s"] for w in many]),
        "cpu_us_per_call": _median([w["cpu_us_per_call"] for w in many]),
        "cpu_us_per_call_min": min(w["cpu_us_per_call"] for w in many),
        "cpu_us_per_call_max": max(w["cpu_us_per_call"] for w in many),
        "of_nginx": None if leg == "direct" else of_nginx(rounds, leg),
        "p50_ms": _median([w["p50_ms"] for w in one]),
        "p99_ms": _median([w["p99_ms"] for w in one]),
        "added_p50_ms": added_ms(rounds, leg, "p50_ms"),
        "added_p99_ms": added_ms(rounds, leg, "p99_ms"),
        "foreign_share_max": max(w["foreign_share"] for w in many + one),
        "errors": sum(w["errors"] for w in many + one),
    }


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


LEG_HEADINGS = (
    f"{'leg':24}{'calls/s':>10}{'CPU us/call':>13}{'min-max':>14}{'of nginx':>10}{'p50':>10}{'p99':>10}{'errors':>9}"
)


def leg_table(legs: dict[str, dict[str, Any]], connections: int) -> list[str]:
    lines = [
        f"{'':24}{f'{connections} connections':^44}{'1 connection, added ms':>24}",
        LEG_HEADINGS,
    ]
    for name, leg in legs.items():
        spread = f"{leg['cpu_us_per_call_min']:.1f}-{leg['cpu_us_per_call_max']:.1f}"
        direct = name == "direct"
        lines.append(
            f"{name:24}{_number(leg['calls_per_s'], 0):>10}{_number(leg['cpu_us_per_call'], 1):>13}{spread:>14}"
            f"{_number(leg['of_nginx'], 2):>10}"
            f"{'-' if direct else _number(leg['added_p50_ms'], 3):>10}"
            f"{'-' if direct else _number(leg['added_p99_ms'], 3):>10}{leg['errors']:>9}"
        )
    if "direct" in legs:
        p50, p99 = legs["direct"]["p50_ms"], legs["direct"]["p99_ms"]
        lines.append(f"direct: p50 {p50:.3f} ms, p99 {p99:.3f} ms; its CPU is the upstream's own")
    return lines


def target_table(figures: dict[str, float | None]) -> list[str]:
    lines = [f"{'target':52}{'measured':>10}{'ship':>9}{'next':>7}{'moonshot':>10}  verdict"]
    for target in TARGETS:
        value = figures.get(target.figure)
        verdict = "not measured" if value is None else "met" if target.met(value) else "missed"
        sign = ">=" if target.more_is_better else "<="
        further = [f"{goal:g}" for goal in target.further] + ["", ""]
        lines.append(
            f"{target.text:52}{_number(value, 2):>10}{f'{sign} {target.ship:g}':>9}"
            f"{further[0]:>7}{further[1]:>10}  {verdict}"
        )
    return lines


def text(document: dict[str, Any]) -> str:
    machine, settings, disk = document["machine"], document["settings"], document["fdatasync_ms"]
    lines = [
        f"{machine['cpu']}, {machine['kernel']}, {machine['nginx']}, Python {machine['python']}",
        f"proxy on core {machine['proxy_core']}, upstream and generator on core {machine['load_core']}",
        "{rounds} interleaved rounds, windows of {seconds:g} s, {era} era, {text_bytes}-byte text".format(**settings),
        f"ledger on {machine['directory']} ({machine['filesystem']})",
        f"its fdatasync: p50 {disk['p50']:.2f} ms, p99 {disk['p99']:.2f} ms",
        "",
        *leg_table(document["legs"], settings["connections"]),
        "",
        *target_table(document["figures"]),
    ]
    foreign = max(leg["foreign_share_max"] for leg in document["legs"].values())
    if foreign > FOREIGN_SHARE_MAX:
        lines += ["", f"Other work took up to {foreign:.0%} of a core in a window: run again on a quiet machine."]
    for name, reason in document["not_measured"].items():
        lines += ["", f"not measured: {name}: {reason}"]
    return "\n".join(lines)
