"""The contract of the ports once more, with the AWS adapters against the emulated API, of those ports that need no data plane.

Compute, the probe, healthy targets, replication lag and lost Regions need real parts: the drills and the site's story show them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from tests.emulated import CREDENTIALS
from tests.hadr import test_ports as contract
from tests.hadr.test_ports import (  # noqa: F401  collected here again, with this module's subject
    test_database_promotion_is_seen_under_way_and_then_done,
    test_database_promotion_of_the_writer_changes_nothing,
    test_traffic_declarations_are_set_and_withdrawn,
    test_traffic_weights_move_whole,
)

from hadr.bootstrap import aws_ports
from hadr.config import parse_site, site_text
from hadr.core.site import Site
from hadr.ports import Ports
from hadr_lab.applied import obtain
from hadr_lab.applied.kept import AWS
from hadr_lab.emulator import emulator
from hadr_lab.progress import Progress

pytestmark = pytest.mark.lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """dr-multi-region as Terraform made it, in an AWS without a data plane; two follows one."""

    site: Site
    ports: Ports

    def pass_time(self) -> None:
        """Its simulated waits are all but none."""
        time.sleep(0.1)

    def lose(self, member: str) -> None:
        """Not here."""
        raise NotImplementedError(f"{member} cannot be lost where there is no network")


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Iterator[contract.Subject]:
    """A site of its own for each test; moto keeps its state for as long as the process lives."""
    made = obtain("dr-multi-region", Progress())
    with emulator(load=made.folder / AWS) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        site = parse_site(site_text(made.outputs["site"]))
        _replicate_files(site)
        yield Emulated(site=site, ports=aws_ports(site))


def _replicate_files(site: Site) -> None:
    """What `hadr protect` makes, as Terraform must not own it."""
    one, two = site.members
    copy, source = boto3.client("efs", region_name=two.region), boto3.client("efs", region_name=one.region)
    copy.update_file_system_protection(FileSystemId=two.files, ReplicationOverwriteProtection="DISABLED")
    destination = {"Region": two.region, "FileSystemId": two.files}
    source.create_replication_configuration(SourceFileSystemId=one.files, Destinations=[destination])


def test_files_are_writable_once_replication_is_broken(subject: contract.Subject) -> None:
    """The contract's test with both Regions there."""
    contract.test_files_are_writable_once_replication_is_broken(subject, lost=False)
