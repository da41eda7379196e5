"""headsift against other engines on a base+masked pair of losses: the same tokens, the same cores, in turn, in one run.
Started by run.sh; README.md says what is measured and how to read it."""
import argparse
import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHAPES = (1, 2, 4)
TREE = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
DEMO_MODEL = CACHE / "headsift/deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
GOLDENS = TREE / "tests/data/goldens"


def arguments():
    parser = argparse.ArgumentParser(prog="bench/peers/run.sh", allow_abbrev=False,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("-m", "--model", type=Path, default=DEMO_MODEL, help="GGUF file or Hugging Face folder")
    parser.add_argument("--heads", type=Path, default=GOLDENS / "heads.json", help="masked in the second pass")
    parser.add_argument("--length", type=int, default=1024, help="tokens of a document")
    parser.add_argument("--documents", type=int, default=4, help="that a peer reads in a round; a multiple of 4")
    parser.add_argument("--rounds", type=int, default=5, help="of all engines, one after the other")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions in each headsift bench")
    parser.add_argument("--dtype", default="bf16", help="headsift's type; the peers' is bf16")
    parser.add_argument("-j", "--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every engine")
    parser.add_argument("--seed", type=int, default=1, help="of the tokens")
    parser.add_argument("--peers", default="transformers,openvino", help="which")
    parser.add_argument("--logs", type=Path, default=TREE / time.strftime("build/peers/%Y%m%d-%H%M%S"),
                        help="new folder for the raw logs")
    parser.add_argument("--headsift", type=Path, default=TREE / "build/release/cli/headsift", help="the command")
    options = parser.parse_args()
    if options.documents < 1 or options.documents % max(SHAPES) != 0:
        parser.error(f"--documents is {options.documents}, must be a multiple of {max(SHAPES)}")
    if options.logs.exists() and any(options.logs.iterdir()):
        parser.error(f"{options.logs} is not empty: name a new folder, so that the logs of one run stay together")
    for path in (options.model, options.heads):
        if not path.exists():
            parser.error(f"{path} is not there: sh scripts/setup.sh fetches the demo model, headsift heads makes a heads.json")
    return options


def checkpoint(model):
    """The folder that the peers load: the weights that headsift reads from a GGUF file, in f32."""
    if model.is_dir():
        return model
    folder = TREE / "build/peers/hf"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([TREE / "build/release/tests/export_hf", model, folder, "f32"], check=True)
    return folder


def bench_ids(seed, vocabulary, n):
    """The ids of headsift bench: splitmix64, xoshiro256**, rejection, as in src/base/random.c."""
    full = 2**64 - 1

    def mix(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & full
        x = (x ^ x >> 27) * 0x94D049BB133111EB & full
        return x ^ x >> 31

    def rotate(x, bits):
        return (x << bits | x >> 64 - bits) & full

    s, ids = [mix(seed + i * 0x9E3779B97F4A7C15 & full) for i in range(1, 5)], []
    while len(ids) < n:
        value = rotate(s[1] * 5 & full, 7) * 9 & full
        shifted = s[1] << 17 & full
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        if value < full - full % vocabulary:
            ids.append(value % vocabulary)
    return ids


class Run:
    def __init__(self, options):
        self.options = options
        options.logs.mkdir(parents=True, exist_ok=True)
        self.log = open(options.logs / "measurements.jsonl", "w", encoding="utf-8")
        self.report = open(options.logs / "report.txt", "w", encoding="utf-8")
        self.calls = 0
        self.folder = checkpoint(options.model)
        config = json.loads((self.folder / "config.json").read_text())
        ids = bench_ids(options.seed, config["vocab_size"], options.documents * options.length)
        self.documents = [ids[i:i + options.length] for i in range(0, len(ids), options.length)]

    def note(self, **values):
        self.log.write(json.dumps(values) + "\n")
        self.log.flush()

    def say(self, line):
        for out in (sys.stdout, self.report):
            print(line, file=out, flush=True)

    def headsift(self):
        """Tokens a second of headsift's pair."""
        o = self.options
        self.calls += 1
        stem = o.logs / f"headsift-{self.calls:03}"
        command = [o.headsift, "bench", "-m", o.model, "--heads", o.heads, "--dtype", o.dtype, "--lengths", o.length,
                   "--repeat", o.repeat, "--probe-tokens", 2, "--threads", o.threads, "--seed", o.seed,
                   "-o", f"{stem}.json"]
        with open(f"{stem}.txt", "w", encoding="utf-8") as text:
            code = subprocess.run([str(word) for word in command], stdout=text, stderr=subprocess.STDOUT).returncode
        if not Path(f"{stem}.json").exists():  # with one, 1 says that its peak was measured too low
            raise SystemExit(f"peers: headsift bench ended with {code} and without a report: see {stem}.txt")
        report = json.loads(Path(f"{stem}.json").read_text())
        speed = {r["what"]: r["tokens_per_second"] for r in report["results"] if r["length"] == o.length}
        self.note(engine="headsift", call=self.calls, pair=speed["pair"], base=speed["base"], machine=report["machine"])
        return speed["pair"]

    def peer(self, peer, number):
        """Tokens a second of both passes after each other, of the fastest batch shape."""
        best = 0, 0
        for shape in SHAPES:
            seconds, losses = [], []
            for which in (0, 1):
                start = time.perf_counter()
                got = [peer.losses(which, self.documents[i:i + shape]) for i in range(0, len(self.documents), shape)]
                seconds.append(time.perf_counter() - start)
                losses.append(statistics.fmean(loss for batch in got for row in batch for loss in row))
            speed = len(self.documents) * self.options.length / sum(seconds)
            best = max(best, (speed, shape))
            self.note(engine=peer.name, round=number, shape=shape, seconds=seconds, losses=losses, pair=speed)
        return best


def check(peer):
    """Both passes against the goldens that headsift's own losses are tested with."""
    ids = {row["id"]: row["ids"] for row in map(json.loads, open(GOLDENS / "tokens.jsonl", encoding="utf-8"))}
    wanted = {row["id"]: row for row in map(json.loads, open(GOLDENS / "losses.jsonl", encoding="utf-8"))}
    for name in ("maths", "long_story"):
        for which, key in enumerate(("loss_base", "loss_uniform")):
            got, want = statistics.fmean(peer.losses(which, [ids[name]])[0]), wanted[name][key]
            if not abs(got - want) < 2e-2:
                raise SystemExit(f"peers: {peer.name}: {key} of {name} is {got:.5f}, must be {want:.5f}: not the same work")


def main():
    options = arguments()
    run = Run(options)
    heads = json.loads(Path(options.heads).read_text())["heads"]
    peers = []
    for name in options.peers.split(","):
        peer = importlib.import_module(f"peer_{name}").Peer(run.folder, heads, options.threads)
        run.say(", ".join(f"{k} {v}" for k, v in peer.versions.items()))
        run.note(engine=name, versions=peer.versions)
        if options.model == DEMO_MODEL and options.heads == GOLDENS / "heads.json":
            check(peer)
            run.say(f"{name}: losses equal the goldens within 2e-2")
        peers.append(peer)
    for peer in peers:  # what the first call with a shape sets up does not count
        for shape in SHAPES:
            for which in (0, 1):
                peer.losses(which, run.documents[:shape])
    ratios = {peer.name: [] for peer in peers}
    before = run.headsift()
    run.say(f"tokens/s of the pair, {options.length} tokens a document, {options.threads} threads")
    for number in range(1, options.rounds + 1):
        for peer in peers:
            speed, shape = run.peer(peer, number)
            after = run.headsift()
            ratio = (before + after) / 2 / speed
            ratios[peer.name].append(ratio)
            run.say(f"round {number}: headsift {before:.0f} and {after:.0f}, {peer.name} {speed:.0f} "
                    f"({shape} x {options.length}): {ratio:.2f} times")
            run.note(engine=peer.name, round=number, ratio=ratio)
            before = after
    for name, values in ratios.items():
        run.say(f"headsift / {name}: median {statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f}")


main()
