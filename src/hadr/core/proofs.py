"""What proves each step: a judgement of a view, never of an API's answer to the request that was made.

Every judgement quotes what it saw. An unanswered question proves nothing and refutes nothing: it is UNSEEN.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hadr.core.course import Course, Proof, State, Way
from hadr.core.following import prove_files, prove_lag
from hadr.core.site import Site
from hadr.core.steps import StepName
from hadr.core.view import ComputeState, DatabaseState, FilesRole, FilesState, Known, Reading, TargetsState, Unknown, View
from hadr.core.zone_blueprints import ZONES
from hadr.core.zone_proofs import prove_zone


def prove(name: StepName, site: Site, course: Course, view: View, *, since: datetime | None = None) -> Proof:
    """Judge one step of this course by what was seen. `since`: when the step began, for one whose proof has to be younger."""
    target = course.target
    if name in ZONES or (course.zone and name is StepName.PROVE):
        return prove_zone(name, site, course, view)
    match name:
        case StepName.FENCE:
            return _seen(view.compute(course.source), _fenced)
        case StepName.PROMOTE:
            return _seen(view.database(target), lambda state: _promoted(state, target))
        case StepName.BREAK:
            return _seen(view.files(target), _broken)
        case StepName.CAPACITY:
            wanted = site.member(target).capacity.replicas
            return _seen(view.compute(target), lambda state: _capacity(state, wanted))
        case StepName.NODES:
            return _seen(view.compute(target), _nodes)
        case StepName.WORKLOAD:
            return _seen(view.compute(target), _workload)
        case StepName.FOUND:
            return _seen(view.targets(target), _found)
        case StepName.TARGETS:
            return _targets(view, target)
        case StepName.MOVE:
            return _moved(site, course, view)
        case StepName.PROVE:
            return _served(site, course, view)
        case StepName.QUIESCE:
            return _seen(view.compute(course.source), _quiet)
        case StepName.SWITCH:
            return _seen(view.database(target), lambda state: _on_its_way(state, target))
        case StepName.SWITCHED:
            return _seen(view.database(target), lambda state: _promoted(state, target))
        case StepName.LAG:
            return prove_lag(site, course, view)
        case _:
            return prove_files(name, site, course, view, since=since)


def _seen(reading: Reading[Any], judge: Any) -> Proof:
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    proof: Proof = judge(reading.value)
    return proof


def _fenced(state: ComputeState) -> Proof:
    available = sum(deployment.available for deployment in state.deployments)
    asked = state.capacity_desired + sum(deployment.desired for deployment in state.deployments)
    seen = f"{available} available, {state.pods_running} running, {asked} replicas asked for"
    if asked:
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.UNDERWAY if available or state.pods_running else State.PROVEN, seen=seen)


def _quiet(state: ComputeState) -> Proof:
    available = sum(deployment.available for deployment in state.deployments)
    asked = sum(deployment.desired for deployment in state.deployments)
    seen = f"{available} available, {state.pods_running} running, {asked} replicas asked for"
    if asked:
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.UNDERWAY if available or state.pods_running else State.PROVEN, seen=seen)


def _on_its_way(state: DatabaseState, target: str) -> Proof:
    seen = f"writer {state.writer or 'nobody'}, global {state.status}"
    if target in (state.writer, state.switching_to):
        return Proof(state=State.PROVEN, seen=f"{seen}, switching to {target}" if state.switching_to else seen)
    if state.switching_to is not None:
        return Proof(state=State.UNDERWAY, seen=f"{seen}, switching to {state.switching_to}")
    return Proof(state=State.NOT_YET, seen=seen)


def _promoted(state: DatabaseState, target: str) -> Proof:
    seen = f"writer {state.writer or 'nobody'}, global {state.status}, cluster {state.cluster_status}"
    if state.switching_to is not None:
        return Proof(state=State.UNDERWAY, seen=f"{seen}, switching to {state.switching_to}")
    if state.writer != target:
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.PROVEN if state.cluster_status == "available" else State.UNDERWAY, seen=seen)


def _broken(state: FilesState) -> Proof:
    if state.role is not FilesRole.DESTINATION:
        return Proof(state=State.PROVEN, seen=f"no replication ends here ({state.role})")
    seen = f"replication from {state.source} is {state.status}"
    return Proof(state=State.UNDERWAY if state.status == "DELETING" else State.NOT_YET, seen=seen)


def _capacity(state: ComputeState, wanted: int) -> Proof:
    asleep = [deployment.name for deployment in state.deployments if deployment.desired == 0]
    seen = f"node maker {state.capacity_ready}/{state.capacity_desired} of {wanted}"
    if asleep:
        seen += f", at 0: {', '.join(asleep)}"
    if asleep or state.capacity_desired < wanted:
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.PROVEN if state.capacity_ready >= wanted else State.UNDERWAY, seen=seen)


def _nodes(state: ComputeState) -> Proof:
    seen = f"{state.nodes_ready} service nodes Ready, {state.pods_running}/{state.pods_wanted} pods Running"
    there = state.nodes_ready > 0 and 0 < state.pods_wanted <= state.pods_running
    return Proof(state=State.PROVEN if there else State.UNDERWAY, seen=seen)


def _workload(state: ComputeState) -> Proof:
    seen = ", ".join(f"{d.name} {d.available}/{d.desired}" for d in state.deployments) or "no Deployment"
    ready = bool(state.deployments) and all(0 < d.desired <= d.available for d in state.deployments)
    return Proof(state=State.PROVEN if ready else State.UNDERWAY, seen=seen)


def _found(state: TargetsState) -> Proof:
    seen = _counted(state)
    return Proof(state=State.PROVEN if _enough(state) else State.UNDERWAY, seen=seen)


def _enough(state: TargetsState) -> bool:
    return state.healthy > 0 and state.healthy * 2 >= state.total


def _counted(state: TargetsState) -> str:
    return f"{state.healthy}/{state.total} targets healthy"


def _targets(view: View, target: str) -> Proof:
    """At least half the targets and a 2xx readiness answer: one broken pod must not keep a Region down."""
    targets, endpoint = view.targets(target), view.endpoint(target)
    if isinstance(targets, Unknown):
        return Proof(state=State.UNSEEN, seen=f"targets: {targets.why}")
    if isinstance(endpoint, Unknown):
        return Proof(state=State.UNSEEN, seen=f"readiness: {endpoint.why}")
    health: TargetsState = targets.value
    seen = f"{_counted(health)}, readiness {endpoint.value}"
    if health.reasons:
        seen += f" [{'; '.join(health.reasons)}]"
    return Proof(state=State.PROVEN if _enough(health) and endpoint.value.ok else State.UNDERWAY, seen=seen)


def _moved(site: Site, course: Course, view: View) -> Proof:
    held = _held(course, view)
    answer, mine = view.answer(), view.addresses(course.target)
    if held.state is not State.PROVEN:
        return held
    if isinstance(answer, Unknown):
        return Proof(state=State.UNSEEN, seen=f"{held.seen}; {answer.why}")
    if isinstance(mine, Unknown):
        return Proof(state=State.UNSEEN, seen=f"{held.seen}; {mine.why}")
    theirs = view.addresses(course.source)
    astray = theirs.value & answer.value if isinstance(theirs, Known) else frozenset()
    seen = f"{held.seen}; {site.traffic.host} is {', '.join(sorted(answer.value)) or 'nothing'}"
    there = bool(answer.value & mine.value) and not astray
    return Proof(state=State.PROVEN if there else State.UNDERWAY, seen=seen)


def _held(course: Course, view: View) -> Proof:
    """Whether what moves traffic is set, so that it also stays moved."""
    reading: Reading[Any] = view.switch(course.target) if course.way is Way.SWITCH else view.weights()
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=f"{course.way}: {reading.why}")
    if course.way is Way.SWITCH:
        seen = f"{course.target} is {'' if reading.value else 'not '}declared active"
        return Proof(state=State.PROVEN if reading.value else State.NOT_YET, seen=seen)
    weights = reading.value
    seen = "weights " + " ".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
    moved = weights.get(course.target, 0) > 0 and not weights.get(course.source, 0)
    against = view.switch(course.source)
    if isinstance(against, Known) and against.value:
        return Proof(state=State.NOT_YET, seen=f"{seen}, but {course.source} is declared active")
    return Proof(state=State.PROVEN if moved else State.NOT_YET, seen=seen)


def _served(site: Site, course: Course, view: View) -> Proof:
    """For planning only: a service that is ready through its own name, answered by the target, needs no further proof."""
    moved = _moved(site, course, view)
    service = view.service()
    if moved.state is not State.PROVEN or isinstance(service, Unknown):
        return Proof(state=State.NOT_YET, seen="not tried")
    return Proof(state=State.PROVEN if service.value.ok else State.NOT_YET, seen=f"{site.traffic.host} answers {service.value}")
