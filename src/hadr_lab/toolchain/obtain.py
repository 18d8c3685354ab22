"""Everything together: one immutable `Programs` out of the machine, the cache, and what had to be made.

What is there is found in well under a second. What is not is made visibly: the Debian programs in seconds, the Kubernetes programs
in minutes, once.
"""

from __future__ import annotations

from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.toolchain import database, debian, kubernetes


def obtain(progress: Progress) -> Programs:
    """Find or make every program. Blocks; needs the host's network only for what is not there yet. Raises MissingProgram."""
    system = debian.obtain(progress)
    template = database.template(system.programs, system.share, progress)
    cluster = kubernetes.obtain(progress)
    return Programs(
        programs={**system.programs, **cluster.programs},
        charts=cluster.charts,
        share=system.share,
        database_template=template,
    )
