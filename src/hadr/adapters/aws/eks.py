"""How to reach a member's Kubernetes API: endpoint and certificate authority from EKS, tokens from a presigned STS request.

The token is what `aws eks get-token` makes: GetCallerIdentity of the member's own Region's STS, presigned, with the cluster's name
in a signed header. Making one sends nothing. EKS takes it for 15 minutes.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hadr.adapters.aws.calls import Caller
from hadr.adapters.aws.errors import translate
from hadr.adapters.aws.session import Sessions
from hadr.core.errors import Rejected
from hadr.core.site import Member

PREFIX, HEADER, EXPIRES_S = "k8s-aws-v1.", "x-k8s-aws-id", 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """Where a cluster's API server is and the base64 certificate authority it is known by."""

    endpoint: str
    authority: str


class Eks:
    """Access to the members' clusters. What EKS answered is kept: an endpoint does not change while a cluster lives."""

    def __init__(self, call: Caller, sessions: Sessions) -> None:
        self._call = call
        self._sessions = sessions
        self._known: dict[str, ClusterAccess] = {}
        self._signers: dict[str, Any] = {}

    def access(self, member: Member) -> ClusterAccess:
        if member.name not in self._known:
            cluster = self._call("eks", "describe_cluster", member.region, name=member.cluster)["cluster"]
            endpoint = cluster.get("endpoint")
            authority = (cluster.get("certificateAuthority") or {}).get("data")
            if not endpoint or not authority:
                raise Rejected(f"eks in {member.region}: cluster {member.cluster} is {cluster.get('status')}, without endpoint yet")
            self._known[member.name] = ClusterAccess(endpoint=str(endpoint), authority=str(authority))
        return self._known[member.name]

    def token(self, member: Member) -> str:
        """A fresh bearer token for the member's cluster."""
        try:
            url = self._signer(member.region).generate_presigned_url(
                "get_caller_identity", Params={"ClusterName": member.cluster}, ExpiresIn=EXPIRES_S, HttpMethod="GET"
            )
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"token for {member.cluster}") from error
        return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")

    def _signer(self, region: str) -> Any:
        if region not in self._signers:
            client = self._sessions.regional_sts(region)
            client.meta.events.register("provide-client-params.sts.GetCallerIdentity", _take_cluster_name)
            client.meta.events.register("before-sign.sts.GetCallerIdentity", _sign_cluster_name)
            self._signers[region] = client
        return self._signers[region]


def _take_cluster_name(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """The cluster's name is no parameter of STS: it travels in the request's context to the moment of signing."""
    if "ClusterName" in params:
        context["hadr_cluster"] = params.pop("ClusterName")


def _sign_cluster_name(request: Any, **_: Any) -> None:
    if "hadr_cluster" in request.context:
        request.headers[HEADER] = request.context["hadr_cluster"]
