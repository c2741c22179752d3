"""Why a model type differs, is refused or was not asked: a name or a part of the sentence, and why."""

# By the model type's name.
OF_TYPE = {
    "efficientloftr": "its rope lies over the whole width of the model, not over a head: its share of 4 is no share",
    "esmfold2": "four axes with two bases inside one half-split head, and channels that no axis turns: no scheme has it",
    "musicflamingo": "its time embedding multiplies angles by a time in seconds: it is a rope over its audio, not over "
                     "its text model, whose own rope agrees under `qwen2`",
    "vjepa2": "V-JEPA 2 tiles cos and sin where it should repeat them, so that the two coordinates of a pair turn by "
              "different angles: no rotation, and no scheme",
    "lightglue": "its frequencies are learned: the angle is W · (x, y) with W a weight",
    "clvp_decoder": "a decoder with learned positions; the attention class is shared with the encoder that rotates",
    "t5_gemma_module": "a config that no model class takes; its two halves are asked as parts of `t5gemma`",
    "voxtral_realtime_text": "Transformers names a model class for it that it does not have",
    "dbrx": "its attention reads a key that its default config does not have, so nothing can be built",
    "qwen4_exp": "its attention cannot be built from its defaults",
    "qwen4_exp_text": "its attention cannot be built from its defaults",
    "moonshine_streaming": "its attention cannot be built from its defaults",
    "minimax_m3_vl": "its config saves a `rotary_dim` that its code does not read: it is read here",
    "minimax_m3_vl_text": "its config saves a `rotary_dim` that its code does not read: it is read here",
    "glm4v": "the sections that its code takes do not fit its own default head: it fails on them",
    "glm46v": "the sections that its code takes do not fit its own default head: it fails on them",
    "glmga": "the sections that its code takes do not fit its own default head: it fails on them",
    "glm_image": "the sections that its code takes do not fit its own default head: it fails on them",
    "hunyuan_vl": "its code fails without `mrope_section`, which its defaults do not have",
    "hunyuan_vl_text": "its code doubles each section and deals out whole heads, so that the two coordinates of a pair "
                       "turn by different axes: no rotation but where all axes are equal; read here as sections of pairs",
}

# By a part of the sentence.
SAYS = {
    "allowed is a multiple of num_attention_heads": "the class's own width is no multiple of its heads: Transformers "
                                                    "rounds the quotient down, a config.json says `head_dim`",
    "No module named 'transformers.models": "Transformers has the config class without modelling code",
    "No module named 'torchaudio'": "needs torchaudio, which was not installed",
    "requires the": "needs a package that was not installed",
    "no model class for this config": "a part without a model class of its own, asked with the model around it",
    "Unrecognized model type": "Transformers cannot read its own default",
    "StrictDataclass": "its defaults contradict its own rules",
    "has no attribute": "Transformers' own defaults lack a key that its code reads",
    "'NoneType' object has no attribute": "Transformers' own defaults lack a config that its code reads",
}


def reason(name, sentence):
    """Why, or None if nobody has looked at it yet."""
    return OF_TYPE.get(name) or next((why for part, why in SAYS.items() if part in sentence), None)
