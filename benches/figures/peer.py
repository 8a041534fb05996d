"""The peer of the figures: DuckDB on two threads, in memory, in UTC. One question a line, one answer a line."""

import json
import sys
import time
import traceback
from pathlib import Path

import duckdb


def connect(threads=2):
    con = duckdb.connect()
    con.execute(f"SET threads = {threads}")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    return con


def listed(files):
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"


def emptied(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return folder


def seal(days, out):
    """Each day: the best row of each key, in the declared order, to Parquet."""
    out = emptied(out)
    con = connect()
    rows = 0
    began = time.perf_counter()
    for number, files in enumerate(days):
        rows += con.execute(f"""
            COPY (
                SELECT * FROM read_parquet({listed(files)})
                QUALIFY row_number() OVER (
                    PARTITION BY cluster, pod_uid, start, source_class
                    ORDER BY revision DESC, source DESC, source_position DESC
                ) = 1
                ORDER BY cluster, namespace, user_id NULLS FIRST, pod, start, pod_uid, source_class
            ) TO '{out}/{number}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1048576)
        """).fetchone()[0]
    return {"seconds": time.perf_counter() - began, "rows": rows}


def metering(files, hubs, query):
    """The metering query into a table; kept for `same`."""
    global last
    con = last = connect()
    con.execute(f"CREATE VIEW pod_usage AS SELECT * FROM read_parquet({listed(files)})")
    con.execute(f"CREATE TABLE hubs AS SELECT * FROM read_parquet('{hubs}')")
    began = time.perf_counter()
    con.execute(f"CREATE TABLE result AS {query}")
    return {"seconds": time.perf_counter() - began}


def same(file):
    """How many rows stand in one result and not in the other."""
    theirs = f"SELECT * FROM read_parquet('{file}')"
    different = last.execute(f"""
        SELECT (SELECT count(*) FROM (({theirs}) EXCEPT ALL SELECT * FROM result))
             + (SELECT count(*) FROM (SELECT * FROM result EXCEPT ALL ({theirs})))
    """).fetchone()[0]
    return {"different": different}


def events(file, out):
    """The events as they are, to Parquet, on one thread."""
    out = emptied(out)
    con = connect(threads=1)
    began = time.perf_counter()
    con.execute(f"""
        COPY (SELECT * FROM read_ndjson('{file}', ignore_errors = true, maximum_object_size = 1048576))
        TO '{out}/events.parquet' (FORMAT parquet, COMPRESSION zstd)
    """)
    return {"seconds": time.perf_counter() - began}


def close(tables, clusters, hubs, out):
    """A month's close as plain SQL: pod-hours, capacity, shares by aws_scad, charges to postings, to Parquet.

    It does the joins and groups of a close and nothing of its care: shares are floating-point numbers, nothing is
    conserved, nothing is checked. That is in the peer's favour.
    """
    out = emptied(out)
    con = connect()
    for name, files in tables.items():
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({listed(files)}, hive_partitioning = false)")
    con.execute("CREATE TABLE clusters (account VARCHAR, cluster VARCHAR)")
    con.executemany("INSERT INTO clusters VALUES (?, ?)", clusters)
    con.execute(f"CREATE TABLE hubs AS SELECT * FROM read_parquet('{hubs}')")
    began = time.perf_counter()
    for statement in CLOSE:
        con.execute(statement)
    rows = con.execute(f"COPY ({POSTINGS}) TO '{out}/ledger.parquet' (FORMAT parquet, COMPRESSION zstd)").fetchone()[0]
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "rows": rows, "peak_bytes": peak_bytes()}


