"""iproute2, for what is built once: one `ip -batch` a namespace."""

from __future__ import annotations

import asyncio

from hadr_lab.errors import LabError


async def batch(lines: str, *, netns: str = "") -> None:
    """Carry out `lines` with one `ip`, in `netns` if named. Raises LabError with ip's own words."""
    where = ("-n", netns) if netns else ()
    child = await asyncio.create_subprocess_exec(
        "ip",
        *where,
        "-batch",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate(lines.encode())
    if child.returncode:
        raise LabError(f"network: ip in {netns or 'the lab'}: {said.decode(errors='replace').strip()}")
