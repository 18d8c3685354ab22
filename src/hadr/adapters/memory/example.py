"""The example site: two members of the reference's shape, for tests, tutorial and simulation. Nothing real is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hadr.core.site import Capacity, Member, Objectives, ProbeSettings, Site, Switch, Traffic, Workload


def example_member(name: str, region: str, *, switch: bool = True) -> Member:
    """A member of the reference's shape."""
    return Member(
        name=name,
        region=region,
        cluster=f"peccy-{name}",
        capacity=Capacity(namespace="kube-system", deployment="karpenter", replicas=2),
        workload=Workload(namespace="peccy", deployments={"peccy-web": 2, "peccy-app": 2}, nodes="type=service"),
        database=f"peccy-{name}",
        files=f"fs-{name}",
        target_group=f"peccy-{name}",
        balancer=f"peccy-{name}.elb.test",
        record=name,
        switch=Switch(bucket=f"switch-{region}", region=region, key=f"active/{name}") if switch else None,
    )


def example_site(*, switches: bool = True) -> Site:
    """The two-Region site, member `one` in us-east-1."""
    return Site(
        name="peccy",
        members=(example_member("one", "us-east-1", switch=switches), example_member("two", "us-east-2", switch=switches)),
        global_database="peccy",
        traffic=Traffic(host="peccy.hadr.test", hosted_zone="Z1"),
        probe=ProbeSettings(),
        objectives=Objectives(
            recovery_time=timedelta(minutes=15),
            recovery_point=timedelta(minutes=1),
            file_recovery_point=timedelta(minutes=15),
        ),
    )


ZONES = {"ap-southeast-1a": "apse1-az1", "ap-southeast-1b": "apse1-az2", "ap-southeast-1c": "apse1-az3"}


def zonal_site(*, members: int = 1) -> Site:
    """A site in one Region: one member over three zones, or two that live in the first two of them and share their data."""
    names = ("one", "two")[:members]
    return Site(
        name="peccy",
        members=tuple(_zonal_member(name, zone if members == 2 else None) for name, zone in zip(names, ZONES, strict=False)),
        global_database=None,
        traffic=Traffic(host="peccy.hadr.test", hosted_zone="Z1"),
        probe=ProbeSettings(),
        objectives=Objectives(recovery_time=timedelta(minutes=3), recovery_point=timedelta(0), file_recovery_point=timedelta(0)),
    )


def _zonal_member(name: str, zone: str | None) -> Member:
    workload = Workload(namespace="peccy", deployments={"peccy-web": 3, "peccy-app": 6}, nodes="type=service", zone=zone)
    return replace(
        example_member(name, "ap-southeast-1", switch=False),
        workload=workload,
        database="peccy",
        files="fs-shared",
        record=name if zone else None,
        zones=ZONES,
    )
