"""Tables: reading, types and roles of columns, encoding, hold-out splits."""

from __future__ import annotations

from chainrule.table.columns import Column as Column
from chainrule.table.columns import Table as Table
from chainrule.table.encoding.encoder import Encoder as Encoder
from chainrule.table.reading.from_frame import from_frame as from_frame
from chainrule.table.reading.read import read_table as read_table
from chainrule.table.schema import ColumnPlan as ColumnPlan
from chainrule.table.schema import Schema as Schema
from chainrule.table.schema import infer_schema as infer_schema
from chainrule.table.target import Target as Target
from chainrule.table.target import infer_target as infer_target
