// After Back or reload, puts back what the server sent where the browser fills in what stood there before: somebody else may
// have signed in, and answers may have changed since. Told on each such control: "restored" (bubbles); whoever takes the old
// words as freshly typed prevents it.
(() => {
  "use strict";

  const CONTROLS = "input:not([type=hidden]), select, textarea";
  const typed = new WeakSet(); // controls that a person has used since the page came
  const sent = new WeakSet(); // forms that were sent since

  const isTicked = ({ type }) => type === "checkbox" || type === "radio";

  function servedOption(select) {
    const options = [...select.options];
    return options.findLast((option) => option.defaultSelected) || options.find((option) => !option.disabled) || null;
  }

  function isAsServed(control) {
    if (control.type === "file") return !control.files.length;
    if (isTicked(control)) return control.checked === control.defaultChecked;
    if (control.type === "select-multiple") return [...control.options].every((option) => option.selected === option.defaultSelected);
    if (control.type === "select-one") return control.selectedOptions[0] === (servedOption(control) || undefined);
    return control.value === control.defaultValue;
  }

  function serve(control) {
    if (control.type === "file") control.value = "";
    else if (isTicked(control)) control.checked = control.defaultChecked;
    else if (control.type === "select-multiple") [...control.options].forEach((option) => { option.selected = option.defaultSelected; });
    else if (control.type === "select-one") servedOption(control).selected = true;
    else control.value = control.defaultValue;
  }

  const isGivenUp = (control) => control.dispatchEvent(new CustomEvent("restored", { bubbles: true, cancelable: true }));

  function serveAll() {
    const restored = [...document.querySelectorAll(CONTROLS)].filter((control) => !typed.has(control) && !isAsServed(control));
    restored.filter(isGivenUp).forEach(serve);
  }

  // The browser's own cache keeps a page as it was left. A text that somebody has begun and not sent is a reason to keep it.
  function isBegun(control) {
    return typed.has(control) && control.type === "textarea" && !isAsServed(control) && !sent.has(control.form);
  }

  // A browser that does not say how a page came may have restored it.
  function isNew() {
    const [arrival] = performance.getEntriesByType("navigation");
    return Boolean(arrival) && arrival.type === "navigate";
  }

  function comeBack({ persisted }) {
    const controls = [...document.querySelectorAll(`main form:not([data-autosave]) :is(${CONTROLS})`)];
    if (persisted && controls.length && !controls.some(isBegun)) location.replace(location.pathname + location.search);
    else if (!persisted && !isNew()) serveAll();
  }

  // Firefox also restores hidden inputs that a script has written into.
  function serveHidden() {
    document.querySelectorAll("input[data-served]").forEach((input) => { input.value = input.dataset.served; });
  }

  document.addEventListener("input", ({ target }) => typed.add(target), true);
  document.addEventListener("change", ({ target }) => typed.add(target), true);
  document.addEventListener("submit", ({ target }) => sent.add(target));
  document.addEventListener("DOMContentLoaded", serveHidden);
  window.addEventListener("pageshow", comeBack);
})();
