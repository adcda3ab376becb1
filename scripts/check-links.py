#!/usr/bin/env python3
"""Checks the documents without any network.

Every relative link of README.md, CONTRIBUTING.md, SECURITY.md, CHANGELOG.md, Benchmarks/README.md and docs/**/*.md leads to a
file that is there, every #anchor to a heading (by GitHub's rule), every image exists, every `make x` is a target, every page
of docs/ can be reached from docs/README.md, and every page that code and scripts name is there. Of links elsewhere only the
form is looked at.
Exit code 1 and a line for each fault.
"""
import html
import os
import re
import sys
import unicodedata
from urllib.parse import unquote, urlsplit

ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEAD = "docs/README.md"
PAPERS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "Benchmarks/README.md"]
# `make screenshots` makes them; until somebody has, a name that it makes will do.
PICTURES = "docs/images/"
PICTURE_TEST = "Tests/BrowserTests/ScreenshotTests.swift"
# What tells people to read a page.
NAMING = ["Sources", "Tests", "packaging", "scripts", "Benchmarks/Sources", "Makefile", "Package.swift"]

faults = []


def fault(page, line, text):
    faults.append(f"{page}:{line}: {text}")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def without_code(lines):
    """The lines, those of fenced blocks as '' and code spans blanked; and the text within code by line."""
    prose, code, fence = [], [], None
    for line in lines:
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if fence:
            if mark and mark.group(1).startswith(fence):
                fence = None
            prose.append("")
            code.append(line)
        elif mark:
            fence = mark.group(1)
            prose.append("")
            code.append("")
        else:
            code.append(" ; ".join(m.group(2) for m in re.finditer(r"(`+)(.+?)\1", line)))
            prose.append(line)
    return prose, code


