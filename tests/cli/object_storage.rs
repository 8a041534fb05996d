//! The month on object storage gives the same books as in a folder.
//!
//! Runs against the server that `HUBTALLY_TEST_S3_ENDPOINT` and its companions name, as `make test` starts it.

use std::time::{Instant, SystemTime};

use super::end_to_end::{CLOSE, closed, federation};
use super::run::Place;

#[expect(clippy::disallowed_methods, reason = "which server the tests talk to")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "a folder of the bucket that no other run uses")]
fn unused_prefix() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("cli-{}-{}", std::process::id(), since.as_nanos())
}

#[test]
fn the_month_closes_on_s3_with_the_same_result() {
    let Some(endpoint) = variable("HUBTALLY_TEST_S3_ENDPOINT") else {
        let required = variable("CI_REQUIRE_SERVERS").as_deref() == Some("1");
        assert!(!required, "CI_REQUIRE_SERVERS=1 and HUBTALLY_TEST_S3_ENDPOINT is not set");
        println!("skipped: no S3 server (HUBTALLY_TEST_S3_ENDPOINT)");
        return;
    };
    let given = |name: &str| variable(&format!("HUBTALLY_TEST_S3_{name}")).unwrap();
    let place = federation();
    let store = format!("s3://{}/{}", given("BUCKET"), unused_prefix());
    let options = format!(
        "\n[store_options]\naws_endpoint = \"{endpoint}\"\naws_allow_http = \"true\"\naws_region = \"us-east-1\"\n\
         aws_access_key_id = \"{}\"\naws_secret_access_key = \"env:SECRET_FOR_THE_TEST\"\n",
        given("ACCESS_KEY")
    );
    let text = place.read("hubtally.toml").replace("store = \"store\"", &format!("store = \"{store}\""));
    place.write(
        "hubtally.toml",
        &(text.replace("keys = \"file:keys\"", "keys = \"file:keys-of-s3\"") + &options),
    );
    let secret = given("SECRET_KEY");
    let secret = [("SECRET_FOR_THE_TEST", secret.as_str())];

    place.run(&["tables"]).exits(2).says("SECRET_FOR_THE_TEST, which is not set");
    place.run_with(&["tables"], &secret).exits(1).says("hubtally init");
    place.run_with(&["init", "--keep"], &secret).exits(0).says(&store);
    let first = place.run_with(CLOSE, &secret).exits(3).json();
    assert_eq!(first, closed().1.json());
    assert_eq!(place.run_with(CLOSE, &secret).exits(3).json(), first);
    let tables = place.run_with(&["tables", "--json"], &secret).exits(0).json();
    assert!(tables[0]["url"].as_str().unwrap().starts_with(&store), "{tables}");
}

/// Puts a program `aws` into a folder, and gives the folder.
#[cfg(unix)]
fn fake_aws(place: &Place, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    place.write("fake/aws", &format!("#!/bin/sh\n{script}\n"));
    let program = place.path("fake/aws");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", place.path("fake").display())
}

#[cfg(unix)]
fn with_store(place: &Place, store: &str, endpoint: &str) {
    let options = format!(
        "\n[store_options]\naws_endpoint = \"{endpoint}\"\naws_allow_http = \"true\"\naws_region = \"us-east-1\"\n"
    );
    let text = place.read("hubtally.toml").replace("store = \"store\"", &format!("store = \"{store}\""));
    place.write(
        "hubtally.toml",
        &(text.replace("keys = \"file:keys\"", "keys = \"file:keys-of-s3\"") + &options),
    );
}

#[test]
#[cfg(unix)]
fn a_profile_is_asked_of_the_program_aws() {
    let Some(endpoint) = variable("HUBTALLY_TEST_S3_ENDPOINT") else {
        super::run::skip("no S3 server (HUBTALLY_TEST_S3_ENDPOINT)");
        return;
    };
    let given = |name: &str| variable(&format!("HUBTALLY_TEST_S3_{name}")).unwrap();
    let place = Place::initialised();
    with_store(&place, &format!("s3://{}/{}", given("BUCKET"), unused_prefix()), &endpoint);
    let home = place.path("home").display().to_string();
    let script = format!(
        "[ \"$*\" = 'configure export-credentials --format process --profile hubs' ] || exit 9\n\
         echo '{{\"Version\": 1, \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\", \"Expiration\": \"2099-01-01T00:00:00+00:00\"}}'",
        given("ACCESS_KEY"),
        given("SECRET_KEY")
    );
    let path = fake_aws(&place, &script);
    let around = [("AWS_PROFILE", "hubs"), ("PATH", path.as_str()), ("HOME", home.as_str())];
    place.run_with(&["init", "--keep"], &around).exits(0);
    place.run_with(&["tables"], &around).exits(0).prints("pod_usage");
}

#[test]
#[cfg(unix)]
fn who_has_no_credentials_is_told_within_seconds_what_was_tried() {
    let place = Place::initialised();
    with_store(&place, "s3://hubs-for-nobody/x", "http://127.0.0.1:9");
    let home = place.path("home").display().to_string();
    let begun = Instant::now();
    place
        .run_with(&["tables"], &[("AWS_PROFILE", "hubs"), ("PATH", "/nowhere"), ("HOME", &home)])
        .exits(1)
        .says("no AWS credentials were found")
        .says("AWS_ACCESS_KEY_ID")
        .says("profile \"hubs\": the program `aws` (version 2)")
        .says("169.254.169.254");
    assert!(begun.elapsed().as_secs_f64() < 6.0, "{:?}", begun.elapsed());
    let path = fake_aws(&place, "echo 'The SSO session has expired' >&2\nexit 255");
    place
        .run_with(&["tables"], &[("AWS_PROFILE", "hubs"), ("PATH", &path), ("HOME", &home)])
        .exits(1)
        .says("The SSO session has expired")
        .says("aws sso login --profile hubs");
}
