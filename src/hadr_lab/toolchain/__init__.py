"""The toolchain: every outside program the lab runs, found on the machine, built or unpacked without root, cached for good."""

from hadr_lab.toolchain.obtain import obtain

__all__ = ["obtain"]
