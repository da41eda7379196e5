# Log-probabilities of documents by vLLM on a GPU: one run of the two that `headsift join` puts together.
# usage: vllm_logprobs.py MODEL_FOLDER DOCUMENTS.jsonl >RUN.jsonl   (MODEL_FOLDER: the model, or what mask wrote)
import json
import sys

from vllm import LLM, SamplingParams

folder, documents = sys.argv[1:3]
# Cached prefixes make prompt log-probabilities depend on the order of the requests (vllm issue 42019): off.
engine = LLM(model=folder, enable_prefix_caching=False, dtype="bfloat16")
ask = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0)

with open(documents, encoding="utf-8") as lines:
    records = [json.loads(line) for line in lines]
for record, answer in zip(records, engine.generate([record["text"] for record in records], ask)):
    logprobs = [
        None if place is None else place[token].logprob
        for token, place in zip(answer.prompt_token_ids, answer.prompt_logprobs)
    ]
    print(json.dumps({"id": record["id"], "domain": record.get("domain", ""), "logprobs": logprobs}))
