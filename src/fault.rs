//! The known faults of kernels, each a small transformation of a right one.
//!
//! A [`Fault`] turns what was asked into what a kernel with that fault answers to instead: another
//! config, another rope, other positions, another machine, or an answer that is changed
//! afterwards. The list is used twice. As *mutants*: the golden vectors must tell each of them from
//! a right kernel. As *diagnoses*: answers that agree with a mutant name what is wrong.
//! `docs/faults.md` lists them, and the classes that cannot be seen through questions and answers.
//!
//! ```
//! use ropewalk::{fault::{self, Answer, Asked, History}, profile, request::Json};
//! let request: Json = serde_json::from_str(r#"{"cmd":"run","id":"a","operation":"table",
//!     "dtype":"f32","config":{"head_dim":2,"layout":"half","rope_theta":10000},
//!     "input":{"positions":[1]}}"#).unwrap();
//! let (asked, history) = (Asked::new(&request), History::default());
//! let mutant = fault::find("b1-table-sign-flipped").unwrap().mutate(&asked, &history).unwrap();
//! let Answer::Output(output) = mutant.emulate(profile::find("hf-f32").unwrap()) else { panic!() };
//! assert_eq!(f32::from_bits(output[1].1.data()[0] as u32), -(1f32.sin()));
//! ```

mod absolute;
mod alibi;
mod attention;
mod axes;
mod backward;
mod chain;
mod change;
mod class;
mod direction;
mod edit;
mod frequency;
mod history;
mod ids;
mod layout;
mod list;
mod memory;
mod mutant;
mod position;
mod precision;
mod row;
mod scaling;
mod segments;
mod singles;
mod t5;
mod variant;

pub use list::{all, find};

pub use class::Fault;

pub use history::History;
pub use mutant::{Answer, Asked, Mutant, Shown, right};

use std::sync::LazyLock;

static VARIANTS: LazyLock<Vec<Fault>> = LazyLock::new(variant::variants);

/// What only diagnoses know: faults of the list with other constants, under the same names (another
/// base than 10000, a table of another length), and faults that no vector is counted against. What
/// is generated and counted is [`all`].
pub fn variants() -> impl Iterator<Item = &'static Fault> {
    VARIANTS.iter().chain(list::uncounted())
}
