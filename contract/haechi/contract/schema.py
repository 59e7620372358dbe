"""JSON Schema (2020-12) of the public types, generated from the types themselves.

``python -m haechi.contract.schema`` prints the document that ``docs/contract.schema.json`` holds; a test compares them.
"""

import json
import sys
from typing import Any

import msgspec

from haechi.contract.control import Acknowledgement, Command, GatewayStatus
from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Observation
from haechi.contract.parcel import LossRecord
from haechi.contract.places import Datastream, Place, Thing

PUBLIC = (
    Place,
    Thing,
    Datastream,
    Observation,
    Event,
    Evidence,
    LossRecord,
    GatewayStatus,
    Acknowledgement,
    Command,
)


def schema() -> dict[str, Any]:
    """Return one document whose ``$defs`` describe every public type."""
    _, components = msgspec.json.schema_components(PUBLIC, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Haechi contract",
        "$defs": components,
    }


def main() -> None:
    """Print the document."""
    json.dump(schema(), sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
