"""The page: it needs nothing else, it executes nothing; what it ships is what the manifest says."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from chainrule import Dense, Network, check_gradients, derive, gradcheck, lab, trace
from chainrule.derivation.document.html_page import page

from ..patience import GIVE_UP

ASSETS = files("chainrule.derivation.document") / "assets"


def example():
    net = Network([Dense(3, "tanh", dropout=0.5), Dense(1, "sigmoid")], n_inputs=2)
    return trace(net, np.eye(2), [[0.0, 1.0]])


def views():
    """What a notebook shows of everything that has a view."""
    net, X, Y = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2), np.eye(2), [[0.0, 1.0]]
    doubled = [2 * dW for dW in trace(net, X, Y).dW[1:]]
    shown = {"trace": example(), "derivation": derive(trace=trace(net, X, Y)), "worksheet": lab.worksheet()}
    shown |= {"gradcheck": gradcheck(net, X, Y), "check_gradients": check_gradients(net, X, Y, dW=doubled)}
    return {name: value._repr_html_() for name, value in shown.items()}


VIEWS = views()


class Reader(HTMLParser):
    """Collects tags, and holds them against each other."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_shipped_files_are_the_manifest_s():
    manifest = json.loads((ASSETS / "MANIFEST.json").read_text("utf-8"))
    shipped = {entry.name for entry in ASSETS.iterdir()} - {"MANIFEST.json"}
    assert shipped == set(manifest)
    for name, entry in manifest.items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == entry["sha256"]
    font = (ASSETS / "chainrule-math.woff2").read_bytes()
    assert font[:4] == b"wOF2"
    assert len(font) < 200_000
    assert "GUST Font License" in (ASSETS / "LICENSE-GUST.txt").read_text("utf-8")


@pytest.mark.parametrize("html", [example().to_html(layout="both"), *VIEWS.values()], ids=["page", *VIEWS])
def test_well_formed_without_script_and_without_requests(html):
    reader = Reader(html)
    assert reader.open == []
    assert not reader.tags & {"script", "iframe", "link", "img", "object", "embed", "form", "base"}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("src", "href")]
    assert {value.partition(":")[0] for name, value in reader.attributes if name == "style"} <= {
        "grid-template-columns"
    }
    assert not re.search(r"https?://|@import", html)
    assert {address[:5] for address in re.findall(r"url\((.{5})", html)} == ({"data:"} if "<math" in html else set())


def test_policy_font_and_title():
    html = page("a <b> & c", "<p>body</p>")
    assert "default-src 'none'" in html
    assert "<title>a &lt;b&gt; &amp; c</title>" in html
    (font,) = re.findall(r"font/woff2;base64,([^)]*)\)", html)
    assert base64.b64decode(font) == (ASSETS / "chainrule-math.woff2").read_bytes()
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_keeps_its_style_to_itself(name):
    (style,) = re.findall("<style>(.*?)</style>", VIEWS[name], re.DOTALL)
    style = re.sub(r"@font-face \{[^}]*\}", "", style).strip()
    assert style.startswith(".chainrule {")
    depth = 0
    for sign in style[:-1]:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 1  # the one rule that holds all others is closed by the last sign
    first, *others = (selector.strip() for selector in re.findall(r"[^{};]+(?=\{)", style))
    assert first == ".chainrule"
    assert {selector[:2] for selector in others} == {"& "}


def test_a_view_has_the_notebooks_colours_and_not_jupyters_rules():
    assert "prefers-color-scheme" not in VIEWS["trace"]  # of the system, which may be dark beside a light notebook
    assert "& .facts dt, .facts dd { float: none; width: auto;" in VIEWS["trace"]


def test_a_verdict_says_in_a_notebook_what_it_says_in_text():
    shown = VIEWS["check_gradients"]
    for words in ("The gradients are wrong, and this explains every number", "<b>", "dW[2]", "residual"):
        assert words in shown


def opened(html, folder):
    """What Chromium makes of a page, and the origins that asked for anything; its own requests have none."""
    (folder / "page.html").write_text(html, "utf-8")
    log = folder / "net.json"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--proxy-server=127.0.0.1:9"]
    flags += [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--dump-dom"]
    command = ["chromium", *flags, f"file://{folder / 'page.html'}"]
    result = subprocess.run(command, capture_output=True, timeout=GIVE_UP, check=False)
    origins = set(re.findall(r'"initiator":"([^"]*)"', log.read_text("utf-8", errors="replace")))
    return result.stdout.decode(), origins - {"not an origin"}


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_chromium_shows_it_and_the_page_asks_for_nothing(tmp_path):
    shown, origins = opened(example().to_html(), tmp_path)
    assert shown.count("<math") > 20
    assert origins == set()
    _, origins = opened('<img src="http://example.invalid/x.png">', tmp_path)  # so a request would have been seen
    assert origins
    _, origins = opened(page("", '<img src="http://example.invalid/x.png">'), tmp_path)
    assert origins == set()
