"""The configuration file of one MariaDB server: small, unprivileged, durable, replicating by GTID.

Every server starts read-only, whatever its role: the realizer opens it for writing once it knows that it is the writer and that no
promotion is under way, so a server that comes back from the dead accepts nothing before that. Pure text, no decisions.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

LINES = """\
[mariadbd]
user=root
basedir={share}
lc-messages-dir={share}/share/mysql
character-sets-dir={share}/share/mysql/charsets
plugin-dir={share}/lib/mysql/plugin
datadir={folder}/data
socket={folder}/admin.sock
pid-file={folder}/pid
bind-address={address}
port={port}
server-id={server_id}
report-host={address}
report-port={port}
read-only=1
gtid-domain-id=0
gtid-strict-mode=ON
log-bin=binlog
relay-log=relay
log-slave-updates=ON
binlog-format=ROW
expire-logs-days=0
sync-binlog=1
innodb-flush-log-at-trx-commit=1
skip-name-resolve
skip-slave-start
slave-net-timeout=5
master-retry-count=0
max-connections=500
character-set-server=utf8mb4
performance-schema=OFF
innodb-buffer-pool-size=16M
innodb-log-file-size=4M
innodb-log-buffer-size=2M
innodb-buffer-pool-dump-at-shutdown=OFF
innodb-buffer-pool-load-at-startup=OFF
innodb-temp-data-file-path=ibtmp1:1M:autoextend
innodb-read-io-threads=1
innodb-write-io-threads=2
innodb-purge-threads=1
key-buffer-size=64K
aria-pagecache-buffer-size=1M
query-cache-type=0
tmp-table-size=1M
max-heap-table-size=1M
table-open-cache=200
table-definition-cache=400
thread-cache-size=16
"""


def server_id(address: str, volume: int = 0) -> int:
    """A replication id that no other server has: its IPv4 address as a number, and which of its data volumes it serves.

    A server ignores what it finds to be its own transactions, so one that begins anew must not have the id of before. The lab's
    subnets are below 16.0.0.0, so the upper four bits of an address are free for the volume.
    """
    return int(ipaddress.IPv4Address(address)) ^ (volume % 16) << 28


def text(*, share: Path, folder: Path, address: str, port: int, number: int) -> str:
    """The configuration of the server in `folder` that listens at `address` and has replication id `number`."""
    return LINES.format(share=share, folder=folder, address=address, port=port, server_id=number)
