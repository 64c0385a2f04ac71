// The editors of message templates and of Branding: the preview follows what is typed, and lookup
// values insert themselves.
"use strict";

(() => {
  const pause = 600; // milliseconds without a key, after which the preview is asked for
  let shown = document.getElementById("preview-html");
  const form = shown?.form;
  const refresh = () => {
    // A fresh frame for each preview: a frame that goes on adds a step for the Back button.
    const frame = document.querySelector("iframe.preview");
    frame.replaceWith(frame.cloneNode());
    form.requestSubmit(shown);
  };
  if (form) {
    refresh();
    let waiting = 0;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(refresh, pause);
    });
    form.addEventListener("submit", (event) => {
      clearTimeout(waiting);
      if (event.submitter?.name !== "as") return;
      shown = event.submitter;
      for (const each of document.querySelectorAll("button[name=as][aria-pressed]")) each.setAttribute("aria-pressed", String(each === shown));
    });
  }

  let field = document.getElementById("body");
  for (const name of ["subject", "body"]) {
    const input = document.getElementById(name);
    input?.addEventListener("focus", () => (field = input));
  }
  for (const button of document.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    });
  }
})();
