"""What proves that a zone is left or returned to: pods, the database writer, the balancer's answer to clients, weights.

Every judgement quotes what it saw. Nothing here needs an answer from within the zone, so a zone that is lost can be left as well.
"""

from __future__ import annotations

from typing import Any

from hadr.core.course import Course, Proof, State
from hadr.core.placement import Balancer, Instances, Placed
from hadr.core.site import Site
from hadr.core.steps import StepName
from hadr.core.view import ComputeState, Known, Reading, Unknown, View


def prove_zone(name: StepName, site: Site, course: Course, view: View) -> Proof:
    """Judge one step about the zone of this course."""
    target, zone = course.target, course.zone
    match name:
        case StepName.CLOSE:
            return _of(view.placed(course.source), lambda placed: _closed(placed, zone))
        case StepName.REPLACE:
            return _of(view.placed(target), lambda placed: _replaced(placed, zone))
        case StepName.OPEN:
            return _of(view.placed(target), lambda placed: _opened(placed, zone))
        case StepName.SPREAD:
            return _of(view.placed(target), lambda placed: _spread(placed, zone, len(site.member(target).zones)))
        case StepName.WRITER_OUT:
            return _of(view.instances(target), lambda instances: _written_elsewhere(instances, zone))
        case StepName.SHIFT_OUT | StepName.SHIFT_BACK:
            return _shifted(site, course, view, out=name is StepName.SHIFT_OUT)
        case StepName.GROW:
            return _grown(site, course, view)
        case StepName.EMPTY:
            return _emptied(course, view)
        case StepName.SHRINK:
            wanted = site.member(course.source).workload.deployments
            return _of(view.compute(course.source), lambda state: _sized(state, dict(wanted), exactly=True))
        case StepName.MOVE_OUT | StepName.MOVE_BACK:
            return _weighted(course, view, out=name is StepName.MOVE_OUT)
        case _:
            return _served(site, view)


def _of(reading: Reading[Any], judge: Any) -> Proof:
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    proof: Proof = judge(reading.value)
    return proof


def _closed(placed: Placed, zone: str) -> Proof:
    nodes = placed.nodes_in(zone)
    open_nodes = [node.name for node in nodes if not node.cordoned]
    open_pools = [pool.name for pool in placed.pools if zone not in pool.closed]
    seen = f"{len(nodes) - len(open_nodes)} of {len(nodes)} nodes in {zone} cordoned"
    if placed.pools:
        seen += f", {len(placed.pools) - len(open_pools)} of {len(placed.pools)} node pools stay out"
    return Proof(state=State.NOT_YET if open_nodes or open_pools else State.PROVEN, seen=seen)


def _replaced(placed: Placed, zone: str) -> Proof:
    """No pod of it serves from the zone, and all that are wanted serve from others. What is only leaving is awaited."""
    there = placed.ready_in(zone)
    short = [
        f"{name} {placed.ready_outside(zone, name)}/{count}"
        for name, count in sorted(placed.wanted.items())
        if placed.ready_outside(zone, name) < count
    ]
    seen = f"{len(there)} pods ready in {zone}" + (f", elsewhere {', '.join(short)}" if short else ", all wanted ones elsewhere")
    if there or any(not node.cordoned for node in placed.nodes_in(zone)):
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.UNDERWAY if short else State.PROVEN, seen=seen)


def _opened(placed: Placed, zone: str) -> Proof:
    kept = [node.name for node in placed.nodes_in(zone) if node.left]
    pools = [pool.name for pool in placed.pools if zone in pool.left]
    seen = f"{len(kept)} nodes in {zone} cordoned by hadr, {len(pools)} node pools kept out by it"
    return Proof(state=State.NOT_YET if kept or pools else State.PROVEN, seen=seen)


def _spread(placed: Placed, zone: str, zones: int) -> Proof:
    """Every Deployment that has a pod for each zone has one here; the others need not."""
    lacking = lacks(placed, zone, zones)
    seen = f"{len(placed.ready_in(zone))} pods ready in {zone}" + (f", none of {', '.join(lacking)}" if lacking else "")
    if not lacking:
        return Proof(state=State.PROVEN, seen=seen)
    coming = any(not pod.ready and not pod.leaving for pod in placed.pods)
    return Proof(state=State.UNDERWAY if coming else State.NOT_YET, seen=seen)


def lacks(placed: Placed, zone: str, zones: int) -> tuple[str, ...]:
    """The Deployments that have pods enough for every zone and none in this one."""
    here = {pod.deployment for pod in placed.ready_in(zone)}
    return tuple(sorted(name for name, count in placed.wanted.items() if count >= zones and name not in here))


def _written_elsewhere(instances: Instances, zone: str) -> Proof:
    writer = instances.writer
    if writer is None:
        return Proof(state=State.PROVEN, seen="no instance of this cluster is a writer")
    seen = f"writer {writer.name} in {writer.zone}, cluster {instances.status}"
    settled = instances.status == "available" and writer.status == "available"
    if writer.zone == zone:
        return Proof(state=State.NOT_YET if instances.status == "available" else State.UNDERWAY, seen=seen)
    return Proof(state=State.PROVEN if settled else State.UNDERWAY, seen=seen)


