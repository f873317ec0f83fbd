// Small behaviours of pages: focus on what has to be read first, counting words, exclusive options, sending once, printing.
(() => {
  "use strict";

  const each = (root, selector, act) => root.querySelectorAll(selector).forEach(act);

  // The text of a count; `{n}` in the page's own words stands for the number.
  function say(group, key, number) {
    return group.dataset[key].replace("{n}", String(number));
  }

  function size(text, byWords) {
    return byWords ? (text.match(/\S+/g) || []).length : Array.from(text).length;
  }

  function count(group) {
    const area = group.querySelector("textarea");
    const message = group.querySelector(".govuk-character-count__message");
    const byWords = "maxWords" in group.dataset;
    const left = Number(byWords ? group.dataset.maxWords : group.dataset.maxLength) - size(area.value, byWords);
    message.textContent = left < 0 ? say(group, "over", -left) : say(group, "left", left);
    message.toggleAttribute("data-over", left < 0);
    return message.textContent;
  }

  // What is seen follows each key; what is spoken waits until the typing stops.
  function countAsTyped(group) {
    const spoken = document.createElement("div");
    spoken.className = "govuk-visually-hidden";
    spoken.setAttribute("role", "status");
    group.append(spoken);
    let timer = 0;
    group.addEventListener("input", () => {
      const text = count(group);
      clearTimeout(timer);
      timer = setTimeout(() => { spoken.textContent = text; }, 1500);
    });
    count(group);
  }

  // Conditions and autosave watch `change`: an option cleared here must be noticed like one cleared by hand.
  function clear(box) {
    if (!box.checked) return;
    box.checked = false;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function keepExclusive(event) {
    const box = event.target;
    if (box.type !== "checkbox" || !box.checked || !box.form) return;
    const group = box.closest(".govuk-checkboxes");
    if (!group) return;
    const same = [...group.querySelectorAll("input[type=checkbox]")].filter((other) => other.name === box.name && other !== box);
    same.filter((other) => "exclusive" in box.dataset || "exclusive" in other.dataset).forEach(clear);
  }

  // A second press while the first is on its way would send twice. The button stays enabled, so that it keeps its focus and value.
  // (A question may be called "method" or "dataset": those properties of the form are not to be trusted.)
  const sending = new Set();

  function sendOnce(event) {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (sending.has(form)) {
      event.preventDefault();
      return;
    }
    sending.add(form);
    each(form, "button[type=submit]", (button) => button.setAttribute("aria-disabled", "true"));
  }

  function allowSending() {
    sending.forEach((form) => each(form, "button[aria-disabled]", (button) => button.removeAttribute("aria-disabled")));
    sending.clear();
  }

  // A link of the summary moves the focus into the control, not only the page to it.
  function followErrorLink(event) {
    const link = event.target.closest("[data-error-summary] a");
    if (!link || !link.hash) return;
    const control = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!control) return;
    event.preventDefault();
    const heading = control.closest(".govuk-form-group, fieldset") || control;
    heading.scrollIntoView();
    control.focus({ preventScroll: true });
  }

  function prepare(root) {
    each(root, "[data-max-words], [data-max-length]", countAsTyped);
    const first = root.querySelector("[data-error-summary]") || root.querySelector("[data-focus]");
    if (first) first.focus();
  }

  function closeMenus(event) {
    each(document, "details.account__menu[open]", (menu) => {
      const left = event.type === "click" ? !menu.contains(event.target) : event.key === "Escape";
      if (!left) return;
      menu.open = false;
      if (event.type === "keydown") menu.querySelector("summary").focus();
    });
  }

  // Where a form is being filled, another language comes with it: its own button sends all that was typed.
  function changeLanguage(event) {
    const button = event.target.closest("[data-language]");
    if (button) document.querySelector(`button[name=_language][value="${button.dataset.language}"]`).click();
  }

  // The same person signed in anew in another tab: every form of this page goes on in that session.
  function takeToken({ detail }) {
    each(document, "input[name=csrf_token]", (input) => { input.value = detail; });
  }

  document.addEventListener("form-token", takeToken);
  document.addEventListener("change", keepExclusive);
  document.addEventListener("click", followErrorLink);
  document.addEventListener("click", changeLanguage);
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", closeMenus);
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  window.addEventListener("submit", sendOnce);
  window.addEventListener("pageshow", allowSending);
  document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) prepare(event.target); });
  prepare(document);
})();
