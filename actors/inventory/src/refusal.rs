//! Refused requests.

use serde::Serialize;
use serde_json::json;
use vactor_sdk::{Failure, IntoFailure};

#[derive(Debug, PartialEq)]
pub enum Refusal {
    SkuTaken { sku: String },
    BadGood { sku: String, flaw: &'static str },
    UnknownSku { sku: String },
    StockTooLarge { sku: String },
    TotalTooLarge { sku: String },
    OutOfStock { shortages: Vec<Shortage> },
}

/// A good of which the order wants more than there is.
#[derive(Debug, PartialEq, Serialize)]
pub struct Shortage {
    pub sku: String,
    pub requested: u64,
    pub stock: u32,
}

impl IntoFailure for Refusal {
    fn into_failure(self) -> Failure {
        match self {
            Refusal::SkuTaken { sku } => about(&sku, "sku-taken", format!("there is a good `{sku}`")),
            Refusal::BadGood { sku, flaw } => about(&sku, "bad-good", format!("`{sku}` cannot be sold: {flaw}")),
            Refusal::UnknownSku { sku } => about(&sku, "unknown-sku", format!("there is no good `{sku}`")),
            Refusal::StockTooLarge { sku } => {
                about(&sku, "stock-too-large", format!("that many of `{sku}` cannot be counted"))
            }
            Refusal::TotalTooLarge { sku } => {
                about(&sku, "total-too-large", format!("with `{sku}` the order costs more than can be counted"))
            }
            Refusal::OutOfStock { shortages } => {
                let skus: Vec<&str> = shortages.iter().map(|shortage| shortage.sku.as_str()).collect();
                Failure::new("out-of-stock", format!("there is not enough of {}", skus.join(", ")))
                    .with_details(json!({ "shortages": shortages }))
            }
        }
    }
}

fn about(sku: &str, kind: &'static str, message: String) -> Failure {
    Failure::new(kind, message).with_details(json!({ "sku": sku }))
}
