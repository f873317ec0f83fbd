// Lets the tabs of one browser agree: each tells what it heard from the server, and the others ask. A message is never believed.
(() => {
  "use strict";

  if (!("BroadcastChannel" in window)) return;

  const SAME_S = 2;
  let channel = null;
  let known = null; // what the server told this tab
  let told = null; // what was said last between the tabs

  const heard = ({ kind, state, left }) => ({ kind, state, end: performance.now() / 1000 + left });
  const isNews = (one, other) => !other || one.state !== other.state || Math.abs(one.end - other.end) > SAME_S;

  // What the tabs have just told each other is not repeated, or they would never stop.
  function passOn({ detail }) {
    known = heard(detail);
    if (!channel || !isNews(known, told)) return;
    told = known;
    channel.postMessage({ kind: detail.kind, state: detail.state, left: detail.left });
  }

  // A page without a session says nothing of time: perhaps somebody has signed out.
  function listen({ data }) {
    if (!known || (data.kind && data.kind !== known.kind)) return;
    told = data.kind ? heard(data) : null;
    if (isNews(known, told)) document.dispatchEvent(new Event("session-ask"));
  }

  function open() {
    channel = new BroadcastChannel("session");
    channel.addEventListener("message", listen);
  }

  // An open channel could keep the page out of the back-forward cache.
  function close() {
    channel.close();
    channel = null;
  }

  document.addEventListener("session-answer", passOn);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
  if (!document.getElementById("session-poll")) channel.postMessage({});
})();
