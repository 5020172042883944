// Numbers that ride in live messages: data-live-count="<group>:<field>" shows that field of the group's last message.
// A number of zero hides (the stylesheets look at data-count); the tab's title carries what waits for this person.
const title = document.title;

function showCount(element, value) {
  element.dataset.count = value;
  element.textContent = value > 0 ? String(value) : "";
}

/** Writes the number of unread notifications in front of the tab's title. */
export function badgeTitle(unread) {
  document.title = unread > 0 ? `(${unread}) ${title}` : title;
}

document.addEventListener("live:message", ({ detail }) => {
  for (const element of document.querySelectorAll(`[data-live-count^="${CSS.escape(detail.group)}:"]`)) {
    const value = detail[element.dataset.liveCount.split(":")[1]];
    if (typeof value === "number") showCount(element, value);
  }
});
