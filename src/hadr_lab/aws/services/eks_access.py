"""Who may enter a cluster: access entries with their policies, and the IAM roles of service accounts (Pod Identity).

`identity` maps an IAM identity to a Kubernetes user and groups, as EKS's authenticator does. EKS enforces its access policies
with an authorizer of its own; here a policy of cluster scope becomes a group, so that RBAC can know it.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.eks_calls import EksCalls
from hadr_lab.aws.services.eks_registry import Cluster, Document
from hadr_lab.aws.services.serial import now, page

POLICY_PREFIX = "arn:aws:eks::aws:cluster-access-policy/"
POLICIES = (
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEKSAdminViewPolicy",
)
CLUSTER_ADMIN = POLICY_PREFIX + "AmazonEKSClusterAdminPolicy"
MASTERS = "system:masters"
NODE_TYPES = ("EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX")
ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


class AccessCalls(EksCalls):
    """Access entries, access policies and pod identity associations."""

    def create_access_entry(self) -> ActionResult:
        """CreateAccessEntry. Raises ResourceInUseException for a principal that has one."""
        cluster = self.cluster()
        entry = make_entry(cluster, self.registry.account, self.inputs())
        return ActionResult({"accessEntry": entry})

    def describe_access_entry(self) -> ActionResult:
        """DescribeAccessEntry."""
        return ActionResult({"accessEntry": self.cluster().entry(self.inputs()["principalArn"])})

    def list_access_entries(self) -> ActionResult:
        """ListAccessEntries, of all or of those with one policy."""
        inputs, cluster = self.inputs(), self.cluster()
        policy = inputs.get("associatedPolicyArn")
        principals = [p for p in cluster.entries if policy is None or policy in cluster.policies.get(p, {})]
        names, token = page(principals, inputs)
        return ActionResult({"accessEntries": names, "nextToken": token})

    def update_access_entry(self) -> ActionResult:
        """UpdateAccessEntry: groups and user name."""
        inputs = self.inputs()
        entry = self.cluster().entry(inputs["principalArn"])
        entry.update({key: inputs[key] for key in ("kubernetesGroups", "username") if key in inputs}, modifiedAt=now())
        return ActionResult({"accessEntry": entry})

    def delete_access_entry(self) -> ActionResult:
        """DeleteAccessEntry, with its policy associations."""
        cluster, principal = self.cluster(), self.inputs()["principalArn"]
        cluster.entry(principal)
        del cluster.entries[principal]
        cluster.policies.pop(principal, None)
        return EmptyResult()

    def associate_access_policy(self) -> ActionResult:
        """AssociateAccessPolicy. Raises ResourceNotFoundException without an entry."""
        inputs, cluster = self.inputs(), self.cluster()
        principal = inputs["principalArn"]
        associated = self.associate(cluster, principal, inputs["policyArn"], inputs["accessScope"])
        return ActionResult({"clusterName": cluster.name, "principalArn": principal, "associatedAccessPolicy": associated})

    def associate(self, cluster: Cluster, principal: str, policy: str, scope: dict[str, Any]) -> Document:
        """Give the principal's entry a policy. Raises InvalidParameterException for an unknown one."""
        cluster.entry(principal)
        if policy.removeprefix(POLICY_PREFIX) not in POLICIES:
            raise AwsError("InvalidParameterException", f"The policyArn parameter format is not valid: {policy}", 400)
        document = {
            "policyArn": policy,
            "accessScope": {"namespaces": [], **scope},
            "associatedAt": now(),
            "modifiedAt": now(),
        }
        cluster.policies.setdefault(principal, {})[policy] = document
        return document

    def list_associated_access_policies(self) -> ActionResult:
        """ListAssociatedAccessPolicies."""
        cluster, principal = self.cluster(), self.inputs()["principalArn"]
        cluster.entry(principal)
        listed = list(cluster.policies.get(principal, {}).values())
        return ActionResult({"clusterName": cluster.name, "principalArn": principal, "associatedAccessPolicies": listed})

    def disassociate_access_policy(self) -> ActionResult:
        """DisassociateAccessPolicy."""
        inputs, cluster = self.inputs(), self.cluster()
        cluster.entry(inputs["principalArn"])
        cluster.policies.get(inputs["principalArn"], {}).pop(inputs["policyArn"], None)
        return EmptyResult()

    def list_access_policies(self) -> ActionResult:
        """ListAccessPolicies."""
        return ActionResult({"accessPolicies": [{"name": name, "arn": POLICY_PREFIX + name} for name in POLICIES]})

    def create_pod_identity_association(self) -> ActionResult:
        """CreatePodIdentityAssociation. Raises ResourceInUseException when the service account has one."""
        inputs, cluster = self.inputs(), self.cluster()
        account = (inputs["namespace"], inputs["serviceAccount"])
        if any((a["namespace"], a["serviceAccount"]) == account for a in cluster.associations.values()):
            raise AwsError("ResourceInUseException", "Association already exists", 409, clusterName=cluster.name)
        association_id = "a-" + uuid.uuid4().hex[:17]
        arn = f"arn:aws:eks:{self.region}:{self.registry.account}:podidentityassociation/{cluster.name}/{association_id}"
        given = {key: inputs[key] for key in ("roleArn", "targetRoleArn", "disableSessionTags") if key in inputs}
        document = {
            "clusterName": cluster.name,
            "namespace": inputs["namespace"],
            "serviceAccount": inputs["serviceAccount"],
            "associationArn": arn,
            "associationId": association_id,
            "tags": inputs.get("tags") or {},
            "createdAt": now(),
            "modifiedAt": now(),
            "disableSessionTags": False,
        }
        cluster.associations[association_id] = document | given
        return ActionResult({"association": cluster.associations[association_id]})

    def describe_pod_identity_association(self) -> ActionResult:
        """DescribePodIdentityAssociation."""
        return ActionResult({"association": self.cluster().association(self.inputs()["associationId"])})

    def list_pod_identity_associations(self) -> ActionResult:
        """ListPodIdentityAssociations, of all or by namespace and service account."""
        inputs = self.inputs()
        asked = {key: inputs[key] for key in ("namespace", "serviceAccount") if inputs.get(key)}
        found = [a for a in self.cluster().associations.values() if asked.items() <= a.items()]
        return ActionResult({"associations": found})

    def update_pod_identity_association(self) -> ActionResult:
        """UpdatePodIdentityAssociation."""
        inputs = self.inputs()
        association = self.cluster().association(inputs["associationId"])
        association.update(
            {k: inputs[k] for k in ("roleArn", "targetRoleArn", "disableSessionTags") if k in inputs}, modifiedAt=now()
        )
        return ActionResult({"association": association})

    def delete_pod_identity_association(self) -> ActionResult:
        """DeletePodIdentityAssociation."""
        cluster, association_id = self.cluster(), self.inputs()["associationId"]
        association = cluster.association(association_id)
        del cluster.associations[association_id]
        return ActionResult({"association": association})


