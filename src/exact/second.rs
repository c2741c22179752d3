//! The arithmetic of the second oracle: everything in integers.
//!
//! The first oracle encloses with directed rounding in a floating-point library; this one shares
//! nothing with it. A real is a [`Ball`], an integer midpoint with a power of two and a radius;
//! functions are integer series after an integer argument reduction ([`Elementary`]); a value
//! becomes a bit pattern by comparing it exactly with the boundaries between neighbours
//! ([`Target`]). No step uses a floating-point number of any kind, so an error in one oracle's
//! arithmetic has no counterpart in the other's.
//!
//! ```text
//! radius ← ball ← { arithmetic, power } ← { elementary ← sine, point ← encode ← residual }
//! series ← constants ← elementary
//! ```

mod arithmetic;
mod ball;
mod constants;
mod elementary;
mod encode;
mod point;
mod power;
mod radius;
mod residual;
#[cfg(test)]
mod sampled;
mod series;
mod sine;

pub use ball::Ball;
pub use constants::{ln_2, pi};
pub use elementary::Elementary;
pub use encode::Target;
pub use radius::Radius;
pub use series::Series;
