"""Parse an SQL query before it is run: it must be one SELECT that only reads; find the files that it names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from chainrule._errors import TableError
from chainrule.table.reading.files import SourceFile, find_files, is_there

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BEGINS = re.compile(r"[\s(]*(SELECT|FROM|WITH|VALUES)(?=[\s(*'\"])\s*\S", re.IGNORECASE)
_READS = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}  # others write
_ADDRESS = re.compile(r"file:", re.IGNORECASE)  # DuckDB understands these; all others need an extension
_READERS = {
    *("read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_text", "read_blob", "glob", "sniff_csv"),
    *("read_json", "read_json_auto", "read_ndjson", "read_ndjson_auto"),
    *("read_json_objects", "read_json_objects_auto", "read_ndjson_objects"),
    *("parquet_metadata", "parquet_file_metadata", "parquet_kv_metadata", "parquet_schema"),
}
_MAKERS = {
    *("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary"),
}


def is_query(source: str) -> bool:
    """Say whether a source is an SQL query; if a file of this name exists, it is a path."""
    return _BEGINS.match(source) is not None and not is_there(source)


def in_messages(source: str) -> str:
    """Name a source in messages: a path as it is, the beginning of a query.

    Examples
    --------
    >>> in_messages("data/of-the-year/t.csv"), in_messages(f"SELECT {', '.join('abcdefgh' * 4)} FROM t")[-14:]
    ('data/of-the-year/t.csv', ', e, f, g, ...')
    """
    return shorten(source, 80, placeholder=" ...") if is_query(source) else source


@dataclass(frozen=True)
class Query:
    """One SELECT statement as DuckDB's parser sees it.

    Parameters
    ----------
    text : str
    tree : dict
        The statement as nested data.
    """

    text: str
    tree: dict[str, Any]

    @classmethod
    def parsed(cls, connection: DuckDBPyConnection, text: str) -> Query:
        """Parse a query, without running it.

        Raises
        ------
        TableError
            If it is not SQL, not one SELECT, or a part of it could do anything but read tables.
        """
        answer = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()[0][0]
        tree = json.loads(answer)
        if tree["error"]:
            no_select = tree["error_type"] == "not implemented"
            raise _refused(text, "a query is one SELECT, which reads" if no_select else tree["error_message"])
        if len(tree["statements"]) != 1:
            raise _refused(text, f"a query is one SELECT, these are {len(tree['statements'])} statements")
        query = cls(text, tree)
        for part in query.parts:
            _check(text, part)
        if address := next((name for name in (*query.paths, *query.arguments) if _ADDRESS.match(name)), None):
            raise _refused(text, f"{address} is an address; name the file by its path alone")
        return query

    @property
    def parts(self) -> Iterator[dict[str, Any]]:
        """All parts of the statement."""
        return _parts(self.tree["statements"])

    @cached_property
    def tables(self) -> list[dict[str, Any]]:
        """The tables that it names, except those it defines itself."""
        return [part for part in self._named if _name(part).casefold() not in self._own]

    @property
    def _named(self) -> Iterator[dict[str, Any]]:
        return (part for part in self.parts if part.get("type") == "BASE_TABLE")

    @cached_property
    def _own(self) -> set[str]:
        names = (part.get(key) for part in self.parts for key in ("key", "cte_name"))
        return {name.casefold() for name in names if isinstance(name, str)}

    @property
    def paths(self) -> Iterator[str]:
        """Every name after FROM that may be a file, a folder or a pattern.

        A name that the query defines itself may still mean a file in another part of it.
        """
        return (name for name in map(_name, self._named) if "." in name or name.casefold() not in self._own)

    @property
    def arguments(self) -> Iterator[str]:
        """Every file, folder or pattern that a function reads."""
        for function in filter(_reads, self.parts):
            for constant in (constant for each in _positional(function) for constant in _constants(each) or ()):
                yield from _texts(constant.get("literal", constant.get("value")))

    def with_views(self) -> tuple[str, dict[str, list[SourceFile]]]:
        """Return the statement with a view in place of the files that it names, and the files of each view.

        DuckDB itself would sniff the dialect of such a file anew. A Parquet file alone needs no view.
        """
        views: dict[str, list[SourceFile]] = {}
        names: dict[str, str] = {}
        for table in self.tables:
            name = _name(table)
            files = find_files(name) if is_there(name) else []
            if files and (files[0].kind not in ("parquet", "idx") or len(files) > 1 or os.path.isdir(name)):  # noqa: PTH112
                view = names.setdefault(name, f"{name} ({len(names)})")
                views[view] = files
                _rename(table, view)
        return json.dumps(self.tree), views


def _check(text: str, part: dict[str, Any]) -> None:
    kind = str(part.get("type"))
    if kind.endswith("_NODE") and kind not in _READS:
        raise _refused(text, f"a query only reads, and {kind.split('_')[0]} does not")
    if kind == "TABLE_FUNCTION":
        function = part["function"]["function_name"]
        if function.casefold() not in _READERS | _MAKERS:
            raise _refused(text, f"{function} is no function that a query may take rows from")
        if _reads(part) and any(_constants(each) is None for each in _positional(part)):
            raise _refused(text, f"{function} takes the name of a file as a constant, or a list of constants")


def _reads(part: dict[str, Any]) -> bool:
    return part.get("type") == "TABLE_FUNCTION" and part["function"]["function_name"].casefold() in _READERS


def _positional(table_function: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the arguments that are not options; DuckDB takes no file name as an option."""
    for each in _operands(table_function["function"]):
        option = each.get("type") == "COMPARE_EQUAL" and each["left"].get("type") == "COLUMN_REF"
        if not option:
            yield each


def _operands(function: dict[str, Any]) -> list[dict[str, Any]]:
    if "arguments" not in function:  # DuckDB 1
        return list(function["children"])
    return [each["expression"] for each in function["arguments"] if not each["name"]]


def _constants(argument: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the constants of an argument, which is one or a list of them; None if it has to be computed."""
    is_list = argument.get("function_name") == "list_value" or argument.get("type") == "ARRAY_CONSTRUCTOR"
    constants = _operands(argument) if is_list else [argument]
    return constants if all(each.get("type") == "VALUE_CONSTANT" for each in constants) else None


def _refused(text: str, reason: str) -> TableError:
    return TableError(f"{shorten(text, 80)} cannot be read: {' '.join(reason.split())} (and no file has this name).")


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _parts(part)


def _texts(tree: Any) -> Iterator[str]:
    """Yield the texts inside a constant, wherever this version of DuckDB puts them."""
    if isinstance(tree, str):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else ():
        yield from _texts(part)


def _name(table: dict[str, Any]) -> str:
    """Return a table's name with what stands before it: FROM sales.csv names a table csv in sales."""
    return ".".join(filter(None, (table.get("catalog_name"), table.get("schema_name"), table["table_name"])))


def _rename(table: dict[str, Any], view: str) -> None:
    """Let a table's name be a view's, and its columns be called as if the name had stayed."""
    stem = re.split(r"[/\\]", _name(table))[-1].split(".")[0]
    table |= {"catalog_name": "", "schema_name": "", "table_name": view, "alias": table.get("alias") or stem}
    if "qualified_name" in table:  # DuckDB 2
        table["qualified_name"] = {"path": [view]}
