"""Random blocks of every type of a GGUF with their values, by the gguf package of Python (which converts in numpy, apart
from ggml): what test_model_gguf_families compares with.

make_blocks.py > blocks.json
"""
import json

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

NAMES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL",
         "IQ4_XS"]


def block(name, random):
    kind = GGMLQuantizationType[name]
    values, size = GGML_QUANT_SIZES[kind]
    count = max(1, 32 // values)
    while True:  # until scales, which are F16 inside a block, are ordinary numbers
        data = random.integers(0, 256, count * size, dtype=numpy.uint8)
        plain = random.standard_normal(count).astype(numpy.float32)
        if name == "F32":
            data = plain.view(numpy.uint8)
        elif name == "F16":
            data = plain.astype(numpy.float16).view(numpy.uint8)
        elif name == "BF16":
            data = plain.view(numpy.uint16)[1::2].copy().view(numpy.uint8)
        with numpy.errstate(all="ignore"):
            out = dequantize(data, kind).astype(numpy.float64)
        if numpy.isfinite(out).all() and numpy.abs(out).max() < 1e4:
            return {"type": name, "id": int(kind), "bytes": data.tobytes().hex(), "values": out.tolist()}


generator = numpy.random.default_rng(5)
print(json.dumps([block(name, generator) for name in NAMES], separators=(",", ":")))