def slug(heading):
    """GitHub's rule: markup away, lower case, all but letters, marks, digits, _ and - away, blanks to hyphens."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", html.unescape(text)).strip().lower()
    text = text.replace("`", "").replace("*", "")
    kept = [c for c in text if c in " -_" or unicodedata.category(c)[0] in "LMN"]
    return "".join(kept).replace(" ", "-")


def anchors(lines):
    found, count = set(), {}
    for number, line in enumerate(lines):
        heading = re.match(r" {0,3}#{1,6}\s+(.*?)(\s+#+)?\s*$", line)
        if heading:
            base = slug(heading.group(1))
            seen = count.get(base, 0)
            count[base] = seen + 1
            found.add(base if seen == 0 else f"{base}-{seen}")
        found.update(re.findall(r'<a\s+(?:id|name)="([^"]+)"', line))
    return found


def links(prose):
    """(line, target, is an image). A link may run over a line end within its text."""
    text = "\n".join(re.sub(r"(`+).+?\1", lambda m: "x" * len(m.group(0)), line) for line in prose)
    for match in re.finditer(r"(!?)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)", text):
        yield text.count("\n", 0, match.start(2)) + 1, match.group(2), match.group(1) == "!"
        # An image within a link: its own target stands in the text of the link.
        for inner in re.finditer(r"!\[[^\]]*\]\(([^)\s]+)\)", match.group(0)[1:]):
            yield text.count("\n", 0, match.start()) + 1, inner.group(1), True
    for match in re.finditer(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)", text, re.M):
        yield text.count("\n", 0, match.start(1)) + 1, match.group(1), False
    for match in re.finditer(r'<(img|a)\s[^>]*?(?:src|href)="([^"]+)"', text):
        yield text.count("\n", 0, match.start()) + 1, match.group(2), match.group(1) == "img"


def pages():
    for name in PAPERS:
        if os.path.exists(os.path.join(ROOT, name)):
            yield name
        elif name != "SECURITY.md":
            fault(name, 1, "is missing")
    for folder, folders, files in os.walk(os.path.join(ROOT, "docs")):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def naming():
    for start in NAMING:
        start = os.path.join(ROOT, start)
        if os.path.isfile(start):
            yield os.path.relpath(start, ROOT)
        for folder, folders, files in os.walk(start):
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            for name in files:
                if name.endswith((".swift", ".sh", ".ini", ".service", ".yml", ".py", ".md")):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def check():
    targets = set()
    for line in read("Makefile").splitlines():
        rule = re.match(r"([A-Za-z0-9_. -]+):(?!=)", line)
        if rule:
            targets.update(rule.group(1).split())
    pictures = set()
    try:
        source = read(PICTURE_TEST)
        pictures.update(re.findall(r'\("/[^"]*",\s*"([a-z0-9-]+)"\)', source))
        pictures.update(re.findall(r'take\(\s*"([a-z0-9-]+)"', source))
    except FileNotFoundError:
        fault(PICTURE_TEST, 1, "is missing: it names the pictures")

    texts, known = {}, {}
    for page in list(pages()):
        texts[page] = without_code(read(page).splitlines())
        known[page] = anchors(texts[page][0])

    def anchors_of(path):
        if path not in known:
            known[path] = anchors(without_code(read(path).splitlines())[0])
        return known[path]

    leads, number = {page: set() for page in texts}, 0
    for page, (prose, code) in texts.items():
        for line, target, is_image in links(prose):
            number += 1
            parts = urlsplit(target)
            if parts.scheme or target.startswith("//"):
                if parts.scheme not in ("http", "https", "mailto") or (
                    parts.scheme != "mailto" and not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", parts.netloc)
                ):
                    fault(page, line, f"{target} is no address")
                continue
            if target.startswith("/"):
                fault(page, line, f"{target}: write it relative to the page")
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(page), unquote(parts.path))) if parts.path else page
            if path.startswith(".."):
                # The repository's own pages on its host, such as its private reports.
                if not re.fullmatch(r"(\.\./)+(security/advisories(/new)?|issues|releases)", path):
                    fault(page, line, f"{target} leads out of the repository")
                continue
            if not os.path.exists(os.path.join(ROOT, path)):
                name = os.path.basename(path)
                if path.startswith(PICTURES) and name.endswith(".png") and name[:-4] in pictures:
                    continue
                fault(page, line, f"{target}: there is no {path}")
                continue
            if os.path.isdir(os.path.join(ROOT, path)):
                path = os.path.join(path, "README.md")
            if not is_image:
                leads[page].add(path)
            if parts.fragment:
                if not path.endswith(".md") or not os.path.exists(os.path.join(ROOT, path)):
                    fault(page, line, f"{target}: {path} has no headings")
                elif unquote(parts.fragment) not in anchors_of(path):
                    fault(page, line, f"{target}: no heading of {path} is #{parts.fragment}")
        for line, text in enumerate(code, 1):
            for word in re.findall(r"(?:^|[;&|(]\s*|\$\s+)(?:sudo\s+)?make\s+([a-z][a-z-]*)", text.strip()):
                if word not in targets:
                    fault(page, line, f"make {word}: the Makefile has no such target")

    for path in naming():
        for line, text in enumerate(read(path).splitlines(), 1):
            for name in re.findall(r"\bdocs/[A-Za-z0-9/_-]+\.md\b", text):
                if not os.path.exists(os.path.join(ROOT, name)):
                    fault(path, line, f"there is no {name}")

    if HEAD not in texts:
        fault(HEAD, 1, "is missing: the table of contents")
        return number
    reached, ahead = set(), [HEAD]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        ahead += [p for p in leads.get(page, ()) if p.startswith("docs/")]
    for page in texts:
        if page.startswith("docs/") and page not in reached:
            fault(page, 1, f"cannot be reached from {HEAD}")
    if HEAD not in leads.get("README.md", ()):
        fault("README.md", 1, f"does not lead to {HEAD}")
    return number


count = check()
for line in sorted(faults):
    print(line, file=sys.stderr)
if faults:
    sys.exit(1)
print(f"{count} links lead somewhere")
