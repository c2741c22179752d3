//! How the errors of a kernel lie: by position and by plane. The pictures of the reports.

pub(super) mod measured;

use std::collections::BTreeMap;

/// The elements of one plane in one band of positions.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Cell {
    /// Elements with a value and a bound.
    pub elements: usize,
    /// Those further off than their bound.
    pub beyond: usize,
    /// The largest error in ulp of the right answer.
    pub ulp: f64,
    /// The largest error as a share of its bound; none where nothing may be off.
    pub share: Option<f64>,
    /// The largest error relative to what was mixed: |z| of the plane, the magnitude of a table,
    /// the frequency itself. Of a rotation this is the error of the angle in radians, while it is
    /// small. None for operations that mix nothing.
    pub relative: Option<f64>,
    /// The largest bound in the same unit.
    pub bound: Option<f64>,
}

/// A band of |position| from one power of two to the next; position 0, and everything without a
/// position, are bands of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// No position takes part.
    None,
    /// Position 0.
    Zero,
    /// |p| within [2^n, 2^(n+1)).
    From(i32),
}

impl Band {
    /// The band of a position.
    pub fn of(position: Option<f64>) -> Band {
        match position.map(f64::abs) {
            None => Band::None,
            Some(0.0) => Band::Zero,
            Some(p) => Band::From(p.log2().floor() as i32),
        }
    }

    /// The least |position| of the band.
    pub fn start(self) -> Option<f64> {
        match self {
            Band::None => None,
            Band::Zero => Some(0.0),
            Band::From(n) => Some(2f64.powi(n)),
        }
    }
}

/// Cells by band of positions and plane; `None` for what belongs to no plane.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Errors {
    /// Every pair that occurs.
    pub cells: BTreeMap<(Band, Option<usize>), Cell>,
}

impl Errors {
    /// Both together.
    pub fn merge(&mut self, other: &Errors) {
        for (key, cell) in &other.cells {
            self.cells.entry(*key).or_default().merge(cell);
        }
    }

    /// Everything together.
    pub fn whole(&self) -> Cell {
        let mut whole = Cell::default();
        self.cells.values().for_each(|cell| whole.merge(cell));
        whole
    }

    /// All planes of a band together.
    pub fn by_position(&self) -> BTreeMap<Band, Cell> {
        let mut bands: BTreeMap<Band, Cell> = BTreeMap::new();
        for ((band, _), cell) in &self.cells {
            bands.entry(*band).or_default().merge(cell);
        }
        bands
    }

    /// All positions of a plane together.
    pub fn by_plane(&self) -> BTreeMap<usize, Cell> {
        let mut planes: BTreeMap<usize, Cell> = BTreeMap::new();
        for ((_, plane), cell) in &self.cells {
            if let Some(plane) = plane {
                planes.entry(*plane).or_default().merge(cell);
            }
        }
        planes
    }
}

impl Cell {
    /// Both together.
    pub fn merge(&mut self, other: &Cell) {
        let larger = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.elements += other.elements;
        self.beyond += other.beyond;
        self.ulp = self.ulp.max(other.ulp);
        self.share = larger(self.share, other.share);
        self.relative = larger(self.relative, other.relative);
        self.bound = larger(self.bound, other.bound);
    }
}
