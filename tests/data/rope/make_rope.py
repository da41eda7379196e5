"""Rotary positions by transformers' own functions, and tiny models that use them: what test_model_rope and
test_engine_golden compare with.

make_rope.py OUT: writes OUT/rope.json (a list of config.json members with the frequencies and the factor of cosines and
sines that transformers makes of them) and OUT/<model>/{config.json,model.safetensors,expected.json}, as the goldens of
tiny models have them.
"""
import json
import sys
from pathlib import Path

import torch
import transformers as tf
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

BASE = dict(vocab_size=64, hidden_size=128, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=1024, rms_norm_eps=1e-6)
SHORT = [1.0 + 0.01 * i for i in range(48)]
LONG = [1.0 + 0.5 * i for i in range(48)]
CASES = [  # family, members, length of the document
    ("llama", dict(head_dim=64, rope_parameters=dict(rope_type="linear", rope_theta=1e5, factor=4.0)), None),
    ("llama", dict(head_dim=64, rope_parameters=dict(rope_type="dynamic", rope_theta=1e4, factor=4.0)), 1024),
    ("llama", dict(head_dim=128, max_position_embeddings=131072,
                   rope_parameters=dict(rope_type="llama3", rope_theta=5e5, factor=8.0, low_freq_factor=1.0,
                                        high_freq_factor=4.0, original_max_position_embeddings=8192)), None),
    ("qwen2", dict(hidden_size=512, max_position_embeddings=32768,
                   rope_parameters=dict(rope_type="yarn", rope_theta=1e6, factor=4.0,
                                        original_max_position_embeddings=32768)), None),
    ("llama", dict(head_dim=64, rope_parameters=dict(rope_type="yarn", rope_theta=150000.0, factor=32.0, beta_fast=32.0,
                                                     beta_slow=1.0, truncate=False,
                                                     original_max_position_embeddings=4096)), None),
    ("llama", dict(head_dim=64, rope_parameters=dict(rope_type="yarn", rope_theta=1e4, factor=40.0, mscale=0.707,
                                                     mscale_all_dim=1.0, beta_fast=16.0, beta_slow=2.0,
                                                     original_max_position_embeddings=512)), None),
    ("llama", dict(head_dim=64, rope_parameters=dict(rope_type="yarn", rope_theta=1e4, factor=2.0, attention_factor=0.8,
                                                     original_max_position_embeddings=512)), None),
    ("phi3", dict(hidden_size=512, max_position_embeddings=131072, original_max_position_embeddings=4096,
                  rope_parameters=dict(rope_type="longrope", rope_theta=1e4, partial_rotary_factor=0.75,
                                       short_factor=SHORT, long_factor=LONG)), 4096),
    ("phi3", dict(hidden_size=512, max_position_embeddings=131072, original_max_position_embeddings=4096,
                  rope_parameters=dict(rope_type="longrope", rope_theta=1e4, partial_rotary_factor=0.75,
                                       short_factor=SHORT, long_factor=LONG)), 4097),
]
CONFIGS = {"llama": tf.LlamaConfig, "qwen2": tf.Qwen2Config, "phi3": tf.Phi3Config}
TINY = dict(vocab_size=64, hidden_size=32, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0)
MODELS = {
    "phi3_longrope": (tf.Phi3Config, dict(original_max_position_embeddings=64, rope_parameters=dict(
        rope_type="longrope", rope_theta=1e4, partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3],
        long_factor=[1.0, 2.5, 6.0]))),
    "qwen2_yarn": (tf.Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=dict(
        rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=64))),
}
MASKS = {"one": [[1, 2]], "three": [[0, 0], [1, 3], [1, 1]], "layer": [[1, 0], [1, 1], [1, 2], [1, 3]]}


def frequencies(family, members, length):
    config = CONFIGS[family](**json.loads(json.dumps({**BASE, **members})))
    kind = config.rope_parameters["rope_type"]
    inverse, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    return {"config": {**BASE, **members, "model_type": family}, "far": bool(kind == "longrope" and length > 4096),
            "frequencies": inverse.tolist(), "factor": float(factor)}


def losses(model, ids):
    logits = model(torch.tensor([ids])).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()


def mask(model, heads):
    for layer, head in heads:
        attention = model.model.layers[layer].self_attn
        rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
        projection = getattr(attention, "q_proj", None) or attention.qkv_proj
        projection.weight.data[rows] = 0
        if projection.bias is not None:
            projection.bias.data[rows] = 0


def tiny(folder, config_class, extra):
    torch.manual_seed(7)
    config = config_class(**json.loads(json.dumps({**TINY, **extra})))
    config._attn_implementation = "eager"
    build = lambda: tf.AutoModelForCausalLM.from_config(config, dtype=torch.float64)
    model = build()
    for name, p in model.named_parameters():
        p.copy_((torch.randn(p.shape) * (0.3 if p.dim() > 1 else 0.2) + (1.0 if "norm" in name else 0.0)).float())
    state = {k: v.clone() for k, v in model.state_dict().items()}
    model.float().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model.double()
    generator = torch.Generator().manual_seed(3)
    ids = [torch.randint(3, 64, (n,), generator=generator).tolist() for n in (2, 17, 64, 130)]
    expected = {"ids": ids, "base": [losses(model, s) for s in ids], "masks": {}}
    for name, heads in MASKS.items():
        masked = build()
        masked.load_state_dict(state)
        mask(masked, heads)
        expected["masks"][name] = {"heads": heads, "nll": [losses(masked, s) for s in ids]}
    rounded = json.loads(json.dumps(expected), parse_float=lambda x: round(float(x), 8))
    (folder / "expected.json").write_text(json.dumps(rounded))


def main(out):
    torch.set_grad_enabled(False)
    (out / "rope.json").write_text(json.dumps([frequencies(*case) for case in CASES], indent=0))
    for name, (config_class, extra) in MODELS.items():
        tiny(out / name, config_class, extra)


main(Path(sys.argv[1]))
