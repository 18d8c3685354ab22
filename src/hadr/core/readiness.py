"""Could this member take over now? One finding for each rule: verdict, the evidence for it, and what would mend it.

Readiness is about what has not happened yet; whether the service is served at this moment is `roles.standing`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hadr.core.roles import Verdict
from hadr.core.site import Site
from hadr.core.view import FilesRole, Known, Unknown, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule's result. `fix` is empty when there is nothing to mend."""

    rule: str
    verdict: Verdict
    evidence: str
    fix: str = ""


def findings(site: Site, view: View, target: str) -> tuple[Finding, ...]:
    """Every rule about `target` as the member to fail over to."""
    return (
        _database(site, view, target),
        _files(view, target),
        _compute(site, view, target),
        _balancer(site, view, target),
        _way(site, view, target),
    )


def _database(site: Site, view: View, target: str) -> Finding:
    reading = view.database(target)
    cluster = site.member(target).database
    if isinstance(reading, Unknown):
        return Finding(rule="database", verdict=Verdict.UNKNOWN, evidence=reading.why, fix="find out why RDS does not answer")
    state = reading.value
    evidence = f"cluster {cluster} {state.cluster_status}, {state.instances} instances, writer {state.writer or 'nobody'}"
    if state.instances == 0:
        fix = f"add an instance to {cluster}: a headless cluster cannot be promoted"
        return Finding(rule="database", verdict=Verdict.NO, evidence=evidence, fix=fix)
    settled = state.cluster_status == "available" or state.switching_to is not None or state.writer == target
    return Finding(
        rule="database",
        verdict=Verdict.YES if settled else Verdict.NO,
        evidence=evidence,
        fix="" if settled else f"wait until {cluster} is available",
    )


def _files(view: View, target: str) -> Finding:
    reading = view.files(target)
    if isinstance(reading, Unknown):
        return Finding(rule="files", verdict=Verdict.UNKNOWN, evidence=reading.why, fix="find out why EFS does not answer")
    state = reading.value
    if state.role is FilesRole.DESTINATION:
        broken = state.status == "ERROR"
        evidence = f"destination of {state.source}, {state.status}"
        fix = "mend the replication: what is on the target may be old" if broken else ""
        return Finding(rule="files", verdict=Verdict.NO if broken else Verdict.YES, evidence=evidence, fix=fix)
    return Finding(rule="files", verdict=Verdict.YES, evidence=f"in no replication that ends here ({state.role})")


def _compute(site: Site, view: View, target: str) -> Finding:
    reading = view.compute(target)
    if isinstance(reading, Unknown):
        fix = f"find out why the API server of {site.member(target).cluster} does not answer"
        return Finding(rule="compute", verdict=Verdict.UNKNOWN, evidence=reading.why, fix=fix)
    wanted = set(site.member(target).workload.deployments)
    missing = sorted(wanted - {deployment.name for deployment in reading.value.deployments})
    if missing:
        evidence = f"no Deployment {', '.join(missing)}"
        return Finding(rule="compute", verdict=Verdict.NO, evidence=evidence, fix=f"deploy the workload to {target}")
    state = reading.value
    evidence = f"node maker {state.capacity_ready}/{state.capacity_desired}, {len(state.deployments)} Deployments"
    return Finding(rule="compute", verdict=Verdict.YES, evidence=evidence)


def _balancer(site: Site, view: View, target: str) -> Finding:
    reading = view.addresses(target)
    name = site.member(target).balancer
    if isinstance(reading, Unknown):
        return Finding(rule="balancer", verdict=Verdict.UNKNOWN, evidence=reading.why, fix=f"check that {name} resolves")
    shown = ", ".join(sorted(reading.value))
    return Finding(rule="balancer", verdict=Verdict.YES, evidence=f"{name} is {shown}")


def _way(site: Site, view: View, target: str) -> Finding:
    """Something must be able to move traffic: the target's switch, or Route 53's control plane."""
    if isinstance(view.weights(), Known):
        return Finding(rule="traffic", verdict=Verdict.YES, evidence="Route 53's control plane answers")
    if site.member(target).switch is None:
        evidence = "no switch, and Route 53's control plane does not answer"
        return Finding(rule="traffic", verdict=Verdict.NO, evidence=evidence, fix=f"give {target} a health-check switch")
    reading = view.switch(target)
    if isinstance(reading, Unknown):
        return Finding(rule="traffic", verdict=Verdict.UNKNOWN, evidence=reading.why, fix="make the switch bucket readable")
    return Finding(rule="traffic", verdict=Verdict.YES, evidence=f"{target}'s switch can be read")
