//! AWS credentials that our client does not find itself: profiles and SSO, asked from the program `aws`.
//!
//! `object_store` reads keys from options and environment, web identities, and the roles of containers and
//! instances. Profiles of `~/.aws` it does not read. Where nothing else is given and there is a profile,
//! `aws configure export-credentials` is run, now and again before what it gave expires.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::CredentialProvider;
use object_store::aws::{AmazonS3ConfigKey, AwsCredential};
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long the program may take; the second word of a person's SSO is a web page, which is not waited for.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(10);
/// Credentials are fetched anew this long before they expire.
const MARGIN: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// Where the credentials of an S3 store come from.
#[derive(Debug, Clone)]
pub(crate) enum AwsCredentials {
    /// The client finds them itself.
    Given,
    /// The program `aws` gives them.
    Profile(Arc<Profile>),
    /// Only the role of the machine is left; `tried` says what was looked for before.
    Instance {
        /// In words.
        tried: String,
    },
}

/// What the environment says, so that a test can say something else.
pub(crate) trait Surroundings {
    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;
    /// Whether a file is there.
    fn is_file(&self, path: &std::path::Path) -> bool {
        path.is_file()
    }
}

/// The process' own.
pub(crate) struct Process;

impl Surroundings for Process {
    #[expect(
        clippy::disallowed_methods,
        reason = "object_store's own `from_env` reads the environment here too; a profile is of the same kind"
    )]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Ways that the client goes itself, each with the options and variables that lead to it.
const GIVEN: &[(AmazonS3ConfigKey, &str)] = &[
    (AmazonS3ConfigKey::AccessKeyId, "AWS_ACCESS_KEY_ID"),
    (AmazonS3ConfigKey::WebIdentityTokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE"),
    (AmazonS3ConfigKey::ContainerCredentialsRelativeUri, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    (AmazonS3ConfigKey::ContainerCredentialsFullUri, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    (AmazonS3ConfigKey::SkipSignature, "AWS_SKIP_SIGNATURE"),
];

const LOOKED_FOR: &str = "keys (aws_access_key_id in [store_options], AWS_ACCESS_KEY_ID): not set; \
                          web identity (AWS_WEB_IDENTITY_TOKEN_FILE): not set; \
                          container role (AWS_CONTAINER_CREDENTIALS_…): not set";

/// Decides where credentials come from. Nothing is run or asked yet.
pub(crate) fn choose(options: &BTreeMap<String, String>, around: &dyn Surroundings) -> AwsCredentials {
    let options: Vec<AmazonS3ConfigKey> =
        options.keys().filter_map(|option| option.to_ascii_lowercase().parse().ok()).collect();
    if GIVEN.iter().any(|(key, name)| options.contains(key) || around.variable(name).is_some()) {
        return AwsCredentials::Given;
    }
    let profile = around.variable("AWS_PROFILE").or_else(|| around.variable("AWS_DEFAULT_PROFILE"));
    let home = around.variable("HOME").map(PathBuf::from);
    let file = |variable: &str, name: &str| {
        let named = around.variable(variable).map(PathBuf::from);
        named.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
    };
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let has_file = files.iter().flatten().any(|file| around.is_file(file));
    let said = match &profile {
        Some(name) => format!("profile {name:?}"),
        None if has_file => "the default profile of ~/.aws".to_owned(),
        None => {
            let tried = format!(
                "{LOOKED_FOR}; profile (AWS_PROFILE, ~/.aws): none; the role of this machine (169.254.169.254): no answer"
            );
            return AwsCredentials::Instance { tried };
        }
    };
    let path = around.variable("PATH").unwrap_or_default();
    let program =
        std::env::split_paths(&path).map(|folder| folder.join("aws")).find(|file| around.is_file(file));
    match program {
        Some(program) => {
            AwsCredentials::Profile(Arc::new(Profile { program, name: profile, fetched: Mutex::new(None) }))
        }
        None => AwsCredentials::Instance {
            tried: format!(
                "{LOOKED_FOR}; {said}: the program `aws` (version 2), which reads profiles and SSO, is not on PATH; the role of this machine (169.254.169.254): no answer"
            ),
        },
    }
}

/// A profile that the program `aws` knows.
#[derive(Debug)]
pub(crate) struct Profile {
    program: PathBuf,
    name: Option<String>,
    fetched: Mutex<Option<Fetched>>,
}

#[derive(Debug, Clone)]
struct Fetched {
    credential: Arc<AwsCredential>,
    expires: Option<DateTime<Utc>>,
}

/// What `aws configure export-credentials --format process` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<DateTime<Utc>>,
}

#[async_trait::async_trait]
impl CredentialProvider for Profile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut fetched = self.fetched.lock().await;
        #[expect(clippy::disallowed_methods, reason = "credentials expire by the clock of the wall")]
        let now = Utc::now();
        if let Some(held) =
            fetched.as_ref().filter(|held| held.expires.is_none_or(|expires| now + MARGIN < expires))
        {
            return Ok(held.credential.clone());
        }
        let (program, profile) = (self.program.clone(), self.name.clone());
        let run = tokio::task::spawn_blocking(move || export(&program, profile.as_deref()));
        let exported = match tokio::time::timeout(PROGRAM_TIMEOUT + Duration::from_secs(1), run).await {
            Ok(Ok(exported)) => exported,
            Ok(Err(_)) | Err(_) => Err("the program `aws` does not end".to_owned()),
        };
        let new = exported.map_err(|why| object_store::Error::Generic { store: "S3", source: why.into() })?;
        *fetched = Some(new.clone());
        Ok(new.credential)
    }
}

