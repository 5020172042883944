// The filter bar of a list: short addresses, and range links that keep what was filtered since the page was loaded.
const form = document.querySelector("form.filters[hx-push-url]");

document.addEventListener("htmx:config:request", ({ detail }) => {
  if (detail.ctx.sourceElement !== form) return;
  const { body } = detail.ctx.request;
  for (const [name, value] of [...body.entries()]) if (value === "") body.delete(name);
});

function keepFilters() {
  const here = new URLSearchParams(location.search);
  for (const link of document.querySelectorAll(".range a.menu-item")) {
    const wanted = new URL(link.href).searchParams.get("range");
    const parameters = new URLSearchParams(here);
    for (const name of ["from", "to", "cursor", "before"]) parameters.delete(name);
    parameters.set("range", wanted);
    link.href = `?${parameters}`;
  }
  const custom = document.querySelector(".range-form");
  if (!custom) return;
  for (const hidden of custom.querySelectorAll("input[type=hidden]")) hidden.remove();
  for (const [name, value] of here) {
    if (["range", "from", "to", "cursor", "before", "compare"].includes(name)) continue;
    custom.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

document.addEventListener("htmx:after:settle", keepFilters);
document.addEventListener("htmx:after:history:push", keepFilters);
