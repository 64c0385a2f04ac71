// The button of a sheet of cards; without JavaScript the browser's own menu prints as well.
"use strict";

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
