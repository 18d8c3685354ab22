"""What is always true of each step: what it needs, how long it may take, how it is undone. `runbooks` says which verb takes which.

Nothing in a failover may name the lost Region as a need, except for fencing, which is best effort: it may end unknown, and nothing
waits for its success. The steps of planned verbs may need both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hadr.core.steps import Blueprint, Plane, StepName
from hadr.core.zone_blueprints import ZONES

BLUEPRINTS: Mapping[StepName, Blueprint] = {
    **ZONES,
    StepName.FENCE: Blueprint(
        summary="stop what can be reached of {source}: its workload and node maker to 0",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(seconds=15),
        expected=timedelta(seconds=5),
        undo="scale {source}'s Deployments back",
        best_effort=True,
    ),
    StepName.PROMOTE: Blueprint(
        summary="make {target} the database writer, data loss allowed",
        plane=Plane.CONTROL,
        needs=("RDS in {target_region}",),
        budget=timedelta(minutes=20),
        expected=timedelta(seconds=120),
        undo="switch over to {source} once it is back and in sync",
    ),
    StepName.BREAK: Blueprint(
        summary="end file replication into {target}, which makes its files writable",
        plane=Plane.CONTROL,
        needs=("EFS in {target_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=180),
        undo="replicate from {target} to {source} once it is back",
    ),
    StepName.CAPACITY: Blueprint(
        summary="start {target}'s node maker",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=30),
        undo="scale {target}'s node maker back to 0",
    ),
    StepName.NODES: Blueprint(
        summary="wait for {target}'s service nodes and running pods",
        plane=Plane.DATA,
        needs=("EKS cluster of {target}", "EC2 in {target_region}"),
        budget=timedelta(minutes=10),
        expected=timedelta(seconds=70),
        undo="nothing was changed",
    ),
    StepName.WORKLOAD: Blueprint(
        summary="wait for every Deployment of {target} to be available",
        plane=Plane.DATA,
        needs=("EKS cluster of {target}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=15),
        undo="nothing was changed",
    ),
    StepName.TARGETS: Blueprint(
        summary="wait for healthy targets and a green readiness answer through {target}'s load balancer",
        plane=Plane.DATA,
        needs=("ELB in {target_region}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=25),
        undo="nothing was changed",
    ),
    StepName.MOVE: Blueprint(
        summary="send clients to {target}",
        plane=Plane.DATA,
        needs=(),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=90),
        undo="",
    ),
    StepName.PROVE: Blueprint(
        summary="write, read back and remove through {host}",
        plane=Plane.DATA,
        needs=("the service itself",),
        budget=timedelta(minutes=2),
        expected=timedelta(seconds=2),
        undo="removes what it wrote",
    ),
    StepName.FREE_SOURCE: Blueprint(
        summary="forget what is left of {source}'s old file replication",
        plane=Plane.CONTROL,
        needs=("EFS in {source_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=60),
        undo="nothing was replicated by it any more",
    ),
    StepName.FREE_TARGET: Blueprint(
        summary="forget what is left of {target}'s old file replication",
        plane=Plane.CONTROL,
        needs=("EFS in {target_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=60),
        undo="nothing was replicated by it any more",
    ),
    StepName.LIFT: Blueprint(
        summary="let {target}'s files be overwritten by a replication",
        plane=Plane.CONTROL,
        needs=("EFS in {target_region}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=10),
        undo="enable the protection of {target}'s file system",
    ),
    StepName.REPLICATE: Blueprint(
        summary="replicate {source}'s files to {target}, over what is there",
        plane=Plane.CONTROL,
        needs=("EFS in {source_region}", "EFS in {target_region}"),
        budget=timedelta(minutes=30),
        expected=timedelta(minutes=3),
        undo="delete the replication; what was overwritten does not come back",
    ),
    StepName.FIRST_SYNC: Blueprint(
        summary="wait until {target} has {source}'s files",
        plane=Plane.DATA,
        needs=("EFS in {target_region}",),
        budget=timedelta(hours=6),
        expected=timedelta(minutes=15),
        undo="nothing was changed",
    ),
    StepName.LAG: Blueprint(
        summary="see {target}'s database follow {source}'s within the objective",
        plane=Plane.DATA,
        needs=("RDS in {target_region}", "CloudWatch in {target_region}"),
        budget=timedelta(minutes=10),
        expected=timedelta(seconds=5),
        undo="nothing was changed",
    ),
    StepName.QUIESCE: Blueprint(
        summary="stop {source}'s workload, so that nothing writes: the outage begins",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(minutes=3),
        expected=timedelta(seconds=35),
        undo="scale {source}'s workload back",
    ),
    StepName.CATCH_UP: Blueprint(
        summary="wait until {target} has every file that {source} wrote",
        plane=Plane.DATA,
        needs=("EFS in {target_region}",),
        budget=timedelta(minutes=30),
        expected=timedelta(minutes=3),
        undo="nothing was changed",
    ),
    StepName.SWITCH: Blueprint(
        summary="ask for {target} to become the database writer, without loss",
        plane=Plane.CONTROL,
        needs=("RDS in {source_region}", "RDS in {target_region}"),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=5),
        undo="switch over to {source}",
    ),
    StepName.SWITCHED: Blueprint(
        summary="wait for {target} to be the database writer",
        plane=Plane.CONTROL,
        needs=("RDS in {target_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=120),
        undo="switch over to {source}",
    ),
    StepName.FREE_OLD: Blueprint(
        summary="forget what is left of the replication from {source}",
        plane=Plane.CONTROL,
        needs=("EFS in {source_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=30),
        undo="nothing was replicated by it any more",
    ),
    StepName.LIFT_OLD: Blueprint(
        summary="let {source}'s files be overwritten by a replication",
        plane=Plane.CONTROL,
        needs=("EFS in {source_region}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=10),
        undo="enable the protection of {source}'s file system",
    ),
    StepName.REVERSE: Blueprint(
        summary="replicate {target}'s files to {source}, which protects them again",
        plane=Plane.CONTROL,
        needs=("EFS in {target_region}", "EFS in {source_region}"),
        budget=timedelta(minutes=30),
        expected=timedelta(minutes=3),
        undo="delete the replication",
    ),
}
