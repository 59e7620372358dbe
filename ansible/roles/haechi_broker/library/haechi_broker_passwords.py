#!/usr/bin/python
"""Ansible module: the whole of a mosquitto password file, changed only where a password changed.

``mosquitto_passwd`` draws a new salt at every call and takes the password from its command line, where every user of
the machine can read it. This module verifies what is there against the password that is wanted, keeps the line when
it fits, and draws a salt only when it does not; so a second run changes nothing.
"""

# The runtime part of a module runs in the managed machine's own Python, alone with the standard library.
from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: haechi_broker_passwords
short_description: Keep a mosquitto password file
description:
  - The file holds exactly the given users; anybody else in it is removed.
  - A line whose hash fits the password is kept as it is.
  - The hashes are mosquitto's C($7$), PBKDF2 with HMAC-SHA512, as C(mosquitto_passwd) of mosquitto 2.0 writes them.
options:
  path:
    description: The password file.
    type: path
    required: true
  users:
    description: Password of each user name.
    type: dict
    required: true
extends_documentation_fragment:
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
author:
  - The Haechi authors
"""

EXAMPLES = r"""
- name: Set the passwords
  haechi_broker_passwords:
    path: /etc/mosquitto/haechi/passwords
    users:
      river-1: "{{ vault_river_1 }}"
    mode: "0640"
  no_log: true
"""

RETURN = r"""
added:
  description: Users that were not there.
  type: list
  returned: always
replaced:
  description: Users whose password changed.
  type: list
  returned: always
removed:
  description: Users that are there no more.
  type: list
  returned: always
"""

# What mosquitto_passwd 2.0 uses. More would let ten thousand gateways that return at once keep the broker's only
# thread busy for minutes; the strength is in passwords that are random.
ITERATIONS = 101
SALT_BYTES = 12


def hashed(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return the hash of a password in mosquitto's form ``$7$iterations$salt$digest``."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def fits(password: str, written: str) -> bool:
    """Tell whether a hash was made from this password; one in another form does not fit."""
    parts = written.split("$")
    if len(parts) != 5 or parts[:2] != ["", "7"]:
        return False
    try:
        expected = hashed(password, base64.b64decode(parts[3], validate=True), int(parts[2]))
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), written.encode())


def parse(text: str) -> dict[str, str]:
    """Read ``name:hash`` lines; a line of another form is dropped."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def merged(present: dict[str, str], users: dict[str, str]) -> dict[str, str]:
    """Return the hash of every user, the present one where it fits."""
    return {
        name: present[name]
        if name in present and fits(password, present[name])
        else hashed(password, os.urandom(SALT_BYTES))
        for name, password in sorted(users.items())
    }


def unusable(users: dict[str, str]) -> str:
    """Say in one line what no password file can hold, or return an empty string. Never names a password."""
    for name, password in users.items():
        if not name or any(character in name for character in ":+#/\n\r"):
            return f"users: {name!r} cannot be a user name; expected one without : + # / and line ends"
        if not password:
            return f"users: the password of {name} is empty"
    return ""


def main() -> None:
    """Run as Ansible calls it."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "users": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
        add_file_common_args=True,
    )
    path = Path(module.params["path"])
    users = {str(name): str(password) for name, password in module.params["users"].items()}
    if wrong := unusable(users):
        module.fail_json(msg=wrong)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        module.fail_json(msg=f"{path}: cannot be read: {error}")
    present = parse(text)
    wanted = merged(present, users)
    lines = "".join(f"{name}:{value}\n" for name, value in wanted.items())
    result: dict[str, Any] = {
        "changed": lines != text,
        "added": sorted(wanted.keys() - present.keys()),
        "replaced": sorted(name for name in wanted.keys() & present.keys() if wanted[name] != present[name]),
        "removed": sorted(present.keys() - wanted.keys()),
    }
    if result["changed"] and not module.check_mode:
        _write(module, path, lines)
    if path.exists():
        result["changed"] = module.set_fs_attributes_if_different(
            module.load_file_common_arguments(module.params), result["changed"]
        )
    module.exit_json(**result)


def _write(module: AnsibleModule, path: Path, lines: str) -> None:
    temporary = Path(module.tmpdir) / "passwords"
    # Made readable by its owner alone; the module's mode and group are set once it is in place.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(lines)
    module.atomic_move(str(temporary), str(path))


if __name__ == "__main__":
    main()
