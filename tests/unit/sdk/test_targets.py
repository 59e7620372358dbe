"""What a person means: an adapter's folder wherever its project lies, and a device whose adapter is elsewhere."""

from pathlib import Path

import pytest

from haechi.sdk.targets import NotFound, folder_of, targets_in


def adapter_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("__init__.py", "test_adapter.py"):
        (folder / name).touch()
    return folder


def test_a_project_is_found_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = adapter_in(tmp_path / "haechi-gauges" / "acme_gauge")
    found = folder_of(str(folder.parent))
    assert (found.path, found.module, found.root) == (folder, "acme_gauge", folder.parent)
    assert folder_of(str(folder)) == found


def test_which_of_several_adapters_is_meant_must_be_said(tmp_path: Path) -> None:
    for name in ("acme_gauge", "acme_pump"):
        adapter_in(tmp_path / name)
    with pytest.raises(NotFound, match=f"holds several adapters, say which: {tmp_path}/acme_gauge, {tmp_path}/acme_p"):
        folder_of(str(tmp_path))


def test_a_folder_without_an_adapter_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no test_adapter.py in it, nor in a folder below it"):
        folder_of(str(tmp_path))


def test_a_device_whose_adapter_another_python_has_is_tried_with_that_ones_command(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[[device]]\nid = "wind"\nadapter = "acme_wind"\n[device.config]\n'
        '[device.process]\npython = "/opt/acme/bin/python"\n'
    )
    with pytest.raises(NotFound) as caught:
        targets_in(file)
    assert str(caught.value) == (
        "wind: its adapter acme_wind is installed for /opt/acme/bin/python: call /opt/acme/bin/haechi instead"
    )
