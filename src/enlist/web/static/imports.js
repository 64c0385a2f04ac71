// Sends the file that was chosen, and goes on to what would come of it.
"use strict";

(() => {
  const form = document.getElementById("import");
  if (!form) return;
  const file = document.getElementById("file");
  const error = document.getElementById("file-error");
  const button = form.querySelector("button");
  const tell = (text) => {
    error.textContent = text;
    file.classList.toggle("is-invalid", text !== "");
    file.toggleAttribute("aria-invalid", text !== "");
    button.disabled = false;
  };
  const problem = (found) => found.fields?.map((each) => each.message).join("; ") || `${found.title}. ${found.detail}`;
  file.addEventListener("change", () => tell(""));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = file.files[0];
    if (chosen.size > Number(form.dataset.most)) return tell(form.dataset.tooLarge);
    tell("");
    button.disabled = true;
    const asked = new URLSearchParams({
      kind: form.elements.kind.value,
      name: chosen.name.slice(0, 200),
      description: form.elements.description.value,
      organization: form.dataset.organization,
      dry_run: "true",
    });
    try {
      const answer = await fetch(`${form.dataset.to}?${asked}`, {
        method: "POST",
        headers: { "content-type": "text/csv" },
        body: chosen,
      });
      const found = await answer.json();
      if (!answer.ok) return tell(problem(found));
      window.location.assign(`${form.dataset.then}/${found.id}`);
    } catch {
      tell(form.dataset.failed);
    }
  });
})();
