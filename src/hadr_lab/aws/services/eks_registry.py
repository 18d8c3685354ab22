"""What EKS keeps: clusters with their node groups, add-ons, access entries, pod identities and updates.

Everything is kept as the document EKS would describe, with every argument echoed. Lookups raise EKS's ResourceNotFoundException.
It starts nothing; a cluster is CREATING until somebody says that its control plane answers.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.serial import now

Document = dict[str, Any]


@dataclass(slots=True)
class Cluster:
    """A cluster and everything below it, by name (access entries: by principal ARN); `authority` as the views have it."""

    region: str
    document: Document
    nodegroups: dict[str, Document] = field(default_factory=dict)
    addons: dict[str, Document] = field(default_factory=dict)
    entries: dict[str, Document] = field(default_factory=dict)
    policies: dict[str, dict[str, Document]] = field(default_factory=dict)
    associations: dict[str, Document] = field(default_factory=dict)
    updates: dict[str, Document] = field(default_factory=dict)
    authority: str = ""

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.document["name"])

    @property
    def active(self) -> bool:
        """Whether its control plane answers."""
        return bool(self.document["status"] == "ACTIVE")

    def nodegroup(self, name: str) -> Document:
        """One node group. Raises ResourceNotFoundException."""
        return self._find(self.nodegroups, name, f"No node group found for name: {name}.", nodegroupName=name)

    def addon(self, name: str) -> Document:
        """One add-on. Raises ResourceNotFoundException."""
        return self._find(self.addons, name, f"No addon: {name} found in cluster: {self.name}", addonName=name)

    def entry(self, principal: str) -> Document:
        """One access entry. Raises ResourceNotFoundException."""
        return self._find(self.entries, principal, f"The specified principalArn could not be found: {principal}")

    def association(self, association_id: str) -> Document:
        """One pod identity association. Raises ResourceNotFoundException."""
        return self._find(self.associations, association_id, f"No pod identity association found for {association_id}")

    def update(self, update_id: str) -> Document:
        """One update. Raises ResourceNotFoundException."""
        return self._find(self.updates, update_id, f"No update found for ID: {update_id}")

    def _find(self, among: dict[str, Document], key: str, message: str, **members: Any) -> Document:
        if key not in among:
            raise AwsError("ResourceNotFoundException", message, 404, clusterName=self.name, **members)
        return among[key]

    def record_update(self, kind: str, **params: Any) -> Document:
        """An update that took effect at once, as DescribeUpdate tells it."""
        listed = [{"type": key, "value": str(value)} for key, value in params.items()]
        update: Document = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": listed,
            "createdAt": now(),
            "errors": [],
        }
        self.updates[update["id"]] = update
        return update


@dataclass(slots=True)
class EksRegistry:
    """Every cluster of the account by Region and name."""

    account: str
    clusters: dict[tuple[str, str], Cluster] = field(default_factory=dict)

    def cluster(self, region: str, name: str) -> Cluster:
        """One cluster. Raises ResourceNotFoundException."""
        found = self.clusters.get((region, name))
        if found is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404, clusterName=name)
        return found

    def of_region(self, region: str) -> list[Cluster]:
        """The Region's clusters in the order they were made."""
        return [cluster for (at, _), cluster in self.clusters.items() if at == region]

    def add(self, cluster: Cluster) -> None:
        """Keep a new cluster. Raises ResourceInUseException when its name is taken."""
        if (cluster.region, cluster.name) in self.clusters:
            raise AwsError(
                "ResourceInUseException", f"Cluster already exists with name: {cluster.name}", 409, clusterName=cluster.name
            )
        self.clusters[cluster.region, cluster.name] = cluster

    def await_control_planes(self) -> None:
        """Every cluster is CREATING until its control plane answers."""
        for cluster in self.clusters.values():
            cluster.document["status"] = "CREATING"

    def tagged(self, region: str, arn: str) -> Document:
        """The document with that ARN, whatever it is. Raises NotFoundException."""
        keys = ("arn", "nodegroupArn", "addonArn", "accessEntryArn", "associationArn")
        for cluster in self.of_region(region):
            groups = (cluster.nodegroups, cluster.addons, cluster.entries, cluster.associations)
            for document in (cluster.document, *(d for group in groups for d in group.values())):
                if arn in (document.get(key) for key in keys):
                    return document
        raise AwsError("NotFoundException", f"The resource {arn} was not found", 404)
