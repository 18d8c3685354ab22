"""A listener's rules as lines of an HAProxy frontend: which rule matches, which group it chooses, what is answered otherwise.

As an Application Load Balancer does: rules in order, groups by weight, a group whose targets are all unhealthy is used as if they
were healthy (fail open), and 503 when a group has no target to try. Conditions become regular expressions of harmless characters,
so nothing in a pattern can end up as configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hadr_lab.aws.views import Listener, Rule

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-")
SERVER_HEADER = "hdr server awselb/2.0"


def pattern(wildcards: str) -> str:
    """ELB's pattern (`*` any text, `?` one character) as an anchored regular expression made of harmless characters."""
    return "^" + "".join(_piece(character) for character in wildcards) + "$"


def _piece(character: str) -> str:
    if character == "*":
        return ".*"
    if character == "?":
        return "."
    return character if character in PLAIN else "".join(f"\\x{byte:02x}" for byte in character.encode())


def frontend(listener: Listener, *, address: str, names: Mapping[str, str], bodies: Mapping[int, str]) -> list[str]:
    """The frontend of `listener` at `address`.

    `names` maps the ARN of each group that exists to its name; a rule that forwards to another group answers 503. `bodies` maps the
    position of a fixed-response rule to the file that holds its text.
    """
    forward = [rule.forward for rule in listener.rules]
    used = sorted({names[arn] for weights in forward for arn, weight in weights.items() if weight > 0 and arn in names})
    return [
        f"frontend listener.{listener.port}",
        f"  bind {address}:{listener.port}",
        *(f"  {line}" for line in _headers(listener)),
        *(f"  {line}" for line in _matching(listener.rules)),
        *(f"  {line}" for line in _actions(listener.rules, names=names, bodies=bodies)),
        *(f"  {line}" for name in used for line in _chosen(name)),
        f"  http-request return status 503 {SERVER_HEADER} unless {{ var(txn.backend) -m found }}",
        "  use_backend %[var(txn.backend)]",
    ]


def _headers(listener: Listener) -> Iterator[str]:
    yield "http-request set-var(txn.began) date(0,ms)"
    yield "http-request set-var(txn.via) req.fhdr(x-forwarded-for)"
    yield "http-request set-header X-Forwarded-For '%[src]' unless { var(txn.via) -m found }"
    yield "http-request set-header X-Forwarded-For '%[var(txn.via)], %[src]' if { var(txn.via) -m found }"
    yield f"http-request set-header X-Forwarded-Proto {listener.protocol.lower()}"
    yield f"http-request set-header X-Forwarded-Port {listener.port}"


def _matching(rules: Sequence[Rule]) -> Iterator[str]:
    for index, rule in enumerate(rules):
        conditions = ["!{ var(txn.rule) -m found }"]
        for text in rule.paths:
            yield f"acl path.{index} path -m reg '{pattern(text)}'"
        for text in rule.hosts:
            yield f"acl host.{index} req.hdr(host),field(1,:) -m reg -i '{pattern(text)}'"
        conditions += [f"path.{index}"] * bool(rule.paths) + [f"host.{index}"] * bool(rule.hosts)
        yield f"http-request set-var(txn.rule) int({index}) if {' '.join(conditions)}"


def _actions(rules: Sequence[Rule], *, names: Mapping[str, str], bodies: Mapping[int, str]) -> Iterator[str]:
    for index, rule in enumerate(rules):
        chosen = f"{{ var(txn.rule) -m int {index} }}"
        if rule.fixed_status is not None:
            body = f" content-type text/plain file '{bodies[index]}'" if index in bodies else ""
            yield f"http-request return status {rule.fixed_status}{body} {SERVER_HEADER} if {chosen}"
        else:
            yield from _forward(rule.forward, names=names, chosen=chosen)


def _forward(weights: Mapping[str, int], *, names: Mapping[str, str], chosen: str) -> Iterator[str]:
    shares = [(arn, weight) for arn, weight in weights.items() if weight > 0]
    if not shares:
        return
    yield f"http-request set-var(txn.roll) rand({sum(weight for _, weight in shares)}) if {chosen}"
    reached = 0
    for arn, weight in shares:
        reached += weight
        name = names.get(arn, "nowhere")
        yield (
            f"http-request set-var(txn.group) str({name}) "
            f"if {chosen} !{{ var(txn.group) -m found }} {{ var(txn.roll) -m int lt {reached} }}"
        )


def _chosen(name: str) -> Iterator[str]:
    """The group's backend. A process that hands over to the next one counts no server any more, and serves what it has accepted."""
    group = f"{{ var(txn.group) -m str {name} }}"
    yield f"http-request set-var(txn.backend) str(live.{name}) if {group} {{ nbsrv(live.{name}) gt 0 }}"
    yield (
        f"http-request set-var(txn.backend) str(open.{name}) if {group} {{ nbsrv(live.{name}) eq 0 }} {{ nbsrv(open.{name}) gt 0 }}"
    )
    yield f"http-request set-var(txn.backend) str(live.{name}) if {group} !{{ var(txn.backend) -m found }} {{ stopping }}"
