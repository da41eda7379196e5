"""What transformers says of tiny models' states, in double precision: mean hidden states of documents, mean outputs of
three heads, and the losses of a model whose heads give those means.

make_states.py GOLDENS > states.json     GOLDENS: tests/data/goldens/tiny
"""
import json
import sys
from pathlib import Path

import torch
import transformers as tf

FAMILIES = ["llama_gqa_tied", "mistral_window", "gemma2", "qwen3", "olmo2"]
HEADS = [[2, 1], [0, 0], [1, 3]]


class Hooks:
    """Sees what goes into each layer's output projection, and what comes out of the last layer."""

    def __init__(self, model):
        self.config, self.given, self.last, self.means = model.config, {}, None, None
        self.size = model.model.layers[0].self_attn.head_dim
        for index, layer in enumerate(model.model.layers):
            layer.self_attn.o_proj.register_forward_pre_hook(lambda _, args, i=index: self.project(i, args[0]))
        model.model.layers[-1].register_forward_hook(self.end)

    def end(self, module, args, out):
        self.last = (out[0] if isinstance(out, tuple) else out)[0]

    def project(self, layer, x):
        x = x.clone()
        for which, (at, head) in enumerate(HEADS):
            columns = slice(head * self.size, (head + 1) * self.size)
            if at == layer and self.means is None:
                self.given[which] = x[0, :, columns].clone()
            elif at == layer:
                x[0, :, columns] = self.means[which]
        return (x,)


def losses(model, ids):
    logits = model(torch.tensor([ids])).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()


def family(folder):
    model = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    hooks = Hooks(model)
    generator = torch.Generator().manual_seed(8)
    calibration = [torch.randint(3, 128, (n,), generator=generator).tolist() for n in (40, 1, 93)]
    documents = [torch.randint(3, 128, (n,), generator=generator).tolist() for n in (2, 33, 110)]
    sums, states = [0] * len(HEADS), []
    for ids in calibration:
        model(torch.tensor([ids]))
        for which in range(len(HEADS)):
            sums[which] = sums[which] + hooks.given[which].sum(0)
    means = [s / sum(map(len, calibration)) for s in sums]
    for ids in documents:
        model(torch.tensor([ids]))
        states.append(hooks.last.mean(0).tolist())
    hooks.means = means
    return {"calibration": calibration, "means": [m.tolist() for m in means], "documents": documents, "states": states,
            "nll": [losses(model, ids) for ids in documents]}


def main(goldens):
    torch.set_grad_enabled(False)
    out = {"heads": HEADS, "families": {name: family(Path(goldens) / name) for name in FAMILIES}}
    rounded = json.loads(json.dumps(out), parse_float=lambda x: round(float(x), 8))
    print(json.dumps(rounded, separators=(",", ":")))


main(sys.argv[1])
