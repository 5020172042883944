// Gives every htmx request Django's CSRF header. Other modules that post use `csrfToken`.

/** The token that Django keeps in the `csrftoken` cookie; empty before the first form was served. */
export function csrfToken() {
  const name = `${document.body.dataset.csrfCookie ?? "csrftoken"}=`;
  const pair = document.cookie.split("; ").find((part) => part.startsWith(name));
  return pair ? decodeURIComponent(pair.slice(name.length)) : "";
}

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method !== "GET") request.headers["X-CSRFToken"] = csrfToken();
});
