"""The IAM policy of hadr's role, made from the table of calls and a site: each action that is called, on this site's things only.

Nothing is listed that is not called, and nothing is called that is not listed (`calls.Caller` sees to that). Account ids are `*` in
the ARNs: site.yaml does not know them, and a role can only act in its own account anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hadr.adapters.aws.calls import BY_NAME, CALLS, On
from hadr.adapters.aws.switch import trial_key
from hadr.core.site import Member, Site

VERSION = "2012-10-17"


def policy(site: Site) -> dict[str, Any]:
    """The policy document. Actions on the same things are one statement; without any such thing in the site there is none."""
    grouped: dict[tuple[bool, On], set[str]] = {}
    for call in CALLS:
        grouped.setdefault((call.changes, call.on), set()).add(call.action)
    made = (_statement(site, changes, on, actions) for (changes, on), actions in sorted(grouped.items()))
    return {"Version": VERSION, "Statement": [statement for statement in made if statement["Resource"]]}


def _statement(site: Site, changes: bool, on: On, actions: set[str]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": f"{'Change' if changes else 'Read'}{on.name.title()}",
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": _resources(site, on),
    }
    if on is On.RECORDS:
        statement["Condition"] = _own_records(site)
    return statement


def _own_records(site: Site) -> Mapping[str, Any]:
    """Nothing of the zone but the service's own name may be changed, and nothing may be deleted."""
    return {
        "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": [site.traffic.host.rstrip(".").lower()],
            "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA"],
            "route53:ChangeResourceRecordSetsActions": ["UPSERT"],
        }
    }


def _resources(site: Site, on: On) -> list[str]:
    everywhere = _partition(site.members[0].region)
    switches = [(_partition(m.region), m.switch) for m in site.members if m.switch is not None]
    match on:
        case On.ANY:
            return ["*"]
        case On.DATABASES:
            if site.global_database is None:
                return []
            clusters = [_arn(m, "rds", f"cluster:{m.database}") for m in site.members]
            return [f"arn:{everywhere}:rds::*:global-cluster:{site.global_database}", *clusters]
        case On.INSTANCES:
            kinds = (("cluster", ""), ("db", "-*"))
            return list(dict.fromkeys(_arn(m, "rds", f"{kind}:{m.database}{rest}") for m in site.members for kind, rest in kinds))
        case On.BALANCERS:
            return [_arn(m, "elasticloadbalancing", f"loadbalancer/app/{_balancer_name(m)}/*") for m in site.members]
        case On.FILES:
            if site.global_database is None:
                return []
            return [_arn(m, "elasticfilesystem", f"file-system/{m.files}") for m in site.members]
        case On.CLUSTERS:
            return [_arn(m, "eks", f"cluster/{m.cluster}") for m in site.members]
        case On.ZONE | On.RECORDS:
            return [f"arn:{everywhere}:route53:::hostedzone/{site.traffic.hosted_zone}"]
        case On.BUCKETS:
            return [f"arn:{partition}:s3:::{switch.bucket}" for partition, switch in switches]
        case On.OBJECTS:
            keys = [(partition, switch.bucket, key) for partition, switch in switches for key in (switch.key, trial_key(switch))]
            return [f"arn:{partition}:s3:::{bucket}/{key}" for partition, bucket, key in keys]


def _balancer_name(member: Member) -> str:
    """ELB makes a host name from the balancer's name and a suffix of its own."""
    return member.balancer.split(".")[0].removeprefix("internal-").rpartition("-")[0]


def _arn(member: Member, service: str, rest: str) -> str:
    return f"arn:{_partition(member.region)}:{service}:{member.region}:*:{rest}"


def _partition(region: str) -> str:
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def differences(given: Any, site: Site) -> tuple[str, ...]:
    """What a policy that is in force lacks, or grants beyond need, in words. Empty when it is the one that is generated."""
    wanted, there = _grants(policy(site)), _grants(given)
    lacking = [f"lacks {action} on {resource}" for action, resource in sorted(wanted - there)]
    beyond = [f"grants {action} on {resource}, which hadr does not use" for action, resource in sorted(there - wanted)]
    return (*lacking, *beyond)


def _grants(document: Any) -> set[tuple[str, str]]:
    """(action, resource) of every Allow. Conditions are told with the action, so that leaving one out is a difference."""
    found = set()
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    for one in statements if isinstance(statements, list) else [statements]:
        if one.get("Effect") != "Allow":
            continue
        under = f" (if {_plain(one['Condition'])})" if one.get("Condition") else ""
        found |= {(f"{action}{under}", arn) for action in _list(one.get("Action")) for arn in _list(one.get("Resource"))}
    return found


def _plain(condition: Any) -> Any:
    """In one form: a list of one value and the value alone mean the same, and so do two orders."""
    return {test: {key: sorted(_list(value)) for key, value in sorted(keys.items())} for test, keys in sorted(condition.items())}


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def outside(recorded: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The (service, operation) pairs of a record that are not in the table of calls."""
    return tuple(sorted(set(recorded) - set(BY_NAME)))
