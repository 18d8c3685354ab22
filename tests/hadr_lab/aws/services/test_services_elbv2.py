"""ELBv2: balancers that wait for their nodes, targets by address and port, and health as the nodes see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, Cloud, Network, refused, unique, until

from hadr_lab.aws.views import Target, TargetHealth

HEALTHY = TargetHealth(state="healthy")
FAILING = TargetHealth(
    state="unhealthy", reason="Target.ResponseCodeMismatch", description="Health checks failed with these codes: [503]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A balancer whose listener forwards to a target group."""

    balancer: str
    group: str
    listener: str


def balancer(cloud: Cloud, network: Network, **arguments: Any) -> Any:
    """An application load balancer over the network's zones, as CreateLoadBalancer answers it."""
    given = {"Name": unique("lb"), "Subnets": list(network.subnets.values()), "Type": "application"}
    return cloud("elbv2").create_load_balancer(**(given | arguments))["LoadBalancers"][0]


def group(cloud: Cloud, network: Network, **arguments: Any) -> str:
    """A target group of kind `ip`; returns its ARN."""
    given = {"Name": unique("tg"), "Protocol": "HTTP", "Port": 8080, "VpcId": network.vpc, "TargetType": "ip"}
    return str(cloud("elbv2").create_target_group(**(given | arguments))["TargetGroups"][0]["TargetGroupArn"])


@pytest.fixture
def served(cloud: Cloud, network: Network) -> Served:
    """A balancer with a listener on port 80 and its target group."""
    made, arn = balancer(cloud, network), group(cloud, network)
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    listener = cloud("elbv2").create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward
    )["Listeners"][0]
    return Served(balancer=made["LoadBalancerArn"], group=arn, listener=listener["ListenerArn"])


def health(cloud: Cloud, arn: str, *targets: dict[str, Any]) -> dict[tuple[str, int], tuple[str, str | None]]:
    """State and reason by address and port, as DescribeTargetHealth tells them."""
    asked = {"Targets": list(targets)} if targets else {}
    found = cloud("elbv2").describe_target_health(TargetGroupArn=arn, **asked)["TargetHealthDescriptions"]
    return {(d["Target"]["Id"], d["Target"]["Port"]): (d["TargetHealth"]["State"], d["TargetHealth"].get("Reason")) for d in found}


def register(cloud: Cloud, arn: str, *targets: tuple[str, int | None]) -> None:
    """RegisterTargets by address and port."""
    listed = [{"Id": address} | ({"Port": port} if port else {}) for address, port in targets]
    cloud("elbv2").register_targets(TargetGroupArn=arn, Targets=listed)


def test_a_balancer_is_provisioning_until_its_nodes_listen(cloud: Cloud, network: Network) -> None:
    """Reading it does not change that."""
    made = balancer(cloud, network)

    def state() -> str:
        found = cloud("elbv2").describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])["LoadBalancers"][0]
        return str(found["State"]["Code"])

    assert [state(), state()] == ["provisioning"] * 2
    cloud.state.balancer_ready(made["LoadBalancerArn"])
    assert state() == "active"


def test_a_balancers_name_in_dns_is_its_own(cloud: Cloud, network: Network) -> None:
    """Two balancers have two names in their Region, with the zone id that alias records need."""
    names = [balancer(cloud, network) for _ in range(2)]
    assert names[0]["DNSName"] != names[1]["DNSName"]
    for made in names:
        assert made["DNSName"].startswith(made["LoadBalancerName"] + "-")
        assert made["DNSName"].endswith(".us-east-1.elb.amazonaws.com")
        assert made["CanonicalHostedZoneId"] == "Z35SXDOTRQ7X7K"


def test_a_balancer_has_a_node_in_each_zone(cloud: Cloud, network: Network) -> None:
    """The realizers see zone and subnet; two subnets of one zone, or only one zone, are refused."""
    made = balancer(cloud, network)
    seen = next(b for b in cloud.state.load_balancers(EAST_1) if b.arn == made["LoadBalancerArn"])
    assert (seen.subnets, seen.state, seen.dns_name) == (network.subnets, "provisioning", made["DNSName"])
    second = cloud("ec2").create_subnet(VpcId=network.vpc, CidrBlock="10.1.64.0/20", AvailabilityZone="us-east-1a")
    with refused("InvalidConfigurationRequest"):
        balancer(cloud, network, Subnets=[network.subnets["us-east-1a"], second["Subnet"]["SubnetId"]])
    with refused("ValidationError"):
        balancer(cloud, network, Subnets=[network.subnets["us-east-1a"]])