def make_entry(cluster: Cluster, account: str, inputs: dict[str, Any]) -> Document:
    """A new access entry with EKS's defaults for its type."""
    principal, kind = inputs["principalArn"], inputs.get("type") or "STANDARD"
    if principal in cluster.entries:
        message = "The specified access entry resource is already in use on this cluster."
        raise AwsError("ResourceInUseException", message, 409, clusterName=cluster.name)
    name = principal.rsplit("/", 1)[-1]
    prefix, sort = f"arn:aws:eks:{cluster.region}:{account}", "role" if ":role/" in principal else "user"
    nodes = kind in NODE_TYPES
    default_user = "system:node:{{EC2PrivateDNSName}}" if nodes else _default_user(principal)
    entry = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": ["system:nodes"] if nodes else list(inputs.get("kubernetesGroups") or []),
        "accessEntryArn": f"{prefix}:access-entry/{cluster.name}/{sort}/{account}/{name}/{uuid.uuid4()}",
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": inputs.get("tags") or {},
        "username": inputs.get("username") or default_user,
        "type": kind,
    }
    cluster.entries[principal] = entry
    return entry


def _default_user(principal: str) -> str:
    if ":role/" not in principal:
        return principal
    assumed = principal.replace(":iam:", ":sts:", 1).replace(":role/", ":assumed-role/", 1)
    return assumed + "/{{SessionName}}"


def identity(cluster: Cluster, arn: str) -> tuple[str, tuple[str, ...]] | None:
    """The Kubernetes user and groups of an IAM identity (`arn` as GetCallerIdentity gives it), or None when it has no entry."""
    principal, session = _principal(cluster, arn)
    entry = cluster.entries.get(principal)
    if entry is None:
        return None
    user = str(entry["username"]).replace("{{SessionName}}", session).replace("{{EC2PrivateDNSName}}", session)
    groups = [*entry["kubernetesGroups"]]
    for policy, document in cluster.policies.get(principal, {}).items():
        if document["accessScope"]["type"] == "cluster":
            groups.append(MASTERS if policy == CLUSTER_ADMIN else f"eks:{policy.removeprefix(POLICY_PREFIX)}")
    return user, tuple(groups)


def _principal(cluster: Cluster, arn: str) -> tuple[str, str]:
    """The principal an entry is made for (a role, for an assumed one, whatever its path) and the session's name."""
    assumed = ASSUMED.fullmatch(arn)
    if assumed is None or arn in cluster.entries:
        return arn, arn.rsplit("/", 1)[-1]
    role = assumed["role"]
    named = (p for p in cluster.entries if ":role/" in p and p.rsplit("/", 1)[-1] == role and f"::{assumed['account']}:" in p)
    return next(named, arn), assumed["session"]
