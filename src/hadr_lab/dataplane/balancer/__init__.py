"""Application load balancers as one HAProxy a zone, driven by the emulated ELB state."""

from hadr_lab.dataplane.balancer.realizer import Balancers

__all__ = ["Balancers"]
