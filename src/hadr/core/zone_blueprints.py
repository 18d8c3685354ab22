"""What is always true of the steps that leave a zone and return to it: asked of its Region, never of the zone.

Route 53's control plane is needed only where members are weighted; a lost zone's member is taken out by its health check before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hadr.core.steps import Blueprint, Plane, StepName

ZONES: Mapping[StepName, Blueprint] = {
    StepName.CLOSE: Blueprint(
        summary="let nothing new of {source} begin in {zone}: its nodes are cordoned, the node maker stays out of it",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(minutes=2),
        expected=timedelta(seconds=3),
        undo="hadr evacuate --zone {zone} --return",
    ),
    StepName.REPLACE: Blueprint(
        summary="move {target}'s pods out of {zone}, each as soon as its disruption budget lets it, until all are ready elsewhere",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}", "EC2 in {target_region}"),
        budget=timedelta(minutes=20),
        expected=timedelta(seconds=120),
        undo="hadr evacuate --zone {zone} --return",
    ),
    StepName.WRITER_OUT: Blueprint(
        summary="have the database written in another zone; writes wait for it, none is lost",
        plane=Plane.CONTROL,
        needs=("RDS in {target_region}",),
        budget=timedelta(minutes=10),
        expected=timedelta(seconds=30),
        undo="not needed: a writer is as good in any zone",
    ),
    StepName.SHIFT_OUT: Blueprint(
        summary="take {zone} out of the answer of {target}'s load balancer",
        plane=Plane.CONTROL,
        needs=("ARC zonal shift in {target_region}", "DNS"),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=90),
        undo="hadr evacuate --zone {zone} --return; it ends by itself when it expires",
    ),
    StepName.GROW: Blueprint(
        summary="give {target} the capacity for both members, and see it ready",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}", "EC2 in {target_region}", "ELB in {target_region}"),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=120),
        undo="scale {target}'s workload back",
    ),
    StepName.MOVE_OUT: Blueprint(
        summary="move clients from {source} to {target} in stages; back by itself when they get worse off",
        plane=Plane.CONTROL,
        needs=("Route 53 control plane in us-east-1", "DNS"),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=20),
        undo="hadr evacuate --zone {zone} --return",
    ),
    StepName.EMPTY: Blueprint(
        summary="stop {source}'s workload, which no client is sent to any more; who comes without asking DNS is refused",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=60),
        undo="hadr evacuate --zone {zone} --return",
    ),
    StepName.OPEN: Blueprint(
        summary="let nodes and pods into {zone} again",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}",),
        budget=timedelta(minutes=2),
        expected=timedelta(seconds=3),
        undo="hadr evacuate --zone {zone}",
    ),
    StepName.SPREAD: Blueprint(
        summary="have pods of {target} in {zone} again",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}", "EC2 in {target_region}"),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=120),
        undo="hadr evacuate --zone {zone}",
    ),
    StepName.SHIFT_BACK: Blueprint(
        summary="put {zone} into the answer of {target}'s load balancer again",
        plane=Plane.CONTROL,
        needs=("ARC zonal shift in {target_region}", "DNS"),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=30),
        undo="hadr evacuate --zone {zone}",
    ),
    StepName.MOVE_BACK: Blueprint(
        summary="give {target} its share of clients back in stages; back by itself when they get worse off",
        plane=Plane.CONTROL,
        needs=("Route 53 control plane in us-east-1", "DNS"),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=20),
        undo="hadr evacuate --zone {zone}",
    ),
    StepName.SHRINK: Blueprint(
        summary="take back what {source} had grown by",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=10),
        undo="hadr evacuate --zone {zone}",
    ),
}
