"""Aurora clusters as MariaDB servers with asynchronous GTID replication, and their role changes."""

from hadr_lab.dataplane.database.realizer import Databases

__all__ = ["Databases"]
