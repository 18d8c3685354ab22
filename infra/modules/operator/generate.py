"""Print actions.json: the IAM actions of every AWS call that hadr makes, from the tool's own table.

    python infra/modules/operator/generate.py > infra/modules/operator/actions.json

Which resources each action is bound to is decided in main.tf. A test fails when the file is not what this prints.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict

from hadr.adapters.aws.calls import CALLS


def text() -> str:
    """The file's text: service to its reading and its changing actions."""
    actions: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"reads": [], "changes": []})
    for call in CALLS:
        service = call.action.partition(":")[0]
        listed = actions[service]["changes" if call.changes else "reads"]
        if call.action not in listed:
            listed.append(call.action)
    ordered = {
        service: {kind: sorted(names) for kind, names in sorted(kinds.items(), reverse=True)}
        for service, kinds in sorted(actions.items())
    }
    return json.dumps(ordered, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
