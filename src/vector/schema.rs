//! JSON Schema 2020-12, generated from the types of the model.

use super::manifest::{MANIFEST_SCHEMA, Manifest};
use super::model::{GOLDEN_SCHEMA, Golden};
use crate::number::Dtype;
use crate::request::{Operation, Slug};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A JSON Schema and where it lies below the directory of the vectors.
#[derive(Clone, Debug)]
pub struct Document {
    /// `schema/golden.json` or `schema/manifest.json`.
    pub path: &'static str,
    /// The text, ending in a line feed.
    pub text: String,
}

/// The schemas of both formats.
pub fn documents() -> Vec<Document> {
    vec![
        document::<Golden>("schema/golden.json", GOLDEN_SCHEMA),
        document::<Manifest>("schema/manifest.json", MANIFEST_SCHEMA),
    ]
}

fn document<T: JsonSchema>(path: &'static str, id: &str) -> Document {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_string(), format!("urn:ropewalk:{id}").into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    Document { path, text }
}

pub(super) fn golden_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "const": GOLDEN_SCHEMA })
}

pub(super) fn manifest_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "const": MANIFEST_SCHEMA })
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*)){2}$" })
}

pub(super) fn slug(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" })
}

pub(super) fn sha256(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

pub(super) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

pub(super) fn operation(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    json_schema!({ "type": "string", "enum": names })
}

pub(super) fn dtype(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Dtype::ALL.iter().map(|dtype| dtype.name()).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// Rows have fixed-width elements, so the dtype alone determines what lengths a row can have; that
/// the rows fit the shape is beyond a schema and left to the linter.
fn tensor() -> Schema {
    let rows = |dtypes: &[&str], digits: usize| {
        json_schema!({
            "properties": {
                "dtype": { "enum": dtypes },
                "bits": { "items": { "pattern": format!("^([0-9a-f]{{{digits}}})*$") } }
            }
        })
    };
    json_schema!({
        "title": "Tensor",
        "description": "A row-major array of bit patterns.",
        "type": "object",
        "properties": {
            "dtype": {
                "description": "Element type; integers are two's complement.",
                "type": "string",
                "enum": Dtype::ALL.map(Dtype::name)
            },
            "shape": {
                "description": "Dimensions, outermost first; [] for a scalar.",
                "type": "array",
                "items": { "type": "integer", "minimum": 0 }
            },
            "bits": {
                "description": "One string per innermost row (one for a scalar): its elements, \
                                each as lower-case big-endian hexadecimal of its bit pattern.",
                "type": "array",
                "items": { "type": "string" }
            }
        },
        "required": ["dtype", "shape", "bits"],
        "additionalProperties": false,
        "oneOf": [
            rows(&["f64", "i64"], 16),
            rows(&["f32", "i32"], 8),
            rows(&["bf16", "f16"], 4),
            rows(&["f8e4m3fn", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz"], 2)
        ]
    })
}

/// Declares the tensor schema once and refers to it.
fn tensor_reference(generator: &mut SchemaGenerator) -> Schema {
    struct Tensor;
    impl JsonSchema for Tensor {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Tensor".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            tensor()
        }
    }
    generator.subschema_for::<Tensor>()
}

pub(super) fn tensors(generator: &mut SchemaGenerator) -> Schema {
    let tensor = tensor_reference(generator);
    json_schema!({ "type": "object", "additionalProperties": tensor, "minProperties": 1 })
}

pub(super) fn bounds(generator: &mut SchemaGenerator) -> Schema {
    let tensors = tensors(generator);
    json_schema!({ "type": "object", "additionalProperties": tensors })
}

pub(super) fn expected(generator: &mut SchemaGenerator) -> Schema {
    let mut output = tensors(generator);
    output.insert("description".to_string(), "Named tensors, correctly rounded.".into());
    let reasons: Vec<&str> = Slug::ALL.iter().map(|slug| slug.name()).collect();
    json_schema!({
        "oneOf": [
            output,
            {
                "description": "The request breaks a rule: this one, perhaps others as well.",
                "type": "object",
                "properties": { "reject": { "type": "string", "enum": reasons } },
                "required": ["reject"],
                "additionalProperties": false
            }
        ]
    })
}
