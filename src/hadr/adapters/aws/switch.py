"""The health-check switch: an object in a member's own Region whose existence declares that member active.

Route 53's health checkers read it, so writing it moves traffic without any control plane and without the lost Region.
"""

from __future__ import annotations

import json

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Rejected
from hadr.core.site import Member, Switch
from hadr.ports import Clock


class S3Switch:
    """The members' switch objects."""

    def __init__(self, call: Caller, clock: Clock) -> None:
        self._call = call
        self._clock = clock

    def declared(self, member: Member) -> bool:
        """Listing tells a missing object from a forbidden one; reading it would answer 403 for both."""
        if member.switch is None:
            return False
        bucket, key = member.switch.bucket, member.switch.key
        answer = self._call("s3", "list_objects_v2", member.switch.region, Bucket=bucket, Prefix=key, MaxKeys=2)
        return any(one["Key"] == key for one in answer.get("Contents", []))

    def declare(self, member: Member, *, run: str) -> str:
        switch = _switch(member)
        body = {"active": member.name, "since": self._clock.now().isoformat(timespec="seconds"), "run": run}
        self._call(
            "s3",
            "put_object",
            switch.region,
            Bucket=switch.bucket,
            Key=switch.key,
            Body=json.dumps(body).encode(),
            ContentType="application/json",
            CacheControl="no-store",
        )
        return f"wrote {switch.key} in {switch.bucket}"

    def withdraw(self, member: Member) -> str:
        if member.switch is None:
            return f"{member.name} has no switch"
        self._call("s3", "delete_object", member.switch.region, Bucket=member.switch.bucket, Key=member.switch.key)
        return f"removed {member.switch.key} from {member.switch.bucket}"

    def try_out(self, member: Member) -> str:
        """The same calls as declaring and withdrawing, on a key that no health check asks for."""
        switch = _switch(member)
        key = trial_key(switch)
        self._call("s3", "put_object", switch.region, Bucket=switch.bucket, Key=key, Body=b"{}", ContentType="application/json")
        self._call("s3", "delete_object", switch.region, Bucket=switch.bucket, Key=key)
        return f"wrote and removed {key} in {switch.bucket}"


def trial_key(switch: Switch) -> str:
    """Beside the switch's own key."""
    return f"{switch.key}.trial"


def _switch(member: Member) -> Switch:
    if member.switch is None:
        raise Rejected(f"{member.name} has no switch in site.yaml")
    return member.switch
