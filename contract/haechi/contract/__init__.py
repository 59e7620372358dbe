"""The words and byte layouts that gateway and cloud share. Does no I/O and belongs to neither side.

===============  =====================================================================================
module           promises
===============  =====================================================================================
``places``       where and what: Place, Thing, Datastream, Step
``observations`` Reading (observations that share one time), Table (readings as columns), Quality
``events``       Event, Evidence, Severity, Urgency, Certainty, Phase
``catalogue``    event type → domain, matter, default weight, icon, CAP and NGSI-LD category, procedure
``ranges``       RangeSet: sets of sequence numbers as closed ranges
``parcel``       Parcel and LossRecord: what one numbered batch holds
``envelope``     the fixed plain bytes around every parcel body; never changes
``codec``        parcel ↔ bytes, version 1
``control``      what goes beside parcels: status with the resynchronisation question, acknowledgement, command
``topics``       MQTT topic names
``schema``       JSON Schema of the public types
===============  =====================================================================================

Every error is a :class:`ContractError`; whoever reads foreign bytes keeps them whole as a dead letter and goes on::

    ContractError
    ├── NotAParcel      no name can be read from the envelope: keep, do not acknowledge
    └── UnreadableBody  the envelope names the parcel, its body cannot be read: keep, acknowledge
        └── FutureVersion  … because a newer gateway wrote it: keep for replay after an upgrade
"""

from pathlib import Path


def vectors_folder() -> Path:
    """Return the folder of the golden vectors: parcels (``.bin``) beside what they hold (``.json``)."""
    return Path(__file__).with_name("vectors")


class ContractError(ValueError):
    """Bytes or values that break the contract. The text says what, where, and what was expected."""


class NotAParcel(ContractError):  # noqa: N818 - reads as what it is
    """The envelope is missing, cut short, of the wrong length or damaged, so it names no parcel."""


class UnreadableBody(ContractError):  # noqa: N818
    """The envelope is sound, the body is not: damaged compression, wrong types, or over a limit."""


class FutureVersion(UnreadableBody):
    """The body has a version that this software does not read yet."""
