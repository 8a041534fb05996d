"""Reads a store's tables with other houses' readers; prints {reader: {table: rows, "posted": sum}} as JSON.

usage: read_back.py TABLES_FOLDER NAME...
"""
import json
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import polars
from deltalake import DeltaTable

folder, names = Path(sys.argv[1]), sys.argv[2:]


def by_deltalake(name):
    return DeltaTable(str(folder / name)).to_pyarrow_table()


def by_polars(name):
    return polars.read_delta(str(folder / name)).to_arrow()


def by_duckdb(name):
    dataset = DeltaTable(str(folder / name)).to_pyarrow_dataset()  # noqa: F841 (named in the query)
    return duckdb.sql("SELECT * FROM dataset").to_arrow_table()


found = {}
for reader, read in {"deltalake": by_deltalake, "polars": by_polars, "duckdb": by_duckdb}.items():
    tables = {name: read(name) for name in names}
    found[reader] = {name: table.num_rows for name, table in tables.items()}
    amounts = tables["ledger"].column("amount").to_pylist() if "ledger" in tables else []
    found[reader]["posted"] = str(sum(amounts, Decimal(0)))
json.dump(found, sys.stdout)
