"""What holds of the Terraform files without Terraform: pins, no secret, no place or account in a module, names by identity."""

from __future__ import annotations

import importlib.util
import ipaddress
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"
ROOTS = ("ha-single-cluster", "ha-multi-cluster", "dr-multi-region")
FOLDERS = tuple(sorted([*(INFRA / root for root in ROOTS), *(INFRA / "modules").iterdir()]))
REGION = re.compile(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-(?:gov-)?(?:north|south|east|west|central)+[a-z]*-\d")
ROLES = re.compile(r"primary|secondary|standby|stand_by|active|passive|master\b")


def unquoted(text: Any) -> str:
    """The parser keeps the quotes of a literal."""
    return str(text).strip('"')


def files(folder: Path) -> tuple[Path, ...]:
    """The configuration of one module or root; tests are not part of it."""
    return tuple(sorted(folder.glob("*.tf")))


@cache
def document(file: Path) -> Any:
    """A parsed file; parsing is slow (0.1 s for a page)."""
    return hcl2.loads(file.read_text())


def parsed(folder: Path, kind: str) -> Iterator[Any]:
    """Every top-level block of one kind in a folder."""
    for file in files(folder):
        yield from document(file).get(kind, [])


def labelled(folder: Path, kind: str) -> Iterator[tuple[str, Any]]:
    """(label, body) of blocks with one label: variables, outputs, modules, providers."""
    for block in parsed(folder, kind):
        for label, body in block.items():
            yield unquoted(label), body


def resources(folder: Path, kind: str = "resource") -> Iterator[tuple[str, str, Any]]:
    """(type, name, body) of every resource of a folder."""
    for block in parsed(folder, kind):
        for type_, named in block.items():
            for name, body in named.items():
                yield unquoted(type_), unquoted(name), body


def attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Every (name, value) at any depth; comments are not configuration."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "__comments__":
                yield unquoted(name), inner
                yield from attributes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from attributes(inner)


def code(file: Path) -> str:
    """The text without comments."""
    return "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in file.read_text().splitlines())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_only_the_aws_provider_is_used_and_it_is_pinned(folder: Path) -> None:
    """Every module and root says the same Terraform and the same AWS provider, and needs no other."""
    (settings,) = parsed(folder, "terraform")
    (providers,) = settings["required_providers"]
    named = {name: body for name, body in providers.items() if not name.startswith("__")}
    assert unquoted(settings["required_version"]) == "~> 1.11"
    assert list(named) == ["aws"]
    assert {unquoted(key): unquoted(value) for key, value in named["aws"].items()} == {
        "source": "hashicorp/aws",
        "version": "~> 5.100",
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_variables_and_outputs_say_what_they_are(folder: Path) -> None:
    """Each variable has a type and a description, each output a description."""
    for name, body in labelled(folder, "variable"):
        assert "type" in body, f"{folder.name}: variable {name} has no type"
        assert unquoted(body.get("description", "")), f"{folder.name}: variable {name} has no description"
    for name, body in labelled(folder, "output"):
        assert unquoted(body.get("description", "")), f"{folder.name}: output {name} has no description"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_password_is_written_down_or_stored(folder: Path) -> None:
    """Passwords go through write-only arguments; a literal, or an argument that ends in the state, is refused."""
    for kind in ("resource", "module", "locals", "data"):
        for block in parsed(folder, kind):
            for name, value in attributes(block):
                assert name not in ("master_password", "secret_string", "secret_binary"), f"{folder.name}: {name} ends in the state"
                if re.search(r"password|secret|token", name) and not re.search(r"_arn|_id|_tokens|_version", name):
                    literal = isinstance(value, str) and value.startswith('"') and "${" not in value
                    assert not literal, f"{folder.name}: {name} is a literal"
    made = [type_ for kind in ("resource", "data") for type_, _, _ in resources(folder, kind) if "random_" in type_]
    assert made == [], f"{folder.name}: what is not ephemeral ends in the state"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_account_id_is_written_down(folder: Path) -> None:
    """Accounts are asked for, never named."""
    for file in files(folder):
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", code(file)), f"{file} names an account"


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if folder.parent.name == "modules"], ids=lambda folder: folder.name
)
def test_modules_name_no_region_and_configure_no_provider(folder: Path) -> None:
    """A module is of whatever Region its caller's provider is."""
    assert not list(parsed(folder, "provider"))
    for file in files(folder):
        found = REGION.search(code(file))
        assert found is None, f"{file} names {found and found[0]}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_nothing_is_named_after_a_role(folder: Path) -> None:
    """Roles change; names follow identity."""
    names = [name for _, name, _ in resources(folder)] + [name for name, _ in labelled(folder, "module")]
    assert [name for name in names if ROLES.search(name)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_root_and_module_has_tests_of_its_own(folder: Path) -> None:
    """`terraform test` finds something in each."""
    assert list((folder / "tests").glob("*.tftest.hcl"))


def test_a_module_is_called_at_least_twice() -> None:
    """A module that is called once is a detour."""
    calls = [Path(unquoted(body["source"])).name for folder in FOLDERS for _, body in labelled(folder, "module")]
    assert sorted(set(calls)) == sorted(path.name for path in (INFRA / "modules").iterdir())
    assert [name for name in set(calls) if calls.count(name) < 2] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_nothing_is_declared_that_nobody_uses(folder: Path) -> None:
    """Every variable, local and data source is used where it is declared; every output of a module by somebody else."""
    text = "\n".join(code(file) for file in files(folder))
    told = [f"var.{name}" for name, _ in labelled(folder, "variable")]
    told += [f"local.{unquoted(name)}" for block in parsed(folder, "locals") for name in block if not name.startswith("__")]
    told += [f"data.{type_}.{name}" for type_, name, _ in resources(folder, "data")]
    rules = re.sub(r"validation \{.*?\n  \}", "", text, flags=re.DOTALL)
    assert [name for name in told if not re.search(rf"\b{re.escape(name)}\b", rules)] == []
    if folder.parent.name == "modules":
        others = "\n".join(code(file) for other in FOLDERS if other != folder for file in files(other))
        assert [name for name, _ in labelled(folder, "output") if not re.search(rf"\.{name}\b", others)] == []


def test_default_ranges_of_all_architectures_are_apart() -> None:
    """Any two VPCs of this repository can be peered."""
    ranges = []
    for root in ROOTS:
        variables = dict(labelled(INFRA / root, "variable"))
        defaults = [variables["cidr"]["default"]] if "cidr" in variables else []
        if "members" in variables:
            defaults += [value for name, value in attributes(variables["members"]["default"]) if name == "cidr"]
        ranges += [ipaddress.ip_network(unquoted(value)) for value in defaults]
    assert len(ranges) == 4
    assert [(one, two) for one, two in itertools.combinations(ranges, 2) if one.overlaps(two)] == []


def test_what_a_failover_changes_is_not_compared_with_the_code() -> None:
    """Writer, membership, weights and overwrite protection are state; EFS replication is hadr's and appears nowhere."""
    ignored: dict[str, set[str]] = {}
    for folder in FOLDERS:
        for type_, _, body in resources(folder):
            assert type_ != "aws_efs_replication_configuration", f"{folder.name} owns replication, which turns round with the roles"
            for name, value in attributes(body):
                if name == "ignore_changes":
                    ignored.setdefault(type_, set()).update(re.findall(r"[a-z_]+", str(value)))
    assert {"global_cluster_identifier", "replication_source_identifier"} <= ignored["aws_rds_cluster"]
    assert "weighted_routing_policy" in ignored["aws_route53_record"]
    assert "protection" in ignored["aws_efs_file_system"]


def test_every_weighted_record_ignores_its_weight() -> None:
    """One owner for weights: a record that Terraform compared would be turned back by the next apply."""
    weighted = [
        (root, body)
        for root in ROOTS
        for type_, _, body in resources(INFRA / root)
        if type_ == "aws_route53_record" and "weighted_routing_policy" in body
    ]
    assert len(weighted) == 2
    for root, body in weighted:
        assert "weighted_routing_policy" in str(body.get("lifecycle")), f"{root}: its weights would drift"


@pytest.mark.parametrize("root", ROOTS)
def test_the_example_of_variables_names_each_variable_and_no_other(root: str) -> None:
    """terraform.tfvars.example is the one place a person starts from."""
    variables = {name for name, _ in labelled(INFRA / root, "variable")}
    text = (INFRA / root / "terraform.tfvars.example").read_text()
    assigned = set(re.findall(r"^#? ?([a-z_]+) *=", text, flags=re.MULTILINE))
    assert assigned <= variables
    assert {name for name in variables if not re.search(rf"\b{name}\b", text)} == set()


def test_the_role_of_hadr_is_its_table_of_calls() -> None:
    """actions.json is what generate.py prints; regenerate it when the table changes."""
    folder = INFRA / "modules" / "operator"
    spec = importlib.util.spec_from_file_location("operator_actions", folder / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (folder / "actions.json").read_text() == generate.text()
