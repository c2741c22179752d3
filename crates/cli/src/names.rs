//! Names on the command line, as people write them.

pub use ropewalk::request::did_you_mean;

use ropewalk::number::Dtype;
use ropewalk::profile::{self, NAMED, Profile};

/// A format, by its name or by a framework's.
pub fn dtype(name: &str) -> Result<Dtype, String> {
    Dtype::meant(name).ok_or_else(|| format!("allowed are {}", Dtype::list(&Dtype::ALL)))
}

/// A floating-point format, by its name or by a framework's.
pub fn float(name: &str) -> Result<Dtype, String> {
    let float = Dtype::meant(name).filter(|dtype| dtype.format().is_some());
    float.ok_or_else(|| "allowed are f64, f32, bf16, f16".to_string())
}

/// A named profile.
pub fn profile(name: &str) -> Result<&'static Profile, String> {
    profile::find(name).ok_or_else(|| {
        let names: Vec<&str> = NAMED.iter().map(|profile| profile.name).collect();
        format!("allowed are {}{}", names.join(", "), did_you_mean(name, names.iter().copied()))
    })
}
