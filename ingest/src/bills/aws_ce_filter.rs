//! When two Cost Explorer filters exclude each other, and when filters together leave nothing out.
//!
//! A filter becomes a list of alternatives (disjunctive normal form); an alternative holds, per
//! dimension or tag, the set of values that it allows. Absence of a tag is a value of its own. Two
//! filters are disjoint if every pair of alternatives contradicts in some dimension or tag. What
//! cannot be decided this way (`STARTS_WITH`, `GREATER_THAN_OR_EQUAL`) counts as "anything", so a
//! proof is never wrong, only sometimes missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The most alternatives of one filter.
const MAX_ALTERNATIVES: usize = 256;

/// What a dimension or tag may be. `None` among the values is an absent tag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    In(BTreeSet<Option<String>>),
    NotIn(BTreeSet<Option<String>>),
}

impl Allowed {
    fn both(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::In(a), Self::In(b)) => Self::In(a & b),
            (Self::In(a), Self::NotIn(b)) | (Self::NotIn(b), Self::In(a)) => Self::In(a - b),
            (Self::NotIn(a), Self::NotIn(b)) => Self::NotIn(a | b),
        }
    }

    fn inside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In(a), Self::In(b)) => a.is_subset(b),
            (Self::In(a), Self::NotIn(b)) => a.is_disjoint(b),
            (Self::NotIn(a), Self::NotIn(b)) => b.is_subset(a),
            (Self::NotIn(_), Self::In(_)) => false,
        }
    }

    fn nothing(&self) -> bool {
        matches!(self, Self::In(values) if values.is_empty())
    }
}

/// One alternative: all its conditions hold.
type Alternative = BTreeMap<String, Allowed>;

/// A filter as alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterSet(Vec<Alternative>);

impl FilterSet {
    /// Reads a Cost Explorer expression; no filter allows everything.
    pub fn read(filter: Option<&Value>) -> Result<Self, String> {
        match filter {
            None | Some(Value::Null) => Ok(Self::everything()),
            Some(expression) => alternatives(expression, true).map(Self),
        }
    }

    fn everything() -> Self {
        Self(vec![Alternative::new()])
    }

    /// Whether no line can pass both.
    pub fn excludes(&self, other: &Self) -> bool {
        self.0.iter().all(|a| other.0.iter().all(|b| meet(a, b).is_none()))
    }

    /// The single value that a dimension must have to pass, as `SERVICE` or `RECORD_TYPE`.
    pub fn only(&self, dimension: &str) -> Option<&str> {
        let key = dimension_key(dimension);
        let mut found = None;
        for alternative in &self.0 {
            let Some(Allowed::In(values)) = alternative.get(&key) else { return None };
            let mut values = values.iter();
            let (Some(Some(value)), None) = (values.next(), values.next()) else { return None };
            if found.is_some_and(|earlier| earlier != value) {
                return None;
            }
            found = Some(value);
        }
        found.map(String::as_str)
    }

    /// Whether filters together let everything of an account pass, provably.
    pub fn cover(filters: &[Option<&Value>], account: &str) -> bool {
        let mut left = vec![Alternative::from([(
            dimension_key("LINKED_ACCOUNT"),
            Allowed::In(BTreeSet::from([Some(account.to_owned())])),
        )])];
        let mut outsides = Vec::new();
        for filter in filters {
            let Some(expression) = filter.filter(|value| !value.is_null()) else { return true };
            let Ok(outside) = alternatives(expression, false) else { return false };
            outsides.push(outside);
        }
        // Whether there is a proof must not depend on the order of files: the plainest filter first, and
        // an alternative that lies inside another says nothing more.
        outsides.sort_by_key(Vec::len);
        for outside in outsides {
            match product(&left, &outside) {
                Ok(product) => left = without_the_implied(product),
                Err(_) => return false,
            }
        }
        left.is_empty()
    }
}

fn dimension_key(key: &str) -> String {
    format!("dimension {key}")
}

fn meet(a: &Alternative, b: &Alternative) -> Option<Alternative> {
    let mut both = a.clone();
    for (key, allowed) in b {
        let met = both.get(key).map_or_else(|| allowed.clone(), |other| other.both(allowed));
        if met.nothing() {
            return None;
        }
        both.insert(key.clone(), met);
    }
    Some(both)
}

/// Leaves out each alternative whose lines another one allows as well.
fn without_the_implied(all: Vec<Alternative>) -> Vec<Alternative> {
    let mut kept: Vec<Alternative> = Vec::new();
    for one in all {
        if kept.iter().any(|other| implies(&one, other)) {
            continue;
        }
        kept.retain(|other| !implies(other, &one));
        kept.push(one);
    }
    kept
}

/// Whether whatever passes `a` passes `b` as well.
fn implies(a: &Alternative, b: &Alternative) -> bool {
    b.iter().all(|(key, allowed)| a.get(key).is_some_and(|own| own.inside(allowed)))
}

fn product(left: &[Alternative], right: &[Alternative]) -> Result<Vec<Alternative>, String> {
    let mut out = Vec::new();
    for a in left {
        for b in right {
            out.extend(meet(a, b));
            if out.len() > MAX_ALTERNATIVES {
                return Err(format!("the filter has more than {MAX_ALTERNATIVES} alternatives: simplify it"));
            }
        }
    }
    Ok(out)
}

