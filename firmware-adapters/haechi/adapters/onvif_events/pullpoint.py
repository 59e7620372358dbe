"""Camera events by PullPoint: subscribed to, asked for, renewed. (ONVIF Core 22.12, clause 9.2.)

Whatever host an answer names, only the one that was configured is ever asked.
"""

import secrets
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from haechi.adapters.onvif_events.config import OnvifEventsConfig
from haechi.adapters.onvif_events.notifications import Notification, notifications
from haechi.sdk import NotConnected
from haechi.sdk.clock import Clock
from haechi.sdk.onvif import soap
from haechi.sdk.onvif.line import SoapLine
from haechi.sdk.onvif.soap import Login, SoapError
from haechi.sdk.transports.credentials import secret_in, tls_context
from haechi.text import _

_DEVICE, _EVENTS = "/onvif/device_service", "/onvif/event_service"
_TEV = "http://www.onvif.org/ver10/events/wsdl"
_CREATE = f"{_TEV}/EventPortType/CreatePullPointSubscriptionRequest"
_PULL = f"{_TEV}/PullPointSubscription/PullMessagesRequest"
_RENEW = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest"
_MESSAGES_A_PULL = 64
_PULL_S_MIN = 0.2
"""A camera that answers at once with nothing is not asked more often than this."""
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class PullPoint:
    """One camera that is asked for its news."""

    def __init__(self, config: OnvifEventsConfig, clock: Clock) -> None:
        """Keep what is given; open nothing."""
        self._config, self._clock = config, clock

    async def probe(self) -> str:
        """Ask for the camera's maker and model.

        Raises:
            NotConnected: it does not answer, or refuses.
        """
        line = self._line()
        try:
            asking = await _Asking.begin(self._config, self._clock, line)
            said = await asking.ask(_DEVICE, "<tds:GetDeviceInformation/>")
        finally:
            line.close()
        model = " ".join(soap.text_of(said, f"tds:{part}")[:64] for part in ("Manufacturer", "Model"))
        return _("{name} answers: {model}").format(name=line.name, model=" ".join(model.split()) or "ONVIF")

    async def notifications(self) -> AsyncGenerator[Notification, None]:
        """Yield what the camera tells, as it tells it; closes the connection at the end.

        Raises:
            NotConnected: it does not answer, or refuses.
            ConfigError: the password or a certificate cannot be read.
        """
        clock, lease_s = self._clock, self._config.lease_s
        line = self._line()
        try:
            asking = await _Asking.begin(self._config, clock, line)
            path = await asking.subscribe()
            renew_s = clock.now() + lease_s / 2
            while True:
                asked_s = clock.now()
                told = notifications(await asking.pull(path))
                for one in told:
                    yield one
                if not told:
                    await clock.sleep_until(asked_s + _PULL_S_MIN)
                if clock.now() >= renew_s:
                    renew_s = clock.now() + lease_s / 2
                    await asking.renew(path)
        finally:
            line.close()

    def _line(self) -> SoapLine:
        config = self._config
        tls = tls_context(config.ca_file, None, None) if config.https else None
        return SoapLine(
            config.host or "", config.reached_at, timeout_s=config.timeout_s, retry_s=config.retry_s, tls=tls
        )


class _Asking:
    """Questions to one camera, with a login by its own clock."""

    def __init__(self, config: OnvifEventsConfig, clock: Clock, line: SoapLine, login: Login | None) -> None:
        self._config, self._line, self._login = config, line, login
        self._clock = clock
        self._camera_time = _SOME_DAY
        self._read_s = self._clock.now()

    @classmethod
    async def begin(cls, config: OnvifEventsConfig, clock: Clock, line: SoapLine) -> "_Asking":
        """Read the password and, where there is one, the camera's clock.

        Raises:
            ConfigError: the password cannot be read.
            NotConnected: the camera does not answer.
        """
        login = None
        if config.username is not None and config.password_file is not None:
            login = Login(config.username, secret_in("password_file", config.password_file))
        asking = cls(config, clock, line, login)
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
            to = f"{'https' if self._config.https else 'http'}://{self._line.name}{path}"
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
