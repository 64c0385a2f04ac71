// Branding: a logo that is too large is refused before it is sent, so that nothing typed is lost.
"use strict";

(() => {
  const logo = document.getElementById("logo");
  const told = document.getElementById("logo-too-large");
  logo?.addEventListener("input", () => {
    const large = logo.files[0]?.size > Number(logo.dataset.most);
    told.textContent = large ? told.dataset.text : "";
    logo.classList.toggle("is-invalid", large);
    if (large) logo.value = "";
  });
})();
