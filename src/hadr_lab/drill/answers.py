"""What hadr's answers say: to `status`, to `plan` and to the verbs that change a site. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hadr_lab.drill.ports import Answer


def words_of(answer: Answer) -> str:
    """hadr's answer in one line: its own words where it gave any, else the end of what it printed."""
    said = answer.said or {}
    words = [str(said[key]) for key in ("answer", "why") if said.get(key)]
    return ": ".join(words) or " ".join(answer.text[-400:].split())


def reason_of(answer: Answer) -> str:
    """The reason that hadr gave; empty when it gave none."""
    said = (answer.said or {}).get("why")
    return str(said) if said else ""


def unready(answer: Answer) -> list[str]:
    """Members that DNS gives weight and that are not ready yet, by `hadr status --json`: the drill of a pair begins with both."""
    said = answer.said or {}
    weights = said.get("readings", {}).get("weights", {}).get("value") or {}
    return [name for name, one in said.get("members", {}).items() if weights.get(name) and one.get("serving") != "yes"]


def weights_before(answer: Answer) -> Mapping[str, int]:
    """The weights that a shift which is done began with, in its own words."""
    weights: Mapping[str, int] = (answer.said or {})["plan"]["from"]
    return weights


def why_not(answer: Answer) -> str:
    """The refusals of a plan, or what hadr said instead of any."""
    refusals = (answer.said or {}).get("refusals", ())
    told = [f"{each['guard']}: {each['what']}" for each in refusals]
    return "; ".join(told) or words_of(answer)
