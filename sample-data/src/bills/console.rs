//! What finance downloads from consoles: totals by account and month.

use hubtally_schemas::Period;

use super::line::{BillSums, Category};
use crate::dice::Dice;
use crate::error::SampleError;
use crate::facts::{BillFacts, amount_text};
use crate::output::Folder;

/// An account without usage, billed by account and month alone.
#[derive(Debug, Clone)]
pub struct ConsoleAccount {
    /// Account number or project id.
    pub id: String,
    /// Its name in the console.
    pub name: String,
}

/// Writes "Monthly Costs By Linked Account" of some AWS accounts, and gives each account's facts.
pub fn write_aws(
    folder: &Folder,
    seed: u64,
    accounts: &[ConsoleAccount],
    period: Period,
) -> Result<Vec<BillFacts>, SampleError> {
    let file = "bills/aws-linked-accounts/costs.csv".to_owned();
    let mut dice = Dice::new(seed, &["aws console"]);
    let amounts: Vec<i128> = accounts.iter().map(|_| console_amount(&mut dice)).collect();
    let row = |head: &str, cells: Vec<String>| format!("{head},{}\n", cells.join(","));
    let ids = accounts.iter().map(|account| account.id.clone()).chain([String::new()]).collect();
    let names = accounts
        .iter()
        .map(|account| format!("{} ($)", account.name))
        .chain(["Total costs($)".to_owned()])
        .collect();
    let total: i128 = amounts.iter().sum();
    let costs: Vec<String> = amounts.iter().chain([&total]).map(|pico| amount_text(*pico)).collect();
    let mut text = row("Linked account", ids);
    text.push_str(&row("Linked account name", names));
    text.push_str(&row("Linked account total", costs.clone()));
    text.push_str(&row(&period.first_day().to_string(), costs));
    folder.write(&file, text.as_bytes())?;
    Ok(accounts
        .iter()
        .zip(amounts)
        .map(|(account, pico)| one_line(pico).facts(&account.id, "aws-console", vec![file.clone()]))
        .collect())
}

/// Writes a one-month report of a GCP project: the month stands in the file's name alone.
pub fn write_gcp(
    folder: &Folder,
    seed: u64,
    account: &ConsoleAccount,
    period: Period,
) -> Result<BillFacts, SampleError> {
    let last = period.days().last().unwrap_or_default();
    let file = format!("bills/{}/Reports, {} — {last}.csv", account.id, period.first_day());
    let pico = console_amount(&mut Dice::new(seed, &["gcp console", &account.id]));
    let text = format!(
        "Project name,Project ID,Project hierarchy,Cost ($),Discounts ($),Subtotal ($)\n{},{},observatory.example,{cost},0,{cost}\n",
        account.name,
        account.id,
        cost = amount_text(pico)
    );
    folder.write(&file, text.as_bytes())?;
    Ok(one_line(pico).facts(&account.id, "gcp-console", vec![file]))
}

/// Consoles show many decimals on one day and two on another; these show ten.
fn console_amount(dice: &mut Dice) -> i128 {
    i128::from(dice.between(40_000_000_000, 900_000_000_000)) * 1_000
}

fn one_line(pico: i128) -> BillSums {
    let mut sums = BillSums::default();
    sums.add(Category::Usage, pico);
    sums
}
