// A look-up in its page: the results get the focus, and what never came is said in the words that the page came with.
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

  document.addEventListener("htmx:configRequest", leaveFilesOut);
  document.addEventListener("htmx:afterSwap", showResults);
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((name) => document.addEventListener(name, sayFailed));
})();
