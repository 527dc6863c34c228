"""A browser without a window, for what only a browser can tell of a page."""

import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
REPORT = """\
<script>
const faults = [];
window.addEventListener("error", (event) => faults.push(event.message));
const poll = () => {
  const drawn = document.querySelectorAll(".plot .main-svg").length;
  const waiting = [...document.querySelectorAll(".plot")].some(
    (plot) => plot.getBoundingClientRect().top < (window.whole ? Infinity : innerHeight)
      && !plot.querySelector(".main-svg"));
  const patient = performance.now() < 20000;
  if (patient && (document.readyState !== "complete" || waiting)) return setTimeout(poll, 10);
  fetch("/told?" + encodeURIComponent(JSON.stringify({
    ms: performance.now(), waiting, drawn, faults, title: document.title,
    text: document.body.innerText,
    first: document.querySelector(".trials tbody tr")?.innerText || "",
    rows: document.querySelectorAll(".trials tbody tr").length, marks: window.marked || 0,
    strange: document.querySelectorAll("img, iframe, body script[src], a[href]").length,
  })));
};
setTimeout(poll, 0);
</script>
"""


def visited(page: str, steps: str = "") -> str:
    """Open a page in a browser; return what a script in it tells, as JSON.

    `steps` is done before, when the page has loaded.
    """
    policy = page[page.index('<meta http-equiv="Content-Security-Policy"') :]
    policy = policy[: policy.index(">") + 1]
    loose = policy.replace("'none'", "'none'; connect-src 'self'")
    acts = f"<script>window.addEventListener('load', () => {{{steps}}});</script>"
    seen = page.replace(policy, loose).replace("</main>", f"</main>{REPORT}{acts}")
    told: list[str] = []
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/told?"):
                told.append(unquote(self.path.partition("?")[2]))
                done.set()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(seen.encode() if self.path == "/" else b"")

        def log_message(self, *_: Any) -> None:
            pass

    assert BROWSER
    with HTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = subprocess.Popen(
            [
                BROWSER,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--window-size=1280,900",
                f"--user-data-dir={Path(folder) / 'profile'}",
                f"http://127.0.0.1:{server.server_port}/",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert done.wait(60), "the page never told that it was drawn"
        finally:
            process.kill()
            process.wait()
            server.shutdown()
    return told[0]
