//! The month on object storage gives the same books as in a folder.
//!
//! Runs against the server that `HUBTALLY_TEST_S3_ENDPOINT` and its companions name, as `make test` starts it.

use std::time::SystemTime;

use super::end_to_end::{CLOSE, closed, federation};

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
