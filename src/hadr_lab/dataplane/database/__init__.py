"""Aurora clusters as MariaDB servers with asynchronous GTID replication, and their role changes."""
