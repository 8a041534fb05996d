//! The keys of a store, in a folder outside it.
//!
//! One file for the store (`store.key`) and one a hub (`hubs/<hash>.key`, the hash of cluster and
//! namespace), each made once and never changed. A user id is HMAC-SHA256 of the raw name under the
//! hub's key, first 128 bits. Names are encrypted with XChaCha20-Poly1305 whose nonce is an HMAC of the
//! name, so that reading a file again gives the same bytes. Deleting a hub's file forgets its names.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use hubtally_schemas::{ClusterId, Namespace, UserId};
use sha2::{Digest, Sha256};

use crate::error::StoreError;

mod file;

type HmacSha256 = Hmac<Sha256>;

const NONCE_BYTES: usize = 24;
/// User ids that a hub remembers, so that the millionth event of a user costs a look-up, not a hash.
const REMEMBERED_USERS: usize = 65_536;
const STORE_KEY: &str = "store.key";
const REJECT_LABEL: &[u8] = b"reject";
const CHECK_LABEL: &[u8] = b"hubtally store key check";

/// The keys of one store. Cheap to clone; hub keys are read once and kept in memory.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    store: SealingKey,
    hubs: RwLock<HashMap<ClusterId, HashMap<Namespace, Arc<HubKey>>>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl Keys {
    /// Opens the folder of a store that is made now: its store key is made where it is missing.
    pub(crate) fn create(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(STORE_KEY);
        let secret = file::read_or_make(&path, "store")?;
        Ok(Self::with_store_key(folder, &secret))
    }

    /// Opens the folder of a store that exists; `None` if its store key is missing.
    pub(crate) fn open(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(STORE_KEY);
        let secret = file::read(&path, "store")?;
        Ok(secret.map(|secret| Self::with_store_key(folder, &secret)))
    }

    fn with_store_key(folder: &Path, secret: &file::Secret) -> Self {
        let store = SealingKey::new(&secret.second);
        Self(Arc::new(Inner { folder: folder.to_owned(), store, hubs: RwLock::default() }))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// What a store's mark keeps of the store key, to tell a foreign keys folder.
    pub(crate) fn check(&self) -> String {
        hex::encode(&self.0.store.mac(CHECK_LABEL)[..16])
    }

    /// The id of a user of a hub: 32 hexadecimal digits. Makes the hub's key on first use.
    pub fn user_id(
        &self,
        cluster: &ClusterId,
        namespace: &Namespace,
        raw: &str,
    ) -> Result<UserId, StoreError> {
        self.hub_or_make(cluster, namespace)?.user_id(raw)
    }

    /// A raw name under the hub's key: base64 of nonce and ciphertext, the same for the same name.
    pub fn encrypt_name(
        &self,
        cluster: &ClusterId,
        namespace: &Namespace,
        raw: &str,
    ) -> Result<String, StoreError> {
        let key = self.hub_or_make(cluster, namespace)?;
        key.names.encrypt("a user name", raw.as_bytes(), &place(cluster, namespace))
    }

    /// The raw name, or `None` where the hub's key is gone or the text was not written under it.
    pub fn decrypt_name(&self, cluster: &ClusterId, namespace: &Namespace, text: &str) -> Option<String> {
        let key = self.hub(cluster, namespace).ok()??;
        String::from_utf8(key.names.decrypt(text, &place(cluster, namespace))?).ok()
    }

    /// Bytes of a rejected record under the store's key.
    pub fn encrypt_reject(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.0.store.encrypt("a rejected record", bytes, REJECT_LABEL)
    }

    /// The bytes again, or `None` where they were not written under this key.
    pub fn decrypt_reject(&self, text: &str) -> Option<Vec<u8>> {
        self.0.store.decrypt(text, REJECT_LABEL)
    }

    /// A hub's key, where there is one.
    fn hub(&self, cluster: &ClusterId, namespace: &Namespace) -> Result<Option<Arc<HubKey>>, StoreError> {
        if let Some(key) = self.remembered(cluster, namespace) {
            return Ok(Some(key));
        }
        let (path, label) = self.hub_file(cluster, namespace);
        let secret = file::read(&path, &label)?;
        Ok(secret.map(|secret| self.remember(cluster, namespace, &secret)))
    }

    fn hub_or_make(&self, cluster: &ClusterId, namespace: &Namespace) -> Result<Arc<HubKey>, StoreError> {
        if let Some(key) = self.remembered(cluster, namespace) {
            return Ok(key);
        }
        let (path, label) = self.hub_file(cluster, namespace);
        let secret = file::read_or_make(&path, &label)?;
        Ok(self.remember(cluster, namespace, &secret))
    }

    fn remembered(&self, cluster: &ClusterId, namespace: &Namespace) -> Option<Arc<HubKey>> {
        let hubs = self.0.hubs.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        hubs.get(cluster)?.get(namespace).cloned()
    }

    fn remember(&self, cluster: &ClusterId, namespace: &Namespace, secret: &file::Secret) -> Arc<HubKey> {
        let key = Arc::new(HubKey::new(secret));
        let mut hubs = self.0.hubs.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        hubs.entry(cluster.clone()).or_default().entry(namespace.clone()).or_insert(key).clone()
    }

    /// Path and label of a hub's key file. The label is for the person who must destroy it.
    fn hub_file(&self, cluster: &ClusterId, namespace: &Namespace) -> (PathBuf, String) {
        let name = hex::encode(Sha256::digest(place(cluster, namespace)));
        let path = self.0.folder.join("hubs").join(format!("{name}.key"));
        (path, format!("cluster {cluster} namespace {namespace}"))
    }
}

/// Cluster and namespace as bytes that no other pair has: ids hold no control character.
fn place(cluster: &ClusterId, namespace: &Namespace) -> Vec<u8> {
    [cluster.as_str().as_bytes(), namespace.as_str().as_bytes()].join(&0)
}

struct HubKey {
    ids: HmacSha256,
    names: SealingKey,
    users: RwLock<HashMap<Box<str>, UserId>>,
}

impl HubKey {
    fn new(secret: &file::Secret) -> Self {
        Self { ids: hmac(&secret.first), names: SealingKey::new(&secret.second), users: RwLock::default() }
    }

    fn user_id(&self, raw: &str) -> Result<UserId, StoreError> {
        {
            let users = self.users.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(id) = users.get(raw) {
                return Ok(id.clone());
            }
        }
        let digest = mac(&self.ids, raw.as_bytes());
        let mut text = String::with_capacity(32);
        for byte in &digest[..16] {
            let _ = write!(text, "{byte:02x}");
        }
        let id =
            UserId::new(text).map_err(|_| StoreError::Encrypt { what: "a user id", bytes: raw.len() })?;
        let mut users = self.users.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if users.len() >= REMEMBERED_USERS {
            users.clear();
        }
        users.insert(raw.into(), id.clone());
        Ok(id)
    }
}

/// A key that encrypts deterministically: the nonce is an HMAC of the plaintext.
struct SealingKey {
    cipher: XChaCha20Poly1305,
    nonces: HmacSha256,
}

impl SealingKey {
    fn new(secret: &[u8; 32]) -> Self {
        // Two keys from one, so that neither primitive sees the other's.
        let parent = hmac(secret);
        let cipher_key = mac(&parent, b"\x01cipher");
        let nonce_key = mac(&parent, b"\x02nonce");
        Self { cipher: XChaCha20Poly1305::new(&cipher_key.into()), nonces: hmac(&nonce_key) }
    }

    fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        mac(&self.nonces, bytes)
    }

    fn encrypt(&self, what: &'static str, bytes: &[u8], place: &[u8]) -> Result<String, StoreError> {
        let mut mac = self.nonces.clone();
        mac.update(&(place.len() as u64).to_le_bytes());
        mac.update(place);
        mac.update(bytes);
        let digest = mac.finalize().into_bytes();
        let nonce = XNonce::from_slice(&digest[..NONCE_BYTES]);
        let sealed = self
            .cipher
            .encrypt(nonce, Payload { msg: bytes, aad: place })
            .map_err(|_| StoreError::Encrypt { what, bytes: bytes.len() })?;
        Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn decrypt(&self, text: &str, place: &[u8]) -> Option<Vec<u8>> {
        let bytes = BASE64.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        self.cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: place }).ok()
    }
}

fn hmac(key: &[u8; 32]) -> HmacSha256 {
    // A 32-byte key is shorter than SHA-256's block, so it is used as it is.
    let mut block = hmac::digest::Key::<HmacSha256>::default();
    block[..key.len()].copy_from_slice(key);
    <HmacSha256 as hmac::digest::KeyInit>::new(&block)
}

fn mac(key: &HmacSha256, bytes: &[u8]) -> [u8; 32] {
    let mut mac = key.clone();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
