// Sends the form for a wave to the API, and shows what is wrong at its field.
"use strict";

(() => {
  const form = document.getElementById("wave");
  if (!form) return;
  const elements = form.elements;
  const alarm = document.getElementById("wave-error");
  const button = form.querySelector("button");
  const fieldOf = { "message.type": "channel", "message.template": "template" };
  let sent = "";
  let key = "";

  const show = () => {
    for (const each of form.querySelectorAll("[data-whom]")) each.hidden = each.dataset.whom !== elements.whom.value;
  };
  form.addEventListener("change", show);
  show();

  const clear = () => {
    alarm.hidden = true;
    for (const each of form.querySelectorAll(".is-invalid")) {
      each.classList.remove("is-invalid");
      each.removeAttribute("aria-invalid");
    }
    for (const each of form.querySelectorAll(".invalid-feedback")) each.remove();
  };
  const alarmed = (text) => {
    alarm.textContent = text;
    alarm.hidden = false;
    alarm.scrollIntoView({ block: "center" });
  };
  const tell = (name, text) => {
    const named = document.getElementById(fieldOf[name] ?? name);
    if (!named) return alarmed(`${name}: ${text}`);
    const field = named.closest("[hidden]") ? document.getElementById(elements.whom.value) : named;
    const told = document.createElement("div");
    told.className = "invalid-feedback d-block";
    told.role = "alert";
    told.textContent = text;
    field.classList.add("is-invalid");
    field.setAttribute("aria-invalid", "true");
    field.after(told);
    if (form.querySelector(".is-invalid") === field) field.focus();
  };
  const number = (name) => Number(elements[name].value || 0);

  const asked = async () => {
    const whom = elements.whom.value;
    const body = {
      name: elements.name.value,
      organization: form.dataset.organization,
      platform: elements.platform.value,
      ownership: elements.ownership.value,
      device_name: elements.device_name.value,
      message: { type: elements.channel.value, template: elements.template.value },
    };
    for (const name of ["per_minute", "canary_percent", "canary_needs", "expires_in_hours", "remind_hours"]) body[name] = number(name);
    if (whom === "group") body.group = elements.group.value;
    if (whom === "users") body.users = elements.users.value.split(/\r?\n/).map((each) => each.trim()).filter(Boolean);
    if (whom === "csv" && elements.csv.files[0]) body.csv = await elements.csv.files[0].text();
    return body;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear();
    const file = elements.csv.files[0];
    const byFile = elements.whom.value === "csv";
    if (byFile && file?.size > Number(form.dataset.most)) return tell("csv", form.dataset.tooLarge);
    button.disabled = true;
    try {
      const body = await asked();
      const text = JSON.stringify(body);
      // Sent twice it is one wave; another request is another one.
      if (text !== sent) key = crypto.getRandomValues(new Uint32Array(4)).join("-");
      sent = text;
      const answer = await fetch(form.dataset.to, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: text,
      });
      const found = await answer.json();
      if (answer.ok) return window.location.assign(`${form.dataset.then}/${found.id}`);
      if (!found.fields?.length) return alarmed(`${found.title}. ${found.detail}`);
      for (const each of found.fields) tell(each.field, each.message);
    } catch {
      alarmed(form.dataset.failed);
    } finally {
      button.disabled = false;
    }
  });
})();
