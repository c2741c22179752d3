//! What is to be certified: golden tests, or the answer to a request.

use super::super::CliError;
use super::super::corpus::{glob, load};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::number::Tensor;
use ropewalk::request::Request;
use ropewalk::vector::Expected;
use ropewalk_theorem::Claim;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::Path;

/// A claim with everything it refers to.
pub struct Owned {
    /// The golden file; empty for a request of one's own.
    pub path: String,
    /// SHA-256 of that file.
    pub sha256: String,
    name: String,
    question: Question,
    expected: Vec<(String, Tensor, Option<Tensor>)>,
}

impl Owned {
    /// The claim itself.
    pub fn claim(&self) -> Claim<'_> {
        let expected = self.expected.iter();
        let expected =
            expected.map(|(name, tensor, residual)| (name.as_str(), tensor, residual.as_ref()));
        Claim { name: &self.name, question: &self.question, expected: expected.collect() }
    }
}

/// A digest in hexadecimal.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Claims from a request, or from the golden files that the targets name.
///
/// # Errors
/// A request that is rejected or undecided, a target that names nothing, files that cannot be read.
pub fn gather(
    request: Option<&str>,
    targets: &[String],
    vectors: &Path,
) -> Result<Vec<Owned>, CliError> {
    if let Some(line) = request {
        return Ok(vec![answered(line)?]);
    }
    let loaded = load(vectors, |_| true)?;
    let mut claims = Vec::new();
    let mut met: HashSet<&str> = HashSet::new();
    let globs = targets
        .iter()
        .map(|target| Ok((target.as_str(), glob(target)?)))
        .collect::<Result<Vec<_>, CliError>>()?;
    for file in &loaded {
        let bytes = std::fs::read(vectors.join(&file.path))
            .map_err(CliError::file(&vectors.join(&file.path)))?;
        let sha256 = sha256(&bytes);
        let whole = globs.iter().filter(|(_, glob)| glob.is_match(&file.path));
        let whole: Vec<&str> = whole.map(|(target, _)| *target).collect();
        met.extend(&whole);
        for (group, test) in file.golden.tests() {
            let named = globs.iter().find(|(target, _)| *target == test.id);
            met.extend(named.iter().map(|(target, _)| *target));
            let wanted = targets.is_empty() || !whole.is_empty() || named.is_some();
            let Expected::Tensors(tensors) = &test.expected else { continue };
            if !wanted {
                continue;
            }
            let request = Request::from_json(&file.golden.request(group, test));
            let question = request.and_then(|request| Question::new(&request));
            let question = question.map_err(|reject| {
                CliError::Usage(format!("{}: {}: rejected: {reject}", file.path, test.id))
            })?;
            let residual =
                |name: &str| test.residual.as_ref().and_then(|all| all.get(name)).cloned();
            let expected = tensors.0.iter();
            let expected =
                expected.map(|(name, tensor)| (name.clone(), tensor.clone(), residual(name)));
            claims.push(Owned {
                path: file.path.clone(),
                sha256: sha256.clone(),
                name: test.id.clone(),
                question,
                expected: expected.collect(),
            });
        }
    }
    match targets.iter().find(|target| !met.contains(target.as_str())) {
        Some(target) => Err(CliError::Usage(format!(
            "{target:?} is no test and no golden file below {}; `ropewalk list tests` shows them",
            vectors.display()
        ))),
        None => Ok(claims),
    }
}

fn answered(line: &str) -> Result<Owned, CliError> {
    let request = Request::parse(line);
    let id = request.as_ref().map(|request| request.id.clone()).unwrap_or_default();
    let question = request.and_then(|request| Question::new(&request));
    let question = question.map_err(|reject| CliError::Usage(format!("rejected: {reject}")))?;
    let answer = exact::answer(&question).map_err(|error| CliError::Usage(error.to_string()))?;
    let expected = answer.tensors.into_iter();
    let expected = expected.map(|named| (named.name.to_string(), named.expected, named.residual));
    Ok(Owned {
        path: String::new(),
        sha256: String::new(),
        name: id,
        question,
        expected: expected.collect(),
    })
}

/// Which elements were picked.
pub struct Pick {
    /// The greatest hash that is in; none if everything is.
    limit: Option<u64>,
    seed: u64,
}

impl Pick {
    /// As many as asked for, of those that are numbers.
    pub fn new(claims: &[Owned], values: Option<usize>, seed: u64) -> Pick {
        let Some(values) = values else { return Pick { limit: None, seed } };
        let mut hashes: Vec<u64> = claims
            .iter()
            .flat_map(|claim| {
                let floats = claim.expected.iter().filter(|(_, t, _)| t.dtype().format().is_some());
                floats.flat_map(move |(name, tensor, _)| {
                    (0..tensor.data().len()).map(move |index| hash(seed, &claim.name, name, index))
                })
            })
            .collect();
        hashes.sort_unstable();
        let last = values.min(hashes.len()).checked_sub(1);
        Pick { limit: Some(last.map_or(0, |last| hashes[last])), seed }
    }

    /// Whether an element is in.
    pub fn wanted(&self, claim: &Owned, tensor: &str, index: usize) -> bool {
        self.limit.is_none_or(|limit| hash(self.seed, &claim.name, tensor, index) <= limit)
    }
}

/// FNV-1a, then a mixer: a number that depends on nothing but the element and the seed.
fn hash(seed: u64, claim: &str, tensor: &str, index: usize) -> u64 {
    let bytes = claim.bytes().chain([0]).chain(tensor.bytes()).chain((index as u64).to_le_bytes());
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut x = bytes.fold(start, |x, byte| (x ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
