//! Plans: what a golden file will ask, before anybody has answered.

use super::values::{flat, nested};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation, Slug};

/// A golden file to be.
#[derive(Clone, Debug)]
pub struct FilePlan {
    /// Path below the directory of the vectors. Without the extension, and with hyphens for
    /// slashes and underscores, it is the first part of every id.
    pub path: String,
    /// The operation.
    pub operation: Operation,
    /// The groups; the first is the basic one.
    pub groups: Vec<GroupPlan>,
}

/// Tests that share a config and an output format.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// A slug, the second part of every id.
    pub name: String,
    /// The config as written.
    pub config: Object,
    /// Format of the output.
    pub dtype: Dtype,
    /// The tests.
    pub tests: Vec<TestPlan>,
}

/// One request to be.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// A slug that says what is special, the last part of the id.
    pub name: String,
    /// A line for people.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<&'static str>,
    /// The input as written.
    pub input: Object,
    /// The reason, if the request is to be refused.
    pub refused: Option<Slug>,
}

impl FilePlan {
    /// A file without groups.
    pub fn new(path: impl Into<String>, operation: Operation) -> FilePlan {
        FilePlan { path: path.into(), operation, groups: Vec::new() }
    }

    /// Adds a group and gives it for tests to be added.
    pub fn group(
        &mut self,
        name: impl Into<String>,
        config: Object,
        dtype: Dtype,
    ) -> &mut GroupPlan {
        self.groups.push(GroupPlan { name: name.into(), config, dtype, tests: Vec::new() });
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    /// Leaves out the tests that somebody does not want; says whether one is left. The groups stay,
    /// for the first of them is the basic one.
    pub fn keep(&mut self, wanted: impl Fn(&FilePlan, &GroupPlan, &TestPlan) -> bool) -> bool {
        let whole = self.clone();
        for (group, all) in self.groups.iter_mut().zip(&whole.groups) {
            group.tests = all.tests.iter().filter(|t| wanted(&whole, all, t)).cloned().collect();
        }
        self.groups.iter().any(|group| !group.tests.is_empty())
    }

    /// The id of a test.
    pub fn id(&self, group: &GroupPlan, test: &TestPlan) -> String {
        let file = self.path.trim_end_matches(".json").replace(['/', '_'], "-");
        format!("{file}-{}-{}", group.name, test.name)
    }
}

impl GroupPlan {
    /// Adds a test that is to be answered.
    pub fn test(
        &mut self,
        name: impl Into<String>,
        comment: impl Into<String>,
        flags: &[&'static str],
        input: Input,
    ) -> &mut GroupPlan {
        self.add(name.into(), comment.into(), flags, input, None)
    }

    /// Adds a test that is to be refused.
    pub fn refuse(
        &mut self,
        slug: Slug,
        name: impl Into<String>,
        comment: impl Into<String>,
        flags: &[&'static str],
        input: Input,
    ) -> &mut GroupPlan {
        self.add(name.into(), comment.into(), flags, input, Some(slug))
    }

    fn add(
        &mut self,
        name: String,
        comment: String,
        flags: &[&'static str],
        input: Input,
        refused: Option<Slug>,
    ) -> &mut GroupPlan {
        let mut unique: Vec<&'static str> = Vec::new();
        for flag in flags {
            if !unique.contains(flag) {
                unique.push(flag);
            }
        }
        self.tests.push(TestPlan { name, comment, flags: unique, input: input.0, refused });
        self
    }
}

/// The input of a test, built key by key.
#[derive(Clone, Debug, Default)]
pub struct Input(pub Object);

impl Input {
    /// Without any key.
    pub fn new() -> Input {
        Input::default()
    }

    /// Adds a tensor or an option.
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Input {
        self.0.set(key, value.into());
        self
    }

    /// Adds `positions` [batch][seq].
    pub fn positions(self, rows: &[&[i64]]) -> Input {
        let rows = rows.iter().map(|row| flat(row)).collect();
        self.with("positions", Json::Array(rows))
    }

    /// Adds the last `count` of these axes as `positions`.
    pub fn last_axes(self, count: usize, axes: &[&[&[i64]]]) -> Input {
        self.axes(&axes[axes.len().saturating_sub(count)..])
    }

    /// Adds `positions` [axis][batch][seq].
    pub fn axes(self, axes: &[&[&[i64]]]) -> Input {
        self.with("positions", nested(axes))
    }
}

/// A config, key by key.
pub fn config<const N: usize>(pairs: [(&str, Json); N]) -> Object {
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

/// A config or any other object from JSON text. Text that is none gives an empty object, which
/// every operation refuses, so a slip shows when the suite is generated.
pub fn parsed(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_default()
}
