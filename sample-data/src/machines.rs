//! Instance types with their prices, and the profiles that users choose from.

use crate::places::Cloud;

/// Bytes in a gibibyte.
pub const GIB: i64 = 1 << 30;

/// A machine type.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// Instance type as the provider writes it.
    pub name: &'static str,
    /// Millicores.
    pub cpu_millicore: i64,
    /// Bytes.
    pub memory_byte: i64,
    /// MilliGPU.
    pub gpu_milligpu: i64,
    /// Price of an hour in micro-dollars.
    pub price_micro: i64,
    /// Price of an hour on demand, where this is a spot price.
    pub list_micro: i64,
    /// Spot or preemptible.
    pub spot: bool,
}

impl Machine {
    /// Millicores that pods may request.
    pub fn cpu_allocatable(&self) -> i64 {
        self.cpu_millicore - 80
    }

    /// Bytes that pods may request: what kubelet and system keep is taken off.
    pub fn memory_allocatable(&self) -> i64 {
        self.memory_byte / 100 * 94 / 4_096 * 4_096 - (GIB / 4)
    }
}

const fn machine(name: &'static str, cores: i64, gib: i64, price_micro: i64) -> Machine {
    Machine {
        name,
        cpu_millicore: cores * 1_000,
        memory_byte: gib * GIB,
        gpu_milligpu: 0,
        price_micro,
        list_micro: price_micro,
        spot: false,
    }
}

/// Micro-dollars for a core and an hour of the N2 family.
pub const N2_CORE_MICRO: i64 = 31_611;
/// Micro-dollars for a GiB and an hour of the N2 family.
pub const N2_RAM_MICRO: i64 = 4_237;

const fn n2(name: &'static str, cores: i64, gib: i64) -> Machine {
    machine(name, cores, gib, cores * N2_CORE_MICRO + gib * N2_RAM_MICRO)
}

static R5_LARGE: Machine = machine("r5.large", 2, 16, 126_000);
static R5_XLARGE: Machine = machine("r5.xlarge", 4, 32, 252_000);
static R5_4XLARGE: Machine = machine("r5.4xlarge", 16, 128, 1_008_000);
static G4DN_XLARGE: Machine = Machine { gpu_milligpu: 1_000, ..machine("g4dn.xlarge", 4, 16, 526_000) };
static R5_4XLARGE_SPOT: Machine =
    Machine { list_micro: 1_008_000, spot: true, ..machine("r5.4xlarge", 16, 128, 391_200) };
static N2_HIGHMEM_2: Machine = n2("n2-highmem-2", 2, 16);
static N2_HIGHMEM_4: Machine = n2("n2-highmem-4", 4, 32);
static N2_HIGHMEM_16: Machine = n2("n2-highmem-16", 16, 128);

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Hubs, proxies, support.
    Core,
    /// Users' servers.
    User,
    /// Dask workers.
    Worker,
}

impl Purpose {
    /// As node events write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::User => "user",
            Self::Worker => "dask-worker",
        }
    }

    /// As AWS tags write it.
    pub fn aws_tag(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::User => "user",
            Self::Worker => "worker",
        }
    }

    /// As GCP labels write it.
    pub fn gcp_label(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::User => "notebook",
            Self::Worker => "dask-worker",
        }
    }
}

/// Size class of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// For hubs and support.
    Core,
    /// For small and medium servers.
    Standard,
    /// For large servers.
    Large,
    /// With a GPU.
    Gpu,
    /// For Dask workers, spot.
    Worker,
}

/// The machine of a size in a cloud.
pub fn machine_of(cloud: Cloud, size: Size) -> &'static Machine {
    match (cloud, size) {
        (Cloud::Aws, Size::Core) => &R5_LARGE,
        (Cloud::Aws, Size::Standard) => &R5_XLARGE,
        (Cloud::Aws, Size::Large) => &R5_4XLARGE,
        (Cloud::Aws, Size::Gpu) => &G4DN_XLARGE,
        (Cloud::Aws, Size::Worker) => &R5_4XLARGE_SPOT,
        (Cloud::Gcp, Size::Core) => &N2_HIGHMEM_2,
        (Cloud::Gcp, Size::Standard | Size::Gpu) => &N2_HIGHMEM_4,
        (Cloud::Gcp, Size::Large | Size::Worker) => &N2_HIGHMEM_16,
    }
}

/// What a server may use: its request and its limit.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Name that the user sees; none on hubs without a choice.
    pub name: Option<&'static str>,
    /// Millicores requested; none where the hub requests none.
    pub cpu_request: Option<i64>,
    /// Millicores at most.
    pub cpu_limit: i64,
    /// Bytes requested.
    pub memory_request: i64,
    /// Bytes at most.
    pub memory_limit: i64,
    /// MilliGPU.
    pub gpu: i64,
    /// Where it runs.
    pub size: Size,
    /// Its image.
    pub image: Image,
}

