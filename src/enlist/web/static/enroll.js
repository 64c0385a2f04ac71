// The page works without this. With it: a link fills the field, a button copies, errors get focus,
// and a page that waits for a device looks again. Nothing that was typed is ever sent from here:
// that takes a person who presses a button.
"use strict";

// The secret in `#t=…` leaves the address bar and the history before anything else happens.
// Mail trackers append `?utm_…` or `&utm_…`, some of them behind the fragment.
function fromLink() {
  const pairs = location.hash.slice(1).replaceAll("?", "&").split("&");
  const found = pairs.find((pair) => pair.startsWith("t="));
  if (!found) return;
  history.replaceState(null, "", location.pathname);
  const field = document.querySelector("[data-fragment]");
  if (!field) return;
  let text = found.slice(2);
  try {
    text = decodeURIComponent(text);
  } catch {
    // Not encoded: taken as it stands.
  }
  field.value = text.slice(0, field.maxLength > 0 ? field.maxLength : 256);
  const told = document.querySelector("[data-filled]");
  if (told) told.textContent = told.dataset.filled;
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy);
  const told = document.getElementById("told");
  try {
    await navigator.clipboard.writeText(text.textContent.trim());
    if (told) told.textContent = button.dataset.done;
    const name = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = name;
    }, 2000);
  } catch {
    getSelection().selectAllChildren(text);
  }
}

// Whoever waits for a device sees when it has joined. Nobody is asked for a page that nobody sees.
async function look(address) {
  try {
    if (!document.hidden) {
      const headers = { "X-Looks-Again": "yes" };
      const { status } = await fetch(address, { headers, redirect: "manual" });
      if (status === 200) return location.replace(address);
      if (status !== 204 && status < 500 && status !== 429) return;
    }
  } catch {
    // The network is away: the next look may succeed.
  }
  setTimeout(look, 3000, address);
}

fromLink();
addEventListener("hashchange", fromLink);
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
document.querySelector("[data-focus]")?.focus({ preventScroll: true });
const waiting = document.querySelector("[data-progress]");
if (waiting) setTimeout(look, 3000, waiting.dataset.progress);
