//! candle-nn on a CPU: `rotary_emb::{rope, rope_i}` with the caller's cos and sin.

#[path = "../../protocol.rs"]
mod protocol;

use candle_core::{DType, Device, Tensor};
use candle_nn::rotary_emb::{rope, rope_i};
use half::{bf16, f16};
use protocol::{needs, only, rejected, serve, unsupported, Refusal};
use serde_json::{json, Map, Value};

fn to_candle(part: &protocol::Tensor) -> Result<Tensor, Refusal> {
    let (bits, shape, cpu) = (&part.bits, part.shape.as_slice(), &Device::Cpu);
    match part.dtype.as_str() {
        "f64" => Tensor::from_iter(bits.iter().map(|&b| f64::from_bits(b)), cpu),
        "f32" => Tensor::from_iter(bits.iter().map(|&b| f32::from_bits(b as u32)), cpu),
        "bf16" => Tensor::from_iter(bits.iter().map(|&b| bf16::from_bits(b as u16)), cpu),
        _ => Tensor::from_iter(bits.iter().map(|&b| f16::from_bits(b as u16)), cpu),
    }
    .and_then(|t| t.reshape(shape))
    .map_err(rejected)
}

fn of_candle(t: &Tensor) -> Result<protocol::Tensor, Refusal> {
    let flat = t.flatten_all().map_err(rejected)?;
    let (dtype, bits): (&str, Vec<u64>) = match t.dtype() {
        DType::F64 => ("f64", flat.to_vec1::<f64>().map_err(rejected)?.iter().map(|x| x.to_bits()).collect()),
        DType::F32 => ("f32", flat.to_vec1::<f32>().map_err(rejected)?.iter().map(|x| x.to_bits().into()).collect()),
        DType::BF16 => ("bf16", flat.to_vec1::<bf16>().map_err(rejected)?.iter().map(|x| x.to_bits().into()).collect()),
        DType::F16 => ("f16", flat.to_vec1::<f16>().map_err(rejected)?.iter().map(|x| x.to_bits().into()).collect()),
        other => return Err(rejected(format!("the kernel answered in {other:?}"))),
    };
    Ok(protocol::Tensor { dtype: dtype.into(), shape: t.dims().to_vec(), bits })
}

fn answer(request: &Value) -> Result<Value, Refusal> {
    if request["operation"] != "apply" {
        return unsupported("operation");
    }
    let (config, input) = (&request["config"], &request["input"]);
    only(config, "config", &["head_dim", "layout", "rotary_dim", "rotary_offset", "partial_rotary_factor"])?;
    protocol::whole(config)?;
    needs(config, "missing_key", &["head_dim", "layout"])?;
    needs(input, "missing_input", &["q", "cos", "sin"])?;
    only(input, "input", &["q", "k", "cos", "sin"])?;
    let cos = to_candle(&protocol::Tensor::decode(&input["cos"])?)?;
    let sin = to_candle(&protocol::Tensor::decode(&input["sin"])?)?;
    let mut output = Map::new();
    for name in ["q", "k"] {
        if let Some(part) = input.get(name) {
            let x = to_candle(&protocol::Tensor::decode(part)?)?;
            let turned = match config["layout"].as_str() {
                Some("interleaved") => rope_i(&x, &cos, &sin),
                _ => rope(&x, &cos, &sin),
            };
            output.insert(name.into(), of_candle(&turned.map_err(rejected)?)?.encode());
        }
    }
    Ok(Value::Object(output))
}

fn main() {
    let kernel = json!({"name": "candle", "version": "0.11.1", "language": "Rust",
        "homepage": "https://github.com/huggingface/candle"});
    let can = json!([{"operations": ["apply"], "dtypes": ["f64", "f32", "bf16", "f16"],
        "layouts": ["interleaved", "half"], "directions": ["forward"]}]);
    serve(kernel, can, answer);
}
