//! What a kernel is to the auditor: something that is asked and answers.

use super::ask::Ask;
use super::capability::Description;
use super::outcome::{Breakage, Outcome};
use super::outside::Outside;

/// Something that answers.
///
/// ```
/// use ropewalk::audit::{Ask, Breakage, Description, Kernel, Outcome};
/// struct Refuses;
/// impl Kernel for Refuses {
///     fn describe(&mut self) -> Result<Description, Breakage> {
///         Ok(Description::named("refuses"))
///     }
///     fn ask(&mut self, _: &Ask) -> Outcome {
///         Outcome::Unsupported("nothing is".into())
///     }
/// }
/// assert_eq!(Refuses.describe().unwrap().name, "refuses");
/// ```
pub trait Kernel {
    /// What it is and what it claims to do.
    ///
    /// # Errors
    /// If it does not say so in time and in form.
    fn describe(&mut self) -> Result<Description, Breakage>;

    /// Whether a question can be put to this kernel at all: a function of numbers cannot be asked
    /// what only a malformed request asks. What cannot be put is not asked and not counted.
    ///
    /// # Errors
    /// Why not.
    fn reaches(&self, _: &Ask) -> Result<(), Outside> {
        Ok(())
    }

    /// Answers one request. The order of calls is the order of asking; a kernel may keep state, as
    /// real ones do.
    fn ask(&mut self, ask: &Ask) -> Outcome;

    /// The end of its log, for whoever reads of a breakage.
    fn log(&self) -> String {
        String::new()
    }
}
