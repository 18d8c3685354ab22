"""Print actions.json: the IAM actions of every AWS call that hadr makes, by what they touch, from the tool's own table.

    python infra/modules/operator/generate.py > infra/modules/operator/actions.json

Which ARNs each kind of thing has in a site is the module's business (main.tf). A test fails when the file is not what this prints.
"""

from __future__ import annotations

import json
import sys

from hadr.adapters.aws.calls import CALLS


def text() -> str:
    """The file's text: the kind of thing touched (`On`), then reads or changes, then the actions."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for call in CALLS:
        actions = kinds.setdefault(call.on.name, {}).setdefault("changes" if call.changes else "reads", [])
        if call.action not in actions:
            actions.append(call.action)
    ordered = {on: {access: sorted(actions) for access, actions in sorted(kinds[on].items())} for on in sorted(kinds)}
    return json.dumps(ordered, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
