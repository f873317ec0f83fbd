// A look-up in its page: Enter in what it is asked with presses it, the results get the focus, and what never came is said in
// the words that the page came with.
(() => {
  "use strict";

  const isLookup = (event) => event.detail.elt.hasAttribute("data-lookup");
  const place = (event) => document.getElementById(`${event.detail.elt.getAttribute("data-lookup")}-found`);

  function showResults(event) {
    const button = event.detail.requestConfig && event.detail.requestConfig.elt;
    if (!button || !button.hasAttribute("data-lookup")) return;
    const first = event.detail.target.querySelector("input, select");
    if (first) first.focus();
  }

  // A lost connection, or an answer that is no page of ours: typing by hand stays open.
  function sayFailed(event) {
    if (!isLookup(event)) return;
    const sentence = document.createElement("p");
    sentence.className = "lookup__sentence";
    sentence.textContent = place(event).getAttribute("data-failed");
    place(event).replaceChildren(sentence);
  }

  // Files are for the page's own buttons; as text they would be nonsense.
  function leaveFilesOut(event) {
    if (!isLookup(event)) return;
    const { formData } = event.detail;
    [...formData.entries()].filter(([, value]) => value instanceof File).forEach(([name]) => formData.delete(name));
  }

  // The button that Enter means here: to look up what was typed, or to use the result that was chosen.
  function buttonOf(input) {
    const found = input.type === "radio" && input.closest(".lookup__found");
    const field = input.closest("[data-field]");
    if (found) return found.querySelector("[name=_fill]");
    return field && document.querySelector(`[data-lookup-inputs~="${CSS.escape(field.dataset.field)}"]`);
  }

  function pressByEnter(event) {
    if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT" || event.target.type === "file") return;
    const button = buttonOf(event.target);
    if (!button || button.closest("[hidden]")) return;
    event.preventDefault();
    button.click();
  }

  document.addEventListener("keydown", pressByEnter);
  document.addEventListener("htmx:configRequest", leaveFilesOut);
  document.addEventListener("htmx:afterSwap", showResults);
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((name) => document.addEventListener(name, sayFailed));
})();
