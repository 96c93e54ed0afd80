"""Rows and columns in: read, understand, encode, split."""

from __future__ import annotations

from chainrule.table.columns import Column as Column
from chainrule.table.columns import Table as Table
from chainrule.table.encode import Encoder as Encoder
from chainrule.table.frame import from_frame as from_frame
from chainrule.table.read import read_table as read_table
from chainrule.table.schema import ColumnPlan as ColumnPlan
from chainrule.table.schema import Schema as Schema
from chainrule.table.schema import understand as understand
from chainrule.table.split import train_test_split as train_test_split
from chainrule.table.target import Target as Target
from chainrule.table.target import understand_target as understand_target
