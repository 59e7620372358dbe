"""The counters of ``/metrics``; names follow Prometheus' habits (base units, ``_total``)."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Meters:
    """Counts what the intake does."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.parcels = Counter("haechi_parcels", "Parcels stored.", registry=registry)
        self.repeats = Counter("haechi_repeats", "Parcels that came again and were not applied.", registry=registry)
        self.observations = Counter("haechi_observations", "Observations stored.", registry=registry)
        self.events = Counter("haechi_events", "Events applied.", registry=registry)
        self.dead_letters = Counter("haechi_dead_letters", "Dead letters, by cause.", ["cause"], registry=registry)
        self.retries = Counter("haechi_store_retries", "Batches tried again, by store.", ["store"], registry=registry)
        self.restores = Counter(
            "haechi_store_restores", "Times that the time-series store was found at an older day.", registry=registry
        )
        self.asked_again = Counter(
            "haechi_parcels_asked_again", "Parcels withdrawn and asked for again after a restore.", registry=registry
        )
        self.connections = Counter("haechi_broker_connections", "Connections made.", ["link"], registry=registry)
        self.passed_over = Counter(
            "haechi_messages_passed_over", "Messages at QoS 0, which are not taken.", ["link"], registry=registry
        )
        self.latency = Histogram(
            "haechi_intake_seconds",
            "From the arrival of a message to its commit.",
            ["lane"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
        )
        self._depth = Gauge("haechi_intake_waiting", "Messages that wait, by lane.", ["lane"], registry=registry)

    def watch(self, lane: str, depth: Callable[[], int]) -> None:
        """Show the depth of a lane's queue."""
        self._depth.labels(lane).set_function(depth)
