//! The arguments of a call, validated by the description of the method.

use serde_json::{Map, Value};

use super::json::is_deeper;
use super::schema::Steps;
use super::{Error, Json, MAX_NESTING, Method, Parameter, shortened};

impl Method {
    /// The arguments of a run: all declared parameters by name, with defaults filled in, each of
    /// its schema. [`BadArguments`](Error::BadArguments) if a parameter is unknown, is missing, or
    /// does not fit.
    pub fn complete(&self, given: &Map<String, Value>) -> Result<Json, Error> {
        if let Some(unknown) = given.keys().find(|name| !self.parameters.iter().any(|p| p.name == **name)) {
            return Err(self.refuse(format!("there is no parameter {}", shortened(unknown, 40))));
        }
        let (mut complete, mut steps) = (Map::new(), Steps::new());
        for parameter in &self.parameters {
            let given = given.get(&parameter.name).or(parameter.default.as_ref());
            let Some(value) = given else { return Err(self.refuse(format!("{} is missing", parameter.name))) };
            complete.insert(parameter.name.clone(), self.checked(parameter, value.clone(), &mut steps)?);
        }
        Ok(Json::from(Value::Object(complete)))
    }

    /// Arguments by name, made from a list of values in the declared order. Other values stay as
    /// they are. [`BadArguments`](Error::BadArguments) if the list is longer than the parameters.
    pub fn named(&self, given: Value) -> Result<Value, Error> {
        let Value::Array(values) = given else { return Ok(given) };
        let (count, most) = (values.len(), self.parameters.len());
        if count > most {
            return Err(self.refuse(format!("there are {count}, it takes {most} at most")));
        }
        let names = self.parameters.iter().map(|parameter| parameter.name.clone());
        Ok(Value::Object(names.zip(values).collect()))
    }

    /// A value that satisfies its parameter's schema.
    fn checked(&self, parameter: &Parameter, value: Value, steps: &mut Steps) -> Result<Value, Error> {
        let Parameter { name, schema, .. } = parameter;
        // the object of all arguments is a level too
        if is_deeper(&value, MAX_NESTING - 1) {
            return Err(self.refuse(format!("{name}: they may be nested {MAX_NESTING} levels deep in all")));
        }
        schema.fit(value, steps).map_err(|reason| self.refuse(format!("{name}{reason}")))
    }

    /// The error of arguments that do not fit this method.
    pub fn refuse(&self, reason: String) -> Error {
        Error::BadArguments { method: self.name.clone(), signature: self.signature(), reason }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn method() -> Method {
        serde_json::from_value(json!({
            "name": "add", "kind": "mutation",
            "parameters": [
                {"name": "n", "schema": {"type": "integer"}},
                {"name": "by", "schema": {"type": "integer", "minimum": 0}, "default": 1},
            ],
        }))
        .unwrap()
    }

    fn complete(arguments: Value) -> Result<String, String> {
        let complete = method().complete(arguments.as_object().unwrap());
        complete.map(|json| json.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_filled_in_declared_order() {
        assert_eq!(complete(json!({"n": 3})).unwrap(), r#"{"n":3,"by":1}"#);
        assert_eq!(complete(json!({"by": 2, "n": 3})).unwrap(), r#"{"n":3,"by":2}"#);
    }

    #[test]
    fn unfit_argument_is_named() {
        assert!(complete(json!({})).unwrap_err().contains("n is missing"));
        assert!(complete(json!({"n": "3"})).unwrap_err().contains("n: "));
        assert!(complete(json!({"n": 1, "by": -1})).unwrap_err().contains("by: "));
        assert!(complete(json!({"n": 1, "m": 1})).unwrap_err().contains("no parameter m"));
    }

    #[test]
    fn a_list_is_named_in_declared_order() {
        let named = |given| method().named(given).map(|named| named.to_string()).map_err(|error| error.to_string());
        assert_eq!(named(json!([3, 2])).unwrap(), r#"{"n":3,"by":2}"#);
        assert_eq!(named(json!([3])).unwrap(), r#"{"n":3}"#);
        assert_eq!(named(json!({"x": 3})).unwrap(), r#"{"x":3}"#);
        assert!(named(json!([3, 2, 1])).unwrap_err().contains("there are 3, it takes 2 at most"));
    }

    #[test]
    fn integers_past_64_bits_stay_exact() {
        let big = serde_json::from_str::<Value>(r#"{"n": 340282366920938463463374607431768211457}"#).unwrap();
        assert!(complete(big).unwrap().contains("340282366920938463463374607431768211457"));
    }
}
