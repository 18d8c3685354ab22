"""Application load balancers as one HAProxy a zone, driven by the emulated ELB state."""
