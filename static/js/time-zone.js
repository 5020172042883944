// Tells a form the time zone that the browser is in: [data-time-zone] is a hidden input, which the person can change later.
for (const input of document.querySelectorAll("input[data-time-zone]")) {
  input.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
