// Takes reference and return code off the screen: after five minutes without a touch, and before Back could show them.
(() => {
  "use strict";

  const SHOWN_MS = 5 * 60 * 1000;
  const AFTERWARDS = "/session/ended?reason=signed_out&guest=saved";
  let closing = 0;

  function close() {
    location.replace(AFTERWARDS);
  }

  function wait() {
    clearTimeout(closing);
    closing = setTimeout(close, SHOWN_MS);
  }

  for (const touched of ["keydown", "pointerdown", "scroll"]) document.addEventListener(touched, wait);
  window.addEventListener("pageshow", (event) => { if (event.persisted) close(); });
  wait();
})();