def peak_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def shares(name, key):
    """A table of who used how much of a scope in an hour, and what of it nobody did."""
    return f"""
        CREATE TABLE {name} AS
        WITH capacity AS (
            SELECT cluster, {key} AS scope, hour, sum(observed) AS observed,
                   sum(cpu) / 1000 AS cpu, sum(memory) / 1073741824 AS memory, sum(gpu) / 1000 AS gpu
            FROM node_hours WHERE {key} IS NOT NULL GROUP BY ALL
        ), uses AS (
            SELECT pod_hours.cluster, {key} AS scope, pod_hours.hour, namespace, user_id,
                   sum(pod_hours.cpu) / 1000 AS cpu, sum(pod_hours.memory) / 1073741824 AS memory,
                   sum(pod_hours.gpu) / 1000 AS gpu
            FROM pod_hours JOIN node_hours USING (cluster, node, hour) WHERE {key} IS NOT NULL GROUP BY ALL
        ), totals AS (
            SELECT cluster, scope, hour, sum(cpu) AS cpu, sum(memory) AS memory, sum(gpu) AS gpu FROM uses GROUP BY ALL
        ), prices AS (
            SELECT c.*, coalesce(t.cpu, 0) AS used_cpu, coalesce(t.memory, 0) AS used_memory,
                   coalesce(t.gpu, 0) AS used_gpu, 9 * c.cpu + c.memory + 90 * c.gpu AS total,
                   9 * c.cpu / greatest(c.cpu, used_cpu, 1e-9) AS per_cpu,
                   c.memory / greatest(c.memory, used_memory, 1e-9) AS per_memory,
                   90 * c.gpu / greatest(c.gpu, used_gpu, 1e-9) AS per_gpu
            FROM capacity c LEFT JOIN totals t USING (cluster, scope, hour)
        )
        SELECT cluster, scope, hour, observed, namespace, user_id, 'direct' AS kind,
               (u.cpu * per_cpu + u.memory * per_memory + u.gpu * per_gpu) / total AS share
        FROM prices p JOIN uses u USING (cluster, scope, hour)
        UNION ALL
        SELECT cluster, scope, hour, observed, NULL, NULL, 'idle',
               (greatest(cpu - used_cpu, 0) * per_cpu + greatest(memory - used_memory, 0) * per_memory
                + greatest(gpu - used_gpu, 0) * per_gpu) / total
        FROM prices
    """


CLOSE = [
    """
        CREATE TABLE pod_hours AS
        SELECT cluster, max(node) AS node, namespace, user_id, pod_uid, date_trunc('hour', start) AS hour,
               coalesce(greatest(sum(cpu_request_millicore_ms), sum(cpu_usage_millicore_ms)), 0) AS cpu,
               coalesce(greatest(sum(memory_request_byte_ms), sum(memory_usage_byte_ms)), 0) AS memory,
               coalesce(greatest(sum(gpu_request_milligpu_ms), sum(gpu_usage_milligpu_ms)), 0) AS gpu
        FROM pod_usage WHERE node IS NOT NULL
        GROUP BY cluster, namespace, user_id, pod_uid, date_trunc('hour', start)
    """,
    """
        CREATE TABLE node_hours AS
        SELECT cluster, node, date_trunc('hour', start) AS hour, max(instance_id) AS instance,
               max(hub_label) AS hub_label, coalesce(max(purpose), 'user') AS purpose, sum(ms) AS observed,
               sum(ms * cpu_capacity_millicore::HUGEINT) AS cpu, sum(ms * memory_capacity_byte::HUGEINT) AS memory,
               sum(ms * gpu_capacity_milligpu::HUGEINT) AS gpu
        FROM (SELECT *, epoch_ms("end") - epoch_ms(start) AS ms FROM node_usage)
        GROUP BY cluster, node, date_trunc('hour', start)
    """,
    shares("node_shares", "node"),
    shares("label_shares", "hub_label"),
    shares("purpose_shares", "purpose"),
    """
        CREATE TABLE lines AS
        SELECT charge_id, account, cluster, billed_cost, billing_currency, charge_period_start AS begins,
               charge_period_end AS ends, service_name, usage_type, resource_id,
               tags ->> '$."2i2c:hub-name"' AS hub_tag,
               coalesce(tags ->> '$."2i2c:node-purpose"', tags ->> '$."node-purpose"') AS purpose_tag,
               tags ->> '$."2i2c:volume-purpose"' AS volume_tag,
               service_name IN ('Amazon Elastic Compute Cloud - Compute', 'EC2 - Other', 'Compute Engine') AS compute
        FROM charges LEFT JOIN clusters USING (account)
    """,
    """
        CREATE TABLE placed AS
        SELECT l.*, n.node AS node,
               CASE WHEN n.node IS NOT NULL AND purpose_tag IS DISTINCT FROM 'core' THEN 'node'
                    WHEN service_name IN ('Amazon Elastic File System', 'Filestore') OR volume_tag = 'home-nfs' THEN 'homes'
                    WHEN compute AND purpose_tag IS DISTINCT FROM 'core' AND hub_tag IS NOT NULL THEN 'label'
                    WHEN compute AND purpose_tag IS NOT NULL AND purpose_tag <> 'core' THEN 'purpose'
                    ELSE 'whole' END AS place
        FROM lines l
        LEFT JOIN (SELECT DISTINCT cluster, instance, node FROM node_hours) n
            ON n.cluster = l.cluster AND n.instance = l.resource_id
    """,
    """
        CREATE TABLE line_hours AS
        SELECT charge_id, cluster, place, CASE place WHEN 'node' THEN node WHEN 'label' THEN hub_tag ELSE
               CASE WHEN purpose_tag IN ('worker', 'dask-worker') THEN 'dask-worker' ELSE 'user' END END AS scope,
               unnest(generate_series(date_trunc('hour', begins), ends - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR)) AS hour,
               billed_cost
        FROM placed WHERE place IN ('node', 'label', 'purpose')
    """,
    """
        CREATE TABLE homes AS
        SELECT cluster, namespace, user_id, date AS day, sum(bytes) AS bytes
        FROM (SELECT *, time::DATE AS date FROM storage_usage WHERE kind = 'directory') GROUP BY ALL
    """,
]


