// Buttons that copy: <button data-copy="id of the text" data-copied="Copied" hidden>Copy</button>.
// They stay hidden where they could not work: without JavaScript, or on plain HTTP.
"use strict";

(() => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.querySelector("[data-label]");
    const told = label.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      label.textContent = button.dataset.copied;
      setTimeout(() => (label.textContent = told), 3000);
    });
  }
})();
