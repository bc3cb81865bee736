//! Fisher's irises (1936): 150 flowers of three species, measured in centimetres.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// With the two flowers, the 35th and the 38th, as Fisher printed them; a copy in wide use has them wrong.
const TABLE: &str = include_str!("iris.csv");

pub const SPECIES: usize = 3;
pub const MEASURES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Species {
    Setosa,
    Versicolor,
    Virginica,
}

impl Species {
    pub const ALL: [Species; SPECIES] = [Species::Setosa, Species::Versicolor, Species::Virginica];
}

/// Sepal length, sepal width, petal length and petal width.
pub type Measures = [f64; MEASURES];

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flower {
    pub measures: Measures,
    pub species: Species,
}

/// The table's flowers, in its order.
pub fn flowers() -> Vec<Flower> {
    TABLE.lines().skip(1).map(|line| flower(line).unwrap_or_else(|| panic!("no flower: {line}"))).collect()
}

fn flower(line: &str) -> Option<Flower> {
    let mut columns = line.split(',');
    let mut measures = Measures::default();
    for measure in &mut measures {
        *measure = columns.next()?.parse().ok()?;
    }
    let species = match columns.next()? {
        "setosa" => Species::Setosa,
        "versicolor" => Species::Versicolor,
        "virginica" => Species::Virginica,
        _ => return None,
    };
    Some(Flower { measures, species })
}
