"""Asks of a page or picture that gradbench report made whether it is whole: python3 page_check.py PAGE RESULT...

It is XML and HTML with every element closed, asks for nothing from outside, has every row of the results in its table, and
figures that say what they are to who does not see them. Prints what is wrong; nothing: all is good."""
import html.parser
import json
import re
import sys
import xml.etree.ElementTree as tree

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "path", "line", "rect"}
OUTSIDE = re.compile(r"url\(|@import|https?:|//[a-z]", re.I)
wrong = []


class Closed(html.parser.HTMLParser):
    """As a browser reads it: no XML, so an element that must be closed is closed by a tag of its own."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        if tag not in VOID:
            wrong.append(f"<{tag}/> stays open in HTML")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            wrong.append(f"</{tag}> closes something else")


def check_references(root, text):
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("src", "srcset", "action", "data", "poster") or name.startswith("on"):
                wrong.append(f"{element.tag} has {name}")
            if name.endswith("href") and not value.startswith("#"):
                wrong.append(f"a link leaves the page: {value}")
        if element.tag.removeprefix(SVG) in ("style", "script") and OUTSIDE.search(element.text):
            wrong.append(f"{element.tag} asks for something outside")
        if element.tag in ("link", "iframe", "img", "object", "embed", "base", "use"):
            wrong.append(f"there is <{element.tag}>")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    links = [element.get("href")[1:] for element in root.iter("a")]
    if len(ids) != len(set(ids)) or not set(links) <= set(ids):
        wrong.append("ids are doubled, or a link leads nowhere")
    if text.count("<script") != (root.tag == "html"):
        wrong.append("scripts")


def brightness(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
               for weight, part in zip((0.2126, 0.7152, 0.0722), parts))


def check_contrast(root):
    """Every color of a text or mark against its paper, first that of light, then that of dark: 4.5 as WCAG AA wants it."""
    style = "".join(element.text for element in root.iter() if element.tag.removeprefix(SVG) == "style")
    papers = re.findall(r"--paper: (#\w+)", style) or ["#ffffff"]
    for paper, part in zip(papers, style.split("@media (prefers-color-scheme: dark)")):
        colors = re.findall(r"(?:[;{] ?color|--(?:ink|quiet|good|bad|link)|text|roofname \{[^}]*fill): (#\w{6})", part)
        for color in colors:
            lights = sorted((brightness(color), brightness(paper)))
            if (lights[1] + 0.05) / (lights[0] + 0.05) < 4.5:
                wrong.append(f"{color} is hard to see on {paper}")
        if len(colors) < 8:
            wrong.append("where are the colors?")


def written(text):
    """As the page writes a text."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def check_rows(root, results):
    table = root.find(".//section[@id='rows']//table")
    heads = [head.text for head in table.find("thead/tr")]
    for any_table in root.iter("table"):
        head = any_table.find("thead/tr")
        if head is not None and any(len(row) != len(head) for row in any_table.findall("tbody/tr")):
            wrong.append("a row has another number of cells than the head")
    keys = ("workload", "variant", "threads")
    shown = sorted(tuple(row[heads.index(key)].text for key in keys) + (row[heads.index("kernel")].text.split()[0],)
                   for row in table.findall("tbody/tr"))
    held = sorted((written(row["workload"]), written(row["variant"]), str(row["threads"]), written(row["kernel"]))
                  for result in results for row in result["results"])
    if shown != held:
        wrong.append(f"{len(shown)} rows are shown, {len(held)} are there; first: {set(held) ^ set(shown)}"[:600])


def check_figures(root):
    figures = [element for element in root.iter() if element.tag.removeprefix(SVG) == "svg"]
    for figure in figures:
        named = figure.get("aria-label") or (figure.find(f"{SVG}title") is not None and figure.find(f"{SVG}title").text)
        if figure.get("role") != "img" or not named:
            wrong.append("a figure has no name")
        numbers = re.findall(r"(?<![\w#.])-?[\d.]+(?:e[-+]?\d+)?", " ".join(part.get("d", "") for part in figure.iter()))
        if any(abs(float(number)) > 20000 for number in numbers):
            wrong.append("a path leaves its figure")
    if root.tag == "html" and len(figures) < 4:
        wrong.append("there are few figures")


def main(page, *files):
    with open(page, encoding="utf-8", newline="") as file:
        text = file.read()
    root = tree.fromstring(text)
    check_references(root, text)
    check_figures(root)
    check_contrast(root)
    if root.tag == "html":
        closed = Closed()
        closed.feed(text.removeprefix("<!DOCTYPE html>"))
        if closed.open:
            wrong.append(f"left open: {closed.open}")
        results = []
        for name in files:
            with open(name, encoding="utf-8") as file:
                results.append(json.load(file))
        check_rows(root, results)
    print("\n".join(sorted(set(wrong))), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
