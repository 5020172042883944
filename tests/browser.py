"""Finds a Chromium that really starts, installing one when it must: `python -m tests.browser`.

The system's comes first, then, as root on Debian, the package `chromium`, then Playwright's own download.
"""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
FLAGS += ["--disable-component-update", "--no-first-run", "--disable-dev-shm-usage"]


def executable() -> str | None:
    """The path of the system's Chromium; None means Playwright's own."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def works() -> bool:
    """Whether that Chromium opens a page."""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
            page = browser.new_page()
            page.set_content("<title>works</title>")
            title = page.title()
            browser.close()
    except Error:
        return False
    return title == "works"


def install() -> None:
    """Tries Debian's package as root, else Playwright's download."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, env=environment)
    if not works():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Exits with a message when no browser can be had."""
    if works():
        return
    install()
    if not works():
        sys.exit("The tests drive a real browser and none works here: install Chromium and run them again.")


if __name__ == "__main__":
    main()
