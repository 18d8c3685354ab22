"""The other pure parts of nodes: images, Node objects, volumes, addresses, messages, and the shape of a container's root."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hadr_lab.dataplane.controlplane.api import ApiError, Endpoint
from hadr_lab.dataplane.nodes import images, objects
from hadr_lab.dataplane.nodes.aws import AwsFailed, Front, Pool, secondary_addresses
from hadr_lab.dataplane.nodes.host import _merged
from hadr_lab.dataplane.nodes.images import Recipe
from hadr_lab.dataplane.nodes.isolation import Mount, normal, rebuilt
from hadr_lab.dataplane.nodes.messages import Joined, Pulled, Wish, fact_line, parse_fact
from hadr_lab.dataplane.nodes.objects import Machine
from hadr_lab.dataplane.nodes.pulls import PullFailed, Pulls
from hadr_lab.dataplane.nodes.userdata import Joining
from hadr_lab.dataplane.nodes.volumes import FileSystems, Handle, VolumeFailed, Volumes, write_files

TABLE = {
    "karpenter/controller": Recipe(argv=("/p/karpenter",), names=("controller",)),
    "controller": Recipe(argv=("/p/other",)),
    "peccy-app": Recipe(argv=("peccy-app",), call="app.main:main"),
}


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("public.ecr.aws/karpenter/controller:1.14.1@sha256:abc", "/p/karpenter"),
        ("registry:5000/team/controller", "/p/other"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/peccy-app:1.0", "peccy-app"),
        ("peccy-app", "peccy-app"),
    ],
)
def test_an_image_is_found_by_the_end_of_its_repository(image: str, program: str) -> None:
    """Registry, tag and digest do not matter; the longest row wins."""
    found = images.find(TABLE, image)
    assert found is not None
    assert found.argv[0] == program


@pytest.mark.parametrize("image", ["nginx:1", "my-peccy-app:1", "peccy-app/extra"])
def test_an_image_without_a_row_does_not_exist(image: str) -> None:
    """There is no partial match within a name."""
    assert images.find(TABLE, image) is None


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ([], ["--a"], (("/p/karpenter", "--a"), "")),
        (["/controller"], ["--a"], (("/p/karpenter", "--a"), "")),
        (["sh", "-c"], ["sleep 5"], (("sh", "-c", "sleep 5"), "")),
    ],
)
def test_a_command_replaces_the_entry_point(command: list[str], args: list[str], expected: tuple[Any, str]) -> None:
    """Kubernetes' rules for command and args, the entry point being known by its own name too."""
    assert TABLE["karpenter/controller"].command_line(command, args) == expected


def test_the_image_table_survives_the_way_to_the_agent() -> None:
    """What the agent loads is what the realizer had."""
    assert images.load(images.dump(TABLE)) == TABLE


def test_an_image_is_pulled_once_however_many_want_it() -> None:
    """The simulated wait is taken once for each image and machine; an unknown image is refused with a clear text."""
    fetched: list[str] = []

    async def fetch(image: str) -> None:
        fetched.append(image)
        await asyncio.sleep(0.01)

    async def story() -> None:
        pulls = Pulls(TABLE, fetch)
        await asyncio.gather(*(pulls.ensure("peccy-app:1") for _ in range(3)))
        assert pulls.present("peccy-app:1")
        await pulls.ensure("peccy-app:2")
        with pytest.raises(PullFailed, match="nope"):
            await pulls.ensure("nope:1")

    asyncio.run(story())
    assert fetched == ["peccy-app:1", "peccy-app:2"]


def test_a_failed_pull_is_tried_again() -> None:
    """A registry that did not answer once is asked again by the next attempt."""
    answers = iter([PullFailed("silence"), None])

    async def fetch(image: str) -> None:
        if (error := next(answers)) is not None:
            raise error

    async def story() -> None:
        pulls = Pulls(TABLE, fetch)
        with pytest.raises(PullFailed, match="silence"):
            await pulls.ensure("peccy-app:1")
        assert not pulls.present("peccy-app:1")
        assert (await pulls.ensure("peccy-app:1")).call == "app.main:main"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("image", "region"),
    [
        ("123456789012.dkr.ecr.us-east-2.amazonaws.com/peccy-app:1", "us-east-2"),
        ("public.ecr.aws/karpenter/controller:1", ""),
        ("peccy-app", ""),
    ],
)
def test_the_region_of_a_registry(image: str, region: str) -> None:
    """Only ECR's private registries are bound to a Region."""
    assert images.registry_region(image) == region


