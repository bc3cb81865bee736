//! What the store holds.

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
    /// What a data sheet says of it: `"voltage": "50 V"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// What one costs, by how many are bought; the first is from one on.
    pub prices: Vec<Price>,
    #[serde(default)]
    pub stock: u32,
    /// With so many left it is time to order more.
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

/// What one costs when at least so many are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub from: u32,
    pub cents: u64,
}

impl Good {
    /// What one of so many costs, in cents.
    pub fn price(&self, quantity: u32) -> u64 {
        self.prices.iter().rfind(|price| price.from <= quantity).map_or(0, |price| price.cents)
    }

    /// What so many of it cost, in cents; None where that cannot be counted.
    pub fn cost(&self, quantity: u32) -> Option<u64> {
        self.price(quantity).checked_mul(quantity.into())
    }

    /// Why the good cannot be sold as it is described.
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
