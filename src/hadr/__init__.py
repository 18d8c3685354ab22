"""hadr: says whether a failover would work now, plans it, performs it, proves its effect and measures RTO and RPO."""

__version__ = "0.1.0"
