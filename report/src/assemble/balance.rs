//! Nothing is published from books that do not balance (law L1).

use std::collections::BTreeMap;

use hubtally_schemas::money::pico_text;

use crate::error::ReportError;
use crate::facts::{Certificate, Month};
use crate::rounded::sum;

/// Every certificate holds, and the ledger is the one that they speak of.
pub fn check(month: &Month) -> Result<(), ReportError> {
    for certificate in &month.certificates {
        if certificate.difference != 0 || certificate.violating != 0 {
            return Err(ReportError::OutOfBalance {
                scope: certificate.scope.clone(),
                scope_id: certificate.scope_id.clone(),
                difference: pico_text(certificate.difference),
                currency: certificate.currency.clone(),
                violating: certificate.violating,
            });
        }
    }
    let mut ledger: BTreeMap<(&str, &str), Vec<i128>> = BTreeMap::new();
    for leaf in &month.leaves {
        ledger.entry((&leaf.key.account, leaf.key.currency.code())).or_default().push(leaf.exact);
    }
    for ((account, currency), exact) in ledger {
        let posted = sum(exact.into_iter(), account)?;
        let certificate = of_account(month, account, currency);
        if certificate.is_none_or(|certificate| certificate.posted != posted) {
            return Err(ReportError::CertificateApart {
                account: account.to_owned(),
                currency: currency.to_owned(),
                ledger: pico_text(posted),
                certificate: certificate.map_or("nothing".to_owned(), |known| pico_text(known.posted)),
            });
        }
    }
    Ok(())
}

/// The certificate of an account in a currency.
pub fn of_account<'a>(month: &'a Month, account: &str, currency: &str) -> Option<&'a Certificate> {
    month
        .certificates
        .iter()
        .find(|known| known.scope == "account" && known.scope_id == account && known.currency == currency)
}

/// The certificates over all accounts, one a currency.
pub fn totals(month: &Month) -> impl Iterator<Item = &Certificate> {
    month.certificates.iter().filter(|certificate| certificate.scope == "total")
}
