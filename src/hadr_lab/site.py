"""The site as Terraform's outputs describe it: what a person would read there before going on with Helm, kubectl and `hadr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from hadr_lab.errors import StartFailed

REPLICAS = {"peccy-app": "APP_REPLICAS", "peccy-web": "WEB_REPLICAS"}
"""What `deploy/member` calls the number of pods of each Deployment."""
PATIENCE, PATIENCE_S = "DATABASE_PATIENCE", 45.0
"""The fact by which the app waits for a database that moves, and what `deploy/member` takes by itself, in seconds."""
OWN_TIME_S = 0.5
"""What a move takes here beside AWS's waits at any speed: a server starts, names are looked up, on a machine that is busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMember:
    """One member. `facts` are what `deploy/member` has to know of it; `database` and `file_system` are AWS's identifiers."""

    name: str
    region: str
    cluster: str
    database: str
    file_system: str
    balancer: str
    facts: Mapping[str, str]

    @property
    def database_arn(self) -> str:
        """The ARN of its Aurora cluster."""
        account = self.facts["TARGET_GROUP_ARN"].split(":")[4]
        return f"arn:aws:rds:{self.region}:{account}:cluster:{self.database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSite:
    """An architecture that was applied. `document` is the content of site.yaml, `operator_role` the ARN of hadr's role."""

    architecture: str
    host: str
    hosted_zone: str
    members: Mapping[str, MadeMember]
    document: Mapping[str, Any]
    replicated: bool
    operator_role: str

    @classmethod
    def of(cls, architecture: str, outputs: Mapping[str, Any]) -> Self:
        """From `terraform output`, values only. Raises StartFailed for a root without the outputs that every root has."""
        try:
            document, facts = outputs["site"], outputs["members"]
            traffic = document["traffic"]
            return cls(
                architecture=architecture,
                host=traffic["host"],
                hosted_zone=traffic["hosted_zone"],
                members={member["name"]: _member(member, facts[member["name"]]) for member in document["members"]},
                document=document,
                replicated=bool((document.get("database") or {}).get("global_cluster")),
                operator_role=outputs["operator_role"],
            )
        except KeyError as missing:
            raise StartFailed(f"infra/{architecture}: its outputs have no {missing}; see docs/reference/site-yaml.md") from None

    def sized(self, replicas: Mapping[str, int]) -> MadeSite:
        """The same with so many pods of each Deployment in each member, for `deploy/member` and for site.yaml alike."""
        facts = {REPLICAS[name]: str(count) for name, count in replicas.items()}
        members = [{**said, "workload": {**said["workload"], "deployments": dict(replicas)}} for said in self.document["members"]]
        return replace(
            self,
            members={name: replace(member, facts={**member.facts, **facts}) for name, member in self.members.items()},
            document={**self.document, "members": members},
        )

    def paced(self, speed: float) -> MadeSite:
        """The same with the app's patience divided by `speed`, as the move that it waits for is, and OWN_TIME_S."""

        def facts(member: MadeMember) -> Mapping[str, str]:
            patience = float(member.facts.get(PATIENCE) or PATIENCE_S)
            return {**member.facts, PATIENCE: f"{patience / speed + OWN_TIME_S if patience else 0:.3f}"}

        return replace(self, members={name: replace(member, facts=facts(member)) for name, member in self.members.items()})


def _member(member: Mapping[str, Any], facts: Mapping[str, str]) -> MadeMember:
    return MadeMember(
        name=member["name"],
        region=member["region"],
        cluster=member["cluster"],
        database=member["database"],
        file_system=member["files"],
        balancer=member["balancer"],
        facts=facts,
    )
