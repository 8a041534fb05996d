//! Bills that two processes load at the same moment.

use super::run::Place;

const FOCUS: &str = "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,SubAccountId,ChargeCategory,ServiceName
2,USD,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,2026-06-01T00:00:00Z,2026-06-02T00:00:00Z,111122223333,Usage,Amazon EC2
1,USD,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,2026-06-30T00:00:00Z,2026-07-01T00:00:00Z,111122223333,Usage,Amazon EC2
";
const CONSOLE: &str = "Linked account,111122223333,
Linked account name,ocean lab ($),Total costs($)
Linked account total,9,9
2026-06-01,9,9
";

/// Importers, amount and count of the rows of a month.
fn standing(place: &Place) -> String {
    let query = "SELECT importer, CAST(sum(billed_cost) AS DECIMAL(38,2)) AS billed, count(*) AS n FROM charges GROUP BY importer";
    place.run(&["sql", query, "--format", "csv"]).exits(0).stdout
}

#[test]
fn of_two_importers_at_once_one_has_the_month_and_the_other_names_both() {
    for round in 0..5 {
        let place = Place::initialised();
        place.write("june.csv", FOCUS).write("costs.csv", CONSOLE);
        let both = ["june.csv", "costs.csv"].map(|bill| place.start(&["ingest", "bills", bill]));
        let ended = both.map(|child| child.wait_with_output().unwrap());
        // 3: the account is not in the registry that `init` writes.
        let codes = ended.each_ref().map(|output| output.status.code());
        let said = ended.each_ref().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let (loser, rows) = match codes {
            [Some(3), Some(1)] => (1, "focus,3.00,2"),
            [Some(1), Some(3)] => (0, "aws-console,9.00,1"),
            _ => panic!("round {round}: {codes:?} {said:?}"),
        };
        for word in ["111122223333", "2026-06", "focus", "aws-console", "One importer per account"] {
            assert!(said[loser].contains(word), "round {round}: {word} is not in {}", said[loser]);
        }
        assert_eq!(standing(&place), format!("importer,billed,n\n{rows}\n"), "round {round}");
    }
}

#[test]
fn the_same_bill_in_two_processes_at_once_is_loaded_once() {
    for round in 0..3 {
        let place = Place::initialised();
        place.write("june.csv", FOCUS);
        let both = [(), ()].map(|()| place.start(&["ingest", "bills", "june.csv"]));
        for child in both {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // 3 for an account that nobody owns; 0 for one that came when all was done, and found nothing to do.
            assert!(matches!(output.status.code(), Some(0 | 3)), "round {round}: {said}");
        }
        assert_eq!(standing(&place), "importer,billed,n\nfocus,3.00,2\n", "round {round}");
        let revisions = "SELECT DISTINCT revision FROM charges";
        place.run(&["sql", revisions, "--format", "csv"]).exits(0).prints("revision\n1\n");
    }
}
