"""Losses of prompts with their responses by transformers, in double: golden for tests/golden/test_responses.c.

make_responses.py MODEL HEADS OUT: MODEL is the demo model as a Hugging Face directory (tests/tools/export_hf MODEL.gguf DIR f32),
HEADS tests/data/goldens/heads.json, OUT responses.json. Masked heads are uniform: their rows of the query projection are zero.
A token's bytes are counted off the byte-level vocabulary, steps are cut by a regular expression.
"""
import json
import re
import sys

import tokenizers
import torch
import transformers as tf

TRAIN = ("A train leaves at 9:40 and arrives at 12:05. How long is the trip?\n",
         "From 9:40 to 12:00 are 2 hours and 20 minutes.\n\nFrom 12:00 to 12:05 are 5 minutes more.\n\n"
         "2 hours 20 minutes and 5 minutes are 2 hours 25 minutes.")
PAIRS = [
    ("train", *TRAIN, "\n\n"),
    ("train, another departure", TRAIN[0].replace("9:40", "8:15"), TRAIN[1], "\n\n"),
    ("a token over the border", "Name the colour of the sky on a clear day. It is ", "blue, as every child knows.", "\n\n"),
    ("no prompt", "", "Water boils at 100 degrees.\n\nIt freezes at 0 degrees.", "\n\n"),
    ("characters of several bytes", "Schreibe \u201eGr\u00fc\u00dfe\u201c auf Griechisch: ", "\u03c7\u03b1\u03b9\u03c1\u03b5\u03c4\u03b9\u03c3\u03bc\u03bf\u03af \U0001f600, und weiter", "\n\n"),
    ("runs of markers", "Count.\n", "\n\none\n\n\n\ntwo\n\n\nthree\n\n", "\n\n"),
    ("a marker within a token", "Say it.\n", "alpha; beta; gammas; delta", "ta"),
]


def losses(model, ids):
    logits = model(torch.tensor([ids])).logits[0, :-1].double()
    return [None] + torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()


def steps_of(response, marker):
    m = re.escape(marker.encode())
    pattern = re.compile(rb"(?:%s)*(?:(?!%s).)*(?:%s)*" % (m, m, m), re.DOTALL)
    return [match.span() for match in pattern.finditer(response) if match.group()]


def mean(values):
    return sum(values) / len(values) if values else None


def score(base, ref):
    return None if base is None else (ref - base) / base


def document(tokenizer, base_model, masked_model, prompt, response, marker):
    tokens = tokenizer.encode(prompt + response, add_special_tokens=False)
    base, ref = losses(base_model, tokens.ids), losses(masked_model, tokens.ids)
    border, at, counted = len(prompt.encode()), 0, []
    steps = [{"start": a, "n_bytes": b - a, "base": [], "ref": []} for a, b in steps_of(response.encode(), marker)]
    for i, token in enumerate(tokens.tokens):
        start, at = at, at + len(token)  # a letter of the byte-level alphabet is a byte
        if at > border and i > 0:
            counted.append(i)
            byte = max(start - border, 0)
            step = next(s for s in steps if s["start"] <= byte < s["start"] + s["n_bytes"])
            step["base"].append(base[i])
            step["ref"].append(ref[i])
    assert at == len((prompt + response).encode())
    out = []
    for s in steps:
        b, r = mean(s["base"]), mean(s["ref"])
        out.append({"start": s["start"], "n_bytes": s["n_bytes"], "n_scored": len(s["base"]), "loss_base": b,
                    "loss_ref": r, "score": score(b, r)})
    gain = sum(s["n_scored"] * max(s["score"] or 0, 0) for s in out)
    for s in out:
        s["weight"] = None if s["n_scored"] == 0 else (max(s["score"], 0) * len(counted) / gain if gain > 0 else 1)
    b, r = mean([base[i] for i in counted]), mean([ref[i] for i in counted])
    return {"n_tokens": len(tokens.ids), "n_scored": len(counted), "loss_base": b, "loss_ref": r, "score": score(b, r),
            "steps": out}


def main(folder, heads, out):
    torch.set_grad_enabled(False)
    tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
    models = [tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
              for _ in range(2)]
    for layer, head in json.load(open(heads))["heads"]:
        attention = models[1].model.layers[layer].self_attn
        attention.q_proj.weight.data[head * attention.head_dim:(head + 1) * attention.head_dim] = 0
    rows = []
    for name, prompt, response, marker in PAIRS:
        row = document(tokenizer, *models, prompt, response, marker)
        rows.append({"name": name, "prompt": prompt, "response": response, "marker": marker, **row})
        print(name, row["n_tokens"], row["n_scored"], row["score"], [s["n_scored"] for s in row["steps"]])
    with open(out, "w") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")


main(*sys.argv[1:])
