// How long the session lives, as the server last said: asks again where an answer is lost, tells the page, leaves at the end.
// Only durations count, so a wrong clock in the browser changes nothing. Events on `document`:
// heard: "session-ask" (ask the server now);
// told: "session-answer" (the server spoke), "session-time" (after each answer and every second), both with
// detail {kind, state, left, lost, until, stayUntil, canExtend}; "session-flush" (save what is typed, now).
(() => {
  "use strict";

  const WARNING_S = 120;
  const FLUSH_S = [10, 130];
  const RETRY_S = [2, 4, 8, 16, 32, 60];
  const TICK_MS = 1000;
  const JUMP_MS = 2000;
  const MOST_TOLD = 9;

  const poller = () => document.getElementById("session-poll");
  if (!poller()) return;

  let said; // what the server said last
  let heard; // when that was, by both clocks
  let asked = null; // when we asked and got no answer yet, and how often again
  let lost = false; // whether an answer stays away
  let unanswered = 0; // how often nothing came, since the last answer; told with the next question
  let askAfterAnswer = false;
  let ticked = clocks();
  let flushed = null;
  let ticking = 0;

  function clocks() {
    return { steady: performance.now(), wall: Date.now() };
  }

  // Seconds since the server spoke. The steady clock may stand still while a computer sleeps; the longer time counts.
  function elapsed() {
    return Math.max(performance.now() - heard.steady, Date.now() - heard.wall) / 1000;
  }

  function left() {
    return Math.max(0, said.remaining - elapsed());
  }

  // Without the server we warn by what we last knew, and past the end we know nothing.
  function state() {
    if (!lost) return said.state;
    if (left() <= 0) return "unknown";
    if (said.state === "grace") return said.state;
    return left() <= WARNING_S ? "warning" : said.state;
  }

  function tell(event) {
    const detail = { kind: said.kind, until: said.until, stayUntil: said.stayUntil, canExtend: said.canExtend };
    document.dispatchEvent(new CustomEvent(event, { detail: { ...detail, state: state(), left: left(), lost } }));
  }

  function listen() {
    if (!poller()) return;
    const { kind, state, remaining, next, until, stayUntil, graceUntil, canExtend } = poller().dataset;
    said = { kind, state, remaining: Number(remaining), next: Number(next), until, stayUntil, graceUntil, canExtend: canExtend !== "no" };
    heard = clocks();
    asked = null;
    lost = false;
    unanswered = 0;
    tell("session-answer");
    if (state === "ended") leave();
    else showTime();
    if (askAfterAnswer) ask();
  }

  function showTime() {
    document.querySelectorAll("[data-session-until]").forEach((place) => { place.textContent = said.until; });
    document.querySelectorAll("[data-session-grace-until]").forEach((place) => { place.textContent = said.graceUntil || ""; });
    document.querySelectorAll("[data-session-end]").forEach((place) => { place.hidden = said.state === "grace"; });
    flushInTime();
    tell("session-time");
  }

  // Once at each mark; a renewed session comes to its marks again.
  function flushInTime() {
    const mark = said.state === "grace" ? undefined : FLUSH_S.find((seconds) => left() <= seconds);
    if (mark && mark !== flushed) document.dispatchEvent(new CustomEvent("session-flush", { detail: { saving: [] } }));
    flushed = mark;
  }

  function leave() {
    clearInterval(ticking);
    document.dispatchEvent(new CustomEvent("session-flush", { detail: { saving: [] } }));
    location.replace(said.kind === "customer" ? "/session/ended" : `/session/ended?kind=${encodeURIComponent(said.kind)}`);
  }

  // An answer on its way may be older than the reason to ask: then we ask once more after it.
  function ask() {
    askAfterAnswer = poller().classList.contains("htmx-request");
    if (!askAfterAnswer) send();
  }

  // htmx hears the poller's event and asks.
  function send() {
    expectAnswer();
    poller().dispatchEvent(new Event("session-check"));
  }

  function expectAnswer() {
    asked = { at: performance.now(), again: asked ? asked.again : 0 };
  }

  function isOverdue() {
    const patience = RETRY_S[Math.min(asked.again, RETRY_S.length - 1)];
    return performance.now() - asked.at >= patience * 1000;
  }

  function askAgain() {
    asked.again += 1;
    unanswered = Math.min(unanswered + 1, MOST_TOLD);
    lost = true;
    poller().dispatchEvent(new Event("htmx:abort"));
    send();
  }

  // The clocks drift apart when the computer slept or somebody set the time.
  function jumped() {
    const now = clocks();
    const drift = now.wall - ticked.wall - (now.steady - ticked.steady);
    ticked = now;
    return Math.abs(drift) > JUMP_MS;
  }

  function tick() {
    if (jumped()) ask();
    else if (asked && isOverdue()) askAgain();
    else if (!asked && elapsed() >= said.next) expectAnswer(); // htmx asks by itself now
    showTime();
  }

  // So that whoever operates the service hears of answers that never came.
  function tellUnanswered(event) {
    if (event.target === poller() && unanswered) event.detail.parameters.lost = unanswered;
  }

  // A page of somebody else's (a hotel's sign-in) must not take the poller's place.
  function refuseForeignAnswer(event) {
    const { target, xhr } = event.detail;
    if (target === poller() && !xhr.responseText.includes('id="session-poll"')) event.detail.shouldSwap = false;
  }

  // htmx would add the page after the end to the history; we go there in place of this page.
  function leaveByRedirect(event) {
    const { xhr } = event.detail;
    const target = xhr.status === 401 ? xhr.getResponseHeader("HX-Redirect") : null;
    if (!target) return;
    event.preventDefault();
    location.replace(target);
  }

  new MutationObserver(listen).observe(poller().parentNode, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-state", "data-remaining"],
  });
  document.addEventListener("session-ask", ask);
  document.addEventListener("htmx:configRequest", tellUnanswered);
  document.addEventListener("htmx:beforeSwap", refuseForeignAnswer);
  document.addEventListener("htmx:beforeOnLoad", leaveByRedirect);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  window.addEventListener("online", ask);
  window.addEventListener("offline", () => { lost = true; ask(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) ask(); });
  document.addEventListener("DOMContentLoaded", () => {
    listen();
    ticking = setInterval(tick, TICK_MS);
  });
})();
