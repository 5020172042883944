// Answers to htmx requests that must not land inside a partial: whole pages (an error page, the sign-in page after the session
// ended), failures of the server, no answer at all.
import { toast } from "./toast.js";

const words = document.getElementById("toasts").dataset;

function wholePage(text) {
  return /^\s*<!doctype html/i.test(text ?? "");
}

function inBackground(ctx) {
  // Live refetches fail quietly: the live indicator already says so.
  return ctx.sourceEvent?.type?.startsWith("live:") ?? false;
}

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const boosted = ctx.target === document.body || ctx.select;
  if (boosted || !ctx.response) return;
  const { status, raw } = ctx.response;
  if (status < 400 && raw.redirected && wholePage(ctx.text)) {
    // Redirected away from the partial, to signing in for example: go there for good.
    event.preventDefault();
    location.assign(new URL(raw.url).pathname.startsWith("/accounts/") ? location.href : raw.url);
  } else if (status >= 500 || (status >= 400 && wholePage(ctx.text))) {
    event.preventDefault();
    if (!inBackground(ctx)) toast({ text: status >= 500 ? words.wordsFailed : words.wordsRefused, kind: "danger" });
  }
});

document.addEventListener("htmx:error", (event) => {
  const { ctx, error } = event.detail;
  if (ctx && !inBackground(ctx) && error?.name === "TypeError") toast({ text: words.wordsOffline, kind: "danger" });
});

// htmx forgets which request is under way as soon as one has given way to it, and would not stop that one for a third. Of those
// that replace each other only the last one's answer counts.
const newest = new WeakMap();

function placeOf(element) {
  const [name] = element.getAttribute("hx-sync").split(":");
  return (name === "this" ? element : document.querySelector(name)) ?? document;
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.queueStrategy === "replace") newest.set(placeOf(ctx.sourceElement), ctx);
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.queueStrategy === "replace" && newest.get(placeOf(ctx.sourceElement)) !== ctx) event.preventDefault();
});
