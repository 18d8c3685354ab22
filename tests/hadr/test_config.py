"""site.yaml: what is read, and one clear line with its place for everything that is wrong."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from hadr.cli import run
from hadr.config import SiteFields, load_site, parse_site
from hadr.core.errors import ConfigError
from hadr.core.site import Layout, Site, Switch
from hadr.ports import Ports

EXAMPLE = Path(__file__).parent / "site.yaml"
INFRA = Path(__file__).parents[2] / "infra"
SINGLE, MULTI = INFRA / "ha-single-cluster" / "tests" / "site.yaml", INFRA / "ha-multi-cluster" / "tests" / "site.yaml"


def test_the_example_is_a_site() -> None:
    """Every key of the example arrives where it belongs."""
    site = load_site(EXAMPLE)
    assert (site.name, site.global_database, site.traffic.host) == ("peccy", "peccy", "peccy.hadr.test")
    one, two = site.members
    assert one.switch is None
    assert two.switch == Switch(bucket="peccy-switch-123456789012-us-east-2", region="us-east-2", key="active/two")
    assert two.capacity.replicas == 2
    assert dict(two.workload.deployments) == {"peccy-web": 2, "peccy-app": 2}
    assert site.objectives.recovery_point == timedelta(minutes=1)
    assert site.probe.ready == "/readyz"


def test_members_are_found_by_name() -> None:
    """An unknown member is told with the names there are."""
    site = load_site(EXAMPLE)
    assert site.other("one").name == "two"
    with pytest.raises(ConfigError, match="no member 'three' in site peccy; its members are: one, two"):
        site.other("three")


def changed(old: str, new: str) -> str:
    text = EXAMPLE.read_text()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("region: us-east-1", "regoin: us-east-1", r"unknown field `regoin` - at `\$.members\[0\]`"),
        ("region: us-east-1", "region: 1", r"Expected `str`, got `int` - at `\$.members\[0\].region`"),
        ("replicas: 2}", "replicas: two}", r"\$.members\[0\].capacity.replicas"),
        ("replicas: 2}", "replicas: 0}", r"\$.members\[0\].capacity.replicas: a serving member needs at least 1"),
        ("site: peccy", "sites: peccy", "unknown field `sites`"),
        ("    record: one\n", "", r"missing required field `record` - at `\$.members\[0\]`"),
        ("    record: one\n", "    record: one\n    record: eins\n", r"line 17, column 5: the key 'record' is given twice"),
        ("record: two", "record: one", r"\$.members\[1\].record: 'one' is the first member's"),
        ("recovery_time: PT15M", "recovery_time: 15 minutes", r"Invalid ISO8601 duration - at `\$.objectives.recovery_time`"),
        ("recovery_time: PT15M", "recovery_time: PT0S", r"\$.objectives.recovery_time: has to be longer than nothing"),
        ("deployments: {peccy-web: 2, peccy-app: 2}", "deployments: {}", r"workload.deployments: names no Deployment"),
        ("peccy-web: 2", "peccy-web: 0", r"workload.deployments.peccy-web: needs at least 1 replica"),
        ("nodes: type=service", "nodes: service", r"workload.nodes: a label such as type=service"),
        ("cluster: peccy-one", "cluster: ' '", r"\$.members\[0\].cluster: is empty"),
        ("scheme: http", "scheme: ftp", r"Invalid enum value 'ftp' - at `\$.probe.scheme`"),
        ("ready: /readyz", "ready: readyz", r"\$.probe.ready: a path begins with /"),
        (
            "region: us-east-2, key",
            "region: us-east-1, key",
            r"\$.members\[1\].switch.region: has to be in the member's own Region",
        ),
        ("members:", "members: [", "not YAML: "),
        ("site: peccy", "{a: b}: c", "not YAML: |a key is not a plain word"),
        ("site: peccy", "on: 1", "."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, place: str) -> None:
    """One line, naming the key; never a default in its stead."""
    with pytest.raises(ConfigError, match=place) as caught:
        parse_site(changed(old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("root", "layout"),
    [
        ("ha-single-cluster", Layout.ONE_MEMBER),
        ("ha-multi-cluster", Layout.ONE_REGION),
        ("dr-multi-region", Layout.TWO_REGIONS),
    ],
)
def test_the_site_of_every_root_is_read(root: str, layout: Layout) -> None:
    """The keys that `terraform test` compares with each root's output are those that hadr reads."""
    site = load_site(INFRA / root / "tests" / "site.yaml")
    assert site.layout is layout
    assert [len(member.zones) for member in site.members] == [3] * len(site.members)
    assert (site.global_database is None) == (layout is not Layout.TWO_REGIONS)
    pinned = [member.workload.zone for member in site.members]
    assert pinned == (["ap-southeast-1a", "ap-southeast-1b"] if layout is Layout.ONE_REGION else [None] * len(site.members))


def test_zones_are_found_with_their_members() -> None:
    """A shared zone is of both members, whose workload lives in one of them; an unknown zone is told with those there are."""
    site = load_site(MULTI)
    assert [member.name for member in site.in_zone("ap-southeast-1a")] == ["one", "two"]
    assert [member.name for member in site.members if member.lives_in("ap-southeast-1b")] == ["two"]
    with pytest.raises(ConfigError, match="its zones are: ap-southeast-1a, ap-southeast-1b, ap-southeast-1c"):
        site.in_zone("us-east-1a")
    with pytest.raises(ConfigError, match=r"its site\.yaml names no zones"):
        load_site(EXAMPLE).in_zone("us-east-1a")


