"""transformers on torch's CPU: bf16, scaled dot-product attention, no KV cache, no gradients, cross entropy of all tokens.
The masked pass is a second model in which the query rows of the heads are 0: uniform attention over the visible tokens."""
import torch
import transformers

transformers.utils.logging.disable_progress_bar()


def load(folder, dtype):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    return model.eval().requires_grad_(False)


def mask(model, heads):
    """Zeroes the heads' query rows, weight and bias, in place."""
    size = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads
    for layer, head in heads:
        query = model.model.layers[layer].self_attn.q_proj
        for rows in (query.weight, query.bias):
            if rows is not None:
                rows[head * size:(head + 1) * size] = 0
    return model


def losses(logits, ids):
    """-log p of each token behind the first, a row a document."""
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return loss.view(ids.shape[0], -1)


class Peer:
    name = "transformers"

    def __init__(self, folder, heads, threads):
        torch.set_num_threads(threads)
        self.versions = {"transformers": transformers.__version__, "torch": torch.__version__}
        self.passes = [load(folder, torch.bfloat16), mask(load(folder, torch.bfloat16), heads)]

    @torch.inference_mode()
    def losses(self, which, ids):
        """@param which 0: base, 1: masked. @param ids a list of documents of one length. A list of lists of floats."""
        ids = torch.tensor(ids)
        return losses(self.passes[which](ids, use_cache=False).logits, ids).tolist()
