"""OpenVINO's CPU plugin with bf16: each pass, loss included, as one compiled model that was converted from transformers'."""
import openvino
import torch
import transformers

import peer_transformers


def causal_attention(module, query, key, value, attention_mask, scaling, **_):
    """Causal by the flag, not by a mask that the conversion would store as a matrix."""
    groups = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    out = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return out.transpose(1, 2), None


class Rotary(torch.nn.Module):
    """Tables in place of angles: with bf16 on, OpenVINO rounds positions above 256 before their cosine is taken."""

    def __init__(self, rotary, length):
        super().__init__()
        self.cos, self.sin = rotary(torch.ones(1), torch.arange(length)[None])

    def forward(self, x, position_ids):
        return self.cos[:, :x.shape[1]], self.sin[:, :x.shape[1]]


class Pass(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        model.model.rotary_emb = Rotary(model.model.rotary_emb, model.config.max_position_embeddings)

    def forward(self, ids):
        log_p = self.model(ids, use_cache=False).logits[:, :-1].float().log_softmax(-1)
        return -log_p.gather(2, ids[:, 1:].unsqueeze(2)).squeeze(2)


class Peer:
    name = "openvino"

    def __init__(self, folder, heads, threads):
        self.versions = {"openvino": openvino.get_version()}
        options = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        transformers.AttentionInterface.register("causal", causal_attention)
        core = openvino.Core()
        self.passes = []
        for masked in ([], heads):
            model = peer_transformers.mask(peer_transformers.load(folder, torch.float32), masked)
            model.set_attn_implementation("causal")
            with torch.no_grad():
                graph = openvino.convert_model(Pass(model), example_input=torch.ones(2, 16, dtype=torch.int64))
            self.passes.append(core.compile_model(graph, "CPU", options))

    def losses(self, which, ids):
        return self.passes[which](torch.tensor(ids).numpy())[0].tolist()
