// Saves what is typed before a person leaves by signing out, by a link or by a button of the header: the page that it leads to is to show it.
(() => {
  "use strict";

  const LONGEST_WAIT_MS = 3000;

  // What is being saved, if anything is unsaved: a promise of whether all of it was.
  function flush() {
    const saving = [];
    document.dispatchEvent(new CustomEvent("session-flush", { detail: { saving } }));
    const tooLong = new Promise((resolve) => { setTimeout(resolve, LONGEST_WAIT_MS, [false]); });
    return saving.length ? Promise.race([Promise.all(saving), tooLong]).then((saved) => saved.every(Boolean)) : null;
  }

  async function signOut(form) {
    const saving = flush();
    const goes = !saving || await saving || document.dispatchEvent(new CustomEvent("sign-out-unsaved", { cancelable: true }));
    if (goes) form.submit();
  }

  const leadsAway = (link) => link.pathname !== location.pathname || link.search !== location.search;
  const opensHere = (link) => !link.target && !link.hasAttribute("download") && link.origin === location.origin;
  const isPlain = (event) => !["ctrlKey", "metaKey", "shiftKey", "altKey"].some((key) => event[key]);

  function follow(event) {
    const link = event.target.closest("a[href]");
    if (event.defaultPrevented || !isPlain(event) || !link || !opensHere(link) || !leadsAway(link)) return;
    const saving = flush();
    if (!saving) return;
    event.preventDefault();
    saving.then(() => location.assign(link.href));
  }

  document.addEventListener("click", follow);
  function leave(event) {
    const saving = flush();
    if (!saving) return;
    event.preventDefault();
    saving.then(() => event.target.submit());
  }

  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("data-leaving-form")) leave(event);
    if (!event.target.hasAttribute("data-sign-out-form")) return;
    event.preventDefault();
    signOut(event.target);
  });
})();
