"""An architecture as Terraform made it: its root of `infra` really applied to the emulated AWS once, and the outcome kept.

What is kept is the whole state of the emulated AWS, Terraform's state file and its outputs, in the cache folder under a hash of all
that they come from. A change in `infra` or in the emulator makes a new one by itself; a later boot takes seconds.
"""

from hadr_lab.applied.kept import ARCHITECTURES, INFRA, VARIABLES, Applied, key, obtain

__all__ = ["ARCHITECTURES", "INFRA", "VARIABLES", "Applied", "key", "obtain"]