@pytest.mark.parametrize(
    ("root", "old", "new", "place"),
    [
        (
            "single",
            "    zones:",
            "    record: one\n    zones:",
            r"\$.members\[0\].record: a site of one member has no weighted records",
        ),
        (
            "single",
            "type=service}",
            "type=service, zone: ap-northeast-1a}",
            r"members\[0\].workload.zone: a site of one member in one",
        ),
        ("single", "ap-northeast-1c: apne1-az1, ap-northeast-1d: apne1-az2", "", r"members\[0\].zones: .* at least two zones"),
        ("single", "ap-northeast-1c:", "us-east-1c:", r"members\[0\].zones: zones of ap-northeast-1, name to id"),
        ("single", "traffic:", "database: {global_cluster: peccy}\ntraffic:", r"\$.database: a site in one Region has no global"),
        ("single", "PT180S}", "PT180S, recovery_point: PT1M}", r"\$.objectives.recovery_point: a site in one Region loses no"),
        (
            "single",
            "    zones:",
            "    switch: {bucket: b, region: ap-northeast-1, key: k}\n    zones:",
            r"members\[0\].switch: a site in one",
        ),
        ("multi", "zone: ap-southeast-1b}", "zone: ap-southeast-1a}", r"members\[1\].workload.zone: .* both would be lost with it"),
        (
            "multi",
            "zone: ap-southeast-1b}",
            "zone: ap-southeast-1x}",
            r"members\[1\].workload.zone: .* not among the member's zones",
        ),
        ("multi", ", zone: ap-southeast-1a}", "}", r"members\[0\].workload.zone: members in one Region each live in a zone"),
        ("multi", "database: peccy", "database: other", r"members\[1\].database: members in one Region share it"),
        ("multi", "cluster: peccy-one", "cluster: peccy-two", r"members\[1\].cluster: 'peccy-two' is the first member's"),
        ("multi", "    record: one\n", "", r"missing required field `record` - at `\$.members\[0\]`"),
        ("dr", "database: {global_cluster: peccy}\n", "", "missing required field `database`"),
        ("dr", "recovery_point: PT1M, ", "", "missing required field `recovery_point`"),
    ],
)
def test_a_layout_that_does_not_hold_together_is_told(root: str, old: str, new: str, place: str) -> None:
    """What follows from the number of members and Regions, each with its place."""
    text = {"single": SINGLE, "multi": MULTI, "dr": EXAMPLE}[root].read_text()
    assert old in text
    with pytest.raises(ConfigError, match=place) as caught:
        parse_site(text.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def test_nothing_is_lost_within_a_region() -> None:
    """What members in one Region, or zones, share is behind by nothing."""
    objectives = load_site(MULTI).objectives
    assert (objectives.recovery_point, objectives.file_recovery_point) == (timedelta(0), timedelta(0))
    kept = EXAMPLE.read_text().replace(", file_recovery_point: PT15M", "")
    assert parse_site(kept).objectives.file_recovery_point == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("words", "site", "said"),
    [
        (
            ("failover", "--to", "two", "--yes"),
            "multi",
            "failover needs a stand-by in another Region, and site peccy is in ap-south",
        ),
        (("plan", "switchover", "--to", "one"), "single", "switchover needs a stand-by in another Region"),
        (("failback", "--to", "two"), "multi", "failback needs a stand-by"),
        (("protect",), "single", "protect needs a stand-by"),
        (("plan", "protect"), "multi", "`hadr shift` moves clients"),
        (("shift", "--to", "one=100"), "single", "shift divides clients between members, and site peccy has one"),
    ],
)
def test_verbs_refuse_a_site_they_are_not_for(words: tuple[str, ...], site: str, said: str) -> None:
    """Exit code 64, and the verb to use instead; nothing is asked of the site."""
    err = io.StringIO()
    file = {"single": SINGLE, "multi": MULTI}[site]
    code = run([*words, "--site", str(file)], wire=_nothing, out=Console(file=io.StringIO()), err=Console(file=err, width=300))
    assert code == 64
    assert said in err.getvalue()


def _nothing(site: Site) -> Ports:
    raise AssertionError(f"{site.name} was asked")


@pytest.mark.parametrize("text", ["", "[]", "hello", "1"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    """An empty or foreign document is one line as well."""
    with pytest.raises(ConfigError, match="Expected `object`"):
        parse_site(text)


def test_tags_are_refused() -> None:
    """YAML cannot make Python objects here."""
    with pytest.raises(ConfigError, match="not YAML"):
        parse_site("site: !!python/object/apply:os.getcwd []")


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A missing file names the flag; a folder and bytes that are no text are told as such."""
    with pytest.raises(ConfigError, match=r"site\.yaml: no such file; name the site's file with --site or HADR_SITE"):
        load_site(tmp_path / "site.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_site(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_site(tmp_path / "bytes")
    (tmp_path / "bad").write_text("site: [")
    with pytest.raises(ConfigError, match="bad: not YAML"):
        load_site(tmp_path / "bad")


def test_every_key_is_documented() -> None:
    """The reference page names each key that the schema knows."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "site-yaml.md").read_text()
    missing = [key for key in keys_of(SiteFields) if f"`{key}`" not in page and f".{key}`" not in page]
    assert missing == []


def keys_of(kind: type[msgspec.Struct]) -> list[str]:
    """The keys that hold values; keys that only group others are named with them."""
    found = []
    for part in msgspec.structs.fields(kind):
        inner = [one for one in (part.type, *getattr(part.type, "__args__", ())) if isinstance(one, type)]
        groups = [one for one in inner if issubclass(one, msgspec.Struct)]
        found += [key for group in groups for key in keys_of(group)] if groups else [part.name]
    return found
