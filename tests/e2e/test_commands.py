"""People and commands in a real browser: signing in, what each role sees, and a siren from the wish to its end."""

import pytest
from playwright.async_api import Page, expect

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Report
from haechi.cloud.state.engine import writing
from haechi.cloud.workflow_manager.roles import Role
from haechi.contract.control import ActuatorStatus, CommandResult, GatewayStatus
from haechi.contract.events import Severity
from haechi.contract.observations import Value
from haechi.contract.topics import UP_STATUS, Address
from support.browser import browser, watched_page
from support.city import GATEWAY, TENANT, City

from .conftest import Server, axe

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
AT = (36.3652, 127.3861)


def actuators(siren: Value | None = None, back_us: int | None = None) -> tuple[ActuatorStatus, ...]:
    return (
        ActuatorStatus(
            device="post-1",
            name="siren",
            kind="switch",
            fail_safe=False,
            on_s_max=120.0,
            state=siren,
            back_us=back_us,
        ),
        ActuatorStatus(device="post-1", name="sign", kind="text", fail_safe="", on_s_max=3600.0, characters_max=12),
        ActuatorStatus(
            device="lamp-1", name="light", kind="level", fail_safe=10.0, on_s_max=3600.0, maximum=100.0, unit="%"
        ),
    )


def a_flood_with_a_siren(city: City) -> None:
    city.place("bridge", "Gapcheon Bridge", *AT)
    city.thing("post-1", "siren_post", "bridge", AT)
    city.thing("lamp-1", "lamp", "elsewhere", AT)
    city.gateway(actuators=actuators())
    city.command_keys[TENANT, GATEWAY] = b"k" * 32
    city.account("Kim", Role.COMMANDER, password=PASSWORD)
    city.account("wall", Role.VIEWER, password=PASSWORD)
    city.situation("flood-1", Severity.SEVERE, place="bridge", place_name="Gapcheon Bridge", datastream="")


async def sign_in(page: Page, name: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("haechi-queue li")).to_have_count(1)


def say(city: City, *results: CommandResult, told: tuple[ActuatorStatus, ...]) -> None:
    """Let the gateway say in its status what became of commands."""
    status = GatewayStatus(state="online", at_us=city.now_us, commands=results, actuators=told)
    report = Report(Address(TENANT, GATEWAY, UP_STATUS), status, Arrival("", b"", city.now_us))
    with writing(city.state) as connection:
        apply(connection, [], [], [], city.now_us, [report])
    city.bell.ring()


async def test_a_commander_sounds_a_siren_and_everybody_sees_what_became_of_it(city: City, server: Server) -> None:
    a_flood_with_a_siren(city)
    async with (
        server.running(),
        browser() as running,
        watched_page(running) as watched,
        watched_page(running) as wall,
    ):
        page = watched.page
        await page.goto(server.url)
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert await axe(page) == []
        await page.get_by_label("Name").fill("Kim")
        await page.get_by_label("Password").fill("wrong password")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("name or password is wrong")
        watched.errors.clear()  # the browser writes a refusal down as an error
        await sign_in(page, "Kim")
        await expect(page.locator("haechi-topbar .person")).to_contain_text("commander")

        await wall.page.goto(server.url)
        await sign_in(wall.page, "wall")
        await wall.page.locator("haechi-queue li button").click()
        seen = wall.page.locator("haechi-detail haechi-actuators")
        await expect(seen).to_contain_text("Only commanders may command devices.")
        await expect(seen.get_by_role("button")).to_have_count(0)
        await expect(wall.page.get_by_role("button", name="Acknowledge", exact=True)).to_be_disabled()

        await page.locator("haechi-queue li button").click()
        panel = page.locator("haechi-detail haechi-actuators")
        await expect(panel.locator("li")).to_have_count(2)  # the lamp is elsewhere
        await expect(panel.locator("li").first).to_contain_text("state not known")
        await panel.get_by_role("button", name="Command Siren of post-1").click()
        dialog = panel.get_by_role("dialog")
        await dialog.get_by_label("For how many seconds?").fill("500")
        await dialog.get_by_label("Why?").fill("Water on the path")
        await dialog.get_by_role("button", name="Continue").click()
        await expect(dialog.get_by_role("button", name="Send the command")).to_have_count(0)
        await dialog.get_by_label("For how many seconds?").fill("20")
        assert await axe(page) == []
        await dialog.get_by_role("button", name="Continue").click()
        await expect(dialog).to_contain_text("Siren of post-1 → on")
        await expect(dialog).to_contain_text("for 20 s, then back to off")
        assert city.commands == []
        await dialog.get_by_role("button", name="Send the command").click()
        await expect(dialog.locator("ol li")).to_have_text(["asked", "sent"])
        ((_tenant, _gateway, sent),) = city.commands
        assert (sent.thing, sent.actuator, sent.value, sent.on_s, sent.by) == ("post-1", "siren", True, 20.0, "Kim")

        say(
            city,
            CommandResult(id=sent.id, state="done", at_us=city.now_us),
            told=actuators(True, city.now_us + 20_000_000),
        )
        await expect(dialog.locator("ol li")).to_have_text(["asked", "sent", "done"])
        await expect(seen.locator("li").first).to_contain_text("on · goes back to off at")
        await expect(seen.locator("li").first).to_contain_text("done, Kim")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(panel).to_be_visible()  # Escape closes what is on top, and no more

        await wall.page.get_by_role("tab", name="Audit").click()
        deed = wall.page.locator("haechi-audit li").filter(has_text="commanded")
        await expect(deed).to_contain_text("Kim commanded post-1.siren = true, 20 s")
        await expect(deed).to_contain_text("Water on the path")
        await expect(deed.locator(".done")).to_have_text("done")
        assert await axe(wall.page) == []

        # Out at once, also from an open screen, when somebody takes the account away.
        city.account("Kim", Role.VIEWER, password=PASSWORD)
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert wall.errors == []
        assert watched.foreign == []


async def test_a_command_that_nobody_knows_the_end_of_says_so(city: City, server: Server) -> None:
    a_flood_with_a_siren(city)
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await sign_in(page, "Kim")
        await page.get_by_role("tab", name="Devices").click()
        panel = page.locator("haechi-devices haechi-actuators")
        await expect(panel.locator("li")).to_have_count(3)
        await panel.get_by_role("button", name="Command Light of lamp-1").click()
        dialog = panel.get_by_role("dialog")
        await dialog.get_by_label("Level, 0.00 % to 100 %").fill("80")
        await dialog.get_by_label("Why?").fill("dark")
        await dialog.get_by_role("button", name="Continue").click()
        await dialog.get_by_role("button", name="Send the command").click()
        await expect(dialog.locator("ol li")).to_have_text(["asked", "sent"])
        ((_tenant, _gateway, sent),) = city.commands
        assert sent.value == 80
        unknown = CommandResult(id=sent.id, state="unknown", at_us=city.now_us, detail="not confirmed within 10 s")
        say(city, unknown, told=actuators())
        await expect(dialog.locator("ol li").last).to_have_text("not known: look at the device")
        await expect(dialog).to_contain_text("not confirmed within 10 s")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        city.gateway(online=False, actuators=actuators())
        await expect(panel.locator("li").first).to_contain_text("Its gateway is offline")
        assert watched.errors == []
