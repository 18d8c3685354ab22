"""EKS clusters as real control planes: etcd, API server, controller manager and scheduler of upstream, one set for each cluster."""

from hadr_lab.dataplane.controlplane.api import ApiError, Endpoint, KubeApi
from hadr_lab.dataplane.controlplane.cluster import Cluster, Who
from hadr_lab.dataplane.controlplane.commands import Clocks
from hadr_lab.dataplane.controlplane.realizer import ControlPlanes, Wires
from hadr_lab.dataplane.controlplane.webhook import Access, Identify

__all__ = ["Access", "ApiError", "Clocks", "Cluster", "ControlPlanes", "Endpoint", "Identify", "KubeApi", "Who", "Wires"]
