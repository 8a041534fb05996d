-- Pod intervals of one UTC day to pod-hours. Sums stay in 64-bit integers: a row's level is bounded at
-- ingest and the hour check on observed_ms refuses overlapping intervals, so no sum can wrap. The hour is cut by
-- integer division of the microseconds: date_trunc asks a time zone for every row, and took a third of the query.
SELECT
    cluster,
    max(node) AS node,
    to_timestamp_micros(CAST(start AS BIGINT) / 3600000000 * 3600000000) AS hour,
    namespace,
    user_id,
    pod_uid,
    max(role) AS role,
    max(profile) AS profile,
    max(image_digest) AS image_digest,
    sum((CAST("end" AS BIGINT) - CAST(start AS BIGINT)) / 1000) AS observed_ms,
    sum(cpu_request_millicore_ms) AS cpu_request_millicore_ms,
    sum(cpu_usage_millicore_ms) AS cpu_usage_millicore_ms,
    coalesce(greatest(sum(cpu_request_millicore_ms), sum(cpu_usage_millicore_ms)), 0) AS cpu_millicore_ms,
    sum(memory_request_byte_ms) AS memory_request_byte_ms,
    sum(memory_usage_byte_ms) AS memory_usage_byte_ms,
    coalesce(greatest(sum(memory_request_byte_ms), sum(memory_usage_byte_ms)), 0) AS memory_byte_ms,
    sum(gpu_request_milligpu_ms) AS gpu_request_milligpu_ms,
    coalesce(greatest(sum(gpu_request_milligpu_ms), sum(gpu_usage_milligpu_ms)), 0) AS gpu_milligpu_ms,
    CASE max(CASE quality WHEN 'filled' THEN 3 WHEN 'reset' THEN 2 WHEN 'single_sample' THEN 1 ELSE 0 END)
        WHEN 3 THEN 'filled' WHEN 2 THEN 'reset' WHEN 1 THEN 'single_sample' ELSE 'observed' END AS quality
FROM pod_usage
WHERE node IS NOT NULL
GROUP BY cluster, namespace, user_id, pod_uid, CAST(start AS BIGINT) / 3600000000
ORDER BY cluster, node, hour, namespace, user_id, pod_uid
