"""Table files to data frames, with numbers to the last bit and names as they are written."""

from __future__ import annotations

import io
import json
from typing import IO, TYPE_CHECKING, Any, TypeVar

from automat.core import InputError
from automat.datasets import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    import pandas as pd

Read = TypeVar("Read")

ENDINGS = (".csv", ".csv.gz", ".parquet", ".json", ".json.gz")
_CRYSTALS = (".cif", ".vasp", ".poscar")


def read(path: Path, text: Collection[str]) -> pd.DataFrame:
    """One row a material, rows numbered from 0, column names as text.

    Args:
        path: a file with one of ``ENDINGS``.
        text: lower-case names of columns that a CSV's reader must leave as written, so that the ids 007
            and 7 stay two, and the formula NaN is no missing value.

    Raises:
        InputError: it is no such table, has no rows, or two columns of one name.
    """
    ending = "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]).lower()
    if ending in _CRYSTALS:
        raise InputError(f"{path.name!r} is one crystal, no dataset: give a table, or the folder with an id_prop.csv")
    if ending not in ENDINGS:
        raise InputError(f"cannot read {path.name!r}: a table ends in {', '.join(ENDINGS)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name!r} is empty")
    limits.file_size(path)
    if ending == ".parquet":
        frame = guarded(_parquet, path, "PARQUET")
    elif ending.startswith(".json"):
        frame = guarded(_json, path, "JSON")
    else:
        frame = guarded(lambda file: _csv(file, text), path, "CSV")
    if len(frame) == 0:
        raise InputError(f"{path.name!r} has columns but no rows")
    frame.columns = frame.columns.map(str)
    _refuse_twins(frame.columns.tolist(), path)
    for column in frame:
        frame[column] = _plain(frame[column])
    return frame.reset_index(drop=True)


def guarded(reader: Callable[[Path], Read], path: Path, kind: str) -> Read:
    """What the reader returns.

    Raises:
        InputError: the reader failed, in whatever way; the message holds the first line of its reason.
    """
    try:
        return reader(path)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"cannot read {path.name!r} as {kind}: {reason}") from error


def _csv(path: Path, text: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    # pandas renames a second `y` to `y.1`, which would then be learnt from: the header is read by itself.
    with _opened(path) as file:
        header = pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{path.name!r} has one column, {header[0]!r}; columns must be separated by commas")
    _refuse_twins([name for name in header if name], path)
    with _opened(path) as file:
        frame = pd.read_csv(
            file,
            float_precision="round_trip",
            low_memory=False,
            converters={name: str for name in header if name.lower() in text},
        )
    if not isinstance(frame.index, pd.RangeIndex):
        raise InputError(f"cannot read {path.name!r} as CSV: rows have more fields than the header has names")
    return frame


def _opened(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return io.BufferedReader(limits.Unpacked(path))
    return path.open("rb")


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import parquet

    metadata_of: Any = parquet.read_metadata  # it has no types
    about = metadata_of(path)
    unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
    # A few bytes can stand for a column of one repeated value: cells count as numbers that are held in memory.
    if max(unpacked, 8 * about.num_rows * about.num_columns) > limits.MAX_BYTES:
        raise InputError(
            f"{path.name!r} unpacks to more than {limits.MAX_BYTES / 1024**3:g} GiB; cut it into parts, or leave "
            "columns out"
        )
    frame = pd.read_parquet(path)
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(named) if named else frame


def _json(path: Path) -> pd.DataFrame:
    import pandas as pd

    with _opened(path) as file:
        content = json.loads(file.read().decode("utf-8"))
    if isinstance(content, dict) and {"columns", "data"} <= content.keys():
        return pd.DataFrame(content["data"], columns=content["columns"])
    rows = isinstance(content, list) and all(isinstance(row, dict) for row in content)
    columns = isinstance(content, dict) and all(isinstance(column, list | dict) for column in content.values())
    if not (rows or columns):
        raise InputError(f"{path.name!r} is no table: JSON must be a list of objects, or an object of columns")
    return pd.DataFrame(content)


def _refuse_twins(names: list[str], path: Path) -> None:
    twins = [name for position, name in enumerate(names) if name in names[:position]]
    if twins:
        raise InputError(f"{path.name!r} has two columns named {twins[0]!r}; names must be unique")


def _plain(column: pd.Series) -> pd.Series:
    """The column in one of numpy's own types: pandas' nullable and categorical ones each behave differently."""
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, np.dtype):
        return column
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        kept: Any = np.float64 if column.isna().any() else column.to_numpy().dtype
        return pd.Series(
            column.to_numpy(kept, na_value=np.nan) if kept is np.float64 else column.to_numpy(),
            index=column.index,
            name=column.name,
        )
    return column.astype(object).where(column.notna(), None).infer_objects()
