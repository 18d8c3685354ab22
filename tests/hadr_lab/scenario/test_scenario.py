"""Scenario files: those that ship are sound, and every mistake is one line that names its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hadr_lab.errors import UsageError
from hadr_lab.scenario import Actor, LoseRegion, StallReplication, catalogue, default_for, load, parse

GOOD = """\
description: a drill
architecture: dr-multi-region
faults:
  - {fault: lose-region, region: us-east-1}
act: {by: hadr, target: two}
"""


def test_the_catalogue_lists_every_scenario_in_one_line() -> None:
    """Each has a name, an architecture and a one-line description."""
    found = {scenario.name: scenario for scenario in catalogue()}
    assert {"region-loss", "region-loss-stalled-replication", "as-published", "zone-loss-single", "zone-loss-multi"} <= set(found)
    assert {s.architecture for s in found.values()} == {"dr-multi-region", "ha-single-cluster", "ha-multi-cluster"}
    assert all(s.description and "\n" not in s.description for s in found.values())
    assert found["as-published"].act.by is Actor.AS_PUBLISHED


def test_replication_stalls_a_second_before_the_cut() -> None:
    """The order of the faults is the script's, and the drill's clock starts at the loss, not at the stall."""
    script = load("region-loss-stalled-replication")
    stall, loss = script.faults
    assert isinstance(stall, StallReplication)
    assert isinstance(loss, LoseRegion)
    assert loss.at - stall.at == timedelta(seconds=1)
    assert script.loss is loss


def test_a_scenario_can_be_a_file_of_ones_own(tmp_path: Path) -> None:
    """A path in place of a name; what is left out has its default."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    script = load(str(path))
    assert (script.name, script.load.rate, script.act.delay) == ("mine", 100.0, timedelta(seconds=1))


def test_an_unknown_scenario_names_those_there_are() -> None:
    """One line, with the choice."""
    with pytest.raises(UsageError, match="no scenario 'nonsense'; there are: as-published, balancer-node-lost, "):
        load("nonsense")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "extra: 1\n", r"mine.yaml: Object contains unknown field `extra`"),
        (GOOD.replace("target: two", "target: two, dealy: PT1S"), r"unknown field `dealy` - at `\$.act`"),
        (GOOD + "description: again\n", r"mine.yaml:6:1: 'description' is there twice"),
        (GOOD.replace("lose-region", "lose-regoin"), r"Invalid value 'lose-regoin' - at `\$.faults\[0\].fault`"),
        (GOOD.replace("by: hadr", "by: somebody"), r"Invalid enum value 'somebody' - at `\$.act.by`"),
        (GOOD + "load: {rate: fast}\n", r"Expected `float`, got `str` - at `\$.load.rate`"),
        (GOOD + "steady: {window: 4 seconds}\n", r"Invalid ISO8601 duration - at `\$.steady.window`"),
        (GOOD.replace("target: two", "target: one"), r"\$.act.target: already serves"),
        (GOOD.replace("{fault: lose-region, region: us-east-1}", "{fault: stall-replication}"), "nothing that clients feel"),
        (GOOD.replace("us-east-1}", "us-east-1, at: PT2S}\n  - {fault: stall-replication, at: PT1S}"), "not in time order"),
        (GOOD.replace("us-east-1}", "us-east-1, at: PT2S, heal: PT1S}"), "heal: must come after"),
        (GOOD + "expect: {verdict: fine}\n", "'fine' is none of"),
        (GOOD + "steady: {success: 99}\n", "between 0 and 1"),
        ("description: [", r"mine.yaml:1:15: "),
        ("just words", r"mine.yaml: Expected `object`, got `str`"),
    ],
)
def test_every_mistake_is_one_line_with_its_place(text: str, message: str) -> None:
    """A typo in a scenario is an error, never a silent default."""
    with pytest.raises(UsageError, match=message) as caught:
        parse(text, path=Path("mine.yaml"))
    assert "\n" not in str(caught.value)


def test_every_architecture_has_a_scenario_of_its_own() -> None:
    """The one that is run when none is named: a Region's loss for the DR site, a zone's for the HA sites; exactly one each."""
    own = [(script.architecture, script.name) for script in catalogue() if script.default]
    assert sorted(own) == [
        ("dr-multi-region", "region-loss"),
        ("ha-multi-cluster", "zone-loss-multi"),
        ("ha-single-cluster", "zone-loss-single"),
    ]
    assert default_for("ha-single-cluster") == "zone-loss-single"
    with pytest.raises(UsageError, match="no scenario for architecture 'nonsense'"):
        default_for("nonsense")


HARMLESS = "description: a drill\narchitecture: ha-single-cluster\nact: {by: nobody}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HARMLESS, "nothing is harmed and nobody acts"),
        (HARMLESS.replace("by: nobody", "by: hadr, verb: evacuate"), r"\$.act.zone: name the zone to leave"),
        (HARMLESS.replace("by: nobody", "by: as-published, verb: evacuate, zone: a"), "only hadr switches over, evacuates"),
        (GOOD + "replicas: {app: 3, web: 0}\n", r"\$.replicas: at least 1 of each"),
        (GOOD + "replicas: {app: 3, web: 1, cache: 1}\n", "unknown field `cache`"),
        (GOOD + "expect: {whole: {app: 3, web: 1}}\n", r"\$.expect.whole: give it a \$.expect.whole_within"),
        (HARMLESS.replace("by: nobody", "by: hadr, verb: shift"), r"\$.act.to: name the weights"),
        (HARMLESS.replace("by: nobody", "by: nobody, verb: shift, to: {one: 1}") + "limits: {hold: PT1S}\n", "and shifts weights"),
        (GOOD.replace("target: two", "delay: PT1S"), r"\$.act.target: name the member"),
        (HARMLESS + "faults: [{fault: harm-zone, zone: a, how: gone}]\n", r"Invalid enum value 'gone' - at `\$.faults\[0\].how`"),
        (HARMLESS + "faults: [{fault: harm-zone, zone: a, how: lossy, loss: 20}]\n", "loss: between 0 and 1"),
        (HARMLESS + "faults: [{fault: overload-member, member: one, share: 1}]\n", "share: between 0 and 1"),
    ],
)
def test_a_harm_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    """In one line, as everything else."""
    with pytest.raises(UsageError, match=message):
        parse(text, path=Path("mine.yaml"))
