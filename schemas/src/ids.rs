//! Identities as types (law L5): a namespace means nothing without its cluster, a pod is
//! (cluster, uid), a user is (cluster, namespace, keyed hash of the raw name).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::SchemaError;

/// The longest id that is accepted, in bytes. Kubernetes names have at most 253.
pub const MAX_ID_BYTES: usize = 512;

fn check(kind: &'static str, value: &str) -> Result<(), SchemaError> {
    let why = if value.is_empty() {
        "it is empty"
    } else if value.len() > MAX_ID_BYTES {
        "it is longer than 512 bytes"
    } else if value.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return Ok(());
    };
    let shown: String = value.chars().take(64).collect();
    Err(SchemaError::Id { kind, value: shown, why })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the value: 1 to 512 bytes without control characters.
            pub fn new(value: impl AsRef<str>) -> Result<Self, SchemaError> {
                check($kind, value.as_ref())?;
                Ok(Self(Arc::from(value.as_ref())))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A Kubernetes cluster of the federation.
    ClusterId,
    "cluster"
);
id!(
    /// A community: who gets statements.
    CommunityId,
    "community"
);
id!(
    /// A hub as the registry names it, unique in the federation.
    HubId,
    "hub"
);
id!(
    /// A Kubernetes namespace, unique only within its cluster.
    Namespace,
    "namespace"
);
id!(
    /// A pod's uid, unique only within its cluster.
    PodUid,
    "pod uid"
);
id!(
    /// A node's name as Kubernetes gives it.
    NodeName,
    "node"
);
id!(
    /// A keyed hash of a raw user name: 128 bits, 32 hexadecimal digits.
    UserId,
    "user"
);
id!(
    /// A billing account, project or subscription.
    AccountId,
    "account"
);
id!(
    /// A bill line: importer, account and line id.
    ChargeId,
    "charge"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_refuses_emptiness_length_and_control_characters() {
        assert!(ClusterId::new("tides").is_ok());
        assert!(ClusterId::new("").is_err());
        assert!(ClusterId::new("a\nb").is_err());
        assert!(ClusterId::new("x".repeat(513)).is_err());
    }
}
