//! How a frequency is computed.

/// How b^(−k/h) is computed, h being half the rotary dim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// 1 / b^(k/h): Transformers, vLLM, Meta.
    ReciprocalOfPower,
    /// (1/b)^(k/h): FlashInfer.
    PowerOfReciprocal,
    /// b^(−k/h).
    NegativePower,
    /// (b^(−1/h))^k, two powers: ggml on CUDA.
    PowerOfStep,
    /// e^(−k · (ln b / h)): MLX's fallback, tensor2tensor.
    Exponential,
    /// 2^(−(k/h) · log₂ b): MLX on Metal.
    Exp2,
    /// p · b^(−1/h) · b^(−1/h) …, each product rounded, beginning with the position: ggml on CPU.
    /// Where the scheme does more than divide the power, the product begins with 1.
    RunningProduct,
}
