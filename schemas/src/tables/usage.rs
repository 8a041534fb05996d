//! Tables that sources feed: what pods, nodes and directories used, and what was seen at all.

use super::spec::ColumnType::{Bool, Day, Int, Text, Time};
use super::spec::{Column, TableSpec, optional, required};

const CLUSTER: Column = required("cluster", Text, "Cluster id of the registry.");
const NAMESPACE: Column =
    required("namespace", Text, "Kubernetes namespace; only together with `cluster` does it name a place.");
const SOURCE: Column =
    required("source", Text, "Source id that the row came from, for example `file/<sha256>`.");
const SOURCE_POSITION: Column =
    required("source_position", Int, "Position in the source: record number, offset or window end.");
const SOURCE_CLASS: Column = required(
    "source_class",
    Text,
    "How it was measured (`event`, `prometheus`); a fact measured in two ways has two rows, and one of them is preferred, never their sum.",
);
const REVISION: Column =
    required("revision", Int, "Revision of the same fact by its producer; the highest wins.");
const EVENT_ID: Column = optional("event_id", Text, "CloudEvents `id`.");
const QUALITY: Column = required("quality", Text, "`observed`, `single_sample`, `reset`, `filled`.");
const START: Column = required("start", Time, "First instant of the interval.");
const END: Column =
    required("end", Time, "First instant after the interval; never past the UTC hour of `start`.");
const DATE: Column = required("date", Day, "UTC day of `start`; partition.");
const USER_ID: Column = optional(
    "user_id",
    Text,
    "Keyed hash (HMAC-SHA256 under the hub's key, first 128 bits, hexadecimal) of the raw user name.",
);

/// `rejects`: what could not be used, and why (law L10).
pub const REJECTS: TableSpec = TableSpec {
    name: "rejects",
    doc: "A record that could not be used, with its bytes (encrypted under the store's key), its source position and a reason.",
    columns: &[
        required("date", Day, "UTC day that the record speaks of, as far as `dated_by` says; partition."),
        SOURCE,
        SOURCE_POSITION,
        required("reason", Text, "Reason code, see `docs/format.md`."),
        required("detail", Text, "What is wrong: field, value, what was expected."),
        required("origin", Text, "File name or address, and line, for a person to find it."),
        required(
            "bytes_encrypted",
            Text,
            "The record's bytes, encrypted under the store's key, base64; long records are cut at 64 KiB.",
        ),
        required("byte_count", Int, "Length of the whole record in bytes."),
        required("recorded_at", Time, "When it was refused."),
        optional(
            "dated_by",
            Text,
            "Where `date` is from: `record`, the record's own time; `neighbour`, the nearest record of the same source whose time can be read; `reading`, the day it was read, for want of both.",
        ),
        optional("cluster", Text, "Cluster that the record names, where it can be read."),
        optional(
            "fact",
            Text,
            "Of which row the record speaks, where it can be read: table, partition day and a digest of the key.",
        ),
        optional("revision", Int, "Revision that the record gives to that fact."),
    ],
    key: &["source", "source_position", "reason"],
    order: &["source", "source_position", "reason"],
    partition: &["date"],
    stats: &["source"],
    fed_by_sources: true,
    sealed: false,
};

/// `users`: who stands behind a `user_id`.
pub const USERS: TableSpec = TableSpec {
    name: "users",
    doc: "The name behind a user id, encrypted under the hub's key. Destroying the key forgets the names and changes no total.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("user_id", Text, "Keyed hash of the raw user name."),
        required(
            "name_encrypted",
            Text,
            "The raw name under the hub's key, base64 of nonce and ciphertext; the nonce follows from the name, so the same name gives the same bytes.",
        ),
        SOURCE,
        SOURCE_POSITION,
    ],
    key: &["cluster", "namespace", "user_id"],
    order: &["cluster", "namespace", "user_id"],
    partition: &[],
    stats: &["cluster", "namespace", "user_id"],
    fed_by_sources: true,
    sealed: false,
};

