// The picture of the installation. Pointing and focus show a popup without this; here Escape and a
// second press put it away, and whoever hears the page is told which one is open.
"use strict";

(() => {
  const parts = () => [...document.querySelectorAll("[data-part]")];
  const openers = () => document.querySelectorAll("[data-part] [aria-controls]");
  // What was put away stays so until it is left; ids, as the page is made anew while it is shown.
  const dismissed = new Set();
  let pressed = "";

  const isShown = (panel) => {
    const style = getComputedStyle(panel);
    return style.display !== "none" && style.visibility === "visible";
  };
  const tell = () => {
    for (const part of parts()) part.toggleAttribute("data-dismissed", dismissed.has(part.id));
    for (const opener of openers()) {
      const panel = document.getElementById(opener.getAttribute("aria-controls"));
      opener.setAttribute("aria-expanded", String(isShown(panel)));
    }
  };
  const later = () => requestAnimationFrame(tell);
  const partOf = (node) => node?.closest?.("[data-part]");

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const part of parts()) {
      if (part.matches(":hover, :focus-within")) dismissed.add(part.id);
    }
    // A popup that goes takes the focus with it.
    const panel = document.activeElement?.closest?.(".part-about, .part-acts-menu");
    if (panel) document.querySelector(`[aria-controls="${panel.id}"]`)?.focus();
    tell();
  });
  document.addEventListener("pointerdown", (event) => {
    const opener = event.target.closest?.("[data-part] [aria-controls]");
    const part = partOf(opener);
    pressed = opener && document.activeElement === opener && !dismissed.has(part.id) ? opener.id : "";
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-part] [aria-controls]");
    if (!opener) return;
    // Pressed by Enter or the space bar: the second time puts it away.
    if (!event.detail) pressed = dismissed.has(partOf(opener).id) ? "" : opener.id;
    const part = partOf(opener);
    if (pressed === opener.id) dismissed.add(part.id);
    else dismissed.delete(part.id);
    pressed = "";
    opener.focus(); // Safari leaves the focus where it was.
    later();
  });
  document.addEventListener("focusout", (event) => {
    const part = partOf(event.target);
    if (part && !part.contains(event.relatedTarget)) dismissed.delete(part.id);
    later();
  });
  document.addEventListener("focusin", later);
  document.addEventListener("pointerover", later);
  document.addEventListener("pointerout", (event) => {
    const part = partOf(event.target);
    if (part && !part.contains(event.relatedTarget) && !part.contains(document.activeElement)) dismissed.delete(part.id);
    later();
  });
  document.addEventListener("htmx:after:process", tell);
  tell();
})();
