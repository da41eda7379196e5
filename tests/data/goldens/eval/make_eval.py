"""Log-likelihoods of choices by transformers, unmasked and with uniform heads: goldens for src/eval.

make_eval.py TINY DEMO HEADS OUT: TINY is ../tiny, DEMO the demo model as a Hugging Face folder, HEADS ../heads.json. Choices
are cut from their contexts as lm-evaluation-harness does it: blanks at a context's end belong to the choice, the tokens of
the context alone are taken off the whole. Heads are made uniform by zeroing their queries, as in the reference's make_tiny.py.
"""
import json
import sys
from pathlib import Path

import torch
import transformers

PREFIX = ("Question: what falls from the clouds in spring?\nAnswer: rain\n\n"
          "Question: what does a baker make of flour?\nAnswer: bread\n\n")
ITEMS = [
    {"context": "Question: what do bees make?\nAnswer:", "choices": [" honey", " stone", " a red brick house"], "gold": 0},
    {"context": "Question: which is the largest?\nAnswer: ", "choices": ["a mouse", "a whale", "an ant", "a dog"], "gold": 1},
    {"context": "Question: how much is 2 and 3?\nAnswer:", "choices": [" 4", " 5"], "gold": 1},
    {"context": "The capital of France is", "choices": [" Paris", " Rome", " Berlin", " the sea"], "gold": 0},
    {"context": "Fill the gap: the sun rises in the\n", "choices": ["east", "west"], "gold": 0},
]
TINY_HEADS = [[1, 2], [2, 0]]


def letters(text):
    """The tokenizer of the unit tests: a token a character."""
    return [126 if c == " " else 127 if c == "\n" else ord(c) - ord("!") + 3 for c in text]


def mask(model, heads):
    for layer, head in heads:
        attention = model.model.layers[layer].self_attn
        size = attention.head_dim
        rows = slice(head * size, (head + 1) * size)
        norm = getattr(attention, "q_norm", None)
        if norm is not None and norm.weight.numel() != size:  # OLMo 2 normalises all heads' queries together
            norm.weight.data[rows] = 0
            continue
        projection = getattr(attention, "q_proj", None) or attention.qkv_proj
        projection.weight.data[rows] = 0
        if projection.bias is not None:
            projection.bias.data[rows] = 0


def split(encode, context, choice):
    blanks = len(context) - len(context.rstrip())
    if blanks > 0:
        context, choice = context[:-blanks], context[-blanks:] + choice
    whole, given = encode(context + choice), encode(context)
    return given, whole[len(given):]


def likelihoods(model, encode):
    """Of each item's choices: [log p, tokens], each asked alone."""
    out = []
    for item in ITEMS:
        row = []
        for choice in item["choices"]:
            given, asked = split(encode, PREFIX + item["context"], choice)
            logits = model(torch.tensor([given + asked])).logits[0].double()
            logs = torch.log_softmax(logits, -1)
            row.append([sum(float(logs[len(given) - 1 + i, token]) for i, token in enumerate(asked)), len(asked)])
        out.append(row)
    return out


def both(directory, encode, heads):
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float64, attn_implementation="eager")
    unmasked = likelihoods(model, encode)
    mask(model, heads)
    return {"heads": heads, "unmasked": unmasked, "masked": likelihoods(model, encode)}


def main(tiny, demo, heads, out):
    torch.set_grad_enabled(False)
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(Path(demo) / "tokenizer.json"))
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    models = {path.name: both(path, letters, TINY_HEADS) for path in sorted(Path(tiny).iterdir())}
    models["demo"] = both(demo, encode, json.loads(Path(heads).read_text())["heads"])
    Path(out).write_text(json.dumps({"prefix": PREFIX, "items": ITEMS, "models": models}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