/// `pod_usage`: one pod over one interval within an hour, containers folded.
pub const POD_USAGE: TableSpec = TableSpec {
    name: "pod_usage",
    doc: "One pod over one interval within a UTC hour. Requests are max(sum of app and sidecar containers, largest init container).",
    columns: &[
        CLUSTER,
        NAMESPACE,
        USER_ID,
        required("pod", Text, "Pod name; recurs over time."),
        START,
        END,
        required("pod_uid", Text, "Pod uid; with `cluster` the pod's identity."),
        optional("node", Text, "Node name; NULL while unscheduled."),
        optional("server", Text, "JupyterHub server name; empty for the default server."),
        required("role", Text, "`singleuser`, `dask`, `binder`, `build`, `placeholder`, `system`."),
        optional("component_label", Text, "The pod's own component label, as it was."),
        optional("image", Text, "Image reference."),
        optional("image_digest", Text, "Image digest, `sha256:…`."),
        optional("profile", Text, "Profile the user chose."),
        optional("cpu_request_millicore_ms", Int, "Requested CPU × time, millicore·ms."),
        optional("cpu_usage_millicore_ms", Int, "Used CPU × time, millicore·ms."),
        optional("memory_request_byte_ms", Int, "Requested memory × time, byte·ms."),
        optional("memory_usage_byte_ms", Int, "Used memory × time, byte·ms."),
        optional("gpu_request_milligpu_ms", Int, "Requested GPU × time, milliGPU·ms."),
        optional("gpu_usage_milligpu_ms", Int, "Used GPU × time, milliGPU·ms."),
        QUALITY,
        SOURCE_CLASS,
        REVISION,
        EVENT_ID,
        SOURCE,
        SOURCE_POSITION,
        DATE,
    ],
    key: &["cluster", "pod_uid", "start", "source_class"],
    order: &["cluster", "namespace", "user_id", "pod", "start", "pod_uid", "source_class"],
    partition: &["date"],
    stats: &["cluster", "namespace", "start", "end"],
    fed_by_sources: true,
    sealed: true,
};

/// `node_usage`: one node over one interval.
pub const NODE_USAGE: TableSpec = TableSpec {
    name: "node_usage",
    doc: "One node over one interval within a UTC hour, with what it could give.",
    columns: &[
        CLUSTER,
        required("node", Text, "Node name."),
        START,
        END,
        optional("node_uid", Text, "Node uid."),
        optional(
            "provider_id",
            Text,
            "Kubernetes `spec.providerID`, for example `aws:///us-west-2a/i-0abc`.",
        ),
        optional("instance_id", Text, "Instance id inside `provider_id`, as bills write it."),
        optional("instance_type", Text, "Instance type."),
        optional("zone", Text, "Zone."),
        optional("spot", Bool, "Whether it is a spot or preemptible instance."),
        optional("purpose", Text, "`core`, `user`, `dask-scheduler`, `dask-worker`."),
        optional("hub_label", Text, "Hub label of the node, where a node serves one hub."),
        required("cpu_capacity_millicore", Int, "CPU capacity level, millicores."),
        required("memory_capacity_byte", Int, "Memory capacity level, bytes."),
        required("gpu_capacity_milligpu", Int, "Physical GPUs, milliGPU."),
        optional("cpu_allocatable_millicore", Int, "CPU that pods may request, millicores."),
        optional("memory_allocatable_byte", Int, "Memory that pods may request, bytes."),
        QUALITY,
        SOURCE_CLASS,
        REVISION,
        EVENT_ID,
        SOURCE,
        SOURCE_POSITION,
        DATE,
    ],
    key: &["cluster", "node", "node_uid", "start", "source_class"],
    order: &["cluster", "node", "start", "node_uid", "source_class"],
    partition: &["date"],
    stats: &["cluster", "node", "start", "end"],
    fed_by_sources: true,
    sealed: true,
};

/// `storage_usage`: one directory, volume or bucket prefix at one time.
pub const STORAGE_USAGE: TableSpec = TableSpec {
    name: "storage_usage",
    doc: "One directory, volume or bucket prefix at one time.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("exporter", Text, "Which exporter measured it: `dirsize`, `home-nfs`, `inventory`."),
        required("kind", Text, "`directory`, `volume`, `bucket_prefix`."),
        required("path", Text, "Directory, volume or prefix, as it was."),
        required("time", Time, "When it was measured."),
        USER_ID,
        required("bytes", Int, "Size in bytes."),
        optional("limit_bytes", Int, "Quota in bytes."),
        optional("provisioned_bytes", Int, "Size of the volume that is paid, bytes."),
        optional("latest_modification", Time, "Latest modification inside."),
        QUALITY,
        REVISION,
        EVENT_ID,
        SOURCE,
        SOURCE_POSITION,
        required("date", Day, "UTC day of `time`; partition."),
    ],
    key: &["cluster", "namespace", "exporter", "kind", "path", "time"],
    order: &["cluster", "namespace", "exporter", "kind", "path", "time"],
    partition: &["date"],
    stats: &["cluster", "namespace", "time"],
    fed_by_sources: true,
    sealed: true,
};

