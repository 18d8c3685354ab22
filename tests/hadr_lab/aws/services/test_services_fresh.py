"""A new State is a new AWS; alone in its module, because it empties the backends that the others' stand on."""

from __future__ import annotations

from tests.hadr_lab.aws.services.cloud import EAST_1, a_cloud

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.state import State


def test_a_state_begins_empty() -> None:
    """One State is one AWS: what another one held is not there."""
    with a_cloud() as first:
        first.network()
        assert first.state.regions() == (EAST_1,)
        assert len(first.state.subnets(EAST_1)) == 3
    second = State(Changes())
    assert second.regions() == ()
    assert second.subnets(EAST_1) == ()