def test_names_are_taken_once(cloud: Cloud, network: Network) -> None:
    """Of balancers and of target groups; a name that is not there is not found."""
    made = balancer(cloud, network)
    with refused("DuplicateLoadBalancerName"):
        balancer(cloud, network, Name=made["LoadBalancerName"])
    name = unique("tg")
    group(cloud, network, Name=name)
    with refused("DuplicateTargetGroupName"):
        group(cloud, network, Name=name)
    found = cloud("elbv2").describe_load_balancers(Names=[made["LoadBalancerName"]])["LoadBalancers"]
    assert [b["LoadBalancerArn"] for b in found] == [made["LoadBalancerArn"]]
    with refused("LoadBalancerNotFound"):
        cloud("elbv2").describe_load_balancers(Names=[made["LoadBalancerName"], unique("none")])


def test_a_target_is_initial_until_a_check_said_something(cloud: Cloud, served: Served) -> None:
    """Then what the check says, with its reason."""
    register(cloud, served.group, ("10.1.0.9", None))
    assert health(cloud, served.group) == {("10.1.0.9", 8080): ("initial", "Elb.RegistrationInProgress")}
    cloud.state.target_health(served.group, "10.1.0.9", 8080, FAILING)
    assert health(cloud, served.group) == {("10.1.0.9", 8080): ("unhealthy", "Target.ResponseCodeMismatch")}
    cloud.state.target_health(served.group, "10.1.0.9", 8080, HEALTHY)
    described = cloud("elbv2").describe_target_health(TargetGroupArn=served.group)["TargetHealthDescriptions"][0]
    assert described["TargetHealth"] == {"State": "healthy"}
    assert (described["Target"]["AvailabilityZone"], described["HealthCheckPort"]) == ("us-east-1a", "8080")


def test_one_address_may_serve_on_two_ports(cloud: Cloud, served: Served) -> None:
    """Each is a target of its own."""
    register(cloud, served.group, ("10.1.0.9", 8080), ("10.1.0.9", 8081))
    cloud.state.target_health(served.group, "10.1.0.9", 8081, HEALTHY)
    assert {target: said[0] for target, said in health(cloud, served.group).items()} == {
        ("10.1.0.9", 8080): "initial",
        ("10.1.0.9", 8081): "healthy",
    }


def test_targets_of_an_unattached_group_are_unused(cloud: Cloud, network: Network, served: Served) -> None:
    """No listener forwards to it, whatever a check says; a rule is enough."""
    arn = group(cloud, network)
    register(cloud, arn, ("10.1.0.9", None))
    cloud.state.target_health(arn, "10.1.0.9", 8080, HEALTHY)
    assert health(cloud, arn) == {("10.1.0.9", 8080): ("unused", "Target.NotInUse")}
    described = cloud("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    assert described.get("LoadBalancerArns", []) == []
    cloud("elbv2").create_rule(
        ListenerArn=served.listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    assert health(cloud, arn) == {("10.1.0.9", 8080): ("healthy", None)}
    described = cloud("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    assert described["LoadBalancerArns"] == [served.balancer]


def test_a_target_that_is_not_registered_is_unused(cloud: Cloud, served: Served) -> None:
    """Asked for by name it is described all the same; it cannot be deregistered."""
    assert health(cloud, served.group, {"Id": "10.1.0.77", "Port": 8080}) == {
        ("10.1.0.77", 8080): ("unused", "Target.NotRegistered")
    }
    with refused("InvalidTarget"):
        cloud("elbv2").deregister_targets(TargetGroupArn=served.group, Targets=[{"Id": "10.1.0.77"}])
    with refused("TargetGroupNotFound"):
        cloud("elbv2").describe_target_health(TargetGroupArn=served.group + "0")


def test_a_deregistered_target_drains_for_the_groups_delay(cloud: Cloud, served: Served) -> None:
    """draining, and seen so, until the delay (here 10 s at twentyfold speed) is over; then it is gone."""
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}]
    cloud("elbv2").modify_target_group_attributes(TargetGroupArn=served.group, Attributes=delay)
    register(cloud, served.group, ("10.1.0.9", None), ("10.1.0.10", None))
    cloud.state.target_health(served.group, "10.1.0.9", 8080, HEALTHY)
    cloud("elbv2").deregister_targets(TargetGroupArn=served.group, Targets=[{"Id": "10.1.0.9", "Port": 8080}])
    assert health(cloud, served.group)["10.1.0.9", 8080] == ("draining", "Target.DeregistrationInProgress")
    assert Target(address="10.1.0.9", port=8080, draining=True) in view(cloud, served).targets
    until(lambda: view(cloud, served).targets, lambda seen: seen == (Target(address="10.1.0.10", port=8080),))
    assert ("10.1.0.9", 8080) not in health(cloud, served.group)


def test_a_target_that_comes_back_starts_over(cloud: Cloud, served: Served) -> None:
    """Registered while it drains it is initial again; registered twice it stays what it is."""
    register(cloud, served.group, ("10.1.0.9", None))
    cloud.state.target_health(served.group, "10.1.0.9", 8080, HEALTHY)
    register(cloud, served.group, ("10.1.0.9", None))
    assert health(cloud, served.group)["10.1.0.9", 8080][0] == "healthy"
    cloud("elbv2").deregister_targets(TargetGroupArn=served.group, Targets=[{"Id": "10.1.0.9"}])
    register(cloud, served.group, ("10.1.0.9", None))
    assert health(cloud, served.group)["10.1.0.9", 8080][0] == "initial"


def test_a_report_is_news_only_once(cloud: Cloud, served: Served) -> None:
    """The same again wakes nobody, and neither does one of a target that is not there."""
    register(cloud, served.group, ("10.1.0.9", None))
    before = cloud.state.changes.count
    for _ in range(3):
        cloud.state.target_health(served.group, "10.1.0.9", 8080, HEALTHY)
    cloud.state.target_health(served.group, "10.1.0.99", 8080, HEALTHY)
    assert cloud.state.changes.count == before + 1


def view(cloud: Cloud, served: Served) -> Any:
    """The target group as realizers see it."""
    return next(g for g in cloud.state.target_groups(EAST_1) if g.arn == served.group)


def test_a_health_check_is_seen_as_it_was_asked_for(cloud: Cloud, network: Network) -> None:
    """Path, port, times and thresholds; also after ModifyTargetGroup."""
    arn = group(
        cloud,
        network,
        HealthCheckPath="/readyz",
        HealthCheckPort="9000",
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=4,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=3,
        Matcher={"HttpCode": "200-299"},
    )
    cloud("elbv2").modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=15)
    seen = next(g for g in cloud.state.target_groups(EAST_1) if g.arn == arn)
    assert (seen.check_path, seen.check_port, seen.matcher, seen.port) == ("/readyz", 9000, "200-299", 8080)
    assert (seen.check_interval, seen.check_timeout) == (timedelta(seconds=15), timedelta(seconds=4))
    assert (seen.healthy_threshold, seen.unhealthy_threshold) == (2, 3)
    assert seen.deregistration_delay == timedelta(seconds=300)
    plain = group(cloud, network)
    default = next(g for g in cloud.state.target_groups(EAST_1) if g.arn == plain)
    assert (default.check_port, default.check_path, default.matcher) == (None, "/", "200")


