"""``haechi camera discover``: which cameras are at this machine, and by ONVIF on this network with their streams."""

from __future__ import annotations

import argparse
from pathlib import Path

from haechi.command import UsageError
from haechi.edge.vision import discovery, v4l2
from haechi.edge.vision.masked import masked
from haechi.edge.vision.onvif import OnvifCamera, OnvifError, smallest_sufficient
from haechi.edge.vision.source import read_login
from haechi.sdk.onvif.soap import Login
from haechi.text import _

_TIMEOUT_S = 5.0
_SECONDS_MAX = 60.0


def register(parser: argparse.ArgumentParser) -> None:
    """Fills the parser of ``haechi camera discover``."""
    parser.description = _(
        "Lists this machine's cameras and asks this network for ONVIF cameras; with a login also for their streams."
    )
    parser.add_argument("host", nargs="?", help=_("ask this camera only, HOST or HOST:PORT, without searching"))
    parser.add_argument(
        "--interface",
        metavar="ADDRESS",
        help=_("our own address on the cameras' network"),
    )
    parser.add_argument("--seconds", type=float, default=3.0, help=_("how long to listen; 3 unless given"))
    parser.add_argument(
        "--credentials-file", type=Path, metavar="FILE", help=_("first line `user:password`; lists the streams too")
    )
    parser.set_defaults(run=_discover)


def _discover(arguments: argparse.Namespace) -> int:
    if not 0 < arguments.seconds <= _SECONDS_MAX:
        raise UsageError(_("--seconds: expected more than 0 and at most {most:g}").format(most=_SECONDS_MAX))
    login = None if arguments.credentials_file is None else read_login(arguments.credentials_file)
    if arguments.host is not None:
        host, _colon, port = arguments.host.partition(":")
        if port and not port.isdecimal():
            raise UsageError(_("{host}: expected HOST or HOST:PORT").format(host=arguments.host))
        _show_streams(host, int(port or 80), login)
        return 0
    plugged_in = v4l2.names_of_cameras()
    for path in plugged_in:
        _say(path)
    try:
        found = discovery.discover(arguments.seconds, interface=arguments.interface)
    except OSError as error:
        raise UsageError(
            _("--interface {address}: {reason}").format(
                address=arguments.interface or "–", reason=error.strerror or error
            )
        ) from None
    for one in found:
        _say(f"{_url(one.host, one.port)}  {one.name or '–'}  {one.hardware or '–'}")
        if login is not None:
            _show_streams(one.host, one.port, login)
    if not found and not plugged_in:
        _say(_("no camera answered; try --interface with our address on the cameras' network"))
    return 0


def _show_streams(host: str, port: int, login: Login | None) -> None:
    camera = OnvifCamera(host, port, login, timeout_s=_TIMEOUT_S)
    try:
        profiles = camera.profiles()
        chosen = smallest_sufficient(profiles)
        for one in profiles:
            mark = "→" if one == chosen else " "
            rate = f" {one.frames_per_s:g}/s" if one.frames_per_s else ""
            url = masked(camera.stream_url(one))  # some cameras put user and password into it
            _say(f"  {mark} {one.width_px}x{one.height_px} {one.encoding}{rate}  {one.name}  {url}")
        if chosen is not None:
            _say(_('  url = "{url}" takes the one with the arrow').format(url=_url(host, port)))
    except OnvifError as error:
        _say(f"  {_url(host, port)}: {error}")


def _url(host: str, port: int) -> str:
    return f"onvif://{host}" if port == 80 else f"onvif://{host}:{port}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's own output
