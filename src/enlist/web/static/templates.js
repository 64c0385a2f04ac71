// The editor of message templates: the preview shows itself, and lookup values insert themselves.
"use strict";

(() => {
  const preview = document.getElementById("preview-html");
  if (preview) preview.form.requestSubmit(preview);

  let field = document.getElementById("body");
  for (const name of ["subject", "body"]) {
    const input = document.getElementById(name);
    input?.addEventListener("focus", () => (field = input));
  }
  for (const button of document.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.focus();
    });
  }
})();
