"""site.yaml: what is read, and one clear line with its place for everything that is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from hadr.config import SiteFields, load_site, parse_site
from hadr.core.errors import ConfigError
from hadr.core.site import Switch

EXAMPLE = Path(__file__).parent / "site.yaml"


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


def test_a_site_has_two_members() -> None:
    """One member cannot fail over to anything."""
    text = EXAMPLE.read_text()
    first, second = text.index("  - name: two"), text.index("database: {global")
    with pytest.raises(ConfigError, match=r"\$.members: a site has exactly two members, here are 1"):
        parse_site(text[:first] + text[second:])


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
