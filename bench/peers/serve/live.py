"""Looks at the live page of a decision service in a real browser while decisions are taken.

    go run ./cmd/eval --run RUN --slots 2000 --decisions /tmp/slots.jsonl
    go run ./cmd/serve --run RUN --shadow OTHER_RUN
    python3 bench/peers/serve/live.py /tmp/slots.jsonl --screenshot /tmp/live.png

Needs Chromium and pip install websocket-client. The page must show decisions and the shadow, draw on
all of its canvases, and report no error.
"""

import argparse
import base64
import http.client
import json
import subprocess
import tempfile
import threading
import time
import urllib.request

import websocket

METHOD = "/graphrl.v1.DecisionService/Decide"


def decide(address, policy, file, stop):
    connection = http.client.HTTPConnection(address)
    while not stop.is_set():
        with open(file) as lines:
            for line in lines:
                if stop.is_set():
                    return
                slot = json.loads(line)
                request = {"policy": policy, "offloading": slot["offloading"], "source": "cell-7", "slot": slot["slot"]}
                connection.request("POST", METHOD, json.dumps(request), {"Content-Type": "application/json"})
                connection.getresponse().read()
                time.sleep(0.02)


class Page:
    """A tab of the browser, over its debugging protocol."""

    def __init__(self, port):
        for _ in range(100):
            try:
                tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
                break
            except OSError:
                time.sleep(0.1)
        tab = next(t for t in tabs if t["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], suppress_origin=True)
        self.number, self.errors = 0, []

    def call(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "Runtime.exceptionThrown" or (
                    message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error"):
                self.errors.append(message["params"])
            if message.get("id") == self.number:
                return message["result"]

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")


def main():
    flags = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    flags.add_argument("file")
    flags.add_argument("--address", default="127.0.0.1:8080")
    flags.add_argument("--policy", default="default")
    flags.add_argument("--screenshot")
    flags.add_argument("--seconds", type=float, default=14)
    flags.add_argument("--chromium", default="chromium")
    flags.add_argument("--port", type=int, default=9222)
    args = flags.parse_args()
    stop = threading.Event()
    threading.Thread(target=decide, args=(args.address, args.policy, args.file, stop), daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [args.chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--window-size=1380,1000",
             f"--remote-debugging-port={args.port}", "about:blank"], stderr=subprocess.DEVNULL)
        try:
            page = Page(args.port)
            page.call("Runtime.enable")
            page.call("Log.enable")
            page.call("Page.enable")
            page.call("Page.navigate", url=f"http://{args.address}/?policy={args.policy}")
            time.sleep(args.seconds)
            shown = {name: page.value(f"document.getElementById('{name}').textContent") for name in ["state", "version", "slot", "value", "verdict"]}
            drawn = page.value("[...document.querySelectorAll('canvas')].map(c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size)")
            hidden = page.value("document.getElementById('side').hidden")
            if args.screenshot:
                with open(args.screenshot, "wb") as f:
                    f.write(base64.b64decode(page.call("Page.captureScreenshot")["data"]))
            print(json.dumps({**shown, "colours drawn": drawn, "shadow shown": not hidden, "errors": page.errors}, ensure_ascii=False))
            if shown["state"] != "live" or page.errors or min(drawn[:1] + drawn[2:] + ([] if hidden else drawn[1:2])) < 8:
                raise SystemExit("the page does not show what happens")
        finally:
            stop.set()
            browser.terminate()
            browser.wait()


if __name__ == "__main__":
    main()
