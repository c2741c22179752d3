//! Beyond the numbers: other ways of asking the same question, and what must not happen to memory.
//!
//! A probe is a case like any other, with the same right answer; `x_probe` in its input says how
//! it is to be asked, and its id ends in `@` and the probe's name. So a kernel that is right on
//! contiguous tensors and wrong on strided ones is judged by the same bounds both times, and the
//! difference has a name.

pub(super) mod asked;
pub(super) mod found;

/// What may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Probe {
    /// It wrote outside of its outputs.
    Canary,
    /// It changed an input that was not given to be changed.
    InputChanged,
    /// It left elements of an output as they were.
    Unwritten,
    /// It takes tensors for contiguous that are not.
    Strided,
    /// It reads what it has already overwritten.
    InPlace,
    /// It reads positions of one width as if they had another.
    PositionWidth,
    /// The same call gives different bits.
    Race,
}

impl Probe {
    /// All of them.
    pub const ALL: [Probe; 7] = [
        Probe::Canary,
        Probe::InputChanged,
        Probe::Unwritten,
        Probe::Strided,
        Probe::InPlace,
        Probe::PositionWidth,
        Probe::Race,
    ];

    /// Those that are ways of asking. The others are looked for in every call.
    pub const ASKED: [Probe; 4] =
        [Probe::Strided, Probe::InPlace, Probe::PositionWidth, Probe::Race];

    /// The word in reports and ids.
    pub const fn name(self) -> &'static str {
        match self {
            Probe::Canary => "canary",
            Probe::InputChanged => "input_changed",
            Probe::Unwritten => "unwritten",
            Probe::Strided => "strided",
            Probe::InPlace => "in_place",
            Probe::PositionWidth => "position_width",
            Probe::Race => "race",
        }
    }

    /// The fault class.
    pub const fn class(self) -> &'static str {
        match self {
            Probe::Canary => "E10",
            Probe::InputChanged | Probe::InPlace => "G6",
            Probe::Unwritten => "E9",
            Probe::Strided => "G4",
            Probe::PositionWidth => "E14",
            Probe::Race => "G5",
        }
    }

    /// What to change in a kernel.
    pub const fn fix(self) -> &'static str {
        match self {
            Probe::Canary => {
                "count what is launched: batches, heads, tokens and axes, and the last vector of a \
                 row."
            }
            Probe::InputChanged => {
                "write to the output alone; what is derived from an input needs memory of its own."
            }
            Probe::Unwritten => {
                "cover every batch, head and token; look at the path for one token, and at the \
                 last block."
            }
            Probe::Strided => "address every tensor by its own strides, in and out, q and k.",
            Probe::InPlace => "read both coordinates of a pair before writing either.",
            Probe::PositionWidth => "read positions in the width that the call names.",
            Probe::Race => {
                "let no two threads touch one pair, and keep nothing from one call to the next."
            }
        }
    }

    /// Real reports of the class.
    pub const fn links(self) -> &'static [&'static str] {
        match self {
            Probe::Canary => &["sgl-project/sgl-kernel-xpu#202", "sgl-project/sglang#20559"],
            Probe::InputChanged => &["unslothai/unsloth#5001", "ml-explore/mlx-lm#939"],
            Probe::Unwritten => &["ml-explore/mlx#3494", "oxiglade/mlx-rs#359"],
            Probe::Strided => &["ggml-org/llama.cpp#14580", "PaddlePaddle/Paddle#74347"],
            Probe::InPlace => &["ggml-org/llama.cpp#20274", "sgl-project/sglang#19989"],
            Probe::PositionWidth => &["flashinfer-ai/flashinfer#1129", "ROCm/aiter#2566"],
            Probe::Race => &["vllm-project/vllm#48872", "NVIDIA/Megatron-LM#4640"],
        }
    }

    /// The probe of this name.
    pub fn from_name(name: &str) -> Option<Probe> {
        Probe::ALL.into_iter().find(|probe| probe.name() == name)
    }
}
