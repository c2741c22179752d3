//! The manifest: what belongs to the suite, with hashes and counts.

use super::model::{Golden, SUITE};
use super::read::ReadError;
use super::schema;
use crate::request::Operation;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The value of `schema` in the manifest.
pub const MANIFEST_SCHEMA: &str = "ropewalk-manifest-1";

/// The list of golden files that make up a version of the suite.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name and major version of this format, `ropewalk-manifest-1`.
    #[schemars(schema_with = "schema::manifest_id")]
    pub schema: String,
    /// Semantic version of the suite.
    #[schemars(schema_with = "schema::version")]
    pub suite: String,
    /// The golden files, sorted by path.
    pub files: Vec<Entry>,
}

/// One golden file.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path below the directory of the manifest, with forward slashes.
    pub path: String,
    /// SHA-256 of the file's bytes, 64 lower-case hexadecimal digits.
    #[schemars(schema_with = "schema::sha256")]
    pub sha256: String,
    /// The file's operation.
    #[serde(deserialize_with = "super::read::operation")]
    #[schemars(schema_with = "schema::operation")]
    pub operation: Operation,
    /// Number of groups.
    pub groups: usize,
    /// Number of tests.
    pub tests: usize,
    /// Number of elements of all expected tensors.
    pub elements: usize,
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Entry {
    /// The entry of a file with this path and text.
    pub fn new(path: &str, text: &str, golden: &Golden) -> Entry {
        Entry {
            path: path.to_string(),
            sha256: sha256(text),
            operation: golden.operation,
            groups: golden.groups.len(),
            tests: golden.tests().count(),
            elements: golden.elements(),
        }
    }

    /// Whether a file has the bytes that are listed.
    pub fn is_of(&self, text: &str) -> bool {
        self.sha256 == sha256(text)
    }
}

impl Manifest {
    /// A manifest of these files, sorted by path.
    pub fn new(mut files: Vec<Entry>) -> Manifest {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Manifest { schema: MANIFEST_SCHEMA.to_string(), suite: SUITE.to_string(), files }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(text: &str) -> Result<Manifest, ReadError> {
        let manifest: Manifest = serde_json::from_str(text)?;
        match manifest.schema == MANIFEST_SCHEMA {
            true => Ok(manifest),
            false => Err(ReadError::Schema { found: manifest.schema, known: MANIFEST_SCHEMA }),
        }
    }
}
