// The one websocket of a page. The server says "this group changed"; the page fetches the partial again, so permissions are
// checked again. Elements name what they watch in data-live-groups="queue approval.<id>" and listen for `live:<group>` on body
// (approval.<id> arrives as `live:approval` with the id in its detail). Whoever watches looking.<id> is seen there by others. `live:message` on document carries every message.
const { liveUrl } = document.body.dataset;
const toggle = document.getElementById("live-toggle");
const PAUSED_KEY = "handrail.live.paused";
const POLL_MS = 10_000, JITTER_MS = 250, FIRST_RETRY_MS = 500, LAST_RETRY_MS = 15_000;
const ACCESS_LOST = 4403;

let socket = null, retries = 0, opened = false, retryTimer = null;
let paused = sessionStorage.getItem(PAUSED_KEY) === "yes";
let subscribed = "", confirmed = new Set(), leaving = false;
const held = new Map();
const due = new Map();

function groups() {
  const names = new Set();
  for (const element of document.querySelectorAll("[data-live-groups]")) {
    for (const name of element.dataset.liveGroups.split(/\s+/)) if (name) names.add(name);
  }
  // The rail's count of waiting requests is on every page.
  if (document.querySelector("[data-live-count^='queue:']")) names.add("queue");
  return [...names].sort();
}

function subscribe() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const wanted = JSON.stringify({ subscribe: groups(), hidden: document.hidden });
  if (wanted === subscribed) return;
  subscribed = wanted;
  socket.send(wanted);
}

function dispatch(group, message) {
  const [name, ...rest] = group.split(".");
  const detail = { ...message, group, id: rest.join(".") };
  document.body.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));
}

function quiet(group) {
  // News for this person come through even while the page is hidden: the desktop notification is for just that.
  return group !== "user" && (paused || document.hidden);
}

/** Dispatches once for a burst, after up to 250 ms, so that a thousand browsers do not ask in the same instant. */
function changed(group, message = {}) {
  if (quiet(group)) {
    held.set(group, message);
    return;
  }
  const waiting = due.has(group);
  due.set(group, message);
  if (waiting) return;
  setTimeout(() => {
    const last = due.get(group);
    due.delete(group);
    if (quiet(group)) held.set(group, last);
    else dispatch(group, last);
  }, Math.random() * JITTER_MS);
}

function refetchAll() {
  for (const group of [...groups(), "user"]) changed(group);
}

function catchUp() {
  if (paused || document.hidden) return;
  for (const [group, message] of held) changed(group, message);
  held.clear();
}

function show() {
  if (!toggle) return;
  const connected = socket?.readyState === WebSocket.OPEN;
  const state = paused ? "paused" : connected ? "connected" : opened || retries > 1 ? "reconnecting" : "connecting";
  if (toggle.dataset.state === state) return;
  toggle.dataset.state = state;
  toggle.setAttribute("aria-pressed", String(!paused));
  toggle.querySelector(".live-label").textContent = toggle.dataset[`words${state[0].toUpperCase()}${state.slice(1)}`];
}

function receive(event) {
  const message = JSON.parse(event.data);
  if (message.subscribed) {
    // What happened between drawing the page, or losing the connection, and now is unknown: look again.
    for (const name of message.subscribed) if (!confirmed.has(name)) changed(name);
    confirmed = new Set(message.subscribed);
  }
  if (!message.group) return;
  document.dispatchEvent(new CustomEvent("live:message", { detail: message }));
  changed(message.group, message);
}

function connect() {
  clearTimeout(retryTimer);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${liveUrl}`);
  socket.addEventListener("open", () => {
    subscribed = "";
    confirmed = new Set();
    subscribe();
    if (opened || retries > 0) changed("user");
    opened = true;
    retries = 0;
    show();
  });
  socket.addEventListener("message", receive);
  socket.addEventListener("close", (event) => {
    // The person lost their access while the page was open: what the page shows now is the answer. Who just left by
    // themselves is on their way to another page, which a reload would call off.
    if (event.code === ACCESS_LOST) return leaving ? undefined : location.reload();
    show();
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** retries);
    retries += 1;
    retryTimer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
  });
}

function reconnectNow() {
  if (socket && socket.readyState > WebSocket.OPEN) connect();
}

window.addEventListener("beforeunload", () => {
  leaving = true;
});

if (liveUrl) {
  connect();
  setInterval(() => {
    if (socket?.readyState !== WebSocket.OPEN) refetchAll();
  }, POLL_MS);
  document.addEventListener("visibilitychange", () => {
    // Others see who looks at what: not somebody whose tab lies behind another.
    subscribe();
    if (document.hidden) return;
    reconnectNow();
    catchUp();
  });
  window.addEventListener("online", reconnectNow);
  document.addEventListener("htmx:after:swap", subscribe);
  toggle?.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem(PAUSED_KEY, paused ? "yes" : "no");
    show();
    catchUp();
  });
  show();
}
