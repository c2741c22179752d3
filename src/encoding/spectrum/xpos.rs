//! xPos: a rotation that also grows for queries and shrinks for keys (Sun et al. 2022).

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::Reject;

/// `xpos`. Queries are multiplied by ζᵢ^((p − origin)/scale_base), keys by the inverse, with
/// ζᵢ = (2i + 0.4 r)/(1.4 r); the score has ζᵢ^((m − n)/scale_base) per plane.
///
/// Source: microsoft/torchscale `xpos_relative_position.py`, flash-attention, lucidrains; γ = 0.4
/// is the paper's. θᵢ = base^(−2i/r).
///
/// Surprises: libraries take the origin in the middle of the sequence, each in its own way
/// (torchscale −(len + offset)//2 with floor division, flash-attention seqlen//2), so tensors of
/// two libraries differ although the scores agree; a key cached at one length must not meet a
/// query of another. `inverse` divides by the growth, `backward` multiplies by it.
#[derive(Debug)]
pub struct XPos;

impl Scheme for XPos {
    fn rope_type(&self) -> &'static str {
        "xpos"
    }

    fn summary(&self) -> &'static str {
        "growth per plane, inverted for keys; xPos (Sun et al. 2022)"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 2] = [
            Key {
                name: "scale_base",
                kind: Kind::Number(Range::Positive),
                absent: Absent::Number(512.0),
                meaning: "positions over which a plane grows by its ζ, a whole number",
            },
            Key {
                name: "origin",
                kind: Kind::Integer(-(1 << 53), 1 << 53),
                absent: Absent::Integer(0),
                meaning: "the position without growth",
            },
        ];
        &KEYS
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        match config.number("scale_base") {
            Some(base) if base.fract() != 0.0 || base > 2f64.powi(31) => {
                Err(invalid("scale_base", base, "a whole number from 1 to 2^31"))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let r = parameters.rotary_dim as i64;
        let scale_base = parameters.config.number("scale_base").unwrap_or(512.0) as i64;
        // (2i + 0.4 r)/(1.4 r) = (10i + 2r)/(7r).
        let growth = |i: i64| Expression::ratio(10 * i + 2 * r, 7 * r).power(1, scale_base);
        Ok(Spectrum {
            growth: (0..parameters.pairs() as i64).map(growth).collect(),
            ..Spectrum::plain(parameters.inv_freq())
        })
    }
}
