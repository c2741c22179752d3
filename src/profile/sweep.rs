//! The worst error of a profile over every position of a range, and where it first exceeds a bound.
//!
//! A machine knows a position only as its format has it, so integers that round alike form a
//! *group* with one computed angle: 75.5 million groups up to 2^31 in f32, 2944 in bf16. Within a
//! group the error of the angle, computed − pθ, is linear in p, so that its ends have the extremes.
//! Between the ends, the distance of (cos, sin) from a point is at most the larger one at the ends
//! plus L²/8 times the magnitude, L being the angle between the ends: a curve whose second
//! derivative is at most 1 departs by no more from its chord. Where that leaves open which position
//! is the worst, every position of the group is looked at. Nothing is sampled.
//!
//! Errors are evaluated in f64 with θ in three pieces, the first two short enough for exact
//! products ([`Known`]); what that may be off ([`slack`]) is added where an error is claimed to be
//! the largest, and where it could turn a comparison with the bound, the reference decides
//! ([`Truth`]). The result does not depend on the number of threads, nor on how a range is cut.

mod blocks;
mod chain;
mod found;
mod ready;
mod search;

pub use ready::{LAST_POSITION, Sweep};

use found::larger;
pub use found::{Computed, Finding, Known, Measure, Swept, Truth, Worst, slack};

use rayon::prelude::*;
use std::ops::Range;

impl Sweep<'_> {
    /// What a plane's machine has at a position.
    pub fn computed(&self, plane: usize, position: u64) -> Computed {
        let block = blocks::Block::new(position..position + 1, self.format);
        let mut angle = f64::NAN;
        chain::angles(self, &block, &mut |at, angles| {
            if at == plane {
                angle = angles[0];
            }
        });
        Computed { angle, table: self.table(angle) }
    }

    /// Looks at every position of a range below [`LAST_POSITION`]; `progress` hears how many
    /// positions were done, from any thread.
    pub fn run(&self, range: Range<u64>, progress: &(dyn Fn(u64) + Sync)) -> Swept {
        let shared = search::Shared::new(self.routes.len());
        // The largest positions first: they have the largest errors, which need no second look
        // elsewhere.
        let blocks = blocks::cut(range.start..range.end.min(LAST_POSITION), self.format);
        let swept = blocks.into_par_iter().rev().map(|range| {
            let count = range.end - range.start;
            let found = search::block(self, &shared, range);
            progress(count);
            found
        });
        let empty =
            || Swept { planes: vec![Default::default(); self.routes.len()], octaves: vec![] };
        swept.reduce(empty, Swept::merge)
    }
}
