// Saves what is typed before a person signs out, however they do it.
(() => {
  "use strict";

  const LONGEST_WAIT_MS = 3000;

  // True where nothing is left unsaved.
  async function flush() {
    const saving = [];
    document.dispatchEvent(new CustomEvent("session-flush", { detail: { saving } }));
    const tooLong = new Promise((resolve) => { setTimeout(resolve, LONGEST_WAIT_MS, [false]); });
    const saved = await Promise.race([Promise.all(saving), tooLong]);
    return saved.every(Boolean);
  }

  async function signOut(form) {
    const goes = await flush() || document.dispatchEvent(new CustomEvent("sign-out-unsaved", { cancelable: true }));
    if (goes) form.submit();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.hasAttribute("data-sign-out-form")) return;
    event.preventDefault();
    signOut(event.target);
  });
})();
