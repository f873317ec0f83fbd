// Saves what is typed by itself: the changed questions of a `form[data-autosave]`, soon after the last key and when the page
// goes away. The server keeps everything and nothing is kept in the browser; saving by itself never keeps a session alive.
(() => {
  "use strict";

  const AFTER_KEY_MS = 2000;
  const AT_MOST_MS = 5000;
  const RETRY_S = [2, 4, 8, 16, 32, 60];
  const SAYS_SAVING_MS = 400;
  const ANSWER_MS = 20_000;
  const REFUSALS = new Set([400, 403, 404, 410, 413]); // the server will not take this, however often we ask
  const KEEPALIVE_BYTES = 60_000; // browsers refuse more in requests that outlive their page

  const CONTROLS = "input[name], select[name], textarea[name]";

  let changed = new Set(); // ids of questions that the server does not have yet
  const typed = new WeakSet(); // controls whose `input` we have noted
  let firstAt = 0; // when the oldest of them was changed
  let timer = 0;
  let sending = null; // the request under way, as a promise of whether it saved
  let failures = 0;
  let stopped = false; // after a conflict or a refusal only the page itself can go on
  let submitted = false; // the page is being sent, with everything on it

  // A question may be called "action" or "elements": a form's own properties of such names are not to be trusted.
  const form = () => document.querySelector("form[data-autosave]");
  const control = (name) => form().querySelector(`input[type="hidden"][name="${name}"]`);

  // The body

  const fieldOf = (element) => element.closest("[data-field]");

  function namesOf(field) {
    const wrapper = form().querySelector(`[data-field="${CSS.escape(field)}"]`);
    const own = [...wrapper.querySelectorAll(CONTROLS)].filter((each) => fieldOf(each) === wrapper);
    return own.map((each) => each.name);
  }

  // Our own hidden inputs go along, so that the server knows which page speaks; the end marker is last.
  function body(fields) {
    const names = new Set(fields.flatMap(namesOf));
    const isOurs = (name) => name === "csrf_token" || (name.startsWith("_") && name !== "_end");
    const pairs = [...new FormData(form())].filter(([name, value]) => typeof value === "string" && (isOurs(name) || names.has(name)));
    return new URLSearchParams([...pairs, ["_changed", fields.join(",")], ["_end", "1"]]);
  }

  // A save that a later one overtakes on the way must not undo it: the server goes by this number.
  function countUp() {
    const sequence = control("_sequence");
    sequence.value = Number(sequence.value) + 1;
  }

  function post(fields) {
    countUp();
    const text = body(fields).toString();
    return fetch(form().getAttribute("data-autosave"), {
      method: "POST",
      body: text,
      headers: { "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true" },
      keepalive: text.length < KEEPALIVE_BYTES,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  }

  // The status

  function show(state, time) {
    const status = document.querySelector("[data-saved-status]");
    if (!status) return;
    const text = status.getAttribute(`data-text-${state}`).replace("{time}", time || "");
    const place = status.querySelector("[data-saved-text]");
    status.dataset.state = state;
    if (place.textContent !== text) place.textContent = text;
  }

  // Sending, one request at a time

  function save() {
    if (!sending) sending = saveNow().finally(() => { sending = null; });
    return sending;
  }

  async function saveNow() {
    clearTimeout(timer);
    if (!changed.size || stopped) return !changed.size;
    const fields = [...changed];
    changed = new Set();
    const slow = failures ? 0 : setTimeout(show, SAYS_SAVING_MS, "saving");
    try {
      return await take(await post(fields));
    } catch {
      fields.forEach((field) => changed.add(field));
      fail();
      return false;
    } finally {
      clearTimeout(slow);
    }
  }

  async function take(answer) {
    if (answer.status === 409) return conflict();
    if (answer.status === 401) return leave(answer);
    if (REFUSALS.has(answer.status)) return refuse();
    const saved = answer.ok ? parse(await answer.text()) : null;
    if (!saved) throw new Error(`Saving was answered with ${answer.status}`);
    succeed(saved.dataset);
    return true;
  }

  function leave(answer) {
    stopped = true;
    location.replace(answer.headers.get("HX-Redirect") || "/session/ended");
    return false;
  }

  function parse(text) {
    return new DOMParser().parseFromString(text, "text/html").querySelector("[data-saved]");
  }

  // What was typed while the answer was on its way is not saved yet, and then we do not say so.
  function succeed({ saved, revision }) {
    failures = 0;
    control("_revision").value = revision;
    if (changed.size) schedule();
    else show("saved", saved);
  }

  function conflict() {
    stopped = true;
    show("conflict");
    document.querySelectorAll("[data-conflict]").forEach((notice) => { notice.hidden = false; });
    return false;
  }

  // What the page holds may still be sent whole, and then the server says what is wrong with it.
  function refuse() {
    stopped = true;
    show("refused");
    return false;
  }

  function fail() {
    const wait = RETRY_S[Math.min(failures, RETRY_S.length - 1)];
    failures += 1;
    show("failed");
    if (!submitted) timer = setTimeout(save, wait * 1000);
  }

  // Everything typed so far; true where the server has it.
  async function flush() {
    if (sending) await sending;
    return changed.size ? save() : !stopped;
  }

  // When

  function schedule() {
    if (stopped || failures) return; // after a failure its own timer runs
    const latest = firstAt + AT_MOST_MS - performance.now();
    clearTimeout(timer);
    timer = setTimeout(save, Math.max(0, Math.min(AFTER_KEY_MS, latest)));
  }

  // `change` repeats at the end what `input` has said key by key; alone it comes from autofill or from another script.
  function isRepeated({ type, target }) {
    if (type === "input") typed.add(target);
    return type === "change" && typed.delete(target);
  }

  function note(event) {
    if (isRepeated(event) || event.target.type === "file") return; // files go their own way
    if (!event.target.form || event.target.form !== form()) return;
    const field = fieldOf(event.target);
    if (!field || event.target.name.startsWith("_")) return; // our own inputs are no answers
    if (!changed.size) firstAt = performance.now();
    changed.add(field.getAttribute("data-field"));
    submitted = false; // whoever types is still on the page
    schedule();
  }

  // The page is gone before an earlier answer comes: what is left goes out beside it.
  function sendLast() {
    if (!changed.size || stopped) return;
    if (sending) post([...changed]).catch(() => {});
    else save();
  }

  function leaveToForm(event) {
    if (event.target !== form()) return;
    countUp();
    submitted = true;
    stopped = false;
    failures = 0;
    changed = new Set();
    clearTimeout(timer);
  }

  document.addEventListener("input", note);
  document.addEventListener("change", note);
  document.addEventListener("submit", leaveToForm);
  document.addEventListener("session-flush", (event) => { event.detail.saving.push(flush()); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) flush(); });
  window.addEventListener("pagehide", sendLast);
  window.addEventListener("online", flush);
})();
