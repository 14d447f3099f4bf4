//! One figure as the commands of this project print it: a line of a table, or a JSON object a line.

use serde_json::{Value, json};

/// One measured figure and its limit.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// `1` for a count.
    pub(crate) unit: &'static str,
    pub(crate) limit: Option<Limit>,
    /// How many trials the figure stands on.
    pub(crate) n: u64,
    pub(crate) method: String,
}

/// What a figure must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Limit {
    const fn bound(self) -> f64 {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) | Self::Exactly(bound) => bound,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::AtMost(_) => "<=",
            Self::AtLeast(_) => ">=",
            Self::Exactly(_) => "=",
        }
    }
}

impl Figure {
    /// True if the figure keeps its limit, or has none.
    pub(crate) fn holds(&self) -> bool {
        match self.limit {
            None => true,
            Some(Limit::AtMost(bound)) => self.value <= bound,
            Some(Limit::AtLeast(bound)) => self.value >= bound,
            Some(Limit::Exactly(bound)) => (self.value - bound).abs() < f64::EPSILON,
        }
    }

    /// Prints the figure as JSON, or as a line of a table for people.
    pub(crate) fn print(&self, json: bool) {
        let sign = self.limit.map_or("", Limit::sign);
        self.printed().print(sign, json);
    }

    /// What is printed of it.
    pub(crate) fn printed(&self) -> Printed {
        Printed {
            name: self.name.clone(),
            value: self.value,
            unit: self.unit.to_owned(),
            limit: self.limit.map(Limit::bound),
            holds: self.holds(),
            n: self.n,
            method: self.method.clone(),
        }
    }
}

/// A figure as another process printed it, or as this one will.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Printed {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) limit: Option<f64>,
    pub(crate) holds: bool,
    pub(crate) n: u64,
    pub(crate) method: String,
}

impl Printed {
    /// The figure on a line of JSON; `None` if it is anything else.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        Self::from_json(&serde_json::from_str(line).ok()?)
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let limit = Some(&value["limit"]).filter(|limit| !limit.is_null());
        let limit = limit.map(|limit| limit.as_f64().ok_or(())).transpose().ok()?;
        let (holds, n) = (value["holds"].as_bool()?, value["n"].as_u64()?);
        let (name, unit, method) = (text("name")?, text("unit")?, text("method")?);
        Some(Self { name, value: value["value"].as_f64()?, unit, limit, holds, n, method })
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "value": number(self.value),
            "unit": self.unit,
            "limit": self.limit.map(number),
            "holds": self.holds,
            "n": self.n,
            "method": self.method,
        })
    }

    /// Prints it as JSON, or as a line of a table in which `sign` stands before the limit.
    pub(crate) fn print(&self, sign: &str, json: bool) {
        if json {
            println!("{}", self.to_json());
            return;
        }
        let limit = self.limit.map(|limit| format!("{sign} {}", shown(limit))).unwrap_or_default();
        let word = match (self.limit, self.holds) {
            (None, true) => "",
            (Some(_), true) => "holds",
            (_, false) => "DOES NOT HOLD",
        };
        let value = shown(self.value);
        println!("{:<44} {value:>12} {:<14} {limit:<14} {word}", self.name, self.unit);
    }
}

/// The number for people: whole, or with three decimals.
pub(crate) fn shown(value: f64) -> String {
    let places = if value.fract() == 0.0 { 0 } else { 3 };
    format!("{value:.places$}")
}

/// A whole number without a decimal point: readers count with it.
fn number(value: f64) -> Value {
    let text = format!("{value:.0}");
    match text.parse::<i64>() {
        Ok(whole) if value.fract() == 0.0 => json!(whole),
        Ok(_) | Err(_) => json!(value),
    }
}

/// A count as the value of a figure. Counts above 2^53 lose their last digits.
pub(crate) fn count(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of this project are far below 2^53")]
    let value = value as f64;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, limit: Option<Limit>) -> Figure {
        let (name, method) = ("payments".to_owned(), "counted".to_owned());
        Figure { name, value, unit: "1", limit, n: 3, method }
    }

    #[test]
    fn a_figure_holds_only_within_its_limit() {
        assert!(figure(9.0, None).holds());
        assert!(figure(1.0, Some(Limit::AtMost(1.0))).holds());
        assert!(!figure(1.1, Some(Limit::AtMost(1.0))).holds());
        assert!(!figure(0.9, Some(Limit::AtLeast(1.0))).holds());
        assert!(!figure(2.0, Some(Limit::Exactly(0.0))).holds());
    }

    #[test]
    fn a_figure_prints_one_object_with_seven_fields() {
        let printed = figure(20_000.0, Some(Limit::AtLeast(1.0))).printed();
        let line = printed.to_json().to_string();
        let expected = r#"{"holds":true,"limit":1,"method":"counted","n":3,"name":"payments","unit":"1","value":20000}"#;
        assert_eq!(line, expected);
        assert_eq!(Printed::parse(&line), Some(printed));
        assert_eq!(Printed::parse("12 seeds"), None);
    }
}
