#!/usr/bin/env python3
"""Opens a page of `nexus-ledger timeline --html` in a headless Chromium and checks it.

    check_timeline.py FILE [--json LINES] [--screenshot PNG]

LINES is what `timeline --json` wrote of the same position: the page must have its events, struck
through and linked as it says. The browser can reach nothing: whatever the page fetched would fail,
and its net log would name it. Exit 0: all holds; 1: what does not, on standard error; 77: there is
no Chromium here.
"""
import argparse
import collections
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
SECONDS_MAX = 120
#: Exit code of a check that could not be made.
SKIPPED = 77
#: Elements without an end tag.
EMPTY = {"meta", "br", "hr", "img", "link", "input", "base", "area", "col", "embed", "source",
         "track", "wbr"}
#: Elements that fetch, run or hold something else.
FOREIGN = {"script", "link", "img", "image", "iframe", "frame", "object", "embed", "video", "audio",
           "source", "track", "use", "base", "form", "foreignobject", "feimage"}
#: Attributes that name something to fetch; `href` of an anchor is none.
REFERENCES = {"src", "srcset", "href", "xlink:href", "data", "poster", "background", "action",
              "formaction", "ping", "manifest", "codebase", "cite"}


class Element:
    """An element with its children; texts are str."""

    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []

    @property
    def classes(self):
        """The names in its attribute class."""
        return set((self.attributes.get("class") or "").split())

    def all(self, tag=None):
        """The elements within, in their order."""
        for child in self.children:
            if isinstance(child, Element):
                if tag in (None, child.tag):
                    yield child
                yield from child.all(tag)

    def text(self):
        """All texts within."""
        return "".join(c if isinstance(c, str) else c.text() for c in self.children)


