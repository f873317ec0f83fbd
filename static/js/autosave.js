// Saves what is typed by itself: the changed questions of a `form[data-autosave]`, soon after the last key and before the page
// is left. The server keeps everything; the browser keeps only, in the history, which questions it has not saved. Saving by
// itself never keeps a session alive.
(() => {
  "use strict";

  const AFTER_KEY_MS = 2000;
  const AT_MOST_MS = 5000;
  const RETRY_S = [2, 4, 8, 16, 32, 60];
  const SAYS_SAVING_MS = 400;
  const ANSWER_MS = 20_000;
  const REFUSALS = new Set([400, 403, 404, 410, 413]); // the server will not take this, however often we ask
  const KEEPALIVE_BYTES = 60_000; // browsers refuse more in requests that outlive their page
  const CLOSED_MS = 3000; // how long a page waits at most to catch up with its own last words

  const CONTROLS = "input[name], select[name], textarea[name]";

  let changed = new Set(); // ids of questions that the server does not have yet
  const typed = new WeakSet(); // controls whose `input` we have noted
  let firstAt = 0; // when the oldest of them was changed
  let timer = 0;
  let sending = null; // the request under way, as a promise of whether it saved
  let failures = 0;
  let stopped = false; // after a conflict only the page itself can go on
  let refused = null; // the words that the server would not take: not sent again until they are others
  let submitted = false; // the page is being sent, with everything on it
  const restored = new Set(); // ids of questions into which the browser put back words that were not saved

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

  // What the fields hold, whatever the page knows of them.
  function words(fields) {
    return [...body(fields)].filter(([name]) => name !== "_sequence" && name !== "csrf_token").join();
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

  function show(state, { time = "", words = "" } = {}) {
    const status = document.querySelector("[data-saved-status]");
    if (!status) return;
    const text = words || status.getAttribute(`data-text-${state}`).replace("{time}", time);
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
    const fields = [...changed];
    if (!fields.length || stopped || words(fields) === refused) return !fields.length;
    changed = new Set();
    const slow = failures ? 0 : setTimeout(show, SAYS_SAVING_MS, "saving");
    try {
      return await take(await post(fields), fields);
    } catch {
      putBack(fields);
      fail();
      return false;
    } finally {
      clearTimeout(slow);
      remember();
    }
  }

  function putBack(fields) {
    fields.forEach((field) => changed.add(field));
  }

  async function take(answer, fields, isAgain = false) {
    if (answer.status === 401) return leave(answer);
    const text = await answer.text();
    const refusal = parse(text, "[data-refusal]");
    if (refusal && refusal.dataset.formToken && !isAgain) return goOn(refusal, fields);
    if (answer.status === 409) return conflict(refusal);
    if (REFUSALS.has(answer.status)) return refuse(refusal, fields);
    const saved = answer.ok ? parse(text, "[data-saved]") : null;
    if (!saved) throw new Error(`Saving was answered with ${answer.status}`);
    succeed(saved.dataset);
    return true;
  }

  // The same person has signed in anew in another tab: the page goes on in the session that there is now.
  async function goOn(refusal, fields) {
    document.dispatchEvent(new CustomEvent("form-token", { detail: refusal.dataset.formToken }));
    explain(refusal);
    return take(await post(fields), fields, true);
  }

  function leave(answer) {
    stopped = true;
    location.replace(answer.headers.get("HX-Redirect") || "/session/ended");
    return false;
  }

  function parse(text, selector) {
    return new DOMParser().parseFromString(text, "text/html").querySelector(selector);
  }

  // In the server's own words, where it has some.
  function explain(refusal) {
    const place = document.querySelector("[data-refused]");
    if (place) place.replaceChildren(...(refusal ? refusal.childNodes : []));
  }

  // What was typed while the answer was on its way is not saved yet, and then we do not say so.
  function succeed({ saved, revision }) {
    failures = 0;
    if (refused !== null) explain(null);
    refused = null;
    control("_revision").value = revision;
    if (changed.size) schedule();
    else show("saved", { time: saved });
  }

  function conflict(refusal) {
    stopped = true;
    explain(refusal);
    show("conflict", { words: refusal ? refusal.dataset.status : "" });
    document.querySelectorAll("[data-conflict]").forEach((notice) => { notice.hidden = Boolean(refusal); });
    return false;
  }

  // What the page holds may still be sent whole, and then the server says what is wrong with it. Other words are tried again.
  function refuse(refusal, fields) {
    putBack(fields);
    refused = words([...changed]);
    explain(refusal);
    show("refused", { words: refusal ? refusal.dataset.status : "" });
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
    submitted = false; // whoever types is still on the page
    restored.clear();
    expect(field.getAttribute("data-field"));
  }

  function expect(field) {
    const isNew = !changed.has(field);
    changed.add(field);
    if (isNew) remember();
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
    refused = null;
    failures = 0;
    changed = new Set();
    clearTimeout(timer);
  }

  // Coming back

  const arrival = history.state && history.state.unsaved;
  const owner = () => control("csrf_token").value.split(".")[0];

  // Which questions the server does not have yet: the browser may put their words back, when the page is long gone.
  function remember() {
    const unsaved = changed.size ? { owner: owner(), revision: control("_revision").value, fields: [...changed] } : null;
    history.replaceState({ ...history.state, unsaved }, "");
  }

  // As the page was made, the server did not have the last words that were typed on it.
  const lacksWords = () => Boolean(arrival && form()) && arrival.owner === owner() && arrival.revision === control("_revision").value;

  // Words that were never saved count as typed now; where anything was saved since, or by somebody else, they do not.
  function takeRestored(event) {
    const field = event.target.form === form() && fieldOf(event.target);
    if (!field || !lacksWords() || !arrival.fields.includes(field.getAttribute("data-field"))) return;
    event.preventDefault();
    restored.add(field.getAttribute("data-field"));
  }

  // Whoever typed at once into a page that lacks their last words would be asked to choose between the two.
  function close() {
    form().inert = true;
    setTimeout(open, CLOSED_MS);
  }

  function open() {
    if (form()) form().inert = false;
  }

  // The page may have been made before its own last words were saved: asked while nothing is typed.
  async function catchUp() {
    const answer = await post([]);
    if ([401, 409].includes(answer.status)) await take(answer, []);
    const saved = answer.ok ? parse(await answer.text(), "[data-saved]") : null;
    const isBehind = saved && saved.dataset.latest && saved.dataset.latest !== control("_revision").value;
    if (isBehind && !changed.size) location.replace(location.pathname + location.search);
    else goOnTyping();
  }

  function goOnTyping() {
    open();
    saveRestored();
  }

  // They have waited long enough, and what the page says of them must be true at once.
  function saveRestored() {
    restored.forEach(expect);
    if (restored.size) save();
  }

  function comeBack({ persisted }) {
    const isBack = persisted || performance.getEntriesByType("navigation").some(({ type }) => type !== "navigate");
    if (isBack && !changed.size && !sending && !stopped) catchUp().catch(goOnTyping);
    else open();
  }

  document.addEventListener("DOMContentLoaded", () => { if (lacksWords()) close(); });
  document.addEventListener("input", note);
  document.addEventListener("change", note);
  document.addEventListener("submit", leaveToForm);
  document.addEventListener("session-flush", ({ detail }) => { if (changed.size || sending || stopped) detail.saving.push(flush()); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) flush(); });
  document.addEventListener("restored", takeRestored);
  window.addEventListener("pageshow", comeBack);
  window.addEventListener("beforeunload", sendLast);
  window.addEventListener("pagehide", sendLast);
  window.addEventListener("online", flush);
})();
