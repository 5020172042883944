// The live list of traces: fetches rows that are newer than the newest shown and puts them where they belong. While the
// reader has scrolled, points at a row or has the focus in one, new rows wait behind a button, so that nothing jumps.
import { freshen } from "./time.js";

const BUSY_SCROLL = 120;
const bar = () => document.getElementById("trace-live");
const body = () => document.getElementById("trace-rows");
const waiting = new Map();
let paused = false, running = false, again = false;

/** Nanoseconds do not fit a number; as text of one length they compare like numbers. */
const began = (row) => row.dataset.start.padStart(20, "0");

function newest() {
  const shown = [...(body()?.querySelectorAll("tr[data-start]") ?? []), ...waiting.values()].map(began);
  return shown.sort().at(-1)?.replace(/^0+/, "") ?? bar().dataset.seen;
}

function busy() {
  const rows = body();
  return window.scrollY > BUSY_SCROLL || rows.matches(":hover") || rows.contains(document.activeElement);
}

function place(row) {
  const known = document.getElementById(row.id);
  if (known) {
    // A trace that goes on: its figures change where it stands.
    if (known.innerHTML !== row.innerHTML && !known.matches(":hover, :focus-within")) known.replaceWith(row);
    return false;
  }
  const next = [...body().querySelectorAll("tr[data-start]")].find((other) => began(other) <= began(row));
  body().insertBefore(row, next ?? null);
  return true;
}

function show(rows) {
  let added = 0;
  for (const row of rows) added += place(row);
  const every = body().querySelectorAll("tr[data-start]");
  for (const old of [...every].slice(Number(bar().dataset.liveRows))) old.remove();
  freshen(body());
  return added;
}

function say() {
  const button = bar().querySelector("[data-live-show]");
  button.hidden = waiting.size === 0;
  button.textContent = button.dataset.words.replace("{n}", waiting.size);
}

function announce(count) {
  const said = bar().querySelector("[data-live-said]");
  if (count) said.textContent = said.dataset.words.replace("{n}", count);
}

function receive(rows) {
  if (!busy()) {
    announce(show([...waiting.values(), ...rows]));
    waiting.clear();
  } else {
    for (const row of rows) {
      if (document.getElementById(row.id)) place(row);
      else waiting.set(row.id, row);
    }
    for (const id of [...waiting.keys()].slice(0, -Number(bar().dataset.liveRows))) waiting.delete(id);
  }
  say();
}

async function look() {
  if (!bar() || paused) return;
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const url = new URL(bar().dataset.liveUrl, location.href);
    url.searchParams.set("seen", newest());
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    if (answer.redirected) return location.reload();
    if (answer.status === 200 && bar() && !paused) {
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      receive([...holder.content.querySelectorAll("tr[data-start]")]);
    }
  } catch {
    // Away for a moment: the next message, or the poll of live.js, asks again.
  } finally {
    running = false;
  }
  if (again) {
    again = false;
    look();
  }
}

document.body.addEventListener("live:metrics", look);
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-live-show]")) {
    const rows = [...waiting.values()];
    waiting.clear();
    show(rows);
    say();
    window.scrollTo({ top: 0 });
  }
  const pause = target.closest("[data-live-pause]");
  if (!pause) return;
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? pause.dataset.wordsResume : pause.dataset.wordsPause;
  bar().toggleAttribute("data-paused", paused);
  if (!paused) look();
});
document.addEventListener("htmx:after:swap", () => {
  waiting.clear();
  paused = false;
});