def _shifted(site: Site, course: Course, view: View, *, out: bool) -> Proof:
    """The shift holds (or none does), and a client's resolver agrees: that is where it has its effect."""
    reading, answer, targets = view.balancer(course.target), view.addresses(course.target), view.targets(course.target)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=f"balancer: {reading.why}")
    if isinstance(answer, Unknown):
        return Proof(state=State.UNSEEN, seen=f"balancer's name: {answer.why}")
    balancer: Balancer = reading.value
    there = balancer.addresses.get(course.zone, frozenset())
    shift = balancer.away_from(site.member(course.target).zones[course.zone])
    seen = f"{_told(shift)}; balancer answers {', '.join(sorted(answer.value))}, in {course.zone} it has {_list(there)}"
    service = view.service()
    served = isinstance(service, Known) and service.value.ok
    seen += f"; {site.traffic.host} answers {service.value}" if isinstance(service, Known) else ""
    if not out:
        back = (not there or bool(answer.value & there)) and served
        return Proof(state=State.NOT_YET if shift else State.PROVEN if back else State.UNDERWAY, seen=seen)
    if shift is None:
        return Proof(state=State.NOT_YET, seen=seen)
    if isinstance(targets, Unknown):
        return Proof(state=State.UNSEEN, seen=f"{seen}; targets: {targets.why}")
    healthy = targets.value.zones.get(course.zone, 0)
    gone = not answer.value & there and not healthy and served
    return Proof(state=State.PROVEN if gone else State.UNDERWAY, seen=f"{seen}; {healthy} targets healthy there")


def _told(shift: Any) -> str:
    return "no zonal shift" if shift is None else f"zonal shift {shift.shift_id} until {shift.expires:%Y-%m-%d %H:%M}"


def _list(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "none"


def both(site: Site) -> dict[str, int]:
    """The replicas of a member that serves for all."""
    names = [name for member in site.members for name in member.workload.deployments]
    return {name: sum(member.workload.deployments.get(name, 0) for member in site.members) for name in dict.fromkeys(names)}


def _grown(site: Site, course: Course, view: View) -> Proof:
    sized = _of(view.compute(course.target), lambda state: _sized(state, both(site), exactly=False))
    targets, endpoint = view.targets(course.target), view.endpoint(course.target)
    if sized.state is not State.PROVEN:
        return sized
    if isinstance(targets, Unknown) or isinstance(endpoint, Unknown):
        why = targets.why if isinstance(targets, Unknown) else endpoint.why if isinstance(endpoint, Unknown) else ""
        return Proof(state=State.UNSEEN, seen=f"{sized.seen}; {why}")
    well = targets.value.healthy == targets.value.total > 0 and endpoint.value.ok
    seen = f"{sized.seen}; {targets.value.healthy}/{targets.value.total} targets healthy, readiness {endpoint.value}"
    return Proof(state=State.PROVEN if well else State.UNDERWAY, seen=seen)


def _sized(state: ComputeState, wanted: dict[str, int], *, exactly: bool) -> Proof:
    """Every Deployment has its replicas (or more, unless `exactly`), asked for and available."""
    there = {deployment.name: deployment for deployment in state.deployments}
    seen = ", ".join(f"{d.name} {d.available}/{d.desired} of {wanted.get(d.name, d.desired)}" for d in state.deployments)
    missing = [name for name in wanted if name not in there]
    if missing:
        return Proof(state=State.NOT_YET, seen=f"{seen}; no Deployment {', '.join(missing)}")
    wrong = [n for n, count in wanted.items() if there[n].desired < count or (exactly and there[n].desired > count)]
    if wrong:
        return Proof(state=State.NOT_YET, seen=seen)
    ready = all(there[name].available >= there[name].desired for name in wanted)
    return Proof(state=State.PROVEN if ready else State.UNDERWAY, seen=seen)


def _emptied(course: Course, view: View) -> Proof:
    reading, targets = view.compute(course.source), view.targets(course.source)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    state = reading.value
    asked, available = sum(d.desired for d in state.deployments), sum(d.available for d in state.deployments)
    seen = f"{asked} replicas asked for, {available} available"
    if asked:
        return Proof(state=State.NOT_YET, seen=seen)
    healthy = targets.value.healthy if isinstance(targets, Known) else 0
    return Proof(state=State.UNDERWAY if available or healthy else State.PROVEN, seen=f"{seen}, {healthy} targets healthy")


def _weighted(course: Course, view: View, *, out: bool) -> Proof:
    reading = view.weights()
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    weights = reading.value
    seen = "weights " + " ".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
    there = weights.get(course.target, 0) > 0 and (not weights.get(course.source, 0)) is out
    return Proof(state=State.PROVEN if there else State.NOT_YET, seen=seen)


def _served(site: Site, view: View) -> Proof:
    """For planning only: a service that is ready through its own name needs no further proof when nothing was changed."""
    service = view.service()
    if isinstance(service, Unknown):
        return Proof(state=State.NOT_YET, seen="not tried")
    return Proof(state=State.PROVEN if service.value.ok else State.NOT_YET, seen=f"{site.traffic.host} answers {service.value}")
