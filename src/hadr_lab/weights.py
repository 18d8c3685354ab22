"""`python -m hadr_lab.weights ZONE HOST one=0 two=100`: change the weights of a name's records through Route 53."""

from __future__ import annotations

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def change(zone: str, host: str, weights: dict[str, int]) -> None:
    """Set each set identifier's weight, in one batch. Raises botocore's errors."""
    route53 = boto3.client("route53", region_name="us-east-1", config=Config(retries={"max_attempts": 2}, read_timeout=30))
    records = route53.list_resource_record_sets(HostedZoneId=zone, StartRecordName=host)["ResourceRecordSets"]
    ours = [record for record in records if record.get("SetIdentifier") in weights and record["Name"].rstrip(".") == host]
    changes = [{"Action": "UPSERT", "ResourceRecordSet": {**record, "Weight": weights[record["SetIdentifier"]]}} for record in ours]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def main(argv: list[str]) -> int:
    """Exit 1 with one line when the API refuses or does not answer."""
    zone, host, *pairs = argv
    try:
        change(zone, host, {name: int(weight) for name, _, weight in (pair.partition("=") for pair in pairs)})
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
