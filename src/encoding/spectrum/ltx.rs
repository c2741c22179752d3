//! LTX-Video and LTX-2: frequencies that grow, dealt out to axes in turn and across all heads.

use super::axial::{NUM_AXES, count};
use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, invalid};
use crate::request::{Json, Reject};

/// `ltx`. Frequency number k of n is π/2 · base^(k/(n − 1)); each stands on every axis before the next
/// one comes, and one spectrum runs over the heads of a layer: pair i of head h has number h·r/2 + i.
///
/// Sources: diffusers `transformer_ltx.py` (`LTXVideoRotaryPosEmbed`, interleaved) and
/// `transformer_ltx2.py` (`LTX2AudioVideoRotaryPosEmbed`, interleaved or split, which is half). Axes
/// are \[t, y, x\] for video, time alone for audio. A coordinate is 2·c/m − 1, an exact rational: c the
/// middle of a patch in seconds or pixels, m the longest (20 s, 2048 pixels).
///
/// Surprises: heads differ, hence `head`; the numbers grow with the index; what the axes do not divide
/// stays still in *front*, in the first head alone.
#[derive(Debug)]
pub struct Ltx;

impl Scheme for Ltx {
    fn rope_type(&self) -> &'static str {
        "ltx"
    }

    fn summary(&self) -> &'static str {
        "pi/2 * base^(k/(n-1)), axes in turn, one spectrum for all heads; LTX-Video, LTX-2"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 3] = [
            Key {
                absent: Absent::Integer(3),
                meaning: "axes of a position: 3 for video, 1 for audio",
                ..NUM_AXES
            },
            Key {
                name: "num_heads",
                kind: Kind::Integer(1, 1 << 16),
                absent: Absent::Integer(1),
                meaning: "heads that share the spectrum; with 1 the head is as wide as the layer",
            },
            Key {
                name: "head",
                kind: Kind::Integer(0, 1 << 16),
                absent: Absent::Integer(0),
                meaning: "which of them this rope is of, from 0",
            },
        ];
        &KEYS
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, config: &Checked) -> usize {
        count(config, 3)
    }

    fn rational_positions(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        let (heads, head) = (config.size("num_heads"), config.size("head"));
        match (heads, head) {
            (Some(heads), Some(head)) if head >= heads => {
                Err(invalid("head", head, format!("below num_heads, {heads}")))
            }
            _ => Ok(()),
        }?;
        let (r, axes) = (config.size("rotary_dim").or(config.size("head_dim")), count(config, 3));
        match r {
            Some(r) if heads.unwrap_or(1) * (r / 2) < axes => {
                let rule = format!("at least a pair for each of {axes} axes in all heads together");
                Err(invalid("head_dim", Json::from(r), rule))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let (pairs, axes) = (parameters.pairs(), count(parameters.config, 3));
        let all = pairs * parameters.config.size("num_heads").unwrap_or(1);
        let (each, still) = (all / axes, all % axes);
        let first = pairs * parameters.config.size("head").unwrap_or(0);
        let quarter_turn = Expression::pi() * Expression::ratio(1, 2);
        let base = parameters.exact("rope_theta");
        let frequency = |number: usize| match number.checked_sub(still) {
            None => Expression::integer(0),
            Some(_) if each == 1 => quarter_turn.clone(),
            Some(place) => &quarter_turn * base.power((place / axes) as i64, each as i64 - 1),
        };
        let axis = |number: usize| number.checked_sub(still).map_or(0, |place| place % axes);
        let numbers = first..first + pairs;
        Ok(Spectrum {
            axes: numbers.clone().map(axis).collect(),
            ..Spectrum::plain(numbers.map(frequency).collect())
        })
    }
}
