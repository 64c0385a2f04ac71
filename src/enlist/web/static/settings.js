// How hard a registration token of the length typed is to guess, as it is typed.
"use strict";

(() => {
  const length = document.getElementById("token_length");
  const entropy = document.getElementById("entropy");
  if (!length || !entropy) return;
  const bits = document.getElementById("bits");
  const show = () => {
    const letters = Number(length.value);
    const fits = Number.isInteger(letters) && letters >= Number(length.min) && letters <= Number(length.max);
    bits.textContent = fits ? Math.round(letters * Math.log2(Number(entropy.dataset.letters))) : "–";
    entropy.classList.toggle("short", fits && letters < Number(entropy.dataset.recommended));
  };
  length.addEventListener("input", show);
  show();
})();