/// An image that pods run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// Reference without a tag.
    pub name: &'static str,
    /// Tag in the first half of the month.
    pub tag: &'static str,
    /// Tag from the 16th on, where the image moved.
    pub next_tag: Option<&'static str>,
}

impl Image {
    /// The reference, in the second half of the month if `later`.
    pub fn reference(&self, later: bool) -> String {
        let tag = self.next_tag.filter(|_| later).unwrap_or(self.tag);
        format!("{}:{tag}", self.name)
    }
}

/// The choices of profiles.
pub mod profiles {
    use super::{GIB, Image, Profile, Size};

    const SCIENCE: Image =
        Image { name: "quay.io/pangeo/pangeo-notebook", tag: "2026.04.01", next_tag: Some("2026.06.12") };
    const GPU_IMAGE: Image =
        Image { name: "quay.io/pangeo/pytorch-notebook", tag: "2026.04.01", next_tag: None };
    const BASIC: Image =
        Image { name: "quay.io/jupyter/scipy-notebook", tag: "2026-05-18", next_tag: Some("2026-06-15") };
    const R_IMAGE: Image = Image { name: "docker.io/rocker/binder", tag: "4.5.1", next_tag: None };

    const SMALL_SERVER: Profile = Profile {
        name: Some("Small: 2 GB"),
        cpu_request: Some(125),
        cpu_limit: 2_000,
        memory_request: 2 * GIB,
        memory_limit: 2 * GIB,
        gpu: 0,
        size: Size::Standard,
        image: BASIC,
    };
    const MEDIUM_SERVER: Profile = Profile {
        name: Some("Medium: 8 GB"),
        cpu_request: Some(1_000),
        cpu_limit: 4_000,
        memory_request: 7 * GIB,
        memory_limit: 8 * GIB,
        image: SCIENCE,
        ..SMALL_SERVER
    };
    const LARGE_SERVER: Profile = Profile {
        name: Some("Large: 32 GB"),
        cpu_request: Some(4_000),
        cpu_limit: 8_000,
        memory_request: 29 * GIB,
        memory_limit: 32 * GIB,
        size: Size::Large,
        image: SCIENCE,
        ..SMALL_SERVER
    };
    const GPU_SERVER: Profile = Profile {
        name: Some("GPU: NVIDIA T4, 14 GB"),
        cpu_request: Some(3_000),
        cpu_limit: 4_000,
        memory_request: 13 * GIB,
        memory_limit: 14 * GIB,
        gpu: 1_000,
        size: Size::Gpu,
        image: GPU_IMAGE,
    };
    const R_SERVER: Profile = Profile {
        name: Some("R and \"tidyverse\", 4 GB"),
        memory_request: 4 * GIB,
        memory_limit: 4 * GIB,
        image: R_IMAGE,
        ..SMALL_SERVER
    };
    const BINDER_SERVER: Profile =
        Profile { name: None, cpu_request: None, cpu_limit: 1_000, memory_request: GIB, ..SMALL_SERVER };

    /// A Dask worker.
    pub const DASK_WORKER: Profile = Profile {
        name: None,
        cpu_request: Some(1_850),
        cpu_limit: 2_000,
        memory_request: 14 * GIB,
        memory_limit: 14 * GIB,
        gpu: 0,
        size: Size::Worker,
        image: SCIENCE,
    };
    /// A Dask scheduler, on a node for users.
    pub const DASK_SCHEDULER: Profile = Profile {
        cpu_request: Some(500),
        cpu_limit: 1_000,
        memory_request: GIB,
        memory_limit: 2 * GIB,
        size: Size::Standard,
        ..DASK_WORKER
    };

    /// A laboratory: everything, GPUs too.
    pub const LAB: &[(Profile, u32)] =
        &[(SMALL_SERVER, 38), (MEDIUM_SERVER, 44), (LARGE_SERVER, 10), (GPU_SERVER, 8)];
    /// Small and medium servers, seldom a large one, and R.
    pub const EVERYDAY: &[(Profile, u32)] =
        &[(SMALL_SERVER, 50), (MEDIUM_SERVER, 35), (R_SERVER, 12), (LARGE_SERVER, 3)];
    /// One size.
    pub const SMALL: &[(Profile, u32)] = &[(SMALL_SERVER, 100)];
    /// Launches of anyone.
    pub const BINDER: &[(Profile, u32)] = &[(BINDER_SERVER, 100)];
}
