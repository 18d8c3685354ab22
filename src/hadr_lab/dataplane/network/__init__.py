"""The lab's network: namespaces for the edge, Regions and zones around one router, and the faults on the wire between them."""

from hadr_lab.dataplane.network.impairment import Impairment
from hadr_lab.dataplane.network.network import Network

__all__ = ["Impairment", "Network"]
