"""The open loop: operation n is due at begin + n / rate, whether or not earlier ones were answered, and is launched then or late.

How late is the generator's own scheduling lag, reported so that a run on a starved machine can be told from a slow service. Writes
that were not acknowledged are tried again with the same key, a bounded number of times. It ends by itself; `stop` ends it early.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from pathlib import Path

from hadr_lab.history import EpochClock, HistoryWriter, Kind, LoadSummary, Operation, Outcome
from hadr_lab.load.client import Client, Exchange
from hadr_lab.load.connection import Reply
from hadr_lab.load.peccy import judge, request
from hadr_lab.load.resolver import NameCache, Resolver, nameserver
from hadr_lab.load.spec import LoadSpec

FLUSH_S = 0.1
TOO_MANY = Reply(error="not sent: too many requests in flight")


class Generator:
    """One load from `run` to its summary. A generator runs once."""

    def __init__(self, spec: LoadSpec, history: HistoryWriter, clock: EpochClock) -> None:
        self._spec = spec
        self._history = history
        self._clock = clock
        self._rng = random.Random(spec.seed)
        self._resolver = Resolver(self._rng)
        self._clients = [self._client(n) for n in range(spec.clients)]
        self._total = max(1, round(spec.rate * spec.duration_s))
        self._next = 0
        self._begin = 0.0
        self._lags: list[float] = []
        self._in_flight = 0
        self._in_flight_max = 0
        self._retries: set[asyncio.TimerHandle] = set()
        self._stopping = False
        self._quiet = asyncio.Event()

    def stop(self) -> None:
        """Offer nothing more; what is in flight may still end."""
        self._stopping = True
        for timer in self._retries:
            timer.cancel()
        self._retries.clear()
        self._settle()

    async def run(self) -> LoadSummary:
        """Offer the whole load, wait for its last answers, and account for it."""
        spec = self._spec
        await self._resolver.open(spec.nameserver or nameserver(), spec.nameserver_port)
        flusher = asyncio.create_task(self._flush_often())
        cpu, self._begin = time.process_time(), time.perf_counter() + 0.05
        asyncio.get_running_loop().call_later(0.05, self._tick)
        try:
            await self._quiet.wait()
        finally:
            flusher.cancel()
            self._history.flush()
            self._resolver.close()
            for client in self._clients:
                client.close()
        return self._summary(time.process_time() - cpu)

    def _client(self, number: int) -> Client:
        spec = self._spec
        population = spec.population_of(number)
        names = NameCache(self._resolver, spec.host, speed=spec.speed, forever=population == "forever")
        max_age = spec.max_age_s if population == "ttl" else None
        return Client(name=f"{population}-{number}", names=names, port=spec.port, timeout_s=spec.timeout_s, max_age_s=max_age)

    def _tick(self) -> None:
        now = time.perf_counter()
        while not self._stopping and self._next < self._total:
            due = self._begin + self._next / self._spec.rate
            if due > now:
                asyncio.get_running_loop().call_later(due - now, self._tick)
                return
            self._lags.append(now - due)
            self._offer(self._next, due)
            self._next += 1
        self._settle()

    def _offer(self, number: int, due: float) -> None:
        spec = self._spec
        kind = self._rng.choices((Kind.READ, Kind.WRITE, Kind.FILE), (spec.reads, spec.writes, spec.files))[0]
        self._launch(self._rng.choice(self._clients), kind, f"{spec.ids}-{number}", 1, due)

    def _launch(self, client: Client, kind: Kind, key: str, attempt: int, due: float) -> None:
        exchange = Exchange(client=client, kind=kind, key=key, attempt=attempt, intended=due, done=self._ended)
        self._in_flight += 1
        if self._in_flight > self._spec.max_in_flight:
            self._ended(exchange, TOO_MANY)
            return
        self._in_flight_max = max(self._in_flight_max, self._in_flight)
        exchange.start(request(kind, key, host=self._spec.host, read_path=self._spec.read_path))

    def _ended(self, exchange: Exchange, reply: Reply) -> None:
        finished = time.perf_counter()
        self._in_flight -= 1
        outcome, error = judge(exchange.kind, exchange.key, reply, sent=exchange.sent is not None)
        self._history.record(self._attempt(exchange, reply, outcome, error, finished))
        again = exchange.kind is not Kind.READ and outcome is not Outcome.OK and exchange.attempt < self._spec.attempts
        if again and not self._stopping:
            self._retry(exchange)
        self._settle()

    def _retry(self, exchange: Exchange) -> None:
        delay = self._spec.backoff_s * 2 ** (exchange.attempt - 1) * self._rng.uniform(0.5, 1.5)
        due = time.perf_counter() + delay

        def again() -> None:
            self._retries.discard(timer)
            self._launch(exchange.client, exchange.kind, exchange.key, exchange.attempt + 1, due)

        timer = asyncio.get_running_loop().call_later(delay, again)
        self._retries.add(timer)

    def _attempt(self, exchange: Exchange, reply: Reply, outcome: Outcome, error: str, finished: float) -> Operation:
        epoch = self._clock.offset
        return Operation(
            id=exchange.key,
            kind=exchange.kind,
            client=exchange.client.name,
            intended=round(epoch + exchange.intended, 6),
            sent=None if exchange.sent is None else round(epoch + exchange.sent, 6),
            finished=round(epoch + finished, 6),
            outcome=outcome,
            status=reply.status or None,
            address=exchange.address,
            attempt=exchange.attempt,
            latency_s=round(finished - exchange.intended, 6),
            error=error,
        )

    def _settle(self) -> None:
        done = self._stopping or self._next >= self._total
        if done and not self._in_flight and not self._retries:
            self._quiet.set()

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self._history.flush()

    def _summary(self, cpu_s: float) -> LoadSummary:
        lags = sorted(self._lags) or [0.0]
        clients: dict[str, int] = {}
        for client in self._clients:
            population = client.name.partition("-")[0]
            clients[population] = clients.get(population, 0) + 1
        return LoadSummary(
            ids=self._spec.ids,
            started=self._clock.offset + self._begin,
            ended=self._clock.now(),
            offered=self._next,
            attempts=self._history.attempts,
            interrupted=self._next < self._total,
            scheduling_lag_p50_s=round(lags[len(lags) // 2], 6),
            scheduling_lag_p99_s=round(lags[int((len(lags) - 1) * 0.99)], 6),
            scheduling_lag_max_s=round(lags[-1], 6),
            in_flight_max=self._in_flight_max,
            dns_queries=self._resolver.queries,
            connections=sum(client.connections for client in self._clients),
            cpu_s=round(cpu_s, 3),
            peak_rss_mb=round(_peak_rss_kb() / 1024, 1),
            clients=clients,
        )


def _peak_rss_kb() -> int:
    """The most memory of this program; getrusage's figure is that of whoever started it when that was more."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
