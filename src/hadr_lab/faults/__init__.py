"""Faults: harm done to a running lab on purpose, and taken back, on its network, its processes and what EC2 has to give."""
