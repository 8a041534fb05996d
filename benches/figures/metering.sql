-- The metering query: pod intervals → pod-hours with max(requested, used) → hours of each user at each hub of each
-- community. The same text runs on both engines. Above the pod-hour sums are decimals: they may pass 64 bits.
WITH pod_hours AS (
    SELECT
        cluster,
        namespace,
        user_id,
        pod_uid,
        date_trunc('hour', start) AS hour,
        coalesce(greatest(sum(cpu_request_millicore_ms), sum(cpu_usage_millicore_ms)), 0) AS cpu,
        coalesce(greatest(sum(memory_request_byte_ms), sum(memory_usage_byte_ms)), 0) AS memory,
        coalesce(greatest(sum(gpu_request_milligpu_ms), sum(gpu_usage_milligpu_ms)), 0) AS gpu
    FROM pod_usage
    WHERE node IS NOT NULL
    GROUP BY cluster, namespace, user_id, pod_uid, date_trunc('hour', start)
)
SELECT
    community,
    hub,
    user_id,
    hour,
    sum(CAST(cpu AS DECIMAL(38, 0))) AS cpu_millicore_ms,
    sum(CAST(memory AS DECIMAL(38, 0))) AS memory_byte_ms,
    sum(CAST(gpu AS DECIMAL(38, 0))) AS gpu_milligpu_ms
FROM pod_hours
LEFT JOIN hubs
    ON hubs.cluster = pod_hours.cluster
    AND hubs.namespace = pod_hours.namespace
    AND hour >= hubs.since
    AND hour < hubs.until
GROUP BY community, hub, user_id, hour
