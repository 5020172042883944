// The bell: a fresh panel each time it opens, the count in the tab's title, a toast for news, and a desktop notification when the
// person allowed it and looks elsewhere. A `user` message carries {unread} and, for news, {notification: kind}: what it says is
// fetched, so that permissions are checked again.
import { badgeTitle } from "./counts.js";
import { announce, toast } from "./toast.js";

const bell = document.getElementById("bell");

function notifyOnDesktop({ title, body = "", url = "" }) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const note = new Notification(title, { body, tag: url || title });
  note.onclick = () => {
    window.focus();
    if (url) location.assign(url);
    note.close();
  };
}

async function showNews() {
  const response = await fetch(document.body.dataset.newsUrl, { headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) return;
  const { latest, desktop } = await response.json();
  if (!latest) return;
  if (!document.hidden) toast({ text: latest.title, detail: latest.body, href: latest.url });
  else if (desktop) notifyOnDesktop(latest);
  announce(latest.title);
}

if (bell) {
  bell.addEventListener("toggle", () => {
    if (bell.open) bell.querySelector("#bell-panel")?.dispatchEvent(new CustomEvent("bell:open"));
  });
  badgeTitle(Number(document.body.dataset.unread ?? 0));
  document.addEventListener("live:message", ({ detail }) => {
    if (detail.group !== "user") return;
    if (typeof detail.unread === "number") badgeTitle(detail.unread);
    if (detail.notification) showNews();
  });
}

// data-notify-permission asks for it, and hides where there is nothing to ask. data-notify-offer is a place that offers it by
// itself: for good not any more once somebody has said no there (data-notify-refuse) or to their browser.
const REFUSED_KEY = "handrail.notify.refused";

function askable() {
  return "Notification" in window && Notification.permission === "default";
}

function showOffers() {
  for (const button of document.querySelectorAll("[data-notify-permission]")) button.hidden = !askable();
  for (const offer of document.querySelectorAll("[data-notify-offer]")) offer.hidden = !askable() || localStorage.getItem(REFUSED_KEY) === "yes";
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-notify-refuse]")) localStorage.setItem(REFUSED_KEY, "yes");
  else if (event.target.closest("[data-notify-permission]")) await Notification.requestPermission();
  else return;
  showOffers();
});
showOffers();
