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
    } else if (event.key === "Escape") {
      event.preventDefault(); // A search field would only empty itself.
      finder.close();
    }
  });
  finder.querySelector("form").addEventListener("submit", (event) => {
    const chosen = finder.querySelector("#found a.chosen") || choices()[0];
    event.preventDefault();
    if (chosen) location.assign(chosen.href);
  });

  // Pickers: a text field with what fits below it. htmx fetches the options; this chooses one.
  for (const picker of document.querySelectorAll("[data-picker]")) {
    const input = picker.querySelector("input");
    const list = picker.querySelector("[role=listbox]");
    const options = () => [...list.querySelectorAll("[role=option]")];
    let marked = "";
    const show = (shown) => {
      list.hidden = !shown;
      input.setAttribute("aria-expanded", String(shown));
      if (shown) return;
      input.removeAttribute("aria-activedescendant");
      marked = "";
    };
    const mark = (option) => {
      marked = option.dataset.value;
      for (const each of options()) each.setAttribute("aria-selected", String(each === option));
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };
    const take = (option) => {
      input.value = option.dataset.value;
      show(false);
    };
    input.addEventListener("htmx:after:swap", () => {
      show(document.activeElement === input);
      // Else Enter would send the form, where the answer to what was typed came after an arrow key.
      const again = options().find((each) => each.dataset.value === marked);
      if (again) mark(again);
    });
    input.addEventListener("focus", () => show(list.children.length > 0));
    input.addEventListener("blur", () => show(false));
    list.addEventListener("mousedown", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      event.preventDefault(); // The field keeps the focus, so the list is not closed too early.
      take(option);
    });
    input.addEventListener("keydown", (event) => {
      const all = options();
      const now = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) show(list.children.length > 0);
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (all.length) mark(all[(Math.max(now, step < 0 ? 0 : -1) + step + all.length) % all.length]);
      } else if (event.key === "Enter" && !list.hidden && now >= 0) {
        event.preventDefault();
        take(all[now]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        show(false);
      }
    });
  }

  // Whoever typed before any of this was loaded would wait for what fits. htmx begins in a timer, too.
  setTimeout(() => {
    const field = document.activeElement;
    if (!field?.matches("input") || field.value === field.defaultValue) return;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // Ticks of a list: one for all, and how many there are. Rows change with the results, so the
  // document listens.
  const bulk = (form) => {
    const ticks = [...form.querySelectorAll("input[name=id]")];
    const ticked = ticks.filter((tick) => tick.checked).length;
    const all = form.querySelector("[data-bulk-all]");
    if (!all) return; // Nothing to be done with many, for this person.
    all.checked = ticked > 0 && ticked === ticks.length;
    all.indeterminate = ticked > 0 && ticked < ticks.length;
    const count = form.querySelector("[data-bulk-count]");
    count.textContent = ticked ? `${count.dataset.some} (${ticked})` : count.dataset.none;
    for (const button of form.querySelectorAll("[data-bulk-bar] button")) button.disabled = !ticked;
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("[data-bulk]");
    if (!form) return;
    if (event.target.matches("[data-bulk-all]")) {
      for (const tick of form.querySelectorAll("input[name=id]")) tick.checked = event.target.checked;
    }
    bulk(form);
  });
  const bulks = () => document.querySelectorAll("[data-bulk]").forEach(bulk);
  document.addEventListener("htmx:after:process", bulks);
  bulks();

  // A link inside of the results is gone with them: whoever pressed it stays where he was.
  document.addEventListener("htmx:after:process", (event) => {
    const results = document.getElementById("results");
    if (results && event.target.contains?.(results) && document.activeElement === document.body) {
      results.focus({ preventScroll: true });
    }
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // One that is sent into a frame, or answered by a file, leaves this page as it is.
    if (form.method !== "post" || event.submitter?.formTarget || "stays" in form.dataset) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  // Back from the browser's cache: forms may be sent again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
  });
})();
