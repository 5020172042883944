// <dialog> by attributes: data-dialog-open="<id>", data-dialog-close; data-open-now opens at once (an answer with errors).
// Also asks before htmx requests with hx-confirm and before plain forms with data-confirm.
const confirmBox = document.getElementById("confirm");

function show(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
  dialog.dispatchEvent(new CustomEvent("dialog:open", { bubbles: true }));
}

function openMarked(root) {
  for (const dialog of root.querySelectorAll("dialog[data-open-now]")) {
    dialog.removeAttribute("data-open-now");
    show(dialog);
  }
}

/** Resolves to whether the person agreed. `options.kind` "danger" and `options.yes` word and colour the button. */
export function ask(text, options = {}) {
  const yes = confirmBox.querySelector("[data-answer-yes]");
  yes.dataset.words ??= yes.textContent;
  confirmBox.querySelector("[data-confirm-text]").textContent = text;
  yes.textContent = options.yes ?? yes.dataset.words;
  yes.className = `button button-${options.kind ?? "primary"}`;
  return new Promise((resolve) => {
    const finish = (event) => {
      const agreed = event.target.closest?.("[data-answer-yes]");
      if (event.type === "click" && !agreed && !event.target.closest("[data-answer-no], [data-dialog-close]")) return;
      confirmBox.removeEventListener("click", finish);
      confirmBox.removeEventListener("close", finish);
      resolve(Boolean(event.type === "click" && agreed));
      if (confirmBox.open) confirmBox.close();
    };
    confirmBox.addEventListener("click", finish);
    confirmBox.addEventListener("close", finish);
    show(confirmBox);
    confirmBox.querySelector("[data-answer-no]").focus();
  });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) show(document.getElementById(opener.dataset.dialogOpen));
  if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog")?.close();
  // A click on the backdrop arrives at the dialog itself; alert dialogs want an answer.
  if (event.target.matches("dialog[open]:not([role=alertdialog])") && outside(event)) event.target.close();
});

function outside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

document.addEventListener("htmx:confirm", async (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm) return;
  event.preventDefault();
  const { confirmKind: kind, confirmYes: yes } = ctx.sourceElement.dataset;
  if (await ask(ctx.confirm, { kind, yes })) issueRequest();
  else dropRequest();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  const { submitter } = event;
  if (!(await ask(form.dataset.confirm, { kind: form.dataset.confirmKind, yes: form.dataset.confirmYes }))) return;
  form.dataset.confirmed = "yes";
  form.requestSubmit(submitter);
});

document.addEventListener("htmx:after:swap", () => openMarked(document));
document.addEventListener("dialog:close", (event) => event.target.closest?.("dialog")?.close());
openMarked(document);