/// The alternatives of an expression, or of its negation where `holds` is false.
fn alternatives(expression: &Value, holds: bool) -> Result<Vec<Alternative>, String> {
    let Some(map) = expression.as_object().filter(|map| map.len() == 1) else {
        return Err(format!(
            "the filter {expression} is no Cost Explorer expression: write one of And, Or, Not, Dimensions, Tags, CostCategories in an object of its own"
        ));
    };
    let Some((operator, operand)) = map.iter().next() else { return Ok(Vec::new()) };
    let list = || {
        operand.as_array().ok_or_else(|| format!("the filter's {operator} must hold a list of expressions"))
    };
    match operator.as_str() {
        "Not" => alternatives(operand, !holds),
        "And" | "Or" => {
            let every = (operator == "And") == holds;
            let mut out = if every { vec![Alternative::new()] } else { Vec::new() };
            for part in list()? {
                let part = alternatives(part, holds)?;
                if every {
                    out = product(&out, &part)?;
                } else {
                    out.extend(part);
                }
            }
            if out.len() > MAX_ALTERNATIVES {
                return Err(format!("the filter has more than {MAX_ALTERNATIVES} alternatives: simplify it"));
            }
            Ok(out)
        }
        "Dimensions" | "Tags" | "CostCategories" => condition(operator, operand, holds).map(|one| vec![one]),
        other => Err(format!(
            "the filter's {other:?} is not known: write And, Or, Not, Dimensions, Tags or CostCategories"
        )),
    }
}

fn condition(kind: &str, operand: &Value, holds: bool) -> Result<Alternative, String> {
    let key = operand
        .get("Key")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("the filter's {kind} needs a Key, for example \"RECORD_TYPE\""))?;
    let texts = |name: &str| -> Vec<&str> {
        operand.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let options = texts("MatchOptions");
    let name = match kind {
        "Dimensions" => dimension_key(key),
        "Tags" => format!("tag {key}"),
        _ => format!("cost category {key}"),
    };
    let values: BTreeSet<Option<String>> = if options.contains(&"ABSENT") {
        BTreeSet::from([None])
    } else if options.iter().all(|option| ["EQUALS", "CASE_SENSITIVE"].contains(option)) {
        // Console and API write an absent tag as the empty value as well.
        texts("Values").into_iter().map(|value| Some(value.to_owned()).filter(|v| !v.is_empty())).collect()
    } else {
        return Ok(Alternative::new());
    };
    Ok(Alternative::from([(name, if holds { Allowed::In(values) } else { Allowed::NotIn(values) })]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(filter: &Value) -> FilterSet {
        FilterSet::read(Some(filter)).unwrap()
    }

    #[test]
    fn complements_exclude_each_other_and_cover_all() {
        let credit = json!({"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Tax"]}});
        let rest = json!({"Not": credit});
        let tagged = json!({"And": [rest, {"Not": {"Tags": {"Key": "hub", "MatchOptions": ["ABSENT"]}}}]});
        let untagged = json!({"And": [rest, {"Tags": {"Key": "hub", "MatchOptions": ["ABSENT"]}}]});
        assert!(set(&credit).excludes(&set(&rest)));
        assert!(set(&tagged).excludes(&set(&untagged)));
        assert!(!set(&tagged).excludes(&set(&rest)));
        assert!(!set(&rest).excludes(&FilterSet::everything()));
        assert!(FilterSet::cover(&[Some(&credit), Some(&tagged), Some(&untagged)], "1"));
        assert!(!FilterSet::cover(&[Some(&credit), Some(&tagged)], "1"));
        assert!(FilterSet::cover(&[None], "1"));
    }

    #[test]
    fn the_recipe_covers_its_account_in_any_order() {
        let (start, end) = ("2026-06-01".parse().unwrap(), "2026-07-01".parse().unwrap());
        let queries = crate::bills::recipe_aws_ce("1", start, end);
        let filters: Vec<Value> = queries.iter().map(|query| query.request["Filter"].clone()).collect();
        for turn in 0..filters.len() {
            let mut order: Vec<Option<&Value>> = filters.iter().map(Some).collect();
            order.rotate_left(turn);
            assert!(FilterSet::cover(&order, "1"), "turned by {turn}");
            order.reverse();
            assert!(FilterSet::cover(&order, "1"), "turned by {turn}, reversed");
            assert!(!FilterSet::cover(&order[1..], "1"), "one query is missing");
        }
    }

    #[test]
    fn an_account_filter_covers_its_own_account_only() {
        let own = json!({"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["1"]}});
        assert!(FilterSet::cover(&[Some(&own)], "1"));
        assert!(!FilterSet::cover(&[Some(&own)], "2"));
        assert_eq!(set(&own).only("LINKED_ACCOUNT"), Some("1"));
        assert_eq!(set(&json!({"Not": own})).only("LINKED_ACCOUNT"), None);
    }

    #[test]
    fn what_cannot_be_decided_proves_nothing() {
        let a = json!({"Tags": {"Key": "hub", "Values": ["a"], "MatchOptions": ["STARTS_WITH"]}});
        let b = json!({"Not": a});
        assert!(!set(&a).excludes(&set(&b)));
        assert!(!FilterSet::cover(&[Some(&a), Some(&b)], "1"));
    }

    #[test]
    fn a_broken_filter_says_what_to_write() {
        for bad in [json!({"Dims": {}}), json!({"And": {}}), json!([]), json!({"Tags": {}})] {
            let error = FilterSet::read(Some(&bad)).unwrap_err();
            assert!(error.contains("filter"), "{error}");
        }
    }
}
