"""ONVIF camera events by PullPoint: emits each change that the camera tells, as it tells it.

**``Initialized`` is never an alarm.** After subscribing, a camera repeats how everything stands, with that operation.
What it says is true then has not happened now: it is counted and not emitted. What it says is false is emitted, so that
what ended while nobody listened ends here too.
"""

import secrets
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from haechi.adapters.onvif_events.config import OnvifEventsConfig
from haechi.adapters.onvif_events.notifications import Notification, notifications
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, Host, NotConnected, Sample
from haechi.sdk.onvif import soap
from haechi.sdk.onvif.line import SoapLine
from haechi.sdk.onvif.soap import Login, SoapError
from haechi.sdk.transports.credentials import secret_in
from haechi.text import _

_DEVICE, _EVENTS = "/onvif/device_service", "/onvif/event_service"
_TEV = "http://www.onvif.org/ver10/events/wsdl"
_CREATE = f"{_TEV}/EventPortType/CreatePullPointSubscriptionRequest"
_PULL = f"{_TEV}/PullPointSubscription/PullMessagesRequest"
_RENEW = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest"
_MESSAGES_A_PULL = 64
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class OnvifEvents(Adapter[OnvifEventsConfig]):
    """One camera."""

    Config: ClassVar = OnvifEventsConfig

    def __init__(self, device: str, config: OnvifEventsConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._names = {one.name: (f"{device}.{one.name}",) for one in config.topics}

    def describe(self) -> list[Datastream]:
        """Return one truth a topic."""
        return [
            Datastream(
                id=self._names[one.name][0],
                thing=self.device,
                observed_property=one.observed_property,
                unit="1",
                kind="bool",
            )
            for one in self.config.topics
        ]

    async def probe(self) -> str:
        """Ask for the camera's maker and model."""
        line = self._line()
        try:
            asking = await _Asking.begin(self, line)
            said = await asking.ask(_DEVICE, "<tds:GetDeviceInformation/>")
        finally:
            line.close()
        model = " ".join(soap.text_of(said, f"tds:{part}")[:64] for part in ("Manufacturer", "Model"))
        return _("{name} answers: {model}").format(name=line.name, model=" ".join(model.split()) or "ONVIF")

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield each change as soon as the camera tells it."""
        clock, config = self.host.clock, self.config
        line = self._line()
        try:
            asking = await _Asking.begin(self, line)
            path = await asking.subscribe()
            renew_s = clock.now() + config.lease_s / 2
            while True:
                for one in notifications(await asking.pull(path)):
                    for sample in self.samples_of(one):
                        yield sample
                if clock.now() >= renew_s:
                    renew_s = clock.now() + config.lease_s / 2
                    await asking.renew(path)
        finally:
            line.close()

    def samples_of(self, one: Notification) -> list[Sample]:
        """Return what a notification says of the topics that are listened to. Does no I/O."""
        samples = []
        for topic in self.config.topics:
            if topic.path != one.path or (topic.source is not None and topic.source not in one.sources):
                continue
            value = one.truth(topic.item)
            if one.operation == "Deleted":
                self.host.count("deleted")
            elif value is None:
                self.host.count("values_bad")
            elif value and one.operation == "Initialized":
                self.host.count("initialized_true")
            else:
                samples.append(Sample(self._names[topic.name], (value,)))
        return samples

    def _line(self) -> SoapLine:
        config = self.config
        return SoapLine(config.host, config.port, timeout_s=config.timeout_s, retry_s=config.retry_s)


class _Asking:
    """Questions to one camera, with a login by its own clock."""

    def __init__(self, adapter: OnvifEvents, line: SoapLine, login: Login | None) -> None:
        self._config, self._line, self._login = adapter.config, line, login
        self._clock = adapter.host.clock
        self._camera_time = _SOME_DAY
        self._read_s = self._clock.now()

    @classmethod
    async def begin(cls, adapter: OnvifEvents, line: SoapLine) -> "_Asking":
        """Read the password and, where there is one, the camera's clock.

        Raises:
            ConfigError: the password cannot be read.
            NotConnected: the camera does not answer.
        """
        config = adapter.config
        login = None
        if config.username is not None and config.password_file is not None:
            login = Login(config.username, secret_in("password_file", config.password_file))
        asking = cls(adapter, line, login)
        if login is not None:
            said = await asking.ask(_DEVICE, "<tds:GetSystemDateAndTime/>", with_login=False)
            asking._camera_time, asking._read_s = asking._time_in(said), asking._clock.now()
        return asking

    async def subscribe(self) -> str:
        """Subscribe and return the path to pull from."""
        where = await self.ask(
            _DEVICE, "<tds:GetCapabilities><tds:Category>Events</tds:Category></tds:GetCapabilities>"
        )
        address = soap.text_of(where, "tds:Capabilities/tt:Events/tt:XAddr")
        lease = f"<tev:InitialTerminationTime>PT{self._config.lease_s:g}S</tev:InitialTerminationTime>"
        said = await self.ask(
            _path_of(address) or _EVENTS,
            f"<tev:CreatePullPointSubscription>{lease}</tev:CreatePullPointSubscription>",
            action=_CREATE,
        )
        path = _path_of(soap.text_of(said, "tev:SubscriptionReference/wsa:Address"))
        if not path:
            raise self._refused(_("it gives no pull point"))
        return path

    async def pull(self, path: str) -> Element:
        """Wait for news, at most ``pull_s``."""
        pull_s = self._config.pull_s
        body = f"<tev:Timeout>PT{pull_s:g}S</tev:Timeout><tev:MessageLimit>{_MESSAGES_A_PULL}</tev:MessageLimit>"
        return await self.ask(path, f"<tev:PullMessages>{body}</tev:PullMessages>", action=_PULL, patience_s=pull_s)

    async def renew(self, path: str) -> None:
        """Prolong the subscription."""
        lease = f"<wsnt:TerminationTime>PT{self._config.lease_s:g}S</wsnt:TerminationTime>"
        await self.ask(path, f"<wsnt:Renew>{lease}</wsnt:Renew>", action=_RENEW)

    async def ask(
        self, path: str, body: str, *, action: str = "", patience_s: float = 0.0, with_login: bool = True
    ) -> Element:
        """Ask one question.

        Raises:
            NotConnected: the camera does not answer, or refuses.
        """
        head = ""
        if action:
            to = f"http://{self._line.name}{path}"
            head = f"<wsa:Action>{action}</wsa:Action><wsa:To>{soap.text(to)}</wsa:To>"
        message = soap.request(
            body,
            login=self._login if with_login else None,
            at=self._camera_time + timedelta(seconds=self._clock.now() - self._read_s),
            nonce=secrets.token_bytes(16),
            headers=head,
        )
        status, answer = await self._line.ask(path, message, patience_s=patience_s)
        if status in (401, 403):
            raise self._refused(_("user or password is refused; look at username and password_file"))
        try:
            return soap.answer(answer)
        except SoapError as error:
            raise self._refused(str(error)) from None

    def _time_in(self, said: Element) -> datetime:
        """Return the camera's own time, which it judges a login by."""
        at = soap.camera_time(said)
        if at is None:
            raise self._refused(_("it does not tell its time, which a login needs"))
        return at

    def _refused(self, why: str) -> NotConnected:
        return NotConnected(f"{self._line.name}: {why}", self._config.retry_s)


def _path_of(address: str) -> str:
    """Return path and query of an address; whatever host it names, it is asked of the one that was configured."""
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return path if path.startswith("/") and path.isascii() and path.isprintable() and " " not in path else ""