class Tree(html.parser.HTMLParser):
    """Builds the tree and notes end tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.current = Element("#root", {}, None)
        self.flaws = []
        self.feed(text)
        self.close()
        if self.current is not self.root:
            self.flaws.append(f"<{self.current.tag}> is not closed")

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.flaws.append(f"<{tag}> has an attribute twice")
        element = Element(tag, dict(attrs), self.current)
        self.current.children.append(element)
        if tag not in EMPTY:
            self.current = element

    def handle_endtag(self, tag):
        if self.current.tag != tag:
            self.flaws.append(f"</{tag}> closes <{self.current.tag}>")
        if self.current.parent:
            self.current = self.current.parent

    def handle_data(self, data):
        self.current.children.append(data)


class Browser:
    """A Chromium that reaches no host."""

    def __init__(self, program, page, folder):
        self.page, self.folder = page, folder
        self.command = [
            program, "--headless=new", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
            "--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder}/profile"]
        if os.getuid() == 0:
            self.command.append("--no-sandbox")

    def run(self, *options):
        """What it writes to standard output."""
        done = subprocess.run(
            [*self.command, *options, self.page.as_uri()], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=SECONDS_MAX, check=False,
            env=os.environ | {"HOME": self.folder})
        said = done.stderr.decode(errors="replace")
        if done.returncode:
            raise SystemExit(f"Chromium ended with {done.returncode}: {said[-2000:]}")
        return done.stdout.decode(), said

    def requests(self, log):
        """URLs that the page asked for besides itself; what the browser asks for of its own accord
        is not in the isolation of a file. Line by line: the log may end in the middle."""
        found = set()
        with open(log, encoding="utf-8", errors="replace") as file:
            for line in file:
                url = re.search(r'"url":"([^"]*)"', line)
                if url and '"network_isolation_key":"file://' in line:
                    found.add(url[1])
        return sorted(found - {self.page.as_uri()})


def check_alone(root):
    """Nothing in the page fetches or runs anything."""
    for element in root.all():
        if element.tag in FOREIGN:
            yield f"there is a <{element.tag}>"
        for name, value in element.attributes.items():
            if name.startswith("on"):
                yield f"<{element.tag}> has {name}"
            if name == "style":
                yield f"<{element.tag}> has a style of its own"
            if name in REFERENCES and not (element.tag == "a" and (value or "").startswith("#")):
                yield f"<{element.tag}> has {name}={value!r}"
    for style in root.all("style"):
        if re.search(r"url\s*\(|@import|@font-face|//", style.text()):
            yield "the style names something to fetch"
    policies = [m.attributes.get("content", "") for m in root.all("meta")
                if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    if not any("default-src 'none'" in policy for policy in policies):
        yield "no policy forbids to fetch"


def check_anchors(root):
    """Each link leads to one place of the page."""
    ids = collections.Counter(
        e.attributes["id"] for e in root.all() if e.attributes.get("id"))
    yield from (f"id {name} stands {count} times" for name, count in ids.items() if count > 1)
    for anchor in root.all("a"):
        if anchor.attributes.get("href", "")[1:] not in ids:
            yield f"link to {anchor.attributes.get('href')!r} leads nowhere"


def check_access(root):
    """It can be read without seeing it."""
    if next(root.all("html")).attributes.get("lang") != "en":
        yield "the page has no language"
    for head in root.all("th"):
        if head.attributes.get("scope") not in ("col", "row"):
            yield f"a head has no scope: {head.text()!r}"
    for table in root.all("table"):
        if not any(table.all("caption")):
            yield "a table has no caption"
    by_id = {e.attributes.get("id"): e for e in root.all()}
    chart = by_id.get("chart")
    if chart is None:
        yield "there is no chart"
        return
    tags = {e.tag for e in chart.children if isinstance(e, Element)}
    if chart.attributes.get("role") != "img" or not {"title", "desc"} <= tags:
        yield "the chart has no title and description"
    paths = [p.attributes.get("d", "") for p in chart.all("path")]
    if not any(re.fullmatch(r"M[-\d.]+ [-\d.]+([HVM][-\d. ]+)+", path) for path in paths):
        yield f"no line of the chart has points: {paths}"
    numbers = re.findall(r"nan|inf|e[-+]\d", " ".join(paths))
    if numbers:
        yield f"a line of the chart has {numbers}"
    if not any(c.children for c in chart.all("circle")):
        yield "no point of the chart says what it is"


def rows(root):
    """The rows of the events, by event."""
    for table in root.all("table"):
        if table.attributes.get("id") == "events":
            body = next(table.all("tbody"))
            return {row.attributes.get("id", "")[2:]: row for row in body.all("tr")}
    return {}


def check_events(found, entries):
    """The rows are the events, struck through and linked as they are."""
    ids = [entry["event"]["event_id"] for entry in entries]
    if list(found) != ids:
        yield f"{len(found)} rows for {len(ids)} events, or another order"
        return
    for entry, row in zip(entries, found.values()):
        version = entry["event"]["version"]
        links = {a.attributes["href"][3:] for a in row.all("a")}
        is_struck = any(row.all("s"))
        if is_struck != bool(entry["voided_by"]) or is_struck != ("voided" in row.classes):
            yield f"version {version} is struck through: {is_struck}"
        for name in ("voided_by", "voids"):
            if entry[name] in found and entry[name] not in links:
                yield f"version {version} has no link to what {name.replace('_', ' ')} says"
        text = row.text()
        for value in (entry["event"]["leaf_hash"], entry["event"]["source"],
                      entry["running"]["position_net"], entry["running"]["avg_entry_px"]):
            if value and value not in text:
                yield f"version {version} does not show {value}"
        if entry["outbox_sequence"] and "buffered" not in row.classes:
            yield f"version {version} is not marked as buffered"


def check(page, program, arguments):
    """All that does not hold, and a line for people."""
    source = page.read_text(encoding="utf-8")
    tree = Tree(source)
    flaws = list(tree.flaws)
    with tempfile.TemporaryDirectory(prefix="nexus-browser.") as folder:
        browser = Browser(program, page, folder)
        log = folder + "/net.json"
        dumped, said = browser.run(f"--log-net-log={log}", "--dump-dom")
        fetched = browser.requests(log)
        if arguments.screenshot:
            browser.run("--window-size=1600,1400",
                        f"--screenshot={os.path.abspath(arguments.screenshot)}")
    flaws += [f"the page asked for {url}" for url in fetched]
    if "Content Security Policy" in said or "Refused to" in said:
        flaws.append("the policy had to hold something back")
    root = Tree(dumped).root
    for one in (tree.root, root):
        flaws += [*check_alone(one), *check_anchors(one), *check_access(one)]
    found = rows(root)
    if list(found) != list(rows(tree.root)):
        flaws.append("the browser reads other rows than are written")
    if not found:
        flaws.append("there are no events")
    if arguments.json:
        with open(arguments.json, encoding="utf-8") as file:
            flaws += check_events(found, [json.loads(line) for line in file])
    struck = sum(1 for row in found.values() if "voided" in row.classes)
    return list(dict.fromkeys(flaws)), f"{len(found)} events, {struck} struck through"


def main():
    """Exits as the docstring says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--json", help="what `timeline --json` wrote of the same position")
    parser.add_argument("--screenshot", help="where to put a picture of the page")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        print(f"no browser: none of {', '.join(BROWSERS)} is installed", file=sys.stderr)
        return SKIPPED
    flaws, words = check(arguments.file.resolve(), program, arguments)
    for flaw in flaws:
        print(f"{arguments.file}: {flaw}", file=sys.stderr)
    if not flaws:
        print(f"ok: {words}")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
