//! The typed model of a golden file. Writing is in `canonical`, the JSON Schema in `schema`.

use super::schema;
use crate::number::{Dtype, Tensor};
use crate::request::{Json, Object, Operation, Slug, run_request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The value of `schema` in every golden file: the format's name and its major version.
pub const GOLDEN_SCHEMA: &str = "ropewalk-golden-1";

/// Version of the suite (semantic versioning of the *vectors*, not of the program): patch, a
/// vector was corrected; minor, vectors were added; major, the shape of the files changed.
pub const SUITE: &str = "0.2.0";

/// A golden file: requests of one operation with their correctly rounded answers.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Name and major version of this format, `ropewalk-golden-1`.
    #[schemars(schema_with = "schema::golden_id")]
    pub schema: String,
    /// Semantic version of the suite that the file belongs to.
    #[schemars(schema_with = "schema::version")]
    pub suite: String,
    /// The operation that every test of the file asks for.
    #[serde(deserialize_with = "super::read::operation")]
    #[schemars(schema_with = "schema::operation")]
    pub operation: Operation,
    /// What a failure means, by flag; exactly the flags that the tests of this file carry.
    pub notes: BTreeMap<String, Note>,
    /// Tests that share a config and an output format. The first group is the only basic one: if
    /// it fails, the set-up is wrong and nothing else in the file means anything.
    #[schemars(length(min = 1))]
    pub groups: Vec<Group>,
}

/// Why the tests with a flag exist, for whoever sees one of them fail.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What a failure means.
    pub meaning: String,
    /// What users of a kernel with that fault see.
    pub effect: String,
    /// Fault classes (letter and number) that the tests with this flag separate.
    pub faults: Vec<String>,
    /// Real reports, as owner/repository#number.
    pub links: Vec<String>,
}

/// Tests that share a config and an output format.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// A slug, unique in the file.
    #[schemars(schema_with = "schema::slug")]
    pub name: String,
    /// The encoding, flat, as a `run` request carries it. Malformed on purpose where `expected` is
    /// a rejection.
    #[schemars(schema_with = "schema::object")]
    pub config: Object,
    /// Format of the output; inputs carry their own.
    #[serde(deserialize_with = "super::read::dtype")]
    #[schemars(schema_with = "schema::dtype")]
    pub dtype: Dtype,
    /// Whether this is the first group, which avoids all special cases.
    pub basic: bool,
    /// The tests.
    #[schemars(length(min = 1))]
    pub tests: Vec<Test>,
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// A slug, unique in the suite, stable, never used again for another test.
    #[schemars(schema_with = "schema::slug")]
    pub id: String,
    /// What is tested, in a line for people.
    pub comment: String,
    /// Keys into `notes`.
    #[schemars(length(min = 1))]
    pub flags: Vec<String>,
    /// Named tensors, positions and options, as a `run` request carries them. Malformed on purpose
    /// where `expected` is a rejection.
    #[schemars(schema_with = "schema::object")]
    pub input: Object,
    /// The correctly rounded output, or the reason to refuse.
    #[schemars(schema_with = "schema::expected")]
    pub expected: Expected,
    /// (exact − expected) in ulp of expected, as f16: for every floating-point tensor of
    /// `expected` one of its shape. Absent where there is none.
    #[serde(default)]
    #[schemars(schema_with = "schema::tensors")]
    pub residual: Option<Tensors>,
    /// By profile: the absolute error that a kernel of that profile may have, rounded up, in the
    /// dtype and shape of `expected`; +∞ judges nothing.
    #[schemars(schema_with = "schema::bounds")]
    pub bounds: BTreeMap<String, Tensors>,
}

/// What a right kernel answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Named tensors, correctly rounded.
    Tensors(Tensors),
    /// A refusal, with this reason or another one that is true as well.
    Reject(Slug),
}

/// Named tensors in the order they were written.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Tensors(pub Vec<(String, Tensor)>);

impl Tensors {
    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
    }

    /// Number of elements, all tensors together.
    pub fn elements(&self) -> usize {
        self.0.iter().map(|(_, tensor)| tensor.data().len()).sum()
    }
}

impl Expected {
    /// The tensors, if the request is to be answered.
    pub fn tensors(&self) -> Option<&Tensors> {
        match self {
            Expected::Tensors(tensors) => Some(tensors),
            Expected::Reject(_) => None,
        }
    }
}

impl Golden {
    /// Every test with its group, in order.
    pub fn tests(&self) -> impl Iterator<Item = (&Group, &Test)> {
        self.groups.iter().flat_map(|group| group.tests.iter().map(move |test| (group, test)))
    }

    /// Elements of all expected tensors.
    pub fn elements(&self) -> usize {
        self.tests().filter_map(|(_, test)| test.expected.tensors()).map(Tensors::elements).sum()
    }

    /// The `run` request of a test, in the form of the protocol.
    ///
    /// ```
    /// # use ropewalk::vector::Golden;
    /// # let text = r#"{"schema":"ropewalk-golden-1","suite":"0.1.0","operation":"alibi_slopes",
    /// #   "notes":{"basic":{"meaning":"","effect":"","faults":[],"links":[]}},
    /// #   "groups":[{"name":"basic","config":{"num_heads":1,"slopes":"code"},"dtype":"f16",
    /// #   "basic":true,"tests":[{"id":"a","comment":"b","flags":["basic"],"input":{},
    /// #   "expected":{"slopes":{"dtype":"f16","shape":[1],"bits":["1c00"]}},"bounds":{}}]}]}"#;
    /// let golden = Golden::read(text).unwrap();
    /// let (group, test) = golden.tests().next().unwrap();
    /// let request = golden.request(group, test);
    /// assert!(serde_json::to_string(&request).unwrap().starts_with(r#"{"cmd":"run","id":"a""#));
    /// ```
    pub fn request(&self, group: &Group, test: &Test) -> Json {
        run_request(self.operation, group.dtype, &test.id, &group.config, &test.input)
    }
}
