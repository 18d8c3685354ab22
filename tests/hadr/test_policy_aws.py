"""Nothing in the role of hadr is unused: each permitted call is made by the adapters' own methods, and the emulated API answers it.

What goes over the wire is written down by botocore, not by the table, so a call that went round the table would be seen too.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore import xform_name
from tests.hadr import test_ports as contract
from tests.hadr.test_ports_aws import subject  # noqa: F401  the emulated site

from hadr.adapters.aws.aurora import Aurora
from hadr.adapters.aws.calls import BY_NAME, Caller
from hadr.adapters.aws.efs import Efs
from hadr.adapters.aws.eks import PREFIX, Eks
from hadr.adapters.aws.elb import Elb
from hadr.adapters.aws.policy import outside
from hadr.adapters.aws.route53 import Route53
from hadr.adapters.aws.session import Sessions
from hadr.adapters.aws.switch import S3Switch
from hadr.adapters.aws.zonal_shift import ZonalShifts
from hadr.adapters.clock import SystemClock
from hadr.core.site import Site
from hadr.core.view import FilesRole

pytestmark = pytest.mark.lab


class Recording(Sessions):
    """The real clients, with every call written down that was answered well."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: set[tuple[str, str]] = set()

    def client(self, service: str, region: str, *, changes: bool = False) -> Any:
        """The client; what it is told stays within this object."""
        made = super().client(service, region, changes=changes)
        made.meta.events.register("after-call", self._note, unique_id="recording")
        return made

    def _note(self, *, http_response: Any, model: Any, **_: Any) -> None:
        if http_response.status_code < 300:
            self.answered.add((model.service_model.service_name, xform_name(model.name)))


def seen(question: Callable[[], bool]) -> None:
    """Wait for an effect; what was asked of AWS takes a moment."""
    until = time.monotonic() + 20
    while not question():
        assert time.monotonic() < until, "the effect did not come within 20 s"
        time.sleep(0.1)


def use_everything(site: Site, sessions: Sessions) -> None:
    """Every method of every AWS adapter once, each in a state in which it can succeed."""
    call, clock = Caller(sessions), SystemClock()
    one, two = site.members
    aurora, efs, switch, records = Aurora(site, call, clock), Efs(call), S3Switch(call, clock), Route53(site, call)
    aurora.promote(two)
    seen(lambda: (found := aurora.observe(two)).writer == "two" and found.switching_to is None)
    aurora.switch_over(one, away=two)
    seen(lambda: aurora.observe(one).writer == "one")
    aurora.lag(two)
    if efs.observe(two).role is FilesRole.DESTINATION:
        efs.break_replication(two, source=one.files, local_only=False)
        seen(lambda: efs.observe(two).role is efs.observe(one).role is FilesRole.ALONE)
    efs.allow_overwrite(two)
    seen(lambda: efs.protection(two) is not None)
    efs.replicate(two, origin=one)
    seen(lambda: efs.observe(two).role is FilesRole.DESTINATION)
    elb = Elb(call)
    elb.targets(two)
    elb.addresses(two)
    shifts = ZonalShifts(call, elb)
    zone_id = next(iter(two.zones.values()))
    shifts.start(two, zone_id=zone_id, expires=timedelta(hours=1), run="r")
    shifts.cancel(two, zone_id=zone_id)
    efs.mounts(one)
    readers = [instance.name for instance in aurora.instances(one).instances if not instance.writer]
    aurora.move_writer(one, instance=readers[0])
    seen(lambda: (found := aurora.instances(one)).writer is not None and found.writer.name == readers[0])
    Eks(call, sessions).access(two)
    switch.declare(two, run="r")
    assert switch.declared(two)
    switch.withdraw(two)
    switch.try_out(two)
    records.check(two)
    records.give_all_weight(two, run="r")
    assert records.weights()["two"] > 0


def test_every_permitted_call_is_made_and_answered(subject: contract.Subject) -> None:  # noqa: F811
    """All over the wire but GetCallerIdentity, which is only presigned: the token that a cluster takes is nothing else."""
    sessions = Recording()
    use_everything(subject.site, sessions)
    assert outside(sessions.answered) == ()
    assert set(BY_NAME) - sessions.answered == {("sts", "get_caller_identity")}
    member = subject.site.members[1]
    text = Eks(Caller(sessions), sessions).token(member).removeprefix(PREFIX)
    url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    assert "Action=GetCallerIdentity" in url
