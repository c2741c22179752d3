//! The first oracle: exact rationals where the answer is rational, directed-rounding intervals
//! where it is not, one rounding, and a proof that the rounding is right.

mod angle;
mod answer;
pub mod bulk;
mod decide;
mod decimal;
mod elementary;
mod explain;
mod interval;
mod intervals;
pub mod ladder;
mod planes;
mod ratio;
mod rationals;
mod reply;
mod resolved;
mod rooted;
mod round;
mod surd;
mod turned;
mod unity;

pub use answer::{Answer, Named, Site, shapes, visit};
pub use decide::Intervaled;
pub use decimal::decimals;
pub use elementary::{phasor, sin_cos};
pub use explain::{Explanation, Line, explain};
pub use interval::Interval;
pub use intervals::Intervals;
pub use planes::{Effect, PlaneView, RopeView, view};
pub use ratio::Ratio;
pub use rationals::Rationals;
pub use reply::{answer, reply};
pub use resolved::{Multiple, ResolvedPlane, ResolvedRope};
pub use round::{Proof, Rounded, UndecidedRounding, Value};
