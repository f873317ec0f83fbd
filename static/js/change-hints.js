// Says which other answers a change hides, as soon as the answer is another one than the page came with. conditions.js comes
// first and has hidden the lines of answers that are sent all the same. Without script the hints stand on the page all the time.
(() => {
  "use strict";

  const hints = [...document.querySelectorAll("[data-change-hint]")];
  const wrapperOf = (hint) => document.querySelector(`[data-field="${CSS.escape(hint.dataset.changeHint)}"]`);

  // Only the question's own inputs: one that stands inside its option has a wrapper of its own.
  function valueOf(wrapper) {
    const controls = [...wrapper.querySelectorAll("input, select, textarea")];
    const own = controls.filter((control) => control.closest("[data-field]") === wrapper);
    const files = [...wrapper.querySelectorAll("[data-file]")].map((file) => file.dataset.file);
    return own.map((control) => (/radio|checkbox/.test(control.type) ? control.checked : control.value)).concat(files).join("\n");
  }

  const asServed = new Map(hints.map((hint) => [hint, valueOf(wrapperOf(hint))]));

  function show() {
    hints.forEach((hint) => {
      const isChanged = valueOf(wrapperOf(hint)) !== asServed.get(hint);
      hint.firstElementChild.hidden = !isChanged || !hint.querySelector("li:not([hidden])");
    });
  }

  document.addEventListener("input", show);
  document.addEventListener("change", show);
  show();
})();
