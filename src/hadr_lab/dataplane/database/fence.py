"""A program of its own: make the database at an address read-only, over the network, or fail soon.

It runs in the network namespace of the server that takes over, so it reaches the old writer exactly when a control plane on that
side would. Usage: fence.py ADDRESS PORT, password in HADR_LAB_FENCE_PASSWORD. Exit 0: the server is read-only now; 1: not known.
"""

from __future__ import annotations

import os
import sys

import pymysql

CONNECT_TIME = 2
ANSWER_TIME = 3


def main(address: str, port: int) -> int:
    """Fence the server at `address`; the exit status."""
    try:
        connection = pymysql.connect(
            host=address,
            port=port,
            user="hadr_fence",
            password=os.environ["HADR_LAB_FENCE_PASSWORD"],
            connect_timeout=CONNECT_TIME,
            read_timeout=ANSWER_TIME,
            write_timeout=ANSWER_TIME,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL read_only = 1")
    except (OSError, pymysql.MySQLError) as error:
        sys.stderr.write(f"fence: {address}:{port} not fenced: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
