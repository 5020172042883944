// How many requests are ticked, on the buttons that decide on them; with none there is nothing to send.
const form = document.getElementById("together");

function count() {
  const picked = form.querySelectorAll("[name=ids]:checked").length;
  for (const shown of form.querySelectorAll("[data-picked]")) shown.textContent = `(${picked})`;
  for (const button of form.querySelectorAll("#approve-all, #reject-all")) button.disabled = picked === 0;
}

form?.addEventListener("change", count);
if (form?.querySelector("[data-picked]")) count();
