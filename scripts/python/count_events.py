"""Counts a table's rows, and their different events, with Python's deltalake, which knows nothing of us.

usage: count_events.py TABLE_FOLDER
prints {"rows": …, "events": …, "missing": …, "doubled": …}; events are named <prefix>-0, <prefix>-1, … without gaps
"""
import json
import os
import sys
from collections import Counter

from deltalake import DeltaTable

ids = Counter(DeltaTable(sys.argv[1]).to_pyarrow_table(columns=["event_id"]).column("event_id").to_pylist())
last = max((int(name.rsplit("-", 1)[1]) for name in ids), default=-1)
prefix = next(iter(ids), "-0").rsplit("-", 1)[0]
print(json.dumps({
    "rows": sum(ids.values()),
    "events": len(ids),
    "missing": sum(f"{prefix}-{n}" not in ids for n in range(last + 1)),
    "doubled": sum(count > 1 for count in ids.values()),
}))
sys.stdout.flush()
# Arrow's threads may not be joined when the interpreter ends, which would abort a finished count.
os._exit(0)
