"""AuroraGlobalDBReplicationLag in CloudWatch: what the data plane measured, in milliseconds, on the reader's Region.

AWS has one value a minute; here there is one a second, and a quarter of an hour is kept, so that a drill sees the lag it had.
"""

from __future__ import annotations

from datetime import timedelta

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.core.utils import utcnow
from moto.rds.models import DBCluster

NAMESPACE, METRIC = "AWS/RDS", "AuroraGlobalDBReplicationLag"
KEPT = timedelta(minutes=15)
EVERY = timedelta(seconds=1)


def record_lag(account: str, reader: DBCluster, writer: DBCluster | None, lag: timedelta) -> None:
    """Add one value for the reader, once with its own dimension and once with the writer's Region beside it."""
    data = cloudwatch_backends[account][reader.region].metric_data
    moment = utcnow()
    newest = next((datum.timestamp for datum in reversed(data) if _is_of(datum, reader)), None)
    if newest is not None and moment - newest < EVERY:
        return
    data[:] = [datum for datum in data if datum.name != METRIC or moment - datum.timestamp < KEPT]
    own = [{"Name": "DBClusterIdentifier", "Value": reader.db_cluster_identifier}]
    beside = [{"Name": "SourceRegion", "Value": writer.region}] if writer else []
    for dimensions in [own, own + beside] if beside else [own]:
        data.append(MetricDatum(NAMESPACE, METRIC, lag / timedelta(milliseconds=1), dimensions, moment, "Milliseconds"))


def _is_of(datum: object, reader: DBCluster) -> bool:
    if not isinstance(datum, MetricDatum) or datum.name != METRIC:
        return False
    return any(d.name == "DBClusterIdentifier" and d.value == reader.db_cluster_identifier for d in datum.dimensions)
