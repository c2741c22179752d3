//! Prints the arrows of the files whose names begin with the argument, then every circle.

use ropewalk_graph::{arrows, circles, read, workspace};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let base = Path::new(".");
    let found = arrows(&read(base, &workspace(base)?)?);
    for arrow in found.iter().filter(|arrow| arrow.from.starts_with(&only)) {
        println!("{} -> {}: {}", arrow.from, arrow.to, arrow.name);
    }
    for circle in circles(&found) {
        println!("\ncircle:");
        for arrow in &found {
            if circle.contains(&arrow.from) && circle.contains(&arrow.to) {
                println!("  {} -> {}: {}", arrow.from, arrow.to, arrow.name);
            }
        }
    }
    Ok(())
}