def a_machine(region: str = "us-east-1", **known: Any) -> Machine:
    """An m6i.large in zone a."""
    values = {
        "region": region,
        "zone": f"{region}a",
        "instance_id": "i-1",
        "instance_type": "m6i.large",
        "private_ip": "10.1.0.4",
        "interface_id": "eni-1",
        "user_data": "",
        "tags": {},
    }
    return Machine(**{**values, **known})


def a_joining(**known: Any) -> Joining:
    """User data with one label and one taint."""
    values: dict[str, Any] = {
        "cluster": "peccy-one",
        "host": "h",
        "ca": "",
        "service_cidr": "172.20.0.0/16",
        "labels": {"type": "control"},
        "taints": ({"key": "type", "value": "control", "effect": "NoSchedule"},),
        "max_pods": None,
        "cluster_dns": None,
    }
    return Joining(**{**values, **known})


def test_a_node_is_named_as_on_eks() -> None:
    """The private DNS name: ec2.internal in us-east-1, the Region's own domain elsewhere."""
    assert a_machine().node_name == "ip-10-1-0-4.ec2.internal"
    assert a_machine("us-east-2").node_name == "ip-10-1-0-4.us-east-2.compute.internal"


def test_a_node_says_what_controllers_look_for() -> None:
    """Provider id, topology, type, own labels and taints, capacity and a Ready condition."""
    node = objects.node(a_machine(tags={"eks:nodegroup-name": "control"}), a_joining(), datetime.now(UTC))
    labels = node["metadata"]["labels"]
    assert node["spec"]["providerID"] == "aws:///us-east-1a/i-1"
    assert labels["topology.kubernetes.io/zone"] == "us-east-1a"
    assert labels["type"] == "control"
    assert labels["eks.amazonaws.com/nodegroup"] == "control"
    assert node["spec"]["taints"] == [{"key": "type", "value": "control", "effect": "NoSchedule"}]
    assert node["status"]["capacity"]["pods"] == "29"
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"


def test_the_lease_belongs_to_its_node() -> None:
    """Deleting the Node takes the Lease along."""
    lease = objects.lease("n", "uid-1", datetime.now(UTC))
    assert lease["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


def test_cluster_dns_is_given_or_the_tenth_address() -> None:
    """As nodeadm chooses it."""
    assert objects.cluster_dns(a_joining()) == "172.20.0.10"
    assert objects.cluster_dns(a_joining(cluster_dns="10.100.0.10")) == "10.100.0.10"


# --- volumes


@dataclass
class FakeApi:
    """Answers GETs from a table and hands out numbered tokens."""

    objects: dict[str, Any]
    tokens: list[dict[str, Any]] = field(default_factory=list)

    async def get(self, path: str) -> Any:
        """An object, or 404."""
        if path not in self.objects:
            raise ApiError(404, "NotFound", f"{path.rsplit('/', 1)[-1]} not found")
        return self.objects[path]

    async def create(self, path: str, body: Any) -> Any:
        """A token."""
        self.tokens.append({"path": path, **body["spec"]})
        return {"status": {"token": f"token-{len(self.tokens)}"}}


NS = "/api/v1/namespaces/peccy"


def mounted(folder: Path, volume: dict[str, Any], api: FakeApi, files: FileSystems | None = None) -> Volumes:
    """The volumes of a pod with one volume, mounted."""
    pod = {
        "metadata": {"name": "web-1", "namespace": "peccy", "uid": "u-1", "labels": {"app": "web"}},
        "spec": {"serviceAccountName": "web", "volumes": [{"name": "v", **volume}], "containers": [{"name": "c"}]},
    }

    async def access_point(name: str) -> str:
        return f"/points/{name}"

    volumes = Volumes(
        zone="us-east-1a",
        api=api,  # type: ignore[arg-type]  # the part of KubeApi that volumes use
        pod=lambda: pod,
        folder=folder / "pod",
        file_systems=files or FileSystems(folder / "efs"),
        access_point_path=access_point,
    )
    asyncio.run(volumes.mount())
    return volumes


def test_a_projected_volume_is_what_kubelet_projects(tmp_path: Path) -> None:
    """Token bound to the pod, the cluster's CA and the namespace, read-only; the token is kept while it is young."""
    api = FakeApi({f"{NS}/configmaps/kube-root-ca.crt": {"data": {"ca.crt": "PEM"}}})
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volumes = mounted(tmp_path, {"projected": {"sources": sources}}, api)
    path = volumes.mounted["v"].path
    assert {each.name: each.read_text() for each in path.iterdir()} == {"token": "token-1", "ca.crt": "PEM", "namespace": "peccy"}
    assert volumes.mounted["v"].read_only
    assert api.tokens[0]["boundObjectRef"]["uid"] == "u-1"
    asyncio.run(volumes.mount())
    assert len(api.tokens) == 1


def test_files_follow_their_config_map(tmp_path: Path) -> None:
    """A key that is gone is a file that is gone; a changed one changes in place."""
    write_files(tmp_path / "v", {"a": "1", "b/c": "2"})
    write_files(tmp_path / "v", {"a": "9"})
    assert (tmp_path / "v" / "a").read_text() == "9"
    assert not (tmp_path / "v" / "b" / "c").exists()


def test_a_missing_object_or_key_fails_the_mount(tmp_path: Path) -> None:
    """The pod cannot start, and the text says what is missing; an optional one is an empty folder."""
    with pytest.raises(VolumeFailed, match="nope"):
        mounted(tmp_path, {"configMap": {"name": "nope"}}, FakeApi({}))
    api = FakeApi({f"{NS}/secrets/s": {"data": {}}})
    with pytest.raises(VolumeFailed, match="key"):
        mounted(tmp_path, {"secret": {"secretName": "s", "items": [{"key": "key", "path": "p"}]}}, api)
    volumes = mounted(tmp_path, {"configMap": {"name": "nope", "optional": True}}, FakeApi({}))
    assert list(volumes.mounted["v"].path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fs-1", ("fs-1", "/", "")),
        ("fs-1:/data", ("fs-1", "/data", "")),
        ("fs-1::fsap-1", ("fs-1", "/", "fsap-1")),
        ("fs-1:/data:fsap-1", ("fs-1", "/data", "fsap-1")),
    ],
)
def test_volume_handles(text: str, expected: tuple[str, str, str]) -> None:
    """The EFS driver's forms of a handle."""
    handle = Handle.parse(text)
    assert (handle.file_system, handle.path, handle.access_point) == expected


