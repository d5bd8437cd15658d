"""Rebuild the embedded datasets from the source distribution of matminer 0.3.7.

    python scripts/build_embedded_data.py [ARCHIVE]

Without an archive, pip downloads it. The result in ``automat/datasets/data`` is the same to the byte
every time with the pinned pyarrow; ``--check`` builds into a temporary folder and compares instead.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pymatgen.core import Structure
from pymatgen.io.vasp import Poscar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ARCHIVE = "matminer-0.3.7.tar.gz"
ARCHIVE_SHA256 = "3d3a37864ad54549ce8e66e1902a5f5382b8a6e7bbae8258594655ea009f541d"
DATA = Path(__file__).resolve().parent.parent / "automat" / "datasets" / "data"
MATERIALS_PROJECT = "Jain et al. (2013), APL Mater. 1, 011002, doi:10.1063/1.4812323"


@dataclass(frozen=True)
class Source:
    """One CSV file of the archive and what is kept of it."""

    name: str
    columns: Mapping[str, str]
    structure: Callable[[Any], Structure]
    citation: str


def from_dict(row: Any) -> Structure:
    """The structure that a row holds as a Python literal; coordinates are taken as written."""
    return Structure.from_dict(ast.literal_eval(row.structure))


def from_poscar(row: Any) -> Structure:
    """The structure that a row holds as a POSCAR."""
    return Poscar.from_str(row.poscar).structure


SOURCES = (
    Source(
        "flla_2015",
        {"formation_energy_per_atom": "eV/atom", "e_above_hull": "eV/atom"},
        from_dict,
        "Faber et al. (2015), Int. J. Quantum Chem. 115, 1094-1101, doi:10.1002/qua.24917",
    ),
    Source(
        "elastic_tensor",
        {"K_VRH": "GPa", "G_VRH": "GPa", "elastic_anisotropy": "", "poisson_ratio": "", "space_group": ""},
        from_poscar,
        "de Jong et al. (2015), Sci. Data 2, 150009, doi:10.1038/sdata.2015.9",
    ),
    Source(
        "dielectric_constant",
        {"n": "", "band_gap": "eV", "poly_electronic": "", "poly_total": "", "space_group": ""},
        from_poscar,
        "Petousis et al. (2017), Sci. Data 4, 160134, doi:10.1038/sdata.2016.134",
    ),
    Source(
        "piezoelectric_tensor",
        {"eij_max": "C/m^2", "space_group": ""},
        from_poscar,
        "de Jong et al. (2015), Sci. Data 2, 150053, doi:10.1038/sdata.2015.53",
    ),
)


def main() -> int:
    """Build, or check; exit code 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", type=Path, help=f"{ARCHIVE}; downloaded with pip when left out")
    parser.add_argument("--check", action="store_true", help="compare with what is there, write nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        archive = arguments.archive or download(scratch)
        if sha256(archive) != ARCHIVE_SHA256:
            print(f"{archive} is not the {ARCHIVE} that the datasets were made from")
            return 1
        built = scratch / "data" if arguments.check else DATA
        built.mkdir(parents=True, exist_ok=True)
        manifest: dict[str, Any] = {"archive": {"name": ARCHIVE, "sha256": ARCHIVE_SHA256}}
        manifest["files"] = {source.name: build(source, archive, built) for source in SOURCES}
        (built / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        if not arguments.check:
            return 0
        same = {path.name: path.read_bytes() == (DATA / path.name).read_bytes() for path in sorted(built.iterdir())}
    print("\n".join(f"{name}: {'identical' if equal else 'DIFFERENT'}" for name, equal in same.items()))
    return 0 if all(same.values()) else 1


def download(folder: Path) -> Path:
    """The archive, through pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), "matminer==0.3.7"], check=True)  # noqa: S603 - fixed words
    return folder / ARCHIVE


def build(source: Source, archive: Path, folder: Path) -> dict[str, Any]:
    """Write one Parquet file and return what the manifest says of it."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"matminer-0.3.7/matminer/datasets/{source.name}.csv")
        if member is None:
            raise FileNotFoundError(source.name)
        # pandas' quicker parser is off by one unit in the last place in a quarter of the energies.
        frame = pd.read_csv(member, comment="#", float_precision="round_trip")
    rows: list[dict[str, Any]] = []
    set_aside: dict[str, str] = {}
    for row in frame.itertuples():
        try:
            rows.append(as_row(source, row))
        except (ValueError, SyntaxError, KeyError, IndexError) as error:
            set_aside[str(row.material_id)] = f"{type(error).__name__}: {error}"
    table = pa.Table.from_pylist(rows, schema=schema(source))
    path = folder / f"{source.name}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19)
    if pq.read_table(path).to_pylist() != rows:
        raise ValueError(f"{path} does not read back as it was written")
    print(f"{path.name}: {len(rows)} of {len(frame)} rows, {len(set_aside)} set aside, {path.stat().st_size} bytes")
    return {
        "sha256": sha256(path),
        "rows": len(rows),
        "set_aside": set_aside,
        "columns": dict(source.columns),
        "licence": "CC BY 4.0 (Materials Project)",
        "citation": f"{source.citation}; {MATERIALS_PROJECT}",
        "source": f"Materials Project, as in {ARCHIVE}: matminer/datasets/{source.name}.csv",
    }


def as_row(source: Source, row: Any) -> dict[str, Any]:
    """One material: identity, structure as flat lists in full precision, and the kept columns."""
    structure = source.structure(row)
    if not structure.is_ordered:
        raise ValueError("partial occupancies")
    values = {name: getattr(row, name) for name in source.columns}
    return {
        "id": row.material_id,
        "formula": structure.composition.reduced_formula,
        "lattice": structure.lattice.matrix.ravel().tolist(),
        "atomic_numbers": [site.specie.Z for site in structure],
        "fractional": structure.frac_coords.ravel().tolist(),
        **{name: int(value) if name == "space_group" else float(value) for name, value in values.items()},
    }


def schema(source: Source) -> pa.Schema:
    """Column types of a file."""
    fields = [
        pa.field("id", pa.string()),
        pa.field("formula", pa.string()),
        pa.field("lattice", pa.list_(pa.float64())),
        pa.field("atomic_numbers", pa.list_(pa.uint8())),
        pa.field("fractional", pa.list_(pa.float64())),
    ]
    kinds = {"space_group": pa.uint8()}
    return pa.schema([*fields, *(pa.field(name, kinds.get(name, pa.float64())) for name in source.columns)])


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
