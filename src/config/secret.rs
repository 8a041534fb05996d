//! References to secrets: `file:PATH` and `env:NAME`. A secret itself never stands in the configuration.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A secret that could not be fetched.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file is not there or cannot be read.
    #[error("`{key}` refers to the file {file}, which cannot be read")]
    File {
        /// Which key.
        key: String,
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("`{key}` refers to the environment variable {name}, which is not set: export it and run again")]
    Variable {
        /// Which key.
        key: String,
        /// The variable.
        name: String,
    },
    /// A secret in plain text.
    #[error(
        "`{key}` is a secret and stands in the file in plain text: write it as \"env:NAME\" or \"file:PATH\", \
         and change the secret if the file was ever shared"
    )]
    Plain {
        /// Which key.
        key: String,
    },
}

/// What a value refers to; a value that is no reference stands for itself, unless its key names a secret.
pub fn resolve(
    key: &str,
    value: &str,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, SecretError> {
    if let Some(path) = value.strip_prefix("file:") {
        let file = folder.join(path);
        return std::fs::read_to_string(&file)
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|source| SecretError::File { key: key.to_owned(), file, source });
    }
    if let Some(name) = value.strip_prefix("env:") {
        return variable(name)
            .ok_or_else(|| SecretError::Variable { key: key.to_owned(), name: name.to_owned() });
    }
    if is_secret(key) {
        return Err(SecretError::Plain { key: key.to_owned() });
    }
    Ok(value.to_owned())
}

/// Whether a key of this name is a secret.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let says_so = [
        "secret",
        "token",
        "password",
        "account_key",
        "access_key",
        "sas_key",
        "private_key",
        "client_key",
        "authorization",
        "cookie",
        "api-key",
    ];
    says_so.iter().any(|part| key.contains(part)) && !key.contains("access_key_id") && !key.ends_with("_file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<String, SecretError> {
        let variable = |name: &str| (name == "THERE").then(|| "hush".to_owned());
        resolve(key, value, Path::new("."), &variable)
    }

    #[test]
    fn references_are_followed_and_plain_secrets_refused() {
        assert_eq!(read("aws_secret_access_key", "env:THERE").unwrap(), "hush");
        assert_eq!(read("aws_endpoint", "http://127.0.0.1:7070").unwrap(), "http://127.0.0.1:7070");
        assert_eq!(read("aws_access_key_id", "AKIA").unwrap(), "AKIA");
        assert!(matches!(read("aws_secret_access_key", "hush"), Err(SecretError::Plain { .. })));
        assert!(matches!(read("aws_session_token", "env:GONE"), Err(SecretError::Variable { .. })));
        assert!(matches!(read("x", "file:no-such-file"), Err(SecretError::File { .. })));
    }
}
