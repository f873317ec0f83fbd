// The warning before the end: opens, counts down, and closes only after the server said that the session goes on.
(() => {
  "use strict";

  const dialog = document.querySelector("[data-session-warning]");
  if (!dialog) return;

  const MARKS_S = [20, 40, 60, 120];
  const MOST_SPOKEN = 5;
  const SPEECH_MS = 100;
  const ANSWER_MS = 10_000;

  const part = (name) => dialog.querySelector(`[data-session-${name}]`);
  const words = dialog.dataset;
  const fill = (text, value) => text.replace(/\{\w+\}/, String(value));

  const kept = part("kept").textContent;

  let open = false;
  let before = null; // title and place of the person before we interrupted
  let spokenMark = null;
  let spoken = 0;
  let problem = ""; // why the last press of a button did not help
  let staying = false;

  const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

  function write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  // Opening

  function place() {
    const focused = document.activeElement;
    const caret = focused && focused.selectionStart !== null ? [focused.selectionStart, focused.selectionEnd] : null;
    return { title: document.title, focused, caret, x: window.scrollX, y: window.scrollY };
  }

  // The heading takes the focus and no button does: who is typing goes on typing and presses nothing.
  function showDialog() {
    dialog.showModal();
    part("heading").focus({ preventScroll: true });
  }

  function start() {
    open = true;
    before = place();
    spokenMark = null;
    spoken = 0;
    problem = "";
    showDialog();
  }

  function finish() {
    open = false;
    dialog.close();
    document.title = before.title;
    restore(before);
  }

  function restore({ focused, caret, x, y }) {
    if (focused) focused.focus({ preventScroll: true });
    if (caret && caret[0] !== undefined) focused.setSelectionRange(...caret);
    window.scrollTo(x, y);
  }

  // Counting down

  function showTime(left) {
    const seconds = Math.ceil(left);
    const inSeconds = seconds <= 60;
    const minutes = Math.ceil(seconds / 60);
    dialog.toggleAttribute("data-last-minute", inSeconds);
    write(part("heading"), inSeconds ? headingSeconds(seconds) : words.headingMinutes);
    write(part("number"), String(inSeconds ? seconds : minutes));
    write(part("unit"), inSeconds ? words.unitSeconds : words.unitMinutes);
    part("ring").setAttribute("stroke-dasharray", `${Math.min(seconds, 120)} 120`);
    document.title = `${fill(words.titleLeft, minutes)} – ${before.title}`;
  }

  function headingSeconds(seconds) {
    return seconds === 1 ? words.headingSecond : fill(words.headingSeconds, seconds);
  }

  function showChoices({ canExtend, stayUntil, lost }) {
    part("stay").hidden = !canExtend;
    part("no-stay").hidden = canExtend;
    part("stay-form").hidden = !canExtend;
    write(part("stay-until"), stayUntil || "");
    write(part("kept"), isUnsaved() ? words.keptUnsaved : kept);
    const text = problem || (lost ? words.textOffline : "");
    part("failure").hidden = !text;
    write(part("failure-text"), text);
  }

  // "Your answers are saved" must be so.
  function isUnsaved() {
    return document.querySelector('[data-saved-status][data-state="failed"], [data-saved-status][data-state="conflict"], [data-saved-status][data-state="refused"]') !== null;
  }

  // Speaking

  function say(text) {
    if (spoken >= MOST_SPOKEN) return;
    spoken += 1;
    part("spoken").textContent = text;
  }

  function sayTime(left) {
    const mark = MARKS_S.find((seconds) => left <= seconds);
    if (!mark || mark === spokenMark) return;
    spokenMark = mark;
    say(timeLeft(mark - left > 5 ? Math.ceil(left) : mark));
  }

  function timeLeft(seconds) {
    if (seconds === 120) return words.spokenMinutes;
    return seconds === 60 ? words.spokenMinute : fill(words.spokenSeconds, seconds);
  }

  function follow({ detail }) {
    if (detail.state !== "warning") {
      if (open) finish();
      return;
    }
    if (!open) start();
    showTime(detail.left);
    showChoices(detail);
    sayTime(detail.left);
  }

  // Staying

  async function extend(form) {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "HX-Request": "true" },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.status === 401) return leave(answer);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const poller = answer.ok ? page.getElementById("session-poll") : null;
    if (!poller) throw new Error(`Extending was answered with ${answer.status}`);
    return poller;
  }

  function leave(answer) {
    location.replace(answer.headers.get("HX-Redirect") || "/session/ended");
    return null;
  }

  async function stay() {
    const form = part("stay-form");
    if (staying || form.hidden) return;
    staying = true;
    part("stay-button").setAttribute("aria-disabled", "true");
    try {
      await goOn(await extend(form));
    } catch {
      report(words.textFailed);
      document.dispatchEvent(new Event("session-ask")); // perhaps only the answer was lost
    } finally {
      staying = false;
      part("stay-button").removeAttribute("aria-disabled");
    }
  }

  // The result is said while the dialog still stands; then the fresh poller closes it, as after any answer.
  async function goOn(poller) {
    if (!poller) return;
    say(fill(words.spokenStayed, poller.dataset.until));
    await pause(SPEECH_MS);
    document.getElementById("session-poll").replaceWith(poller);
    if (window.htmx) window.htmx.process(poller);
  }

  function report(text) {
    problem = text;
    say(text);
    part("failure").hidden = false;
    write(part("failure-text"), text);
  }

  // Chromium closes a dialog at the third Escape, whatever we say: until the server said yes, it comes back.
  // (Word of an earlier closing may come when it stands open again: that is nobody's wish to stay.)
  function reopen() {
    if (!open || dialog.open) return;
    showDialog();
    stay();
  }

  // Signing out

  function signOut() {
    const form = document.querySelector("form[data-sign-out-form]");
    if (form) form.requestSubmit();
  }

  // The first time, unsaved answers keep the person here; whoever presses again means it.
  function holdUnsaved(event) {
    if (!open || problem === words.textUnsaved) return;
    event.preventDefault();
    report(words.textUnsaved);
  }

  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    stay();
  });
  dialog.addEventListener("close", reopen);
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    stay();
  });
  part("sign-out").addEventListener("click", signOut);
  document.addEventListener("sign-out-unsaved", holdUnsaved);
  document.addEventListener("session-time", follow);
})();
