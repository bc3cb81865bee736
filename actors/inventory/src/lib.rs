//! A store of electronic parts: nested goods, orders of many lines that are all or nothing, and a search.
//!
//! A method that fails may leave `self` half changed: a failure changes nothing of the saved state.

mod good;
mod refusal;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

pub use good::{Category, Good, Price, parts_list};
pub use refusal::{Refusal, Shortage};

#[derive(Serialize, Deserialize)]
pub struct Inventory {
    goods: BTreeMap<String, Good>,
}

/// A quantity of one good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
}

/// The goods that an order took from the shelves.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Picked {
    /// In cents.
    pub total: u64,
    /// The goods that are to be ordered now.
    pub reorder: Vec<String>,
}

/// The goods of a store.
#[actor]
impl Inventory {
    /// Opens a store.
    pub fn new(
        /// Goods to begin with.
        #[default]
        goods: Vec<Good>,
        /// Begin with a list of common electronic parts as well.
        #[default(false)]
        with_parts_list: bool,
    ) -> Result<Self, Refusal> {
        let mut inventory = Inventory { goods: BTreeMap::new() };
        let listed = if with_parts_list { parts_list() } else { Vec::new() };
        for good in listed.into_iter().chain(goods) {
            inventory.add(good)?;
        }
        Ok(inventory)
    }

    /// Adds a good that the store does not have yet.
    pub fn add(&mut self, good: Good) -> Result<(), Refusal> {
        if let Some(flaw) = good.flaw() {
            return Err(Refusal::BadGood { sku: good.sku, flaw });
        }
        if self.goods.contains_key(&good.sku) {
            return Err(Refusal::SkuTaken { sku: good.sku });
        }
        self.goods.insert(good.sku.clone(), good);
        Ok(())
    }

    /// Puts a delivery on the shelves: all of its lines, or none.
    pub fn receive(&mut self, lines: Vec<Line>) -> Result<(), Refusal> {
        for (sku, quantity) in sum(lines) {
            let good = self.good_mut(&sku)?;
            let stock = u64::from(good.stock) + quantity;
            good.stock = stock.try_into().map_err(|_| Refusal::StockTooLarge { sku })?;
        }
        Ok(())
    }

    /// Takes an order from the shelves: all of its lines, or none.
    pub fn pick(
        &mut self,
        lines: Vec<Line>,
        /// The name of the order, for the log.
        order: Option<String>,
    ) -> Result<Picked, Refusal> {
        let mut picked = Picked { total: 0, reorder: Vec::new() };
        let mut shortages = Vec::new();
        for (sku, requested) in sum(lines) {
            let good = self.good_mut(&sku)?;
            match u32::try_from(requested) {
                Ok(quantity) if quantity <= good.stock => {
                    good.stock -= quantity;
                    let total = good.cost(quantity).and_then(|cost| picked.total.checked_add(cost));
                    picked.total = total.ok_or_else(|| Refusal::TotalTooLarge { sku: sku.clone() })?;
                    if good.stock <= good.reorder_at {
                        picked.reorder.push(sku);
                    }
                }
                _ => shortages.push(Shortage { sku, requested, stock: good.stock }),
            }
        }
        if !shortages.is_empty() {
            return Err(Refusal::OutOfStock { shortages });
        }
        println!("picked {} for {} cents", order.as_deref().unwrap_or("an order"), picked.total);
        Ok(picked)
    }

    /// One good with all its values.
    pub fn good(&self, sku: String) -> Result<&Good, Refusal> {
        self.goods.get(&sku).ok_or(Refusal::UnknownSku { sku })
    }

    /// The goods that match all filters, in the order of their names.
    pub fn find(
        &self,
        /// A part of the name, the maker or the sku, in any case.
        text: Option<String>,
        category: Option<Category>,
        /// Tags that the good has, all of them.
        #[default]
        tags: Vec<String>,
        /// The price of one, in cents.
        max_cents: Option<u64>,
        /// Only goods that are on the shelf.
        #[default(false)]
        in_stock: bool,
    ) -> Vec<&Good> {
        let text = text.unwrap_or_default().to_lowercase();
        let matches = |good: &&Good| {
            let named = [&good.name, &good.maker, &good.sku].iter().any(|part| part.to_lowercase().contains(&text));
            named
                && category.is_none_or(|category| good.category == category)
                && tags.iter().all(|tag| good.tags.contains(tag))
                && max_cents.is_none_or(|most| good.price(1) <= most)
                && (good.stock > 0 || !in_stock)
        };
        self.goods.values().filter(matches).collect()
    }

    /// The goods of which few are left.
    pub fn to_reorder(&self) -> Vec<Line> {
        let few = self.goods.values().filter(|good| good.stock <= good.reorder_at);
        few.map(|good| Line { sku: good.sku.clone(), quantity: good.stock }).collect()
    }

    /// The worth of the shelves at the prices of one, in cents.
    pub fn worth(&self) -> u128 {
        self.goods.values().map(|good| u128::from(good.price(1)) * u128::from(good.stock)).sum()
    }

    fn good_mut(&mut self, sku: &str) -> Result<&mut Good, Refusal> {
        self.goods.get_mut(sku).ok_or_else(|| Refusal::UnknownSku { sku: sku.to_owned() })
    }
}

/// The quantity of each good over all lines.
fn sum(lines: Vec<Line>) -> BTreeMap<String, u64> {
    let mut quantities = BTreeMap::new();
    for line in lines {
        *quantities.entry(line.sku).or_default() += u64::from(line.quantity);
    }
    quantities
}

#[cfg(test)]
mod tests;
