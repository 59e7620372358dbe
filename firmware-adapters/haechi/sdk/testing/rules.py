"""The rules of the conformance kit by name: since which kit they exist, and whether an adapter may be exempt.

A rule is judged in the adapter's ``conformance.toml``: ``met``, or ``exempt: `` and the reason. The rules of kit 1.0
must all be judged. A rule that is newer than an adapter is not held against it until ``conformance.toml`` names it;
the mark of ``haechi adapter check`` is given when every rule is judged.
"""

from types import MappingProxyType
from typing import NamedTuple

KIT_VERSION = "1.1"
ACTUATORS, MEMORY, SECRETS = "actuators", "memory", "secrets"


class Rule(NamedTuple):
    """What one rule demands, in the words that a partner reads."""

    promise: str
    since: str = "1.1"
    is_waivable: bool = True
    """False: whatever the reason, no adapter may be exempt."""
    where: str = ""
    """Which adapters it is for; empty where for all. Others need not judge it, and the report says that it does not
    apply."""


RULES = MappingProxyType(
    {
        "folder_is_complete": Rule("The folder has all its files, and the README its sections and keys.", "1.0"),
        "found_by_entry_point": Rule("The gateway finds it by its entry point.", "1.0"),
        "sample_loads": Rule("The sample configuration loads.", "1.0", is_waivable=False),
        "unknown_key_is_refused": Rule("A key that nobody knows is refused.", "1.0", is_waivable=False),
        "fields_are_described": Rule("Every key is described; the model is frozen and closed.", "1.0"),
        "every_key_is_used": Rule("Every documented key does something."),
        "keeps_to_its_side": Rule(
            "It touches no thread, process, database, MQTT client or wall clock.", is_waivable=False
        ),
        "units_fit": Rule("Units are UCUM, and fit what is observed."),
        "licences_are_named": Rule("Code and recordings have a licence; no maker's document is passed on."),
        "emits_what_it_describes": Rule("What it emits was described: names, kinds, steps.", "1.0", is_waivable=False),
        "values_are_the_devices_own": Rule(
            "Every value was shown by the device, and what it shows arrives.", "1.0", is_waivable=False
        ),
        "releases_its_port": Rule("Closed or cancelled, its port is free, and it can begin again.", "1.0"),
        "opening_twice_is_harmless": Rule("A second one on the same port harms neither the first nor the port."),
        "cancelled_anywhere": Rule("Cancelled at any step, it lets go.", is_waivable=False),
        "lets_others_run": Rule("It never keeps the event loop for itself.", is_waivable=False),
        "silence_is_not_connected": Rule("A silent device ends in one clear line and a delay.", "1.0"),
        "probe_says_one_line": Rule("A probe says one line and lets go.", "1.0"),
        "refusal_is_no_value": Rule("Where the device says that it has no value, none is emitted, and it is counted."),
        "warm_up_is_quality": Rule("While the device warms up, no value passes for good."),
        "clock_jump_is_no_burst": Rule("After an hour in which the gateway slept it does not catch up in a burst."),
        "reads_without_growth": Rule("Ten thousand reads take no more memory than a thousand.", is_waivable=False),
        "cable_cut_and_back": Rule("A cut cable is one clear line; mended, values come again."),
        "power_cycle_is_survived": Rule("A device that restarts, and greets, is read again."),
        "slow_device_is_read": Rule("Bytes that come one by one make the same values."),
        "babble_is_never_a_value": Rule("Random bytes on the line are never a value.", is_waivable=False),
        "late_answers_are_never_values": Rule("An answer that comes too late is nobody else's value."),
        "foreign_traffic_is_never_a_value": Rule("What others say on the same line is never a value."),
        "recordings_mean_what_they_meant": Rule("Recorded bytes mean what they meant.", "1.0", is_waivable=False),
        "damage_is_never_a_value": Rule("Where there is a check field, no change of one byte makes a value.", "1.0"),
        "prefix_is_never_a_value": Rule("Bytes that break off never make another value.", is_waivable=False),
        "undetectable_damage_is_told": Rule("Without a check field, the share of unseen damage is measured and told."),
        "reads_only_unless_told": Rule(
            "Reading writes nothing, and what is not declared is refused.", is_waivable=False
        ),
        "secrets_stay_secret": Rule(
            "What stands under a key named like a secret is in no error, log line or output.",
            is_waivable=False,
            where=SECRETS,
        ),
        "bounds_hold_before_the_wire": Rule(
            "A value or a time out of bounds is refused and never written.", is_waivable=False, where=ACTUATORS
        ),
        "written_once": Rule(
            "A command is written once, however late it is confirmed, and never told as not done.",
            is_waivable=False,
            where=ACTUATORS,
        ),
        "done_is_what_stands": Rule("Done is what the device, looked at, stands at.", where=ACTUATORS),
        "fail_safe_is_reached": Rule(
            "After closing, cancelling and a new process the fail-safe state is reached.",
            is_waivable=False,
            where=ACTUATORS,
        ),
        "on_time_has_an_end": Rule(
            "No timer gets more than was asked, and what is set back stays so.", is_waivable=False, where=ACTUATORS
        ),
        "cursor_is_never_ahead": Rule("Reading on from any cursor misses no record.", is_waivable=False, where=MEMORY),
        "record_keeps_its_time": Rule(
            "A record that is read again bears the same time and value.", is_waivable=False, where=MEMORY
        ),
        "device_clock_has_a_zone": Rule(
            "The device's clock has a zone; records bear UTC; a clock that was not set is told.",
            is_waivable=False,
            where=MEMORY,
        ),
    }
)
