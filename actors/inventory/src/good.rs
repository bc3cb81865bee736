//! The goods of a store.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Good {
    /// Its name in orders; no two goods share one.
    pub sku: String,
    pub name: String,
    pub maker: String,
    pub category: Category,
    pub package: String,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Values of the data sheet: `"voltage": "50 V"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The prices of one, by the quantity that is bought; the first is from one on.
    pub prices: Vec<Price>,
    #[serde(default)]
    pub stock: u32,
    /// The stock at which more has to be ordered.
    #[serde(default)]
    pub reorder_at: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Resistor,
    Capacitor,
    Diode,
    Transistor,
    IntegratedCircuit,
    Microcontroller,
    Crystal,
    Switch,
    Connector,
}

/// The price of one if at least this quantity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub from: u32,
    pub cents: u64,
}

impl Good {
    /// The price of one at this quantity, in cents.
    pub fn price(&self, quantity: u32) -> u64 {
        self.prices.iter().rfind(|price| price.from <= quantity).map_or(0, |price| price.cents)
    }

    /// The price of this quantity, in cents; None if it cannot be counted.
    pub fn cost(&self, quantity: u32) -> Option<u64> {
        self.price(quantity).checked_mul(quantity.into())
    }

    /// The reason for which the good cannot be sold as it is described.
    pub fn flaw(&self) -> Option<&'static str> {
        if self.sku.trim().is_empty() {
            Some("it has no sku")
        } else if self.prices.first().is_none_or(|price| price.from != 1) {
            Some("its first price is not from one on")
        } else if !self.prices.is_sorted_by(|a, b| a.from < b.from) {
            Some("its prices are not in the order of their quantities")
        } else {
            None
        }
    }
}

/// The goods of a real shelf.
pub fn parts_list() -> Vec<Good> {
    serde_json::from_str(include_str!("parts.json")).expect("parts.json is a list of goods")
}
