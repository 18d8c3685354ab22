"""One action carried out through the ports, and how it ended: Done, Refused or Unknown.

Whether it had its effect is not asked here. An error that adapters should not let out is Unknown as well: it may have happened.
"""

from __future__ import annotations

import hashlib
import logging
from typing import assert_never

from hadr.core.actions import (
    Action,
    AllowOverwrite,
    BreakReplication,
    CloseZone,
    DeclareActive,
    Done,
    EvictZone,
    FenceMember,
    LeaveZone,
    MoveWeights,
    MoveWriter,
    OpenZone,
    Outcome,
    PromoteDatabase,
    Refused,
    ReplicateFiles,
    ReturnToZone,
    ScaleWorkload,
    ShiftWeights,
    SpreadInto,
    StartCapacity,
    StopWrites,
    SwitchDatabase,
    WriteThrough,
    ZoneAction,
)
from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, Unreachable
from hadr.core.site import Member, Site
from hadr.core.view import Unknown
from hadr.engine.evict import evict_zone, spread_into
from hadr.ports import Ports

log = logging.getLogger("hadr.engine")


def perform(site: Site, ports: Ports, action: Action, *, run: str) -> Outcome:
    """Ask for `action` once. Never raises."""
    try:
        return Done(detail=_ask(site, ports, action, run=run))
    except Indefinite as error:
        return Unknown(why=str(error))
    except (Denied, Gone) as error:
        return Refused(why=str(error), final=True)
    except CallError as error:
        return Refused(why=str(error))
    except Exception as error:  # the step boundary: an unforeseen error must not end the other steps
        log.exception("action=%s error=%s", type(action).__name__, type(error).__name__)
        return Unknown(why=f"{type(error).__name__}: {error}")


def _ask(site: Site, ports: Ports, action: Action, *, run: str) -> str:
    member = site.member(action.member)
    match action:
        case FenceMember():
            return ports.compute.stop(member)
        case PromoteDatabase():
            return ports.database.promote(member)
        case BreakReplication():
            return _break(ports, member, action)
        case StartCapacity():
            return ports.compute.start(member)
        case DeclareActive():
            return ports.traffic.declare(member, run=run)
        case MoveWeights(withdraw=withdraw):
            if withdraw is not None:
                ports.traffic.withdraw(site.member(withdraw))
            return ports.traffic.give_all_weight(member, run=run)
        case WriteThrough():
            return ports.probe.write_through(key=write_key(run))
        case StopWrites():
            return ports.compute.quiesce(member)
        case SwitchDatabase(away=away):
            return ports.database.switch_over(member, away=site.member(away))
        case AllowOverwrite():
            return ports.files.allow_overwrite(member)
        case ReplicateFiles(origin=origin):
            return ports.files.replicate(member, origin=site.member(origin))
        case _:
            return _ask_about_zone(ports, member, action, run=run)


def _ask_about_zone(ports: Ports, member: Member, action: ZoneAction, *, run: str) -> str:
    match action:
        case CloseZone(zone=zone):
            return ports.compute.close(member, zone)
        case OpenZone(zone=zone):
            return ports.compute.open(member, zone)
        case EvictZone(zone=zone):
            return evict_zone(ports, member, zone)
        case SpreadInto(zone=zone):
            return spread_into(ports, member, zone)
        case MoveWriter(instance=instance):
            return ports.database.move_writer(member, instance=instance)
        case LeaveZone(zone_id=zone_id, expires=expires):
            return ports.traffic.leave_zone(member, zone_id=zone_id, expires=expires, run=run)
        case ReturnToZone(zone_id=zone_id):
            return ports.traffic.return_to_zone(member, zone_id=zone_id)
        case ScaleWorkload(replicas=replicas, only_up=only_up):
            return ports.compute.scale(member, replicas, only_up=only_up)
        case ShiftWeights():
            raise AssertionError("weights in stages are moved by the run itself, which watches clients meanwhile")
        case _:
            assert_never(action)


def _break(ports: Ports, member: Member, action: BreakReplication) -> str:
    """Deleting on both sides fails when the other Region is lost after the plan was made; then our own side has to do."""
    if not action.local_only:
        try:
            return ports.files.break_replication(member, source=action.source, local_only=False)
        except (Rejected, Unreachable, Indefinite) as error:
            log.info("action=BreakReplication fallback=local error=%r", str(error))
    return ports.files.break_replication(member, source=action.source, local_only=True)


def write_key(run: str) -> str:
    """The unique key of a run's proving write: asked twice, it is written once."""
    return f"hadr-{hashlib.sha256(run.encode()).hexdigest()[:24]}"