def claimed(handle: str, driver: str = "efs.csi.aws.com") -> FakeApi:
    """An API in which claim `files` is bound to a volume with this handle."""
    return FakeApi(
        {
            f"{NS}/persistentvolumeclaims/files": {"spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}},
            "/api/v1/persistentvolumes/pv": {"spec": {"csi": {"driver": driver, "volumeHandle": handle}}},
        }
    )


CLAIM = {"persistentVolumeClaim": {"claimName": "files"}}


def an_efs(folder: Path, *, read_only: bool) -> FileSystems:
    """A Region with the one file system fs-1."""
    (folder / "efs" / "fs-1" / "data").mkdir(parents=True)
    return FileSystems(folder / "efs", {"fs-1": read_only})


@pytest.mark.parametrize("read_only", [True, False])
def test_a_claim_is_the_file_systems_folder(tmp_path: Path, *, read_only: bool) -> None:
    """A replica is mounted read-only, and the volume knows which file system can change that."""
    volumes = mounted(tmp_path, CLAIM, claimed("fs-1:/data"), an_efs(tmp_path, read_only=read_only))
    volume = volumes.mounted["v"]
    assert volume.path == tmp_path / "efs" / "fs-1" / "data"
    assert (volume.read_only, volume.file_system) == (read_only, "fs-1")


def test_an_access_point_is_its_own_folder(tmp_path: Path) -> None:
    """The folder of an access point is made when it is missing, as EFS does."""
    volumes = mounted(tmp_path, CLAIM, claimed("fs-1::fsap-1"), an_efs(tmp_path, read_only=False))
    assert volumes.mounted["v"].path == tmp_path / "efs" / "fs-1" / "points" / "fsap-1"


@pytest.mark.parametrize(
    ("api", "why"),
    [
        (claimed("fs-9"), "fs-9"),
        (claimed("fs-1:/nope"), "no such file"),
        (claimed("vol-1", "ebs.csi.aws.com"), "ebs.csi.aws.com"),
        (FakeApi({}), "files not found"),
        (FakeApi({f"{NS}/persistentvolumeclaims/files": {"spec": {}, "status": {"phase": "Pending"}}}), "not bound"),
    ],
)
def test_a_claim_that_cannot_be_mounted_says_why(tmp_path: Path, api: FakeApi, why: str) -> None:
    """Unknown file system, missing folder, foreign driver, missing or unbound claim."""
    with pytest.raises(VolumeFailed, match=why):
        mounted(tmp_path, CLAIM, api, an_efs(tmp_path, read_only=False))


# --- addresses and calls


@dataclass
class FakeSource:
    """An interface that can grow to `limit` addresses."""

    limit: int
    given: int = 0

    async def addresses(self) -> tuple[str, ...]:
        """Those given so far."""
        return tuple(f"10.1.0.{100 + n}" for n in range(self.given))

    async def grow(self, number: int) -> None:
        """More, up to the limit."""
        if self.given + number > self.limit:
            raise AwsFailed("PrivateIpAddressLimitExceeded")
        self.given += number


def test_a_warm_pool_needs_no_call_for_a_pod() -> None:
    """Filled once; the longest unused address is given first; asking AWS only when it is empty."""

    async def story() -> None:
        source = FakeSource(limit=7)
        pool = Pool(source)
        await pool.fill(2)
        first, second = await pool.take(), await pool.take()
        assert (first, second, source.given) == ("10.1.0.100", "10.1.0.101", 2)
        pool.give_back(first)
        assert await pool.take() == first
        third = await pool.take()
        assert (third, source.given) == ("10.1.0.102", 7)
        pool.give_back("10.9.9.9")
        assert "10.9.9.9" not in pool.free

    asyncio.run(story())


def test_an_exhausted_instance_fails_the_pod_not_the_node() -> None:
    """At the type's limit AWS's own error comes through."""
    with pytest.raises(AwsFailed, match="LimitExceeded"):
        asyncio.run(Pool(FakeSource(limit=1)).take())


def test_only_secondary_addresses_are_for_pods() -> None:
    """The interface's primary address is the node's."""
    rows = "".join(
        f"<item><privateIpAddress>{a}</privateIpAddress><primary>{p}</primary></item>" for a, p in (("1", "true"), ("2", "false"))
    )
    text = f'<R xmlns="urn:x"><s><item><privateIpAddressesSet>{rows}</privateIpAddressesSet></item></s></R>'
    answer = ET.fromstring(text)  # noqa: S314  # our own text
    assert secondary_addresses(answer) == ("2",)


def test_calls_are_signed_for_their_region() -> None:
    """The front finds service and Region in the signature's scope."""
    front = Front(url="http://198.18.2.10", region="us-east-2", access_key="AKIALAB", secret_key="s")
    headers = front.headers("ec2", "POST", "/", b"Action=X")
    assert "/us-east-2/ec2/aws4_request" in headers["Authorization"]


def test_messages_survive_the_socket() -> None:
    """What one side writes the other reads."""
    endpoint = Endpoint(host="h", addresses=("198.18.1.100",), ca="PEM", token="t")
    wish = Wish(machines=(a_machine(),), clusters={"h": endpoint}, file_systems={"fs-1": True})
    assert Wish.parse(wish.line()) == wish
    for fact in (Joined(instance_id="i-1", node="n", cluster="c"), Pulled(node="n")):
        assert parse_fact(fact_line(fact)) == fact


# --- the container's root and its resolver


def test_mount_points_that_exist_are_used_as_they_are(tmp_path: Path) -> None:
    """Only / is rebuilt when every mount point is there, or lies where everything is fresh anyway."""
    mounts = [Mount(source=str(tmp_path), target="/etc"), Mount(source=str(tmp_path), target="/run/secrets/x")]
    assert rebuilt(mounts) == {"/"}


def test_the_way_to_a_missing_mount_point_is_rebuilt(tmp_path: Path) -> None:
    """A directory that the machine lacks is made in a rebuilt parent; what lies inside a volume is the volume's."""
    mounts = [Mount(source=str(tmp_path), target="/etc/no-such/deep"), Mount(source=str(tmp_path), target="/etc/no-such/deep/x")]
    assert rebuilt(mounts) == {"/", "/etc", "/etc/no-such"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [("/var/run/secrets/x/", "/run/secrets/x"), ("files", "/files"), ("/a/../b", "/b"), ("/var/runner", "/var/runner")],
)
def test_targets_are_normalized(given: str, expected: str) -> None:
    """/var/run is /run; dots and missing slashes are put right."""
    assert normal(given) == expected


def test_resolv_conf_merges_what_the_pod_adds() -> None:
    """dnsConfig adds servers and searches once, and its options override."""
    extra = {"nameservers": ["9.9.9.9"], "searches": ["a"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}
    assert _merged(["172.20.0.10"], ["a", "b"], ["ndots:5"], extra) == (
        "nameserver 172.20.0.10\nnameserver 9.9.9.9\nsearch a b\noptions ndots:2 edns0\n"
    )
