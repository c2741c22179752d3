//! The angles of a block, plane by plane, in the operations of the machine.

use super::Sweep;
use super::blocks::Block;
use crate::number::Format;
use crate::profile::Machine;
use crate::profile::pipeline::Route;

/// Rounds every number.
fn round(machine: &Machine, list: &mut [f64]) {
    match (machine.format, machine.flush) {
        (Format::F64, false) => {}
        (Format::F32, false) => list.iter_mut().for_each(|x| *x = *x as f32 as f64),
        _ => list.iter_mut().for_each(|x| *x = machine.round(*x)),
    }
}

fn apply(machine: &Machine, list: &mut [f64], operation: impl Fn(f64) -> f64) {
    list.iter_mut().for_each(|x| *x = operation(*x));
    round(machine, list);
}

/// Calls with every plane and its angles, one per group; NaN where the machine has none.
pub(super) fn angles(sweep: &Sweep, block: &Block, each: &mut dyn FnMut(usize, &[f64])) {
    let mut position = block.rounded.clone();
    round(&sweep.angle, &mut position);
    // The running product of the plane before: its factor, how many there are, and the products.
    let mut running: Option<(f64, i64, Vec<f64>)> = None;
    let mut angle = vec![0.0; position.len()];
    for (plane, route) in sweep.routes.iter().enumerate() {
        angle.copy_from_slice(&position);
        match route {
            None => angle.fill(f64::NAN),
            Some(Route::Product { divisor, frequency }) => {
                if let Some(divisor) = divisor {
                    apply(&sweep.angle, &mut angle, |x| x / divisor);
                }
                apply(&sweep.angle, &mut angle, |x| x * frequency);
            }
            Some(Route::Running { factor, times, divisor }) => {
                let (mut done, mut products) = match running.take() {
                    Some((known, done, products)) if known == *factor && done <= *times => {
                        (done, products)
                    }
                    _ => {
                        round(&sweep.tensor, &mut angle);
                        (0, angle.clone())
                    }
                };
                while done < *times {
                    apply(&sweep.tensor, &mut products, |x| x * factor);
                    done += 1;
                }
                angle.copy_from_slice(&products);
                running = Some((*factor, done, products));
                if let Some(divisor) = divisor {
                    apply(&sweep.tensor, &mut angle, |x| x / divisor);
                }
                round(&sweep.angle, &mut angle);
            }
        }
        each(plane, &angle);
    }
}
