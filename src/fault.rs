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
mod axes;
mod backward;
mod change;
mod direction;
mod edit;
mod frequency;
mod history;
mod layout;
mod memory;
mod mutant;
mod position;
mod precision;
mod row;
mod scaling;
mod t5;
mod variant;

pub use history::History;
pub use mutant::{Answer, Asked, Mutant, Shown, right};

use change::Change;
use std::sync::LazyLock;

/// A known bug class as a transformation.
#[derive(Debug)]
pub struct Fault {
    /// The class and a name, lower case: `a1-pairing-swapped`. Stable.
    pub name: &'static str,
    /// The class of the catalogue: `A1`.
    pub class: &'static str,
    /// What is wrong, in a sentence for the author of the kernel.
    pub summary: &'static str,
    /// What its answers look like, and where it hides.
    pub signature: &'static str,
    /// What to change.
    pub fix: &'static str,
    /// Real reports of the class, as owner/repository#number.
    pub links: &'static [&'static str],
    change: Change,
}

impl Fault {
    /// What a kernel with this fault makes of a request, none where the fault makes no difference
    /// by construction: it does not apply, or the question is the same afterwards.
    pub fn mutate<'a>(&'static self, asked: &'a Asked, history: &'a History) -> Option<Mutant<'a>> {
        Mutant::new(asked, history, vec![self])
    }
}

static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| {
    let lists = [
        layout::faults(),
        direction::faults(),
        frequency::faults(),
        scaling::faults(),
        position::faults(),
        precision::faults(),
        memory::faults(),
        axes::faults(),
        backward::faults(),
        alibi::faults(),
        t5::faults(),
        absolute::faults(),
    ];
    let mut all: Vec<Fault> = lists.into_iter().flatten().collect();
    all.sort_by_key(|fault| fault.name);
    all
});

/// All faults, sorted by name.
pub fn all() -> &'static [Fault] {
    &FAULTS
}

static VARIANTS: LazyLock<Vec<Fault>> = LazyLock::new(variant::variants);

/// Faults of the list with other constants, under the same names: another base than 10000, a table
/// of another length. For diagnoses; what is generated and counted is [`all`].
pub fn variants() -> &'static [Fault] {
    &VARIANTS
}

/// The fault of this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().iter().find(|fault| fault.name == name)
}
