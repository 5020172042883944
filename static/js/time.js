// Keeps `<time data-relative>` and time-left bars fresh, worded like the templates' `ago` and `time_left`.
const MINUTE = 60, HOUR = 3600, DAY = 86400;

function span(seconds) {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

// What is ahead is waited for, and is not told as nearer than it is.
function rest(seconds) {
  const hours = Math.floor((seconds % DAY) / HOUR), minutes = Math.floor((seconds % HOUR) / MINUTE);
  if (seconds >= 2 * DAY) return hours ? ` ${hours} h` : "";
  return seconds >= HOUR && minutes ? ` ${minutes} min` : "";
}

function relative(at, now) {
  const seconds = Math.trunc((now - at) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return "just now";
  return seconds < 0 ? `in ${span(distance)}${rest(distance)}` : `${span(distance)} ago`;
}

function coarse(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} m ${two(seconds % MINUTE)} s`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ${two(Math.floor((seconds % HOUR) / MINUTE))} m`;
  return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function freshenTimeLeft(element, now) {
  const end = Date.parse(element.dataset.end), start = Date.parse(element.dataset.start);
  const left = Math.max(0, Math.trunc((end - now) / 1000));
  const share = end > start ? Math.min(1, Math.max(0, (end - now) / (end - start))) : 0;
  element.querySelector("rect")?.setAttribute("width", (share * 100).toFixed(1));
  write(element.querySelector("[data-words]"), left > 0 ? `${coarse(left)} left` : "time is up");
  // Both shares and seconds: 10 % of a week is no hurry, 30 s of a minute is.
  const pressing = left <= 60 || share < 0.1 ? "now" : left <= 300 || share < 0.3 ? "soon" : "";
  if (element.dataset.pressing !== pressing) element.dataset.pressing = pressing;
}

/** Rewrites every time below `root`. */
export function freshen(root = document) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[data-relative]")) write(element, relative(Date.parse(element.dateTime), now));
  for (const element of root.querySelectorAll("[data-timeleft]")) freshenTimeLeft(element, now);
}

setInterval(() => { if (!document.hidden) freshen(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) freshen(); });
document.addEventListener("htmx:after:swap", () => freshen());
freshen();
