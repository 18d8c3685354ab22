"""What the parts of EKS's API share: the registry they answer from and the cluster a call names."""

from __future__ import annotations

from typing import ClassVar

from hadr_lab.aws.services.eks_registry import Cluster, EksRegistry
from hadr_lab.aws.services.serial import Serial


class EksCalls(Serial):
    """A call on EKS; `registry` is bound before first use."""

    registry: ClassVar[EksRegistry]

    def cluster(self) -> Cluster:
        """The cluster the call names (EKS says `name` for some operations and `clusterName` for the others)."""
        inputs = self.inputs()
        return self.registry.cluster(self.region, inputs.get("clusterName") or inputs["name"])
