"""Chromium without a window, by its own protocol over two pipes: shows a page as a reader has it, and says what is wrong.

    python3 browser.py CHROMIUM PAGE [--width 390] [--dark] [--no-script] [--picture F.png] [--print F.pdf]

prints one JSON object: the page's and the window's width, elements that stick out, what the console said, and rows sorted."""
import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ASK = """(() => {
  const root = document.documentElement, wide = [];
  for (const e of root.querySelectorAll("body *")) {
    if (e.closest(".wide") && !e.matches(".wide")) continue;
    const box = e.getBoundingClientRect();
    if (box.right > root.clientWidth + 1 && box.width) wide.push(e.tagName + "." + (e.getAttribute("class") ?? ""));
  }
  return JSON.stringify({window: root.clientWidth, page: root.scrollWidth, height: root.scrollHeight, wide: wide.slice(0, 9),
    buttons: document.querySelectorAll("thead button").length,
    background: getComputedStyle(document.body ?? root).backgroundColor, ink: getComputedStyle(document.body ?? root).color});
})()"""
SORT = """(() => {
  const table = document.querySelector("#rows table"), heads = [...table.tHead.rows[0].cells];
  const column = heads.findIndex((head) => head.textContent.startsWith("time"));
  heads[column].querySelector("button").click();
  return JSON.stringify([...table.tBodies[0].rows].map((row) => row.cells[column].dataset.v ?? ""));
})()"""


class Browser:
    def __init__(self, program, profile):
        reads, to_browser = os.pipe()
        from_browser, writes = os.pipe()
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                 "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking", "about:blank"]
        shell = ["sh", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "sh"]
        self.process = subprocess.Popen(shell + words, pass_fds=(reads, writes), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(writes)
        self.out, self.into = to_browser, os.fdopen(from_browser, "rb", buffering=0)
        self.rest, self.number, self.session, self.events = b"", 0, None, []

    def receive(self):
        while b"\0" not in self.rest:
            more = self.into.read(1 << 16)
            if not more:
                raise SystemExit("the browser ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def __call__(self, method, **parameters):
        self.number += 1
        call = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            call["sessionId"] = self.session
        os.write(self.out, json.dumps(call).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def wait(self, event):
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self.receive())


def look(browser, o):
    target = browser("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in "Page", "Runtime", "Log", "Network":
        browser(f"{domain}.enable")
    browser("Emulation.setDeviceMetricsOverride", width=o.width, height=900, deviceScaleFactor=o.scale, mobile=o.width < 500)
    browser("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if o.dark else "light"}])
    browser("Emulation.setScriptExecutionDisabled", value=o.no_script)
    browser.events.clear()
    browser("Page.navigate", url=pathlib.Path(o.page).resolve().as_uri())
    browser.wait("Page.loadEventFired")
    said = json.loads(browser("Runtime.evaluate", expression=ASK)["result"]["value"])
    if o.picture:
        shot = browser("Page.captureScreenshot", captureBeyondViewport=True,
                       clip={"x": 0, "y": o.top, "width": o.width, "height": min(said["height"] - o.top, o.most), "scale": 1})
        pathlib.Path(o.picture).write_bytes(base64.b64decode(shot["data"]))
    if o.print:
        pathlib.Path(o.print).write_bytes(base64.b64decode(browser("Page.printToPDF", preferCSSPageSize=True)["data"]))
    if not o.no_script:
        said["sorted"] = json.loads(browser("Runtime.evaluate", expression=SORT)["result"]["value"])
    kinds = "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"
    said["console"] = [event["params"] for event in browser.events if event.get("method") in kinds]
    said["requests"] = [event["params"]["request"]["url"] for event in browser.events
                        if event.get("method") == "Network.requestWillBeSent"]
    return said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("page")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--top", type=int, default=0)
    parser.add_argument("--most", type=int, default=6000)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--no-script", action="store_true")
    parser.add_argument("--picture")
    parser.add_argument("--print")
    o = parser.parse_args()
    profile = tempfile.mkdtemp()
    browser = Browser(o.program, profile)
    try:
        print(json.dumps(look(browser, o)))
    finally:
        browser.process.terminate()
        browser.process.wait()
        shutil.rmtree(profile, ignore_errors=True)


sys.exit(main())
