"""The rules that every adapter keeps, each a test; inherited, never edited.

An adapter's ``conformance.toml`` names the rules and says ``met``, or ``exempt: …`` with the reason. What is exempt is
then not tested; see :mod:`.rules` for which rules there are, since when, and which of them nobody is exempt from.
"""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

from haechi.sdk.testing.command_rules import CommandRules
from haechi.sdk.testing.device_rules import DeviceRules
from haechi.sdk.testing.folder_rules import FolderRules
from haechi.sdk.testing.memory_rules import MemoryRules
from haechi.sdk.testing.recording_rules import RecordingRules
from haechi.sdk.testing.rules import RULES
from haechi.sdk.testing.secret_rules import SecretRules
from haechi.sdk.testing.wire_rules import WireRules

_REASON_CHARACTERS_MIN = 30


class AdapterConformance(FolderRules, DeviceRules, WireRules, RecordingRules, SecretRules, CommandRules, MemoryRules):
    """Inherit it, fill in the class variables and the two methods, and pytest does the rest."""

    def test_rules_are_all_judged(self) -> None:
        judged = self.judged()
        unknown = set(judged) - set(RULES)
        assert not unknown, f"conformance.toml judges what is no rule: {', '.join(sorted(unknown))}"
        missing = {name for name, rule in RULES.items() if rule.since == "1.0"} - set(judged)
        assert not missing, f"conformance.toml does not judge {', '.join(sorted(missing))}"
        for rule, verdict in judged.items():
            is_reason = verdict.startswith("exempt: ") and len(verdict) > _REASON_CHARACTERS_MIN
            assert verdict == "met" or is_reason, f"{rule}: expected met, or exempt: and the reason"
            assert verdict == "met" or RULES[rule].is_waivable, f"nobody is exempt from {rule}"
