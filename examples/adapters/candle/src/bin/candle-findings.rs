//! Findings in candle-nn: what `reproduce` runs. The first argument is the number of a finding.

use candle_core::{Device, Result, Tensor};
use candle_nn::rotary_emb::{rope, rope_i, rope_thd};

/// A statement with its numbers, and whether it is so.
fn claim(all: &mut bool, holds: bool, text: String) {
    *all &= holds;
    println!("  {} {text}", if holds { "holds:" } else { "GONE: " });
}

/// Two rows, two tokens, one head of 4; a table for three tokens in each row, all angles different.
fn longer_table(all: &mut bool) -> Result<()> {
    let cpu = &Device::Cpu;
    let angles: Vec<f32> = (0..12).map(|i| 0.1 + 0.25 * i as f32).collect();
    let angles = Tensor::from_vec(angles, (2, 3, 2), cpu)?;
    let (cos, sin) = (angles.cos()?, angles.sin()?);
    let x = Tensor::from_vec((0..16).map(|i| 1.0 + i as f32).collect::<Vec<_>>(), (2, 1, 2, 4), cpu)?;
    let (short_cos, short_sin) = (cos.narrow(1, 0, 2)?.contiguous()?, sin.narrow(1, 0, 2)?.contiguous()?);
    let thd = x.transpose(1, 2)?.contiguous()?;
    for (name, long, short) in [
        ("rope", rope(&x, &cos, &sin)?, rope(&x, &short_cos, &short_sin)?),
        ("rope_i", rope_i(&x, &cos, &sin)?, rope_i(&x, &short_cos, &short_sin)?),
        (
            "rope_thd",
            rope_thd(&thd, &cos, &sin)?.transpose(1, 2)?.contiguous()?,
            rope_thd(&thd, &short_cos, &short_sin)?.transpose(1, 2)?.contiguous()?,
        ),
    ] {
        let row = |t: &Tensor, b: usize| -> Result<Vec<f32>> { t.get(b)?.flatten_all()?.to_vec1() };
        let apart = |b: usize| -> Result<f32> {
            let pairs = row(&long, b)?.into_iter().zip(row(&short, b)?);
            Ok(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
        };
        claim(all, apart(0)? == 0.0, format!("{name}, table of 3 tokens for 2: row 0 is right"));
        let off = apart(1)?;
        claim(all, off > 0.5, format!("{name}: row 1 is off by {off:.2}, it was given the table of another token"));
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut all = true;
    println!("61. candle: a batched table that is longer than the input is read at the wrong rows");
    longer_table(&mut all)?;
    std::process::exit(if all { 0 } else { 1 });
}
