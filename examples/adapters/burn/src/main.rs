//! burn-nn on the ndarray backend: `RotaryEncoding`, layout interleaved, a table for positions from 0.

#[path = "../../protocol.rs"]
mod protocol;

use burn_core::tensor::{Device, Tensor, TensorData};
use burn_nn::{RotaryEncoding, RotaryEncodingConfig};
use protocol::{needs, only, rejected, serve, unsupported, Refusal};
use serde_json::{json, Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;

/// Rows of the largest table: a model's longest context.
const ROWS: u64 = 1 << 17;

thread_local! {
    static MADE: RefCell<HashMap<(usize, u64, u32), RotaryEncoding>> = RefCell::new(HashMap::new());
}

/// The module of a model with this width, context and base; made once.
fn module(head: usize, rows: u64, base: f32, device: &Device) -> RotaryEncoding {
    MADE.with(|made| {
        let mut made = made.borrow_mut();
        if made.len() > 3 {
            made.clear();
        }
        made.entry((head, rows, base.to_bits()))
            .or_insert_with(|| {
                RotaryEncodingConfig::new(rows as usize, head).with_theta(base).init(device)
            })
            .clone()
    })
}

/// The config keys that are read, or that have no influence.
const WHAT: &[&str] = &[
    "head_dim", "layout", "rope_theta", "rope_type", "max_position_embeddings", "rotary_dim", "rotary_offset",
    "partial_rotary_factor",
];

/// Positions [batch][seq].
fn grid(input: &Value) -> Result<Vec<Vec<u64>>, Refusal> {
    let refuse = || Refusal::Unsupported("positions that are not a list of lists of numbers from 0".into());
    let rows = input["positions"].as_array().ok_or_else(refuse)?;
    rows.iter()
        .map(|row| row.as_array().ok_or_else(refuse)?.iter().map(|p| p.as_u64().ok_or_else(refuse)).collect())
        .collect()
}

fn rotate(request: &Value) -> Result<Value, Refusal> {
    if request["operation"] != "rotate" {
        return unsupported("operation");
    }
    let (config, input) = (&request["config"], &request["input"]);
    only(config, "config", WHAT)?;
    protocol::whole(config)?;
    needs(config, "missing_key", &["head_dim", "layout"])?;
    needs(input, "missing_input", &["q", "positions"])?;
    only(input, "input", &["q", "k", "positions"])?;
    if config["layout"] != "interleaved" || config.get("rope_type").is_some_and(|t| t != "default") {
        return unsupported("interleaved and default only");
    }
    let (Some(head), Some(base)) = (config["head_dim"].as_u64(), config["rope_theta"].as_f64()) else {
        return unsupported("head_dim and rope_theta");
    };
    let grid = grid(input)?;
    let last = grid.iter().flatten().copied().max().unwrap_or(0);
    if last >= ROWS {
        return unsupported("a position beyond the largest table");
    }
    let device = Device::default();
    let rope = module(head as usize, (last + 1).next_power_of_two().max(4096), base as f32, &device);
    let mut output = Map::new();
    for name in ["q", "k"] {
        let Some(part) = input.get(name) else { continue };
        let mut part = protocol::Tensor::decode(part)?;
        if part.dtype != "f32" {
            return unsupported("dtype");
        }
        let [batch, heads, seq, width] = part.shape[..] else { return unsupported("rank") };
        if batch != grid.len() || grid.iter().any(|row| row.len() != seq) {
            return Err(Refusal::Rejected("shape_mismatch: positions".into()));
        }
        let values: Vec<f32> = part.bits.iter().map(|&b| f32::from_bits(b as u32)).collect();
        // A start belongs to a call, so every token is a call of its own.
        for (b, row) in grid.iter().enumerate() {
            for h in 0..heads {
                for (s, &p) in row.iter().enumerate() {
                    let at = ((b * heads + h) * seq + s) * width;
                    let x = TensorData::new(values[at..at + width].to_vec(), [1, 1, width]);
                    let y = rope.apply(Tensor::<3>::from_data(x, &device), p as usize);
                    let y = y.into_data().try_to_vec::<f32>().map_err(|e| rejected(format!("{e:?}")))?;
                    for (slot, y) in part.bits[at..at + width].iter_mut().zip(y) {
                        *slot = y.to_bits().into();
                    }
                }
            }
        }
        output.insert(name.into(), part.encode());
    }
    Ok(Value::Object(output))
}

fn main() {
    let kernel = json!({"name": "burn", "version": "0.22.1", "language": "Rust",
        "homepage": "https://github.com/tracel-ai/burn"});
    let can = json!([{"operations": ["rotate"], "dtypes": ["f32"], "layouts": ["interleaved"],
        "rope_types": ["default"], "directions": ["forward"],
        "limits": {"min_position": 0, "max_position": ROWS - 1}}]);
    serve(kernel, can, rotate);
}
