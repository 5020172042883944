// What is typed into the editor is checked by the server, which answers with the changes, what is wrong with them, and the
// button that sends them.
const NOT_TYPED = new Set(["seen", "csrfmiddlewaretoken"]);
const TAP_MS = 50;
const asked = new WeakMap();
let pressed = null, held = false;
const editor = () => document.getElementById("editor");
const isCheck = (ctx) => ctx.target?.id === "edit-diff";

// Leaving a field tells of a change that typing has told of already. What has been asked is not asked again: the answer would
// change nothing but the button, which is perhaps just being pressed.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  if (!isCheck(ctx)) return;
  const typed = JSON.stringify([...ctx.request.body].filter(([name]) => !NOT_TYPED.has(name)));
  if (asked.get(editor())?.typed === typed) event.preventDefault();
  else asked.set(editor(), { ctx, typed });
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (isCheck(ctx) && ctx.status !== "swapped" && asked.get(editor())?.ctx === ctx) asked.delete(editor());
});

// While a button is held down, nothing is put in its place: a click is sent only where it began. The server then sees whether what
// is sent is what was shown.
document.addEventListener("htmx:before:swap", (event) => {
  if (!isCheck(event.detail.ctx) || !pressed?.isConnected) return;
  event.preventDefault();
  held = true;
});

function press(event) {
  pressed = event.target.closest?.("#edit-diff button") ?? null;
}

/** Once the click has been told of, a tap's too. */
function letGo() {
  if (pressed) setTimeout(checkAgain, TAP_MS);
}

function checkAgain() {
  const wanted = held && pressed?.isConnected && !pressed.disabled;
  pressed = null;
  held = false;
  if (!wanted) return;
  asked.delete(editor());
  editor().querySelector("[hx-trigger]").dispatchEvent(new Event("change"));
}

document.addEventListener("pointerdown", press, true);
document.addEventListener("pointerup", letGo, true);
document.addEventListener("pointercancel", letGo, true);
document.addEventListener("keydown", (event) => { if (event.key === " ") press(event); }, true);
document.addEventListener("keyup", letGo, true);

/** Says at the field itself what an answer to typing has found wrong with it, and takes back what is right again. */
function markFields() {
  for (const field of editor()?.querySelectorAll("[data-invalid]") ?? []) {
    delete field.dataset.invalid;
    field.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    field.querySelector(".field-errors")?.remove();
  }
  for (const told of editor()?.querySelectorAll("[data-error-for]") ?? []) {
    const control = document.getElementById(told.dataset.errorFor);
    const field = control?.closest(".field, .editor-group");
    if (!field) continue;
    const list = Object.assign(document.createElement("ul"), { className: "field-errors", id: `${control.id}-errors` });
    list.append(Object.assign(document.createElement("li"), { textContent: told.dataset.error }));
    field.dataset.invalid = "";
    field.append(list);
    if (control.matches("input, select, textarea")) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-errormessage", list.id);
    }
  }
}

document.addEventListener("htmx:after:swap", (event) => {
  if (isCheck(event.detail.ctx)) markFields();
});
