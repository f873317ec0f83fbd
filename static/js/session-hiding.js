// Hides the answers while nobody knows whether the session lives, and shows them again when the server says so.
(() => {
  "use strict";

  const notice = document.querySelector("[data-session-hidden]");
  const parts = document.querySelectorAll("main, aside");
  if (!notice || !parts.length) return;

  let before = null; // where the person was

  function hide() {
    if (before) return;
    before = { focused: document.activeElement, x: window.scrollX, y: window.scrollY };
    parts.forEach((part) => { part.hidden = true; });
  }

  function explain() {
    hide();
    notice.hidden = false;
  }

  function show() {
    if (!before) return;
    notice.hidden = true;
    parts.forEach((part) => { part.hidden = false; });
    if (before.focused && document.activeElement === document.body) before.focused.focus({ preventScroll: true });
    window.scrollTo(before.x, before.y);
    before = null;
  }

  parts[0].before(notice);
  // What the back-forward cache keeps is hidden before it is kept: nothing flashes up when it returns.
  window.addEventListener("pagehide", hide);
  window.addEventListener("pageshow", (event) => { if (event.persisted) explain(); });
  document.addEventListener("session-answer", ({ detail }) => (detail.state === "ended" ? hide() : show()));
  document.addEventListener("session-time", ({ detail }) => { if (detail.state === "unknown") explain(); });
})();