fn export(program: &std::path::Path, profile: Option<&str>) -> Result<Fetched, String> {
    let mut command = Command::new(program);
    command.args(["configure", "export-credentials", "--format", "process"]);
    if let Some(profile) = profile {
        command.args(["--profile", profile]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    let step = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    while matches!(child.try_wait(), Ok(None)) {
        if waited >= PROGRAM_TIMEOUT {
            // It may have ended in this moment: then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "`aws configure export-credentials` took longer than {} s",
                PROGRAM_TIMEOUT.as_secs()
            ));
        }
        std::thread::sleep(step);
        waited += step;
    }
    let ended = child.wait_with_output().map_err(|error| format!("{}: {error}", program.display()))?;
    if !ended.status.success() {
        let said: String = String::from_utf8_lossy(&ended.stderr).trim().chars().take(300).collect();
        let named = profile.map_or_else(String::new, |profile| format!(" --profile {profile}"));
        return Err(format!(
            "`aws configure export-credentials{named}` failed: {said}; for SSO run `aws sso login{named}` first"
        ));
    }
    // What it printed holds secrets: of an error only its kind is told.
    let exported: Exported = serde_json::from_slice(&ended.stdout).map_err(|_| {
        "`aws configure export-credentials` printed no credentials: it needs version 2 of the program"
            .to_owned()
    })?;
    let credential = Arc::new(AwsCredential {
        key_id: exported.access_key_id,
        secret_key: exported.secret_access_key,
        token: exported.session_token,
    });
    Ok(Fetched { credential, expires: exported.expiration })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    struct Around(Vec<(&'static str, &'static str)>, Vec<&'static str>);

    impl Surroundings for Around {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }

        fn is_file(&self, path: &Path) -> bool {
            self.1.iter().any(|file| Path::new(file) == path)
        }
    }

    #[test]
    fn what_is_given_comes_before_a_profile_and_a_profile_before_the_machine() {
        let none = BTreeMap::new();
        let keys = BTreeMap::from([("AWS_Access_Key_Id".to_owned(), "x".to_owned())]);
        let profile = vec![("AWS_PROFILE", "hubs"), ("PATH", "/bin:/opt/bin"), ("HOME", "/home/ada")];
        let with_program = Around(profile.clone(), vec!["/opt/bin/aws"]);
        assert!(matches!(choose(&keys, &with_program), AwsCredentials::Given));
        let web = Around(vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_PROFILE", "hubs")], vec![]);
        assert!(matches!(choose(&none, &web), AwsCredentials::Given));
        let AwsCredentials::Profile(found) = choose(&none, &with_program) else { panic!("no profile") };
        assert_eq!(found.name.as_deref(), Some("hubs"));
        let AwsCredentials::Instance { tried } = choose(&none, &Around(profile, vec![])) else {
            panic!("a program")
        };
        assert!(tried.contains("profile \"hubs\"") && tried.contains("not on PATH"), "{tried}");
        let home =
            Around(vec![("HOME", "/home/ada"), ("PATH", "/bin")], vec!["/home/ada/.aws/config", "/bin/aws"]);
        assert!(matches!(choose(&none, &home), AwsCredentials::Profile(_)));
        let AwsCredentials::Instance { tried } = choose(&none, &Around(vec![], vec![])) else {
            panic!("found")
        };
        assert!(tried.contains("profile (AWS_PROFILE, ~/.aws): none"), "{tried}");
    }
}
