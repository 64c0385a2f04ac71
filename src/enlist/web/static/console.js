// What the console does beyond links, forms and htmx: the finder, and small comforts.
"use strict";

(() => {
  const finder = document.getElementById("finder");

  const open = () => {
    if (finder.open) return;
    finder.showModal();
    finder.querySelector("input").select();
  };

  const choices = () => [...finder.querySelectorAll("#found a")];

  const choose = (step) => {
    const all = choices();
    if (!all.length) return;
    const now = all.findIndex((link) => link.classList.contains("chosen"));
    all.forEach((link) => link.classList.remove("chosen"));
    const chosen = all[(now + step + all.length) % all.length];
    chosen.classList.add("chosen");
    chosen.scrollIntoView({ block: "nearest" });
    finder.querySelector("input").setAttribute("aria-activedescendant", chosen.id);
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  for (const link of document.querySelectorAll("[data-search]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open();
    });
  }
  finder.addEventListener("click", (event) => {
    if (event.target === finder) finder.close();
  });
  finder.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? 1 : -1);
    }
  });
  finder.querySelector("form").addEventListener("submit", (event) => {
    const chosen = finder.querySelector("#found a.chosen") || choices()[0];
    event.preventDefault();
    if (chosen) location.assign(chosen.href);
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  // Back from the browser's cache: forms may be sent again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
  });
})();
