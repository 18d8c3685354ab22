"""What the realizers of stores and balancers need of the network: addresses that exist, and which places are lost.

The network itself implements it; tests give a small one of their own. It decides nothing.
"""

from __future__ import annotations

from typing import Protocol


class Addresses(Protocol):
    """Addresses in namespaces, and the places nothing may be started in."""

    async def claim(self, netns: str, address: str) -> None:
        """Make `address` exist in namespace `netns`; claiming it again changes nothing."""

    async def release(self, netns: str, address: str) -> None:
        """Make `address` silent again; releasing one that nobody claimed changes nothing."""

    def lost(self, region: str, zone: str = "") -> bool:
        """Whether that Region, or that zone of it, is lost at this moment."""
        ...