/// `volume_mounts`: which pod mounts which volume.
pub const VOLUME_MOUNTS: TableSpec = TableSpec {
    name: "volume_mounts",
    doc: "One volume mounted by one pod over one interval.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("volume", Text, "Backing volume: CSI handle, or NFS server and export."),
        required("claim", Text, "Persistent volume claim."),
        required("pod_uid", Text, "Pod uid."),
        START,
        required("end", Time, "First instant after the interval."),
        REVISION,
        SOURCE,
        SOURCE_POSITION,
        DATE,
    ],
    key: &["cluster", "volume", "pod_uid", "start"],
    order: &["cluster", "volume", "pod_uid", "start"],
    partition: &["date"],
    stats: &["cluster", "namespace", "start"],
    fed_by_sources: true,
    sealed: true,
};

/// `memberships`: which user is in which group, by day.
pub const MEMBERSHIPS: TableSpec = TableSpec {
    name: "memberships",
    doc: "One user in one group on one UTC day.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("user_id", Text, "Keyed hash of the raw user name."),
        required("user_group", Text, "Group as the hub reports it; sentinels such as `none` are not stored."),
        REVISION,
        SOURCE,
        SOURCE_POSITION,
        required("date", Day, "UTC day of the membership; partition."),
    ],
    key: &["cluster", "namespace", "user_id", "user_group", "date"],
    order: &["cluster", "namespace", "user_id", "user_group"],
    partition: &["date"],
    stats: &["cluster", "namespace"],
    fed_by_sources: true,
    sealed: true,
};

/// `hub_gauges`: a hub's own gauges.
pub const HUB_GAUGES: TableSpec = TableSpec {
    name: "hub_gauges",
    doc: "One gauge that a hub reports of itself, at one time.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("gauge", Text, "Name with its labels, for example `active_users{period=\"30d\"}`."),
        required("time", Time, "When it was read."),
        required("value", Int, "Value."),
        REVISION,
        SOURCE,
        SOURCE_POSITION,
        required("date", Day, "UTC day of `time`; partition."),
    ],
    key: &["cluster", "namespace", "gauge", "time"],
    order: &["cluster", "namespace", "gauge", "time"],
    partition: &["date"],
    stats: &["cluster", "namespace", "time"],
    fed_by_sources: true,
    sealed: true,
};

/// `hub_events`: server starts and stops, launches.
pub const HUB_EVENTS: TableSpec = TableSpec {
    name: "hub_events",
    doc: "One server start or stop, or one launch.",
    columns: &[
        CLUSTER,
        NAMESPACE,
        required("event_id", Text, "Identity of the event in its source."),
        required("time", Time, "When it happened."),
        required("action", Text, "`start`, `stop`, `launch`."),
        USER_ID,
        optional("server", Text, "Server name."),
        optional("status", Text, "`success`, `failure`."),
        optional("detail", Text, "Launch provider and spec, as published."),
        REVISION,
        SOURCE,
        SOURCE_POSITION,
        required("date", Day, "UTC day of `time`; partition."),
    ],
    key: &["cluster", "namespace", "event_id"],
    order: &["cluster", "namespace", "time", "event_id"],
    partition: &["date"],
    stats: &["cluster", "namespace", "time"],
    fed_by_sources: true,
    sealed: true,
};

/// `packages`: what is inside an image.
pub const PACKAGES: TableSpec = TableSpec {
    name: "packages",
    doc: "One package inside one image.",
    columns: &[
        required("image_digest", Text, "Image digest, `sha256:…`."),
        required("ecosystem", Text, "`pypi`, `conda`, `deb`, `cran`, …"),
        required("package", Text, "Package name."),
        optional("version", Text, "Version."),
        SOURCE,
        SOURCE_POSITION,
    ],
    key: &["image_digest", "ecosystem", "package"],
    order: &["image_digest", "ecosystem", "package"],
    partition: &[],
    stats: &["image_digest"],
    fed_by_sources: true,
    sealed: false,
};

/// `coverage`: what was expected to be seen, and what was (law L4).
pub const COVERAGE: TableSpec = TableSpec {
    name: "coverage",
    doc: "Samples expected and seen, per cluster, query and UTC hour.",
    columns: &[
        CLUSTER,
        required("query", Text, "Which query or exporter, for example `pods`."),
        required("hour", Time, "UTC hour."),
        required("expected", Int, "Samples expected in that hour."),
        required("seen", Int, "Samples seen in that hour."),
        REVISION,
        SOURCE,
        SOURCE_POSITION,
        required("date", Day, "UTC day of `hour`; partition."),
    ],
    key: &["cluster", "query", "hour"],
    order: &["cluster", "query", "hour"],
    partition: &["date"],
    stats: &["cluster", "hour"],
    fed_by_sources: true,
    sealed: true,
};
