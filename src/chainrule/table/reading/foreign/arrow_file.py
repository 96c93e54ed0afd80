"""Read Arrow and Feather files, with pyarrow."""

from __future__ import annotations

from typing import Any

from chainrule._errors import TableError
from chainrule.table.reading.files import ARROW_STREAM, SourceFile


def arrow_table(file: SourceFile) -> Any:
    """Return the pyarrow table of an Arrow or Feather file, which stays on disk where it is not compressed.

    Raises
    ------
    TableError
        If pyarrow is not installed, or the file is damaged.
    """
    try:
        import pyarrow
        from pyarrow import feather, ipc
    except ImportError as error:
        raise TableError(
            f"{file.label} is an Arrow file, which pyarrow reads: pip install pyarrow, or write it as Parquet."
        ) from error
    try:
        with file.path.open("rb") as stream:
            is_stream = stream.read(4) == ARROW_STREAM
        if is_stream:
            return ipc.open_stream(pyarrow.memory_map(str(file.path))).read_all()
        return feather.read_table(str(file.path), memory_map=True)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{file.label} is a damaged Arrow file: {' '.join(str(error).split())[:200]}.") from error
