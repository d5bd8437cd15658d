"""What works on this machine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from automat import doctor, terminal_engine
from automat.core import InputError
from automat.doctor import Finding
from automat.models import registry


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.about: finding for finding in findings}


def test_every_entrant_and_package_is_looked_at(tmp_path: Path) -> None:
    found = by_name(doctor.examine(tmp_path, tmp_path))
    assert {f"model {name}" for name in registry()} <= set(found)
    assert {"python", "cores", "memory", "output folder", "cache folder", "cuda", "dgl loads", "dask", "numpy"} <= set(
        found
    )
    assert found["numpy"].says == metadata.version("numpy")
    assert found["output folder"].state == "ok"
    assert f"{tmp_path}" in found["output folder"].says


def test_a_folder_that_cannot_be_written_to_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = doctor._folder("output folder", tmp_path / "file" / "below")
    assert (found.state, found.remedy) == ("wrong", "name another: --out, or AUTOMAT_CACHE")
    assert doctor._folder("output folder", tmp_path / "not" / "there" / "yet").state == "ok"


def test_a_package_that_is_absent_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "unavailable_because", lambda model: "x is not installed" if model.requires else "")
    found = by_name(list(doctor._entrants()))
    assert found["model catboost"] == Finding("model catboost", "note", "x is not installed", "pip install catboost")
    assert found["model linear"].state == "ok"


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "distributed " in doctor._dask().says

    def version(package: str) -> str:
        if package == "dask-jobqueue":
            raise metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    assert doctor._dask() == Finding(
        "dask", "note", "dask-jobqueue is not installed", 'for clusters: pip install "automat[cluster]"'
    )


def test_another_version_than_the_tested_one_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_tested", lambda: {"numpy": "0.9", "torch": metadata.version("torch").split("+")[0]})
    found = by_name(list(doctor._versions()))
    assert found["numpy"].remedy == "tested with 0.9; pip install numpy==0.9"
    assert found["torch"].state == "ok"  # the processor's build of the same version


def test_the_tested_versions_are_read() -> None:
    assert doctor._tested()["numpy"].startswith("1.")


def test_the_commands(command: Callable[..., str]) -> None:
    assert "0 wrong" in command("doctor")
    assert "no dataset was named" in command("plan", code=2)
    output = command("plan", "--dataset", "iris", "--preset", "quick", "--models", "dummy,linear", "--workers", "4")
    assert "4 missing cells have no records to tell their cost" in output


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("8GB", 8 * 10**9), ("8 GiB", 8 * 1024**3), ("0.5g", 5 * 10**8)]
)
def test_sizes(text: str, size: int) -> None:
    assert terminal_engine.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "8", "0GB", "-1GB", "8 apples", "GB", "1e3MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match="is not a size; write 500MB, 8GB or 8GiB"):
        terminal_engine.parse_size(text)
