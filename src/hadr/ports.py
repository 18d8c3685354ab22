"""The seams between the engine and the world, as protocols. Adapters: AWS and Kubernetes, and memory for tests and simulation.

A method either returns what it was asked for or raises a `CallError` whose type says whether it may have taken effect; nothing else
leaves an adapter. Every call has its own bounded time. Changes are idempotent by observation; their effect is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from hadr.core.placement import Balancer, Instances, Placed
from hadr.core.site import Member
from hadr.core.view import Answer, ComputeState, DatabaseState, FilesState, HealthCheck, Lag, Protection, TargetsState

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Clock(Protocol):
    """Time as a port: `now` never goes backwards within a process and is always in UTC."""

    def now(self) -> datetime: ...


class Job(Protocol[T_co]):
    """A call under way. `result` raises what the call raised; only to be asked when `done`."""

    @property
    def done(self) -> bool: ...

    def result(self) -> T_co: ...


class Workers(Protocol):
    """Calls side by side, in bounded number."""

    def submit(self, call: Callable[[], T]) -> Job[T]: ...

    def wait(self, timeout: timedelta) -> None:
        """Return when a job has ended since the last wait returned, or after `timeout`."""


class Compute(Protocol):
    """A member's Kubernetes cluster."""

    def observe(self, member: Member) -> ComputeState: ...

    def start(self, member: Member) -> str:
        """Scale the node maker to its serving size, and Deployments that stand at 0 to theirs; says what was taken over."""

    def stop(self, member: Member) -> str:
        """Scale the workload and the node maker to 0."""

    def quiesce(self, member: Member) -> str:
        """Scale the workload to 0 and leave the node maker, which then takes its nodes away."""

    def placed(self, member: Member) -> Placed:
        """Nodes for the workload, its pods and the node maker's, by zone."""

    def close(self, member: Member, zone: str) -> str:
        """Cordon the nodes of the zone and keep the node maker out of it, marked as hadr's doing."""

    def open(self, member: Member, zone: str) -> str:
        """Take back what `close` did, and nothing else."""

    def evict(self, member: Member, pods: Sequence[str]) -> str:
        """Evict these pods of the workload as far as disruption budgets let them; says how many wait. Gone ones do not matter."""

    def cordon(self, member: Member, node: str) -> str:
        """Put nothing new on one node."""

    def scale(self, member: Member, replicas: Mapping[str, int], *, only_up: bool) -> str:
        """Give Deployments of the workload these replicas; `only_up`: none gets fewer than it has."""


class Database(Protocol):
    """The global database, always as a member's own Region tells it."""

    def observe(self, member: Member) -> DatabaseState: ...

    def lag(self, member: Member) -> Lag: ...

    def promote(self, member: Member) -> str:
        """Ask the member's Region to make its cluster the writer, data loss allowed."""

    def switch_over(self, member: Member, *, away: Member) -> str:
        """Ask the Region of `away`, the writer's, to make the member's cluster the writer without loss."""

    def instances(self, member: Member) -> Instances:
        """The instances of the member's cluster, with their zones."""

    def move_writer(self, member: Member, *, instance: str) -> str:
        """Make this instance of the member's cluster its writer."""


class Files(Protocol):
    """The members' file systems, always as a member's own Region tells it."""

    def observe(self, member: Member) -> FilesState: ...

    def break_replication(self, member: Member, *, source: str, local_only: bool) -> str:
        """Delete the replication from `source` that begins or ends at the member, asked in the member's Region."""

    def protection(self, member: Member) -> Protection:
        """Whether the member's file system may be made a destination."""

    def allow_overwrite(self, member: Member) -> str:
        """Let the member's file system be made a destination."""

    def replicate(self, member: Member, *, origin: Member) -> str:
        """Replicate the files of `origin` to the member's file system, asked in the Region of `origin`."""

    def mounts(self, member: Member) -> Mapping[str, str]:
        """Zone to the state of the file system's mount target there, in EFS's words."""


class Traffic(Protocol):
    """Where clients go: targets, switches, weights."""

    def targets(self, member: Member) -> TargetsState: ...

    def declared(self, member: Member) -> bool:
        """Whether the member's switch object is there. False for a member without a switch."""

    def weights(self) -> Mapping[str, int]:
        """DNS weight by member, from Route 53's control plane."""

    def declare(self, member: Member, *, run: str) -> str:
        """Write the member's switch object."""

    def withdraw(self, member: Member) -> str:
        """Remove the member's switch object, if it is there."""

    def try_switch(self, member: Member) -> str:
        """Write and remove an object beside the member's switch, which nobody reads; says which."""

    def check(self, member: Member) -> HealthCheck | None:
        """The health check of the member's record, with its children; None for a record without one."""

    def give_all_weight(self, member: Member, *, run: str) -> str:
        """Weight 100 for the member and 0 for every other, in one change."""

    def set_weights(self, weights: Mapping[str, int], *, run: str) -> str:
        """These weights by member, in one change."""

    def balancer(self, member: Member) -> Balancer:
        """The member's load balancer by zone, and the zonal shifts that hold."""

    def leave_zone(self, member: Member, *, zone_id: str, expires: timedelta, run: str) -> str:
        """Start a zonal shift of the member's balancer away from a zone."""

    def return_to_zone(self, member: Member, *, zone_id: str) -> str:
        """End the zonal shift of the member's balancer away from a zone, if one holds."""


class Probe(Protocol):
    """The client's eye. A service that does not answer is an `Answer` without status, not an error."""

    def resolve(self, host: str) -> frozenset[str]:
        """The addresses a client's resolver gives for `host`. Raises Gone when the name has none."""

    def ready(self, host: str) -> Answer:
        """The readiness path asked of `host`, with the service's own name as Host; the answer says what it took with resolving."""

    def write_through(self, *, key: str) -> str:
        """Write through the service's name with a unique key, read it back, remove it; says what was read."""


class Journal(Protocol):
    """The record of one run. `append` returns when the line is safe on disk."""

    @property
    def run(self) -> str: ...

    def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None: ...


class Runs(Protocol):
    """The runs there were, newest last."""

    def begin(self, name: str, plan: Mapping[str, Any], at: datetime) -> Journal:
        """A new run with its plan written down."""

    def names(self) -> tuple[str, ...]: ...

    def journal(self, run: str) -> str:
        """The text of a run's journal. Raises NoSuchRun."""

    def place(self, run: str) -> str:
        """Where a person finds the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the engine may touch."""

    clock: Clock
    workers: Workers
    compute: Compute
    database: Database
    files: Files
    traffic: Traffic
    probe: Probe
