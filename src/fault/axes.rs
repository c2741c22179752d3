//! H: several axes.

use super::Fault;
use super::change::Change;
use super::edit;
use super::history;
use crate::encoding::Body;
use crate::request::Json;

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "h1-height-and-width-exchanged",
            class: "H1",
            summary: "height and width are exchanged: pairs of the rows turn by the column, and the reverse",
            signature: "text and square symmetric images are right; left and right are confused otherwise",
            fix: "axes are [t, h, w], or [y, x]",
            links: &["huggingface/pytorch-image-models#2541", "ggml-org/llama.cpp#13282"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    let (a, b) = match rope.axes {
                        0 | 1 => return,
                        2 => (0, 1),
                        _ => (1, 2),
                    };
                    for plane in &mut rope.planes {
                        plane.axis = match plane.axis {
                            axis if axis == a => b,
                            axis if axis == b => a,
                            axis => axis,
                        };
                    }
                })
            }),
        },
        Fault {
            name: "h2-sections-follow-each-other",
            class: "H2",
            summary: "sections follow each other where they must alternate, or the reverse",
            signature: "text is right, because all axes agree there; images are not",
            fix: "read mrope_interleaved",
            links: &["alibaba/MNN#4104", "ollama/ollama#12807", "vllm-project/vllm-gaudi#1437"],
            change: Change::Config(|config, _, _| {
                let alternate = config.get("mrope_interleaved")? == &Json::Bool(true);
                config.set("mrope_interleaved", Json::Bool(!alternate));
                Some(())
            }),
        },
        Fault {
            name: "h3-stride-past-the-section",
            class: "H3",
            summary: "alternating axes run to the end of the head instead of stopping at three times their section",
            signature: "pairs past 3·section take h or w instead of t",
            fix: "bound the stride by the section",
            links: &["XPU-Forces/mojo_opset#276", "InternLM/lmdeploy#4644"],
            change: Change::Question(|question, _| {
                (question.config().get("mrope_interleaved")? == &Json::Bool(true)).then_some(())?;
                edit::rope(question, |rope| {
                    rope.planes.iter_mut().enumerate().for_each(|(i, plane)| plane.axis = i % 3);
                })
            }),
        },
        Fault {
            name: "h4-last-axis-never-read",
            class: "H4",
            summary: "the last axis is never read: its pairs turn by the first one",
            signature: "positions that agree on all axes hide it",
            fix: "read the positions of every axis",
            links: &["ggml-org/llama.cpp#13282"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    let last = rope.axes.saturating_sub(1);
                    for plane in rope.planes.iter_mut().filter(|plane| plane.axis == last) {
                        plane.axis = 0;
                    }
                })
            }),
        },
        Fault {
            name: "h6-one-axis-for-all",
            class: "H6",
            summary: "every pair turns by the first axis: ids of one axis replaced those of three",
            signature: "text is right, images are not",
            fix: "pass the ids of all axes",
            links: &["linkedin/Liger-Kernel#276", "huggingface/transformers#40136"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    rope.planes.iter_mut().for_each(|plane| plane.axis = 0);
                })
            }),
        },
        Fault {
            name: "h7-layout-ignored-with-axes",
            class: "H7",
            summary: "the path of several axes always rotates half layout",
            signature: "one axis is right; several axes in interleaved layout are wrong",
            fix: "pass the layout to the path of several axes",
            links: &["vllm-project/vllm#49290"],
            change: Change::Config(|config, _, question| {
                let axes = match &question.body {
                    Body::Rotate(r) => r.rope.axes,
                    Body::Score(s) => s.rope.axes,
                    _ => return None,
                };
                (axes > 1).then_some(())?;
                config.set("layout", Json::from("half"));
                Some(())
            }),
        },
        Fault {
            name: "h7-scaling-ignored-with-axes",
            class: "H7",
            summary: "the path of several axes ignores the scaling rule",
            signature: "one axis is right; several axes with scaling are wrong",
            fix: "build the table of several axes from the scaled frequencies",
            links: &["NVIDIA/Megatron-LM#1612", "ggml-org/llama.cpp#19928"],
            change: Change::Config(|config, length, question| {
                (history::rope(question)?.axes > 1).then_some(())?;
                super::scaling::unscale(config, length)
            }),
        },
        Fault {
            name: "h7-offset-ignored-with-axes",
            class: "H7",
            summary: "the path of several axes rotates the leading channels wherever the slice begins",
            signature: "one axis is right; several axes with a trailing slice are wrong",
            fix: "pass rotary_offset to the path of several axes",
            links: &["AI-Hypercomputer/maxtext#4616"],
            change: Change::Config(|config, _, question| {
                (history::rope(question)?.axes > 1).then_some(())?;
                (edit::number(config, "rotary_offset")? != 0.0).then_some(())?;
                config.set("rotary_offset", Json::from(0i64));
                Some(())
            }),
        },
    ]
}
