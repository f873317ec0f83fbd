// After the deadline of a kind with grace: says what the page may still do; a page with no form of its own leaves.
(() => {
  "use strict";

  const notice = document.querySelector("[data-session-grace]");
  const main = document.querySelector("main");
  if (!notice || !main) return;

  const holdsForm = () => main.querySelector('form[method="post"]:not([action^="/session/"])') !== null;

  function leave(kind) {
    location.replace(`/session/ended?kind=${encodeURIComponent(kind)}`);
  }

  main.prepend(notice);
  document.addEventListener("session-time", ({ detail }) => {
    const isGrace = detail.state === "grace";
    if (isGrace && !holdsForm()) leave(detail.kind);
    else if (notice.hidden === isGrace) notice.hidden = !isGrace;
  });
})();
