# Log-probabilities of documents by transformers: one run of the two that `headsift join` puts together.
# usage: transformers_logprobs.py MODEL_FOLDER DOCUMENTS.jsonl >RUN.jsonl   (MODEL_FOLDER: the model, or what mask wrote)
import json
import sys

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

folder, documents = sys.argv[1:3]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

with open(documents, encoding="utf-8") as lines, torch.inference_mode():
    for line in lines:
        document = json.loads(line)
        ids = tokenizer(document["text"], add_special_tokens=True, return_tensors="pt").input_ids
        logprobs = [None]
        if ids.shape[1] > 1:
            scores = model(ids).logits[0, :-1].double().log_softmax(-1)
            logprobs += scores.gather(1, ids[0, 1:, None])[:, 0].tolist()
        print(json.dumps({"id": document["id"], "domain": document.get("domain", ""), "logprobs": logprobs}))