def test_rules_are_seen_in_their_order(cloud: Cloud, network: Network, served: Served) -> None:
    """By priority, the default action last; paths, hosts, weights and fixed answers."""
    elb, other = cloud("elbv2"), group(cloud, network)
    weighted = {"TargetGroups": [{"TargetGroupArn": served.group, "Weight": 9}, {"TargetGroupArn": other, "Weight": 1}]}
    elb.create_rule(
        ListenerArn=served.listener,
        Priority=20,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.test", "b.test"]}}],
        Actions=[{"Type": "forward", "ForwardConfig": weighted}],
    )
    elb.create_rule(
        ListenerArn=served.listener,
        Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/down*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "MessageBody": "closed"}}],
    )
    seen = next(b for b in cloud.state.load_balancers(EAST_1) if b.arn == served.balancer).listeners[0]
    assert (seen.port, seen.protocol) == (80, "HTTP")
    first, second, last = seen.rules
    assert (first.priority, first.paths, first.fixed_status, first.fixed_body) == (5, ("/down*",), 503, "closed")
    assert (second.hosts, second.forward) == (("a.test", "b.test"), {served.group: 9, other: 1})
    assert (last.paths, last.hosts, last.forward) == ((), (), {served.group: 1})


def test_a_group_in_use_cannot_be_deleted(cloud: Cloud, served: Served) -> None:
    """After its balancer it can, and its targets go with it."""
    elb = cloud("elbv2")
    register(cloud, served.group, ("10.1.0.9", None))
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=served.group)
    elb.delete_load_balancer(LoadBalancerArn=served.balancer)
    assert health(cloud, served.group) == {("10.1.0.9", 8080): ("unused", "Target.NotInUse")}
    elb.delete_target_group(TargetGroupArn=served.group)
    assert served.group not in {g.arn for g in cloud.state.target_groups(EAST_1)}


def test_attributes_and_tags_are_echoed(cloud: Cloud, served: Served) -> None:
    """Changed ones with the defaults; a protected balancer cannot be deleted."""
    elb = cloud("elbv2")
    asked = {"deletion_protection.enabled": "true", "zonal_shift.config.enabled": "true"}
    listed = [{"Key": key, "Value": value} for key, value in asked.items()]
    elb.modify_load_balancer_attributes(LoadBalancerArn=served.balancer, Attributes=listed)
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=served.balancer)["Attributes"]
    attributes = {entry["Key"]: entry["Value"] for entry in found}
    assert attributes.items() >= (asked | {"idle_timeout.timeout_seconds": "60", "routing.http2.enabled": "true"}).items()
    with refused("OperationNotPermitted"):
        elb.delete_load_balancer(LoadBalancerArn=served.balancer)
    tags = [{"Key": "team", "Value": "peccy"}]
    elb.add_tags(ResourceArns=[served.group], Tags=tags)
    assert elb.describe_tags(ResourceArns=[served.group])["TagDescriptions"][0]["Tags"] == tags