def split_by(place, table):
    return f"""
        SELECT charge_id, h.cluster, namespace, user_id, kind,
               sum(billed_cost::DOUBLE * share * h.observed / total_observed) AS amount
        FROM (
            SELECT l.*, o.observed, sum(o.observed) OVER (PARTITION BY charge_id) AS total_observed
            FROM line_hours l
            JOIN (SELECT DISTINCT cluster, scope, hour, observed FROM {table}) o USING (cluster, scope, hour)
            WHERE place = '{place}'
        ) h
        JOIN {table} s USING (cluster, scope, hour)
        GROUP BY ALL
    """


POSTINGS = f"""
    WITH postings AS (
        {split_by("node", "node_shares")}
        UNION ALL {split_by("label", "label_shares")}
        UNION ALL {split_by("purpose", "purpose_shares")}
        UNION ALL
        SELECT charge_id, h.cluster, namespace, user_id, 'direct', billed_cost::DOUBLE * bytes / total
        FROM (
            SELECT p.*, h.namespace, h.user_id, h.bytes, sum(h.bytes) OVER (PARTITION BY charge_id) AS total
            FROM placed p JOIN homes h ON h.cluster = p.cluster AND h.day = p.begins::DATE
                AND (p.hub_tag IS NULL OR p.hub_tag = h.namespace)
            WHERE place = 'homes'
        ) h
        UNION ALL
        SELECT charge_id, p.cluster, h.namespace, NULL, 'shared', billed_cost::DOUBLE / count(*) OVER (PARTITION BY charge_id)
        FROM placed p LEFT JOIN hubs h ON h.cluster = p.cluster AND p.begins >= h.since AND p.begins < h.until
            AND (p.hub_tag IS NULL OR p.hub_tag = h.namespace)
        WHERE place = 'whole'
    )
    SELECT charge_id, 'billed' AS basis, kind, p.cluster, p.namespace, h.hub, h.community,
           'community:' || h.community AS payer, user_id, l.account, l.billing_currency AS currency,
           amount::DECIMAL(38, 12) AS amount, l.begins AS service_start, '2026-06' AS period
    FROM postings p
    JOIN lines l USING (charge_id)
    LEFT JOIN hubs h ON h.cluster = p.cluster AND h.namespace = p.namespace AND l.begins >= h.since AND l.begins < h.until
    WHERE amount <> 0
"""

FUNCTIONS = {function.__name__: function for function in (seal, metering, same, events, close)}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = FUNCTIONS[asked["function"]](**asked["arguments"])
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
